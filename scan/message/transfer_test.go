package message_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"qguard/scan/message"
)

// chunked are ways a reader may be fed.
var chunked = map[string]func(io.Reader) io.Reader{
	"whole":       func(r io.Reader) io.Reader { return r },
	"byte":        iotest.OneByteReader,
	"half":        iotest.HalfReader,
	"data+EOF":    iotest.DataErrReader,
	"small reads": func(r io.Reader) io.Reader { return small{r} },
}

// small gives three bytes at most, and now and then none.
type small struct{ r io.Reader }

func (s small) Read(p []byte) (int, error) { return s.r.Read(p[:min(3, len(p))]) }

// checkDecoder decodes text in every way a reader may be fed.
func checkDecoder(t *testing.T, decoder func(io.Reader) io.Reader, text, want string) {
	t.Helper()
	for name, feed := range chunked {
		got, err := io.ReadAll(decoder(feed(strings.NewReader(text))))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %.100q (%d bytes), %v; want %.100q (%d bytes)", name, got, len(got), err, want, len(want))
		}
	}
	if len(text) > 200 {
		return
	}
	for i := range len(text) { // every split
		r := io.MultiReader(strings.NewReader(text[:i]), strings.NewReader(text[i:]))
		if got, _ := io.ReadAll(decoder(r)); string(got) != want {
			t.Errorf("split at %d: got %q, want %q", i, got, want)
		}
	}
}

func TestBase64(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"one byte", "TQ==", "M"},
		{"two bytes", "TVo=", "MZ"},
		{"three bytes", "TVqQ", "MZ\x90"},
		{"line ends", "TV\r\nqQ\nAA\rAA", "MZ\x90\x00\x00\x00"},
		{"no padding", "TVo", "MZ"},
		{"no padding, one byte", "TQ", "M"},
		{"one character is nothing", "TVqQT", "MZ\x90"},
		{"one sign of padding lacks", "TQ=", "M"},
		{"padding, then more", "TQ==WpAA", "MZ\x90\x00"},
		{"padding, then more on the next line", "TQ==\nWpAA\n", "MZ\x90\x00"},
		{"padding alone", "====", ""},
		{"padding at the start", "==TVqQ", "MZ\x90"},
		{"padding over a line end", "TQ=\n=WpAA", "MZ\x90\x00"},
		{"padding inside a group", "T=VqQ", "V\xa4"},
		{"bits behind the data", "TR==", "M"},
		{"blanks", " T V\tq Q ", "MZ\x90"},
		{"foreign bytes", "T!V*q\x00Q\xff", "MZ\x90"},
		{"a foreign line first", "--- ---\nTVqQ", "MZ\x90"},
		{"foreign bytes and dashes", "T-V_qQ", "MZ\x90"},
		{"odd lines", "T\nVqQA\nA\nAA", "MZ\x90\x00\x00\x00"},
		{"empty lines", "\n\n\r\nTVqQ\n\n", "MZ\x90"},
	} {
		t.Run(c.name, func(t *testing.T) { checkDecoder(t, message.NewBase64, c.in, c.want) })
	}
}

// TestBase64Lines decodes lines of every length, so that groups end everywhere
// in the decoder's chunk.
func TestBase64Lines(t *testing.T) {
	data := make([]byte, 2*message.Chunk)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, end := range []string{"\n", "\r\n"} {
		for _, width := range []int{1, 2, 3, 4, 5, 7, 60, 64, 72, 75, 76, 77, 1000, message.Chunk - 1, message.Chunk, message.Chunk + 1} {
			for _, cut := range []int{0, 1, 2} {
				text := wrap(base64.StdEncoding.EncodeToString(data[cut:]), width, end)
				got, err := io.ReadAll(message.NewBase64(strings.NewReader(text)))
				if err != nil || !bytes.Equal(got, data[cut:]) {
					t.Errorf("lines of %d ending in %q, %d bytes: got %d bytes, %v", width, end, len(data)-cut, len(got), err)
				}
			}
		}
	}
}

// wrap breaks text into lines.
func wrap(text string, width int, end string) string {
	var out strings.Builder
	for len(text) > width {
		out.WriteString(text[:width] + end)
		text = text[width:]
	}
	return out.String() + text + end
}

func TestQuoted(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "text\r\nmore\n", "text\r\nmore\n"},
		{"escape", "=4D=5A", "MZ"},
		{"lower case", "=4d=5a=c3=bc", "MZ\u00fc"},
		{"equals sign", "a=3Db", "a=b"},
		{"soft break", "pass=\nword", "password"},
		{"soft break, CRLF", "pass=\r\nword", "password"},
		{"soft break with blanks", "pass= \t \r\nword", "password"},
		{"soft break at the end", "password=", "password"},
		{"soft break at the end, blanks", "password=  ", "password"},
		{"escape split by a soft break", "=4=\nD", "=4D"},
		{"two soft breaks", "a=\n=\nb", "ab"},
		{"no digits", "a=zzb", "a=zzb"},
		{"one digit", "a=4zb", "a=4zb"},
		{"one digit at the end", "a=4", "a=4"},
		{"two equals signs", "a==4D", "a=M"},
		{"blanks at a line's end are kept", "a \t\nb", "a \t\nb"},
		{"carriage return alone", "a=\rb", "a=\rb"},
		{"nul and high bytes", "a\x00\xff=00", "a\x00\xff\x00"},
		{"most blanks in a soft break", "a=" + strings.Repeat(" ", message.MaxSoftBreak) + "\nb", "ab"},
		{"too many blanks for a soft break", "a=" + strings.Repeat(" ", message.MaxSoftBreak+1) + "\nb",
			"a=" + strings.Repeat(" ", message.MaxSoftBreak+1) + "\nb"},
		{"most blanks at the end", "a=" + strings.Repeat(" ", message.MaxSoftBreak), "a"},
		{"too many blanks at the end", "a=" + strings.Repeat(" ", message.MaxSoftBreak+1),
			"a=" + strings.Repeat(" ", message.MaxSoftBreak+1)},
	} {
		t.Run(c.name, func(t *testing.T) { checkDecoder(t, message.NewQuoted, c.in, c.want) })
	}
}

// TestQuotedChunks puts escapes and soft breaks on every side of the edge of
// the decoder's chunk.
func TestQuotedChunks(t *testing.T) {
	for _, piece := range []struct{ in, out string }{
		{"=4D", "M"}, {"=\n", ""}, {"=\r\n", ""}, {"=  \t\r\n", ""}, {"=zz", "=zz"}, {"==", "=="},
		{"=" + strings.Repeat(" ", 100) + "\n", ""},
		{"=" + strings.Repeat(" ", message.MaxSoftBreak+1) + "\n", "=" + strings.Repeat(" ", message.MaxSoftBreak+1) + "\n"},
	} {
		for before := message.Chunk - len(piece.in) - 2; before <= message.Chunk+2; before++ {
			pad := strings.Repeat("x", before)
			got, err := io.ReadAll(message.NewQuoted(strings.NewReader(pad + piece.in + "tail")))
			if want := pad + piece.out + "tail"; err != nil || string(got) != want {
				t.Fatalf("%.20q after %d bytes: got %d bytes, want %d, %v", piece.in, before, len(got), len(want), err)
			}
		}
	}
}

func FuzzBase64(f *testing.F) {
	f.Add([]byte("MZ\x90\x00\x03"), uint8(76), true)
	f.Add([]byte("text"), uint8(3), false)
	f.Add([]byte{}, uint8(0), false)
	f.Fuzz(func(t *testing.T, data []byte, width uint8, crlf bool) {
		end := "\n"
		if crlf {
			end = "\r\n"
		}
		// Clean base64 comes back whole.
		text := wrap(base64.StdEncoding.EncodeToString(data), max(1, int(width)), end)
		got, err := io.ReadAll(message.NewBase64(strings.NewReader(text)))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q: got %q, want %q, %v", text, got, data, err)
		}
		// Any bytes give the same however they come, and equal the library
		// where it takes them.
		got, err = io.ReadAll(message.NewBase64(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > len(data) {
			t.Fatalf("%d bytes of %d", len(got), len(data))
		}
		bytewise, _ := io.ReadAll(message.NewBase64(small{bytes.NewReader(data)}))
		if !bytes.Equal(got, bytewise) {
			t.Fatalf("%q: got %q, in small pieces %q", data, got, bytewise)
		}
		if want, err := base64.StdEncoding.DecodeString(string(data)); err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", data, got, want)
		}
	})
}

func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"a=3Db=\r\nc", "=4d=", "a =\t\nb \n", "=\r\r\n=zz=4"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := io.ReadAll(message.NewQuoted(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		bytewise, _ := io.ReadAll(message.NewQuoted(small{bytes.NewReader(data)}))
		if !bytes.Equal(got, bytewise) {
			t.Fatalf("%q: got %q, in small pieces %q", data, got, bytewise)
		}
		want, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
		blanks := regexp.MustCompile(`(?m)[ \t\r]+$`) // kept here, dropped there
		if err == nil && !bytes.Equal(blanks.ReplaceAll(got, nil), blanks.ReplaceAll(want, nil)) {
			t.Fatalf("%q: got %q, want %q", data, got, want)
		}
	})
}

// benchmarkDecoder reads 10 MB in lines of 76 characters.
func benchmarkDecoder(b *testing.B, text string, decoder func(io.Reader) io.Reader) {
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := decoder(strings.NewReader(text))
		for {
			if _, err := r.Read(buf); err != nil {
				break
			}
		}
	}
}

func BenchmarkBase64(b *testing.B) {
	data := make([]byte, 10<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	clean := base64.StdEncoding.EncodeToString(data)
	library := func(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }
	for _, c := range []struct {
		name    string
		text    string
		decoder func(io.Reader) io.Reader
	}{
		{"76 CRLF/library", wrap(clean, 76, "\r\n"), library},
		{"76 CRLF/ours", wrap(clean, 76, "\r\n"), message.NewBase64},
		{"76 LF/ours", wrap(clean, 76, "\n"), message.NewBase64},
		{"77 LF/ours", wrap(clean, 77, "\n"), message.NewBase64},
		{"2 LF/ours", wrap(clean, 2, "\n"), message.NewBase64},
		{"one line/ours", clean, message.NewBase64},
		{"junk in each line/ours", strings.ReplaceAll(wrap(clean, 76, "\n"), "\n", "*\n"), message.NewBase64},
		{"junk only/ours", strings.Repeat("*", 10<<20), message.NewBase64},
		{"padding only/ours", strings.Repeat("=", 10<<20), message.NewBase64},
		{"padding in each group/ours", strings.Repeat("TQ==", 10<<18), message.NewBase64},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkDecoder(b, c.text, c.decoder) })
	}
}

func BenchmarkQuoted(b *testing.B) {
	library := func(r io.Reader) io.Reader { return quotedprintable.NewReader(r) }
	prose := strings.Repeat("An ordinary line of text with an umlaut, =C3=BC, in it and a soft break at its=\r\n end.\r\n", 100<<10)
	for _, c := range []struct {
		name    string
		text    string
		decoder func(io.Reader) io.Reader
	}{
		{"prose/library", prose, library},
		{"prose/ours", prose, message.NewQuoted},
		{"escapes/ours", strings.Repeat("=C3", 3<<20), message.NewQuoted},
		{"equals signs/ours", strings.Repeat("=", 10<<20), message.NewQuoted},
		{"blanks/ours", strings.Repeat("="+strings.Repeat(" ", 1000), 10<<10), message.NewQuoted},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkDecoder(b, c.text, c.decoder) })
	}
}
