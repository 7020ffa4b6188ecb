package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
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
	var said bytes.Buffer
	cmd := exec.Command(t.program, "-c", t.conf, t.self, "-record", t.recorder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = messageR, envelopeR, &said
	cmd.WaitDelay = deadline // a downstream that outlives it has its standard error
	if err := cmd.Start(); err != nil {
		return err
	}
	messageR.Close()
	envelopeR.Close()
	go func() {
		// Trouble here is the program's early end, which its exit code tells.
		io.WriteString(messageW, m.message)
		messageW.Close()
		io.WriteString(envelopeW, "Fsender@example.org\x00T"+strings.Join(m.recipients, "\x00T")+"\x00\x00")
		envelopeW.Close()
	}()
	over := make(chan struct{})
	assassin := make(chan bool)
	go func() { assassin <- t.kill(cmd.Process, m, usual, over) }()
	cmd.Wait()
	close(over)
	m.killed = <-assassin
	m.said = said.String()
	m.exit = cmd.ProcessState.ExitCode()
	m.crashed = m.exit < 0 && !(m.killed && m.victim == wrapper)
	return nil
}

// kill ends one process with SIGKILL at the mail's moment and reports whether
// there still was one.
func (t *torture) kill(p *os.Process, m *mail, usual time.Duration, over <-chan struct{}) bool {
	if m.victim == nobody {
		return false
	}
	if m.victim == wrapper {
		select {
		case <-over:
			return false
		case <-time.After(time.Duration(m.moment * float64(usual))):
			return p.Kill() == nil
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
