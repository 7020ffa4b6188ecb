package archive_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
)

// Signatures of the records of a ZIP.
const (
	localSig   = "PK\x03\x04"
	centralSig = "PK\x01\x02"
	endSig     = "PK\x05\x06"
)

// stored is an archive of members that are not compressed, with their lengths
// in both headers.
func stored(tb testing.TB, members ...member) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: m.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(m.data)),
			CompressedSize64: uint64(len(m.data)), UncompressedSize64: uint64(len(m.data)),
		})
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

// patch writes bytes into the n-th record with a signature, at an offset in it.
func patch(tb testing.TB, z, sig string, n, at int, with string) string {
	tb.Helper()
	from := 0
	for ; n >= 0; n-- {
		i := strings.Index(z[from:], sig)
		if i < 0 {
			tb.Fatalf("no %q", sig)
		}
		from += i + 1
	}
	from += at - 1
	return z[:from] + with + z[from+len(with):]
}

func le16(v uint16) string { return string(binary.LittleEndian.AppendUint16(nil, v)) }
func le32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
func le64(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }

// zip64 is an archive of one stored member all of whose numbers are in the long
// records, with prefix bytes before it that no offset knows of.
func zip64(prefix, name, data string, local, directory uint64) string {
	const all = "\xff\xff\xff\xff"
	extra := func(v ...uint64) string {
		s := le16(1) + le16(uint16(8*len(v)))
		for _, n := range v {
			s += le64(n)
		}
		return s
	}
	size := uint64(len(data))
	z := prefix + localSig + le16(45) + le16(0) + le16(0) + le32(0) + le32(0) + all + all +
		le16(uint16(len(name))) + le16(20) + name + extra(size, size) + data
	start := len(z)
	z += centralSig + le16(45) + le16(45) + le16(0) + le16(0) + le32(0) + le32(0) + all + all +
		le16(uint16(len(name))) + le16(28) + le16(0) + le16(0) + le16(0) + le32(0) + all + name + extra(size, size, local)
	length := uint64(len(z) - start)
	if directory == 0 {
		directory = uint64(start - len(prefix))
	}
	end := uint64(len(z) - len(prefix))
	z += "PK\x06\x06" + le64(44) + le16(45) + le16(45) + le32(0) + le32(0) + le64(1) + le64(1) + le64(length) + le64(directory)
	z += "PK\x06\x07" + le32(0) + le64(end) + le32(1)
	return z + endSig + le16(0) + le16(0) + "\xff\xff\xff\xff" + all + all + le16(0)
}

func TestZIP(t *testing.T) {
	a, b, evil := member{"a.txt", "aaa"}, member{"b.txt", "bbb"}, member{"evil.txt", program}
	inner := stored(t, member{"in.txt", "in"}, evil)
	two := stored(t, a, b)
	start := strings.Index(two, centralSig) // of its directory
	unreadable := []string{"xfile.unreadable 1"}
	for _, c := range []struct {
		name, data string
		members    []string
		found      []string
	}{
		{"deflated", zipped(t, a, evil), []string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.member 1/z.zip/evil.txt"}},
		{"stored", stored(t, a, evil), []string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.member 1/z.zip/evil.txt"}},
		{"bzip2", patch(t, patch(t, stored(t, member{"x", bzipped}), localSig, 0, 8, le16(12)), centralSig, 0, 10, le16(12)),
			[]string{"x: program"}, []string{"xfile.member 1/z.zip/x"}},
		{"no members", zipped(t), nil, nil},
		{"directories", zipped(t, member{"d/", ""}, a), []string{"a.txt: aaa"}, nil},
		{"directory alone", zipped(t, member{"d/", ""}), nil, nil},
		{"directory with content", stored(t, member{"dd", program}, a), []string{"dd: program", "a.txt: aaa"}, []string{"xfile.member 1/z.zip/dd"}},
		{"directory called so, with content", strings.ReplaceAll(stored(t, member{"dd", program}, a), "dd", "d/"),
			[]string{"d/: program", "a.txt: aaa"}, []string{"xfile.member 1/z.zip/d/"}},
		{"directory in one header", patch(t, patch(t, stored(t, member{"x.exe", ""}), centralSig, 0, 46, "x.ex/"), centralSig, 0, 20, le32(0)),
			[]string{"x.ex/|x.exe: "}, []string{"xfile.member 1/z.zip/x.ex/"}},
		{"comment", patch(t, two, endSig, 0, 20, le16(5)) + "hello", []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"comment with an end record", patch(t, two, endSig, 0, 20, le16(22)) + endSig + strings.Repeat("\x00", 18),
			[]string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"comment with an end record that covers all", patch(t, stored(t, a, evil), endSig, 0, 20, le16(22)) +
			endSig + le32(0) + le16(2) + le16(2) + le32(0) + le32(0) + le16(0),
			[]string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"directory at offset 0", patch(t, patch(t, stored(t, a, evil), endSig, 0, 16, le32(0)), endSig, 0, 12, le32(0)),
			[]string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"directory past the end", patch(t, patch(t, stored(t, a, evil), endSig, 0, 16, le32(1<<31)), endSig, 0, 12, le32(1<<31)),
			[]string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"directory size lies", patch(t, two, endSig, 0, 12, le32(7)), []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"directory offset lies", patch(t, two, endSig, 0, 16, le32(7)), []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"bytes before, offsets as if not", "GIF89a......" + two, []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"bytes before, offsets right", prefixed(t, "GIF89a......", a, evil), []string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.member 1/z.zip/evil.txt"}},
		{"many bytes before", strings.Repeat("\x00", 100<<10) + two, []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"bytes behind", two + strings.Repeat("x", 1000), []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"many bytes behind", two + strings.Repeat("x", 100<<10), []string{"a.txt: aaa", "b.txt: bbb"}, unreadable},
		{"two joined", stored(t, a) + stored(t, evil), []string{"evil.txt: program", "a.txt: aaa"}, []string{"xfile.member 1/z.zip/evil.txt"}},
		{"two joined, the other way", stored(t, evil) + stored(t, a), []string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.member 1/z.zip/evil.txt"}},
		{"three joined", zipped(t, b) + stored(t, evil) + zipped(t, a), []string{"a.txt: aaa", "b.txt: bbb", "evil.txt: program"},
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"joined, the length of the first lies", patch(t, stored(t, a, evil), localSig, 0, 18, le32(1<<30)) + stored(t, b), nil,
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"no directory", stored(t, a, evil)[:len(stored(t, a, evil))-22-2*46-len(a.name)-len(evil.name)],
			[]string{"a.txt: aaa", "evil.txt: program"}, []string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"no end record", two[:len(two)-22], []string{"a.txt: aaa", "b.txt: bbb"}, unreadable},
		{"directory alone, no data", two[start:], nil, []string{"xfile.unreadable 1/z.zip/a.txt", "xfile.unreadable 1/z.zip/b.txt"}},
		{"local headers spoilt", strings.ReplaceAll(two, localSig, "PK\x03\x05"), nil, []string{"xfile.unreadable 1/z.zip/a.txt", "xfile.unreadable 1/z.zip/b.txt"}},
		{"directory lists one fewer", patch(t, stored(t, a, evil), endSig, 0, 10, le16(1)), []string{"a.txt: aaa", "evil.txt: program"},
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"directory lists none", patch(t, stored(t, a, evil), endSig, 0, 10, le16(0)), []string{"a.txt: aaa", "evil.txt: program"},
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"directory lists one more", patch(t, two, endSig, 0, 10, le16(3)), []string{"a.txt: aaa", "b.txt: bbb"}, unreadable},
		{"directory entry cut by a long name", patch(t, stored(t, a, evil), centralSig, 1, 28, le16(65535)), []string{"a.txt: aaa", "evil.txt: program"},
			[]string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"member in no directory", patch(t, stored(t, a, evil), centralSig, 1, 0, "PK\x01\x03"), []string{"a.txt: aaa", "evil.txt: program"},
			[]string{"xfile.unreadable 1", "xfile.member 1/z.zip/evil.txt"}},
		{"absurd local offset", patch(t, stored(t, a, evil), centralSig, 1, 42, le32(1<<32-2)), []string{"a.txt: aaa", "evil.txt: program"},
			[]string{"xfile.unreadable 1/z.zip/evil.txt", "xfile.member 1/z.zip/evil.txt"}},
		{"name only in the local header", patch(t, stored(t, member{"x.txt", "x"}), localSig, 0, 30, "x.exe"),
			[]string{"x.txt|x.exe: x"}, []string{"xfile.member 1/z.zip/x.txt"}},
		{"name only in the directory", patch(t, stored(t, member{"x.txt", "x"}), centralSig, 0, 46, "x.exe"),
			[]string{"x.exe|x.txt: x"}, []string{"xfile.member 1/z.zip/x.exe"}},
		{"method only in the local header", patch(t, zipped(t, evil), centralSig, 0, 10, le16(0)), nil,
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"method only in the directory", patch(t, zipped(t, evil), localSig, 0, 8, le16(0)), nil,
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"encrypted in the directory alone", patch(t, stored(t, evil), centralSig, 0, 8, le16(1)), []string{"evil.txt: program"},
			[]string{"xfile.encrypted 1/z.zip/evil.txt", "xfile.member 1/z.zip/evil.txt"}},
		{"encrypted in the local header alone", patch(t, stored(t, evil), localSig, 0, 6, le16(1)), []string{"evil.txt: program"},
			[]string{"xfile.encrypted 1/z.zip/evil.txt", "xfile.member 1/z.zip/evil.txt"}},
		{"no length in the directory", patch(t, stored(t, evil), centralSig, 0, 20, le32(0)), []string{"evil.txt: ", "evil.txt: program"},
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"members hidden in another's length", patch(t, stored(t, a, evil, b), centralSig, 0, 20, le32(800)), nil,
			[]string{"xfile.member 1/z.zip/evil.txt"}},
		{"one member listed twice", patch(t, stored(t, a, member{"c.txt", "ccc"}), centralSig, 1, 42, le32(0)),
			[]string{"a.txt: aaa", "c.txt|a.txt: aaa", "c.txt: ccc"}, nil},
		{"encrypted", encrypt(t, stored(t, a)), nil, []string{"xfile.encrypted 1/z.zip/a.txt"}},
		{"unknown method", patch(t, patch(t, stored(t, a), localSig, 0, 8, le16(98)), centralSig, 0, 10, le16(98)), nil,
			[]string{"xfile.unreadable 1/z.zip/a.txt"}},
		{"code page 437", patch(t, patch(t, stored(t, member{"u.txt", "x"}), localSig, 0, 30, "\x81"), centralSig, 0, 46, "\x81"),
			[]string{"\u00fc.txt: x"}, nil},
		{"no name", stored(t, member{"", program}), []string{"unnamed: program"}, []string{"xfile.member 1/z.zip/unnamed"}},
		{"no name and no directory", strings.Split(stored(t, member{"", program}), centralSig)[0], []string{"unnamed: program"},
			[]string{"xfile.unreadable 1", "xfile.member 1/z.zip/unnamed"}},
		{"path", stored(t, member{"../../a/b.exe", "x"}), []string{"../../a/b.exe: x"}, []string{"xfile.member 1/z.zip/../../a/b.exe"}},
		{"backslashes", stored(t, member{`a\b.exe`, "x"}), []string{`a\b.exe: x`}, []string{`xfile.member 1/z.zip/a\b.exe`}},
		{"stored archive", stored(t, a, member{"in.zip", inner}), []string{"a.txt: aaa", "in.zip: 716 bytes", "in.txt: in", "evil.txt: program"},
			[]string{"xfile.member 1/z.zip/in.zip/evil.txt"}},
		{"mark of a split archive", "PK\x07\x08" + prefixed(t, "PK\x07\x08", a)[4:], []string{"a.txt: aaa"}, nil},
		{"long numbers", zip64("", "x.txt", program, 0, 0), []string{"x.txt: program"}, []string{"xfile.member 1/z.zip/x.txt"}},
		{"long numbers, bytes before", zip64("GIF89a", "x.txt", program, 0, 0), []string{"x.txt: program"}, []string{"xfile.member 1/z.zip/x.txt"}},
		{"long numbers, absurd member", zip64("", "x.txt", program, 1<<63-1, 0), []string{"x.txt: program"},
			[]string{"xfile.unreadable 1/z.zip/x.txt", "xfile.member 1/z.zip/x.txt"}},
		{"long numbers, absurd directory", zip64("", "x.txt", program, 0, 1<<63-1), nil, []string{"xfile.member 1/z.zip/x.txt"}},
		{"long numbers, negative directory", zip64("", "x.txt", program, 0, 1<<63), nil, []string{"xfile.member 1/z.zip/x.txt"}},
		{"no archive", "just text", nil, unreadable},
		{"empty", "", nil, unreadable},
	} {
		t.Run(c.name, func(t *testing.T) {
			members, found, _ := open(t, "z.zip", c.data, rules.Limit{})
			if diff := cmp.Diff(c.members, members); diff != "" && c.members != nil {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// prefixed is a stored archive behind other bytes, its offsets counted from
// their start.
func prefixed(tb testing.TB, prefix string, members ...member) string {
	tb.Helper()
	var buf bytes.Buffer
	buf.WriteString(prefix)
	z := zip.NewWriter(&buf)
	z.SetOffset(int64(len(prefix)))
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Store})
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

// encrypt sets the encryption flag of the first member in both headers.
func encrypt(tb testing.TB, z string) string {
	return patch(tb, patch(tb, z, localSig, 0, 6, le16(1)), centralSig, 0, 8, le16(1))
}

// TestZIPGrave holds an encrypted archive whose names stay hidden.
func TestZIPGrave(t *testing.T) {
	for name, want := range map[string]rules.Action{"a.txt": rules.Tag, "in.zip": rules.Hold, "mail.EML": rules.Hold, "in.tar.gz": rules.Hold} {
		_, _, v := open(t, "z.zip", encrypt(t, stored(t, member{name, "x"})), rules.Limit{})
		if got := v.Worst(); got.Rule != "xfile.encrypted" || got.Action != want {
			t.Errorf("%s: %s %s, want %s", name, got.Rule, got.Action, want)
		}
	}
}

// TestZIPTruncated cuts archives at every byte: what was found in the whole is
// found, or the archive is called unreadable.
func TestZIPTruncated(t *testing.T) {
	clean, evil := member{"a.txt", "aaa"}, member{"evil.txt", program}
	for name, data := range map[string]string{
		"deflated":     zipped(t, clean, evil),
		"stored":       stored(t, clean, evil),
		"nested":       stored(t, clean, member{"in.zip", zipped(t, clean, evil)}),
		"long numbers": zip64("", "x.txt", program, 0, 0),
		"joined":       stored(t, evil) + stored(t, clean),
	} {
		truncate(t, name, "z.zip", data, 0)
	}
}

// truncate cuts a file at every byte from one on.
func truncate(t *testing.T, what, name, data string, from int) {
	t.Helper()
	if _, _, v := open(t, name, data, rules.Limit{}); v.State() != scan.Found {
		t.Fatalf("%s: the whole is %s", what, v.State())
	}
	for n := from; n < len(data); n++ {
		if _, _, v := open(t, name, data[:n], rules.Limit{}); v.State() != scan.Found {
			t.Errorf("%s: the first %d of %d bytes are %s", what, n, len(data), v.State())
		}
	}
}

func TestZIPLimits(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Members, limit.ArchiveDepth = 5, 2
	many := func(n int) (list []member) {
		for range n {
			list = append(list, member{"a.txt", "x"})
		}
		return list
	}
	nested := func(n int) string {
		z := stored(t, member{"core.txt", "x"})
		for range n {
			z = stored(t, member{"in.zip", z})
		}
		return z
	}
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"members", stored(t, many(5)...), nil},
		{"members crossed", stored(t, many(6)...), []string{"limit.parts 1"}},
		{"members crossed without directory", strings.Split(stored(t, many(6)...), centralSig)[0], []string{"limit.parts 1"}},
		{"members crossed, the rest is judged", stored(t, append([]member{{"x.exe", "x"}}, many(6)...)...),
			[]string{"limit.parts 1", "xfile.member 1/z.zip/x.exe"}},
		{"nested", nested(1), nil},
		{"nested crossed", nested(2), []string{"limit.depth 1/z.zip/in.zip/in.zip/core.txt"}},
		{"signatures alone", strings.Repeat(localSig, 1000), []string{"limit.parts 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found, _ := open(t, "z.zip", c.data, limit)
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// TestZIPHugeName judges a name of 64 KiB and shows little of it.
func TestZIPHugeName(t *testing.T) {
	name := strings.Repeat("x/", 32000) + strings.Repeat("y", 1000) + ".exe"
	members, found, v := open(t, "z.zip", stored(t, member{name, "x"}), rules.Limit{})
	if len(members) != 1 || len(found) != 2 || v.Worst().Rule != "xfile.member" {
		t.Fatalf("%d members, found %q", len(members), found)
	}
	for _, f := range v.Findings {
		if len(f.Part)+len(f.Name) > 600 {
			t.Errorf("part of %d bytes, name of %d", len(f.Part), len(f.Name))
		}
	}
}
