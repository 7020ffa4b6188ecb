package milter

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A postfix is a running server that relays everything to a sink of the test.
// It is the Debian package, unpacked, run by path with directories of its own.
type postfix struct {
	dir, port string
	log       string

	mu   sync.Mutex
	sunk []sunk
}

// sunk is a message that Postfix delivered.
type sunk struct {
	to   []string
	text string // LF at the ends of lines, Postfix's own Received field cut off
}

// startPostfix runs a server that asks a milter. Users are those of Debian's base.
func startPostfix(t *testing.T, milter string, more ...string) *postfix {
	t.Helper()
	peer, err := filepath.Abs("../../bin/peers/postfix/usr")
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = filepath.EvalSymlinks(peer); err != nil {
		needPeer(t, "postfix")
	}
	if os.Getuid() != 0 {
		needPeer(t, "postfix (it starts as root only)")
	}
	p := &postfix{dir: t.TempDir()}
	for _, dir := range []string{filepath.Dir(p.dir), p.dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.log = p.dir + "/log"
	p.port = freePort(t)
	owner := p.directories(t)
	sink := p.sink(t)
	conf := append([]string{
		"compatibility_level = 3.6",
		"queue_directory = " + p.dir + "/q",
		"data_directory = " + p.dir + "/data",
		"daemon_directory = " + peer + "/lib/postfix/sbin",
		"command_directory = " + peer + "/sbin",
		"shlib_directory = " + peer + "/lib/postfix",
		"meta_directory = " + p.dir + "/etc",
		"mail_owner = " + owner,
		"setgid_group = operator",
		"default_privs = nobody",
		"import_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ",
		"export_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ",
		"maillog_file = " + p.log,
		"maillog_file_prefixes = " + p.dir,
		"myhostname = mx.example.org",
		"mydestination =",
		"alias_maps =", "alias_database =", "local_recipient_maps =",
		"inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
		"local_header_rewrite_clients =",
		"mynetworks = 127.0.0.0/8",
		"relayhost = [127.0.0.1]:" + sink,
		"smtp_dns_support_level = disabled", "smtp_host_lookup = native",
		"smtp_tls_security_level = none", "smtpd_tls_security_level = none",
		"smtpd_recipient_restrictions = permit_mynetworks, reject",
		"smtpd_peername_lookup = no",
		"smtpd_milters = " + milter,
		"milter_default_action = tempfail",
		"smtpd_error_sleep_time = 0",
		"smtputf8_enable = no",
	}, more...)
	write(t, p.dir+"/etc/main.cf", strings.Join(conf, "\n")+"\n")
	var services strings.Builder
	fmt.Fprintf(&services, "127.0.0.1:%s inet n - n - - smtpd\n", p.port)
	for _, line := range []string{
		"cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
		"smtp unix - - n - - smtp", "relay unix - - n - - smtp", "error unix - - n - - error", "retry unix - - n - - error",
		"anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd",
		"tlsmgr unix - - n 1000? 1 tlsmgr", "proxymap unix - - n - - proxymap",
	} {
		services.WriteString(line + "\n")
	}
	write(t, p.dir+"/etc/master.cf", services.String())

	cmd := exec.Command(peer+"/lib/postfix/sbin/master", "-c", p.dir+"/etc", "-d")
	cmd.Env = []string{"LD_LIBRARY_PATH=" + peer + "/lib/postfix", "MAIL_CONFIG=" + p.dir + "/etc", "PATH=/usr/bin:/bin"}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		cmd.Wait()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("postfix:\n%s\n%s", out.String(), text)
		}
	})
	poll(t, "postfix listens", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+p.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// directories makes Postfix's, with the owners that it checks.
func (p *postfix) directories(t *testing.T) (owner string) {
	t.Helper()
	owner = "daemon"
	u, err := user.Lookup(owner)
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroup("operator")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(g.Gid)
	for _, d := range []struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}{
		{"etc", 0o755, 0, 0}, {"data", 0o700, uid, 0}, {"q", 0o755, 0, 0}, {"q/pid", 0o755, 0, 0},
		{"q/incoming", 0o700, uid, 0}, {"q/active", 0o700, uid, 0}, {"q/bounce", 0o700, uid, 0}, {"q/corrupt", 0o700, uid, 0},
		{"q/defer", 0o700, uid, 0}, {"q/deferred", 0o700, uid, 0}, {"q/flush", 0o700, uid, 0}, {"q/hold", 0o700, uid, 0},
		{"q/saved", 0o700, uid, 0}, {"q/trace", 0o700, uid, 0}, {"q/private", 0o700, uid, 0},
		{"q/public", 0o710, uid, gid}, {"q/maildrop", 0o730, uid, gid},
	} {
		err := os.Mkdir(p.dir+"/"+d.name, d.mode)
		if err := errors.Join(err, os.Chmod(p.dir+"/"+d.name, d.mode), os.Chown(p.dir+"/"+d.name, d.uid, d.gid)); err != nil {
			t.Fatal(err)
		}
	}
	return owner
}

// sink takes what Postfix delivers.
func (p *postfix) sink(t *testing.T) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go p.receive(c)
		}
	}()
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

func (p *postfix) receive(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	r := textproto.NewReader(bufio.NewReader(c))
	fmt.Fprintf(c, "220 sink\r\n")
	var s sunk
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, ":")
		switch {
		case verb == "DATA":
			fmt.Fprintf(c, "354 go on\r\n")
			text, err := dots(r.R)
			if err != nil {
				return
			}
			s.text = text
			p.mu.Lock()
			p.sunk = append(p.sunk, s)
			p.mu.Unlock()
			s = sunk{}
		case verb == "RCPT TO":
			addr, _, _ := strings.Cut(rest, ">")
			s.to = append(s.to, strings.TrimPrefix(addr, "<"))
		case verb == "QUIT":
			fmt.Fprintf(c, "221 bye\r\n")
			return
		}
		fmt.Fprintf(c, "250 ok\r\n")
	}
}

// dots reads a message to its dot, without changing a byte but the line ends.
func dots(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			break
		}
		line = strings.TrimPrefix(line, ".")
		b.WriteString(strings.TrimSuffix(line, "\r\n") + "\n")
	}
	return ownReceived.ReplaceAllString(b.String(), "$1"), nil
}

// ownReceived is Postfix's own field, behind those that a milter puts first.
var ownReceived = regexp.MustCompile(`(?s)^((?:X-Q.*?)?)Received: [^\n]*\n(?:\t[^\n]*\n)*`)

// An smtp is an SMTP client of Postfix's.
type smtp struct {
	*textproto.Conn
	t *testing.T
}

func (p *postfix) dial(t *testing.T) *smtp {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	s := &smtp{textproto.NewConn(c), t}
	t.Cleanup(func() { s.Close() })
	s.reply()
	s.say("EHLO client.example.org")
	return s
}

// reply returns the lines of a reply in one.
func (s *smtp) reply() string {
	s.t.Helper()
	var all []string
	for {
		line, err := s.ReadLine()
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(all, "\n")
		}
	}
}

func (s *smtp) say(line string) string {
	s.t.Helper()
	if err := s.PrintfLine("%s", line); err != nil {
		s.t.Fatal(err)
	}
	return s.reply()
}

// mail sends a message and returns the reply to it.
func (s *smtp) mail(text string, to ...string) string {
	s.t.Helper()
	if got := s.say("MAIL FROM:<sender@example.org>"); got[:3] != "250" {
		return got
	}
	for _, addr := range to {
		s.say("RCPT TO:<" + addr + ">")
	}
	if got := s.say("DATA"); got[:3] != "354" {
		return got
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".") {
			s.W.WriteString(".")
		}
		s.W.WriteString(strings.TrimSuffix(line, "\n") + "\r\n")
	}
	return s.say(".")
}

// take waits until Postfix has delivered everything, and returns it.
func (p *postfix) take(t *testing.T) []sunk {
	t.Helper()
	poll(t, "postfix's queue is empty", func() bool {
		for _, dir := range []string{"incoming", "active", "deferred", "hold", "maildrop"} {
			if files, _ := filepath.Glob(p.dir + "/q/" + dir + "/*"); len(files) > 0 {
				return false
			}
		}
		return true
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.sunk
	p.sunk = nil
	return out
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within time: %s", what)
		}
	}
}

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

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
