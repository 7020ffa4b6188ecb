package document_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/richardlehane/mscfb"

	"qguard/rules"
)

// native is a \1Ole10Native stream as the Packager writes it.
func native(label, file, path, data, wide string) ofile {
	s := le16(2) + label + "\x00" + file + "\x00\x00\x00\x03\x00" + le32(len(path)+1) + path + "\x00" + le32(len(data)) + data
	if wide != "" {
		s += le32(len(wide)) + wideText(wide)
	}
	return ofile{name: "\x01Ole10Native", data: le32(len(s)) + s}
}

// biff is a workbook stream of records, each a type and its body.
func biff(records ...any) string {
	s := le16(0x809) + le16(16) + "\x00\x06\x05\x00" + strings.Repeat("\x00", 12)
	for i := 0; i < len(records); i += 2 {
		body := records[i+1].(string)
		s += le16(records[i].(int)) + le16(len(body)) + body
	}
	return long(s + le16(10) + le16(0))
}

func deflated(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

func record(word, kind int, body string) string {
	return le16(word) + le16(kind) + le32(len(body)) + body
}

// vba is a VBA project.
func vba() ofile {
	return storage("Macros", storage("VBA", ofile{name: "dir", data: "x"}, ofile{name: "_VBA_PROJECT", data: "x"}))
}

var (
	equation = class(0x0002ce02, 0, 0, com)
	mathType = class(0x0002ce03, 0, 0, com)
	flash    = class(0xd27cdb6e, 0xae6d, 0x11cf, "\x96\xb8\x44\x45\x53\x54\x00\x00")
	msi      = class(0x000c1084, 0, 0, com)
	msp      = class(0x000c1086, 0, 0, com)
	urlName  = class(0x79eac9e0, 0xbaf9, 0x11ce, "\x8c\x82\x00\xaa\x00\x4b\xa9\x0b")
	fileName = class(0x00000303, 0, 0, com)
	script   = class(0x06290bd3, 0x48aa, 0x11d2, "\x84\x32\x00\x60\x08\xc3\xfb\xfc")
)

func TestOLE(t *testing.T) {
	project, sheet := "xfile.macro: VBA project", "xfile.macro: Excel 4 macro sheet"
	doc := func(s string) ofile { return ofile{name: "WordDocument", data: long(s)} }
	book := func(records ...any) ofile { return ofile{name: "Workbook", data: biff(records...)} }
	ole := func(data string) ofile {
		return storage("ObjectPool", storage("_1", ofile{name: "\x01Ole", data: "\x01\x00\x00\x02" + strings.Repeat("\x00", 20) + data}))
	}
	embedded := deflated(compound("", vba()))
	for _, c := range []struct {
		name  string
		data  string
		want  []string
		parts []string
	}{
		{"plain", compound("", doc("\xec\xa5hello"), ofile{name: "1Table", data: "x"}), nil, nil},
		{"macros", compound("", doc("\xec\xa5"), vba()), []string{project}, nil},
		{"macros of Excel", compound("", book(), storage("_VBA_PROJECT_CUR", ofile{name: "PROJECT", data: "x"})), []string{project}, nil},
		{"macros deep down", compound("", storage("a", storage("b", vba()))), []string{project}, nil},
		{"worksheet", compound("", book(0x85, "\x00\x00\x00\x00\x00\x00\x01\x00a")), nil, nil},
		{"macro sheet", compound("", book(0x85, "\x00\x00\x00\x00\x00\x01\x01\x00a")), []string{sheet}, nil},
		{"macro sheet, very hidden", compound("", book(0x85, "\x00\x00\x00\x00\x02\x01\x01\x00a")), []string{sheet}, nil},
		{"macro sheet that is not listed", compound("", book(0x809, "\x00\x06\x40\x00")), []string{sheet}, nil},
		{"macro sheet, Excel 5", compound("", ofile{name: "Book", data: biff(0x85, "\x00\x00\x00\x00\x00\x01\x01a")}), []string{sheet}, nil},
		{"encrypted workbook", compound("", book(0x2f, "\x01\x00")), []string{"xfile.encrypted: encrypted workbook"}, nil},
		{"DDE in a workbook", compound("", book(0x1ae, "\x00\x00\x06\x00\x00cmd\x03/c", 0x23, "\xe2\x7f\x00\x00\x00\x00\x01\x00a")), []string{"xfile.active: DDE link"}, nil},
		{"a linked object in a workbook", compound("", book(0x1ae, "\x00\x00\x06\x00\x00cmd\x03/c", 0x23, "\x10\x00\x00\x00\x00\x00\x01\x00a")), nil, nil},
		{"a linked workbook", compound("", book(0x1ae, "\x00\x00\x06\x00\x00\x01a\x03xls", 0x23, "\x00\x00\x00\x00\x00\x00\x01\x00a")), nil, nil},
		{"encrypted document", compound("", doc("\xec\xa5\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")), []string{"xfile.encrypted: encrypted Word document"}, nil},
		{"field", compound("", doc("\xec\xa5"+strings.Repeat("x", 40000)+"\x13 DDEAUTO c:\\x\x15")), []string{"xfile.active: DDE field"}, nil},
		{"field, wide", compound("", doc("\xec\xa5"+wideText("\x13dde x\x15"))), []string{"xfile.active: DDE field"}, nil},
		{"another field", compound("", doc("\xec\xa5"+wideText("\x13PAGE\x15 \x13 DDEX\x15"))), nil, nil},
		{"encrypted package", compound("", ofile{name: "EncryptionInfo", data: "x"}, ofile{name: "EncryptedPackage", data: long("x")}), []string{"xfile.encrypted: encrypted Office document"}, nil},
		{"encrypted presentation", compound("", ofile{name: "Current User", data: record(0, 0xff6, le32(20)+"\xdf\xc4\xd1\xf3")}), []string{"xfile.encrypted: encrypted presentation"}, nil},
		{"presentation", compound("", ofile{name: "Current User", data: record(0, 0xff6, le32(20)+"\x5f\xc0\x91\xe3")}), nil, nil},
		{"presentation with an object", compound("", ofile{name: "PowerPoint Document", data: long(record(15, 1000, record(0, 1, "x")) + record(0x10, 0x1011, le32(3072)+embedded))}), []string{project},
			[]string{"1/object|object: 3072 bytes"}},
		{"presentation with a damaged object", compound("", ofile{name: "PowerPoint Document", data: long(record(0x10, 0x1011, le32(3072)+embedded[:len(embedded)/2]))}),
			[]string{"xfile.unreadable: damaged embedded object"}, nil},
		{"package", compound("", native("a.txt", `C:\x\a.exe`, `C:\t\b.js`, "MZ", "c.txt")), nil, []string{`1/C:\x\a.exe|C:\x\a.exe|a.txt|C:\t\b.js|c.txt: "MZ"`}},
		{"long package", compound("", native("a.txt", "a.txt", "a.txt", strings.Repeat("x", 9000), "")), nil, []string{"1/a.txt|a.txt: 9000 bytes"}},
		{"package that claims too much", compound("", ofile{name: "\x01Ole10Native", data: strings.Replace(native("a", "b", "c", "MZ", "").data, le32(2)+"MZ", le32(1<<31-1)+"MZ", 1)}), nil, []string{`1/b|b|a|c: "MZ"`}},
		{"another program's data", compound("", ofile{name: "\x01Ole10Native", data: le32(2) + "BM"}), nil, []string{`1/Ole10Native|Ole10Native: "BM"`}},
		{"embedded document", compound("", storage("ObjectPool", storage("_1", ofile{name: "Package", data: "PK"}))), nil, []string{`1/Package|Package: "PK"`}},
		{"Equation Editor", compound("", ofile{name: "_1", class: equation, kids: []ofile{}}), []string{"xfile.active: Equation Editor object"}, nil},
		{"Equation Editor's data", compound("", storage("_1", ofile{name: "Equation Native", data: "x"})), []string{"xfile.active: Equation Editor object"}, nil},
		{"Equation Editor in CompObj", compound("", ofile{name: "\x01CompObj", data: "\x01\x00\xfe\xff\x03\x0a\x00\x00\xff\xff\xff\xff" + equation}), []string{"xfile.active: Equation Editor object"}, nil},
		{"MathType", compound("", ofile{name: "_1", class: mathType, kids: []ofile{{name: "Equation Native", data: "x"}}}), nil, nil},
		{"Flash", compound("", ofile{name: "_1", class: flash, kids: []ofile{}}), []string{"xfile.active: Flash object"}, nil},
		{"control", compound("", storage("_1", ofile{name: "\x03OCXNAME", data: "x"})), []string{"xfile.active: ActiveX control"}, nil},
		{"linked object", compound("", ole(urlName+le32(20)+wideText("http://example.net/a")+"\x00\x00")), []string{"xfile.link: remote object"}, nil},
		{"linked object on a share", compound("", ole(fileName+"\x00\x00"+le32(9)+"\\\\host\\a\x00")), []string{"xfile.link: remote object"}, nil},
		{"linked object on a disk", compound("", ole(fileName+"\x00\x00"+le32(9)+"C:\\a\\b\x00")), nil, nil},
		{"script", compound("", ole(script)), []string{"xfile.active: script object"}, nil},
		{"installer", compound(msi, ofile{name: "x", data: long("x")}), nil, nil}, // the look for unsafe files has it
		{"installer, root far behind", compound(msi, ofile{name: "x", data: strings.Repeat("x", 40000)}), []string{"xfile.content: Windows installer"}, nil},
		{"patch", compound(msp, ofile{name: "x", data: long("x")}), []string{"xfile.content: Windows installer"}, nil},
		{"name longer than its length", strings.Replace(compound("", storage("VBAx")), wideText("VBAx")+strings.Repeat("\x00", 56)+le16(10), wideText("VBAx")+strings.Repeat("\x00", 56)+le16(8), 1), []string{project}, nil},
		{"name shorter than its length", strings.Replace(compound("", storage("VBA?x")), "?\x00", "\x00\x00", 1), []string{project}, nil},
		{"small streams of another length", compound("", doc("x"))[:56] + le32(64) + compound("", doc("x"))[60:], []string{"xfile.unreadable: OLE file with small streams of another length"}, nil},
		{"zeros", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 2000), nil, nil},
		{"cut off", compound("", doc("x"), vba())[:600], []string{"xfile.unreadable: damaged OLE file: no directory"}, nil},
		{"not OLE", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe2" + compound("", vba()), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "", c.data, 0, rules.Limit{})
			if diff := cmp.Diff(c.want, r.found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.parts, r.parts); diff != "" && c.parts != nil {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOLEBroken finds the names in files whose tables are destroyed.
func TestOLEBroken(t *testing.T) {
	whole := compound("", ofile{name: "WordDocument", data: long("\xec\xa5")}, vba())
	for at := 24; at < 512; at += 4 {
		for _, with := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\xff\xff\xff\x7f", "\x01\x00\x00\x00"} {
			r := open(t, "", whole[:at]+with+whole[at+4:], 0, rules.Limit{})
			if !slices.Contains(r.found, "xfile.macro: VBA project") {
				t.Errorf("%x at %d: found %q", with, at, r.found)
			}
		}
	}
	for n := range len(whole) {
		r := open(t, "", whole[:n], 0, rules.Limit{})
		if n > 24 && len(r.found) == 0 {
			t.Errorf("the first %d of %d bytes are clean", n, len(whole))
		}
	}
}

// TestOLEChains reads files whose chains turn round.
func TestOLEChains(t *testing.T) {
	whole := compound("", native("a", "b.exe", "c", strings.Repeat("x", 20000), ""), vba())
	table := len(whole) - 512
	for i := range 128 {
		for _, to := range []int{0, i, i + 2, 127, 1 << 30} {
			data := whole[:table+4*i] + le32(to) + whole[table+4*i+4:]
			if r := open(t, "", data, 0, rules.Limit{}); !slices.Contains(r.found, "xfile.macro: VBA project") {
				t.Errorf("sector %d to %d: found %q", i, to, r.found)
			}
		}
	}
}

// TestOLELimits crosses the limits.
func TestOLELimits(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Members = 5
	var many []ofile
	for i := range 6 {
		many = append(many, storage(fmt.Sprintf("_%d", i), native("a", "b", "c", "x", "")))
	}
	if r := open(t, "", compound("", many[:5]...), 0, limit); len(r.found) > 0 {
		t.Errorf("found %q", r.found)
	}
	if r := open(t, "", compound("", many...), 0, limit); !cmp.Equal(r.found, []string{"limit.parts: more than 5 archive members"}) {
		t.Errorf("found %q", r.found)
	}
	// Streams that lie on one another.
	many = nil
	for range 100 {
		many = append(many, ofile{name: "Book", data: strings.Repeat("\x00", 5000)})
	}
	data := []byte(compound("", many...))
	for i := bytes.Index(data, []byte("B\x00o\x00o\x00k")); i+128 <= len(data); i += 128 {
		if string(data[i:i+2]) == "B\x00" {
			copy(data[i+116:], le32(0)+le32(400000))
		}
	}
	for i := len(data) - 512*9; i+4 < len(data); i += 4 {
		if n := int(data[i]) | int(data[i+1])<<8; n > 0 && n < 1000 && data[i+3] == 0 {
			continue
		} else if data[i] == 0xfe { // every chain goes on with the next
			copy(data[i:], le32((i-(len(data)-512*9))/4+1))
		}
	}
	want := []string{"limit.size: streams of an OLE file overlap"}
	if r := open(t, "", string(data), 0, rules.Limit{}); !cmp.Equal(r.found, want) {
		t.Errorf("found %q", r.found)
	}
}

// TestOLEDifferential compares the entries with another reader's.
func TestOLEDifferential(t *testing.T) {
	data := compound("", ofile{name: "WordDocument", data: long("x")}, vba(), native("a", "b", "c", "MZ", ""), storage("s", ofile{name: "t", data: "uv"}))
	r, err := mscfb.New(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for e, err := r.Next(); err == nil; e, err = r.Next() {
		s, err := io.ReadAll(e)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		got[strings.Join(append(e.Path, e.Name), "/")] = string(s)
	}
	for name, want := range map[string]string{"WordDocument": long("x"), "Macros/VBA/dir": "x", "s/t": "uv"} {
		if got[name] != want {
			t.Errorf("%s: got %.20q", name, got[name])
		}
	}
}

// TestOldWorkbook judges workbooks without OLE.
func TestOldWorkbook(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"Excel 2 sheet", "\x09\x00\x04\x00\x02\x00\x10\x00\x0a\x00\x00\x00", nil},
		{"Excel 2", "\x09\x00\x04\x00\x02\x00\x40\x00\x0a\x00\x00\x00", []string{"xfile.macro: Excel 4 macro sheet"}},
		{"Excel 3", "\x09\x02\x06\x00\x00\x03\x40\x00\x00\x00\x0a\x00\x00\x00", []string{"xfile.macro: Excel 4 macro sheet"}},
		{"Excel 4", "\x09\x04\x06\x00\x00\x04\x40\x00\x00\x00\x0a\x00\x00\x00", []string{"xfile.macro: Excel 4 macro sheet"}},
		{"Excel 5", "\x09\x08\x08\x00\x00\x05\x40\x00\x00\x00\x00\x00\x0a\x00\x00\x00", []string{"xfile.macro: Excel 4 macro sheet"}},
		{"text", "\t\x04 tabs", nil},
	} {
		if diff := cmp.Diff(c.want, open(t, "a.xls", c.data, 0, rules.Limit{}).found); diff != "" {
			t.Errorf("%s: found (-want +got):\n%s", c.name, diff)
		}
	}
}
