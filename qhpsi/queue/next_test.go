package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"qguard/qhpsi"
)

// shell is a next program that is a line of sh.
func shell(line string) Next {
	return Next{Argv: []string{"/bin/sh", "-c", line}, Env: os.Environ()}
}

var small = fromBytes([]byte("Subject: a\n\n"))

func TestNext(t *testing.T) {
	big := fromBytes(bytes.Repeat([]byte("0123456789abcde\n"), 1<<16))
	broken := func(w io.Writer) error { w.Write([]byte("half")); return errors.New("disk gone") }
	drain := "cat >/dev/null; cat <&1 >/dev/null; "
	for _, c := range []struct {
		name, line string
		message    func(io.Writer) error
		want       int
		err        string
	}{
		{"takes it", drain, big, 0, ""},
		{"reads nothing and says queued", "exit 0", small, qhpsi.ExitWrite, "without reading all"},
		{"reads nothing of much", "exit 0", big, qhpsi.ExitWrite, "without reading all"},
		{"reads the message only", "cat >/dev/null", small, qhpsi.ExitWrite, "without reading all"},
		{"reads the envelope only", "cat <&1 >/dev/null", small, qhpsi.ExitWrite, "without reading all"},
		{"closes both, refuses", "exec <&- >&-; exit 31", big, 31, "exit 31"},
		{"reads all, refuses", drain + "exit 33", small, 33, "exit 33"},
		{"crashes", "kill -SEGV $$", small, qhpsi.ExitBug, "signal 11"},
		{"crashes late", drain + "kill -KILL $$", small, qhpsi.ExitBug, "signal 9"},
		// A message of ours that breaks off is one that a client gave up.
		{"our own read fails", `exec 3<&1; cat >/dev/null; test "$(cat <&3 | wc -c)" = 0 && exit 54`, broken, 54, "exit 54"},
		{"our own read fails unnoticed", drain, broken, qhpsi.ExitWrite, "disk gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := shell(c.line).run(t.Context(), c.message, Envelope{"a@b", []string{"c@d"}})
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("exit %d, %v", got, err)
			}
		})
	}
}

// TestNextDeadline ends programs that hang, whatever they left behind.
func TestNextDeadline(t *testing.T) {
	big := fromBytes(make([]byte, 1<<20))
	for _, c := range []struct{ name, line string }{
		{"hangs", "sleep 30"},
		{"hangs with a child", "sleep 30 & sleep 30"},
		{"leaves one that holds the pipes", "setsid sleep 3; exit 0"},
		{"ends, and leaves one that holds the pipes", "setsid sleep 3 <&0 >&1 & sleep 30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			got, err := shell(c.line).run(ctx, big, Envelope{})
			if got != qhpsi.ExitTemporary || time.Since(start) > 2*time.Second {
				t.Errorf("exit %d after %s, %v", got, time.Since(start), err)
			}
		})
	}
	// A deadline that is past before the start is no missing program.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := shell("exit 0").run(ctx, small, Envelope{}); got != qhpsi.ExitTemporary {
		t.Errorf("exit %d, %v", got, err)
	}
}

// TestNextNoDescriptorsLeft counts our own after many runs.
func TestNextNoDescriptorsLeft(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc")
		}
		return len(entries)
	}
	run := func() {
		shell("cat >/dev/null; cat <&1 >/dev/null").run(t.Context(), small, Envelope{})
		shell("exit 0").run(t.Context(), small, Envelope{})
		Next{Argv: []string{"/nonexistent"}}.run(t.Context(), small, Envelope{})
	}
	run()
	before := count()
	for range 5 {
		run()
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, before %d", after, before)
	}
}

func TestSend(t *testing.T) {
	name := t.TempDir() + "/got"
	n := shell("cat >" + name + "; cat <&1 >>" + name)
	text := "X-QHPSI: as it is\n\n\x00"
	if err := n.Send(t.Context(), strings.NewReader(text), int64(len(text)), Envelope{"a", []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); string(got) != text+"Fa\x00Tb\x00\x00" {
		t.Errorf("%q", got)
	}
	if err := shell("exit 71").Send(t.Context(), strings.NewReader(text), int64(len(text)), Envelope{}); err == nil {
		t.Error("no error")
	}
}

func TestWithoutQMAILQUEUE(t *testing.T) {
	got := WithoutQMAILQUEUE([]string{"A=b", "QMAILQUEUE=/x", "QMAILQUEUEX=y", "QUEUEDIR=z", "QMAILQUEUE="})
	if !slices.Equal(got, []string{"A=b", "QMAILQUEUEX=y", "QUEUEDIR=z"}) {
		t.Errorf("%q", got)
	}
	// Nothing left is not "everything", which nil would mean to os/exec.
	if got := WithoutQMAILQUEUE([]string{"QMAILQUEUE=/x"}); got == nil {
		t.Error("nil")
	}
}

func TestSpoolExit(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{&os.PathError{Op: "write", Err: syscall.ENOSPC}, qhpsi.ExitWrite},
		{&os.PathError{Op: "open", Err: syscall.ENOENT}, qhpsi.ExitWrite},
		{&os.PathError{Op: "read", Err: syscall.EIO}, qhpsi.ExitRead},
		{os.ErrDeadlineExceeded, qhpsi.ExitTimeout},
		{errors.New("x"), qhpsi.ExitRead},
	} {
		if got := spoolExit(c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}
