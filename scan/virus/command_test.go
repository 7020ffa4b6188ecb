package virus

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qguard/scan"
)

// TestWords are those that IndiMail's qhpsi makes of a command line, but that
// arguments without %s get the file as their last.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string // nil: an error
	}{
		{"/p/prog", []string{"/p/prog", "FILE"}},
		{" \t/p/prog \t", []string{"/p/prog", "FILE"}},
		{"prog -a %s", []string{"prog", "-a", "FILE"}},
		{"prog %s -a %s", []string{"prog", "FILE", "-a", "FILE"}},
		{"prog %sTAIL", []string{"prog", "FILE"}},
		{"prog --f=%s", []string{"prog", "--f=%s", "FILE"}},
		{"prog -a", []string{"prog", "-a", "FILE"}},
		{"prog 'p q' %s", []string{"prog", "p q", "FILE"}},
		{`prog "p q" %s`, []string{"prog", "p q", "FILE"}},
		{`prog a"b c" %s`, []string{"prog", `a"b`, `c"`, "FILE"}},
		{`prog x\ y %s`, []string{"prog", `x\`, "y", "FILE"}},
		{`prog 'it"s' %s`, []string{"prog", `it"s`, "FILE"}},
		{"prog 'open %s", []string{"prog", "open %s", "FILE"}},
		{"prog '' %s", []string{"prog", "", "FILE"}},
		{"prog $FOO %s end", []string{"prog", "FILE"}},
		{"prog %s $FOO end", []string{"prog", "FILE"}},
		{"prog a$b %s", []string{"prog", "a$b", "FILE"}},
		{"prog; rm -rf / | `x` > y", []string{"prog;", "rm", "-rf", "/", "|", "`x`", ">", "y", "FILE"}},
		{"", nil},
		{" \t ", nil},
		{"$FOO", nil},
		{"'' x", nil},
		{"plugin: a.so", nil},
		{"plugin:a.so", nil},
	} {
		got, err := (&Command{Line: c.line}).argv("FILE")
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%q: %q, %v", c.line, got, err)
		}
	}
}

// TestArgv: words as they are given are not split again.
func TestArgv(t *testing.T) {
	for _, c := range []struct{ argv, want []string }{
		{[]string{"/p/prog"}, []string{"/p/prog", "FILE"}},
		{[]string{"/p/prog", "--secure"}, []string{"/p/prog", "--secure", "FILE"}},
		{[]string{"prog", "%s", "-a", "%sTAIL"}, []string{"prog", "FILE", "-a", "FILE"}},
		{[]string{"prog", "--f=%s"}, []string{"prog", "--f=%s", "FILE"}},
		{[]string{"a prog", "$X 'y", "", "%s"}, []string{"a prog", "$X 'y", "", "FILE"}},
		{[]string{""}, nil},
	} {
		command := &Command{Argv: c.argv, Line: "not read"}
		before := slices.Clone(c.argv)
		got, err := command.argv("FILE")
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || !slices.Equal(c.argv, before) {
			t.Errorf("%q: %q, %v", c.argv, got, err)
		}
	}
}

func judge(t *testing.T, ctx context.Context, c *Command, mail string) ([]scan.Finding, error) {
	t.Helper()
	return end(t, ctx, c, inMemory(mail))
}

func TestCommand(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, c := range []struct {
		name    string
		command Command
		found   bool
		err     string
	}{
		{"clean", Command{Line: "true", Found: 1}, false, ""},
		{"found", Command{Line: "false", Found: 1}, true, ""},
		{"found is 0", Command{Line: "true"}, true, ""},
		{"clean is 1", Command{Line: "false", Found: 2, Clean: 1}, false, ""},
		{"other", Command{Line: "sh -c 'exit 2' %s", Found: 1}, false, "sh: exit 2"},
		{"killed", Command{Line: "sh -c 'kill -9 $$' %s", Found: 1}, false, "sh: killed by signal 9"},
		{"killed, 0 is found", Command{Line: "sh -c 'kill -9 $$' %s"}, false, "signal 9"},
		{"missing", Command{Line: "/nonexistent/scanner", Found: 1}, false, "no such file"},
		{"not in PATH", Command{Line: "no-such-scanner", Found: 1}, false, "not found"},
		{"no program", Command{Line: "/dev/null", Found: 1}, false, "permission denied"},
		{"the file", Command{Line: `grep -q "^body$" %s`, Found: 0, Clean: 1}, true, ""},
		{"nothing on 0, 1 and 2 of ours", Command{Line: "sh -c 'cat; echo a; echo b >&2' %s", Found: 1}, false, ""},
		{"argv", Command{Argv: []string{"grep", "-q", "^body$", "%s"}, Found: 0, Clean: 1}, true, ""},
		{"argv found", Command{Argv: []string{"sh", "-c", "exit 13", "%s"}, Found: 13}, true, ""},
		{"argv clean", Command{Argv: []string{"sh", "-c", "exit 19", "%s"}, Found: 13, Clean: 19}, false, ""},
		{"argv other", Command{Argv: []string{"false"}, Found: 13}, false, "virus.command: false: exit 1"},
		{"argv too late", Command{Argv: []string{"sh", "-c", "sleep 30", "%s"}, Found: 13, Timeout: 20 * time.Millisecond}, false, "virus.command: sh: no answer in time"},
		{"too late", Command{Line: "sh -c 'sleep 30' %s", Found: 13, Timeout: 20 * time.Millisecond}, false, "QHPSI: sh: no answer in time"},
		{"smaller", Command{Line: "false", Found: 1, Min: 9}, false, ""},
		{"not smaller", Command{Line: "false", Found: 1, Min: 8}, true, ""},
		{"larger", Command{Line: "false", Found: 1, Max: 7}, false, ""},
		{"not larger", Command{Line: "false", Found: 1, Max: 8}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings, err := judge(t, t.Context(), &c.command, "A: b\n\nbody\n"[3:])
			if (len(findings) == 1) != c.found || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, %v", findings, err)
			}
			want := "virus.qhpsi"
			if c.command.Argv != nil {
				want = "virus.command"
			}
			if c.found && findings[0].Rule != want {
				t.Errorf("%+v", findings[0])
			}
		})
	}
	if left, _ := filepath.Glob(os.Getenv("TMPDIR") + "/*"); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	t.Setenv("TMPDIR", "/nonexistent")
	if _, err := judge(t, t.Context(), &Command{Line: "true"}, "a"); err == nil {
		t.Error("no directory for the file: no error")
	}
}

// TestCommandHangs ends a scanner with its children in time; a child elsewhere
// delays nobody.
func TestCommandHangs(t *testing.T) {
	for _, line := range []string{"sh -c 'sleep 30' %s", "sh -c 'sleep 30 & wait' %s", "sh -c 'setsid sleep 3 & sleep 30' %s"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		findings, err := judge(t, ctx, &Command{Line: line, Found: 1}, "a")
		cancel()
		if len(findings) > 0 || err == nil || time.Since(start) > 3*time.Second {
			t.Errorf("%s: %v, %v after %s", line, findings, err, time.Since(start))
		}
	}
}
