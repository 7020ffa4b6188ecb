package authenticate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
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

// dial connects to a UNIX socket. connect(2) does not wait while the server's
// queue is full, so it is tried again until the context ends.
func dial(ctx context.Context, path string) (net.Conn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, late(ctx)
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

// guard makes every read and write on conn end with the context, until stop is
// called.
func guard(ctx context.Context, conn net.Conn) (stop func() bool) {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // zero: none
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// trouble says in one line why a conversation broke off. The error of a read or
// write names system calls only, never what was sent.
func trouble(ctx context.Context, err error) error {
	var timeout net.Error
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
