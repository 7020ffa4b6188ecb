package scan_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/document"
	"qguard/scan/message"
	"qguard/scan/xfile"
)

// house is the engine with its real openers and the look for unsafe files.
func house(limit rules.Limit) *scan.Engine {
	return &scan.Engine{
		Openers:  []scan.Opener{message.Opener{}, archive.Opener{}, document.Opener{}},
		Scanners: []scan.Scanner{xfile.New(rules.Xfile{})},
		Limit:    limit,
	}
}

// program begins like a Windows program and does nothing.
var program = func() string {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01")
	return string(b)
}()

// typed is a message of one part with the given header lines.
func typed(fields, body string) string {
	return "From: a@example.org\nTo: b@example.net\nSubject: s\nMIME-Version: 1.0\n" + fields + "\n" + body
}

// mixed is a multipart of the given parts (header lines, blank line, body).
func mixed(parts ...string) string {
	return typed("Content-Type: multipart/mixed; boundary=b1\n", "--b1\n"+strings.Join(parts, "\n--b1\n")+"\n--b1--\n")
}

// file is a part in base64.
func file(mediaType, name, data string) string {
	return fmt.Sprintf("Content-Type: %s\nContent-Disposition: attachment; filename=%q\nContent-Transfer-Encoding: base64\n\n%s",
		mediaType, name, b64(data))
}

// b64 is data in lines of 76 characters.
func b64(data string) string {
	s := base64.StdEncoding.EncodeToString([]byte(data))
	var out strings.Builder
	for len(s) > 76 {
		out.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return out.String() + s + "\n"
}

// zipped is an archive of members, each a name and its data.
func zipped(tb testing.TB, members ...[2]string) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := z.Create(m[0])
		if err != nil {
			tb.Fatal(err)
		}
		w.Write([]byte(m[1]))
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}
