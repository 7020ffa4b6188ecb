package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A person is a local user; nobody of the name exists.
type person struct{ name, password string }

const (
	domain  = "example.org"
	letters = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
	symbols = "!#$%&*+-./:;<=>?@^_{|}~()[],'\"`\\"
)

// people makes n users with names as sites give them and passwords of 8 to 32
// characters that obey the default policy.
func people(r *rand.Rand, n int) []person {
	var list []person
	known := map[string]bool{}
	for len(list) < n {
		p := person{userName(r), password(r)}
		if !known[p.name] {
			known[p.name] = true
			list = append(list, p)
		}
	}
	return list
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func text(r *rand.Rand, alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

// name is a syllable or several: nobody's name, but shaped as one.
func name(r *rand.Rand, syllables int) string {
	var s strings.Builder
	for range syllables {
		s.WriteByte("bdfghklmnprstvwz"[r.IntN(16)])
		s.WriteByte("aeiou"[r.IntN(5)])
	}
	return s.String() + text(r, "dklmnrst", 1)
}

func userName(r *rand.Rand) string {
	switch r.IntN(5) {
	case 0:
		return text(r, letters, 2+r.IntN(2)) + text(r, digits, 2+r.IntN(4)) // ab1234
	case 1:
		return name(r, 2) + "." + name(r, 2)
	case 2:
		return text(r, letters, 1) + name(r, 2+r.IntN(2)) + text(r, digits, r.IntN(3))
	case 3:
		return name(r, 2) + "_" + text(r, letters, 1)
	}
	return text(r, letters, 1) + name(r, 3)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// password obeys [!-~]{8,32} with three classes. A third is random, the rest is
// as people make them; one in five ends like a sentence or a quotation.
func password(r *rand.Rand) string {
	for {
		var p string
		switch r.IntN(6) {
		case 0, 1:
			p = text(r, letters+strings.ToUpper(letters)+digits+symbols, 8+r.IntN(18))
		case 2:
			p = capital(name(r, 2)) + "-" + capital(name(r, 2)) + "-" + text(r, digits, 1+r.IntN(3))
		case 3:
			p = capital(name(r, 3)) + text(r, digits, 2+r.IntN(3)) + text(r, "!#$%*?", r.IntN(2))
		case 4:
			p = text(r, letters+strings.ToUpper(letters)+digits, 8+r.IntN(8))
		case 5:
			p = strings.NewReplacer("a", "@", "o", "0", "i", "1", "e", "3").Replace(capital(name(r, 4))) + text(r, "!#$%&+=", 1)
		}
		if r.IntN(5) == 0 {
			p += pick(r, []string{".", "!", "?", "!!", "'", "\"", ")", ";"})
		}
		if len(p) >= 8 && len(p) <= 32 && classes(p) >= 3 {
			return p
		}
	}
}

func classes(p string) int {
	n := 0
	for _, set := range []string{letters, strings.ToUpper(letters), digits, symbols} {
		if strings.ContainsAny(p, set) {
			n++
		}
	}
	return n
}

func (p person) address() string { return fmt.Sprintf("%s@%s", p.name, domain) }
