package message_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
)

// der is an element of definite length, below 64 KiB.
func der(tag byte, parts ...string) string {
	s := strings.Join(parts, "")
	return string([]byte{tag, 0x82, byte(len(s) >> 8), byte(len(s))}) + s
}

// ber is an element of indefinite length.
func ber(tag byte, parts ...string) string {
	return string([]byte{tag, 0x80}) + strings.Join(parts, "") + "\x00\x00"
}

// compressedType is that of RFC 3274.
const compressedType = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"

func cmsType(n byte) string { return "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" + string([]byte{n}) }

// TestSecure looks inside S/MIME in both kinds of length.
func TestSecure(t *testing.T) {
	const inner = "Content-Type: text/html\n\nx"
	signed := func(content ...string) string {
		return der(0x30, cmsType(2), der(0xa0, der(0x30, "\x02\x01\x01", der(0x31), der(0x30, content...), der(0xa0, "certificates"), der(0x31))))
	}
	open := func(content ...string) string {
		return ber(0x30, cmsType(2), ber(0xa0, ber(0x30, "\x02\x01\x01", ber(0x31, ber(0x30, "\x06\x01\x2a")), ber(0x30, content...), ber(0xa0, der(0x30, "certificates")), der(0x31))))
	}
	found := []string{"1.1 message/rfc822: " + inner, "1.1.1 text/html: x"}
	for _, c := range []struct {
		name, data string
		want       []string
		rules      []string
	}{
		{"signed", signed(cmsType(1), der(0xa0, der(0x04, inner))), found, nil},
		{"signed, in pieces", signed(cmsType(1), der(0xa0, der(0x24, der(0x04, inner[:9]), der(0x04, inner[9:])))), found, nil},
		{"signed, open", open(cmsType(1), ber(0xa0, ber(0x24, der(0x04, inner[:9]), ber(0x24, der(0x04, inner[9:12])), der(0x04, inner[12:])))), found, nil},
		{"signature beside its text", signed(cmsType(1)), nil, nil},
		{"the same, open", open(cmsType(1)), nil, nil},
		{"cut off", signed(cmsType(1), der(0xa0, der(0x04, inner)))[:30], nil, []string{"xfile.unreadable 1"}},
		{"enveloped", der(0x30, cmsType(3), der(0xa0, "x")), nil, []string{"xfile.encrypted 1"}},
		{"plain data", der(0x30, cmsType(1), der(0xa0, der(0x04, inner))), nil, nil},
		{"OpenPGP", "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nxxxx", nil, []string{"xfile.encrypted 1"}},
		{"not S/MIME", "0123456789abcdef", nil, nil},
	} {
		mail := "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(c.data))
		parts, _ := walk(t, mail, rules.Limit{})
		if diff := cmp.Diff(c.want, parts[1:], cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("%s: parts (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.rules, rulesOf(t, mail, rules.Limit{})); diff != "" {
			t.Errorf("%s: findings (-want +got):\n%s", c.name, diff)
		}
		for n := range c.data { // cut off anywhere: an answer, and never an error of ours
			if _, v := walk(t, mail[:len(mail)-n], rules.Limit{}); v.Err != nil {
				t.Errorf("%s, %d bytes less: %v", c.name, n, v.Err)
			}
		}
	}
}

// FuzzSecure reads anything as S/MIME, and finds what a signature wraps in one
// piece or two, whatever stands behind it.
func FuzzSecure(f *testing.F) {
	f.Add(der(0x30, cmsType(2), der(0xa0, "x")), "Content-Type: text/html\n\nx", 3)
	f.Add(ber(0x30, cmsType(2), ber(0xa0, ber(0x30, "\x02\x01\x01"))), "x", 0)
	f.Add(der(0x30, compressedType, der(0xa0, der(0x30, "\x02\x01\x00", der(0x30), der(0x30, cmsType(1), der(0xa0, der(0x04, "x\x9c")))))), "", 1)
	f.Add("-----BEGIN PGP MESSAGE-----", "\x00", 1)
	f.Fuzz(func(t *testing.T, data, inner string, at int) {
		if len(inner)+len(data) > 60<<10 || at < 0 || at > len(inner) {
			return
		}
		checkBounded(t, data, rules.DefaultLimit())
		wrapped := ber(0x30, cmsType(2), ber(0xa0, ber(0x30, "\x02\x01\x01", der(0x31), ber(0x30, cmsType(1), ber(0xa0, ber(0x24, der(0x04, inner[:at]), der(0x04, inner[at:])))))))
		got, v := within(t, scan.Part{Path: "1", Types: []string{"application/pkcs7-mime"}}, wrapped+data, rules.DefaultLimit())
		if !slices.ContainsFunc(got, func(f found) bool { return f.path == "1.1" && f.data == inner }) {
			t.Errorf("%q in %q not found in %v, %v", inner, wrapped, got, v.Findings)
		}
	})
}

// TestSecureDamaged: compressed data that ends early is a finding and no doubt,
// or its sender could have any message asked for again for ever.
func TestSecureDamaged(t *testing.T) {
	for _, zlib := range []string{"x\x9c", "x\x9c\xff\xff\xff", "x\x9c\x4b"} {
		data := der(0x30, compressedType, der(0xa0, der(0x30, "\x02\x01\x00", der(0x30), der(0x30, cmsType(1), der(0xa0, der(0x04, zlib))))))
		mail := "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(data))
		if v := judged(mail); v.Err != nil || !slices.ContainsFunc(v.Findings, func(f scan.Finding) bool {
			return f.Rule == "xfile.unreadable" && f.Note == "damaged S/MIME compression"
		}) {
			t.Errorf("%q: %+v", zlib, v)
		}
	}
}
