package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/xfile"
)

// program begins like a Windows program and does nothing.
var program = func() string {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01")
	return string(b)
}()

// open walks a file of the given name and returns its members, each as
// "path: content", what was found, and the rest of the verdict.
func open(tb testing.TB, name, data string, limit rules.Limit) (members, found []string, v scan.Verdict) {
	tb.Helper()
	list := &lister{}
	v = scanFile(name, strings.NewReader(data), int64(len(data)), limit, list)
	if v.Err != nil {
		tb.Errorf("error %v", v.Err)
	}
	for _, f := range v.Findings {
		found = append(found, f.Rule+" "+f.Part)
	}
	return list.list, found, v
}

// scanFile judges a file as if it were the only part of a message.
func scanFile(name string, data io.ReaderAt, size int64, limit rules.Limit, looks ...scan.Scanner) scan.Verdict {
	only := opener(func(p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
		if p.Depth >= 0 {
			return nil
		}
		raw := io.NewSectionReader(data, 0, size)
		return yield(&scan.Part{
			Path: "1", Names: []string{name}, Types: []string{"application/octet-stream"}, Raw: raw,
			Open: func() (io.Reader, error) { return io.NewSectionReader(raw, 0, size), nil },
		})
	})
	e := &scan.Engine{Openers: []scan.Opener{only, archive.Opener{}}, Scanners: append(looks, xfile.New(rules.Xfile{})), Limit: limit}
	return e.Scan(context.Background(), &scan.Message{Content: data, Size: size})
}

type opener func(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error

func (o opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return o(p, b, yield)
}

// lister lists the members that it can read.
type lister struct{ list []string }

func (l *lister) Begin(*scan.Message) scan.Look { return l }

func (l *lister) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func (l *lister) Part(_ context.Context, p *scan.Part) error {
	if p.Nest == 0 {
		return nil
	}
	content := "-"
	if p.Open != nil {
		r, err := p.Open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		content = string(data)
		if bytes.HasPrefix(data, []byte("PK")) || len(data) > 100 {
			content = fmt.Sprintf("%d bytes", len(data))
		}
		if string(data) == program {
			content = "program"
		}
	}
	l.list = append(l.list, strings.Join(p.Names, "|")+": "+content)
	return nil
}

type member struct{ name, data string }

// zipped is an archive as archive/zip writes it.
func zipped(tb testing.TB, members ...member) string {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			tb.Fatal(err)
		}
		w.Write([]byte(m.data))
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

func gzipped(tb testing.TB, name, data string) string {
	tb.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Name = name
	z.Write([]byte(data))
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

// tarred is an archive of headers with that many bytes of content each.
func tarred(tb testing.TB, headers ...tar.Header) string {
	tb.Helper()
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	for _, h := range headers {
		data := strings.Repeat("t", int(h.Size))
		if strings.HasSuffix(h.Name, ".dat") {
			data, h.Size = program, int64(len(program))
		}
		if err := t.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		t.Write([]byte(data))
	}
	if err := t.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.String()
}

// bzipped is the program packed by bzip2(1).
var bzipped = func() string {
	b, err := hex.DecodeString("425a6839314159265359d99739ac0000105ee0ec000010000082064010008040" +
		"0040000008a000218a1a01a7a8530004d1cbb440174748b44f10129cfabe746be2ee48a70a121b32e73580")
	if err != nil {
		panic(err)
	}
	return string(b)
}()
