package service

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qguard/rules"
)

func TestListen(t *testing.T) {
	dir := t.TempDir()
	o := Owner{UID: os.Getuid(), GID: os.Getgid(), Mode: 0o640}
	at := rules.Address{Network: "unix", Name: filepath.Join(dir, "new", "s")}
	l, err := Listen(at, o)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(at.Name); err != nil || info.Mode().Perm() != 0o640 {
		t.Error(info, err)
	}
	if _, err := Listen(at, o); err == nil || !strings.Contains(err.Error(), "is qguardd running?") {
		t.Error("two at one socket:", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a crash
	l.Close()
	if l, err = Listen(at, o); err != nil {
		t.Fatal("a socket left over:", err)
	}
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "file"), dir + "/" + strings.Repeat("x", 120), "/proc/s"} {
		if l, err := Listen(rules.Address{Network: "unix", Name: name}, o); err == nil {
			l.Close()
			t.Error("listens on", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "file")); string(got) != "precious" {
		t.Error("the file is gone")
	}
	tcp := rules.Address{Network: "tcp", Name: "127.0.0.1:0"}
	l, err = Listen(tcp, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(rules.Address{Network: "tcp", Name: l.Addr().String()}, o); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
}

func TestLookup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root")
	}
	for name, want := range map[string]string{"root": `"root" is root`, "no-such-user": `no user "no-such-user"`} {
		if _, err := Lookup(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Error(name, err)
		}
	}
	a, err := Lookup("nobody")
	if err != nil || a.UID == 0 {
		t.Fatal(a, err)
	}
	if _, err := a.Owner("no-such-group", 0); err == nil {
		t.Error("no error")
	}
	o, err := a.Owner("mail", 0o660)
	if err != nil || o.GID == a.GID || o.UID != a.UID {
		t.Error(o, err)
	}
}
