package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
)

// A mail is a message, its envelope and what is done to it on its way.
type mail struct {
	id         string
	message    string
	recipients []string
	refused    bool           // the policy never takes it
	unsafe     bool           // there is something to be found, whoever gets it
	doubt      bool           // nobody can tell whether there is: it is put off
	victim     victim         // who is killed
	signal     syscall.Signal // how; 0 = SIGKILL
	chance     int            // 0 to 99, what is done with it
	moment     float64        // when, as a share of the time an undisturbed one takes

	// What came of it.
	exit    int // -1: killed by signal
	killed  bool
	crashed bool // by a signal that did not come from us
	said    string
}

type victim int

const (
	nobody victim = iota
	wrapper
	downstream
)

// policy is by recipient, so that a message can go several ways.
const policy = `
[[policy]]
recipient = "deliver.example.org"
rule      = "xfile.*"
action    = "tag"
[[policy]]
recipient = "hold.example.org"
rule      = "xfile.*"
action    = "hold"
[[policy]]
recipient = "refuse.example.org"
rule      = "xfile.*"
action    = "reject"
`

const (
	deliver = "user@deliver.example.org"
	hold    = "user@hold.example.org"
	refuse  = "user@refuse.example.org"
)

// sizes of messages and how many in a hundred have them. The largest is over
// what is spooled in memory.
var sizes = []struct{ bytes, percent int }{{3 << 10, 60}, {200 << 10, 36}, {3 << 20, 4}}

// newMail makes the message of a number; the same number and seed, the same mail.
func newMail(seed uint64, n int) *mail {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	m := &mail{id: fmt.Sprintf("torture-%d-%06d", seed, n), recipients: []string{deliver}, moment: r.Float64() * 1.2}
	name := "notes.txt"
	if r.IntN(100) >= 40 { // not clean
		name, m.unsafe = "setup.exe", true
		switch p := r.IntN(100); {
		case p < 45:
			m.recipients = []string{hold}
		case p < 65:
			m.recipients = []string{deliver, hold}
		case p < 85:
			m.recipients = []string{hold, deliver}
		default:
			m.recipients = []string{deliver, refuse}
			m.refused = true
		}
	}
	m.chance = r.IntN(100)
	size, p := 0, r.IntN(100)
	for _, s := range sizes {
		if size = s.bytes; p < s.percent {
			break
		}
		p -= s.percent
	}
	m.message = text(m.id, name, size, r)
	return m
}

// A login of the site, and its hash: $5$ of rounds=1000.
const (
	owner    = "jdoe"
	password = "Sommer-2026x"
	shadow   = "$5$rounds=1000$saltsalt$EvxW64iuwS1fTRPhjSo9hOdd3asNAqIbsrMJPLXF7qA"
)

// marker is a virus to the clamd that is killed.
const marker = "qguard-torture-marker"

// users is the list of local users: the owner and ten more.
func users() string {
	list := owner + "\n"
	for n := range 10 {
		list += user(n) + "\n"
	}
	return list
}

func user(n int) string { return fmt.Sprintf("user%d", n%10) }

// sample is a small mail of a kind: clean; hold, refuse: a program for somebody
// whose policy says so; leak: a login that works; guess: one that does not, of
// user n;
// virus: the text that our clamd has a signature for.
func sample(kind string, n int) *mail {
	id := fmt.Sprintf("torture-%s-%06d", kind, n)
	m := &mail{id: id, recipients: []string{deliver}}
	head := fmt.Sprintf("From: sender@example.org\nSubject: %s\nMessage-ID: <%[1]s@example.org>\n", id)
	const program = "Content-Type: application/octet-stream; name=setup.exe\n\nMZ\n"
	switch kind {
	case "clean":
		m.message = head + "\nAt noon?\n"
	case "hold":
		m.message, m.recipients, m.unsafe = head+program, []string{hold}, true
	case "refuse":
		m.message, m.recipients, m.unsafe, m.refused = head+program, []string{deliver, refuse}, true, true
	case "leak":
		m.message, m.unsafe, m.refused = head+"\nUsername: "+owner+"\nPassword: "+password+"\n", true, true
	case "virus":
		m.message, m.unsafe, m.refused = head+"\nhello "+marker+" there\n", true, true
	case "guess":
		m.message = head + fmt.Sprintf("\nUsername: %s\nPassword: Winter-%04d-xY\n", user(n), n)
	}
	return m
}

// samples are n mails of every kind.
func samples(n int, kinds ...string) (list []*mail) {
	if len(kinds) == 0 {
		kinds = []string{"clean", "hold", "refuse", "leak", "guess"}
	}
	for i := range n {
		for _, kind := range kinds {
			list = append(list, sample(kind, i))
		}
	}
	return list
}

// text is a message with one attachment of random bytes.
func text(id, name string, size int, r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, `From: sender@example.org
Subject: %s
Message-ID: <%[1]s@example.org>
MIME-Version: 1.0
Content-Type: application/octet-stream; name="%s"
Content-Disposition: attachment; filename="%[2]s"
Content-Transfer-Encoding: base64

`, id, name)
	line := make([]byte, 54)
	for b.Len() < size {
		for i := range line {
			line[i] = byte(r.Uint32())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(line) + "\n")
	}
	return b.String()
}
