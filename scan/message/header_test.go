package message_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

func section(s string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(s), 0, int64(len(s)))
}

func TestReadBlock(t *testing.T) {
	long := "X: " + strings.Repeat("y", 4093) + "\n" // one byte more than the first read
	for _, c := range []struct {
		name, in string
		max      int
		block    string
		bodyAt   int
		flaw     bool
	}{
		{"LF", "A: b\n\nbody", 100, "A: b\n\n", 6, false},
		{"CRLF", "A: b\r\n\r\nbody", 100, "A: b\r\n\r\n", 8, false},
		{"no body", "A: b\n", 100, "A: b\n", 5, false},
		{"no line end", "A: b", 100, "A: b", 4, false},
		{"empty", "", 100, "", 0, false},
		{"no header", "\nbody", 100, "\n", 1, false},
		{"blank line of blanks is none", "A: b\n \nC: d\n\nbody", 100, "A: b\n \nC: d\n\n", 13, false},
		{"exactly max", "A: b\n\nbody", 6, "A: b\n\n", 6, false},
		{"max crossed by one", "A: b\n\nbody", 5, "", 0, true},
		{"exactly max, CRLF", "A: b\r\n\r\nbody", 8, "A: b\r\n\r\n", 8, false},
		{"max crossed by one, CRLF", "A: b\r\n\r\nbody", 7, "", 0, true},
		{"no body, exactly max", "A: b\n", 5, "A: b\n", 5, false},
		{"max crossed, first line folded", " b\nA: b\n\nbody", 5, "", 0, true},
		{"max crossed by text", "some text\nmore\n\nbody", 12, "", 0, false},
		{"max crossed by one line of text", "some text without any end", 12, "", 0, false},
		{"max crossed inside the first field", "A: text without any end", 12, "", 0, true},
		{"no limit at all", "A: b\n\n", 0, "", 0, false},
		{"second read", long + "\nbody", 1 << 20, long + "\n", len(long) + 1, false},
		{"second read, folded first", " x\n" + long + "\nbody", 1 << 20, " x\n" + long + "\n", len(long) + 4, false},
		{"second read, no field", "text\n" + long + "\nbody", 1 << 20, "", 0, false},
		{"just past the second read", strings.Repeat(long, 2) + "\nbody", 8193, "", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			block, bodyAt, err := message.ReadBlock(section(c.in), c.max)
			if string(block) != c.block || int(bodyAt) != c.bodyAt {
				t.Errorf("block %.60q, body at %d; want %.60q, %d", block, bodyAt, c.block, c.bodyAt)
			}
			var flaw *scan.Flaw
			if got := errors.As(err, &flaw) && flaw.Rule == "limit.size"; got != c.flaw || err != nil && !got {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	field := func(list ...string) (h scan.Header) {
		for i := 0; i < len(list); i += 2 {
			h = append(h, scan.Field{Name: list[i], Value: list[i+1]})
		}
		return h
	}
	for _, c := range []struct {
		name, in string
		want     scan.Header
	}{
		{"plain", "Subject: a\nTo: b\n\n", field("Subject", "a", "To", "b")},
		{"CRLF", "Subject: a\r\nTo: b\r\n\r\n", field("Subject", "a", "To", "b")},
		{"folded", "Subject: a\n b\n\tc\nTo: d\n\n", field("Subject", "a b c", "To", "d")},
		{"folded in the first line", "Subject:\n a\n\n", field("Subject", "a")},
		{"blank before the colon", "Subject : a\n\n", field("Subject", "a")},
		{"no end", "Subject: a", field("Subject", "a")},
		{"empty value", "Subject:\nTo: b\n\n", field("Subject", "", "To", "b")},
		{"several", "To: a\nTo: b\n\n", field("To", "a", "To", "b")},
		{"line that is no field", "Subject: a\nno field\nTo: b\n\n", field("Subject", "a", "To", "b")},
		{"folded line behind it", "Subject: a\nno field\n still none\nTo: b\n\n", field("Subject", "a", "To", "b")},
		{"folded, no field, folded", "Subject: a\n b\nno field\n c\nTo: b\n d\n\n", field("Subject", "a b", "To", "b d")},
		{"folded line first", " x\nSubject: a\n\n", field("Subject", "a")},
		{"no header", "some text\nSubject: a\n\n", nil},
		{"8-bit value", "Subject: \xfc\nno field\n\n", field("Subject", "\xfc")},
		{"empty", "\n", field()},
		{"folded blank line", "Subject: a\n \n b\n\n", field("Subject", "a b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			many := strings.TrimRight(c.in, "\r\n") + "\n" + strings.Repeat("X: y\n", 1000)
			for name, got := range map[string]scan.Header{
				"parsed":       message.ParseHeader([]byte(c.in)),
				"loosely":      message.LooseHeader([]byte(c.in)),
				"a long block": message.ParseHeader([]byte(many))[:len(c.want)],
			} {
				if len(got) == 0 && len(c.want) == 0 {
					continue
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: header (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// TestHeaderLimit meets the limit of a header exactly and crosses it by one, in
// the message's header and in a part's.
func TestHeaderLimit(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Header = 5000
	pad := func(header string, n int) string {
		return header + "X: " + strings.Repeat("y", n-len(header)-5) + "\n\n"
	}
	for over := range 2 {
		for name, mail := range map[string]string{
			"message": pad("Content-Type: text/plain\n", 5000+over) + "body",
			"part":    multi("--b\n" + pad("Content-Type: text/plain\n", 5000+over) + "body\n--b--\n"),
		} {
			parts, v := walk(t, mail, limit)
			found := len(v.Findings) == 1 && v.Findings[0].Rule == "limit.size"
			last := len(parts) > 0 && strings.HasSuffix(parts[len(parts)-1], " text/plain: body")
			if found != (over > 0) || last != (over == 0) {
				t.Errorf("%s over by %d: findings %v, parts %.100q", name, over, v.Findings, parts)
			}
		}
	}
}

func TestFromLine(t *testing.T) {
	for _, c := range []struct{ name, mail, want string }{
		{"mbox", "From a@b Fri\nContent-Type: text/html\n\nbody", "1 text/html: body"},
		{"mbox, CRLF", "From a@b Fri\r\nContent-Type: text/html\r\n\r\nbody", "1 text/html: body"},
		{"quoted", ">From a@b Fri\nContent-Type: text/html\n\nbody", "1 text/html: body"},
		{"a field", "From: a@b\nContent-Type: text/html\n\nbody", "1 text/html: body"},
		{"alone", "From a@b Fri", "1 text/plain: From a@b Fri"},
		{"nothing behind", "From a@b Fri\n", "1 text/plain: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := walk(t, c.mail, rules.Limit{}); !cmp.Equal(got, []string{c.want}) {
				t.Errorf("parts %q, want %q", got, c.want)
			}
		})
	}
}

// TestEntity is what a header makes of a part: type, names, encoding, charset.
func TestEntity(t *testing.T) {
	for _, c := range []struct {
		name, header string
		types, names []string
		body, text   string // of the bytes "a=3Db"
	}{
		{"nothing", "X: y", []string{"text/plain"}, nil, "a=3Db", "a=3Db"},
		{"type in capitals", "Content-Type: TEXT/HTML", []string{"text/html"}, nil, "a=3Db", "a=3Db"},
		{"no text", "Content-Type: image/png", []string{"image/png"}, nil, "a=3Db", ""},
		{"no slash", "Content-Type: text", []string{"text/plain"}, nil, "a=3Db", "a=3Db"},
		{"two slashes", "Content-Type: a/b/c", []string{"text/plain"}, nil, "a=3Db", "a=3Db"},
		{"quoted-printable", "Content-Transfer-Encoding:  Quoted-Printable ", []string{"text/plain"}, nil, "a=b", "a=b"},
		{"charset", "Content-Type: text/plain; charset=utf-16be", []string{"text/plain"}, nil, "a=3Db", "\u613d\u3344\ufffd"},
		{"name", "Content-Type: image/png; name=a.png", []string{"image/png"}, []string{"a.png"}, "a=3Db", ""},
		{"filename first", "Content-Type: image/png; name=a.png\nContent-Disposition: inline; filename=b.png",
			[]string{"image/png"}, []string{"b.png", "a.png"}, "a=3Db", ""},
		{"the same twice", "Content-Type: image/png; name=a.png\nContent-Disposition: inline; filename=a.png",
			[]string{"image/png"}, []string{"a.png"}, "a=3Db", ""},
		{"encoded word", "Content-Type: image/png; name=\"=?utf-8?Q?a=2Epng?=\"", []string{"image/png"}, []string{"a.png"}, "a=3Db", ""},
		{"encoded word, other charset", "Content-Type: image/png; name=\"=?koi8-r?B?xg==?=.png\"",
			[]string{"image/png"}, []string{"\u0444.png"}, "a=3Db", ""},
		{"encoded word with language", "Content-Type: image/png; name=\"=?koi8-r*ru?B?xg==?=.png\"",
			[]string{"image/png"}, []string{"\u0444.png"}, "a=3Db", ""},
		{"extended value", "Content-Type: image/png; name*=utf-8''a%2Epng", []string{"image/png"}, []string{"a.png"}, "a=3Db", ""},
		{"bad parameter", "Content-Type: image/png; =; name=a.png", []string{"image/png"}, []string{"a.png"}, "a=3Db", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bodies(t, &scan.Part{
				Types:  []string{"multipart/mixed"},
				Header: scan.Header{{Name: "Content-Type", Value: "multipart/mixed; boundary=b"}},
				Raw:    section("--b\n" + c.header + "\n\na=3Db"),
			}, func(p *scan.Part) {
				if diff := cmp.Diff(c.types, p.Types); diff != "" {
					t.Errorf("types (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.names, p.Names); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
				if got := readAll(t, p.Open); got != c.body {
					t.Errorf("body %q, want %q", got, c.body)
				}
				if p.Raw != nil && readAll(t, func() (io.Reader, error) { return p.Raw, nil }) != c.body {
					t.Error("raw is not the body")
				}
				if p.Text == nil && c.text != "" || p.Text != nil && readAll(t, p.Text) != c.text {
					t.Errorf("text is not %q", c.text)
				}
			})
		})
	}
}

func readAll(t *testing.T, open func() (io.Reader, error)) string {
	t.Helper()
	r, err := open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func BenchmarkParseHeader(b *testing.B) {
	const size = 256 << 10
	fill := func(line string) string { return strings.Repeat(line, size/len(line)) }
	for _, c := range []struct{ name, header string }{
		{"ordinary", fill("Received: from a.example.org by b.example.net with ESMTP id 1234567890\r\n\tfor <a@example.org>; today\r\n")},
		{"short fields", fill("a:\n")},
		{"folded", "A: b\n" + fill(" c\n")},
		{"folded, loose", "A: b\nno field\nA: b\n" + fill(" c\n")},
		{"no fields", "A: b\n" + fill("c\n")},
		{"long line", "A: " + fill("b") + "\n"},
		{"blanks", "A: " + fill(" ") + "\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.header)))
			for b.Loop() {
				message.ParseHeader([]byte(c.header + "\n"))
			}
		})
	}
}
