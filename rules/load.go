package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// Scan says which mail the credential search looks at: never, outgoing, always.
type Scan string

// UnmarshalText refuses any other word.
func (s *Scan) UnmarshalText(text []byte) error {
	return word(s, text, "never", "outgoing", "always")
}

// word reads one of several words.
func word[T ~string](to *T, text []byte, words ...string) error {
	if !slices.Contains(words, string(text)) {
		last := len(words) - 1
		return fmt.Errorf("%q is not %s or %s", text, strings.Join(words[:last], ", "), words[last])
	}
	*to = T(text)
	return nil
}

// maxFile bounds a configuration file in bytes; a larger one is not ours.
const maxFile = 1 << 20

// Load reads a TOML file over the defaults. name "" means DefaultPath, which
// may be missing; a named file may not. Errors read "file:line: what is wrong".
func Load(name string) (*Config, error) {
	path := name
	if path == "" {
		path = DefaultPath
	}
	info, err := os.Stat(path)
	if name == "" && errors.Is(err, os.ErrNotExist) {
		c := Default()
		c.resolve(filepath.Dir(DefaultPath))
		return c, nil
	}
	switch {
	case err != nil:
		return nil, unread(err)
	case info.IsDir():
		return nil, fmt.Errorf("read rules: %s is not a configuration file but a directory: name the file in it", path)
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, fmt.Errorf("read rules: %s is not a configuration file: name one with -c or QGUARD_CONF", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unread(err)
	}
	c, err := Parse(path, string(text))
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	c.resolve(dir)
	return c, nil
}

// unread is the error about a file that cannot be read, with the next step.
func unread(err error) error {
	next := ""
	switch {
	case errors.Is(err, os.ErrNotExist):
		next = ": name one that is there with -c or QGUARD_CONF"
	case errors.Is(err, os.ErrPermission):
		next = fmt.Sprintf(": let uid %d read it, chmod 0644 say, and enter its directory", os.Geteuid())
	}
	return fmt.Errorf("read rules: %w%s", err, next)
}

// resolve makes file names that the rules give relative to the rules' own
// directory absolute: under qmail-queue the current one is the queue.
func (c *Config) resolve(dir string) {
	names := []*string{&c.Credential.Canary, &c.Cache.Path, &c.Cache.Key, &c.Queue.Next, &c.Queue.Spool, &c.Quarantine.Path, &c.Daemon.Spool,
		&c.Policyd.DB, &c.Policyd.Token, &c.Policyd.GeoIP}
	for _, log := range []*string{&c.Queue.Log, &c.Daemon.Log, &c.Policyd.Log} {
		if *log != "stderr" && *log != "syslog" {
			names = append(names, log)
		}
	}
	addresses := []*Address{&c.Virus.Clamd, &c.Daemon.Socket, &c.Policyd.Control}
	for _, list := range [][]Address{c.Daemon.Clamd, c.Daemon.Outgoing, c.Daemon.Milter, c.Daemon.Metrics, c.Policyd.HTTP, c.Policyd.Postfix, c.Policyd.Metrics} {
		for i := range list {
			addresses = append(addresses, &list[i])
		}
	}
	for _, a := range addresses {
		if a.Network == "unix" {
			names = append(names, &a.Name)
		}
	}
	if c.Credential.Users != "system" {
		names = append(names, &c.Credential.Users)
	}
	if len(c.Credential.Authenticator) > 1 {
		names = append(names, &c.Credential.Authenticator[1])
	}
	if c := c.Virus.Command; len(c) > 0 && strings.Contains(c[0], "/") { // else it is looked up in PATH
		names = append(names, &c[0])
	}
	for _, name := range names {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
}

// Parse reads TOML text over the defaults; name stands in its errors.
func Parse(name, text string) (*Config, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: not UTF-8", name)
	}
	c := Default()
	meta, err := toml.Decode(text, c)
	if err != nil {
		return nil, parseError(name, text, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return nil, fmt.Errorf("%s:%d: unknown key %q", name, line(text, key), key.String())
	}
	if key, why := c.impossible(); why != "" {
		return nil, fmt.Errorf("%s:%d: %s: %s", name, line(text, key), toml.Key(key), why)
	}
	return c, nil
}

// parseError puts toml's errors into one form: file:line: key: why.
func parseError(name, text string, err error) error {
	var pe toml.ParseError
	if errors.As(err, &pe) {
		why := pe.Message
		if pe.LastKey != "" {
			why = pe.LastKey + ": " + why
		}
		offending := strings.TrimSpace(nth(text, pe.Position.Line))
		return fmt.Errorf("%s:%d: %s in %q", name, pe.Position.Line, why, offending)
	}
	// QUIRK: a value of the wrong kind is a plain error with the key in it.
	_, key, _ := strings.Cut(err.Error(), `(last key "`)
	key, why, ok := strings.Cut(key, `"): `)
	if !ok {
		return fmt.Errorf("%s: %w", name, err)
	}
	at := line(text, strings.Split(key, "."))
	return fmt.Errorf("%s:%d: %s: %s in %q", name, at, key, why, strings.TrimSpace(nth(text, at)))
}

// nth returns a line of text, counted from 1.
func nth(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// impossible returns the first key whose value cannot be meant, and why.
func (c *Config) impossible() (key []string, why string) {
	extension := func(e string) bool { return e == "" || strings.ContainsAny(e, "/\\*? \t") }
	if i := slices.IndexFunc(c.Xfile.Block, extension); i >= 0 {
		return []string{"xfile", "block"}, fmt.Sprintf("%q is not an extension (like exe)", c.Xfile.Block[i])
	}
	if i := slices.IndexFunc(c.Xfile.Allow, extension); i >= 0 {
		return []string{"xfile", "allow"}, fmt.Sprintf("%q is not an extension (like svg)", c.Xfile.Allow[i])
	}
	cr := c.Credential
	in := func(name string) []string { return []string{"credential", name} }
	switch {
	case cr.Classes < 0 || cr.Classes > 4:
		return in("classes"), fmt.Sprintf("%d is not between 0 and 4", cr.Classes)
	case cr.Attempts < 1 || cr.Attempts > 20:
		return in("attempts"), fmt.Sprintf("%d is not between 1 and 20", cr.Attempts)
	case cr.Lockout < 0:
		return in("lockout"), fmt.Sprintf("%d is negative", cr.Lockout)
	case slices.Contains(cr.Triggers, ""):
		return in("triggers"), "a trigger word is empty"
	case slices.ContainsFunc(cr.Triggers, heavy):
		return in("triggers"), "a trigger's weight is not between 0 and 200"
	case slices.Contains(cr.Domains, ""):
		return in("domains"), "a domain is empty"
	case cr.Password.text == "":
		return in("password"), "a password policy cannot be empty"
	case cr.Password.text != defaultPassword && cr.Password.Regexp().MatchString(""): // compiling is dear
		return in("password"), fmt.Sprintf("%q matches the empty password", cr.Password.text)
	}
	for _, r := range []struct {
		key   string
		value Rate
	}{{"user_failures", cr.UserFailures}, {"sender_failures", cr.SenderFailures}, {"rate", cr.Rate}} {
		if why := r.value.uncountable(); why != "" {
			return in(r.key), why
		}
	}
	l := c.Limit
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"depth", int64(l.Depth)}, {"parts", int64(l.Parts)}, {"size", int64(l.Size)}, {"header", int64(l.Header)},
		{"archive_depth", int64(l.ArchiveDepth)}, {"members", int64(l.Members)}, {"inflated", int64(l.Inflated)},
		{"ratio", int64(l.Ratio)}, {"memory", int64(l.Memory)}, {"time", int64(l.Time)},
	} {
		if n.value < 1 {
			return []string{"limit", n.key}, fmt.Sprintf("%d is no limit; raise it instead", n.value)
		}
	}
	if c.Queue.Dialect == "indimail" && c.Queue.Log == "stderr" {
		return []string{"queue", "log"}, "standard error is the SMTP reply in the indimail dialect; use syslog or a file"
	}
	if c.Queue.Timeout < Duration(time.Second) {
		return []string{"queue", "timeout"}, "too short to queue a message"
	}
	if strings.ContainsAny(c.Quarantine.Forward, " \t\r\n,") {
		return []string{"quarantine", "forward"}, fmt.Sprintf("%q is not one address", c.Quarantine.Forward)
	}
	if key, why := c.Daemon.impossible(c.Virus, l); why != "" {
		return key, why
	}
	if key, why := c.Policyd.impossible(c); why != "" {
		return key, why
	}
	for i, e := range c.Policy {
		if e.Action == nil {
			return []string{"policy"}, fmt.Sprintf("entry %d has no action", i+1)
		}
		if e.Direction != "" && e.Direction != "outgoing" && e.Direction != "incoming" {
			return []string{"policy", "direction"}, fmt.Sprintf("%q is not outgoing or incoming", e.Direction)
		}
	}
	return nil, ""
}

// line finds the line on which a key is written, 1 when it cannot. toml keeps
// no positions of the keys it did not decode.
func line(text string, key []string) int {
	table, at, last := "", 1, key[len(key)-1]
	want := strings.Join(key[:len(key)-1], ".")
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			if end := strings.IndexByte(l, ']'); end > 0 {
				table = strings.Trim(l[:end], "[] ")
			}
			if table == strings.Join(key, ".") {
				at = i + 1
			}
			continue
		}
		name, _, ok := strings.Cut(l, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if ok && (table == want && name == last || table == "" && name == strings.Join(key, ".")) {
			return i + 1
		}
	}
	return at
}

// heavy reports a trigger "word=weight" whose weight is none.
func heavy(trigger string) bool {
	n, err := strconv.Atoi(trigger[strings.LastIndexByte(trigger, '=')+1:])
	return strings.LastIndexByte(trigger, '=') > 0 && err == nil && (n < 0 || n > 200)
}
