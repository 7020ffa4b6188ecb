package authenticate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// greeting is what Dovecot 2.3.19 says first.
const greeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t10274\nCUID\t1\nCOOKIE\t46052825a00931eb7d611d9900398044\nDONE\n"

// fakeDovecot greets and gives each AUTH a reply; %d in it is the question's id.
// It returns the socket and a channel that gets a line for each question, and
// "closed" when a connection ends.
func fakeDovecot(t testing.TB, greeting string, reply func(id int, user, password string) string) (path string, log <-chan string) {
	lines := make(chan string, 100)
	path = serve(t, func(conn net.Conn) {
		defer func() { lines <- "closed" }()
		io.WriteString(conn, greeting)
		r := bufio.NewReader(conn)
		for _, want := range []string{"VERSION\t1\t1\n", "CPID\t" + fmt.Sprint(os.Getpid()) + "\n"} {
			if line, _ := r.ReadString('\n'); line != want {
				lines <- fmt.Sprintf("handshake %q", line)
				return
			}
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSuffix(line, "\n")
			words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			resp, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(words[len(words)-1], "resp="))
			plain := strings.Split(string(resp), "\x00")
			if words[0] != "AUTH" || len(plain) != 3 || plain[0] != "" {
				lines <- fmt.Sprintf("bad question %q", line)
				return
			}
			var id int
			fmt.Sscan(words[1], &id)
			io.WriteString(conn, reply(id, plain[1], plain[2]))
		}
	})
	return path, lines
}

func TestDovecotReplies(t *testing.T) {
	const none = "dovecot: auth service gives no answer of the protocol"
	right := func(id string) string { return "OK\t" + id + "\tuser=" + markerUser }
	for _, tt := range []struct {
		name    string
		reply   string // to the pair
		control string // to the same user with another password, if asked
		want    Answer
		reason  string
	}{
		{"right", right("1"), "", Right, ""},
		{"right, bare", "OK\t1", "", Right, ""},
		{"right, with fields", right("1") + "\tnologin\tresp=\thost", "", Right, ""},
		{"wrong", "FAIL\t1\tuser=" + markerUser, "", Wrong, ""},
		{"wrong, bare", "FAIL\t1", "", Wrong, ""},
		{"wrong, with reason", "FAIL\t1\treason=no such luck\tnodelay", "", Wrong, ""},
		{"wrong, reason like a word", "FAIL\t1\tuser=temp\treason=temp_fail", "", Wrong, ""},
		{"temporary", "FAIL\t1\ttemp", "", Unavailable, "dovecot: auth service has a temporary failure"},
		{"temporary of 2.3", "FAIL\t1\tuser=x\tcode=temp_fail", "", Unavailable, "temporary failure"},
		{"temporary before all", "FAIL\t1\tuser_disabled\ttemp", "", Unavailable, "temporary failure"},
		{"disabled", "FAIL\t1\tuser_disabled", "FAIL\t2", Right, ""},
		{"disabled of 2.3", "FAIL\t1\tcode=user_disabled", "FAIL\t2\tuser=x", Right, ""},
		{"expired", "FAIL\t1\tpass_expired", "FAIL\t2", Right, ""},
		{"expired of 2.3", "FAIL\t1\tcode=pass_expired", "FAIL\t2", Right, ""},
		{"of a master", "FAIL\t1\tauthz", "FAIL\t2", Right, ""},
		{"of a master of 2.3", "FAIL\t1\tcode=authz_fail", "FAIL\t2", Right, ""},
		{"denied always", "FAIL\t1\tcode=user_disabled", "FAIL\t2\tcode=user_disabled", Refused, ""},
		{"denied, then not", "FAIL\t1\tcode=user_disabled", "OK\t2", Refused, ""},
		{"disabled, no proof", "FAIL\t1\tcode=user_disabled", "FAIL\t2\ttemp", Unavailable, "temporary failure"},
		{"disabled, proof of nothing", "FAIL\t1\tcode=user_disabled", "FAIL\t1", Unavailable, "answers another question"},
		{"proxy that looks", "OK\t1\tproxy\thost=192.0.2.1\tpass=" + markerPassword, "FAIL\t2", Right, ""},
		{"proxy that does not", "OK\t1\tproxy=y\tpass=" + markerPassword, "OK\t2\tproxy=y", Unavailable, "accepts any password"},
		{"proxy, perhaps", "OK\t1\tproxy_maybe", "OK\t2\tproxy_maybe", Unavailable, "accepts any password"},
		{"unknown code", "FAIL\t1\tcode=" + markerPassword, "", Unavailable, "a reason that is not known"},
		{"more", "CONT\t1\t", "", Unavailable, "asks for more than PLAIN has"},
		{"other id", right("2"), "", Unavailable, "answers another question"},
		{"no id", "OK", "", Unavailable, none},
		{"empty id", "OK\t", "", Unavailable, "answers another question"},
		{"id with zeros", "OK\t01", "", Unavailable, "answers another question"},
		{"id with a sign", "FAIL\t+1", "", Unavailable, "answers another question"},
		{"word", "MAYBE\t1", "", Unavailable, none},
		{"lower case", "ok\t1", "", Unavailable, none},
		{"blanks for tabs", "OK 1", "", Unavailable, none},
		{"empty line", "", "", Unavailable, none},
		{"zeros", strings.Repeat("\x00", 1000), "", Unavailable, none},
		{"echo", markerUser + "\t" + markerPassword, "", Unavailable, none},
		{"greeting", "VERSION\t1\t2", "", Unavailable, none},
		{"CRLF", "OK\t1\r", "", Unavailable, "answers another question"},
		{"no line feed", strings.Repeat("x", 1<<20), "", Unavailable, "sends a line without end"},
		{"longest line", "FAIL\t1\t" + strings.Repeat("x", maxDovecotLine-8), "", Wrong, ""},
		{"line too long", "OK\t1\t" + strings.Repeat("x", maxDovecotLine-5), "", Unavailable, "sends a line without end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var control string
			path, log := fakeDovecot(t, greeting, func(id int, user, password string) string {
				if id == 1 {
					return tt.reply + "\n"
				}
				control = password
				return tt.control + "\n"
			})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			answer, err := check(t, ctx, backend(t, "dovecot", path, "smtp"), markerUser, markerPassword)
			wantAnswer(t, answer, err, tt.want, tt.reason)
			resp := base64.StdEncoding.EncodeToString([]byte("\x00" + markerUser + "\x00" + markerPassword))
			if got, want := <-log, "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tnologin\tno-penalty\tresp="+resp; got != want {
				t.Errorf("asked %q, want %q", got, want)
			}
			if tt.control != "" {
				<-log
			}
			cancel()
			if got := <-log; got != "closed" {
				t.Errorf("got %q, want the end", got)
			}
			if (control != "") != (tt.control != "") || control == markerPassword {
				t.Errorf("control password %q", control)
			}
		})
	}
}

func TestDovecotGreeting(t *testing.T) {
	for _, tt := range []struct {
		name, greeting string
		want           Answer
		reason         string
	}{
		{"2.3", greeting, Right, ""},
		{"least", "VERSION\t1\t0\nMECH\tplain\nDONE\n", Right, ""},
		{"later words", "VERSION\t1\t9\tx\nNEW\tthing\nMECH\tPLAIN\n\nDONE\n", Right, ""},
		{"other version", "VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", Unavailable, "speaks another version"},
		{"no version number", "VERSION\nMECH\tPLAIN\nDONE\n", Unavailable, "speaks another version"},
		{"no version", "MECH\tPLAIN\nDONE\n", Unavailable, "names no version"},
		{"no PLAIN", "VERSION\t1\t2\nMECH\tCRAM-MD5\tdictionary\nDONE\n", Unavailable, "does not offer PLAIN"},
		{"no end", strings.Repeat("MECH\tPLAIN\n", maxHandshake), Unavailable, "does not end its greeting"},
		{"no line feed", strings.Repeat("x", 1<<20), Unavailable, "sends a line without end"},
		{"SMTP", "220 mail.example.org ESMTP\r\n", Unavailable, "no answer in time"},
		{"half", "VERSION\t1\t2\nMECH\tPLAIN\nDON", Unavailable, "no answer in time"},
		{"a master socket", "VERSION\t1\t1\nSPID\t1\n", Unavailable, "no answer in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, _ := fakeDovecot(t, tt.greeting, func(id int, _, _ string) string { return fmt.Sprintf("OK\t%d\n", id) })
			ctx := context.Background()
			if strings.HasPrefix(tt.reason, "no answer") {
				ctx = soon(t)
			}
			answer, err := check(t, ctx, backend(t, "dovecot", path), markerUser, markerPassword)
			wantAnswer(t, answer, err, tt.want, tt.reason)
		})
	}
}

// The questions of one context share a connection, which ends with it; without
// an end to wait for, each has its own.
func TestDovecotConnections(t *testing.T) {
	path, log := fakeDovecot(t, greeting, func(id int, _, password string) string {
		if password == "odd" {
			return "?\n"
		}
		return fmt.Sprintf("FAIL\t%d\n", id)
	})
	b := backend(t, "dovecot", path)
	ids := func(n int) (got string) {
		for range n {
			line := <-log
			got += strings.TrimPrefix(strings.SplitN(line, "\tPLAIN", 2)[0], "AUTH\t") + " "
		}
		return strings.TrimSpace(got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for range 3 {
		check(t, ctx, b, markerUser, markerPassword)
	}
	cancel()
	if got := ids(4); got != "1 2 3 closed" {
		t.Errorf("one message: %s", got)
	}
	answer, err := check(t, ctx, b, markerUser, markerPassword)
	wantAnswer(t, answer, err, Unavailable, "context canceled")

	for range 2 {
		check(t, context.Background(), b, markerUser, markerPassword)
	}
	if got := ids(4); got != "1 closed 1 closed" {
		t.Errorf("no context: %s", got)
	}

	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	for _, password := range []string{markerPassword, "odd", markerPassword} {
		b.Check(ctx, []byte(markerUser), []byte(password))
	}
	if got := ids(4); got != "1 2 closed 1" {
		t.Errorf("after nonsense: %s", got)
	}
	cancel()
	if got := ids(1); got != "closed" {
		t.Errorf("end: %s", got)
	}
}

// A server that is restarted between two questions of a message is in doubt for
// the second and well for the third.
func TestDovecotRestarts(t *testing.T) {
	path := serve(t, func(conn net.Conn) {
		io.WriteString(conn, greeting)
		r := bufio.NewReader(conn)
		for range 3 {
			r.ReadString('\n')
		}
		io.WriteString(conn, "FAIL\t1\n")
	})
	b := backend(t, "dovecot", path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, want := range []Answer{Wrong, Unavailable, Wrong} {
		if answer, err := check(t, ctx, b, markerUser, markerPassword); answer != want {
			t.Errorf("got %v, %v, want %v", answer, err, want)
		}
	}
}

// Two at a time must not mix up their answers.
func TestDovecotParallel(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, greeting)
				r := bufio.NewReader(conn)
				for id := 0; ; {
					line, err := r.ReadBytes('\n')
					if err != nil {
						return
					}
					if !bytes.HasPrefix(line, []byte("AUTH")) {
						continue
					}
					id++
					word := "FAIL"
					if bytes.HasSuffix(line, []byte("resp="+base64.StdEncoding.EncodeToString([]byte("\x00u\x00right-password"))+"\n")) {
						word = "OK"
					}
					fmt.Fprintf(conn, "%s\t%d\n", word, id)
				}
			}()
		}
	}()
	b := backend(t, "dovecot", socket)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	for n := range 4 {
		go func() {
			password, want := "right-password", Right
			if n%2 == 1 {
				password, want = "wrong-password", Wrong
			}
			for range 50 {
				if answer, err := b.Check(ctx, []byte("u"), []byte(password)); answer != want {
					done <- fmt.Errorf("%s: %v, %v", password, answer, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// startDovecot runs Debian's with a passdb of some lines and returns its
// auth-client socket.
func startDovecot(t testing.TB, users, more string) (socket string) {
	t.Helper()
	root := unpacked(t, "dovecot-core", "usr/sbin/dovecot")
	// The directories of plug-ins too: some programs are linked with them.
	lib := root + "/usr/lib/dovecot"
	libraries := strings.Join([]string{lib, lib + "/modules", lib + "/modules/auth", lib + "/modules/old-stats"}, ":")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "dovecot") // its sockets' names must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("DIR", dir, "ROOT", root, "USER", me.Username, "GROUP", group.Name, "LIBRARIES", libraries).Replace(strings.Replace(`
base_dir = DIR/run
state_dir = DIR/run
libexec_dir = ROOT/usr/lib/dovecot
import_environment = LD_LIBRARY_PATH=LIBRARIES
log_path = DIR/log
protocols =
ssl = no
default_internal_user = USER
default_internal_group = GROUP
default_login_user = USER
service anvil {
  chroot =
}
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = DIR/deny
  deny = yes
}
MORE
passdb {
  driver = passwd-file
  args = DIR/users
}
service auth {
  unix_listener DIR/auth-client {
    mode = 0600
  }
}
`, "MORE", more, 1))
	for name, text := range map[string]string{"dovecot.conf": conf, "users": users, "deny": "denied:\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// dovecot itself would run /usr/bin/doveconf.
	cmd := exec.Command(root+"/usr/bin/doveconf", "-f", "service=master", "-c", dir+"/dovecot.conf",
		"-p", "-e", root+"/usr/sbin/dovecot", "-F", "-c", dir+"/dovecot.conf")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries)
	socket = filepath.Join(dir, "auth-client")
	startServer(t, cmd, socket)
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		log, _ := os.ReadFile(dir + "/log")
		t.Logf("%s", bytes.ReplaceAll(log, []byte(markerPassword), []byte("(password)")))
	})
	return socket
}

func TestRealDovecot(t *testing.T) {
	const scheme = "{PLAIN}" + markerPassword
	users := "plain:" + scheme + "\n" +
		"crypted:{CRYPT}" + vectorOf(t, "$6$") + "\n" +
		"virtual@example.org:" + scheme + "\n" +
		"denied:" + scheme + "\n" +
		"inside:" + scheme + "::::::allow_nets=192.0.2.0/24\n" +
		"slow:" + scheme + "::::::nodelay=y\n" +
		"unknown:{NOSUCH}" + markerPassword + "\n"
	socket := startDovecot(t, users, "")
	b := backend(t, "dovecot", socket)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, tt := range []struct {
		user, password string
		want           Answer
	}{
		{"plain", markerPassword, Right},
		{"plain", "not-" + markerPassword, Wrong},
		{"crypted", vectorPassword, Right},
		{"crypted", markerPassword, Wrong},
		{"virtual@example.org", markerPassword, Right},
		{"nobody", markerPassword, Wrong},
		{"denied", markerPassword, Refused},
		{"denied", "not-" + markerPassword, Refused},
		{"slow", "not-" + markerPassword, Wrong},
		{"odd user%", markerPassword, Wrong},
		{"inside", markerPassword, Wrong}, // it asks where from
		{"plain", "a\tb\r\nc\x01\xff", Wrong},
		{"plain", strings.Repeat("p", 1000), Wrong},
		{"plain", strings.Repeat("p", 3000), Wrong},
		{"plain", markerPassword, Right},
	} {
		answer, err := check(t, ctx, b, tt.user, tt.password)
		if answer != tt.want {
			t.Errorf("%s, right %v: got %v, %v", tt.user, tt.password == markerPassword, answer, err)
		}
	}
}

// Where one passdb cannot be asked, no is no answer; yes is.
func TestRealDovecotDown(t *testing.T) {
	socket := startDovecot(t, "plain:{PLAIN}"+markerPassword+"\n", "passdb {\n  driver = passwd-file\n  args = DIR/missing\n}\n")
	b := backend(t, "dovecot", socket)
	answer, err := check(t, context.Background(), b, "plain", markerPassword)
	wantAnswer(t, answer, err, Right, "")
	answer, err = check(t, context.Background(), b, "plain", "not-"+markerPassword)
	wantAnswer(t, answer, err, Unavailable, "dovecot: auth service has a temporary failure")
}

// A passdb that leaves the password to the server behind it accepts anything.
func TestRealDovecotProxy(t *testing.T) {
	socket := startDovecot(t, "plain:{PLAIN}"+markerPassword+"::::::proxy=y host=127.0.0.1\n"+
		"unchecked:::::::nopassword=y proxy=y host=127.0.0.1\n", "")
	b := backend(t, "dovecot", socket)
	for _, tt := range []struct {
		user, password string
		want           Answer
	}{
		{"plain", markerPassword, Right},
		{"plain", "not-" + markerPassword, Wrong},
		{"unchecked", markerPassword, Unavailable},
	} {
		answer, err := check(t, context.Background(), b, tt.user, tt.password)
		if answer != tt.want {
			t.Errorf("%s, right %v: got %v, %v", tt.user, tt.password == markerPassword, answer, err)
		}
	}
}

func FuzzDovecotReply(f *testing.F) {
	for _, seed := range []string{"OK\t1", "FAIL\t1", "FAIL\t1\ttemp", "FAIL\t1\tcode=user_disabled", "OK\t1\tproxy", "CONT\t1\t", "", "\t", "OK\t\t1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		result, err := parseReply(line, 1)
		switch {
		case err != nil && (strings.Contains(err.Error(), "\n") || result == saidOK):
			t.Fatalf("%v with %v", result, err)
		case err == nil && result == saidOK && !bytes.HasPrefix(line, []byte("OK\t1")):
			t.Fatalf("right: %q", line)
		case err == nil && result != saidOK && result != saidProxy && !bytes.HasPrefix(line, []byte("FAIL\t1")):
			t.Fatalf("%v: %q", result, line)
		}
	})
}

// Whatever a server sends, in whatever pieces, costs a bounded buffer and gives
// an answer or one line of doubt.
func FuzzDovecotServer(f *testing.F) {
	f.Add([]byte(greeting + "OK\t1\n"))
	f.Add([]byte(greeting + "FAIL\t1\tcode=user_disabled\nFAIL\t2\n"))
	f.Add([]byte(greeting + "FAIL\t1\tcode=user_disabled\n"))
	f.Add(bytes.Repeat([]byte("x"), maxDovecotLine+1))
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		go func() {
			theirs.Write(sent)
			theirs.Close()
		}()
		c := &authConn{conn: ours, service: "s"}
		answer, err := c.ask([]byte(markerUser), []byte(markerPassword))
		c.close()
		if (err != nil) != (answer == Unavailable) || len(c.buf) > maxDovecotLine {
			t.Fatalf("%v with %v, buffer of %d", answer, err, len(c.buf))
		}
		if answer == Right && !bytes.Contains(sent, []byte("OK\t1")) && !bytes.Contains(sent, []byte("FAIL\t2")) {
			t.Fatalf("right: %q", sent)
		}
	})
}
