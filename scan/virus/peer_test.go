package virus

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/socket"
)

// clamd is a real one, of the Debian package, with a database of two
// signatures.
type clamd struct {
	dir       string
	unix, tcp rules.Address
	cmd       *exec.Cmd
	gone      chan struct{}
}

// needPeer skips where something outside this tree is missing; in CI that fails.
func needPeer(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: run scripts/setup-test", missing)
	}
	t.Skipf("no %s: run scripts/setup-test", missing)
}

func newClamd(t testing.TB) *clamd {
	t.Helper()
	c := &clamd{dir: t.TempDir()}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.tcp = rules.Address{Network: "tcp", Name: port.Addr().String()}
	c.unix = rules.Address{Network: "unix", Name: filepath.Join(c.dir, "s")}
	_, number, _ := strings.Cut(c.tcp.Name, ":")
	port.Close()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(c.dir, "db"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("db/test.ndb", "Test.Marker:0:*:"+hex.EncodeToString([]byte(marker))+"\n"+
		"Test.Eicar:0:0:"+hex.EncodeToString([]byte(eicar()))+"\n")
	write("conf", fmt.Sprintf("Foreground yes\nLocalSocket %s\nTCPSocket %s\nTCPAddr 127.0.0.1\nDatabaseDirectory %s/db\n"+
		"StreamMaxLength 1M\nSelfCheck 0\nFixStaleSocket yes\n", c.unix.Name, number, c.dir))
	c.start(t)
	return c
}

// start runs it until the test ends and waits until it answers.
func (c *clamd) start(t testing.TB) {
	t.Helper()
	program, err := filepath.Abs("../../bin/peers/clamav-daemon/usr/sbin/clamd")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		needPeer(t, "clamd")
	}
	var said bytes.Buffer
	c.cmd = exec.Command(program, "-c", filepath.Join(c.dir, "conf"))
	c.cmd.Stdout, c.cmd.Stderr = &said, &said
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	c.gone = gone
	cmd := c.cmd
	go func() {
		cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-gone
	})
	late := time.After(30 * time.Second)
	for _, at := range []rules.Address{c.unix, c.tcp} {
		for {
			pong, err := NewClamd(at, 5*time.Second).command(t.Context(), "zPING\x00")
			if err == nil && pong == "PONG" {
				break
			}
			select {
			case <-gone:
				t.Fatalf("clamd ended: %s", said.String())
			case <-late:
				t.Fatalf("clamd does not answer: %v", err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// kill ends it and waits for its end.
func (c *clamd) kill() {
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.gone
}

// marker is what the first signature finds.
const marker = "qguard-marker-one"

func mail(body string) string { return "From: a@example.org\nSubject: s\n\n" + body + "\n" }

// TestPeer asks a real clamd by every way there is.
func TestPeer(t *testing.T) {
	c := newClamd(t)
	clean, bad := mail("hello"), mail("hello "+marker+" there")
	long := mail(strings.Repeat("all work and no play\n", 100_000)) // 2.1 MB
	for _, at := range []rules.Address{c.unix, c.tcp} {
		for _, tt := range []struct {
			name, found string
			m           *scan.Message
		}{
			{"clean", "", inMemory(clean)},
			{"bad", "Test.Marker.UNOFFICIAL", inMemory(bad)},
			{"empty", "", inMemory("")},
			{"clean file", "", inFile(t, clean)},
			{"bad file", "Test.Marker.UNOFFICIAL", inFile(t, bad)},
			{"empty file", "", inFile(t, "")},
			{"bad, deep in a stream", "Test.Marker.UNOFFICIAL", inMemory(long[:900_000] + marker)},
		} {
			findings, err := end(t, t.Context(), NewClamd(at, 20*time.Second), tt.m)
			if err != nil || (len(findings) == 1) != (tt.found != "") || len(findings) == 1 && findings[0].Note != tt.found {
				t.Errorf("%s, %s: %v, %v", at.Network, tt.name, findings, err)
			}
		}
		findings, err := end(t, t.Context(), NewClamd(at, 20*time.Second), inMemory(long))
		// TCP may drop the reply that stands before a reset.
		if want := "StreamMaxLength"; at.Network == "unix" {
			wantError(t, findings, err, want)
		} else {
			wantError(t, findings, err, "")
		}
	}
	findings, err := end(t, t.Context(), NewClamd(c.unix, 20*time.Second), inFile(t, long+marker))
	if err != nil || len(findings) != 1 {
		t.Errorf("long file: %v, %v", findings, err)
	}
}

// TestPeerSays what a refusal of clamd's looks like, other than for size.
func TestPeerSays(t *testing.T) {
	c := newClamd(t)
	reply, _, err := NewClamd(c.unix, 20*time.Second).ask(t.Context(), func(conn socket.Conn) (bool, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return false, err
		}
		defer r.Close()
		defer w.Close()
		pipe, err := r.SyscallConn()
		if err != nil {
			return false, err
		}
		return pass(conn, pipe)
	})
	if err != nil {
		t.Fatal(err)
	}
	if name, err := parseReply(reply); name != "" || err == nil || !strings.Contains(err.Error(), "Not a regular file ERROR") {
		t.Errorf("%q: %q, %v", reply, name, err)
	}
}

// killer is a message that ends clamd when half of it has been read.
type killer struct {
	io.ReaderAt
	half int64
	kill func()
}

func (k *killer) ReadAt(p []byte, off int64) (int, error) {
	if off >= k.half && k.kill != nil {
		k.kill()
		k.kill = nil
	}
	return k.ReaderAt.ReadAt(p, off)
}

// TestPeerKilled: clamd killed in the middle of a stream, gone, and back.
func TestPeerKilled(t *testing.T) {
	c := newClamd(t)
	for _, at := range []rules.Address{c.unix, c.tcp} {
		client := NewClamd(at, 20*time.Second)
		text := mail(strings.Repeat("x", 6*chunkSize))
		m := &scan.Message{Content: &killer{strings.NewReader(text), 3 * chunkSize, c.kill}, Size: int64(len(text))}
		findings, err := end(t, t.Context(), client, m)
		wantError(t, findings, err, "clamd "+at.String()+": ")
		t.Log(err)
		findings, err = end(t, t.Context(), client, inMemory(mail(marker)))
		wantError(t, findings, err, "connection refused")
		c.start(t)
		findings, err = end(t, t.Context(), client, inMemory(mail(marker)))
		if err != nil || len(findings) != 1 {
			t.Errorf("back again: %v, %v", findings, err)
		}
	}
}

// TestPeerReloads: a verdict or an error while it reads its database anew,
// never a marker missed.
func TestPeerReloads(t *testing.T) {
	c := newClamd(t)
	client := NewClamd(c.unix, 20*time.Second)
	for range 20 {
		if reply, err := client.command(t.Context(), "zRELOAD\x00"); err != nil || reply != "RELOADING" {
			t.Fatalf("%q, %v", reply, err)
		}
		if findings, err := end(t, t.Context(), client, inFile(t, mail(marker))); err == nil && len(findings) != 1 {
			t.Errorf("missed: %v", findings)
		}
	}
}

func TestPeerCheck(t *testing.T) {
	c := newClamd(t)
	v := rules.Virus{Clamd: c.unix, Command: []string{"sh"}, Timeout: rules.Duration(20 * time.Second)}
	note, doubt, err := Check(t.Context(), v)
	if err != nil || doubt != "" || !strings.HasPrefix(note, "clamd "+c.unix.String()+" is ClamAV 1.") ||
		!strings.Contains(note, ", knows the EICAR test file as Test.Eicar.UNOFFICIAL; command /") {
		t.Errorf("%q, %q, %v", note, doubt, err)
	}
}

// BenchmarkPeer is a question with a connection of its own.
func BenchmarkPeer(b *testing.B) {
	c := newClamd(b)
	client := NewClamd(c.unix, 20*time.Second)
	for name, size := range map[string]int{"3KB": 3 << 10, "200KB": 200 << 10} {
		text := mail(strings.Repeat("all work and no play\n", size/21))
		for way, m := range map[string]*scan.Message{"stream": inMemory(text), "file": inFile(b, text)} {
			b.Run(name+"/"+way, func(b *testing.B) {
				for b.Loop() {
					if findings, err := end(b, context.Background(), client, m); err != nil || len(findings) > 0 {
						b.Fatal(findings, err)
					}
				}
			})
		}
	}
	b.Run("ping", func(b *testing.B) { // what the connection costs
		for b.Loop() {
			if _, err := client.command(context.Background(), "zPING\x00"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("session ping", func(b *testing.B) {
		conn, err := net.Dial("unix", c.unix.Name)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "zIDSESSION\x00")
		buf := make([]byte, 64)
		for b.Loop() {
			io.WriteString(conn, "zPING\x00")
			if n, err := conn.Read(buf); err != nil || n == 0 {
				b.Fatal(err)
			}
		}
	})
}
