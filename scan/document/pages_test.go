package document_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/document"
	"qguard/scan/xfile"
)

// pagesProgram begins like a Windows program and does nothing.
const pagesProgram = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00harmless"

// pagesRead is what comes of a document.
type pagesRead struct {
	found   []string // rule and note of what the opener says
	members []string // name and content
	unsafe  []string // rule and path of what the look says
	text    string
	err     error
}

func (g pagesRead) expect(t *testing.T, found, members []string) {
	t.Helper()
	if g.err != nil {
		t.Errorf("error %v", g.err)
	}
	if diff := cmp.Diff(found, g.found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(members, g.members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// readPages judges a file as the only part of a message.
func readPages(tb testing.TB, data string) pagesRead {
	tb.Helper()
	return readLimited(tb, data, rules.DefaultLimit())
}

func readLimited(_ testing.TB, data string, limit rules.Limit) (got pagesRead) {
	e := &scan.Engine{
		Openers:  []scan.Opener{pagesOnly(data), document.Opener{}},
		Scanners: []scan.Scanner{pagesLook{&got}, xfile.New(rules.Xfile{})},
		Limit:    limit,
	}
	v := e.Scan(context.Background(), &scan.Message{Content: strings.NewReader(data), Size: int64(len(data))})
	got.err = v.Err
	for _, f := range v.Findings {
		if f.Rule == "xfile.member" || f.Rule == "xfile.content" || f.Rule == "xfile.name" {
			got.unsafe = append(got.unsafe, f.Rule+" "+f.Part)
			continue
		}
		line := f.Rule + " " + f.Note
		if f.Grave {
			line += ", grave"
		}
		if strings.Contains(line, "damaged OLE file") {
			continue // the objects of these tests are an OLE file's mark and no more
		}
		got.found = append(got.found, line)
	}
	slices.Sort(got.found)
	return got
}

// pagesOnly makes the message one part.
type pagesOnly string

func (o pagesOnly) Parts(_ context.Context, p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	if p.Depth >= 0 {
		return nil
	}
	open := func() (io.Reader, error) { return strings.NewReader(string(o)), nil }
	return yield(&scan.Part{Path: "1", Types: []string{"application/octet-stream"}, Open: open})
}

// pagesLook keeps text and members.
type pagesLook struct{ got *pagesRead }

func (l pagesLook) Begin(*scan.Message) scan.Look             { return l }
func (pagesLook) End(context.Context) ([]scan.Finding, error) { return nil, nil }
func (l pagesLook) Part(_ context.Context, p *scan.Part) error {
	if p.Text != nil {
		r, err := p.Text()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		l.got.text += string(text)
		return err
	}
	if p.Nest == 0 {
		return nil
	}
	r, err := p.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	content := string(data)
	if content == pagesProgram {
		content = "program"
	}
	l.got.members = append(l.got.members, strings.Join(p.Names, "|")+": "+content)
	return err
}

// pdfFile is a file of these objects, numbered from 1.
func pdfFile(objects ...string) string {
	s := "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
	for i, o := range objects {
		s += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return s + "xref\n0 1\n0000000000 65535 f \ntrailer\n<</Root 1 0 R/Size 9>>\nstartxref\n9\n%%EOF\n"
}

// pdfStream is a stream object; extra goes into its dictionary.
func pdfStream(extra, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", extra, len(data), data)
}

func pdfDeflate(data string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(data))
	z.Close()
	return b.String()
}

// pdfPacked is an object stream of objects numbered from first.
func pdfPacked(extra string, pack func(string) string, first int, objects ...string) string {
	head, body := "", ""
	for i, o := range objects {
		head += fmt.Sprintf("%d %d ", first+i, len(body))
		body += o + " "
	}
	return pdfStream(fmt.Sprintf("/Type/ObjStm/N %d/First %d%s", len(objects), len(head), extra), pack(head+body))
}
