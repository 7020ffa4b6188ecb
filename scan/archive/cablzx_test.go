package archive_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand"
	"strings"
	"testing"

	"qguard/rules"
)

// lzxWriter writes LZX with codes that do not look at what they pack, so that
// every part of the format comes up.
type lzxWriter struct {
	out    []byte
	hold   uint32
	n      int
	frames [][2]int // end in out, bytes unpacked
	data   []byte   // unpacked, x86 not undone
	recent [3]int
	r      *rand.Rand
	fresh  bool // no code lengths sent so far
}

func (w *lzxWriter) put(v, n int) {
	for n--; n >= 0; n-- {
		w.hold = w.hold<<1 | uint32(v>>n&1)
		if w.n++; w.n == 16 {
			w.out = append(w.out, byte(w.hold), byte(w.hold>>8))
			w.hold, w.n = 0, 0
		}
	}
}

func (w *lzxWriter) align() {
	if w.n > 0 {
		w.put(0, 16-w.n)
	}
}

// frame ends a frame that is full.
func (w *lzxWriter) frame() {
	if len(w.data)%(32<<10) == 0 {
		w.align()
		w.frames = append(w.frames, [2]int{len(w.out), 32 << 10})
	}
}

// code puts symbol s of a code of so many symbols: the first short ones have
// bits-1 bits, all others bits.
func (w *lzxWriter) code(s, short, bits int) {
	if s < short {
		w.put(s, bits-1)
		return
	}
	w.put(s+short, bits)
}

// lengths puts such a code's lengths, or that they are as before.
func (w *lzxWriter) lengths(from, to, short, bits int) {
	for i := range 20 { // 12 codes of 4 bits, 8 of 5
		w.put(4+b2i(i >= 12), 4)
	}
	for i := from; i < to; i++ {
		k := 0
		if w.fresh {
			k = 17 - (bits - b2i(i < short))
		}
		w.code(k, 12, 5)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

const lzxSlots = 30 // of a window of 32 KiB

func (w *lzxWriter) block(kind, size int) {
	w.put(kind, 3)
	w.put(size>>8, 16)
	w.put(size&255, 8)
	if kind == 3 {
		w.put(0, 16-w.n)
		for _, d := range w.recent {
			w.put(d&0xffff, 16)
			w.put(d>>16, 16)
		}
		for range size {
			c := byte(w.r.Intn(256))
			w.out, w.data = append(w.out, c), append(w.data, c)
			w.frame()
		}
		if size&1 == 1 {
			w.out = append(w.out, 0)
		}
		return
	}
	if kind == 2 {
		for range 8 {
			w.put(3, 3)
		}
	}
	w.lengths(0, 256, 16, 9)
	w.lengths(256, 256+8*lzxSlots, 16, 9)
	w.lengths(0, 249, 7, 8)
	w.fresh = false
	for end := len(w.data) + size; len(w.data) < end; {
		room := min(end-len(w.data), 32<<10-len(w.data)%(32<<10))
		if len(w.data) < 4 || room < 2 || w.r.Intn(3) > 0 {
			c := "quick brown\xe8\x10\x00\x00\x00\x00\x01\xff\xff\xff"[w.r.Intn(21)]
			w.code(int(c), 16, 9)
			w.data = append(w.data, c)
		} else {
			w.match(kind, min(room, 2+w.r.Intn(256)))
		}
		w.frame()
	}
}

func (w *lzxWriter) match(kind, length int) {
	slot := w.r.Intn(3)
	distance := w.recent[slot]
	if distance > len(w.data) || w.r.Intn(4) > 0 {
		distance = 1 + w.r.Intn(min(len(w.data), 32<<10-3))
		for slot = 3; slot+1 < lzxSlots && base(slot+1) <= distance+2; slot++ {
		}
		w.recent = [3]int{distance, w.recent[0], w.recent[1]}
	} else {
		w.recent[slot], w.recent[0] = w.recent[0], distance
	}
	w.code(256+slot*8+min(length-2, 7), 16, 9)
	if length-2 >= 7 {
		w.code(length-2-7, 7, 8)
	}
	if extra := slot/2 - 1; slot > 3 {
		rest := distance + 2 - base(slot)
		if kind == 2 && extra >= 3 {
			w.put(rest>>3, extra-3)
			w.put(rest&7, 3)
		} else {
			w.put(rest, extra)
		}
	}
	for range length {
		w.data = append(w.data, w.data[len(w.data)-distance])
	}
}

func base(slot int) int { return (2 + slot&1) << (slot/2 - 1) }

// lzxCabinet is a cabinet of one file in all kinds of blocks, and the file.
func lzxCabinet(x86 bool) (cabinet, data string) {
	w := &lzxWriter{recent: [3]int{1, 1, 1}, r: rand.New(rand.NewSource(1)), fresh: true}
	w.put(b2i(x86), 1)
	if x86 {
		w.put(2, 16)
		w.put(0, 16)
	}
	for _, b := range [][2]int{{1, 40000}, {2, 30000}, {3, 20001}, {1, 9999}, {3, 40000}, {2, 30000}, {3, 1}, {1, 12345}} {
		w.block(b[0], b[1])
	}
	if n := len(w.data) % (32 << 10); n > 0 {
		w.align()
		w.frames = append(w.frames, [2]int{len(w.out), n})
	}
	blocks, from := "", 0
	for _, f := range w.frames {
		blocks += word(0) + word(f[0] - from)[:2] + word(f[1])[:2] + string(w.out[from:f[0]])
		from = f[0]
	}
	name := "data.bin\x00"
	head := "MSCF" + word(0) + word(36+8+16+len(name)+len(blocks)) + word(0) + word(44) + word(0) + "\x03\x01\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00"
	folder := word(44+16+len(name)) + word(len(w.frames))[:2] + "\x03\x0f"
	return head + folder + word(len(w.data)) + word(0) + "\x00\x00\x74\x5b\x00\x50\x20\x00" + name + blocks, string(w.data)
}

func TestLZX(t *testing.T) {
	cab, data := lzxCabinet(false)
	got := &all{}
	v := scanFile("a.cab", strings.NewReader(cab), int64(len(cab)), rules.Limit{}, got)
	if len(v.Findings) > 0 || v.Err != nil || !got.has("data.bin", data) {
		t.Errorf("%v %+v, %d bytes, want %d", v.Err, v.Findings, got.size, len(data))
	}
	cab, data = lzxCabinet(true)
	got = &all{}
	v = scanFile("a.cab", strings.NewReader(cab), int64(len(cab)), rules.Limit{}, got)
	if len(v.Findings) > 0 || v.Err != nil || len(got.data) != 1 || got.data[0] == data {
		t.Fatalf("%v %+v, %d bytes, want other %d", v.Err, v.Findings, got.size, len(data))
	}
	// What cabextract 1.9 makes of the same cabinet.
	const want = "05da5bf90bfbf41505cda54dce91d56185c96c5f9c04c9a4595cf5efb005ada8"
	sum := sha256.Sum256([]byte(got.data[0]))
	if have := hex.EncodeToString(sum[:]); have != want {
		t.Errorf("calls in x86 code: got %s, want %s", have, want)
	}
}
