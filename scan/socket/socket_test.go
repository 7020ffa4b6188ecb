package socket

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo answers every connection with what it sent, until the test ends.
func echo(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	return l
}

func TestDial(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for network, address := range map[string]string{
		"unix": filepath.Join(t.TempDir(), "s"), "tcp": "127.0.0.1:0", "tcp6": "[::1]:0",
	} {
		l := echo(t, network, address)
		conn, err := Dial(ctx, strings.TrimSuffix(network, "6"), l.Addr().String())
		if err != nil {
			t.Fatal(network, err)
		}
		defer conn.Close()
		defer Guard(ctx, conn)()
		if _, err := io.WriteString(conn, "ask"); err != nil {
			t.Fatal(network, err)
		}
		got := make([]byte, 3)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ask" {
			t.Errorf("%s: %q, %v", network, got, err)
		}
	}
}

func TestDialTrouble(t *testing.T) {
	l := echo(t, "tcp", "127.0.0.1:0")
	gone := l.Addr().String()
	l.Close()
	for _, c := range []struct{ network, address, want string }{
		{"tcp", gone, gone + ": connection refused"},
		{"tcp", "localhost:25", "localhost:25: "},
		{"tcp", "127.0.0.1", "127.0.0.1: "},
		{"unix", "/nowhere/s", "/nowhere/s: no such file or directory"},
		{"unix", strings.Repeat("x", 200), strings.Repeat("x", 200) + ": invalid argument"},
	} {
		conn, err := Dial(t.Context(), c.network, c.address)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.address, err)
			if err == nil {
				conn.Close()
			}
		}
	}
}

// A context that ends stops a read that would wait for ever.
func TestGuard(t *testing.T) {
	l := echo(t, "unix", filepath.Join(t.TempDir(), "s"))
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := Dial(ctx, "unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	defer Guard(ctx, conn)()
	cancel()
	_, err = conn.Read(make([]byte, 1))
	if got := Trouble(ctx, err).Error(); got != "no answer in time: context canceled" {
		t.Error(got)
	}
}

func TestSendFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := Dial(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.WriteString("content")
	if err := conn.SendFile([]byte("text"), file.Fd()); err != nil {
		t.Fatal(err)
	}
	server, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	text, oob := make([]byte, 16), make([]byte, 64)
	n, o, _, _, err := server.ReadMsgUnix(text, oob)
	if err != nil || string(text[:n]) != "text" {
		t.Fatalf("%q, %v", text[:n], err)
	}
	list, err := syscall.ParseSocketControlMessage(oob[:o])
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	fds, err := syscall.ParseUnixRights(&list[0])
	if err != nil || len(fds) != 1 {
		t.Fatal(fds, err)
	}
	passed := os.NewFile(uintptr(fds[0]), "")
	defer passed.Close()
	got := make([]byte, 7)
	if _, err := passed.ReadAt(got, 0); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}
