package main

import (
	"fmt"
	"io/fs"
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
		"qguard-queue":       main,
		"fake-smtpd":         fakeSMTPD,
		"fake-next":          fakeNext,
		"fake-scanner":       fakeScanner,
		"fake-big":           fakeBig,
		"fake-checkpassword": fakeCheckpassword,
	})
}

// TestScripts runs testdata/*.txtar. Commands beside testscript's own:
//
//	exits N command...    the command exits N
//	answers N [flag...]   qmail-smtpd's side (fakeSMTPD) with these flags gets exit N
//	queued N...           of so many calls of the next program these were complete; - is none
//	expand FILE...        replaces $VARIABLES in files; $$ is a dollar
//	has FILE TEXT         FILE, a pattern, has TEXT, a Go string without its quotes
//	held N                N messages lie in the quarantine q, and nothing else of it
//	modes DIR             files below DIR are 0600, directories 0700
//	nosecret TEXT         TEXT stands nowhere but in messages that are held or came
//	tmpfs DIR SIZE        mounts a file system there; the condition [mount] tells whether one can
func TestScripts(t *testing.T) {
	programs := map[string]string{}
	for _, name := range []string{"qguard-queue", "fake-next", "fake-scanner", "fake-checkpassword"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		programs[name] = path
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NEXT", programs["fake-next"])
			e.Setenv("SCANNER", programs["fake-scanner"])
			e.Setenv("CHECKPASSWORD", programs["fake-checkpassword"])
			e.Setenv("QMAILQUEUE", programs["qguard-queue"])
			e.Setenv("QUEUEDIR", "queue1")
			e.Setenv("RECORD", e.WorkDir+"/record")
			e.Setenv("QGUARD_CONF", e.WorkDir+"/rules.toml")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else every process ends a second late
			for _, dir := range []string{"tmp", "record"} {
				if err := os.Mkdir(filepath.Join(e.WorkDir, dir), 0o700); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": script.Exits, "answers": answers, "queued": queued, "expand": script.Expand, "has": has,
			"held": held, "modes": modes, "nosecret": noSecret, "tmpfs": mountTmpfs,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "pty" { // a container may have none
				_, err := os.Stat("/dev/pts/ptmx")
				return err == nil, nil
			}
			return cond == "mount" && canMount(t.TempDir()) == nil, nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// answers empties the record and lets fakeSMTPD call the program.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.RemoveAll(ts.Getenv("RECORD")))
	ts.Check(os.Mkdir(ts.Getenv("RECORD"), 0o700))
	script.Exits(ts, neg, append([]string{args[0], "fake-smtpd"}, args[1:]...))
}

func queued(ts *testscript.TestScript, neg bool, args []string) {
	var got []string
	for n := 1; n < 10; n++ {
		if _, err := os.Stat(filepath.Join(ts.Getenv("RECORD"), strconv.Itoa(n))); err == nil {
			got = append(got, strconv.Itoa(n))
		}
	}
	if len(got) == 0 {
		got = []string{"-"}
	}
	if want := strings.Join(args, " "); neg || strings.Join(got, " ") != want {
		ts.Fatalf("queued by calls %q", got)
	}
}

func has(ts *testscript.TestScript, neg bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("no file %s", args[0])
	}
	want, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	for _, name := range names {
		if text := ts.ReadFile(name); strings.Contains(text, want) == neg {
			ts.Fatalf("%s: %q", name, text)
		}
	}
}

func held(ts *testscript.TestScript, neg bool, args []string) {
	for dir, want := range map[string]string{"new": args[0], "meta": args[0], "tmp": "0"} {
		entries, err := os.ReadDir(ts.MkAbs("q/" + dir))
		if err != nil && !os.IsNotExist(err) {
			ts.Fatalf("%v", err)
		}
		if neg || strconv.Itoa(len(entries)) != want {
			ts.Fatalf("q/%s has %d files", dir, len(entries))
		}
	}
}

func modes(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			return fmt.Errorf("%s: mode %s", path, info.Mode())
		}
		return nil
	}))
}

// canMount tries it: root may not everywhere.
func canMount(dir string) error {
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64K")
	if err == nil {
		err = syscall.Unmount(dir, syscall.MNT_DETACH)
	}
	return err
}

func mountTmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+args[1]))
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// deadline bounds every wait for another process.
const deadline = 10 * time.Second

func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	script.NoSecret(ts, args[0], func(path string, d fs.DirEntry) bool {
		return d.IsDir() && (d.Name() == "mail" || path == ts.MkAbs("q/new"))
	})
}
