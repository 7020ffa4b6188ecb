package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// finds is a scanner that answers at the end.
type finds func(context.Context) ([]scan.Finding, error)

func (f finds) Begin(*scan.Message) scan.Look                             { return f }
func (finds) Part(context.Context, *scan.Part) error                      { return nil }
func (f finds) End(ctx context.Context) (found []scan.Finding, err error) { return f(ctx) }

// always is that of one finding for every message.
func always(rule string) finds {
	return func(context.Context) ([]scan.Finding, error) { return []scan.Finding{{Rule: rule, Name: "a.exe"}}, nil }
}

// often answers whether a notice may be sent.
type often struct {
	ok  bool
	err error
}

func (o often) Spend([]byte, int, time.Duration) (bool, error) { return o.ok, o.err }

// A house is a door whose next program stores what it gets in files of dir, a
// message and its envelope in one, and exits 71 while a file "fail" is there
// and as many messages as it says are stored.
type house struct {
	*Door
	dir string
	log []respond.Record
}

func newHouse(t *testing.T, toml string, scanners ...scan.Scanner) *house {
	t.Helper()
	c, err := rules.Parse("test.toml", toml)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{dir: t.TempDir()}
	line := `n=$(ls got | wc -l); f=$(cat fail 2>/dev/null); test "$f" = $n && exit 71; cat >tmp && cat <&1 >>tmp && mv tmp got/$n`
	if err := os.Mkdir(h.dir+"/got", 0o700); err != nil {
		t.Fatal(err)
	}
	next := shell("cd " + h.dir + "; " + line)
	h.Door = &Door{
		Judge: &scan.Engine{Scanners: scanners, Policy: c.Policy}, Rules: c, Next: next,
		Reply:      Channel{reject: qhpsi.ExitRefused, max: 250},
		Quarantine: respond.Quarantine{Path: h.dir + "/q"},
		Notices:    often{ok: true},
		Log:        func(r respond.Record) { h.log = append(h.log, r) },
		Now:        time.Now,
	}
	return h
}

const mail = "Subject: a\n\nbody\n"

func (h *house) take(ctx context.Context, to ...string) int {
	return h.Run(ctx, strings.NewReader(mail), strings.NewReader(envelope("a@b", to...)))
}

func envelope(from string, to ...string) string {
	var b strings.Builder
	Envelope{from, to}.write(&b)
	return b.String()
}

// files lists what is in a directory of the house.
func (h *house) files(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(h.dir + "/" + pattern)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// expect compares how many messages were queued and held.
func (h *house) expect(t *testing.T, exit, wantExit, queued, held int) {
	t.Helper()
	q, n, m := len(h.files(t, "got/*")), len(h.files(t, "q/new/*")), len(h.files(t, "q/meta/*"))
	if exit != wantExit || q != queued || n != held || m != held || len(h.files(t, "q/tmp/*")) > 0 {
		t.Errorf("exit %d, queued %d, held %d described %d; want %d, %d, %d; %v", exit, q, n, m, wantExit, queued, held, h.log)
	}
}

const split = `
[[policy]]
recipient = "pass@x"
action = "pass"
[[policy]]
recipient = "tag@x"
action = "tag"
[[policy]]
recipient = "hold@x"
action = "hold"
[[policy]]
recipient = "replace@x"
action = "replace"
[[policy]]
recipient = "discard@x"
action = "discard"
[[policy]]
recipient = "defer@x"
action = "defer"
`

func TestActions(t *testing.T) {
	for _, c := range []struct {
		name, toml   string
		to           string
		fail         string // which delivery fails, from 0
		exit         int
		queued, held int
		action       rules.Action
	}{
		{"pass", "", "pass@x", "", 0, 1, 0, rules.Pass},
		{"tag and pass", "", "tag@x pass@x", "", 0, 2, 0, rules.Tag},
		{"hold", "", "hold@x", "", 0, 0, 1, rules.Hold},
		{"hold and pass", "", "hold@x pass@x", "", 0, 1, 1, rules.Hold},
		{"replace and pass", "", "replace@x pass@x", "", 0, 2, 1, rules.Replace},
		{"discard", "", "discard@x", "", 0, 0, 0, rules.Discard},
		{"reject", "", "pass@x other@x", "", 31, 0, 0, rules.Reject},
		{"reject and defer", "", "defer@x other@x", "", 31, 0, 0, rules.Reject},
		{"defer and hold", "", "hold@x defer@x", "", 71, 0, 0, rules.Defer},
		{"mixed", "[queue]\nmixed = 'hold'", "pass@x other@x", "", 0, 1, 1, rules.Hold},
		{"mixed, all reject", "[queue]\nmixed = 'hold'", "other@x more@x", "", 31, 0, 0, rules.Reject},
		{"first fails", "", "pass@x tag@x hold@x replace@x", "0", 71, 0, 0, rules.Hold},
		{"second fails", "", "pass@x tag@x hold@x", "1", 0, 1, 2, rules.Hold},
		{"third fails", "", "pass@x tag@x replace@x", "2", 0, 2, 1, rules.Replace},
		{"forward", "[quarantine]\nforward = 'k@x'", "hold@x", "", 0, 1, 1, rules.Hold},
		{"forward fails", "[quarantine]\nforward = 'k@x'", "hold@x", "0", 71, 0, 0, rules.Hold},
		{"forward fails after another", "[quarantine]\nforward = 'k@x'", "pass@x hold@x", "1", 0, 1, 1, rules.Hold},
		{"nobody", "", "", "", 31, 0, 0, rules.Reject},
		{"notice", "[notice]\nsend = true", "hold@x", "", 0, 1, 1, rules.Hold},
		{"notice fails", "[notice]\nsend = true", "hold@x", "0", 0, 0, 1, rules.Hold},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, c.toml+split, always("xfile.name"))
			if c.fail != "" {
				os.WriteFile(h.dir+"/fail", []byte(c.fail), 0o600)
			}
			exit := h.take(t.Context(), strings.Fields(c.to)...)
			h.expect(t, exit, c.exit, c.queued, c.held)
			if r := h.log[len(h.log)-1]; r.Action != c.action || r.Exit != exit {
				t.Errorf("logged %s, exit %d", r.Action, r.Exit)
			}
		})
	}
}

// TestQuarantineFull has the second group's copy fail: nothing is queued, nothing held.
func TestQuarantineFull(t *testing.T) {
	h := newHouse(t, split, always("xfile.name"))
	if err := os.MkdirAll(h.dir+"/q/new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.dir+"/q/meta", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"hold@x", "pass@x tag@x", "replace@x"} {
		if exit := h.take(t.Context(), strings.Fields(to)...); exit != qhpsi.ExitWrite {
			t.Errorf("%s: exit %d", to, exit)
		}
	}
	if len(h.files(t, "got/*")) > 0 || len(h.files(t, "q/new/*")) > 0 {
		t.Error("something is queued or held")
	}
}

// TestDoubt: what is not known is a temporary failure, and held is nothing.
func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		name string
		look finds
		ctx  func(context.Context) context.Context
		exit int
	}{
		{"trouble", func(context.Context) ([]scan.Finding, error) { return nil, errors.New("down") }, nil, 71},
		{"trouble and something to hold", func(context.Context) ([]scan.Finding, error) {
			return []scan.Finding{{Rule: "xfile.macro"}}, errors.New("down")
		}, nil, 71},
		{"trouble and something to refuse", func(context.Context) ([]scan.Finding, error) {
			return []scan.Finding{{Rule: "xfile.name"}}, errors.New("down")
		}, nil, 31},
		{"told to end, which is not limit.time", always("limit.time"), func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		}, 71},
		{"told to end, with something to refuse", always("xfile.name"), func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		}, 71},
		{"a crash while judging", func(context.Context) ([]scan.Finding, error) { panic("x") }, nil, 71},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, "", c.look)
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx(ctx)
			}
			h.expect(t, h.take(ctx, "c@d"), c.exit, 0, 0)
			if len(h.log) != 1 || h.log[0].Err == nil {
				t.Errorf("logged %v", h.log)
			}
		})
	}
}

// TestNotWhole: of a message that the client gave up nothing is left, and no
// log line has a verdict on it.
func TestNotWhole(t *testing.T) {
	for _, c := range []struct {
		name, mail, envelope string
		exit                 int
	}{
		{"no envelope", mail, "", 54},
		{"half an envelope", mail, "Fa@b\x00Tc@d\x00", 54},
		{"garbage", mail, "garbage", 91},
		{"address", mail, "F" + strings.Repeat("x", 1003) + "\x00\x00", 11},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, "[[policy]]\naction = 'hold'", always("xfile.name"))
			exit := h.Run(t.Context(), strings.NewReader(c.mail), strings.NewReader(c.envelope))
			h.expect(t, exit, c.exit, 0, 0)
			line := h.log[0].Line()
			if len(h.log) != 1 || !strings.Contains(line, "verdict=none exit=") || strings.Contains(line, "clean") {
				t.Errorf("logged %s", line)
			}
		})
	}
	h := newHouse(t, "")
	exit := h.Run(t.Context(), iotest.ErrReader(errors.New("gone")), strings.NewReader(envelope("a@b", "c@d")))
	h.expect(t, exit, 54, 0, 0)
}

// TestCrashLogged: a panic below Run is not logged as success.
func TestCrashLogged(t *testing.T) {
	h := newHouse(t, "")
	h.Judge = nil
	func() {
		defer func() { recover() }()
		h.take(t.Context(), "c@d")
	}()
	if len(h.log) != 1 || h.log[0].Exit != qhpsi.ExitBug || strings.Contains(h.log[0].Line(), "clean") {
		t.Errorf("logged %v", h.log)
	}
}

// TestNotice names the number under which the message is held.
func TestNotice(t *testing.T) {
	h := newHouse(t, "[notice]\nsend = true\ntext = 'number $id'"+split, always("xfile.name"))
	h.take(t.Context(), "pass@x", "hold@x")
	id := filepath.Base(h.files(t, "q/new/*")[0])
	if text := read(h.dir + "/got/1"); !strings.Contains(text, "number "+strings.ReplaceAll(id, "=", "=3D")) || !strings.HasSuffix(text, "F\x00Ta@b\x00\x00") {
		t.Errorf("%s: %q", id, text)
	}
	for _, c := range []struct {
		name    string
		notices often
		logged  int
	}{{"too often", often{}, 1}, {"nobody knows", often{err: errors.New("no cache")}, 2}} {
		h := newHouse(t, "[notice]\nsend = true\n"+split, always("xfile.name"))
		h.Notices = c.notices
		h.expect(t, h.take(t.Context(), "hold@x"), 0, 0, 1)
		if len(h.log) != c.logged {
			t.Errorf("%s: logged %v", c.name, h.log)
		}
	}
}

func read(name string) string {
	data, _ := os.ReadFile(name)
	return string(data)
}

// TestQHPSI is the decision table of IndiMail's variables.
func TestQHPSI(t *testing.T) {
	none := rules.Action(-1)
	for _, c := range []struct {
		meaning, reject, forward string
		want                     rules.Action
	}{
		{"safe", "unset", "", none},
		{"safe", "", "", none},
		{"safe", "x", "", none},
		{"safe", "-1", "", none},
		{"safe", "unset", "k@x", none},
		{"safe", "0", "", rules.Tag},
		{"safe", "00", "", rules.Tag},
		{"safe", "1", "", rules.Reject},
		{"safe", "1", "k@x", rules.Reject},
		{"safe", "2", "", rules.Discard},
		{"safe", "2x", "", rules.Discard},
		{"safe", "3", "k@x", rules.Reject},
		{"safe", "0", "k@x", rules.Hold},
		{"safe", "2", "k@x", rules.Hold},
		{"exact", "unset", "", rules.Tag},
		{"exact", "", "", rules.Tag},
		{"exact", "x", "", rules.Tag},
		{"exact", "unset", "k@x", rules.Hold},
		{"exact", "0", "", rules.Tag},
		{"exact", "1", "k@x", rules.Reject},
		{"exact", "2", "", rules.Discard},
		{"exact", "9", "", rules.Reject},
		{"off", "0", "k@x", none},
	} {
		t.Run(c.meaning+" "+c.reject+" "+c.forward, func(t *testing.T) {
			vars := map[string]string{"QHPSI": "/bin/true", "REJECTVIRUS": c.reject, "VIRUSFORWARD": c.forward}
			if c.reject == "unset" {
				delete(vars, "REJECTVIRUS")
			}
			rc := rules.Default()
			rc.Queue.QHPSI = rules.Meaning(c.meaning)
			scanners, err := QHPSI(rc, lookup(vars))
			if err != nil {
				t.Fatal(err)
			}
			got := none
			if len(rc.Policy) > 0 {
				got = *rc.Policy[0].Action
			}
			if got != c.want || (len(scanners) == 1) != (c.meaning != "off") {
				t.Errorf("got %s, %d scanners; want %s", got, len(scanners), c.want)
			}
			if forward := rc.Quarantine.Forward; (forward != "") != (got == rules.Hold) {
				t.Errorf("forwarded to %q", forward)
			}
		})
	}
	for _, name := range []string{"QHPSIRC", "QHPSIRN", "QHPSIMINSIZE", "QHPSIMAXSIZE"} {
		_, err := QHPSI(rules.Default(), lookup(map[string]string{"QHPSI": "x", name: "-1"}))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func TestChannel(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, text := range []string{"-1", "0", "1", "", "x", "99999", "-9999999999999999999"} {
		if c := NewChannel("netqmail", lookup(map[string]string{"ERROR_FD": text})); c.File != nil {
			t.Errorf("ERROR_FD %q is descriptor %d", text, c.File.Fd())
		}
	}
	if c := NewChannel("none", lookup(nil)); c.File != nil || c.reject != 31 {
		t.Errorf("none: %+v", c)
	}
	if c := NewChannel("indimail", lookup(map[string]string{"ERROR_FD": "-1"})); c.reject != 33 || c.custom != 88 {
		t.Errorf("indimail: %+v", c)
	}
}
