package daemon

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// start makes a daemon with rules from a file of text.
func start(t *testing.T, text string) (d *Daemon, conf string, log *lines) {
	t.Helper()
	conf = filepath.Join(t.TempDir(), "q.toml")
	write(t, conf, text)
	c, err := rules.Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	log = new(lines)
	d, err = New(conf, c, log)
	if err != nil {
		t.Fatal(err)
	}
	return d, conf, log
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func message(text string) *scan.Message {
	return &scan.Message{Content: strings.NewReader(text), Size: int64(len(text))}
}

const program = "Subject: x\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=a.exe\n\nx\n"

func TestReload(t *testing.T) {
	d, conf, log := start(t, "")
	if v := d.Scan(t.Context(), message(program)); v.State() != scan.Found {
		t.Fatal(v)
	}
	write(t, conf, "[xfile]\nallow = [\"exe\"]\n[daemon]\nmemory = \"1G\"\n")
	if err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	if v := d.Scan(t.Context(), message(program)); v.State() != scan.Clean {
		t.Error("the new rules do not count:", v)
	}
	if got := d.Rules().Daemon.Memory; got != rules.Default().Daemon.Memory {
		t.Error("memory changed without a start:", got)
	}
	for _, bad := range []string{"[xfile]\nallow = 1\n", "[daemon]\nlog = \"/nonexistent/log\"\n"} {
		write(t, conf, bad)
		if err := d.Reload(); err == nil || !strings.Contains(err.Error(), "the old rules stay") {
			t.Error(bad, err)
		}
		if v := d.Scan(t.Context(), message(program)); v.State() != scan.Clean {
			t.Error("the old rules went:", v)
		}
	}
	os.Remove(conf)
	if err := d.Reload(); err == nil {
		t.Error("a missing file was read")
	}
	if n := strings.Count(log.String(), "error=\"reload: the old rules stay"); n != 3 {
		t.Errorf("%d errors logged: %s", n, log)
	}
}

// A list of users that changes is read again, without a reload.
func TestRefresh(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "users")
	write(t, users, "jdoe\n")
	write(t, filepath.Join(dir, "shadow"), "jdoe:$5$rounds=1000$salt$x\n")
	d, _, _ := start(t, `[credential]
users = "`+users+`"
authenticator = ["passwd-file", "`+dir+`/shadow"]
[cache]
path = "`+dir+`/c.db"
`)
	before := d.now.Load()
	d.Refresh()
	if d.now.Load() != before {
		t.Error("built anew for nothing")
	}
	write(t, users, "jdoe\nasmith\n")
	d.Refresh()
	if d.now.Load() == before {
		t.Error("the list changed and was not read")
	}
	before = d.now.Load()
	os.Remove(users)
	d.Refresh()
	if d.now.Load() != before {
		t.Error("a list that is gone took the old one with it")
	}
}

// stuck is a scanner that waits for its test.
type stuck struct{ in, out chan struct{} }

func (s stuck) Begin(*scan.Message) scan.Look          { return s }
func (s stuck) Part(context.Context, *scan.Part) error { return nil }
func (s stuck) End(context.Context) ([]scan.Finding, error) {
	s.in <- struct{}{}
	<-s.out
	return nil, nil
}

// With every turn taken a message is undecided in time, and alive tells that
// nothing ends.
func TestTurns(t *testing.T) {
	d, _, _ := start(t, "[daemon]\nanswer = \"150ms\"\nmemory = \"64M\"\n")
	if got := d.Load().Turns; got != 1 {
		t.Fatal("turns", got)
	}
	if !d.Alive(t.Context()) {
		t.Error("not alive with nothing to do")
	}
	s := stuck{make(chan struct{}), make(chan struct{})}
	d.now.Load().engine.Scanners = []scan.Scanner{s}
	verdict := make(chan scan.Verdict)
	go func() { verdict <- d.Scan(context.Background(), message("a: b\n\n")) }()
	<-s.in
	if l := d.Load(); l.Scanning != 1 {
		t.Error(l)
	}
	if v := d.Scan(t.Context(), message("a: b\n\n")); v.State() != scan.Undecided || !errors.Is(v.Err, errNoTurn) {
		t.Error("not undecided:", v)
	}
	if d.Alive(t.Context()) {
		t.Error("alive with every turn stuck")
	}
	close(s.out)
	if v := <-verdict; !errors.Is(v.Err, errLate) || len(v.Findings) > 0 {
		t.Error("a verdict that came too late:", v)
	}
}

// A finding stands although the time ran out; that it did is not the message's.
func TestLate(t *testing.T) {
	got := withoutTime([]scan.Finding{{Rule: "xfile.name"}, {Rule: "limit.time"}})
	if len(got) != 1 || got[0].Rule != "xfile.name" {
		t.Error(got)
	}
}

func TestSpool(t *testing.T) {
	d, _, _ := start(t, "[limit]\nsize = \"300K\"\n[daemon]\nspool_size = \"300K\"\n")
	a, b := d.Spool(), d.Spool()
	piece := bytes.Repeat([]byte("x"), 100<<10)
	for range 3 {
		if _, err := a.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Write(piece); !errors.Is(err, scan.ErrTooLong) {
		t.Error("over the limit:", err)
	}
	if _, err := b.Write(piece); !errors.Is(err, errSpoolFull) {
		t.Error("over the room:", err)
	}
	a.Close()
	if _, err := b.Write(piece); err != nil {
		t.Error("room was not given back:", err)
	}
	b.Close()
	if got := d.Load().Spooled; got != 0 {
		t.Error("left over:", got)
	}
}

func TestMetrics(t *testing.T) {
	d, _, log := start(t, "")
	v := d.Scan(t.Context(), message(program))
	d.Log(respond.Record{ID: "i", Door: "clamd", Recipients: -1, Judged: true, Verdict: v, Answer: "x"})
	d.Log(respond.Record{Note: "started"})
	var b strings.Builder
	d.WriteMetrics(&b)
	for _, want := range []string{
		`qguard_messages_total{door="clamd",verdict="found"} 1`, `qguard_findings_total{rule="xfile.name"} 1`,
		"qguard_scan_seconds_count 1", "qguard_scanning 0", "qguard_memory_bytes ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	if !strings.Contains(log.String(), "qguardd: note=started\n") {
		t.Error(log)
	}
}
