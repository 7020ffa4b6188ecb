package scan_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
)

// watcher writes down what it is shown.
type watcher struct {
	lines []string
	max   int64
	spent scan.Spent
}

func (w *watcher) Enter(p *scan.Part) { w.lines = append(w.lines, "enter "+p.Path) }

func (w *watcher) Leave(p *scan.Part, b *scan.Budget) {
	size, whole := p.Measure(b, w.max)
	w.lines = append(w.lines, fmt.Sprintf("leave %s %d %v", p.Path, size, whole))
	w.spent = b.Spent()
}

func (w *watcher) Tell(line string) { w.lines = append(w.lines, line) }
func (w *watcher) Hide(string)      {}

// talker is a look that tells.
type talker struct {
	look
	to scan.Watcher
}

func (t talker) Begin(*scan.Message) scan.Look { return &t }
func (t *talker) Watched(w scan.Watcher)       { t.to = w; w.Tell("begun") }

// TestWatch: a watcher sees every part entered and left, with its size, and what
// looks tell, also where the walk breaks off.
func TestWatch(t *testing.T) {
	long := strings.Repeat("x", 2*scan.HeadSize)
	open := func(s string) func() (io.Reader, error) {
		return func() (io.Reader, error) { return strings.NewReader(s), nil }
	}
	children := opener(func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
		if p.Depth >= 0 {
			return nil
		}
		for i, s := range []string{"short", long} {
			b.Member()
			if err := yield(&scan.Part{Path: fmt.Sprint(i + 1), Open: open(s)}); err != nil {
				return err
			}
		}
		return yield(&scan.Part{Path: "shell"})
	})
	e := &scan.Engine{Openers: []scan.Opener{children}, Scanners: []scan.Scanner{talker{}}}
	for _, test := range []struct {
		name string
		max  int64
		want []string
	}{
		{"all", 1 << 20, []string{"begun", "enter ", "enter 1", "leave 1 5 true",
			"enter 2", fmt.Sprintf("leave 2 %d true", len(long)), "enter shell", "leave shell 0 true", "leave  4 true"}},
		{"bounded", 100, []string{"begun", "enter ", "enter 1", "leave 1 5 true",
			"enter 2", "leave 2 100 false", "enter shell", "leave shell 0 true", "leave  4 true"}},
	} {
		w := &watcher{max: test.max}
		e.Watch = w
		if v := judge(e, "mail"); v.State() != scan.Clean {
			t.Errorf("%s: %v", test.name, v)
		}
		if diff := cmp.Diff(test.want, w.lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if w.spent != (scan.Spent{Members: 2}) {
			t.Errorf("%s: spent %+v", test.name, w.spent)
		}
	}
	w := &watcher{}
	e.Watch = w
	e.Scanners = []scan.Scanner{look{part: func(p *scan.Part) error {
		if p.Path == "1" {
			panic("secret")
		}
		return nil
	}}}
	if v := judge(e, "mail"); v.Err == nil || len(w.lines) != 4 {
		t.Errorf("panic: %v, seen %q", v, w.lines)
	}
}

// TestMeasure: sizes are not charged, and what cannot be read has none.
func TestMeasure(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Inflated = 1 << 20
	packed := opener(func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
		if p.Depth >= 0 {
			return nil
		}
		zeros := func() (io.Reader, error) {
			return b.Inflate(strings.NewReader(strings.Repeat("\x00", 600<<10)), 600<<10), nil
		}
		for range 3 {
			if err := yield(&scan.Part{Path: "1", Open: zeros}); err != nil {
				return err
			}
		}
		return yield(&scan.Part{Path: "2", Open: func() (io.Reader, error) { return nil, io.ErrUnexpectedEOF }})
	})
	w := &watcher{max: 1 << 20}
	e := &scan.Engine{Openers: []scan.Opener{packed}, Limit: limit, Watch: w}
	if v := judge(e, "mail"); len(v.Findings) > 0 || v.Err != nil {
		t.Errorf("watching changes the verdict: %v", v)
	}
	if got := w.lines[len(w.lines)-2]; got != "leave 2 0 false" {
		t.Errorf("unreadable: %s", got)
	}
	if w.spent.Inflated != 3*scan.HeadSize {
		t.Errorf("charged %d bytes", w.spent.Inflated)
	}
}
