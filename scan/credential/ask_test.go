package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
)

// mail is one message of a budget test.
type mail struct {
	from, login, client string
	user                string // named in the text, "" = the sender alone
}

// send judges a mail with three candidates that nobody tried before.
func send(c rules.Credential, b authenticate.Backend, m memory, n int, x mail) []scan.Finding {
	known := rules.Envelope{Sender: &x.from}
	if x.from == "unknown" {
		known.Sender = nil
	}
	known.Client, _ = netip.ParseAddr(x.client)
	text := fmt.Sprintf("login %s password Wrong-%da-X Wrong-%db-X Wrong-%dc-X", x.user, n, n, n)
	look := New(c, b, m).Begin(&scan.Message{Envelope: known, User: x.login})
	p := &scan.Part{Path: "1", Text: func() (io.Reader, error) { return strings.NewReader(text), nil }}
	if err := look.Part(context.Background(), p); err != nil {
		return []scan.Finding{{Rule: "error", Note: err.Error()}}
	}
	findings, _ := look.End(context.Background())
	return findings
}

func inWords(findings []scan.Finding) string {
	var out []string
	for _, f := range findings {
		note, _, _ := strings.Cut(f.Note, ":")
		out = append(out, strings.TrimPrefix(f.Rule, "credential.")+" "+note)
	}
	return strings.Join(out, "; ")
}

// TestBudgets sends mails one after the other and counts questions and doubts.
func TestBudgets(t *testing.T) {
	per := func(n int) rules.Rate { return rules.Rate{N: n, Window: time.Hour} }
	const (
		senderFull = "undecided budget of the sender is used up"
		guessFull  = "undecided budget of guessing is used up"
		siteFull   = "undecided budget of all users together is used up"
		caught     = "guessing "
	)
	for _, test := range []struct {
		name   string
		change func(*rules.Credential)
		mails  []mail
		asked  []int // by each mail
		found  []string
	}{
		{"no bounds", nil, []mail{{from: "jdoe@example.org"}, {from: "jdoe@example.org"}}, []int{3, 3}, nil},
		{"own guesses are the sender's only", func(c *rules.Credential) { c.SenderFailures = per(4) },
			[]mail{{from: "jdoe@example.org"}, {from: "JDoe@Example.ORG"}, {from: "mroe@example.org"}}, []int{3, 1, 3},
			[]string{"", senderFull, ""}},
		{"a login in three spellings", func(c *rules.Credential) { c.SenderFailures = per(4) },
			[]mail{{login: "jdoe", from: "a@example.net"}, {login: "EXAMPLE\\JDOE", from: "b@example.net"}, {login: "jdoe@example.org", from: "c@example.net"}}, []int{3, 1, 0},
			[]string{"", senderFull, senderFull}},
		{"a client without a sender", func(c *rules.Credential) { c.SenderFailures = per(8) },
			[]mail{{client: "192.0.2.7", user: "jdoe"}, {client: "192.0.2.8", user: "jdoe"}, {client: "::ffff:192.0.2.7", user: "mroe"}}, []int{3, 3, 1},
			[]string{"", "", guessFull + "; " + caught}},
		{"a client of IPv6 is its network", func(c *rules.Credential) { c.SenderFailures = per(8) },
			[]mail{{client: "2001:db8::7", user: "jdoe"}, {client: "2001:db8::ffff:1", user: "jdoe"}, {client: "2001:db8:0:1::1", user: "jdoe"}}, []int{3, 1, 3},
			[]string{"", guessFull + "; " + caught, ""}},
		{"nobody is known", func(c *rules.Credential) { c.SenderFailures = per(2) },
			[]mail{{from: "unknown", user: "jdoe"}, {from: "unknown", user: "jdoe"}}, []int{3, 3}, nil},
		{"guesses at others", func(c *rules.Credential) { c.SenderFailures = per(12) },
			[]mail{
				{from: "x@example.net", user: "jdoe"}, {from: "x@example.net", user: "mroe"},
				{from: "x@example.net", user: "jdoe"}, {from: "y@example.net", user: "jdoe"},
			}, []int{3, 3, 0, 3},
			[]string{"", caught, guessFull + "; " + caught, ""}},
		{"a guesser's own account is not served either", func(c *rules.Credential) { c.SenderFailures = per(4) },
			[]mail{{login: "jdoe", user: "mroe"}, {login: "jdoe"}}, []int{2, 0},
			[]string{guessFull + "; " + caught, guessFull + "; " + caught}},
		{"all together", func(c *rules.Credential) { c.Rate = per(5) },
			[]mail{{from: "jdoe@example.org"}, {from: "mroe@example.org"}, {from: "jdoe@example.org"}}, []int{3, 2, 0},
			[]string{"", siteFull, siteFull}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, b, m := site(t, "jdoe", "mroe"), &fakeBackend{answer: authenticate.Wrong}, newMemory()
			if test.change != nil {
				test.change(&c)
			}
			for i, x := range test.mails {
				b.asked = nil
				got := inWords(send(c, b, m, i, x))
				want := ""
				if test.found != nil {
					want = test.found[i]
				}
				if !alike(got, want) || len(b.asked) != test.asked[i] {
					t.Errorf("mail %d: got %q, asked %q; want %q, %d questions", i, got, b.asked, want, test.asked[i])
				}
			}
		})
	}
}

// alike compares findings one by one, each by how it begins.
func alike(got, want string) bool {
	g, w := strings.Split(got, "; "), strings.Split(want, "; ")
	for i := range g {
		if len(g) != len(w) || !strings.HasPrefix(g[i], w[i]) {
			return false
		}
	}
	return true
}

// TestChargedOnlyFailures: a right answer, and a pair that could not be asked,
// cost nobody anything; what a full budget stopped is charged to no other.
func TestChargedOnlyFailures(t *testing.T) {
	c := site(t, "jdoe")
	one := rules.Rate{N: 1, Window: time.Hour}
	c.UserFailures, c.SenderFailures, c.Rate = one, one, one
	spent := func(m *fakeMemory) (n int) {
		for _, v := range m.spent {
			n += v
		}
		return n
	}
	m := newMemory()
	b := &fakeBackend{right: "jdoe:Fixture-Pass-1"}
	for range 9 {
		if got := judge(c, b, m, "jdoe@example.org", "password Fixture-Pass-1"); inWords(got) != "valid the text holds the password of local user jdoe" {
			t.Fatalf("got %v", got)
		}
	}
	b = &fakeBackend{err: fmt.Errorf("too long: %w", authenticate.ErrPair)}
	judge(c, b, m, "jdoe@example.org", "password Fixture-Pass-2")
	if spent(m) != 0 {
		t.Errorf("%d charged", spent(m))
	}
	b = &fakeBackend{answer: authenticate.Wrong}
	send(c, b, m, 1, mail{from: "jdoe@example.org"})
	if spent(m) != 3 || len(b.asked) != 1 {
		t.Errorf("%d charged, asked %q", spent(m), b.asked)
	}
}

// TestUnknownUser: that there is no such user is remembered without a password,
// and costs an attempt each time.
func TestUnknownUser(t *testing.T) {
	c, m := site(t), newMemory()
	b := &fakeBackend{answer: authenticate.NoUser}
	send(c, b, m, 1, mail{from: "jdoe@example.org"})
	send(c, b, m, 2, mail{from: "jdoe@example.org"})
	if len(b.asked) != 1 || len(m.failed) != 1 {
		t.Errorf("asked %q, remembered %d", b.asked, len(m.failed))
	}
	for key := range m.failed {
		if strings.Contains(key, "Wrong-") || strings.Contains(key, "Fixture") {
			t.Error("remembered with a password")
		}
	}
}

// TestWeakNo: a weak no ends its pair, is not remembered, and needs its canary.
func TestWeakNo(t *testing.T) {
	c, m := site(t), newMemory()
	c.Canary = filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(c.Canary, []byte("canary:Fixture-Bird-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &fakeBackend{answer: authenticate.Refused, right: "canary:Fixture-Bird-1"}
	for range 2 {
		b.asked = nil
		if got := send(c, b, m, 1, mail{from: "jdoe@example.org"}); got != nil {
			t.Errorf("got %v", got)
		}
		if len(b.asked) != 4 || len(m.failed) != 0 {
			t.Errorf("asked %q, remembered %d", b.asked, len(m.failed))
		}
	}
	b.right = "" // back-end trouble says no to everything
	if got := send(c, b, m, 1, mail{from: "jdoe@example.org"}); len(got) != 1 || got[0].Rule != "credential.undecided" {
		t.Errorf("got %v", got)
	}
}

// TestCanaryBudget: where the directory counts, a canary with a new password is
// not asked for until it is locked.
func TestCanaryBudget(t *testing.T) {
	c, m := site(t), newMemory()
	c.Lockout, c.Canary = 3, filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(c.Canary, []byte("canary:Fixture-Bird-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &fakeBackend{answer: authenticate.Wrong}
	for i := range 9 {
		got := send(c, b, m, i, mail{from: fmt.Sprintf("user%d@example.org", i)})
		if len(got) == 0 || got[0].Rule != "credential.undecided" {
			t.Errorf("got %v", got)
		}
	}
	n := 0
	for _, pair := range b.asked {
		if strings.HasPrefix(pair, "canary:") {
			n++
		}
	}
	if n != 1 || len(m.failed) != 0 {
		t.Errorf("asked for the canary %d times, remembered %d", n, len(m.failed))
	}
}

// TestNoCache: where only we count, doubt about the budgets stops nothing.
func TestNoCache(t *testing.T) {
	c, b, m := site(t), &fakeBackend{answer: authenticate.Wrong}, newMemory()
	c.UserFailures, c.SenderFailures, c.Rate = rules.Default().Credential.UserFailures, rules.Default().Credential.SenderFailures, rules.Default().Credential.Rate
	m.broken = errors.New("no cache")
	if got := send(c, b, m, 1, mail{from: "jdoe@example.org"}); got != nil || len(b.asked) != 3 {
		t.Errorf("got %v, asked %q", got, b.asked)
	}
}

// TestForget flushes one user out of a real cache.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	store := cache.New(cache.Options{Path: dir + "/lib/c.db", Key: dir + "/etc/k", TTL: time.Hour})
	c, b := site(t, "jdoe", "mroe"), &fakeBackend{answer: authenticate.Wrong}
	c.UserFailures = rules.Rate{N: 3, Window: time.Hour}
	asks := func(user string, want int) {
		t.Helper()
		b.asked = nil
		send(c, b, store, 1, mail{from: user + "@example.org"})
		if len(b.asked) != want {
			t.Errorf("asked %q, want %d questions", b.asked, want)
		}
	}
	asks("jdoe", 3)
	asks("mroe", 3)
	if n, err := Forget(store, c, "JDoe@example.org", false); n != 3 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	asks("jdoe", 0) // the budget stays
	if n, err := Forget(store, c, "jdoe", true); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	asks("jdoe", 3)
	asks("mroe", 0)
}
