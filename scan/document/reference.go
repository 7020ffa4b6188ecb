package document

import (
	_ "embed" // the table is data
	"strconv"
	"strings"
	"unicode/utf8"
)

// entities are the named character references of the HTML standard (section
// 13.5), sorted: name, which ends in a semicolon save the old ones that go
// without as well; one or two code points in hexadecimal.
//
//go:embed entities.tsv
var entities string

// longestName is the longest name there, CounterClockwiseContourIntegral;.
const longestName = 32

// decoding is what is decoded in text.
type decoding uint8

const (
	lineEnds    decoding = 1 << iota // CR LF and CR are LF
	nulls                            // NUL is U+FFFD
	references                       // character references
	inAttribute                      // with references: those of old look like a query's parameters
)

// appendText appends a text token, or a piece of one, decoded.
func (z *tokenizer) appendText(dst []byte) []byte { return appendDecoded(dst, z.raw, z.how) }

// appendDecoded appends src to dst, decoded.
func appendDecoded(dst, src []byte, how decoding) []byte {
	for {
		i := 0
		for i < len(src) && src[i] != '&' && src[i] != '\r' && src[i] != 0 {
			i++
		}
		dst = append(dst, src[:i]...)
		if i == len(src) {
			return dst
		}
		src = src[i:]
		n := 1
		switch c := src[0]; {
		case c == '&' && how&references != 0 && len(src) > 1 && (isLetter(src[1]) || src[1] == '#'):
			dst, n = appendReference(dst, src, how&inAttribute != 0)
		case c == '\r' && how&lineEnds != 0:
			dst = append(dst, '\n')
			if len(src) > 1 && src[1] == '\n' {
				n = 2
			}
		case c == 0 && how&nulls != 0:
			dst = append(dst, "\ufffd"...)
		default:
			dst = append(dst, c)
		}
		src = src[n:]
	}
}

// appendReference appends what stands for an ampersand and the letter or the
// number sign that follow it, and returns how many bytes that takes (sections
// 13.2.5.72 to 13.2.5.80).
func appendReference(dst, src []byte, attribute bool) ([]byte, int) {
	if src[1] == '#' {
		if r, n, ok := numeric(src); ok {
			if n < len(src) && src[n] == ';' {
				n++
			}
			return utf8.AppendRune(dst, r), n
		}
		return append(dst, '&'), 1
	}
	end := 1
	for end < len(src) && end < longestName && isAlphanumeric(src[end]) {
		end++
	}
	if end < len(src) && src[end] == ';' {
		end++
	}
	switch string(src[1:end]) { // nearly all there are
	case "amp;":
		return append(dst, '&'), end
	case "lt;":
		return append(dst, '<'), end
	case "gt;":
		return append(dst, '>'), end
	case "quot;":
		return append(dst, '"'), end
	case "nbsp;":
		return append(dst, "\u00a0"...), end
	}
	value, n := entity(src[1:end])
	if n == 0 || attribute && src[n] != ';' && n+1 < len(src) && (src[n+1] == '=' || isAlphanumeric(src[n+1])) {
		return append(dst, '&'), 1
	}
	first, second, _ := strings.Cut(value, " ")
	dst = appendPoint(dst, first)
	if second != "" {
		dst = appendPoint(dst, second)
	}
	return dst, n + 1
}

func appendPoint(dst []byte, hex string) []byte {
	n, _ := strconv.ParseUint(hex, 16, 32) // the table is right
	return utf8.AppendRune(dst, rune(n))
}

// numeric reads "&#", digits and no semicolon. What is no character is U+FFFD,
// the controls above ASCII are what windows-1252 has there.
func numeric(src []byte) (r rune, n int, ok bool) {
	n, base := 2, rune(10)
	if n < len(src) && src[n]|0x20 == 'x' {
		n, base = 3, 16
	}
	start := n
	for ; n < len(src); n++ {
		d := hexDigit(src[n])
		if d < 0 || rune(d) >= base {
			break
		}
		r = min(r*base+rune(d), utf8.MaxRune+1)
	}
	switch {
	case r >= 0x80 && r < 0xa0 && windows1252[r-0x80] != 0:
		r = windows1252[r-0x80]
	case r == 0 || !utf8.ValidRune(r):
		r = utf8.RuneError
	}
	return r, n, n > start
}

var windows1252 = [32]rune{
	0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
	0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
}

// letterAt is where in entities each first letter begins, A to Z and a to z, and
// where the last ends.
var letterAt = [...]uint16{
	0, 284, 432, 973, 1952, 2317, 2442, 2742, 2903, 3245, 3323, 3410, 4452,
	4563, 6081, 6443, 6712, 6763, 7548, 8166, 8462, 9009, 9247, 9305, 9348, 9464,
	9581, 10376, 11902, 13190, 14032, 14813, 15292, 16000, 16367, 17006, 17095, 17206, 19233,
	19713, 22024, 22696, 23534, 23666, 25016, 27009, 27787, 28413, 29032, 29160, 29443, 29581,
	29727,
}

// entity returns the longest name that text, letters and digits and perhaps a
// semicolon, begins with; n is 0 when there is none. It looks, by halves, for the last
// name that is not behind text; where text does not begin with that, it can
// only begin with a name that both begin with.
func entity(text []byte) (value string, n int) {
	for len(text) > 1 && isLetter(text[0]) {
		letter := int(text[0]-'A') % 32
		if text[0] >= 'a' {
			letter += 26
		}
		low, high := int(letterAt[letter]), int(letterAt[letter+1])
		n, value = 0, ""
		for low < high {
			start := (low + high) / 2
			for start > low && entities[start-1] != '\n' {
				start--
			}
			same := 0
			for same < len(text) && entities[start+same] == text[same] {
				same++
			}
			c := entities[start+same]
			if same < len(text) && c > text[same] || same == len(text) && c != '\t' {
				high = start
				continue
			}
			n, value = same, entities[start+same:]
			low = start + same + strings.IndexByte(value, '\n') + 1
		}
		if n > 0 && value[0] == '\t' {
			value, _, _ = strings.Cut(value[1:], "\n")
			return value, n
		}
		text = text[:n]
	}
	return "", 0
}

// uncut is how much of a piece of text can be decoded without the next piece:
// all but a CR, or a reference that may go on.
func uncut(piece []byte, how decoding) int {
	n := len(piece)
	if n > 0 && piece[n-1] == '\r' {
		return n - 1
	}
	i := n
	for i > 0 && (isAlphanumeric(piece[i-1]) || piece[i-1] == '#') {
		i--
	}
	if how&references == 0 || i == 0 || piece[i-1] != '&' {
		return n
	}
	if i < n && piece[i] == '#' {
		if _, length, _ := numeric(piece[i-1:]); i-1+length < n {
			return n
		}
		return i - 1
	}
	if n-i > longestName {
		return n
	}
	return i - 1
}

func isAlphanumeric(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }
