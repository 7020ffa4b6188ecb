package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"qguard/cmd/internal/script"
	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"qguard":    main,
		"fake-next": fakeNext,
	})
}

// fakeNext records what it is given: the message in $RECORD.msg, the envelope
// in $RECORD.env, NULs as |.
func fakeNext() {
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(54)
	}
	envelope, err := io.ReadAll(os.Stdout)
	if err != nil || os.Getenv("REFUSE") != "" {
		os.Exit(71)
	}
	record := os.Getenv("RECORD")
	if os.WriteFile(record+".msg", message, 0o600) != nil ||
		os.WriteFile(record+".env", []byte(strings.ReplaceAll(string(envelope), "\x00", "|")+"\n"), 0o600) != nil {
		os.Exit(53)
	}
}

// TestScripts runs testdata/*.txtar. Commands beside testscript's own:
//
//	exits N COMMAND...           the command exits N
//	plainly N COMMAND...         the same, and if this is root, without his right to every file
//	hold ID SENDER RECIPIENT...  holds the file "held.eml"
//	expand FILE                  replaces $VARIABLES in a file
//	guess USER PASSWORD          judges a mail of that user that gives a wrong password away
func TestScripts(t *testing.T) {
	next, err := exec.LookPath("fake-next")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("QGUARD_CONF", e.WorkDir+"/q.toml")
			e.Setenv("NEXT", next)
			e.Setenv("RECORD", e.WorkDir+"/record")
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": script.Exits,
			"plainly": func(ts *testscript.TestScript, _ bool, args []string) {
				script.Exits(ts, false, append(args[:1:1], unprivileged(ts, args[1:])...))
			},
			"hold":   hold,
			"guess":  guess,
			"expand": script.Expand,
		},
		RequireExplicitExec: true,
	})
}

// unprivileged puts before a command what takes root's right to read and write
// every file away.
func unprivileged(ts *testscript.TestScript, command []string) []string {
	if os.Geteuid() != 0 {
		return command
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		ts.Fatalf("no setpriv: install util-linux")
	}
	return append([]string{setpriv, "--bounding-set=-dac_override,-dac_read_search"}, command...)
}

func hold(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("held.eml")
	q := respond.Quarantine{Path: filepath.Join(ts.MkAbs("."), "quarantine")}
	ts.Check(q.Hold(respond.Held{
		ID: args[0], Time: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), Sender: args[1], Recipients: args[2:],
		Action:   rules.Hold,
		Findings: []scan.Finding{{Rule: "xfile.macro", Part: "2", Name: "a.doc", Action: rules.Hold}},
	}, strings.NewReader(text), int64(len(text))))
}

func guess(ts *testscript.TestScript, _ bool, args []string) {
	c, err := rules.Load(ts.MkAbs("q.toml"))
	ts.Check(err)
	engine, err := qhpsi.New(c, func(err error) { ts.Logf("%v", err) })
	ts.Check(err)
	sender := args[0] + "@example.org"
	text := "From: " + sender + "\n\nMy password is " + args[1] + "\n"
	v := engine.Scan(context.Background(), &scan.Message{
		Content: strings.NewReader(text), Size: int64(len(text)), Envelope: rules.Envelope{Sender: &sender},
	})
	ts.Logf("%s: %v", sender, v)
}
