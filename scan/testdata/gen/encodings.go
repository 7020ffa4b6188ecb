package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// encodingCases are uuencode, yEnc, BinHex and TNEF.
func encodingCases() []testCase {
	minutes := strings.Repeat("Minutes of Thursday: nothing was decided, again.\n", 4)
	script := zipped(member{"a.js", "WScript.Echo(1)\n"})
	// encoding is an attachment with a transfer encoding of that name.
	encoding := func(encoding, name, body string) string {
		return mixed("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"" + name +
			"\"\nContent-Transfer-Encoding: " + encoding + "\n\n" + body)
	}
	winmail := func(attributes ...string) string {
		return mixed(part("application/ms-tnef", "attachment; filename=\"winmail.dat\"", tnefStream(attributes...)))
	}
	leak := "As you asked:\r\n\r\nuser name: jdoe\r\npassword: " + password + "\r\n"
	return []testCase{
		{"uuencode", "A program in uuencode in a text, as mail programs sent files before MIME; many still show it as an attachment.",
			plain("Pictures", "Here they are.\n\n"+uuFile(uuAlphabet, "holiday.exe", program)+"\nBye\n")},
		{"uuencode-text", "The clean sibling of 371: the minutes of a meeting.",
			plain("Minutes", "Here they are.\n\n"+uuFile(uuAlphabet, "minutes.txt", minutes)+"\nBye\n")},
		{"uuencode-prose", "A line of prose that begins like uuencode is no file.",
			plain("Numbers", "We hope that when they\nbegin 644 people will have come, and that\nnobody leaves before the\nend\n")},
		{"uuencode-bare", "The second of two files, in a reading that is less strict: blanks for zero, cut at the ends of the lines, and no end.",
			plain("Two files", uuFile(uuAlphabet, "a.txt", minutes)+"and\n"+uuCut(strings.TrimSuffix(uuFile(uuAlphabet, "photos.zip", zipped(member{"beach.jpg", program})), "`\nend\n")))},
		{"uuencode-no-mode", "Outlook takes \"begin\" and two blanks for the start of a file, without a mode.",
			plain("A file", strings.Replace(uuFile(uuAlphabet, "holiday.exe", program), "begin 644 ", "begin  ", 1))},
		{"uuencode-base64", "uuencode's variant with base64.",
			plain("A file", "begin-base64 644 holiday.exe\n"+b64(program)+"====\n")},
		{"xxencode", "xxencode has the lines of uuencode and another alphabet.",
			plain("A file", uuFile(xxAlphabet, "holiday.exe", program))},
		{"xxencode-text", "The clean sibling of 377.",
			plain("A file", uuFile(xxAlphabet, "minutes.txt", minutes))},
		{"encoding-uuencode", "uuencode as transfer encoding: the name in the body is not the one in the header.",
			encoding("x-uuencode", "minutes.txt", uuFile(uuAlphabet, "holiday.exe", program))},
		{"encoding-uue-lines", "The same without begin and end: some clients decode the lines alone.",
			encoding("X-UUE", "beach.jpg", uuLines(uuAlphabet, program))},
		{"encoding-uuencode-text", "The clean sibling of 379 and 380.",
			encoding("x-uuencode", "minutes.txt", uuFile(uuAlphabet, "minutes.txt", minutes))},
		{"yenc", "A program in yEnc in a text, as in news.",
			plain("Pictures", "Here they are.\n\n"+yencFile("holiday.exe", program))},
		{"yenc-text", "The clean sibling of 382.",
			plain("Minutes", "Here they are.\n\n"+yencFile("minutes.txt", minutes))},
		{"yenc-pieces", "An archive in two pieces in one text, the last first: only both together are an archive.",
			plain("Pictures", yencPiece(2, "photos.zip", script, 50, len(script))+yencPiece(1, "photos.zip", script, 0, 50))},
		{"encoding-yenc", "yEnc as transfer encoding.",
			encoding("x-yencode", "beach.jpg", yencFile("beach.jpg", program))},
		{"binhex", "A program in BinHex in a text.",
			plain("Pictures", "Here they are.\n\n"+hqxFile("holiday.exe", program))},
		{"binhex-text", "The clean sibling of 386, with the type that goes with BinHex.",
			mixed("Content-Type: application/mac-binhex40; name=\"minutes.txt\"\n\n" + hqxFile("minutes.txt", minutes))},
		{"encoding-binhex", "BinHex as transfer encoding.",
			encoding("mac-binhex40", "beach.jpg", hqxFile("beach.jpg", program))},
		{"encoding-gzip64", "gzip under base64 as transfer encoding.",
			encoding("x-gzip64", "beach.jpg", b64(gzipped("", program)))},
		{"encoding-gzip64-text", "The clean sibling of 389.",
			encoding("x-gzip64", "minutes.txt", b64(gzipped("", minutes)))},
		{"tnef", "A winmail.dat with a program: the title is harmless, the long name is not.",
			winmail(tnefFile("HOLIDAY.JPG", "holiday.exe", program))},
		{"tnef-text", "The clean sibling of 391, with a text body and one in compressed RTF.",
			winmail(tnefAttribute(1, 0x0002800c, "See the minutes.\r\n\x00"), tnefAttribute(1, 0x00069003, "\x01\x00\x00\x00"+tnefProperty(0x10090102, storedRTF("{\\rtf1 See the minutes.}"))),
				tnefFile("MINUTES.TXT", "minutes.txt", minutes))},
		{"tnef-archive", "A winmail.dat with an archive with a script.",
			winmail(tnefFile("KEYS.ZIP", "keys.zip", script))},
		{"tnef-message", "A winmail.dat with a message that has an attachment of its own.",
			winmail(tnefAttribute(2, 0x00069002, strings.Repeat("\x00", 14)), tnefAttribute(2, 0x00069005, "\x02\x00\x00\x00"+tnefProperty(0x3001001e, "Fwd: holiday\x00")+
				tnefProperty(0x3701000d, "\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"+tnefStream(tnefFile("HOLIDAY.EXE", "holiday.exe", program)))))},
		{"tnef-cut", "A winmail.dat that ends too early: what is there is judged, and it is said.",
			mixed(part("application/ms-tnef", "attachment; filename=\"winmail.dat\"", tnefStream(tnefFile("MINUTES.TXT", "minutes.txt", minutes))[:150]))},
		{"tnef-leak", "A login in the text of a winmail.dat.",
			winmail(tnefAttribute(1, 0x00069003, "\x01\x00\x00\x00"+tnefProperty(0x10130102, "<html><body><p>"+strings.ReplaceAll(leak, "\r\n", "<br>")+"</body></html>")))},
		{"macbinary", "A program in MacBinary under another name.",
			mixed(part("application/octet-stream", "attachment; filename=\"beach.jpg\"", macBinaryFile("holiday.exe", program)))},
		{"macbinary-text", "The clean sibling of 397.",
			mixed(part("application/x-macbinary", "attachment; filename=\"minutes.txt\"", macBinaryFile("minutes.txt", minutes)))},
		{"applesingle", "A program in AppleSingle.",
			mixed(part("application/applefile", "attachment; filename=\"beach.jpg\"", appleSingleFile("holiday.exe", program)))},
		{"uuencode-twice", "uuencode in yEnc in uuencode.",
			plain("A file", uuFile(uuAlphabet, "a.txt", yencFile("b.txt", uuFile(uuAlphabet, "holiday.exe", program))))},
	}
}

const (
	uuAlphabet  = "`!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
	xxAlphabet  = "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	hqxAlphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
)

func sixBits(alphabet, data string) string {
	return base64.NewEncoding(alphabet).WithPadding(base64.NoPadding).EncodeToString([]byte(data))
}

// uuLines is data in lines of 45 bytes.
func uuLines(alphabet, data string) string {
	var out strings.Builder
	for len(data) > 0 {
		n := min(45, len(data))
		out.WriteString(alphabet[n:n+1] + sixBits(alphabet, data[:n]+strings.Repeat("\x00", (3-n%3)%3)) + "\n")
		data = data[n:]
	}
	return out.String()
}

func uuFile(alphabet, name, data string) string {
	return "begin 644 " + name + "\n" + uuLines(alphabet, data) + alphabet[:1] + "\nend\n"
}

// uuCut has blanks for zero and none at the ends of lines.
func uuCut(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "`", " ")) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

func yencLines(data string) string {
	var out strings.Builder
	width := 0
	for i := range len(data) {
		c := data[i] + 42
		if c == 0 || c == '\n' || c == '\r' || c == '=' {
			out.WriteByte('=')
			c += 64
			width++
		}
		out.WriteByte(c)
		if width++; width >= 128 {
			out.WriteByte('\n')
			width = 0
		}
	}
	if width > 0 {
		out.WriteByte('\n')
	}
	return out.String()
}

func yencFile(name, data string) string {
	return fmt.Sprintf("=ybegin line=128 size=%d name=%s\n%s=yend size=%[1]d\n", len(data), name, yencLines(data))
}

func yencPiece(n int, name, data string, from, to int) string {
	return fmt.Sprintf("=ybegin part=%d total=2 line=128 size=%d name=%s\n=ypart begin=%d end=%d\n%s=yend size=%d part=%d\n",
		n, len(data), name, from+1, to, yencLines(data[from:to]), to-from, n)
}

// hqxFile is BinHex with a data fork; the run-length coding is used for zeros.
func hqxFile(name, data string) string {
	head := string(rune(len(name))) + name + "\x00TEXTttxt\x00\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + "\x00\x00\x00\x00"
	head += string(binary.BigEndian.AppendUint16(nil, crc16(head)))
	data += string(binary.BigEndian.AppendUint16(nil, crc16(data)))
	var coded strings.Builder
	for raw := head + data + "\x00\x00"; raw != ""; {
		run := len(raw) - len(strings.TrimLeft(raw, "\x00"))
		switch {
		case run > 3:
			run = min(run, 255)
			coded.WriteString("\x00\x90" + string([]byte{byte(run)}))
			raw = raw[run:]
			continue
		case raw[0] == 0x90:
			coded.WriteString("\x90\x00")
		default:
			coded.WriteByte(raw[0])
		}
		raw = raw[1:]
	}
	text := ":" + sixBits(hqxAlphabet, coded.String()) + ":"
	out := "(This file must be converted with BinHex 4.0)\n\n"
	for len(text) > 64 {
		out += text[:64] + "\n"
		text = text[64:]
	}
	return out + text + "\n"
}

// crc16 is the CRC of XMODEM: polynomial 0x1021, from 0.
func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

func tnefAttribute(level byte, id uint32, data string) string {
	out := binary.LittleEndian.AppendUint32([]byte{level}, id)
	out = append(binary.LittleEndian.AppendUint32(out, uint32(len(data))), data...)
	sum := uint16(0)
	for i := range len(data) {
		sum += uint16(data[i])
	}
	return string(binary.LittleEndian.AppendUint16(out, sum))
}

// tnefStream begins with the version and code page 1252.
func tnefStream(attributes ...string) string {
	return "\x78\x9f\x3e\x22\x01\x00" + tnefAttribute(1, 0x00089006, "\x00\x00\x01\x00") +
		tnefAttribute(1, 0x00069007, "\xe4\x04\x00\x00\x00\x00\x00\x00") + strings.Join(attributes, "")
}

func tnefFile(title, long, data string) string {
	return tnefAttribute(2, 0x00069002, strings.Repeat("\x00", 14)) + tnefAttribute(2, 0x00018010, title+"\x00") +
		tnefAttribute(2, 0x0006800f, data) + tnefAttribute(2, 0x00069005, "\x01\x00\x00\x00"+tnefProperty(0x3707001e, long+"\x00"))
}

func tnefProperty(tag uint32, value string) string {
	out := binary.LittleEndian.AppendUint32(nil, tag)
	out = binary.LittleEndian.AppendUint32(out, 1)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(value)))
	return string(out) + value + strings.Repeat("\x00", (4-len(value)%4)%4)
}

// storedRTF is "compressed" RTF that is not.
func storedRTF(text string) string {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(text)+12))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	return string(out) + "MELA\x00\x00\x00\x00" + text
}

// macBinaryFile is MacBinary II.
func macBinaryFile(name, data string) string {
	h := make([]byte, 128)
	h[1] = byte(len(name))
	copy(h[2:], name)
	copy(h[65:], "TEXTttxt")
	binary.BigEndian.PutUint32(h[83:], uint32(len(data)))
	h[122], h[123] = 129, 129
	binary.BigEndian.PutUint16(h[124:], crc16(string(h[:124])))
	return string(h) + data + strings.Repeat("\x00", (128-len(data)%128)%128)
}

func appleSingleFile(name, data string) string {
	out := "\x00\x05\x16\x00\x00\x02\x00\x00" + strings.Repeat("\x00", 16) + "\x00\x02"
	for _, v := range []int{3, 50, len(name), 1, 50 + len(name), len(data)} {
		out += string(binary.BigEndian.AppendUint32(nil, uint32(v)))
	}
	return out + name + data
}
