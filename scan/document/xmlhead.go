package document

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// xmlRoot reports whether bytes begin an XML document, and gives its root tag
// with its references decoded; "" when the root stands behind them.
func xmlRoot(head []byte) (root string, ok bool) {
	if len(head) == 0 {
		return "", false
	}
	if c := head[0]; c != '<' && c != 0xef && c != 0xff && c != 0xfe && c != 0 && c > ' ' {
		return "", false
	}
	begin := head
	if isUTF16(head) {
		short := head[:min(len(head), 256)]
		begin, _ = io.ReadAll(utf8XML(bytes.NewReader(short), short))
	}
	if !startsXML(begin) {
		return "", false
	}
	x := newXML(utf8XML(bytes.NewReader(head), head))
	for x.next() == nil {
		if x.kind == xmlStart {
			return string(unescape(nil, x.text)), true
		}
	}
	return "", true
}

// startsXML reports a tag, a declaration or a comment as the first that is not
// blank.
func startsXML(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(head) > 1 && head[0] == '<' && (head[1] == '?' || head[1] == '!' || isName(head[1]))
}

// encodingOf returns the encoding that an XML declaration names, in lower
// case, when its bytes for the markup are not ASCII's: "" for all that can be
// read as they stand.
func encodingOf(head []byte) string {
	short := head[:min(len(head), 512)]
	text, _ := io.ReadAll(utf8XML(bytes.NewReader(short), short))
	declaration, _, _ := bytes.Cut(text, []byte("?>"))
	_, rest, ok := bytes.Cut(bytes.ToLower(declaration), []byte("encoding"))
	name := string(bytes.Trim(bytes.TrimLeft(rest, " \t\r\n="), " \t\r\n\"'"))
	if i := strings.IndexAny(name, " \t\r\n\"'"); i >= 0 {
		name = name[:i]
	}
	if !ok || name == "" {
		return ""
	}
	for _, prefix := range [...]string{"utf-8", "utf8", "utf-16", "utf16", "ucs-2", "us-ascii", "ascii", "iso-8859", "iso8859", "latin",
		"windows-", "cp125", "koi8", "gb", "big5", "euc-", "shift_jis", "sjis", "tis-620", "mac"} {
		if strings.HasPrefix(name, prefix) {
			return ""
		}
	}
	return name
}

func isUTF16(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	a, b := head[0], head[1]
	return a == 0xff && b == 0xfe || a == 0xfe && b == 0xff || a == '<' && b == 0 && head[3] == 0 || a == 0 && b == '<' && head[2] == 0
}

// utf8XML reads XML as UTF-8, which it is, or any other that has ASCII's bytes
// for the markup, unless its first bytes are UTF-16 (XML 1.0 appendix F).
func utf8XML(r io.Reader, head []byte) io.Reader {
	if !isUTF16(head) {
		return r
	}
	return &utf16Reader{r: r, big: head[0] == 0xfe || head[0] == 0}
}

// utf16Reader turns UTF-16 into UTF-8. A byte order mark is dropped.
type utf16Reader struct {
	r     io.Reader
	big   bool
	in    [4096]byte
	have  int // bytes in in
	lead  rune
	ready []byte
	out   []byte
	err   error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.ready) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		n, err := u.r.Read(u.in[u.have:])
		u.have += n
		u.err = err
		u.ready = u.decode()
	}
	n := copy(p, u.ready)
	u.ready = u.ready[n:]
	return n, nil
}

func (u *utf16Reader) decode() []byte {
	out := u.out[:0]
	i := 0
	for ; i+2 <= u.have; i += 2 {
		unit := rune(u.in[i]) | rune(u.in[i+1])<<8
		if u.big {
			unit = rune(u.in[i])<<8 | rune(u.in[i+1])
		}
		lead := u.lead
		u.lead = 0
		switch {
		case lead != 0 && utf16.DecodeRune(lead, unit) != utf8.RuneError:
			out = utf8.AppendRune(out, utf16.DecodeRune(lead, unit))
		case unit >= 0xd800 && unit < 0xdc00:
			u.lead = unit
		case unit != 0xfeff:
			out = utf8.AppendRune(out, unit)
		}
	}
	u.have = copy(u.in[:], u.in[i:u.have])
	u.out = out
	return out
}
