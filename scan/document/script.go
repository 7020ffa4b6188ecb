package document

import (
	"bytes"
	"io"
	"math/bits"
	"unicode/utf8"
)

// A script is read as if its author had hidden nothing: escapes
// in strings are decoded ("\x42lob"), strings joined by plus signs are one
// ("at"+"ob"). scriptReader gives that text byte by byte; pos is where in the
// source it stands, and reading may begin anew at any pos.
type scriptReader struct {
	src  []byte
	pos  int
	at   int // where the byte read last begins
	wait [utf8.UTFMax]byte
	n    int // bytes in wait
}

func (r *scriptReader) ReadByte() (byte, error) {
	for {
		if r.n > 0 {
			c := r.wait[0]
			copy(r.wait[:], r.wait[1:])
			r.n--
			return c, nil
		}
		if r.pos >= len(r.src) {
			return 0, io.EOF
		}
		c := r.src[r.pos]
		r.at = r.pos
		r.pos++
		switch c {
		case '\\':
			r.escape()
			continue
		case '"', '\'', '`':
			if end := r.joined(); end > 0 {
				r.pos = end
				continue
			}
		}
		return c, nil
	}
}

// escape decodes what follows a backslash (ECMA-262 section 12.9.4).
func (r *scriptReader) escape() {
	rest := r.src[r.pos:]
	if len(rest) == 0 {
		return
	}
	set := func(v rune, used int) {
		r.n = utf8.EncodeRune(r.wait[:], v)
		r.pos += used
	}
	switch c := rest[0]; {
	case c == 'x' && len(rest) > 2:
		if v, ok := hexValue(rest[1:3]); ok {
			set(v, 3)
			return
		}
	case c == 'u' && len(rest) > 4:
		if v, ok := hexValue(rest[1:5]); ok {
			set(v, 5)
			return
		}
		if end := bytes.IndexByte(rest[:min(len(rest), 10)], '}'); rest[1] == '{' && end > 2 {
			if v, ok := hexValue(rest[2:end]); ok {
				set(v, end+1)
				return
			}
		}
	case c >= '0' && c <= '7':
		v, n := rune(0), 0
		for n < 3 && n < len(rest) && rest[n] >= '0' && rest[n] <= '7' && v < 32 {
			v, n = v<<3|rune(rest[n]-'0'), n+1
		}
		set(v, n)
		return
	case c == '\n' || c == '\r': // the string goes on in the next line
		r.pos++
		if c == '\r' && len(rest) > 1 && rest[1] == '\n' {
			r.pos++
		}
		return
	case c == 'n' || c == 'r' || c == 't':
		set('\n', 1)
		return
	}
	set(rune(rest[0]&0x7f), 1)
	if rest[0] >= 0x80 {
		r.n, r.pos = 0, r.pos-1
	}
}

// joined returns where the next string goes on when the quote just read ends
// one that is added to it, 0 when not. VBScript adds with "&".
func (r *scriptReader) joined() int {
	i := r.skip(r.pos)
	if i >= len(r.src) || r.src[i] != '+' && r.src[i] != '&' {
		return 0
	}
	i = r.skip(i + 1)
	if i >= len(r.src) {
		return 0
	}
	if c := r.src[i]; c != '"' && c != '\'' && c != '`' {
		return 0
	}
	return i + 1
}

// skip passes blanks, parentheses and short comments.
func (r *scriptReader) skip(i int) int {
	for i < len(r.src) {
		switch c := r.src[i]; {
		case isBlank(c) || c == '(' || c == ')':
			i++
		case c == '/' && i+1 < len(r.src) && r.src[i+1] == '*':
			end := bytes.Index(r.src[i+2:min(len(r.src), i+130)], []byte("*/"))
			if end < 0 {
				return i
			}
			i += 2 + end + 2
		default:
			return i
		}
	}
	return i
}

// mark is a set of words met in scripts.
type mark uint32

const (
	mBlob mark = 1 << iota
	mFile
	mObjectURL
	mSaveBlob
	mDownload
	mAtob
	mCharCode
	mUnescape
	mWrite // writes a document or runs text
	mLeave // goes to a URL, or opens one
	mActiveX
	mDanger // a class that starts programs or writes files
	mWasm
	mDataCode // a data URL with HTML, script or a program
	mScheme
	mRuns       // runs text as it is decoded
	mBigText    // base64 of 1 KiB and more that is no picture
	mBigNumbers // 1024 numbers below 256 in a row
	mBigEscapes // 1 KiB that is mostly percent escapes
)

// words, 64 at most and four letters at least, are looked for in lower case: VBScript does not care, and in
// JavaScript nothing honest differs by case alone.
var words = [...]struct {
	word string
	mark mark
}{
	{"blob", mBlob}, {"new file", mFile}, {"createobjecturl", mObjectURL},
	{"mssaveblob", mSaveBlob}, {"mssaveoropenblob", mSaveBlob}, {"showsavefilepicker", mSaveBlob},
	{".download", mDownload}, {"\"download\"", mDownload}, {"'download'", mDownload}, {"download=", mDownload},
	{"atob", mAtob}, {"fromcharcode", mCharCode}, {"fromcodepoint", mCharCode},
	{"unescape", mUnescape}, {"decodeuri", mUnescape},
	{"document.write", mWrite}, {"[\"write\"]", mWrite}, {"['write']", mWrite}, {"eval", mWrite}, {"function(\"", mWrite}, {"innerhtml", mWrite}, {"srcdoc", mWrite},
	{"execscript", mWrite},
	{"eval(atob(", mRuns}, {"function(atob(", mRuns}, {"settimeout(atob(", mRuns}, {"write(atob(", mRuns}, {"eval(string.fromcharcode(", mRuns},
	{"location", mLeave}, {"window.open", mLeave}, {".href", mLeave}, {".src", mLeave}, {"iframe", mLeave}, {"setattribute", mLeave},
	{"activexobject", mActiveX}, {"createobject(", mActiveX}, {"getobject(", mActiveX},
	{"wscript.shell", mDanger}, {"shell.application", mDanger}, {"adodb.stream", mDanger}, {"scripting.filesystemobject", mDanger},
	{"wscript.network", mDanger}, {"winmgmts:", mDanger},
	{"webassembly.instantiate", mWasm}, {"webassembly.compile", mWasm}, {"webassembly.module", mWasm},
	{"data:text/html", mDataCode}, {"data:application/octet-stream", mDataCode}, {"data:application/x-", mDataCode}, {"data:application/zip", mDataCode},
	{"data:application/hta", mDataCode}, {"data:application/xhtml", mDataCode}, {"data:application/download", mDataCode},
	{"ms-msdt:", mScheme}, {"search-ms:", mScheme}, {"ms-appinstaller:", mScheme}, {"ms-officecmd:", mScheme}, {"mk:@msitstore", mScheme},
}

// longestWord is how many bytes of one window are seen again in the next: a
// word, or the type of a data URL.
const longestWord = 100

// run judges a script, an event handler or a javascript link.
func (g *page) run(src []byte) {
	if len(src) < 8 || g.stop != nil {
		return
	}
	g.readScript(src)
	// In XML, and in SVG within HTML, references count in scripts too.
	if (g.kind.xml || g.inside) && bytes.IndexByte(src, '&') >= 0 {
		if plain := appendDecoded(nil, src, references); len(plain) != len(src) {
			g.readScript(plain)
		}
	}
}

func (g *page) readScript(src []byte) {
	if g.words == nil {
		g.words = newWordTable()
	}
	r := scriptReader{src: src}
	l := literals{page: g, src: src}
	var seen mark
	window := make([]byte, 0, min(len(src)+longestWord, 32<<10))
	for {
		c, err := r.ReadByte()
		if err == nil {
			l.add(c, r.at, window)
			window = append(window, c)
		}
		if err != nil || len(window) == cap(window) {
			seen |= g.words.find(window)
			keep := copy(window, window[max(0, len(window)-longestWord):])
			window = window[:keep]
			if g.b.Time() != nil { // the engine says so
				return
			}
		}
		if err != nil {
			break
		}
	}
	l.end()
	seen |= l.seen
	g.judgeScript(seen)
	g.seen |= seen
}

// wordTable finds words by their first four letters: bit i is set in what
// stands for a letter at one of the four places when word i has it there.
type wordTable [4][256]uint64

func newWordTable() *wordTable {
	t := new(wordTable)
	for i, w := range words {
		for place := range t {
			t[place][w.word[place]] |= 1 << i
		}
	}
	return t
}

// find returns the marks of the words in a window, which it makes lower case.
func (t *wordTable) find(window []byte) (seen mark) {
	for i, c := range window {
		if c >= 'A' && c <= 'Z' {
			window[i] = c + 'a' - 'A'
		}
	}
	for i := 0; i+4 <= len(window); i++ {
		set := t[0][window[i]] & t[1][window[i+1]] & t[2][window[i+2]] & t[3][window[i+3]]
		for ; set != 0; set &= set - 1 {
			w := &words[bits.TrailingZeros64(set)]
			if seen&w.mark == 0 && bytes.HasPrefix(window[i:], []byte(w.word)) {
				seen |= w.mark
			}
		}
	}
	return seen
}

func (m mark) has(all mark) bool { return m&all == all }

// judgeScript combines what only counts within one script.
func (g *page) judgeScript(seen mark) {
	switch {
	case seen.has(mCharCode | mBigNumbers | mWrite):
		g.note("script writes a page or a script kept as numbers")
	case seen.has(mUnescape | mBigEscapes | mWrite):
		g.note("script writes a page or a script kept in escapes")
	}
	if seen.has(mDataCode) && seen&(mLeave|mDownload|mWrite) != 0 {
		g.note("script opens a data URL")
	}
	if seen.has(mRuns) {
		g.note("script runs text that it decodes")
	}
	if seen.has(mScheme) {
		g.note("script with a link that starts a program")
	}
}

// judge combines what all scripts of the page hold.
func (g *page) judge() {
	switch {
	case g.seen.has(mSaveBlob), g.seen.has(mObjectURL) && g.seen&(mBlob|mFile) != 0:
		g.note("script builds a file in the browser")
	case g.seen.has(mAtob | mBigText):
		g.note("script decodes a large base64 text")
	}
	if g.seen.has(mActiveX | mDanger) {
		g.note("script creates an object that starts programs or writes files")
	}
	if g.seen.has(mWasm) {
		g.note("script runs WebAssembly")
	}
}
