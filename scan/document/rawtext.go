package document

import "bytes"

// rawEnd looks for the end tag of an element.
func rawEnd(rest []byte, name string, last bool) (n int, done bool) {
	for i := 0; i < len(rest); i++ {
		j := bytes.IndexByte(rest[i:], '<')
		if j < 0 {
			break
		}
		i += j
		if len(rest)-i < len("</>")+len(name) && !last {
			return i, false
		}
		if isTag(rest[i:], "</", name) {
			return i, true
		}
	}
	return len(rest), last
}

// scriptEnd looks for the end of a script (sections 13.2.5.4 and 13.2.5.15 to
// 13.2.5.31): an end tag counts, except in "<!-- <script>" where one ends that
// script only; "-->" ends all escapes.
func (z *tokenizer) scriptEnd(rest []byte, last bool) (n int, done bool) {
	for i := 0; i < len(rest); i++ {
		if z.level == 0 {
			j := bytes.IndexByte(rest[i:], '<')
			if j < 0 {
				break
			}
			i += j
		}
		switch rest[i] {
		case '-':
			z.dashes++
			continue
		case '>':
			if z.dashes >= 2 {
				z.level = 0
			}
		case '<':
			if len(rest)-i < len("</script>") && !last {
				return i, false
			}
			end := isTag(rest[i:], "</", "script")
			switch {
			case end && z.level < 2:
				return i, true
			case end:
				z.level = 1
			case z.level == 1 && isTag(rest[i:], "<", "script"):
				z.level = 2
			case z.level == 0 && bytes.HasPrefix(rest[i:], []byte("<!--")):
				z.level, z.dashes = 1, 2
				i += len("!--")
				continue
			}
		}
		z.dashes = 0
	}
	return len(rest), last
}

// isTag reports whether text begins with a tag of a name, whatever its case.
func isTag(text []byte, open, name string) bool {
	n := len(open) + len(name)
	if len(text) <= n || string(text[:len(open)]) != open || !bytes.EqualFold(text[len(open):n], []byte(name)) {
		return false
	}
	c := text[n]
	return isBlank(c) || c == '/' || c == '>'
}
