package scan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
)

// opener is a function as scan.Opener.
type opener func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error

func (o opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return o(p, b, yield)
}

// look is a function for each part as scanner and look; end answers at the end.
type look struct {
	part func(p *scan.Part) error
	end  func() ([]scan.Finding, error)
}

func (l look) Begin(*scan.Message) scan.Look { return l }

func (l look) Part(_ context.Context, p *scan.Part) error {
	if l.part == nil {
		return nil
	}
	return l.part(p)
}

func (l look) End(context.Context) ([]scan.Finding, error) {
	if l.end == nil {
		return nil, nil
	}
	return l.end()
}

func judge(e *scan.Engine, mail string) scan.Verdict {
	return e.Scan(context.Background(), mailOf(mail))
}

func mailOf(mail string) *scan.Message {
	return &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))}
}

// ruleAt lists findings as "rule part".
func ruleAt(v scan.Verdict) []string {
	var list []string
	for _, f := range v.Findings {
		list = append(list, f.Rule+" "+f.Part)
	}
	return list
}

// russian opens every part into one more of the same kind.
var russian = opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	return yield(&scan.Part{Path: p.Path + "x", Depth: p.Depth + 1, Nest: p.Nest})
})

// box opens every part into one more archive.
var box = opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	return yield(p.Member("x"))
})

// count calls a counter of the budget n times on the message itself.
func count(n int, of func(*scan.Budget) error) opener {
	return func(p *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error {
		for range n {
			if err := of(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// inflate reads n bytes that are packed to the given length.
func inflate(n, packed int64) func(*scan.Budget) error {
	return func(b *scan.Budget) error {
		_, err := io.Copy(io.Discard, b.Inflate(io.LimitReader(zeros{}, n), packed))
		return err
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestLimits meets each limit exactly, which is silent, and crosses it by one,
// which is a finding and no error.
func TestLimits(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Parts, limit.Members, limit.Size, limit.Depth, limit.ArchiveDepth = 10, 20, 5<<20, 3, 2
	limit.Inflated, limit.Ratio = 12<<20, 4
	for _, c := range []struct {
		name   string
		opener opener
		size   int
		want   []string
	}{
		{"parts", count(10, (*scan.Budget).Part), 1, nil},
		{"parts crossed", count(11, (*scan.Budget).Part), 1, []string{"limit.parts "}},
		{"members", count(20, (*scan.Budget).Member), 1, nil},
		{"members crossed", count(21, (*scan.Budget).Member), 1, []string{"limit.parts "}},
		{"size", count(0, nil), 5 << 20, nil},
		{"size crossed", count(0, nil), 5<<20 + 1, []string{"limit.size "}},
		{"depth crossed", russian, 1, []string{"limit.depth xxxxx"}},
		{"archive depth crossed", box, 1, []string{"limit.depth /x/x/x"}},
		{"inflated", count(1, inflate(12<<20, 4<<20)), 3 << 20, nil},
		{"inflated crossed", count(1, inflate(12<<20+1, 4<<20)), 4 << 20, []string{"limit.size "}},
		{"inflated crossed by several", count(13, inflate(1<<20, 1<<20)), 4 << 20, []string{"limit.size "}},
		{"inflated from little", count(8, inflate(1<<20, 1<<20)), 1, nil},
		{"inflated from little, crossed", count(9, inflate(1<<20, 1<<20)), 1, []string{"limit.size "}},
		{"ratio", count(1, inflate(2<<20, 1<<19)), 1, nil},
		{"ratio crossed", count(1, inflate(2<<20, 1<<19-1)), 1, []string{"limit.size "}},
		{"ratio below a megabyte", count(1, inflate(1<<20, 1)), 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &scan.Engine{Openers: []scan.Opener{c.opener}, Limit: limit}
			v := judge(e, strings.Repeat("a", c.size))
			if diff := cmp.Diff(c.want, ruleAt(v)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if v.Err != nil {
				t.Errorf("error %v", v.Err)
			}
		})
	}
}

// TestSizeLimitHidesRest looks at no byte behind the limit.
func TestSizeLimitHidesRest(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Size = 10
	var got string
	e := &scan.Engine{Limit: limit, Scanners: []scan.Scanner{look{part: func(p *scan.Part) error {
		head, err := p.Head()
		got = string(head)
		return err
	}}}}
	v := judge(e, "0123456789abc")
	if got != "0123456789" || v.State() != scan.Found {
		t.Errorf("read %q, verdict %s", got, v.State())
	}
}

func TestTime(t *testing.T) {
	slow := opener(func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
		if p.Depth >= 0 {
			return nil
		}
		for {
			if err := yield(&scan.Part{Path: "1", Depth: 0}); err != nil {
				return err
			}
		}
	})
	t.Run("limit reached", func(t *testing.T) {
		limit := rules.DefaultLimit()
		limit.Time = rules.Duration(time.Millisecond)
		e := &scan.Engine{Openers: []scan.Opener{slow}, Limit: limit}
		if got := ruleAt(judge(e, "a")); !cmp.Equal(got, []string{"limit.time 1"}) {
			t.Errorf("findings %q", got)
		}
	})
	t.Run("context expired", func(t *testing.T) {
		ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
		defer cancel()
		ended := false
		e := &scan.Engine{Openers: []scan.Opener{slow}, Scanners: []scan.Scanner{look{end: func() ([]scan.Finding, error) {
			ended = true
			return nil, nil
		}}}}
		v := e.Scan(ctx, mailOf("a"))
		if got := ruleAt(v); !cmp.Equal(got, []string{"limit.time "}) || v.State() != scan.Found {
			t.Errorf("findings %q, verdict %s", got, v.State())
		}
		if !ended {
			t.Error("the looks were not asked for what they had")
		}
	})
	t.Run("inside a decompressor", func(t *testing.T) {
		limit := rules.DefaultLimit()
		limit.Time, limit.Inflated, limit.Ratio = rules.Duration(time.Millisecond), 1<<40, 1<<30
		e := &scan.Engine{Openers: []scan.Opener{count(1, inflate(1<<40, 1))}, Limit: limit}
		if got := ruleAt(judge(e, "a")); !cmp.Equal(got, []string{"limit.time "}) {
			t.Errorf("findings %q", got)
		}
	})
}

// TestTrouble tells flaws, which are findings, from errors, which are not.
func TestTrouble(t *testing.T) {
	flaw := &scan.Flaw{Rule: "xfile.unreadable", Note: "broken"}
	disk := errors.New("disk full")
	for _, c := range []struct {
		name  string
		err   error
		state scan.State
		rules []string
		text  string
	}{
		{"flaw", flaw, scan.Found, []string{"xfile.unreadable 1"}, ""},
		{"wrapped flaw", fmt.Errorf("part: %w", flaw), scan.Found, []string{"xfile.unreadable 1"}, ""},
		{"error", disk, scan.Undecided, nil, "part 1: disk full"},
		{"nothing", nil, scan.Clean, nil, ""},
	} {
		one := opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
			if p.Path == "1" {
				return c.err
			}
			return yield(&scan.Part{Path: "1", Names: []string{"a"}})
		})
		inOpener := &scan.Engine{Openers: []scan.Opener{one}}
		inLook := &scan.Engine{
			Openers: []scan.Opener{opener(func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
				if p.Path == "1" {
					return nil
				}
				return one(p, b, yield)
			})},
			Scanners: []scan.Scanner{look{part: func(p *scan.Part) error {
				if p.Path == "1" {
					return c.err
				}
				return nil
			}}},
		}
		for where, e := range map[string]*scan.Engine{"opener": inOpener, "look": inLook} {
			t.Run(c.name+" in "+where, func(t *testing.T) {
				v := judge(e, "a")
				if v.State() != c.state {
					t.Errorf("verdict %s, want %s", v.State(), c.state)
				}
				if diff := cmp.Diff(c.rules, ruleAt(v)); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
				if got := fmt.Sprint(v.Err); v.Err != nil && got != c.text || v.Err == nil && c.text != "" {
					t.Errorf("error %q, want %q", got, c.text)
				}
			})
		}
	}
}

// TestErrorKeepsWalking finds what stands behind a part that failed.
func TestErrorKeepsWalking(t *testing.T) {
	bad := errors.New("no")
	e := &scan.Engine{
		Openers: []scan.Opener{opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
			if p.Path != "" {
				return nil
			}
			for _, path := range []string{"1", "2"} {
				if err := yield(&scan.Part{Path: path}); err != nil {
					return err
				}
			}
			return nil
		})},
		Scanners: []scan.Scanner{look{part: func(p *scan.Part) error {
			switch p.Path {
			case "1":
				return bad
			case "2":
				return &scan.Flaw{Rule: "xfile.name"}
			}
			return nil
		}}},
	}
	v := judge(e, "a")
	if !cmp.Equal(ruleAt(v), []string{"xfile.name 2"}) || !errors.Is(v.Err, bad) || v.State() != scan.Found {
		t.Errorf("findings %q, error %v, verdict %s", ruleAt(v), v.Err, v.State())
	}
}

// TestPanic makes an error of a panic anywhere, without what was panicked with,
// and keeps what was found before.
func TestPanic(t *testing.T) {
	const secret = "hunter2"
	throw := func() { panic(secret) }
	index := func() { _ = []byte(secret)[len(secret)+runtime.NumCPU()] }
	found := look{end: func() ([]scan.Finding, error) { return []scan.Finding{{Rule: "xfile.name"}}, nil }}
	for name, do := range map[string]func(){"value": throw, "runtime error": index} {
		for where, e := range map[string]*scan.Engine{
			"look": {Scanners: []scan.Scanner{found, look{part: func(*scan.Part) error { do(); return nil }}}},
			"end":  {Scanners: []scan.Scanner{found, look{end: func() ([]scan.Finding, error) { do(); return nil, nil }}}},
			"opener": {Scanners: []scan.Scanner{found}, Openers: []scan.Opener{
				opener(func(*scan.Part, *scan.Budget, func(*scan.Part) error) error { do(); return nil })}},
			"begin": {Scanners: []scan.Scanner{found, beginner(do)}},
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				v := judge(e, "a")
				if v.Err == nil || !strings.HasPrefix(v.Err.Error(), "internal error") {
					t.Fatalf("error %v", v.Err)
				}
				if strings.Contains(v.Err.Error(), secret) {
					t.Errorf("error %q shows the panic's value", v.Err)
				}
				if !strings.Contains(v.Err.Error(), "scan_test.") {
					t.Errorf("error %q does not say where", v.Err)
				}
				if v.State() != scan.Found {
					t.Errorf("verdict %s: what was found is lost", v.State())
				}
			})
		}
	}
}

// beginner is a scanner that calls a function when it begins.
type beginner func()

func (b beginner) Begin(*scan.Message) scan.Look { b(); return look{} }

func TestFindingsCap(t *testing.T) {
	e := &scan.Engine{Scanners: []scan.Scanner{look{end: func() ([]scan.Finding, error) {
		var list []scan.Finding
		for i := range 1000 {
			list = append(list, scan.Finding{Rule: "header.odd", Part: fmt.Sprint(i)})
		}
		list = append(list,
			scan.Finding{Rule: "xfile.encrypted", Part: "1001"},
			scan.Finding{Rule: "xfile.encrypted", Part: "1002"},
			scan.Finding{Rule: "xfile.encrypted", Part: "1003", Grave: true},
			scan.Finding{Rule: "xfile.name", Part: "1004"})
		return list, nil
	}}}}
	v := judge(e, "a")
	if len(v.Findings) != 103 {
		t.Errorf("%d findings, want 100 and one each of two rules and a worse case", len(v.Findings))
	}
	if v.Worst().Rule != "xfile.name" || v.Worst().Action != rules.Reject {
		t.Errorf("worst finding %+v", v.Worst())
	}
	held := 0
	for _, f := range v.Findings {
		if f.Action == rules.Hold {
			held++
		}
	}
	if held != 1 {
		t.Error("the grave case is lost in the flood")
	}
}

// TestSameFinding keeps one finding where every look meets the same flaw, and
// both where only their weight differs.
func TestSameFinding(t *testing.T) {
	same := scan.Finding{Rule: "xfile.encrypted", Part: "1", Name: "a", Note: "n"}
	grave := same
	grave.Grave = true
	e := &scan.Engine{Scanners: []scan.Scanner{look{end: func() ([]scan.Finding, error) {
		return []scan.Finding{same, same, grave, grave}, nil
	}}}}
	if v := judge(e, "a"); len(v.Findings) != 2 || v.Worst().Action != rules.Hold {
		t.Errorf("findings %+v", v.Findings)
	}
}

// TestFindingIsPrintable escapes and cuts what findings show of a message.
func TestFindingIsPrintable(t *testing.T) {
	e := &scan.Engine{Scanners: []scan.Scanner{look{end: func() ([]scan.Finding, error) {
		return []scan.Finding{{Rule: "x", Name: "a\nb", Note: strings.Repeat("\x1b", 1000)}}, nil
	}}}}
	f := judge(e, "a").Findings[0]
	if f.Name != `a\nb` || len(f.Note) > 260 || strings.Contains(f.Note, "\x1b") {
		t.Errorf("name %q, note %q", f.Name, f.Note)
	}
}

// shrunk is a message of which fewer bytes are there than its door said.
type shrunk struct {
	*bytes.Reader
	err error
}

func (s shrunk) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Reader.ReadAt(p, off)
	if err != nil && s.err != nil {
		err = s.err
	}
	return n, err
}

func TestShortRead(t *testing.T) {
	reset := errors.New("input/output error")
	whole := typed("Content-Type: text/plain\n", strings.Repeat("text\n", 30<<10))
	for _, c := range []struct {
		name string
		have int
		err  error
	}{
		{"nothing", 0, nil},
		{"inside the header", 20, nil},
		{"inside the body", 1000, nil},
		{"behind what is looked at", len(whole) - 1, nil},
		{"a read error", 1000, reset},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := house(rules.Limit{}).Scan(context.Background(), &scan.Message{
				Content: shrunk{bytes.NewReader([]byte(whole[:c.have])), c.err},
				Size:    int64(len(whole)),
			})
			if v.Err == nil || v.State() != scan.Undecided {
				t.Errorf("error %v, verdict %s", v.Err, v.State())
			}
			if c.err != nil && !errors.Is(v.Err, c.err) {
				t.Errorf("error %v hides its cause", v.Err)
			}
		})
	}
	t.Run("whole", func(t *testing.T) {
		if v := judge(house(rules.Limit{}), whole); v.State() != scan.Clean || v.Err != nil {
			t.Errorf("error %v, verdict %s", v.Err, v.State())
		}
	})
	t.Run("empty", func(t *testing.T) {
		if v := judge(house(rules.Limit{}), ""); v.State() != scan.Clean || v.Err != nil {
			t.Errorf("error %v, verdict %s", v.Err, v.State())
		}
	})
}
