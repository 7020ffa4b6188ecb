package main

import (
	"encoding/base64"
	"strings"
)

// headerCases are odd header fields. The tests judge them by the clock of
// November 21, 2026.
func headerCases() []testCase {
	clean := plain("Minutes", "Here are the minutes of Thursday.\n")
	with := func(old, new string) string { return strings.Replace(clean, old, new, 1) }
	subject := func(s string) string { return with("Subject: Minutes", "Subject: "+s) }
	date := func(s string) string { return with("Date: Fri, 20 Nov 2026 10:00:00 +0000", "Date: "+s) }
	word := func(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	return []testCase{
		{"no-from", "Every message says whom it is from (RFC 5322 section 3.6).", with("From: John Doe <jdoe@example.org>\n", "")},
		{"empty-from", "A From that names nobody is as good as none.", with("From: John Doe <jdoe@example.org>", "From: <>")},
		{"no-date", "Every message has a date.", with("Date: Fri, 20 Nov 2026 10:00:00 +0000\n", "")},
		{"date-unreadable", "A date that no reader makes sense of.", date("Tomorrow at noon")},
		{"date-ahead", "Mail of the year after next stands first in every list.", date("Sun, 20 Nov 2028 10:00:00 +0000")},
		{"date-past", "No queue keeps mail for a year.", date("Thu, 20 Nov 2025 10:00:00 +0000")},
		{"date-obsolete", "Clean: a comment, no weekday, a year of two digits, a zone by name.", date("20 Nov (Friday) 26 05:00 EST")},
		{"date-resent", "Clean: mail that is sent on keeps its date (RFC 5322 section 3.6.6).", with("Date: Fri, 20 Nov 2026 10:00:00 +0000", "Resent-From: jdoe@example.org\nResent-Date: Fri, 20 Nov 2026 10:00:00 +0000\nDate: Thu, 20 Nov 2025 10:00:00 +0000")},
		{"two-from", "Two From fields: programs differ on which they show.", with("To: ", "From: Bank <bank@example.com>\nTo: ")},
		{"no-subject-no-recipient", "Neither subject nor recipient: every day's honest mail, nothing is said.", strings.Replace(subject(""), "To: someone@example.net\n", "", 1)},
		{"html-in-subject", "A tag in the Subject, for web mail that shows it unquoted.", subject("Minutes<script>alert(1)</script>")},
		{"script-in-words", "The same in encoded words, cut in the middle of the tag.", subject(word("Minutes <scr") + "\n " + word("ipt>alert(1)"))},
		{"script-in-name", "A javascript: URL in a sender's name.", with("John Doe", `"javascript:alert(1)"`)},
		{"script-in-title", "Clean: the title of a book.", subject("JavaScript: The First Steps < 100 pages")},
		{"8bit-from", "Latin-1 in a From field, which is ASCII or, where the server can do it, UTF-8.", with("John Doe", "J\xf6hn Doe")},
		{"8bit-subject", "Raw Latin-1 in the Subject.", subject("Gr\xfc\xdfe")},
		{"utf8-subject", "Clean: UTF-8 in the Subject (RFC 6532).", subject("Grüße")},
		{"base64-subject", "A Subject in base64 though it is ASCII, to hide from filters.", subject(word("You have won") + "\n " + word(" a prize"))},
		{"base64-needed", "Clean: base64 where it is needed.", subject(word("Grüße aus Köln"))},
		{"forwarded", "Clean: only the message's own header counts, not a forwarded one's.", mixed("Content-Type: message/rfc822\n\nSubject: <script>\n\nno From, no Date\n")},
	}
}
