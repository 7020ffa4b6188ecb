package scan_test

import (
	"context"
	"errors"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// opens is an opener made of a function.
type opens func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error

func (o opens) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return o(p, b, yield)
}

// with runs a function with the budget of a message of 1 MiB.
func with(t *testing.T, limit rules.Limit, do func(b *scan.Budget)) {
	t.Helper()
	ran := false
	e := &scan.Engine{Limit: limit, Openers: []scan.Opener{opens(func(_ *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error {
		ran = true
		do(b)
		return nil
	})}}
	judge(e, string(make([]byte, 1<<20)))
	if !ran {
		t.Fatal("no budget")
	}
}

func isFlaw(err error, rule string) bool {
	var flaw *scan.Flaw
	return errors.As(err, &flaw) && flaw.Rule == rule
}

// TestClaim: what archives claim to unpack to is told once, when it is both over
// the limit and out of proportion.
func TestClaim(t *testing.T) {
	with(t, rules.DefaultLimit(), func(b *scan.Budget) {
		for i, c := range []struct {
			size  int64
			found bool
		}{{64 << 20, false}, {136 << 20, false}, {-5, false}, {1, true}, {1 << 62, false}, {1 << 62, false}} {
			if err := b.Claim(c.size); isFlaw(err, "limit.size") != c.found {
				t.Errorf("claim %d of %d bytes: %v", i, c.size, err)
			}
		}
	})
	small := rules.DefaultLimit()
	small.Inflated, small.Ratio = 300<<20, 2
	with(t, small, func(b *scan.Budget) {
		if err := b.Claim(200 << 20); err != nil {
			t.Errorf("out of proportion, within the limit: %v", err)
		}
	})
}

// TestHold: memory is given back once, however often that is said.
func TestHold(t *testing.T) {
	with(t, rules.DefaultLimit(), func(b *scan.Budget) {
		release, err := b.Hold(10 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, bytes := range []int64{10 << 20, -1, 1 << 62} {
			if _, err := b.Hold(bytes); !isFlaw(err, "limit.size") {
				t.Errorf("%d bytes more: %v", bytes, err)
			}
		}
		release()
		release()
		if _, err := b.Hold(16 << 20); err != nil {
			t.Errorf("all of it after release: %v", err)
		}
	})
}

// TestMark knows places by reader and offset, also those noted after the first
// question.
func TestMark(t *testing.T) {
	one, two := new(scan.Spool), new(scan.Spool)
	with(t, rules.DefaultLimit(), func(b *scan.Budget) {
		b.Mark(one, 5)
		if !b.Marked(one, 5) || b.Marked(one, 6) || b.Marked(two, 5) {
			t.Error("a place is not what it was")
		}
		b.Mark(two, 5)
		if !b.Marked(two, 5) {
			t.Error("a later place is not known")
		}
	})
}

// TestDisputed: readings that disagree are worse where something unsafe is in
// dispute, and only there.
func TestDisputed(t *testing.T) {
	for _, c := range []struct {
		name  string
		part  scan.Part
		found scan.Finding
		grave bool
	}{
		{"agreed", scan.Part{}, scan.Finding{Rule: "xfile.name", Name: "a"}, false},
		{"disputed part", scan.Part{Disputed: true}, scan.Finding{Rule: "xfile.content"}, true},
		{"virus in a disputed part", scan.Part{Disputed: true}, scan.Finding{Rule: "virus.clamd"}, true},
		{"other finding in a disputed part", scan.Part{Disputed: true}, scan.Finding{Rule: "limit.size"}, false},
		{"disputed name", scan.Part{DisputedNames: []string{"a"}}, scan.Finding{Rule: "xfile.name", Name: "a"}, true},
		{"another name", scan.Part{DisputedNames: []string{"a"}}, scan.Finding{Rule: "xfile.name", Name: "b"}, false},
		{"disputed name, content found", scan.Part{DisputedNames: []string{"a"}}, scan.Finding{Rule: "xfile.content", Name: "b"}, false},
	} {
		for _, level := range []string{"1", "1/member"} {
			found := c.found
			found.Part = level
			e := &scan.Engine{
				Openers: []scan.Opener{opens(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
					switch p.Path {
					case "":
						child := c.part
						child.Path = "1"
						return errors.Join(yield(&child), &scan.Flaw{Rule: "mime.ambiguous"})
					case "1":
						return yield(&scan.Part{Path: "1/member"})
					}
					return nil
				})},
				Scanners: []scan.Scanner{finds{found}},
			}
			want := rules.Tag
			if c.grave && (level == "1" || c.part.Disputed) {
				want = rules.Hold
			}
			for _, f := range judge(e, "x").Findings {
				if f.Rule == "mime.ambiguous" && f.Action != want {
					t.Errorf("%s, found in %s: %v, want %v", c.name, level, f.Action, want)
				}
			}
		}
	}
}

// finds is a look that always finds the same.
type finds []scan.Finding

func (f finds) Begin(*scan.Message) scan.Look               { return f }
func (f finds) Part(context.Context, *scan.Part) error      { return nil }
func (f finds) End(context.Context) ([]scan.Finding, error) { return f, nil }
