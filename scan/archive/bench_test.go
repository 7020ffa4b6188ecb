package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// zeros deflates n zeros.
func zeros(tb testing.TB, n int) string {
	tb.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	for n > 0 {
		k := min(n, 1<<20)
		w.Write(make([]byte, k))
		n -= k
	}
	w.Close()
	return buf.String()
}

// deflated is an archive of members that are deflated already.
func deflated(tb testing.TB, size int, members ...member) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := z.CreateRaw(&zip.FileHeader{Name: m.name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(nil),
			CompressedSize64: uint64(len(m.data)), UncompressedSize64: uint64(size)})
		if err != nil {
			tb.Fatal(err)
		}
		w.Write([]byte(m.data))
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

func repeat(name, data string, n int) (list []member) {
	for i := range n {
		list = append(list, member{strings.ReplaceAll(name, "#", fmt.Sprint(i)), data})
	}
	return list
}

// overlapping is an archive whose n directory entries all point to one member.
func overlapping(tb testing.TB, name, data string, n int) string {
	z := deflated(tb, 1<<20, repeat(name, data, 1)...)
	start := strings.Index(z, centralSig)
	entry := z[start : len(z)-22]
	directory := strings.Repeat(entry, n)
	return z[:start] + directory + endSig + le32(0) + le16(uint16(n)) + le16(uint16(n)) + le32(uint32(len(directory))) + le32(uint32(start)) + le16(0)
}

// noise is data that does not deflate well, n bytes.
func noise(n int) string {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

// bombs are small files that unpack to very much, size bytes and multiples of
// it; each is a limit.
func bombs(tb testing.TB, size int) map[string]string {
	mega := zeros(tb, 1<<20)
	nested := deflated(tb, size, repeat("#.zip", zeros(tb, size), 16)...)
	for range 3 {
		nested = zipped(tb, repeat("#.zip", nested, 16)...)
	}
	big := strings.Repeat("\x00", size)
	nines := zipped(tb, repeat("#.zip", deflated(tb, size, member{"0.dll", zeros(tb, size)}), 16)...)
	for range 4 {
		nines = zipped(tb, repeat("#.zip", nines, 16)...)
	}
	solid := folder{lzma2Coder, lzma2ed(tb, big), nil}
	for i := range 100 {
		solid.members = append(solid.members, member{fmt.Sprint(i, ".zip"), big[:16000]})
	}
	return map[string]string{
		"42, five levels":  nines,
		"xz":               xzed(tb, big),
		"zstd":             zstded(tb, big),
		"7z":               sevenZip(nil, folder{lzma2Coder, lzma2ed(tb, big), []member{{"a.zip", big}}}),
		"7z, solid":        sevenZip(nil, solid),
		"one member":       deflated(tb, size, member{"a.zip", zeros(tb, size)}),
		"many members":     deflated(tb, 1<<20, repeat("#.zip", mega, 1000)...),
		"overlapping":      overlapping(tb, "a.zip", mega, 4000),
		"nested, 16 times": nested,
		"gzip":             gzipped(tb, "", strings.Repeat("\x00", size)),
		"gzip of tar":      gzipped(tb, "", tarred(tb, tar.Header{Name: "a.txt", Size: int64(size)})),
		"deep": func() string {
			z := "core"
			for range 100 {
				z = zipped(tb, member{"in.zip", z})
			}
			return z
		}(),
	}
}

// xzBlocks is a file of n blocks of one byte, each with a dictionary of 1.5 GiB.
func xzBlocks(n int) string {
	block := "\x02\x00\x21\x01\x25\x00\x00\x00" + "\x00\x00\x00\x00" + "\x01\x00\x00x\x00" + "\x00\x00\x00"
	return "\xfd7zXZ\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat(block, n)
}

// TestBombs ends each bomb, made small, by a limit.
func TestBombs(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Inflated = 4 << 20
	for name, data := range bombs(t, 2<<20) {
		t.Run(name, func(t *testing.T) {
			v := scanFile("a.zip", strings.NewReader(data), int64(len(data)), limit)
			limited := func(f scan.Finding) bool { return strings.HasPrefix(f.Rule, "limit.") }
			if v.Err != nil || !slices.ContainsFunc(v.Findings, limited) {
				t.Errorf("error %v, findings %.500v", v.Err, v.Findings)
			}
		})
	}
}

// BenchmarkBombs shows time and the bytes allocated by one scan of a bomb.
func BenchmarkBombs(b *testing.B) {
	for name, data := range bombs(b, 64<<20) {
		b.Run(name, func(b *testing.B) { benchmarkFile(b, "a.zip", data) })
	}
}

// benchmarkFile scans a file and reports how far the heap grew.
func benchmarkFile(b *testing.B, name, data string) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var m runtime.MemStats
	peak := uint64(0)
	for b.Loop() {
		v := scanFile(name, strings.NewReader(data), int64(len(data)), rules.Limit{})
		if v.Err != nil {
			b.Fatal(v.Err)
		}
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapSys)
	}
	b.ReportMetric(float64(peak)/1e6, "heap-MB")
}

func BenchmarkArchive(b *testing.B) {
	text := strings.Repeat("An ordinary line of text.\n", 100)
	var headers []tar.Header
	for i := range 1000 {
		headers = append(headers, tar.Header{Name: fmt.Sprint(i, ".txt"), Size: 1000})
	}
	for _, c := range []struct{ name, file, data string }{
		{"zip, 1000 members", "a.zip", zipped(b, repeat("#.txt", text, 1000)...)},
		{"zip, 1000 stored members", "a.zip", stored(b, repeat("#.txt", text, 1000)...)},
		{"zip, 1000 without directory", "a.zip", strings.Split(stored(b, repeat("#.txt", text, 1000)...), centralSig)[0]},
		{"zip, one of 10 MB", "a.zip", zipped(b, member{"a.bin", noise(10 << 20)})},
		{"tar, 1000 members", "a.tar", tarred(b, headers...)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkFile(b, c.file, c.data) })
	}
}

// BenchmarkAttack scans what could cost more than it should.
func BenchmarkAttack(b *testing.B) {
	const size = 64 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	name := strings.Repeat("\u202e\u00a0.", 40000/6)
	text := strings.Repeat("An ordinary line of text.\n", 100)
	for _, c := range []struct{ name, file, data string }{
		{"PK", "a.zip", fill("PK")},
		{"local signatures", "a.zip", fill(localSig)},
		{"central signatures", "a.zip", fill(centralSig)},
		{"end signatures", "a.zip", fill(endSig)},
		{"local headers", "a.zip", fill(localSig + strings.Repeat("\x00", 22) + "\x01\x00\x00\x00x")},
		{"local headers, far apart", "a.zip", fill(localSig + strings.Repeat("\x00", 22) + "\x01\x00\x00\x00x" + strings.Repeat("P", 64<<10))},
		{"central entries", "a.zip", fill(centralSig + strings.Repeat("\x00", 24) + "\x01" + strings.Repeat("\x00", 17) + "x")},
		{"huge names", "a.zip", stored(b, repeat(name+"#", "x", 1000)...)},
		{"nothing", "a.zip", fill("\x00")},
		{"xz, many blocks", "a.xz", xzBlocks(20000)},
		{"gzip, many members", "a.gz", strings.Repeat(gzipped(b, "", ""), 100000)},
		{"gzip marks", "a.gz", gzipped(b, "", "x") + fill("\x1f\x8b\x08\x08aaaaaaaa")},
		{"lzip, many members", "a.lz", strings.Repeat(lzipped(b, ""), 20000)},
		{"lz4, many frames", "a.lz4", strings.Repeat(lz4ed("aaaaaaaaaaaaaaaa"), 100000)},
		{"zstd, many frames", "a.zst", strings.Repeat(zstded(b, "a"), 100000)},
		{"RAR 4, many members", "a.rar", rar4(0, make([]rarEntry, 100000)...)},
		{"RAR 5, many members", "a.rar", rar5(make([]rarEntry, 100000)...)},
		{"RAR 5, solid", "a.rar", rar5(repeatRAR(rarEntry{name: "x.zip", data: text, packed: true, flags: 0x40}, 1000)...)},
		{"7z, marks in a program", "a.exe", "MZ" + fill("7z\xbc\xaf\x27\x1c")},
		{"RAR marks in a program", "a.exe", "MZ" + fill("Rar!\x1a\x07\x00ab\x73cd\x0d\x00e")},
		{"tar of directories", "a.tar", fill(old("d/", "")[:512])},
		{"7z mark only", "a.7z", fill("7z")},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkFile(b, c.file, c.data) })
	}
}

func repeatRAR(e rarEntry, n int) (list []rarEntry) {
	for range n {
		list = append(list, e)
	}
	return list
}
