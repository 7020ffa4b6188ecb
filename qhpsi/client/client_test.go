package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// answers is a qguardd that says the same to everybody, and what it was asked.
func answers(t *testing.T, answer string) (at rules.Address, asked <-chan string) {
	t.Helper()
	at = rules.Address{Network: "unix", Name: filepath.Join(t.TempDir(), "s")}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at.Name, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	to := make(chan string, 10)
	go func() {
		for {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			to <- question(conn)
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return at, to
}

// question reads a command and the file that is passed with it.
func question(conn *net.UnixConn) string {
	text, oob := make([]byte, 4096), make([]byte, 64)
	n, o, _, _, err := conn.ReadMsgUnix(text, oob)
	if err != nil {
		return err.Error()
	}
	list, err := syscall.ParseSocketControlMessage(oob[:o])
	if err != nil || len(list) != 1 {
		return "no descriptor"
	}
	fds, err := syscall.ParseUnixRights(&list[0])
	if err != nil {
		return err.Error()
	}
	f := os.NewFile(uintptr(fds[0]), "")
	defer f.Close()
	content, _ := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	return string(text[:n]) + string(content)
}

func spool(t *testing.T, text string) *scan.Spool {
	t.Helper()
	s, err := scan.NewSpool(strings.NewReader(text), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// judge asks with the rules of text about a message.
func judge(t *testing.T, at rules.Address, change func(*rules.Config), beside ...scan.Scanner) (v scan.Verdict, warned string) {
	t.Helper()
	c := rules.Default()
	c.Daemon.Socket = at
	if change != nil {
		change(c)
	}
	var warnings []error
	j, err := New(c, func(err error) { warnings = append(warnings, err) }, beside...)
	if err != nil {
		t.Fatal(err)
	}
	if asks, ok := j.(*Client); ok {
		asks.Timeout = 5 * time.Second
	}
	s := spool(t, "Subject: x\n\ntext\n")
	sender := "a b@example.org"
	v = j.Scan(t.Context(), &scan.Message{Content: s, Size: s.Size(), Envelope: rules.Envelope{Sender: &sender, Outgoing: true}, User: "jdoe"})
	if err := errors.Join(warnings...); err != nil {
		warned = err.Error()
	}
	return v, warned
}

func TestAsk(t *testing.T) {
	at, asked := answers(t, `{"findings":[{"rule":"xfile.macro","part":"1","note":"n","action":"tag"}]}`+"\x00")
	reject := rules.Reject
	v, _ := judge(t, at, func(c *rules.Config) {
		c.Policy = rules.Policy{{Rule: "xfile.macro", Sender: "example.org", Action: &reject, Text: "no"}}
	})
	if want, got := "zQGUARD answer=json&outgoing=1&sender=a+b%40example.org&user=jdoe\x00Subject: x\n\ntext\n", <-asked; got != want {
		t.Errorf("asked %q\nwant  %q", got, want)
	}
	if v.Err != nil || len(v.Findings) != 1 || v.Findings[0].Action != rules.Reject || v.Findings[0].Text != "no" {
		t.Errorf("%+v", v)
	}
}

// What is no answer is no verdict.
func TestDoubt(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                     "connection closed without an answer",
		"{\"findings\":[]}":                    "cut off",
		"{\"findings\":[\x00":                  "not an answer",
		"fd[9]: OK\x00":                        "not an answer",
		"stream: too busy ERROR\x00":           "stream: too busy ERROR",
		"UNKNOWN COMMAND\x00":                  "not an answer",
		`{"findings":[],"error":"x"}` + "\x00": "qguardd: x",
		strings.Repeat("x", maxAnswer+2):       "cut off",
	} {
		at, _ := answers(t, answer)
		v, _ := judge(t, at, nil)
		if v.State() != scan.Undecided || !strings.Contains(v.Err.Error(), want) {
			t.Errorf("%.40q: %v", answer, v)
		}
	}
}

// found is a scanner that finds something.
type found struct{}

func (found) Begin(*scan.Message) scan.Look          { return found{} }
func (found) Part(context.Context, *scan.Part) error { return nil }
func (found) End(context.Context) ([]scan.Finding, error) {
	return []scan.Finding{{Rule: "virus.qhpsi"}}, nil
}

// A daemon that is down makes the verdict undecided, unless the rules have a
// fallback; what else looks here looks in either case.
func TestDown(t *testing.T) {
	nobody := rules.Address{Network: "unix", Name: filepath.Join(t.TempDir(), "s")}
	if v, _ := judge(t, nobody, nil); v.State() != scan.Undecided || !strings.Contains(v.Err.Error(), "qguardd cannot be reached: ") {
		t.Error(v)
	}
	v, warned := judge(t, nobody, func(c *rules.Config) { c.Daemon.Fallback = true })
	if v.State() != scan.Clean || !strings.HasPrefix(warned, "judging without it: ") {
		t.Error(v, warned)
	}
	if v, _ := judge(t, nobody, nil, found{}); v.State() != scan.Found || v.Err == nil {
		t.Error(v)
	}
	v, _ = judge(t, nobody, func(c *rules.Config) { c.Daemon.Fallback = true }, found{})
	if v.State() != scan.Found || len(v.Findings) != 1 {
		t.Error(v)
	}
	at, _ := answers(t, `{"findings":[]}`+"\x00")
	if v, _ := judge(t, at, nil, found{}); v.State() != scan.Found || v.Err != nil {
		t.Error(v)
	}
}

// A daemon that never answers is given up, and asking ends with the context.
func TestSilent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &Client{Address: rules.Address{Network: "unix", Name: path}, Timeout: 50 * time.Millisecond}
	s := spool(t, "a: b\n\n")
	if v := c.Scan(t.Context(), &scan.Message{Content: s, Size: s.Size()}); v.State() != scan.Undecided || !strings.Contains(v.Err.Error(), "no answer in time") {
		t.Error(v)
	}
}

// A message in a file is passed as it is, also a large one of a spool.
func TestDescriptor(t *testing.T) {
	at, asked := answers(t, `{"findings":[]}`+"\x00")
	c := &Client{Address: at, Timeout: 5 * time.Second}
	large := "Subject: x\n\n" + strings.Repeat("text\n", 1<<18)
	s := spool(t, large)
	name := filepath.Join(t.TempDir(), "m")
	if err := os.WriteFile(name, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	io.Copy(io.Discard, bufio.NewReader(f)) // wherever it stands
	for _, content := range []io.ReaderAt{s, f} {
		if v := c.Scan(t.Context(), &scan.Message{Content: content, Size: int64(len(large))}); v.State() != scan.Clean {
			t.Error(v)
		}
		if _, got, _ := strings.Cut(<-asked, "\x00"); !strings.HasPrefix(large, got) || len(got) != 1<<20 {
			t.Errorf("%d bytes", len(got))
		}
	}
	if v := c.Scan(t.Context(), &scan.Message{Content: bytes.NewReader(nil)}); v.State() != scan.Undecided {
		t.Error(v)
	}
}

func TestCheck(t *testing.T) {
	c := rules.Default()
	if note, err := Check(t.Context(), c); note != "" || err != nil {
		t.Error(note, err)
	}
	c.Daemon.Socket, _ = answers(t, `{"findings":[]}`+"\x00")
	if note, err := Check(t.Context(), c); !strings.HasSuffix(note, " ms; without it mail waits") || err != nil {
		t.Error(note, err)
	}
	c.Daemon.Socket, _ = answers(t, `{"findings":[],"error":"no disk"}`+"\x00")
	if _, err := Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), "cannot judge: qguardd: no disk") {
		t.Error(err)
	}
	c.Daemon.Socket.Name += ".none"
	if _, err := Check(t.Context(), c); err == nil || !strings.HasSuffix(err.Error(), "no such file or directory: is it running?") {
		t.Error(err)
	}
}
