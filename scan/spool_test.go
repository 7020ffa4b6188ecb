package scan_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"qguard/rules"
	"qguard/scan"
)

func TestSpool(t *testing.T) {
	const mem = 1 << 20 // kept in memory
	for _, c := range []struct {
		name      string
		size, max int
		err       error
	}{
		{"empty", 0, 10, nil},
		{"small", 10, 100, nil},
		{"exactly max", 100, 100, nil},
		{"one too long", 101, 100, scan.ErrTooLong},
		{"largest in memory", mem, 4 * mem, nil},
		{"smallest on disk", mem + 1, 4 * mem, nil},
		{"on disk, exactly max", 2 * mem, 2 * mem, nil},
		{"on disk, one too long", 2*mem + 1, 2 * mem, scan.ErrTooLong},
		{"nothing allowed", 1, 0, scan.ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			data := []byte(strings.Repeat("0123456789abcde\n", c.size/16+1))[:c.size]
			s, err := scan.NewSpool(iotest.HalfReader(bytes.NewReader(data)), int64(c.max))
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if left, _ := filepath.Glob(tmp + "/*"); len(left) > 0 {
				t.Errorf("a file with a name is left: %q", left)
			}
			if err != nil {
				return
			}
			defer s.Close()
			if s.Size() != int64(c.size) {
				t.Errorf("size %d, want %d", s.Size(), c.size)
			}
			got := make([]byte, c.size/2)
			if n, err := s.ReadAt(got, int64(c.size-c.size/2)); n != len(got) || !bytes.Equal(got, data[c.size-c.size/2:]) {
				t.Errorf("second half: %d bytes, %v", n, err)
			}
			if n, err := s.ReadAt(make([]byte, 1), s.Size()); n != 0 || err != io.EOF {
				t.Errorf("past the end: %d, %v", n, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	t.Run("reader fails", func(t *testing.T) {
		bad := errors.New("no")
		for _, size := range []int{10, 2 << 20} {
			r := io.MultiReader(strings.NewReader(strings.Repeat("a", size)), iotest.ErrReader(bad))
			if _, err := scan.NewSpool(r, 4<<20); !errors.Is(err, bad) {
				t.Errorf("error %v", err)
			}
		}
	})
}

// TestSpoolUnwritable makes trouble of our own of a TMPDIR that cannot be
// written, never a finding about the message.
func TestSpoolUnwritable(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	big := strings.Repeat("0123456789abcdef", 128<<10)
	if _, err := scan.NewSpool(strings.NewReader(big), 4<<20); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	mail := mixed(file("application/zip", "a.zip", zipped(t, [2]string{"a.txt", "text"})+big))
	v := judge(house(rules.Limit{}), mail)
	if v.State() != scan.Undecided || v.Err == nil || !strings.Contains(v.Err.Error(), "spool") {
		t.Errorf("verdict %s, error %v, findings %q", v.State(), v.Err, ruleAt(v))
	}
}

// TestPartContent reads a part that has to be spooled, one that has not, and
// one over the limit.
func TestPartContent(t *testing.T) {
	b := &scan.Budget{Limit: rules.DefaultLimit()}
	opened := 0
	p := &scan.Part{Open: func() (io.Reader, error) {
		opened++
		return strings.NewReader("hello"), nil
	}}
	for range 2 {
		r, err := p.Content(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "hello" || err != nil {
			t.Errorf("content %q, %v", got, err)
		}
	}
	if opened != 1 {
		t.Errorf("opened %d times", opened)
	}
	b.Limit.Size = 4
	long := &scan.Part{Open: p.Open}
	var flaw *scan.Flaw
	if _, err := long.Content(b); !errors.As(err, &flaw) || flaw.Rule != "limit.size" {
		t.Errorf("error %v", err)
	}
	raw := io.NewSectionReader(strings.NewReader("raw bytes"), 0, 9)
	direct := &scan.Part{Raw: raw, Open: p.Open}
	if r, err := direct.Content(b); r != raw || err != nil {
		t.Errorf("raw content is not used: %v", err)
	}
}

func TestPartHead(t *testing.T) {
	bad := errors.New("no")
	long := strings.Repeat("x", scan.HeadSize+1)
	for _, c := range []struct {
		name string
		open func() (io.Reader, error)
		want string
		err  error
	}{
		{"shell", nil, "", nil},
		{"short", func() (io.Reader, error) { return strings.NewReader("ab"), nil }, "ab", nil},
		{"long", func() (io.Reader, error) { return strings.NewReader(long), nil }, long[:scan.HeadSize], nil},
		{"one byte at a time", func() (io.Reader, error) { return iotest.OneByteReader(strings.NewReader("abc")), nil }, "abc", nil},
		{"cannot be opened", func() (io.Reader, error) { return nil, bad }, "", bad},
		{"fails inside", func() (io.Reader, error) {
			return io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(bad)), nil
		}, "ab", bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &scan.Part{Open: c.open}
			for range 2 { // the second time it is remembered
				head, err := p.Head()
				if string(head) != c.want || !errors.Is(err, c.err) {
					t.Errorf("head of %d bytes, error %v", len(head), err)
				}
			}
		})
	}
}

func TestPartKind(t *testing.T) {
	p := &scan.Part{
		Path:   "2",
		Names:  []string{"Keys.ZIP", "a.txt"},
		Types:  []string{"application/zip", "text/plain"},
		Header: scan.Header{{Name: "content-type", Value: "a"}, {Name: "Content-Type", Value: "b"}},
	}
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"type", p.Is("text/plain"), true},
		{"second of several", p.Is("x/y", "application/zip"), true},
		{"family", p.Is("text/"), true},
		{"not a prefix", p.Is("text/pla"), false},
		{"suffix in any case", p.Named(".zip"), true},
		{"suffix of another name", p.Named(".exe", ".txt"), true},
		{"no suffix", p.Named(".exe"), false},
		{"name", p.Name(), "Keys.ZIP"},
		{"no name", (&scan.Part{}).Name(), ""},
		{"first field", p.Header.Get("Content-Type"), "a"},
		{"no field", p.Header.Get("Subject"), ""},
		{"member", p.Member("a/b.js", "c").Path, "2/Keys.ZIP/a/b.js"},
		{"member of a member", p.Member("in.zip").Member("x").Path, "2/Keys.ZIP/in.zip/x"},
		{"member of the unnamed", (&scan.Part{Path: "1"}).Member("x").Path, "1/x"},
		{"member's name is printable", p.Member("a\nb").Path, `2/Keys.ZIP/a\nb`},
		{"nest", p.Member("x").Nest, 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}
