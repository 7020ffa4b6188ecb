package respond

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"qguard/rules"
	"qguard/scan"
)

// Ours are the header fields that qguard writes. Such fields that come with a
// message are somebody else's and get "X-Old-" before their names.
// They are compared without regard to case.
var ours = []string{"X-QHPSI", "X-QGuard", "X-Quarantine-ID"}

// Fields returns the header fields of a delivered message: X-QHPSI with
// IndiMail's wording, then an X-QGuard for each finding that is not passed.
// "virus found" stands where the default would not have delivered it. Lines are
// ASCII and folded at blanks to at most 78 characters where these allow.
func Fields(findings []scan.Finding) []byte {
	state := "clean"
	var tags bytes.Buffer
	for _, f := range findings {
		if rules.DefaultAction(f.Rule, f.Grave).Found() {
			state = "virus found"
		}
		if f.Action == rules.Pass {
			continue
		}
		words := []string{"X-QGuard: " + f.Rule}
		if f.Part != "" {
			words = append(words, "part="+ascii(scan.Printable(f.Part, longest)))
		}
		if f.Name != "" {
			words = append(words, "name="+ascii(scan.Printable(f.Name, longest)))
		}
		tags.WriteString(fold(words))
	}
	return append([]byte("X-QHPSI: "+state+"\n"), tags.Bytes()...)
}

// longest bounds a value in X-QGuard: quoted it may have three times as many
// characters, and a line 998 (RFC 5322 section 2.1.1).
const longest = 256

// QuarantineID is IndiMail's field in held mail that is sent to somebody: the
// address it is sent to, then its recipients.
func QuarantineID(forward string, recipients []string) []byte {
	words := []string{"X-Quarantine-ID: " + header(forward)}
	for _, to := range recipients {
		words[len(words)-1] += ","
		words = append(words, header(to))
	}
	return []byte(strings.ReplaceAll(fold(words), ", ", ","))
}

// header makes an address safe to stand in a field.
func header(addr string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == ',' {
			return '?'
		}
		return r
	}, addr)
}

// fold joins words into one header field.
func fold(words []string) string {
	const limit = 78
	var out strings.Builder
	column := 0
	for i, w := range words {
		switch {
		case i == 0:
		case column+1+len(w) > limit:
			out.WriteString("\n\t")
			column = 8
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(w)
		column += len(w)
	}
	return out.String() + "\n"
}

// ascii quotes a name unless it is one plain word.
func ascii(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/+@", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// CopyRenamed writes a message, size bytes of r, with fields named like ours
// called X-Old-...; every other byte is as it was.
func CopyRenamed(w io.Writer, r io.ReaderAt, size int64) error {
	br := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 16<<10)
	bw := bufio.NewWriterSize(w, 16<<10)
	off := int64(0) // bytes of the message written
	for begin := true; ; {
		line, err := br.ReadSlice('\n')
		if begin && isOurs(line) {
			bw.WriteString("X-Old-")
		}
		bw.Write(line)
		off += int64(len(line))
		blank := begin && (len(line) == 0 || line[0] == '\n' || bytes.HasPrefix(line, []byte("\r\n")))
		begin = err == nil // else the line goes on
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return err
		}
		if blank || err == io.EOF {
			break
		}
	}
	if err := bw.Flush(); err != nil {
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(r, off, size-off))
	return err
}

// isOurs reports whether a line begins a field that only we may write.
func isOurs(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && IsOurs(string(name))
}

// IsOurs reports whether only we may write fields of this name. Blanks behind
// it do not count.
func IsOurs(name string) bool {
	name = strings.TrimRight(name, " \t")
	return slices.ContainsFunc(ours, func(s string) bool { return strings.EqualFold(s, name) })
}
