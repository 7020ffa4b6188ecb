package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"qguard/scan"
)

// multipart yields the entities of a multipart: those between the delimiter
// lines of RFC 2046 section 5.1.1, then what other readings find. The last part
// may lack its closing delimiter: a message cut off is still read by clients.
// Without any delimiter the body is one leaf.
func (e *entity) multipart(b *scan.Budget, yield func(*scan.Part) error) error {
	m := split{entity: e, budget: b, yield: yield}
	if err := m.strict(); err != nil {
		return err
	}
	if err := m.lenient(); err != nil {
		return err
	}
	if m.count > 0 && e.part.Open != nil {
		m.what = append(m.what, "whether it has parts")
	}
	if m.count == 0 && e.part.Open == nil {
		if err := m.leaf(); err != nil {
			return err
		}
	}
	if e.part.Open == nil {
		return errors.Join(e.flaw, ambiguous(m.what)) // a leaf's is in readings
	}
	return ambiguous(m.what)
}

// split is one multipart being read.
type split struct {
	entity *entity
	budget *scan.Budget
	yield  func(*scan.Part) error
	count  int      // entities yielded
	what   []string // what readings disagree on

	first, last delimiter // of the strict reading
}

// strict yields the parts by the boundary of the strict reading.
func (m *split) strict() error {
	e := m.entity
	if len(e.boundaries) == 0 {
		return nil
	}
	if len(e.boundaries[0]) > maxBoundary {
		return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("boundary over %d bytes", maxBoundary)}
	}
	s := splitter{raw: e.body, mark: []byte("\n--" + e.boundaries[0])}
	open, err := s.next(0)
	if err != nil {
		return err
	}
	m.first, m.last = open, open
	for ; open.found && !open.final; open = m.last {
		if m.last, err = s.next(open.after); err != nil {
			return err
		}
		raw := section(e.body, open.after, max(0, m.last.before-open.after))
		if err := m.child(raw, strconv.Itoa(m.count+1), e.part.Open != nil); err != nil {
			return err
		}
		// RFC 2046 section 5.1.1 has a reader compare the boundary and no
		// more: to that one the near line is a delimiter.
		e.disputed = e.disputed || s.near
		if !m.last.found {
			return m.beyond(open)
		}
	}
	return nil
}

// child yields one entity.
func (m *split) child(raw *io.SectionReader, n string, disputed bool) error {
	m.count++
	if err := m.budget.Part(); err != nil {
		return err
	}
	defaultType, parent := "text/plain", m.entity
	if parent.part.Is("multipart/digest") {
		defaultType = "message/rfc822"
	}
	child, err := newEntity(raw, m.budget, defaultType)
	if err != nil {
		return err
	}
	child.outer = parent.outer
	if child.outer == nil {
		child.outer = parent.body
	}
	p := child.part
	p.Path, p.Depth, p.Nest = number(parent.part.Path, n), parent.part.Depth+1, parent.part.Nest
	p.Disputed = p.Disputed || disputed
	return child.yield(m.budget, m.yield)
}

// maxBeyond is how far behind its own end a multipart's delimiter is looked for.
const maxBeyond = 256 << 10

// beyond reads on where the multipart around this one ended it before its
// closing delimiter. RFC 2046 section 5.1.2 has the outer one win; some clients
// look for the inner one alone. open is the last delimiter line inside.
func (m *split) beyond(open delimiter) error {
	e := m.entity
	if e.outer == nil {
		return nil
	}
	_, at, _ := e.body.Outer()
	_, outerAt, outerSize := e.outer.Outer()
	rest := outerAt + outerSize - at // from the start of our body to the end of the outer one
	wide := section(e.body, 0, min(rest, e.body.Size()+maxBeyond))
	s := splitter{raw: wide, mark: []byte("\n--" + e.boundaries[0])}
	end, err := s.next(e.body.Size())
	if err != nil || !end.found {
		return err
	}
	m.what = appendNew(m.what, "where a part ends")
	for n := 1; ; n++ {
		raw := section(wide, open.after, max(0, end.before-open.after))
		if err := m.child(raw, "~"+strconv.Itoa(n), true); err != nil {
			return err
		}
		if !end.found || end.final {
			return nil
		}
		open = end
		if end, err = s.next(open.after); err != nil {
			return err
		}
	}
}

// lenient looks for parts that another reading finds: in all of the body where
// the boundary is disputed or found nothing, else before the first delimiter
// and behind the last.
func (m *split) lenient() error {
	e := m.entity
	whole := e.body
	for _, at := range e.starts {
		if at < e.bodyAt() {
			whole = section(e.raw, at, e.raw.Size()-at)
			break
		}
	}
	regions := []*io.SectionReader{whole}
	if m.count > 0 && !e.disputed {
		regions[0] = section(e.body, 0, m.first.before)
		if m.last.final {
			regions = append(regions, section(e.body, m.last.before, e.body.Size()-m.last.before))
		}
	}
	if !identity(e.encoding) && (m.count == 0 || plausible(e.body, "base64")) {
		decoded, err := m.decoded()
		if err != nil {
			return err
		}
		regions = append(regions, decoded)
	}
	for _, r := range regions {
		if err := m.seams(r); err != nil {
			return err
		}
		if m.count > 0 && r != whole && inlineMark(r) {
			if err := m.aside(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// decoded undoes a transfer encoding over the whole multipart, which RFC 2045
// section 6.4 forbids and some clients read.
func (m *split) decoded() (*io.SectionReader, error) {
	e := m.entity
	p := &scan.Part{Open: func() (io.Reader, error) { return decode(e.body, e.encoding, nil) }}
	raw, err := p.Content(m.budget)
	if err != nil {
		return nil, err
	}
	return raw, nil
}

// leaf yields a multipart that has no parts as what it is then.
func (m *split) leaf() error {
	of := m.entity
	p := &scan.Part{
		Path: number(of.part.Path, "1"), Names: of.part.Names, Types: []string{"text/plain"}, DisputedNames: of.part.DisputedNames,
		Depth: of.part.Depth + 1, Nest: of.part.Nest, Made: of,
	}
	p.Open = func() (io.Reader, error) { return decode(of.body, of.encoding, &of.odd) }
	p.Text = p.Open
	if identity(of.encoding) {
		p.Raw = of.body
	}
	of.part = p
	return of.yield(m.budget, m.yield)
}

// aside yields a preamble or an epilogue as text: some clients look for files in
// it.
func (m *split) aside(r *io.SectionReader) error {
	of := m.entity.part
	p := &scan.Part{Path: number(of.Path, "~"), Types: []string{"text/plain"}, Depth: of.Depth + 1, Nest: of.Nest, Disputed: true, Raw: r}
	p.Open = func() (io.Reader, error) { return section(r, 0, r.Size()), nil }
	return m.yield(p)
}

// inlineMark reports whether a file without MIME may begin in r.
func inlineMark(r *io.SectionReader) bool {
	buf := make([]byte, min(64<<10, r.Size()))
	n, _ := r.ReadAt(buf, 0)
	for _, mark := range []string{"begin", "=ybegin", "(This file must"} {
		if bytes.Contains(buf[:n], []byte(mark)) {
			return true
		}
	}
	return false
}

// number appends a part's number, or HEADER, to a path.
func number(path, n string) string {
	if path == "" {
		return n
	}
	return path + "." + n
}
