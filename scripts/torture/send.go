package main

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// send gives a mail to the program under test as qmail_open does, kills whom
// the mail names, and notes the answer. usual is how long such a mail takes.
func (t *torture) send(m *mail, usual time.Duration) error {
	messageR, messageW, err := os.Pipe()
	if err != nil {
		return err
	}
	envelopeR, envelopeW, err := os.Pipe()
	if err != nil {
		return err
	}
	program, err := t.path(t.program)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd := t.command(program, "-c", t.conf, t.self, "-record", t.recorder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = messageR, envelopeR, &said
	if t.stderr != nil {
		cmd.Stderr = t.stderr
	}
	cmd.WaitDelay = deadline // a downstream that outlives it has its standard error
	if err := cmd.Start(); err != nil {
		return err
	}
	messageR.Close()
	envelopeR.Close()
	over, ready := make(chan struct{}), make(chan struct{})
	go func() {
		// Trouble here is the program's early end, which its exit code tells.
		const head = 16
		io.WriteString(messageW, m.message[:head])
		if m.signal != 0 {
			emptied(messageW, over)
		}
		close(ready)
		io.WriteString(messageW, m.message[head:])
		messageW.Close()
		io.WriteString(envelopeW, "Fsender@example.org\x00T"+strings.Join(m.recipients, "\x00T")+"\x00\x00")
		envelopeW.Close()
	}()
	assassin := make(chan bool)
	go func() {
		if m.signal != 0 {
			<-ready // before main nothing can be prepared for
		}
		assassin <- t.kill(cmd.Process, m, usual, over)
	}()
	cmd.Wait()
	close(over)
	m.killed = <-assassin
	m.said = said.String()
	m.exit = cmd.ProcessState.ExitCode()
	m.crashed = signalled(cmd.ProcessState.Sys().(syscall.WaitStatus)) && !(m.killed && m.victim == wrapper && m.signal == 0)
	return nil
}

// command is a program with what stands before it, its environment and
// descriptors.
func (t *torture) command(program string, args ...string) *exec.Cmd {
	argv := slices.Concat(t.under, []string{program}, args)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), t.env...)
	cmd.ExtraFiles = t.extra
	return cmd
}

// emptied waits until all that is in a pipe was read, so that the program is at
// work, or until it is over.
func emptied(w *os.File, over <-chan struct{}) {
	for {
		if n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ); err != nil || n == 0 {
			return
		}
		select {
		case <-over:
			return
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// kill ends one process, with SIGKILL unless the mail says otherwise, at the
// mail's moment and reports whether there still was one.
func (t *torture) kill(p *os.Process, m *mail, usual time.Duration, over <-chan struct{}) bool {
	if m.victim == nobody {
		return false
	}
	if m.victim == wrapper {
		select {
		case <-over:
			return false
		case <-time.After(time.Duration(m.moment * float64(usual))):
			return p.Signal(cmp.Or(m.signal, syscall.SIGKILL)) == nil
		}
	}
	// The downstream is there for the last part only.
	for {
		select {
		case <-over:
			return false
		case <-time.After(200 * time.Microsecond):
		}
		pid := t.child(p.Pid)
		if pid == 0 {
			continue
		}
		time.Sleep(time.Duration(m.moment * float64(usual) / 4))
		return t.child(p.Pid) == pid && syscall.Kill(pid, syscall.SIGKILL) == nil
	}
}

// child returns the recorder among those that a process started, 0 without one.
func (t *torture) child(pid int) int {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, name := range lists {
		list, _ := os.ReadFile(name)
		for _, word := range strings.Fields(string(list)) {
			n, _ := strconv.Atoi(word)
			if exe, _ := os.Readlink("/proc/" + word + "/exe"); exe == t.self {
				return n
			}
			if n = t.child(n); n != 0 { // behind a shim
				return n
			}
		}
	}
	return 0
}
