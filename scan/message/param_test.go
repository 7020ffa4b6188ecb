package message_test

import (
	"maps"
	"mime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan/message"
)

func TestLooseParams(t *testing.T) {
	param := func(list ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(list); i += 2 {
			m[list[i]] = list[i+1]
		}
		return m
	}
	for _, c := range []struct {
		name, in, kind string
		want           map[string]string
	}{
		{"type alone", "Text/Plain", "text/plain", param()},
		{"bare value", "a/b; name=x.exe", "a/b", param("name", "x.exe")},
		{"quoted value", `a/b; name="x y;z.exe"`, "a/b", param("name", "x y;z.exe")},
		{"escapes in quotes", `a/b; name="x\"\\.exe"`, "a/b", param("name", `x"\.exe`)},
		{"blanks around", "a/b ;  name = x.exe ; q=1 ", "a/b", param("name", "x.exe", "q", "1")},
		{"name in capitals", "a/b; NAME=x", "a/b", param("name", "x")},
		{"blank in a bare value", "a/b; name=x y.exe", "a/b", param("name", "x y.exe")},
		{"no end quote", `a/b; name="x.exe`, "a/b", param("name", "x.exe")},
		{"text behind the end quote", `a/b; name="x.exe"y`, "a/b", param("name", "x.exe")},
		{"escape at the end", `a/b; name="x\`, "a/b", param("name", `x\`)},
		{"the first of two", "a/b; name=x; name=y", "a/b", param("name", "x")},
		{"no value", "a/b; name; q=1", "a/b", param("q", "1")},
		{"no name", "a/b; =x; q=1", "a/b", param("q", "1")},
		{"empty parameters", ";;; ;q=1;", "", param("q", "1")},
		{"empty value", "a/b; name=", "a/b", param("name", "")},
		{"equals sign in a value", "a/b; name=x=y", "a/b", param("name", "x=y")},
		{"encoded word", "a/b; name==?utf-8?Q?x=2Eexe?=", "a/b", param("name", "x.exe")},
		{"encoded word in quotes", `a/b; name="=?utf-8?B?eC5leGU=?="`, "a/b", param("name", "x.exe")},
		{"pieces", "a/b; name*0=x.; name*1=exe", "a/b", param("name", "x.exe")},
		{"pieces in reverse", "a/b; name*1=exe; name*0=x.", "a/b", param("name", "x.exe")},
		{"pieces with a gap", "a/b; name*0=x.; name*7=exe", "a/b", param("name", "x.exe")},
		{"many pieces in order", "a/b; name*2=c; name*10=d; name*1=b; name*0=a", "a/b", param("name", "abcd")},
		{"quoted piece", `a/b; name*0="x;"; name*1="y"`, "a/b", param("name", "x;y")},
		{"extended", "a/b; name*=utf-8'en'x%2Eexe", "a/b", param("name", "x.exe")},
		{"extended, no charset", "a/b; name*=''x%2Eexe", "a/b", param("name", "x.exe")},
		{"extended, unknown charset", "a/b; name*=x-none''x%2Eexe", "a/b", param("name", "x.exe")},
		{"extended, UTF-16", "a/b; name*=utf-16be''%00x%00.%00e%00x%00e", "a/b", param("name", "x.exe")},
		{"extended, KOI8-R", "a/b; name*=koi8-r'ru'%C6.exe", "a/b", param("name", "\u0444.exe")},
		{"extended without quotes", "a/b; name*=x%2Eexe", "a/b", param("name", "x.exe")},
		{"extended, bad escapes", "a/b; name*=utf-8''x%2Eexe%zz%2", "a/b", param("name", "x.exe%zz%2")},
		{"extended pieces", "a/b; name*0*=utf-8''x%2E; name*1*=%65xe; name*2=%20", "a/b", param("name", "x.exe%20")},
		{"extended wins", "a/b; name=y.txt; name*=utf-8''x.exe", "a/b", param("name", "x.exe")},
		{"extended but empty", "a/b; name=y.txt; name*=utf-8''", "a/b", param("name", "y.txt")},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, params := message.LooseParams(c.in)
			if kind != c.kind {
				t.Errorf("type %q, want %q", kind, c.kind)
			}
			if diff := cmp.Diff(c.want, params); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeWords(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "a.exe", "a.exe"},
		{"Q", "=?utf-8?Q?a=2Eexe_b?=", "a.exe b"},
		{"B", "=?utf-8?B?YS5leGU=?=", "a.exe"},
		{"two together", "=?utf-8?Q?a.?= =?utf-8?Q?exe?=", "a.exe"},
		{"text around", "x =?utf-8?Q?a?= y", "x a y"},
		{"other charset", "=?koi8-r?Q?=C6?=", "\u0444"},
		{"language", "=?koi8-r*ru?Q?=C6?=", "\u0444"},
		{"unknown charset", "=?x-none?Q?a.exe?=", "a.exe"},
		{"unknown encoding", "=?utf-8?X?a.exe?=", "=?utf-8?X?a.exe?="},
		{"unfinished", "=?utf-8?Q?a.exe", "=?utf-8?Q?a.exe"},
		{"bad base64", "=?utf-8?B?!!!?= =?utf-8?Q?a?=", "=?utf-8?B?!!!?= a"},
	} {
		if got := message.DecodeWords(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzParams holds the tolerant reader against the standard library's strict
// one: where that takes a value, this one reads the same.
func FuzzParams(f *testing.F) {
	for _, s := range []string{
		"text/plain; charset=utf-8; name=\"a b.txt\"",
		"a/b; name*0*=utf-8''x%2E; name*1=exe",
		"a/b; boundary=\"=_x\"; type=\"multipart/alternative\"",
		"attachment; filename*=koi8-r'ru'%C6; filename=\"=?utf-8?Q?a?=\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		kind, params := message.LooseParams(value)
		for key, v := range params {
			if len(v) > 16*len(value) {
				t.Errorf("%d bytes of %d", len(v), len(value))
			}
			if strings.Contains(key, "*") {
				t.Errorf("key %q", key)
			}
		}
		// The whole of an entity reads any value without an error.
		walk(t, "Content-Type: "+oneLine(value)+"\nContent-Disposition: "+oneLine(value)+"\n\nbody", rules.Limit{})

		if strings.Contains(value, "=?") || !utf8.ValidString(value) {
			return // words are decoded here, and only here
		}
		wantKind, want, err := mime.ParseMediaType(value)
		if err != nil {
			return
		}
		if kind != wantKind {
			t.Errorf("type %q, want %q", kind, wantKind)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if got := params[key]; got != want[key] && !explainParam(value, got, want[key]) {
				t.Errorf("%s is %q, want %q", key, got, want[key])
			}
		}
	})
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s)
}

// explainParam says where the two readers differ on purpose: of extended values
// the strict one gives only those in UTF-8 or ASCII, the pieces up to a gap, and of two
// pieces with one number the first.
// A backslash before an ordinary letter stays there: old Internet Explorers sent
// paths so.
func explainParam(value, got, want string) bool {
	if strings.ReplaceAll(got, `\`, "") == strings.ReplaceAll(want, `\`, "") {
		return true
	}
	return strings.Contains(value, "*") && (strings.Contains(got, want) || !strings.Contains(strings.ToLower(value), "utf-8'"))
}
