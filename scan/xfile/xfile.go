// Package xfile looks for unsafe files: files which, on a recipient's machine,
// run, install, redirect or carry code when opened.
//
// # By name
//
// Every name of a part is taken apart as desktop systems do it: path and
// alternate data stream cut off, trailing dots and blanks of any kind dropped,
// in the plain and in the NFKC form, with invisible characters removed, up to
// a NUL and without it, and as it looks where a right-to-left override turns
// it round. The extension that remains is looked up in extensions.tsv:
//
//	block     the finding
//	inspect   a document that may carry code; its content decides
//	recurse   a container; its members decide
//	optional  off, unless the administrator blocks it
//
// Whole names (autorun.inf) and class identifiers in braces, of folders too, are found. The
// administrator adds extensions and takes them out. An attached message that is
// named by its subject, "Fwd: order at example.com", is no program for its last
// word: see isTitle for how narrow that is.
//
// A part of a message without an extension is called by its media type: mail
// clients make a name of it.
//
// # By content
//
// The first bytes are compared with a table of magic numbers, whatever the
// name and the type say. A magic number stands for an extension, and that
// extension's line in the table decides, so that block and allow hold for
// content too. A script ("#!") is what its interpreter says, and always unsafe
// where its name hides it; in running text it is no file.
//
// Small text files that start something have no magic number: Internet
// shortcuts and their like are known by a section of an INI file, library and
// search descriptors, settings shortcuts, script files, ClickOnce, consoles and
// property lists by the root element of XML (and a word that sets them apart
// where others share it), remote desktop sessions by their lines; UTF-16 as well.
// Where a name or a type promises a picture, sound, a document or text, strong
// marks of a batch, PHP, Windows or PowerShell script are found too.
//
// # Rules
//
// xfile.name, xfile.content; for anything inside an archive xfile.member. At
// most one finding by name and one by content for each part. Of a name over 1 KiB
// the end is judged, and its length is limit.size.
package xfile

import (
	"context"
	"fmt"

	"qguard/rules"
	"qguard/scan"
)

// Scanner looks for unsafe files by one table.
type Scanner struct{ table table }

// New returns a scanner with the administrator's changes to the table.
func New(x rules.Xfile) *Scanner { return &Scanner{newTable(x)} }

// Begin starts a message.
func (s *Scanner) Begin(*scan.Message) scan.Look { return &look{table: s.table} }

type look struct {
	table    table
	findings []scan.Finding
}

// maxName is how many bytes of a file name are judged; systems allow 255.
const maxName = 1 << 10

// Part judges the names and the first bytes of a part.
func (l *look) Part(_ context.Context, p *scan.Part) error {
	if why := l.table.typed(p); why != "" {
		l.add(p, "xfile.name", p.Name(), why)
	}
	for _, name := range p.Names {
		if len(name) > maxName {
			l.findings = append(l.findings, scan.Finding{Rule: "limit.size", Part: p.Path, Name: name,
				Note: fmt.Sprintf("file name over %d bytes", maxName)})
		}
		if why := l.table.name(name[max(0, len(name)-maxName):]); why != "" && !isTitle(p, name) {
			l.add(p, "xfile.name", name, why)
			break
		}
	}
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if why := l.table.content(p, head); why != "" {
		l.add(p, "xfile.content", p.Name(), why)
	}
	return err
}

// End returns what was found.
func (l *look) End(context.Context) ([]scan.Finding, error) { return l.findings, nil }

func (l *look) add(p *scan.Part, rule, name, why string) {
	if p.Nest > 0 {
		rule = "xfile.member"
	}
	l.findings = append(l.findings, scan.Finding{Rule: rule, Part: p.Path, Name: name, Note: why})
}
