package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"log"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// packedCases are archives that need a decompressor of their own.
func packedCases() []testCase {
	const octets = "application/octet-stream"
	evil, text := member{"x.dat", program}, member{"a.txt", "harmless\n"}
	header := sevenHeader(lzma2Coder, text, member{"x.exe", "harmless\n"})
	packed, packedHeader := lzma2(text.data+text.data), lzma2(header)
	file := func(name, data string) string { return attach("f", octets, name, data) }
	return []testCase{
		{"7z-program", "a program in a 7z, called otherwise", file("a.7z", sevenFile(text.data+evil.data, sevenHeader(copyCoder, text, evil)))},
		{"7z-clean", "the same without a program", file("a.7z", sevenFile(text.data+text.data, sevenHeader(copyCoder, text, text)))},
		{"7z-packed-header", "a program's name in a packed 7z header", file("a.7z", sevenFile(packed+packedHeader, encoded7z(lzma2Coder, len(packed), len(packedHeader), len(header))))},
		{"7z-encrypted", "encrypted 7z data, the names visible", file("a.7z", sevenFile("0123456789abcdef", sevenHeader(aesCoder, member{"a.exe", "harmless\n"})))},
		{"7z-encrypted-names", "an encrypted 7z header", file("a.7z", sevenFile("0123456789abcdef", encoded7z(aesCoder, 0, 16, 16)))},
		{"7z-volume", "the first volume of a 7z", file("a.7z.001", sevenFile(evil.data, sevenHeader(copyCoder, evil))[:400])},
		{"rar4-program", "a program in a RAR of version 4", file("a.rar", rar4(0, rarMember{name: "a.txt", data: text.data}, rarMember{name: "x.dat", data: program}))},
		{"rar4-clean", "the same without a program", file("a.rar", rar4(0, rarMember{name: "a.txt", data: text.data}))},
		{"rar4-encrypted-names", "encrypted RAR 4 headers", file("a.rar", rar4(0x80)+"0123456789abcdef")},
		{"rar5-solid", "a program in a solid RAR of version 5, behind a text", file("a.rar", rar5(rarMember{name: "a.txt", data: text.data, packed: true}, rarMember{name: "x.dat", data: program, packed: true, flags: 0x40}))},
		{"rar5-clean", "the same without a program", file("a.rar", rar5(rarMember{name: "a.txt", data: text.data, packed: true}, rarMember{name: "b.txt", data: text.data, packed: true, flags: 0x40}))},
		{"rar5-encrypted", "encrypted RAR 5 data, the names visible", file("a.rar", rar5(rarMember{name: "a.exe", data: "0123456789abcdef", extra: "\x30\x01\x00\x00\x0f" + strings.Repeat("0123456789abcde", 3)}))},
		{"rar5-encrypted-names", "encrypted RAR 5 headers", file("a.rar", "Rar!\x1a\x07\x01\x00"+rar5Block("\x04\x00\x00\x00\x0f0123456789abcdef", "")+"0123456789abcdef")},
		{"rar-volume", "a RAR member that goes on in another volume", file("a.part1.rar", rar4(1, rarMember{name: "a.txt", data: text.data, flags: 2}))},
		{"xz-program", "a program in xz, two streams with padding between", file("a.xz", xzed(program[:100])+"\x00\x00\x00\x00"+xzed(program[100:]))},
		{"xz-clean", "a text in xz", file("a.txt.xz", xzed(text.data))},
		{"zstd-program", "a program in zstd, behind a frame to be skipped", file("a.zst", "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"+zstded(program))},
		{"zstd-clean", "a tar of a text in zstd", file("a.tzst", zstded(tarred(text)))},
		{"lz4-program", "a program in lz4", file("a.lz4", lz4ed(program))},
		{"compress-program", "a program in a file of compress", file("a.Z", compressed(program))},
		{"lzip-program", "a program in lzip", file("a.lz", lzipped(program))},
		{"gzip-two-members", "a program in the second of two gzip members", file("a.gz", gzipped("a.txt", text.data)+gzipped("x.dat", program))},
		{"gzip-padded", "zeros behind a gzip are no damage", file("a.txt.gz", gzipped("", text.data)+strings.Repeat("\x00", 512))},
		{"streams-clean", "texts in lz4, lzip and compress", mixed(
			part(octets, `attachment; filename="a.txt.lz4"`, lz4ed("An ordinary line of text.\n")),
			part(octets, `attachment; filename="a.txt.lz"`, lzipped(text.data)),
			part(octets, `attachment; filename="a.txt.Z"`, compressed(text.data)))},
		{"zip-behind-stream", "a member behind the end of another's stream, inside its claimed length", file("a.zip", hiding(evil))},
		{"zip-behind-stream-clean", "the same without a program", file("a.zip", hiding(text))},
		{"zip-deflate64", "a program packed by Deflate64", file("a.zip", zip1(9, evil.name, len(program), "\x01\x00\x02\xff\xfd"+program))},
		{"three-formats", "a program in xz in 7z in zip", file("a.zip", zipped(member{"a.7z", func() string {
			inner := member{"x.dat.xz", xzed(program)}
			return sevenFile(inner.data, sevenHeader(copyCoder, inner))
		}()}))},
		{"self-extractor", "an archive behind a program", file("a.dat", program+rar5(rarMember{name: "x.dat", data: program}))},
		{"bomb-nested", "two archives in each archive, five deep, each of the last a bomb", file("a.zip", bomb())},
	}
}

func le16(v int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(v))) }
func le32(v int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(v))) }
func le64(v int) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(v))) }

func crc(s string) string { return le32(int(crc32.ChecksumIEEE([]byte(s)))) }

// written is what a compressor makes of data.
func written(data string, open func(io.Writer) (io.WriteCloser, error)) string {
	var buf bytes.Buffer
	w, err := open(&buf)
	if err != nil {
		log.Fatal(err)
	}
	w.Write([]byte(data))
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return buf.String()
}

func xzed(data string) string {
	return written(data, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
}

func zstded(data string) string {
	return written(data, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) })
}

func deflated(data string) string {
	return written(data, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
}

func lzma2(data string) string {
	return written(data, func(w io.Writer) (io.WriteCloser, error) { return lzma.Writer2Config{DictCap: 1 << 20}.NewWriter2(w) })
}

// lzipped is a lzip file: LZMA without its own header, sums behind it.
func lzipped(data string) string {
	raw := written(data, func(w io.Writer) (io.WriteCloser, error) {
		return lzma.WriterConfig{DictCap: 1 << 16, EOSMarker: true}.NewWriter(w)
	})[13:]
	return "LZIP\x01\x10" + raw + crc(data) + le64(len(data)) + le64(len(raw)+26)
}

// lz4ed is a frame of one block of literals; data has 15 bytes or more.
func lz4ed(data string) string {
	n := len(data) - 15
	block := "\xf0" + strings.Repeat("\xff", n/255) + string([]byte{byte(n % 255)}) + data
	return "\x04\x22\x4d\x18\x40\x70\x00" + le32(len(block)) + block + le32(0)
}

// compressed is a file of compress, its codes of 9 bits cleared before they grow.
func compressed(data string) string {
	var codes []int
	for i := range len(data) {
		if i%200 == 199 {
			codes = append(codes, 256)
			for len(codes)%8 != 0 {
				codes = append(codes, 0)
			}
		}
		codes = append(codes, int(data[i]))
	}
	out := make([]byte, (len(codes)*9+7)/8)
	for i, c := range codes {
		for k := range 9 {
			out[(i*9+k)/8] |= byte(c>>k&1) << ((i*9 + k) % 8)
		}
	}
	return "\x1f\x9d\x90" + string(out)
}

// Coders of a 7z folder.
const (
	copyCoder  = "\x01\x01\x00"
	lzma2Coder = "\x01\x21\x21\x01\x10"
	aesCoder   = "\x01\x24\x06\xf1\x07\x01\x12\x53\x07" + "0123456789abcdef"
)

// sevenHeader is the header of an archive of one folder, packed by that coder.
func sevenHeader(coder string, members ...member) string {
	total, sizes, names, data := 0, "", "", ""
	for i, m := range members {
		total += len(m.data)
		data += m.data
		for _, u := range utf16.Encode([]rune(m.name + "\x00")) {
			names += le16(int(u))
		}
		if i < len(members)-1 {
			sizes += "\xff" + le64(len(m.data))
		}
	}
	packed := len(data)
	switch coder {
	case lzma2Coder:
		packed = len(lzma2(data))
	case aesCoder:
		packed = 16
	}
	n := string([]byte{byte(len(members))})
	return "\x01\x04\x06\x00\x01\x09\xff" + le64(packed) + "\x00" +
		"\x07\x0b\x01\x00" + coder + "\x0c\xff" + le64(total) + "\x00" +
		"\x08\x0d" + n + "\x09" + sizes + "\x00\x00" +
		"\x05" + n + "\x11\xff" + le64(len(names)+1) + "\x00" + names + "\x00\x00"
}

// encoded7z is the header that tells where a packed header stands.
func encoded7z(coder string, at, packed, size int) string {
	return "\x17\x06\xff" + le64(at) + "\x01\x09\xff" + le64(packed) + "\x00\x07\x0b\x01\x00" + coder + "\x0c\xff" + le64(size) + "\x00\x00"
}

func sevenFile(packed, header string) string {
	start := le64(len(packed)) + le64(len(header)) + crc(header)
	return "7z\xbc\xaf\x27\x1c\x00\x04" + crc(start) + start + packed + header
}

// A rarMember is a member of a RAR archive; packed: each byte a code of eight
// bits; flags and extra are the format's own.
type rarMember struct {
	name, data string
	packed     bool
	flags      int
	extra      string
}

func rar4Block(kind, flags int, fields, data string) string {
	h := string([]byte{byte(kind)}) + le16(flags) + le16(7+len(fields)) + fields
	return le16(int(crc32.ChecksumIEEE([]byte(h)))) + h + data
}

func rar4(flags int, members ...rarMember) string {
	s := "Rar!\x1a\x07\x00" + rar4Block(0x73, flags, strings.Repeat("\x00", 6), "")
	for _, m := range members {
		s += rar4Block(0x74, 0x8000|m.flags, le32(len(m.data))+le32(len(m.data))+"\x02"+crc(m.data)+le32(0)+"\x1d0"+
			le16(len(m.name))+le32(0x20)+m.name, m.data)
	}
	if flags&0x80 != 0 {
		return s
	}
	return s + rar4Block(0x7b, 0x4000, "", "")
}

func vint(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }

func rar5Block(fields, data string) string {
	h := vint(len(fields)) + fields
	return crc(h) + h + data
}

func rar5(members ...rarMember) string {
	s := "Rar!\x1a\x07\x01\x00" + rar5Block("\x01\x00\x00", "")
	for _, m := range members {
		data, method, flags, extra := m.data, 0, 2, ""
		if m.packed {
			data, method = literals5(m.data), 1<<7
		}
		if m.extra != "" {
			flags, extra = 3, vint(len(m.extra))
		}
		s += rar5Block(vint(2)+vint(flags)+extra+vint(len(data))+vint(4)+vint(len(m.data))+vint(0x20)+crc(m.data)+
			vint(method|m.flags)+vint(0)+vint(len(m.name))+m.name+m.extra, data)
	}
	return s + rar5Block("\x05\x00\x00", "")
}

// literals5 is a RAR 5 block whose code has the 256 literals alone, each of
// eight bits: 20 lengths, 430 lengths by those, the bytes.
func literals5(data string) string {
	bits := "\x10\x00\x00\x00\x10\x00\x00\x00\x00\x00" // lengths 0 and 8 have a bit each
	tail := make([]byte, 54+len(data)+1)
	for i := range 256 {
		tail[i/8] |= 0x80 >> (i % 8)
	}
	for i := range len(data) { // 430 bits are 53 bytes and 6 bits
		tail[53+i] |= data[i] >> 6
		tail[54+i] |= data[i] << 2
	}
	bits += string(tail[:54+len(data)])
	flags := byte(5 | 1<<3 | 0x40 | 0x80)
	size := le16(len(bits))
	return string([]byte{flags, 0x5a ^ flags ^ size[0] ^ size[1]}) + size + bits
}

// zip1 is an archive of one member that is packed already.
func zip1(method int, name string, size int, packed string) string {
	common := le16(20) + le16(8) + le16(method) + le32(0) + le32(0) + le32(len(packed)) + le32(size) + le16(len(name)) + le16(0)
	local := "PK\x03\x04" + common + name + packed
	central := "PK\x01\x02" + le16(20) + common + le16(0) + le16(0) + le16(0) + le32(0) + le32(0) + name
	return local + central + "PK\x05\x06" + le32(0) + le16(1) + le16(1) + le32(len(central)) + le32(len(local)) + le16(0)
}

// hiding is an archive whose one listed member claims what stands behind its
// stream: the local header and data of another.
func hiding(m member) string {
	behind := "PK\x03\x04" + le16(20) + le16(0) + le16(0) + le32(0) + crc(m.data) + le32(len(m.data)) + le32(len(m.data)) +
		le16(len(m.name)) + le16(0) + m.name + m.data
	return zip1(8, "b.txt", 9, deflated("harmless\n")+behind)
}

// bomb is two archives in each archive, five deep, a MiB of zeros in each of the
// innermost.
func bomb() string {
	z := zipped(member{"0.zip", strings.Repeat("\x00", 1<<20)})
	for range 5 {
		var all []member
		for i := range 2 {
			all = append(all, member{string(rune('a'+i)) + ".zip", z})
		}
		z = zipped(all...)
	}
	return z
}
