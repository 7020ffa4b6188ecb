package clamd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// open1 opens a file to be passed.
func open1(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// dial connects and has a deadline.
func dial(t testing.TB, p peer) *net.UnixConn {
	t.Helper()
	conn, err := net.Dial("unix", p.unix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.UnixConn)
}

// until polls for a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestQGUARD(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(dir)
	p := serve(t, &Server{Host: h})
	from := "From a@b Sun Nov 22 02:20:49 2026\n" + badMail
	bad := open1(t, write(t, dir+"/bad", from))
	sender := "x@example.org"
	request := qhpsi.Request{
		Envelope: rules.Envelope{Outgoing: true, Sender: &sender, Client: netip.MustParseAddr("192.0.2.7")}, User: "u",
	}
	if got := plain(p.ask(t, "zQGUARD "+request.String()+"\x00", fds{"x", []int{bad}})); got != "fd[N]: ONE FOUND\x00" {
		t.Errorf("%q", got)
	}
	m, r := h.judged()[0], h.records()[0]
	if *m.Envelope.Sender != sender || !m.Envelope.Outgoing || m.User != "u" || m.Size != int64(len(from)) {
		t.Errorf("%+v", m)
	}
	if r.Client != "192.0.2.7" || r.Sender != sender || r.Recipients != 0 || r.Action != rules.Reject {
		t.Errorf("%+v", r)
	}
	request.JSON = true
	for _, mail := range []string{badMail, cleanMail, downMail} {
		fd := open1(t, write(t, dir+"/m", mail))
		got := p.ask(t, fds{"zQGUARD " + request.String() + "\x00", []int{fd}})
		v, err := qhpsi.ReadAnswer([]byte(strings.TrimSuffix(got, "\x00")))
		if err != nil || strings.Count(got, "\x00") != 1 {
			t.Errorf("%q, %v", got, err)
		}
		if (v.Err != nil) != (mail == downMail) || (len(v.Findings) > 0) != (mail == badMail) {
			t.Errorf("%.30q: %+v", mail, v)
		}
	}
	for _, c := range []struct{ name, request, want string }{
		{"unknown key", "secret=1", "QGUARD: request not understood ERROR\x00"},
		{"no address", "client=x", "QGUARD: request not understood ERROR\x00"},
		{"directory", "", "fd[N]: Not a regular file ERROR\x00"},
		{"JSON, directory", "answer=json", "fd[N]: Not a regular file ERROR\x00"},
	} {
		fd := bad
		if strings.Contains(c.name, "directory") {
			fd = open1(t, dir)
		}
		if got := plain(p.ask(t, "zQGUARD "+c.request+"\x00", fds{"x", []int{fd}})); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	if got := p.ask(t, "zQGUARD answer=json\x00x"); got != "No file descriptor received. ERROR\x00" {
		t.Errorf("no descriptor: %q", got)
	}
}

// TestOutgoing: the direction is the listener's, the sender the line's.
func TestOutgoing(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(dir)
	s := &Server{Host: h}
	in := peer{unix: listen(t, s.Serve, "unix")}
	out := peer{unix: listen(t, s.ServeOutgoing, "unix")}
	const line = "From a@b Sun Nov 22 02:20:49 2026\n"
	path := write(t, dir+"/m", line+badMail)
	for _, got := range []string{
		in.ask(t, "zINSTREAM\x00", stream(line+badMail)), in.ask(t, "SCAN "+path+"\n"),
		out.ask(t, "zINSTREAM\x00", stream(line+badMail)), out.ask(t, "SCAN "+path+"\n"),
		out.ask(t, "zINSTREAM\x00", stream(badMail)),
		out.ask(t, "zINSTREAM\x00", stream(strings.Replace(line, "a@b", "MAILER-DAEMON", 1)+badMail)),
	} {
		if !strings.Contains(plain(got), ": ONE FOUND") {
			t.Errorf("%q", got)
		}
	}
	if len(h.judged()) != 6 {
		t.Fatalf("%d messages", len(h.judged()))
	}
	for i, m := range h.judged() {
		e := m.Envelope
		if m.Size != int64(len(badMail)) {
			t.Errorf("message %d of %d bytes", i, m.Size)
		}
		sender := "?"
		if e.Sender != nil {
			sender = *e.Sender
		}
		if want := []string{"?", "?", "a@b", "a@b", "?", ""}[i]; sender != want || e.Outgoing != (i > 1) {
			t.Errorf("message %d: sender %q, outgoing %v", i, sender, e.Outgoing)
		}
	}
}

func TestReloadAndShutdown(t *testing.T) {
	h := newHouse()
	stopped := make(chan struct{}, 1)
	s := &Server{Host: h, Stop: func() { stopped <- struct{}{} }}
	p := serve(t, s)
	const no = "COMMAND UNAVAILABLE\x00"
	for _, cmd := range []string{"zRELOAD\x00", "zSHUTDOWN\x00", "zQUIT\x00"} {
		if got, _ := talk(t, "tcp", p.tcp, cmd); got != no {
			t.Errorf("TCP %q: %q", cmd, got)
		}
	}
	if got := p.ask(t, "zSHUTDOWN\x00"); got != no {
		t.Errorf("not allowed: %q", got)
	}
	h.change(func(c *rules.Config) { c.Daemon.Shutdown = true })
	if got, _ := talk(t, "tcp", p.tcp, "zSHUTDOWN\x00"); got != no {
		t.Errorf("TCP, allowed: %q", got)
	}
	for _, cmd := range []string{"SHUTDOWN\n", "zQUIT\x00"} {
		if got := p.ask(t, cmd); got != "" {
			t.Errorf("%q: %q", cmd, got)
		}
		<-stopped
	}
	bad := errors.New("bad rules")
	h.mu.Lock()
	h.reload = bad
	h.mu.Unlock()
	if got := p.ask(t, "zRELOAD\x00"); !strings.HasSuffix(got, " ERROR\x00") || !errors.Is(h.records()[0].Err, bad) {
		t.Errorf("%q, %v", got, h.records())
	}
}

// TestDrain: what runs is answered, what waits is closed, nothing new begins.
func TestDrain(t *testing.T) {
	h := newHouse()
	h.wait = make(chan struct{})
	h.config.Daemon.Idle = rules.Duration(time.Minute)
	s := &Server{Host: h}
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	p := peer{unix: l.Addr().String()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	idle, session, busy, reading := dial(t, p), dial(t, p), dial(t, p), dial(t, p)
	io.WriteString(busy, "zINSTREAM\x00"+stream(badMail))
	io.WriteString(reading, "zINSTREAM\x00"+chunk(badMail))
	io.WriteString(session, "zIDSESSION\x00zINSTREAM\x00"+stream(cleanMail)+"zPING\x00")
	b := make([]byte, 8)
	if n, err := session.Read(b); string(b[:n]) != "2: PONG\x00" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	until(t, "three streams", func() bool { return h.spools.Load() == 3 && s.open.Load() == 4 })
	cancel()
	if got, err := io.ReadAll(idle); len(got) > 0 || err != nil {
		t.Errorf("idle: %q, %v", got, err)
	}
	select {
	case err := <-done:
		t.Fatalf("Serve ended with commands running: %v", err)
	default:
	}
	close(h.wait)
	if got, _ := io.ReadAll(busy); plain(string(got)) != "stream: ONE FOUND\x00" {
		t.Errorf("busy: %q", got)
	}
	if got, _ := io.ReadAll(session); string(got) != "1: stream: OK\x00" {
		t.Errorf("session: %q", got)
	}
	io.WriteString(reading, length(0))
	if got, _ := io.ReadAll(reading); plain(string(got)) != "stream: ONE FOUND\x00" {
		t.Errorf("reading: %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", p.unix); err == nil {
		t.Error("still listening")
	}
}

// TestConnections: the bound is for all listeners of a Server.
func TestConnections(t *testing.T) {
	h := newHouse()
	h.config.Daemon.Connections = 3
	s := &Server{Host: h}
	p := serve(t, s)
	first := []*net.UnixConn{dial(t, p), dial(t, p), dial(t, p)}
	until(t, "three connections", func() bool { return s.open.Load() == 3 })
	const over = "qguardd: too many connections ERROR\n"
	if got := p.ask(t); got != over {
		t.Errorf("%q", got)
	}
	if got, _ := talk(t, "tcp", p.tcp); got != over {
		t.Errorf("TCP: %q", got)
	}
	first[0].Close()
	until(t, "two connections", func() bool { return s.open.Load() == 2 })
	if got := p.ask(t, "zPING\x00"); got != "PONG\x00" {
		t.Errorf("%q", got)
	}
}

// TestGone: a client that goes away in its stream is logged once, with no verdict.
func TestGone(t *testing.T) {
	h := newHouse()
	p := serve(t, &Server{Host: h})
	for _, cut := range []string{"", "\x00", length(100), length(100) + "abc", chunk(badMail), chunk(badMail) + "\x00\x00\x00"} {
		n := len(h.records())
		conn := dial(t, p)
		io.WriteString(conn, "zINSTREAM\x00"+cut)
		conn.Close()
		until(t, "a log line", func() bool { return len(h.records()) > n })
		if r := h.records()[n]; r.Judged || r.Answer != "none" || r.Err == nil || !strings.Contains(r.Line(), "verdict=none") {
			t.Errorf("%q: %s", cut, r.Line())
		}
	}
	p.ask(t, "zINSTREAM\x00", length(limit+1))
	list := h.records()
	if r := list[len(list)-1]; len(list) != 7 || r.Judged || r.Answer != "ERROR" {
		t.Errorf("%d, %s", len(list), r.Line())
	}
	if len(h.judged()) > 0 {
		t.Errorf("%d judged", len(h.judged()))
	}
}

// TestPaths opens what is in a prefix, by no way what is outside.
func TestPaths(t *testing.T) {
	top := t.TempDir()
	in, out := top+"/in", top+"/out"
	write(t, in+"/f", "1")
	write(t, in+"/sub/f", "1")
	write(t, out+"/f", "2")
	write(t, top+"/infix", "2")
	single := write(t, top+"/single", "1")
	for name, to := range map[string]string{
		"/up": "../out/f", "/abs": out + "/f", "/dirup": "../out", "/proc": "/proc/self/root" + out + "/f", "/ok": "sub/f", "/loop": "loop",
	} {
		if err := os.Symlink(to, in+name); err != nil {
			t.Fatal(err)
		}
	}
	prefixes := []string{"/nowhere", in + "/", single}
	for path, want := range map[string]error{
		in + "/f": nil, in + "//f": nil, in + "/sub/../f": nil, in + "/ok": nil, in: nil, in + "/": nil, single: nil,
		in + "/up": unix.EXDEV, in + "/abs": unix.EXDEV, in + "/dirup/f": unix.EXDEV, in + "/../out/f": unix.EXDEV, in + "/..": unix.EXDEV,
		in + "/sub/../../out/f": unix.EXDEV, in + "/loop": unix.ELOOP,
		out + "/f": unix.ENOENT, top + "/infix": unix.ENOENT, top: unix.ENOENT, "/": unix.ENOENT, "": unix.ENOENT, "f": unix.ENOENT,
		"/nowhere/f": unix.ENOENT, out + "/../in/f": unix.ENOENT, single + "/x": unix.ENOTDIR,
	} {
		src, err := open(prefixes, path)
		if err == nil {
			if text, _ := io.ReadAll(src); !src.dir && string(text) != "1" {
				t.Errorf("%s: %q", path, text)
			}
			src.Close()
		}
		if !errors.Is(err, want) && !(strings.Contains(path, "proc") && err != nil) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if src, err := open(prefixes, in+"/proc"); err == nil {
		t.Error("through /proc")
		src.Close()
	}
	if src, err := open(nil, in+"/f"); err == nil {
		t.Error("without prefixes")
		src.Close()
	}
	if !strings.HasPrefix(pathError(unix.EXDEV), pathError(unix.ENOENT)) {
		t.Error("a link out is told from a missing file")
	}
}

// TestWalk: a directory is OK when all of it is, and names end no line.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(dir)
	p := serve(t, &Server{Host: h})
	write(t, dir+"/some/a", cleanMail)
	write(t, dir+"/some/b", downMail)
	write(t, dir+"/name/x\n"+"y: OK", badMail)
	write(t, dir+"/deep"+strings.Repeat("/d", maxDepth+1)+"/bad", badMail)
	for _, verb := range []string{"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"} {
		if got := p.ask(t, "n"+verb+" "+dir+"/some\n"); got != dir+"/some/b: could not be checked, try again later ERROR\n" {
			t.Errorf("%s: %q", verb, got)
		}
		if got := p.ask(t, "n"+verb+" "+dir+"/name\n"); plain(got) != dir+"/name/x?y: OK: ONE FOUND\n" {
			t.Errorf("%s: %q", verb, got)
		}
		if got := p.ask(t, "n"+verb+" "+dir+"/deep\n"); !strings.HasSuffix(got, "/d: too many directories in one another ERROR\n") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %q", verb, got)
		}
	}
	if n := len(h.records()); n < 12 || h.records()[0].Verdict.State() == scan.Found {
		t.Errorf("%d records", n)
	}
}
