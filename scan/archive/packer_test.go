package archive_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Writers of the formats that have none in Go, for what tests need.

func crc(s string) string { return le32(crc32.ChecksumIEEE([]byte(s))) }

// number is a 7z number.
func number(n int) string {
	if n < 0x80 {
		return string([]byte{byte(n)})
	}
	return "\xff" + le64(uint64(n))
}

// wide is a 7z name.
func wide(name string) string {
	s := ""
	for _, u := range utf16.Encode([]rune(name)) {
		s += le16(u)
	}
	return s + "\x00\x00"
}

// folder is a 7z folder: its coders, packed data and members.
type folder struct {
	coders, packed string
	members        []member
}

const (
	copyCoder  = "\x01\x01\x00"                                                   // one coder, id 00
	lzma2Coder = "\x01\x21\x21\x01\x10"                                           // one coder, id 21, a property of one byte
	aesCoder   = "\x01\x24\x06\xf1\x07\x01\x12" + "\x53\x07" + "sixteen bytes IV" // one coder, its properties
	oddCoder   = "\x01\x03\x03\x04\x01"                                           // PPMd
)

// sevenZip is a 7z archive of folders; names stand behind those with data.
func sevenZip(empty []string, folders ...folder) string {
	packed := ""
	for _, f := range folders {
		packed += f.packed
	}
	return sevenFile(packed, sevenHeader(empty, folders...))
}

func sevenFile(packed, header string) string {
	start := le64(uint64(len(packed))) + le64(uint64(len(header))) + crc(header)
	return "7z\xbc\xaf\x27\x1c\x00\x04" + crc(start) + start + packed + header
}

func sevenHeader(empty []string, folders ...folder) string {
	var sizes, coders, unpacked, counts, lengths, names string
	files := 0
	for _, f := range folders {
		sizes += number(len(f.packed))
		coders += f.coders
		total := 0
		counts += number(len(f.members))
		for i, m := range f.members {
			total += len(m.data)
			names += wide(m.name)
			files++
			if i < len(f.members)-1 {
				lengths += number(len(m.data))
			}
		}
		unpacked += number(total)
	}
	h := "\x01"
	if len(folders) > 0 {
		h += "\x04\x06\x00" + number(len(folders)) + "\x09" + sizes + "\x00" +
			"\x07\x0b" + number(len(folders)) + "\x00" + coders + "\x0c" + unpacked + "\x00" +
			"\x08\x0d" + counts + "\x09" + lengths + "\x00" + "\x00"
	}
	for _, name := range empty {
		names += wide(name)
	}
	all := files + len(empty)
	h += "\x05" + number(all)
	if len(empty) > 0 {
		bits := make([]byte, (all+7)/8)
		for i := files; i < all; i++ {
			bits[i/8] |= 0x80 >> (i % 8)
		}
		h += "\x0e" + number(len(bits)) + string(bits)
		ones := bytes.Repeat([]byte{0xff}, (len(empty)+7)/8)
		h += "\x0f" + number(len(ones)) + string(ones)
	}
	h += "\x11" + number(len(names)+1) + "\x00" + names
	return h + "\x00\x00"
}

func plainFolder(members ...member) folder {
	data := ""
	for _, m := range members {
		data += m.data
	}
	return folder{copyCoder, data, members}
}

// encodedHeader packs a header with a coder.
func encodedHeader(coder, header, packed string) string {
	return "\x17\x06\x00\x01\x09" + number(len(packed)) + "\x00\x07\x0b\x01\x00" + coder + "\x0c" + number(len(header)) + "\x00\x00"
}

func lzma2ed(tb testing.TB, data string) string {
	tb.Helper()
	var buf bytes.Buffer
	w, err := lzma.Writer2Config{DictCap: 1 << 20}.NewWriter2(&buf)
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte(data))
	w.Close()
	return buf.String()
}

func lzmaed(tb testing.TB, data string) string {
	tb.Helper()
	var buf bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 1 << 16, EOSMarker: true}.NewWriter(&buf)
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte(data))
	w.Close()
	return buf.String()
}

func xzed(tb testing.TB, data string) string {
	tb.Helper()
	var buf bytes.Buffer
	w, err := xz.NewWriter(&buf)
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte(data))
	w.Close()
	return buf.String()
}

func zstded(tb testing.TB, data string) string {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return string(w.EncodeAll([]byte(data), nil))
}

// lz4ed is a frame of one block of literals.
func lz4ed(data string) string {
	block := "\xf0"
	n := len(data) - 15
	for ; n >= 255; n -= 255 {
		block += "\xff"
	}
	block += string([]byte{byte(n)}) + data
	return "\x04\x22\x4d\x18\x40\x70\x00" + le32(uint32(len(block))) + block + le32(0)
}

// compressed is a file of compress(1), codes of 9 bits cleared before they grow.
func compressed(data string) string {
	var codes []int
	for i := range len(data) {
		if i%200 == 0 && i > 0 {
			codes = append(codes, 256)
			for len(codes)%8 != 0 { // the rest of a group is padding
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

// lzipped is a lzip file of one member.
func lzipped(tb testing.TB, data string) string {
	raw := lzmaed(tb, data)[13:]
	return "LZIP\x01\x10" + raw + crc(data) + le64(uint64(len(data))) + le64(uint64(len(raw)+26))
}

// A rarEntry is a member of a RAR archive.
type rarEntry struct {
	name, data string
	packed     bool // by a code of literals alone
	flags      int  // added to those of the format's header
	extra      string
}

// literals packs data as RAR 3 and 5 do, each byte a literal of eight bits: lead
// bits, the lengths of the codes for their lengths, the lengths of n codes, data.
func literals(lead, n int, data string) string {
	var bits []byte
	put := func(v, width int) {
		for i := width - 1; i >= 0; i-- {
			bits = append(bits, byte(v>>i&1))
		}
	}
	put(0, lead)
	for i := range 20 {
		v := 0
		if i == 0 || i == 8 {
			v = 1
		}
		put(v, 4)
	}
	for i := range n {
		v := 0
		if i < 256 {
			v = 1
		}
		put(v, 1)
	}
	for i := range len(data) {
		put(int(data[i]), 8)
	}
	out := make([]byte, (len(bits)+7)/8)
	for i, b := range bits {
		out[i/8] |= b << (7 - i%8)
	}
	return string(out)
}

func rar4Block(kind byte, flags int, fields, data string) string {
	h := string([]byte{kind}) + le16(uint16(flags)) + le16(uint16(7+len(fields))) + fields
	return le16(uint16(crc32.ChecksumIEEE([]byte(h)))) + h + data
}

// rar4 is an archive as RAR 1.5 to 4 have it.
func rar4(flags int, entries ...rarEntry) string {
	s := "Rar!\x1a\x07\x00" + rar4Block(0x73, flags, strings.Repeat("\x00", 6), "")
	for _, e := range entries {
		data, method := e.data, "0"
		if e.packed {
			data, method = literals(2, 404, e.data)+"\x00\x00\x00\x00", "3"
		}
		fields := le32(uint32(len(data))) + le32(uint32(len(e.data))) + "\x02" + crc(e.data) + le32(0) + "\x1d" + method +
			le16(uint16(len(e.name))) + le32(0x20) + e.name + e.extra
		s += rar4Block(0x74, 0x8000|e.flags, fields, data)
	}
	return s + rar4Block(0x7b, 0x4000, "", "")
}

// vint is a number as RAR 5 has it.
func vint(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }

func rar5Block(fields, data string) string {
	h := vint(len(fields)) + fields
	return crc(h) + h + data
}

// rar5 is an archive as RAR 5 has it.
func rar5(entries ...rarEntry) string {
	s := "Rar!\x1a\x07\x01\x00" + rar5Block("\x01\x00\x00", "")
	for _, e := range entries {
		data, method := e.data, 0
		if e.packed {
			bits := literals(0, 430, e.data)
			last := byte((510+8*len(e.data)-1)%8) | 0x40 | 0x80 | 8
			size := string([]byte{byte(len(bits)), byte(len(bits) >> 8)})
			data = string([]byte{last, 0x5a ^ last ^ size[0] ^ size[1]}) + size + bits
			method = 1 << 7
		}
		flags := 2 | e.flags&^0x40
		fields := vint(0x04) + vint(len(e.data)) + vint(0x20) + crc(e.data) + vint(method|e.flags&0x40) + vint(0) + vint(len(e.name)) + e.name + e.extra
		extra := ""
		if e.extra != "" {
			flags |= 1
			extra = vint(len(e.extra))
		}
		s += rar5Block(vint(2)+vint(flags)+extra+vint(len(data))+fields, data)
	}
	return s + rar5Block("\x05\x00\x00", "")
}

// encryptedRecord is the extra record of an encrypted RAR 5 member.
const encryptedRecord = "\x30\x01\x00\x00\x0f" + "0123456789abcdef" + "0123456789abcdef" + "0123456789abc"
