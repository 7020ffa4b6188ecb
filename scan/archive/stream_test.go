package archive_test

import (
	"archive/tar"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

// old makes a tar of before POSIX of one member: no magic, a checksum.
func old(name, data string) string {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[108:], "0000000\x00")
	copy(h[116:], "0000000\x00")
	copy(h[124:], octal(int64(len(data)), 11)+" ")
	copy(h[136:], octal(0, 11)+" ")
	return checksummed(h) + data + strings.Repeat("\x00", -len(data)&511) + strings.Repeat("\x00", 1024)
}

func octal(n int64, width int) string {
	s := ""
	for range width {
		s = string(rune('0'+n&7)) + s
		n >>= 3
	}
	return s
}

// checksummed fills the checksum of a tar header in.
func checksummed(h []byte) string {
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], octal(int64(sum), 6)+"\x00 ")
	return string(h)
}

func TestTar(t *testing.T) {
	file := func(name string, size int) tar.Header { return tar.Header{Name: name, Size: int64(size), Mode: 0o644} }
	in := func(f tar.Format, h tar.Header) tar.Header { h.Format = f; return h }
	a, evil := file("a.txt", 3), file("x.dat", 0) // tarred writes the program into a .dat
	long := strings.Repeat("d/", 200) + "x.dat"
	plain := tarred(t, a, evil)
	for _, c := range []struct {
		name, data string
		members    []string
		found      []string
	}{
		{"ustar", plain, []string{"a.txt: ttt", "x.dat: program"}, []string{"xfile.member 1/a.tar/x.dat"}},
		{"before POSIX", old("x.dat", program), []string{"x.dat: program"}, []string{"xfile.member 1/a.tar/x.dat"}},
		{"before POSIX, bad checksum", strings.Replace(old("x.dat", program), "x.dat", "y.dat", 1), nil, nil},
		{"PAX", tarred(t, in(tar.FormatPAX, file("\u00fc.txt", 2))), []string{"\u00fc.txt: tt"}, nil},
		{"PAX, long name", tarred(t, in(tar.FormatPAX, file(long, 0))), []string{long + ": program"},
			[]string{"xfile.member 1/a.tar/" + long[:100] + "..."}},
		{"GNU, long name", tarred(t, in(tar.FormatGNU, file(long, 0))), []string{long + ": program"},
			[]string{"xfile.member 1/a.tar/" + long[:100] + "..."}},
		{"global header", tarred(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"comment": "c"}}, evil),
			[]string{"g: -", "x.dat: program"}, []string{"xfile.member 1/a.tar/x.dat"}},
		{"directories", tarred(t, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, a), []string{"a.txt: ttt"}, nil},
		{"links and devices", tarred(t,
			tar.Header{Name: "s.exe", Typeflag: tar.TypeSymlink, Linkname: "a.txt"},
			tar.Header{Name: "h.txt", Typeflag: tar.TypeLink, Linkname: "a.txt"},
			tar.Header{Name: "dev", Typeflag: tar.TypeChar},
			tar.Header{Name: "fifo", Typeflag: tar.TypeFifo}),
			[]string{"s.exe: -", "h.txt: -", "dev: -", "fifo: -"}, []string{"xfile.member 1/a.tar/s.exe"}},
		{"empty member", tarred(t, file("a.exe", 0)), []string{"a.exe: -"}, []string{"xfile.member 1/a.tar/a.exe"}},
		{"sparse, PAX", sparse(), nil, []string{"xfile.unreadable 1/a.tar/hole"}},
		{"sparse, GNU", gnuSparse(), nil, []string{"xfile.unreadable 1/a.tar/hole"}},
		{"no end", plain[:len(plain)-1024], []string{"a.txt: ttt", "x.dat: program"}, []string{"xfile.unreadable 1", "xfile.member 1/a.tar/x.dat"}},
		{"one block at the end", plain[:len(plain)-512], []string{"a.txt: ttt", "x.dat: program"}, []string{"xfile.member 1/a.tar/x.dat"}},
		{"padded", plain + strings.Repeat("\x00", 10240), []string{"a.txt: ttt", "x.dat: program"}, []string{"xfile.member 1/a.tar/x.dat"}},
		{"bad second header", strings.Replace(plain, "x.dat", "y.dat", 1), []string{"a.txt: ttt"}, []string{"xfile.unreadable 1"}},
		{"length lies", resized(old("x.dat", program), 1<<33-1), []string{"x.dat: 1536 bytes"}, []string{"xfile.unreadable 1", "xfile.member 1/a.tar/x.dat"}},
		{"archive inside, its length lies", resized(old("in.zip", stored(t, member{"a.txt", "x"})), 1<<33-1), nil, []string{"xfile.unreadable 1"}},
		{"message inside, its length lies", resized(old("in.eml", "Subject: s\n\nx"), 1<<33-1), nil, []string{"xfile.unreadable 1"}},
		{"zip inside", old("in.zip", stored(t, member{"x.exe", "x"})), nil, []string{"xfile.member 1/a.tar/in.zip/x.exe"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			members, found, _ := open(t, "a.tar", c.data, rules.Limit{})
			if diff := cmp.Diff(c.members, members); diff != "" && c.members != nil {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// sparse is a tar of one member with holes, as PAX has them.
func sparse() string {
	record := "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n24 GNU.sparse.name=hole\n26 GNU.sparse.realsize=99\n"
	x := []byte(old("pax", record))
	x[156] = 'x'
	copy(x[257:], "ustar\x0000")
	return checksummed(x[:512]) + string(x[512:1024]) + old("hole", "0\n"+strings.Repeat("\x00", 510))
}

// gnuSparse is a tar of one member with holes, as old GNU tars have them.
func gnuSparse() string {
	h := []byte(old("hole", ""))
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[483:], octal(0, 11)+"\x00")
	return checksummed(h[:512]) + string(h[512:])
}

// resized writes another length into the first header of a tar.
func resized(t string, size int64) string {
	h := []byte(t)
	copy(h[124:], octal(size, 11))
	return checksummed(h[:512]) + t[512:]
}

func TestStreams(t *testing.T) {
	zeros := strings.Repeat("\x00", 100)
	for _, c := range []struct {
		file, name, data string
		members          []string
		found            []string
	}{
		{"gzip", "a.txt.gz", gzipped(t, "", "hello"), []string{"a.txt: hello"}, nil},
		{"gzip with a name", "a.gz", gzipped(t, "x.exe", "hello"), []string{"a|x.exe: hello"}, []string{"xfile.member 1/a.gz/a"}},
		{"gzip of a program", "a.gz", gzipped(t, "", program), []string{"a: program"}, []string{"xfile.member 1/a.gz/a"}},
		{"gzip without a name", "", gzipped(t, "", program), []string{"data: program"}, []string{"xfile.member 1/data"}},
		{"gzip by content", "a.png", gzipped(t, "", program), []string{"a.png: program"}, []string{"xfile.member 1/a.png/a.png"}},
		{"several members", "a.gz", gzipped(t, "", program[:9]) + gzipped(t, "", program[9:]), []string{"a: program"}, []string{"xfile.member 1/a.gz/a"}},
		{"bytes behind", "a.gz", gzipped(t, "", "hello") + "garbage", []string{"a: hello"}, nil},
		{"header alone", "a.gz", "\x1f\x8b\x08", nil, []string{"xfile.unreadable 1/a.gz/a"}},
		{"svgz", "a.svgz", gzipped(t, "", "<svg/>"), []string{"a.svg: <svg/>"}, nil},
		{"tgz", "a.tgz", gzipped(t, "", tarred(t, tar.Header{Name: "x.dat"})), []string{"a.tar: 2048 bytes", "x.dat: program"},
			[]string{"xfile.member 1/a.tgz/a.tar/x.dat"}},
		{"bzip2", "a.bz2", bzipped, []string{"a: program"}, []string{"xfile.member 1/a.bz2/a"}},
		{"bzip2, several members", "a.bz2", bzipped + bzipped, []string{"a: 1024 bytes"}, []string{"xfile.member 1/a.bz2/a"}},
		{"bzip2, damaged", "a.bz2", bzipped[:20] + zeros, nil, []string{"xfile.unreadable 1/a.bz2/a"}},
		{"no bzip2", "a.txt", "BZh9 is how a bzip2 file begins", nil, nil},
		{"gzip in gzip", "a.gz.gz", gzipped(t, "", gzipped(t, "", program)), nil, []string{"xfile.member 1/a.gz.gz/a.gz/a"}},
		{"gzip, zeros behind", "a.gz", gzipped(t, "", "hello") + zeros, []string{"a: hello"}, nil},
		{"gzip, zeros between", "a.gz", gzipped(t, "", program[:9]) + zeros + gzipped(t, "", program[9:]), []string{"a: program"}, []string{"xfile.member 1/a.gz/a"}},
		{"gzip, second damaged", "a.gz", gzipped(t, "", program) + gzipped(t, "", "hello")[:15], nil, []string{"xfile.unreadable 1/a.gz/a", "xfile.member 1/a.gz/a"}},
		{"gzip, second has a name", "a.gz", gzipped(t, "a.txt", "hello") + gzipped(t, "x.dat", program),
			[]string{"a|a.txt: 517 bytes", "x.dat: program"}, []string{"xfile.member 1/a.gz/x.dat"}},
		{"gzip, names of three", "a.gz", gzipped(t, "a.txt", "hello") + gzipped(t, "b.txt", "hello") + gzipped(t, "x.exe", "hello"),
			nil, []string{"xfile.member 1/a.gz/x.exe"}},
		{"gzip, sum wrong", "a.gz", gzipped(t, "", program)[:len(gzipped(t, "", program))-8] + "\x00\x00\x00\x00\x00\x02\x00\x00", []string{"a: program"}, []string{"xfile.member 1/a.gz/a"}},
		{"bzip2, bytes behind", "a.tbz2", bzipped + "garbage", []string{"a.tar: program"}, []string{"xfile.member 1/a.tbz2/a.tar"}},
		{"xz", "a.xz", xzed(t, program), []string{"a: program"}, []string{"xfile.member 1/a.xz/a"}},
		{"xz, clean", "a.txt.xz", xzed(t, "hello"), []string{"a.txt: hello"}, nil},
		{"xz, several", "a.xz", xzed(t, program[:9]) + "\x00\x00\x00\x00" + xzed(t, program[9:]), []string{"a: program"}, []string{"xfile.member 1/a.xz/a"}},
		{"xz, bytes behind", "a.xz", xzed(t, "hello") + "garbage", []string{"a: hello"}, nil},
		{"xz of tar", "a.txz", xzed(t, tarred(t, tar.Header{Name: "x.dat"})), []string{"a.tar: 2048 bytes", "x.dat: program"}, []string{"xfile.member 1/a.txz/a.tar/x.dat"}},
		{"xz, unknown filter", "a.xz", "\xfd7zXZ\x00\x00\x00\xff\x12\xd9\x41\x02\x01\x07\x00\x21\x01\x16" + zeros, nil, []string{"xfile.unreadable 1/a.xz/a"}},
		{"xz, huge dictionary", "a.xz", strings.Replace(xzed(t, program), "\x21\x01", "\x21\x01\x28"[:2], 1), []string{"a: program"}, []string{"xfile.member 1/a.xz/a"}},
		{"LZMA", "a.lzma", lzmaed(t, program), []string{"a: program"}, []string{"xfile.member 1/a.lzma/a"}},
		{"LZMA of tar", "a.tlz", lzmaed(t, tarred(t, tar.Header{Name: "x.dat"})), nil, []string{"xfile.member 1/a.tlz/a.tar/x.dat"}},
		{"LZMA, not called so", "a.dat", lzmaed(t, program), nil, nil},
		{"lzip", "a.lz", lzipped(t, program), []string{"a: program"}, []string{"xfile.member 1/a.lz/a"}},
		{"lzip, several", "a.lz", lzipped(t, program[:9]) + lzipped(t, program[9:]) + "garbage", []string{"a: program"}, []string{"xfile.member 1/a.lz/a"}},
		{"zstd", "a.zst", zstded(t, program), []string{"a: program"}, []string{"xfile.member 1/a.zst/a"}},
		{"zstd of tar", "a.tzst", zstded(t, tarred(t, tar.Header{Name: "x.dat"})), nil, []string{"xfile.member 1/a.tzst/a.tar/x.dat"}},
		{"zstd, several", "a.zst", zstded(t, program[:9]) + "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstded(t, program[9:]) + "garbage",
			[]string{"a: program"}, []string{"xfile.member 1/a.zst/a"}},
		{"zstd, frame to skip first", "a.zst", "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc" + zstded(t, program), []string{"a: program"}, []string{"xfile.member 1/a.zst/a"}},
		{"zstd, nothing but skipped", "a.zst", "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc", nil, []string{"xfile.unreadable 1"}},
		{"zstd, huge window", "a.zst", "\x28\xb5\x2f\xfd\x00\xff" + zeros, nil, []string{"limit.size 1/a.zst/a"}},
		{"lz4", "a.lz4", lz4ed(program), []string{"a: program"}, []string{"xfile.member 1/a.lz4/a"}},
		{"lz4, several", "a.lz4", lz4ed(program[:99]) + lz4ed(program[99:]) + "garbage", []string{"a: program"}, []string{"xfile.member 1/a.lz4/a"}},
		{"lz4, frame to skip first", "a.lz4", "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + lz4ed(program), []string{"a: program"}, []string{"xfile.member 1/a.lz4/a"}},
		{"lz4, with a dictionary", "a.lz4", "\x04\x22\x4d\x18\x41\x70" + zeros, nil, []string{"xfile.unreadable 1/a.lz4/a"}},
		{"compress", "a.Z", compressed(program), []string{"a: program"}, []string{"xfile.member 1/a.Z/a"}},
		{"compress, bad code", "a.Z", "\x1f\x9d\x90\xff\xff" + zeros, nil, []string{"xfile.unreadable 1/a.Z/a"}},
		{"7z", "a.7z", "7z\xbc\xaf\x27\x1c\x00\x04" + zeros, nil, []string{"xfile.unreadable 1"}},
		{"RAR", "a.jpg", "Rar!\x1a\x07\x01\x00" + zeros, nil, []string{"xfile.unreadable 1"}},
		{"LZH", "a.jpg", "\x20\x20-lh5-" + zeros, nil, []string{"xfile.unreadable 1"}},
		{"text", "a.txt", "text", nil, nil},
	} {
		t.Run(c.file, func(t *testing.T) {
			members, found, _ := open(t, c.name, c.data, rules.Limit{})
			if diff := cmp.Diff(c.members, members); diff != "" && len(c.members) > 0 {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStreamsTruncated cuts files at every byte behind what makes them known.
func TestStreamsTruncated(t *testing.T) {
	evil := tar.Header{Name: "x.dat"}
	two := tarred(t, tar.Header{Name: "a.txt", Size: 600}, evil)
	for _, c := range []struct {
		name, data string
		from       int
	}{
		{"a.gz", gzipped(t, "", program), 2},
		{"a.gz", gzipped(t, "long name.exe", "text"), 2},
		{"a.xz", xzed(t, program), 6},
		{"a.lz", lzipped(t, program), 5},
		{"a.lzma", lzmaed(t, program), 14},
		{"a.zst", zstded(t, program), 4},
		{"a.lz4", lz4ed(program), 4},
		{"a.Z", compressed(program), 8},
		{"a.bz2", bzipped, 11},
		{"a.tgz", gzipped(t, "", two), 2},
		{"a.tar", two[:len(two)-1024], 512},
		{"a.zip", stored(t, member{"in.tgz", gzipped(t, "", two)}), 0},
	} {
		truncate(t, c.name, c.name, c.data, c.from)
	}
}
