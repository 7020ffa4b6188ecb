package main

import (
	"bytes"
	"os"
	"syscall"
	"time"
)

// scanOne gives a mail to qguard-scan on standard input. disturb, unless nil, is
// told of the process.
func (t *torture) scanOne(m *mail, disturb func(*os.Process)) (a answer, said string, err error) {
	program, err := t.path("qguard-scan")
	if err != nil {
		return unsure, "", err
	}
	name := t.dir + "/mail." + m.id
	if err := os.WriteFile(name, []byte(m.message), 0o644); err != nil {
		return unsure, "", err
	}
	defer os.Remove(name)
	in, err := os.Open(name)
	if err != nil {
		return unsure, "", err
	}
	defer in.Close()
	cmd := t.command(program, "-c", t.conf, "-")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &out
	if t.stderr != nil {
		cmd.Stderr = t.stderr
	}
	cmd.WaitDelay = deadline
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return unsure, "", err
	}
	if disturb != nil {
		disturb(cmd.Process)
	}
	cmd.Wait()
	if took := time.Since(start); took > deadline {
		t.wrong(odd, "%s: qguard-scan took %v", m.id, took)
	}
	// SIGPIPE ends it where nobody reads what it says, as any other command.
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() && ws.Signal() != syscall.SIGPIPE && disturb == nil && !t.mayCrash {
		t.wrong(odd, "%s: qguard-scan: %v: %s", m.id, cmd.ProcessState, out.String())
	}
	switch cmd.ProcessState.ExitCode() {
	case 0:
		a = clean
	case 1:
		a = found
	}
	t.judged(m, a, out.String())
	return a, out.String(), nil
}

// scanAll gives mails to qguard-scan, so many at once as there may be.
func (t *torture) scanAll(mails []*mail, disturb func(*os.Process)) (string, error) {
	var s score
	err := t.each(mails, func(m *mail) error {
		a, said, err := t.scanOne(m, disturb)
		s.add(a, said)
		return err
	})
	if err == nil && s.count[clean]+s.count[found] == 0 && !t.nothing {
		t.wrong(odd, "not one was judged: %v", s.why)
	}
	for _, name := range files(t.spool) {
		t.wrong(odd, "%s: left in the spool", name)
	}
	return s.String(), err
}
