package qhpsi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// needPeer skips where something outside this tree is missing; in CI that fails.
func needPeer(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: run scripts/setup-test", missing)
	}
	t.Skipf("no %s: run scripts/setup-test", missing)
}

// compile builds C and returns the file's name.
func compile(t testing.TB, args ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		needPeer(t, "gcc")
	}
	for _, arg := range args {
		os.Stat(arg) // go test keeps a result until a file it knows of changes
	}
	out := filepath.Join(t.TempDir(), "out")
	args = append([]string{"-Wall", "-Wextra", "-Werror", "-O2", "-g", "-o", out}, args...)
	if said, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %q: %s", args, said)
	}
	return out
}

// plugin builds qguard.so for a server.
func plugin(t testing.TB, socket, program string, seconds int, more ...string) string {
	t.Helper()
	return compile(t, append(more, "-fPIC", "-shared", "-DQGUARD_SOCKET="+strconv.Quote(socket),
		"-DQGUARD_SCAN="+strconv.Quote(program), "-DQGUARD_TIMEOUT="+strconv.Itoa(seconds),
		"../cmd/qguard-plugin/plugin.c")...)
}

// A loader is a process like qhpsi's.
type loader struct {
	under   []string // a program that runs it
	program string
	env     []string
	dir     string // the queue
}

const envelope = "Fa@example.org\x00Tb@example.net\x00\x00"

// run gives a message to plugins and returns the exit status. The descriptors
// are qhpsi's: 0 at its end, 1 the envelope's pipe, 2 the client's, 3 the message
// open for writing. They must be as before afterwards.
func (l loader) run(t testing.TB, args ...string) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, envelope)
	w.Close()
	stored, err := os.OpenFile(filepath.Join(l.dir, "stored"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	line := append(append(slices.Clone(l.under), l.program), args...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = r, &said, []*os.File{stored}
	cmd.Dir, cmd.Env = l.dir, append([]string{"QGUARD_SOCKET=/nonexistent", "QGUARD_SCAN=/bin/false", "QGUARD_CONF=/nonexistent"}, l.env...)
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if left, err := io.ReadAll(r); err != nil || string(left) != envelope {
		t.Errorf("%q: the envelope is %q, %v", args, left, err)
	}
	if text, err := os.ReadFile(stored.Name()); err != nil || len(text) > 0 || said.Len() > 0 {
		t.Errorf("%q: fd 3 got %q, fd 2 %q, %v", args, text, said.String(), err)
	}
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// A pluginServer stands for qguardd.
type pluginServer struct {
	path string
	l    *net.UnixListener

	mu      sync.Mutex
	talk    func(*net.UnixConn) // after the request
	got     []string            // requests with their NULs
	content []string            // of the descriptors
	err     error
}

func newPluginServer(t testing.TB) *pluginServer {
	t.Helper()
	s := &pluginServer{path: filepath.Join(t.TempDir(), "s")}
	var err error
	if s.l, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	s.l.SetUnlinkOnClose(false)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := s.l.AcceptUnix()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			s.serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		s.l.Close()
		<-ended
		if s.err != nil {
			t.Error(s.err)
		}
	})
	return s
}

func (s *pluginServer) serve(conn *net.UnixConn) {
	text, oob := make([]byte, 8192), make([]byte, 128)
	n, k, _, _, err := conn.ReadMsgUnix(text, oob)
	var list []syscall.SocketControlMessage
	var fds []int
	if err == nil {
		list, err = syscall.ParseSocketControlMessage(oob[:k])
	}
	if err == nil && len(list) == 1 {
		fds, err = syscall.ParseUnixRights(&list[0])
	}
	content := "none"
	for _, fd := range fds {
		file := os.NewFile(uintptr(fd), "passed")
		data, rerr := io.ReadAll(file)
		content = string(data)
		if _, werr := file.WriteString("x"); rerr != nil || werr == nil {
			err = fmt.Errorf("descriptor: %v, writable: %v", rerr, werr == nil)
		}
		file.Close()
	}
	s.mu.Lock()
	s.got, s.content = append(s.got, string(text[:n])), append(s.content, content)
	if err == nil && len(fds) != 1 {
		err = errors.New("not one descriptor")
	}
	s.err = errors.Join(s.err, err)
	talk := s.talk
	s.mu.Unlock()
	talk(conn)
}

func (s *pluginServer) answer(talk func(*net.UnixConn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talk, s.got, s.content = talk, nil, nil
}

func says(text string) func(*net.UnixConn) {
	return func(conn *net.UnixConn) { io.WriteString(conn, text) }
}

func slowly(text string) func(*net.UnixConn) {
	return func(conn *net.UnixConn) {
		for _, c := range []byte(text) {
			conn.Write([]byte{c})
		}
	}
}

// silent holds the connection until the other side closes it.
func silent(conn *net.UnixConn) { io.Copy(io.Discard, conn) }

// queue is a queue with one message.
func queue(t testing.TB) (dir, message string) {
	t.Helper()
	dir = t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "mess/7"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "mess/7/12"), []byte(pluginMail), 0o644))
	must(os.Symlink("12", filepath.Join(dir, "mess/7/link")))
	must(syscall.Mkfifo(filepath.Join(dir, "mess/7/fifo"), 0o644))
	return dir, "mess/7/12"
}

const pluginMail = "Received: (qmail 1 invoked from network); 20 Nov 2026 10:00:00 -0000\nFrom: a@example.org\n\nHello.\n"

var replies = []struct {
	name string
	talk func(*net.UnixConn)
	want int
}{
	{"clean", says("fd[9]: OK\x00"), 0},
	{"found", says("fd[9]: QGuard.Xfile.Name FOUND\x00"), 1},
	{"could not tell", says("fd[9]: not checked in time ERROR\x00"), 2},
	{"could not tell, for rspamd", says("fd[9]: Heuristics.Limits.Exceeded.QGuard FOUND\x00"), 2},
	{"unknown command", says("UNKNOWN COMMAND\x00"), 2},
	{"closed", says(""), 2},
	{"cut", says("fd[9]: OK"), 2},
	{"cut found", says("fd[9]: X FOUND"), 2},
	{"line feed", says("fd[9]: OK\n"), 2},
	{"line feed and NUL", says("fd[9]: OK\n\x00"), 2},
	{"empty", says("\x00"), 2},
	{"without a subject", says(": OK\x00"), 2},
	{"lower case", says("fd[9]: ok\x00"), 2},
	{"not ok", says("fd[9]: NOT OK\x00"), 2},
	{"two replies", says("fd[9]: OK\x00fd[9]: X FOUND\x00"), 2},
	{"NUL before", says("\x00fd[9]: OK\x00"), 2},
	{"garbage", says("\xff\xfe\x80\r\n: OKAY\x00"), 2},
	{"slow clean", slowly("fd[9]: OK\x00"), 0},
	{"slow found", slowly("fd[9]: X FOUND\x00"), 1},
	{"slow and cut", slowly("fd[9]: OK"), 2},
	{"longest", says(strings.Repeat("x", 507) + ": OK\x00"), 0},
	{"too long", says(strings.Repeat("x", 508) + ": OK\x00"), 2},
	{"1 MB", says(strings.Repeat("x", 1<<20)), 2},
	{"1 MB and a verdict", says(strings.Repeat("x", 1<<20) + ": OK\x00"), 2},
}

func TestPluginReplies(t *testing.T) {
	s := newPluginServer(t)
	so := plugin(t, s.path, "/nonexistent", 30)
	dir, message := queue(t)
	l := loader{program: compile(t, "testdata/loader.c"), dir: dir}
	for _, c := range replies {
		s.answer(c.talk)
		if got := l.run(t, message, so); got != c.want {
			t.Errorf("%s: exit %d", c.name, got)
		}
		if !slices.Equal(s.got, []string{"zQGUARD \x00\x00"}) || !slices.Equal(s.content, []string{pluginMail}) {
			t.Errorf("%s: server got %q and %q", c.name, s.got, s.content)
		}
	}

	// Called again and again, and several in a list, up to the first that finds.
	s.answer(says("fd[9]: OK\x00"))
	if got := l.run(t, "-n", "100", message, so); got != 0 || len(s.got) != 100 {
		t.Errorf("100 times: exit %d, %d questions", got, len(s.got))
	}
	other := plugin(t, "", "/bin/false", 30)
	broken := plugin(t, "/nonexistent/s", "/bin/true", 30)
	for _, c := range []struct {
		list []string
		want int
	}{
		{[]string{so, so}, 0},
		{[]string{so, other}, 1},
		{[]string{so, broken, other}, 2},
		{[]string{other, broken}, 1},
	} {
		if got := l.run(t, append([]string{message}, c.list...)...); got != c.want {
			t.Errorf("list: exit %d, want %d", got, c.want)
		}
	}

	// Nothing but a regular file under its own name is passed.
	s.answer(says("fd[9]: OK\x00"))
	for _, name := range []string{"mess/7/13", "mess/7", "mess/7/link", "mess/7/fifo", "/dev/null", ""} {
		if got := l.run(t, name, so); got != 2 || len(s.got) > 0 {
			t.Errorf("%q: exit %d, %d questions", name, got, len(s.got))
		}
	}
}

// TestPluginTrouble: nobody there, or nobody who answers in time.
func TestPluginTrouble(t *testing.T) {
	dir, message := queue(t)
	l := loader{program: compile(t, "testdata/loader.c"), dir: dir}
	s := newPluginServer(t)
	so := plugin(t, s.path, "/bin/true", 1)
	s.answer(silent)
	if got := l.run(t, message, so); got != 2 {
		t.Errorf("silent: exit %d", got)
	}
	s.l.Close()
	if got := l.run(t, message, so); got != 2 {
		t.Errorf("nobody listens: exit %d", got)
	}
	os.Remove(s.path)
	if got := l.run(t, message, so); got != 2 {
		t.Errorf("missing: exit %d", got)
	}
	if err := os.WriteFile(s.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := l.run(t, message, so); got != 2 {
		t.Errorf("a file: exit %d", got)
	}

	// A server that closes at once, often before the question: no signal.
	hasty, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer hasty.Close()
	go func() {
		for {
			conn, err := hasty.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if got := l.run(t, "-n", "500", message, plugin(t, hasty.Addr().String(), "/bin/true", 30)); got != 2 {
		t.Errorf("closes at once: exit %d", got)
	}

	// A server that does not accept: its queue is full.
	full := filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: full}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", full)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	if got := l.run(t, message, plugin(t, full, "/bin/true", 1)); got != 2 {
		t.Errorf("full: exit %d", got)
	}
}

// TestPluginRequest: what the environment says of the session is what
// qguard-scan reads from it.
func TestPluginRequest(t *testing.T) {
	s := newPluginServer(t)
	so := plugin(t, s.path, "/nonexistent", 30)
	dir, message := queue(t)
	l := loader{program: compile(t, "testdata/loader.c"), dir: dir}
	s.answer(says("fd[9]: OK\x00"))
	every := ""
	for c := 1; c < 256; c++ {
		every += string([]byte{byte(c)})
	}
	clients := []string{"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "2001:DB8:0:0:0:0:0:a",
		"", "unknown", "192.0.2", "192.0.2.01", "192.0.2.256", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1\n", "192.0.2.1&user=root", "1:2:3",
		"1::2::3", ":::", "12345::", "[::1]", "192.0.2.1:25", strings.Repeat("1:", 500), "::ffff:192.0.2.1.1", "0xc0000201", "3221225985"}
	var cases [][]string
	for _, client := range clients {
		cases = append(cases, []string{"TCPREMOTEIP=" + client}, []string{"RELAYCLIENT=", "TCPREMOTEIP=" + client, "TCPREMOTEINFO=jdoe"})
	}
	cases = append(cases, [][]string{
		{}, {"RELAYCLIENT="}, {"RELAYCLIENT=@x"}, {"AUTHENTICATED="}, {"AUTHENTICATED=0"}, {"AUTHENTICATED=1"}, {"AUTHENTICATED=00"},
		{"TCPREMOTEINFO=jdoe"}, {"AUTHENTICATED=0", "TCPREMOTEINFO=jdoe"}, {"RELAYCLIENT=", "AUTHENTICATED=0", "TCPREMOTEINFO=jdoe"},
		{"AUTHENTICATED=1", "TCPREMOTEINFO="}, {"AUTHENTICATED=1", "TCPREMOTEINFO=J.Doe-x_1@example.org"},
		{"RELAYCLIENT=", "TCPREMOTEINFO=a&sender=b%20+;=c d"}, {"RELAYCLIENT=", "TCPREMOTEINFO=" + every},
		{"RELAYCLIENT=", "TCPREMOTEINFO=" + strings.Repeat("\xff", 1024)}, {"RELAYCLIENTX=", "XTCPREMOTEIP=192.0.2.1"},
	}...)
	for _, env := range cases {
		s.answer(s.talk)
		l.env = env
		if got := l.run(t, message, so); got != 0 || len(s.got) != 1 {
			t.Errorf("%q: exit %d, %d questions", env, got, len(s.got))
			continue
		}
		text, ok := strings.CutPrefix(s.got[0], "zQGUARD ")
		text, end := strings.CutSuffix(text, "\x00\x00")
		r, err := qhpsi.ParseRequest(text)
		if !ok || !end || err != nil {
			t.Errorf("%q: %q, %v", env, s.got[0], err)
			continue
		}
		var want qhpsi.Request
		want.Envelope, want.User = qhpsi.Environment(func(name string) (string, bool) {
			for _, e := range env {
				if value, ok := strings.CutPrefix(e, name+"="); ok {
					return value, true
				}
			}
			return "", false
		})
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%q: request %+v, want %+v", env, r, want)
		}
	}
	s.answer(s.talk)
	l.env = []string{"RELAYCLIENT=", "TCPREMOTEINFO=" + strings.Repeat("x", 1025)}
	if got := l.run(t, message, so); got != 2 || len(s.got) > 0 {
		t.Errorf("a user of 1025 bytes: exit %d", got)
	}
}

// TestPluginUnder runs it as qhpsi is run: under a memory limit and setuid; and
// under those who watch memory.
func TestPluginUnder(t *testing.T) {
	dir, message := queue(t)
	scanner := filepath.Join(dir, "scanner")
	if err := os.WriteFile(scanner, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"RELAYCLIENT=", "TCPREMOTEINFO=j doe", "TCPREMOTEIP=2001:db8::1", "ASAN_OPTIONS=detect_leaks=1"}
	plain := func(t *testing.T) string { return compile(t, "testdata/loader.c") }
	under := func(name string, args ...string) func(*testing.T) loader {
		return func(t *testing.T) loader {
			if _, err := exec.LookPath(name); err != nil {
				needPeer(t, name)
			}
			return loader{under: append([]string{name}, args...), program: plain(t), dir: dir, env: env}
		}
	}
	for _, c := range []struct {
		name  string
		flags []string // of the plugin
		args  []string // of the loader
		make  func(*testing.T) loader
	}{
		{"softlimit", nil, nil, under("softlimit", "-m", "3000000")},
		{"valgrind", nil, []string{"-n", "3"}, under("valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all")},
		{"sanitizers", []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}, []string{"-n", "3"}, func(t *testing.T) loader {
			return loader{program: compile(t, "-fsanitize=address,undefined", "testdata/loader.c"), dir: dir, env: env}
		}},
		{"setuid", nil, []string{"-s"}, func(t *testing.T) loader {
			if os.Getuid() != 0 {
				t.Skip("only root makes a program setuid to somebody")
			}
			return loader{program: setuid(t, plain(t)), dir: dir, env: env}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := c.make(t)
			s := newPluginServer(t)
			so := plugin(t, s.path, "/nonexistent", 60, c.flags...)
			open := func(name string) {
				for ; len(name) > len(os.TempDir()); name = filepath.Dir(name) {
					os.Chmod(name, 0o777)
				}
			}
			open(s.path)
			open(so)
			open(scanner)
			if got := l.run(t, append(c.args, "nothing")...); got == 92 {
				t.Skip("the file system takes no setuid programs")
			}
			for i, r := range replies {
				if c.name == "valgrind" && i%8 != 0 { // seconds each
					continue
				}
				s.answer(r.talk)
				if got := l.run(t, append(c.args, message, so)...); got != r.want {
					t.Errorf("%s: exit %d", r.name, got)
				}
			}
			so = plugin(t, "", scanner, 60, c.flags...)
			open(so)
			if got := l.run(t, append(c.args, message, so)...); got != 1 {
				t.Errorf("a program: exit %d", got)
			}
		})
	}
}

// setuid gives a program to the user nobody, and everybody the way to it.
func setuid(t *testing.T, program string) string {
	const nobody = 65534
	for dir := filepath.Dir(program); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755)
	}
	if err := errors.Join(os.Chown(program, nobody, nobody), os.Chmod(program, 0o755|os.ModeSetuid)); err != nil {
		t.Fatal(err)
	}
	return program
}

// TestPluginProgram: the plugin that runs qguard-scan.
func TestPluginProgram(t *testing.T) {
	dir, message := queue(t)
	l := loader{program: compile(t, "testdata/loader.c"), dir: dir}
	scanner := filepath.Join(t.TempDir(), "scanner")
	so := plugin(t, "", scanner, 30)
	script := func(text string) {
		t.Helper()
		if err := os.WriteFile(scanner, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		text string
		want int
	}{
		{"exit 0", 0}, {"exit 1", 1}, {"exit 2", 2}, {"exit 3", 2}, {"exit 255", 2}, {"kill -9 $$", 2}, {"kill -TERM $$", 2},
		{"echo said; echo said >&2; exit 0", 0}, {"echo said >&3", 2}, {"read -r line; test -z \"$line\"", 0},
		{`test "$*" = "-- mess/7/12" && grep -q Hello "$2"`, 0},
	} {
		script(c.text)
		if got := l.run(t, message, so); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.text, got, c.want)
		}
	}
	for _, program := range []string{"/nonexistent/scanner", "/etc/passwd", "/"} {
		if got := l.run(t, message, plugin(t, "", program, 30)); got != 2 {
			t.Errorf("%s: exit %d", program, got)
		}
	}

	// The environment is the session's facts and nothing else.
	seen := filepath.Join(dir, "seen")
	script("env | sort >" + seen + "; ls -l /proc/self/fd >>" + seen)
	l.env = []string{"RELAYCLIENT=", "TCPREMOTEINFO=a b=c", "TCPREMOTEIP=192.0.2.1", "AUTHENTICATED=1", "LD_PRELOAD=", "PATH=/tmp", "DEBUG=1", "QHPSI=plugin: x"}
	if got := l.run(t, message, so); got != 0 {
		t.Errorf("exit %d", got)
	}
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	env, fds, _ := strings.Cut(string(text), "total")
	env = strings.Join(slices.DeleteFunc(strings.Fields(env), func(e string) bool {
		return strings.HasPrefix(e, "PWD=") || strings.HasPrefix(e, "_=") || strings.HasPrefix(e, "SHLVL=")
	}), " ")
	if want := "AUTHENTICATED=1 PATH=/usr/local/bin:/usr/bin:/bin QHPSI=1 RELAYCLIENT= TCPREMOTEINFO=a b=c TCPREMOTEIP=192.0.2.1"; env != want {
		t.Errorf("environment %q", env)
	}
	if strings.Contains(fds, "pipe:") || strings.Contains(fds, "stored") {
		t.Errorf("descriptors %s", fds)
	}

	// One that hangs is ended with its children.
	pid := filepath.Join(dir, "pid")
	script("sleep 300 & echo $! >" + pid + "; wait")
	if got := l.run(t, message, plugin(t, "", scanner, 1)); got != 2 {
		t.Errorf("hangs: exit %d", got)
	}
	number, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(number)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); alive(child); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(child, syscall.SIGKILL)
			t.Fatal("its child lives on")
		}
	}
}

// alive reports whether a process runs; one that nobody waits for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// TestPluginFixtures: every fixture gets from the plugin and qguard-scan, under
// a memory limit, the verdict that it gets here.
func TestPluginFixtures(t *testing.T) {
	if _, err := os.Stat(rules.DefaultPath); err == nil {
		t.Skipf("%s says more than the defaults", rules.DefaultPath)
	}
	if _, err := exec.LookPath("softlimit"); err != nil {
		needPeer(t, "softlimit")
	}
	program := filepath.Join(t.TempDir(), "qguard-scan")
	build := exec.Command("go", "build", "-o", program, "qguard/cmd/qguard-scan")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", said)
	}
	so := plugin(t, "", program, 60)
	engine, err := qhpsi.New(rules.Default(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	l := loader{under: []string{"softlimit", "-m", "3000000"}, program: compile(t, "testdata/loader.c"), dir: t.TempDir()}
	names, err := filepath.Glob("../scan/testdata/mail/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	count := map[scan.State]int{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name, err = filepath.Abs(name); err != nil {
			t.Fatal(err)
		}
		state := judge(engine, text).State()
		want := map[scan.State]int{scan.Clean: qhpsi.ExitClean, scan.Found: qhpsi.ExitFound, scan.Undecided: qhpsi.ExitUndecided}[state]
		if got := l.run(t, name, so); got != want {
			t.Errorf("%s: exit %d, here %s", name, got, state)
		}
		count[state]++
	}
	if count[scan.Clean] == 0 || count[scan.Found] == 0 {
		t.Errorf("only %v", count)
	}
}
