package respond

import "strings"

// Status makes a refusal's text one line of printable ASCII and takes the
// enhanced status code (RFC 3463 section 2) off its end that an administrator
// may have written there as qmail does, "(#5.7.1)". Its class must agree with
// permanent; without one of his it is 5.7.1 or 4.3.0.
func Status(text string, permanent bool) (line, code string) {
	code = "5.7.1"
	if !permanent {
		code = "4.3.0"
	}
	line = strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r < 0x7f:
			return r
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return '?'
	}, text)
	line = strings.TrimSpace(line)
	if i := strings.LastIndex(line, "(#"); i >= 0 && isStatus(line[i:]) {
		if line[i+2] == code[0] {
			code = line[i+2 : len(line)-1]
		}
		line = strings.TrimSpace(line[:i])
	}
	return line, code
}

// isStatus reports whether text is an enhanced status code as qmail writes it.
func isStatus(text string) bool {
	text, ok := strings.CutSuffix(strings.TrimPrefix(text, "(#"), ")")
	class, rest, dot := strings.Cut(text, ".")
	subject, detail, dots := strings.Cut(rest, ".")
	return ok && dot && dots && strings.Contains("245", class) && len(class) == 1 && digits(subject) && digits(detail)
}

// digits reports whether text is a number of one to three digits.
func digits(text string) bool {
	return text != "" && len(text) <= 3 && strings.Trim(text, "0123456789") == ""
}
