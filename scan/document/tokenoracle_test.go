package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// reading is how a reader above steers a tokenizer.
type reading int

const (
	asPage    reading = iota // noscript is text
	asText                   // noscript is markup
	asForeign                // no element's content is text, CDATA sections count
)

// token is a token as both tokenizers give it.
type token struct {
	kind  tokenKind
	raw   string
	text  string // decoded; of a tag, its name
	attrs string
}

// ourTokens reads source, and checks what holds for each token. Pieces are
// joined, and texts that follow one another, which only the end makes two.
func ourTokens(tb testing.TB, z *tokenizer, source string, how reading) (tokens []token) {
	tb.Helper()
	var all strings.Builder
	more := false
	for {
		z.cdata = how == asForeign
		kind := z.next()
		t := token{kind: kind, raw: string(z.raw)}
		all.Write(z.raw)
		last := len(tokens) - 1
		if more && (tokens[last].kind != kind || kind == tokenEOF) {
			tb.Fatalf("a token goes on as another: %.200q", source)
		}
		if len(z.raw) == 0 && !more && kind != tokenEOF {
			tb.Fatalf("an empty token: %.200q", source)
		}
		switch kind {
		case tokenEOF:
			if all.String() != source {
				tb.Errorf("the tokens are not the source: %.200q", source)
			}
			return append(tokens, t)
		case tokenText:
			t.text = string(z.appendText(nil))
		case tokenStartTag, tokenSelfClosing, tokenEndTag:
			t.text = string(z.name)
			for key, value, ok := z.attr(); ok; key, value, ok = z.attr() {
				t.attrs += fmt.Sprintf(" %s=%q", key, value)
			}
			if how == asForeign || how == asText && t.text == "noscript" {
				z.notRaw()
			}
		}
		if last >= 0 && tokens[last].kind == kind && (more || kind == tokenText) {
			tokens[last].raw += t.raw
			tokens[last].text += t.text
		} else {
			tokens = append(tokens, t)
		}
		more = z.more
	}
}

// theirTokens reads source with x/net/html.
func theirTokens(source string, how reading) (tokens []token) {
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		z.AllowCDATA(how == asForeign)
		kind := z.Next()
		t := token{raw: string(z.Raw())}
		switch kind {
		case html.ErrorToken:
			return append(tokens, t)
		case html.TextToken:
			if t.kind = tokenText; how == asForeign && strings.HasPrefix(t.raw, "<![CDATA[") {
				t.kind = tokenCDATA
				break
			}
			t.text = string(z.Text())
			if last := len(tokens) - 1; last >= 0 && tokens[last].kind == tokenText {
				tokens[last].raw += t.raw
				tokens[last].text += t.text
				continue
			}
		case html.CommentToken, html.DoctypeToken:
			t.kind = tokenComment
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			t.kind = map[html.TokenType]tokenKind{html.StartTagToken: tokenStartTag, html.SelfClosingTagToken: tokenSelfClosing, html.EndTagToken: tokenEndTag}[kind]
			name, more := z.TagName()
			t.text = string(name)
			for more {
				var key, value []byte
				key, value, more = z.TagAttr()
				t.attrs += fmt.Sprintf(" %s=%q", key, value)
			}
			if how == asForeign || how == asText && t.text == "noscript" {
				z.NextIsNotRawText()
			}
		}
		tokens = append(tokens, t)
	}
}

// compareTokens holds the tokens of a source against the oracle's, and returns
// why they may differ, "" when they do not.
func compareTokens(tb testing.TB, source string) (why string) {
	tb.Helper()
	for how := asPage; how <= asForeign; how++ {
		if w := compareReading(tb, source, how); w != "" {
			why = w
		}
	}
	return why
}

func compareReading(tb testing.TB, source string, how reading) (why string) {
	tb.Helper()
	ours := ourTokens(tb, newTokenizer(strings.NewReader(source)), source, how)
	theirs := theirTokens(source, how)
	at := 0
	for i := range min(len(ours), len(theirs)) {
		if ours[i] != theirs[i] {
			w, same := explainToken(ours[i], theirs[i], source[at:])
			if w == "" {
				tb.Fatalf("reading %d, token %d at %d: %q, x/net/html %q, source %q", how, i, at, short(ours[i]), short(theirs[i]), source[max(0, at-40):min(len(source), at+100)])
			}
			if why = w; !same {
				return why
			}
		}
		at += len(ours[i].raw)
	}
	if len(ours) != len(theirs) {
		tb.Fatalf("reading %d of %.200q: %d tokens, x/net/html %d", how, source, len(ours), len(theirs))
	}
	return why
}

func short(t token) string {
	return fmt.Sprintf("%d %.100s %.100s %.100s", t.kind, t.raw, t.text, t.attrs)
}

// explainToken says why a token, with which rest begins, may differ; same: the
// tokens behind it do not.
func explainToken(ours, theirs token, rest string) (why string, same bool) {
	switch {
	case ours.kind == tokenStartTag && theirs.kind == tokenSelfClosing && ours.raw == theirs.raw && ours.attrs == theirs.attrs && !strings.HasSuffix(ours.raw, " />"):
		// The slash belongs to the value of an attribute that does not count,
		// since its name was there before.
		return "slash in a repeated attribute", true
	case ours.kind == tokenText && theirs.kind == tokenText && strings.Contains(theirs.raw, "<!--") && ours.raw == scriptText(rest):
		// Section 13.2.5.23 goes back to the escaped state from a "<" that
		// begins nothing, x/net/html to the state without escapes.
		return "less-than sign in an escaped script", false
	case ours.raw == theirs.raw && ours.text == theirs.text && strings.Count(theirs.attrs, `="`) >= 32 && len(ours.attrs) > len(theirs.attrs):
		return "repeated attributes behind 32 others", true
	}
	return "", false
}

// scriptText is what stands before a script's end tag, by the letter of the
// states of section 13.2.5.
func scriptText(source string) string {
	state, buffer := "data", ""
	for i := 0; i <= len(source); i++ {
		c := byte(0)
		if i < len(source) {
			c = source[i]
		}
		again := func(s string) { state, i = s, i-1 }
		ends := isBlank(c) || c == '/' || c == '>'
		switch state {
		case "data":
			if c == '<' {
				state = "less"
			}
		case "less":
			switch c {
			case '/':
				state, buffer = "end", ""
			case '!':
				state = "start"
			default:
				again("data")
			}
		case "start":
			if state = "start dash"; c != '-' {
				again("data")
			}
		case "start dash":
			if state = "escaped dash dash"; c != '-' {
				again("data")
			}
		case "escaped", "escaped dash", "escaped dash dash":
			switch {
			case c == '-' && state == "escaped":
				state = "escaped dash"
			case c == '-':
				state = "escaped dash dash"
			case c == '<':
				state = "escaped less"
			case c == '>' && state == "escaped dash dash":
				state = "data"
			default:
				state = "escaped"
			}
		case "escaped less":
			switch {
			case c == '/':
				state, buffer = "escaped end", ""
			case isLetter(c):
				buffer = ""
				again("double start")
			default:
				again("escaped")
			}
		case "end", "escaped end":
			switch {
			case isLetter(c):
				buffer += strings.ToLower(string(c))
			case ends && buffer == "script":
				return source[:i-len("</script")]
			case state == "end":
				again("data")
			default:
				again("escaped")
			}
		case "double start", "double end":
			switch {
			case isLetter(c):
				buffer += strings.ToLower(string(c))
			case ends && (buffer == "script") == (state == "double start"):
				state = "double"
			case ends:
				state = "escaped"
			case state == "double start":
				again("escaped")
			default:
				again("double")
			}
		case "double", "double dash", "double dash dash":
			switch {
			case c == '-' && state == "double":
				state = "double dash"
			case c == '-':
				state = "double dash dash"
			case c == '<':
				state = "double less"
			case c == '>' && state == "double dash dash":
				state = "data"
			default:
				state = "double"
			}
		case "double less":
			if state, buffer = "double end", ""; c != '/' {
				again("double")
			}
		}
	}
	return source
}

// FuzzScriptEnd holds the end of scripts against the standard's states.
func FuzzScriptEnd(f *testing.F) {
	for _, c := range tokenCases {
		f.Add(strings.TrimPrefix(c.in, "<script>"))
	}
	f.Fuzz(func(t *testing.T, source string) {
		z := tokenize([]byte("<script>" + source))
		z.next()
		z.next()
		if want := scriptText(source); want != "" && string(z.raw) != want {
			t.Errorf("script ends behind %q, want %q", z.raw, want)
		}
	})
}

// TestTokenOracle reads much HTML with this tokenizer and that of x/net/html.
func TestTokenOracle(t *testing.T) {
	t.Run("fixtures", func(t *testing.T) {
		compareMails(t, "../testdata/mail", ".eml", 40)
	})
	t.Run("mail", func(t *testing.T) {
		data := os.Getenv("QGUARD_DATA")
		if data == "" {
			t.Skip("QGUARD_DATA is not set: mail.tar.xz is not read")
		}
		dir := t.TempDir()
		if out, err := exec.Command("tar", "-xJf", filepath.Join(data, "mail.tar.xz"), "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
		compareMails(t, dir, "", 700)
	})
}

// compareMails compares the HTML of all mails in a directory, and each mail as
// if it were HTML.
func compareMails(t *testing.T, dir, suffix string, least int) {
	t.Helper()
	pages, size := 0, 0
	explained := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		mail, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rec := &pageRecorder{}
		e := &scan.Engine{Openers: []scan.Opener{message.Opener{}}, Scanners: []scan.Scanner{rec}, Limit: rules.DefaultLimit()}
		e.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(mail), Size: int64(len(mail))})
		for _, page := range append(rec.pages, string(mail[:min(len(mail), 256<<10)])) {
			if why := compareTokens(t, page); why != "" {
				explained[why]++
			}
			size += len(page)
		}
		pages += len(rec.pages)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pages, %d bytes; explained differences: %v", pages, size, explained)
	if pages < least {
		t.Errorf("%d pages, want %d or more", pages, least)
	}
}

// pageRecorder keeps what may be HTML in a message.
type pageRecorder struct{ pages []string }

func (r *pageRecorder) Begin(*scan.Message) scan.Look { return r }

func (r *pageRecorder) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func (r *pageRecorder) Part(_ context.Context, p *scan.Part) error {
	if p.Open == nil || p.Is("message/", "multipart/") {
		return nil
	}
	head, err := p.Head()
	if m := sniff(p); err != nil || !m.html && !m.xml && !bytes.Contains(head, []byte("<a ")) {
		return err
	}
	opens := []func() (io.Reader, error){p.Open}
	if p.Text != nil {
		opens = append(opens, p.Text)
	}
	for _, open := range opens {
		body, err := open()
		if err != nil {
			return err
		}
		page, err := io.ReadAll(body)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			r.pages = append(r.pages, string(page))
		}
	}
	return nil
}

// FuzzTokens compares the tokens of anything with the oracle's, wherever the
// buffer ends in it and however it comes.
func FuzzTokens(f *testing.F) {
	for _, c := range tokenCases {
		f.Add(c.in, "", uint16(len(c.in)))
		f.Add(c.in, "<script><!--", uint16(3))
	}
	f.Fuzz(func(t *testing.T, source, before string, cut uint16) {
		compareTokens(t, before+source)
		// The buffer has 4096 bytes at first.
		if pad := tokenBuffer/8 - len(before) - int(cut)%(len(source)+1); pad > 0 {
			compareTokens(t, before+strings.Repeat("x", pad)+source)
		}
	})
}
