package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLowMemory runs the program of make build-386 under the softlimit of usual
// run scripts, the shell that stands for qmail-queue too: a clean message is
// queued, a program and one in a ZIP are not. A large message and bombs need more.
func TestLowMemory(t *testing.T) {
	softlimit := peer(t, "softlimit")
	dir := t.TempDir()
	if out, err := exec.Command("make", "-s", "-C", "../..", "build-386", "OUT386="+dir).CombinedOutput(); err != nil {
		t.Fatalf("make build-386: %v\n%s", err, out)
	}
	low := filepath.Join(dir, "qguard-queue")
	if err := exec.Command(low, "-version").Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		missing(t, "a kernel that runs 386 programs")
	}
	conf, next := filepath.Join(dir, "low.toml"), filepath.Join(dir, "next")
	write(t, conf, "[queue]\nnext = \""+next+"\"\nspool = \""+dir+"\"\n[quarantine]\npath = \""+dir+"/q\"\n", 0o600)
	write(t, next, "#!/bin/sh\ncat >"+dir+"/message\ncat <&1 >"+dir+"/envelope\n", 0o700)
	const envelope = "Fa@example.org\x00Tb@example.net\x00\x00"
	write(t, dir+"/from", envelope, 0o600)
	for _, test := range []struct {
		limit string
		file  string // "" is made: larger than what is kept in memory
		exit  int
		log   string
	}{
		{"20000000", "queue/mess/3/1201", 0, "verdict=clean"},
		{"26000000", "", 0, "verdict=clean"},
		{"20000000", "queue/mess/7/1202", 31, "rules=xfile.name"},
		{"20000000", "queue/mess/8/1203", 31, "rules=xfile.member"},
		{"26000000", "mail/056-zip-bomb.eml", 0, "action=hold"},
		{"26000000", "mail/070-many-parts.eml", 0, "action=hold"},
	} {
		t.Run(strings.ReplaceAll(test.file, "/", "-"), func(t *testing.T) {
			message := []byte("Subject: large\n\n" + strings.Repeat("A line of a large message.\n", 200_000))
			if test.file != "" {
				var err error
				if message, err = os.ReadFile("../../scan/testdata/" + test.file); err != nil {
					t.Fatal(err)
				}
			}
			os.Remove(dir + "/envelope")
			from, err := os.Open(dir + "/from")
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			cmd := exec.Command(softlimit, "-m", test.limit, low, "-c", conf)
			var log bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(message), from, &log
			cmd.Env = []string{"PATH=/usr/bin:/bin"}
			if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
				t.Fatal(err)
			}
			if exit := cmd.ProcessState.ExitCode(); exit != test.exit || !strings.Contains(log.String(), test.log) {
				t.Errorf("exit %d, want %d; %q is not in:\n%.600s", exit, test.exit, test.log, log.String())
			}
			queued, _ := os.ReadFile(dir + "/envelope")
			if got := string(queued) == envelope; got != (test.log == "verdict=clean") {
				t.Errorf("queued with envelope %q", queued)
			}
		})
	}
}
