package archive_test

import (
	"strings"
	"testing"
)

func TestRAR(t *testing.T) {
	a, evil := rarEntry{name: "a.txt", data: "aaa"}, rarEntry{name: "x.dat", data: program}
	packed := func(e rarEntry, flags int) rarEntry {
		e.packed, e.flags = true, flags
		return e
	}
	found := []string{"xfile.member 1/a.rar/x.dat"}
	both := []string{"a.txt: aaa", "x.dat: program"}
	const unicode, versioned = 0x200, 0x800
	for _, c := range []fileCase{
		{"4, stored", "a.rar", rar4(0, a, evil), both, found},
		{"4, packed", "a.rar", rar4(0, packed(a, 0), packed(evil, 0)), both, found},
		{"4, clean", "a.rar", rar4(0, a), []string{"a.txt: aaa"}, nil},
		{"4, no end", "a.rar", rar4(0, a, evil)[:len(rar4(0, a, evil))-7], both, []string{"xfile.unreadable 1", "xfile.member 1/a.rar/x.dat"}},
		{"2, no end", "a.rar", strings.ReplaceAll(rar4(0, a, evil)[:len(rar4(0, a, evil))-7], "\x1d0", "\x140"), both, found},
		{"4, wide name", "a.rar", rar4(0, rarEntry{name: "x.txt\x00\x04\x00\x65\x2e\x65\x78\x00\x65", data: "x", flags: unicode}),
			nil, []string{"xfile.member 1/a.rar/e.exe"}},
		{"4, plain name dangerous", "a.rar", rar4(0, rarEntry{name: "x.exe\x00\x00\x00x.tx\x00t", data: "x", flags: unicode}),
			[]string{"x.txt|x.exe: x"}, []string{"xfile.member 1/a.rar/x.txt"}},
		{"4, older version", "a.rar", rar4(0, rarEntry{name: "x.exe;1", data: "x", flags: versioned}), nil, []string{"xfile.member 1/a.rar/x.exe;1"}},
		{"4, encrypted", "a.rar", rar4(0, rarEntry{name: "x.exe", data: "x", flags: 4}), nil,
			[]string{"xfile.encrypted 1/a.rar/x.exe", "xfile.member 1/a.rar/x.exe"}},
		{"4, encrypted names", "a.rar", rar4(0x80, a), nil, []string{"xfile.encrypted 1"}},
		{"4, goes on", "a.part1.rar", rar4(1, a, rarEntry{name: "x.exe", data: "x", flags: 2}), nil,
			[]string{"xfile.unreadable 1/a.part1.rar/x.exe", "xfile.member 1/a.part1.rar/x.exe"}},
		{"4, data cut off", "a.rar", rar4(0, evil)[:300], nil, []string{"xfile.unreadable 1/a.rar/x.dat", "xfile.unreadable 1"}},
		{"4, packed data damaged", "a.rar", rar4(0, rarEntry{name: "x.exe", data: strings.Repeat("\x55", 300), packed: true, flags: 0})[:60] + strings.Repeat("\xff", 400), nil,
			[]string{"xfile.unreadable 1/a.rar/x.exe", "xfile.unreadable 1", "xfile.member 1/a.rar/x.exe"}},
		{"4, header sum wrong", "a.rar", strings.Replace(rar4(0, packed(evil, 0)), "x.dat", "x.exe", 1), nil,
			[]string{"xfile.unreadable 1/a.rar/x.exe", "xfile.member 1/a.rar/x.exe"}},
		{"5, stored", "a.rar", rar5(a, evil), both, found},
		{"5, packed", "a.rar", rar5(packed(a, 0), packed(evil, 0)), both, found},
		{"5, solid", "a.rar", rar5(packed(a, 0), packed(evil, 0x40)), both, found},
		{"5, solid, damaged before", "a.rar", rar5(rarEntry{name: "a.txt", data: "a", packed: true, flags: 8}, packed(evil, 0x40)), nil,
			[]string{"xfile.unreadable 1/a.rar/a.txt", "xfile.unreadable 1/a.rar/x.dat"}},
		{"5, encrypted", "a.rar", rar5(rarEntry{name: "x.exe", data: "0123456789abcdef", extra: encryptedRecord}), nil,
			[]string{"xfile.encrypted 1/a.rar/x.exe", "xfile.member 1/a.rar/x.exe"}},
		{"5, goes on", "a.part1.rar", rar5(a, rarEntry{name: "x.exe", data: "x", flags: 16}), nil,
			[]string{"xfile.unreadable 1/a.part1.rar/x.exe", "xfile.member 1/a.part1.rar/x.exe"}},
		{"5, no end", "a.rar", rar5(a, evil)[:len(rar5(a, evil))-8], both, []string{"xfile.unreadable 1", "xfile.member 1/a.rar/x.dat"}},
		{"5, by content", "a.jpg", rar5(evil), []string{"x.dat: program"}, []string{"xfile.member 1/a.jpg/x.dat"}},
		{"behind a program", "a.dat", program + rar5(a, evil), nil, []string{"xfile.content 1", "xfile.member 1/a.dat/x.dat"}},
		{"4, behind a program", "a.dat", program + rar4(0, a, evil), nil, []string{"xfile.content 1", "xfile.member 1/a.dat/x.dat"}},
		{"zip behind a program", "a.dat", program + stored(t, member{"x.exe", "x"}), nil, []string{"xfile.content 1", "xfile.member 1/a.dat/x.exe"}},
		{"behind other bytes", "a.rar", "GIF89a" + rar5(evil), nil, found},
		{"a zip, called RAR", "a.rar", stored(t, member{"x.dat", program}), nil, found},
		{"RAR 1.4", "a.rar", "RE~^" + strings.Repeat("\x00", 100), nil, []string{"xfile.unreadable 1"}},
		{"version unknown", "a.rar", "Rar!\x1a\x07\x02\x00" + strings.Repeat("\x00", 100), nil, []string{"xfile.unreadable 1"}},
	} {
		c.run(t)
	}
}

func TestRARTruncated(t *testing.T) {
	a, evil := rarEntry{name: "a.txt", data: "aaa"}, rarEntry{name: "x.dat", data: program}
	truncate(t, "4", "a.rar", rar4(0, a, evil)[:len(rar4(0, a, evil))-7], 0)
	truncate(t, "5", "a.rar", rar5(a, evil), 0)
	a.packed, evil.packed = true, true
	truncate(t, "5, packed", "a.rar", rar5(a, evil), 0)
}
