package policy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qguard/qhpsi/decide"
	"qguard/rules"
)

const (
	token  = "7f0a9c51f6e84d3bb1c2"
	marker = "Marker-pass-8531" // a password: it must be nowhere
)

// A fakeHost writes down what it is asked, and answers as the test wants.
type fakeHost struct {
	decide func(decide.Event) decide.Answer // nil: go on

	mu     sync.Mutex
	events []decide.Event
	log    []string
	deny   bool
	token  string
	reload error
}

func (h *fakeHost) Decide(e decide.Event) decide.Answer {
	h.mu.Lock()
	h.events = append(h.events, e)
	f := h.decide
	h.mu.Unlock()
	if f == nil {
		return decide.Answer{}
	}
	return f(e)
}

func (h *fakeHost) OnError() rules.OnError {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deny {
		return "deny"
	}
	return "allow"
}

func (h *fakeHost) Token() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.token
}

// wants sets our token.
func (h *fakeHost) wants(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
}

func (h *fakeHost) Log(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, line)
}

func (h *fakeHost) Status() string { return "up=60 keys=3" }
func (h *fakeHost) Reload() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reload
}

// answers sets what is said from now on.
func (h *fakeHost) answers(f func(decide.Event) decide.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.decide = f
}

// refuses sets on_error.
func (h *fakeHost) refuses(deny bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deny = deny
}

// calm lets the next trouble be the first of its second.
func (s *Server) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.second = 0
}

// take returns what it was asked since.
func (h *fakeHost) take() []decide.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.events
	h.events = nil
	return list
}

// said returns what was logged since.
func (h *fakeHost) said() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.log
	h.log = nil
	return list
}

// always gives one answer.
func always(a decide.Answer) func(decide.Event) decide.Answer {
	return func(decide.Event) decide.Answer { return a }
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newServer() (*Server, *fakeHost) {
	h := &fakeHost{token: token}
	return &Server{Host: h, Now: func() time.Time { return noon }}, h
}

// serving runs a door on a socket and returns its address.
func serving(t testing.TB, network string, door func(context.Context, net.Listener) error) string {
	t.Helper()
	name := "127.0.0.1:0"
	if network == "unix" {
		name = filepath.Join(sockets(t), "s")
	}
	l, err := net.Listen(network, name)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(name, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- door(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("the door ends:", err)
		}
	})
	return l.Addr().String()
}

// sockets is a directory with a short name that everybody may enter.
func sockets(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "qp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// post asks as Dovecot does and returns the status and the body.
func post(t testing.TB, addr, path, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A talk is a connection of lines.
type talk struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func dial(t testing.TB, network, addr string) *talk {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &talk{c, bufio.NewReader(c), t}
}

// line reads one, without its end; "" is the end.
func (k *talk) line() string {
	k.t.Helper()
	l, err := k.r.ReadString('\n')
	if err != nil && err != io.EOF {
		k.t.Fatal(err)
	}
	return strings.TrimRight(l, "\r\n")
}

// say writes a line and reads one.
func (k *talk) say(text string) string {
	k.t.Helper()
	if _, err := io.WriteString(k, text+"\n"); err != nil {
		k.t.Fatal(err)
	}
	return k.line()
}

// holds tells whether a text is in some line.
func holds(lines []string, text string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) })
}

// clean fails where the password, or what is no printable line, was logged.
func clean(t testing.TB, lines []string) {
	t.Helper()
	for _, l := range lines {
		if strings.Contains(l, marker) || strings.ContainsFunc(l, func(c rune) bool { return c < ' ' || c > '~' }) || len(l) > 500 {
			t.Errorf("logged: %q", l)
		}
	}
}

// peer is a file of a Debian package that setup-test has unpacked.
func peer(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/peers/" + name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		needPeer(t, name)
	}
	if os.Getuid() != 0 {
		needPeer(t, name+" (it starts as root only)")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func needPeer(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s: run scripts/setup-test", what)
	}
	t.Skipf("no %s: run scripts/setup-test", what)
}

// A process is a server that runs until its test ends.
type process struct {
	*exec.Cmd
	mu    sync.Mutex
	text  bytes.Buffer
	ended chan struct{}
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// spawn starts a program and its group and waits until it listens. logs are shown
// when the test fails.
func spawn(t testing.TB, cmd *exec.Cmd, addr string, logs ...string) *process {
	t.Helper()
	p := &process{Cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		if !t.Failed() {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Logf("%s said:\n%s", filepath.Base(cmd.Path), p.text.String())
		for _, name := range logs {
			text, _ := os.ReadFile(name)
			t.Logf("%s:\n%s", filepath.Base(name), text)
		}
	})
	poll(t, filepath.Base(cmd.Path)+" listens on "+addr, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

func poll(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within time: %s", what)
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// brief is an event in a line: what the tests look at.
func brief(e decide.Event) string {
	s := fmt.Sprintf("%s %s %s %q %s", e.Door, e.Phase, e.Protocol, e.Login, e.Remote)
	if e.Phase == decide.Report {
		s += fmt.Sprintf(" success=%v policy_reject=%v", e.Success, e.PolicyReject)
	}
	return s
}

// briefs is several.
func briefs(list []decide.Event) string {
	out := ""
	for _, e := range list {
		out += brief(e) + "\n"
	}
	return out
}

// A quiet host keeps nothing.
type quiet struct{ Host }

func (quiet) Decide(decide.Event) decide.Answer { return decide.Answer{} }
