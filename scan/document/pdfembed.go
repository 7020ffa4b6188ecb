package document

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"qguard/scan"
)

// filespec yields the embedded files of a file specification (ISO 32000-1,
// 7.11.3) under its names.
func (d *pdfFile) filespec(o, ef pdfObject) error {
	var names []string
	for _, key := range []string{"UF", "F", "DOS", "Unix", "Mac"} {
		o.all(key, func(v pdfValue) {
			d.resolve(o.at(v), func(s pdfObject) {
				if s.kind != pdfString {
					return
				}
				name, _ := d.string(s)
				if name != "" && len(names) < 8 && !slices.Contains(names, name) {
					names = append(names, name)
				}
			})
		})
	}
	var failed error
	d.resolve(ef, func(list pdfObject) {
		var seen []string
		for _, item := range list.list {
			if failed == nil && item.kind == pdfRef && len(seen) < 16 && !slices.Contains(seen, fmt.Sprint(item.num)) {
				seen = append(seen, fmt.Sprint(item.num))
				failed = d.file(names, list.at(item))
			}
		}
	})
	return failed
}

// file yields every version of an embedded file.
func (d *pdfFile) file(names []string, ref pdfObject) error {
	if len(names) == 0 {
		names = []string{fmt.Sprintf("object %d", int64(ref.num))}
	}
	d.seen(seenFile, int64(ref.num))
	var versions []pdfObject
	d.resolve(ref, func(o pdfObject) {
		if o.stream > 0 {
			versions = append(versions, o)
		}
	})
	return d.embedded(names, versions)
}

func (d *pdfFile) embedded(names []string, versions []pdfObject) error {
	d.files++
	if len(versions) == 0 {
		versions = []pdfObject{{}}
	}
	for _, o := range versions {
		if err := d.b.Member(); err != nil {
			return err
		}
		if o.stream > 0 {
			o.to = d.extent(o)
			// Each byte may belong to a file, and to another version of it.
			if d.handed += o.to - o.stream; d.handed > 2*d.raw.Size() {
				d.flaw("limit.size", "files in a PDF overlap")
				return nil
			}
		}
		child := d.part.Member(names...)
		child.Open = func() (io.Reader, error) {
			switch {
			case d.locked:
				return nil, &scan.Flaw{Rule: "xfile.encrypted", Note: "file in an encrypted PDF", Grave: true}
			case o.stream == 0:
				return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "file that the PDF does not hold"}
			}
			r, err := d.unpack(o)
			if err != nil {
				return nil, err
			}
			return &pdfWhole{r: r}, nil
		}
		if err := d.yield(child); err != nil {
			return err
		}
	}
	return nil
}

// pdfWhole names the damage of an embedded file.
type pdfWhole struct{ r io.Reader }

func (w *pdfWhole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	var flaw *scan.Flaw
	var sys interface{ Timeout() bool }
	if err != nil && err != io.EOF && !errors.As(err, &flaw) && !errors.As(err, &sys) {
		err = &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged file in a PDF"}
	}
	return n, err
}
