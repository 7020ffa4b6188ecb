package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"qguard-relay": main})
}

// peer finds a program of ucspi-tcp or daemontools.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: run scripts/setup-test", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// A daemon answers each connection to a control socket with a line, or holds its
// tongue.
type daemon struct {
	path   string
	answer string // with its LF; "" = silence
	asked  chan string
	gone   chan struct{} // a connection has ended
}

func startDaemon(t *testing.T, answer string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "relay") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &daemon{path: dir + "/control", answer: answer, asked: make(chan string, 10), gone: make(chan struct{}, 10)}
	l, err := net.Listen("unix", d.path)
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
			go d.serve(conn)
		}
	}()
	return d
}

func (d *daemon) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	line, _ := r.ReadString('\n')
	d.asked <- line
	if d.answer == "closed" {
		return
	}
	io.WriteString(conn, d.answer)
	io.Copy(io.Discard, r)
	d.gone <- struct{}{}
}

// A said collects what a child writes to standard error.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve runs a chain under tcpserver with rules as tcprules has them and returns
// its port.
func serve(t *testing.T, rules string, chain ...string) (port string, log *said) {
	t.Helper()
	server := []string{peer(t, "tcpserver"), "-1", "-R", "-H", "-l0", "-x", "CDB", "127.0.0.1", "0"}
	return spawn(t, rules, append(server, chain...))
}

// serveScript does it with a shell script that runs tcpserver -1.
func serveScript(t *testing.T, rules, script string) (port string, log *said) {
	t.Helper()
	return spawn(t, rules, []string{"sh", "-c", script})
}

// spawn runs a tcpserver until the test ends. CDB is put for the rules' file.
func spawn(t *testing.T, rules string, argv []string) (port string, log *said) {
	t.Helper()
	dir := t.TempDir()
	tcprules := exec.Command(peer(t, "tcprules"), dir+"/cdb", dir+"/tmp")
	tcprules.Stdin = strings.NewReader(rules + "\n")
	if out, err := tcprules.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "CDB", dir+"/cdb")
	}
	log = &said{}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("tcpserver: %v %s", err, log)
	}
	return strings.TrimSpace(line), log
}

// smtpd is a server that says what it was given, and ends when its client does.
const smtpd = `echo "220 ${RELAYCLIENT-unset} ${RBLSMTPD-unset} nofile $(ulimit -n)"; cat >/dev/null`

// A client is a conversation with it.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, port string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{conn, bufio.NewReader(conn)}
}

func (c *client) line(t *testing.T) string {
	t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return strings.TrimSpace(line)
}

// say sends a command and returns the answer.
func (c *client) say(t *testing.T, command string) string {
	t.Helper()
	io.WriteString(c, command+"\r\n")
	return c.line(t)
}

func wait[T any](t *testing.T, c chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}

func TestGo(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ answer, rules, want, complaint string }{
		{"go\n", ":allow", "unset unset", ""},
		{"go\n", `:allow,RELAYCLIENT="@x",RBLSMTPD=""`, "@x ", ""},
		{"go relay\n", ":allow", "", ""},
		{"go relay\n", `:allow,RBLSMTPD="-listed"`, "-listed", ""},
		{"tarpit 1 relay\n", ":allow", "", ""},
		{"go\nand more\n", ":allow", "unset unset", ""},
		{"closed", ":allow", "unset unset", "closed without an answer"},
		{"error verb \"x\"\n", ":allow", "unset unset", `not understood there: "verb \"x\""`},
		{"550 \x1b[2J\n", ":allow", "unset unset", `not understood: "550 \x1b[2J"`},
		{strings.Repeat("go ", 300) + "\n", ":allow", "unset unset", "the answer is too long"},
	} {
		d := startDaemon(t, c.answer)
		port, log := serve(t, c.rules, "softlimit", "-o", "57", "qguard-relay", "-s", d.path, "sh", "-c", smtpd)
		client := dial(t, port)
		got := strings.Join(strings.Fields(client.line(t)), " ")
		want := strings.Join(strings.Fields("220 "+c.want+" nofile 57"), " ")
		if got != want {
			t.Errorf("%q: %q, want %q", c.answer, got, want)
		}
		if q := wait(t, d.asked, "question"); q != "conn remote=127.0.0.1 hold=1\n" {
			t.Errorf("asked %q", q)
		}
		if l := log.String(); c.complaint == "" && l != "" || !strings.Contains(l, c.complaint) {
			t.Errorf("%q: log %q", c.answer, l)
		}
		client.Close()
		if c.answer != "closed" {
			wait(t, d.gone, "end")
		}
	}
}

// The connection to the daemon lasts as long as the client's, and is none of the
// descriptors that qmail's programs use.
func TestHeld(t *testing.T) {
	d := startDaemon(t, "go\n")
	list := []string{"sh", "-c", "echo $(ls -v /proc/self/fd); exec cat >/dev/null"}
	port, _ := serve(t, ":allow", list...)
	before := strings.Fields(dial(t, port).line(t))
	port, _ = serve(t, ":allow", append([]string{"qguard-relay", "-s", d.path}, list...)...)
	c := dial(t, port)
	after := strings.Fields(c.line(t))
	added := slices.DeleteFunc(slices.Clone(after), func(fd string) bool { return slices.Contains(before, fd) })
	if len(after) != len(before)+1 || len(added) != 1 || len(added[0]) < 2 {
		t.Errorf("descriptors %v, without us %v", after, before)
	}
	wait(t, d.asked, "question")
	select {
	case <-d.gone:
		t.Error("closed too early")
	default:
	}
	c.Close()
	wait(t, d.gone, "end")
}

// rblsmtpd answers for us: 451 is not now, 553 is no.
func TestRblsmtpd(t *testing.T) {
	peer(t, "rblsmtpd")
	long := strings.Repeat("x", 400)
	for _, c := range []struct{ answer, rules, want string }{
		{"defer Too many connections, try again later\n", `:allow,RBLSMTPD=""`, "451 Too many connections, try again later"},
		{"refuse Not from you\n", `:allow,RBLSMTPD=""`, "553 Not from you"},
		{"refuse Not from you\n", `:allow,RELAYCLIENT=""`, "553 Not from you"},
		{"defer - it is not now\n", ":allow", "451 it is not now"},
		{"defer\n", ":allow", "451 not accepted here"},
		{"defer theirs\n", `:allow,RBLSMTPD="-ours"`, "553 ours"},
		{"defer " + long + "\n", ":allow", "451 " + long[:200]},
	} {
		d := startDaemon(t, c.answer)
		port, log := serve(t, c.rules, "qguard-relay", "-s", d.path, "rblsmtpd", "sh", "-c", smtpd)
		client := dial(t, port)
		if got := client.line(t); !strings.HasPrefix(got, "220 rblsmtpd") {
			t.Errorf("greeting %q", got)
		}
		client.say(t, "HELO x")
		client.say(t, "MAIL FROM:<>")
		if got := client.say(t, "RCPT TO:<joe@example.org>"); got != c.want {
			t.Errorf("%q: %q, want %q", c.answer, got, c.want)
		}
		if strings.Contains(log.String(), "qguard-relay") {
			t.Errorf("log %q", log)
		}
		select {
		case <-d.gone:
			t.Error("closed too early")
		default:
		}
		client.say(t, "QUIT")
		client.Close()
		wait(t, d.gone, "end")
	}
	// And whom nobody refuses goes through.
	d := startDaemon(t, "go relay\n")
	port, _ := serve(t, ":allow", "qguard-relay", "-s", d.path, "rblsmtpd", "sh", "-c", smtpd)
	if got := dial(t, port).line(t); !strings.HasPrefix(got, "220  ") {
		t.Errorf("greeting %q", got)
	}
}

// TestExample runs scripts/examples/tcp-relay.run, with paths and addresses of
// the test's own and without asking a name server.
func TestExample(t *testing.T) {
	peer(t, "envdir")
	text, err := os.ReadFile("../../scripts/examples/tcp-relay.run")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, text := range map[string]string{"env/GREETING": "hello", "smtpd": "#!/bin/sh\necho \"220 $GREETING $(ulimit -v)\"\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ answer, greeting, want string }{
		{"go\n", "220 hello 19531", ""},
		{"defer not now\n", "220 rblsmtpd.local", "451 not now"},
		{"refuse no\n", "220 rblsmtpd.local", "553 no"},
	} {
		d := startDaemon(t, c.answer)
		run := strings.NewReplacer(
			"/etc/qmail/env", dir+"/env", "/var/qmail/bin/qmail-smtpd", dir+"/smtpd",
			"tcpserver -v -R -p", "tcpserver -1 -R -H", "0 smtp", "127.0.0.1 0", "/etc/tcp.smtp.cdb", "CDB",
			"qguard-relay -p", "qguard-relay -p -s "+d.path,
		).Replace(string(text))
		port, _ := serveScript(t, `:allow,RBLSMTPD=""`, run)
		client := dial(t, port)
		if got := client.line(t); got != c.greeting {
			t.Errorf("%q: greeting %q", c.answer, got)
		}
		if q := wait(t, d.asked, "question"); q != "conn remote=127.0.0.1 rdns=missing hold=1\n" {
			t.Errorf("asked %q", q)
		}
		if c.want == "" {
			continue
		}
		client.say(t, "MAIL FROM:<>")
		if got := client.say(t, "RCPT TO:<a@example.org>"); got != c.want {
			t.Errorf("%q: %q", c.answer, got)
		}
	}
}

// A daemon that is down costs nothing, one that hangs a second.
func TestTrouble(t *testing.T) {
	silent, dribble := startDaemon(t, ""), startDaemon(t, "go")
	dead := startDaemon(t, "")
	if err := os.Remove(dead.path); err != nil {
		t.Fatal(err)
	}
	full := fullSocket(t)
	for _, c := range []struct {
		name, socket, complaint string
		least, most             time.Duration
	}{
		{"absent", dead.path, "connect: no such file or directory", 0, 900 * time.Millisecond},
		{"a file", os.Args[0], "connect: connection refused", 0, 900 * time.Millisecond},
		{"too long a path", strings.Repeat("x", 200), "connect: invalid argument", 0, 900 * time.Millisecond},
		{"silent", silent.path, "no answer within 1s", time.Second, 4 * time.Second},
		{"half an answer", dribble.path, "no answer within 1s", time.Second, 4 * time.Second},
		{"a full queue", full, "no answer within 1s", time.Second, 4 * time.Second},
	} {
		port, log := serve(t, `:allow,RELAYCLIENT=""`, "qguard-relay", "-s", c.socket, "sh", "-c", smtpd)
		start := time.Now()
		got := dial(t, port).line(t)
		took := time.Since(start)
		if !strings.HasPrefix(got, "220  unset") {
			t.Errorf("%s: %q", c.name, got)
		}
		if took < c.least || took > c.most {
			t.Errorf("%s took %s", c.name, took)
		}
		if !strings.Contains(log.String(), c.complaint) {
			t.Errorf("%s: log %q", c.name, log)
		}
	}
}

// fullSocket listens and never accepts, with no room left to wait in.
func fullSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(startDaemon(t, "").path), "full")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
		case nil:
		case unix.EAGAIN:
			return path
		default:
			t.Fatal(err)
		}
	}
	t.Fatal("the queue has no end")
	return ""
}

// exits runs the program and returns its code and what it said.
func exits(t *testing.T, env []string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

func TestUsage(t *testing.T) {
	d := startDaemon(t, "go\n")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", exitUsage, "usage: qguard-relay"},
		{"-h", exitUsage, "usage: qguard-relay"},
		{"-s", exitUsage, "flag needs an argument"},
		{"-x true", exitUsage, "flag provided but not defined"},
		{"-s SOCKET /no/such/program", exitExec, "run /no/such/program: stat /no/such/program: no such file or directory"},
		{"-s SOCKET no-such-program", exitExec, "run no-such-program: executable file not found in $PATH"},
		{"-s SOCKET /etc/passwd", exitExec, "run /etc/passwd: permission denied"},
		{"-s SOCKET -- sh -c exit\t7", 7, ""},
		{"-p -s SOCKET false -p", 1, ""},
	} {
		args := []string{"qguard-relay"}
		for _, a := range strings.Fields(strings.ReplaceAll(c.args, "\t", "\x00")) {
			args = append(args, strings.ReplaceAll(strings.ReplaceAll(a, "SOCKET", d.path), "\x00", " "))
		}
		code, out := exits(t, []string{"TCPREMOTEIP=192.0.2.1"}, args...)
		if code != c.code || !strings.Contains(out, c.want) || c.want == "" && out != "" {
			t.Errorf("%s: exit %d, %q", c.args, code, out)
		}
	}
	if code, out := exits(t, []string{"TCPREMOTEIP="}, "qguard-relay", "true"); code != 0 || !strings.Contains(out, "TCPREMOTEIP is not set") {
		t.Errorf("without a client: exit %d, %q", code, out)
	}
}

// TestLimit holds what qguard-relay(8) says of softlimit, with the program as it
// is installed: it does not start under the usual -m, it does under -m =, and the
// limit may be set again behind it.
func TestLimit(t *testing.T) {
	softlimit := peer(t, "softlimit")
	program := filepath.Join(t.TempDir(), "qguard-relay")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 2_500_000 {
		t.Errorf("%d bytes are no small program", info.Size())
	}
	d := startDaemon(t, "go\n")
	env := []string{"TCPREMOTEIP=192.0.2.1"}
	if code, _ := exits(t, env, softlimit, "-m", "20000000", program, "-s", d.path, "true"); code == 0 {
		t.Error("it starts under 20 MB: the manual is wrong")
	}
	code, out := exits(t, env, softlimit, "-m", "20000000", softlimit, "-m", "=", program, "-s", d.path,
		softlimit, "-m", "20000000", "sh", "-c", "ulimit -v")
	if code != 0 || strings.TrimSpace(out) != fmt.Sprint(20000000/1024) {
		t.Errorf("exit %d, %q", code, out)
	}
}

func TestSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if p == "net" || p == "regexp" || strings.Contains(p, "toml") || strings.HasPrefix(p, "qguard/") && p != "qguard/cmd/qguard-relay" {
			t.Errorf("%s is linked", p)
		}
	}
}

// BenchmarkStart is what a client waits for us, with a program that does nothing.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "qguard-relay")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for b.Loop() {
		cmd := exec.Command(program, "-s", "/no/such/socket", "true")
		cmd.Env = []string{"TCPREMOTEIP=192.0.2.1", "PATH=/bin:/usr/bin"}
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
