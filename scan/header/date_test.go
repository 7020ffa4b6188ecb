package header

import (
	"net/mail"
	"strings"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	const noon = "2026-11-20T12:00:00Z"
	for _, c := range []struct{ value, want string }{
		{"Fri, 20 Nov 2026 12:00:00 +0000", noon},
		{"20 Nov 2026 12:00 +0000", noon},
		{"Fri, 20 Nov 2026 07:00:00 -0500", noon},
		{"Fri, 20 Nov 2026 17:30:00 +0530 (IST)", noon},
		{"Fri,20 Nov 2026 12:00:00 GMT", noon},
		{"FRI, 20 NOV 2026 12:00:00 ut", noon},
		{"Friday, 20 November 2026 07:00:00 EST", noon},
		{"20 Nov 26 08:00:00 EDT", noon},
		{"20 Nov 126 05:00:00 MST", noon},
		{"20 Nov 2026 04:00 PST", noon},
		{"20 Nov 2026 12:00:00 A", noon},
		{"20 Nov 2026 12:00:00 -0000", noon},
		{"20 Nov 2026 12:00:00", noon},
		{"20 Nov 2026 14:00:00 +02:00", noon},
		{"20 Nov 2026 14:00:00 +02", noon},
		{"20 Nov 2026 12:00:00 GMT GMT", noon},
		{"(c) Fri (c(c)\\)) , 20(c)Nov 2026 12:00:00 (never closed", noon},
		{"Fri Nov 20 12:00:00 2026", noon},
		{"Fri Nov 20 12:00:00 GMT 2026", noon},
		{"20 Nov 2026", "2026-11-20T00:00:00Z"},
		{"6 Mar 99 1:02:03", "1999-03-06T01:02:03Z"},
		{"31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"29 Feb 2028 00:00:00 +0000", "2028-02-29T00:00:00Z"},
		{"29 Feb 2026 00:00:00 +0000", ""},
		{"31 Nov 2026 00:00:00 +0000", ""},
		{"0 Nov 2026 00:00:00 +0000", ""},
		{"99 Nov 2026 00:00:00 +0000", ""},
		{"120 Nov 2026 00:00:00 +0000", ""},
		{"20 Nov 20260 00:00:00 +0000", ""},
		{"20 Nov", ""},
		{"20 2026 12:00:00", ""},
		{"Nov 2026", ""},
		{"20 Foo 2026 12:00:00 +0000", ""},
		{"20 Nov 2026 24:00:00 +0000", ""},
		{"20 Nov 2026 12:60:00 +0000", ""},
		{"20 Nov 2026 12:00:61 +0000", ""},
		{"20 Nov 2026 12: +0000", ""},
		{"20 Nov 2026 12:00:00:00 +0000", ""},
		{"20 Nov 2026 12:00:00 +9900", ""},
		{"20 Nov 2026 12:00:00 +1", ""},
		{"20 Nov 2026 12:00:00 +", ""},
		{"20 Nov 2026 +12:-1", ""},
		{"20 Nov 2026 12:00 13:00", ""},
		{"20 Nov 2026 12:00 5", ""},
		{"-1 Nov 2026 12:00", ""},
		{"2026-11-20 12:00:00", ""},
		{"@ Nov 2026", ""},
		{"", ""},
		{"()", ""},
	} {
		got := ""
		if at, ok := parseDate(c.value); ok {
			got = at.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.value, got, c.want)
		}
	}
}

// FuzzDate compares with net/mail, which takes less: what both take is the same.
// It knows zones by name otherwise, and no year of three digits.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Fri, 20 Nov 2026 12:00:00 +0000", "20 Nov 26 1:02 -0500 (x)", "31 Feb 99 0:0:0 +0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseDate(s)
		if !ok {
			return
		}
		if y := got.Year(); y < -1 || y > 10000 {
			t.Errorf("%q: year %d", s, y)
		}
		want, err := mail.ParseDate(s)
		signed := strings.ContainsAny(s, "+-") && !strings.Contains(s, "(")
		if err == nil && signed && !got.Equal(want) && want.Year() >= 2000 {
			t.Errorf("%q: %v, net/mail %v", s, got, want)
		}
	})
}
