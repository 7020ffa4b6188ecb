package scan_test

import (
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// TestTruncated cuts mails that are found whole at every byte: never an error,
// and found from the byte on that makes the bad part what it is.
func TestTruncated(t *testing.T) {
	text := "Content-Type: text/plain\n\nhello"
	encoded := b64(program)
	for _, c := range []struct{ name, mail, behind string }{
		{"program", mixed(text, file("image/png", "a.png", program)), encoded[:88]},
		{"program, CRLF", strings.ReplaceAll(mixed(text, file("image/png", "a.png", program)), "\n", "\r\n"), encoded[:60]},
		{"name", mixed(text, file("image/png", "a.exe", "x")), "filename=\"a.exe\"\nContent"},
		{"archive", mixed(text, file("application/zip", "a.zip", zipped(t, [2]string{"a.txt", "x"}, [2]string{"b.txt", program}))), "filename=\"a.zip\"\nContent-Transfer-Encoding: base64\n\n"},
		{"forwarded", mixed(text, "Content-Type: message/rfc822\n\n"+mixed(text, file("image/png", "a.png", program))), encoded[:88]},
		{"forwarded in base64", mixed("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b64(mixed(file("image/png", "a.exe", "x")))), "--b1--"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := house(rules.Limit{})
			from := strings.Index(strings.ReplaceAll(c.mail, "\r", ""), c.behind) + len(c.behind)
			from += strings.Count(c.mail[:from], "\r")
			for n := range len(c.mail) + 1 {
				v := judge(e, c.mail[:n])
				if v.Err != nil {
					t.Fatalf("the first %d bytes: error %v", n, v.Err)
				}
				if n > from+2 && v.State() != scan.Found {
					t.Errorf("the first %d of %d bytes are %s", n, len(c.mail), v.State())
				}
			}
		})
	}
}
