package document

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// Identifiers of [MS-ONESTORE] as they stand in a file: of a section
// (2.3.1), of the revision store's format, and of a file data object (2.6.13).
const (
	oneMagic  = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"
	oneStore  = "\x3f\xdd\x9a\x10\x1b\x91\xf5\x49\xa5\xd0\x17\x91\xed\xc8\xae\xd8"
	oneObject = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
)

// oneHeader is the length of a file data object's header: identifier, length
// of the data in 8 bytes, 4 unused, 8 reserved.
const oneHeader = 36

// maxOneNames is how many file names of a section its objects may have.
const maxOneNames = 16

// openOneNote yields the files embedded in a OneNote section. They are found
// by their headers, not through the page they are shown on: a file that no page
// shows costs nothing to judge. Which name belongs to which is not read: each
// has them all.
func openOneNote(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || !bytes.HasPrefix(head, []byte(oneMagic)) {
		return nil
	}
	var form error
	if len(head) >= 64 && string(head[48:64]) != oneStore && strings.Trim(string(head[48:64]), "\x00") != "" {
		form = cannotRead("OneNote section in another form than files have")
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	var objects []*io.SectionReader
	total := int64(0)
	err = eachMark(raw, b, oneObject, func(at int64) error {
		if err := b.Member(); err != nil {
			return err
		}
		size := make([]byte, 8)
		if n, err := raw.ReadAt(size, at+16); n < 8 {
			return systemError(err)
		}
		n := min(binary.LittleEndian.Uint64(size), uint64(max(0, raw.Size()-at-oneHeader)))
		// Objects inside one another are files in embedded sections.
		if total += int64(n); total > 4*raw.Size() {
			return &scan.Flaw{Rule: "limit.size", Note: "objects of a OneNote section overlap"}
		}
		objects = append(objects, io.NewSectionReader(raw, at+oneHeader, int64(n)))
		return nil
	})
	err = errors.Join(form, err)
	if len(objects) == 0 {
		return err
	}
	names, nameErr := oneNames(raw, b)
	if nameErr != nil {
		return nameErr
	}
	for _, data := range objects {
		child := p.Member(names...)
		child.Raw = data
		child.Open = func() (io.Reader, error) { return io.NewSectionReader(data, 0, data.Size()), nil }
		if err := yield(child); err != nil {
			return err
		}
	}
	return err
}

// eachMark calls do with the offset of every place where a mark stands.
func eachMark(raw *io.SectionReader, b *scan.Budget, mark string, do func(int64) error) error {
	buf := make([]byte, 64<<10)
	for off := int64(0); off < raw.Size(); off += int64(len(buf) - len(mark) + 1) {
		if err := b.Time(); err != nil {
			return err
		}
		n, err := raw.ReadAt(buf, off)
		if err := systemError(err); err != nil {
			return err
		}
		for at := 0; ; at++ {
			i := bytes.Index(buf[at:n], []byte(mark))
			if i < 0 {
				break
			}
			at += i
			if err := do(off + int64(at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneNames finds what can be the name of an embedded file: UTF-16 behind its
// length in bytes ([MS-ONE] 2.3.50 EmbeddedFileName), with an extension and a
// NUL at its end.
func oneNames(raw *io.SectionReader, b *scan.Budget) ([]string, error) {
	var names []string
	buf := make([]byte, 64<<10)
	for off := int64(0); off < raw.Size() && len(names) < maxOneNames; off += int64(len(buf) - 1024) {
		if err := b.Time(); err != nil {
			return nil, err
		}
		n, err := raw.ReadAt(buf, off)
		if err := systemError(err); err != nil {
			return nil, err
		}
		for i := 0; i+8 <= n && len(names) < maxOneNames; i++ {
			size := binary.LittleEndian.Uint32(buf[i:])
			if size < 8 || size > 520 || size%2 != 0 || i+4+int(size) > n {
				continue
			}
			text := buf[i+4 : i+4+int(size)]
			if text[size-1] != 0 || text[size-2] != 0 || text[1] != 0 && text[0] == 0 {
				continue
			}
			name := fromUTF16(text)
			if isFileName(name, int(size)/2-1) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		names = []string{"embedded file"}
	}
	return names, nil
}

// isFileName reports a text of that many letters that ends in an extension.
func isFileName(s string, letters int) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot < 1 || len(s)-dot-1 < 1 || len(s)-dot-1 > 8 || len([]rune(s)) != letters || strings.ContainsAny(s, "\r\n@?*|<>") || strings.Contains(s, "://") {
		return false
	}
	return strings.IndexFunc(s[dot+1:], func(r rune) bool { return r > 0x7f || !isWord(byte(r)) || r == '.' }) < 0
}
