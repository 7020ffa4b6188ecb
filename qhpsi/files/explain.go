package files

import (
	"context"
	"slices"
	"strings"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// An explanation of a message is, behind its line, the tree of its parts in the
// order they were walked, one level deeper for what was found in a part; then
// the limits, what looks have to tell, the verdict and the time:
//
//	mess/8/1203: QGuard.Xfile.Member FOUND
//	message  message/rfc822, 1019 bytes
//	  body  multipart/mixed
//	    2  application/zip, 165 bytes, ZIP
//	       name "photos.zip"
//	      2/photos.zip/beach.jpg  512 bytes, Windows program
//	         name "beach.jpg"
//	         -> reject xfile.member "beach.jpg": Windows program: ...
//	limits: depth 1 of 16, ...; reached: none
//	verdict: found, reject
//	time: 1.2 ms
//
// A part is called by its path (see package scan). Names and types are those of
// every reading; "some readings" marks what not all of them have. Behind "->"
// stand the findings, at the part they are about. What comes from the message is
// escaped, and what may be a password in it is masked.

// explain judges messages one after the other and shows how.
func (d *Door) explain(ctx context.Context, paths []string) int {
	count := map[scan.State]int{}
	for _, path := range paths {
		x := &explanation{notes: d.Notes}
		engine := *d.Explain
		engine.Watch = x
		r := d.file(ctx, path, &engine)
		count[r.Verdict]++
		d.print(r)
		x.write(d.Out, r, d.Colour)
	}
	return exit(count)
}

// explanation gathers what the engine shows of one message (scan.Watcher).
type explanation struct {
	nodes    []*node // in the order of the walk
	open     []*node // the part that is walked, behind those around it
	measured int64   // bytes read for sizes alone
	limit    rules.Limit
	spent    scan.Spent
	told     []string
	notes    []string // what is said of every message
	hidden   []string
}

// node is a part as it was walked.
type node struct {
	scan.Part
	level    int // in the tree
	size     int64
	whole    bool // size is all of it
	format   string
	findings []scan.Finding
}

// Enter begins a part.
func (x *explanation) Enter(p *scan.Part) {
	n := &node{level: len(x.open), Part: scan.Part{
		Path: p.Path, Names: p.Names, Types: p.Types, Depth: p.Depth, Nest: p.Nest,
		Disputed: p.Disputed, Open: p.Open, Text: p.Text,
	}}
	x.nodes, x.open = append(x.nodes, n), append(x.open, n)
}

// maxMeasured is how many bytes of a message are read to know the sizes of parts.
const maxMeasured = 64 << 20

// Leave ends it. By now nothing that is read of the part can change what is found.
func (x *explanation) Leave(p *scan.Part, b *scan.Budget) {
	n := x.open[len(x.open)-1]
	x.open = x.open[:len(x.open)-1]
	x.limit, x.spent = b.Limit, b.Spent()
	n.DisputedNames = p.DisputedNames
	n.format = qhpsi.Format(p)
	n.size, n.whole = p.Measure(b, maxMeasured-x.measured)
	if p.Raw == nil {
		x.measured = min(x.measured+n.size, maxMeasured)
	}
}

// Tell keeps a line of a look.
func (x *explanation) Tell(line string) { x.told = append(x.told, line) }

// masked stands for what must not be shown.
const masked = "[masked]"

// Hide masks a text wherever it stands. The longest come first: some are the
// beginning of others.
func (x *explanation) Hide(secret string) {
	if secret == "" || slices.Contains(x.hidden, secret) {
		return
	}
	at := slices.IndexFunc(x.hidden, func(have string) bool { return len(have) < len(secret) })
	if at < 0 {
		at = len(x.hidden)
	}
	x.hidden = slices.Insert(x.hidden, at, secret)
}

// place is where a finding was found: a part of that path, of several the one
// that has that name, of several readings of it the one that is what the note
// says; else the message.
func (x *explanation) place(f scan.Finding) *node {
	at, best := x.nodes[0], 0
	what, _, _ := strings.Cut(f.Note, ":")
	for _, n := range x.nodes {
		if n.Path != f.Part {
			continue
		}
		fit := 1
		if slices.ContainsFunc(n.Names, func(name string) bool { return scan.Printable(name, 256) == f.Name }) {
			fit += 2
		}
		if what != "" && strings.Contains(n.format, what) {
			fit++
		}
		if fit > best {
			at, best = n, fit
		}
	}
	return at
}

// safe makes text of the message fit to be shown. What is hidden is masked in any
// case: media types are in lower case.
func (x *explanation) safe(text string) string {
	for _, secret := range x.hidden {
		for i := 0; i+len(secret) <= len(text); i++ {
			if strings.EqualFold(text[i:i+len(secret)], secret) {
				text = text[:i] + masked + text[i+len(secret):]
				i += len(masked) - 1
			}
		}
	}
	return scan.Printable(text, 256)
}
