package credential

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// users is the list of local users; without one every name may be a user.
type users struct{ names map[string]string } // lower case -> as listed

// maxName is how many bytes a user name may have; longer lines are no names.
const maxName = 256

// readUsers reads a list: one name a line as its owner logs in; blank lines and lines that begin with # are skipped. "system" is
// /etc/passwd. "" is no list.
//
// The passwd database is read as a file: a static program has no NSS, so users
// of LDAP or SSSD must be listed (getent passwd | cut -d: -f1).
func readUsers(source string) (users, error) {
	if source == "" {
		return users{}, nil
	}
	path := source
	if source == "system" {
		path = "/etc/passwd"
	}
	f, err := os.Open(path)
	if err != nil {
		return users{}, fmt.Errorf("read users: %w", err)
	}
	defer f.Close()
	u := users{names: map[string]string{}}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if source == "system" {
			name, _, _ = strings.Cut(name, ":")
		}
		if name == "" || len(name) > maxName || strings.HasPrefix(name, "#") {
			continue
		}
		u.names[strings.ToLower(name)] = name
	}
	if err := lines.Err(); err != nil {
		return users{}, fmt.Errorf("read users %s: %w", path, err)
	}
	return u, nil
}

// listed reports whether there is a list.
func (u users) listed() bool { return u.names != nil }

// has reports whether the list names a user, in any case.
func (u users) has(name string) bool {
	_, ok := u.names[strings.ToLower(name)]
	return ok
}

// canonical is the form in which a user is asked for: as listed, else as found.
func (u users) canonical(name string) string {
	if listed, ok := u.names[strings.ToLower(name)]; ok {
		return listed
	}
	return name
}
