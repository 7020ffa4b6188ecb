package main

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// oleFile is a storage (of kids) or a stream of an OLE file.
type oleFile struct {
	name, data string
	kids       []oleFile
}

// Sector numbers with a meaning of their own.
const (
	oleEnd  = 0xfffffffe
	oleNone = 0xffffffff
)

// oleWriter builds an OLE file ([MS-CFB]) of 512-byte sectors: streams, then the
// directory, then the FAT. There is no mini stream: short streams are made long.
type oleWriter struct {
	fat   []uint32
	body  strings.Builder
	nodes []oleNode
}

type oleNode struct {
	oleFile
	kind         byte
	right, child uint32
}

// ole is an OLE file whose root has this class.
func ole(class string, kids ...oleFile) string {
	w := &oleWriter{nodes: []oleNode{{oleFile: oleFile{name: "Root Entry"}, kind: 5, right: oleNone}}}
	w.nodes[0].child = w.add(kids)
	le := binary.LittleEndian
	var dir []byte
	for _, n := range w.nodes {
		b := make([]byte, 128)
		name := utf16.Encode([]rune(n.name))
		for i, u := range name {
			le.PutUint16(b[2*i:], u)
		}
		le.PutUint16(b[64:], uint16(2*len(name)+2))
		b[66], b[67] = n.kind, 1
		le.PutUint32(b[68:], oleNone)
		le.PutUint32(b[72:], n.right)
		le.PutUint32(b[76:], n.child)
		le.PutUint32(b[116:], oleEnd)
		switch n.kind {
		case 5:
			copy(b[80:], class)
		case 2:
			le.PutUint32(b[116:], w.put(olePad(n.data, 4096)))
			le.PutUint32(b[120:], uint32(max(4096, len(n.data))))
		}
		dir = append(dir, b...)
	}
	return w.finish(w.put(string(dir)))
}

// add appends entries, each the right sibling of the one before.
func (w *oleWriter) add(kids []oleFile) uint32 {
	if len(kids) == 0 {
		return oleNone
	}
	at := len(w.nodes)
	kind := byte(2)
	if kids[0].kids != nil {
		kind = 1
	}
	w.nodes = append(w.nodes, oleNode{oleFile: kids[0], kind: kind})
	child := w.add(kids[0].kids)
	right := w.add(kids[1:])
	w.nodes[at].child, w.nodes[at].right = child, right
	return uint32(at)
}

// put appends sectors and returns the number of the first.
func (w *oleWriter) put(data string) uint32 {
	start := uint32(len(w.fat))
	for len(data) > 0 {
		n := min(len(data), 512)
		w.body.WriteString(olePad(data[:n], 512))
		data = data[n:]
		w.fat = append(w.fat, uint32(len(w.fat)+1))
	}
	w.fat[len(w.fat)-1] = oleEnd
	return start
}

// finish puts the header before the sectors and the FAT behind them.
func (w *oleWriter) finish(dir uint32) string {
	le := binary.LittleEndian
	tables := 1
	for tables*128 < len(w.fat)+tables {
		tables++
	}
	h := make([]byte, 512)
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	copy(h[24:], "\x3e\x00\x03\x00\xfe\xff\x09\x00\x06\x00")
	le.PutUint32(h[44:], uint32(tables))
	le.PutUint32(h[48:], dir)
	le.PutUint32(h[56:], 4096)
	le.PutUint32(h[60:], oleEnd)
	le.PutUint32(h[68:], oleEnd)
	for i := range 109 {
		le.PutUint32(h[76+4*i:], oleNone)
	}
	for i := range tables {
		le.PutUint32(h[76+4*i:], uint32(len(w.fat)))
		w.fat = append(w.fat, 0xfffffffd)
	}
	for len(w.fat) < tables*128 {
		w.fat = append(w.fat, oleNone)
	}
	var table []byte
	for _, n := range w.fat {
		table = le.AppendUint32(table, n)
	}
	return string(h) + w.body.String() + string(table)
}

func olePad(s string, n int) string { return s + strings.Repeat("\x00", max(0, n-len(s))) }

func ole16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func ole32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// oleWide is UTF-16 without a mark.
func oleWide(s string) string { return utf16le(s)[2:] }

// vbaProject is a VBA project without a line of code.
func vbaProject() string {
	return ole("", vbaStorage("VBA"), oleFile{name: "PROJECT", data: "ID=\"\"\r\n"})
}

func vbaStorage(name string) oleFile {
	return oleFile{name: name, kids: []oleFile{{name: "dir", data: "x"}, {name: "_VBA_PROJECT", data: "\xcc\x61"}}}
}

// olePackage is a file as the Packager embeds it.
func olePackage(name, data string) string {
	s := ole16(2) + name + "\x00C:\\" + name + "\x00\x00\x00\x03\x00" + ole32(len(name)+4) + "C:\\" + name + "\x00" + ole32(len(data)) + data
	return ole("", oleFile{name: "\x01Ole10Native", data: ole32(len(s)) + s})
}

// oleWorkbook is an Excel stream of records: a type, then the body of each.
func oleWorkbook(records ...any) string {
	s := ole16(0x809) + ole16(16) + "\x00\x06\x05\x00" + strings.Repeat("\x00", 12)
	for i := 0; i < len(records); i += 2 {
		body := records[i+1].(string)
		s += ole16(records[i].(int)) + ole16(len(body)) + body
	}
	return ole("", oleFile{name: "Workbook", data: s + ole16(10) + ole16(0)})
}

// oleMessage is an Outlook message with one attachment.
func oleMessage(subject, body, name, data string) string {
	property := func(id, data string) oleFile { return oleFile{name: "__substg1.0_" + id, data: data} }
	// Streams here are as long as a sector needs; text ends at its NUL.
	return ole("",
		oleFile{name: "__properties_version1.0", data: "\x00"},
		oleFile{name: "__nameid_version1.0", kids: []oleFile{{name: "__substg1.0_00020102", data: "\x00"}}},
		property("0037001F", oleWide(subject)), property("1000001F", oleWide(body)),
		oleFile{name: "__attach_version1.0_#00000000", kids: []oleFile{
			property("3707001F", oleWide(name)), property("37010102", data),
		}})
}
