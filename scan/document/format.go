package document

import (
	"bytes"

	"qguard/scan"
)

// Format names the document that a part is by its first bytes, its types and its
// names, as the readers take it; "" for none.
func Format(p *scan.Part) string {
	if p.Open == nil || p.Is("message/", "multipart/") {
		return ""
	}
	head, _ := p.Head()
	root, isXML := xmlRoot(head)
	switch m := sniff(p); {
	case isPDF(head):
		return "PDF"
	case isRTF(head):
		return "RTF"
	case bytes.HasPrefix(head, []byte(oleMagic)):
		return "OLE"
	case bytes.HasPrefix(head, []byte(oneMagic)):
		return "OneNote"
	case bytes.HasPrefix(head, []byte("ActiveMime")):
		return "ActiveMime"
	case isCalendar(p):
		return "iCalendar"
	case isXML && isOffice(root):
		return "Office XML"
	case m.svg:
		return "SVG"
	case m.xsl:
		return "XSL"
	case m.xml:
		return "XHTML"
	case m.html:
		return "HTML"
	}
	return ""
}
