package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runScript runs one of scripts with an environment of its own.
func runScript(t *testing.T, env []string, name string, args ...string) (out string, exit int) {
	t.Helper()
	cmd := exec.Command("../../scripts/"+name, args...)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestInstall installs into an empty root, over itself, and removes it again.
func TestInstall(t *testing.T) {
	root := t.TempDir()
	env := []string{"DESTDIR=" + root, "PREFIX=/opt/q"}
	files := func() (list []string) {
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				list = append(list, strings.TrimPrefix(path, root))
			}
			return err
		})
		return list
	}
	write(t, root+"/opt/q/lib/qguard/ours", "")
	for range 2 {
		if out, exit := runScript(t, env, "install"); exit != 0 {
			t.Fatalf("exit %d: %s", exit, out)
		}
	}
	for _, file := range []string{"man/man8/qguard-queue.8", "man/man5/qguard.toml.5", "doc/qguard/examples/setup-envdir"} {
		text, err := os.ReadFile(root + "/opt/q/share/" + file)
		if err != nil || strings.Contains(string(text), "/usr/local") {
			t.Errorf("%s: %v, or it names /usr/local", file, err)
		}
	}
	shim, err := os.Stat(root + "/opt/q/lib/qguard/qguard-queue.sh")
	if err != nil || shim.Mode() != 0o755 {
		t.Errorf("qguard-queue.sh: %v, mode %v", err, shim)
	}
	for _, file := range files() {
		if !strings.HasPrefix(file, "/opt/q/") || strings.HasSuffix(file, ".new") {
			t.Errorf("installed %s", file)
		}
	}
	if out, exit := runScript(t, env, "install", "-u"); exit != 0 {
		t.Fatalf("exit %d: %s", exit, out)
	}
	if left := files(); len(left) != 1 || left[0] != "/opt/q/lib/qguard/ours" {
		t.Errorf("left %q", left)
	}
	if out, exit := runScript(t, env, "install", "-x"); exit != 2 || !strings.Contains(out, "unknown argument -x") {
		t.Errorf("-x: exit %d, %s", exit, out)
	}
}

// TestUsed finds the configurations that name qguard, and edits none.
func TestUsed(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		used       bool
	}{
		"nothing there":    {"etc/motd", "qguard", false},
		"rules without it": {"etc/tcp.smtp", ":allow,RELAYCLIENT=\"\"\n", false},
		"rules":            {"etc/tcp.smtp", ":allow,QMAILQUEUE=\"/usr/lib/qguard/qguard-queue.sh\"\n", true},
		"compiled rules":   {"etc/tcp.smtp.cdb", "\x00\x00+QHPSI=qguard-scan %s\x00\x00", true},
		"run script":       {"service/smtpd/run", "QMAILQUEUE=/usr/local/lib/qguard/qguard-queue.sh\n", true},
		"envdir":           {"etc/qmail/env/QHPSI", "qguard-scan %s", true},
		"a name of blanks": {"var/qmail/control/my file", "plugin: qguard.so", true},
		"postfix":          {"etc/postfix/main.cf", "smtpd_milters = unix:/run/qguard/milter.sock\n", true},
		"exim":             {"etc/exim4/conf.d/main/00_local", "av_scanner = clamd:/run/qguard/clamd.sock\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, test.file)
			write(t, path, test.text)
			out, exit := runScript(t, nil, "qguard-used", root)
			if used := exit == 1 && strings.Contains(out, "    "+path+"\n"); used != test.used || exit > 1 || exit == 0 && out != "" {
				t.Errorf("exit %d, want used %v: %s", exit, test.used, out)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != test.text {
				t.Errorf("%v, now %q", err, text)
			}
		})
	}
}
