package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"qguard/cmd/internal/script"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"qguard-scan":        main,
		"fake-checkpassword": fakeCheckpassword,
		"fake-qmail-queue":   fakeQmailQueue,
		"fake-qmail-smtpd":   fakeQmailSMTPD,
	})
}

// TestScripts runs testdata/*.txtar. Commands beside testscript's own:
//
//	exits N command...      the command exits N
//	until FILE N command... runs the command until FILE has N lines, 10 s at most
//	lines FILE N            FILE has N lines; a missing file has none
//	expand FILE...          replaces $VARIABLES in files; $$ is a dollar
//	nosecret TEXT           TEXT stands nowhere: last output, files but those in mail/
//	send FILE               sends FILE to the TCP port in the file "port"
//	qguard-pam              builds cmd/qguard-pam and puts its path in $PAM
//	clamd CONF SOCKET       runs clamd and waits until it listens there
//	flock FILE              holds an exclusive lock on FILE until the script ends
func TestScripts(t *testing.T) {
	fake, err := exec.LookPath("fake-checkpassword")
	if err != nil {
		t.Fatal(err)
	}
	testdata, err := filepath.Abs("../../scan/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("FAKE", fake)
			e.Setenv("SAMPLES", testdata)
			e.Setenv("SCRIPTS", filepath.Join(testdata, "../../scripts"))
			e.Setenv("QGUARD_CONF", e.WorkDir+"/tmp/none.toml") // not this machine's rules
			e.Setenv("GORACE", "atexit_sleep_ms=0")             // else every process ends a second late
			if err := os.Mkdir(e.WorkDir+"/tmp", 0o700); err != nil {
				return err
			}
			return os.WriteFile(e.WorkDir+"/tmp/none.toml", nil, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": script.Exits, "until": until, "lines": lines, "expand": script.Expand, "nosecret": noSecret,
			"send": send, "qguard-pam": buildPAM, "flock": holdLock, "clamd": runClamd,
		},
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// deadline bounds every wait for another process.
const deadline = 10 * time.Second

func until(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[1])
	if neg || err != nil {
		ts.Fatalf("usage: until FILE N command...")
	}
	for end := time.Now().Add(deadline); countLines(ts, args[0]) < want; {
		if time.Now().After(end) {
			ts.Fatalf("%s still has %d lines", args[0], countLines(ts, args[0]))
		}
		ts.Exec(args[2], args[3:]...)
	}
}

func lines(ts *testscript.TestScript, neg bool, args []string) {
	if got := strconv.Itoa(countLines(ts, args[0])); (got == args[1]) == neg {
		ts.Fatalf("%s has %s lines", args[0], got)
	}
}

func countLines(ts *testscript.TestScript, name string) int {
	data, err := os.ReadFile(ts.MkAbs(name))
	if err != nil && !os.IsNotExist(err) {
		ts.Fatalf("%v", err)
	}
	return bytes.Count(data, []byte("\n"))
}

// condition knows [peer:PROGRAM], a Debian program, [clamd], the unpacked one, [pam], what it takes to
// build qguard-pam, and [pty], pseudo-terminals. But for the last, in CI a missing one is an error: there nothing may be left out.
func condition(cond string) (bool, error) {
	program, ok := strings.CutPrefix(cond, "peer:")
	err := fmt.Errorf("unknown condition %s", cond)
	switch {
	case ok:
		_, err = exec.LookPath(program)
	case cond == "pty": // a container may have none, CI's too
		_, err = os.ReadDir("/dev/pts")
		_, perr := os.Stat("/dev/pts/ptmx")
		return err == nil && perr == nil, nil
	case cond == "clamd":
		_, err = os.Stat(clamd)
	case cond == "pam":
		if _, err = exec.LookPath("gcc"); err == nil {
			_, err = os.Stat("/usr/include/security/pam_appl.h")
		}
	}
	if err != nil && os.Getenv("CI") != "" {
		return false, fmt.Errorf("%w: scripts/setup-test installs it", err)
	}
	return err == nil, nil
}

// buildPAM builds the one program that needs cgo.
func buildPAM(ts *testscript.TestScript, _ bool, _ []string) {
	bin := ts.MkAbs("qguard-pam")
	cmd := exec.Command("go", "build", "-o", bin, "qguard/cmd/qguard-pam")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("build qguard-pam: %s", out)
	}
	ts.Setenv("PAM", bin)
}

// clamd is where scripts/setup-test unpacks it.
const clamd = "../../bin/peers/clamav-daemon/usr/sbin/clamd"

// runClamd runs clamd until the script ends.
func runClamd(ts *testscript.TestScript, _ bool, args []string) {
	path, err := filepath.Abs(clamd)
	ts.Check(err)
	cmd := exec.Command(path, "-c", ts.MkAbs(args[0]))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", ts.MkAbs(args[1]))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("clamd does not listen: %v", err)
		}
	}
}

func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	script.NoSecret(ts, args[0], func(_ string, d fs.DirEntry) bool {
		return d.IsDir() && d.Name() == "mail" || d.Name() == "shadow" || d.Name() == "canary"
	})
}
