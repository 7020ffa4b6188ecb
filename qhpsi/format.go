package qhpsi

import (
	"slices"
	"strings"

	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/document"
	"qguard/scan/xfile"
)

// Format names what the engine takes a part for by its bytes, for showing: "ZIP",
// "PDF", "Windows program", "ZIP and PDF" of one that is both; "" where nothing
// here knows it. The part is being walked.
func Format(p *scan.Part) string {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return ""
	}
	var names []string
	for _, name := range [...]string{archive.Format(p), document.Format(p), xfile.Format(p)} {
		same := func(have string) bool { return strings.HasPrefix(name, have) } // OLE, OLE document
		if name != "" && !slices.ContainsFunc(names, same) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}
