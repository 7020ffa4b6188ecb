// Command mails writes the messages that the benchmarks scan into a directory,
// the same bytes every time. Lines end in LF, as in a mail queue.
//
//	clean3k.eml     3 KB of English text
//	find3k.eml      3 KB, with the head of a Windows program in base64
//	clean200k.eml   200 KB, nearly all of it a base64 attachment
//	clean10m.eml    an attachment of 10 MB, 13.5 MB of message
//	clean137m.eml   137 MB of message
//	parts.eml       999 small text parts, with the multipart the default limit of 1000
//	nested.eml      1000 multiparts in one another, far past the default limit
//
// Attachments are random bytes and so look like nothing. MB = 10^6 bytes.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mails directory")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mails:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for i, m := range []struct {
		name string
		body func(io.Writer, *rand.Rand)
	}{
		{"clean3k.eml", func(w io.Writer, r *rand.Rand) { plain(w, r, 2700) }},
		{"find3k.eml", func(w io.Writer, r *rand.Rand) {
			program := append([]byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"), make([]byte, 706)...)
			mixed(w, r, 1500, "setup.exe", program)
		}},
		{"clean200k.eml", func(w io.Writer, r *rand.Rand) { mixed(w, r, 1500, "report.bin", noise(r, 146_000)) }},
		{"clean10m.eml", func(w io.Writer, r *rand.Rand) { mixed(w, r, 1500, "report.bin", noise(r, 10_000_000)) }},
		{"clean137m.eml", func(w io.Writer, r *rand.Rand) { mixed(w, r, 1500, "report.bin", noise(r, 101_415_000)) }},
		{"parts.eml", func(w io.Writer, r *rand.Rand) { parts(w, 999) }},
		{"nested.eml", func(w io.Writer, r *rand.Rand) { nested(w, 1000) }},
	} {
		if err := write(filepath.Join(dir, m.name), rand.New(rand.NewPCG(1, uint64(i))), m.body); err != nil {
			return err
		}
	}
	return nil
}

func write(name string, r *rand.Rand, body func(io.Writer, *rand.Rand)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	io.WriteString(w, header)
	body(w, r)
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

const header = `Received: from mail.example.net (192.0.2.1)
  by mx.example.org with SMTP; 21 Nov 2026 10:00:00 -0000
Date: Sat, 21 Nov 2026 10:00:00 +0000
From: Alice <alice@example.net>
To: Bob <bob@example.org>
Subject: The minutes of our meeting
Message-ID: <1@example.net>
MIME-Version: 1.0
`

const textType = "Content-Type: text/plain; charset=utf-8\n\n"

func plain(w io.Writer, r *rand.Rand, n int) {
	fmt.Fprint(w, textType, prose(r, n))
}

func mixed(w io.Writer, r *rand.Rand, n int, name string, attachment []byte) {
	fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=\"=_b\"\n\n--=_b\n%s%s", textType, prose(r, n))
	fmt.Fprintf(w, "--=_b\nContent-Type: application/octet-stream; name=%q\n", name)
	fmt.Fprintf(w, "Content-Disposition: attachment; filename=%q\nContent-Transfer-Encoding: base64\n\n", name)
	for len(attachment) > 0 {
		line := attachment[:min(57, len(attachment))]
		attachment = attachment[len(line):]
		fmt.Fprintln(w, base64.StdEncoding.EncodeToString(line))
	}
	fmt.Fprint(w, "--=_b--\n")
}

func parts(w io.Writer, n int) {
	fmt.Fprint(w, "Content-Type: multipart/mixed; boundary=\"=_b\"\n\n")
	for i := range n {
		fmt.Fprintf(w, "--=_b\n%spart %d\n", textType, i)
	}
	fmt.Fprint(w, "--=_b--\n")
}

func nested(w io.Writer, n int) {
	for i := range n {
		fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=\"=_%d\"\n\n--=_%d\n", i, i)
	}
	fmt.Fprint(w, textType, "the innermost part\n")
	for i := range n {
		fmt.Fprintf(w, "--=_%d--\n", n-1-i)
	}
}

// noise is random bytes.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// prose is n bytes or a few more of words that name no login.
func prose(r *rand.Rand, n int) string {
	words := strings.Fields(`the a of and to in we they have found that our last meeting about garden water
		stone river morning letter answer question road winter summer house table window paper green small
		large early late before after under over with without between report number plan budget team visit`)
	var b strings.Builder
	for line := 0; b.Len() < n; {
		word := words[r.IntN(len(words))]
		if line += len(word) + 1; line > 72 {
			b.WriteByte('\n')
			line = len(word) + 1
		} else if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String() + ".\n"
}
