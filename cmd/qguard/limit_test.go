package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestJudgeLimits: what limits of memory are said to do, and the next step.
func TestJudgeLimits(t *testing.T) {
	const none = unix.RLIM_INFINITY
	for _, test := range []struct {
		name        string
		space, data unix.Rlimit
		doubt, note string
	}{
		{"none", unix.Rlimit{Cur: none, Max: none}, unix.Rlimit{Cur: none, Max: none}, "", "none here"},
		{"room enough for data", unix.Rlimit{Cur: none, Max: none}, unix.Rlimit{Cur: 256 << 20, Max: none}, "", "none here"},
		{"softlimit -m", unix.Rlimit{Cur: 20e6, Max: none}, unix.Rlimit{Cur: 20e6, Max: none}, "address space is limited to 20000000 bytes", "the hard limits allow that"},
		{"softlimit -d", unix.Rlimit{Cur: none, Max: none}, unix.Rlimit{Cur: 20e6, Max: none}, "data is limited to 20000000 bytes", "the hard limits allow that"},
		{"a hard limit", unix.Rlimit{Cur: 2e9, Max: 2e9}, unix.Rlimit{Cur: none, Max: none}, "address space is limited to 2000000000 bytes", "the hard limits forbid that"},
	} {
		doubt, note := judgeLimits(test.space, test.data)
		if !strings.HasPrefix(doubt, test.doubt) || (doubt == "") != (test.doubt == "") || !strings.HasPrefix(note, test.note) {
			t.Errorf("%s: %q, %q", test.name, doubt, note)
		}
		if doubt != "" && !strings.Contains(doubt, "softlimit -m =") {
			t.Errorf("%s: %q without the next step", test.name, doubt)
		}
	}
}
