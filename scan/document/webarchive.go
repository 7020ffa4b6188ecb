package document

import (
	"bytes"
	"compress/zlib"
	"io"
	"strings"

	"qguard/scan"
)

// openActiveMime yields the OLE file in an ActiveMime part, as Word 2003's XML
// and web archives hold a VBA project: the name in ASCII, a header of 50 bytes
// and sometimes more, then a zlib stream.
func openActiveMime(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || !bytes.HasPrefix(head, []byte("ActiveMime")) {
		return nil
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	at := zlibStart(head[:min(len(head), 4096)])
	if at < 0 {
		return cannotRead("ActiveMime data cannot be unpacked")
	}
	if err := b.Member(); err != nil {
		return err
	}
	child := p.Member("object")
	child.Open = func() (io.Reader, error) {
		packed := io.NewSectionReader(raw, int64(at), raw.Size()-int64(at))
		z, err := zlib.NewReader(packed)
		if err != nil {
			return nil, damagedOLE(err)
		}
		return &oleInflated{r: b.Inflate(z, packed.Size()), want: 1 << 62}, nil
	}
	return yield(child)
}

// zlibStart finds where a zlib stream of an OLE file begins, -1 when nowhere.
func zlibStart(head []byte) int {
	magic := make([]byte, len(oleMagic))
	for at := 12; at+2 < len(head); at++ {
		if head[at] != 0x78 || (int(head[at])<<8|int(head[at+1]))%31 != 0 {
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(head[at:]))
		if err != nil {
			continue
		}
		if n, _ := io.ReadFull(z, magic); n == len(magic) && string(magic) == oleMagic {
			return at
		}
	}
	return -1
}

// openWebArchive reads a web archive (MHT) that has a document's name as the
// message it is: Word looks for the MIME header in the file, even behind the
// first bytes of another format.
func openWebArchive(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/", "multipart/") || p.Named(".eml", ".nws", ".mht", ".mhtml") || !isWordName(p) && !p.Named(".htm", ".html") {
		return nil
	}
	head, err := p.Head()
	if err != nil || bytes.HasPrefix(head, []byte(oleMagic)) || bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return nil
	}
	lower := bytes.ToLower(head)
	mime := bytes.Index(lower, []byte("mime-version:"))
	if mime < 0 || !bytes.Contains(lower, []byte("multipart/")) {
		return nil
	}
	start := headerStart(lower, mime)
	child := &scan.Part{Path: p.Path, Types: []string{"message/rfc822"}, Depth: p.Depth, Nest: p.Nest}
	child.Open = func() (io.Reader, error) {
		r, err := p.Open()
		if err != nil {
			return nil, err
		}
		_, err = io.CopyN(io.Discard, r, int64(start))
		return r, err
	}
	if p.Raw != nil {
		child.Raw = io.NewSectionReader(p.Raw, int64(start), p.Raw.Size()-int64(start))
	}
	return yield(child)
}

// isWordName reports a name or type that an office program opens.
func isWordName(p *scan.Part) bool {
	return p.Named(".doc", ".dot", ".docx", ".docm", ".dotm", ".rtf", ".xls", ".xlt", ".xlsx", ".ppt", ".pps", ".xml", ".wbk", ".wiz", ".htm", ".html") ||
		p.Is("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/rtf", "text/rtf", "application/vnd.ms-word")
}

// headerStart goes back from a field to the first of the header it is in.
func headerStart(text []byte, at int) int {
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	for start > 0 {
		before := bytes.LastIndexByte(text[:start-1], '\n') + 1
		line := strings.TrimRight(string(text[before:start-1]), "\r")
		name, _, field := strings.Cut(line, ":")
		folded := line != "" && (line[0] == ' ' || line[0] == '\t')
		if !folded && (!field || name == "" || strings.ContainsAny(name, " \t%<>")) {
			break
		}
		start = before
	}
	return start
}
