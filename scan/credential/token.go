package credential

import (
	"bytes"
	"encoding/base64"
	"unicode"
	"unicode/utf8"
)

// A login is a name and a password that stand in one word.
type login struct{ user, password []byte }

// loginInURL returns what stands before the host of a URL (RFC 3986 section
// 3.2.1), undecoded; a password with an @ in it is not cut there.
func loginInURL(word []byte) (found login, ok bool) {
	at := bytes.Index(word, []byte("://"))
	if at < 0 {
		return login{}, false
	}
	word = word[at+len("://"):]
	end := bytes.LastIndexByte(word, '@')
	if end < 0 {
		return login{}, false
	}
	user, password, ok := bytes.Cut(word[:end], []byte(":"))
	return login{user, password}, ok && len(user) > 0 && len(password) > 0
}

// Bounds of a word that may be a login in base64.
const (
	minToken = 12
	maxToken = 400
)

// decodeToken returns what a word of base64 says, nil when it says nothing that
// can be read. The word may have marks round it.
func decodeToken(word []byte) []byte {
	word = bytes.Trim(word, "\"'`()[]{}<>,;:.*")
	if len(word) < minToken || len(word) > maxToken {
		return nil
	}
	pad := 0
	for i, c := range word {
		switch {
		case c == '=':
			pad++
		case pad > 0 || pad > 2:
			return nil
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-' || c == '_':
			word = bytes.Clone(word)
			word[i] = '+'
			if c == '_' {
				word[i] = '/'
			}
		case c == '+' || c == '/':
		default:
			return nil
		}
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(word)))
	n, err := base64.RawStdEncoding.Decode(out, bytes.TrimRight(word, "="))
	out = out[:n]
	if err != nil || !utf8.Valid(out) {
		return nil
	}
	for _, r := range string(out) {
		if r != 0 && !unicode.IsPrint(r) {
			return nil
		}
	}
	return out
}

// loginInToken splits what HTTP Basic (RFC 7617) and SASL PLAIN (RFC 4616) put
// into base64: "user:password"; "identity NUL user NUL password".
func loginInToken(text []byte) (found login, ok bool) {
	if fields := bytes.Split(text, []byte{0}); len(fields) == 3 {
		return login{fields[1], fields[2]}, true
	}
	user, password, ok := bytes.Cut(text, []byte(":"))
	return login{user, password}, ok && bytes.IndexByte(text, 0) < 0
}

// unescaped calls do with what a word says where it is written for a machine:
// in a URL, in HTML or XML, in JSON or a program, in quoted-printable, in CSV.
func unescaped(word []byte, do func([]byte)) {
	try := func(mark byte, undo func([]byte) []byte) {
		if bytes.IndexByte(word, mark) < 0 {
			return
		}
		plain := undo(word)
		if !bytes.Equal(plain, word) {
			do(plain)
		}
		clear(plain)
	}
	try('%', func(word []byte) []byte { return unescapeHex(word, '%') })
	try('&', unescapeHTML)
	try('\\', unescapeC)
	try('=', func(word []byte) []byte { return unescapeHex(word, '=') })
	try('"', func(word []byte) []byte { return bytes.ReplaceAll(word, []byte(`""`), []byte(`"`)) })
}

// unescapeHex undoes a mark before two hexadecimal digits.
func unescapeHex(word []byte, mark byte) []byte {
	out := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		if word[i] == mark && i+2 < len(word) {
			if n, ok := number(word[i+1:i+3], 16); ok {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, word[i])
	}
	return out
}

// unescapeC undoes backslashes before marks and \uXXXX.
func unescapeC(word []byte) []byte {
	out := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		if word[i] != '\\' || i+1 == len(word) {
			out = append(out, word[i])
			continue
		}
		if i++; word[i] == 'u' && i+4 < len(word) {
			if n, ok := number(word[i+1:i+5], 16); ok {
				out = utf8.AppendRune(out, n)
				i += 4
				continue
			}
		}
		out = append(out, word[i])
	}
	return out
}

// unescapeHTML undoes character references: numbers, and the names of the marks
// that XML reserves.
func unescapeHTML(word []byte) []byte {
	const longest = len("&#x10ffff;")
	out := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		if end := bytes.IndexByte(word[i:min(len(word), i+longest)], ';'); word[i] == '&' && end > 0 {
			if r, ok := reference(word[i+1 : i+end]); ok {
				out = utf8.AppendRune(out, r)
				i += end
				continue
			}
		}
		out = append(out, word[i])
	}
	return out
}

func reference(name []byte) (rune, bool) {
	switch string(name) {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := bytes.CutPrefix(name, []byte("#"))
	if hex := bytes.TrimLeft(digits, "xX"); ok && len(hex) == len(digits)-1 {
		return number(hex, 16)
	}
	if !ok {
		return 0, false
	}
	return number(digits, 10)
}

// number reads digits of a base; no number is over Unicode's last.
func number(digits []byte, base rune) (n rune, ok bool) {
	for _, c := range digits {
		d := rune(c) - '0'
		if c >= 'A' {
			d = rune(c|0x20) - 'a' + 10
		}
		if d < 0 || d >= base || c > '9' && c < 'A' {
			return 0, false
		}
		if n = n*base + d; n > unicode.MaxRune {
			return 0, false
		}
	}
	return n, len(digits) > 0
}
