package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/qhpsi"
	"qguard/qhpsi/client"
	"qguard/rules"
	"qguard/scan"
)

// TestSame judges every fixture in this process, through qguardd as our own
// programs ask it, through IndiMail's plugin, and as clamd's clients do: the
// verdict is the same.
func TestSame(t *testing.T) {
	samples, err := filepath.Abs("../../scan/testdata")
	if err != nil {
		t.Fatal(err)
	}
	dir := sockets(t)
	// The samples' rules with their files where qguardd's user can read them.
	for _, name := range []string{"users", "shadow", "qguard.toml"} {
		data, err := os.ReadFile(samples + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if name == "qguard.toml" {
			text = strings.ReplaceAll(text, "../../bin/", "")
			text = fmt.Sprintf("[daemon]\nuser = \"nobody\"\nclamd = [\"unix:clamd\"]\nanswer = \"60s\"\n[quarantine]\npath = \"held\"\n%s", text)
		}
		write(t, dir+"/"+name, text)
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d := running{process: spawn(t, exec.Command("qguardd", "-c", dir+"/qguard.toml")), dir: dir}
	d.answers(t, "unix", dir+"/clamd")

	c, err := rules.Load(dir + "/qguard.toml")
	if err != nil {
		t.Fatal(err)
	}
	c.Cache.Path, c.Cache.Key = dir+"/own/c.db", dir+"/own-key/key"
	c.Daemon.Socket = rules.Address{}
	here, err := qhpsi.New(c, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	c.Daemon.Socket = c.Daemon.Clamd[0]
	there, err := client.New(c, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(samples + "/mail/*.eml")
	if err != nil || len(names) < 400 {
		t.Fatal(len(names), err)
	}
	plugin := compilePlugin(t, d.dir+"/clamd")
	count := map[scan.State]int{}
	for _, name := range names {
		base := filepath.Base(name)
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		m := &scan.Message{Content: f, Size: info.Size()}
		want := here.Scan(context.Background(), m)
		count[want.State()]++
		if diff := cmp.Diff(shown(want), shown(there.Scan(context.Background(), m))); diff != "" {
			t.Errorf("%s: through qguardd (-here +there)\n%s", base, diff)
		}
		f.Close()
		if got := plugin(name); got != qhpsi.Exit(want.State()) {
			t.Errorf("%s: %s here, the plugin answers %d", base, want.State(), got)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.ask(t, stream(string(text))); !says(got, want) {
			t.Errorf("%s: %s here, %q there", base, want.State(), got)
		}
	}
	t.Log(count)
	secretless(t, d.said())
}

// compilePlugin builds qguard.so and a program that loads it as qhpsi does, and
// returns what the plugin answers about a file.
func compilePlugin(t *testing.T, socket string) func(name string) int {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"-fPIC", "-shared", fmt.Sprintf("-DQGUARD_SOCKET=%q", socket), "-o", dir + "/qguard.so", "../qguard-plugin/plugin.c"},
		{"-o", dir + "/loader", "../../qhpsi/testdata/loader.c", "-ldl"},
	} {
		if out, err := exec.Command("gcc", args...).CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
			needPeer(t, "gcc")
		} else if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return func(name string) int {
		cmd := exec.Command(dir+"/loader", name, dir+"/qguard.so")
		cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
}

// shown is a verdict as text.
func shown(v scan.Verdict) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.State(), v.Err != nil)
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s %s part=%s name=%q note=%q\n", f.Action, f.Rule, f.Part, f.Name, f.Note)
	}
	return b.String()
}

// says reports whether a reply to INSTREAM is a verdict's.
func says(reply string, v scan.Verdict) bool {
	switch v.State() {
	case scan.Clean:
		return reply == "stream: OK\x00"
	case scan.Found:
		return reply == "stream: "+qhpsi.FoundName(v.Worst().Rule)+" FOUND\x00"
	}
	return strings.HasPrefix(reply, "stream: ") && strings.HasSuffix(reply, " ERROR\x00")
}
