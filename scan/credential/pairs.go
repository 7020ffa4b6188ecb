package credential

import (
	"bytes"
	"slices"
	"strings"
)

// pair is a user with a candidate and its rank, the less the better.
type pair struct {
	path string
	user string
	text []byte
	rank int
	why  reason
}

// pairs keeps the best pairs of a message, each once.
type pairs struct {
	max  int
	list []pair // by rank
	lone []pair // lines that are nothing but a candidate: they wait for a trigger
}

// maxLone is how many pairs wait.
const maxLone = 8

// wait keeps a pair until admit is called.
func (p *pairs) wait(path, user string, text []byte, rank int) {
	if len(p.lone) < maxLone {
		p.lone = append(p.lone, pair{path, user, bytes.Clone(text), rank, byLine})
	}
}

// admit adds the pairs that wait.
func (p *pairs) admit() {
	for _, w := range p.lone {
		p.add(w)
		clear(w.text)
	}
	p.lone = p.lone[:0]
}

// wants reports whether a pair of this rank could be kept.
func (p *pairs) wants(rank int) bool {
	return len(p.list) < p.max || rank < p.list[len(p.list)-1].rank
}

// has reports whether a pair is kept that is as good.
func (p *pairs) has(user string, text []byte, rank int) bool {
	for i := range p.list {
		have := &p.list[i]
		if have.rank > rank {
			return false
		}
		if have.user == user && bytes.Equal(have.text, text) {
			return true
		}
	}
	return false
}

// add keeps a pair, with a copy of its text, if it is among the best.
func (p *pairs) add(one pair) {
	if strings.EqualFold(one.user, string(one.text)) {
		return // never the user's own name
	}
	if !p.wants(one.rank) {
		return
	}
	if p.has(one.user, one.text, one.rank) {
		return
	}
	for i, have := range p.list {
		if have.user != one.user || !bytes.Equal(have.text, one.text) {
			continue
		}
		clear(have.text)
		p.list = slices.Delete(p.list, i, i+1)
		break
	}
	at, _ := slices.BinarySearchFunc(p.list, one.rank, func(have pair, rank int) int {
		if have.rank <= rank {
			return -1
		}
		return 1
	})
	one.text = bytes.Clone(one.text)
	p.list = slices.Insert(p.list, at, one)
	if len(p.list) > p.max {
		clear(p.list[p.max].text)
		p.list = p.list[:p.max]
	}
}

// wipe clears every candidate.
func (p *pairs) wipe() {
	for _, list := range [][]pair{p.list, p.lone} {
		for _, have := range list {
			clear(have.text)
		}
	}
	p.list, p.lone = nil, nil
}
