package credential

import (
	"bytes"
	"sort"
)

// findUsers looks for users' names near triggers and near words that may be
// passwords, each word of the text once.
func (l *look) findUsers() {
	l.users = l.users[:0]
	if !l.s.users.listed() && len(l.s.rules.Domains) == 0 && l.s.username == nil {
		return
	}
	hits, shaped := l.seen.hits, l.seen.shaped
	patterns := maxPatterns
	for done := 0; len(hits)+len(shaped) > 0; {
		if len(shaped) > 0 && !shaped[0].firm {
			shaped = shaped[1:]
			continue
		}
		var from, to int
		trigger := len(shaped) == 0 || len(hits) > 0 && hits[0].from-userReach < shaped[0].from-besideReach
		if trigger {
			from, to = hits[0].from-l.bytes(userReach), hits[0].to+l.bytes(userReach)
			hits = hits[1:]
		} else {
			from, to = shaped[0].from-l.bytes(besideReach), shaped[0].to+l.bytes(besideReach)
			shaped = shaped[1:]
		}
		from, to = max(from, done), min(to, len(l.text))
		if from >= to {
			continue
		}
		words(l.text, from, to, func(from, to int) {
			if from >= done {
				done = to
				l.names(from, to, trigger, &patterns)
			}
		})
	}
}

// names notes the users that a word names: every run of the characters names
// are made of is looked up, without the marks round it.
func (l *look) names(from, to int, trigger bool, patterns *int) {
	if to-from > maxWord {
		return
	}
	word := l.text[from:to]
	if !l.s.users.listed() && (!trigger || l.s.username == nil) && bytes.IndexByte(word, '@') < 0 {
		return
	}
	if len(l.users) >= maxUsers {
		return
	}
	known := len(l.users)
	for i := 0; i < len(word); {
		start := i
		for i < len(word) && l.s.kinds[word[i]]&inName != 0 {
			i++
		}
		if i == start {
			i++
			continue
		}
		end := i
		for start < end && l.s.kinds[word[start]]&(other|high) == other {
			start++
		}
		for start < end && l.s.kinds[word[end-1]]&(other|high) == other {
			end--
		}
		l.name(word[start:end], from+start, trigger, patterns)
	}
	if len(l.users) > known && bytes.Contains(word, []byte("://")) {
		for i := range l.users[known:] { // what follows is a path; logins are looked for apart
			l.users[known+i].slot = -1
		}
	}
}

// name notes a user if it is one. Where there is no list, words near triggers
// are tried by the pattern of names.
func (l *look) name(run []byte, at int, trigger bool, patterns *int) {
	if len(run) < 2 || len(run) > maxName {
		return
	}
	user := ""
	switch {
	case bytes.IndexByte(run, '@') >= 0:
		user = l.s.local(string(run))
	case l.s.users.listed():
		if l.s.users.has(string(run)) {
			user = l.s.users.canonical(string(run))
		}
	case trigger && l.s.username != nil && *patterns > 0:
		*patterns--
		if l.s.username.Match(run) {
			user = string(run)
		}
	}
	if user == "" {
		return
	}
	slot, sep := slot(l.text, at+len(run))
	if slot == at+len(run) {
		slot = -1
	}
	l.users = append(l.users, found{user, at, at + len(run), slot, sep})
}

// usersNear returns the users named nearest to a word, before it and behind it.
func (l *look) usersNear(w span) []found {
	if len(l.users) == 0 {
		return nil
	}
	at := sort.Search(len(l.users), func(i int) bool { return l.users[i].from >= w.from })
	l.nearby = l.nearby[:0]
	add := func(u found) {
		if !named(l.nearby, u.name) || u.slot >= w.from && u.slot < w.to {
			l.nearby = append(l.nearby, u)
		}
	}
	for i := at; i < len(l.users) && len(l.nearby) < maxNear/2 && l.chars(w.from, l.users[i].from) <= userReach; i++ {
		if l.users[i].to < w.to || l.users[i].from >= w.to { // not what the word itself is
			add(l.users[i])
		}
	}
	for i := at - 1; i >= 0 && len(l.nearby) < maxNear && l.chars(l.users[i].to, w.from) <= userReach; i-- {
		add(l.users[i])
	}
	return l.nearby
}
