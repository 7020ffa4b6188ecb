package document

import "strings"

// maxPDFScript is how many bytes a harmless script may have. Forms format and sum
// up fields in a line or two.
const maxPDFScript = 16 << 10

// scriptDanger returns why a JavaScript of a PDF is no harmless one, "" when it
// is. Harmless is what forms do every day: check, format and add up fields,
// show, hide and reset them, print, turn the page, show a message.
//
// The test is a list of what may be called: the functions below, and own, those
// that this and the other scripts of the document declare. A script may not call
// what it has computed (a[b](), f()()), pass functions on, or write words in
// escapes; what viewers have on offer beyond the lists is then out of its reach.
func scriptDanger(text string, own map[string]bool) string {
	s := pdfScript{text: text, own: own}
	if len(text) > maxPDFScript {
		return "long script"
	}
	s.tokens()
	if s.why != "" {
		return s.why
	}
	for i := range s.list {
		if why := s.word(i); why != "" {
			return why
		}
	}
	return ""
}

// scriptFunctionsOf adds the functions that a script declares to own.
func scriptFunctionsOf(text string, own map[string]bool) {
	s := pdfScript{text: text[:min(len(text), maxPDFScript)]}
	s.tokens()
	for i, t := range s.list {
		name := s.token(i + 1)
		if t == "function" && name != "" && scriptName(name) && len(name) < 100 && len(own) < maxPDFOwn {
			own[name] = true
		}
	}
}

// maxOwn is how many functions of its own a document may have.
const maxPDFOwn = 2000

type pdfScript struct {
	text string
	list []string // tokens; a string is `"`, a number or pattern 0
	own  map[string]bool
	why  string

	open   []int       // opening brackets that wait for their closing ones
	opened map[int]int // closing brackets to opening ones
}

// tokens splits a script. Escapes outside strings, templates and many coded
// characters are the marks of code that hides.
func (s *pdfScript) tokens() {
	t := s.text
	coded := 0
	for i := 0; i < len(t) && s.why == ""; {
		c := t[i]
		start := i
		switch {
		case strings.HasPrefix(t[i:], "//"):
			i += scriptLineEnd(t[i:])
		case strings.HasPrefix(t[i:], "/*"):
			end := strings.Index(t[i+2:], "*/")
			if end < 0 {
				return
			}
			i += end + 4
		case c == '/' && s.unclear():
			s.why = "coded words"
		case c == '"' || c == '\'', c == '/' && s.operand():
			i++
			for i < len(t) && t[i] != c && t[i] != '\n' && t[i] != '\r' {
				if t[i] == '\\' {
					i++
					if strings.HasPrefix(t[i:], "\r\n") {
						i++
					}
					if i < len(t) && (t[i] == 'u' || t[i] == 'x' || t[i] >= '0' && t[i] <= '9') {
						coded++
					}
				}
				i++
			}
			i++
			if coded > 32 || i-start > 1000 {
				s.why = "coded text"
			}
			if c == '/' {
				s.put("0")
			} else {
				s.put(`"`)
			}
		case c == '\\' || c == '`':
			s.why = "coded words"
		case scriptLetter(c):
			for i < len(t) && (scriptLetter(t[i]) || t[i] >= '0' && t[i] <= '9') {
				i++
			}
			s.put(t[start:i])
		case c >= '0' && c <= '9':
			for i < len(t) && (scriptLetter(t[i]) || t[i] >= '0' && t[i] <= '9') {
				i++
			}
			s.put("0")
		case c <= ' ':
			i++
		default:
			i++
			s.put(t[start:i])
		}
	}
}

func scriptLineEnd(t string) int {
	if i := strings.IndexAny(t, "\r\n\u2028\u2029"); i >= 0 {
		return i
	}
	return len(t)
}

// letter reports what may begin a name; every character beyond ASCII may.
func scriptLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c >= 0x80
}

func scriptName(t string) bool { return scriptLetter(t[0]) && !scriptIs(t, scriptWords) }

// operand reports that a value comes next, so that a slash begins a pattern.
func (s *pdfScript) operand() bool {
	t := s.token(len(s.list) - 1)
	switch {
	case t == "" || scriptLetter(t[0]):
		return t == "" || scriptIs(t, scriptWords) && !scriptIs(t, scriptConstants)
	case t == ")":
		return !s.called(len(s.list) - 1)
	}
	return t != `"` && t != "0" && t != "]"
}

// unclear reports a place where a slash could be either, for us.
func (s *pdfScript) unclear() bool {
	n := len(s.list)
	t := s.token(n - 1)
	return t == "}" || (t == "+" || t == "-") && s.token(n-2) == t
}

// word judges the token at i.
func (s *pdfScript) word(i int) string {
	t, next, before := s.list[i], s.token(i+1), s.token(i-1)
	switch {
	case t == "[" && before != "" && (scriptLetter(before[0]) && !scriptIs(before, scriptWords) || before == ")" || before == "]"):
		// An index may be a number or a name; no text that spells a name out.
		if index := s.token(i + 1); index == `"` || s.token(i+2) != "]" && !strings.Contains("+-*", s.token(i+2)) {
			return "computed names"
		}
	case next == "(" && (t == ")" && before != "" || t == "]"):
		if t == "]" || s.called(i) {
			return "computed calls"
		}
	case !scriptLetter(t[0]) || scriptIs(t, scriptWords):
	case before == "." && scriptIs(t, scriptMethods):
		if next != "(" {
			return "a function that is passed on"
		}
	case before == ".":
		if next == "(" || scriptIs(t, scriptDenied) {
			return scriptKnown(t)
		}
	case next == ":" || before == "function" && next == "(":
		if scriptIs(t, scriptDenied) {
			return scriptKnown(t)
		}
	case scriptIs(t, scriptRoots):
		if next != "." && t != "this" && t != "event" {
			return "an object that is passed on"
		}
	case next == "(" && (strings.HasPrefix(t, "AF") || scriptIs(t, scriptFunctions)), before == "new" && scriptIs(t, scriptFunctions):
	case scriptIs(t, scriptDenied) || scriptIs(t, scriptFunctions) || strings.HasPrefix(t, "AF"):
		return scriptKnown(t)
	case next == "(" && !s.own[t] && before != "function":
		return scriptKnown(t)
	case s.own[t] && next != "(":
		return "a function that is passed on"
	}
	return ""
}

// called reports whether the closing bracket at i ends a call or a function, so
// that a bracket behind it calls the outcome. That of "if (x) (y)" does not.
func (s *pdfScript) called(i int) bool {
	open, ok := s.opened[i]
	if !ok {
		return true
	}
	t := s.token(open - 1)
	return t != "if" && t != "while" && t != "for"
}

// put adds a token and notes which brackets belong together.
func (s *pdfScript) put(t string) {
	switch n := len(s.open); {
	case t == "(":
		s.open = append(s.open, len(s.list))
	case t == ")" && n > 0:
		if s.opened == nil {
			s.opened = map[int]int{}
		}
		s.opened[len(s.list)] = s.open[n-1]
		s.open = s.open[:n-1]
	}
	s.list = append(s.list, t)
}

func (s *pdfScript) token(i int) string {
	if i < 0 || i >= len(s.list) {
		return ""
	}
	return s.list[i]
}

// known shows a name only where it is one of the viewer's: any other is text of
// the message.
func scriptKnown(t string) string {
	if scriptIs(t, scriptDenied) || scriptIs(t, scriptFunctions) {
		return t
	}
	return "more than a form needs"
}

func scriptIs(word string, class scriptClass) bool { return scriptClassOf(word)&class != 0 }
