package document_test

import (
	"context"
	"errors"
	"html"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"qguard/scan"
	"qguard/scan/document"
)

// text returns what the opener makes of HTML.
func text(tb testing.TB, source io.Reader) (string, error) {
	tb.Helper()
	p := &scan.Part{Path: "1", Types: []string{"text/html"}, Depth: 2, Nest: 1, Text: func() (io.Reader, error) { return source, nil }}
	var got []byte
	var readErr error
	yielded := 0
	err := document.Opener{}.Parts(context.Background(), p, nil, func(c *scan.Part) error {
		yielded++
		if c.Path != "1" || c.Depth != 2 || c.Nest != 1 || !c.Is("text/plain") || c.Open != nil {
			tb.Errorf("part %+v", c)
		}
		r, err := c.Text()
		if err != nil {
			return err
		}
		got, readErr = io.ReadAll(r)
		return nil
	})
	if err != nil || yielded != 1 {
		tb.Errorf("%d parts, error %v", yielded, err)
	}
	return string(got), readErr
}

func TestHTML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "hello", "hello"},
		{"empty", "", ""},
		{"inline tags leave no trace", "Pass<b>wo</b>r<i><u>d</u></i>", "Password"},
		{"inline tags with attributes", `p<span style="x>y" id=a>w</span>`, "pw"},
		{"unknown tags", "a<x-y>b</x-y>c", "abc"},
		{"named references", "&lt;&amp;&gt;&quot;&uuml;&nbsp;&euro;", "<&>\"\u00fc\u00a0\u20ac"},
		{"numbers", "&#65;&#x42;&#x1F600;&#00067;", "AB\U0001f600C"},
		{"references without end", "&lt&amp&#65 &ampx", "<&A &x"},
		{"no references", "a & b &; &# &#x &unknown;", "a & b &; &# &#x &unknown;"},
		{"absurd numbers", "&#0;&#1114112;&#xD800;", "\ufffd\ufffd\ufffd"},
		{"references decode once", "&amp;lt;", "&lt;"},
		{"paragraphs", "<p>a</p><p>b</p>", "\na\n\nb\n"},
		{"line breaks", "a<br>b<BR/>c", "a\nb\nc"},
		{"blocks", "<div>a</div><h1>b</h1><ul><li>c</ul>", "\na\n\nb\n\n\nc\n"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>", "\n\n\ta\t\tb\t\n\n\tc\t\n\n"},
		{"split over cells stays apart", "<td>pass</td><td>word</td>", "\tpass\t\tword\t"},
		{"script", "a<script>var x = '<b>';</script>b", "ab"},
		{"script in capitals", "a<SCRIPT type=x>y</SCRIPT >b", "ab"},
		{"style", "a<style>b { }</style>c", "ac"},
		{"script with a tag in a string", "a<script>'</b>'</script>b", "ab"},
		{"script that is not closed", "a<script>b", "a"},
		{"text behind a script that closes itself is kept", "a<script/>b</script>c", "abc"},
		{"end tag alone", "a</script>b</style>c", "abc"},
		{"comment", "a<!-- b -->c", "ac"},
		{"comment with a tag", "a<!-- <b> -- > -->c", "ac"},
		{"comment that is not closed", "a<!-- b", "a"},
		{"short comment", "a<!-->b", "ab"},
		{"bogus comment", "a<?php b ?>c<!x>d", "acd"},
		{"doctype", "<!DOCTYPE html>a", "a"},
		{"cdata", "a<![CDATA[b]]>c", "ac"},
		{"not a tag", "a < b <3 c", "a < b <3 c"},
		{"tag that is not closed", "a<b", "a"},
		{"tag that is not closed, attribute", `a<b c="d`, "a"},
		{"title", "<title>a &lt; <b>b</b></title>c", "\na < <b>b</b>\nc"},
		{"textarea", "<textarea><b>a</b></textarea>", "<b>a</b>"},
		{"noscript", "<noscript>a<b>b</b>&amp;</noscript>c", "ab&c"},
		{"noscript in the head", "<head><noscript><p>a</p></noscript></head>", "\na\n"},
		{"field's value", `<input type=text value="a&amp;b">c`, " a&b c"},
		{"field's value in capitals", `<INPUT VALUE=a>`, " a "},
		{"no field's value", `<b value=x>a</b><input name=x>`, "a"},
		{"hidden text is kept", `<span style="display:none">a</span>b`, "ab"},
		{"NUL", "a\x00b", "a\x00b"},
		{"invalid UTF-8", "a\xffb", "a\xffb"},
		{"line ends as they stand", "a\r\nb\rc", "a\nb\nc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole": strings.NewReader(c.in),
				"byte":  iotest.OneByteReader(strings.NewReader(c.in)),
				"EOF":   iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				if got, err := text(t, r); got != c.want || err != nil {
					t.Errorf("%s: got %q, want %q, %v", how, got, c.want, err)
				}
			}
		})
	}
}

// TestHugeToken reads tokens up to the limit and names the limit behind it.
func TestHugeToken(t *testing.T) {
	const max = 8 << 20
	for _, c := range []struct {
		name, in string
		limit    bool
	}{
		{"text", strings.Repeat("a", max/2), false},
		{"text, too long", strings.Repeat("a", 2*max), true},
		{"attribute, too long", `<a href="` + strings.Repeat("a", 2*max) + `">x`, true},
		{"tag's name, too long", "<" + strings.Repeat("a", 2*max), true},
		{"many tokens", strings.Repeat("<b>a</b>", max/32), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := text(t, strings.NewReader("before<br>"+c.in))
			var flaw *scan.Flaw
			if limit := errors.As(err, &flaw) && flaw.Rule == "limit.size"; limit != c.limit || err != nil && !limit {
				t.Errorf("error %v", err)
			}
			if !strings.HasPrefix(got, "before\n") {
				t.Errorf("what stands before is lost: %.20q", got)
			}
		})
	}
}

func TestOpener(t *testing.T) {
	some := func() (io.Reader, error) { return strings.NewReader("x"), nil }
	for _, c := range []struct {
		name string
		part scan.Part
		want bool
	}{
		{"HTML", scan.Part{Types: []string{"text/html"}, Text: some}, true},
		{"XHTML", scan.Part{Types: []string{"application/xhtml+xml"}, Text: some}, true},
		{"by name", scan.Part{Types: []string{"text/plain"}, Names: []string{"A.HTM"}, Text: some}, true},
		{"plain text", scan.Part{Types: []string{"text/plain"}, Text: some}, false},
		{"no bytes", scan.Part{Types: []string{"text/html"}}, false},
	} {
		yielded := false
		err := document.Opener{}.Parts(context.Background(), &c.part, nil, func(*scan.Part) error { yielded = true; return nil })
		if yielded != c.want || err != nil {
			t.Errorf("%s: opened %v, %v", c.name, yielded, err)
		}
	}
	bad := errors.New("no")
	if _, err := text(t, io.MultiReader(strings.NewReader("<p>a"), iotest.ErrReader(bad))); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

// FuzzHTML reads anything as HTML: no panic, never much more text than source,
// the same however it comes, and text without markup as it stands.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<p>a<b>b</b>&amp;", "<script>x</script>", "<!-- a --><table><td>", "<input value=x>", "<noscript><i>a", "a < b &#x;", "<title>&lt;<svg><style>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, err := text(t, strings.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 4*len(source)+16 { // a number of four bytes can be a letter of three
			t.Errorf("%d bytes of %d", len(got), len(source))
		}
		if again, _ := text(t, iotest.OneByteReader(strings.NewReader(source))); again != got {
			t.Errorf("got %q, by bytes %q", got, again)
		}
		if plain := html.EscapeString(source); utf8.ValidString(source) && !strings.Contains(source, "\r") {
			if got, _ := text(t, strings.NewReader("<div>"+plain+"</div>")); got != "\n"+source+"\n" {
				t.Errorf("escaped %q comes back as %q", source, got)
			}
		}
	})
}

func BenchmarkHTML(b *testing.B) {
	const size = 8 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, c := range []struct{ name, source string }{
		{"ordinary", fill("<p style=\"margin:0\">An ordinary line of <b>text</b> &amp; more of it, as mail has.</p>\r\n")},
		{"opening signs", fill("<")},
		{"opening signs apart", fill("< ")},
		{"tags", fill("<a>")},
		{"ampersands", fill("&")},
		{"references", fill("&lt;")},
		{"attributes", fill("<a" + strings.Repeat(" b=c", 1000) + ">")},
		{"attributes of a field", fill("<input" + strings.Repeat(" value=c", 1000) + ">")},
		{"comments", fill("<!---->")},
		{"open comments", "<!--" + fill("--!")},
		{"open script", "<script>" + fill("<!--<script>")},
		{"open title", "<title>" + fill("</titl")},
		{"quotes", "<a " + fill("\"'")},
		{"one tag", "<" + fill("a")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.source)))
			for b.Loop() {
				text(b, strings.NewReader(c.source))
			}
		})
	}
}
