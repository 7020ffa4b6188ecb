package document

import (
	"bytes"
	"io"
	"unicode/utf8"

	"qguard/scan"
)

// gather adds a piece to what is judged as one.
func gather(all *[]byte, piece []byte, what string) error {
	if len(*all)+len(piece) > maxToken {
		return &scan.Flaw{Rule: "limit.size", Note: what + " over 8 MiB"}
	}
	*all = append(*all, piece...)
	return nil
}

// whole returns a text or a comment when its last piece is there, nil before.
func (g *page) whole(z *tokenizer, what string) (text []byte, err error) {
	if len(g.pieces) == 0 && !z.more {
		return z.raw, nil
	}
	if err := gather(&g.pieces, z.raw, what); err != nil || z.more {
		return nil, err
	}
	text, g.pieces = g.pieces, g.pieces[:0]
	return text, nil
}

// prose judges text that is not known to be anything else. What it begins with
// counts, so the rest is not kept.
func (g *page) prose(z *tokenizer) error {
	if g.passed {
		g.passed = z.more
		return nil
	}
	text := z.raw
	if known := !z.more || !mayBeBase64(text); len(g.pieces) > 0 || !known {
		if err := gather(&g.pieces, text, "text of base64"); err != nil || !known {
			return err
		}
		text, g.pieces = g.pieces, g.pieces[:0]
	}
	g.passed = z.more
	if text = bytes.TrimSpace(text); len(text) >= minText {
		g.large(text)
	}
	return nil
}

// large judges a text, or the value of an attribute, that may be a file kept
// for a script.
func (g *page) large(text []byte) {
	n := 0
	var head [128]byte
	for _, c := range text {
		if isBase64(c) {
			if n < len(head) {
				head[n] = c
			}
			n++
		} else if !isBlank(c) {
			break
		}
	}
	if n < minText {
		return
	}
	source := func() io.ByteReader { return &until{src: bytes.NewReader(text), n: n, is: isBase64} }
	g.seen |= g.base64(head[:min(n, len(head))], n, "", source)
}

// mayBeBase64 reports whether a piece of text has nothing in it that ends
// base64. Blanks outside ASCII may stand before it.
func mayBeBase64(piece []byte) bool {
	for _, c := range piece {
		if !isBase64(c) && !isBlank(c) && c != '\v' && c < utf8.RuneSelf {
			return false
		}
	}
	return true
}

// base64 judges n digits of base64, or of hexadecimal numbers: head is the
// first of them, mediaType what a data URL says, source gives them all.
func (g *page) base64(head []byte, n int, mediaType string, source func() io.ByteReader) mark {
	plain := make([]byte, len(head))
	m, _ := (&base64Reader{src: bytes.NewReader(head)}).Read(plain)
	plain = plain[:m]
	magic := magicOf(plain)
	open := func() (io.Reader, error) { return &base64Reader{src: source()}, nil }
	if magic == notKnown {
		if m, _ := (&hexReader{src: bytes.NewReader(head)}).Read(plain); magicOf(plain[:m]) != notKnown {
			plain = plain[:m]
			magic = magicOf(plain)
			open = func() (io.Reader, error) { return &hexReader{src: source()}, nil }
		}
	}
	if magic != isProgram && (mediaType != "" && plainType(mediaType) || isMedia(plain)) {
		return 0
	}
	if magic != notKnown {
		g.open([]string{"data"}, "application/octet-stream", open)
	}
	if magic == isProgram {
		g.note("program or archive kept as text")
	}
	if n < minText || magic == isFile && !sniffHTML(plain) {
		return 0
	}
	return mBigText
}

// hexReader reads hexadecimal digits; anything else ends them.
type hexReader struct{ src io.ByteReader }

func (r *hexReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		high, err := r.src.ReadByte()
		if err != nil {
			return n, io.EOF
		}
		low, err := r.src.ReadByte()
		if err != nil || hexDigit(high) < 0 || hexDigit(low) < 0 {
			return n, io.EOF
		}
		p[n] = byte(hexDigit(high)<<4 | hexDigit(low))
		n++
	}
	return n, nil
}

// isMedia reports pictures, sound, films, fonts, and JSON.
func isMedia(head []byte) bool {
	for _, s := range [...]string{"\x89PNG", "\xff\xd8\xff", "GIF8", "RIFF", "BM", "II*\x00", "MM\x00*", "\x00\x00\x01\x00", "\x00\x00\x02\x00",
		"wOFF", "wOF2", "OTTO", "\x00\x01\x00\x00", "true", "ID3", "OggS", "fLaC", "\x1aE\xdf\xa3", "\x00asm", "{\"", "[{", "[\"", "[[", "glTF"} {
		if len(head) >= len(s) && string(head[:len(s)]) == s {
			return true
		}
	}
	return len(head) > 8 && string(head[4:8]) == "ftyp"
}
