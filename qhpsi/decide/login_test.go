package decide

import (
	"strconv"
	"testing"
	"time"
)

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a", "a", true}, {"a", "ab", false},
		{"*@example.org", "joe@example.org", true}, {"*@example.org", "joe@example.org.", false},
		{"joe*", "joe", true}, {"j*e", "jane doe", true}, {"j*e", "jan", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "ba", false}, {"a**b", "ab", true}, {"*aab", "aaab", true},
		{"[a]?", "[a]?", true}, {"[a]?", "a1", false},
	} {
		if got := like(c.pattern, c.s); got != c.want {
			t.Errorf("like(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestEntries(t *testing.T) {
	h := newHouse(t, `
[[login]]
user = "boss@example.com"
networks = ["198.51.100.0/24", "2001:db8:1::/48"]
refused = ["GB", "FR", "ZZ"]
text = "boss"
[[login]]
domain = "example.com"
protocol = "POP*"
refused = ["GB"]
text = "pop"
[[login]]
user = "*@Example.COM"
countries = ["GB", "IE"]
text = "com"
[[login]]
domain = "strict.example"
countries = ["GB"]
unknown = true
[[login]]
domain = "zz.example"
countries = ["GB", "ZZ"]
unknown = true
[[login]]
domain = "log.example"
countries = ["GB"]
answer = "log"
[[login]]
domain = "slow.example"
countries = ["GB"]
answer = "tarpit"
`, places{"192.0.2.1": "GB", "192.0.2.2": "FR", "198.51.100.1": "FR", "2001:db8:1::1": "FR", "203.0.113.9": "broken"})
	for _, c := range []struct{ remote, login, protocol, want, text string }{
		{"192.0.2.1", "boss@example.com", "imap", "refuse login.country", "boss"},
		{"198.51.100.1", "boss@example.com", "imap", "go", ""},
		{"2001:db8:1::1", "boss@example.com", "imap", "go", ""},
		{"::ffff:198.51.100.1", "BOSS@Example.com", "imap", "go", ""},
		{"192.0.2.3", "boss@example.com", "imap", "refuse login.country", "boss"},
		{"10.0.0.1", "boss@example.com", "imap", "refuse login.country", "boss"},
		{"192.0.2.1", "joe@example.com", "pop3", "refuse login.country", "pop"},
		{"192.0.2.1", "joe@example.com", "imap", "go", ""},
		{"192.0.2.2", "joe@example.com", "imap", "refuse login.country", "com"},
		{"192.0.2.2", "joe@example.com", "pop3", "go", ""},
		{"192.0.2.3", "joe@example.com", "imap", "go", ""},
		{"192.0.2.2", "joe@example.org", "imap", "go", ""},
		{"192.0.2.2", "joe", "imap", "go", ""},
		{"192.0.2.2", "", "imap", "go", ""},
		{"192.0.2.2", "evil@x@strict.example", "imap", "refuse login.country", "Log-in refused from here"},
		{"192.0.2.3", "joe@strict.example", "imap", "refuse login.country", "Log-in refused from here"},
		{"192.0.2.3", "joe@zz.example", "imap", "go", ""},
		{"192.0.2.2", "joe@zz.example", "imap", "refuse login.country", "Log-in refused from here"},
		{"192.0.2.2", "joe@log.example", "imap", "go login.country", "Log-in refused from here"},
		{"192.0.2.2", "joe@slow.example", "imap", "tarpit login.country", "Log-in refused from here"},
		{"203.0.113.9", "joe@strict.example", "imap", "go", ""},
	} {
		e := h.event(Allow, c.remote, c.login)
		e.Protocol = c.protocol
		if a := h.expect(e, c.want); a.Text != c.text {
			t.Errorf("%s from %s: text %q", c.login, c.remote, a.Text)
		}
	}
	if h.Troubles() != 1 {
		t.Errorf("%d troubles", h.Troubles())
	}
}

func TestCountryTrouble(t *testing.T) {
	const text = "[[login]]\ncountries = [\"GB\"]\nunknown = true\n"
	// None is configured: not a finding, whatever on_error says.
	newHouse(t, "[policyd]\nlog_only = false\non_error = \"deny\"\n"+text, nil).want("192.0.2.1", "joe", "go")
	broken := places{"192.0.2.1": "broken"}
	newHouse(t, text, broken).want("192.0.2.1", "joe", "go")
	newHouse(t, "[policyd]\nlog_only = false\non_error = \"deny\"\n"+text, broken).want("192.0.2.1", "joe", "defer error.geoip")
	h := newHouse(t, "[policyd]\nlog_only = true\non_error = \"deny\"\n"+text, broken)
	if a := h.expect(h.event(Allow, "192.0.2.1", "joe"), "go error.geoip"); a.Would != Defer {
		t.Error(a.Would)
	}
	// A file that is not there is trouble, not an unknown country.
	newHouse(t, text, NewCountries(t.TempDir()+"/none")).want("192.0.2.1", "joe", "go")
}

func TestPair(t *testing.T) {
	h := newHouse(t, "", nil)
	for i := range 12 {
		want := "go"
		if i >= 5 {
			want = "tarpit login.pair"
		}
		if i >= 10 {
			want = "refuse login.pair"
		}
		h.want("192.0.2.1", "joe@example.com", want)
		h.want("192.0.2.1", "joe@example.com", want) // asking costs nothing
		h.wrong(1, "192.0.2.1", []string{"joe@example.com", "JOE@Example.COM"}[i%2])
	}
	if a := h.Decide(h.event(Allow, "192.0.2.1", "joe@example.com")); a.Kind != Refuse || a.Would != Go {
		t.Errorf("%+v", a)
	}
	// Nobody is locked by name.
	h.want("192.0.2.2", "joe@example.com", "go")
	h.want("192.0.2.1", "jane@example.com", "go")
	h.now = h.now.Add(time.Hour)
	h.want("192.0.2.1", "joe@example.com", "go")
}

func TestAddress(t *testing.T) {
	h := newHouse(t, "", nil)
	for i := range 30 {
		h.wrong(1, "2001:db8::1", []string{"a", "b", "c", "d"}[i%4])
	}
	h.want("2001:db8::2:3", "new", "refuse login.failures") // one /64
	h.want("2001:db8:0:1::1", "new", "go")
	h.wrong(15, "192.0.2.1", "")
	h.want("192.0.2.1", "new", "tarpit login.failures")
	h.want("::ffff:192.0.2.1", "new", "tarpit login.failures")
	h.now = h.now.Add(time.Hour)
	h.want("2001:db8::1", "new", "go")
}

func TestLogins(t *testing.T) {
	h := newHouse(t, "", nil)
	for i, login := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		want := "go"
		if i >= 5 {
			want = "tarpit login.logins"
		}
		h.want("192.0.2.1", "new", want)
		h.wrong(1, "192.0.2.1", login)
		h.success("192.0.2.9", login) // who gets in is not counted
	}
	h.want("192.0.2.1", "new", "refuse login.logins")
	h.want("192.0.2.9", "new", "go")
}

func TestExempt(t *testing.T) {
	h := newHouse(t, "", nil)
	h.success("192.0.2.1", "Joe")
	for _, login := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		h.wrong(4, "192.0.2.1", login)
	}
	h.want("192.0.2.1", "jane", "refuse login.failures")
	h.want("192.0.2.1", "joe", "go")
	h.wrong(20, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe", "tarpit login.pair") // its own do not shut it out either
	h.now = h.now.Add(7*24*time.Hour + time.Second)
	h.wrong(10, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe", "refuse login.pair")

	h = newHouse(t, "[failures]\nexempt = \"0s\"\n", nil)
	h.success("192.0.2.1", "joe")
	h.wrong(10, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe", "refuse login.pair")
}

// A refusal must not feed itself, nor trouble of the server or an expired
// password count.
func TestNotCounted(t *testing.T) {
	h := newHouse(t, "", nil)
	for range 100 {
		e := h.event(Report, "192.0.2.1", "joe")
		e.PolicyReject = true
		h.Decide(e)
		for _, why := range []string{"policy", "internal", "expired"} {
			e := h.event(Report, "192.0.2.1", "joe")
			e.FailType = why
			h.Decide(e)
		}
	}
	h.want("192.0.2.1", "joe", "go")
	for _, why := range []string{"credentials", "account", "disabled", "news", ""} {
		e := h.event(Report, "192.0.2.1", "joe")
		e.FailType = why
		h.Decide(e)
	}
	h.want("192.0.2.1", "joe", "tarpit login.pair")
}

// A set holds no more than MostMembers, so a limit above is this one.
func TestMostMembers(t *testing.T) {
	h := newHouse(t, "[failures]\nlogins = \"64/1h\"\naddress = \"0\"\n", nil)
	for i := range MostMembers {
		h.wrong(1, "192.0.2.1", strconv.Itoa(i))
	}
	h.want("192.0.2.1", "new", "refuse login.logins")
}

// A webmail's users all come from the loopback.
func TestLoopback(t *testing.T) {
	h := newHouse(t, "", nil)
	for _, login := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		h.wrong(10, "127.0.0.1", login)
	}
	h.want("127.0.0.1", "new", "go")
	h.want("127.0.0.1", "a", "refuse login.pair")
}

func TestEntryFailures(t *testing.T) {
	h := newHouse(t, `
[failures]
pair = "0"
tarpit = "0s"
[[login]]
domain = "strict.example"
failures = "3/10m"
text = "strict"
[[login]]
domain = "free.example"
failures = "0"
[[login]]
domain = "slow.example"
failures = "3/10m"
answer = "tarpit"
[[login]]
domain = "log.example"
failures = "3/10m"
answer = "log"
`, nil)
	h.wrong(2, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe@strict.example", "go")
	h.wrong(1, "192.0.2.1", "joe@free.example")
	if a := h.expect(h.event(Allow, "192.0.2.1", "joe@strict.example"), "refuse login.failures"); a.Text != "strict" {
		t.Errorf("%q", a.Text)
	}
	if a := h.expect(h.event(Allow, "192.0.2.1", "joe@slow.example"), "tarpit login.failures"); a.Delay != 2*time.Second {
		t.Errorf("%s", a.Delay)
	}
	if a := h.expect(h.event(Allow, "192.0.2.1", "joe@log.example"), "go login.failures"); a.Would != Refuse {
		t.Errorf("%s", a.Would)
	}
	h.want("192.0.2.1", "joe", "go")
	h.wrong(27, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe@free.example", "go")
	h.want("192.0.2.1", "joe", "refuse login.failures")
}
