package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"qguard/scan"
)

// openRTF yields the objects and the text of an RTF document. White space, NULs
// and a byte order mark may stand before it: Word reads it then, too.
func openRTF(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || !isRTF(head) {
		return nil // whoever looks at the content says so
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	j := &rtfJudge{flaws: map[scan.Flaw]bool{}}
	w := newRTF(io.NewSectionReader(raw, 0, raw.Size()))
	w.judge = j
	for w.err == nil {
		if err := b.Time(); err != nil {
			return errors.Join(append(j.found, err)...)
		}
		for i := 0; i < 1<<16 && w.err == nil; i++ {
			w.step()
		}
	}
	if w.err != io.EOF {
		return w.err
	}
	if j.inside {
		j.objects[len(j.objects)-1].to = w.pos
	}
	for i, o := range j.objects {
		if err := openRTFObject(p, io.NewSectionReader(raw, o.from, o.to-o.from), i+1, j, b, yield); err != nil {
			return errors.Join(append(j.found, err)...)
		}
	}
	err = yield(&scan.Part{
		Path: p.Path, Types: []string{"text/plain"}, Depth: p.Depth, Nest: p.Nest,
		Text: func() (io.Reader, error) {
			return &rtfText{walk: newRTF(io.NewSectionReader(raw, 0, raw.Size()))}, nil
		},
	})
	return errors.Join(append(j.found, err)...)
}

func isRTF(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\f\v\x00")
	return bytes.HasPrefix(head, []byte(`{\rt`))
}

// rtfPlace is what the text of a group is.
type rtfPlace byte

const (
	rtfBody     rtfPlace = iota
	rtfSkip              // pictures, styles, what is marked to be ignored
	rtfFonts             // \fonttbl
	rtfObject            // \objdata: hexadecimal digits
	rtfClass             // \objclass
	rtfField             // \fldinst
	rtfTemplate          // \template
)

// An rtfGroup is the state that a closing brace brings back.
type rtfGroup struct {
	place rtfPlace
	uc    uint8  // characters to skip behind \u
	page  uint16 // code page
}

// maxGroups is how many groups keep their own state; braces nested deeper are
// counted and share one.
const maxRTFGroups = 1000

// rtfWalk reads RTF (Rich Text Format Specification 1.9.1) byte by byte and
// shows what it meets to judge or to text.
type rtfWalk struct {
	in    *bufio.Reader
	pos   int64
	err   error
	judge *rtfJudge // may be nil
	text  *rtfText  // may be nil

	rtfGroup
	stack []rtfGroup
	over  int  // groups open beyond the stack
	star  bool // \* came last
	skip  int  // characters that stand for the last \u
	page0 uint16
	fonts map[int]uint16
	font  int // that \fonttbl describes
	word  [32]byte
}

func newRTF(r io.Reader) *rtfWalk {
	return &rtfWalk{in: bufio.NewReaderSize(r, 32<<10), rtfGroup: rtfGroup{uc: 1, page: 1252}, page0: 1252}
}

func (w *rtfWalk) byte() (byte, bool) {
	c, err := w.in.ReadByte()
	if err != nil {
		w.err = err
		return 0, false
	}
	w.pos++
	return c, true
}

func (w *rtfWalk) back() {
	w.in.UnreadByte()
	w.pos--
}

// step reads one brace, control or character.
func (w *rtfWalk) step() {
	c, ok := w.byte()
	if !ok {
		return
	}
	switch c {
	case '{':
		w.push()
	case '}':
		w.pop()
	case '\\':
		w.control()
	case '\r', '\n':
	default:
		w.char(c)
	}
}

// depth is how many groups are open.
func (w *rtfWalk) depth() int { return len(w.stack) + w.over }

func (w *rtfWalk) push() {
	w.skip, w.star = 0, false
	if w.judge != nil {
		w.judge.group(w)
	}
	if len(w.stack) >= maxRTFGroups {
		w.over++
		return
	}
	w.stack = append(w.stack, w.rtfGroup)
}

func (w *rtfWalk) pop() {
	w.skip, w.star = 0, false
	old := w.place
	switch n := len(w.stack); {
	case w.over > 0:
		w.over--
	case n > 0:
		w.rtfGroup = w.stack[n-1]
		w.stack = w.stack[:n-1]
	}
	if w.judge != nil && old != w.place {
		w.judge.end(old)
	}
	if w.judge != nil {
		w.judge.close(w)
	}
}

// char takes a character of the document's text, in its code page.
func (w *rtfWalk) char(c byte) {
	if w.skip > 0 {
		w.skip--
		return
	}
	w.star = false
	if w.judge != nil {
		w.judge.char(w.place, rune(c))
	}
	if w.text != nil && w.place == rtfBody {
		w.text.char(c, w.page)
	}
}

// control reads a control word or symbol (the specification's "Basic Entities").
func (w *rtfWalk) control() {
	c, ok := w.byte()
	if !ok {
		return
	}
	if c|0x20 >= 'a' && c|0x20 <= 'z' {
		w.controlWord(c)
		return
	}
	if w.judge != nil && w.place == rtfObject {
		w.judge.broken = true
	}
	switch c {
	case '\'':
		w.hexChar()
	case '*':
		w.star = true
	case '{', '}', '\\':
		w.char(c)
	case '\r', '\n':
		w.mark("\n")
	case '~':
		w.mark("\u00a0")
	case '_':
		w.mark("-")
	}
}

func (w *rtfWalk) hexChar() {
	v := byte(0)
	for range 2 {
		c, ok := w.byte()
		if !ok {
			return
		}
		d := nibble(c)
		if d > 15 {
			w.back()
			return
		}
		v = v<<4 | d
	}
	w.char(v)
}

// controlWord reads letters, a number, and one blank.
func (w *rtfWalk) controlWord(c byte) {
	n, ok := 0, true
	for ok && c|0x20 >= 'a' && c|0x20 <= 'z' {
		if n < len(w.word) {
			w.word[n] = c
		}
		n++
		c, ok = w.byte()
	}
	minus := ok && c == '-'
	if minus {
		c, ok = w.byte()
	}
	value, have := 0, false
	for ok && c >= '0' && c <= '9' {
		value, have = rtfDigit(value, c), true
		c, ok = w.byte()
	}
	if ok && c != ' ' {
		w.back()
	}
	if minus {
		value = -value
	}
	if n > len(w.word) {
		n = 0 // no word is that long
	}
	star := w.star
	w.star = false
	w.act(string(w.word[:n]), value, have, star)
}

// rtfDigit appends a digit to a number; too large ones are the largest there is,
// in an int of 32 bits too.
func rtfDigit(value int, c byte) int { return int(min(int64(value)*10+int64(c-'0'), 1<<31-1)) }

// mark puts text of a control word into the document.
func (w *rtfWalk) mark(s string) {
	if w.skip > 0 {
		w.skip--
		return
	}
	if w.judge != nil {
		for _, r := range s {
			w.judge.char(w.place, r)
		}
	}
	if w.text != nil && w.place == rtfBody {
		w.text.add(s)
	}
}

// bin passes over raw bytes.
func (w *rtfWalk) bin(n int) {
	const mark = `\obj`
	for n > 0 && w.err == nil {
		k := min(n, 8<<10)
		window, err := w.in.Peek(k + len(mark) - 1)
		// QUIRK: readers disagree on absurd lengths; an object that some of
		// them see in there hides from the others.
		if w.judge != nil && bytes.Contains(window, []byte(mark)) {
			w.judge.active("object hidden in binary data")
		}
		k, _ = w.in.Discard(min(k, len(window)))
		w.pos += int64(k)
		n -= k
		if err != nil && k == 0 {
			w.err = err
		}
	}
}
