package document

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// xfa judges the scripts of an XML form: a stream, or names and streams in turn
// that are one document.
func (d *pdfFile) xfa(v pdfObject) error {
	var failed error
	d.resolve(v, func(o pdfObject) {
		list := []pdfObject{o}
		if o.kind == pdfArray {
			list = nil
			for _, item := range o.list {
				d.resolve(o.at(item), func(s pdfObject) { list = append(list, s) })
			}
		}
		var pieces []io.Reader
		for _, s := range list {
			if s.stream == 0 || len(pieces) == maxXFA || failed != nil || s.id >= 0 && d.seen(seenForm, s.id) {
				continue
			}
			r, err := d.unpack(s)
			if failed = d.note(err); err == nil {
				pieces = append(pieces, &pdfSound{r})
			}
		}
		if failed == nil && len(pieces) > 0 {
			err := xfaScripts(io.MultiReader(pieces...), func(why string) { d.flaw("xfile.active", "PDF form with JavaScript: "+why) })
			failed = d.note(err)
		}
	})
	return failed
}

// maxPieces is how many streams of a form are read; forms have about ten.
const maxXFA = 64

// xfaScripts calls f with what is wrong about the scripts of an XFA form. Only
// those labelled as JavaScript count; the others are FormCalc.
func xfaScripts(r io.Reader, f func(why string)) error {
	in := bufio.NewReaderSize(xfaNoZeros{r}, 8<<10)
	for {
		if _, err := in.ReadSlice('<'); err == bufio.ErrBufferFull {
			continue
		} else if err != nil {
			return xfaEnd(err)
		}
		tag, err := xfaUpTo(in, '>', 2<<10)
		if err != nil {
			return xfaEnd(err)
		}
		name, rest, _ := strings.Cut(strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(tag), " ")
		if name[strings.LastIndexByte(name, ':')+1:] != "script" || strings.HasSuffix(rest, "/") ||
			!strings.Contains(strings.ToLower(unescaped(rest)), "javascript") {
			continue
		}
		body, err := xfaBody(in)
		own := map[string]bool{}
		scriptFunctionsOf(body, own)
		if why := scriptDanger(body, own); why != "" {
			f(why)
		}
		if err != nil {
			return xfaEnd(err)
		}
	}
}

func xfaEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// upTo reads to a byte and returns max bytes at most of what stands before.
func xfaUpTo(in *bufio.Reader, end byte, max int) (string, error) {
	var out []byte
	for {
		c, err := in.ReadByte()
		if err != nil || c == end {
			return string(out), err
		}
		if len(out) < max {
			out = append(out, c)
		}
	}
}

// scriptBody reads to the end of a script element: text, references and CDATA.
func xfaBody(in *bufio.Reader) (string, error) {
	var out strings.Builder
	for {
		text, err := xfaUpTo(in, '<', maxPDFScript+1)
		if out.Len() <= maxPDFScript {
			out.WriteString(unescaped(text))
		}
		if err != nil {
			return out.String(), err
		}
		head, _ := in.Peek(8)
		if !bytes.HasPrefix(head, []byte("![CDATA[")) {
			return out.String(), nil
		}
		in.Discard(8)
		for {
			text, err := xfaUpTo(in, '>', maxPDFScript+1)
			if out.Len() <= maxPDFScript {
				out.WriteString(strings.TrimSuffix(text, "]]"))
			}
			if err != nil {
				return out.String(), err
			}
			if strings.HasSuffix(text, "]]") || len(text) > maxPDFScript {
				break
			}
			out.WriteByte('>')
		}
	}
}

// xfaNoZeros leaves zero bytes out, which makes ASCII of UTF-16.
type xfaNoZeros struct{ io.Reader }

func (z xfaNoZeros) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	k := 0
	for _, c := range p[:n] {
		if c != 0 {
			p[k] = c
			k++
		}
	}
	return k, err
}

// unescaped is text with its character references read.
func unescaped(text string) string { return string(appendDecoded(nil, []byte(text), references)) }
