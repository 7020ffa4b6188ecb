package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A mail is a message, its envelope and what is done to it on its way.
type mail struct {
	id         string
	message    string
	recipients []string
	refused    bool    // the policy never takes it
	victim     victim  // who is killed
	moment     float64 // when, as a share of the time an undisturbed one takes

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
func newMail(seed uint64, n int, kill bool) *mail {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	m := &mail{id: fmt.Sprintf("torture-%d-%06d", seed, n), recipients: []string{deliver}, moment: r.Float64() * 1.2}
	name := "notes.txt"
	if r.IntN(100) >= 40 { // not clean
		name = "setup.exe"
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
	if p := r.IntN(100); kill && p < 25 {
		m.victim = wrapper
	} else if kill && p < 50 {
		m.victim = downstream
	}
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
