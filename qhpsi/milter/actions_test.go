package milter

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// letter is what the default replacement looks like.
const letter = `^X-QHPSI: virus found
X-QGuard: xfile\.name [^\n]*
From: postmaster
To: undisclosed-recipients:;
Subject: Removed: a file
Date: [^\n]*
Message-ID: <ID@qguard>
In-Reply-To: <1@example\.org>
Auto-Submitted: auto-generated
MIME-Version: 1\.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

A message for you was not delivered.*\nit under this number: ID\n$`

// A delivery is a mail and what becomes of it. Addresses are without their domain.
type delivery struct {
	name      string
	toml      string // the rules
	mail      string
	to        string
	reply     string
	text      string // of what is delivered; "" = nothing is. A letter, or the very text
	delivered string // to whom
	held      string // for whom; "|" between messages
	answer    string
	action    string
}

// TestPostfix sends mail to a real Postfix and compares what it answers, what it
// delivers to whom, and what is held for whom.
func TestPostfix(t *testing.T) {
	h := newHouse(t, byRecipient)
	p := startPostfix(t, h.peerAddr())
	const (
		tagged  = "X-QHPSI: virus found\nX-QGuard: xfile.name part=1 name=a.exe\n"
		ok      = `^250 .*queued as`
		refused = `^550 5\.7\.1 unsafe file a\.exe \(xfile\.name\)$`
		later   = `^451 4\.3\.0 message could not be checked, try again later$`
	)
	forged := "X-QGuard: forged\nx-qhpsi:\n folded\nX-QHPSI :second\nX-Quarantine-ID: x@y,\nX-QGuardian: mine\n"
	for _, c := range []delivery{
		{name: "clean", mail: clean, to: "a b", reply: ok, text: "X-QHPSI: clean\n" + clean, delivered: "a b", answer: "accept", action: "pass"},
		{name: "refused", mail: program, to: "a b", reply: refused, answer: "550 5.7.1", action: "reject"},
		{name: "refused with text", mail: program, to: "text", reply: `^550 5\.7\.9 100% no programs$`, answer: "550 5.7.9", action: "reject"},
		{name: "undecided", mail: clean + "undecided\n", to: "a", reply: later, answer: "451 4.3.0", action: "defer"},
		{name: "deferred", mail: program, to: "defer pass", reply: later, answer: "451 4.3.0", action: "defer"},
		{name: "panic", mail: clean + "panic\n", to: "a", reply: later, answer: "451 4.3.0", action: ""},
		{name: "pass", mail: program, to: "pass", reply: ok, text: "X-QHPSI: virus found\n" + program, delivered: "pass", answer: "accept", action: "pass"},
		{name: "tag", mail: program, to: "tag", reply: ok, text: tagged + program, delivered: "tag", answer: "accept", action: "tag"},
		{name: "pass and tag", mail: program, to: "pass tag", reply: ok, text: tagged + program, delivered: "pass tag", answer: "accept", action: "tag"},
		{name: "hold", mail: program, to: "hold", reply: ok, held: "hold", answer: "discard", action: "hold"},
		{name: "discard", mail: program, to: "discard", reply: ok, answer: "discard", action: "discard"},
		{name: "hold and discard", mail: program, to: "hold discard", reply: ok, held: "hold", answer: "discard", action: "hold"},
		{name: "hold and pass", mail: program, to: "hold pass", reply: ok, text: "X-QHPSI: virus found\n" + program, delivered: "pass", held: "hold", answer: "accept", action: "hold"},
		{name: "replace", mail: program, to: "replace", reply: ok, text: letter, delivered: "replace", held: "replace", answer: "accept", action: "replace"},
		{name: "replace and hold", mail: program, to: "hold replace discard", reply: ok, text: letter, delivered: "replace", held: "hold|replace", answer: "accept", action: "hold"},
		{name: "replace and tag", mail: program, to: "replace tag discard", reply: ok, text: tagged + program, delivered: "tag", held: "replace", answer: "accept", action: "replace"},
		{name: "some refuse", mail: program, to: "pass a", reply: refused, answer: "550 5.7.1", action: "reject"},
		{name: "some refuse, theirs is held", toml: "[queue]\nmixed = 'hold'\n", mail: program, to: "pass a", reply: ok,
			text: "X-QHPSI: virus found\n" + program, delivered: "pass", held: "a", answer: "accept", action: "hold"},
		{name: "all refuse", toml: "[queue]\nmixed = 'hold'\n", mail: program, to: "a b", reply: refused, answer: "550 5.7.1", action: "reject"},
		{name: "forwarded", toml: "[quarantine]\nforward = 'k@example.org'\n", mail: program, to: "hold", reply: ok,
			text: tagged + "X-Quarantine-ID: k@example.org,hold@example.org\n" + program, delivered: "k", held: "hold", answer: "accept", action: "hold"},
		{name: "not forwarded, others get it", toml: "[quarantine]\nforward = 'k@example.org'\n", mail: program, to: "hold tag", reply: ok,
			text: tagged + program, delivered: "tag", held: "hold", answer: "accept", action: "hold"},
		{name: "forwarded to a recipient", toml: "[quarantine]\nforward = 'hold@example.org'\n", mail: program, to: "hold", reply: ok,
			text: tagged + "X-Quarantine-ID: hold@example.org,hold@example.org\n" + program, delivered: "hold", held: "hold", answer: "accept", action: "hold"},
		{name: "forged fields", mail: forged + clean, to: "a", reply: ok, delivered: "a", answer: "accept", action: "pass",
			text: "X-QHPSI: clean\nX-QGuardian: mine\n" + strings.Replace(clean, "\n\n", "\nX-Old-X-QGuard: forged\nX-Old-x-qhpsi:\n folded\nX-Old-X-QHPSI:second\nX-Old-X-Quarantine-ID: x@y,\n\n", 1)},
		{name: "forged fields, replaced", mail: forged + program, to: "replace", reply: ok, text: letter, delivered: "replace", held: "replace", answer: "accept", action: "replace"},
		{name: "empty", mail: "", to: "a", reply: ok, text: "X-QHPSI: clean\n", delivered: "a", answer: "accept", action: "pass"},
		{name: "no header", mail: "\nbody\n", to: "a", reply: ok, text: "X-QHPSI: clean\n\nbody\n", delivered: "a", answer: "accept", action: "pass"},
		{name: "too long", toml: "[limit]\nsize = '1K'\n", mail: clean + strings.Repeat("long\n", 300), to: "a", reply: later, answer: "451 4.3.0", action: "hold"},
		{name: "too long, tagged", toml: "[limit]\nsize = '1K'\n[[policy]]\nrule = 'limit.size'\naction = 'tag'\n", mail: clean + strings.Repeat("long\n", 300), to: "a", reply: ok,
			text: "X-QHPSI: virus found\nX-QGuard: limit.size\n" + clean + strings.Repeat("long\n", 300), delivered: "a", answer: "accept", action: "tag"},
		{name: "quarantine full", toml: "[quarantine]\npath = '/dev/null/q'\n", mail: program, to: "hold", reply: later, answer: "451 4.3.0", action: "hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.obey(t, c.toml+byRecipient)
			reply := p.dial(t).mail(c.mail, addresses(c.to)...)
			if !regexp.MustCompile(c.reply).MatchString(reply) {
				t.Errorf("reply %q, want %s", reply, c.reply)
			}
			log, seen := h.take()
			if len(log) != 1 || log[0].Answer != c.answer || log[0].Queue == "" || log[0].Recipients != len(strings.Fields(c.to)) {
				t.Fatalf("logged %v", log)
			}
			if line := log[0].Line(); c.action != "" && !strings.Contains(line, " action="+c.action+" ") {
				t.Errorf("logged %s", line)
			}
			if len(seen) == 1 && seen[0].text != asJudged(c.mail) {
				t.Errorf("judged %q\nwant   %q", seen[0].text, asJudged(c.mail))
			}
			got := p.take(t)
			if c.text == "" && len(got) > 0 || c.text != "" && len(got) != 1 {
				t.Fatalf("delivered %q", got)
			}
			if len(got) == 1 {
				c.deliveredAs(t, got[0], log[0].ID)
			}
			compareHeld(t, h, c.held, c.mail)
		})
	}
}

// deliveredAs compares a message that Postfix delivered. It passes a lone CR on
// as a blank.
func (c delivery) deliveredAs(t *testing.T, got sunk, id string) {
	t.Helper()
	if slices.Sort(got.to); !slices.Equal(got.to, addresses(c.delivered)) {
		t.Errorf("delivered to %q, want %q", got.to, addresses(c.delivered))
	}
	if c.text != letter {
		if want := strings.ReplaceAll(c.text, "\r", " "); got.text != want {
			t.Errorf("delivered %q\nwant      %q", got.text, want)
		}
		return
	}
	var number = regexp.MustCompile(regexp.QuoteMeta(id) + "-[0-9]")
	if text := number.ReplaceAllString(got.text, "ID"); !regexp.MustCompile(`(?s)` + letter).MatchString(text) {
		t.Errorf("delivered %q", text)
	}
}

// asJudged is a message as Postfix hands it to a milter.
func asJudged(mail string) string {
	if !strings.Contains(mail, "\n\n") && !strings.HasPrefix(mail, "\n") {
		mail += "\n"
	}
	return strings.NewReplacer("\r", " ", "X-QHPSI :", "X-QHPSI:").Replace(mail)
}

// compareHeld compares for whom a message is held, and empties the quarantine.
func compareHeld(t *testing.T, h *house, want, mail string) {
	t.Helper()
	list, texts := h.held(t)
	var got []string
	for i, held := range list {
		got = append(got, strings.ReplaceAll(strings.Join(held.Recipients, " "), "@example.org", ""))
		if texts[i] != asJudged(mail) || held.Sender != "sender@example.org" || held.Client != "127.0.0.1" {
			t.Errorf("held %+v %q", held, texts[i])
		}
	}
	slices.Sort(got)
	if strings.Join(got, "|") != want {
		t.Errorf("held for %q, want %q", got, want)
	}
}

func addresses(names string) []string {
	var list []string
	for _, name := range strings.Fields(names) {
		list = append(list, name+"@example.org")
	}
	slices.Sort(list)
	return list
}

// TestPostfixSession has several messages and a reset in one connection, then a
// client that goes in the middle.
func TestPostfixSession(t *testing.T) {
	h := newHouse(t, "")
	p := startPostfix(t, h.peerAddr())
	s := p.dial(t)
	if got := s.mail(program, "a@example.org"); got[:3] != "550" {
		t.Error(got)
	}
	if got := s.mail(clean, "b@example.org"); got[:3] != "250" {
		t.Error(got)
	}
	s.say("MAIL FROM:<>")
	s.say("RCPT TO:<c@example.org>")
	s.say("RSET")
	if got := s.mail(program, "d@example.org"); got[:3] != "550" {
		t.Error(got)
	}
	if got := s.mail(clean, "e@example.org", "f@example.org"); got[:3] != "250" {
		t.Error(got)
	}
	s.say("MAIL FROM:<>")
	s.say("RCPT TO:<g@example.org>")
	s.say("DATA")
	s.PrintfLine("Subject: cut")
	s.Close()
	var to []string
	for _, x := range p.take(t) {
		to = append(to, strings.Join(x.to, " "))
		if x.text != "X-QHPSI: clean\n"+asJudged(clean) {
			t.Errorf("delivered %q", x.text)
		}
	}
	slices.Sort(to)
	if want := "b@example.org|e@example.org f@example.org"; strings.Join(to, "|") != want {
		t.Errorf("delivered to %q, want %q", to, want)
	}
	log, _ := h.take()
	var answers []string
	for _, r := range log {
		answers = append(answers, r.Answer)
	}
	if want := []string{"550 5.7.1", "accept", "550 5.7.1", "accept"}; !slices.Equal(answers, want) {
		t.Errorf("answered %q, want %q", answers, want)
	}
}

// TestPostfixUser logs in: mail is outgoing then, and the user is known.
func TestPostfixUser(t *testing.T) {
	h := newHouse(t, "[[policy]]\ndirection = 'outgoing'\nrule = 'xfile.name'\naction = 'tag'\n")
	p := startPostfix(t, h.peerAddr(), "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = inet:"+authServer(t))
	s := p.dial(t)
	if got := s.mail(program, "a@example.org"); got[:3] != "550" {
		t.Errorf("nobody's: %s", got)
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00jdoe\x00any"))
	if got := s.say("AUTH PLAIN " + plain); got[:3] != "235" {
		t.Fatal(got)
	}
	if got := s.mail(program, "a@example.org"); got[:3] != "250" {
		t.Errorf("a user's: %s", got)
	}
	_, seen := h.take()
	if len(seen) != 2 || seen[0].user != "" || seen[0].envelope.Outgoing || seen[1].user != "jdoe" || !seen[1].envelope.Outgoing {
		t.Fatalf("judged %+v", seen)
	}
	if e := seen[1].envelope; *e.Sender != "sender@example.org" || e.Client.String() != "127.0.0.1" {
		t.Errorf("envelope %+v", e)
	}
}

// authServer speaks Dovecot's authentication protocol, version 1.1, as far as
// Postfix needs it, and lets jdoe in.
func authServer(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintf(c, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n")
				for in := bufio.NewScanner(c); in.Scan(); {
					if f := strings.Split(in.Text(), "\t"); f[0] == "AUTH" {
						fmt.Fprintf(c, "OK\t%s\tuser=jdoe\n", f[1])
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// TestPostfixAlone: without its milter Postfix takes no mail, and goes on when
// it is back.
func TestPostfixAlone(t *testing.T) {
	h := newHouse(t, "")
	addr := "127.0.0.1:" + freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	p := startPostfix(t, "inet:127.0.0.1:"+port)
	if got := p.dial(t).mail(clean, "a@example.org"); got[:1] != "4" {
		t.Errorf("without a milter: %s", got)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	h.on(t, ln, &Server{Host: h})
	if got := p.dial(t).mail(clean, "a@example.org"); got[:3] != "250" {
		t.Errorf("with one: %s", got)
	}
}
