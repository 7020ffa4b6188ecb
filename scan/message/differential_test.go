package message_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// TestDifferential reads every mail twice, with this package and with
// go-message's own multipart reader, and compares number and decoded bytes of
// the leaves wherever go-message reads the mail to its end without an error.
func TestDifferential(t *testing.T) {
	t.Run("fixtures", func(t *testing.T) {
		compareFiles(t, "../testdata/mail", ".eml").atLeast(t, 85)
	})
	for name, least := range map[string]int{"mail": 1900, "ambiguous": 140} {
		t.Run(name, func(t *testing.T) {
			data := os.Getenv("QGUARD_DATA")
			if data == "" {
				t.Skipf("QGUARD_DATA is not set: %s.tar.xz is not read", name)
			}
			dir := t.TempDir()
			out, err := exec.Command("tar", "-xJf", filepath.Join(data, name+".tar.xz"), "-C", dir).CombinedOutput()
			if err != nil {
				t.Fatalf("tar: %v\n%s", err, out)
			}
			compareFiles(t, dir, "").atLeast(t, least)
		})
	}
}

// comparison counts what came of the mails of a directory.
type comparison struct {
	same      int
	refused   map[string]int // by what go-message says
	explained map[string]int
}

func (c *comparison) atLeast(t *testing.T, n int) {
	t.Helper()
	t.Logf("%d mails read alike; explained differences: %v; refused by go-message: %v", c.same, c.explained, c.refused)
	if c.same < n {
		t.Errorf("%d mails read alike, want %d or more", c.same, n)
	}
}

func compareFiles(t *testing.T, dir, suffix string) *comparison {
	t.Helper()
	c := &comparison{refused: map[string]int{}, explained: map[string]int{}}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		mail, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(mail, []byte("From ")) { // mbox's line, which go-message takes for a broken field
			mail = mail[bytes.IndexByte(mail, '\n')+1:]
		}
		c.compare(t, filepath.Base(path), mail)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compare reads one mail both ways, then each message inside it.
func (c *comparison) compare(t *testing.T, name string, mail []byte) {
	t.Helper()
	theirs, err := goMessageLeaves(mail)
	if err != nil {
		c.refused[kind(err)]++
		return
	}
	compareHeaders(t, name, mail)
	ours := ourLeaves(t, name, mail)
	if len(ours) != len(theirs) {
		if why := explainCount(mail); why != "" {
			c.explained[why]++
			return
		}
		t.Errorf("%s: %d leaves, go-message %d", name, len(ours), len(theirs))
		return
	}
	why := ""
	for i, p := range ours {
		if bytes.Equal(p.data, theirs[i]) {
			continue
		}
		if why = explain(p, theirs[i]); why == "" {
			t.Errorf("%s: part %s: %s", name, p.path, firstDifference(p.data, theirs[i]))
			return
		}
	}
	if why != "" {
		c.explained[why]++
		return
	}
	c.same++
	for _, p := range ours {
		if slices.Contains(p.types, "message/rfc822") {
			c.compare(t, name+" part "+p.path, p.data)
		}
	}
}

// compareHeaders holds the tolerant header reader against the strict one.
func compareHeaders(t *testing.T, name string, mail []byte) {
	t.Helper()
	block, _, err := message.ReadBlock(io.NewSectionReader(bytes.NewReader(mail), 0, int64(len(mail))), 1<<20)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	strict, loose := message.ParseHeader(block), message.LooseHeader(block)
	same := func(a, b scan.Field) bool { return strings.EqualFold(a.Name, b.Name) && a.Value == b.Value }
	if !slices.EqualFunc(strict, loose, same) {
		t.Errorf("%s: header (-strict +loose):\n%s", name, cmp.Diff(strict, loose))
	}
}

// A leaf is a part with bytes: an entity that is no multipart.
type leaf struct {
	path     string
	encoding string
	types    []string
	data     []byte
}

// ourLeaves are the leaves of a mail by this package. A message in it is one
// leaf here, as in go-message's reading; it is compared by itself.
func ourLeaves(t *testing.T, name string, mail []byte) []leaf {
	t.Helper()
	rec := &recorder{}
	e := &scan.Engine{Openers: []scan.Opener{outermost{}}, Scanners: []scan.Scanner{rec}, Limit: noLimit()}
	v := e.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(mail), Size: int64(len(mail))})
	if v.Err != nil {
		t.Errorf("%s: %v", name, v.Err)
	}
	return rec.leaves
}

// outermost opens the message itself and its multiparts.
type outermost struct{}

func (outermost) Parts(ctx context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Depth >= 0 && !p.Is("multipart/") {
		return nil
	}
	return message.Opener{}.Parts(ctx, p, b, yield)
}

// recorder keeps the leaves of one message.
type recorder struct{ leaves []leaf }

func (r *recorder) Begin(*scan.Message) scan.Look { return r }

func (r *recorder) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func (r *recorder) Part(_ context.Context, p *scan.Part) error {
	if p.Open == nil || p.Depth < 0 || p.Disputed { // a strict reader knows of no other reading
		return nil
	}
	body, err := p.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	r.leaves = append(r.leaves, leaf{p.Path, p.Header.Get("Content-Transfer-Encoding"), p.Types, data})
	return err
}

// noLimit lets the comparison read what the engine's limits would stop.
func noLimit() rules.Limit {
	l := rules.DefaultLimit()
	l.Depth, l.Parts, l.Header, l.Time = 100, 1e6, 1<<20, rules.Duration(time.Minute)
	return l
}

// goMessageLeaves are the leaves of a mail by go-message. An unknown charset is
// no error: the bytes are given as they are.
func goMessageLeaves(mail []byte) ([][]byte, error) {
	e, err := gomessage.Read(bytes.NewReader(mail))
	if err != nil && !gomessage.IsUnknownCharset(err) {
		return nil, err
	}
	var leaves [][]byte
	err = walkGoMessage(e, &leaves)
	return leaves, err
}

func walkGoMessage(e *gomessage.Entity, leaves *[][]byte) error {
	parts := e.MultipartReader()
	if parts == nil {
		data, err := io.ReadAll(e.Body)
		*leaves = append(*leaves, data)
		return err
	}
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil && !gomessage.IsUnknownCharset(err) {
			return err
		}
		if err := walkGoMessage(p, leaves); err != nil {
			return err
		}
	}
}

// kind is an error without what it quotes of the mail.
func kind(err error) string {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	s, _, _ := strings.Cut(err.Error(), "\"")
	if strings.Contains(s, "malformed MIME header") {
		s, _, _ = strings.Cut(s, "line:")
	}
	return regexp.MustCompile(`[0-9]+`).ReplaceAllString(s, "N")
}

// explainCount says why the numbers of leaves may differ.
func explainCount(mail []byte) string {
	if bytes.Contains(mail, []byte("end_inside_inner_header")) {
		// RFC 2046 section 5.1.2: the outer delimiter ends inner parts, wherever
		// it stands. go-message reads on to the end of the inner header.
		return "enclosing delimiter inside a header"
	}
	return ""
}

// explain says why the bytes of a leaf may differ.
func explain(p leaf, theirs []byte) string {
	if strings.EqualFold(p.encoding, "quoted-printable") && bytes.Equal(noTrailingBlanks(p.data), noTrailingBlanks(theirs)) {
		return "blanks at line ends in quoted-printable" // kept here, see quotedReader
	}
	return ""
}

func noTrailingBlanks(b []byte) []byte {
	return regexp.MustCompile(`(?m)[ \t]+(\r?)$`).ReplaceAll(b, []byte("$1"))
}

func firstDifference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(b []byte) string { return fmt.Sprintf("%.60q", b[i:]) }
	return fmt.Sprintf("%d bytes, go-message %d, at %d: %s, go-message %s", len(got), len(want), i, cut(got), cut(want))
}
