package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// call lets the program take one message as qmail-smtpd would and returns the
// answer and what the next program got, "" when it got nothing whole.
func call(t *testing.T, rules string, message, envelope []byte) (a answer, gotMessage, gotEnvelope string) {
	t.Helper()
	program, err := exec.LookPath("qguard-queue")
	if err != nil {
		t.Fatal(err)
	}
	next, err := exec.LookPath("fake-next")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/rules.toml", []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c := caller{
		Argv: []string{program, next}, Dir: dir, Message: message, Envelope: envelope,
		Env: append(os.Environ(), "RECORD="+dir, "QGUARD_CONF="+dir+"/rules.toml", "GORACE=atexit_sleep_ms=0"),
	}
	if a, err = c.run(); err != nil {
		t.Fatal(err)
	}
	return a, read(dir + "/1/message"), read(dir + "/1/envelope")
}

func read(name string) string {
	data, _ := os.ReadFile(name)
	return string(data)
}

// TestBytes sends messages that programs like to change, and expects our header
// and then every byte as it was.
func TestBytes(t *testing.T) {
	const clean = "X-QHPSI: clean\n"
	for _, c := range []struct{ name, message, want string }{
		{"nothing", "", clean},
		{"header only", "Subject: a\n", clean + "Subject: a\n"},
		{"no final newline", "Subject: a\n\nbody", clean + "Subject: a\n\nbody"},
		{"header without newline", "Subject: a", clean + "Subject: a"},
		{"no header", "\nbody\n", clean + "\nbody\n"},
		{"no header and no blank line", "just text\nand more", clean + "just text\nand more"},
		{"CRLF", "Subject: a\r\n\r\nbody\r\n", clean + "Subject: a\r\n\r\nbody\r\n"},
		{"lone CR", "Subject: a\rX: b\n\nbody\rmore\n", clean + "Subject: a\rX: b\n\nbody\rmore\n"},
		{"NULs", "Subject: \x00\n\n\x00\x00", clean + "Subject: \x00\n\n\x00\x00"},
		{"8 bit", "Subject: \xe4\xff\n\n\xfe\n", clean + "Subject: \xe4\xff\n\n\xfe\n"},
		{"dots", "Subject: a\n\n.\n..\n", clean + "Subject: a\n\n.\n..\n"},
		{"mbox line", "From a@b Sat\nSubject: a\n\n", clean + "From a@b Sat\nSubject: a\n\n"},
		{
			"forged", "X-QHPSI: clean\nx-qguard : a\nX-QUARANTINE-id: b\n\tfolded\nX-QHPSIx: c\nReceived: d\n\nX-QHPSI: body\n",
			clean + "X-Old-X-QHPSI: clean\nX-Old-x-qguard : a\nX-Old-X-QUARANTINE-id: b\n\tfolded\nX-QHPSIx: c\nReceived: d\n\nX-QHPSI: body\n",
		},
		{"forged in the last line", "X-QHPSI: clean", clean + "X-Old-X-QHPSI: clean"},
		{"forged with CRLF", "A: b\r\nX-QHPSI: clean\r\n\r\nX-QHPSI: c", clean + "A: b\r\nX-Old-X-QHPSI: clean\r\n\r\nX-QHPSI: c"},
		{"our name in a value", "A: X-QHPSI: b\n X-QHPSI: c\n\n", clean + "A: X-QHPSI: b\n X-QHPSI: c\n\n"},
		{"long line", "A: " + strings.Repeat("x", 100000) + "\n\n", clean + "A: " + strings.Repeat("x", 100000) + "\n\n"},
		{"on disk", "A: b\n\n" + strings.Repeat("0123456789abcde\n", 1<<17), clean + "A: b\n\n" + strings.Repeat("0123456789abcde\n", 1<<17)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, message, _ := call(t, "", []byte(c.message), envelopeOf("a@b", "c@d"))
			if a.Exit != 0 || message != c.want {
				t.Errorf("exit %d, %q, %s", a.Exit, message[:min(len(message), 200)], a.Stderr)
			}
		})
	}
}

// TestAddresses meets the limit of an address, and a very long list of them.
func TestAddresses(t *testing.T) {
	longest := strings.Repeat("x", 1000) + "@x"
	var many []string
	for range 200_000 {
		many = append(many, "someone@example.net")
	}
	for _, c := range []struct {
		name string
		from string
		to   []string
		exit int
	}{
		{"1002 bytes", longest, []string{longest}, 0},
		{"sender of 1003", "x" + longest, []string{"a@b"}, 11},
		{"recipient of 1003", "a@b", []string{"c@d", "x" + longest}, 11},
		{"recipient of a megabyte", "a@b", []string{strings.Repeat("x", 1<<20)}, 11},
		{"bytes", "\xff\r\n@b", []string{"\x01\x80@c", "X-QHPSI: clean"}, 0},
		{"200,000 recipients", "a@b", many, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			envelope := envelopeOf(c.from, c.to...)
			a, _, got := call(t, "", []byte("Subject: a\n\n"), envelope)
			want := ""
			if c.exit == 0 {
				want = strings.ReplaceAll(string(envelope), "\x00", "\n")
			}
			if a.Exit != c.exit || got != want {
				t.Errorf("exit %d, envelope of %d bytes, want %d; %s", a.Exit, len(got), len(want), a.Stderr)
			}
		})
	}
}

// TestSignals sends what a shell, a supervisor and a resource limit may send
// while the message comes: it is never death by a signal.
func TestSignals(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{
		syscall.SIGHUP: 71, syscall.SIGINT: 71, syscall.SIGQUIT: 71, syscall.SIGTERM: 71, syscall.SIGALRM: 71, syscall.SIGXCPU: 71,
		syscall.SIGPIPE: 0, syscall.SIGUSR1: 0, syscall.SIGUSR2: 0, syscall.SIGVTALRM: 0, syscall.SIGPROF: 0, syscall.SIGXFSZ: 0,
	} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			messageR, messageW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer messageR.Close()
			defer messageW.Close()
			envelopeR, envelopeW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer envelopeR.Close()
			defer envelopeW.Close()
			cmd := exec.Command("qguard-queue", "fake-next")
			cmd.Stdin, cmd.Stdout = messageR, envelopeR
			cmd.Env = append(os.Environ(), "RECORD="+dir, "QGUARD_CONF="+dir+"/rules.toml", "GORACE=atexit_sleep_ms=0")
			if err := os.WriteFile(dir+"/rules.toml", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			messageW.WriteString("Subject: a\n")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// It has begun to read, so it has prepared for signals.
			for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if n, err := unix.IoctlGetInt(int(messageR.Fd()), unix.TIOCINQ); err != nil || n == 0 {
					break
				}
			}
			cmd.Process.Signal(signal)
			messageW.WriteString("\nbody\n")
			messageW.Close()
			envelopeW.Write(envelopeOf("a@b", "c@d"))
			envelopeW.Close()
			cmd.Wait()
			// The message may have been the faster.
			if got := cmd.ProcessState.ExitCode(); got != want && got != 0 {
				t.Errorf("%s, want exit %d", cmd.ProcessState, want)
			}
		})
	}
}

// TestPanic holds a crash of ours to a temporary failure that shows nothing.
func TestPanic(t *testing.T) {
	var stderr strings.Builder
	warn := func(err error) { stderr.WriteString(err.Error()) }
	got := within(t.Context(), func() int { panic("Fixture-Pass-1") }, warn)
	if got != 81 || !strings.Contains(stderr.String(), "internal error at ") || strings.Contains(stderr.String(), "Fixture") {
		t.Errorf("exit %d, %q", got, stderr.String())
	}
	stderr.Reset()
	var list []int
	got = within(t.Context(), func() int { return list[len(stderr.String())] }, warn)
	if got != 81 || !strings.Contains(stderr.String(), "bytes_test.go:") {
		t.Errorf("exit %d, %q", got, stderr.String())
	}
}
