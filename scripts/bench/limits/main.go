// Command limits writes the messages that reach a limit, and two large honest
// ones, into a directory:
//
//	nested.eml     4000 multiparts in one another
//	parts.eml      100,000 parts
//	header.eml     a part with a header of 32 MB
//	bomb.eml       42 KB of ZIP archives in one another, 4 GB unpacked
//	claim.eml      a ZIP archive of one file of 4 GB
//	quine.eml      a ZIP archive that is a member of itself, as far as can be told
//	zip25m.eml     25 MB, nearly all of it a ZIP attachment
//
// MB = 10^6 bytes, but in the header, where it is 2^20.
package main

import (
	"archive/zip"
	"bufio"
	"bytes"
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
		fmt.Fprintln(os.Stderr, "usage: limits directory")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "limits:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	random := make([]byte, 18_200_000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for _, m := range []struct {
		name string
		body func(io.Writer) error
	}{
		{"nested.eml", func(w io.Writer) error { return nested(w, 4000) }},
		{"parts.eml", func(w io.Writer) error {
			_, err := io.WriteString(w, "Content-Type: multipart/mixed; boundary=b\n\n"+strings.Repeat("--b\nContent-Type: text/plain\n\nx\n", 100_000)+"--b--\n")
			return err
		}},
		{"header.eml", func(w io.Writer) error {
			_, err := io.WriteString(w, "Content-Type: multipart/mixed; boundary=b\n\n--b\nX-Long: "+strings.Repeat(strings.Repeat("y", 70)+"\n ", 32<<20/72)+"\n\nx\n--b--\n")
			return err
		}},
		{"bomb.eml", func(w io.Writer) error {
			inner, err := packed(map[string][]byte{"0.dat": make([]byte, 4<<20)})
			for level := 0; level < 5 && err == nil; level++ {
				members := map[string][]byte{}
				for i := range 4 {
					members[fmt.Sprintf("%d.zip", i)] = inner
				}
				inner, err = packed(members)
			}
			return attached(w, inner, err)
		}},
		{"claim.eml", func(w io.Writer) error {
			b, err := claiming(1<<32 - 2)
			return attached(w, b, err)
		}},
		{"quine.eml", func(w io.Writer) error {
			b := []byte("harmless")
			var err error
			for range 60 { // deeper than anything is walked
				if b, err = packed(map[string][]byte{"r.zip": b}); err != nil {
					return err
				}
			}
			return attached(w, b, err)
		}},
		{"zip25m.eml", func(w io.Writer) error {
			b, err := packed(map[string][]byte{"a.dat": random[:12_000_000], "b.dat": random[12_000_000:]})
			return attached(w, b, err)
		}},
	} {
		if err := write(filepath.Join(dir, m.name), m.body); err != nil {
			return err
		}
	}
	return nil
}

func write(name string, body func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	io.WriteString(w, "From: a@example.org\nTo: b@example.net\nSubject: limits\nMIME-Version: 1.0\n")
	if err := body(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func nested(w io.Writer, n int) error {
	for i := range n {
		fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=\"n%d.\"\n\n--n%d.\n", i, i)
	}
	io.WriteString(w, "Content-Type: text/plain\n\ncore\n")
	for i := range n {
		fmt.Fprintf(w, "\n--n%d.--\n", n-1-i)
	}
	return nil
}

// packed is a ZIP archive.
func packed(members map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range []string{"0.dat", "0.zip", "1.zip", "2.zip", "3.zip", "r.zip", "a.dat", "b.dat"} {
		data, ok := members[name]
		if !ok {
			continue
		}
		m, err := z.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := m.Write(data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

// claiming is a ZIP archive with one member of so many zeros.
func claiming(size int64) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	m, err := z.Create("0.dat")
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(zeros)) {
		if _, err := m.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return out.Bytes(), err
}

func attached(w io.Writer, data []byte, err error) error {
	if err != nil {
		return err
	}
	io.WriteString(w, "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the attachment.\n--b\n"+
		"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n")
	for len(data) > 0 {
		n := min(57, len(data))
		io.WriteString(w, base64.StdEncoding.EncodeToString(data[:n])+"\n")
		data = data[n:]
	}
	_, err = io.WriteString(w, "--b--\n")
	return err
}
