package rules

import (
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span as Go writes it, with days added: "90s", "1h30m", "30d".
type Duration time.Duration

// UnmarshalText reads a span; negative ones are refused.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a time span (like 90s, 1h or 30d)", s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time span (like 90s, 1h or 30d)", s)
	}
	*d = Duration(v)
	return nil
}

func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// MarshalText writes the span as it is read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Size is a number of bytes: 4096, "256K", "64M" or "1G", binary units.
type Size int64

// UnmarshalText reads a size; negative ones are refused.
func (z *Size) UnmarshalText(text []byte) error {
	s := strings.TrimSuffix(strings.TrimSuffix(string(text), "B"), "i")
	shift := 0
	switch {
	case strings.HasSuffix(s, "K"):
		shift = 10
	case strings.HasSuffix(s, "M"):
		shift = 20
	case strings.HasSuffix(s, "G"):
		shift = 30
	}
	n, err := strconv.ParseUint(strings.TrimRight(s, "KMG"), 10, 33)
	if err != nil {
		return fmt.Errorf("%q is not a size (like 4096, 256K or 64M)", text)
	}
	*z = Size(n << shift)
	return nil
}

// Rate is "6/1h": at most N in any Window. The zero Rate means no bound.
type Rate struct {
	N      int
	Window time.Duration
}

// UnmarshalText reads "N/SPAN", or "0" for none.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*r = Rate{}
		return nil
	}
	count, span, ok := strings.Cut(string(text), "/")
	n, err := strconv.ParseUint(count, 10, 16)
	var window Duration
	if !ok || err != nil || window.UnmarshalText([]byte(span)) != nil || window == 0 {
		return fmt.Errorf("%q is not a rate (like 6/1h)", text)
	}
	*r = Rate{N: int(n), Window: time.Duration(window)}
	return nil
}

// Rates above these are not counted: the cache keeps the time of every charge,
// and none for longer.
const (
	mostRate    = 1000
	longestRate = 31 * 24 * time.Hour
)

// uncountable says why a rate cannot be kept, "" if it can.
func (r Rate) uncountable() string {
	switch {
	case r.N > mostRate:
		return fmt.Sprintf("%d is over %d; \"0\" is no bound", r.N, mostRate)
	case r.N > 0 && (r.Window < time.Second || r.Window > longestRate):
		return fmt.Sprintf("%s is not between 1s and 31d", Duration(r.Window))
	case r.N == 0 && r.Window != 0:
		return "0 in a time asks nothing; \"0\" alone is no bound"
	}
	return ""
}

// Pattern is a regular expression (RE2 syntax) that must match a whole word.
// The zero Pattern is unset.
type Pattern struct{ text string }

// NewPattern returns an unchecked pattern; Regexp panics if it does not compile.
func NewPattern(text string) Pattern { return Pattern{text} }

func (p Pattern) String() string { return p.text }

// UnmarshalText keeps the text and refuses what does not compile.
func (p *Pattern) UnmarshalText(text []byte) error {
	if _, err := syntax.Parse(string(text), syntax.Perl); err != nil { // half of what Compile does, and all its errors
		return fmt.Errorf("%q is not a regular expression: %w", text, err)
	}
	p.text = string(text)
	return nil
}

// Regexp compiles the pattern, anchored at both ends. It is dear (25 us), so
// callers compile on first use and keep the result; nil when unset.
func (p Pattern) Regexp() *regexp.Regexp {
	if p.text == "" {
		return nil
	}
	return regexp.MustCompile(`^(?:` + p.text + `)$`)
}

// Network is an address or a CIDR prefix: "192.0.2.1", "2001:db8::/32".
type Network struct{ netip.Prefix }

// UnmarshalText reads an address or a prefix.
func (n *Network) UnmarshalText(text []byte) error {
	s := string(text)
	if addr, err := netip.ParseAddr(s); err == nil {
		n.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("%q is not a network (like 192.0.2.1 or 192.0.2.0/24)", s)
	}
	n.Prefix = prefix.Masked()
	return nil
}

// MarshalText writes the size in the largest unit that divides it.
func (z Size) MarshalText() ([]byte, error) {
	n, unit := int64(z), ""
	for _, u := range []string{"K", "M", "G"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return fmt.Appendf(nil, "%d%s", n, unit), nil
}

// MarshalText writes the rate as it is read.
func (r Rate) MarshalText() ([]byte, error) {
	if r.N == 0 {
		return []byte("0"), nil
	}
	return fmt.Appendf(nil, "%d/%s", r.N, Duration(r.Window)), nil
}

// MarshalText writes the expression.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }
