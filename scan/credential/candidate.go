package credential

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// variant is one way to read a word as a password; the smaller the penalty the
// likelier.
type variant struct {
	text    []byte
	penalty int
}

// maxPeel is how many trailing marks may be peeled off.
const maxPeel = 4

// variants returns the readings of a word: as written, the value behind a
// label, without quotes or brackets, without one to four marks at its end. A
// password may end in a mark and so may a sentence, so both are tried.
func variants(word []byte) []variant {
	var list []variant
	add := func(text []byte, penalty int) {
		same := slices.ContainsFunc(list, func(v variant) bool { return bytes.Equal(v.text, text) })
		if len(text) > 0 && !same {
			list = append(list, variant{text, penalty})
		}
	}
	ends := func(text []byte, penalty int) {
		add(text, penalty+endPenalty(text))
		for range maxPeel {
			r, n := utf8.DecodeLastRune(text)
			if !isMark(r) {
				break
			}
			text = text[:len(text)-n]
			penalty += 2
			add(text, penalty+endPenalty(text))
		}
	}
	bare := word
	if r, n := utf8.DecodeRune(word); strings.ContainsRune("\"'([{<`*„“«‘（「", r) {
		bare = word[n:]
		ends(bare, 1)
		ends(word, 25)
	} else {
		ends(word, 0)
	}
	// "password:value", "user/value": what stands before and behind.
	if i := bytes.LastIndexAny(bare, ":=/|：→>"); i >= 0 {
		_, n := utf8.DecodeRune(bare[i:])
		ends(bare[i+n:], 4)
	}
	if i := bytes.IndexAny(bare, ":=：→"); i >= 0 {
		_, n := utf8.DecodeRune(bare[i:])
		ends(bare[i+n:], 3)
	}
	if i := bytes.IndexAny(bare, "/|,;"); i > 0 {
		ends(bare[:i], 12)
	}
	return list
}

// endPenalty makes a reading that ends like a sentence, a label or an address
// less likely.
func endPenalty(text []byte) int {
	switch last, _ := utf8.DecodeLastRune(text); {
	case strings.ContainsRune("!?*", last):
		return 3
	case isMark(last):
		return 30
	case bytes.IndexByte(text, '@') > 0 && bytes.IndexByte(text, '.') > 0, bytes.Contains(text, []byte("://")):
		return 100
	case bytes.ContainsAny(text, ":="):
		return 20
	}
	return 0
}

// pair is a user with a candidate and its rank, the less the better.
type pair struct {
	path string
	user string
	text []byte
	rank int
}

// pairs keeps the best pairs of a message, each once.
type pairs struct {
	max  int
	list []pair // by rank
}

// add keeps a pair if it is among the best.
func (p *pairs) add(path, user string, text []byte, rank int) {
	if strings.EqualFold(user, string(text)) {
		return // never the user's own name
	}
	if len(p.list) == p.max && rank >= p.list[len(p.list)-1].rank {
		return
	}
	for i, have := range p.list {
		if have.user != user || !bytes.Equal(have.text, text) {
			continue
		}
		if have.rank <= rank {
			return
		}
		p.list = slices.Delete(p.list, i, i+1)
		break
	}
	at, _ := slices.BinarySearchFunc(p.list, rank, func(have pair, rank int) int {
		if have.rank <= rank {
			return -1
		}
		return 1
	})
	p.list = slices.Insert(p.list, at, pair{path, user, bytes.Clone(text), rank})
	if len(p.list) > p.max {
		clear(p.list[p.max].text)
		p.list = p.list[:p.max]
	}
}

// wipe clears every candidate.
func (p *pairs) wipe() {
	for _, have := range p.list {
		clear(have.text)
	}
	p.list = nil
}
