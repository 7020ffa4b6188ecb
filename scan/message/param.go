package message

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// looseParams reads a field value of the form "type; name=value; ..." where
// the strict reader gave up. It keeps what it understands: quoted or bare
// values, the first of duplicates, RFC 2231 extended values in any charset and
// pieces in any order.
func looseParams(value string) (kind string, params map[string]string) {
	kind, rest := cutParam(value)
	params = map[string]string{}
	pieces := map[string][]piece{}
	for rest != "" {
		var param string
		param, rest = cutParam(rest)
		key, v, ok := strings.Cut(param, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok || key == "" {
			continue
		}
		v = unquote(strings.TrimSpace(v))
		base, tail, extended := strings.Cut(key, "*")
		if !extended {
			if _, dup := params[key]; !dup {
				params[key] = decodeWords(v)
			}
			continue
		}
		pieces[base] = append(pieces[base], parsePiece("*"+tail, v))
	}
	for base, list := range pieces {
		if joined := join(list); joined != "" {
			params[base] = joined // RFC 2231 section 3: the extended form wins
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), params
}

// piece is one numbered part of a parameter (RFC 2231 section 3).
type piece struct {
	number  int
	encoded bool
	value   string
}

// parsePiece reads the end of a piece's name, "*0*" or "*".
func parsePiece(key, value string) piece {
	number, encoded := strings.CutSuffix(key[1:], "*")
	n, err := strconv.Atoi(number)
	if err != nil {
		n, encoded = 0, true // name*=...
	}
	return piece{n, encoded, value}
}

// sortedPieces returns the pieces in the order of their numbers.
func sortedPieces(list []piece) []piece {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b piece) int { return a.number - b.number })
	return list
}

// join puts pieces in order, undoes %-escapes and decodes the charset that
// stands before the first piece: charset'language'text (RFC 2231 section 4).
func join(list []piece) string {
	list = sortedPieces(list)
	charset := ""
	var out strings.Builder
	for i, p := range list {
		v := p.value
		if p.encoded {
			if i == 0 && strings.Count(v, "'") >= 2 {
				f := strings.SplitN(v, "'", 3)
				charset, v = f[0], f[2]
			}
			v = unescape(v)
		}
		out.WriteString(v)
	}
	text, err := io.ReadAll(toUTF8(strings.NewReader(out.String()), charset))
	if err != nil {
		return out.String()
	}
	return string(text)
}

// unescape undoes %-escapes; a sign that begins none stands for itself.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0 {
			out.WriteByte(byte(hex(s[i+1])<<4 | hex(s[i+2])))
			i += 2
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// cutParam returns the text before the next ";" outside quotes, and the rest.
func cutParam(s string) (param, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquote undoes RFC 5322 quoted-string; a missing end quote is forgiven.
func unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var out strings.Builder
	for i := 1; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
