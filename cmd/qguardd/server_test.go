package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What keeps it from starting is one line with the next step, and exit 2.
func TestStart(t *testing.T) {
	dir := sockets(t)
	write(t, dir+"/none.toml", "[daemon]\nuser = \"nobody\"\n")
	write(t, dir+"/wrong.toml", "[daemon]\nsocks = 1\n")
	write(t, dir+"/secret.toml", "")
	write(t, dir+"/file", "")
	taken, err := net.Listen("unix", dir+"/taken")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct{ args, want string }{
		{"-x", "flag provided but not defined: -x"},
		{"-clamd here", `"here" is not an address`},
		{"-clamd tcp:localhost:1", "has no numeric address and port"},
		{"message", `unexpected argument "message"`},
		{"-c " + dir + "/missing.toml", "no such file or directory"},
		{"-c " + dir + "/wrong.toml", `wrong.toml:2: unknown key "daemon.socks"`},
		{"-clamd unix:" + dir + "/taken", "is qguardd running?"},
		{"-clamd unix:" + dir + "/file", "a file that is no socket is in the way"},
		{"-clamd tcp:192.0.2.1:3310", "cannot assign requested address"},
	} {
		if !strings.Contains(c.args, "-c ") {
			c.args += " -c " + dir + "/none.toml"
			if strings.HasPrefix(c.args, "message") {
				c.args = "-c " + dir + "/none.toml message"
			}
		}
		out, code := run1(t, c.args)
		if code != 2 || !strings.Contains(out, c.want) || !strings.HasPrefix(out, "qguardd: ") || strings.Count(strings.TrimSuffix(out, "qguardd: try qguardd -help\n"), "\n") > 1 {
			t.Errorf("%s: exit %d: %s", c.args, code, out)
		}
	}
	if os.Getuid() == 0 {
		write(t, dir+"/user.toml", "[daemon]\nuser = \"nosuchuser\"\n")
		if out, code := run1(t, "-c "+dir+"/user.toml"); code != 2 || !strings.Contains(out, `no user "nosuchuser"`) {
			t.Errorf("exit %d: %s", code, out)
		}
		write(t, dir+"/private.toml", "[daemon]\nuser = \"nobody\"\nclamd = [\"unix:"+dir+"/s\"]\n")
		os.Chmod(dir+"/private.toml", 0o600)
		if out, code := run1(t, "-c "+dir+"/private.toml"); code != 2 || !strings.Contains(out, "as user nobody: ") {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	t.Run("not root", func(t *testing.T) {
		if err := os.Mkdir(dir+"/shut", 0o500); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("qguardd", "-c", dir+"/none.toml", "-clamd", "unix:"+dir+"/shut/s")
		if os.Getuid() == 0 {
			setpriv, err := exec.LookPath("setpriv")
			if err != nil {
				needPeer(t, "setpriv")
			}
			cmd.Args = append([]string{setpriv, "--bounding-set=-dac_override,-dac_read_search"}, cmd.Args...)
			cmd.Path = setpriv
		}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), "permission denied: start qguardd as root") {
			t.Errorf("exit %d: %s", code, out)
		}
	})
	if out, code := run1(t, "-help"); code != 0 || !strings.HasPrefix(out, "usage: qguardd") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := run1(t, "-version"); code != 0 || !strings.HasPrefix(out, "qguardd ") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// run1 runs qguardd with arguments until it ends by itself.
func run1(t *testing.T, args string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "qguardd", strings.Fields(args)...)
	text, err := cmd.CombinedOutput()
	if ee := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ee) {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

const (
	ping = "zPING\x00"
	pong = "PONG\x00"
)

// stream is an INSTREAM of a mail.
func stream(mail string) string {
	return "zINSTREAM\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(len(mail)))) + mail + "\x00\x00\x00\x00"
}

// SIGHUP takes new rules; with a mistake in them the old ones stay, also while
// messages are judged.
func TestHup(t *testing.T) {
	d := startDaemon(t, "", "")
	conf := d.dir + "/etc/q.toml"
	good, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	const found, ok = "stream: QGuard.Xfile.Name FOUND\x00", "stream: OK\x00"
	if got := d.ask(t, stream(unsafe)); got != found {
		t.Fatalf("%q", got)
	}
	write(t, conf, string(good)+"\n[xfile]\nallow = [\n")
	d.Process.Signal(syscall.SIGHUP)
	d.logged(t, "the old rules stay")
	if got := d.ask(t, stream(unsafe)); got != found {
		t.Errorf("after wrong rules: %q", got)
	}
	write(t, conf, string(good)+"\n[[policy]]\nrule = \"xfile.*\"\naction = \"tag\"\n")
	d.Process.Signal(syscall.SIGHUP)
	d.logged(t, "note=\"rules read again\"")
	if got := d.ask(t, stream(unsafe)); got != ok {
		t.Errorf("after new rules: %q", got)
	}
	if got := d.ask(t, "zRELOAD\x00"); got != "RELOADING\x00" {
		t.Errorf("%q", got)
	}
}

// logged waits for a line.
func (d running) logged(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(d.said(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in the log:\n%s", want, d.said())
		}
	}
}

// spooled waits until bytes of a message have come.
func (d running) spooled(t *testing.T, bytes int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		resp, err := http.Get("http://127.0.0.1:" + d.metrics + "/")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		var have int
		if _, after, ok := strings.Cut(string(text), "qguard_spool_bytes "); ok {
			fmt.Sscan(after, &have)
		}
		if have >= bytes {
			return
		}
	}
	t.Fatal("nothing came")
}

// SIGTERM lets a message that is on its way have its answer.
func TestDrain(t *testing.T) {
	port := freePort(t)
	d := startDaemon(t, `metrics = ["tcp:127.0.0.1:`+port+`"]`, "")
	d.metrics = port
	conn, err := net.Dial("unix", d.dir+"/clamd")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	mail := stream(unsafe)
	io.WriteString(conn, mail[:100])
	d.spooled(t, 1)
	d.Process.Signal(syscall.SIGTERM)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if other, err := net.Dial("unix", d.dir+"/clamd"); err != nil {
			break
		} else {
			other.Close()
		}
	}
	io.WriteString(conn, mail[100:])
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if text, err := io.ReadAll(conn); string(text) != "stream: QGuard.Xfile.Name FOUND\x00" {
		t.Errorf("%q, %v", text, err)
	}
	<-d.ended
	if code := d.ProcessState.ExitCode(); code != 0 || !strings.HasSuffix(d.said(), "qguardd: note=stopped\n") {
		t.Errorf("exit %d: %s", code, d.said())
	}
}

// SHUTDOWN stops it where the rules say so, and only there.
func TestShutdown(t *testing.T) {
	if got := startDaemon(t, "", "").ask(t, "zSHUTDOWN\x00"); got != "COMMAND UNAVAILABLE\x00" {
		t.Errorf("%q", got)
	}
	d := startDaemon(t, "shutdown = true", "")
	d.ask(t, "zSHUTDOWN\x00")
	<-d.ended
	if code := d.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestSystemd plays systemd: sockets, readiness, watchdog, reload.
func TestSystemd(t *testing.T) {
	dir := sockets(t)
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	os.Chmod(dir+"/notify", 0o777)
	notify.SetReadDeadline(time.Now().Add(30 * time.Second))
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 512)
		for {
			n, err := notify.Read(buf)
			if err != nil {
				t.Fatalf("not told %q: %v", want, err)
			}
			if bytes.HasPrefix(buf[:n], []byte(want)) {
				return
			}
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/given", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	os.Chmod(dir+"/given", 0o777)
	write(t, dir+"/q.toml", fmt.Sprintf("[daemon]\nuser = \"nobody\"\nclamd = [\"unix:%s/clamd\"]\n[cache]\npath = \"%[1]s/c.db\"\n[quarantine]\npath = \"%[1]s/held\"\n", dir))

	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec qguardd -c "$1"`, "sh", dir+"/q.toml")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=clamd", "NOTIFY_SOCKET="+dir+"/notify", "WATCHDOG_USEC=300000")
	cmd.ExtraFiles = []*os.File{file}
	p := spawn(t, cmd)
	told("READY=1")
	d := running{process: p, dir: dir}
	if got := ask(t, dir+"/given", ping); got != pong {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(dir + "/clamd"); err == nil {
		t.Error("it listens where the rules say as well")
	}
	told("WATCHDOG=1")
	p.Process.Signal(syscall.SIGHUP)
	told("RELOADING=1\nMONOTONIC_USEC=")
	told("READY=1")
	p.Process.Signal(syscall.SIGTERM)
	told("STOPPING=1")
	<-d.ended

	cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ exec qguardd -c "$1"`, "sh", dir+"/q.toml")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=smtp")
	cmd.ExtraFiles = []*os.File{file}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), `systemd's socket "smtp": FileDescriptorName= is none of [clamd`) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestMetrics(t *testing.T) {
	port := freePort(t)
	d := startDaemon(t, `metrics = ["tcp:127.0.0.1:`+port+`"]`, "")
	d.ask(t, stream(unsafe))
	resp, err := http.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(text), `qguard_messages_total{door="clamd",verdict="found"} 1`) {
		t.Errorf("%s", text)
	}
	if got := d.ask(t, "nSTATS\n"); !strings.HasPrefix(got, "POOLS: ") || !strings.HasSuffix(got, "END\n") {
		t.Errorf("%q", got)
	}
}

// Rules with and without mistakes are read while messages are judged: every
// answer is right.
func TestReloadUnderLoad(t *testing.T) {
	d := startDaemon(t, "", "")
	conf := d.dir + "/etc/q.toml"
	good, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var askers sync.WaitGroup
	for i := range 8 {
		mail, want := unsafe, "stream: QGuard.Xfile.Name FOUND\x00"
		if i%2 == 0 {
			mail, want = clean, "stream: OK\x00"
		}
		askers.Go(func() {
			for range 150 {
				if got := d.ask(t, stream(mail)); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		})
	}
	go func() {
		askers.Wait()
		close(done)
	}()
	for n := 0; ; n++ {
		select {
		case <-done:
			if n < 3 {
				t.Errorf("only %d reloads", n)
			}
			return
		default:
		}
		text, want := string(good), "RELOADING\x00"
		if n%2 == 0 {
			text, want = text+"\n[limit]\ntime = 0\n", "ERROR\x00"
		}
		write(t, conf, text)
		if got := d.ask(t, "zRELOAD\x00"); !strings.HasSuffix(got, want) {
			t.Errorf("RELOAD: %q", got)
		}
	}
}

// The milter's door is there: it answers the offer that a server begins with.
func TestMilter(t *testing.T) {
	d := startDaemon(t, "", "")
	milter := spawn(t, exec.Command("qguardd", "-c", d.dir+"/etc/q.toml", "-clamd", "unix:"+d.dir+"/other", "-outgoing", "unix:"+d.dir+"/other2", "-milter", "unix:"+d.dir+"/milter"))
	milter.answers(t, "unix", d.dir+"/milter")
	conn, err := net.Dial("unix", d.dir+"/milter")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff")
	answer := make([]byte, 9)
	if _, err := io.ReadFull(conn, answer); err != nil || answer[4] != 'O' || answer[8] != 6 {
		t.Errorf("%q, %v", answer, err)
	}
}
