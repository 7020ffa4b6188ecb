package archive_test

import (
	"archive/tar"
	"archive/zip"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"context"
	"qguard/rules"
	"qguard/scan"
)

// all keeps names and content of the members at the first level.
type all struct {
	names [][]string
	data  []string
	size  int64
}

func (a *all) Begin(*scan.Message) scan.Look               { return a }
func (a *all) End(context.Context) ([]scan.Finding, error) { return nil, nil }
func (a *all) Part(_ context.Context, p *scan.Part) error {
	if p.Nest != 1 {
		return nil
	}
	var data []byte
	if p.Open != nil {
		if r, err := p.Open(); err == nil {
			data, _ = io.ReadAll(r)
		}
	}
	a.names, a.data = append(a.names, p.Names), append(a.data, string(data))
	a.size += int64(len(data))
	return nil
}

func (a *all) has(name, data string) bool {
	for i, names := range a.names {
		if slices.Contains(names, name) && a.data[i] == data {
			return true
		}
	}
	return false
}

// FuzzZip reads anything as an archive: no error and no panic, no more bytes
// than the limit, the same verdict twice, and every member that archive/zip
// reads whole.
func FuzzZip(f *testing.F) {
	a, evil := member{"a.txt", "aaa"}, member{"evil.exe", program}
	f.Add([]byte(zipped(f, a, evil)))
	f.Add([]byte(stored(f, a, member{"d/", ""}) + stored(f, evil)))
	f.Add([]byte(stored(f, member{"in.zip", zipped(f, evil)})))
	f.Add([]byte(zip64("prefix", "x.txt", "x", 0, 0)))
	f.Add([]byte(encrypt(f, stored(f, a))))
	f.Add([]byte(gzipped(f, "x", tarred(f, tar.Header{Name: "x.dat"}))))
	f.Add([]byte(gnuSparse()))
	f.Add([]byte(sparse()))
	f.Add([]byte(bzipped))
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Time = 1<<20, 50, rules.Duration(time.Minute)
	f.Fuzz(func(t *testing.T, data []byte) {
		got := &all{}
		v := scanFile("z.zip", strings.NewReader(string(data)), int64(len(data)), limit, got)
		if v.Err != nil {
			t.Fatalf("error %v", v.Err)
		}
		if got.size > int64(limit.Inflated)+int64(len(data))*int64(limit.Members)+1<<20 {
			t.Errorf("%d bytes of %d", got.size, len(data))
		}
		again := scanFile("z.zip", strings.NewReader(string(data)), int64(len(data)), limit)
		if again.State() != v.State() {
			t.Errorf("%s, then %s", v.State(), again.State())
		}
		if slices.ContainsFunc(v.Findings, func(f scan.Finding) bool { return strings.HasPrefix(f.Rule, "limit.") }) {
			return
		}
		z, err := zip.NewReader(strings.NewReader(string(data)), int64(len(data)))
		if err != nil {
			return
		}
		for _, m := range z.File {
			r, err := m.Open()
			if err != nil || strings.HasSuffix(m.Name, "/") || m.NonUTF8 || m.Name == "" || m.Flags&1 != 0 {
				continue
			}
			if want, err := io.ReadAll(r); err == nil && !got.has(m.Name, string(want)) {
				t.Errorf("member %q with %d bytes is missing in %q", m.Name, len(want), got.names)
			}
		}
	})
}
