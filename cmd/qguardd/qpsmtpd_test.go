package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQpsmtpd sends mail to qpsmtpd with the line of scripts/examples and its own
// plugin virus/clamdscan, which goes by ClamAV::Client.
func TestQpsmtpd(t *testing.T) {
	unpacked(t, "qpsmtpd/usr/bin/qpsmtpd-forkserver")
	if exec.Command("perl", "-MClamAV::Client", "-e1").Run() != nil {
		needPeer(t, "ClamAV::Client")
	}
	text, err := os.ReadFile("../../scripts/examples/qpsmtpd-plugins")
	if err != nil {
		t.Fatal(err)
	}
	dir := sockets(t)
	d := startDaemon(t, `paths = ["`+dir+`"]`, "")
	line := strings.Replace(string(text), "/run/qguard/clamd.sock", d.dir+"/clamd", 1)
	port := startQpsmtpd(t, dir, line)
	attached := strings.Replace(unsafe, "application/octet-stream; name=photo.exe", "multipart/mixed; boundary=b", 1)
	attached = strings.Replace(attached, "Content-Transfer-Encoding: base64\r\n\r\n",
		"\r\n--b\r\nContent-Type: application/octet-stream; name=photo.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1) + "--b--\r\n"
	for _, c := range []struct{ name, mail, want string }{
		{"clean", clean, "250"},
		{"program in a part", attached, "552 Virus found: QGuard.Xfile.Name"},
		{"the mail a program", unsafe, "552 Virus found: QGuard.Xfile.Name"},
	} {
		if got := send(t, port, nil, c.mail); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}

	t.Run("nobody to ask", func(t *testing.T) {
		dir := sockets(t)
		port := startQpsmtpd(t, dir, strings.Replace(string(text), "/run/qguard/clamd.sock", dir+"/nobody", 1))
		if got := send(t, port, nil, clean); got != "452 Unable to scan for viruses" {
			t.Error(got)
		}
	})
}

// startQpsmtpd runs it with a plugin before a queue that takes everything.
func startQpsmtpd(t *testing.T, dir, plugin string) (port string) {
	t.Helper()
	usr, err := filepath.Abs("../../bin/peers/qpsmtpd/usr")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"config", "spool"} {
		if err := os.Mkdir(dir+"/"+d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"config/plugins":     "rcpt_ok\n" + plugin + "queue/qmail-queue\n",
		"config/plugin_dirs": usr + "/share/qpsmtpd/plugins\n",
		"config/rcpthosts":   "example.com\n",
		"config/me":          "mail.example.org\n",
		"config/spool_dir":   dir + "/spool\n",
		"config/loglevel":    "4\n",
		"queue":              "#!/bin/sh\ncat >/dev/null\n",
	} {
		write(t, dir+"/"+name, text)
	}
	os.Chmod(dir+"/queue", 0o755)
	port = freePort(t)
	cmd := exec.Command("perl", "-T", "-I", usr+"/share/perl5", usr+"/bin/qpsmtpd-forkserver", "-l", "127.0.0.1", "-p", port, "-u", "nobody", "-H")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "QPSMTPD_CONFIG="+dir+"/config", "QMAILQUEUE="+dir+"/queue")
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	spawn(t, cmd).answers(t, "tcp", "127.0.0.1:"+port)
	return port
}
