// Command ambiguous judges messages that readers understand in different ways,
// and says which of them qguard sees through. See scripts/judge-ambiguous.
//
// In content/ every message carries a ZIP archive with one program in it. The
// payload is reached when some part of the walk has the bytes of that archive or
// of its member, or is a member of that name. A message without is still named
// when the finding mime.ambiguous says that readings differ.
//
// In name/ every message has an attachment called file.zip, after a harmless
// text called file.txt. It is found when, with ZIP archives blocked, there is a
// finding by name whose name ends in .zip. Techniques are counted apart where no
// reader shows such a name, or only one that joins pieces of a name (RFC 2231
// section 3) in spite of a gap in their numbers, or in the order they stand in.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

func main() {
	verbose := flag.Bool("v", false, "every message, and sums of families")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: ambiguous [-v] directory")
		os.Exit(2)
	}
	for _, judge := range []func(string, bool) error{content, name} {
		if err := judge(flag.Arg(0), *verbose); err != nil {
			fmt.Fprintln(os.Stderr, "ambiguous:", err)
			os.Exit(2)
		}
	}
}

// MD5 of the archive that every message of content/ hides, and of its member. The
// sum in X-Payload-Id is of neither: it is another in nearly every message.
const (
	archiveSum = "806fb117d8a368d81c613f0f81bb99f5"
	memberSum  = "44d88612fea8a8f36de82e1278abb02f"
	member     = "eicar.com"
)

// content judges the messages that hide a file's content.
func content(dir string, verbose bool) error {
	engine, err := qhpsi.New(rules.Default(), nil)
	if err != nil {
		return err
	}
	watch := &watcher{}
	engine.Scanners = append(engine.Scanners, watch)
	sum := newTable("content", verbose, "payload reached", "named mime.ambiguous", "neither, other finding", "neither, clean")
	err = each(filepath.Join(dir, "content"), func(m message) {
		v := m.judge(engine)
		result := "neither, clean"
		switch {
		case watch.reached:
			result = "payload reached"
		case named(v):
			result = "named mime.ambiguous"
		case v.State() != scan.Clean:
			result = "neither, other finding"
		}
		sum.add(m, contentFamily(m.technique), result, strings.HasPrefix(result, "neither"), v)
		sum.extra("named, reached or not", named(v))
		sum.extra("verdict clean, reached or not", v.State() == scan.Clean)
	})
	sum.print()
	return err
}

// name judges the messages that hide a file's name.
func name(dir string, verbose bool) error {
	c := rules.Default()
	c.Xfile.Block = []string{"zip"}
	engine, err := qhpsi.New(c, nil)
	if err != nil {
		return err
	}
	sum := newTable("name", verbose, "name found", "named mime.ambiguous", "neither, other finding", "neither, clean")
	odd := newTable("name, joined in spite of gaps or by place only", verbose, sum.columns...)
	control := newTable("name, .zip for no reader", verbose, sum.columns...)
	err = each(filepath.Join(dir, "name"), func(m message) {
		v := m.judge(engine)
		result := "neither, clean"
		switch {
		case zipNamed(v):
			result = "name found"
		case named(v):
			result = "named mime.ambiguous"
		case v.State() != scan.Clean:
			result = "neither, other finding"
		}
		t, bad := sum, strings.HasPrefix(result, "neither")
		switch {
		case m.technique == "fname-ctype.png":
			t, bad = control, result != "neither, clean"
		case oddPieces(m.technique):
			t = odd
		}
		t.add(m, nameFamily(m.technique), result, bad, v)
		t.extra("named, found or not", named(v))
	})
	sum.print()
	odd.print()
	control.print()
	return err
}

// zipNamed reports whether an archive's name was found. A quotation mark may
// have come with it: file".zip" is one of the names.
func zipNamed(v scan.Verdict) bool {
	for _, f := range v.Findings {
		if f.Rule == "xfile.name" && strings.HasSuffix(strings.ToLower(strings.Trim(f.Name, `"' `)), ".zip") {
			return true
		}
	}
	return false
}

// oddPieces reports whether the pieces of a name have a gap, or would make
// file.zip in the order they stand in only.
func oddPieces(technique string) bool {
	gap := regexp.MustCompile(`\*0;\*2|\*1;\*2|\*2;\*0|\*2;\*1|\*1\*?;\*0\*?r`)
	return gap.MatchString(technique)
}

func named(v scan.Verdict) bool {
	for _, f := range v.Findings {
		if f.Rule == "mime.ambiguous" {
			return true
		}
	}
	return false
}

// A message of the collection.
type message struct {
	file      string
	technique string
	valid     string // 3 clean MIME, 2 unusual, 1 bent, 0 broken
	text      []byte
}

func (m message) judge(engine *scan.Engine) scan.Verdict {
	return engine.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(m.text), Size: int64(len(m.text))})
}

// each calls judge for every message of a directory.
func each(dir string, judge func(message)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	id := regexp.MustCompile(`(?im)^X-Payload-Id: (\S+) valid\((\d)\)`)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found := id.FindSubmatch(text)
		if found == nil {
			return fmt.Errorf("%s: no X-Payload-Id", e.Name())
		}
		judge(message{e.Name(), string(found[1]), string(found[2]), text})
	}
	return nil
}

// A watcher sees whether the payload of the message being judged was reached.
type watcher struct{ reached bool }

func (w *watcher) Begin(*scan.Message) scan.Look {
	w.reached = false
	return w
}

func (w *watcher) Part(_ context.Context, p *scan.Part) error {
	if p.Nest > 0 && p.Named(member) {
		w.reached = true
	}
	if p.Open == nil || p.Depth < 0 {
		return nil
	}
	r, err := p.Open()
	if err != nil {
		return nil // the engine's other looks report it
	}
	sum := md5.New()
	io.Copy(sum, io.LimitReader(r, 1<<20))
	switch hex.EncodeToString(sum.Sum(nil)) {
	case archiveSum, memberSum:
		w.reached = true
	}
	return nil
}

func (w *watcher) End(context.Context) ([]scan.Finding, error) { return nil, nil }
