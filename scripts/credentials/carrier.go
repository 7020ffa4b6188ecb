package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Carriers are honest mails: the lines of the text that carries a login, and
// whole messages without one. A few talk about accounts.
var paragraphs = []string{
	"Hello all,",
	"Hi Anna,",
	"thank you for your message of last week. I have read the report twice and think that chapter three needs a\ntable of the figures; the rest is in good order.",
	"The meeting is on Thursday 26 November at 10:30 in room B2.14. Please bring the minutes, and tell Peter if you\ncannot come.",
	"On 20/11/2026 09:14, the office wrote:\n> The printer on the second floor works again.\n> Please report faults to extension 4411.",
	"See https://www.example.net/news/2026/11/index.html?id=Ab12-x#top for the programme.",
	"Your order No. AB-2026/1177 has left our warehouse. The parcel number is JJD0099-3311-77Xy.",
	"We never ask for your password by mail. Change it every year, and tell nobody.",
	"Your account will be closed on Friday unless the fee of EUR 120,50 is paid.",
	"From the log:\n  Nov 21 11:02:07 mx1 smtpd[2211]: 4F1Bc22A9x: client=mail.example.net[192.0.2.7]\n  Nov 21 11:02:08 mx1 qmgr[88]: 4F1Bc22A9x: removed",
	"static int parse(struct buf *b) {\n\tif (b->len < sizeof(hdr_t)) return -EINVAL;\n\treturn check_Header2(b->p, 0x1F);\n}",
	"Sehr geehrte Damen und Herren,\n\nanbei das Protokoll der Sitzung. Über Punkt 4 sprechen wir im Dezember.",
	"Bonjour, la réunion du comité aura lieu à 14 h 30, salle 12. Merci de confirmer.",
	"Kind regards,\nA. Person\n-- \nExample University, Loughborough Road 1, LE11 3TU\nTel. +44 1509 000000, A.Person@example.net",
	"PS: the new library card has the number 2026-00X-9912A.",
}

// body returns some paragraphs; login, if not empty, stands between two.
func body(r *rand.Rand, login string) string {
	var list []string
	for range 2 + r.IntN(4) {
		list = append(list, pick(r, paragraphs))
	}
	if login != "" {
		at := r.IntN(len(list) + 1)
		list = append(list[:at:at], append([]string{login}, list[at:]...)...)
	}
	return strings.Join(list, "\n\n") + "\n"
}

// ham returns the files below dir, or messages made of the paragraphs.
func ham(r *rand.Rand, dir string) ([][]byte, error) {
	if dir == "" {
		var list [][]byte
		for range 1000 {
			list = append(list, plain("7bit", "utf-8", body(r, "")))
		}
		return list, nil
	}
	var list [][]byte
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		list = append(list, data)
		return err
	})
	return list, err
}
