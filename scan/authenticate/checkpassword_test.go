package authenticate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakes are the programs that this test binary can be. Each gets what follows
// its name, /bin/true at the end, and returns the exit code.
func fakes() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"fake-exit":   fakeExit,
		"fake-expect": fakeExpect,
		"fake-record": fakeRecord,
		"fake-kill":   fakeKill,
		"fake-close":  fakeClose,
		"fake-noise":  fakeNoise,
		"fake-family": fakeFamily,
		"fake-hang":   fakeHang,
		"fake-qmail":  fakeQmail,
	}
}

// fakeExit exits with its argument and leaves descriptor 3 unread.
func fakeExit(args []string) int {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		panic(err)
	}
	return code
}

// fakeExpect knows one pair.
func fakeExpect([]string) int {
	b, err := io.ReadAll(os.NewFile(3, "pair"))
	if err != nil {
		return 111
	}
	if bytes.HasPrefix(b, []byte(markerUser+"\x00"+markerPassword+"\x00Y")) {
		return 0
	}
	return 1
}

// record is what a checkpassword program sees of the world.
type record struct {
	Argv, Env   []string
	Dir         string
	Descriptors map[int]string
	Blocking    bool
	Leader      bool
	Pair        string
}

// fakeRecord writes a record to the file named by its argument.
func fakeRecord(args []string) int {
	var r record
	r.Argv, r.Env = os.Args[1:], os.Environ()
	r.Dir, _ = os.Getwd()
	r.Descriptors = map[int]string{}
	names, _ := os.ReadDir("/proc/self/fd")
	for _, name := range names {
		n, _ := strconv.Atoi(name.Name())
		flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue // ours, not inherited
		}
		r.Descriptors[n], _ = os.Readlink("/proc/self/fd/" + name.Name())
	}
	flags, err := unix.FcntlInt(3, unix.F_GETFL, 0)
	r.Blocking = err == nil && flags&unix.O_NONBLOCK == 0
	r.Leader = syscall.Getpgrp() == os.Getpid()
	pair, err := io.ReadAll(os.NewFile(3, "pair"))
	if err != nil {
		return 111
	}
	r.Pair = string(pair)
	b, err := json.Marshal(r)
	if err != nil || os.WriteFile(args[0], b, 0o600) != nil {
		return 111
	}
	return 0
}

func fakeKill([]string) int {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	return 0
}

func fakeClose([]string) int {
	if unix.Close(3) != nil {
		return 2
	}
	return 1
}

func fakeNoise([]string) int {
	noise := bytes.Repeat([]byte("noise "), 1<<20)
	if _, err := os.Stdout.Write(noise); err != nil {
		return 2
	}
	if _, err := os.Stderr.Write(noise); err != nil {
		return 2
	}
	return 1
}

// fakeFamily starts a grandchild, tells the socket named first the process
// numbers of both, and exits with the code named second, "hang" for never.
// Both hold the connection, so it ends when both are gone.
func fakeFamily(args []string) int {
	conn, err := net.Dial("unix", args[0])
	if err != nil {
		return 99
	}
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		return 99
	}
	grandchild := exec.Command(os.Args[0], "fake-hang")
	grandchild.ExtraFiles = []*os.File{os.NewFile(3, "pair"), file}
	if grandchild.Start() != nil {
		return 99
	}
	fmt.Fprintln(conn, os.Getpid(), grandchild.Process.Pid)
	if args[1] == "hang" {
		return fakeHang(nil)
	}
	return fakeExit(args[1:])
}

// fakeHang waits for a signal that never comes, and minds no other.
func fakeHang([]string) int {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGUSR1)
	<-never
	return 98
}

// fakeQmail is a scanner under qmail-queue: descriptor 3 is the queue file. It
// asks a fakeRecord, and afterwards it must have descriptors 3 and 200 as before.
func fakeQmail(args []string) int {
	if unix.Dup3(3, 200, 0) != nil {
		return 90
	}
	open := []int{3, 200}
	if limit, err := strconv.ParseUint(args[1], 10, 64); err == nil {
		open = open[:1] // what is over the limit may be closed for all programs
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}) != nil {
			return 95
		}
	}
	b, err := New([]string{"checkpassword", os.Args[0], "fake-record", args[0]})
	if err != nil {
		return 91
	}
	answer, err := b.Check(context.Background(), []byte(markerUser), []byte(markerPassword))
	if answer != Right || err != nil {
		return 92
	}
	for _, fd := range open {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			return 93
		}
		if _, err := unix.Write(fd, []byte("untouched\n")); err != nil {
			return 94
		}
	}
	return 0
}

// fake returns a back end that asks one of the fakes.
func fake(t *testing.T, args ...string) Backend {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(append([]string{"checkpassword", self}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheckpassword(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   []string
		want   Answer
		reason string
	}{
		{"knows the pair", []string{"fake-expect"}, Right, ""},
		{"right", []string{"fake-exit", "0"}, Right, ""},
		{"wrong", []string{"fake-exit", "1"}, Wrong, ""},
		{"misused", []string{"fake-exit", "2"}, Unavailable, "checkpassword: exit code 2, misused"},
		{"temporary", []string{"fake-exit", "111"}, Unavailable, "checkpassword: exit code 111, temporary failure"},
		{"other code", []string{"fake-exit", "77"}, Unavailable, "checkpassword: exit code 77, not one of"},
		{"killed", []string{"fake-kill"}, Unavailable, "checkpassword: killed by signal 9"},
		{"closes the pair unread", []string{"fake-close"}, Wrong, ""},
		{"prints megabytes", []string{"fake-noise"}, Wrong, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := check(t, context.Background(), fake(t, tt.fake...), markerUser, markerPassword)
			wantAnswer(t, answer, err, tt.want, tt.reason)
		})
	}
	t.Run("knows another pair", func(t *testing.T) {
		answer, err := check(t, context.Background(), fake(t, "fake-expect"), markerUser, markerPassword+"x")
		wantAnswer(t, answer, err, Wrong, "")
	})
}

func TestCheckpasswordCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, program, reason string }{
		{"missing", filepath.Join(dir, "missing"), "no such file or directory"},
		{"not executable", plain, "permission denied"},
		{"a directory", dir, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := New([]string{"checkpassword", tt.program})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := check(t, context.Background(), b, markerUser, markerPassword)
			wantAnswer(t, answer, err, Unavailable, "checkpassword: run "+tt.program+": "+tt.reason)
			if errors.Is(err, ErrPair) {
				t.Errorf("%v blames the pair", err)
			}
		})
	}
}

// A program sees its pair, and nothing of us.
func TestCheckpasswordSurroundings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record")
	t.Setenv("MARKER", markerPassword)
	b := fake(t, "fake-record", file, "extra argument").(*checkpassword)
	b.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	answer, err := check(t, context.Background(), b, markerUser, markerPassword)
	wantAnswer(t, answer, err, Right, "")
	got := readRecord(t, file)
	wantRecord(t, got)
	if want := []string{"fake-record", file, "extra argument", "/bin/true"}; !slices.Equal(got.Argv, want) {
		t.Errorf("arguments %q, want %q", got.Argv, want)
	}
	if want := markerUser + "\x00" + markerPassword + "\x00Y1700000000\x00"; got.Pair != want {
		t.Errorf("descriptor 3 held %q, want %q", got.Pair, want)
	}
}

// What qmail-queue left open in us stays open in us and does not reach the program.
func TestCheckpasswordInheritedDescriptors(t *testing.T) {
	dir := t.TempDir()
	queue, err := os.Create(filepath.Join(dir, "queue"))
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	file := filepath.Join(dir, "record")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"", "64"} { // set after one was opened that is over it
		scanner := exec.Command(self, "fake-qmail", file, limit)
		scanner.ExtraFiles = []*os.File{queue}
		if out, err := scanner.CombinedOutput(); err != nil {
			t.Fatalf("limit %q: %v: %s", limit, err, out)
		}
		wantRecord(t, readRecord(t, file))
	}
	got, err := os.ReadFile(queue.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "untouched\nuntouched\nuntouched\n"; string(got) != want {
		t.Errorf("queue file holds %q, want %q", got, want)
	}
}

func readRecord(t *testing.T, file string) record {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// wantRecord checks what is the same for every program.
func wantRecord(t *testing.T, got record) {
	t.Helper()
	if len(got.Env) != 0 {
		t.Errorf("environment %q, want none", got.Env)
	}
	if got.Dir != "/" {
		t.Errorf("directory %s, want /", got.Dir)
	}
	if !got.Leader {
		t.Error("no process group of its own")
	}
	if !got.Blocking {
		t.Error("descriptor 3 does not block")
	}
	if !strings.HasPrefix(got.Descriptors[3], "pipe:") {
		t.Errorf("descriptor 3 is %q, want a pipe", got.Descriptors[3])
	}
	for _, n := range []int{0, 1, 2} {
		if got.Descriptors[n] != os.DevNull {
			t.Errorf("descriptor %d is %q, want %s", n, got.Descriptors[n], os.DevNull)
		}
	}
	if len(got.Descriptors) != 4 {
		t.Errorf("descriptors %v, want 0 to 3", got.Descriptors)
	}
}

// startFamily asks a fakeFamily in the background. It returns when the family
// is there: its connection, its process numbers, and where the answer will be.
func startFamily(t *testing.T, ctx context.Context, code string) (*net.UnixConn, []int, <-chan error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "qguard") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := fake(t, "fake-family", l.Addr().String(), code)
	done := make(chan error, 1)
	go func() {
		answer, err := b.Check(ctx, []byte(markerUser), []byte(markerPassword))
		if err == nil && answer != Right {
			err = errors.New(answer.String())
		}
		done <- err
	}()
	deadline := time.Now().Add(20 * time.Second)
	_ = l.(*net.UnixListener).SetDeadline(deadline)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(deadline)
	var child, grandchild int
	if _, err := fmt.Fscanln(conn, &child, &grandchild); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn), []int{child, grandchild}, done
}

// wantGone waits for the family's last member to let go of the connection.
func wantGone(t *testing.T, conn *net.UnixConn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %d bytes and %v, want the end: somebody is alive", n, err)
	}
}

// When the context ends, child and grandchild are killed and the child reaped.
func TestCheckpasswordHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, pids, done := startFamily(t, ctx, "hang")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "checkpassword: no answer in time") {
		t.Errorf("got %v", err)
	}
	wantGone(t, conn)
	if err := syscall.Kill(pids[0], 0); err != syscall.ESRCH {
		t.Errorf("child not reaped: %v", err)
	}
}

// A grandchild that lives on delays no answer, although it holds descriptor 3.
func TestCheckpasswordGrandchild(t *testing.T) {
	conn, pids, done := startFamily(t, context.Background(), "0")
	err := <-done
	if errKill := syscall.Kill(pids[1], syscall.SIGKILL); errKill != nil {
		t.Errorf("grandchild is gone: %v", errKill)
	}
	if err != nil {
		t.Errorf("got %v, want right", err)
	}
	wantGone(t, conn)
}

func TestCheckpasswordDeadline(t *testing.T) {
	const short = 20 * time.Millisecond
	t.Run("of the context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		answer, err := check(t, ctx, fake(t, "fake-hang"), markerUser, markerPassword)
		wantAnswer(t, answer, err, Unavailable, "checkpassword: no answer in time: context deadline exceeded")
	})
	t.Run("of our own", func(t *testing.T) {
		b := fake(t, "fake-hang").(*checkpassword)
		if b.timeout != 4*time.Second {
			t.Errorf("timeout %v, want 4s", b.timeout)
		}
		b.timeout = short
		answer, err := check(t, context.Background(), b, markerUser, markerPassword)
		wantAnswer(t, answer, err, Unavailable, "checkpassword: no answer in time: context deadline exceeded")
	})
	t.Run("past already", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		answer, err := check(t, ctx, fake(t, "fake-exit", "0"), markerUser, markerPassword)
		wantAnswer(t, answer, err, Unavailable, "checkpassword: no answer in time: context canceled")
	})
}

func TestCheckpasswordRequest(t *testing.T) {
	b := newCheckpassword([]string{"/none"})
	b.now = func() time.Time { return time.Unix(5, 0) }
	full := strings.Repeat("p", maxRequest-len("u\x00\x00Y5\x00"))
	for _, tt := range []struct {
		name, user, password, want, reason string
	}{
		{"three fields", "u", "p", "u\x00p\x00Y5\x00", ""},
		{"any bytes", "\xff:", " \n\x01", "\xff:\x00 \n\x01\x00Y5\x00", ""},
		{"512 bytes", "u", full, "u\x00" + full + "\x00Y5\x00", ""},
		{"513 bytes", "u", full + "p", "", "longer than the 512 bytes"},
		{"empty user", "", "p", "", "empty user"},
		{"empty password", "u", "", "", "empty password"},
		{"NUL in user", "u\x00v", "p", "", "contains a NUL"},
		{"NUL in password", "u", "p\x00q", "", "contains a NUL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := b.request([]byte(tt.user), []byte(tt.password))
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.reason == "" && err == nil {
				return
			}
			if !errors.Is(err, ErrPair) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got error %v, want ErrPair with %q", err, tt.reason)
			}
			// Not asked: /none would give another error.
			answer, err := b.Check(context.Background(), []byte(tt.user), []byte(tt.password))
			if answer != Unavailable || !errors.Is(err, ErrPair) {
				t.Errorf("Check: got %v, %v", answer, err)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	const core = 0x80
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		status syscall.WaitStatus
		want   Answer
		reason string
	}{
		{"right", context.Background(), 0 << 8, Right, ""},
		{"right at the last moment", ended, 0 << 8, Right, ""},
		{"wrong at the last moment", ended, 1 << 8, Wrong, ""},
		{"segmentation fault", context.Background(), 11 | core, Unavailable, "killed by signal 11"},
		{"killed in time", context.Background(), 9, Unavailable, "killed by signal 9"},
		{"killed by us", ended, 9, Unavailable, "no answer in time"},
		{"shell's word for a signal", context.Background(), 137 << 8, Unavailable, "exit code 137"},
		{"cannot execute", context.Background(), 126 << 8, Unavailable, "exit code 126"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := judge(tt.ctx, tt.status)
			wantAnswer(t, answer, err, tt.want, tt.reason)
		})
	}
}
