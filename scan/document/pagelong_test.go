package document_test

import (
	"strings"
	"testing"
)

// TestLongPage has what is active stand in, and behind, text that does not fit
// a buffer.
func TestLongPage(t *testing.T) {
	const builds = `var b=new Blob([x]);a.href=URL.createObjectURL(b)`
	prose := strings.Repeat("An ordinary line of text.\n", 9<<20/26)
	code := strings.Repeat("f(x);\n", 8000)
	digits := strings.Repeat("QUJD", 9<<20/4)
	for _, c := range []struct {
		name, data, want string // want "": nothing
	}{
		{"text", "<html><p>" + prose, ""},
		{"style", "<html><style>" + prose + "</style>", ""},
		{"script behind a long text", "<html><p>" + prose + "<script>" + builds + "</script>", "builds a file"},
		{"script behind a long style", "<html><style>" + prose + "</style><script>" + builds + "</script>", "builds a file"},
		{"script", "<html><script>" + code + builds + code + "</script>", "builds a file"},
		{"script over a buffer's end", "<html><script>" + strings.Repeat(" ", 4050) + builds + "</script>", "builds a file"},
		{"script, escaped", "<html><script><!--" + code + "<script></script>" + builds + "</script>", "builds a file"},
		{"script that is not closed", "<html><script>" + code + builds, "builds a file"},
		{"script in a drawing", "<html><svg><script>" + code + strings.Replace(builds, "Blob", "Bl&#111;b", 1) + "</script></svg>", "builds a file"},
		{"script in noscript", "<html><noscript>" + code + "<script>" + builds + "</script></noscript>", "builds a file"},
		{"script in a conditional comment", "<html><!--[if x]>" + code + "<script>" + builds + "</script><![endif]-->", "builds a file"},
		{"program as text", "<html><p>" + strings.Repeat("\u00a0", 3000) + b64(program+code) + "</p>", "kept as text"},
		{"program as text behind a long one", "<html><p>" + prose + "</p><p>" + b64(program) + b64(program), "kept as text"},
		{"program in a comment", "<html><!--" + b64(program+code) + "-->", "kept as text"},
		{"base64 without end", "<html><p>" + digits, "limit.size text of base64 over 8 MiB"},
		{"script without end", "<html><script>" + prose, "limit.size script over 8 MiB"},
		{"comment without end", "<html><!--" + prose, "limit.size comment over 8 MiB"},
		{"script in a drawing without end", "<svg><script>" + prose, "limit.size script over 8 MiB"},
		{"picture", "<html><img src='data:image/png;base64," + digits + "'>", "limit.size HTML token over 8 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(found(t, "text/html", "a.html", c.data), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("findings %q, want %q", got, c.want)
			}
			if limit := strings.Contains(got, "limit."); limit != strings.Contains(c.want, "limit.") {
				t.Errorf("findings %q", got)
			}
		})
	}
}
