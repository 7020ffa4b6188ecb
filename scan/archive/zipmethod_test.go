package archive_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"hash/crc32"
	"strings"
	"testing"

	"qguard/rules"
)

// packedZIP is an archive of one member that is packed already.
func packedZIP(tb testing.TB, method uint16, m member, packed string) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.CreateRaw(&zip.FileHeader{Name: m.name, Method: method, CRC32: crc32.ChecksumIEEE([]byte(m.data)),
		CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(m.data))})
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte(packed))
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

func deflateString(tb testing.TB, data string) string {
	tb.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte(data))
	w.Close()
	return buf.String()
}

// hiding is an archive whose one listed member claims what stands behind its
// stream: the local header and data of another.
func hiding(tb testing.TB, flags uint16, hidden member) string {
	tb.Helper()
	behind := stored(tb, hidden)
	behind = behind[:strings.Index(behind, centralSig)]
	z := packedZIP(tb, zip.Deflate, member{"a.txt", "aaa"}, deflateString(tb, "aaa")+behind)
	z = patch(tb, z, localSig, 0, 6, le16(flags))
	return patch(tb, z, centralSig, 0, 8, le16(flags))
}

func TestZIPMethods(t *testing.T) {
	evil, a := member{"x.dat", program}, member{"a.txt", "aaa"}
	found := []string{"xfile.member 1/a.zip/x.dat"}
	props := "\x13\x02\x05\x00\x5d\x00\x00\x01\x00"
	stored64 := "\x01\x00\x02\xff\xfd" + program
	encryptedDirectory := func() string {
		z := stored(t, a)
		at := strings.Index(z, centralSig)
		return z[:at] + "PK\x06\x08" + z[at+4:]
	}()
	for _, c := range []fileCase{
		{"Deflate64, stored block", "a.zip", packedZIP(t, 9, evil, stored64), []string{"x.dat: program"}, found},
		{"Deflate64, as deflate", "a.zip", packedZIP(t, 9, a, deflateString(t, "hello, hello, hello")), []string{"a.txt: hello, hello, hello"}, nil},
		{"Deflate64, longest match", "a.zip", packedZIP(t, 9, a, longest()), []string{"a.txt: 65539 bytes"}, nil},
		{"Deflate64, damaged", "a.zip", packedZIP(t, 9, evil, "\x07\x07\x07"), nil, []string{"xfile.unreadable 1/a.zip/x.dat"}},
		{"LZMA", "a.zip", packedZIP(t, 14, evil, props+lzmaed(t, program)[13:]), []string{"x.dat: program"}, found},
		{"LZMA, damaged", "a.zip", packedZIP(t, 14, evil, "\x13\x02\x06\x00"), nil, []string{"xfile.unreadable 1/a.zip/x.dat"}},
		{"zstd", "a.zip", packedZIP(t, 93, evil, zstded(t, program)), []string{"x.dat: program"}, found},
		{"xz", "a.zip", packedZIP(t, 95, evil, xzed(t, program)), []string{"x.dat: program"}, found},
		{"PPMd", "a.zip", packedZIP(t, 98, member{"x.exe", ""}, "x"), nil, []string{"xfile.unreadable 1/a.zip/x.exe", "xfile.member 1/a.zip/x.exe"}},
		{"AES", "a.zip", encrypt(t, packedZIP(t, 99, member{"x.exe", ""}, "x")), nil, []string{"xfile.encrypted 1/a.zip/x.exe", "xfile.member 1/a.zip/x.exe"}},
		{"AES without the flag", "a.zip", packedZIP(t, 99, a, "x"), nil, []string{"xfile.encrypted 1/a.zip/a.txt"}},
		{"encrypted directory", "a.zip", encryptedDirectory, nil, []string{"xfile.encrypted 1"}},
		{"hidden behind a stream", "a.zip", hiding(t, 8, evil), nil, found},
		{"hidden behind a stream, no flag", "a.zip", hiding(t, 0, evil), nil, found},
		{"hidden behind a stream, clean", "a.zip", hiding(t, 8, member{"b.txt", "bbb"}), nil, nil},
		{"archive in stored blocks of deflate", "a.zip", packedZIP(t, 8, member{"in.dat", ""}, deflateStored(stored(t, evil))),
			[]string{"in.dat: 620 bytes", "x.dat: program"}, []string{"xfile.member 1/a.zip/in.dat/x.dat"}},
		{"Unicode name disagrees", "a.zip", unicodeZIP(t, "x.txt", "x.exe"), []string{"x.txt|x.exe: x"}, []string{"xfile.member 1/a.zip/x.txt"}},
	} {
		c.run(t)
	}
}

// deflateStored is a deflate stream that does not compress.
func deflateStored(data string) string {
	n := uint16(len(data))
	return "\x01" + le16(n) + le16(^n) + data
}

// unicodeZIP has another name in the Unicode path extra field.
func unicodeZIP(tb testing.TB, name, unicode string) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	field := "\x01" + crc(name) + unicode
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, Extra: []byte("\x75\x70" + le16(uint16(len(field))) + field),
		CRC32: crc32.ChecksumIEEE([]byte("x")), CompressedSize64: 1, UncompressedSize64: 1})
	if err != nil {
		tb.Fatal(err)
	}
	w.Write([]byte("x"))
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

// TestZIPDirectoryGrave holds an archive whose directory is encrypted.
func TestZIPDirectoryGrave(t *testing.T) {
	z := stored(t, member{"a.txt", "aaa"})
	at := strings.Index(z, centralSig)
	_, _, v := open(t, "a.zip", z[:at]+"PK\x06\x08"+z[at+4:], rules.Limit{})
	if got := v.Worst(); got.Rule != "xfile.encrypted" || got.Action != rules.Hold {
		t.Errorf("got %s %s", got.Rule, got.Action)
	}
}

// TestDeep opens three formats in one another.
func TestDeep(t *testing.T) {
	evil := member{"x.dat", program}
	for _, c := range []fileCase{
		{"xz in 7z in zip", "a.zip", zipped(t, member{"in.7z", sevenZip(nil, plainFolder(member{"x.dat.xz", xzed(t, program)}))}), nil,
			[]string{"xfile.member 1/a.zip/in.7z/x.dat.xz/x.dat"}},
		{"zip in RAR in zstd", "a.rar.zst", zstded(t, rar5(rarEntry{name: "in.zip", data: stored(t, evil), packed: true})), nil,
			[]string{"xfile.member 1/a.rar.zst/a.rar/in.zip/x.dat"}},
		{"tar in Z in 7z", "a.7z", sevenZip(nil, folder{lzma2Coder, lzma2ed(t, compressed(old("x.dat", program))), []member{{"a.tar.Z", compressed(old("x.dat", program))}}}), nil,
			[]string{"xfile.member 1/a.7z/a.tar.Z/a.tar/x.dat"}},
	} {
		c.run(t)
	}
}

// TestClaims sets each byte of a good archive to the greatest value, and each
// pair: whatever the headers claim, no error and no long time.
func TestClaims(t *testing.T) {
	a, evil := member{"a.txt", "aaa"}, member{"x.dat", program[:200]}
	limit := rules.DefaultLimit()
	for name, data := range map[string]string{
		"7z":        sevenZip([]string{"e"}, plainFolder(a, evil)),
		"7z, LZMA2": sevenZip(nil, folder{lzma2Coder, lzma2ed(t, "aaa"+evil.data), []member{a, evil}}),
		"RAR 4":     rar4(0, rarEntry{name: "a.txt", data: "aaa", packed: true}, rarEntry{name: "x", data: "x"}),
		"RAR 5":     rar5(rarEntry{name: "a.txt", data: "aaa", packed: true}, rarEntry{name: "x", data: "x", flags: 0x40}),
		"xz":        xzed(t, program), "zstd": zstded(t, program), "lz4": lz4ed("0123456789abcdef"), "lzip": lzipped(t, program),
		"Z": compressed("hello"), "lzma": lzmaed(t, "hello"),
	} {
		file := "a." + strings.ToLower(name)
		for i := range len(data) {
			for _, with := range []string{"\xff", "\xff\xff", "\xff\xff\xff\xff", "\x00", "\x7f"} {
				bad := data[:i] + with + data[min(len(data), i+len(with)):]
				v := scanFile(file, strings.NewReader(bad), int64(len(bad)), limit)
				if v.Err != nil {
					t.Errorf("%s, %q at %d: %v", name, with, i, v.Err)
				}
			}
		}
	}
}

// longest is Deflate64 of a letter and its longest match.
func longest() string {
	var out [8]byte
	at := 0
	put := func(v, width int, high bool) {
		for i := range width {
			bit := v >> i & 1
			if high {
				bit = v >> (width - 1 - i) & 1
			}
			out[at/8] |= byte(bit) << (at % 8)
			at++
		}
	}
	put(3, 3, false)       // last, fixed codes
	put(0x91, 8, true)     // a
	put(0xc5, 8, true)     // 285
	put(0xffff, 16, false) // and its extra bits
	put(0, 5, true)        // one back
	put(0, 7, true)        // end
	return string(out[:])
}
