package archive_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"qguard/rules"
	"qguard/scan"
)

const (
	zstdHead = "\x28\xb5\x2f\xfd\x00\x00" // a window of 1 KiB
	zstdWide = "\x28\xb5\x2f\xfd\x00\x58" // 2 MiB
	skipped  = "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
)

// bits is a stream of numbers, each with its width, in the order they are read.
func bits(pairs ...int) string {
	all := []int{1} // one for each bit, the mark first
	for i := 0; i < len(pairs); i += 2 {
		for k := pairs[i+1] - 1; k >= 0; k-- {
			all = append(all, pairs[i]>>k&1)
		}
	}
	out := make([]byte, (len(all)+7)/8)
	for i, bit := range all {
		at := len(all) - 1 - i
		out[at/8] |= byte(bit << (at % 8))
	}
	return string(out)
}

// block is a block of that kind; the last one when no more are behind it.
func block(kind, size int, data string, more ...string) string {
	v := size<<3 | kind<<1
	if len(more) == 0 {
		v |= 1
	}
	return string([]byte{byte(v), byte(v >> 8), byte(v >> 16)}) + data + strings.Join(more, "")
}

// coded is a compressed block.
func coded(data string, more ...string) string { return block(2, len(data), data, more...) }

// ab is letters a and b as literals in one or four streams, each letter a bit,
// with their tree or with that of the block before.
func ab(tree bool, streams ...string) string {
	data, kind, size := "", 3, 0
	if tree {
		// 98 weights: that of a is 1, that of b what is left.
		data, kind = "\xe1"+strings.Repeat("\x00", 48)+"\x01", 2
	}
	var packed []string
	for _, s := range streams {
		var letters []int
		for _, c := range s {
			letters = append(letters, int(c-'a'), 1)
		}
		packed = append(packed, bits(letters...))
		size += len(s)
	}
	if len(streams) == 4 {
		kind |= 1 << 2
		data += le16(uint16(len(packed[0]))) + le16(uint16(len(packed[1]))) + le16(uint16(len(packed[2])))
	}
	data += strings.Join(packed, "")
	return le32(uint32(kind | size<<4 | len(data)<<14))[:3] + data
}

// zstdFrames are frames that encoders hardly write. more says why what the
// library refuses is taken.
var zstdFrames = []struct{ name, data, want, more string }{
	{"nothing", "", "", ""},
	{"no data", zstdHead + block(0, 0, ""), "", ""},
	{"raw and repeated", zstdHead + block(0, 2, "ab", block(1, 5, "c", block(0, 0, "", block(1, 0, "d")))), "abccccc", ""},
	{"longest repeated", zstdWide + block(1, 128<<10, "c"), strings.Repeat("c", 128<<10), ""},
	{"raw literals", zstdHead + coded("\x18abc\x00"), "abc", ""},
	{"raw literals, 12 bits", zstdHead + coded("\x34\x00abc\x00"), "abc", ""},
	{"raw literals, 20 bits", zstdHead + coded("\x3c\x00\x00abc\x00"), "abc", ""},
	{"repeated literals", zstdHead + coded("\x19z\x00"), "zzz", ""},
	{"repeated literals, 12 bits", zstdHead + coded("\x05\x20z\x00"), strings.Repeat("z", 512), ""},
	{"repeated literals, 20 bits", zstdWide + coded("\x0d\x00\x20z\x00"), strings.Repeat("z", 128<<10), ""},
	{"empty literals", zstdHead + coded("\x00\x00"), "", ""},
	{"Huffman code", zstdHead + coded(ab(true, "abba")+"\x00"), "abba", ""},
	{"Huffman code, four streams", zstdHead + coded(ab(true, "ab", "ba", "aa", "bb")+"\x00"), "abbaaabb", ""},
	{"Huffman code of before", zstdHead + coded(ab(true, "abba")+"\x00", coded(ab(false, "bab")+"\x00", block(0, 1, "-", coded(ab(false, "bb", "aa", "ab", "a")+"\x00")))),
		"abbabab-bbaaaba", ""},
	// Codes of one symbol: 3 literals, offset value 4 and two bits, matches of 10.
	{"codes of one symbol", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07"+bits(1, 2)), "abcbcbcbcbcbc", ""},
	{"codes of before", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07"+bits(1, 2), coded("\x28defgh\x01\xfc"+bits(3, 2))), "abcbcbcbcbcbc" + "defcdefcdefcdgh", ""},
	{"default codes", zstdHead + block(0, 4, "abcd", coded("\x10xy\x01\x00"+bits(0, 6, 0, 5, 0, 6))), "abcdabcxy", ""},
	{"default codes, then the same", zstdHead + block(0, 4, "abcd", coded("\x00\x01\x00"+bits(0, 6, 0, 5, 0, 6), coded("\x00\x01\xfc"+bits(0, 6, 0, 5, 0, 6)))), "abcdabcccc", ""},
	{"200 sequences", zstdHead + block(0, 4, "abcd", coded("\x00\x80\xc8\x54\x00\x00\x00"+bits())), "abcdab" + strings.Repeat("c", 598), ""},
	{"32512 sequences", zstdWide + block(0, 4, "abcd", coded("\x00\xff\x00\x00\x54\x00\x00\x00"+bits())), "abcdab" + strings.Repeat("c", 3*32512-2), ""},
	// Offset value 2 or 3 without literals: the third of 1, 4, 8; one less than the first.
	{"repeated offsets", zstdHead + block(0, 9, "123456789", coded("\x00\x02\x54\x00\x01\x00"+bits(0, 1, 1, 1))), "123456789" + "234" + "678", ""},
	{"repeated offset of 0", zstdHead + block(0, 9, "123456789", coded("\x00\x01\x54\x00\x01\x00"+bits(1, 1))), "123456789999", ""},
	{"match in two blocks", zstdHead + block(0, 3, "abc", block(0, 2, "de", coded("\x00\x01\x54\x00\x02\x07"+bits(3, 2)))), "abcdebcdebcdebc", ""},
	{"frames in a row", skipped + zstdHead + block(0, 1, "a") + skipped + zstdHead + block(1, 2, "b") + skipped, "abb", ""},
	{"sum that is wrong", "\x28\xb5\x2f\xfd\x04\x00" + block(0, 1, "a") + "1234" + zstdHead + block(0, 1, "b"), "ab", ""},
	{"dictionary 0", "\x28\xb5\x2f\xfd\x03\x00\x00\x00\x00\x00" + block(0, 1, "a"), "a", ""},
	{"content size, 1 byte", "\x28\xb5\x2f\xfd\x20\x03" + block(0, 3, "abc"), "abc", ""},
	{"content size, 2 bytes", "\x28\xb5\x2f\xfd\x60\x00\x00" + block(1, 256, "a"), strings.Repeat("a", 256), ""},
	{"content size, 4 bytes", "\x28\xb5\x2f\xfd\xa0\x03\x00\x00\x00" + block(0, 3, "abc"), "abc", ""},
	{"content size, 8 bytes", "\x28\xb5\x2f\xfd\xc0\x00\x03\x00\x00\x00\x00\x00\x00\x00" + block(0, 3, "abc"), "abc", ""},

	{"content size too small", "\x28\xb5\x2f\xfd\x20\x03" + block(0, 6, "abcdef"), "abcdef", "sizes decide nothing"},
	{"content size too large", "\x28\xb5\x2f\xfd\x20\x09" + block(0, 6, "abcdef"), "abcdef", "sizes decide nothing"},
	{"sum cut off", "\x28\xb5\x2f\xfd\x04\x00" + block(0, 1, "a"), "a", "sums decide nothing"},
	{"bytes behind", zstdHead + block(0, 3, "abc") + "garbage", "abc", "zstd(1) has written the data by then"},
	{"block above the window", zstdHead + block(1, 2000, "c"), strings.Repeat("c", 2000), "content sizes are windows too"},
	{"match before the window", zstdHead + block(0, 3, "abc", block(1, 1000, "c", block(1, 900, "d", coded("\x00\x01\x54\x00\x0a\x00"+bits(882, 10))))),
		"abc" + strings.Repeat("c", 1000) + strings.Repeat("d", 900) + "abc", "the same"},
	{"compressed block of nothing", zstdHead + coded("", block(0, 1, "a")), "a", "zstd(1) takes it"},
	{"reserved bits of sequences", zstdHead + coded("\x18abc\x01\x57\x03\x02\x07"+bits(1, 2)), "abcbcbcbcbcbc", "zstd(1) before 1.5.6 takes it"},
}

// zstdDamage is what cannot be read, and what is given all the same.
var zstdDamage = []struct{ name, data, want string }{
	{"garbage", "garbage", ""},
	{"mark alone", zstdHead[:4], ""},
	{"gzip behind", zstdHead + block(0, 3, "abc") + "\x1f\x8b\x08\x00", "abc"},
	{"zstd 0.7 behind", zstdHead + block(0, 3, "abc") + "\x27\xb5\x2f\xfd\x00", "abc"},
	{"dictionary", "\x28\xb5\x2f\xfd\x01\x00\x07" + block(0, 1, "a"), ""},
	{"reserved bit", "\x28\xb5\x2f\xfd\x08\x00" + block(0, 1, "a"), ""},
	{"reserved block", zstdHead + block(0, 1, "a", block(3, 1, "a")), "a"},
	{"no last block", zstdHead + block(0, 1, "a", ""), "a"},
	{"raw block cut off", zstdHead + block(0, 9, "abc"), "abc"},
	{"repeated block cut off", zstdHead + block(1, 9, ""), ""},
	{"compressed block cut off", zstdHead + block(2, 9, "\x18abc\x00"), ""},
	{"skipped frame cut off", zstdHead + block(0, 1, "a") + skipped[:10], "a"},
	{"block too long", zstdWide + block(1, 128<<10+1, "c"), ""},
	{"literals alone", zstdHead + coded("\x18abc"), ""},
	{"literals too long", zstdHead + coded("\x1d\x00\x20z\x00"), ""},
	{"literals above the block", zstdHead + coded("\x20abc"), ""},
	{"Huffman code of nowhere", zstdHead + coded(ab(false, "abba")+"\x00"), ""},
	{"Huffman code of another frame", zstdHead + coded(ab(true, "abba")+"\x00") + zstdHead + coded(ab(false, "bab")+"\x00"), "abba"},
	{"codes of nowhere", zstdHead + coded("\x18abc\x01\xfc"+bits(1, 2)), ""},
	{"sequences without a table", zstdHead + coded("\x18abc\x01"), ""},
	{"no sequences, and bytes", zstdHead + coded("\x18abc\x00\x00"), ""},
	{"symbol too great", zstdHead + coded("\x18abc\x01\x54\x24\x02\x07"+bits(1, 2)), ""},
	{"bits left", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07"+bits(1, 2, 0, 1)), "abcbcbcbcbcbc"},
	{"bits missing", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07"+bits(1, 1)), "abcabcabcabca"},
	{"no mark in bits", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07\x00"), ""},
	{"too few literals", zstdHead + coded("\x10ab\x01\x54\x03\x02\x07"+bits(1, 2)), ""},
	{"match before the frame", zstdHead + coded("\x18abc\x01\x54\x03\x02\x07"+bits(3, 2)), "abc"},
	{"greatest offset", zstdHead + coded("\x18abc\x01\x54\x03\x1f\x07"+bits(1<<31-1, 31)), "abc"},
	{"matches too long", zstdWide + block(0, 1, "a", coded("\x00\x02\x54\x01\x00\x34"+bits(65535, 16, 65535, 16))), "a"},
}

func TestZstdFrames(t *testing.T) {
	for _, c := range zstdFrames {
		t.Run(c.name, func(t *testing.T) {
			got, err := unzstd(t, c.data, 16<<20)
			if err != nil || string(got) != c.want {
				t.Errorf("%d bytes, %.40q, error %v; want %d, %.40q", len(got), got, err, len(c.want), c.want)
			}
			lib, err := oracle(t, c.data)
			if (err == nil) != (c.more == "") || err == nil && string(lib) != c.want {
				t.Errorf("library: %d bytes, %.40q, error %v; %q", len(lib), lib, err, c.more)
			}
		})
	}
}

func TestZstdDamage(t *testing.T) {
	for _, c := range zstdDamage {
		t.Run(c.name, func(t *testing.T) {
			got, err := unzstd(t, c.data, 16<<20)
			if err == nil || string(got) != c.want {
				t.Errorf("%d bytes, %.40q, error %v", len(got), got, err)
			}
			_, found, _ := open(t, "a.zst", zstdHead+block(0, 0, "")+c.data, rules.Limit{})
			if c.name != "garbage" && c.name != "mark alone" && !slices.Contains(found, "xfile.unreadable 1/a.zst/a") {
				t.Errorf("found %q", found)
			}
			if lib, err := oracle(t, c.data); err == nil {
				t.Errorf("library: %d bytes, %.40q", len(lib), lib)
			}
		})
	}
}

// TestZstdWindow counts memory as the window fills.
func TestZstdWindow(t *testing.T) {
	head := "\x28\xb5\x2f\xfd\x00\x70" // 16 MiB
	blocks := func(n int) string {
		s := strings.Repeat(le32(128<<10<<3 | 1<<1)[:3]+"a", n)
		return head + s + block(0, 0, "")
	}
	for _, c := range []struct {
		name, data string
		memory     rules.Size
		want       int
		rule       string
	}{
		{"small content", blocks(3), 16 << 20, 3, ""},
		{"window above the limit", blocks(3), 16<<20 - 1, 0, "limit.size"},
		{"content above the limit", blocks(200), 16 << 20, 65, "limit.size"},
		{"all of it", blocks(200), 17 << 20, 200, ""},
		{"less than the least", blocks(0), 100 << 10, 0, "limit.size"},
		{"content of so many bytes", "\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\xff" + block(0, 1, "a"), 16 << 20, 0, "limit.size"},
	} {
		got, err := unzstd(t, c.data, c.memory)
		var flaw *scan.Flaw
		if errors.As(err, &flaw) != (c.rule != "") || flaw != nil && flaw.Rule != c.rule || len(got) != c.want*128<<10 {
			t.Errorf("%s: %d blocks, error %v", c.name, len(got)>>17, err)
		}
	}
}

// TestZstdHostile cuts small frames at every byte and turns each of their bits:
// no panic, no more than the blocks can hold, and nothing invented before a cut.
func TestZstdHostile(t *testing.T) {
	files := []string{zstded(t, program), zstded(t, mixture(500)), zstded(t, mixture(3000)), skipped + zstded(t, "hello, hello, hello, hello")}
	for _, c := range zstdFrames {
		if len(c.want) < 2000 {
			files = append(files, c.data)
		}
	}
	for _, data := range files {
		whole, err := unzstd(t, data, 16<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			got, err := unzstd(t, data[:i], 16<<20)
			if !bytes.HasPrefix(whole, got) {
				t.Errorf("%d bytes of %q: %q", i, data, got)
			}
			if lib, liberr := oracle(t, data[:i]); liberr == nil && (err != nil || !bytes.Equal(got, lib)) {
				t.Errorf("%d bytes of %q: error %v", i, data, err)
			}
			for bit := range 8 {
				bad := []byte(data)
				bad[i] ^= 1 << bit
				got, _ := unzstd(t, string(bad), 16<<20)
				if len(got) > len(data)/4*128<<10 {
					t.Errorf("%d bytes of %q", len(got), bad)
				}
			}
		}
	}
}

// FuzzZstd compares with the library: the same data, or an error of both.
func FuzzZstd(f *testing.F) {
	for _, c := range zstdFrames {
		f.Add([]byte(c.data))
	}
	for _, c := range zstdDamage {
		f.Add([]byte(c.data))
	}
	for name, data := range shapes() {
		if len(data) < 2000 {
			f.Add([]byte(zstded(f, data)))
		} else if name == "mixture" {
			f.Add([]byte(zstded(f, data[:20000])))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := unzstd(t, string(data), 64<<20)
		if len(data) > 1<<14 || len(got) == 64<<20 {
			return
		}
		lib, liberr := oracle(t, string(data))
		switch {
		case liberr == nil && (err != nil || !bytes.Equal(got, lib)):
			t.Errorf("%d bytes, error %v; library: %d bytes", len(got), err, len(lib))
		case liberr != nil && err == nil && !more(liberr):
			t.Errorf("%d bytes, %.40q; library: error %v", len(got), got, liberr)
		}
	})
}

// more reports an error of the library at what is taken here, see zstdFrames.
func more(err error) bool {
	for _, known := range []error{zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch, zstd.ErrMagicMismatch, zstd.ErrWindowSizeExceeded,
		zstd.ErrDecoderSizeExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return true
		}
	}
	return slices.ContainsFunc([]string{"match offset (", "reserved bits not zero", "block too small", "output bigger than max block size"},
		func(s string) bool { return strings.Contains(err.Error(), s) })
}
