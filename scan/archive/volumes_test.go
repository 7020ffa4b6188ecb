package archive_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/xfile"
)

// volumes are the files attached to the fixtures of old archives and images.
func volumes(tb testing.TB) (list []member) {
	tb.Helper()
	names, err := filepath.Glob("../testdata/mail/2[3-6]?-*.eml")
	if err != nil || len(names) < 30 {
		tb.Fatal(len(names), err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(filepath.Base(name), ".eml")
		if base < "231" || base > "261" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "Content-Transfer-Encoding: base64\n\n")
		body, _, _ = strings.Cut(body, "\n--b1")
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
		if err != nil {
			tb.Fatal(base, err)
		}
		list = append(list, member{base, string(data)})
	}
	return list
}

// volume is one of them.
func volume(tb testing.TB, name string) string {
	tb.Helper()
	for _, m := range volumes(tb) {
		if m.name[4:] == name {
			return m.data
		}
	}
	tb.Fatal(name)
	return ""
}

// TestVolumesTruncated cuts each file at many bytes: never an error, and a
// program that still stands there whole is found.
func TestVolumesTruncated(t *testing.T) {
	for _, m := range volumes(t) {
		t.Run(m.name, func(t *testing.T) {
			step := 1
			if len(m.data) > 4096 {
				step = 997
			}
			for n := 0; n < len(m.data); n += step {
				_, found, v := open(t, "a.dat", m.data[:n], rules.Limit{})
				if strings.Contains(m.data[:n], program) && v.State() != scan.Found && !strings.HasPrefix(m.name[4:], "udf") {
					t.Fatalf("the first %d of %d bytes: %s %v", n, len(m.data), v.State(), found)
				}
			}
		})
	}
}

// TestVolumesMaximal writes ones, and other odd numbers, over every place of the
// headers in turn: never an error.
func TestVolumesMaximal(t *testing.T) {
	for _, m := range volumes(t) {
		t.Run(m.name, func(t *testing.T) {
			room := []byte(m.data)
			tried := 0
			for at := 0; at < len(room)-4 && tried < 400; at += 2 {
				if bytes.Equal(room[at:at+4], make([]byte, 4)) {
					continue
				}
				tried++
				old := [4]byte(room[at:])
				for _, v := range []uint32{1<<32 - 1, 0, 0x7fffffff, 1<<16 - 1, uint32(len(room))} {
					binary.LittleEndian.PutUint32(room[at:], v)
					open(t, "a.dat", string(room), rules.Limit{})
				}
				copy(room[at:], old[:])
			}
		})
	}
}

// FuzzVolumes reads anything as any of these formats: no error and no panic, no
// more bytes than the limit, the same verdict twice.
func FuzzVolumes(f *testing.F) {
	for _, m := range volumes(f) {
		if len(m.data) < 100<<10 {
			f.Add([]byte(m.data))
		}
	}
	lzx, _ := lzxCabinet(false)
	f.Add([]byte(lzx[:20000]))
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Time = 1<<20, 50, rules.Duration(time.Minute)
	f.Fuzz(func(t *testing.T, data []byte) {
		got := &all{}
		v := scanFile("a.dat", bytes.NewReader(data), int64(len(data)), limit, got)
		if v.Err != nil {
			t.Fatalf("error %v", v.Err)
		}
		if got.size > int64(limit.Inflated)+3*int64(len(data))+1<<20 {
			t.Errorf("%d bytes of %d", got.size, len(data))
		}
		again := scanFile("a.dat", bytes.NewReader(data), int64(len(data)), limit)
		if again.State() != v.State() {
			t.Errorf("%s, then %s", v.State(), again.State())
		}
	})
}

// TestVolumesAllowed lets the images themselves pass: their members decide.
func TestVolumesAllowed(t *testing.T) {
	for _, c := range []struct {
		name string
		want scan.State
	}{
		{"iso-joliet", scan.Found}, {"iso-members-clean", scan.Clean}, {"udf", scan.Found}, {"vhd-fixed", scan.Clean},
		{"vhd-dynamic", scan.Found}, {"dmg", scan.Found},
	} {
		data := volume(t, c.name)
		only := opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
			if p.Depth >= 0 {
				return nil
			}
			raw := io.NewSectionReader(strings.NewReader(data), 0, int64(len(data)))
			return yield(&scan.Part{Path: "1", Names: []string{"a.dat"}, Raw: raw,
				Open: func() (io.Reader, error) { return io.NewSectionReader(raw, 0, raw.Size()), nil }})
		})
		allow := rules.Xfile{Allow: []string{"iso", "udf", "vhd", "dmg"}}
		e := &scan.Engine{Openers: []scan.Opener{only, archive.Opener{}}, Scanners: []scan.Scanner{xfile.New(allow)}}
		v := e.Scan(context.Background(), &scan.Message{Content: strings.NewReader(data), Size: int64(len(data))})
		if v.State() != c.want {
			t.Errorf("%s: %s %+v", c.name, v.State(), v.Findings)
		}
	}
}

// at returns data with other bytes at an offset.
func at(data string, off int, s string) string { return data[:off] + s + data[off+len(s):] }

func TestVolumes(t *testing.T) {
	const sector = 2048
	iso, fat, cab, udf := volume(t, "iso-members-clean"), volume(t, "fat-clean"), volume(t, "cab-clean"), volume(t, "udf")
	record := 20*sector + 2*34 // of the first file
	text, isoFound := volume(t, "cpio-clean"), "xfile.content 1"
	newc := func(n int) string {
		one := text[:strings.Index(text, "070701"+text[6:14])+len(text[:strings.Index(text[6:], "070701")+6])]
		return strings.Repeat(one, n) + text[len(one):]
	}
	for _, c := range []struct {
		name, data string
		found      []string
	}{
		{"ISO", iso, []string{isoFound}},
		{"ISO, directory in itself", at(iso, record+2, string(iso[20*sector+2:20*sector+10])), []string{isoFound}},
		{"ISO, a file is its own directory", at(iso, record+25, "\x02"), []string{"xfile.unreadable 1", isoFound}},
		{"ISO, byte orders disagree", at(iso, record+6, "\x00\x00\x00\x77"), []string{"xfile.unreadable 1", isoFound}},
		{"ISO, file cut off", at(iso, record+10, "\x00\x00\x01\x00\x00\x01\x00\x00"), []string{"xfile.unreadable 1/a.dat/MINUTES.TXT", "xfile.unreadable 1", isoFound}},
		{"ISO, directory cut off", at(iso, 16*sector+156+10, "\x00\x00\x01\x00\x00\x01\x00\x00"), []string{"xfile.unreadable 1", isoFound}},
		{"ISO, interleaved", at(iso, record+26, "\x01\x01"), []string{"xfile.unreadable 1/a.dat/MINUTES.TXT", isoFound}},
		{"ISO, program in its only other tree", at(volume(t, "iso-joliet"), 16*sector+156, "\x00"),
			[]string{"xfile.unreadable 1", isoFound, "xfile.member 1/a.dat/holiday.exe", "xfile.member 1/a.dat/holiday.exe"}},
		{"ISO, block size", at(iso, 16*sector+128, "\x01\x00\x00\x01"), []string{"xfile.unreadable 1", isoFound}},
		{"High Sierra", strings.Repeat("\x00", 0x8009) + "CDROM\x01" + strings.Repeat("\x00", 4096), []string{"xfile.unreadable 1", isoFound}},
		{"UDF, no anchor", udf[:len(udf)-sector], []string{"xfile.unreadable 1", isoFound}},
		{"UDF, no logical volume", at(udf, 21*sector, "\x00\x00"), []string{"xfile.unreadable 1", isoFound}},
		{"UDF, metadata partition", udfMetadata(udf), []string{isoFound, "xfile.member 1/a.dat/plan.txt"}},
		{"UDF, no metadata file", at(udfMetadata(udf), (24+10)*sector, "\x00"), []string{isoFound, "xfile.unreadable 1"}},
		{"FAT", fat, nil},
		{"FAT, chain without an end", at(at(fat, 512+3, "\x02\x00\x00"), 1024+28, "\xff\xff\xff\x7f"), []string{"xfile.unreadable 1"}},
		{"FAT, file longer than its chain", at(fat, 1024+28, "\x00\x10\x00\x00"), []string{"xfile.unreadable 1"}},
		{"FAT, cut off", fat[:1536], []string{"xfile.unreadable 1/a.dat/LONGIS~1.TXT", "xfile.unreadable 1"}},
		{"FAT32 says its root is nowhere", at(at(fat, 22, "\x00\x00"), 36, "\x01\x00\x00\x00"), []string{"xfile.unreadable 1"}},
		{"CAB, cut off in its list", cab[:50], []string{"xfile.unreadable 1"}},
		{"CAB, folder that is not there", at(cab, 44+8, "\x07\x00"), []string{"xfile.unreadable 1/a.dat/minutes.txt", "xfile.unreadable 1"}},
		{"CAB, file behind its folder", at(cab, 44+4, "\xff\xff\xff\x7f"), []string{"xfile.unreadable 1/a.dat/minutes.txt", "xfile.unreadable 1"}},
		{"cpio, members", newc(50), nil},
		{"cpio, members crossed", newc(51), []string{"limit.parts 1"}},
		{"cpio, no end", text[:strings.LastIndex(text, "070701")], []string{"xfile.unreadable 1"}},
		{"ARJ, wrong checksum", at(volume(t, "arj-clean"), 63, "\x00"), []string{"xfile.unreadable 1"}},
		{"LZH, level 0", "\x19" + sum("-lh0-\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x20\x00\x03a.b\x00\x00") + "hi\x00", nil},
		{"LZH, level 0, script", "\x1a" + sum("-lh0-\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x20\x00\x04a.js\x00\x00") + "hi\x00", []string{"xfile.member 1/a.dat/a.js"}},
		{"LZH, level 3", "\x04\x00-lh0-\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x20\x03\x00\x00U\x29\x00\x00\x00\x09\x00\x00\x00\x01a.js\x00\x00\x00\x00hi\x00",
			[]string{"xfile.member 1/a.dat/a.js"}},
		{"LZH, other method", at(volume(t, "lzh-clean"), 2, "-lh1-"), []string{"xfile.unreadable 1", "xfile.unreadable 1/a.dat/minutes.txt"}},
		{"LZH, no header", volume(t, "lzh-clean")[:96] + "\x30garbage", []string{"xfile.unreadable 1"}},
		{"disk, partition not known", at(volume(t, "partitions"), 8*512, "\x00"), []string{"xfile.unreadable 1"}},
		{"disk, partition not formatted", volume(t, "partitions")[:512] + strings.Repeat("\x00", 100*512), nil},
		{"disk, partition outside", at(volume(t, "partitions"), 456, "\xff"), []string{"xfile.unreadable 1"}},
		{"boot sector of a floppy alone", strings.Repeat("\x11", 510) + "\x55\xaa" + strings.Repeat("\x00", 600), nil},
		{"VHD, fixed, not a disk", strings.Repeat("x", 40000) + volume(t, "vhd-fixed")[len(volume(t, "vhd-fixed"))-512:],
			[]string{"xfile.member 1/a.dat/disk.vhd", "xfile.unreadable 1"}},
		{"ZPAQ", "zPQ\x02\x01", []string{"xfile.unreadable 1"}},
		{"EGG", "EGGA\x00\x01\x00\x00", []string{"xfile.unreadable 1"}},
		{"an egg in words", "EGGART is a name", nil},
		{"text with a dash", "a -lh5- is a method of LHA, which is old", nil},
		{"two letters", "\x60\xea and more of a text", nil},
		{"binary number", "\xc7\x71 and more of a text, long enough for a header", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := rules.DefaultLimit()
			limit.Members = 50
			_, found, v := open(t, "a.dat", c.data, limit)
			slices.Sort(found)
			slices.Sort(c.found)
			if diff := cmp.Diff(c.found, found); diff != "" {
				t.Errorf("found (-want +got):\n%s%+v", diff, v.Findings)
			}
		})
	}
}

// udfMetadata makes the root of the UDF fixture stand in a metadata partition
// (UDF 2.2.10), whose file's bytes are the first ten blocks.
func udfMetadata(udf string) string {
	const sector, partition = 2048, 24 * 2048
	id := "\x00*UDF Metadata Partition"
	m := "\x02\x40\x00\x00" + id + strings.Repeat("\x00", 32-len(id)) + "\x01\x00\x00\x00" + word(10) + word(11) + word(0) + word(1)
	udf = at(udf, 21*sector+264, word(6+64)+word(2))
	udf = at(udf, 21*sector+446, m)
	udf = at(udf, partition+408, "\x01\x00")
	e := "\x05\x01\x02\x00" + strings.Repeat("\x00", 12) + strings.Repeat("\x00", 11) + "\xfa" + strings.Repeat("\x00", 28) + word(10*sector)
	e += strings.Repeat("\x00", 176-8-len(e)) + word(0) + word(8) + word(10*sector) + word(0)
	sum := byte(0)
	for i := range 16 {
		sum += e[i]
	}
	return at(udf, partition+10*sector, e[:4]+string([]byte{sum})+e[5:])
}

// sum puts the checksum of an LZH header of level 0 before it.
func sum(header string) string {
	s := byte(0)
	for i := range len(header) {
		s += header[i]
	}
	return string([]byte{s}) + header
}

// TestVolumesOverlap has a thousand names for the same bytes, and a thousand
// pieces of the same bytes.
func TestVolumesOverlap(t *testing.T) {
	data := strings.Repeat("x", 1<<20)
	var cab strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&cab, "%s%s%s%d\x00", word(1<<20-i), word(i), strings.Repeat("\x00", 8), i)
	}
	blocks := ""
	for i := 0; i < len(data); i += 32 << 10 {
		blocks += word(0) + "\x00\x80\x00\x80" + data[i:i+32<<10]
	}
	end := 44 + cab.Len()
	file := "MSCF" + word(0) + word(end+len(blocks)) + word(0) + word(44) + word(0) + "\x03\x01\x01\x00\xe8\x03\x00\x00\x01\x00\x00\x00" +
		word(end) + "\x20\x00\x00\x00" + cab.String() + blocks
	got := &all{}
	v := scanFile("a.cab", strings.NewReader(file), int64(len(file)), rules.Limit{}, got)
	rule := func(f scan.Finding) bool { return f.Rule == "limit.size" }
	if !slices.ContainsFunc(v.Findings, rule) || got.size > 80<<20 || v.Err != nil {
		t.Errorf("%d bytes, %v, %+v", got.size, v.Err, v.Findings)
	}
}

func word(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
