package document

import (
	"context"
	"io"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// activeIn reports whether the whole reading of a page finds or yields anything.
func activeIn(t *testing.T, source string) (found bool) {
	p := &scan.Part{Path: "1", Types: []string{"text/html"}, Open: func() (io.Reader, error) { return strings.NewReader(source), nil }}
	e := &scan.Engine{Limit: rules.DefaultLimit(), Openers: []scan.Opener{budgeted(func(b *scan.Budget) {
		flaws, err := openPage(p, b, func(*scan.Part) error { found = true; return nil }, markup{html: true})
		if err != nil {
			t.Fatal(err)
		}
		found = found || flaws != nil && !strings.Contains(flaws.Error(), "markup nested in comments")
	})}}
	e.Scan(context.Background(), &scan.Message{Content: strings.NewReader("x"), Size: 1})
	return found
}

type budgeted func(b *scan.Budget)

func (f budgeted) Parts(_ context.Context, _ *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error {
	f(b)
	return nil
}

func isQuiet(source string) bool {
	return quiet(&scan.Part{Open: func() (io.Reader, error) { return strings.NewReader(source), nil }})
}

var loud = []string{
	"<script>x</script>", "<SCRIPT>", "<p onclick=x()>", "<p\nONCLICK = x()>", "<p/onload='x'>", `<a href="javascript:x">`, `<a href="java	script:x">`,
	`<a href="&#106;avascript:x">`, `<a href="&#x6A;avascript&colon;x">`, `<a href="da&Tab;ta:text/html,x">`, `<iframe srcdoc="x">`, "<object classid=x>",
	"<embed src=a.swf>", "<svg><a xlink:href=x>", `<a href="data:text/html,x">`, `<meta http-equiv=refresh content="0;url=data:text/html,x">`,
	`<a href="ms-msdt:/id">`, `<a href="blob:x" download>`, "<p title=" + strings.Repeat("TVqQ", 300) + ">", "<!-- " + strings.Repeat("TVqQ ", 300) + "-->",
	"<noscript><p>", "<hta:application>", "<p><!--[if IE]><script>x</script><![endif]-->", `<a href="&#0000000000000106;avascript:x">`, "<p xlink:onclick=x>",
}

// TestQuiet: letters are, whatever may be active is not.
func TestQuiet(t *testing.T) {
	for _, source := range []string{
		"", "<html><body><p style=\"margin:0\">A letter: on Monday = fine &amp; so on &#8217; &euro;.</p><a href=\"https://example.net/?on=1&a=b\">x</a></body></html>",
		"<!--[if mso]><table><![endif]--><img src=\"cid:a@b\" alt=\"\"><a href=\"mailto:a@example.org\">", strings.Repeat("word and word, ", 400),
	} {
		if !isQuiet(source) {
			t.Errorf("not quiet: %.100q", source)
		}
	}
	for _, source := range loud {
		if isQuiet(source) {
			t.Errorf("quiet: %.100q", source)
		}
	}
}

// FuzzQuiet: a page that is quiet gives nothing when it is taken apart.
func FuzzQuiet(f *testing.F) {
	for _, source := range loud {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if isQuiet(source) && activeIn(t, source) {
			t.Errorf("quiet and active: %q", source)
		}
	})
}
