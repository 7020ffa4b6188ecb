package document

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// rtfText reads the text of an RTF document.
type rtfText struct {
	walk *rtfWalk
	out  []byte
	sent int
	run  []byte // bytes of one code page that are not decoded yet
	page uint16
	high uint16 // first half of a pair of \u
}

func (t *rtfText) Read(p []byte) (int, error) {
	t.walk.text = t
	for t.sent == len(t.out) {
		t.out, t.sent = t.out[:0], 0
		if t.walk.err != nil {
			return 0, t.walk.err
		}
		for len(t.out) < 4<<10 && t.walk.err == nil {
			t.walk.step()
		}
		if t.walk.err != nil {
			t.flush()
		}
	}
	n := copy(p, t.out[t.sent:])
	t.sent += n
	if t.walk.err != nil && t.walk.err != io.EOF && t.sent == len(t.out) {
		return n, t.walk.err
	}
	return n, nil
}

func (t *rtfText) add(s string) {
	t.flush()
	t.out = append(t.out, s...)
}

// char takes a byte in a code page; those of a run may be one character.
func (t *rtfText) char(c byte, page uint16) {
	if c < 0x80 && len(t.run) == 0 {
		t.out = append(t.out, c)
		return
	}
	if page != t.page || len(t.run) >= 1<<10 {
		t.flush()
	}
	t.page = page
	t.run = append(t.run, c)
	// A letter ends a run, unless it may be the second byte of a character.
	if n := len(t.run); c < 0x80 && (n < 2 || c < 0x40 || t.run[n-2] < 0x80) {
		t.flush()
	}
}

// flush decodes the run.
func (t *rtfText) flush() {
	if len(t.run) == 0 {
		return
	}
	e := rtfEncoding(t.page)
	if e == nil {
		t.out = append(t.out, t.run...)
	} else if text, err := e.NewDecoder().Bytes(t.run); err == nil {
		t.out = append(t.out, text...)
	}
	t.run = t.run[:0]
}

// unit takes one code unit of \u.
func (t *rtfText) unit(u uint16) {
	t.flush()
	r := rune(u)
	if t.high != 0 {
		r = utf16.DecodeRune(rune(t.high), r)
		t.high = 0
	} else if u >= 0xd800 && u < 0xdc00 {
		t.high = u
		return
	}
	if r >= 0xf020 && r <= 0xf0ff { // symbol fonts
		r -= 0xf000
	}
	t.out = utf8.AppendRune(t.out, r)
}

// rtfEncoding is the encoding of a Windows code page, nil for UTF-8.
func rtfEncoding(page uint16) encoding.Encoding {
	switch page {
	case 437:
		return charmap.CodePage437
	case 850:
		return charmap.CodePage850
	case 852:
		return charmap.CodePage852
	case 866:
		return charmap.CodePage866
	case 874:
		return charmap.Windows874
	case 932:
		return japanese.ShiftJIS
	case 936:
		return simplifiedchinese.GBK
	case 949:
		return korean.EUCKR
	case 950:
		return traditionalchinese.Big5
	case 1250:
		return charmap.Windows1250
	case 1251:
		return charmap.Windows1251
	case 1253:
		return charmap.Windows1253
	case 1254:
		return charmap.Windows1254
	case 1255:
		return charmap.Windows1255
	case 1256:
		return charmap.Windows1256
	case 1257:
		return charmap.Windows1257
	case 1258:
		return charmap.Windows1258
	case 10000:
		return charmap.Macintosh
	case 65001:
		return nil
	}
	return charmap.Windows1252
}
