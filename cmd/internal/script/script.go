// Package script is what the testscripts of several programs share: commands
// beside testscript's own. Only tests import it.
//
//	exits N command...      the command exits N; for our programs the number counts
//	expand FILE...          replaces $VARIABLES in files; $$ is a dollar
package script

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Exits is the command exits.
func Exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
}

// Expand is the command expand.
func Expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(name string) string {
			if name == "$" {
				return "$"
			}
			return ts.Getenv(name)
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// NoSecret fails when a text stands anywhere, plainly, in hex or in base64: in
// the last output or a file below the script's directory, but for those that
// skip names and for rules.
func NoSecret(ts *testscript.TestScript, secret string, skip func(path string, d fs.DirEntry) bool) {
	forms := []string{strings.ToLower(secret), hex.EncodeToString([]byte(secret))}
	for lead := range 3 {
		code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", lead) + secret))
		forms = append(forms, strings.ToLower(code[4*((lead+2)/3):len(code)-4]))
	}
	check := func(where string) {
		text := strings.ToLower(ts.ReadFile(where))
		for _, f := range forms {
			if strings.Contains(text, f) {
				ts.Fatalf("%s holds the secret", where)
			}
		}
	}
	check("stdout")
	check("stderr")
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		switch {
		case d != nil && skip(path, d) && d.IsDir(), err != nil:
			return filepath.SkipDir
		case d.Type().IsRegular() && filepath.Ext(path) != ".toml" && !skip(path, d):
			files++
			check(path)
		}
		return nil
	}))
	if files == 0 {
		ts.Fatalf("no file looked at")
	}
}
