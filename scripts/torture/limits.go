package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// all are the programs that a fault of the process is tried with.
var all = []string{"qguard-queue", "qguard-queue.sh", "qguard-scan", "qguard-limit", "qguard-pam", "qguard", "qguardd"}

func limits() []fault {
	bare := []string{"qguard-queue", "qguard-scan"}
	shim := []string{"qguard-queue.sh", "qguard-limit"}
	var list []fault
	for _, l := range []struct {
		done, line string
		programs   []string
		cannot     []string // these cannot work so, and say it
		mayCrash   bool     // before main, where nothing of ours can help
	}{
		{"64 file descriptors", "ulimit -n 64", all, nil, false},
		{"10 file descriptors", "ulimit -n 10", all, append(shim, "qguardd"), false}, // sh reads its script by descriptor 10,
		{"5 file descriptors", "ulimit -n 5", all, all, false},
		{"softlimit -m 20 MB", "ulimit -S -v 20000", shim, nil, false},
		{"softlimit -m 20 MB, without the shim", "ulimit -S -v 20000", bare, bare, true},
		{"20 MB of address space at most", "ulimit -v 20000", append(shim, "qguard-pam", "qguard", "qguardd"), all, true},
		{"300 MB of address space at most", "ulimit -v 300000", all, all, true},
		{"2 MB of data", "ulimit -d 2000", all, all, true},
		{"8 MB of data", "ulimit -d 8000", all, all, true},
		{"32 MB of data", "ulimit -d 32000", all, all, true},
		{"files of 1 KB at most", "ulimit -f 2", []string{"qguard-queue", "qguard-queue.sh", "qguard-scan", "qguardd"}, nil, false},
	} {
		for _, program := range l.programs {
			list = append(list, fault{"limit", program, l.done, false, func(t *torture) (string, error) {
				t.under, t.nothing = shell(l.line+` && exec "$@"`), slices.Contains(l.cannot, program)
				t.mayCrash = l.mayCrash && program != "qguard-queue.sh"
				return t.use(program)
			}})
		}
	}
	return append(list, fault{"limit", "qguardd", "64 file descriptors, 200 clients that are silent", false, func(t *torture) (string, error) {
		t.under = shell(`ulimit -n 64 && exec "$@"`)
		t.more = "[daemon]\nidle = \"1s\"\n"
		return t.crowd(200)
	}})
}

// use gives mail of every kind to a program, in the state that t has.
func (t *torture) use(program string) (string, error) {
	t.excused = true
	if t.more == "" {
		t.more = t.ours("user_failures = \"0\"")
	}
	if err := t.rules(); err != nil {
		return "", err
	}
	n := max(t.n/100, 2)
	switch program {
	case "qguard-scan":
		return t.scanAll(samples(n), nil)
	case "qguard-limit":
		limit, err := t.path(program)
		if err != nil {
			return "", err
		}
		t.under = append(t.under, limit)
		return t.scanAll(samples(n), nil)
	case "qguard-pam":
		return t.pamAll(4 * n)
	case "qguard":
		return t.administer()
	case "qguardd":
		return t.useDaemon(n)
	}
	t.program = program
	return t.give(samples(n))
}

// useDaemon starts qguardd and asks it; that it does not start is an answer too.
func (t *torture) useDaemon(n int) (string, error) {
	t.more = strings.Replace(t.more, t.ours("user_failures = \"0\""), t.login("\"passwd-file\", \"shadow\"", ""), 1)
	if err := t.daemonRules(); err != nil {
		return "", err
	}
	s, err := t.startDaemon()
	if err != nil {
		return "", err
	}
	defer s.stop()
	said := "not asked"
	if !s.gone() {
		said, err = t.askAll(samples(n))
	}
	// Its socket is there before it gives up its rights, and may fail at that.
	if s.gone() {
		said = "does not start: " + t.lastWords(s) + "; " + said
		if !t.nothing {
			t.wrong(odd, "qguardd: %s", said)
		}
	}
	return said, err
}

// lastWords are how a server ended and its first line.
func (t *torture) lastWords(s *server) string {
	line, _, _ := strings.Cut(s.said.String(), "\n")
	if state := s.cmd.ProcessState; state.ExitCode() != 2 && !t.mayCrash {
		t.wrong(odd, "qguardd: %v: %s", state, line)
	}
	line = strings.ReplaceAll(line, t.dir, "DIR")
	return fmt.Sprintf("%v, %q", s.cmd.ProcessState, line[:min(len(line), 100)])
}

// crowd has more clients connect than there are descriptors, and say nothing:
// others are served after them, by every door.
func (t *torture) crowd(silent int) (string, error) {
	if err := t.daemonRules(); err != nil {
		return "", err
	}
	s, err := t.startDaemon()
	if err != nil {
		return "", err
	}
	defer s.stop()
	for i := range silent {
		conn, err := net.Dial("unix", []string{t.socket(), t.milter()}[i%2])
		if err != nil {
			return "", err
		}
		defer conn.Close()
	}
	mails := samples(t.n/20, "clean", "refuse")
	said, err := t.askAll(mails)
	if err != nil {
		return "", err
	}
	if s.gone() {
		t.wrong(odd, "qguardd has ended: %s", s.said)
		return said, nil
	}
	greeted := "milter greets"
	if err := greet(t.milter()); err != nil {
		greeted = "milter does not greet"
		t.wrong(odd, "milter: %v", err)
	}
	return said + "; " + greeted, nil
}

// greet negotiates with a milter.
func greet(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(deadline))
	offer := []byte{0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff}
	if _, err := conn.Write(offer); err != nil {
		return err
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	if head[4] != 'O' || binary.BigEndian.Uint32(head) != 13 {
		return fmt.Errorf("answers %q", head)
	}
	return nil
}
