package clamd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMboxLine(t *testing.T) {
	for _, c := range []struct {
		in     string
		n      int64
		sender string
	}{
		{"From a@b Sun Nov 22 02:20:49 2026\nSubject: x\n", 34, "a@b"},
		{"From a@b Sun Nov  2 02:20:49 2026\r\nSubject: x\n", 35, "a@b"},
		{"From \"a b\"@c Sun Nov 22 02:20:49 2026\n", 38, `"a b"@c`},
		{"From MAILER-DAEMON Sun Nov 22 02:20:49 2026\n", 44, ""},
		{"From MAILER-DAEMON Sun Nov 22 02:20:49 2026\nX-Envelope-From: <a@b>\nX-Envelope-To: c@d\nReceived: x\n", 44, "a@b"},
		{"From MAILER-DAEMON Sun Nov 22 02:20:49 2026\r\nX-Envelope-From: <\"a b\"@c>\r\n", 45, `"a b"@c`},
		{"From MAILER-DAEMON Sun Nov 22 02:20:49 2026\nX-Envelope-To: c@d\nReceived: x\nX-Envelope-From: <a@b>\n", 44, ""},
		{"From x@y Sun Nov 22 02:20:49 2026\nX-Envelope-From: <a@b>\n", 34, "x@y"},
		{"From a@b something else\n", 24, "a@b"},
		{"From a@b\n", 9, "a@b"},
		{"From \n", 6, ""},
		{"From a@b Sun Nov 22 02:20:49 2026", 0, ""},
		{"From: a@b\n", 0, ""},
		{">From a@b\n", 0, ""},
		{"from a@b\n", 0, ""},
		{"", 0, ""},
		{"\n", 0, ""},
		{"From " + strings.Repeat("x", longestMbox) + "\n", 0, ""},
	} {
		n, sender := mboxLine(strings.NewReader(c.in), int64(len(c.in)))
		if n != c.n || sender != c.sender {
			t.Errorf("%.50q: %d, %q; want %d, %q", c.in, n, sender, c.n, c.sender)
		}
	}
}

// FuzzCommand: what a command is depends on no byte behind its end, and on no
// other way of cutting the input.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"PING\n", "zPING\x00", "nSCAN /x\r\n", "\x00", "zQGUARD sender=a\x00", "n\n", "zSCAN \x00", "nSCAN a\x00b\n", "x", "z\n\x00"} {
		f.Add([]byte(s), []byte("nPING\n"))
	}
	f.Fuzz(func(t *testing.T, data, behind []byte) {
		cmd, n := next(data)
		if n == 0 {
			if cmd != (command{}) {
				t.Fatalf("%q: %v without an end", data, cmd)
			}
			return
		}
		if n > len(data) || len(cmd.name)+len(cmd.argument) > n {
			t.Fatalf("%q: %d bytes, %v", data, n, cmd)
		}
		for i := range n {
			if _, early := next(data[:i]); early > 0 && early < n {
				t.Fatalf("%q: ends at %d already", data, early)
			}
		}
		if again, m := next(append(slices.Clone(data[:n]), behind...)); again != cmd || m != n {
			t.Fatalf("%q: %v of %d bytes, was %v of %d", data, again, m, cmd, n)
		}
		if strings.Contains(cmd.name, " ") || cmd.end == '\n' && strings.Contains(cmd.argument, "\n") || cmd.end == 0 && strings.Contains(cmd.argument, "\x00") {
			t.Fatalf("%q: %v", data, cmd)
		}
		for _, session := range []bool{false, true} {
			if cmd.known(session, true) && (session && cmd.old || strings.Contains(cmd.argument, "\x00") || strings.ToUpper(cmd.name) != cmd.name) {
				t.Fatalf("%q: is a command, in session %v", data, session)
			}
		}
	})
}

// script is a connection whose client sends data in pieces, then nothing more.
type script struct {
	data  []byte
	piece int
	out   bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.data[:min(s.piece, len(s.data))])
	s.data = s.data[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return nil }
func (s *script) RemoteAddr() net.Addr             { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// FuzzConversation has the same answers however the input is cut, each a whole
// line, and a judgement of what was sent only.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"PING", "zINSTREAM\x00" + stream(badMail), "nINSTREAM\n" + chunks(cleanMail, 3), "zINSTREAM\x00" + length(1<<31),
		"zIDSESSION\x00zPING\x00zINSTREAM\x00" + stream(badMail) + "nVERSION\nzEND\x00", "zIDSESSION\x00zFILDES\x00x",
		"nIDSESSION\nnINSTREAM\n" + length(5) + "ab", "nSCAN /nowhere\n", "z" + strings.Repeat("x", maxLine), "zIDSESSION\x00PING\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first string
		for _, piece := range []int{1 << 20, 7, 1} {
			h := newHouse()
			h.config.Limit.Size = 512
			s := &script{data: slices.Clone(data), piece: piece}
			(&Server{Host: h, Version: "v"}).newConn(s, false).run(t.Context())
			out := s.out.String()
			if out != "" && out[len(out)-1] != 0 && out[len(out)-1] != '\n' {
				t.Fatalf("%q: %q ends nowhere", data, out)
			}
			for _, m := range h.messages {
				if m.Size > 512 || m.Size > int64(len(data)) {
					t.Fatalf("%q: judged %d bytes", data, m.Size)
				}
			}
			if said := strings.Count(out, "stream: "); said != len(h.messages) {
				t.Fatalf("%q: %d answers, %d judged", data, said, len(h.messages))
			}
			out = plain(out)
			if piece == 1<<20 {
				first = out
			}
			if out != first {
				t.Fatalf("%q: %q, in pieces of %d %q", data, first, piece, out)
			}
		}
	})
}

// TestLines has an answer for every state, in at most 128 bytes with the
// subject, and without a word of the message, the configuration or a user.
func TestLines(t *testing.T) {
	for _, c := range []struct{ mail, undecided, want string }{
		{cleanMail, "error", "OK"},
		{tagMail, "error", "OK"},
		{badMail, "error", "QGuard.Virus.One FOUND"},
		{badMail + deferMail + downMail, "error", "QGuard.Virus.One FOUND"},
		{downMail, "error", "could not be checked, try again later ERROR"},
		{deferMail, "error", "not decided (QGuard.Credential.Undecided) ERROR"},
		{downMail, "limits", "Heuristics.Limits.Exceeded.QGuard FOUND"},
		{deferMail, "limits", "Heuristics.Limits.Exceeded.QGuard FOUND"},
	} {
		dir := t.TempDir()
		path := write(t, dir+"/m", c.mail)
		h := newHouse(dir)
		h.config.Daemon.Undecided = "limits"
		if c.undecided == "error" {
			h.config.Daemon.Undecided = "error"
		}
		p := serve(t, &Server{Host: h})
		file := open1(t, path)
		for _, got := range []string{
			p.ask(t, "zINSTREAM\x00", stream(c.mail)),
			p.ask(t, "zSCAN "+path+"\x00"), p.ask(t, "zCONTSCAN "+path+"\x00"), p.ask(t, "zMULTISCAN "+path+"\x00"), p.ask(t, "zALLMATCHSCAN "+path+"\x00"),
			p.ask(t, "zFILDES\x00", fds{"x", []int{file}}),
			p.ask(t, "zIDSESSION\x00zINSTREAM\x00", stream(c.mail), "zEND\x00"),
		} {
			if !strings.HasSuffix(got, ": "+c.want+"\x00") || len(got)-len(path) > 100 || strings.Contains(got, "marker") || strings.Count(got, "\x00") != 1 {
				t.Errorf("%.40q: %q, want %q", c.mail, got, c.want)
			}
		}
		// Our own programs know what ERROR is.
		ours := c.want
		if c.undecided == "limits" {
			ours = "ERROR"
		}
		if got := p.ask(t, "zQGUARD \x00", fds{"x", []int{file}}); !strings.HasSuffix(got, ours+"\x00") {
			t.Errorf("%.40q: QGUARD %q, want %q", c.mail, got, ours)
		}
		if got := p.ask(t, "zCONTSCAN "+dir+"\x00"); c.want == "OK" && got != dir+": OK\x00" || c.want != "OK" && got != path+": "+c.want+"\x00" {
			t.Errorf("%.40q: directory %q", c.mail, got)
		}
		for _, r := range h.records() {
			want, _, _ := strings.Cut(c.want, " ")
			if strings.HasSuffix(c.want, "ERROR") || c.undecided == "limits" {
				want = "ERROR"
			}
			if !r.Judged || r.Answer != want || r.Door != "clamd" || r.ID == "" || r.Size != int64(len(c.mail)) {
				t.Errorf("%.40q: log %+v, want %s", c.mail, r, want)
			}
		}
		if n := len(h.records()); n != 9 {
			t.Errorf("%d log lines", n)
		}
	}
}

// TestLongestName is a reply that clamav-milter can take: 128 bytes.
func TestLongestName(t *testing.T) {
	name := found("virus." + strings.Repeat("x", 300))
	if reply := fmt.Sprintf("fd[%d]: %s FOUND\n", 999999, name); len(reply) > 128 {
		t.Errorf("%d bytes: %s", len(reply), reply)
	}
}
