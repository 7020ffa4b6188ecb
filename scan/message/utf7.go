package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 is UTF-7 (RFC 2152): ASCII, and UTF-16 in base64 between "+" and the first
// byte that is no digit of it, a "-" of which is swallowed. Mail clients still
// read it in names and texts. Only decoding is there.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &utf7Decoder{}}
}

func (utf7) NewEncoder() *encoding.Encoder {
	return encoding.Nop.NewEncoder()
}

type utf7Decoder struct {
	coded bool   // behind a "+"
	empty bool   // and nothing since
	bits  uint32 // not given out yet
	n     uint   // how many
	high  rune   // half of a surrogate pair, or 0
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		if !d.coded {
			if c == '+' {
				*d = utf7Decoder{coded: true, empty: true}
				continue
			}
			dst[nDst] = c
			nDst++
			continue
		}
		digit := base64Value(c)
		if digit < 0 {
			d.coded = false
			if c == '-' {
				if d.empty { // "+-" is a plus
					dst[nDst] = '+'
					nDst++
				}
				continue
			}
			dst[nDst] = c
			nDst++
			continue
		}
		d.empty = false
		d.bits, d.n = d.bits<<6|uint32(digit), d.n+6
		if d.n >= 16 {
			d.n -= 16
			nDst += d.unit(dst[nDst:], rune(d.bits>>d.n&0xffff))
		}
	}
	return nDst, nSrc, nil
}

// unit writes what a unit of UTF-16 completes.
func (d *utf7Decoder) unit(dst []byte, u rune) int {
	high := d.high
	d.high = 0
	switch {
	case high != 0 && utf16.DecodeRune(high, u) != utf8.RuneError:
		return utf8.EncodeRune(dst, utf16.DecodeRune(high, u))
	case u >= 0xd800 && u < 0xdc00:
		d.high = u
		return 0
	}
	return utf8.EncodeRune(dst, u)
}
