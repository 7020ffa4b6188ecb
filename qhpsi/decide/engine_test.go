package decide

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qguard/rules"
)

// places tells countries from a table; an address that is not in it is unknown.
type places map[string]string

func (p places) Country(a netip.Addr) (string, error) {
	switch code := p[a.String()]; code {
	case "":
		return NoCountry, nil
	case "broken":
		return NoCountry, errors.New("damaged")
	default:
		return code, nil
	}
}

// A house is an engine with a clock.
type house struct {
	*Engine
	t      *testing.T
	memory *plain
	now    time.Time
}

func parse(t *testing.T, text string) *rules.Config {
	t.Helper()
	if !strings.Contains(text, "log_only") {
		text = "[policyd]\nlog_only = false\n" + text
	}
	c, err := rules.Parse("test.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newHouse(t *testing.T, text string, where Places) *house {
	t.Helper()
	m := newPlain()
	return &house{New(parse(t, text), m, where), t, m, time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}
}

func (h *house) event(phase Phase, remote, login string) Event {
	e := Event{Time: h.now, Phase: phase, Login: login, Protocol: "imap"}
	if remote != "" {
		e.Remote = netip.MustParseAddr(remote)
	}
	return e
}

// wrong reports n wrong passwords.
func (h *house) wrong(n int, remote, login string) {
	for range n {
		if a := h.Decide(h.event(Report, remote, login)); a != (Answer{}) {
			h.t.Fatal("a report is answered", a)
		}
	}
}

func (h *house) success(remote, login string) {
	e := h.event(Report, remote, login)
	e.Success = true
	h.Decide(e)
}

// want asks whether a login is allowed and compares kind and rule, "go" where
// there is none.
func (h *house) want(remote, login, want string) {
	h.t.Helper()
	h.expect(h.event(Allow, remote, login), want)
}

func (h *house) expect(e Event, want string) Answer {
	h.t.Helper()
	a := h.Decide(e)
	got := strings.TrimSpace(a.Kind.String() + " " + a.Rule)
	if got != want {
		h.t.Errorf("%s %s %q: %s, want %s", e.Phase, e.Remote, e.Login, got, want)
	}
	if a.Rule != "" && (a.Text == "" || strings.ContainsAny(a.Text, "\r\n") || len(a.Text) > longestText) {
		h.t.Errorf("text %q", a.Text)
	}
	if (a.Delay > 0) != (a.Kind == Tarpit) {
		h.t.Errorf("%s with a delay of %s", a.Kind, a.Delay)
	}
	return a
}

func TestNoAddress(t *testing.T) {
	h := newHouse(t, `[[login]]
countries = ["GB"]
unknown = true`, places{})
	h.wrong(100, "", "joe")
	h.want("", "joe", "go")
	for _, phase := range []Phase{Connect, Close, Recipient, Message, "", "nonsense"} {
		h.expect(h.event(phase, "", ""), "go")
	}
	h.expect(h.event("nonsense", "192.0.2.1", ""), "go")
}

// Whatever a client writes, the texts are ours or the administrator's.
func TestTexts(t *testing.T) {
	h := newHouse(t, "[[login]]\nrefused = [\"XX\"]\ntext = \"No.\\r\\nWrite\\u0000 to \\u202e helpdesk@example.org   \"\n", places{"192.0.2.1": "XX"})
	a := h.expect(h.event(Allow, "192.0.2.1", "joe\r\nX: y"), "refuse login.country")
	if a.Text != "No. Write to helpdesk@example.org" {
		t.Errorf("%q", a.Text)
	}
	if got := oneLine(strings.Repeat("é", 300)); len(got) != longestText {
		t.Errorf("%d bytes", len(got))
	}
	if got := oneLine("a\xffb"); got != "a b" {
		t.Errorf("%q", got)
	}
}

func TestCounters(t *testing.T) {
	c := parse(t, `[failures]
address = "30/1h"
pair = "0"
[[login]]
user = "a"
failures = "5/10m"
[[login]]
user = "b"
failures = "9/1h"
[[login]]
user = "c"
failures = "0"
[rate]
outside = { msg = "10/1h" }
`)
	ten, hour := 10*time.Minute, time.Hour
	want := []Counter{
		{"login.failures", ten}, {"login.failures", hour}, {"login.logins", hour},
		{"rate.conn", ten}, {"rate.conn_msg", hour}, {"rate.msg", ten}, {"rate.msg", hour},
		{"rate.quota", 4 * hour}, {"rate.rcpt", ten},
	}
	if got := Counters(c); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// New rules count on with what was counted.
func TestSetRules(t *testing.T) {
	h := newHouse(t, "", nil)
	h.wrong(6, "192.0.2.1", "joe")
	h.want("192.0.2.1", "joe", "tarpit login.pair")
	h.SetRules(parse(t, "[failures]\npair = \"6/1h\"\n"))
	h.want("192.0.2.1", "joe", "refuse login.pair")
	h.SetRules(parse(t, "[policyd]\nlog_only = true\n[failures]\npair = \"6/1h\"\n"))
	a := h.expect(h.event(Allow, "192.0.2.1", "joe"), "go login.pair")
	if a.Would != Refuse {
		t.Errorf("would %s", a.Would)
	}
}

// Many at once: none over a limit, and rules that change meanwhile.
func TestTogether(t *testing.T) {
	h := newHouse(t, "", nil)
	c := parse(t, "")
	var in atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if h.Decide(h.event(Connect, "192.0.2.1", "")).Kind == Go {
					in.Add(1)
				}
				h.Decide(h.event(Allow, "192.0.2.1", "joe"))
				h.SetRules(c)
			}
		})
	}
	all.Wait()
	if in.Load() != 15 {
		t.Errorf("%d of 15 connections", in.Load())
	}
}

func FuzzDecide(f *testing.F) {
	c, err := rules.Parse("x", `[policyd]
log_only = false
[intranet]
rcpt = ["all@example.org", "@lan.example.org", "staff"]
[[login]]
user = "*a*b*@example.*"
protocol = "*"
countries = ["GB"]
`)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("allow", "joe@example.org", `<@a:"al\l"@example.org.>`, "imap", 3, []byte{192, 0, 2, 1})
	f.Add("message", "", "", "", -1, []byte{})
	f.Fuzz(func(t *testing.T, phase, login, recipient, protocol string, n int, addr []byte) {
		e := New(c, newPlain(), places{})
		a, _ := netip.AddrFromSlice(addr)
		for range 3 {
			got := e.Decide(Event{
				Time: time.Unix(1e9, 0), Phase: Phase(phase), Login: login, Recipient: recipient,
				Protocol: protocol, Recipients: n, Open: n, Session: login, Remote: a,
			})
			if got.Kind < Go || got.Kind > Refuse || got.Text != textOf(got.Rule) && got.Rule != "" {
				t.Errorf("%+v", got)
			}
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	c, err := rules.Parse("x", "[[login]]\nuser = \"*@example.org\"\ncountries = [\"GB\"]\n")
	if err != nil {
		b.Fatal(err)
	}
	e := New(c, newPlain(), places{"192.0.2.1": "GB"})
	ev := Event{Time: time.Unix(1e9, 0), Phase: Allow, Login: "joe@example.org", Remote: netip.MustParseAddr("192.0.2.1")}
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(ev)
	}
}
