package main

import (
	"net/smtp"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestExim sends mail to Exim 4 with the lines of scripts/examples/exim.conf, by
// UNIX socket (SCAN of a file of its spool) and by TCP (INSTREAM).
func TestExim(t *testing.T) {
	binary := unpacked(t, "exim4-daemon-heavy/usr/sbin/exim4")
	if os.Getuid() != 0 {
		t.Skip("not root: Exim wants a user of its own in a private passwd")
	}
	text, err := os.ReadFile("../../scripts/examples/exim.conf")
	if err != nil {
		t.Fatal(err)
	}
	tcp, tcpOut := freePort(t), freePort(t)
	spool := sockets(t)
	d := startDaemon(t, `paths = ["`+spool+`"]`, "")
	byTCP := spawn(t, exec.Command("qguardd", "-c", d.dir+"/etc/q.toml", "-clamd", "tcp:127.0.0.1:"+tcp, "-outgoing", "tcp:127.0.0.1:"+tcpOut))
	byTCP.answers(t, "tcp", "127.0.0.1:"+tcp)
	login := smtp.PlainAuth("", "jdoe", "secret", "127.0.0.1")
	for _, way := range []struct{ name, incoming, outgoing string }{
		{"unix", d.dir + "/clamd", d.dir + "/outgoing"},
		{"tcp", "127.0.0.1 " + tcp, "127.0.0.1 " + tcpOut},
	} {
		t.Run(way.name, func(t *testing.T) {
			port := startExim(t, binary, string(text), spool, way.incoming, way.outgoing)
			for _, c := range []struct {
				name, mail string
				auth       smtp.Auth
				want       string
			}{
				{"clean", clean, nil, "250"},
				{"clean, own user", clean, login, "250"},
				{"program", unsafe, nil, "550 This message was refused (QGuard.Xfile.Name)"},
				{"login of a user, from elsewhere", leak, nil, "250"},
				{"login of a user, his own", leak, login, "550 This message was refused (QGuard.Credential.Valid)"},
			} {
				if got := send(t, port, c.auth, c.mail); got != c.want {
					t.Errorf("%s: %s", c.name, got)
				}
			}
		})
	}
	secretless(t, d.said(), byTCP.said())
	if n := strings.Count(d.said(), "door=clamd"); n != 5 {
		t.Errorf("%d of 5 logged", n)
	}
}

// With nobody to ask Exim defers; with defer_ok it takes what was not judged.
func TestEximWithoutScanner(t *testing.T) {
	binary := unpacked(t, "exim4-daemon-heavy/usr/sbin/exim4")
	if os.Getuid() != 0 {
		t.Skip("not root: Exim wants a user of its own in a private passwd")
	}
	text, err := os.ReadFile("../../scripts/examples/exim.conf")
	if err != nil {
		t.Fatal(err)
	}
	spool := sockets(t)
	nobody := spool + "/nobody"
	port := startExim(t, binary, string(text), spool, nobody, nobody)
	if got := send(t, port, nil, unsafe); !strings.HasPrefix(got, "451 ") {
		t.Errorf("strict: %s", got)
	}
	lax := strings.Replace(string(text), "malware = *\n", "malware = */defer_ok\n", 1)
	port = startExim(t, binary, lax, spool, nobody, nobody)
	if got := send(t, port, nil, unsafe); got != "250" {
		t.Errorf("defer_ok: %s", got)
	}
}

// startExim runs Exim as a daemon on a port of the loopback. Its user is
// somebody the system has, under the name it wants, in a private passwd.
func startExim(t *testing.T, binary, text, spool, incoming, outgoing string) (port string) {
	t.Helper()
	conf := spool + "/exim.conf"
	write(t, conf, "exim_path = "+binary+"\n"+text)
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		entry := "Debian-exim:x:65534:65534::/:/bin/false\n"
		if file == "/etc/group" {
			entry = "Debian-exim:x:65534:\n"
		}
		write(t, spool+"/private-"+file[5:], string(data)+entry)
	}
	for _, sub := range []string{"spool", "log"} {
		os.Mkdir(spool+"/"+sub, 0o777)
		os.Chmod(spool+"/"+sub, 0o777)
	}
	port = freePort(t)
	p := spawn(t, exec.Command("unshare", "-m", "sh", "-c",
		`mount --bind "$1/private-passwd" /etc/passwd && mount --bind "$1/private-group" /etc/group && shift && exec "$@"`, "sh", spool,
		binary, "-C", conf, "-bdf", "-DPORT="+port, "-DSCANNER="+incoming, "-DOWN_USERS="+outgoing, "-DSPOOL="+spool+"/spool", "-DLOG="+spool+"/log/%slog"))
	p.answers(t, "tcp", "127.0.0.1:"+port)
	return port
}
