package decide

import (
	"testing"
	"time"
)

// connects makes n connections and returns how many were let in.
func (h *house) connects(n int, remote string) (in int) {
	for range n {
		if h.Decide(h.event(Connect, remote, "")).Kind == Go {
			in++
		}
	}
	return in
}

func TestSixteenth(t *testing.T) {
	h := newHouse(t, "[net]\nlocal = [\"10.0.0.0/8\"]\n", nil)
	start := h.now
	for i := range 15 {
		h.now = start.Add(time.Duration(i) * 30 * time.Second)
		h.expect(h.event(Connect, "192.0.2.1", ""), "go")
		h.expect(h.event(Connect, "10.0.0.1", ""), "go")
	}
	h.expect(h.event(Connect, "192.0.2.1", ""), "defer rate.conn")
	h.expect(h.event(Connect, "::ffff:192.0.2.1", ""), "defer rate.conn")
	h.expect(h.event(Connect, "10.0.0.1", ""), "go")
	h.expect(h.event(Connect, "192.0.2.2", ""), "go")
	h.now = start.Add(9*time.Minute + 59*time.Second)
	h.expect(h.event(Connect, "192.0.2.1", ""), "defer rate.conn")
	h.now = start.Add(11 * time.Minute)
	h.expect(h.event(Connect, "192.0.2.1", ""), "go")
	h.now = start.Add(30 * time.Minute)
	if n := h.connects(400, "10.0.0.1"); n != 300 {
		t.Errorf("%d of 300 local ones", n)
	}
}

// Who hammers on gets as many in as who waits.
func TestDeferredNotCounted(t *testing.T) {
	h := newHouse(t, "", nil)
	in := 0
	for range 60 {
		in += h.connects(10, "192.0.2.1")
		h.now = h.now.Add(time.Minute)
	}
	if in != 6*15 {
		t.Errorf("%d connections in an hour, want 90", in)
	}
}

func TestClasses(t *testing.T) {
	h := newHouse(t, `[net]
local = ["10.0.0.0/8"]
domain = ["10.1.0.0/16"]
known = ["198.51.100.7"]
listed = ["203.0.113.0/24"]
[rate]
nordns = { conn = "5/10m" }
`, nil)
	for remote, want := range map[string]int{
		"127.0.0.1": 1000, "::1": 1000, "10.2.0.1": 300, "10.1.0.1": 100, "198.51.100.7": 30,
		"198.51.100.8": 15, "203.0.113.1": 3, "fe80::1%eth0": 15,
	} {
		if got := h.connects(want+5, remote); got != want {
			t.Errorf("%s: %d, want %d", remote, got, want)
		}
	}
	for rdns, want := range map[RDNS]int{RDNSUnknown: 15, RDNSGood: 15, RDNSForged: 5, RDNSMissing: 5} {
		h.memory = newPlain()
		h.Engine.memory = h.memory
		in := 0
		for range 20 {
			e := h.event(Connect, "192.0.2.1", "")
			e.RDNS = rdns
			if h.Decide(e).Kind == Go {
				in++
			}
		}
		if in != want {
			t.Errorf("%q: %d, want %d", rdns, in, want)
		}
	}
}

func TestOpen(t *testing.T) {
	h := newHouse(t, "", nil)
	e := h.event(Connect, "192.0.2.1", "")
	for range 100 { // none of them counts as a connection
		e.Open = 11
		h.expect(e, "defer rate.open")
	}
	e.Open = 10
	h.expect(e, "go")
}

// mail is a message with so many recipients.
func (h *house) mail(remote string, n int) Event {
	e := h.event(Message, remote, "")
	e.Recipients = n
	return e
}

func TestMessages(t *testing.T) {
	h := newHouse(t, "", nil)
	for range 15 {
		h.expect(h.mail("192.0.2.1", 1), "go")
	}
	h.expect(h.mail("192.0.2.1", 1), "defer rate.msg")
	h.now = h.now.Add(10 * time.Minute)
	h.expect(h.mail("192.0.2.1", 0), "go") // a door that does not know
}

func TestRecipients(t *testing.T) {
	h := newHouse(t, "", nil)
	h.expect(h.mail("192.0.2.1", 101), "refuse rate.msg_rcpt")
	for range 3 {
		h.expect(h.event(Recipient, "192.0.2.1", ""), "go")
		h.expect(h.mail("192.0.2.1", 99), "go")
	}
	h.expect(h.event(Recipient, "192.0.2.1", ""), "go")
	h.expect(h.mail("192.0.2.1", 4), "defer rate.rcpt")
	h.expect(h.mail("192.0.2.1", 3), "go") // the deferred one was not counted
	h.expect(h.event(Recipient, "192.0.2.1", ""), "defer rate.rcpt")
	e := h.event(Recipient, "192.0.2.2", "")
	e.Recipients = 101
	h.expect(e, "defer rate.msg_rcpt")

	h = newHouse(t, "[rate]\noutside = { rcpt = \"5/10m\" }\n", nil)
	h.expect(h.mail("192.0.2.1", 6), "refuse rate.rcpt") // it would fit never
}

func TestQuota(t *testing.T) {
	h := newHouse(t, "", nil)
	e := h.mail("192.0.2.1", 1)
	e.RDNS = RDNSMissing
	for range 10 {
		e.Time = h.now
		h.expect(e, "go")
		h.now = h.now.Add(12 * time.Minute)
	}
	e.Time = h.now
	h.expect(e, "defer rate.quota")
	e.Time = h.now.Add(3 * time.Hour)
	h.expect(e, "go")
}

func TestConnMsg(t *testing.T) {
	h := newHouse(t, "", nil)
	e := h.mail("192.0.2.1", 1)
	e.Session = "s1"
	for range 10 {
		h.expect(e, "go")
	}
	h.expect(e, "defer rate.conn_msg")
	e.Session = "s2"
	h.expect(e, "go")
}

func TestShadow(t *testing.T) {
	h := newHouse(t, "[policyd]\nlog_only = true\n[net]\nlisted = [\"203.0.113.1\"]\n[intranet]\nrcpt = [\"staff\"]\n", nil)
	shadow := func(e Event, rule string, would Kind) {
		t.Helper()
		if a := h.expect(e, rule); a.Would != would {
			t.Errorf("would %s, want %s", a.Would, would)
		}
	}
	if n := h.connects(20, "192.0.2.1"); n != 20 {
		t.Errorf("%d of 20", n)
	}
	shadow(h.event(Connect, "192.0.2.1", ""), "go rate.conn", Defer)
	h.now = h.now.Add(9 * time.Minute) // they took place, so they count
	shadow(h.event(Connect, "192.0.2.1", ""), "go rate.conn", Defer)
	shadow(h.mail("203.0.113.1", 11), "go rate.msg_rcpt", Refuse)
	e := h.event(Recipient, "192.0.2.1", "")
	e.Recipient = "staff@example.org"
	shadow(e, "go intranet", Refuse)
}

func TestIntranet(t *testing.T) {
	h := newHouse(t, `[net]
local = ["10.0.0.0/8"]
known = ["10.9.0.0/16"]
domain = ["10.8.0.0/16"]
[intranet]
rcpt = ["All-Staff@example.com", "@lan.example.com", "board"]
from = ["local", "known"]
`, nil)
	for recipient, want := range map[string]string{
		"all-staff@example.com":                     "refuse intranet",
		"ALL-STAFF@EXAMPLE.COM":                     "refuse intranet",
		`"all-staff"@example.com`:                   "refuse intranet",
		`all\-staff@example.com.`:                   "refuse intranet",
		"<all-staff@example.com>":                   "refuse intranet",
		"@relay.example:all-staff@example.com":      "refuse intranet",
		"<@a.example,@b.example:board@example.net>": "refuse intranet",
		"all-staff@example.org":                     "go",
		"all-staff":                                 "go",
		"anyone@lan.example.com":                    "refuse intranet",
		"anyone@x.lan.example.com":                  "go",
		"a@lan.example.com@example.org":             "go",
		"board":                                     "refuse intranet",
		"board@anywhere.example":                    "refuse intranet",
		"":                                          "go",
		"@":                                         "go",
		`"`:                                         "go",
		`\`:                                         "go",
	} {
		for remote, want := range map[string]string{
			"192.0.2.1": want, "10.8.0.1": want, "10.1.1.1": "go", "10.9.0.1": "go", "127.0.0.1": "go",
		} {
			e := h.event(Recipient, remote, "")
			e.Recipient = recipient
			if a := h.Decide(e); a.Kind.String() != want && a.Kind.String()+" "+a.Rule != want {
				t.Errorf("%q from %s: %s %s", recipient, remote, a.Kind, a.Rule)
			}
		}
	}
}
