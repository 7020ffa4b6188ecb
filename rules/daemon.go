package rules

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Virus configures other people's scanners. Both may be set.
type Virus struct {
	Clamd   Address  `toml:"clamd"`
	Command []string `toml:"command"`
	Found   int      `toml:"found"`
	Clean   int      `toml:"clean"`
	Timeout Duration `toml:"timeout"`
	Failure Failure  `toml:"failure"`
}

// Failure says what a scanner's trouble does to a message: undecided (a
// temporary failure) or accept (as if it had found nothing).
type Failure string

// UnmarshalText refuses any other word.
func (f *Failure) UnmarshalText(text []byte) error { return word(f, text, "undecided", "accept") }

// Daemon configures qguardd, and by Socket and Fallback the programs that ask it.
type Daemon struct {
	Socket      Address   `toml:"socket"`
	Fallback    bool      `toml:"fallback"`
	Clamd       []Address `toml:"clamd"`
	Outgoing    []Address `toml:"outgoing"`
	Milter      []Address `toml:"milter"`
	Metrics     []Address `toml:"metrics"`
	Paths       []string  `toml:"paths"`
	User        string    `toml:"user"`
	Group       string    `toml:"group"`
	Mode        Mode      `toml:"mode"`
	Spool       string    `toml:"spool"`
	SpoolSize   Size      `toml:"spool_size"`
	Memory      Size      `toml:"memory"`
	Connections int       `toml:"connections"`
	Answer      Duration  `toml:"answer"`
	Idle        Duration  `toml:"idle"`
	Undecided   Undecided `toml:"undecided"`
	Shutdown    bool      `toml:"shutdown"`
	Log         string    `toml:"log"`
}

// Undecided is how a clamd client is told that a message could not be judged:
// "error", or "limits", a FOUND that rspamd takes for a failure.
type Undecided string

// UnmarshalText refuses any other word.
func (u *Undecided) UnmarshalText(text []byte) error { return word(u, text, "error", "limits") }

// Address is where a server listens: "unix:/path" or "tcp:127.0.0.1:3310", tcp:
// may be left out, the host is numeric. The zero Address is unset.
type Address struct {
	Network string // "unix" or "tcp"
	Name    string // path, or address and port
}

// UnmarshalText reads an address; "" is the zero one.
func (a *Address) UnmarshalText(text []byte) error {
	*a = Address{}
	if len(text) == 0 {
		return nil
	}
	network, name, _ := strings.Cut(string(text), ":")
	if _, err := netip.ParseAddrPort(string(text)); err == nil {
		network, name = "tcp", string(text)
	}
	switch {
	case network == "unix" && name != "" && !strings.Contains(name, "\x00"):
	case network == "tcp":
		if _, err := netip.ParseAddrPort(name); err != nil {
			return fmt.Errorf("%q has no numeric address and port (like tcp:127.0.0.1:3310)", text)
		}
	default:
		return fmt.Errorf("%q is not an address (like unix:/run/qguard/clamd.sock or tcp:127.0.0.1:3310)", text)
	}
	*a = Address{network, name}
	return nil
}

// MarshalText writes the address as it is read.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	return a.Network + ":" + a.Name
}

// Mode is a file's permissions in octal: "0660".
type Mode uint32

// UnmarshalText reads up to four octal digits.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 16)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is not a mode (like 0660)", text)
	}
	*m = Mode(n)
	return nil
}

// MarshalText writes the mode as it is read.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

func defaultVirus() Virus {
	return Virus{Command: []string{}, Found: 1, Timeout: Duration(30 * time.Second), Failure: "undecided"}
}

func defaultDaemon() Daemon {
	none := []Address{}
	return Daemon{
		Clamd:       []Address{{"unix", "/run/qguard/clamd.sock"}},
		Outgoing:    none,
		Milter:      none,
		Metrics:     none,
		Paths:       []string{},
		User:        "qguard",
		Mode:        0o660,
		SpoolSize:   1 << 30,
		Memory:      512 << 20,
		Connections: 500,
		Answer:      Duration(4 * time.Second),
		Idle:        Duration(30 * time.Second),
		Undecided:   "error",
	}
}

// scanMemory is what one scan may need beside [limit] memory: buffers, tables
// of names, what the looks remember.
const scanMemory = 16 << 20

// Scans is how many messages qguardd may judge at a time within Memory; half of
// that is left to everything else. 0: not even one.
func (d Daemon) Scans(l Limit) int { return int(int64(d.Memory) / 2 / (int64(l.Memory) + scanMemory)) }

// impossible returns the first key of [daemon] or [virus] whose value cannot be meant.
func (d Daemon) impossible(v Virus, l Limit) (key []string, why string) {
	in := func(name string) []string { return []string{"daemon", name} }
	switch {
	case len(v.Command) > 0 && v.Command[0] == "":
		return []string{"virus", "command"}, "names no program"
	case v.Found == v.Clean:
		return []string{"virus", "found"}, fmt.Sprintf("%d means clean already", v.Found)
	case v.Timeout < Duration(time.Second):
		return []string{"virus", "timeout"}, "too short to scan a message"
	case d.Scans(l) < 1:
		return in("memory"), fmt.Sprintf("too little for one message: with this [limit] memory it takes %d bytes", 2*(int64(l.Memory)+scanMemory))
	case d.Connections < 1:
		return in("connections"), "nobody could connect"
	case d.Answer < Duration(100*time.Millisecond):
		return in("answer"), "too short to judge a message"
	case d.Idle < Duration(time.Second):
		return in("idle"), "too short for a client"
	case d.SpoolSize < l.Size:
		return in("spool_size"), "smaller than one message of [limit] size"
	}
	if i := slices.IndexFunc(d.Paths, func(p string) bool { return !filepath.IsAbs(p) }); i >= 0 {
		return in("paths"), fmt.Sprintf("%q is not absolute", d.Paths[i])
	}
	return nil, ""
}
