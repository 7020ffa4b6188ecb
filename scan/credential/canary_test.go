package credential

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qguard/scan/authenticate"
)

// TestReadCanary: what a canary's file may be, and that no error shows what is in it.
func TestReadCanary(t *testing.T) {
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		want       string // of the error; "" = none
	}{
		{"one line", "canary:Fixture-Bird-1\n", 0o600, ""},
		{"for a group", "canary:Fixture-Bird-1", 0o640, ""},
		{"from another system", "canary:Fixture-Bird-1\r\n", 0o400, ""},
		{"everybody may read it", "canary:Fixture-Bird-1\n", 0o644, "mode 0644 lets everybody read it; chmod 0640 it"},
		{"everybody may write it", "canary:Fixture-Bird-1\n", 0o602, "mode 0602 lets everybody"},
		{"no password", "canary:\n", 0o600, "does not hold user:password"},
		{"no user", ":Fixture-Bird-1\n", 0o600, "does not hold user:password"},
		{"no colon", "Fixture-Bird-1\n", 0o600, "does not hold user:password"},
		{"empty", "", 0o600, "does not hold user:password"},
		{"too long", "canary:Fixture-Bird-1" + strings.Repeat("x", maxCanary), 0o600, "does not hold user:password"},
	} {
		path := filepath.Join(t.TempDir(), "canary")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		user, password, err := ReadCanary(path)
		switch {
		case test.want == "" && (err != nil || string(user) != "canary" || string(password) != "Fixture-Bird-1"):
			t.Errorf("%s: %q, %d bytes, %v", test.name, user, len(password), err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		case test.want != "" && strings.Contains(err.Error(), "Fixture"):
			t.Errorf("%s: the error shows what the file holds", test.name)
		}
	}
}

// TestReadCanaryNoFile: other things under its name, and nothing, hang nobody.
func TestReadCanaryNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		fifo:                       "not a regular file",
		dir:                        "not a regular file",
		filepath.Join(dir, "none"): "no such file",
	} {
		if _, _, err := ReadCanary(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// TestCanaryUnfit: a canary that everybody can read makes wrong answers doubtful,
// also within the hour for which the authenticator is trusted.
func TestCanaryUnfit(t *testing.T) {
	c, m := site(t, "jdoe"), newMemory()
	c.Canary = filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(c.Canary, []byte("canary:Fixture-Bird-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &fakeBackend{answer: authenticate.Wrong, right: "canary:Fixture-Bird-1"}
	if got := send(c, b, m, 1, mail{from: "jdoe@example.org"}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if err := os.Chmod(c.Canary, 0o644); err != nil {
		t.Fatal(err)
	}
	remembered := len(m.failed)
	got := send(c, b, m, 2, mail{from: "jdoe@example.org"})
	if len(got) != 1 || got[0].Rule != "credential.undecided" || !strings.Contains(got[0].Note, "chmod 0640 it") {
		t.Errorf("got %v", got)
	}
	if len(m.failed) != remembered {
		t.Error("wrong answers were remembered without a canary")
	}
}
