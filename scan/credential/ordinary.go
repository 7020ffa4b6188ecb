package credential

import (
	"bytes"
	"strings"
)

// ordinary says how much a text looks like something that is no password: an
// address, a path, words and numbers with the marks that join them.
func ordinary(text []byte) int {
	switch {
	case bytes.Contains(text, []byte("://")), bytes.HasPrefix(text, []byte("www.")), isAddress(text):
		return 100
	case bytes.Count(text, []byte("/")) > 1 && !bytes.ContainsAny(text, "!#$%^*"), bytes.Count(text, []byte(".")) > 2, bytes.HasSuffix(text, []byte("()")):
		return 60
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case letter(c):
			start := i
			for i < len(text) && letter(text[i]) {
				i++
			}
			if run := text[start:i]; !plainCase(run) || i < len(text) && figure(text[i]) && len(run) > 1 {
				return 0
			}
		case figure(c):
			for i < len(text) && figure(text[i]) {
				i++
			}
			if i+1 < len(text) && letter(text[i]) && letter(text[i+1]) {
				return 0
			}
		case strings.IndexByte("-.,:;/'_()[]<>\"=`|\\{}", c) >= 0:
			i++
		case i == len(text)-1 && strings.IndexByte("!?*", c) >= 0:
			i++
		default:
			return 0
		}
	}
	core := bytes.TrimFunc(text, isMark)
	switch {
	case len(core) > 0 && plainCase(core) && !bytes.ContainsFunc(core, func(r rune) bool { return !letter(byte(r)) }):
		if last := text[len(text)-1]; text[0] == core[0] && (last == '!' || last == '?') {
			return plainNumber
		}
		return plainWord
	case !bytes.ContainsFunc(text, func(r rune) bool { return figure(byte(r)) }):
		return plainWords
	}
	return plainNumber
}

// What ordinary gives for text that is no address or path: one word with marks
// round it, words with marks between them, the same with numbers.
const (
	plainWord   = 120
	plainWords  = 100
	plainNumber = 45
)

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func figure(c byte) bool { return '0' <= c && c <= '9' }

// plainCase reports letters in the case of words: all small, all large, or the
// first large; also words run together as in programs (CheckHeader).
func plainCase(run []byte) bool {
	large := 0
	for _, c := range run {
		if c < 'a' {
			large++
		}
	}
	if large == len(run) {
		return true
	}
	for i, c := range run {
		if c < 'a' && (i+2 >= len(run) || run[i+1] < 'a' || run[i+2] < 'a') && large > 1 {
			return false
		}
		if c < 'a' && large == 1 && i > 0 {
			return false
		}
	}
	return true
}

// isAddress reports a mail address.
func isAddress(text []byte) bool {
	local, host, ok := bytes.Cut(text, []byte("@"))
	dot := bytes.LastIndexByte(host, '.')
	if !ok || len(local) == 0 || dot < 1 || len(host)-dot < 3 {
		return false
	}
	for _, c := range host {
		if !letter(c) && !figure(c) && c != '.' && c != '-' {
			return false
		}
	}
	return letter(host[dot+1]) && letter(host[len(host)-1])
}
