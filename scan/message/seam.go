package message

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"qguard/scan"
)

// A seam is a line that looks as if a part began behind it, whatever boundary
// was declared: two hyphens, something, and then a header with a Content field.
// Clients differ on what a boundary parameter says in a hundred ways, on what a
// multipart is and where it ends; where they do, every seam is taken for one.
type seam struct {
	start, end int64  // of the part
	key        string // the line without what a closing delimiter adds
}

// maxKeys bounds the different delimiters that a reading goes by.
const maxKeys = 64

// seams yields the entities between the seams of a region which no other reading
// has given.
func (m *split) seams(region *io.SectionReader) error {
	s := splitter{raw: region, mark: []byte("--")}
	found, err := s.seams(m.budget)
	if err != nil {
		return err
	}
	in, off, _ := region.Outer()
	n := 0
	for _, f := range found {
		if m.budget.Marked(in, off+f.start) {
			continue
		}
		n++
		m.what = appendNew(m.what, "where the parts are")
		if err := m.child(section(region, f.start, f.end-f.start), "~"+strconv.Itoa(n), true); err != nil {
			return err
		}
	}
	return nil
}

// seams finds the seams of a body. A part ends at the next seam, or at a line that
// begins as the delimiter of one does.
func (s *splitter) seams(b *scan.Budget) (found []seam, err error) {
	size := s.raw.Size()
	var keys []string
	for at := int64(0); at < size; {
		buf, err := s.load(at)
		if err != nil {
			return nil, err
		}
		i := bytes.Index(buf, s.mark)
		if i < 0 {
			if at+int64(len(buf)) == size {
				break
			}
			at += int64(max(1, len(buf)-1))
			continue
		}
		at += int64(i) + 2
		before, begins, err := s.lineStart(at - 2)
		if err != nil {
			return nil, err
		}
		if !begins {
			continue
		}
		line, next, err := s.rest(at)
		if err != nil {
			return nil, err
		}
		key := strings.TrimRight(line, "-")
		at = next
		headed, err := s.headed(next)
		if err != nil {
			return nil, err
		}
		if n := len(found); n > 0 && found[n-1].end == size && (headed || hasPrefix(line, keys)) {
			found[n-1].end = max(before, found[n-1].start)
		}
		if !headed {
			continue
		}
		if err := b.Time(); err != nil {
			return nil, err
		}
		if len(found) > b.Limit.Parts {
			break // yielding them will say so
		}
		found = append(found, seam{next, size, key})
		if len(keys) < maxKeys {
			keys = appendNew(keys, key)
		}
	}
	return found, nil
}

func hasPrefix(line string, keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return strings.HasPrefix(line, key) && (key != "" || strings.Trim(line, "-") == "") // an empty boundary
	})
}

// maxIndent is how much may stand before the hyphens of a delimiter line.
// QUIRK: no RFC allows anything; a CR or blanks were seen.
const maxIndent = 8

// lineStart reports whether only blanks stand between a line's start and at, and
// where the line before ends.
func (s *splitter) lineStart(at int64) (before int64, begins bool, err error) {
	from := max(0, at-maxIndent-2)
	buf := make([]byte, at-from)
	if n, err := s.raw.ReadAt(buf, from); n < len(buf) {
		return 0, false, err
	}
	text := bytes.TrimRight(buf, " \t\v\f")
	if len(text) == 0 {
		return at, from == 0, nil
	}
	last := text[len(text)-1]
	if last != '\n' && last != '\r' {
		return 0, false, nil
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{last}), []byte("\r"))
	return from + int64(len(text)), true, nil
}

// rest returns a line from an offset on, without blanks and control characters
// at its end and 1 KiB at most, and the offset of the line behind it.
func (s *splitter) rest(at int64) (line string, next int64, err error) {
	buf, err := s.load(at)
	if err != nil {
		return "", 0, err
	}
	buf = buf[:min(len(buf), 1024)]
	i := bytes.IndexAny(buf, "\r\n")
	if i < 0 {
		return "", at + int64(len(buf)), nil
	}
	next = at + int64(i) + lineEnd(buf[i:])
	return strings.TrimRightFunc(string(buf[:i]), func(c rune) bool { return c <= ' ' }), next, nil
}

// lineEnd returns the length of the line end that b begins with: a line feed, or
// a CR, or any number of them and a line feed.
func lineEnd(b []byte) int64 {
	n := 0
	for n < len(b) && b[n] == '\r' {
		n++
	}
	switch {
	case n < len(b) && b[n] == '\n':
		return int64(n) + 1
	case n > 1:
		return 1
	}
	return int64(n)
}

// headed reports whether a header with a Content field begins at an offset.
func (s *splitter) headed(at int64) (bool, error) {
	buf, err := s.load(at)
	if err != nil {
		return false, err
	}
	buf = buf[:min(len(buf), 2048)]
	for i := 0; len(buf) > 0; i++ {
		end := bytes.IndexAny(buf, "\r\n")
		if end < 0 {
			end = len(buf)
		}
		line := buf[:end]
		buf = buf[end+int(lineEnd(buf[end:])):]
		if field, _, _ := looseField(line); field != nil {
			return true, nil
		}
		if len(bytes.TrimSpace(line)) == 0 || i > 0 && !folded(line) && !isField(line) || i > 20 {
			return false, nil
		}
	}
	return false, nil
}
