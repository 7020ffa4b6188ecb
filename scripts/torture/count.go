package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// where says how often a recipient's copy is in the recorder and how often in
// the quarantine.
type where struct{ recorder, quarantine int }

// collect finds every message that was queued or held, by number and
// recipient, and complains of each that is not whole.
func (t *torture) collect(mails map[string]*mail) map[string]map[string]*where {
	found := map[string]map[string]*where{}
	at := func(id, to string) *where {
		if found[id] == nil {
			found[id] = map[string]*where{}
		}
		if found[id][to] == nil {
			found[id][to] = &where{}
		}
		return found[id][to]
	}
	for _, name := range files(filepath.Join(t.recorder, "new")) {
		r, err := readRecord(name)
		if err != nil {
			t.wrong(odd, "%v", err)
			continue
		}
		head, body, _ := strings.Cut(string(r.message), "From: ")
		m := mails[number(r.message)]
		if m == nil || "From: "+body != m.message || !strings.HasPrefix(head, "X-QHPSI: ") || r.sender != "sender@example.org" {
			t.wrong(odd, "%s: not the message that was sent", name)
			continue
		}
		for _, to := range r.recipients {
			at(m.id, to).recorder++
		}
	}
	for _, name := range files(filepath.Join(t.quarantine, "new")) {
		data, err := os.ReadFile(name)
		m := mails[number(data)]
		if err != nil || m == nil || string(data) != m.message {
			t.wrong(odd, "%s: not whole (%d bytes)", name, len(data))
			continue
		}
		var held struct {
			Sender     string
			Recipients []string
			Size       int
		}
		meta, err := os.ReadFile(filepath.Join(t.quarantine, "meta", filepath.Base(name)+".json"))
		if err == nil {
			err = json.Unmarshal(meta, &held)
		}
		if err != nil || held.Sender != "sender@example.org" || held.Size != len(m.message) {
			t.wrong(odd, "%s: description: %v", name, err)
			continue
		}
		for _, to := range held.Recipients {
			at(m.id, to).quarantine++
		}
	}
	return found
}

// number finds a message's number in its text.
func number(message []byte) string {
	_, after, _ := strings.Cut(string(message[:min(len(message), 1000)]), "Message-ID: <")
	id, _, _ := strings.Cut(after, "@")
	return id
}

// account holds what was answered against what is there, and says in one line
// what became of the mails.
func (t *torture) account(mails []*mail) string {
	byID := map[string]*mail{}
	for _, m := range mails {
		byID[m.id] = m
	}
	found := t.collect(byID)
	var c struct{ taken, refused, disturbed, queued, held int }
	for _, m := range mails {
		there := found[m.id]
		delete(found, m.id)
		if m.killed {
			c.disturbed++
		}
		if m.crashed && !t.mayCrash {
			t.wrong(odd, "%s: %s died of a signal: %s", m.id, t.program, m.said)
		}
		if m.exit == 0 {
			c.taken++
			t.whole(m, there)
			continue
		}
		if !temporary(m.exit) {
			c.refused++
		}
		queued, held := t.leftovers(m, there)
		c.queued, c.held = c.queued+queued, c.held+held
	}
	for id := range found {
		t.wrong(odd, "%s: was never sent", id)
	}
	if c.taken == 0 && !t.nothing {
		t.wrong(odd, "not one was taken")
	}
	for _, name := range files(t.spool) {
		t.wrong(odd, "%s: left in the spool", name)
	}
	if tmp := files(filepath.Join(t.quarantine, "tmp")); len(tmp) > c.disturbed {
		t.wrong(odd, "%d unfinished in the quarantine, %d were killed", len(tmp), c.disturbed)
	}
	text := fmt.Sprintf("%d mails: %d taken, %d refused", len(mails), c.taken, c.refused)
	if off := tally(mails); off != "" {
		text += ", put off: " + off
	}
	if c.queued+c.held > 0 {
		text += fmt.Sprintf("; of these %d queued, %d held all the same", c.queued, c.held)
	}
	return text
}

// whole looks at a mail that was taken: each recipient has it once.
func (t *torture) whole(m *mail, there map[string]*where) {
	switch {
	case m.refused:
		t.wrong(passed, "%s: answered 0 against the policy: %s", m.id, m.said)
		return
	case m.doubt:
		t.wrong(passed, "%s: answered 0, was not judged: %s", m.id, m.said)
		return
	}
	for _, to := range m.recipients {
		switch w := there[to]; {
		case w == nil || w.recorder+w.quarantine == 0:
			t.wrong(lost, "%s to %s: answered 0, is nowhere; %s", m.id, to, m.said)
		case w.recorder+w.quarantine > 1:
			t.wrong(doubled, "%s to %s: answered 0, found %+v; %s", m.id, to, *w, m.said)
		case to == hold && w.quarantine == 0:
			t.wrong(passed, "%s to %s: delivered against the policy", m.id, to)
		}
	}
	if len(there) > len(m.recipients) {
		t.wrong(odd, "%s: recipients %v, found %d", m.id, m.recipients, len(there))
	}
}

// leftovers looks at a mail that was not taken: only one that somebody was
// killed over may be somewhere all the same.
func (t *torture) leftovers(m *mail, there map[string]*where) (queued, held int) {
	for to, w := range there {
		queued, held = max(queued, min(w.recorder, 1)), max(held, min(w.quarantine, 1))
		if !slices.Contains(m.recipients, to) || w.recorder > 1 || w.quarantine > 1 {
			t.wrong(doubled, "%s to %s: answered %d, found %+v", m.id, to, m.exit, *w)
		}
	}
	switch {
	case m.refused && len(there) > 0:
		t.wrong(passed, "%s: refused for good, found %d copies", m.id, len(there))
	case !m.killed && len(there) > 0:
		t.wrong(doubled, "%s: answered %d undisturbed, found %d copies; %s", m.id, m.exit, len(there), m.said)
	case held > 0 && (m.victim != wrapper || m.signal != 0):
		t.wrong(odd, "%s: answered %d and held; %s", m.id, m.exit, m.said)
	case m.doubt && !temporary(m.exit):
		t.wrong(odd, "%s: answered %d, was not judged: %s", m.id, m.exit, m.said)
	case t.excused && temporary(m.exit):
	case !m.killed && !m.refused, m.killed && !m.refused && !temporary(m.exit):
		t.wrong(odd, "%s: answered %d undisturbed: %s", m.id, m.exit, m.said)
	}
	return queued, held
}

// tally counts the temporary answers.
func tally(mails []*mail) string {
	count := map[string]int{}
	for _, m := range mails {
		switch {
		case m.exit < 0:
			count["killed"]++
		case temporary(m.exit):
			count[fmt.Sprintf("exit %d", m.exit)]++
		}
	}
	var list []string
	for exit, n := range count {
		list = append(list, fmt.Sprintf("%d (%s)", n, exit))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
