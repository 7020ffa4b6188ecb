// Command gen writes the fixture messages of scan/testdata/mail and the sample
// queue of scan/testdata/queue. Run it in the root of the repository:
//
//	go run ./scan/testdata/gen
//
// Each case has a name, why it exists, and a message made from bytes that no
// editor would keep. What qguard should say of it stands in NNN-name.want,
// written by "go test ./qhpsi -run Fixtures -update" and read before it is kept.
// No payload does anything: programs are a header and zeros.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding"
)

const (
	mailDir  = "scan/testdata/mail"
	queueDir = "scan/testdata/queue/mess"
)

func main() {
	for _, group := range []struct {
		first int // number of its first case
		cases []testCase
	}{
		{1, cases()},
		{101, readingCases()},
		{201, packedCases()},
		{231, volumeCases()},
		{261, officeCases()},
		{301, pageCases()},
		{331, webCases()},
		{371, encodingCases()},
		{401, headerCases()},
		{421, redCases()},
	} {
		for i, c := range group.cases {
			base := filepath.Join(mailDir, fmt.Sprintf("%03d-%s", group.first+i, c.name))
			write(base+".eml", c.message)
			write(base+".why", c.why+"\n")
		}
	}
	received := "Received: (qmail 4711 invoked from network); 20 Nov 2026 10:00:00 -0000\n"
	for name, body := range map[string]string{
		"3/1201": plain("Minutes", "Here are the minutes of Thursday.\n"),
		"7/1202": attach("Invoice", "application/octet-stream", "invoice.exe", program),
		"8/1203": attach("Photos", "application/zip", "photos.zip", zipped(member{"beach.jpg", program})),
		"9/1204": plain("Re: Your mailbox is full", "As you asked:\n\nuser name: jdoe\npassword: "+password+"\n\nPlease do not close it!\n"),
	} {
		write(filepath.Join(queueDir, name), received+body)
	}
}

func write(path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}

// password is jdoe's in scan/testdata/shadow. It is no secret.
const password = "Fixture-Pass-1"

const head = "From: John Doe <jdoe@example.org>\nTo: someone@example.net\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <fixture@example.org>\n"

// program begins like a Windows program and does nothing.
var program = func() string {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01")
	return string(b)
}()

type testCase struct{ name, why, message string }

func plain(subject, text string) string {
	return head + "Subject: " + subject + "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + text
}

// typed is a message of one part with the given header lines.
func typed(fields, body string) string {
	return head + "Subject: fixture\nMIME-Version: 1.0\n" + fields + "\n" + body
}

// mixed is a multipart of a text and the given parts (header lines, blank
// line, body each).
func mixed(parts ...string) string {
	s := typed("Content-Type: multipart/mixed; boundary=\"b1\"\n", "")
	s += "--b1\nContent-Type: text/plain\n\nSee the attachment.\n"
	for _, p := range parts {
		s += "--b1\n" + p + "\n"
	}
	return s + "--b1--\n"
}

func attach(subject, mediaType, name, data string) string {
	m := mixed(part(mediaType, fmt.Sprintf("attachment; filename=%q", name), data))
	return strings.Replace(m, "Subject: fixture", "Subject: "+subject, 1)
}

func part(mediaType, disposition, data string) string {
	return "Content-Type: " + mediaType + "\nContent-Disposition: " + disposition + "\nContent-Transfer-Encoding: base64\n\n" + b64(data)
}

// named is an attachment with harmless content and these header lines.
func named(fields string) string {
	return mixed(fields + "Content-Transfer-Encoding: base64\n\n" + b64("harmless\n"))
}

func b64(data string) string {
	s := base64.StdEncoding.EncodeToString([]byte(data))
	var out strings.Builder
	for len(s) > 76 {
		out.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return out.String() + s + "\n"
}

type member struct{ name, data string }

func zipped(members ...member) string {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			log.Fatal(err)
		}
		w.Write([]byte(m.data))
	}
	z.Close()
	return buf.String()
}

// encrypted sets the encryption flag of every member in both headers.
func encrypted(z string) string {
	b := []byte(z)
	for i := range len(b) - 4 {
		switch string(b[i : i+4]) {
		case "PK\x03\x04":
			b[i+6] |= 1
		case "PK\x01\x02":
			b[i+8] |= 1
		}
	}
	return string(b)
}

func tarred(members ...member) string {
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	for _, m := range members {
		t.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: tar.TypeReg})
		t.Write([]byte(m.data))
	}
	t.Close()
	return buf.String()
}

func gzipped(name, data string) string {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Name = name
	z.Write([]byte(data))
	z.Close()
	return buf.String()
}

func encoded(e encoding.Encoding, s string) string {
	out, err := e.NewEncoder().String(s)
	if err != nil {
		log.Fatal(err)
	}
	return out
}

func utf16le(s string) string {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// charset is a text message in a charset, in base64.
func charset(name, raw string) string {
	return typed("Content-Type: text/plain; charset="+name+"\nContent-Transfer-Encoding: base64\n", b64(raw))
}

// nested is n multiparts in one another.
func nested(n int) string {
	body := "Content-Type: text/plain\n\ncore\n"
	for i := range n {
		body = fmt.Sprintf("Content-Type: multipart/mixed; boundary=\"n%d.\"\n\n--n%d.\n%s\n--n%d.--\n", i, i, body, i)
	}
	return head + "MIME-Version: 1.0\n" + body
}
