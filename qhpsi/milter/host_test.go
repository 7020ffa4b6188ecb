package milter

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// A house is a host whose engine is the real one. A message with the line
// "undecided" in it cannot be judged, one with "panic" makes the judge panic.
type house struct {
	addr  string
	spool func() *scan.Spool // nil = an honest one

	mu     sync.Mutex
	rules  *rules.Config
	engine *scan.Engine
	log    []respond.Record
	judged []judged
}

// judged is what the engine was given.
type judged struct {
	text     string
	envelope rules.Envelope
	user     string
}

func (h *house) Rules() *rules.Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rules
}

func (h *house) Spool() *scan.Spool {
	if h.spool != nil {
		return h.spool()
	}
	return scan.EmptySpool(int64(h.Rules().Limit.Size), 64<<10, nil)
}

func (h *house) Log(r respond.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, r)
}

func (h *house) Scan(ctx context.Context, m *scan.Message) scan.Verdict {
	text := make([]byte, m.Size)
	m.Content.ReadAt(text, 0)
	h.mu.Lock()
	h.judged = append(h.judged, judged{string(text), m.Envelope, m.User})
	engine := h.engine
	h.mu.Unlock()
	switch {
	case bytes.Contains(text, []byte("\nundecided\n")):
		return scan.Verdict{Err: errors.New("scanner down")}
	case bytes.Contains(text, []byte("\npanic\n")):
		panic("at the judge's")
	}
	return engine.Scan(ctx, m)
}

// take returns and forgets the log and what was judged.
func (h *house) take() ([]respond.Record, []judged) {
	h.mu.Lock()
	defer h.mu.Unlock()
	log, seen := h.log, h.judged
	h.log, h.judged = nil, nil
	return log, seen
}

// byRecipient has an action for each recipient.
const byRecipient = `
[[policy]]
recipient = "pass@example.org"
action = "pass"
[[policy]]
recipient = "tag@example.org"
action = "tag"
[[policy]]
recipient = "hold@example.org"
action = "hold"
[[policy]]
recipient = "replace@example.org"
action = "replace"
[[policy]]
recipient = "discard@example.org"
action = "discard"
[[policy]]
recipient = "defer@example.org"
action = "defer"
[[policy]]
recipient = "text@example.org"
action = "reject"
text = "100% no programs (#5.7.9)"
`

// newHouse starts a server on loopback that ends with the test.
func newHouse(t *testing.T, toml string) *house {
	t.Helper()
	h := &house{}
	h.obey(t, toml)
	h.listen(t, &Server{Host: h})
	return h
}

// listen serves on loopback until the test ends.
func (h *house) listen(t testing.TB, s *Server) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	h.on(t, ln, s)
}

// obey gives the house new rules and an empty quarantine.
func (h *house) obey(t testing.TB, toml string) {
	t.Helper()
	c, err := rules.Parse("test.toml", toml)
	if err != nil {
		t.Fatal(err)
	}
	if c.Quarantine.Path == rules.Default().Quarantine.Path {
		c.Quarantine.Path = t.TempDir() + "/q"
	}
	engine, err := qhpsi.New(c, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules, h.engine, h.log, h.judged = c, engine, nil, nil
}

// on serves a listener until the test ends.
func (h *house) on(t testing.TB, ln net.Listener, s *Server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
	})
}

// peerAddr is the address as mail servers write it.
func (h *house) peerAddr() string {
	host, port, _ := net.SplitHostPort(h.addr)
	return "inet:" + host + ":" + port
}

// held are the messages in the quarantine and their texts.
func (h *house) held(t *testing.T) (list []respond.Held, texts []string) {
	t.Helper()
	path := h.Rules().Quarantine.Path
	if strings.HasPrefix(path, "/dev/") {
		return nil, nil
	}
	list, err := respond.Quarantine{Path: path}.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, held := range list {
		text, err := os.ReadFile(filepath.Join(path, "new", held.ID))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return list, texts
}

// program is a mail with an unsafe file.
const program = "From: a@example.org\nTo: b@example.org\nSubject: a file\nMessage-ID: <1@example.org>\n" +
	"Date: Sat, 21 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=a.exe\n" +
	"Content-Disposition: attachment;\n\tfilename=a.exe\nContent-Transfer-Encoding: base64\n\nTVo=\n"

// clean is one without.
const clean = "From: a@example.org\nTo: b@example.org\nSubject:  two blanks\n and a fold\nMessage-ID: <2@example.org>\n" +
	"Date:Sat, 21 Nov 2026 12:00:00 +0000\n\nAt noon?\n\n.a dot\n\xff\xfe not ASCII, a CR \r and the end\n"

func needPeer(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: run scripts/setup-test", what)
	}
	t.Skipf("no %s: run scripts/setup-test", what)
}
