package archive_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"qguard/rules"
	"qguard/scan"
)

// fuzzFile reads anything as a file of that name: no error, no panic, no more
// bytes than the limit, the same answer twice.
func fuzzFile(t *testing.T, name string, data []byte) (*all, scan.Verdict) {
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Memory, limit.Time = 1<<20, 50, 4<<20, rules.Duration(time.Minute)
	got := &all{}
	v := scanFile(name, strings.NewReader(string(data)), int64(len(data)), limit, got)
	if v.Err != nil {
		t.Fatalf("error %v", v.Err)
	}
	if got.size > int64(limit.Inflated)+int64(len(data))*int64(limit.Members)+1<<20 {
		t.Errorf("%d bytes of %d", got.size, len(data))
	}
	again := scanFile(name, strings.NewReader(string(data)), int64(len(data)), limit)
	if again.State() != v.State() {
		t.Errorf("%s, then %s", v.State(), again.State())
	}
	return got, v
}

// raised reports a finding that says something could not be read.
func raised(v scan.Verdict) bool {
	return slices.ContainsFunc(v.Findings, func(f scan.Finding) bool {
		return strings.HasPrefix(f.Rule, "limit.") || f.Rule == "xfile.unreadable" || f.Rule == "xfile.encrypted"
	})
}

func FuzzSeven(f *testing.F) {
	a, evil := member{"a.txt", "aaa"}, member{"x.dat", program[:140]}
	header := sevenHeader(nil, plainFolder(a, evil))
	packed := lzma2ed(f, header)
	f.Add([]byte(sevenZip([]string{"e.exe"}, plainFolder(a, evil))))
	f.Add([]byte(sevenZip(nil, folder{lzma2Coder, lzma2ed(f, "aaa"+evil.data), []member{a, evil}}, plainFolder(a))))
	f.Add([]byte(sevenFile("aaa"+evil.data+packed, encodedHeader(lzma2Coder, header, packed))))
	f.Add([]byte(sevenZip(nil, folder{aesCoder, "0123456789abcdef", []member{a}})))
	f.Add([]byte(program + sevenZip(nil, plainFolder(a))))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzFile(t, "a.7z", data)
	})
}

func FuzzRAR(f *testing.F) {
	a, evil := rarEntry{name: "a.txt", data: "aaa"}, rarEntry{name: "x.dat", data: program[:140], packed: true}
	solid := evil
	solid.flags = 0x40
	f.Add([]byte(rar4(0, a, evil)))
	f.Add([]byte(rar4(1, rarEntry{name: "x.txt\x00\x04\x00\x65\x2e\x65\x78\x00\x65", data: "x", flags: 0x202})))
	f.Add([]byte(rar5(a, evil, solid)))
	f.Add([]byte(rar5(rarEntry{name: "x.exe", data: "0123456789abcdef", extra: encryptedRecord})))
	f.Add([]byte(program + rar5(a)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, v := fuzzFile(t, "a.rar", data)
		if strings.HasPrefix(string(data), "Rar!\x1a\x07\x00") && len(got.names) == 0 && !raised(v) && len(data) < 7+13+7 {
			t.Errorf("no members and no finding in %q", data)
		}
	})
}

// FuzzStream reads what compressors write; xz that the library unpacks is
// unpacked to the same bytes.
func FuzzStream(f *testing.F) {
	text := "An ordinary line of text, and an ordinary line of text.\n"
	for _, s := range []string{xzed(f, text), lzmaed(f, text), lzipped(f, text), zstded(f, text), lz4ed(text), compressed(text),
		gzipped(f, "a.txt", text) + gzipped(f, "b.txt", text), bzipped, "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstded(f, text)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, v := fuzzFile(t, "a.lzma", data)
		if raised(v) {
			return
		}
		z, err := xz.ReaderConfig{DictCap: 1 << 20}.NewReader(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if want, err := io.ReadAll(io.LimitReader(z, 1<<20)); err == nil && !slices.Contains(got.data, string(want)) {
			t.Errorf("%d bytes are missing in %q", len(want), got.names)
		}
	})
}

// FuzzMethod reads members of the rarer ZIP methods.
func FuzzMethod(f *testing.F) {
	f.Add(uint16(9), []byte(deflateString(f, "hello, hello")))
	f.Add(uint16(14), []byte("\x13\x02\x05\x00\x5d\x00\x00\x01\x00"+lzmaed(f, program)[13:]))
	f.Add(uint16(93), []byte(zstded(f, program)))
	f.Add(uint16(95), []byte(xzed(f, program)))
	f.Add(uint16(9), []byte(longest()))
	f.Fuzz(func(t *testing.T, method uint16, data []byte) {
		if len(data) < 1<<16 {
			fuzzFile(t, "a.zip", []byte(packedZIP(t, method%100, member{"a.txt", program}, string(data))))
		}
	})
}
