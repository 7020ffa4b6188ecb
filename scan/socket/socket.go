// Package socket connects to servers on UNIX sockets and on TCP, for programs
// that judge one message and end.
//
// Package net does the same, with a resolver and 0.4 MB of code that every
// start of such a program would pay for, asked or not. Here is what they need:
// connect, a deadline, and passing a descriptor (unix(7), SCM_RIGHTS).
//
// Addresses are a path for "unix", 107 bytes at most, and numbers and a port for
// "tcp", IPv4 or IPv6: no name is looked up. A context bounds all that is done
// with a connection, reads and writes included, by Guard. Errors are those of the
// system, in words, so that a caller can ask whether nobody listened.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// retryEvery is how long to wait while a server's queue of connections is full.
const retryEvery = 10 * time.Millisecond

// A Conn is a stream to a server.
type Conn struct{ *os.File }

// Within returns ctx with a deadline: its own, or timeout from now.
func Within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// Dial connects to a server: network "unix" and the path of its socket, or
// "tcp" and a numeric address with a port. connect(2) on a UNIX socket does not
// wait while the server's queue is full, so it is tried again until the context
// ends. Errors begin with the address.
func Dial(ctx context.Context, network, address string) (Conn, error) {
	for {
		if ctx.Err() != nil {
			return Conn{}, Late(ctx)
		}
		conn, err := connect(ctx, network, address)
		switch {
		case err == nil:
			return conn, nil
		case !errors.Is(err, syscall.EAGAIN):
			return Conn{}, fmt.Errorf("%s: %w", address, Reason(err))
		}
		select {
		case <-ctx.Done():
			return Conn{}, Late(ctx)
		case <-time.After(retryEvery):
		}
	}
}

// connect opens a stream socket without blocking, so that a file made of it has
// deadlines.
func connect(ctx context.Context, network, address string) (Conn, error) {
	family, to, err := resolve(network, address)
	if err != nil {
		return Conn{}, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return Conn{}, os.NewSyscallError("socket", err)
	}
	err = unix.Connect(fd, to)
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return Conn{}, os.NewSyscallError("connect", err)
	}
	conn := Conn{os.NewFile(uintptr(fd), address)}
	if err == unix.EINPROGRESS {
		defer Guard(ctx, conn)()
		if err := conn.established(); err != nil {
			conn.Close()
			return Conn{}, Trouble(ctx, err)
		}
	}
	return conn, nil
}

// resolve reads an address.
func resolve(network, address string) (family int, to unix.Sockaddr, err error) {
	if network == "unix" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: address}, nil
	}
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return 0, nil, err
	case at.Addr().Unmap().Is4():
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().Unmap().As4()}, nil
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}, nil
}

// established waits until a connection is made or refused (connect(2),
// EINPROGRESS).
func (c Conn) established() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
		case code != 0:
			failed = syscall.Errno(code)
		default:
			_, err = unix.Getpeername(int(fd))
			return err == nil
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}

// SendFile writes text with a descriptor beside it, in one message (SCM_RIGHTS).
// text has at least one byte. UNIX sockets only.
func (c Conn) SendFile(text []byte, file uintptr) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		n, failed = unix.SendmsgN(int(fd), text, unix.UnixRights(int(file)), nil, unix.MSG_NOSIGNAL)
		return failed != unix.EAGAIN
	})
	switch {
	case failed != nil:
		return os.NewSyscallError("sendmsg", failed)
	case err != nil || n == len(text):
		return err
	}
	_, err = c.Write(text[n:])
	return err
}

// Guard makes every read and write on conn end with the context, until stop is
// called.
func Guard(ctx context.Context, conn interface{ SetDeadline(time.Time) error }) (stop func() bool) {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // zero: none
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// Trouble says in one line why a conversation broke off. The error of a read or
// write names system calls only, never what was sent.
func Trouble(ctx context.Context, err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return Late(ctx)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed without an answer")
	}
	return Reason(err)
}

// Late is the error of a question that outlived its context.
func Late(ctx context.Context) error { return fmt.Errorf("no answer in time: %w", ctx.Err()) }

// Reason returns the innermost error, without the names that wrap it.
func Reason(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
