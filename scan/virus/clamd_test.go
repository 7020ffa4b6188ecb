package virus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// serve is a server that does with each connection what talk does, until the
// test ends.
func serve(t testing.TB, talk func(*net.UnixConn)) rules.Address {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return rules.Address{Network: "unix", Name: path}
}

// take reads one command with what belongs to it: a stream's bytes or a file's.
func take(conn *net.UnixConn) (command, content string, err error) {
	head := make([]byte, 4)
	for !strings.HasSuffix(command, "\x00") {
		if _, err := io.ReadFull(conn, head[:1]); err != nil {
			return command, "", err
		}
		command += string(head[:1])
	}
	if command == "zFILDES\x00" {
		content, err = passed(conn)
		return command, content, err
	}
	if command != "zINSTREAM\x00" {
		return command, "", nil
	}
	var data bytes.Buffer
	for {
		if _, err := io.ReadFull(conn, head[:4]); err != nil {
			return command, "", err
		}
		size := binary.BigEndian.Uint32(head)
		if size == 0 {
			return command, data.String(), nil
		}
		if _, err := io.CopyN(&data, conn, int64(size)); err != nil {
			return command, "", err
		}
	}
}

// passed reads the file whose descriptor comes with the next byte.
func passed(conn *net.UnixConn) (string, error) {
	oob := make([]byte, 64)
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return "", err
	}
	list, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil || len(list) != 1 {
		return "", errors.New("no descriptor")
	}
	fds, err := syscall.ParseUnixRights(&list[0])
	if err != nil || len(fds) != 1 {
		return "", errors.New("not one descriptor")
	}
	file := os.NewFile(uintptr(fds[0]), "passed")
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	return string(data), err
}

// say answers every command with text.
func say(text string) func(*net.UnixConn) {
	return func(conn *net.UnixConn) {
		if _, _, err := take(conn); err == nil {
			io.WriteString(conn, text)
		}
	}
}

func inMemory(text string) *scan.Message {
	return &scan.Message{Content: strings.NewReader(text), Size: int64(len(text))}
}

func inFile(t testing.TB, text string) *scan.Message {
	t.Helper()
	name := filepath.Join(t.TempDir(), "m")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &scan.Message{Content: file, Size: int64(len(text))}
}

// end is what a scanner says of a message.
func end(t testing.TB, ctx context.Context, s scan.Scanner, m *scan.Message) ([]scan.Finding, error) {
	t.Helper()
	look := s.Begin(m)
	if err := look.Part(ctx, nil); err != nil {
		t.Error(err)
	}
	return look.End(ctx)
}

// wantError is for what must be neither clean nor a finding.
func wantError(t testing.TB, findings []scan.Finding, err error, text string) {
	t.Helper()
	if len(findings) > 0 || err == nil || !strings.Contains(err.Error(), text) || strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("got %v, %v; want an error with %q", findings, err, text)
	}
}

// An answer is a reply and what it means.
type answer struct{ reply, found, err string }

func (a answer) rule() string {
	if strings.HasPrefix(a.found, "Heuristics.Limits.") {
		return "limit.clamd"
	}
	return "virus.clamd"
}

func TestReplies(t *testing.T) {
	long := strings.Repeat("x", maxReply)
	for _, c := range []answer{
		{"stream: OK\x00", "", ""},
		{"fd[12]: OK\x00", "", ""},
		{"stream: Win.Test.EICAR_HDB-1 FOUND\x00", "Win.Test.EICAR_HDB-1", ""},
		{"stream: Name With Blanks: and(more:3) FOUND\x00", "Name With Blanks: and(more:3)", ""},
		{"fd[9]: Heuristics.Limits.Exceeded.MaxFileSize FOUND\x00", "Heuristics.Limits.Exceeded.MaxFileSize", ""},
		{"stream: A\n\x1b[2JB FOUND\x00", `A\n\x1b[2JB`, ""},
		{"INSTREAM size limit exceeded. ERROR\x00", "", "StreamMaxLength: this message has 4 bytes, raise it in clamd.conf"},
		{"fd[9]: Not a regular file ERROR\x00", "", `says "fd[9]: Not a regular file ERROR"`},
		{"stream: OK ERROR\x00", "", "ERROR"},
		{"stream: X FOUND ERROR\x00", "", "ERROR"},
		{"", "", "closed without an answer"},
		{"stream: OK", "", "closed without an answer"},
		{"stream: OK\n", "", "closed without an answer"},
		{"stream: X FOUND", "", "closed without an answer"},
		{"\x00", "", "no verdict"},
		{"OK\x00", "", "no verdict"},
		{": OK\x00", "", "no verdict"},
		{"stream: ok\x00", "", "no verdict"},
		{"stream: OKAY\x00", "", "no verdict"},
		{"stream: NOT OK\x00", "", "no verdict"},
		{"a: b: OK\x00", "", "no verdict"},
		{"stream:  FOUND\x00", "", "no verdict"},
		{"stream: FOUND\x00", "", "no verdict"},
		{"stream: X FOUND\n\x00", "", "no verdict"},
		{"UNKNOWN COMMAND\x00", "", "no verdict"},
		{"\xff\xfe\n\r: \x00", "", "no verdict"},
		{"stream: OK\x00stream: X FOUND\x00", "", "more than one reply"},
		{"stream: OK\x00\x00", "", "more than one reply"},
		{long[:maxReply-len("stream:  FOUND")-1], "", "closed without"},
		{"stream: " + long + " FOUND\x00", "", "more than 8192 bytes"},
		{strings.Repeat(long, 128), "", "more than 8192 bytes"},
	} {
		at := serve(t, say(c.reply))
		for _, m := range []*scan.Message{inMemory("mail"), inFile(t, "mail")} {
			findings, err := end(t, t.Context(), NewClamd(at, 10*time.Second), m)
			switch {
			case c.err != "":
				wantError(t, findings, err, c.err)
			case err != nil || (len(findings) == 1) != (c.found != ""):
				t.Errorf("%.40q: %v, %v", c.reply, findings, err)
			case c.found != "" && (findings[0].Rule != c.rule() || findings[0].Note != c.found):
				t.Errorf("%.40q: %+v", c.reply, findings[0])
			}
		}
	}
}

// The reply in pieces of one byte is the same reply.
func TestReplySlowly(t *testing.T) {
	at := serve(t, func(conn *net.UnixConn) {
		take(conn)
		for _, b := range []byte("stream: X FOUND\x00") {
			conn.Write([]byte{b})
		}
	})
	findings, err := end(t, t.Context(), NewClamd(at, 10*time.Second), inMemory("mail"))
	if err != nil || len(findings) != 1 || findings[0].Note != "X" {
		t.Errorf("%v, %v", findings, err)
	}
}

// clamd gets the message and nothing more, by the way that fits.
func TestWhatIsSent(t *testing.T) {
	type got struct{ command, content string }
	sent := make(chan got, 1)
	at := serve(t, func(conn *net.UnixConn) {
		command, content, err := take(conn)
		if err != nil {
			t.Error(err)
		}
		sent <- got{command, content}
		io.WriteString(conn, "x: OK\x00")
	})
	big := strings.Repeat("0123456789abcdef", 10*chunkSize/16) + "end"
	spool := func(text string) *scan.Message {
		s := scan.EmptySpool(1<<30, 1<<20, nil)
		t.Cleanup(func() { s.Close() })
		if _, err := io.WriteString(s, text); err != nil {
			t.Fatal(err)
		}
		return &scan.Message{Content: s, Size: s.Size()}
	}
	grown := inFile(t, big+"more")
	grown.Size -= 4
	seen := inFile(t, big)
	io.ReadAll(seen.Content.(io.Reader))
	huge := strings.Repeat(big, 2)
	for _, c := range []struct {
		name, command, content string
		m                      *scan.Message
	}{
		{"empty", "zINSTREAM", "", inMemory("")},
		{"small", "zINSTREAM", "mail", inMemory("mail")},
		{"one chunk", "zINSTREAM", big[:chunkSize], inMemory(big[:chunkSize])},
		{"chunks", "zINSTREAM", big[:2*chunkSize], inMemory(big[:2*chunkSize])},
		{"chunks and a rest", "zINSTREAM", big, inMemory(big)},
		{"a part of a reader", "zINSTREAM", big[5:], &scan.Message{Content: io.NewSectionReader(strings.NewReader(big), 5, 1<<40), Size: int64(len(big)) - 5}},
		{"file", "zFILDES", big, inFile(t, big)},
		{"file at its end", "zFILDES", big, seen},
		{"empty file", "zFILDES", "", inFile(t, "")},
		{"file with more in it", "zINSTREAM", big, grown},
		{"spool in memory", "zFILDES", big, spool(big)},
		{"spool in a file", "zFILDES", huge, spool(huge)},
	} {
		if findings, err := end(t, t.Context(), NewClamd(at, 10*time.Second), c.m); err != nil || len(findings) > 0 {
			t.Errorf("%s: %v, %v", c.name, findings, err)
		}
		if g := <-sent; g.command != c.command+"\x00" || g.content != c.content {
			t.Errorf("%s: sent %q and %d bytes", c.name, g.command, len(g.content))
		}
	}
}

// Nobody there, nobody who answers, and a reply before the question.
func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	address := func(name string) rules.Address { return rules.Address{Network: "unix", Name: filepath.Join(dir, name)} }
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "left"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	silent := serve(t, func(conn *net.UnixConn) { io.Copy(io.Discard, conn) })
	deaf := serve(t, func(conn *net.UnixConn) { conn.SetDeadline(time.Time{}); <-t.Context().Done() })
	closes := serve(t, func(*net.UnixConn) {})
	hasty := serve(t, func(conn *net.UnixConn) { io.WriteString(conn, "stream: OK\x00") })
	tooMuch := serve(t, func(conn *net.UnixConn) {
		conn.Read(make([]byte, 64))
		io.WriteString(conn, sizeLimit+"\x00")
	})
	big := strings.Repeat("x", 8<<20)
	for _, c := range []struct {
		name string
		at   rules.Address
		m    *scan.Message
		want string
	}{
		{"missing", address("missing"), inMemory("mail"), "missing: no such file or directory"},
		{"a file", address("file"), inMemory("mail"), "connection refused"},
		{"nobody listens", address("left"), inMemory("mail"), "connection refused"},
		{"name too long", address(strings.Repeat("x", 200)), inMemory("mail"), "invalid argument"},
		{"silent", silent, inMemory("mail"), "no answer in time"},
		{"silent, file", silent, inFile(t, "mail"), "no answer in time"},
		{"deaf", deaf, inMemory(big), "no answer in time"},
		{"closes", closes, inMemory(big), ""},
		{"closes, file", closes, inFile(t, "mail"), ""},
		{"answers before the message", hasty, inMemory(big), "answers before it has the message"},
		{"refuses in the middle", tooMuch, inMemory(big), "StreamMaxLength: this message has 8388608 bytes"},
		{"message shorter than said", silent, &scan.Message{Content: strings.NewReader("mail"), Size: 5}, "cannot be read past byte 4: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings, err := end(t, t.Context(), NewClamd(c.at, 200*time.Millisecond), c.m)
			wantError(t, findings, err, c.want)
			if err != nil && !strings.HasPrefix(err.Error(), "clamd unix:"+c.at.Name+": ") {
				t.Errorf("does not name the address: %v", err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	findings, err := end(t, ctx, NewClamd(silent, time.Hour), inMemory("mail"))
	wantError(t, findings, err, "no answer in time")
}

// A resident process asks maxQuestions at a time; the others wait in their own
// time.
func TestTurns(t *testing.T) {
	var now, most atomic.Int32
	full, release := make(chan struct{}), make(chan struct{})
	at := serve(t, func(conn *net.UnixConn) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == maxQuestions {
			close(full)
		}
		<-release
		say("stream: OK\x00")(conn)
	})
	c := NewClamd(at, 20*time.Second)
	var asking sync.WaitGroup
	for range maxQuestions {
		asking.Go(func() {
			if findings, err := end(t, t.Context(), c, inMemory("mail")); err != nil || len(findings) > 0 {
				t.Errorf("%v, %v", findings, err)
			}
		})
	}
	<-full
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	findings, err := end(t, ctx, c, inMemory("mail"))
	wantError(t, findings, err, "no answer in time")
	close(release)
	asking.Wait()
	if most.Load() != maxQuestions {
		t.Errorf("%d connections at a time", most.Load())
	}
}

func TestNew(t *testing.T) {
	at := serve(t, say("stream: OK ERROR\x00"))
	found := serve(t, say("stream: X FOUND\x00"))
	for _, c := range []struct {
		name     string
		rules    rules.Virus
		findings string // rules, in order
		errors   int
		warnings string
	}{
		{"none", rules.Virus{}, "", 0, ""},
		{"clamd in trouble", rules.Virus{Clamd: at}, "", 1, ""},
		{"both, command finds", rules.Virus{Clamd: at, Command: []string{"false"}, Found: 1}, "virus.command", 1, ""},
		{"both find", rules.Virus{Clamd: found, Command: []string{"false"}, Found: 1}, "virus.clamd virus.command", 0, ""},
		{"accept", rules.Virus{Clamd: at, Command: []string{"sh", "-c", "exit 2"}, Found: 1, Failure: "accept"}, "", 0, "accepted unscanned: clamd ; accepted unscanned: virus.command: sh: exit 2"},
		{"accept, found", rules.Virus{Clamd: found, Command: []string{"/nonexistent/x"}, Found: 1, Failure: "accept"}, "virus.clamd", 0, "accepted unscanned: virus.command: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rules.Timeout = rules.Duration(10 * time.Second)
			var findings, warnings []string
			failed := 0
			for _, s := range New(c.rules, func(err error) { warnings = append(warnings, err.Error()) }) {
				list, err := end(t, t.Context(), s, inMemory("mail"))
				for _, f := range list {
					findings = append(findings, f.Rule)
				}
				if err != nil {
					failed++
				}
			}
			if got := strings.Join(findings, " "); got != c.findings || failed != c.errors {
				t.Errorf("findings %q, %d errors", got, failed)
			}
			for i, want := range strings.Split(c.warnings, "; ") {
				if c.warnings != "" && (i >= len(warnings) || !strings.HasPrefix(warnings[i], want)) {
					t.Errorf("warnings %q", warnings)
				}
			}
			if c.warnings == "" && len(warnings) > 0 {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// Whatever a server says: clean only by ": OK", found only by " FOUND".
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"stream: OK\x00", "fd[1]: X FOUND\x00", sizeLimit + "\x00", "\x00", "a: b: OK\x00", "stream: OK\x00x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := readReply(bytes.NewReader(data))
		if err != nil {
			return
		}
		if strings.Contains(text, "\x00") || len(text) != len(data)-1 || len(data) > maxReply {
			t.Fatalf("%q read from %q", text, data)
		}
		name, err := parseReply(text)
		switch {
		case err == nil && name == "" && !strings.HasSuffix(text, ": OK"),
			err == nil && name != "" && !strings.HasSuffix(text, name+" FOUND"),
			err != nil && name != "",
			err != nil && strings.Contains(err.Error(), "\n"):
			t.Fatalf("%q: %q, %v", text, name, err)
		}
	})
}
