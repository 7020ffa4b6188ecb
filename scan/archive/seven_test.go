package archive_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

// fileCase is an archive, the members it must show and what is found.
type fileCase struct {
	name, file, data string
	members, found   []string
}

func (c fileCase) run(t *testing.T) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		members, found, v := open(t, c.file, c.data, rules.Limit{})
		if diff := cmp.Diff(c.members, members); diff != "" && c.members != nil {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.found, found); diff != "" {
			t.Errorf("found (-want +got):\n%s %v", diff, v.Findings)
		}
	})
}

func TestSeven(t *testing.T) {
	a, b, evil := member{"a.txt", "aaa"}, member{"b.txt", "bbb"}, member{"x.dat", program}
	plain := sevenZip(nil, plainFolder(a, evil))
	header := sevenHeader(nil, plainFolder(a, evil))
	packedHeader := lzma2ed(t, header)
	found := []string{"xfile.member 1/a.7z/x.dat"}
	for _, c := range []fileCase{
		{"stored", "a.7z", plain, []string{"a.txt: aaa", "x.dat: program"}, found},
		{"two folders", "a.7z", sevenZip(nil, plainFolder(a), plainFolder(evil)), []string{"a.txt: aaa", "x.dat: program"}, found},
		{"clean", "a.7z", sevenZip(nil, plainFolder(a, b)), []string{"a.txt: aaa", "b.txt: bbb"}, nil},
		{"LZMA2", "a.7z", sevenZip(nil, folder{lzma2Coder, lzma2ed(t, "aaa"+program), []member{a, evil}}), []string{"a.txt: aaa", "x.dat: program"}, found},
		{"encoded header", "a.7z", sevenFile("aaa"+program+packedHeader, strings.Replace(encodedHeader(lzma2Coder, header, packedHeader), "\x06\x00", "\x06"+number(len(program)+3), 1)),
			[]string{"a.txt: aaa", "x.dat: program"}, found},
		{"empty files", "a.7z", sevenZip([]string{"e.exe", "f.txt"}, plainFolder(a)), []string{"a.txt: aaa", "e.exe: -", "f.txt: -"}, []string{"xfile.member 1/a.7z/e.exe"}},
		{"no data at all", "a.7z", sevenZip([]string{"e.exe"}), []string{"e.exe: -"}, []string{"xfile.member 1/a.7z/e.exe"}},
		{"name alone", "a.7z", sevenZip(nil, plainFolder(member{"x.exe", "x"})), []string{"x.exe: x"}, []string{"xfile.member 1/a.7z/x.exe"}},
		{"no members", "a.7z", sevenFile("", ""), nil, nil},
		{"by content", "a.jpg", plain, []string{"a.txt: aaa", "x.dat: program"}, []string{"xfile.member 1/a.jpg/x.dat"}},
		{"encrypted data", "a.7z", sevenZip(nil, folder{aesCoder, "0123456789abcdef", []member{a, {"x.exe", ""}}}), nil,
			[]string{"xfile.encrypted 1/a.7z/a.txt", "xfile.encrypted 1/a.7z/x.exe", "xfile.member 1/a.7z/x.exe"}},
		{"encrypted names", "a.7z", sevenFile("0123456789abcdef", encodedHeader(aesCoder, header, "0123456789abcdef")), nil, []string{"xfile.encrypted 1"}},
		{"unknown method", "a.7z", sevenZip(nil, folder{oddCoder, "xxx", []member{a, {"x.exe", ""}}}), nil,
			[]string{"xfile.unreadable 1/a.7z/a.txt", "xfile.unreadable 1/a.7z/x.exe", "xfile.member 1/a.7z/x.exe"}},
		{"damaged folder", "a.7z", sevenZip(nil, folder{lzma2Coder, "\xff\xff\xff", []member{a}}, plainFolder(evil)), nil,
			[]string{"xfile.unreadable 1/a.7z/a.txt", "xfile.member 1/a.7z/x.dat"}},
		{"more files than data", "a.7z", sevenFile("aaa"+program, strings.Replace(header, "\x08\x0d\x02\x09\x03\x00\x00", "\x08\x0d\x01\x00\x00", 1)), nil,
			[]string{"xfile.unreadable 1/a.7z/x.dat"}},
		{"data of no file", "a.7z", sevenFile(program, "\x01\x04\x06\x00\x01\x09\xff"+le64(512)+"\x00\x07\x0b\x01\x00"+copyCoder+"\x0c\xff"+le64(512)+"\x00\x08\x0d\x00\x00\x00\x00"), nil,
			[]string{"xfile.unreadable 1"}},
		{"absurd number of files in a folder", "a.7z", sevenFile("aaa"+program, strings.Replace(header, "\x08\x0d\x02\x09\x03\x00\x00", "\x08\x0d\xf0\x00\x00\x00\x80\x00\x00", 1)), nil,
			[]string{"xfile.unreadable 1"}},
		{"cut off in its header", "a.7z", plain[:len(plain)-9], nil, []string{"xfile.unreadable 1"}},
		{"first volume", "a.7z.001", plain[:len(plain)/2], nil, []string{"xfile.unreadable 1"}},
		{"second volume", "a.7z.002", plain[len(plain)/2:], nil, []string{"xfile.unreadable 1"}},
		{"behind a program", "a.dat", program + plain, nil, []string{"xfile.content 1", "xfile.member 1/a.dat/x.dat"}},
		{"behind a script", "a.run", "#!/bin/sh\nexit\n" + plain, nil, []string{"xfile.name 1", "xfile.member 1/a.run/x.dat"}},
		{"behind other bytes", "a.7z", "GIF89a" + plain, nil, []string{"xfile.member 1/a.7z/x.dat"}},
		{"none, though called one", "a.7z", "just text", nil, []string{"xfile.unreadable 1"}},
		{"mark in a program", "a.dat", "\x7fELF" + strings.Repeat("\x00", 20) + "7z\xbc\xaf\x27\x1c" + strings.Repeat("\x01", 100), nil, []string{"xfile.content 1"}},
	} {
		c.run(t)
	}
}

// TestSevenGrave holds archives whose names stay hidden.
func TestSevenGrave(t *testing.T) {
	data := func(name string) string {
		return sevenZip(nil, folder{aesCoder, "0123456789abcdef", []member{{name, "xxx"}}})
	}
	for _, c := range []struct {
		data string
		want rules.Action
	}{
		{data("a.txt"), rules.Tag},
		{data("in.zip"), rules.Hold},
		{sevenFile("0123456789abcdef", encodedHeader(aesCoder, "0123456789abcdef", "0123456789abcdef")), rules.Hold},
		{rar5(rarEntry{name: "a.txt", data: "0123456789abcdef", extra: encryptedRecord}), rules.Tag},
		{rar4(0, rarEntry{name: "a.txt", data: "0123456789abcdef", flags: 4}), rules.Tag},
		{rar4(0x80), rules.Hold},
		{"Rar!\x1a\x07\x01\x00" + rar5Block("\x04\x00\x00\x00\x0f0123456789abcdef", ""), rules.Hold},
	} {
		_, _, v := open(t, "a.bin", c.data, rules.Limit{})
		if got := v.Worst(); got.Rule != "xfile.encrypted" || got.Action != c.want {
			t.Errorf("%q: %s %s, want %s", c.data[:20], got.Rule, got.Action, c.want)
		}
	}
}

func TestSevenTruncated(t *testing.T) {
	a, evil := member{"a.txt", "aaa"}, member{"x.dat", program}
	truncate(t, "stored", "a.7z", sevenZip(nil, plainFolder(a, evil)), 0)
	truncate(t, "LZMA2", "a.7z", sevenZip(nil, folder{lzma2Coder, lzma2ed(t, "aaa"+program), []member{a, evil}}), 0)
}
