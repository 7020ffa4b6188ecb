package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"log"
	"strings"
)

// volumeCases are old archives and disk images.
func volumeCases() []testCase {
	plan, minutes := member{"plan.txt", program}, member{"minutes.txt", minutes}
	file := func(name, data string) string { return attach("Files", "application/octet-stream", name, data) }
	long := []member{{"LONGIS~1.TXT", minutes.data}}
	return []testCase{
		{"cab", "A cabinet, MSZIP in two blocks: the program is found.", file("plans.cab", cabinet(1, minutes, member{"long.txt", strings.Repeat(minutes.data, 150)}, plan))},
		{"cab-clean", "The same without the program.", file("plans.cab", cabinet(1, minutes, member{"long.txt", strings.Repeat(minutes.data, 150)}))},
		{"cab-quantum", "A cabinet in a method that is not read here: its harmless names are not enough.", file("plans.cab", cabinet(2, minutes))},
		{"cab-renamed", "A cabinet, stored, under a picture's name; a script's name in it.", file("beach.jpg", cabinet(0, member{"setup.vbs", "' nothing\n"}))},
		{"cab-split", "A cabinet whose last member goes on in another.", file("plans.cab", splitCabinet(minutes))},
		{"lzh", "An LZH archive, -lh5-: the program is found.", file("plans.lzh", unhex(lzhPlan))},
		{"lzh-clean", "The same with a text.", file("plans.lzh", unhex(lzhMinutes))},
		{"lzh-name", "Header level 2: the name in an extended header counts.", file("plans.lzh", lzh2("scripts", "setup.js", "// nothing\n"))},
		{"arj", "An ARJ archive, method 1: the program is found.", file("plans.arj", unhex(arjPlan))},
		{"arj-clean", "The same with a text.", file("plans.arj", unhex(arjMinutes))},
		{"arj-encrypted", "An encrypted member; its name can be seen.", file("plans.arj", arj(1, minutes))},
		{"ace", "An ACE archive under another name, stored: the program is found.", file("plans.dat", ace(0, plan))},
		{"ace-clean", "The same with a text.", file("plans.dat", ace(0, minutes))},
		{"ace-packed", "A packed member: nobody can look inside.", file("plans.dat", ace(2, minutes))},
		{"cpio", "A cpio archive: the program is found.", file("plans.cpio", cpio(plan))},
		{"cpio-clean", "The same with a text.", file("plans.cpio", cpio(minutes))},
		{"ar", "An ar archive: the program is found.", file("plans.dat", ar(plan))},
		{"ar-clean", "The same with a text.", file("plans.dat", ar(minutes))},
		{"alz", "An ALZ archive under another name cannot be listed.", file("plans.dat", "ALZ\x01"+strings.Repeat("\x00", 60))},
		{"iso-joliet", "An ISO image whose second tree holds a program.", file("photos.iso", iso([]member{minutes}, []member{minutes, {"holiday.exe", program}}))},
		{"iso-members-clean", "An ISO image of texts is found for being one.", file("photos.iso", iso([]member{minutes}, []member{minutes}))},
		{"cd-sectors", "Whole CD sectors under another name: the program is found.", file("music.dat", cdSectors(iso([]member{plan}, nil)))},
		{"cd-sectors-clean", "The same with a text.", file("music.dat", cdSectors(iso([]member{minutes}, nil)))},
		{"udf", "UDF without ISO 9660: the image is found, and the program in it.", file("film.dat", udf(plan))},
		{"fat", "A floppy disk's image under another name: the program is found.", file("disk.dat", fat(minutes, member{"PLAN.TXT", program}))},
		{"fat-clean", "The same without the program.", file("disk.dat", fat(long...))},
		{"partitions", "A disk with a partition: the program is found.", file("disk.dat", partitioned(fat(member{"PLAN.TXT", program})))},
		{"vhd-fixed", "A fixed VHD is known by its last bytes only: found under another name, though its files are harmless.", file("disk.dat", partitioned(fat(long...))+vhdFooter(2, 0, 0))},
		{"vhd-dynamic", "A dynamic VHD: found for being one, and the program in it.", file("disk.dat", vhdDynamic(fat(member{"PLAN.TXT", program})))},
		{"dmg", "A DMG image is known by its last bytes only.", file("disk.dat", strings.Repeat("x", 4000)+"koly\x00\x00\x00\x04\x00\x00\x02\x00"+strings.Repeat("\x00", 500))},
	}
}

const minutes = "the minutes of Thursday, the minutes of Friday, the minutes of Monday\n"

// What jlha and arj made of plan.txt (the program) and minutes.txt.
const (
	lzhPlan = "219e2d6c68352d2c000000000200000050745d200108706c616e2e747874018400050000820a0000001a4389812ff7b94163c6bb3cd011bb20b4" +
		"c05600102283946419c68501b7dd9c64ea9c210fbc00"
	lzhMinutes = "24552d6c68352d3a000000180100000050745d20010b6d696e757465732e747874b406000500009c4100000024434f4ba03dc0291702c1c1c4db" +
		"4d9409765a02e728881baa68000041c90860d3591705b850b4cf6aee21d4498fc69aa70d0fc500"
	arjPlan = "60ea2c00220b01021000022c242c026b242c026b000000000000000000000000000000000000706c616e2e61726a00000cc92298000060ea38002e0b" +
		"010210010024201a006b2800000000020000478bf5610000a411000000000000242c026b232c026b00000000706c616e2e7478740000723167ad0000" +
		"001a4c88a0533fdeec21634ccc6b208b7116be82a8008448e5c320db1a484f7c438cbabd0afcfde060ea0000"
	arjMinutes = "60ea2f00220b01021000022c242c026b242c026b0000000000000000000000000000000000006d696e757465732e61726a0000a0cc916f000060ea3b" +
		"002e0b010210010024201a006b3800000018010000f12f44600000a411000000000000242c026b232c026b000000006d696e757465732e7478740000" +
		"0c2d2c49000000244b4e8d4e80ff403c4340be1a1a4b27e664076933b00d392420fd54a800004173218ba439642d850e1b3f57521c47ad7fcd354d9b" +
		"cec560ea0000"
)

func unhex(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		log.Fatal(err)
	}
	return string(b)
}

func be32(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

// cabinet is a CAB file of one folder ([MS-CAB] 2).
func cabinet(method int, members ...member) string {
	var files, all, blocks strings.Builder
	for _, m := range members {
		files.WriteString(le32(len(m.data)) + le32(all.Len()) + le16(0) + le16(0x5b74) + le16(0x5000) + le16(0x20) + m.name + "\x00")
		all.WriteString(m.data)
	}
	count, window := 0, ""
	for data := all.String(); data != ""; count++ {
		block := data[:min(len(data), 32<<10)]
		data = data[len(block):]
		packed := block
		if method == 1 {
			var buf bytes.Buffer
			w, err := flate.NewWriterDict(&buf, 9, []byte(window))
			if err != nil {
				log.Fatal(err)
			}
			w.Write([]byte(block))
			w.Close()
			packed, window = "CK"+buf.String(), block
		}
		blocks.WriteString(le32(0) + le16(len(packed)) + le16(len(block)) + packed)
	}
	start := 36 + 8
	end := start + files.Len()
	return "MSCF" + le32(0) + le32(end+blocks.Len()) + le32(0) + le32(start) + le32(0) + "\x03\x01" + le16(1) + le16(len(members)) + le16(0) + le16(1) + le16(0) +
		le32(end) + le16(count) + le16(method) + files.String() + blocks.String()
}

// splitCabinet says that its member goes on.
func splitCabinet(m member) string {
	b := []byte(cabinet(0, m))
	b[30] = 2 // another follows: its name and its disk's
	copy(b[44+8:], "\xfe\xff")
	next := "next.cab\x00disk\x00"
	binary.LittleEndian.PutUint32(b[16:], uint32(44+len(next)))
	binary.LittleEndian.PutUint32(b[36:], uint32(int(binary.LittleEndian.Uint32(b[36:]))+len(next)))
	return string(b[:36]) + next + string(b[36:])
}

// lzh2 is a stored member with a header of level 2.
func lzh2(dir, name, data string) string {
	file := "\x01" + name
	folder := "\x02" + dir + "\xff"
	extended := le16(len(file)+2) + file + le16(len(folder)+2) + folder + le16(0)
	return le16(24+len(extended)) + "-lh0-" + le32(len(data)) + le32(len(data)) + le32(0) + "\x20\x02" + le16(0) + "U" + extended + data + "\x00"
}

// arj is a stored member with these flags.
func arj(flags byte, m member) string {
	header := func(kind, flags byte, name string, n int) string {
		h := "\x1e\x0b\x01\x02" + string(flags) + "\x00" + string(kind) + "\x00" + le32(0) + le32(n) + le32(n) + le32(0) + le16(0) + le16(0) + le16(0) + name + "\x00\x00"
		return "\x60\xea" + le16(len(h)) + h + le32(int(crc32.ChecksumIEEE([]byte(h)))) + le16(0)
	}
	return header(2, 0, "a.arj", 0) + header(0, flags, m.name, len(m.data)) + m.data + "\x60\xea\x00\x00"
}

// ace is an ACE archive of one member.
func ace(method byte, m member) string {
	block := func(body string) string { return le16(0) + le16(len(body)) + body }
	first := block("\x00" + le16(0) + "**ACE**" + "\x14\x14\x02\x00" + strings.Repeat("\x00", 16))
	n := le32(len(m.data))
	return first + block("\x01"+le16(1)+n+n+le32(0)+le32(0x20)+le32(0)+string(method)+"\x03"+le16(10)+le16(0)+le16(len(m.name))+m.name) + m.data
}

// cpio is an archive in the newc format.
func cpio(members ...member) string {
	var out strings.Builder
	pad := func() { out.WriteString(strings.Repeat("\x00", -out.Len()&3)) }
	for _, m := range append(members, member{"TRAILER!!!", ""}) {
		fmt.Fprintf(&out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00", 1, 0o100644, 0, 0, 1, 0, len(m.data), 0, 0, 0, 0, len(m.name)+1, 0, m.name)
		pad()
		out.WriteString(m.data)
		pad()
	}
	return out.String()
}

func ar(members ...member) string {
	s := "!<arch>\n"
	for _, m := range members {
		s += fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", m.name+"/", 0, 0, 0, "100644", len(m.data), m.data) + strings.Repeat("\n", len(m.data)&1)
	}
	return s
}
