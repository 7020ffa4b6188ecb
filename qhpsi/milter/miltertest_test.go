package milter

import (
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMiltertest runs OpenDKIM's miltertest, another implementation of a server.
func TestMiltertest(t *testing.T) {
	program, err := filepath.Abs("../../bin/peers/miltertest/usr/bin/miltertest")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(program); err != nil {
		needPeer(t, "miltertest")
	}
	for name, answers := range map[string][]string{
		"macros":     {"550 5.7.1", "accept", "550 5.7.1"},
		"messages":   {"none", "accept", "discard", "none"},
		"sizes":      {"accept", "accept", "accept"},
		"recipients": {"accept", "accept"},
		"version2":   {"550 5.7.1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, byRecipient+"[[policy]]\nrule = 'xfile.name'\ndirection = 'outgoing'\naction = 'tag'\n")
			_, port, _ := net.SplitHostPort(h.addr)
			cmd := exec.CommandContext(t.Context(), program, "-D", "addr=inet:"+port+"@127.0.0.1", "-D", "lib=testdata/lib.lua", "-s", "testdata/"+name+".lua")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			var got []string
			var seen []judged
			if t.Failed() {
				return
			}
			poll(t, "every message is logged", func() bool {
				log, more := h.take()
				for _, r := range log {
					got = append(got, r.Answer)
					if r.Answer == "accept" && name == "macros" && r.Queue != "4Queue1" {
						t.Errorf("logged %s", r.Line())
					}
				}
				seen = append(seen, more...)
				return len(got) >= len(answers)
			})
			if !slices.Equal(got, answers) {
				t.Errorf("answered %q, want %q", got, answers)
			}
			for _, j := range seen {
				if name == "macros" && (j.user == "jdoe") != j.envelope.Outgoing || strings.Contains(j.text, "\r\n") {
					t.Errorf("judged %.100q as %q's, outgoing %v", j.text, j.user, j.envelope.Outgoing)
				}
			}
		})
	}
}
