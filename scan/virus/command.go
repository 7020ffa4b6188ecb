package virus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"qguard/scan"
)

// commandTime bounds a command that has no Timeout.
const commandTime = time.Minute

// Command runs a program on each message.
//
// Line is a command line as IndiMail's qmail-queue reads it from $QHPSI
// (qhpsi.c; qmail-contract.md section 3): words split on blanks; a quote that
// begins a word groups up to its like; a word that begins with $ ends the
// list. No shell. Argv are the words themselves; Line is then not read. Every
// word that begins with %s is the message's file, a copy that ends with the
// command. A program without a slash is looked up in PATH.
//
// One thing differs: a command without %s gets the file as its last argument. In
// IndiMail that is so only where there are no others; with some it gets none,
// and clamdscan then scans the whole queue.
//
// The exit status that equals Found is the finding, virus.qhpsi of a Line and
// virus.command of Argv; that which equals Clean is clean, the test for Found
// comes first; any other, a signal and a program that cannot run are errors:
// could not tell. The program's output goes nowhere, its environment is ours. It
// is ended with its process group when its time is up.
type Command struct {
	Line         string
	Argv         []string
	Found, Clean int           // exit statuses
	Min, Max     int64         // sizes outside are not scanned; 0 = no bound
	Timeout      time.Duration // of one message; 0 = a minute
}

// Begin starts a message.
func (c *Command) Begin(m *scan.Message) scan.Look { return &commandLook{c, m} }

type commandLook struct {
	c *Command
	m *scan.Message
}

// Part sees nothing: the program gets the whole message.
func (*commandLook) Part(context.Context, *scan.Part) error { return nil }

// End runs the program.
func (l *commandLook) End(ctx context.Context) ([]scan.Finding, error) {
	if l.c.Min > 0 && l.m.Size < l.c.Min || l.c.Max > 0 && l.m.Size > l.c.Max {
		return nil, nil
	}
	name, err := store(l.m)
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	rule, key := "virus.qhpsi", "QHPSI"
	if len(l.c.Argv) > 0 {
		rule, key = "virus.command", "virus.command"
	}
	argv, err := l.c.argv(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	status, err := run(ctx, argv, cmp.Or(l.c.Timeout, commandTime))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	case status == l.c.Found:
		return []scan.Finding{{Rule: rule, Note: "found by " + argv[0]}}, nil
	case status == l.c.Clean:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %s: exit %d", key, argv[0], status)
}

// argv is the program with its arguments for a file.
func (c *Command) argv(file string) ([]string, error) {
	argv := slices.Clone(c.Argv)
	if len(argv) == 0 {
		argv = words(c.Line)
	}
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("names no program")
	}
	if strings.HasPrefix(argv[0], "plugin:") {
		return nil, errors.New("plugins are loaded by IndiMail's qhpsi only")
	}
	put := false
	for i, word := range argv {
		if strings.HasPrefix(word, "%s") {
			argv[i], put = file, true
		}
	}
	if !put {
		argv = append(argv, file)
	}
	return argv, nil
}

// store writes a message to a file with a name.
func store(m *scan.Message) (name string, err error) {
	f, err := os.CreateTemp("", "qguard-qhpsi-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, io.NewSectionReader(m.Content, 0, m.Size))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// words splits a command line.
func words(line string) (argv []string) {
	for rest := strings.TrimLeft(line, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		var word string
		switch rest[0] {
		case '$':
			return argv
		case '"', '\'':
			word, rest, _ = strings.Cut(rest[1:], rest[:1])
		default:
			i := strings.IndexAny(rest, " \t")
			if i < 0 {
				i = len(rest)
			}
			word, rest = rest[:i], rest[i:]
		}
		argv = append(argv, word)
	}
	return argv
}

// run runs a program and returns its exit status.
func run(ctx context.Context, argv []string, timeout time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return cmd.Process.Kill()
	}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled() && ctx.Err() != nil:
		return 0, fmt.Errorf("%s: no answer in time", argv[0])
	case ws.Signaled():
		return 0, fmt.Errorf("%s: killed by signal %d", argv[0], ws.Signal())
	}
	return ws.ExitStatus(), nil
}
