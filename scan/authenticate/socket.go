package authenticate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socketTimeout bounds a question where the context has no deadline.
const socketTimeout = 4 * time.Second

// retryEvery is how long to wait while a server's queue of connections is full.
const retryEvery = 10 * time.Millisecond

// within returns ctx with a deadline.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// connection is a stream to a server. Package net, which has one, would cost
// every start of a program that asks nobody 0.4 MB of code and its resolver.
type connection interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// dial connects to a UNIX socket. connect(2) does not wait while the server's
// queue is full, so it is tried again until the context ends.
func dial(ctx context.Context, path string) (connection, error) {
	for {
		if ctx.Err() != nil {
			return nil, late(ctx)
		}
		conn, err := connect(path)
		switch {
		case err == nil:
			return conn, nil
		case !errors.Is(err, syscall.EAGAIN):
			return nil, fmt.Errorf("%s: %w", path, reason(err))
		}
		select {
		case <-ctx.Done():
			return nil, late(ctx)
		case <-time.After(retryEvery):
		}
	}
}

// connect opens a stream socket without blocking, so that a file made of it has
// deadlines.
func connect(path string) (connection, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// guard makes every read and write on conn end with the context, until stop is
// called.
func guard(ctx context.Context, conn connection) (stop func() bool) {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // zero: none
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// trouble says in one line why a conversation broke off. The error of a read or
// write names system calls only, never what was sent.
func trouble(ctx context.Context, err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return late(ctx)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed without an answer")
	}
	return reason(err)
}
