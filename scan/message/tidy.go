package message

import "strings"

// tidyParams reports whether every reader reads a value alike: one word or
// "type/subtype", then parameters of different names whose values are tokens or
// quoted strings without escapes, encoded words, comments or pieces.
func tidyParams(value string) bool {
	kind, rest, _ := strings.Cut(value, ";")
	kind = strings.Trim(kind, " \t")
	if kind == "" || strings.Count(kind, "/") > 1 || !isToken(strings.Replace(kind, "/", "", 1)) {
		return false
	}
	var seen [8]string
	n := 0
	for rest = strings.Trim(rest, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] == ';' {
			rest = rest[1:]
			continue
		}
		key, after, ok := strings.Cut(rest, "=")
		if !ok || !isToken(key) || strings.IndexByte(key, '*') >= 0 || n == len(seen) {
			return false
		}
		for _, have := range seen[:n] {
			if strings.EqualFold(have, key) {
				return false
			}
		}
		seen[n] = key
		n++
		var tidy bool
		if rest, tidy = afterValue(after); !tidy {
			return false
		}
	}
	return true
}

// afterValue returns what follows a parameter's value, and whether the value is
// a token or a plain quoted string and a semicolon or the end follows.
func afterValue(s string) (rest string, tidy bool) {
	if q, ok := strings.CutPrefix(s, `"`); ok {
		value, rest, ok := strings.Cut(q, `"`)
		rest = strings.TrimLeft(rest, " \t")
		return rest, ok && strings.IndexByte(value, '\\') < 0 && !strings.Contains(value, "=?") &&
			value == strings.Trim(value, " \t") && !hasControl(value) && (rest == "" || rest[0] == ';')
	}
	value, rest, _ := strings.Cut(s, ";")
	value = strings.TrimRight(value, " \t")
	return rest, isToken(value)
}

// isToken reports an RFC 2045 token.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
