package authenticate

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
)

// The pair of most tests: strings that nothing else contains, so that a test
// can look for them.
const (
	markerUser     = "marker-user-4711"
	markerPassword = "marker-secret-0815"
)

// TestMain makes the test binary its own fake checkpassword program: a back end
// empties the environment, so the arguments say so.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if fake := fakes()[os.Args[1]]; fake != nil {
			// Not os.Exit: under the race detector it sleeps for a second.
			syscall.Exit(fake(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// check asks b and holds it to what every Backend promises.
func check(t *testing.T, ctx context.Context, b Backend, user, password string) (Answer, error) {
	t.Helper()
	answer, err := b.Check(ctx, []byte(user), []byte(password))
	if (err != nil) != (answer == Unavailable) {
		t.Errorf("answer %v with error %v", answer, err)
	}
	if err == nil {
		return answer, nil
	}
	text := err.Error()
	if strings.Contains(text, "\n") {
		t.Errorf("error of more than one line: %q", text)
	}
	for _, secret := range []string{user, password} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("error gives away %q: %q", secret, text)
		}
	}
	return answer, err
}

// wantAnswer compares; reason is part of the error's text.
func wantAnswer(t *testing.T, answer Answer, err error, want Answer, reason string) {
	t.Helper()
	if answer != want {
		t.Errorf("got %v (%v), want %v", answer, err, want)
	}
	if err != nil && !strings.Contains(err.Error(), reason) {
		t.Errorf("got error %q, want %q in it", err, reason)
	}
}

// needPeer skips where something outside this tree is missing; in CI that fails.
func needPeer(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: %s", missing)
	}
	t.Skipf("missing: %s", missing)
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config []string
		id     string
		reason string
	}{
		{"checkpassword", []string{"checkpassword", "/bin/check"}, `checkpassword ["/bin/check"]`, ""},
		{"arguments are part of the realm", []string{"checkpassword", "/bin/check", "-service", "a b"}, `checkpassword ["/bin/check" "-service" "a b"]`, ""},
		{"passwd-file", []string{"passwd-file", "/etc/qguard/shadow"}, `passwd-file "/etc/qguard/shadow"`, ""},
		{"nothing", nil, "", "no authenticator named"},
		{"no program", []string{"checkpassword"}, "", "checkpassword: needs a program"},
		{"relative program", []string{"checkpassword", "check"}, "", `checkpassword: "check" is not an absolute path`},
		{"no file", []string{"passwd-file"}, "", "passwd-file: needs one path"},
		{"two files", []string{"passwd-file", "/a", "/b"}, "", "passwd-file: needs one path"},
		{"relative file", []string{"passwd-file", "shadow"}, "", `passwd-file: "shadow" is not an absolute path`},
		{"unknown", []string{"radius", "/x"}, "", `authenticator "radius" is not known, only checkpassword, passwd-file, saslauthd and dovecot are`},
		{"saslauthd", []string{"saslauthd", "/run/saslauthd/mux"}, `saslauthd ["/run/saslauthd/mux" "qguard" ""]`, ""},
		{"saslauthd, all of it", []string{"saslauthd", "/m", "smtp", "example.org"}, `saslauthd ["/m" "smtp" "example.org"]`, ""},
		{"saslauthd, too much of it", []string{"saslauthd", "/m", "smtp", "example.org", "x"}, "", "saslauthd: needs a socket, and may"},
		{"saslauthd, no service", []string{"saslauthd", "/m", ""}, "", `saslauthd: "" is not a service name`},
		{"saslauthd, a path for a service", []string{"saslauthd", "/m", "../other"}, "", `saslauthd: "../other" is not a service name`},
		{"saslauthd, endless realm", []string{"saslauthd", "/m", "s", strings.Repeat("r", 257)}, "", `is not a realm`},
		{"saslauthd, relative", []string{"saslauthd", "mux"}, "", `saslauthd: "mux" is not an absolute path`},
		{"dovecot", []string{"dovecot", "/run/dovecot/auth-client"}, `dovecot ["/run/dovecot/auth-client" "qguard"]`, ""},
		{"dovecot, service", []string{"dovecot", "/a", "smtp"}, `dovecot ["/a" "smtp"]`, ""},
		{"dovecot, service with a tab", []string{"dovecot", "/a", "smtp\tx"}, "", `dovecot: "smtp\tx" is not a service name`},
		{"dovecot, no socket", []string{"dovecot"}, "", `dovecot: needs a socket, and may have a service`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := New(tt.config)
			if tt.reason != "" {
				if err == nil || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("got error %v, want %q", err, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := b.ID(); got != tt.id {
				t.Errorf("got id %s, want %s", got, tt.id)
			}
		})
	}
}

// A configuration is the caller's: New must not write behind its end.
func TestNewKeepsConfig(t *testing.T) {
	config := []string{"checkpassword", "/bin/check", "spare"}
	if _, err := New(config[:2]); err != nil {
		t.Fatal(err)
	}
	if config[2] != "spare" {
		t.Errorf("configuration overwritten with %q", config[2])
	}
}

func TestAnswerString(t *testing.T) {
	for answer, want := range map[Answer]string{Unavailable: "unavailable", Right: "right", Wrong: "wrong", NoUser: "no such user", Refused: "refused", 99: "unavailable"} {
		if got := answer.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if (Answer)(0) != Unavailable {
		t.Error("the zero answer is not Unavailable")
	}
}
