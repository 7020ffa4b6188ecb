package xfile

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// name returns why a file name is unsafe, "" when it is not.
func (t table) name(name string) string {
	if isClassFolder(name) {
		return "class identifier as a folder's extension: Windows opens it with that class's program"
	}
	for _, form := range forms(name) {
		base := strings.ToLower(form)
		if why := t.blocked(base); why != "" && strings.Contains(base, ".") {
			return why // a whole name: autorun.inf, desktop.ini
		}
		dot := strings.LastIndexByte(base, '.')
		if dot < 0 {
			continue
		}
		extension := base[dot+1:]
		if isCLSID(extension) {
			return "class identifier as extension: Windows opens it with that class's program"
		}
		// "exe;1" and "exe, " are read as "exe" by some programs.
		for _, e := range []string{extension, leadingWord(extension)} {
			why := t.blocked(e)
			if why == "" {
				continue
			}
			if inner := base[:dot]; strings.Contains(inner, ".") && looksLikeExtension(inner[strings.LastIndexByte(inner, '.')+1:]) {
				why += "; double extension"
			}
			return why
		}
	}
	return ""
}

// forms returns the base names that systems may read in a name, without
// duplicates.
func forms(name string) []string {
	var out []string
	add := func(s string) {
		for _, s := range bases(s) {
			if s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	visible := strings.Map(dropInvisible, name)
	add(visible)
	add(compat(visible))
	if visible == name {
		return out
	}
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		start := strings.Map(dropInvisible, name[:i])
		add(start)
		add(compat(start))
	}
	if i := strings.IndexAny(name, "\u202e\u202b\u2067"); i >= 0 {
		add(compat(strings.Map(dropInvisible, turned(name))))
	}
	return out
}

// compat is a visible name with plain blanks in the NFKC form, which is dear.
func compat(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 0x80 && unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, name)
	for i := range len(name) {
		if name[i] >= 0x80 {
			return norm.NFKC.String(name)
		}
	}
	return name
}

// bases returns a name without path and trailing dots and blanks, and where a
// colon stands in it, what each side of Windows makes of that: its file systems
// drop a drive letter and a stream ("a.exe:x", "a.exe::$DATA"), its mail clients
// write another character.
func bases(s string) []string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 && strings.TrimFunc(s[i+1:], isTail) != "" {
		s = s[i+1:]
	}
	s = strings.TrimRightFunc(s, isTail)
	list := []string{s}
	if len(s) > 2 && s[1] == ':' {
		list = append(list, s[2:])
		s = s[2:]
	}
	if file, _, ok := strings.Cut(s, ":"); ok {
		list = append(list, strings.TrimRightFunc(file, isTail))
	}
	return list
}

func isTail(r rune) bool {
	if r < 0x80 {
		return r <= ' ' || r == 0x7f || r == '.' || r == '/' || r == '\\' || r == '"' || r == '\''
	}
	return invisible(r) || unicode.Is(unicode.Z, r) || r == '\u3002' || r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0'
}

// dropInvisible removes control and format characters (bidi, zero-width, soft
// hyphen).
func dropInvisible(r rune) rune {
	if r < ' ' || r >= 0x7f && invisible(r) {
		return -1
	}
	return r
}

func invisible(r rune) bool { return r < 0xa0 || unicode.Is(unicode.Cf, r) }

// turned is the name as shown: what follows a right-to-left override stands in
// reverse.
func turned(s string) string {
	i := strings.IndexAny(s, "\u202e\u202b\u2067")
	tail := []rune(s[i:])
	end := slices.IndexFunc(tail, func(r rune) bool { return r == '\u202c' || r == '\u2069' })
	rest := ""
	if end >= 0 {
		tail, rest = tail[:end], string(tail[end:])
	}
	slices.Reverse(tail)
	return s[:i] + string(tail) + rest
}

// isCLSID reports "{8-4-4-4-12}" hexadecimal digits; a missing brace at the end
// is forgiven.
func isCLSID(s string) bool {
	s, ok := strings.CutPrefix(s, "{")
	s = strings.TrimSuffix(s, "}")
	if !ok || len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.Contains("0123456789abcdef", s[i:i+1]) {
			return false
		}
	}
	return true
}

// isClassFolder reports a path with a folder "name.{class identifier}" in it.
func isClassFolder(path string) bool {
	for {
		i := strings.IndexAny(path, `/\`)
		if i < 0 {
			return false
		}
		folder := strings.ToLower(strings.TrimRightFunc(path[:i], isTail))
		if dot := strings.LastIndexByte(folder, '.'); dot >= 0 && isCLSID(folder[dot+1:]) {
			return true
		}
		path = path[i+1:]
	}
}

// leadingWord is the start of s up to what no extension holds.
func leadingWord(s string) string {
	i := strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	})
	if i < 0 {
		return s
	}
	return s[:i]
}

// looksLikeExtension reports two to five letters or digits, not all digits.
func looksLikeExtension(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) >= 2 && len(s) <= 5 && leadingWord(s) == s && strings.Trim(s, "0123456789") != ""
}
