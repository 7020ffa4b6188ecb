package rules_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qguard/rules"
)

// TestBad reads the folder of mistakes, one a file; .want is how the error
// goes on after the file's name.
func TestBad(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(names) == 0 {
		t.Fatal("no mistakes found", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(name, ".toml") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			_, err = rules.Load(name)
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.TrimPrefix(err.Error(), name)
			if !strings.HasPrefix(got, strings.TrimSpace(string(want))) {
				t.Errorf("got %q, want %q", got, want)
			}
			if strings.Contains(got, "\n") {
				t.Errorf("more than one line: %q", got)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "q.toml")
	text := `
credential.attempts = 2
[credential]
users = "users"
authenticator = ["checkpassword", "bin/check", "arg"]
user_failures = "3/30m"
[cache]
ttl = "2d"
path = "/abs/c.db"
[limit]
size = "1G"
header = 4096
`
	text = strings.Replace(text, "credential.attempts = 2\n[credential]", "[credential]\nattempts = 2", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := rules.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	cr := c.Credential
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"attempts", cr.Attempts, 2},
		{"users", cr.Users, dir + "/users"},
		{"program", cr.Authenticator[1], dir + "/bin/check"},
		{"argument", cr.Authenticator[2], "arg"},
		{"rate", cr.UserFailures, rules.Rate{N: 3, Window: 30 * time.Minute}},
		{"ttl", time.Duration(c.Cache.TTL), 48 * time.Hour},
		{"absolute path", c.Cache.Path, "/abs/c.db"},
		{"size", c.Limit.Size, rules.Size(1 << 30)},
		{"header", c.Limit.Header, rules.Size(4096)},
		{"default beside a given key", c.Limit.Parts, 1000},
		{"default classes", cr.Classes, 3},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", test.what, test.got, test.want)
		}
	}
}

// TestExamples loads the examples of the repository.
func TestExamples(t *testing.T) {
	for _, name := range []string{"../scripts/examples/simcontrol.toml", "../scripts/bench/site.toml", "../scan/testdata/qguard.toml"} {
		if _, err := rules.Load(name); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadNamed(t *testing.T) {
	if _, err := rules.Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a named file that is missing is no error")
	}
	if _, err := rules.Load(t.TempDir()); err == nil {
		t.Error("a directory is no error")
	}
	if _, err := rules.Parse("x", "[xfile]\nblock = [\"\xff\"]\n"); err == nil {
		t.Error("text that is not UTF-8 is no error")
	}
}

func TestPolicy(t *testing.T) {
	const text = `
[[policy]]
sender = "boss@example.org"
rule = "xfile.n*e"
action = "pass"
[[policy]]
sender = "example.com"
action = "tag"
[[policy]]
sender = ".example.net"
action = "hold"
[[policy]]
sender = "<>"
action = "discard"
[[policy]]
recipient = "lab@example.org"
action = "replace"
[[policy]]
client = "2001:db8::/32"
action = "defer"
[[policy]]
direction = "outgoing"
rule = "header.*"
action = "reject"
text = "no"
`
	c, err := rules.Parse("policy", text)
	if err != nil {
		t.Fatal(err)
	}
	sender := func(s string) rules.Envelope { return rules.Envelope{Sender: &s} }
	client := func(s string) rules.Envelope { return rules.Envelope{Client: netip.MustParseAddr(s)} }
	for _, test := range []struct {
		name  string
		rule  string
		grave bool
		env   rules.Envelope
		want  rules.Action
	}{
		{"default", "xfile.name", false, rules.Envelope{}, rules.Reject},
		{"address", "xfile.name", false, sender("Boss@Example.org"), rules.Pass},
		{"rule does not match", "xfile.content", false, sender("boss@example.org"), rules.Reject},
		{"domain", "xfile.name", false, sender("a@EXAMPLE.com"), rules.Tag},
		{"domain is no suffix", "xfile.name", false, sender("a@sub.example.com"), rules.Reject},
		{"suffix", "xfile.name", false, sender("a@sub.example.net"), rules.Hold},
		{"suffix is not the domain", "xfile.name", false, sender("a@example.net"), rules.Reject},
		{"null sender", "xfile.name", false, sender(""), rules.Discard},
		{"recipient", "xfile.name", false, rules.Envelope{Recipient: "lab@example.org"}, rules.Replace},
		{"client", "xfile.name", false, client("2001:db8::7"), rules.Defer},
		{"direction", "header.from", false, rules.Envelope{Outgoing: true}, rules.Reject},
		{"other direction", "header.script", false, rules.Envelope{}, rules.Tag},
		{"two defaults, light", "xfile.encrypted", false, rules.Envelope{}, rules.Tag},
		{"two defaults, grave", "xfile.encrypted", true, rules.Envelope{}, rules.Hold},
		{"undecided", "credential.undecided", false, rules.Envelope{}, rules.Defer},
		{"guessing", "credential.guessing", false, rules.Envelope{}, rules.Tag},
		{"limit", "limit.time", false, rules.Envelope{}, rules.Hold},
		{"macro", "xfile.macro", false, rules.Envelope{}, rules.Hold},
		{"no rule, no finding worth it", "header.from", false, sender("a@sub.example.net"), rules.Pass},
		{"no rule, tagged", "header.from", false, sender("a@example.com"), rules.Tag},
		{"virus", "virus.clamd", false, rules.Envelope{}, rules.Reject},
	} {
		if got, _ := c.Policy.Decide(test.rule, test.grave, test.env); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	if _, text := c.Policy.Decide("header.from", false, rules.Envelope{Outgoing: true}); text != "no" {
		t.Errorf("text: got %q", text)
	}
}

// TestWrite reads back what Write wrote.
func TestWrite(t *testing.T) {
	c, err := rules.Parse("x", `
[xfile]
block = ["foo"]
[credential]
username = '[a-z]+'
user_failures = "0"
[limit]
size = 1000
[quarantine]
keep = "90s"
[[policy]]
client = "192.0.2.0/24"
action = "tag"
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*rules.Config{c, rules.Default()} {
		var text, again strings.Builder
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		read, err := rules.Parse("written", text.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, text.String())
		}
		if err := read.Write(&again); err != nil {
			t.Fatal(err)
		}
		if text.String() != again.String() {
			t.Errorf("wrote\n%s\nread and wrote\n%s", text.String(), again.String())
		}
	}
}

// FuzzParse holds Parse to its promise: rules or a one-line error.
func FuzzParse(f *testing.F) {
	f.Add("[xfile]\nblock = [\"foo\"]\n")
	f.Add("[[policy]]\nrule = \"x*\"\naction = \"tag\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := rules.Parse("f", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("rules %v, error %v", c, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Fatalf("error without a place: %v", err)
		}
	})
}

// TestMatch: the entry that decides is named, and reads as it stands in a file.
func TestMatch(t *testing.T) {
	c, err := rules.Parse("q.toml", `
[[policy]]
sender = "boss@example.org"
action = "hold"
[[policy]]
direction = "outgoing"
client = "192.0.2.7/24"
recipient = "<>"
rule = "header.*"
action = "reject"
text = "no"
[[policy]]
rule = "xfile.*"
action = "tag"
`)
	if err != nil {
		t.Fatal(err)
	}
	boss := "boss@example.org"
	for _, test := range []struct {
		rule string
		env  rules.Envelope
		want int
	}{
		{"xfile.name", rules.Envelope{Sender: &boss}, 0},
		{"header.date", rules.Envelope{Sender: &boss}, -1}, // no word about that
		{"xfile.name", rules.Envelope{}, 2},
		{"mime.partial", rules.Envelope{}, -1},
	} {
		if got := c.Policy.Match(test.rule, false, test.env); got != test.want {
			t.Errorf("%s: entry %d, want %d", test.rule, got, test.want)
		}
	}
	const want = `recipient = "<>", direction = "outgoing", client = "192.0.2.0/24", rule = "header.*", action = "reject", text = "no"`
	if got := c.Policy[1].String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
