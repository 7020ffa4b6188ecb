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
			t.wrong("%v", err)
			continue
		}
		head, body, _ := strings.Cut(string(r.message), "From: ")
		m := mails[number(r.message)]
		if m == nil || "From: "+body != m.message || !strings.HasPrefix(head, "X-QHPSI: ") || r.sender != "sender@example.org" {
			t.wrong("%s: not the message that was sent", name)
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
			t.wrong("%s: not whole (%d bytes)", name, len(data))
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
			t.wrong("%s: description: %v", name, err)
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

// count holds what was answered against what is there.
func (t *torture) count(mails []*mail) {
	byID := map[string]*mail{}
	for _, m := range mails {
		byID[m.id] = m
	}
	found := t.collect(byID)
	var c struct{ taken, refused, wrappers, downstreams, again, kept int }
	for _, m := range mails {
		there := found[m.id]
		delete(found, m.id)
		if m.killed && m.victim == wrapper {
			c.wrappers++
		} else if m.killed {
			c.downstreams++
		}
		if m.crashed {
			t.wrong("%s: %s died of a signal: %s", m.id, t.program, m.said)
		}
		if m.exit != 0 {
			c.refused++
			t.leftovers(m, there, &c.again, &c.kept)
			continue
		}
		c.taken++
		if m.refused {
			t.wrong("%s: answered 0 against the policy: %s", m.id, m.said)
		}
		for _, to := range m.recipients {
			if w := there[to]; w == nil || w.recorder+w.quarantine != 1 {
				t.wrong("%s to %s: answered 0, found %+v; %s", m.id, to, w, m.said)
			} else if to == hold && w.quarantine == 0 {
				t.wrong("%s to %s: delivered against the policy", m.id, to)
			}
		}
		if len(there) != len(m.recipients) {
			t.wrong("%s: recipients %v, found %d", m.id, m.recipients, len(there))
		}
	}
	for id := range found {
		t.wrong("%s: was never sent", id)
	}
	if c.taken == 0 {
		t.wrong("not one was taken")
	}
	tmp := len(files(filepath.Join(t.quarantine, "tmp")))
	spool := files(t.spool)
	for _, name := range spool {
		t.wrong("%s: left in the spool", name)
	}
	fmt.Printf("messages                       %5d\n", len(mails))
	fmt.Printf("wrappers killed                %5d\n", c.wrappers)
	fmt.Printf("downstream programs killed     %5d\n", c.downstreams)
	fmt.Printf("answered 0                     %5d\n", c.taken)
	fmt.Printf("answered otherwise             %5d  %s\n", c.refused, tally(mails))
	fmt.Printf("  of these queued all the same %5d  killed after the queue had it\n", c.again)
	fmt.Printf("  of these held all the same   %5d  killed after it was held\n", c.kept)
	fmt.Printf("left in the spool              %5d\n", len(spool))
	fmt.Printf("unfinished in quarantine/tmp   %5d  by killed wrappers\n", tmp)
	if tmp > c.wrappers {
		t.wrong("more unfinished files than killed wrappers")
	}
	fmt.Printf("wrong                          %5d\n", t.errors)
}

// leftovers looks at a mail that was not taken: only one that somebody was
// killed over may be somewhere all the same.
func (t *torture) leftovers(m *mail, there map[string]*where, again, kept *int) {
	var queued, held bool
	for to, w := range there {
		queued = queued || w.recorder > 0
		held = held || w.quarantine > 0
		if !slices.Contains(m.recipients, to) || w.recorder > 1 || w.quarantine > 1 {
			t.wrong("%s to %s: answered %d, found %+v", m.id, to, m.exit, *w)
		}
	}
	if queued {
		*again++
	}
	if held {
		*kept++
	}
	switch {
	case m.refused && len(there) > 0:
		t.wrong("%s: refused for good, found %d copies", m.id, len(there))
	case !m.killed && len(there) > 0:
		t.wrong("%s: answered %d undisturbed, found %d copies; %s", m.id, m.exit, len(there), m.said)
	case held && m.victim != wrapper:
		t.wrong("%s: answered %d and held; %s", m.id, m.exit, m.said)
	case t.excused && m.exit == temporary:
	case !m.killed && !m.refused:
		t.wrong("%s: answered %d undisturbed: %s", m.id, m.exit, m.said)
	}
}

// tally counts the exit codes.
func tally(mails []*mail) string {
	count := map[int]int{}
	for _, m := range mails {
		count[m.exit]++
	}
	var list []string
	for exit, n := range count {
		switch exit {
		case 0:
		case -1:
			list = append(list, fmt.Sprintf("killed: %d", n))
		default:
			list = append(list, fmt.Sprintf("exit %d: %d", exit, n))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// temporary is the exit code of a message that could not be judged.
const temporary = 71

// files lists a directory; one that is missing has none.
func files(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		list = append(list, filepath.Join(dir, e.Name()))
	}
	return list
}
