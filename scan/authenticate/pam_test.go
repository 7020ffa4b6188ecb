package authenticate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The whole way: this package, qguard-pam, libpam and a module that reads a file.
func TestPAM(t *testing.T) {
	bin := buildPAM(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "passwd")
	if err := os.WriteFile(file, []byte(markerUser+":"+vectorOf(t, "$6$")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for service, path := range map[string]string{"file": file, "nofile": filepath.Join(dir, "missing")} {
		line := fmt.Sprintf("auth required pam_pwdfile.so nodelay pwdfile=%s\n", path)
		if err := os.WriteFile(filepath.Join(dir, service), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, service, user, password string
		want                          Answer
		reason                        string
	}{
		{"right", "file", markerUser, vectorPassword, Right, ""},
		{"wrong", "file", markerUser, markerPassword, Wrong, ""},
		{"unknown user", "file", markerUser + "x", vectorPassword, Wrong, ""},
		{"unavailable", "nofile", markerUser, vectorPassword, Unavailable, "checkpassword: exit code 111"},
		{"no service", "none", markerUser, vectorPassword, Unavailable, "checkpassword: exit code 111"},
		{"misused", "no/service", markerUser, vectorPassword, Unavailable, "checkpassword: exit code 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := New([]string{"checkpassword", bin, "-confdir", dir, "-service", tt.service})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := check(t, context.Background(), b, tt.user, tt.password)
			wantAnswer(t, answer, err, tt.want, tt.reason)
		})
	}
}

// buildPAM builds qguard-pam, where there is what it takes.
func buildPAM(t *testing.T) string {
	t.Helper()
	needAny(t, "pam_pwdfile.so", "/lib/*/security/pam_pwdfile.so", "/lib*/security/pam_pwdfile.so", "/usr/lib*/security/pam_pwdfile.so", "/usr/lib/*/security/pam_pwdfile.so")
	needAny(t, "security/pam_appl.h", "/usr/include/security/pam_appl.h", "/usr/local/include/security/pam_appl.h")
	for _, tool := range []string{"go", "cc"} {
		if _, err := exec.LookPath(tool); err != nil {
			needPeer(t, tool)
		}
	}
	bin := filepath.Join(t.TempDir(), "qguard-pam")
	build := exec.Command("go", "build", "-o", bin, "qguard/cmd/qguard-pam")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

func needAny(t *testing.T, name string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return
		}
	}
	needPeer(t, name)
}

// vectorPassword is the password of most vectors.
const vectorPassword = "not-a-password-1"

// vectorOf returns a vector's hash of vectorPassword.
func vectorOf(t *testing.T, prefix string) string {
	t.Helper()
	for _, v := range vectors(t) {
		if v.password == vectorPassword && len(v.hash) > len(prefix) && v.hash[:len(prefix)] == prefix {
			return v.hash
		}
	}
	t.Fatalf("no vector with %s", prefix)
	return ""
}
