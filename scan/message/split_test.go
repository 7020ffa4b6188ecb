package message_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// walk opens a message and returns its parts as "path type: body" and what the
// engine found.
func walk(tb testing.TB, mail string, limit rules.Limit) (parts []string, v scan.Verdict) {
	tb.Helper()
	rec := &lister{}
	e := &scan.Engine{Openers: []scan.Opener{message.Opener{}}, Scanners: []scan.Scanner{rec}, Limit: limit}
	v = e.Scan(context.Background(), &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))})
	if v.Err != nil {
		tb.Errorf("error %v", v.Err)
	}
	return rec.list, v
}

// lister lists the parts of a message.
type lister struct{ list []string }

func (l *lister) Begin(*scan.Message) scan.Look { return l }

func (l *lister) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func (l *lister) Part(_ context.Context, p *scan.Part) error {
	if p.Depth < 0 {
		return nil
	}
	open := p.Open
	if open == nil {
		open = p.Text
	}
	var body []byte
	if open != nil {
		r, err := open()
		if err != nil {
			return err
		}
		if body, err = io.ReadAll(r); err != nil {
			return err
		}
	}
	l.list = append(l.list, fmt.Sprintf("%s %s: %s", p.Path, strings.Join(p.Types, ","), body))
	return nil
}

// multi is a multipart message whose body is given; its boundary is b.
func multi(body string) string {
	return "Content-Type: multipart/mixed; boundary=b\n\n" + body
}

func TestMultipart(t *testing.T) {
	const shell = " multipart/mixed: "
	text := func(path, body string) string { return path + " text/plain: " + body }
	for _, c := range []struct {
		name, mail string
		want       []string
	}{
		{"two parts", multi("--b\n\none\n--b\n\ntwo\n--b--\n"), []string{shell, text("1", "one"), text("2", "two")}},
		{"CRLF", strings.ReplaceAll(multi("--b\n\none\n--b\n\ntwo\n--b--\n"), "\n", "\r\n"), []string{shell, text("1", "one"), text("2", "two")}},
		{"body that ends in line ends", multi("--b\n\none\n\n\n--b--\n"), []string{shell, text("1", "one\n\n")}},
		{"body that ends in CR and LF mixed", multi("--b\n\none\r\n\n--b--\n"), []string{shell, text("1", "one\r\n")}},
		{"empty body", multi("--b\n\n\n--b--\n"), []string{shell, text("1", "")}},
		{"header and no body", multi("--b\nX: y\n--b--\n"), []string{shell, text("1", "")}},
		{"nothing between", multi("--b\n--b\n\none\n--b--\n"), []string{shell, text("1", ""), text("2", "one")}},
		{"nothing between, CRLF", multi("--b\r\n--b\r\n\r\none\r\n--b--\r\n"), []string{shell, text("1", ""), text("2", "one")}},
		{"preamble and epilogue", multi("preamble\n--b\n\none\n--b--\nepilogue\n--b\n\nlate\n"), []string{shell, text("1", "one")}},
		{"no end", multi("--b\n\none\n--b\n\ntwo"), []string{shell, text("1", "one"), text("2", "two")}},
		{"no line end at the end", multi("--b\n\none\n--b--"), []string{shell, text("1", "one")}},
		{"half a line end at the end", multi("--b\n\none\r\n--b--\r"), []string{shell, text("1", "one")}},
		{"ends in an opening delimiter", multi("--b\n\none\n--b"), []string{shell, text("1", "one"), text("2", "")}},
		{"trailing blanks", multi("--b  \t\n\none\n--b\t\r\n\ntwo\n--b-- \t \n"), []string{shell, text("1", "one"), text("2", "two")}},
		{"longer boundary", multi("--b\n\none\n--bb\n\nstill one\n--b--\n"), []string{shell, text("1", "one\n--bb\n\nstill one")}},
		{"one dash behind", multi("--b\n\none\n--b-\nstill one\n--b--\n"), []string{shell, text("1", "one\n--b-\nstill one")}},
		{"text behind the end", multi("--b\n\none\n--b--x\nstill one\n--b--\n"), []string{shell, text("1", "one\n--b--x\nstill one")}},
		{"not at a line's start", multi("--b\n\none --b\n --b\n--b--\n"), []string{shell, text("1", "one --b\n --b")}},
		{"no delimiter", multi("just text\n"), []string{shell, text("1", "just text\n")}},
		{"only the last delimiter", multi("text\n--b--\n"), []string{shell, text("1", "text\n--b--\n")}},
		{"nothing", multi(""), []string{shell, text("1", "")}},
		{"no boundary", "Content-Type: multipart/mixed\n\n--\n\none\n----\n", []string{shell, text("1", "--\n\none\n----\n")}},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\none\n--b--\n",
			[]string{" multipart/digest: ", "1 message/rfc822: Subject: s\n\none", text("1.1", "one"), "1.HEADER text/plain: s"}},
		{"prefix of another", "Content-Type: multipart/mixed; boundary=b\n\n" +
			"--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\ninner\n--bb--\n\n--b\n\nouter\n--b--\n",
			[]string{shell, "1 multipart/mixed: ", text("1.1", "inner"), text("2", "outer")}},
		{"prefix the other way", "Content-Type: multipart/mixed; boundary=bb\n\n" +
			"--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ninner\n--b--\n\n--bb\n\nouter\n--bb--\n",
			[]string{shell, "1 multipart/mixed: ", text("1.1", "inner"), text("2", "outer")}},
		{"inner end lacks", "Content-Type: multipart/mixed; boundary=a\n\n" +
			"--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ninner\n--a\n\nouter\n--a--\n",
			[]string{shell, "1 multipart/mixed: ", text("1.1", "inner"), text("2", "outer")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := walk(t, c.mail, rules.Limit{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if len(v.Findings) > 0 {
				t.Errorf("findings %v", v.Findings)
			}
		})
	}
}

// TestDelimiterBehindCR has another reading where a bare CR ends a line.
func TestDelimiterBehindCR(t *testing.T) {
	for body, want := range map[string]bool{"one\r--b\n": true, strings.Repeat("x", message.Window-20) + "\r--b\n": true, "one\r--c\n": false} {
		got, v := walk(t, multi("--b\n\n"+body+"Content-Type: image/png\n\ntwo\n--b--\n"), rules.Limit{})
		if slices.Contains(got, "~1 image/png: two") != want || (len(v.Findings) == 1) != want {
			t.Errorf("%.40q: parts %.80q, findings %v", body, got, v.Findings)
		}
	}
}

// TestDelimiterAtWindowEdge puts a delimiter at every place around the edge of
// the splitter's window.
func TestDelimiterAtWindowEdge(t *testing.T) {
	for _, boundary := range []string{"b", strings.Repeat("long-", 14)} {
		for _, end := range []string{"\n", "\r\n"} {
			for _, tail := range []string{"", " \t ", "--", "--\t"} {
				for d := -len(boundary) - 12; d <= 6; d++ {
					first := "--" + boundary + end + end
					one := strings.Repeat("x", message.Window+d-len(first))
					line := end + "--" + boundary + tail + end
					p := part(boundary, first+one+line+end+"two"+end+"--"+boundary+"--"+end)
					want := []string{one, "two"}
					if strings.HasPrefix(tail, "--") {
						want = want[:1]
					}
					if got := bodies(t, p); !cmp.Equal(got, want) {
						t.Fatalf("boundary of %d, ends %q, tail %q, %d before the edge: %d parts", len(boundary), end, tail, -d, len(got))
					}
				}
			}
		}
	}
}

// TestDelimiterLongBlanks follows a delimiter line wherever it ends.
func TestDelimiterLongBlanks(t *testing.T) {
	for _, before := range []int{1, 100, message.Window / 2, message.Window - 10} {
		for _, blanks := range []int{message.Window / 2, message.Window - 50, message.Window, message.Window + 1, 5 * message.Window} {
			for _, c := range []struct {
				behind string
				want   int
			}{{"\n", 2}, {"\r\n", 2}, {"", 2}, {"x\n", 1}} {
				body := "--b\n\n" + strings.Repeat("x", before) + "\n--b" + strings.Repeat(" ", blanks) + c.behind
				if got := bodies(t, part("b", body)); len(got) != c.want {
					t.Errorf("%d bytes, then %d blanks and %q: %d parts, want %d", before, blanks, c.behind, len(got), c.want)
				}
			}
		}
	}
}

// part is a multipart of which only the body is text.
func part(boundary, body string) *scan.Part {
	return &scan.Part{
		Types:  []string{"multipart/mixed"},
		Header: scan.Header{{Name: "Content-Type", Value: fmt.Sprintf("multipart/mixed; boundary=%q", boundary)}},
		Raw:    io.NewSectionReader(strings.NewReader(body), 0, int64(len(body))),
	}
}

// bodies opens a multipart and returns the bodies of its parts, each shown to
// the given functions first.
func bodies(tb testing.TB, p *scan.Part, show ...func(*scan.Part)) (list []string) {
	tb.Helper()
	e := &scan.Engine{Openers: []scan.Opener{opener(func(top *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
		if top.Depth >= 0 {
			return nil
		}
		return message.Opener{}.Parts(context.Background(), p, b, yield)
	})}, Scanners: []scan.Scanner{collect(func(p *scan.Part) error {
		if p.Depth < 0 {
			return nil
		}
		for _, f := range show {
			f(p)
		}
		r, err := p.Open()
		if err != nil {
			return err
		}
		body, err := io.ReadAll(r)
		list = append(list, string(body))
		return err
	})}}
	// The message itself is as long as needed for the limits to be those of its body.
	v := e.Scan(context.Background(), &scan.Message{Content: strings.NewReader("x"), Size: 1})
	if v.Err != nil || len(v.Findings) > 0 {
		tb.Errorf("error %v, findings %v", v.Err, v.Findings)
	}
	return list
}

type opener func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error

func (o opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return o(p, b, yield)
}

// collect is a function for each part as a scanner.
type collect func(*scan.Part) error

func (c collect) Begin(*scan.Message) scan.Look               { return c }
func (c collect) Part(_ context.Context, p *scan.Part) error  { return c(p) }
func (c collect) End(context.Context) ([]scan.Finding, error) { return nil, nil }

// TestSplitOracle compares the splitter with one that reads line by line, on
// bodies made of pieces that look like delimiters, some over a window long.
func TestSplitOracle(t *testing.T) {
	pieces := []string{"--b", "--b--", "--bb", "-", "--", "b", " ", "\t", "\r", "\n", "\n", "\r\n", "\r\n", "x", "\n\n",
		strings.Repeat("y", 1000), strings.Repeat("\n-", 500), strings.Repeat(" ", 300)}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 5000 {
		var body strings.Builder
		if n%4 == 0 {
			body.WriteString(strings.Repeat("z", message.Window-rnd.IntN(2000)))
		}
		for range rnd.IntN(30) {
			body.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		text := body.String()
		got, err := message.Delimiters(io.NewSectionReader(strings.NewReader(text), 0, int64(len(text))), "b")
		if want := delimiters(text); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%.300q: got %v, want %v, %v", strings.TrimLeft(text, "z"), got, want, err)
		}
	}
}

// delimiters returns the delimiter lines of a body with boundary b.
func delimiters(body string) (list []message.Delimiter) {
	end, after := 0, 0
	for line := range strings.Lines(body) {
		start := end
		end += len(line)
		line = strings.TrimSuffix(line, "\n")
		if last := end == len(body); last || strings.HasSuffix(body[:end], "\n") {
			line = strings.TrimSuffix(line, "\r")
		}
		line = strings.TrimRight(line, " \t")
		if line != "--b" && line != "--b--" {
			continue
		}
		before := start
		if start > 0 {
			before--
		}
		if before > 0 && body[before-1] == '\r' {
			before--
		}
		list = append(list, message.Delimiter{Before: int64(max(before, after)), After: int64(end), Final: line == "--b--"})
		after = end
	}
	return list
}

func TestBoundaryLength(t *testing.T) {
	for _, n := range []int{70, 1000, message.MaxBoundary} {
		boundary := strings.Repeat("b", n)
		body := "--" + boundary + "\n\none\n--" + boundary + "--\n"
		if got := bodies(t, part(boundary, body)); !cmp.Equal(got, []string{"one"}) {
			t.Errorf("boundary of %d: %d parts", n, len(got))
		}
	}
	boundary := strings.Repeat("b", message.MaxBoundary+1)
	_, v := walk(t, "Content-Type: multipart/mixed; boundary="+boundary+"\n\n--"+boundary+"\n\none\n", rules.Limit{})
	if len(v.Findings) != 1 || v.Findings[0].Rule != "limit.size" {
		t.Errorf("findings %v", v.Findings)
	}
}

func TestSplitReadError(t *testing.T) {
	bad := errors.New("no")
	if _, err := message.Delimiters(io.NewSectionReader(failing{bad}, 0, 1000), "b"); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func BenchmarkSplit(b *testing.B) {
	prose := strings.Repeat("An ordinary line of text, neither short nor very long, as mail has them.\r\n", 140<<10)
	for _, c := range []struct{ name, body, boundary string }{
		{"prose", prose, "b"},
		{"dashes", strings.Repeat("-", 10<<20), "b"},
		{"line feeds", strings.Repeat("\n", 10<<20), "b"},
		{"almost", strings.Repeat("\n--bX", 2<<20), "b"},
		{"all", strings.Repeat("\n--b", 2<<20), "b"},
		{"almost, then blanks", strings.Repeat("\n--b"+strings.Repeat(" ", 1000)+"x", 10<<10), "b"},
		{"almost, then many blanks", strings.Repeat("\n--b"+strings.Repeat(" ", 100<<10)+"x", 100), "b"},
		{"almost final", strings.Repeat("\n--b--X", 3<<19), "b"},
		{"long boundary", strings.Repeat("\n-"+strings.Repeat("-", 4000), 2600), strings.Repeat("-", 4000) + "b"},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := io.NewSectionReader(strings.NewReader(c.body), 0, int64(len(c.body)))
			b.SetBytes(body.Size())
			for b.Loop() {
				if _, err := message.Delimiters(body, c.boundary); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
