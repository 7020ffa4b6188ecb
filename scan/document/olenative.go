package document

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// maxNative is how many bytes of a \1Ole10Native stream are read for the names
// before its data, and how many behind it.
const maxNative = 8 << 10

// native yields the file in a \1Ole10Native stream: a length, and when the
// Packager wrote it, flags, label, file name, two words, the length and text
// of a path, the length and bytes of the data, and the three names again in
// UTF-16, each behind its length in letters. Any other program's data follow
// the first length. All names count; Windows has taken each of them.
func (o *ole) native(e *cfbEntry) error {
	head, err := o.begin(e, maxNative)
	if err != nil || len(head) == 0 {
		return err
	}
	n := parseNative(head)
	if n.data == 0 { // not the Packager's
		return o.part(o.p.Member("Ole10Native"), e, min(4, e.size), e.size)
	}
	if n.data < 0 || n.data+n.size > e.size {
		n.size = max(0, e.size-n.data)
	}
	behind, err := io.ReadAll(io.LimitReader(o.stream(e, n.data+n.size), maxNative))
	if err := o.note(err); err != nil {
		return err
	}
	for range 3 {
		if len(behind) < 4 {
			break
		}
		letters := int64(binary.LittleEndian.Uint32(behind))
		behind = behind[4:]
		if letters > int64(len(behind))/2 {
			break
		}
		n.add(fromUTF16(behind[:2*letters]))
		behind = behind[2*letters:]
	}
	if len(n.names) == 0 {
		n.names = []string{"Ole10Native"}
	}
	return o.part(o.p.Member(n.names...), e, n.data, n.size)
}

// nativeFile is what a \1Ole10Native stream says of its file.
type nativeFile struct {
	names      []string
	data, size int64 // where the bytes begin; 0: it is no package
}

func (n *nativeFile) add(name string) {
	if name != "" && !slices.Contains(n.names, name) {
		n.names = append(n.names, name)
	}
}

func parseNative(head []byte) (n nativeFile) {
	text := func(at int) (string, int) {
		if at < 0 || at > len(head) {
			return "", -1
		}
		end := bytes.IndexByte(head[at:], 0)
		if end < 0 {
			return "", -1
		}
		return fromLatin(head[at : at+end]), at + end + 1
	}
	label, at := text(6)
	file, at := text(at)
	if at < 0 || at+8 > len(head) {
		return nativeFile{}
	}
	path, end := text(at + 8)
	if end < 0 {
		return nativeFile{}
	}
	n.add(file)
	n.add(label)
	n.add(path)
	// The path has a length of its own; where the two disagree the text's
	// end is right, for readers skip the text.
	if said := int64(at) + 8 + int64(binary.LittleEndian.Uint32(head[at+4:])); said > int64(end) && said+4 <= int64(len(head)) {
		end = int(said)
	}
	if end+4 > len(head) {
		return nativeFile{}
	}
	n.data, n.size = int64(end)+4, int64(binary.LittleEndian.Uint32(head[end:]))
	return n
}

// fromLatin makes UTF-8 of a name in a charset that is not told.
func fromLatin(b []byte) string {
	if s := string(b); strings.ToValidUTF8(s, "") == s {
		return s
	}
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}

// fromUTF16 reads UTF-16 up to its end or a NUL.
func fromUTF16(b []byte) string {
	units := make([]uint16, 0, min(len(b)/2, 256))
	for ; len(b) > 1 && (b[0] != 0 || b[1] != 0); b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
