package document

import (
	"bytes"
	"io"
	"strings"
)

// element judges an element by its name and attributes (g.attrs).
func (g *page) element(name string) {
	if g.kind.svg {
		switch name {
		case "script", "handler":
			g.note("script in SVG")
		case "iframe", "object", "embed", "applet", "meta", "portal":
			g.note(name + " element in SVG")
		}
	}
	switch name {
	case "object":
		g.object()
	case "applet":
		g.plugin()
	case "hta:application":
		g.note("HTML application")
	case "embed":
		if t := g.attr("type"); strings.Contains(t, "flash") || strings.Contains(t, "java-") || strings.Contains(g.attr("src"), ".swf") {
			g.plugin()
		}
	case "script":
		if t := g.attr("language") + g.attr("type"); strings.Contains(t, ".encode") {
			g.note("encoded script")
		}
	case "meta":
		g.refresh()
	default:
		if g.kind.xsl && strings.HasSuffix(name, ":script") {
			g.note("style sheet with script")
		}
	}
	for _, a := range g.attrs {
		if g.stop != nil {
			return
		}
		g.attribute(name, a)
	}
}

// attr is the first value of an attribute, in lower case and cut to what a rule looks at.
func (g *page) attr(key string) string {
	for _, a := range g.attrs {
		if string(a.key) == key {
			return lower(a.value, 256)
		}
	}
	return ""
}

// players are the classes of the media players that old newsletters call, and
// of the smart tags that Word puts into every mail.
const players = " 22d6f312-b0f6-11d0-94ab-0080c74c7e95 6bf52a52-394a-11d3-b153-00c04f79faa6 " +
	"02bf25d5-8c17-4b23-bc80-d3488abddc6b cfcdaa03-8be4-11cf-b84b-0020afbbccfa 38481807-ca0e-42d2-bf39-b33af135cc4d "

const flashClass = "d27cdb6e-ae6d-11cf-96b8-444553540000"

func (g *page) object() {
	class, isClass := strings.CutPrefix(strings.TrimSpace(g.attr("classid")), "clsid:")
	class = strings.Trim(class, " {}")
	t := g.attr("type") + g.attr("codetype")
	switch {
	case isClass && class == flashClass, strings.Contains(t, "flash"), strings.Contains(g.attr("data"), ".swf"),
		strings.Contains(t, "java-"), strings.HasPrefix(g.attr("classid"), "java:"):
		g.plugin()
	case isClass && class != "" && !strings.Contains(players, " "+class+" "):
		g.note("ActiveX object")
	}
}

// plugin notes Flash and Java in a file; mail clients show none in a message,
// where the newsletters of old have them.
func (g *page) plugin() {
	if g.part.Nest > 0 || len(g.part.Names) > 0 || !g.part.Is("text/") {
		g.note("Flash or Java embedded")
	}
}

// refresh judges a meta element that leads elsewhere.
func (g *page) refresh() {
	if strings.TrimSpace(g.attr("http-equiv")) != "refresh" {
		return
	}
	for _, a := range g.attrs {
		if string(a.key) != "content" {
			continue
		}
		i := bytes.IndexByte(a.value, '=')
		if semicolon := bytes.IndexAny(a.value, ";,"); i < 0 || semicolon >= 0 && !strings.Contains(lower(a.value[semicolon:], 64), "url") {
			i = semicolon // "0;data:..." goes without the word
		}
		if i >= 0 {
			g.link("meta", "content", bytes.TrimLeft(a.value[i+1:], " \t\r\n\f'\""))
		}
	}
}

// attribute judges one attribute of an element.
func (g *page) attribute(name string, a attribute) {
	key := string(a.key[:min(len(a.key), 32)])
	if g.kind.xml {
		key = local(key)
	} else {
		key = strings.TrimPrefix(key, "xlink:")
	}
	switch {
	case len(key) > 2 && key[:2] == "on":
		if g.kind.svg {
			g.note("event handler in SVG")
		}
		g.run(a.value)
	case key == "srcdoc":
		g.member([]string{"srcdoc"}, "text/html", a.value)
	case key == "values": // of an animation: a list
		if strings.Contains(lower(squeeze(a.value, 4096), 4096), "javascript:") {
			g.note("javascript link set by an animation")
		}
	case isLink(key):
		g.link(name, key, a.value)
	case len(a.value) >= minText:
		g.large(bytes.TrimSpace(a.value))
	}
}

// isLink reports attributes that hold a URL.
func isLink(key string) bool {
	switch key {
	case "href", "src", "data", "action", "formaction", "poster", "background", "codebase", "code", "archive", "from", "to", "by",
		"dynsrc", "lowsrc", "longdesc", "cite", "manifest", "classid", "profile", "usemap", "movie":
		return true
	}
	return false
}

// link judges a URL in an attribute.
func (g *page) link(name, key string, url []byte) {
	scheme, rest := cutScheme(url)
	switch scheme {
	case "":
	case "data":
		g.data(name, rest)
	case "javascript", "vbscript", "livescript":
		switch {
		case g.kind.svg:
			g.note(scheme + " link in SVG")
		case name == "meta":
			g.note(scheme + " link in a refresh")
		}
		g.run(rest)
		if bytes.IndexByte(rest, '%') >= 0 {
			g.run(unpercent(rest))
		}
	case "blob":
		if name == "a" && g.has("download") {
			g.note("download of a file built in the browser")
		}
	case "ms-msdt", "search-ms", "ms-appinstaller", "ms-officecmd", "ms-its", "mk", "its", "shell", "hcp", "mhtml", "ms-search":
		if key != "data" || name == "object" {
			g.note("link that starts a program: " + scheme)
		}
	}
}

func (g *page) has(key string) bool {
	for _, a := range g.attrs {
		if string(a.key) == key {
			return true
		}
	}
	return false
}

// cutScheme splits a URL as the URL standard does (section 4.4): blanks and
// controls before it are dropped, tabs and line ends in it too.
func cutScheme(url []byte) (scheme string, rest []byte) {
	for len(url) > 0 && url[0] <= ' ' {
		url = url[1:]
	}
	var name [20]byte
	n := 0
	for i, c := range url {
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			continue
		case c == ':' && n > 0:
			return string(name[:n]), url[i+1:]
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		default:
			return "", nil
		}
		if n == len(name) {
			return "", nil
		}
		name[n] = c
		n++
	}
	return "", nil
}

// squeeze drops tabs, line ends and other controls from the start of text.
func squeeze(text []byte, max int) []byte {
	out := make([]byte, 0, min(len(text), max))
	for _, c := range text[:min(len(text), max)] {
		if c > ' ' {
			out = append(out, c)
		}
	}
	return out
}

// member yields what stands in a page as a part of its own.
func (g *page) member(names []string, mediaType string, data []byte) {
	g.open(names, mediaType, func() (io.Reader, error) { return bytes.NewReader(data), nil })
}

// open yields a member whose bytes are made when it is opened.
func (g *page) open(names []string, mediaType string, open func() (io.Reader, error)) {
	if g.stop != nil {
		return
	}
	if err := g.b.Member(); err != nil {
		if g.flaw == nil {
			g.flaw = err
		}
		return
	}
	child := g.part.Member(names...)
	child.Types = []string{mediaType}
	child.Open = open
	g.stop = g.yield(child)
}
