package main

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

func descriptors() []fault {
	var list []fault
	queue, stdin := all[:2], all[:4] // who cannot work without 1, and without 0
	for _, d := range []struct {
		done, line string
		cannot     []string
	}{
		{"0 closed", "<&-", stdin},
		{"0 is a directory", "</", stdin},
		{"0 cannot be read", "0>/dev/null", stdin},
		{"1 closed", ">&-", queue},
		{"1 is a directory", "1</", queue},
		{"1 is /dev/full", "1>/dev/full", queue},
		{"2 closed", "2>&-", nil},
		{"2 is /dev/full", "2>/dev/full", nil},
		{"0 and 1 closed", "<&- >&-", stdin},
		{"0, 1 and 2 closed", "<&- >&- 2>&-", stdin},
		{"0, 1, 2 and 3 closed", "<&- >&- 2>&- 3<&-", append(stdin[:4:4], "qguard-pam")},
		{"3 to 9 open on a file", "3</etc/passwd 4</etc/passwd 5</etc/passwd 6</etc/passwd 7</etc/passwd 8</etc/passwd 9</etc/passwd", nil},
	} {
		for _, program := range all {
			if program == "qguard-pam" && d.done == "3 to 9 open on a file" {
				continue // 3 is where its pair comes
			}
			list = append(list, fault{"descriptor", program, d.done, false, func(t *torture) (string, error) {
				t.under, t.nothing = shell(`exec "$@" `+d.line), slices.Contains(d.cannot, program)
				return t.use(program)
			}})
		}
	}
	for _, program := range all {
		list = append(list, fault{"descriptor", program, "2 is a broken pipe", false, func(t *torture) (string, error) {
			broken, err := brokenPipe()
			if err != nil {
				return "", err
			}
			defer broken.Close()
			t.stderr = broken
			return t.use(program)
		}})
	}
	for _, program := range []string{"qguard-queue", "qguard-queue.sh"} {
		list = append(list, fault{"descriptor", program, "6 is a broken pipe, by which it refuses", false, func(t *torture) (string, error) {
			broken, err := brokenPipe()
			if err != nil {
				return "", err
			}
			defer broken.Close()
			t.extra = []*os.File{nil, nil, nil, broken}
			t.dialect = "notqmail"
			return t.use(program)
		}})
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGALRM, syscall.SIGXCPU, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGXFSZ} {
			list = append(list, fault{"descriptor", program, fmt.Sprintf("signal %d, %s, at random moments", s, s), false, func(t *torture) (string, error) {
				t.program, t.excused = program, true
				mails := t.load(t.n / 5)
				return t.disturb(mails, func(m *mail) { m.victim, m.signal = wrapper, s })
			}})
		}
	}
	return list
}

// brokenPipe is the writing end of a pipe that nobody reads.
func brokenPipe() (*os.File, error) {
	r, w, err := os.Pipe()
	if err == nil {
		err = r.Close()
	}
	return w, err
}
