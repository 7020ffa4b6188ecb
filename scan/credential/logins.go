package credential

// logins pairs what a word says that is a name and a password at once.
func (l *look) logins(word []byte, w span, hits []hit, users []found) {
	if found, ok := loginInURL(word); ok {
		l.give(found, hits)
		unescaped(found.password, func(password []byte) { l.give(login{found.user, password}, hits) })
	}
	if len(word) < minToken {
		return
	}
	at := w.from
	for i, c := range word { // "resp=TOKEN"
		if c == '=' && i < len(word)/2 {
			at = w.from + i + 1
		}
	}
	token := decodeToken(l.text[at:w.to])
	if token == nil {
		return
	}
	defer clear(token)
	if found, ok := loginInToken(token); ok {
		l.give(found, hits)
	}
	if len(hits) > 0 && l.s.fits(token) {
		b := beginning{at: w.from, place: senderRank, user: never}
		l.offer(token, w, b, 0, users)
	}
}

// give pairs a login in one word: with its user if that is a local one, near a
// trigger with the sender.
func (l *look) give(found login, hits []hit) {
	if !l.s.fits(found.password) {
		return
	}
	user := ""
	switch name := string(found.user); {
	case len(name) > maxName:
	case l.s.local(name) != "":
		user = l.s.local(name)
	case l.s.users.has(name):
		user = l.s.users.canonical(name)
	}
	if user != "" {
		l.best.add(pair{l.path, user, found.password, 1 + l.extra, byLogin})
	}
	if len(hits) > 0 && l.sender != "" && user != l.sender {
		l.best.add(pair{l.path, l.sender, found.password, senderRank + l.extra, byLogin})
	}
}
