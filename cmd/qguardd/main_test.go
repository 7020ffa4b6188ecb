package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"qguardd": main})
}

// Mail that tests send. The login is one of rules' shadow file.
const (
	clean = "From: a@example.org\r\nSubject: lunch\r\n\r\nAt noon?\r\n"
	leak  = "From: a@example.org\r\nSubject: Re: your account\r\n\r\nUsername: jdoe\r\nPassword: Sommer-2026x\r\n"
)

// shadow is the hash of the password in leak.
const shadow = "$5$rounds=1000$saltsalt$EvxW64iuwS1fTRPhjSo9hOdd3asNAqIbsrMJPLXF7qA"

// unsafe is a mail with a program in it.
const unsafe = "From: a@example.org\r\nSubject: photo\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=photo.exe\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAAEAAAA//8AALgAAAA=\r\n"

// needPeer skips a test whose peer is missing; in CI that is a failure.
func needPeer(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s: run scripts/setup-test", what)
	}
	t.Skipf("no %s: run scripts/setup-test", what)
}

// unpacked is a file of a Debian package that setup-test has unpacked.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/peers/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		needPeer(t, name)
	}
	return path
}

// sockets is a directory with a short name: a socket's path has 107 bytes at most.
// Everybody may enter it.
func sockets(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "qg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A process is a program that runs until its test ends.
type process struct {
	*exec.Cmd
	mu    sync.Mutex
	text  bytes.Buffer
	ended chan struct{}
}

// Write keeps what it says.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// spawn starts a program and its group, which end with the test.
func spawn(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
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
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-p.ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), p.said())
		}
	})
	return p
}

// answers waits until somebody accepts connections.
func (p *process) answers(t *testing.T, network, address string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial(network, address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("ended: %s", p.said())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not answer: %s", address, p.said())
		}
	}
}

// A running is a qguardd with sockets clamd and outgoing in dir. As root it
// becomes nobody.
type running struct {
	*process
	dir     string
	metrics string // port
}

// startDaemon starts qguardd with these rules beside [daemon] and [credential]'s.
func startDaemon(t *testing.T, daemon, rest string) running {
	t.Helper()
	dir := sockets(t)
	text := fmt.Sprintf(`[daemon]
user = "nobody"
mode = "0666"
spool = "%[1]s/tmp"
clamd = ["unix:%[1]s/clamd"]
outgoing = ["unix:%[1]s/outgoing"]
%[2]s
[cache]
path = "%[1]s/lib/negative.db"
key = "%[1]s/etc/key"
[quarantine]
path = "%[1]s/held"
[credential]
users = "%[1]s/etc/users"
authenticator = ["passwd-file", "%[1]s/etc/shadow"]
domains = ["example.org"]
%[3]s`, dir, daemon, rest)
	for _, sub := range []string{"tmp", "lib", "held", "etc"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/etc/users", "jdoe\n")
	write(t, dir+"/etc/shadow", "jdoe:"+shadow+"\n")
	write(t, dir+"/etc/key", strings.Repeat("k", 32))
	write(t, dir+"/etc/q.toml", text)
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d := running{process: spawn(t, exec.Command("qguardd", "-c", dir+"/etc/q.toml")), dir: dir}
	d.answers(t, "unix", dir+"/clamd")
	if got := d.ask(t, ping); got != pong { // now it has read its rules
		t.Fatalf("%q: %s", got, d.said())
	}
	return d
}

// ask sends one command and returns the answer.
func (d running) ask(t *testing.T, command string) string {
	t.Helper()
	return ask(t, d.dir+"/clamd", command)
}

func ask(t *testing.T, socket, command string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	io.WriteString(conn, command)
	text, _ := io.ReadAll(conn)
	return string(text)
}

// freePort is a TCP port that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// send gives a server a mail and returns its reply to the end of it: "250" or
// "code text".
func send(t *testing.T, port string, auth smtp.Auth, mail string) string {
	t.Helper()
	c, err := smtp.Dial("127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Mail("jdoe@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("friend@example.com"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, mail)
	var refused *textproto.Error
	switch err := w.Close(); {
	case errors.As(err, &refused):
		return fmt.Sprint(refused.Code, " ", refused.Msg)
	case err != nil:
		t.Fatal(err)
	}
	return "250"
}

// secretless fails when the login of leak is in a text.
func secretless(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, "Sommer") {
			t.Error("a password in: " + text)
		}
	}
}
