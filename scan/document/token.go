package document

import (
	"bytes"
	"io"

	"qguard/scan"
)

// maxToken is how many bytes a tag, or a comment or script that is read as
// one, may have.
const maxToken = 8 << 20

const (
	tokenBuffer = 32 << 10 // what the tokenizer reads at a time, about
	lookAhead   = 2 << 10  // bytes in sight, unless the source ends before
)

// tokenKind is what a token of HTML is.
type tokenKind int

const (
	tokenEOF         tokenKind = iota // raw is the tag that the end cuts off
	tokenText                         // appendText decodes it
	tokenCDATA                        // raw alone, with its marks
	tokenStartTag                     // <a>
	tokenSelfClosing                  // <a/>
	tokenEndTag                       // </a>
	tokenComment                      // or what is read like one: declarations, processing instructions; raw alone
)

// tokenState is what the tokenizer stands in; the names in brackets are those
// of the standard.
type tokenState int

const (
	inMarkup  tokenState = iota // between two tokens
	inText                      // data
	inRCDATA                    // title, textarea: references count, tags do not
	inRawText                   // style and others (RAWTEXT)
	inScript                    // script data
	inPlain                     // all the rest (PLAINTEXT)
	inCDATA
	inComment
	inBogus // up to the next ">": bogus comments, declarations
)

// tokenizer cuts HTML into tokens as the WHATWG HTML standard, section 13.2.5,
// does without a tree: the reader above says where foreign content is (cdata,
// notRaw). Tags are whole, of 8 MiB at most; text and comments come in pieces.
// The contents of noscript are text unless notRaw is called, as for a browser
// with script.
//
// raw, name and attributes hold until next is called again. The pieces do not
// depend on how the source gives its bytes, and the raw of all tokens together
// are the source.
type tokenizer struct {
	cdata bool // <![CDATA[ begins a section, as in foreign content

	raw  []byte // the token as it stands
	more bool   // the token goes on in the next one, which may be empty
	name []byte // of a tag, in lower case
	err  error  // of the source, io.EOF at its end; the limit.size of a tag

	r       io.Reader
	buf     []byte // buf[at:] was read and not given out
	at      int
	kind    tokenKind
	state   tokenState
	how     decoding   // of a text
	closer  string     // the element whose end tag ends RCDATA and raw text
	level   int        // of escapes in a script: none, in "<!--", in a script in that
	dashes  int        // in a script: how many stand right before
	attrs   attrReader // of a tag
	seen    [32][]byte // names of its attributes
	nSeen   int
	scratch []byte // names and values of the tag that differ from raw
}

func newTokenizer(r io.Reader) *tokenizer { return &tokenizer{r: r} }

// tokenize reads markup that is held already, and does not change it.
func tokenize(source []byte) *tokenizer { return &tokenizer{buf: source, err: io.EOF} }

// next reads a token, or the next piece of one.
func (z *tokenizer) next() tokenKind {
	for {
		rest, last := z.buf[z.at:], z.err != nil
		if len(rest) < lookAhead && !last {
			z.fill()
			continue
		}
		if z.state == inMarkup {
			if n := z.begin(rest, last); n > 0 || z.kind == tokenEOF {
				return z.give(n, true)
			}
		}
		if z.state != inMarkup {
			n, done := z.end(rest, last)
			if done {
				z.state = inMarkup
			}
			if n > 0 || done && z.more {
				return z.give(n, done)
			}
			if done { // an element without text
				continue
			}
		}
		z.fill()
	}
}

func (z *tokenizer) give(n int, done bool) tokenKind {
	z.raw, z.more = z.buf[z.at:z.at+n], !done
	z.at += n
	return z.kind
}

// notRaw has the content of the element just begun read as markup.
func (z *tokenizer) notRaw() { z.state = inMarkup }

// fill reads until the buffer is full or the source ends. It doubles the
// buffer when a token needs it, so that what a token is looked at again for is
// no more than the token.
func (z *tokenizer) fill() {
	rest := z.buf[z.at:]
	if len(rest) >= maxToken {
		z.err = &scan.Flaw{Rule: "limit.size", Note: "HTML token over 8 MiB"}
		return
	}
	buf := z.buf[:0]
	if size := cap(buf); size < tokenBuffer || len(rest) > size/2 && size < maxToken {
		buf = make([]byte, 0, max(2*size, tokenBuffer/8))
	}
	z.buf, z.at = append(buf, rest...), 0
	for empty := 0; len(z.buf) < cap(z.buf) && z.err == nil; empty++ {
		var n int
		n, z.err = z.r.Read(z.buf[len(z.buf):cap(z.buf)])
		z.buf = z.buf[:len(z.buf)+n]
		if n > 0 {
			empty = 0
		} else if empty == 100 && z.err == nil {
			z.err = io.ErrNoProgress
		}
	}
}

// begin looks at where a token begins. It returns the length of a tag; 0 when
// the state says what follows, or when the tag's end is not in sight.
func (z *tokenizer) begin(rest []byte, last bool) int {
	if len(rest) == 0 {
		z.kind = tokenEOF
		return 0
	}
	var c, d byte
	if len(rest) > 1 {
		c = rest[1]
	}
	if len(rest) > 2 {
		d = rest[2]
	}
	z.kind = tokenText
	switch {
	case rest[0] != '<':
		z.state = inText
	case isLetter(c):
		return z.tag(rest, tokenStartTag, last)
	case c == '/' && isLetter(d):
		return z.tag(rest, tokenEndTag, last)
	case bytes.HasPrefix(rest, []byte("<!--")):
		z.state = inComment
	case z.cdata && bytes.HasPrefix(rest, []byte("<![CDATA[")):
		z.state = inCDATA
	case c == '!', c == '?', c == '/' && len(rest) > 2:
		z.state = inBogus
	default:
		z.state = inText
	}
	return 0
}

// end looks for the end of text or a comment, and returns how much of it there
// is at the start of rest; done: it ends there.
func (z *tokenizer) end(rest []byte, last bool) (n int, done bool) {
	z.kind, z.how = tokenText, lineEnds|nulls
	switch z.state {
	case inText:
		z.how = lineEnds | references // browsers drop NUL there
		n, done = z.textEnd(rest, last)
	case inRCDATA:
		z.how |= references
		n, done = rawEnd(rest, z.closer, last)
	case inRawText:
		n, done = rawEnd(rest, z.closer, last)
	case inScript:
		n, done = z.scriptEnd(rest, last)
	case inPlain:
		n, done = len(rest), last
	case inCDATA:
		z.kind = tokenCDATA
		return markEnd(rest, "]]>", last)
	case inComment:
		z.kind = tokenComment
		return z.commentEnd(rest, last)
	case inBogus:
		z.kind = tokenComment
		return markEnd(rest, ">", last)
	}
	if !done {
		n = uncut(rest[:n], z.how)
	}
	return n, done
}

// textEnd looks for what begins a tag or a comment. begin has looked at the
// first byte of a text.
func (z *tokenizer) textEnd(rest []byte, last bool) (n int, done bool) {
	i := 1
	if z.more {
		i = 0
	}
	for ; i < len(rest); i++ {
		j := bytes.IndexByte(rest[i:], '<')
		if j < 0 {
			break
		}
		i += j
		if i+1 == len(rest) {
			if !last {
				return i, false
			}
			break
		}
		if c := rest[i+1]; isLetter(c) || c == '/' || c == '!' || c == '?' {
			return i, true
		}
	}
	return len(rest), last
}

// commentEnd looks for the end of a comment: "-->", whose dashes may be those
// of "<!--", or "--!>", whose dashes may not.
func (z *tokenizer) commentEnd(rest []byte, last bool) (n int, done bool) {
	text := 0
	if !z.more {
		text = len("<!--")
	}
	for i := text; i < len(rest); i++ {
		j := bytes.IndexByte(rest[i:], '>')
		if j < 0 {
			break
		}
		i += j
		if bytes.HasSuffix(rest[:i], []byte("--")) || bytes.HasSuffix(rest[text:i], []byte("--!")) {
			return i + 1, true
		}
	}
	if last {
		return len(rest), true
	}
	return len(rest) - len("--!"), false
}

// markEnd looks for a mark.
func markEnd(rest []byte, mark string, last bool) (n int, done bool) {
	if i := bytes.Index(rest, []byte(mark)); i >= 0 {
		return i + len(mark), true
	}
	if last {
		return len(rest), true
	}
	return len(rest) - len(mark) + 1, false
}
