package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"qguard/rules"
)

// maxFindings is how many findings of a message are kept.
const maxFindings = 100

// An Engine judges messages by one list of openers and scanners. It may be
// used by several goroutines. The zero Limit means rules.DefaultLimit.
type Engine struct {
	Openers  []Opener
	Scanners []Scanner
	Limit    rules.Limit
	Policy   rules.Policy
	Watch    Watcher // is shown the walk; nil = nobody. With it, one message at a time
}

// Scan judges one message. It does not fail: what went wrong, a panic
// included, is in the verdict. The walk ends after Limit.Time; ctx bounds what
// looks do after it (asking an authenticator).
func (e *Engine) Scan(ctx context.Context, m *Message) Verdict {
	limit := e.Limit
	if limit == (rules.Limit{}) {
		limit = rules.DefaultLimit()
	}
	w := &walk{engine: e}
	w.message(ctx, m, limit)
	for _, look := range w.looks {
		w.end(ctx, look)
	}
	unsafe := w.disputedUnsafe()
	kept := w.findings[:0]
	for _, f := range w.findings {
		f.Grave = f.Grave || unsafe && f.Rule == ambiguous
		f.Name, f.Note = Printable(f.Name, 256), Printable(f.Note, 256)
		f.Action, f.Text = e.Policy.Decide(f.Rule, f.Grave, m.Envelope)
		if f.Action != rules.Pass || rules.DefaultAction(f.Rule, f.Grave) != rules.Pass {
			kept = append(kept, f) // what passes by default is a check that nobody switched on
		}
	}
	return Verdict{Findings: kept, Err: w.err}
}

// walk is the state of one message.
type walk struct {
	engine   *Engine
	budget   *Budget
	looks    []Look
	findings []Finding
	disputed map[[2]string]bool // path and name; name "" = the whole part
	err      error              // the first
}

// ambiguous is the finding of readings that disagree. It is grave when they
// disagree on whether something unsafe is there.
const ambiguous = "mime.ambiguous"

func (w *walk) disputedUnsafe() bool {
	for _, f := range w.findings {
		unsafe := strings.HasPrefix(f.Rule, "xfile.") || strings.HasPrefix(f.Rule, "virus.")
		if unsafe && (w.disputed[[2]string{f.Part, ""}] || w.disputed[[2]string{f.Part, f.Name}]) {
			return true
		}
	}
	return false
}

// dispute remembers what not every reading gives.
func (w *walk) dispute(p *Part) {
	names := p.DisputedNames
	if p.Disputed {
		names = append([]string{""}, names...)
	}
	for _, name := range names {
		if w.disputed == nil {
			w.disputed = map[[2]string]bool{}
		}
		w.disputed[[2]string{p.Path, name}] = true
	}
}

func (w *walk) message(ctx context.Context, m *Message, limit rules.Limit) {
	defer w.recover()
	for _, s := range w.engine.Scanners {
		look := s.Begin(m)
		w.watch(look)
		w.looks = append(w.looks, look)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limit.Time))
	defer cancel()
	w.budget = &Budget{Limit: limit, ctx: ctx, size: m.Size}
	size := m.Size
	if size > int64(limit.Size) {
		size = int64(limit.Size)
		w.note("", "", &Flaw{Rule: "limit.size", Note: fmt.Sprintf("message over %d bytes", limit.Size)})
	}
	raw := io.NewSectionReader(&whole{content: m.Content, size: m.Size}, 0, size)
	// Not every byte of a message is read: one that ends early is noticed here.
	if n, err := raw.ReadAt(make([]byte, 1), size-1); n == 0 && size > 0 {
		w.note("", "", err)
	}
	w.part(ctx, &Part{
		Types: []string{"message/rfc822"},
		Depth: -1,
		Open:  func() (io.Reader, error) { return io.NewSectionReader(raw, 0, size), nil },
		Raw:   raw,
	})
}

// part shows a part to the looks and walks what the openers find in it. It
// returns only errStop.
func (w *walk) part(ctx context.Context, p *Part) error {
	defer p.close()
	if watch := w.engine.Watch; watch != nil {
		watch.Enter(p)
		defer watch.Leave(p, w.budget)
	}
	if err := w.budget.Time(); err != nil {
		w.note(p.Path, p.Name(), err)
		return errStop
	}
	w.dispute(p)
	for _, look := range w.looks {
		w.note(p.Path, p.Name(), look.Part(ctx, p))
	}
	limit := w.budget.Limit
	if p.Depth > limit.Depth || p.Nest > limit.ArchiveDepth {
		w.note(p.Path, p.Name(), &Flaw{Rule: "limit.depth", Note: "nested too deep to look inside"})
		return nil
	}
	yield := func(child *Part) error {
		child.Disputed = child.Disputed || p.Disputed
		return w.part(ctx, child)
	}
	for _, opener := range w.engine.Openers {
		err := opener.Parts(ctx, p, w.budget, yield)
		if errors.Is(err, errStop) {
			return errStop
		}
		w.note(p.Path, p.Name(), err)
	}
	return nil
}

func (w *walk) end(ctx context.Context, look Look) {
	defer w.recover()
	findings, err := look.End(ctx)
	for _, f := range findings {
		w.add(f)
	}
	w.note("", "", err)
}

// note turns flaws into findings and keeps the first of other errors.
func (w *walk) note(path, name string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			w.note(path, name, err)
		}
		return
	}
	var flaw *Flaw
	switch {
	case err == nil:
	case errors.As(err, &flaw):
		w.add(Finding{Rule: flaw.Rule, Part: path, Name: name, Note: flaw.Note, Grave: flaw.Grave})
	case w.err == nil && path != "":
		w.err = fmt.Errorf("part %s: %w", path, err)
	case w.err == nil:
		w.err = err
	}
}

// add keeps a finding unless it is known: a flaw is met by every look that
// reads the part. Past maxFindings only a rule not seen so far, or its worse
// case, is kept, so that a flood of small findings cannot hide a grave one.
func (w *walk) add(f Finding) {
	full := len(w.findings) >= maxFindings
	for _, have := range w.findings {
		same := have.Part == f.Part && have.Name == f.Name && have.Note == f.Note
		if have.Rule == f.Rule && have.Grave == f.Grave && (full || same) {
			return
		}
	}
	w.findings = append(w.findings, f)
}

// recover makes a panic an error. Its value is shown only where the runtime
// made it: any other could hold text of the message.
func (w *walk) recover() {
	r := recover()
	if r == nil {
		return
	}
	what := "internal error"
	if re, ok := r.(runtime.Error); ok {
		what += ": " + re.Error()
	}
	if w.err == nil {
		w.err = fmt.Errorf("%s at %s", what, PanicPlace())
	}
}

// PanicPlace names the function, file and line that panicked, for a deferred function
// that has recovered and must not show the panic's value: it may hold text of
// the message.
func PanicPlace() string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s (%s:%d)", f.Function, filepath.Base(f.File), f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
