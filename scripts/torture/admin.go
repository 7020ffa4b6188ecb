package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// administer runs the commands of qguard: each ends by itself, with one exit
// status or another, and loses nothing that is held.
func (t *torture) administer() (string, error) {
	program, err := t.path("qguard")
	if err != nil {
		return "", err
	}
	under, extra, stderr := t.under, t.extra, t.stderr
	t.under, t.extra, t.stderr, t.program = nil, nil, nil, "qguard-queue"
	mails := samples(3, "hold")
	if !t.kept {
		if _, err := t.give(mails); err != nil {
			return "", err
		}
	}
	held := files(t.quarantine + "/new")
	t.under, t.extra, t.stderr = under, extra, stderr
	ended := map[int]int{}
	commands := []string{"rules", "check", "quarantine list", "quarantine expire", "cache stats", "cache compact", "cache flush", "users -"}
	for _, line := range commands {
		cmd := t.command(program, append([]string{"-c", t.conf}, strings.Fields(line)...)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if t.stderr != nil {
			cmd.Stdout, cmd.Stderr = t.stderr, t.stderr
		}
		cmd.WaitDelay = deadline
		if err := cmd.Start(); err != nil {
			return "", err
		}
		cmd.Wait()
		ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if crashed := ws.Signaled() && ws.Signal() != syscall.SIGPIPE || strings.Contains(out.String(), "goroutine "); crashed && !t.mayCrash {
			t.wrong(odd, "qguard %s: %v: %s", line, cmd.ProcessState, out.String())
		}
		ended[cmd.ProcessState.ExitCode()]++
	}
	if now := files(t.quarantine + "/new"); !slices.Equal(held, now) {
		t.wrong(lost, "%d were held, %d are", len(held), len(now))
	}
	var list []string
	for exit, n := range ended {
		list = append(list, fmt.Sprintf("exit %d: %d", exit, n))
	}
	slices.Sort(list)
	return fmt.Sprintf("%d commands: %s", len(commands), strings.ReplaceAll(strings.Join(list, ", "), "exit -1", "by a signal")), nil
}
