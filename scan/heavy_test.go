package scan

import (
	"context"
	"errors"
	"testing"

	"qguard/rules"
)

// Two messages have heavy work at a time; what one has in itself does not count
// again, and a third is in doubt when its time is up.
func TestHeavy(t *testing.T) {
	budget := func(ctx context.Context) *Budget { return &Budget{Limit: rules.DefaultLimit(), ctx: ctx} }
	one, two := budget(t.Context()), budget(t.Context())
	var done []func()
	for _, b := range []*Budget{one, two, one, one} {
		f, err := b.Heavy()
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, f)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := budget(ended).Heavy()
	var flaw *Flaw
	if err == nil || errors.As(err, &flaw) {
		t.Fatal("a third:", err)
	}
	for _, f := range []func(){done[0], done[2]} {
		f()
	}
	if _, err := budget(ended).Heavy(); err == nil {
		t.Fatal("a slot came free before its message had done")
	}
	done[3]()
	third, err := budget(t.Context()).Heavy()
	if err != nil {
		t.Fatal(err)
	}
	third()
	done[1]()
}
