package authenticate

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readQuestion reads the four strings of a question.
func readQuestion(r io.Reader) (fields []string, err error) {
	for range 4 {
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return nil, err
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		fields = append(fields, string(b))
	}
	return fields, nil
}

func saslString(s string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(s)))) + s
}

func TestSaslauthd(t *testing.T) {
	const nonsense = "saslauthd: answer is neither OK nor NO"
	for _, tt := range []struct {
		name, reply string
		want        Answer
		reason      string
	}{
		{"right", saslString("OK"), Right, ""},
		{"right, with words", saslString("OK cached"), Right, ""},
		{"right, with a NUL", saslString("OK\x00"), Right, ""},
		{"right, more behind it", saslString("OK") + "more", Right, ""},
		{"wrong", saslString("NO"), Refused, ""},
		{"wrong, of -a sasldb", saslString("NO authentication failed"), Refused, ""},
		{"wrong, of -a pam", saslString("NO PAM auth error"), Refused, ""},
		{"wrong, of -a shadow", saslString("NO Incorrect password"), Refused, ""},
		{"nobody", saslString("NO Invalid username"), Refused, ""},
		{"right, account", saslString("NO PAM acct error"), Right, ""},
		{"right, expired", saslString("NO Account expired"), Right, ""},
		{"right, password expired", saslString("NO Password expired"), Right, ""},
		{"down", saslString("NO internal mechanism failure"), Unavailable, "saslauthd: it says that it could not tell"},
		{"down, of -a rimap", saslString("NO [ALERT] Couldn't contact remote authentication server"), Unavailable, "could not tell"},
		{"down, of -a pam", saslString("NO PAM start error"), Unavailable, "could not tell"},
		{"down, of -a shadow", saslString("NO Username shadow lookup failure: Permission denied"), Unavailable, "could not tell"},
		{"nothing", "", Unavailable, ""},
		{"half a length", "\x00", Unavailable, "saslauthd: connection closed without an answer"},
		{"half an answer", "\x00\x02O", Unavailable, "connection closed without an answer"},
		{"length only", "\x00\x02", Unavailable, "connection closed without an answer"},
		{"empty", saslString(""), Unavailable, nonsense},
		{"too short", saslString("O"), Unavailable, nonsense},
		{"too long", saslString("OK" + strings.Repeat(" ", 1023)), Unavailable, nonsense},
		{"longest", saslString("OK" + strings.Repeat(" ", 1022)), Right, ""},
		{"other word", saslString("MAYBE"), Unavailable, nonsense},
		{"other case", saslString("ok"), Unavailable, nonsense},
		{"longer word", saslString("OKAY"), Unavailable, nonsense},
		{"longer no", saslString("NOT"), Unavailable, nonsense},
		{"blank first", saslString(" OK"), Unavailable, nonsense},
		{"text", "OK\n", Unavailable, nonsense},
		{"zeros", strings.Repeat("\x00", 1<<20), Unavailable, nonsense},
		{"echo", saslString(markerUser + " " + markerPassword), Unavailable, nonsense},
		{"echo of no", saslString("NO internal " + markerPassword), Unavailable, "could not tell"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string
			path := serve(t, func(conn net.Conn) {
				asked, _ = readQuestion(conn)
				io.WriteString(conn, tt.reply)
			})
			b := backend(t, "saslauthd", path, "smtp", "example.org")
			answer, err := check(t, context.Background(), b, markerUser, markerPassword)
			wantAnswer(t, answer, err, tt.want, tt.reason)
			if got := strings.Join(asked, " "); got != markerUser+" "+markerPassword+" smtp example.org" {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

// Half an answer and then silence is no answer.
func TestSaslauthdHangs(t *testing.T) {
	for _, reply := range []string{"\x00", "\x00\x02", "\x00\x02O"} {
		path := serve(t, func(conn net.Conn) {
			io.WriteString(conn, reply)
			io.Copy(io.Discard, conn)
		})
		answer, err := check(t, soon(t), backend(t, "saslauthd", path), markerUser, markerPassword)
		wantAnswer(t, answer, err, Unavailable, "no answer in time")
	}
}

func TestSaslauthdLimits(t *testing.T) {
	var asked []string
	path := serve(t, func(conn net.Conn) {
		asked, _ = readQuestion(conn)
		io.WriteString(conn, saslString("NO"))
	})
	b := backend(t, "saslauthd", path)
	longest := strings.Repeat("p", maxSaslString)
	answer, err := check(t, context.Background(), b, markerUser, longest)
	wantAnswer(t, answer, err, Refused, "")
	if len(asked) != 4 || asked[1] != longest {
		t.Error("longest password did not arrive")
	}
	for _, pair := range [][2]string{{"u", longest + "p"}, {longest + "u", "p"}} {
		answer, err := b.Check(context.Background(), []byte(pair[0]), []byte(pair[1]))
		wantAnswer(t, answer, err, Unavailable, "pair cannot be asked: longer than the 256 bytes")
	}
}

// startSaslauthd runs Debian's with a mechanism of its own and returns its mux.
func startSaslauthd(t testing.TB, before []string, args ...string) string {
	t.Helper()
	program := filepath.Join(unpacked(t, "sasl2-bin", "usr/sbin/saslauthd"), "usr/sbin/saslauthd")
	dir := t.TempDir()
	argv := append(append(before, program, "-d", "-m", dir, "-n", "0"), args...)
	mux := filepath.Join(dir, "mux")
	startServer(t, exec.Command(argv[0], argv[1:]...), mux)
	return mux
}

// The real saslauthd asks an IMAP server that knows one login.
func TestRealSaslauthd(t *testing.T) {
	imap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer imap.Close()
	go fakeIMAP(imap)
	host, port, _ := net.SplitHostPort(imap.Addr().String())
	b := backend(t, "saslauthd", startSaslauthd(t, nil, "-a", "rimap", "-O", host+"/"+port))
	ask := func(name, user, password string, want Answer, reason string) {
		t.Helper()
		answer, err := check(t, context.Background(), b, user, password)
		if answer != want || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v, %v", name, answer, err)
		}
	}
	ask("right", markerUser, markerPassword, Right, "")
	ask("wrong", markerUser, "not-"+markerPassword, Refused, "")
	ask("nobody", "x"+markerUser, markerPassword, Refused, "")
	ask("right again", markerUser, markerPassword, Right, "")
	ask("odd bytes", markerUser, "a\r\nb \"\\{7}\xff", Refused, "")
	ask("longest", markerUser, strings.Repeat("p", 256), Refused, "")
	imap.Close()
	ask("no directory", markerUser, markerPassword, Unavailable, "could not tell")
}

// fakeIMAP answers LOGIN "user" "password".
func fakeIMAP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		io.WriteString(conn, "* OK ready\r\n")
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			tag, command, _ := strings.Cut(lines.Text(), " ")
			answer := "NO wrong"
			if strings.HasSuffix(command, fmt.Sprintf("LOGIN %q %q", markerUser, markerPassword)) {
				answer = "OK right"
			}
			io.WriteString(conn, tag+" "+answer+"\r\n")
		}
		conn.Close()
	}
}

// The real saslauthd asks PAM, with services of our own: as root, in a mount
// name space where they stand in the place of /etc/pam.d.
func TestRealSaslauthdPAM(t *testing.T) {
	needAny(t, "pam_pwdfile.so", "/lib/*/security/pam_pwdfile.so", "/lib*/security/pam_pwdfile.so", "/usr/lib*/security/pam_pwdfile.so", "/usr/lib/*/security/pam_pwdfile.so")
	services := t.TempDir()
	in := []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/pam.d && exec "$@"`, services}
	if exec.Command(in[0], append(in[1:], "true")...).Run() != nil {
		t.Skip("no mount name spaces here")
	}
	file := filepath.Join(services, "passwd")
	auth := fmt.Sprintf("auth required pam_pwdfile.so nodelay pwdfile=%s\n", file)
	for name, text := range map[string]string{
		"passwd":  markerUser + ":" + vectorOf(t, "$6$") + "\n",
		"qguard":  auth + "account required pam_permit.so\n",
		"barred":  auth + "account required pam_deny.so\n",
		"authful": auth, // no account line: PAM takes the service "other"
	} {
		if err := os.WriteFile(filepath.Join(services, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mux := startSaslauthd(t, in, "-a", "pam")
	for _, tt := range []struct {
		service, password string
		want              Answer
	}{
		{"qguard", vectorPassword, Right},
		{"qguard", markerPassword, Refused},
		{"barred", vectorPassword, Right},
		{"barred", markerPassword, Refused},
		{"authful", vectorPassword, Right},
		{"authful", markerPassword, Refused},
		{"missing", vectorPassword, Unavailable}, // and no "other" either
	} {
		answer, err := check(t, context.Background(), backend(t, "saslauthd", mux, tt.service), markerUser, tt.password)
		if answer != tt.want {
			t.Errorf("service %s, right password %v: got %v, %v", tt.service, tt.password == vectorPassword, answer, err)
		}
	}
}

func FuzzSaslReply(f *testing.F) {
	for _, seed := range []string{"", "\x00\x02OK", "\x00\x02NO", "\x00\x11NO PAM acct error", "\xff\xffOK", "\x00\x00", "\x00\x03OK\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		reply, err := readSasl(strings.NewReader(string(raw)))
		if err != nil {
			return
		}
		if len(reply) > maxSaslReply || len(reply)+2 > len(raw) {
			t.Fatalf("%d bytes out of %d", len(reply), len(raw))
		}
		answer, err := saslAnswer(reply)
		if (err != nil) != (answer == Unavailable) {
			t.Fatalf("%v with %v", answer, err)
		}
		text := string(raw[2:])
		if answer == Right && !strings.HasPrefix(text, "OK") && !strings.Contains(text, "PAM acct error") && !strings.Contains(text, "expired") {
			t.Fatalf("right: %q", text)
		}
	})
}
