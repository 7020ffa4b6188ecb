package message

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"

	"qguard/scan"
)

// A coding is a way to write a file as text.
type coding byte

const (
	uuencode coding = iota + 1
	xxencode
	base64Lines // base64 between uuencode's lines
	yenc
	binhex
	gzip64 // base64 over gzip; a transfer encoding only
)

func (c coding) String() string {
	return [...]string{"", "uuencode", "xxencode", "base64", "yenc", "binhex", "gzip64"}[c]
}

// family is one for the three that begin with the same line.
func (c coding) family() coding {
	if c <= base64Lines {
		return uuencode
	}
	return c
}

// An encoded is one file found in text.
type encoded struct {
	kind   coding
	names  []string
	begin  int64  // offset of its first line
	data   []span // its encoded bytes
	marks  string // quote marks before each line
	width  int    // yEnc: characters in a line
	part   int    // yEnc: number of the piece, 0 = the whole
	start  int64  // yEnc: where in the file the piece belongs
	closed bool   // yEnc: its end was seen
	sure   bool   // BinHex: no prose
}

// A span is a range of offsets; to < 0 means the end of the text.
type span struct{ from, to int64 }

// decode returns the bytes of the file; raw is the text it was found in.
func (e *encoded) decode(raw *io.SectionReader) io.Reader {
	var all []io.Reader
	for _, s := range e.data {
		if s.to < 0 {
			s.to = raw.Size()
		}
		all = append(all, io.NewSectionReader(raw, s.from, s.to-s.from))
	}
	return e.decoder(io.MultiReader(all...))
}

// decoder decodes what follows the file's first line in r.
func (e *encoded) decoder(r io.Reader) io.Reader {
	switch e.kind {
	case base64Lines:
		return &base64Reader{r: &base64Body{lines: lines{r: r}}}
	case yenc:
		return &yencReader{lines: lines{r: r}, width: e.width}
	case binhex:
		return dataFork(r)
	}
	return newUU(r, e.kind, e.marks)
}

// findWindow is how much text the finder looks at in one go, and so how long a
// line it sees as one.
const findWindow = 32 << 10

// finder looks for encoded files in text, line by line.
//
// A file in uuencode begins with the line "begin MODE NAME". Prose has such
// lines too, so data must follow: within 8 lines that are not blank, see
// doubt. yEnc's and BinHex's first lines are not met in prose; of BinHex the
// decoded header is checked as well.
type finder struct {
	budget *scan.Budget // counts the files; nil: the first one is all that is wanted
	binhex bool         // a line that begins with ':' may begin a BinHex file
	files  []*encoded
	doubt  *doubt // a "begin" line that may be prose; nil or room
	room   doubt
	uu, xx *alphabet
	piece  *encoded // the last in yEnc
	banner int      // lines in which a BinHex file may still begin
	inLine bool     // the window begins within a line
	err    error    // the limit that was reached
}

// window looks at all lines that end in buf, whose offset is at, and with last
// at what follows them. It returns how many bytes it has seen.
func (f *finder) window(buf []byte, at int64, last bool) int {
	pos, lf := 0, -1 // lf: the next line feed, len(buf) when there is none
	if f.doubt == nil && f.banner == 0 && !f.binhex && !f.inLine {
		if pos = plainLines(buf); pos == len(buf) {
			return pos
		}
	}
	for f.err == nil && pos < len(buf) {
		if lf < pos {
			if lf = bytes.IndexByte(buf[pos:], '\n'); lf >= 0 {
				lf += pos
			} else {
				lf = len(buf)
			}
		}
		end, next := lf, lf+1
		if cr := bytes.IndexByte(buf[pos:lf], '\r'); cr >= 0 && pos+cr+1 < lf {
			end, next = pos+cr, pos+cr+1 // QUIRK: a bare CR is a line end to some clients
		} else if cr >= 0 {
			end--
		}
		if end >= len(buf) && !last && pos > 0 {
			return pos // the line goes on behind buf
		}
		next = min(next, len(buf))
		line := buf[pos:end]
		if !f.inLine && (f.doubt != nil || f.banner > 0 || f.binhex || beginsFile(line)) {
			f.line(at+int64(pos), at+int64(next), line)
		}
		f.inLine = end >= len(buf)
		pos = next
	}
	return pos
}

// plainLines returns the offset behind the lines at the start of buf in which
// no file begins and no CR stands but before the LF.
func plainLines(buf []byte) int {
	last := bytes.LastIndexByte(buf, '\n') + 1
	crs, pos := bytes.Count(buf[:last], []byte{'\r'}), 0
	for pos < last {
		n := bytes.IndexByte(buf[pos:last], '\n')
		line := buf[pos : pos+n]
		switch c := buf[pos]; c {
		case 'b', '=', '(', '>', ' ', '\t':
			if c == '>' && n > 2 && line[1] == ' ' && line[2] > '>' && line[2] != 'b' {
				break // an ordinary line of a reply
			}
			if beginsFile(line) {
				if crs > 0 {
					return 0
				}
				return pos
			}
		}
		if n > 0 && line[n-1] == '\r' {
			crs--
		}
		pos += n + 1
	}
	if pos == last && crs > 0 {
		return 0
	}
	return pos
}

// beginsFile is the test that every line of every text gets.
func beginsFile(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	if c := line[0]; c == '>' || c == ' ' || c == '\t' {
		line = line[quoteMarks(line):]
	}
	if len(line) < 5 {
		return false
	}
	switch line[0] {
	case 'b':
		return string(line[:5]) == "begin"
	case '=':
		return line[1] == 'y'
	case '(':
		return isBanner(line)
	}
	return false
}

// quoteMarks returns how many characters at the start of a line are the marks
// of a quotation: '>' and blanks, 8 at most.
func quoteMarks(line []byte) int {
	n := 0
	for n < len(line) && n < 8 && (line[n] == '>' || line[n] == ' ' || line[n] == '\t') {
		n++
	}
	return n
}

// line takes one line; next is the offset of the line after it.
func (f *finder) line(at, next int64, line []byte) {
	marks := quoteMarks(line)
	text := line[marks:]
	switch {
	case bytes.HasPrefix(text, []byte("begin")):
		if f.begins(at, next, line, marks) {
			return
		}
	case bytes.HasPrefix(line, []byte("=y")):
		f.yenc(at, next, line)
	case isBanner(text):
		f.banner = 64
		return
	case (f.binhex || f.banner > 0) && len(text) > 0 && text[0] == ':':
		if ok, sure := isBinHex(text[1:]); ok {
			f.add(&encoded{kind: binhex, begin: at, data: []span{{at + int64(marks) + 1, -1}}, sure: sure})
			f.banner = 0
		}
	}
	f.banner = max(0, f.banner-1)
	if f.doubt == nil {
		return
	}
	if f.uu == nil {
		f.uu, f.xx = newAlphabet(uuencode), newAlphabet(xxencode)
	}
	switch f.doubt.judge(line, f.uu, f.xx) {
	case believed:
		f.add(f.doubt.file())
		f.doubt = nil
	case prose:
		f.doubt = nil
	}
}

// finish is called at the end of the text.
func (f *finder) finish() {
	if f.doubt != nil && f.doubt.lines > 0 && f.err == nil && f.doubt.atEnd() == believed {
		f.add(f.doubt.file())
	}
	f.doubt = nil
}

// begins takes a line that starts with "begin". Two such lines and then data:
// either may be the one, so the names of both count.
func (f *finder) begins(at, next int64, line []byte, marks int) bool {
	kind, strict, ok := beginLine(line[marks:])
	if !ok {
		return false
	}
	d := &f.room
	if f.doubt == nil {
		d.begins = [8]string{}
	} else {
		copy(d.begins[1:], d.begins[:])
	}
	d.begins[0] = string(line[marks:])
	*d = doubt{begins: d.begins, begin: at, data: next, marks: string(line[:marks]), kind: kind, strict: strict}
	f.doubt = d
	return true
}

// add keeps a file. One of the same family that has no end yet ends there.
func (f *finder) add(e *encoded) {
	if f.budget != nil {
		if f.err = f.budget.Part(); f.err != nil {
			return
		}
	}
	for _, before := range slices.Backward(f.files) {
		if before.kind.family() != e.kind.family() {
			continue
		}
		if s := &before.data[0]; s.to < 0 {
			s.to = max(s.from, e.begin)
		}
		break
	}
	f.files = append(f.files, e)
}

// yenc takes a line of yEnc's own: =ybegin, =ypart, =yend.
func (f *finder) yenc(at, next int64, line []byte) {
	if rest, ok := bytes.CutPrefix(line, []byte("=ybegin ")); ok {
		if e := yencBegin(rest); e != nil {
			e.begin, e.data = at, []span{{next, -1}}
			f.add(e)
			f.piece = e
		}
		return
	}
	e := f.piece
	if e == nil || e.closed {
		return
	}
	if rest, ok := bytes.CutPrefix(line, []byte("=ypart ")); ok && e.start == 0 {
		e.start, _ = strconv.ParseInt(yencField(rest, "begin"), 10, 64)
	}
	if bytes.HasPrefix(line, []byte("=yend")) {
		e.closed, e.data[0].to = true, at
	}
}

// joinYenc puts the pieces of a file together that are in one text.
func joinYenc(files []*encoded) (joined []*encoded) {
	pieces := map[string][]*encoded{}
	for _, e := range files {
		if e.part == 0 || len(e.names) == 0 {
			joined = append(joined, e)
			continue
		}
		name := e.names[0]
		if len(pieces[name]) == 0 {
			whole := *e
			joined = append(joined, &whole)
		}
		pieces[name] = append(pieces[name], e)
	}
	for _, whole := range joined {
		if whole.part == 0 || len(whole.names) == 0 {
			continue
		}
		list := pieces[whole.names[0]]
		slices.SortStableFunc(list, func(a, b *encoded) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.part, b.part))
		})
		whole.data = nil
		for _, e := range list {
			whole.data = append(whole.data, e.data...)
		}
	}
	return joined
}

// beginLine reads "begin MODE NAME", where the mode may be missing, and the
// forms with a variant: begin-base64, begin-encoded (the name is in base64),
// begin-base64-encoded. strict says that there is a mode.
func beginLine(text []byte) (kind coding, strict, ok bool) {
	rest := text[len("begin"):]
	blank := bytes.IndexAny(rest, " \t")
	if blank < 0 || blank > 0 && rest[0] != '-' {
		return 0, false, false
	}
	kind = uuencode
	if bytes.Contains(rest[:blank], []byte("base64")) {
		kind = base64Lines
	}
	rest = bytes.TrimSpace(rest[blank:])
	mode, _, _ := bytes.Cut(rest, []byte(" "))
	strict = len(mode) >= 3 && len(mode) <= 7
	for _, c := range mode {
		strict = strict && c >= '0' && c <= '7'
	}
	return kind, strict, len(rest) > 0
}

// beginNames returns the names in a line that beginLine has read.
func beginNames(line string) (names []string) {
	variant, name, _ := strings.Cut(line, " ")
	if tab := strings.IndexByte(line, '\t'); tab >= 0 && tab < len(variant) {
		variant, name = line[:tab], line[tab+1:]
	}
	name = strings.TrimSpace(name)
	if _, strict, _ := beginLine([]byte(line)); strict {
		_, name, _ = strings.Cut(name, " ")
		name = strings.TrimSpace(name)
	}
	if n := len(name); n > 1 && (name[0] == '"' || name[0] == '\'') && name[n-1] == name[0] {
		name = name[1 : n-1]
	}
	if strings.HasSuffix(variant, "-encoded") {
		if plain, err := base64.StdEncoding.DecodeString(name); err == nil {
			names = nameReadings(string(plain))
		}
	}
	for _, n := range nameReadings(name) {
		names = appendNew(names, n)
	}
	return names
}
