package main_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestQpsmtpd sends real mail: swaks to qpsmtpd, whose QMAILQUEUE is the shim,
// which runs qguard-queue, which runs a recorder.
//
// qpsmtpd answers 451 with the number for every exit code but 0. A queue program
// that is killed by a signal it takes for one that exits 0. So a reply of 250
// must go with one message in the recorder or in the quarantine, every other
// with none, whatever is done to us.
func TestQpsmtpd(t *testing.T) {
	s := startQpsmtpd(t)
	const (
		clean = "Subject: lunch\n\nAt noon?\n"
		ok    = `^250 Queued!`
	)
	exe := attached("setup.exe", []byte("MZ"))
	big := attached("notes.txt", bytes.Repeat([]byte("a line of text\n"), 20_000))
	for _, c := range []struct {
		name     string
		door     string // the way to the shim; "" = straight
		next     string // the queue program behind; "" = the recorder
		mail     string
		want     string
		recorded int
		held     int
	}{
		{name: "clean", mail: clean, want: ok, recorded: 1},
		{name: "program", mail: exe, want: `^451 Unable to queue message \(31\)`},
		{name: "held", mail: nested(300), want: ok, held: 1},

		// What no input may do: 81 is a panic or death by a signal, 2 the end
		// of a Go program without memory.
		{name: "garbage", mail: garbage(1 << 20), want: ok, recorded: 1},
		{name: "huge header", mail: strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\n", 6000) + clean, want: ok, held: 1},
		{name: "deep nesting", mail: nested(20_000), want: ok, held: 1},
		{name: "zip bomb", mail: attached("a.zip", bomb(t)), want: ok, held: 1},
		{name: "60 MB", mail: clean + strings.Repeat(strings.Repeat("x", 900)+"\n", 66_600), want: ok, recorded: 1},

		// Memory. Where nobody reads, qpsmtpd may notice before the exit code.
		{name: "soft limit", door: "softlimit -m 20000000", mail: clean, want: ok, recorded: 1},
		{name: "hard limit, not mapped", door: hard("-v 20000"), mail: clean, want: `^451 `},
		{name: "hard limit, runtime does not start", door: hard("-v 300000"), mail: clean, want: `^451 `},
		{name: "hard limit of data", door: hard("-d 60000"), mail: big, want: `^451 `},
		{name: "hard limit, zip bomb", door: hard("-d 110000"), mail: attached("a.zip", bomb(t)), want: `^(250|451) `, recorded: either, held: either},
		{name: "GOMEMLIMIT", door: "env GOMEMLIMIT=1MiB", mail: big, want: ok, recorded: 1},

		// Signals.
		{name: "next does not read", next: "exit 0", mail: big, want: `^451 .*\(53\)`},
		{name: "next refuses at once", next: "exit 31", mail: big, want: `^451 .*\(31\)`},
		{name: "next is killed", next: "kill -9 $$", mail: big, want: `^451 .*\(81\)`},
		{name: "end", next: "kill -TERM $PPID; sleep 1; exit 0", mail: clean, want: `^451 .*\(71\)`},
		{name: "end of the shim", next: `read -r _ _ _ shim _ </proc/$PPID/stat; kill -TERM "$shim"; ` + "exec $RECORDER", mail: clean, want: ok, recorded: 1},
		{name: "kill", next: "kill -KILL $PPID; exit 0", mail: clean, want: `^451 .*\(81\)`},
		{name: "abort", next: "kill -ABRT $PPID; exit 0", mail: clean, want: `^451 .*\((2|81)\)`},
		{name: "file size limit", door: hard("-f 0"), mail: attached("notes.txt", bytes.Repeat([]byte("a line of text\n"), 200_000)), want: `^451 `},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.route(t, c.door, c.next)
			reply, said := s.send(t, c.mail)
			t.Logf("%s", reply)
			if !regexp.MustCompile(c.want).MatchString(reply) {
				t.Errorf("reply %q, want %s\n%s", reply, c.want, said)
			}
			recorded, held := s.take(t)
			if n := len(recorded) + held; (reply[:3] == "250") != (n == 1) {
				t.Errorf("reply %q, %d recorded, %d held", reply, len(recorded), held)
			}
			if c.recorded != either && len(recorded) != c.recorded || c.held != either && held != c.held {
				t.Errorf("%d recorded, %d held", len(recorded), held)
			}
			for _, m := range recorded {
				if !strings.HasPrefix(m, "X-QHPSI: ") || c.mail == clean && !strings.HasPrefix(m, "X-QHPSI: clean\nReceived: ") {
					t.Errorf("recorded: %.100q", m)
				}
			}
		})
	}

	// What the shim is for: the bare program does not even start, and a mail that
	// is already in the pipe is lost. Should this fail, qpsmtpd has been mended.
	t.Run("lost without the shim", func(t *testing.T) {
		write(t, s.dir+"/door", "#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\nexec softlimit -m 20000000 "+s.bin+"/qguard-queue\n", 0o700)
		reply, said := s.send(t, clean)
		t.Log(reply)
		if recorded, held := s.take(t); !strings.HasPrefix(reply, "250 Queued!") || len(recorded)+held > 0 {
			t.Errorf("reply %q, %d recorded, %d held\n%s", reply, len(recorded), held, said)
		}
	})
}

// either stands for whatever the reply says.
const either = -1

// A qpsmtpd is a running server. Its QMAILQUEUE is dir/door.
type qpsmtpd struct {
	dir, bin, port string
	swaks          string
	log            *bytes.Buffer
}

func startQpsmtpd(t *testing.T) *qpsmtpd {
	t.Helper()
	unpacked, err := filepath.Abs("../../bin/peers/qpsmtpd/usr")
	if err != nil {
		t.Fatal(err)
	}
	forkserver := unpacked + "/bin/qpsmtpd-forkserver"
	if _, err := os.Stat(forkserver); err != nil {
		missing(t, "qpsmtpd")
	}
	for _, module := range []string{"Net::DNS", "Mail::Header"} {
		if exec.Command(peer(t, "perl"), "-M"+module, "-e1").Run() != nil {
			missing(t, "perl's "+module)
		}
	}
	s := &qpsmtpd{dir: t.TempDir(), swaks: peer(t, "swaks"), log: &bytes.Buffer{}}
	peer(t, "softlimit")
	s.bin = build(t, "qguard/cmd/qguard-queue", "qguard/scripts/torture")
	s.port = freePort(t)
	for _, d := range []string{"config", "spool", "recorder/new", "recorder/tmp"} {
		if err := os.MkdirAll(s.dir+"/"+d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"config/plugins":     "rcpt_ok\nqueue/qmail-queue\n",
		"config/plugin_dirs": unpacked + "/share/qpsmtpd/plugins\n",
		"config/rcpthosts":   "example.org\n",
		"config/me":          "mail.example.org\n",
		"config/spool_dir":   s.dir + "/spool\n",
		"config/loglevel":    "3\n",
		"qguard.toml":        fmt.Sprintf("[queue]\nnext = %q\n[quarantine]\npath = %q\n", s.dir+"/next", s.dir+"/quarantine"),
	} {
		write(t, s.dir+"/"+name, text, 0o600)
	}
	s.route(t, "", "")

	user := "root"
	if os.Getuid() != 0 {
		user = os.Getenv("USER")
	}
	cmd := exec.Command("perl", "-T", "-I", unpacked+"/share/perl5", forkserver,
		"-l", "127.0.0.1", "-p", s.port, "-u", user, "-H")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "QPSMTPD_CONFIG="+s.dir+"/config", "QMAILQUEUE="+s.dir+"/door", "QGUARD_CONF="+s.dir+"/qguard.toml")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("qpsmtpd:\n%s", s.log)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("qpsmtpd does not listen: %v", err)
		}
	}
}

// route writes the programs before and behind the shim.
func (s *qpsmtpd) route(t *testing.T, door, next string) {
	t.Helper()
	recorder := s.bin + "/torture -record " + s.dir + "/recorder"
	if next == "" {
		next = "exec $RECORDER"
	}
	write(t, s.dir+"/door", fmt.Sprintf("#!/bin/sh\nexec %s %s/qguard-queue.sh\n", door, s.bin), 0o700)
	write(t, s.dir+"/next", fmt.Sprintf("#!/bin/sh\nRECORDER='%s'\n%s\n", recorder, next), 0o700)
}

// send sends a mail and returns the server's reply to it.
func (s *qpsmtpd) send(t *testing.T, mail string) (reply, said string) {
	t.Helper()
	write(t, s.dir+"/mail", mail, 0o600)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.swaks, "--server", "127.0.0.1:"+s.port, "--timeout", "50s",
		"--helo", "client.example.org", "--from", "sender@example.org", "--to", "user@example.org",
		"--data", "@"+s.dir+"/mail", "--suppress-data").CombinedOutput()
	if ee := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ee) {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(out), "\n<-  354")
	if m := regexp.MustCompile(`(?m)^<(?:- |\*\*) (\d\d\d .*)$`).FindStringSubmatch(after); m != nil {
		return m[1], string(out)
	}
	t.Fatalf("no reply to the mail:\n%.2000s", out)
	return "", ""
}

// take empties the recorder, whose messages it returns, and the quarantine.
func (s *qpsmtpd) take(t *testing.T) (recorded []string, held int) {
	t.Helper()
	names, _ := filepath.Glob(s.dir + "/recorder/new/*")
	for _, name := range names {
		data, err := os.ReadFile(name)
		envelope, message, ok := strings.Cut(string(data), "\x00\x00\x00")
		if err != nil || !ok || envelope != "Fsender@example.org\x00Tuser@example.org" {
			t.Errorf("recorded envelope %q, %v", envelope, err)
		}
		recorded = append(recorded, message)
	}
	kept, _ := filepath.Glob(s.dir + "/quarantine/new/*")
	if err := errors.Join(os.RemoveAll(s.dir+"/quarantine"), os.RemoveAll(s.dir+"/recorder/new"), os.Mkdir(s.dir+"/recorder/new", 0o700)); err != nil {
		t.Fatal(err)
	}
	return recorded, len(kept)
}

// hard is a way with a hard limit, which the shim cannot raise.
func hard(limit string) string { return `sh -c 'ulimit ` + limit + `; exec "$@"' sh` }

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	err := os.WriteFile(name+".new", []byte(text), mode)
	if err = errors.Join(err, os.Rename(name+".new", name)); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// attached is a mail with one file.
func attached(name string, data []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: a file\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=%q\n"+
		"Content-Disposition: attachment; filename=%[1]q\nContent-Transfer-Encoding: base64\n\n", name)
	for len(data) > 0 {
		n := min(len(data), 54)
		b.WriteString(base64.StdEncoding.EncodeToString(data[:n]) + "\n")
		data = data[n:]
	}
	return b.String()
}

// garbage is bytes that a mail client would not send.
func garbage(size int) string {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
		if i%900 == 0 {
			b[i] = '\n'
		}
	}
	return string(b)
}

// nested is a multipart in a multipart in ...
func nested(depth int) string {
	var b strings.Builder
	b.WriteString("Subject: deep\nMIME-Version: 1.0\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%[1]d\n", i)
	}
	return b.String() + "\nend\n"
}

// bomb is an archive of 250 files of 4 MB of zeros, called archives so that they
// are opened.
func bomb(t *testing.T) []byte {
	t.Helper()
	data := make([]byte, 4<<20)
	var b, packed bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestCompression)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	z := zip.NewWriter(&b)
	for i := range 250 {
		w, werr := z.CreateRaw(&zip.FileHeader{
			Name: fmt.Sprintf("%d.zip", i), Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(data),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(data)),
		})
		if err = errors.Join(err, werr); err != nil {
			t.Fatal(err)
		}
		w.Write(packed.Bytes())
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
