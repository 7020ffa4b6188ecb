package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// checkpassword is the authenticator of most faults: it knows one login and
// notes in a file whom it was asked for, a line each.
func checkpassword(notes string) int {
	request, err := io.ReadAll(io.LimitReader(os.NewFile(3, "login"), 513))
	field := bytes.Split(request, []byte{0})
	if err != nil || len(field) != 4 {
		return 2
	}
	f, err := os.OpenFile(notes, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s\n", field[0])
	}
	switch {
	case err != nil:
		return 111
	case string(field[0]) == owner && string(field[1]) == password:
		return 0
	}
	return 1
}

// notes is the file of checkpassword.
func (t *torture) notes() string { return t.dir + "/asked" }

// ours are rules with checkpassword as the authenticator.
func (t *torture) ours(key string) string {
	return t.login(fmt.Sprintf("\"checkpassword\", %q, \"-checkpassword\", %q", t.self, t.notes()), key)
}

// asked tells how often the authenticator was asked for anybody but the owner,
// and the most for one of them: these are failures that a directory counts.
func (t *torture) asked() (all, most int) {
	text, _ := os.ReadFile(t.notes())
	count := map[string]int{}
	for _, name := range strings.Fields(string(text)) {
		if name != owner {
			all++
			count[name]++
			most = max(most, count[name])
		}
	}
	return all, most
}
