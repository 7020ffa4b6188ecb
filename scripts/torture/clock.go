package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// A jump is how far the time of day may be off, in seconds, either way.
const (
	minutes = 20 * 60
	years   = 10 * 365 * 24 * 3600
)

func clocks() []fault {
	var list []fault
	for _, j := range []struct {
		done    string
		seconds int64
		kept    bool // within the windows of budgets
	}{
		{"up to 20 minutes either way, every 20 ms", minutes, true},
		{"up to 10 years either way, every 20 ms", years, false},
	} {
		list = append(list,
			fault{"clock", "qguard-queue", j.done, false, func(t *torture) (string, error) {
				return t.jumping(j.seconds, func() (string, error) { return t.give(t.load(t.n / 2)) })
			}},
			fault{"clock", "qguardd", j.done, false, func(t *torture) (string, error) {
				return t.jumping(j.seconds, t.jumpingDaemon)
			}},
			fault{"clock", "qguard-scan", j.done + "; lockout = 9", false, func(t *torture) (string, error) {
				if err := t.accounts(true); err != nil {
					return "", err
				}
				said, err := t.jumping(j.seconds, func() (string, error) { return t.scanAll(samples(t.n/4, "guess", "leak"), nil) })
				all, most := t.asked()
				if j.kept && most > budget {
					t.wrong(odd, "a user was asked for %d times, %d are to be spent", most, budget)
				}
				return fmt.Sprintf("%s; asked for wrong logins %d times, %d for one user", said, all, most), err
			}})
	}
	return append(list, fault{"clock", "qguard", "ten years ahead for a moment, then right again", false, (*torture).onceAhead})
}

// skewed makes the programs those whose time of day a file decides, and returns
// what writes the file.
func (t *torture) skewed() (set func(seconds int64) error, err error) {
	bin := filepath.Join(t.bin, "clock")
	if _, err := os.Stat(bin); err != nil {
		return nil, leftOut("programs with a clock of their own are not there: scripts/torture/run builds them")
	}
	o := *t.options
	o.bin = bin
	t.options = &o
	name := t.dir + "/clock"
	t.env = append(t.env, "TORTURE_CLOCK="+name)
	return func(seconds int64) error {
		return errors.Join(os.WriteFile(name+".new", fmt.Appendf(nil, "%+d", seconds), 0o644), os.Rename(name+".new", name))
	}, nil
}

// jumping works while the time of day jumps.
func (t *torture) jumping(most int64, work func() (string, error)) (string, error) {
	set, err := t.skewed()
	if err == nil {
		err = set(0)
	}
	if err != nil {
		return "", err
	}
	over, jumps := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-over:
				jumps <- n
				return
			case <-time.After(20 * time.Millisecond):
				if set(rand.Int64N(2*most)-most) == nil {
					n++
				}
			}
		}
	}()
	said, err := work()
	close(over)
	return fmt.Sprintf("%s; %d jumps", said, <-jumps), err
}

func (t *torture) jumpingDaemon() (string, error) {
	if err := t.daemonRules(); err != nil {
		return "", err
	}
	s, err := t.startDaemon()
	if err != nil {
		return "", err
	}
	defer s.stop()
	said, err := t.askAll(t.load(t.n / 2))
	if s.gone() {
		t.wrong(odd, "qguardd has ended: %s", s.said)
	}
	return said, err
}

// onceAhead: what was remembered and charged while the clock was ahead does not
// stay for ten years, and nothing that is held is thrown away.
func (t *torture) onceAhead() (string, error) {
	set, err := t.skewed()
	if err == nil {
		err = t.accounts(true)
	}
	if err == nil {
		err = set(years)
	}
	if err != nil {
		return "", err
	}
	if _, err := t.scanAll(samples(20, "guess"), nil); err != nil {
		return "", err
	}
	if err := set(0); err != nil {
		return "", err
	}
	said, err := t.administer()
	if err != nil {
		return "", err
	}
	before, _ := t.asked()
	t.nothing = true
	again, err := t.scanAll(samples(10, "guess"), nil)
	after, most := t.asked()
	if most > budget {
		t.wrong(odd, "a user was asked for %d times, %d are to be spent", most, budget)
	}
	return fmt.Sprintf("%s; then %s; asked %d times before and %d after, %d for one user", said, again, before, after-before, most), err
}
