package message_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// Writers of the encodings, each after its specification.

const (
	uuAlphabet  = "`!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
	xxAlphabet  = "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	hqxAlphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
)

// uuLines is data in lines of 45 bytes, without what stands around them.
func uuLines(alphabet, data string) string {
	var out strings.Builder
	for len(data) > 0 {
		n := min(45, len(data))
		out.WriteByte(alphabet[n])
		out.WriteString(sixBits(alphabet, data[:n]+strings.Repeat("\x00", (3-n%3)%3)) + "\n")
		data = data[n:]
	}
	return out.String()
}

// in64 is data in base64, gzipped data in gzip.
func in64(data string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(data)), 76, "\n") }

func gzipped(data string) string {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write([]byte(data))
	z.Close()
	return buf.String()
}

func sixBits(alphabet, data string) string {
	return base64.NewEncoding(alphabet).WithPadding(base64.NoPadding).EncodeToString([]byte(data))
}

func uu(name, data string) string {
	return "begin 644 " + name + "\n" + uuLines(uuAlphabet, data) + "`\nend\n"
}

func xx(name, data string) string {
	return "begin 644 " + name + "\n" + uuLines(xxAlphabet, data) + "+\nend\n"
}

// yencLines is data in lines of 128 characters.
func yencLines(data string) string {
	var out strings.Builder
	width := 0
	for i := range len(data) {
		c := data[i] + 42
		if c == 0 || c == '\n' || c == '\r' || c == '=' {
			out.WriteByte('=')
			c += 64
			width++
		}
		out.WriteByte(c)
		if width++; width >= 128 {
			out.WriteByte('\n')
			width = 0
		}
	}
	if width > 0 {
		out.WriteByte('\n')
	}
	return out.String()
}

func yenc(name, data string) string {
	return fmt.Sprintf("=ybegin line=128 size=%d name=%s\n%s=yend size=%[1]d\n", len(data), name, yencLines(data))
}

// yencPiece is the piece of data from offset from up to to.
func yencPiece(part, total int, name, data string, from, to int) string {
	return fmt.Sprintf("=ybegin part=%d total=%d line=128 size=%d name=%s\n=ypart begin=%d end=%d\n%s=yend size=%d part=%d\n",
		part, total, len(data), name, from+1, to, yencLines(data[from:to]), to-from, part)
}

const banner = "(This file must be converted with BinHex 4.0)\n"

// hqx is BinHex with the CRCs left zero.
func hqx(name, data, resource string) string {
	head := string(rune(len(name))) + name + "\x00TEXTttxt\x00\x00"
	head += string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + string(binary.BigEndian.AppendUint32(nil, uint32(len(resource)))) + "\x00\x00"
	text := ":" + sixBits(hqxAlphabet, runs(head+data+"\x00\x00"+resource+"\x00\x00")) + ":"
	return banner + wrap(text, 64, "\n") + "\n"
}

// runs is BinHex's run-length coding.
func runs(s string) string {
	var out []byte
	for i := 0; i < len(s); {
		n := 1
		for i+n < len(s) && s[i+n] == s[i] && n < 255 {
			n++
		}
		out = append(out, s[i])
		if s[i] == 0x90 {
			out = append(out, 0)
		}
		if n > 1 {
			out = append(out, 0x90, byte(n))
		}
		i += n
	}
	return string(out)
}

// attribute is one attribute of TNEF.
func attribute(level byte, id uint32, data string) string {
	out := binary.LittleEndian.AppendUint32([]byte{level}, id)
	out = append(binary.LittleEndian.AppendUint32(out, uint32(len(data))), data...)
	sum := uint16(0)
	for i := range len(data) {
		sum += uint16(data[i])
	}
	return string(binary.LittleEndian.AppendUint16(out, sum))
}

// The numbers of attributes, with their types.
const (
	attRendData  = 0x00069002
	attTitle     = 0x00018010
	attTransport = 0x00069001
	attData      = 0x0006800f
	attAttach    = 0x00069005
	attProps     = 0x00069003
	attCodepage  = 0x00069007
	attBody      = 0x0002800c
)

func tnef(attributes ...string) string {
	return "\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00089006, "\x00\x00\x01\x00") +
		attribute(1, attCodepage, "\xe4\x04\x00\x00\x00\x00\x00\x00") + strings.Join(attributes, "")
}

// tnefFile is an attachment as Outlook writes it.
func tnefFile(title, long, data string) string {
	return attribute(2, attRendData, strings.Repeat("\x00", 14)) + attribute(2, attTitle, title+"\x00") +
		attribute(2, attData, data) + attribute(2, attAttach, properties(property(0x3707001e, long+"\x00")))
}

func properties(list ...string) string {
	return le32(len(list)) + strings.Join(list, "")
}

// property is one of variable length: identifier and type in one number.
func property(tag uint32, value string) string {
	return le32(int(tag)) + "\x01\x00\x00\x00" + le32(len(value)) + value + strings.Repeat("\x00", (4-len(value)%4)%4)
}

func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func utf16le(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// macBinary is MacBinary II.
func macBinary(name, data, resource string) string {
	h := make([]byte, 128)
	h[1] = byte(len(name))
	copy(h[2:], name)
	copy(h[65:], "TEXTttxt")
	binary.BigEndian.PutUint32(h[83:], uint32(len(data)))
	binary.BigEndian.PutUint32(h[87:], uint32(len(resource)))
	h[122], h[123] = 129, 129
	binary.BigEndian.PutUint16(h[124:], message.CRC16(h[:124]))
	fill := func(s string) string { return s + strings.Repeat("\x00", (128-len(s)%128)%128) }
	return string(h) + fill(data) + fill(resource)
}

// appleSingle has the entries given as number and data.
func appleSingle(magic string, entries ...any) string {
	n := len(entries) / 2
	head := magic + "\x00\x02\x00\x00" + strings.Repeat("\x00", 16) + string(binary.BigEndian.AppendUint16(nil, uint16(n)))
	data := ""
	for i := 0; i < len(entries); i += 2 {
		value := entries[i+1].(string)
		for _, v := range []int{entries[i].(int), 26 + 12*n + len(data), len(value)} {
			head += string(binary.BigEndian.AppendUint32(nil, uint32(v)))
		}
		data += value
	}
	return head + data
}

// A found file is a part inside a part.
type found struct{ path, names, types, data string }

// within opens one part and returns the files in it and what was found.
func within(tb testing.TB, p scan.Part, content string, limit rules.Limit) (list []found, v scan.Verdict) {
	tb.Helper()
	p.Open = func() (io.Reader, error) { return strings.NewReader(content), nil }
	top := opener(func(q *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
		if q.Depth < 0 {
			return yield(&p)
		}
		return message.Opener{}.Parts(context.Background(), q, b, yield)
	})
	see := collect(func(q *scan.Part) error {
		if q.Depth <= p.Depth {
			return nil
		}
		f := found{path: q.Path, names: strings.Join(q.Names, "|"), types: strings.Join(q.Types, "|")}
		defer func() { list = append(list, f) }()
		if q.Open == nil {
			return nil
		}
		r, err := q.Open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(r)
		f.data = string(data)
		return err
	})
	e := &scan.Engine{Openers: []scan.Opener{top}, Scanners: []scan.Scanner{see}, Limit: limit}
	text := bytes.Repeat([]byte("x"), max(1, len(content)))
	v = e.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(text), Size: int64(len(text))})
	if v.Err != nil {
		tb.Errorf("error %v", v.Err)
	}
	return list, v
}

// text is a part of type text/plain.
var text = scan.Part{Path: "1", Types: []string{"text/plain"}}

// prefixes opens every beginning of content: never an error.
func prefixes(t *testing.T, p scan.Part, content string) {
	t.Helper()
	for n := range len(content) {
		within(t, p, content[:n], rules.Limit{})
	}
}
