package main

import (
	"strings"
)

// readingCases are messages that two readers read differently. Each hides a
// program or its name from one of them; the clean ones are of the same shape.
func readingCases() []testCase {
	exe := func(fields string) string { // a program below these header lines
		return fields + "\n" + b64(program)
	}
	const attached = "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"a.dat\"\n"
	const base64 = attached + "Content-Transfer-Encoding: base64\n"
	// body is a multipart with one part, whose delimiter lines end in b.
	body := func(b, p string) string { return "--" + b + "\n" + p + "\n--" + b + "--\n" }
	declared := func(field, b string, p ...string) string {
		m := exe(base64)
		if len(p) > 0 {
			m = p[0]
		}
		return head + "Subject: fixture\nMIME-Version: 1.0\n" + field + "\n\n" + body(b, m)
	}
	encoding := func(field string) string { return mixed(attached + field + "\n\n" + b64(program)) }
	coded := func(text string) string { return mixed(base64 + "\n" + text) }
	quoted := func(text string) string {
		return mixed(attached + "Content-Transfer-Encoding: quoted-printable\n\n" + text)
	}
	file := func(fields string) string { return named("Content-Type: text/plain\n" + fields + "\n") }
	text := "Content-Type: text/plain\n\nnothing here\n"
	line := b64(program)[:76]
	var cut, odd strings.Builder
	for i := 0; i+4 <= len(line); i += 4 {
		cut.WriteString(line[i:i+4] + "X\n")
		odd.WriteString(line[i:i+1] + "=" + line[i+1:i+3] + "\n")
	}
	inner := "Content-Type: multipart/mixed; boundary=in\n\n--in\n" + exe(base64)

	return []testCase{
		// Boundaries.
		{"boundary-twice", "two boundaries in one field: readers differ on which counts", declared("Content-Type: multipart/mixed; boundary=no; boundary=yes", "yes")},
		{"boundary-twice-clean", "the same with nothing behind the second", declared("Content-Type: multipart/mixed; boundary=no; boundary=yes", "no", text)},
		{"boundary-two-fields", "two Content-Type fields, the second with the boundary in use", declared("Content-Type: multipart/mixed; boundary=no\nContent-Type: multipart/mixed; boundary=yes", "yes")},
		{"boundary-comment", "a comment behind the boundary", declared("Content-Type: multipart/mixed; boundary=yes(no)", "yes")},
		{"boundary-comment-inside", "a comment instead of the boundary", declared("Content-Type: multipart/mixed; boundary=(boundary=yes)no", "yes")},
		{"boundary-pieces", "a boundary in RFC 2231 pieces, in the wrong order", declared("Content-Type: multipart/mixed; boundary*1=es; boundary*0=y", "yes")},
		{"boundary-extended", "a boundary as extended value without charset", declared("Content-Type: multipart/mixed; boundary*=''y%65s", "yes")},
		{"boundary-encoded-word", "a boundary as encoded word", declared("Content-Type: multipart/mixed; boundary=\"=?us-ascii?Q?yes?=\"", "yes")},
		{"boundary-escaped", "a backslash in a boundary without quotes", declared("Content-Type: multipart/mixed; boundary=y\\es", "yes")},
		{"boundary-semicolon", "a semicolon in a boundary without quotes", declared("Content-Type: multipart/mixed; boundary=yes;no", "yes;no")},
		{"boundary-quoted-pair", "a whole parameter in quotes", declared("Content-Type: multipart/mixed; \"boundary=yes\"", "yes")},
		{"boundary-comma", "a comma where the semicolon belongs", declared("Content-Type: multipart/mixed, boundary=yes", "yes")},
		{"boundary-blanks", "blanks in a boundary, others in its delimiter lines", declared("Content-Type: multipart/mixed; boundary=\"yes no\"", "yes maybe")},
		{"boundary-disposition", "the boundary stands in Content-Disposition", declared("Content-Type: multipart/mixed\nContent-Disposition: inline; boundary=yes", "yes")},
		{"boundary-longer", "delimiter lines with more behind the boundary", declared("Content-Type: multipart/mixed; boundary=yes", "yes-not")},
		{"boundary-indented", "blanks and a CR before the hyphens", declared("Content-Type: multipart/mixed; boundary=yes", "yes", text) + " \r--yes\n" + exe(base64) + "\n--yes--\n"},
		{"boundary-none", "a multipart that names no boundary", declared("Content-Type: multipart/mixed", "any")},
		{"boundary-empty", "an empty boundary", declared("Content-Type: multipart/mixed; boundary=\"\"", "")},
		{"type-misspelt", "a type that only nearly says multipart", declared("Content-Type: ultipart/mixed; boundary=yes", "yes")},
		{"type-quoted", "a type in quotes", declared("Content-Type: \"multipart/mixed\"; boundary=yes", "yes")},
		{"type-missing", "a boundary without a type", declared("Content-Type: boundary=yes", "yes")},
		{"type-comment", "a comment inside the type", declared("Content-Type: multi(x)part/mixed; boundary=yes", "yes")},
		{"type-two", "text first, multipart second", declared("Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=yes", "yes")},
		{"type-clean", "text that shows what a multipart looks like", plain("How MIME works", "It looks like this:\n\n"+body("yes", exe(base64)))},
		{"preamble", "a part before the first delimiter", head + "MIME-Version: 1.0\nSubject: f\nContent-Type: multipart/mixed; boundary=b\n\n--a\n" + exe(base64) + "\n" + body("b", text)},
		{"epilogue", "a part behind the closing delimiter", mixed(text) + "--b1\n" + exe(base64)},
		{"epilogue-clean", "a mailing list's footer behind the closing delimiter", mixed(text) + "_______________\nTo leave the list write to list-leave@example.org\n--\nThe list\n"},
		{"outer-inside-inner", "the outer delimiter stands inside an inner part", mixed(inner + "--b1\nSee above.\n--in\n" + exe(base64) + "--in--\n")},
		{"outer-ends-in-header", "the outer closing delimiter stands inside an inner header", mixed("Content-Type: multipart/mixed; boundary=in\n--b1--\n\n" + body("in", exe(base64)))},
		{"multipart-encoded", "base64 over a whole multipart", head + "Subject: f\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n" + b64(body("b", exe(base64)))},
		{"multipart-without-parts", "a multipart that is a file", typed("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n", b64(program))},

		// Header lines.
		{"header-cr", "a bare CR ends a line for some", declared("X-Note: a\rContent-Type: multipart/mixed; boundary=yes", "yes")},
		{"header-two-colons", "two colons", encoding("Content-Transfer-Encoding:: base64")},
		{"header-no-colon", "no colon", encoding("Content-Transfer-Encoding base64")},
		{"header-comment", "a comment inside a field's name", encoding("Content-Transfer(x)-Encoding: base64")},
		{"header-blank-line", "a line of blanks ends the header for some", mixed(base64 + " \n" + b64(program))},
		{"header-no-end", "no empty line before the body", mixed(base64 + b64(program))},
		{"header-junk-line", "a line that is no field before the header", mixed("junk\n" + exe(base64))},
		{"header-not-indented", "a continuation without indentation", named("Content-Type: text/plain;\nname=a.exe\n")},

		// Encodings.
		{"encoding-junk", "more than an encoding's name", encoding("Content-Transfer-Encoding: base64, really")},
		{"encoding-comment", "a comment inside an encoding's name", encoding("Content-Transfer-Encoding: bas(x)e64")},
		{"encoding-twice", "two encodings that disagree", encoding("Content-Transfer-Encoding: quoted-printable\nContent-Transfer-Encoding: base64")},
		{"encoding-unknown", "an encoding that is none, over plain text", mixed("Content-Type: text/plain\nContent-Transfer-Encoding: 8-bit\n\nGr\xfc\xdfe\n")},
		{"base64-uneven", "a letter too many in every line", coded(cut.String())},
		{"base64-padding", "padding inside the groups", coded(odd.String())},
		{"base64-footer", "a list's footer behind honest base64", mixed("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + b64("harmless\n") + "\n-- \nThe list (see http://example.org/)\n")},
		{"quoted-broken", "escapes that some readers delete", quoted("=0M=0Z=0=90=0=00" + strings.Repeat("=0=00", 70) + "\n")},
		{"quoted-broken-clean", "an equals sign in text that calls itself quoted-printable", mixed("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nhttp://example.net/?a=x&b=y\n")},

		// Names.
		{"name-pieces-over-fields", "pieces of a name in two fields", file("Content-Disposition: attachment; filename*0=a.\nContent-Disposition: attachment; filename*1=exe")},
		{"name-place", "pieces in the order they stand in", file("Content-Disposition: attachment; filename*1=a.; filename*0=exe")},
		{"name-utf16", "UTF-16 without a mark", file("Content-Disposition: attachment; filename*=UTF-16''a%00.%00e%00x%00e%00")},
		{"name-comment", "a comment inside a name", file("Content-Disposition: attachment; filename=a.e(.txt)xe")},
		{"name-comment-key", "a comment inside the parameter's name", file("Content-Disposition: attachment; file(x)name=a.exe")},
		{"name-quote-inside", "a quote inside quotes", file("Content-Disposition: attachment; filename=\"a\".exe\"")},
		{"name-escaped", "an escaped semicolon without quotes", file("Content-Disposition: attachment; filename=a\\;.exe")},
		{"name-two-forms", "the plain and the extended form disagree", file("Content-Disposition: attachment; filename=a.txt; filename*=utf-8''a.exe")},
		{"name-two-forms-clean", "they agree in what matters", file("Content-Disposition: attachment; filename=\"uber.txt\"; filename*=utf-8''%C3%BCber.txt")},
		{"name-pieces-clean", "an honest name in pieces", file("Content-Disposition: attachment; filename*0=\"a rather long \"; filename*1=\"name.txt\"")},
		{"signed", "S/MIME: an opaque signature wraps a message", attach("f", "application/pkcs7-mime", "smime.p7m", cms(2, "Content-Type: text/plain; name=a.exe\n\nx\n"))},
		{"signed-clean", "the same with a harmless message", attach("f", "application/pkcs7-mime", "smime.p7m", cms(2, "Content-Type: text/plain\n\nx\n"))},
		{"enveloped", "S/MIME: encrypted for its recipient", attach("f", "application/pkcs7-mime", "smime.p7m", cms(3, "x"))},
	}
}

// cms is the smallest ContentInfo of RFC 5652 with data in it; kind 2 is signed,
// 3 enveloped.
func cms(kind byte, data string) string {
	der := func(tag byte, parts ...string) string {
		s := strings.Join(parts, "")
		return string([]byte{tag, 0x82, byte(len(s) >> 8), byte(len(s))}) + s
	}
	oid := func(n byte) string { return "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" + string([]byte{n}) }
	content := der(0x30, oid(1), der(0xa0, der(0x04, data)))
	return der(0x30, oid(kind), der(0xa0, der(0x30, "\x02\x01\x01", der(0x31), content, der(0x31))))
}
