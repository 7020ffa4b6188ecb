package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
)

// fakeBackend knows one pair and writes down what it is asked.
type fakeBackend struct {
	right  string // user:password
	answer authenticate.Answer
	err    error
	asked  []string
}

func (f *fakeBackend) ID() string { return "fake" }

func (f *fakeBackend) Check(_ context.Context, user, password []byte) (authenticate.Answer, error) {
	pair := string(user) + ":" + string(password)
	f.asked = append(f.asked, pair)
	if pair == f.right {
		return authenticate.Right, nil
	}
	return f.answer, f.err
}

// fakeMemory keeps everything.
type fakeMemory struct {
	failed map[string]bool
	spent  map[string]int
	fresh  map[string]bool
	broken error
}

func newMemory() *fakeMemory {
	return &fakeMemory{failed: map[string]bool{}, spent: map[string]int{}, fresh: map[string]bool{}}
}

func (f *fakeMemory) Failed(key []byte) bool            { return f.failed[string(key)] }
func (f *fakeMemory) RememberFailure(key, _ []byte)     { f.failed[string(key)] = true }
func (f *fakeMemory) Fresh(key []byte) bool             { return f.fresh[string(key)] }
func (f *fakeMemory) Stamp(key []byte, _ time.Duration) { f.fresh[string(key)] = true }
func (f *fakeMemory) SpendAll(charges []cache.Charge) (int, error) {
	if f.broken != nil {
		return -1, f.broken
	}
	for i, c := range charges {
		if f.spent[string(c.Key)] >= c.Limit {
			return i, nil
		}
	}
	for _, c := range charges {
		if !c.Look {
			f.spent[string(c.Key)]++
		}
	}
	return -1, nil
}

func (f *fakeMemory) Refund(charges []cache.Charge) {
	for _, c := range charges {
		if !c.Look {
			f.spent[string(c.Key)]--
		}
	}
}

// site is a configuration with a list of users.
func site(t testing.TB, names ...string) rules.Credential {
	t.Helper()
	c := rules.Default().Credential
	c.Scan = "always"
	c.Domains = []string{"example.org"}
	c.UserFailures, c.SenderFailures, c.Rate = rules.Rate{}, rules.Rate{}, rules.Rate{}
	if len(names) > 0 {
		c.Users = filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(c.Users, []byte(strings.Join(names, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// judge searches one text sent by an address.
func judge(c rules.Credential, b authenticate.Backend, m memory, sender, text string) []scan.Finding {
	look := New(c, b, m).Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender, Outgoing: true}})
	p := &scan.Part{Path: "1", Types: []string{"text/plain"}, Text: func() (io.Reader, error) { return strings.NewReader(text), nil }}
	if err := look.Part(context.Background(), p); err != nil {
		return []scan.Finding{{Rule: "error", Note: err.Error()}}
	}
	findings, err := look.End(context.Background())
	if err != nil {
		return []scan.Finding{{Rule: "error", Note: err.Error()}}
	}
	return findings
}

// TestForms gives the login away in the forms people use; the right pair must
// be among the three that are tried.
func TestForms(t *testing.T) {
	const pw = "Fixture-Pass-1"
	for _, text := range []string{
		"password: " + pw,
		"Password:" + pw,
		"password = " + pw,
		"PASSWORD\t" + pw,
		"Password\n" + pw + "\n",
		"my password is " + pw + ".",
		"my password is \"" + pw + "\", thanks",
		"my password is '" + pw + "'!",
		"my password (" + pw + ") should work",
		"password: <" + pw + ">",
		"password=" + pw + ";",
		"User: jdoe / " + pw + " (password)",
		"pw " + pw,
		"jdoe / " + pw + " is my login",
		"login: jdoe:" + pw,
		"> password: " + pw,
		">> Password :   " + pw,
		"Username: jdoe Password: " + pw + " Domain: example.org",
		"User name: jdoe@example.org\nPassword: " + pw,
		"Mein Passwort lautet " + pw + ".",
		"Das Kennwort: " + pw + ", bitte nicht weitergeben",
		"mot de passe : " + pw,
		"contraseña: " + pw,
		"CONTRASEÑA: " + pw,
		"ПАРОЛЬ: " + pw,
		"密码是" + pw + "。",
		"密码：" + pw,
		"パスワードは" + pw + "です",
		"비밀번호는 " + pw + "입니다",
		"รหัสผ่าน " + pw,
		"lösenord: " + pw,
		"hasło: " + pw,
	} {
		b := &fakeBackend{right: "jdoe:" + pw, answer: authenticate.Wrong}
		got := judge(site(t, "jdoe", "mroe"), b, newMemory(), "jdoe@example.org", text)
		if len(got) != 1 || got[0].Rule != "credential.valid" {
			t.Errorf("%q: got %v, asked %q", text, got, b.asked)
		}
	}
}

// TestEveryTrigger finds a login behind each built-in word.
func TestEveryTrigger(t *testing.T) {
	n := 0
	for line := range strings.Lines(wordList) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] == "kind" {
			continue
		}
		n++
		b := &fakeBackend{right: "jdoe:Fixture-Pass-1", answer: authenticate.Wrong}
		for _, word := range []string{f[2], strings.ToUpper(f[2])} {
			if f[1] == "tr" && word != f[2] {
				continue // Turkish capitals have their own rules: see leak-turkish
			}
			if got := judge(site(t), b, newMemory(), "jdoe@example.org", "x "+word+": Fixture-Pass-1"); len(got) != 1 {
				t.Errorf("%s %q: not found", f[1], word)
			}
		}
	}
	if n < 120 {
		t.Errorf("only %d words", n)
	}
}

func TestUsers(t *testing.T) {
	const pw = "Fixture-Pass-1"
	policy := rules.NewPattern(`[a-z]{4}`)
	for _, test := range []struct {
		name   string
		change func(*rules.Credential)
		sender string
		text   string
		right  string
		want   bool
	}{
		{"sender", nil, "jdoe@example.org", "password: " + pw, "jdoe", true},
		{"sender in capitals", nil, "JDoe@Example.Org", "password: " + pw, "jdoe", true},
		{"foreign sender", nil, "jdoe@example.net", "password: " + pw, "jdoe", false},
		{"local address that is no user", nil, "nobody@example.org", "password: " + pw, "nobody", false},
		{"no domains, listed sender", func(c *rules.Credential) { c.Domains = nil }, "jdoe@example.net", "password: " + pw, "jdoe", true},
		{"no domains, other sender", func(c *rules.Credential) { c.Domains = nil }, "else@example.net", "password: " + pw, "else", false},
		{"users are addresses", nil, "virtual@example.com", "password: " + pw, "virtual@example.com", true},
		{"named user", nil, "x@example.net", "login mroe, password " + pw, "mroe", true},
		{"named address", nil, "x@example.net", "login mroe@example.org, password " + pw, "mroe", true},
		{"named foreign address", nil, "x@example.net", "login mroe@example.net, password " + pw, "mroe", false},
		{"named stranger", nil, "x@example.net", "login abcd, password " + pw, "abcd", false},
		{"user name policy without a list", func(c *rules.Credential) { c.Users, c.Username = "", policy }, "x@example.net", "login abcd, password " + pw, "abcd", true},
		{"name that breaks the policy", func(c *rules.Credential) { c.Users, c.Username = "", policy }, "x@example.net", "login abcde, password " + pw, "abcde", false},
		{"own trigger word", func(c *rules.Credential) { c.Triggers = []string{"Losung"} }, "jdoe@example.org", "die losung ist " + pw, "jdoe", true},
		{"too few classes", func(c *rules.Credential) { c.Classes = 4 }, "jdoe@example.org", "password: fixturepass1", "jdoe", false},
		{"no classes asked", func(c *rules.Credential) { c.Classes = 0 }, "jdoe@example.org", "password: " + pw, "jdoe", true},
		{"far from the word", nil, "jdoe@example.org", "password" + strings.Repeat(" blah", 80) + pw, "jdoe", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := site(t, "# comment", "", "jdoe", "mroe", "  spaced  ", "virtual@example.com")
			if test.change != nil {
				test.change(&c)
			}
			b := &fakeBackend{right: test.right + ":" + pw, answer: authenticate.Wrong}
			got := judge(c, b, newMemory(), test.sender, test.text)
			if (len(got) == 1) != test.want {
				t.Errorf("got %v, asked %q", got, b.asked)
			}
		})
	}
}

// TestQuestions counts what is asked.
func TestQuestions(t *testing.T) {
	many := "password: Aaaaaaa1-a Bbbbbbb1-b Ccccccc1-c Ddddddd1-d"
	rule := func(f []scan.Finding) string {
		if len(f) == 0 {
			return ""
		}
		return f[0].Rule
	}

	t.Run("attempts, and again", func(t *testing.T) {
		b, m := &fakeBackend{answer: authenticate.Wrong}, newMemory()
		for range 2 {
			if got := judge(site(t), b, m, "jdoe@example.org", many); got != nil {
				t.Errorf("got %v", got)
			}
		}
		want := []string{"jdoe:Aaaaaaa1-a", "jdoe:Bbbbbbb1-b", "jdoe:Ccccccc1-c"}
		if diff := cmp.Diff(want, b.asked); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("unknown user", func(t *testing.T) {
		b := &fakeBackend{answer: authenticate.NoUser}
		judge(site(t), b, newMemory(), "jdoe@example.org", many)
		if len(b.asked) != 1 {
			t.Errorf("asked %q", b.asked)
		}
	})
	t.Run("unavailable is doubt and is not remembered", func(t *testing.T) {
		b, m := &fakeBackend{err: errors.New("down")}, newMemory()
		got := judge(site(t), b, m, "jdoe@example.org", many)
		if rule(got) != "credential.undecided" || got[0].Note != "authenticator: down" || len(b.asked) != 1 || len(m.failed) != 0 {
			t.Errorf("got %v, asked %q, remembered %d", got, b.asked, len(m.failed))
		}
	})
	t.Run("a pair that cannot be asked is none", func(t *testing.T) {
		b := &fakeBackend{err: fmt.Errorf("too long: %w", authenticate.ErrPair)}
		if got := judge(site(t), b, newMemory(), "jdoe@example.org", many); got != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("never the own name", func(t *testing.T) {
		b := &fakeBackend{answer: authenticate.Wrong}
		c := site(t, "John.Doe-77")
		judge(c, b, newMemory(), "x@example.net", "login John.Doe-77 password john.doe-77 JOHN.DOE-77")
		if len(b.asked) != 0 {
			t.Errorf("asked %q", b.asked)
		}
	})
	t.Run("budget of a user", func(t *testing.T) {
		b, m, c := &fakeBackend{answer: authenticate.Wrong}, newMemory(), site(t)
		c.UserFailures = rules.Rate{N: 2, Window: time.Hour}
		got := judge(c, b, m, "jdoe@example.org", many)
		if rule(got) != "credential.undecided" || len(b.asked) != 2 {
			t.Errorf("got %v, asked %q", got, b.asked)
		}
	})
	t.Run("a third of the lockout", func(t *testing.T) {
		b, m, c := &fakeBackend{answer: authenticate.Wrong}, newMemory(), site(t)
		c.Lockout = 3
		got := judge(c, b, m, "jdoe@example.org", many)
		if rule(got) != "credential.undecided" || len(b.asked) != 1 {
			t.Errorf("got %v, asked %q", got, b.asked)
		}
	})
	t.Run("no counting, no questions where the directory locks", func(t *testing.T) {
		b, m, c := &fakeBackend{answer: authenticate.Wrong}, newMemory(), site(t)
		c.Lockout, m.broken = 9, errors.New("no cache")
		got := judge(c, b, m, "jdoe@example.org", many)
		if rule(got) != "credential.undecided" || len(b.asked) != 0 {
			t.Errorf("got %v, asked %q", got, b.asked)
		}
	})
	t.Run("incoming and exempt mail", func(t *testing.T) {
		c := site(t)
		for _, c.Scan = range []rules.Scan{"outgoing", "never"} {
			look := New(c, &fakeBackend{}, newMemory()).Begin(&scan.Message{})
			if _, ok := look.(idle); !ok {
				t.Errorf("%s: searched", c.Scan)
			}
		}
	})
}

// TestChunks puts the login at every offset round the border of two chunks.
func TestChunks(t *testing.T) {
	const leak = " password: Fixture-Pass-1 "
	c := site(t)
	for _, at := range []int{firstChunk - 20, firstChunk - 12, firstChunk + 3, chunk - 140, chunk - len(leak), chunk - 20, chunk - 12, chunk - 5, chunk - 1, chunk, chunk + 1, 2*chunk - overlap - 15} {
		text := strings.Repeat("x ", at/2) + leak + strings.Repeat("y ", chunk)
		b := &fakeBackend{right: "jdoe:Fixture-Pass-1", answer: authenticate.Wrong}
		if got := judge(c, b, newMemory(), "jdoe@example.org", text); len(got) != 1 {
			t.Errorf("offset %d: not found, asked %q", at, b.asked)
		}
	}
}

// FuzzSearch: no text makes the search panic, keep or ask too much, or name a
// candidate.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{
		"password: Fixture-Pass-1 login jdoe", "密码：\xff\xfe пароль İİ", "jdoe:Fixture-Pass-1", "p a s s : F i x t u r e 1 !",
		"ｐａｓｓｗｏｒｄ：Ｆｉｘ\u200bｔｕｒｅ１", "curl -u jdoe:Fix%74ure-1 https://jdoe:Fixture1@x", "Basic amRvZTpGaXh0dXJlLVBhc3MtMQ==",
		"<password>Fix&#x74;ure-1</password>", `{"pw":"Fix\"\u0041ture-1"}`, "pw -> \"Fixture-1\",", "pw ...... (Fixture1)", "\xff\xfep\x00w\x00",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	list, pattern := site(f, "jdoe", "mroe@example.org"), site(f)
	pattern.Username = rules.NewPattern(`[a-z]{2,5}`)
	f.Fuzz(func(t *testing.T, text string, octets bool) {
		for _, c := range []rules.Credential{list, pattern} {
			sender := "jdoe@example.org"
			b := &fakeBackend{answer: authenticate.Wrong}
			l := New(c, b, newMemory()).Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender, Outgoing: true}}).(*look)
			open := func() (io.Reader, error) { return strings.NewReader(text), nil }
			p := &scan.Part{Path: "1", Text: open, Header: scan.Header{{Name: "Content-Type", Value: "text/plain; format=flowed; delsp=yes"}}}
			if octets {
				p = &scan.Part{Path: "1", Open: open}
			}
			if err := l.Part(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			if len(l.best.list) > maxPairs || len(l.best.lone) > maxLone {
				t.Fatalf("%d pairs, %d wait", len(l.best.list), len(l.best.lone))
			}
			got, err := l.End(context.Background())
			if err != nil || len(got) > 0 || len(b.asked) > c.Attempts {
				t.Fatalf("found %v, %v, asked %d times", got, err, len(b.asked))
			}
		}
	})
}

func benchmark(b *testing.B, text string) {
	c := site(b)

	b.SetBytes(int64(len(text)))
	s := New(c, &fakeBackend{answer: authenticate.Wrong}, newMemory())
	for b.Loop() {
		sender := "jdoe@example.org"
		look := s.Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender}})
		p := &scan.Part{Path: "1", Text: func() (io.Reader, error) { return strings.NewReader(text), nil }}
		if err := look.Part(context.Background(), p); err != nil {
			b.Fatal(err)
		}
		if _, err := look.End(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClean3KB(b *testing.B) {
	benchmark(b, strings.Repeat("It was a dark and stormy night; the rain fell in torrents.\n", 52))
}
func BenchmarkClean1MB(b *testing.B) {
	benchmark(b, strings.Repeat("It was a dark and stormy night; the rain fell in torrents.\n", 18000))
}

// Hostile texts: nothing but triggers; many candidates with many names.
func BenchmarkTriggers1MB(b *testing.B) { benchmark(b, strings.Repeat("password ", 120_000)) }
func BenchmarkPairs(b *testing.B) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "password user%c%c Cand-%d-x ", 'a'+i%26, 'a'+i/26%20, i)
	}
	benchmark(b, text.String())
}
