package document_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

// attachment is a storage of an Outlook message.
func attachment(n string, props map[string]string) ofile {
	var kids []ofile
	var ids []string
	for id := range props {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		kids = append(kids, ofile{name: "__substg1.0_" + id, data: props[id]})
	}
	return storage("__attach_version1.0_#0000000"+n, kids...)
}

func outlook(kids ...ofile) string {
	return compound("", append([]ofile{{name: "__properties_version1.0", data: strings.Repeat("\x00", 32)}, storage("__nameid_version1.0", ofile{name: "x", data: "x"})}, kids...)...)
}

func TestMessage(t *testing.T) {
	prop := func(id, data string) ofile { return ofile{name: "__substg1.0_" + id, data: data} }
	evil := attachment("0", map[string]string{"3707001F": wideText("invoice.pdf"), "3704001E": "invoice~1.exe", "37010102": "MZ", "370E001F": wideText("Application/PDF")})
	inner := storage("__attach_version1.0_#00000001", prop("3001001F", wideText("fwd")),
		storage("__substg1.0_3701000D", prop("0037001F", wideText("inner")), prop("1000001E", "text\xe4"), evil))
	deep := evil
	for range 20 {
		deep = storage("__attach_version1.0_#00000000", storage("__substg1.0_3701000D", deep))
	}
	for _, c := range []struct {
		name, data, text string
		parts, found     []string
	}{
		{"attachment", outlook(prop("0037001F", wideText("Subject")), prop("1000001F", wideText("Body")), evil), "SubjectBody",
			[]string{`1/invoice.pdf|invoice.pdf|invoice~1.exe|application/pdf: "MZ"`}, nil},
		{"HTML", outlook(prop("10130102", "<p>a</p>")), "<p>a</p>\na\n", nil, nil},
		{"inner message", outlook(inner), "innertext\xe4", []string{`1/invoice.pdf|invoice.pdf|invoice~1.exe|application/pdf: "MZ"`}, nil},
		{"too deep", outlook(deep), "", []string{`1/invoice.pdf|invoice.pdf|invoice~1.exe|application/pdf: "MZ"`}, []string{"limit.depth: nested too deep to look inside"}},
		{"signed", outlook(attachment("0", map[string]string{"370E001F": wideText("multipart/signed"), "37010102": "A: b\n\nc"})), "",
			[]string{`1/attachment|attachment: "A: b\n\nc"`, `1/attachment|message/rfc822: "A: b\n\nc"`}, nil},
		{"name alone", outlook(attachment("0", map[string]string{"370D001F": wideText(`\\host\a.exe`)})), "", []string{`1/\\host\a.exe|\\host\a.exe: ""`}, nil},
		{"extension", outlook(attachment("0", map[string]string{"3704001F": wideText("A.TXT"), "3703001F": wideText(".exe"), "370C001F": wideText("b"), "37010102": "x"})), "", []string{`1/A.TXT|A.TXT|b|A.TXT.exe: "x"`}, nil},
		{"extension known", outlook(attachment("0", map[string]string{"3704001F": wideText("A.TXT"), "3703001F": wideText(".txt"), "37010102": "x"})), "", []string{`1/A.TXT|A.TXT: "x"`}, nil},
		{"plain", outlook(prop("1000001F", wideText("Body"))), "Body", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "a.msg", c.data, 0, rules.Limit{})
			if r.text != c.text {
				t.Errorf("text %q, want %q", r.text, c.text)
			}
			if diff := cmp.Diff(c.parts, r.parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, r.found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	section = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"
	store   = "\x3f\xdd\x9a\x10\x1b\x91\xf5\x49\xa5\xd0\x17\x91\xed\xc8\xae\xd8"
	object  = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
)

// oneNote is a section with what follows its header.
func oneNote(body string) string {
	return section + strings.Repeat("\x00", 32) + store + strings.Repeat("\x00", 1000) + body
}

func oneFile(size int, data string) string {
	return object + le32(size) + le32(0) + strings.Repeat("\x00", 12) + data
}

func oneName(s string) string { return le32(2*len(s)+2) + wideText(s) + "\x00\x00" }

func TestOneNote(t *testing.T) {
	for _, c := range []struct {
		name, data   string
		parts, found []string
	}{
		{"file", oneNote(oneName("Open me.hta") + oneFile(2, "MZ")), []string{`1/Open me.hta|Open me.hta: "MZ"`}, nil},
		{"file behind much", oneNote(strings.Repeat("x", 65536-1056) + oneFile(2, "MZ")), []string{`1/embedded file|embedded file: "MZ"`}, nil},
		{"two", oneNote(oneFile(1, "a") + "zz" + oneFile(1, "b")), []string{`1/embedded file|embedded file: "a"`, `1/embedded file|embedded file: "b"`}, nil},
		{"length too long", oneNote(oneFile(1<<31-1, "MZ")), []string{`1/embedded file|embedded file: "MZ"`}, nil},
		{"no file", oneNote(oneName("a.exe")), nil, nil},
		{"what is no name", oneNote(oneName("see http://example.com") + oneName("a@example.com") + oneFile(2, "MZ")), []string{`1/embedded file|embedded file: "MZ"`}, nil},
		{"another form", strings.Replace(oneNote("x"), store, strings.Repeat("x", 16), 1), nil, []string{"xfile.unreadable: OneNote section in another form than files have"}},
		{"overlapping", oneNote(strings.Repeat(oneFile(1<<31-1, ""), 1000)), nil, []string{"limit.size: objects of a OneNote section overlap"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "", c.data, 0, rules.Limit{})
			if diff := cmp.Diff(c.parts, r.parts); diff != "" && c.name != "overlapping" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, r.found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWebArchive(t *testing.T) {
	mht := "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
	message := func(s string) []string { return []string{"1|message/rfc822: " + s} }
	for _, c := range []struct {
		name, file, data string
		want             []string
	}{
		{"web archive", "a.doc", mht, message("\"MIME-Version: 1.0\\r\\nContent-Type: multipart/related; boundary=b\\r\\n\\r\\n--b\\r\\n\"")},
		{"fields before", "a.xls", "From: <Saved>\r\nSubject: x\r\n y\r\n" + mht, message("102 bytes")},
		{"behind another format", "a.doc", "%PDF-1.7\n1 0 obj\n\n" + mht, message("\"MIME-Version: 1.0\\r\\nContent-Type: multipart/related; boundary=b\\r\\n\\r\\n--b\\r\\n\"")},
		{"by its name a message", "a.mht", mht, nil},
		{"text", "a.txt", mht, nil},
		{"one part", "a.doc", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nx", nil},
		{"OLE", "a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600) + "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, c.file, c.data, 0, rules.Limit{})
			if diff := cmp.Diff(c.want, r.parts); diff != "" || len(r.found) > 0 {
				t.Errorf("parts (-want +got):\n%s, found %q", diff, r.found)
			}
		})
	}
}

func TestActiveMime(t *testing.T) {
	project := []string{"xfile.macro: VBA project"}
	mso := "ActiveMime\x00\x00" + strings.Repeat("\x01", 38)
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"VBA", mso + deflated(compound("", vba())), project},
		{"VBA behind more", mso + strings.Repeat("\x78\x9c\x00", 100) + deflated(compound("", vba())), project},
		{"no VBA", mso + deflated(compound("", ofile{name: "x", data: "x"})), nil},
		{"no data", mso, []string{"xfile.unreadable: ActiveMime data cannot be unpacked"}},
	} {
		if diff := cmp.Diff(c.want, open(t, "editdata.mso", c.data, 0, rules.Limit{}).found); diff != "" {
			t.Errorf("%s: found (-want +got):\n%s", c.name, diff)
		}
	}
}
