package xfile_test

import (
	"slices"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// TestTyped judges parts that mail clients name by their type.
func TestTyped(t *testing.T) {
	page := scan.Header{{Name: "Content-Location", Value: "https://example.org/a.js"}}
	for _, c := range []struct {
		name, mediaType, file string
		header                scan.Header
		want                  []string
	}{
		{"program", "application/x-msdownload", "", scan.Header{}, []string{"xfile.name"}},
		{"script", "text/javascript", "", scan.Header{}, []string{"xfile.name"}},
		{"shortcut", "application/x-ms-shortcut", "", scan.Header{}, []string{"xfile.name"}},
		{"name without extension", "application/hta", "invoice", scan.Header{}, []string{"xfile.name"}},
		{"name with extension", "application/x-msdownload", "list.txt", scan.Header{}, nil},
		{"one finding", "application/hta", "a.hta", scan.Header{}, []string{"xfile.name"}},
		{"script of a page", "text/javascript", "", page, nil},
		{"program of a page", "application/hta", "", page, []string{"xfile.name"}},
		{"picture", "image/hta", "", scan.Header{}, nil},
		{"document", "application/pdf", "", scan.Header{}, nil},
		{"no entity", "application/hta", "", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := filled(c.file, "text")
			p.Types, p.Header = []string{c.mediaType}, c.header
			if got := rulesOf(look(t, rules.Xfile{}, p)); !slices.Equal(got, c.want) {
				t.Errorf("findings %q, want %q", got, c.want)
			}
		})
	}
	p := filled("", "text")
	p.Types, p.Header = []string{"application/hta"}, scan.Header{}
	if got := look(t, rules.Xfile{Allow: []string{"hta"}}, p); len(got) > 0 {
		t.Errorf("findings %v of what is allowed", got)
	}
}
