package document

import "bytes"

// tag reads a tag of HTML and returns its length, 0 when its end is not in
// sight yet. One that the source's end cuts off is none.
func (z *tokenizer) tag(rest []byte, kind tokenKind, last bool) int {
	start := 1
	if kind == tokenEndTag {
		start = 2
	}
	n := start
	for n < len(rest) && !endsName(rest[n]) {
		n++
	}
	a := attrReader{tag: rest, at: n}
	for a.next() {
	}
	if !a.ended {
		if last {
			z.kind = tokenEOF
			return len(rest)
		}
		return 0
	}
	z.kind = kind
	z.scratch, z.nSeen = z.scratch[:0], 0
	z.name = z.lower(rest[start:n])
	z.attrs = attrReader{}
	if kind == tokenStartTag {
		z.attrs = attrReader{tag: rest[:a.at], at: n}
		z.content()
		if a.slash {
			z.kind = tokenSelfClosing
		}
	}
	return a.at
}

// content says how the content of the element that begins is read. Section
// 13.2.6.4 has this in the tree builder.
func (z *tokenizer) content() {
	switch string(z.name) {
	case "title", "textarea":
		z.state = inRCDATA
	case "style", "xmp", "iframe", "noembed", "noframes", "noscript":
		z.state = inRawText
	case "script":
		z.state, z.level, z.dashes = inScript, 0, 0
	case "plaintext":
		z.state = inPlain
	default:
		return
	}
	z.closer = string(z.name)
}

// attr returns the next attribute of a start tag, its name in lower case and
// its value decoded. One whose name was there before does not count; that is
// known of the first 32 names, a repeated later one is given as well.
func (z *tokenizer) attr() (key, value []byte, ok bool) {
	for z.attrs.next() {
		key, value = z.lower(z.attrs.key), z.attrs.value
		if z.repeated(key) {
			continue
		}
		if bytes.IndexByte(value, '&') >= 0 || bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, 0) >= 0 {
			n := len(z.scratch)
			z.scratch = appendDecoded(z.scratch, value, lineEnds|nulls|references|inAttribute)
			value = z.scratch[n:]
		}
		return key, value, true
	}
	return nil, nil, false
}

func (z *tokenizer) repeated(key []byte) bool {
	for _, s := range z.seen[:z.nSeen] {
		if bytes.Equal(s, key) {
			return true
		}
	}
	if z.nSeen < len(z.seen) {
		z.seen[z.nSeen] = key
		z.nSeen++
	}
	return false
}

// lower is a name in lower case, with NULs replaced. The source stays as it is.
func (z *tokenizer) lower(name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' || c == 0 {
			n := len(z.scratch)
			z.scratch = appendDecoded(z.scratch, name, nulls)
			name = z.scratch[n:]
			for i, c := range name {
				if c >= 'A' && c <= 'Z' {
					name[i] = c + 'a' - 'A'
				}
			}
			return name
		}
	}
	return name
}

// attrReader reads the attributes of a tag (sections 13.2.5.32 to 13.2.5.40).
type attrReader struct {
	tag        []byte // more may follow behind the tag's end
	at         int
	key, value []byte // as they stand
	ended      bool   // at the end of the tag, at stands behind it
	slash      bool   // which "/" precedes
}

// next reads an attribute; false: there is none, or it is not all in sight.
func (a *attrReader) next() bool {
	slash := false
	for ; ; a.at++ {
		if a.at >= len(a.tag) {
			return false
		}
		c := a.tag[a.at]
		if c == '>' {
			a.at++
			a.ended, a.slash = true, slash
			return false
		}
		if c != '/' && !isBlank(c) {
			break
		}
		slash = c == '/'
	}
	start := a.at
	a.at++ // an equals sign may begin a name
	for a.at < len(a.tag) && a.tag[a.at] != '=' && !endsName(a.tag[a.at]) {
		a.at++
	}
	a.key, a.value = a.tag[start:a.at], nil
	a.blanks()
	if a.at < len(a.tag) && a.tag[a.at] == '=' {
		a.at++
		a.blanks()
		return a.readValue()
	}
	return a.at < len(a.tag)
}

func (a *attrReader) blanks() {
	for a.at < len(a.tag) && isBlank(a.tag[a.at]) {
		a.at++
	}
}

func (a *attrReader) readValue() bool {
	if a.at >= len(a.tag) {
		return false
	}
	start := a.at
	if quote := a.tag[start]; quote == '"' || quote == '\'' {
		n := bytes.IndexByte(a.tag[start+1:], quote)
		if n < 0 {
			a.at = len(a.tag)
			return false
		}
		a.value = a.tag[start+1:][:n]
		a.at += n + 2
		return true
	}
	for a.at < len(a.tag) && !isBlank(a.tag[a.at]) && a.tag[a.at] != '>' {
		a.at++
	}
	a.value = a.tag[start:a.at]
	return a.at < len(a.tag)
}

func endsName(c byte) bool { return c <= '>' && (c == '>' || c == '/' || isBlank(c)) }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
