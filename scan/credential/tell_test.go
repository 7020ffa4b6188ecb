package credential

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
)

// listener writes down what it is told.
type listener struct{ lines, hidden []string }

func (l *listener) Enter(*scan.Part)               {}
func (l *listener) Leave(*scan.Part, *scan.Budget) {}
func (l *listener) Tell(line string)               { l.lines = append(l.lines, line) }
func (l *listener) Hide(secret string)             { l.hidden = append(l.hidden, secret) }

// told searches one text as judge does, with somebody listening.
func told(t *testing.T, c rules.Credential, b authenticate.Backend, m memory, text string) ([]scan.Finding, *listener) {
	t.Helper()
	l, sender := &listener{}, "jdoe@example.org"
	search := New(c, b, m).Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender, Outgoing: true}})
	search.(interface{ Watched(scan.Watcher) }).Watched(l)
	p := &scan.Part{Path: "1", Types: []string{"text/plain"}, Text: func() (io.Reader, error) { return strings.NewReader(text), nil }}
	if err := search.Part(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	findings, err := search.End(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return findings, l
}

// TestTell: what became of each pair is told, without user and candidate.
func TestTell(t *testing.T) {
	const right = "jdoe:Fixture-Pass-1"
	leak := "user name: jdoe\npassword: Fixture-Pass-1\n"
	many := "password: Fixture-Pass-3 Fixture-Pass-4 Fixture-Pass-5 Fixture-Pass-6\n"
	known := func(c rules.Credential) memory {
		m := newMemory()
		judge(c, &fakeBackend{answer: authenticate.Wrong}, m, "jdoe@example.org", many)
		return m
	}
	empty := func(rules.Credential) memory { return newMemory() }
	bound := func(c *rules.Credential) { c.UserFailures = rules.Rate{N: 0, Window: 1}; c.Lockout = 1 }
	for _, test := range []struct {
		name    string
		text    string
		back    *fakeBackend
		memory  func(rules.Credential) memory
		rules   func(*rules.Credential)
		want    []string // each is somewhere in the lines
		without string
	}{
		{"right", leak, &fakeBackend{right: right}, empty, nil, []string{"triggers 2, ", "user 1, part 1, by a trigger, rank 5: asked: right"}, "wrong"},
		{"wrong", many, &fakeBackend{answer: authenticate.Wrong}, empty, nil,
			[]string{"by a trigger, for the sender, rank ", "asked: wrong", "not asked: 3 attempts are used up"}, "right"},
		{"no user", many, &fakeBackend{answer: authenticate.NoUser}, empty, nil, []string{"asked: no such user", "not asked: nothing more is asked about this user"}, ""},
		{"down", many, &fakeBackend{err: errors.New("down")}, empty, nil, []string{"asked: ", "not asked: nothing more can be asked"}, ""},
		{"too long", leak, &fakeBackend{err: authenticate.ErrPair}, empty, nil, []string{"protocol cannot carry it"}, "asked: w"},
		{"known", many, &fakeBackend{answer: authenticate.Wrong}, known, nil, []string{"not asked: the cache knows that it is wrong"}, " asked: wrong"},
		{"budget", leak, &fakeBackend{}, empty, bound, []string{"not asked: budget of a user is used up"}, ""},
		{"nothing", "See you on Monday.\n", &fakeBackend{}, empty, nil, []string{"triggers 0, candidates 0; pairs of user and candidate: weighed 0, kept 0"}, "part"},
	} {
		c := site(t, "jdoe", "mroe")
		if test.rules != nil {
			test.rules(&c)
		}
		plain := judge(c, test.back, test.memory(c), "jdoe@example.org", test.text)
		got, l := told(t, c, test.back, test.memory(c), test.text)
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("%s: watching changes the findings:\n%s", test.name, diff)
		}
		said := strings.Join(l.lines, "\n")
		for _, want := range test.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is not in\n%s", test.name, want, said)
			}
		}
		if test.without != "" && strings.Contains(said, test.without) {
			t.Errorf("%s: %q is in\n%s", test.name, test.without, said)
		}
		if strings.Contains(said, "Fixture-Pass") || strings.Contains(said, "jdoe") {
			t.Errorf("%s: a login is told:\n%s", test.name, said)
		}
		if strings.Contains(test.text, "Fixture") && !slices.ContainsFunc(l.hidden, func(s string) bool { return strings.HasPrefix(s, "Fixture-Pass-") }) {
			t.Errorf("%s: hidden %q", test.name, l.hidden)
		}
	}
}

// TestTellIdle: mail that is not searched says why.
func TestTellIdle(t *testing.T) {
	for scanned, want := range map[rules.Scan]string{
		"never":    "credential: not searched: credential.scan is never",
		"outgoing": "credential: not searched: credential.scan is outgoing, and nothing says that the mail is from our own users",
	} {
		c := site(t)
		c.Scan = scanned
		l := &listener{}
		New(c, &fakeBackend{}, newMemory()).Begin(&scan.Message{}).(interface{ Watched(scan.Watcher) }).Watched(l)
		if len(l.lines) != 1 || l.lines[0] != want {
			t.Errorf("%s: %q", scanned, l.lines)
		}
	}
}
