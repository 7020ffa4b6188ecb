package authenticate

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve answers connections to a UNIX socket with talk, one after the other,
// until the test ends, and returns the socket's path.
func serve(t testing.TB, talk func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talk(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return path
}

// soon is a context that ends before long: for servers that never answer.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// backend makes one from its configuration.
func backend(t testing.TB, config ...string) Backend {
	t.Helper()
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Both back ends over sockets, where there is nobody to talk to.
func TestSocketTrouble(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "left") // a socket whose server has gone
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	closes := serve(t, func(net.Conn) {})
	hangs := serve(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	for _, kind := range []string{"saslauthd", "dovecot"} {
		for _, tt := range []struct{ name, path, reason string }{
			{"missing", filepath.Join(dir, "missing"), "missing: no such file or directory"},
			{"a file", plain, "plain: connection refused"},
			{"nobody listens", left, "left: connection refused"},
			{"closes", closes, ""}, // or a broken pipe, or a reset: as it comes
			{"hangs", hangs, "no answer in time: context deadline exceeded"},
			{"name too long", "/" + strings.Repeat("x", 200), "invalid argument"},
		} {
			t.Run(kind+" "+tt.name, func(t *testing.T) {
				answer, err := check(t, soon(t), backend(t, kind, tt.path), markerUser, markerPassword)
				wantAnswer(t, answer, err, Unavailable, tt.reason)
				if !strings.HasPrefix(err.Error(), kind+": ") || errors.Is(err, ErrPair) {
					t.Errorf("error %q", err)
				}
			})
		}
		t.Run(kind+" canceled", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			asked := serve(t, func(conn net.Conn) {
				conn.Read(make([]byte, 1))
				cancel()
				io.Copy(io.Discard, conn)
			})
			answer, err := check(t, ctx, backend(t, kind, asked), markerUser, markerPassword)
			wantAnswer(t, answer, err, Unavailable, "context canceled")
		})
		t.Run(kind+" pairs", func(t *testing.T) {
			b := backend(t, kind, filepath.Join(dir, "missing"))
			for _, pair := range [][2]string{
				{"", "p"}, {"u", ""}, {"u\x00v", "p"}, {"u", "p\x00q"},
				{strings.Repeat("u", 5000), "p"}, {"u", strings.Repeat("p", 5000)},
			} {
				answer, err := b.Check(context.Background(), []byte(pair[0]), []byte(pair[1]))
				if answer != Unavailable || !errors.Is(err, ErrPair) {
					t.Errorf("%.10q: got %v, %v", pair, answer, err)
				}
			}
		})
	}
}

// A server whose queue is full is waited for: connect(2) itself does not.
func TestSocketQueueFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	var waiting []net.Conn
	for {
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		waiting = append(waiting, conn)
	}
	defer func() {
		for _, conn := range waiting {
			conn.Close()
		}
	}()
	answer, err := check(t, soon(t), backend(t, "saslauthd", path), markerUser, markerPassword)
	wantAnswer(t, answer, err, Unavailable, "no answer in time")

	result := make(chan Answer)
	go func() {
		answer, _ := backend(t, "saslauthd", path).Check(context.Background(), []byte(markerUser), []byte(markerPassword))
		result <- answer
	}()
	for range len(waiting) + 1 {
		conn, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Write(conn, []byte("\x00\x02OK")); err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(conn)
	}
	if answer := <-result; answer != Right {
		t.Errorf("got %v", answer)
	}
}

// unpacked returns the directory into which scripts/setup-test unpacks a
// Debian package.
func unpacked(t testing.TB, name, program string) string {
	t.Helper()
	dir, err := filepath.Abs("../../bin/peers/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
		needPeer(t, name)
	}
	return dir
}

// startServer runs a server until the test ends and waits until its socket
// takes connections. Its whole group is ended.
func startServer(t testing.TB, cmd *exec.Cmd, socket string) {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-exited
		}
	})
	late := time.After(20 * time.Second)
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("%s ended: %s", cmd.Path, said.String())
		case <-late:
			t.Fatalf("%s does not listen: %v", cmd.Path, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
