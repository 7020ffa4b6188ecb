//go:build cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/msteinert/pam/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"qguard/cmd/internal/script"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"qguard-pam": main,
		"limits":     limits,
	})
}

// limits prints what forbidDumps leaves of a process that called it.
func limits() {
	if err := forbidDumps(); err != nil {
		fmt.Println(err)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	fmt.Println("dumpable", dumpable, err)
	var core unix.Rlimit
	err = unix.Getrlimit(unix.RLIMIT_CORE, &core)
	fmt.Println("core", core.Cur, core.Max, err)
}

// feed is what the scripts call: it gives qguard-pam the bytes of its first
// argument on descriptor 3, as the manual shows it.
const feed = `bytes=$1
shift
printf "$bytes" | qguard-pam -confdir pam "$@" 3<&0 0</dev/null
`

// The scripts ask the real libpam about a configuration directory of their own.
func TestScript(t *testing.T) {
	for _, module := range []string{"pam_pwdfile", "pam_debug", "pam_deny", "pam_permit"} {
		needModule(t, module)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else a second for each exit 0
			service := fmt.Sprintf("auth required pam_pwdfile.so nodelay pwdfile=%s\n", filepath.Join(env.WorkDir, "passwd"))
			dir := filepath.Join(env.WorkDir, "pam")
			return errors.Join(
				os.MkdirAll(dir, 0o700),
				os.WriteFile(filepath.Join(dir, "file"), []byte(service), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "feed"), []byte(feed), 0o600),
			)
		},
	})
}

// needModule skips where a PAM module is missing; in CI that fails.
func needModule(t *testing.T, name string) {
	t.Helper()
	for _, dir := range []string{"/lib/*/security", "/usr/lib/*/security", "/lib/security", "/usr/lib/security", "/lib64/security", "/usr/lib64/security"} {
		if found, _ := filepath.Glob(filepath.Join(dir, name+".so")); len(found) > 0 {
			return
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: %s", name)
	}
	t.Skipf("missing: %s", name)
}

// exits N command runs a command that must exit N and say nothing of its pair,
// whose parts all begin with "marker".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	script.Exits(ts, neg, args)
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), "marker") {
			ts.Fatalf("%s gives away the pair", stream)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, exitRight},
		{pam.ErrAcctExpired, exitRight},
		{pam.ErrNewAuthtokReqd, exitRight},
		{pam.ErrAuthtokExpired, exitRight},
		{pam.ErrAuth, exitWrong},
		{pam.ErrUserUnknown, exitWrong},
		{pam.ErrPermDenied, exitUnknown},
		{pam.ErrCredExpired, exitUnknown},
		{pam.ErrCredInsufficient, exitUnknown},
		{pam.ErrAuthinfoUnavail, exitUnknown},
		{pam.ErrMaxtries, exitUnknown},
		{pam.ErrAbort, exitUnknown},
		{pam.ErrSystem, exitUnknown},
		{pam.ErrService, exitUnknown},
		{pam.ErrOpen, exitUnknown},
		{pam.ErrSymbol, exitUnknown},
		{pam.ErrModuleUnknown, exitUnknown},
		{pam.ErrConv, exitUnknown},
		{pam.ErrIgnore, exitUnknown},
		{pam.Error(99), exitUnknown},
		{fmt.Errorf("%w: too old", pam.ErrSystem), exitUnknown},
		{fmt.Errorf("wrapped: %w", pam.ErrAuth), exitWrong},
		{errors.New("not of PAM"), exitUnknown},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%v: got %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestParseLogin(t *testing.T) {
	full := "u\x00" + strings.Repeat("p", maxLogin-len("u\x00\x00Y\x00")) + "\x00Y\x00"
	for _, tt := range []struct{ name, in, user, password, reason string }{
		{"three fields", "u\x00p\x00Y1\x00", "u", "p", ""},
		{"no timestamp", "u\x00p\x00\x00", "u", "p", ""},
		{"any bytes", "\xff \x00\n:\x00Y\x00", "\xff ", "\n:", ""},
		{"512 bytes", full, "u", full[2 : len(full)-3], ""},
		{"513 bytes", full + "\x00", "", "", "more than 512 bytes"},
		{"nothing", "", "", "", "each ended by a NUL"},
		{"two fields", "u\x00p\x00", "", "", "each ended by a NUL"},
		{"cut short", "u\x00p\x00Y1", "", "", "each ended by a NUL"},
		{"four fields", "u\x00p\x00Y1\x00z\x00", "", "", "each ended by a NUL"},
		{"trailing bytes", "u\x00p\x00Y1\x00z", "", "", "each ended by a NUL"},
		{"empty user", "\x00p\x00Y1\x00", "", "", "empty user"},
		{"empty password", "u\x00\x00Y1\x00", "", "", "empty password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			buf := []byte(tt.in)
			got, err := parseLogin(buf)
			if tt.reason != "" {
				if err == nil || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("got error %v, want %q", err, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(got.user) != tt.user || string(got.password) != tt.password {
				t.Errorf("got %q, %q, want %q, %q", got.user, got.password, tt.user, tt.password)
			}
			got.wipe()
			if len(bytes.Trim(buf, "\x00")) != 0 {
				t.Errorf("left after wiping: %q", buf)
			}
		})
	}
}

func TestConverse(t *testing.T) {
	l, err := parseLogin([]byte("u\x00p\x00Y1\x00"))
	if err != nil {
		t.Fatal(err)
	}
	for style, want := range map[pam.Style]string{pam.PromptEchoOff: "p", pam.PromptEchoOn: "u", pam.TextInfo: "", pam.ErrorMsg: ""} {
		if got, err := l.converse(style, "Password: "); got != want || err != nil {
			t.Errorf("style %d: got %q, %v, want %q", style, got, err, want)
		}
	}
}

// panics is a stderr whose first write panics with a secret.
type panics struct{ bytes.Buffer }

func (p *panics) Write(b []byte) (int, error) {
	if p.Len() == 0 {
		p.WriteString("> ")
		panic("marker-secret")
	}
	return p.Buffer.Write(b)
}

func TestPanic(t *testing.T) {
	var stderr panics
	if got := run([]string{"-no-such-flag"}, -1, &stderr); got != exitUnknown {
		t.Errorf("got %d, want %d", got, exitUnknown)
	}
	if got, want := stderr.String(), "> qguard-pam: internal error\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
