package scan_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// reads is a look that reads all text there is, as the search for logins does.
var reads = look{part: func(p *scan.Part) error {
	if p.Text == nil || p.Is("text/html") {
		return nil
	}
	r, err := p.Text()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}}

// benchmark judges a mail with all its text.
func benchmark(b *testing.B, mail string) {
	e := house(rules.Limit{})
	e.Scanners = append(e.Scanners, reads)
	r := strings.NewReader(mail)
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		v := e.Scan(context.Background(), &scan.Message{Content: r, Size: int64(len(mail))})
		if v.Err != nil {
			b.Fatal(v.Err)
		}
	}
}

const prose = "An ordinary line of text, neither short nor very long, as mail has them.\n"

func BenchmarkScan(b *testing.B) {
	received := strings.Repeat("Received: from a.example.org (a.example.org [192.0.2.1])\n\tby b.example.net with ESMTPS id 4711\n\tfor <b@example.net>; Fri, 20 Nov 2026 10:00:00 +0000\n", 4)
	html := "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
		strings.Repeat("<p style=3D\"margin:0\">An <b>ordinary</b> line of text &amp; more of it =C3=BC.</p>\n", 1000)
	text := "Content-Type: text/plain; charset=utf-8\n\n" + strings.Repeat(prose, 10)
	for _, c := range []struct{ name, mail string }{
		{"3 KB, text", received + typed("Content-Type: text/plain; charset=utf-8\n", strings.Repeat(prose, 33))},
		{"3 KB, alternative", received + typed("Content-Type: multipart/alternative; boundary=b1\n",
			"--b1\n"+text+"\n--b1\nContent-Type: text/html; charset=utf-8\n\n<p>"+strings.Repeat(prose, 12)+"\n--b1--\n")},
		{"3 KB, found", received + mixed(text, file("image/png", "a.png", program))},
		{"200 KB, HTML and a picture", received + mixed(text, html, file("image/png", "a.png", noise(80<<10)))},
		{"10 MB attachment", received + mixed(text, file("application/pdf", "a.pdf", noise(10<<20)))},
		{"10 MB ZIP attachment", received + mixed(text, file("application/zip", "a.zip", zipped(b, [2]string{"a.jpg", noise(7 << 20)})))},
		{"1000 parts", mixed(list(text, 990)...)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.mail) })
	}
}

func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 5 * 31)
	}
	return string(b)
}

func list(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// attacks are messages that could cost more than their size allows, and what
// they are found by.
func attacks(size int) []struct{ name, mail, rule string } {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	header := func(s string) string { return strings.Repeat(s, (250<<10)/len(s)) }
	body := func(fields, s string) string { return typed(fields, fill(s)) }
	parts := func(part string) string { return mixed(list(part, min(990, size/len(part)))...) }
	name := func(s string) string {
		return "Content-Type: application/x; name=\"" + s + "\"\nContent-Disposition: attachment; filename=\"" + s + "\"\n\nx"
	}
	nest := func(n int) string {
		var head, tail strings.Builder
		for i := range n {
			fmt.Fprintf(&head, "Content-Type: multipart/mixed; boundary=%d.\n\n--%d.\n", i, i)
		}
		for i := range n {
			fmt.Fprintf(&tail, "\n--%d.--\n", n-1-i)
		}
		return head.String() + "\n" + fill(prose) + tail.String()
	}
	wrapped := "Content-Type: text/plain\n\n" + strings.Repeat(prose, size/400)
	for range 4 {
		wrapped = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b64(wrapped)
	}
	return []struct{ name, mail, rule string }{
		{"text", body("", prose), ""},
		{"one line", body("", "x"), ""},
		{"dashes", body("Content-Type: multipart/mixed; boundary=b\n", "-"), ""},
		{"dash lines", body("Content-Type: multipart/mixed; boundary=b\n", "--\n"), ""},
		{"delimiters", body("Content-Type: multipart/mixed; boundary=b\n", "\n--b"), "limit.parts"},
		{"almost delimiters", body("Content-Type: multipart/mixed; boundary=b\n", "\n--bX"), ""},
		{"almost delimiters with blanks", body("Content-Type: multipart/mixed; boundary=b\n", "\n--b"+strings.Repeat(" ", 1<<20)+"x"), ""},
		{"long boundary", body("Content-Type: multipart/mixed; boundary="+strings.Repeat("-", 4000)+"b\n", "\n-"+strings.Repeat("-", 4000)), ""},
		{"header without end", fill("X: y\n"), "limit.size"},
		{"header of one line", "X: " + fill("y"), "limit.size"},
		{"header that is none", fill("text\n"), ""},
		{"parts, each short fields", parts(header("a:\n") + "\nx"), ""},
		{"parts, each folded", parts("A: b\n" + header(" c\n") + "\nx"), ""},
		{"parts, each folded and broken", parts("A: b\nbroken\nA: b\n" + header(" c\n") + "\nx"), ""},
		{"parts, each broken lines", parts("A: b\n" + header("c\n") + "\nx"), ""},
		{"flat parts", typed("Content-Type: multipart/mixed; boundary=b\n", strings.Repeat("--b\n\nx\n", 100_000)), "limit.parts"},
		{"flat multiparts", mixed(list("Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n", 100_000)...), "limit.parts"},
		{"nested multiparts", nest(4000), "limit.depth"},
		{"nested multiparts, large body", nest(15), ""},
		{"nested messages", strings.Repeat("Content-Type: message/rfc822\n\n", 4000) + fill(prose), "limit.depth"},
		{"nested messages in base64", wrapped, ""},
		{"words in names", parts(name(strings.Repeat("=?", 60000))), "limit.size"},
		{"started words in names", parts(name(strings.Repeat("=?utf-8?Q?", 12000))), "limit.size"},
		{"short words in names", parts(name(strings.Repeat("=?utf-8?Q?a?= ", 8000))), "limit.size"},
		{"words in the subject", "Subject: " + header("=?") + "\n\nx", ""},
		{"started words in the subject", "Subject: " + header("=?utf-8?Q?") + "\n\nx", ""},
		{"semicolons", parts("Content-Type: a/b" + strings.Repeat(";", 120_000) + "\n\nx"), "limit.size"},
		{"parameters", parts("Content-Type: a/b" + strings.Repeat(";a=b", 30_000) + "\n\nx"), "limit.size"},
		{"different parameters", parts("Content-Type: a/b" + many(";a%d=b", 10_000) + "\n\nx"), "limit.size"},
		{"pieces", parts("Content-Type: a/b" + many(";name*%d=b", 10_000) + "\n\nx"), "limit.size"},
		{"pieces in reverse, encoded", parts("Content-Type: a/b;x" + many(";name*%d*=%%41", 10_000) + "\n\nx"), "limit.size"},
		{"quotes", parts("Content-Type: a/b; x=" + strings.Repeat(`"\`, 60_000) + "\n\nx"), "limit.size"},
		{"comments", parts("Content-Type: a/b" + strings.Repeat("(", 120_000) + "\n\nx"), "limit.size"},
		{"invisible names", parts(name(strings.Repeat("\u202e\u00a0", 200))), ""},
		{"equals signs in quoted-printable", body("Content-Transfer-Encoding: quoted-printable\n", "="), ""},
		{"blanks in quoted-printable", body("Content-Transfer-Encoding: quoted-printable\n", "="+strings.Repeat(" ", 1000)), ""},
		{"padding in base64", body("Content-Transfer-Encoding: base64\n", "="), ""},
		{"junk in base64", body("Content-Transfer-Encoding: base64\n", "*"), ""},
		{"short lines in base64", body("Content-Type: a/b\nContent-Transfer-Encoding: base64\n", "A\n"), "mime.ambiguous"},
		{"seams", body("Content-Type: multipart/mixed\n", "--a\nContent-Type: a/b\n\n"), "limit.parts"},
		{"seams without end", body("Content-Type: multipart/mixed\n", "--a\nContent-Type: a/b\n"), "limit.parts"},
		{"seams that are none", body("Content-Type: multipart/mixed\n", "--a\nb: c\n"), ""},
		{"many fields behind hyphens", body("Content-Type: multipart/mixed\n", "--a\n"+strings.Repeat("b: c\n", 19)), ""},
		{"seams in every part", mixed(list("Content-Type: text/plain; boundary=x\n\n"+strings.Repeat("--a\nContent-Type: a/b\n\n", 900), size/20000)...), "mime.ambiguous"},
		{"multiparts cut off", mixed(list("Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n", 400)...) + fill(prose), "mime.ambiguous"},
		{"encodings that disagree", parts("Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("QUJD=\n", 2000)), "mime.ambiguous"},
		{"bodies that begin anywhere", parts("Content-Transfer-Encoding: base64\n" + header("QUJD\n") + "\nx"), "mime.ambiguous"},
		{"escapes that are none", body("Content-Transfer-Encoding: quoted-printable\nContent-Type: a/b\n", "=x"), "mime.ambiguous"},
		{"names, many", parts("Content-Type: a/b" + strings.Repeat("; name=a.b(", 5000) + "\n\nx"), "limit.size"},
		{"HTML, opening signs", body("Content-Type: text/html\n", "<"), ""},
		{"HTML, tags", body("Content-Type: text/html\n", "<a>"), ""},
		{"HTML, attributes", body("Content-Type: text/html\n", "<a"+strings.Repeat(" b=c", 1000)+">"), ""},
		{"HTML, fields", body("Content-Type: text/html\n", "<input value=a>"), ""},
		{"UTF-16", body("Content-Type: text/plain; charset=utf-16\n", "x\x00"), ""},
		{"ISO-2022-JP", body("Content-Type: text/plain; charset=iso-2022-jp\n", "\x1b$B\x1b(B"), ""},
		{"GB18030", body("Content-Type: text/plain; charset=gb18030\n", "\x81\x30\x81\x30"), ""},
		{"PK in a ZIP", mixed("Content-Type: application/zip; name=a.zip\n\n" + fill("PK")), "xfile.unreadable"},
		{"signatures in a ZIP", mixed("Content-Type: application/zip; name=a.zip\n\n" + fill("PK\x03\x04")), "limit.parts"},
	}
}

// many is a pattern with the numbers from n down to 0.
func many(pattern string, n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, pattern, n-i)
	}
	return out.String()
}

// TestAttacks gives each attack, made small, the answer it should have.
func TestAttacks(t *testing.T) {
	e := house(rules.Limit{})
	e.Scanners = append(e.Scanners, reads)
	for _, c := range attacks(300 << 10) {
		t.Run(c.name, func(t *testing.T) {
			v := judge(e, c.mail)
			if v.Err != nil {
				t.Errorf("error %v", v.Err)
			}
			rule := ""
			if len(v.Findings) > 0 {
				rule = v.Findings[0].Rule
			}
			if rule != c.rule && !strings.HasPrefix(rule, "limit.time") {
				t.Errorf("found %q, want %q", rule, c.rule)
			}
		})
	}
}

// BenchmarkAttack reports what each attack costs for a megabyte.
func BenchmarkAttack(b *testing.B) {
	for _, c := range attacks(16 << 20) {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, c.mail)
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/(float64(len(c.mail))/1e6), "ms/MB")
		})
	}
}
