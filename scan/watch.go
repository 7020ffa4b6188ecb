package scan

import "io"

// A Watcher is shown how a message is walked, for somebody who asks why it was
// judged so. It belongs to one message (Engine.Watch) and changes nothing in
// what is judged, but that the time it takes is the message's.
type Watcher interface {
	// Enter is called with every part before the looks see it, Leave with the
	// same part after everything in it. The part is valid between the two.
	Enter(p *Part)
	Leave(p *Part, b *Budget)
	// Tell is a line by a look about what it did. No secret is in it.
	Tell(line string)
	// Hide is a text of the message that must not be shown: it may be somebody's
	// password. It is called before Scan returns.
	Hide(secret string)
}

// watched is a Look that has something to tell.
type watched interface{ Watched(Watcher) }

// watch lets the watcher hear what a look has to tell.
func (w *walk) watch(look Look) {
	if l, ok := look.(watched); ok && w.engine.Watch != nil {
		l.Watched(w.engine.Watch)
	}
}

// Spent is what a message has cost of its limits so far.
type Spent struct {
	Parts, Members int
	Inflated       int64 // bytes
}

// Spent returns it.
func (b *Budget) Spent() Spent { return Spent{b.parts, b.members, b.inflated} }

// Measure returns how many bytes a part has, reading at most max of them where
// nothing else says it; whole is false where it has that many or more, or
// cannot be read to its end. What is unpacked for this is not charged.
func (p *Part) Measure(b *Budget, max int64) (size int64, whole bool) {
	switch {
	case p.Open == nil:
		return 0, true
	case p.Raw != nil:
		return p.Raw.Size(), true
	case p.spool != nil:
		return p.spool.Size(), true
	}
	if head, err := p.Head(); err != nil || len(head) < HeadSize {
		return int64(len(head)), err == nil
	}
	charged := b.inflated
	defer func() { b.inflated = charged }()
	r, err := p.Open()
	if err != nil {
		return 0, false
	}
	size, err = io.Copy(io.Discard, io.LimitReader(r, max))
	return size, err == nil && size < max
}
