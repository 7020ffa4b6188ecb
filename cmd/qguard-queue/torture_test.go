package main_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// build builds programs of this module into a new directory, as they are
// installed: without the race detector, which needs more memory than the limits
// leave. The shim lies beside them, and once more alone.
func build(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, p := range packages {
		cmd := exec.Command("go", "build", "-o", dir, p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %s", p, out)
		}
	}
	shim, err := os.ReadFile("../../scripts/qguard-queue.sh")
	err = errors.Join(err, os.WriteFile(dir+"/qguard-queue.sh", shim, 0o755),
		os.Mkdir(dir+"/alone", 0o755), os.WriteFile(dir+"/alone/qguard-queue.sh", shim, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTorture is a short "make torture": a few of every fault.
func TestTorture(t *testing.T) {
	bin := build(t, "qguard/cmd/qguard-queue", "qguard/cmd/qguard-scan", "qguard/cmd/qguardd", "qguard/cmd/qguard", "qguard/scripts/torture")
	limit, err := os.ReadFile("../../scripts/qguard-limit")
	// For the user that qguardd becomes.
	err = errors.Join(err, os.WriteFile(bin+"/qguard-limit", limit, 0o755), os.Chmod(bin, 0o755), os.Chmod(filepath.Dir(bin), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{bin + "/torture", "-short", bin}
	if exec.Command("unshare", "-m", "true").Run() == nil {
		argv = []string{"unshare", "-m", bin + "/torture", "-short", "-mounts", bin}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if t.Logf("\n%s", out); err != nil {
		t.Fatal(err)
	}
}

// TestLimits runs qguard-queue under memory limits, bare and behind the shim.
// Where a program is killed by a signal, exit is 128 and its number, as a shell
// has it; qpsmtpd takes that for success.
func TestLimits(t *testing.T) {
	bin := build(t, "qguard/cmd/qguard-queue")
	next := filepath.Join(t.TempDir(), "next")
	if err := os.WriteFile(next, []byte("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	soft := func(bytes string) []string { return []string{peer(t, "softlimit"), "-m", bytes} }
	hard := func(kb string) []string {
		return []string{"/bin/sh", "-c", `ulimit -v $0; exec "$@"`, kb}
	}
	for _, c := range []struct {
		name    string
		limit   []string
		program string
		want    []int
	}{
		{"no limit", nil, "qguard-queue", []int{0}},
		{"no limit, shim", nil, "qguard-queue.sh", []int{0}},
		// The kernel cannot map it.
		{"soft 20 MB", soft("20000000"), "qguard-queue", []int{128 + int(syscall.SIGSEGV)}},
		{"soft 20 MB, shim", soft("20000000"), "qguard-queue.sh", []int{0}},
		// It is mapped, but its runtime does not start.
		{"soft 100 MB", soft("100000000"), "qguard-queue", []int{2}},
		{"soft 100 MB, shim", soft("100000000"), "qguard-queue.sh", []int{0}},
		{"hard 20 MB, shim", hard("20000"), "qguard-queue.sh", []int{81}},
		{"hard 100 MB, shim", hard("100000"), "qguard-queue.sh", []int{2, 81}},
		{"hard 300 MB, shim", hard("300000"), "qguard-queue.sh", []int{2, 81}},
		{"not there, shim", []string{"/usr/bin/env", "PATH=/nonexistent", "/bin/sh"}, "alone/qguard-queue.sh", []int{120}},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv := append(c.limit, bin+"/"+c.program, next)
			if got, said := exitUnder(t, argv); !slices.Contains(c.want, got) {
				t.Errorf("exit %d, want one of %v\n%s", got, c.want, said)
			}
		})
	}
}

// exitUnder gives a mail to a queue program and returns its exit code.
func exitUnder(t *testing.T, argv []string) (int, string) {
	t.Helper()
	dir := t.TempDir()
	envelope, conf := filepath.Join(dir, "envelope"), filepath.Join(dir, "qguard.toml")
	if err := errors.Join(os.WriteFile(conf, nil, 0o600),
		os.WriteFile(envelope, []byte("Fa@example.org\x00Tb@example.org\x00\x00"), 0o600)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(envelope)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader([]byte("Subject: x\n\nhello\n")), f, &said
	cmd.Env = append(os.Environ(), "QGUARD_CONF="+conf)
	err = cmd.Run()
	if ee := (*exec.ExitError)(nil); errors.As(err, &ee) {
		if ws := ee.Sys().(syscall.WaitStatus); ws.Signaled() {
			return 128 + int(ws.Signal()), said.String()
		}
		return ee.ExitCode(), said.String()
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err)
	}
	return 0, said.String()
}

// peer returns the path of a Debian program; without it the test skips, in CI
// it fails.
func peer(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, program)
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: scripts/setup-test installs it", what)
	}
	t.Skipf("%s is missing", what)
}
