package message

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// yEnc, draft 1.3 (yenc.org, 2002): a byte is written as its value plus 42, the
// critical ones NUL, LF, CR and '=' as '=' and the value plus 106. The file
// stands between the lines
//
//	=ybegin part=1 total=2 line=128 size=19338 name=a file.zip
//	=ypart begin=1 end=11250
//	=yend size=11250
//
// where part and =ypart are there only when the file comes in pieces. Sizes and
// checksums are not looked at.
//
// QUIRK: news servers double a dot at the start of a line and not every client
// takes one away again; where the line is then longer than it says, it is
// taken away here.

// yencBegin reads what follows "=ybegin "; nil: it is no such line.
func yencBegin(rest []byte) *encoded {
	e := &encoded{kind: yenc}
	fields, name, named := strings.Cut(string(rest), "name=")
	if named {
		e.names = nameReadings(strings.TrimSpace(name))
	}
	line, size := yencField([]byte(fields), "line"), yencField([]byte(fields), "size")
	if line == "" && size == "" {
		return nil
	}
	e.width, _ = strconv.Atoi(line)
	e.part, _ = strconv.Atoi(yencField([]byte(fields), "part"))
	return e
}

// yencField returns the digits of key=digits, "" without them.
func yencField(line []byte, key string) string {
	for word := range bytes.FieldsSeq(line) {
		if v, ok := strings.CutPrefix(string(word), key+"="); ok && v != "" && strings.Trim(v, "0123456789") == "" {
			return v
		}
	}
	return ""
}

// yencReader decodes the lines behind =ybegin, of all pieces of a file.
type yencReader struct {
	lines  lines
	width  int
	escape bool
	out    [lineWindow]byte
	ready  []byte
	err    error
}

func (y *yencReader) Read(p []byte) (int, error) {
	for len(y.ready) == 0 {
		if y.err != nil {
			return 0, y.err
		}
		y.next()
	}
	n := copy(p, y.ready)
	y.ready = y.ready[n:]
	return n, nil
}

// next decodes a line.
func (y *yencReader) next() {
	line, first, err := y.lines.next()
	if err != nil {
		y.err = err
		return
	}
	if first {
		y.escape = false
		switch {
		case bytes.HasPrefix(line, []byte("=yend")), bytes.HasPrefix(line, []byte("=ybegin ")):
			y.err = io.EOF
			return
		case bytes.HasPrefix(line, []byte("=y")):
			return
		}
		line = y.undot(line)
	}
	out := y.out[:0]
	for _, c := range line {
		if c == '=' && !y.escape {
			y.escape = true
			continue
		}
		if c -= 42; y.escape {
			c -= 64
		}
		y.escape = false
		out = append(out, c)
	}
	y.ready = out
}

// undot takes a doubled dot away where the line is too long by it. A line may
// have one character more than its width when the last one is escaped.
func (y *yencReader) undot(line []byte) []byte {
	n := len(line)
	if !bytes.HasPrefix(line, []byte("..")) || y.width <= 2 || n <= y.width {
		return line
	}
	if n > y.width+1 || line[n-2] != '=' {
		return line[1:]
	}
	return line
}
