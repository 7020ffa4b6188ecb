package archive_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
)

// withBudget calls do with the budget of a message, unpacking in so much memory.
func withBudget(tb testing.TB, memory rules.Size, do func(*scan.Budget)) {
	tb.Helper()
	limit := rules.DefaultLimit()
	limit.Memory = memory
	called := false
	e := &scan.Engine{Limit: limit, Openers: []scan.Opener{
		opener(func(_ *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error {
			called = true
			do(b)
			return nil
		}),
	}}
	if v := e.Scan(tb.Context(), &scan.Message{Content: strings.NewReader("")}); v.Err != nil || !called {
		tb.Fatalf("no budget: %v", v.Err)
	}
}

// unzstd unpacks 64 MiB with the decoder alone, in so much memory; panics go
// through.
func unzstd(tb testing.TB, data string, memory rules.Size) (out []byte, err error) {
	tb.Helper()
	withBudget(tb, memory, func(b *scan.Budget) {
		var r io.Reader
		if r, err = archive.Unzstd(io.NewSectionReader(strings.NewReader(data), 0, int64(len(data))), b); err == nil {
			out, err = io.ReadAll(io.LimitReader(r, 64<<20))
		}
	})
	return out, err
}

// oracle unpacks with the library.
func oracle(tb testing.TB, data string) ([]byte, error) {
	tb.Helper()
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.IgnoreChecksum(true), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		tb.Fatal(err)
	}
	defer d.Close()
	return d.DecodeAll([]byte(data), nil)
}

// shapes are data of every kind.
func shapes() map[string]string {
	rnd := rand.New(rand.NewPCG(3, 4))
	some := func(n, letters int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.IntN(letters) * (rnd.IntN(2) + 1))
		}
		return string(b)
	}
	far := some(3<<20, 256)
	return map[string]string{
		"empty": "", "one": "a", "three": "abc", "thirty": "abcdefghijklmnopqrstuvwxyz0123",
		"same": strings.Repeat("x", 1000), "long same": strings.Repeat("x", 1<<20+7),
		"period": strings.Repeat("0123456789", 50000), "period of 3": strings.Repeat("abc", 100),
		"noise": noise(300 << 10), "little noise": noise(200), "block of noise": noise(128 << 10),
		"two letters": some(100000, 2), "few letters": some(1000, 5), "40 letters": some(300000, 40), "200 letters": some(70000, 128),
		"text": strings.Repeat("An ordinary line of text, ", 9), "mixture": mixture(700 << 10), "program": program,
		"far":     far[:1<<20] + some(1<<20, 9) + far[:1<<20] + strings.Repeat("-", 1<<20) + far[:300000],
		"farther": far + strings.Repeat("=", 9<<20) + far + some(100, 2) + far[1<<20:],
	}
}

// TestZstd unpacks what the library packs, in all its ways.
func TestZstd(t *testing.T) {
	ways := map[string][]zstd.EOption{
		"plain": nil, "window 1K": {zstd.WithWindowSize(1 << 10)}, "window 32K": {zstd.WithWindowSize(32 << 10)}, "window 512K": {zstd.WithWindowSize(512 << 10)},
		"single": {zstd.WithSingleSegment(true)}, "no codes": {zstd.WithNoEntropyCompression(true)},
		"literals": {zstd.WithAllLitEntropyCompression(true), zstd.WithEncoderCRC(false)},
	}
	all := shapes()
	for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
		for way, o := range ways {
			if way != "plain" && level != zstd.SpeedDefault {
				continue
			}
			o = append(o, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
			w, err := zstd.NewWriter(nil, o...)
			if err != nil {
				t.Fatal(err)
			}
			for name, data := range all {
				if len(data) > 1<<20 && (level != zstd.SpeedDefault || way != "plain" && way != "window 512K") {
					continue // the library takes long
				}
				for kind, packed := range map[string]string{"whole": string(w.EncodeAll([]byte(data), nil)), "stream": streamed(t, w, data)} {
					got, err := unzstd(t, packed, 64<<20)
					if err != nil || string(got) != data {
						t.Errorf("%s, %s, %v, %s: %d bytes of %d, error %v", name, kind, level, way, len(got), len(data), err)
					}
				}
			}
		}
	}
}

// streamed writes data in pieces whose blocks are ended early.
func streamed(tb testing.TB, w *zstd.Encoder, data string) string {
	var buf bytes.Buffer
	w.Reset(&buf)
	for len(data) > 0 {
		n := min(len(data), 1+len(data)/2)
		w.Write([]byte(data[:n]))
		w.Flush()
		data = data[n:]
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

// TestZstdReads gives the output in pieces of every size.
func TestZstdReads(t *testing.T) {
	data := mixture(400 << 10)
	packed := zstded(t, data)
	for _, n := range []int{1, 7, 4096, 128 << 10, 128<<10 + 1, 1 << 20} {
		withBudget(t, 16<<20, func(b *scan.Budget) {
			r, err := archive.Unzstd(io.NewSectionReader(strings.NewReader(packed), 0, int64(len(packed))), b)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{r}, make([]byte, n)); err != nil || got.String() != data {
				t.Errorf("%d at a time: %d bytes, %v", n, got.Len(), err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("behind the end: %d, %v", n, err)
			}
		})
	}
}

// BenchmarkZstd unpacks beside the library.
func BenchmarkZstd(b *testing.B) {
	data := map[string]string{"mixture": mixture(8 << 20), "noise": noise(8 << 20), "zeros": strings.Repeat("\x00", 8<<20), "text": prose(8 << 20)}
	for name, data := range data {
		packed := zstded(b, data)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				withBudget(b, 16<<20, func(budget *scan.Budget) {
					r, err := archive.Unzstd(io.NewSectionReader(strings.NewReader(packed), 0, int64(len(packed))), budget)
					if err != nil {
						b.Fatal(err)
					}
					if n, err := io.Copy(struct{ io.Writer }{io.Discard}, r); n != int64(len(data)) || err != nil {
						b.Fatal(n, err)
					}
				})
			}
		})
		b.Run(name+", library", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				d, err := zstd.NewReader(strings.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.IgnoreChecksum(true))
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{d})
				d.Close()
			}
		})
	}
}

// prose is n bytes of words in no order.
func prose(n int) string {
	words := strings.Fields("the of and to a in is it you that he was for on are with as his they be at one have this from or had by hot word but what some we can out other were all there when up use your how said an each she which do their time if will way about many then them write would like so these her long make thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been now find")
	rnd := rand.New(rand.NewPCG(5, 6))
	var s strings.Builder
	for s.Len() < n {
		s.WriteString(words[min(rnd.IntN(len(words)), rnd.IntN(len(words)))])
		s.WriteByte(" \n,."[max(0, rnd.IntN(20)-16)])
	}
	return s.String()[:n]
}
