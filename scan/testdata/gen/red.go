package main

import (
	"encoding/base64"
	"strings"
)

// redCases are shapes found by attacking the whole from outside, each beside a
// clean sibling.
func redCases() []testCase {
	enclosed := func(m string) string {
		return attach("Fwd", "application/zip", "mail.zip", zipped(member{"mail.eml", m}))
	}
	file := func(name, data string) string { return attach("fixture", "application/octet-stream", name, data) }
	typedOnly := func(mediaType, data string) string { return mixed(part(mediaType, "attachment", data)) }
	event := func(name, data string) string {
		line := "ATTACH;FMTTYPE=image/png;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=" + name + ":" + base64.StdEncoding.EncodeToString([]byte(data))
		return mixed(part("text/calendar; method=REQUEST; name=invite.ics", "inline",
			"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\n"+strings.Join(chunks(line, 74), "\r\n ")+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	}
	bareCR := func(body string) string {
		return typed("Content-Type: multipart/mixed; boundary=b1\n", "--b1\nContent-Type: text/plain\n\nHello\r--b1\n"+body+"--b1--\n")
	}
	folder := "Photos.{645FF040-5081-101B-9F08-00AA002F954E}/"
	return []testCase{
		{"uuencode-in-archived-mail", "A message in an archive is opened in the mail client like any other.", enclosed(plain("Hello", "Here:\n\n"+uuFile(uuAlphabet, "a.exe", program)))},
		{"uuencode-in-archived-mail-clean", "The same with a text.", enclosed(plain("Hello", "Here:\n\n"+uuFile(uuAlphabet, "a.txt", "hello\n")))},
		{"zip-behind-tar", "Explorer goes by the name and finds the ZIP by its end; the first bytes are a tar's.", file("a.zip", tarred(member{"a.txt", "hello\n"})+zipped(member{"beach.jpg", program}))},
		{"zip-behind-tar-clean", "The same with a text in both.", file("a.zip", tarred(member{"a.txt", "hello\n"})+zipped(member{"b.txt", "hello\n"}))},
		{"docx-behind-text", "Word offers to repair a document that has other bytes before it.", file("a.docx", "\r\nhello\r\n"+ooxml("application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml", wordPart(""), member{"word/vbaProject.bin", vbaProject()}))},
		{"docx-that-is-rtf-clean", "Clean: a document under another's name.", file("a.docx", "{\\rtf1 hello}")},
		{"rar-behind-zip", "An unpacker called for .rar looks for RAR's mark.", file("a.rar", zipped(member{"a.txt", "hello\n"})+rar5(rarMember{name: "beach.jpg", data: program}))},
		{"rar-that-is-zip-clean", "Clean: a ZIP under another's name.", file("a.rar", zipped(member{"a.txt", "hello\n"}))},
		{"tar-behind-tar", "Two archives joined: some unpackers read on behind the end.", file("a.tar", tarred(member{"a.txt", "hello\n"})+tarred(member{"beach.jpg", program}))},
		{"tar-behind-tar-clean", "The same with two texts.", file("a.tar", tarred(member{"a.txt", "hello\n"})+tarred(member{"b.txt", "hello\n"}))},
		{"type-without-name", "No name at all: the mail client makes one with the type's extension.", typedOnly("application/hta", "hello\n")},
		{"type-without-name-clean", "The same with a document's type.", typedOnly("application/pdf", "%PDF-1.4\n%%EOF\n")},
		{"type-of-program-for-text-clean", "Clean: the name has an extension, the type is the sender's word.", attach("fixture", "application/x-msdownload", "list.txt", "hello\n")},
		{"calendar-file", "A program in an event, which calendars show as its attachment.", event("agenda.png", program)},
		{"calendar-name", "The same by its name.", event("agenda.exe", "hello\n")},
		{"calendar-clean", "A text in an event.", event("agenda.txt", "hello\n")},
		{"name-folded-in-quotes", "Some readers drop a fold in quotes whole: the name is setup.exe to them.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"setup.e\n\txe\"\n")},
		{"name-folded-in-quotes-clean", "Clean: a long name folded at a blank; its extension is the same to all.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"the minutes of the meeting\n of Thursday.txt\"\n")},
		{"name-utf7", "The dot in UTF-7, which mail clients still read.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"=?utf-7?Q?setup+AC4-exe?=\"\n")},
		{"name-utf7-clean", "The same with a letter.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"=?utf-7?Q?M+APw-nchen.txt?=\"\n")},
		{"name-ebcdic", "A name in an extended value in EBCDIC.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=IBM037''%81%4B%85%A7%85\n")},
		{"name-in-disposition", "The parameter of Content-Type's name in Content-Disposition.", named("Content-Type: application/octet-stream\nContent-Disposition: attachment; name=\"setup.exe\"\n")},
		{"filename-in-type", "The parameter of Content-Disposition in Content-Type.", named("Content-Type: application/octet-stream; filename=\"setup.exe\"\nContent-Disposition: attachment\n")},
		{"delimiter-behind-cr", "A reader to whom a bare CR ends a line sees a second part.", bareCR("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b64(program))},
		{"class-folder", "Windows opens a folder so called as what the class is.", file("a.zip", zipped(member{folder + "a.txt", "hello\n"}))},
		{"class-folder-clean", "The same identifier without the dot is a name.", file("a.zip", zipped(member{folder[7:], ""}, member{folder[7:] + "a.txt", "hello\n"}))},
		{"msg-transport-name", "An attachment in TNEF with its name as it travelled.", attach("fixture", "application/ms-tnef", "winmail.dat", tnefStream(
			tnefAttribute(2, 0x69002, strings.Repeat("\x00", 14)), tnefAttribute(2, 0x18010, "A.TXT\x00"), tnefAttribute(2, 0x6800f, "hello\n"),
			tnefAttribute(2, 0x69005, le32(1)+tnefProperty(0x370c001e, "setup.exe\x00"))))},
		{"brotli", "What is in it cannot be read; its name can.", file("setup.js.br", "\x0b\x02\x80hello\x03")},
		{"same-encoding-twice-clean", "Clean: a field that stands twice and says the same.", mixed("Content-Type: text/plain\nContent-Transfer-Encoding: base64\nContent-Transfer-Encoding: BASE64\n\n" + b64("hello\n"))},
	}
}

// chunks cuts s into pieces of n bytes.
func chunks(s string, n int) (list []string) {
	for len(s) > n {
		list = append(list, s[:n])
		s = s[n:]
	}
	return append(list, s)
}
