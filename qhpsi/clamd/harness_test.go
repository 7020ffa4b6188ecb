package clamd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// What the marker scanner, and clamd's data base, find.
const (
	cleanMail = "Subject: a\n\nnothing\n"
	badMail   = "Subject: a\n\nUNSAFE-TEST-STRING-ONE\n"
	twoMail   = "Subject: a\n\nUNSAFE-TEST-STRING-TWO UNSAFE-TEST-STRING-ONE\n"
	tagMail   = "Subject: a\n\nTAGGED-TEST-STRING\n"
	downMail  = "Subject: a\n\nBACK-END-IS-DOWN\n"
	deferMail = "Subject: a\n\nBACK-END-SAYS-LATER\n"
)

// limit is of a stream, here and in clamd.conf.
const limit = 100 << 10

// markers is a scanner and its look.
type markers struct{ list []scan.Finding }

func (markers) Begin(*scan.Message) scan.Look { return &markers{} }

func (m *markers) Part(_ context.Context, p *scan.Part) error {
	r, err := p.Open()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	for _, x := range [][2]string{
		{"STRING-TWO", "virus.two"}, {"STRING-ONE", "virus.one"},
		{"TAGGED", "header.marked"}, {"SAYS-LATER", "credential.undecided"},
	} {
		if bytes.Contains(text, []byte(x[0])) {
			m.list = append(m.list, scan.Finding{Rule: x[1], Part: p.Path, Name: "marker-file", Note: "marker-secret"})
		}
	}
	if bytes.Contains(text, []byte("IS-DOWN")) {
		return errors.New("/run/marker-socket: marker-user: down")
	}
	return err
}

func (m *markers) End(context.Context) ([]scan.Finding, error) { return m.list, nil }

// house is a Host with the marker scanner.
type house struct {
	config *rules.Config
	engine *scan.Engine
	wait   chan struct{} // Scan waits for it, unless nil
	reload error
	spools atomic.Int32 // that were asked for

	mu       sync.Mutex
	log      []respond.Record
	messages []scan.Message
}

func newHouse(paths ...string) *house {
	c := rules.Default()
	c.Daemon.Paths = paths
	c.Daemon.Idle = rules.Duration(2 * time.Second)
	c.Limit.Size = limit
	return &house{config: c, engine: &scan.Engine{Scanners: []scan.Scanner{markers{}}, Limit: c.Limit}}
}

func (h *house) Rules() *rules.Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config
}

// change gives the house new rules.
func (h *house) change(f func(*rules.Config)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := *h.config
	f(&c)
	h.config = &c
}

func (h *house) Reload() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reload
}

func (h *house) Stats() Stats { return Stats{Live: 1, Max: 4, Memory: 5 << 20, MemoryMax: 512 << 20} }

func (h *house) Spool() *scan.Spool {
	h.spools.Add(1)
	return scan.EmptySpool(int64(h.Rules().Limit.Size), 4<<10, nil)
}

func (h *house) Scan(ctx context.Context, m *scan.Message) scan.Verdict {
	if h.wait != nil {
		<-h.wait
	}
	h.mu.Lock()
	h.messages = append(h.messages, *m)
	h.mu.Unlock()
	return h.engine.Scan(ctx, m)
}

func (h *house) Log(r respond.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, r)
}

// records returns a copy of the log.
func (h *house) records() []respond.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]respond.Record(nil), h.log...)
}

// judged returns a copy of the list of messages.
func (h *house) judged() []scan.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]scan.Message(nil), h.messages...)
}

// A peer is a server to talk to: ours, or clamd.
type peer struct{ unix, tcp string }

// serve runs a Server until the test ends.
func serve(t testing.TB, s *Server) peer {
	t.Helper()
	return peer{listen(t, s.Serve, "unix"), listen(t, s.Serve, "tcp")}
}

func listen(t testing.TB, serve func(context.Context, net.Listener) error, network string) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// needPeer skips where a package is not unpacked; in CI that fails.
func needPeer(t testing.TB, name, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: run scripts/setup-test", name)
	}
	t.Skipf("no %s: run scripts/setup-test", name)
	return ""
}

// startClamd runs clamd with a data base of two signatures until the test ends.
func startClamd(t testing.TB) peer {
	t.Helper()
	bin := needPeer(t, "clamd", "../../bin/peers/clamav-daemon/usr/sbin/clamd")
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	write(t, filepath.Join(dir, "db", "t.ndb"), fmt.Sprintf("Qg.Two:0:*:%x\nQg.One:0:*:%x\n", "UNSAFE-TEST-STRING-TWO", "UNSAFE-TEST-STRING-ONE"))
	write(t, filepath.Join(dir, "clamd.conf"), fmt.Sprintf(`DatabaseDirectory %[1]s/db
LocalSocket %[1]s/s
TCPSocket %[2]s
TCPAddr 127.0.0.1
Foreground yes
TemporaryDirectory %[1]s
StreamMaxLength %[3]d
ReadTimeout 2
CommandReadTimeout 2
IdleTimeout 30
MaxThreads 40
FollowDirectorySymlinks no
FollowFileSymlinks no
AllowAllMatchScan yes
`, dir, port, limit))
	cmd := exec.Command(bin, "--config-file="+dir+"/clamd.conf")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	p := peer{dir + "/s", "127.0.0.1:" + port}
	for deadline := time.Now().Add(time.Minute); ; {
		if conn, err := net.Dial("unix", p.unix); err == nil {
			conn.Close()
			return p
		}
		select {
		case <-ended:
			t.Fatalf("clamd: %s", out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("clamd does not start")
		}
	}
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Steps of a conversation: a string is sent; others say so.
type (
	halfClose struct{}
	fds       struct { // sent beside text
		text string
		list []int
	}
)

// chunks is a stream for INSTREAM, cut into pieces of n bytes, with its end.
func chunks(text string, n int) string {
	var b strings.Builder
	for len(text) > 0 {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		b.WriteString(chunk(piece))
	}
	return b.String() + "\x00\x00\x00\x00"
}

func chunk(piece string) string { return length(uint32(len(piece))) + piece }

func length(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// stream is one chunk and the end.
func stream(text string) string { return chunks(text, max(1, len(text))) }

// talk has a conversation and returns what the server said until it closed the
// connection; still says that it did not within 5 s.
func talk(t testing.TB, network, address string, steps ...any) (said string, still bool) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	for _, step := range steps {
		switch s := step.(type) {
		case string:
			_, err = io.WriteString(conn, s)
		case halfClose:
			err = conn.(interface{ CloseWrite() error }).CloseWrite()
		case fds:
			_, _, err = conn.(*net.UnixConn).WriteMsgUnix([]byte(s.text), unix.UnixRights(s.list...), nil)
		}
		if err != nil {
			break // the answer says why
		}
	}
	out, err := io.ReadAll(conn)
	return string(out), errors.Is(err, os.ErrDeadlineExceeded)
}

// ask is talk over the UNIX socket, with a server that must close.
func (p peer) ask(t testing.TB, steps ...any) string {
	t.Helper()
	said, still := talk(t, "unix", p.unix, steps...)
	if still {
		t.Errorf("%.60q: %.200q, then not closed", steps, said)
	}
	return said
}
