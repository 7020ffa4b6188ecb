package credential

import (
	"strings"
	"testing"
	"time"

	"qguard/rules"
)

func TestDoubts(t *testing.T) {
	password := func(p string, classes int) func(*rules.Credential) {
		return func(c *rules.Credential) { c.Password, c.Classes = rules.NewPattern(p), classes }
	}
	username := func(p string) func(*rules.Credential) {
		return func(c *rules.Credential) { c.Username = rules.NewPattern(p) }
	}
	budget := func(lockout int, user rules.Rate) func(*rules.Credential) {
		return func(c *rules.Credential) { c.Lockout, c.UserFailures = lockout, user }
	}
	hourly := func(n int) rules.Rate { return rules.Rate{N: n, Window: time.Hour} }
	for _, test := range []struct {
		name   string
		change func(*rules.Credential)
		want   string // begins and ends the only doubt; "" = none
	}{
		{"defaults", nil, ""},
		{"any password", password(`.+`, 0), `password ".+" with classes = 0 fits ordinary words, "tomorrow" say`},
		{"any password of a class", password(`\S{3,}`, 1), `password "\\S{3,}" with classes = 1 fits ordinary words`},
		{"any with classes", password(`.+`, 3), ""},
		{"lower case", password(`[a-z]{8}`, 3), `password "[a-z]{8}" with classes = 3 fits nothing: "`},
		{"contradiction", password(`a$b`, 0), `password "a$b" with classes = 0 fits nothing`},
		{"no character", password(`[^\x00-\x{10FFFF}]`, 0), `password "[^\\x00-\\x{10FFFF}]" fits nothing, not "Correct-Horse-7"`},
		{"too long", password(`.{500}`, 0), `password ".{500}" with classes = 0 fits nothing`},
		{"alternatives", password(`[a-z]{9}|[A-Z][a-z]+[0-9]{2}[!#]?`, 3), ""},
		{"anchored", password(`^[!-~]{10,}$`, 3), ""},
		{"non-ASCII", password(`\p{Cyrillic}{8,}[0-9]`, 2), ""},
		{"case", password(`(?i)[a-z]{6,}[0-9]+`, 3), ""},
		{"any user", username(`.*`), `username ".*" fits ordinary words, "tomorrow" say`},
		{"any word", username(`[a-z]+`), `username "[a-z]+" fits ordinary words`},
		{"some users", username(`[a-z]{2,5}[0-9]?`), ""},
		{"no user", username(`\bx\b\b`), ""},
		{"impossible user", username(`x^y`), `username "x^y" fits nothing, not "jdoe"`},
		{"a list makes the pattern moot", func(c *rules.Credential) { c.Users = "system"; c.Username = rules.NewPattern(".*") }, ""},
		{"lockout 1", budget(1, hourly(6)), "lockout = 1: "},
		{"lockout 2", budget(2, hourly(6)), "lockout = 2: "},
		{"lockout 3", budget(3, hourly(6)), ""},
		{"lockout in a short time", budget(9, rules.Rate{N: 3, Window: time.Minute}), "lockout = 9 with user_failures in 1m: "},
		{"no bound for users", budget(0, rules.Rate{}), `user_failures = "0" and lockout = 0`},
		{"lockout alone", budget(9, rules.Rate{}), ""},
		{"senders", func(c *rules.Credential) { c.SenderFailures = hourly(2) }, `sender_failures = "2/1h" is less than the 3 attempts`},
		{"rate", func(c *rules.Credential) { c.Rate = hourly(2) }, `rate = "2/1h" is less`},
		{"no rates", func(c *rules.Credential) { c.Rate, c.SenderFailures = rules.Rate{}, rules.Rate{} }, ""},
	} {
		c := rules.Default().Credential
		if test.change != nil {
			test.change(&c)
		}
		got := Doubts(c)
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	c := rules.Default().Credential
	c.Lockout = 9
	if got, want := Budgets(c), "3 a message; failures of a user 3 in 1h (lockout 9), of a sender 20 in 1h, of all 60 in 1m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
