package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLowMemory runs the program of make build-386 on every test message under
// the softlimit of usual run scripts: its words and its status are those of the
// program without a limit. A few, bombs, may need more, and are undecided then.
func TestLowMemory(t *testing.T) {
	softlimit, err := exec.LookPath("softlimit")
	if err != nil {
		missing(t, "softlimit")
	}
	dir := t.TempDir()
	native := filepath.Join(dir, "native") // not the test's own program: with -race that is slow
	for _, argv := range [][]string{
		{"go", "build", "-o", native, "."},
		{"make", "-s", "-C", "../..", "build-386", "OUT386=" + dir},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, out)
		}
	}
	low := filepath.Join(dir, "qguard-scan")
	if err := exec.Command(low, "-version").Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		missing(t, "a kernel that runs 386 programs")
	}
	mails, err := filepath.Glob("../../scan/testdata/mail/*.eml")
	if err != nil || len(mails) < 100 {
		t.Fatalf("%d messages, %v", len(mails), err)
	}
	queue, err := filepath.Glob("../../scan/testdata/queue/mess/*/*")
	if err != nil || len(queue) < 4 {
		t.Fatalf("%d queue files, %v", len(queue), err)
	}
	t.Chdir("../../scan/testdata")
	conf := filepath.Join(dir, "low.toml")
	text := "[credential]\nscan = \"always\"\nusers = \"" + abs(t, "users") + "\"\ndomains = [\"example.org\"]\n" +
		"authenticator = [\"passwd-file\", \"" + abs(t, "shadow") + "\"]\nuser_failures = \"0\"\n" +
		"[cache]\npath = \"" + dir + "/c/cache.db\"\nkey = \"" + dir + "/k/cache.key\"\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var large []string
	for _, mail := range append(mails, queue...) {
		mail = mail[len("../../scan/testdata/"):]
		args := []string{"-c", conf, mail}
		want, wantExit, _ := answer(t, native, args...)
		got, exit, warnings := answer(t, softlimit, append([]string{"-m", "20000000", low}, args...)...)
		if exit == 2 && wantExit != 2 {
			large = append(large, mail)
			got, exit, warnings = answer(t, softlimit, append([]string{"-m", "26000000", low}, args...)...)
		}
		if exit != wantExit || got != want {
			t.Errorf("%s: exit %d, %q; without limit %d, %q\n%.300s", mail, exit, got, wantExit, want, warnings)
		}
	}
	if len(large) > 5 {
		t.Errorf("20 MB are too little for %q", large)
	}
}

// answer runs a program to its end. A signal is exit -1.
func answer(t *testing.T, program string, args ...string) (out string, exit int, warnings string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return stdout.String(), cmd.ProcessState.ExitCode(), stderr.String()
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// missing skips the test by the name of what it needs, in CI it fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: scripts/setup-test installs it", what)
	}
	t.Skipf("%s is missing", what)
}
