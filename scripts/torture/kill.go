package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func kills() []fault {
	atRandom := func(t *torture) (string, error) {
		var wrappers, downstreams int
		text, err := t.disturb(t.load(t.n), func(m *mail) {
			if m.chance < 25 {
				m.victim = wrapper
				wrappers++
			} else if m.chance < 50 {
				m.victim = downstream
				downstreams++
			}
		})
		return fmt.Sprintf("%s; aimed at %d of it, %d of the queue program", text, wrappers, downstreams), err
	}
	return []fault{
		{"kill", "qguard-queue", "it or the queue program behind it", false, atRandom},
		{"kill", "qguard-queue.sh", "the shim or the queue program", false, func(t *torture) (string, error) {
			t.program = "qguard-queue.sh"
			return atRandom(t)
		}},
		{"kill", "qguardd", "over and over; qguard-queue asks it", false, (*torture).killDaemon},
		{"kill", "qguardd", "over and over; clamd's clients ask it", false, (*torture).killClamdDoor},
		{"kill", "qguard-scan", "while it judges and writes the cache", false, (*torture).killScan},
		{"kill", "qguard-pam", "the authenticator, while it is asked", false, (*torture).killPAM},
		{"kill", "clamd", "over and over, behind [virus] clamd", false, (*torture).killClamd},
	}
}

// murder starts a server and kills it at random moments, over and over, while
// work runs. It tells how often.
func murder(r *rand.Rand, start func() (*server, error), work func() error) (kills int, err error) {
	over := make(chan error, 1)
	go func() { over <- work() }()
	for {
		s, err := start()
		if err != nil {
			return kills, err
		}
		select {
		case err := <-over:
			s.stop()
			if kills == 0 && err == nil {
				err = fmt.Errorf("was never killed")
			}
			return kills, err
		case <-time.After(time.Duration(5+r.IntN(200)) * time.Millisecond):
			s.stop()
			kills++
		}
	}
}

func (t *torture) killDaemon() (string, error) {
	t.more = fmt.Sprintf("[daemon]\nsocket = \"unix:%s\"\n", t.socket())
	if err := t.daemonRules(); err != nil {
		return "", err
	}
	t.excused = true
	mails := t.load(t.n)
	var text string
	n, err := murder(t.random, t.startDaemon, func() (err error) {
		text, err = t.give(mails)
		return err
	})
	return fmt.Sprintf("%s; killed %d times", text, n), err
}

func (t *torture) killClamdDoor() (string, error) {
	if err := t.daemonRules(); err != nil {
		return "", err
	}
	mails := t.load(2 * t.n)
	var text string
	n, err := murder(t.random, t.startDaemon, func() (err error) {
		text, err = t.askAll(mails)
		return err
	})
	return fmt.Sprintf("%s; killed %d times", text, n), err
}

// killScan kills qguard-scan while it asks, remembers and charges.
func (t *torture) killScan() (string, error) {
	t.more = t.login(`"checkpassword", "`+t.self+`", "-checkpassword", "`+t.dir+`/asked"`, "")
	if err := t.rules(); err != nil {
		return "", err
	}
	t.env = []string{"TMPDIR=" + t.spool}
	var killed atomic.Int32
	text, err := t.scanAll(samples(t.n/10, "leak", "guess", "hold", "clean"), func(p *os.Process) {
		time.Sleep(time.Duration(rand.IntN(8000)) * time.Microsecond)
		if rand.IntN(2) == 0 && p.Kill() == nil {
			killed.Add(1)
		}
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; aimed at %d; %s", text, killed.Load(), t.cacheState()), nil
}

// killPAM kills the qguard-pam that qguard-queue asks.
func (t *torture) killPAM() (string, error) {
	program, err := t.pam()
	if err != nil {
		return "", err
	}
	t.more = t.login(`"checkpassword", "`+program+`", "-confdir", "`+t.dir+`/pam", "-service", "file"`, "user_failures = \"0\"")
	if err := t.rules(); err != nil {
		return "", err
	}
	t.excused = true
	over := make(chan struct{})
	kills := make(chan int)
	go func() { kills <- hunt(program, over) }()
	text, err := t.give(samples(t.n/5, "leak", "guess"))
	close(over)
	n := <-kills
	if err == nil && n == 0 {
		err = fmt.Errorf("qguard-pam was never met")
	}
	return fmt.Sprintf("%s; killed %d times", text, n), err
}

// hunt kills processes of a program, every third or so that it meets.
func hunt(program string, over <-chan struct{}) (kills int) {
	for {
		list, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, link := range list {
			exe, _ := os.Readlink(link)
			if exe != program || rand.IntN(3) > 0 {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				kills++
			}
		}
		select {
		case <-over:
			return kills
		case <-time.After(time.Millisecond):
		}
	}
}

// killClamd kills a real clamd that knows one signature, which half of the mails have.
func (t *torture) killClamd() (string, error) {
	program := filepath.Join(t.bin, "clamd")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("clamd"); err != nil {
			return "", leftOut("clamd is not there")
		}
	}
	socket := t.dir + "/clamd"
	conf := fmt.Sprintf("Foreground yes\nLocalSocket %s\nDatabaseDirectory %s/db\nSelfCheck 0\nFixStaleSocket yes\n", socket, t.dir)
	err := os.Mkdir(t.dir+"/db", 0o755)
	if err == nil {
		err = os.WriteFile(t.dir+"/clamd.conf", []byte(conf), 0o644)
	}
	if err == nil {
		err = os.WriteFile(t.dir+"/db/test.ndb", fmt.Appendf(nil, "Test.Marker:0:*:%x\n", marker), 0o644)
	}
	if err != nil {
		return "", err
	}
	t.more, t.excused = fmt.Sprintf("[virus]\nclamd = \"unix:%s\"\n", socket), true
	if err := t.rules(); err != nil {
		return "", err
	}
	var text string
	n, err := murder(t.random, func() (*server, error) {
		return startServer(exec.Command(program, "-c", t.dir+"/clamd.conf"), socket)
	}, func() (err error) {
		text, err = t.give(samples(t.n/2, "clean", "virus"))
		return err
	})
	return fmt.Sprintf("%s; killed %d times", text, n), err
}
