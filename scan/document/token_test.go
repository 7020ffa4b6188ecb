package document

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/net/html"

	"qguard/scan"
)

// tokenCases are sources and their tokens: text between apostrophes, <a b="c">,
// <a/>, </a>, comments and declarations as they stand, and behind a bar the
// tag that the end cuts off.
var tokenCases = []struct{ in, want string }{
	{"", ""},
	{"a", "'a'"},
	{"a<b>c", "'a' <b> 'c'"},
	{"<a></a>", "<a> </a>"},
	{"<A HREF=X>", `<a href="X">`},
	{"<a\x00b>", "<a\ufffdb>"},
	{"a\x00b", "'a\x00b'"},
	{"a\r\nb\rc\nd\r", "'a\nb\nc\nd\n'"},
	{"\r\n\r\n", "'\n\n'"},

	// what is no tag
	{"<", "'<'"},
	{"</", "'</'"},
	{"a<", "'a<'"},
	{"< a>", "'< a>'"},
	{"<3<<<a>", "'<3<<' <a>"},
	{"<=<\x00<>", "'<=<\x00<>'"},
	{"a>b", "'a>b'"},

	// tags
	{"<a/>", "<a/>"},
	{"<a />", "<a/>"},
	{"<a/ >", "<a>"},
	{"<a//>", "<a/>"},
	{"<a/b>", `<a b="">`},
	{"<a/b/>", `<a b=""/>`},
	{"<a b/>", `<a b=""/>`},
	{"<a/=>", `<a =="">`},
	{"<br\n/>", "<br/>"},
	{"<a\tb\fc\rd\ne>", `<a b="" c="" d="" e="">`},
	{"<a'b\"c<d>", `<a'b"c<d>`},
	{"<x-y:z>", "<x-y:z>"},
	{"<a", "|<a"},
	{"a<a ", "'a' |<a "},
	{"<a b", "|<a b"},
	{"<a b=", "|<a b="},
	{"<a b='c>", "|<a b='c>"},
	{"<a b=c", "|<a b=c"},
	{"<a b='c'", "|<a b='c'"},
	{"<a /", "|<a /"},
	{"</a", "|</a"},

	// attributes
	{"<a b=c>", `<a b="c">`},
	{"<a b = c>", `<a b="c">`},
	{"<a b='c'>", `<a b="c">`},
	{`<a b="c">`, `<a b="c">`},
	{`<a b="c"d='e'f=g>`, `<a b="c" d="e" f="g">`},
	{`<a b='">' c=">'">`, `<a b="\">" c=">'">`},
	{"<a b=>c", `<a b=""> 'c'`},
	{"<a b= >", `<a b="">`},
	{"<a b=''>", `<a b="">`},
	{"<a b=/>", `<a b="/">`},
	{"<a b=c/>", `<a b="c/">`},
	{"<a b='c'/>", `<a b="c"/>`},
	{"<a b=c />", `<a b="c"/>`},
	{"<a b / c>", `<a b="" c="">`},
	{"<a b / = c>", `<a b="" =="" c="">`},
	{"<a b / =c>", `<a b="" =c="">`},
	{"<a =b>", `<a =b="">`},
	{"<a ==b>", `<a =="b">`},
	{"<a b==c>", `<a b="=c">`},
	{"<a 'b'=c \"=d>", `<a 'b'="c" "="d">`},
	{"<a <b=c>", `<a <b="c">`},
	{"<a b=`c d`>", "<a b=\"`c\" d`=\"\">"},
	{"<a b=c'd\"e<f=g>", `<a b="c'd\"e<f=g">`},
	{"<a B=1 b=2 c b=3>", `<a b="1" c="">`},
	{"<a b\x00=\x00>", "<a b\ufffd=\"\ufffd\">"},
	{"<a b='\r\n\r'>", `<a b="\n\n">`},
	{"<a b=1 b='2' />", `<a b="1"/>`},
	{"<a b=1 b=/>", `<a b="1">`},
	{"</a b=c d>", "</a>"},
	{"</a/>", "</a>"},
	{"</a b='>'>c", "</a> 'c'"},

	// comments
	{"<!---->", "<!---->"},
	{"<!--a-->b", "<!--a--> 'b'"},
	{"<!-->a", "<!--> 'a'"},
	{"<!--->a", "<!---> 'a'"},
	{"<!--!>-->", "<!--!>-->"},
	{"<!---!>-->", "<!---!>-->"},
	{"<!----!>a", "<!----!> 'a'"},
	{"<!--a--!>b", "<!--a--!> 'b'"},
	{"<!--a--!-->b", "<!--a--!--> 'b'"},
	{"<!--a--!->b--!!>-->c", "<!--a--!->b--!!>--> 'c'"},
	{"<!--a--->b", "<!--a---> 'b'"},
	{"<!--a-- >-->", "<!--a-- >-->"},
	{"<!--a->-->", "<!--a->-->"},
	{"<!--<!-->a", "<!--<!--> 'a'"},
	{"<!--<!--!>a", "<!--<!--!> 'a'"},
	{"<!--<!--a-->b", "<!--<!--a--> 'b'"},
	{"<!--", "<!--"},
	{"<!--a--", "<!--a--"},
	{"<!--a--!", "<!--a--!"},
	{"<!-", "<!-"},
	{"<!", "<!"},
	{"<!>a", "<!> 'a'"},
	{"<!-a->b", "<!-a-> 'b'"},
	{"<!a", "<!a"},
	{"<?php ?>a", "<?php ?> 'a'"},
	{"<?>a", "<?> 'a'"},
	{"</>a", "</> 'a'"},
	{"</ a>b", "</ a> 'b'"},
	{"</3>b", "</3> 'b'"},
	{"</\x00", "</\x00"},
	{"<!doctype html>a", "<!doctype html> 'a'"},
	{"<!DOCTYPE a PUBLIC \"b>c", "<!DOCTYPE a PUBLIC \"b> 'c'"},
	{"<!doctyp", "<!doctyp"},
	{"<![CDATA[a>b]]>", "<![CDATA[a> 'b]]>'"},

	// references
	{"&amp;&lt;&gt;&quot;&apos;", "'&<>\"''"},
	{"&AMP&amp&ampx&amp=", "'&&&x&='"},
	{"&notit;&notin;&notin&not", "'\u00acit;\u2209\u00acin\u00ac'"},
	{"&ngE;&NotEqualTilde;&bne;", "'\u2267\u0338\u2242\u0338=\u20e5'"},
	{"&CounterClockwiseContourIntegral;", "'\u2233'"},
	{"&Tab;&NewLine;", "'\t\n'"},
	{"&;&a;&&amp;&", "'&;&a;&&&'"},
	{"&nosuch;&lt5&LT;&Lt;", "'&nosuch;<5<\u226a'"},
	{"&#65;&#x41;&#X4a;&#65a", "'AAJAa'"},
	{"&#;&#x;&#xg;&#", "'&#;&#x;&#xg;&#'"},
	{"&#0;&#xd800;&#x110000;&#99999999999999999999;", "'\ufffd\ufffd\ufffd\ufffd'"},
	{"&#128;&#x81;&#x99;&#x9f;", "'\u20ac\u0081\u2122\u0178'"},
	{"&#13;&#10;&#00000000000000000000000000000000000000065;", "'\r\nA'"},
	{"<a b='&amp;&lt'>", `<a b="&<">`},
	{"<a b=&lt=&ltc&lt;d&lt>", `<a b="&lt=&ltc<d<">`},
	{"<a b='&notin;&notin&not;&not='>", "<a b=\"\u2209&notin\u00ac&not=\">"},
	{"<a b='&#65&#x41c'>", "<a b=\"A\u041c\">"},
	{"<a &lt;=c>", `<a &lt;="c">`},
	{"<!--&lt;-->", "<!--&lt;-->"},

	// text that is no markup
	{"<title>a<b>&amp;</b></title>c", "<title> 'a<b>&</b>' </title> 'c'"},
	{"<TITLE>a</TiTlE >b", "<title> 'a' </title> 'b'"},
	{"<textarea>\x00</textarea/>", "<textarea> '\ufffd' </textarea>"},
	{"<title></title>", "<title> </title>"},
	{"<title></titl></title", "<title> '</titl></title'"},
	{"<title></titles></title x", "<title> '</titles>' |</title x"},
	{"<style>a<b>&amp;</style>c", "<style> 'a<b>&amp;' </style> 'c'"},
	{"<xmp><a></xmp><iframe><a></iframe>", "<xmp> '<a>' </xmp> <iframe> '<a>' </iframe>"},
	{"<noembed><a></noembed><noframes><a></noframes>", "<noembed> '<a>' </noembed> <noframes> '<a>' </noframes>"},
	{"<noscript><a></noscript>", "<noscript> '<a>' </noscript>"},
	{"<plaintext>a</plaintext>&lt;\x00", "<plaintext> 'a</plaintext>&lt;\ufffd'"},
	{"<script/>a</script>b", "<script/> 'a' </script> 'b'"},
	{"<style>\r\n\x00", "<style> '\n\ufffd'"},

	// scripts
	{"<script>a<b&lt;</script>c", "<script> 'a<b&lt;' </script> 'c'"},
	{"<script></script>", "<script> </script>"},
	{"<script></SCRIPT\t>", "<script> </script>"},
	{"<script></scriptx></script", "<script> '</scriptx></script'"},
	{"<script><!-- </script>a", "<script> '<!-- ' </script> 'a'"},
	{"<script><!-- <script> </script> </script>a", "<script> '<!-- <script> </script> ' </script> 'a'"},
	{"<script><!-- <script> --> </script>a", "<script> '<!-- <script> --> ' </script> 'a'"},
	{"<script><!-- <script> </script> <script> </script> --></script>a", "<script> '<!-- <script> </script> <script> </script> -->' </script> 'a'"},
	{"<script><!-- <scripty> </script>a", "<script> '<!-- <scripty> ' </script> 'a'"},
	{"<script><!-- <script/ </script/ </script>a", "<script> '<!-- <script/ </script/ ' </script> 'a'"},
	{"<script><!--><script></script>a", "<script> '<!--><script>' </script> 'a'"},
	{"<script><!---><script></script>a", "<script> '<!---><script>' </script> 'a'"},
	{"<script><!-<script></script>a", "<script> '<!-<script>' </script> 'a'"},
	{"<script><!-- - -> --<> <script></script></script>a", "<script> '<!-- - -> --<> <script></script>' </script> 'a'"},
	{"<script><!-- <script> ---></script>a", "<script> '<!-- <script> --->' </script> 'a'"},
	{"<script><!--<script", "<script> '<!--<script'"},
	{"<script><!--<script></script", "<script> '<!--<script></script'"},
}

// written is a token as tokenCases have it.
func written(t token) string {
	switch t.kind {
	case tokenEOF:
		if t.raw == "" {
			return ""
		}
		return "|" + t.raw
	case tokenText:
		return "'" + t.text + "'"
	case tokenStartTag:
		return "<" + t.text + t.attrs + ">"
	case tokenSelfClosing:
		return "<" + t.text + t.attrs + "/>"
	case tokenEndTag:
		return "</" + t.text + ">"
	}
	return t.raw
}

func TestTokens(t *testing.T) {
	for _, c := range tokenCases {
		for name, z := range map[string]*tokenizer{
			"whole": newTokenizer(strings.NewReader(c.in)),
			"byte":  newTokenizer(iotest.OneByteReader(strings.NewReader(c.in))),
			"EOF":   newTokenizer(iotest.DataErrReader(strings.NewReader(c.in))),
			"held":  tokenize([]byte(c.in)),
		} {
			var got []string
			for _, tok := range ourTokens(t, z, c.in, asPage) {
				if s := written(tok); s != "" {
					got = append(got, s)
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%s %q: got %s, want %s", name, c.in, got, c.want)
			}
		}
		compareTokens(t, c.in)
	}
}

// TestTokensAtBufferEnd has every case lie over the end of the first buffer,
// in every kind of text.
func TestTokensAtBufferEnd(t *testing.T) {
	pad := strings.Repeat("x", tokenBuffer/8)
	for _, before := range []string{"", "<title>", "<script><!--", "<!--", "<![CDATA[", "<a b="} {
		how := asPage
		if before == "<![CDATA[" {
			how = asForeign
		}
		for _, c := range tokenCases {
			for cut := 0; cut < len(c.in); cut++ {
				compareReading(t, before+pad[len(before)+cut:]+c.in, how)
			}
		}
	}
}

func TestTokensCut(t *testing.T) {
	page := `<!doctype html><?a b><!--a--!><TITLE>&lt;</b></TITLE><a b=c D="&quot;&#x41;" e='f'/>&notit;<script>a</b<!--<script></script>--></script >` +
		"\r\n<noscript><i></noscript><svg><![CDATA[<b>]]></svg><!----!></ c><textarea>&amp</textarea><plaintext>d"
	for i := range len(page) {
		compareTokens(t, page[:i])
	}
}

// TestTokensHostile reads what takes long where something is read anew for
// each byte, or held.
func TestTokensHostile(t *testing.T) {
	const n = 1e6
	many := func(s string) string { return strings.Repeat(s, n) }
	for _, c := range []struct {
		name, in string
		held     bool // as one tag
	}{
		{"opening signs", many("<"), false},
		{"opening signs and slashes", many("</"), false},
		{"tags that do not end", many("<a "), true},
		{"ampersands", many("&"), false},
		{"references", many("&aa"), false},
		{"numbers that do not end", many("&#"), false},
		{"comments that do not end", many("<!--"), false},
		{"comment", "<!--" + many("--!"), false},
		{"declarations", many("<!"), false},
		{"quote", "<a b='" + many("c=\""), true},
		{"quotes", "<a " + many("\"'"), true},
		{"equals signs", "<a " + many("="), true},
		{"slashes", "<a" + many("/"), true},
		{"attributes", "<a" + many(" b=&"), true},
		{"attribute names", "<a" + numbered(n/8) + ">", true},
		{"title", "<title>" + many("</titl"), false},
		{"script", "<script>" + many("<!--<script>"), false},
		{"script, dashes", "<script><!--" + many("-"), false},
		{"scripts", many("<script>"), false},
		{"carriage returns", many("\r"), false},
		{"NUL", many("\x00"), false},
		{"CDATA", many("<![CDATA["), false},
		{"brackets", "<![CDATA[" + many("]]"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := newTokenizer(strings.NewReader(c.in))
			z.cdata = strings.HasPrefix(c.in, "<![CDATA[")
			var text []byte
			size := 0
			for kind := z.next(); kind != tokenEOF; kind = z.next() {
				size += len(z.raw)
				text = z.appendText(text[:0])
				for _, _, ok := z.attr(); ok; _, _, ok = z.attr() {
				}
			}
			if size += len(z.raw); size != len(c.in) || !errors.Is(z.err, io.EOF) {
				t.Errorf("%d bytes of %d, error %v", size, len(c.in), z.err)
			}
			if !c.held && cap(z.buf) > tokenBuffer {
				t.Errorf("buffer of %d", cap(z.buf))
			}
		})
	}
}

// numbered are n attributes of different names, twice.
func numbered(n int) string {
	var b strings.Builder
	for i := range 2 * n {
		fmt.Fprintf(&b, " a%d=b", i%n)
	}
	return b.String()
}

// TestTokenLimit meets the limit for tags alone.
func TestTokenLimit(t *testing.T) {
	long := strings.Repeat("a", maxToken+1)
	for _, c := range []struct {
		name, in string
		limit    bool
	}{
		{"text", long + "<b>", false},
		{"reference", "&" + long + "<b>", false},
		{"script", "<script>" + long + "</script><b>", false},
		{"escaped script", "<script><!--" + long + "</script><b>", false},
		{"title", "<title>" + long + "</title><b>", false},
		{"comment", "<!--" + long + "--><b>", false},
		{"declaration", "<!" + long + "><b>", false},
		{"attribute", "<a b='" + long + "'><b>", true},
		{"attribute name", "<a " + long + "><b>", true},
		{"tag name", "<" + long + "><b>", true},
		{"end tag", "</a " + long + "><b>", true},
		{"number", "&#" + strings.Repeat("0", maxToken) + ";<b>", true},
		{"attribute, not too long", "<a b='" + long[:maxToken-16] + "'><b>", false},
	} {
		z := newTokenizer(strings.NewReader(c.in))
		last := ""
		for kind := z.next(); kind != tokenEOF; kind = z.next() {
			if kind == tokenStartTag {
				last = string(z.name)
			}
		}
		var flaw *scan.Flaw
		limit := errors.As(z.err, &flaw) && flaw.Rule == "limit.size"
		if limit != c.limit || !limit && (!errors.Is(z.err, io.EOF) || last != "b") {
			t.Errorf("%s: error %v, last tag %q", c.name, z.err, last)
		}
		if cap(z.buf) > maxToken {
			t.Errorf("%s: buffer of %d", c.name, cap(z.buf))
		}
	}
	bad := errors.New("no")
	z := newTokenizer(io.MultiReader(strings.NewReader("<a>b<c"), iotest.ErrReader(bad)))
	if a, b, c := z.next(), z.next(), z.next(); a != tokenStartTag || b != tokenText || c != tokenEOF || !errors.Is(z.err, bad) {
		t.Errorf("tokens %d, %d, %d, error %v", a, b, c, z.err)
	}
}

// TestEntities reads every line of the table, and holds it against the oracle's.
func TestEntities(t *testing.T) {
	before, old := "", 0
	at := map[byte]int{}
	lines := strings.SplitAfter(strings.TrimSuffix(entities, "\n"), "\n")
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "\t")
		if name <= before || len(name) > longestName || !isLetter(name[0]) {
			t.Errorf("%q behind %q", name, before)
		}
		if _, ok := at[name[0]]; !ok {
			at[name[0]] = strings.Index(entities, line)
		}
		before = name
		if !strings.HasSuffix(name, ";") {
			old++
		}
		for _, text := range []string{"&" + name, "&" + name + ";", "&" + name + "x", "&" + name[:len(name)-1], "&" + name + " &" + name} {
			if got, want := string(appendDecoded(nil, []byte(text), references)), html.UnescapeString(text); got != want {
				t.Errorf("%s: got %q, want %q", text, got, want)
			}
		}
	}
	if len(lines) != 2231 || old != 106 {
		t.Errorf("%d names, %d of them old", len(lines), old)
	}
	for i := range 26 {
		if upper, lower := at['A'+byte(i)], at['a'+byte(i)]; int(letterAt[i]) != upper || int(letterAt[26+i]) != lower {
			t.Errorf("%c begins at %d and %d", 'a'+i, upper, lower)
		}
	}
	if n := int(letterAt[52]); n != len(entities) {
		t.Errorf("the end is %d, not %d", n, len(entities))
	}
	for n := range rune(0x300) {
		text := fmt.Sprintf("&#%d;&#x%x;", n, n)
		if got, want := string(appendDecoded(nil, []byte(text), references)), html.UnescapeString(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
