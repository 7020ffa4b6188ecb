package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
)

// A Next is the queue program behind us.
type Next struct {
	Argv  []string
	Env   []string // ours without QMAILQUEUE
	Reply *os.File // pipe by which it may refuse with a text; nil: none
}

// WithoutQMAILQUEUE keeps the next program from starting us again.
func WithoutQMAILQUEUE(env []string) []string {
	out := []string{} // nil would be the whole environment to os/exec
	for _, v := range env {
		if !strings.HasPrefix(v, "QMAILQUEUE=") {
			out = append(out, v)
		}
	}
	return out
}

// errNext is trouble with the next program before it answered.
var errNext = errors.New("next queue program")

// run gives a message and an envelope to the next program as qmail_open does:
// the message on 0 to its end, then the envelope on 1. It returns the exit
// status: the program's own, or what stands for its absence or crash.
func (n Next) run(ctx context.Context, message func(io.Writer) error, e Envelope) (status int, err error) {
	messageR, messageW, err := os.Pipe()
	if err != nil {
		return qhpsi.ExitTemporary, err
	}
	defer messageW.Close()
	envelopeR, envelopeW, err := os.Pipe()
	if err != nil {
		messageR.Close()
		return qhpsi.ExitTemporary, err
	}
	defer envelopeW.Close()

	cmd := exec.CommandContext(ctx, n.Argv[0], n.Argv[1:]...)
	cmd.Env = n.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = messageR, envelopeR, os.Stderr
	cmd.ExtraFiles = n.extra()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return cmd.Process.Kill()
	}
	err = cmd.Start()
	messageR.Close()
	envelopeR.Close()
	switch {
	case err != nil && ctx.Err() != nil:
		return qhpsi.ExitTemporary, fmt.Errorf("%w: no time left", errNext)
	case err != nil:
		return qhpsi.ExitExec, fmt.Errorf("%w: %w", errNext, err)
	}
	// A program that hangs must not hold us in a write, nor one that it left
	// behind in another process group.
	stop := context.AfterFunc(ctx, func() {
		messageW.SetWriteDeadline(time.Unix(1, 0))
		envelopeW.SetWriteDeadline(time.Unix(1, 0))
	})
	defer stop()
	messageLeft, werr := give(messageW, message)
	defer messageLeft.close()
	var envelopeLeft left
	if werr == nil {
		envelopeLeft, werr = give(envelopeW, e.write)
	}
	defer envelopeLeft.close()
	messageW.Close()
	envelopeW.Close()
	cmd.Wait()
	if werr == nil && (messageLeft.any() || envelopeLeft.any()) {
		werr = errors.New("the rest is still in the pipe")
	}
	return n.status(ctx, cmd.ProcessState, werr)
}

// give writes to a pipe and closes it. What left tells is whether all was read:
// a small message fits into the pipe, and writing it says nothing.
func give(w *os.File, what func(io.Writer) error) (left, error) {
	if err := what(w); err != nil {
		return left{}, err
	}
	l := leftIn(w)
	return l, w.Close()
}

// left is a reading end of our own of a pipe to another process. It is opened
// after the last write: before, the pipe would never break.
type left struct{ file *os.File }

// leftIn opens it by way of /proc; without one nothing is known.
func leftIn(w *os.File) left {
	conn, err := w.SyscallConn()
	if err != nil {
		return left{}
	}
	var l left
	conn.Control(func(fd uintptr) {
		l.file, _ = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	})
	return l
}

// any reports whether something is in the pipe that nobody has read.
func (l left) any() bool {
	if l.file == nil {
		return false
	}
	n, err := unix.IoctlGetInt(int(l.file.Fd()), unix.TIOCINQ)
	return err == nil && n > 0
}

func (l left) close() {
	if l.file != nil {
		l.file.Close()
	}
}

// status reads how the program ended: a crash before the exit code, and a code
// of 0 only after everything was taken.
func (n Next) status(ctx context.Context, state *os.ProcessState, werr error) (int, error) {
	ws := state.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled() && ctx.Err() != nil:
		return qhpsi.ExitTemporary, fmt.Errorf("%w: no answer in time", errNext)
	case ws.Signaled():
		return qhpsi.ExitBug, fmt.Errorf("%w: killed by signal %d", errNext, ws.Signal())
	case ws.ExitStatus() != 0:
		return ws.ExitStatus(), fmt.Errorf("%w: exit %d", errNext, ws.ExitStatus())
	case werr != nil:
		return qhpsi.ExitWrite, fmt.Errorf("%w: exit 0 without reading all: %w", errNext, plain(werr))
	}
	return 0, nil
}

func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// extra passes the refusal's pipe on under the number it has here.
func (n Next) extra() []*os.File {
	if n.Reply == nil || n.Reply.Fd() < 3 {
		return nil // descriptor 2 is passed on anyway
	}
	files := make([]*os.File, n.Reply.Fd()-2)
	files[len(files)-1] = n.Reply
	return files
}

// fromBytes is a message that is held in memory.
func fromBytes(parts ...[]byte) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, p := range parts {
			if _, err := io.Copy(w, bytes.NewReader(p)); err != nil {
				return err
			}
		}
		return nil
	}
}
