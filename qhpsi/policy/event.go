package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"qguard/qhpsi/decide"
)

// fields are what a request says, by the names of keyKind.
type fields map[string]string

// A kind is what a field's value must be.
type kind int

const (
	unknown kind = iota // passed over
	text
	flag   // true or false
	number // from 0
)

// keyKind tells what a name of ours takes.
func keyKind(name string) kind {
	switch name {
	case "login", "remote", "protocol", "session", "pwhash", "fail_type",
		"phase", "rdns", "sender", "recipient", "door":
		return text
	case "tls", "success", "policy_reject", "hold":
		return flag
	case "recipients", "size", "time":
		return number
	}
	return unknown
}

// maxText is how much of a text of the client's is kept; maxWord of a name.
const (
	maxText = 512
	maxWord = 32
)

// event makes one of what is said. It fails on what cannot be: an address that
// is none, a number that is none.
func (f fields) event(phase decide.Phase, door string, now time.Time) (decide.Event, error) {
	e := decide.Event{
		Time:      now,
		Phase:     phase,
		Door:      door,
		Protocol:  strings.ToLower(cut(f["protocol"], maxWord)),
		Login:     cut(f["login"], maxText),
		Session:   cut(f["session"], maxText),
		PwHash:    pwHash(f["pwhash"]),
		FailType:  cut(f["fail_type"], maxWord),
		Sender:    cut(f["sender"], maxText),
		Recipient: cut(f["recipient"], maxText),
	}
	var errs [7]error
	var n int64
	e.Remote, errs[0] = address(f["remote"])
	e.TLS, errs[1] = f.flag("tls")
	e.Success, errs[2] = f.flag("success")
	e.PolicyReject, errs[3] = f.flag("policy_reject")
	n, errs[4] = f.number("recipients", 1<<20)
	e.Recipients = int(n)
	e.Size, errs[5] = f.number("size", 1<<50)
	e.RDNS, errs[6] = rdns(f["rdns"])
	return e, errors.Join(errs[:]...)
}

// flag reads true or false in the words that are used for it; "" is false.
func (f fields) flag(name string) (bool, error) {
	switch v := f[name]; v {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0", "":
		return false, nil
	default:
		return false, fmt.Errorf("%s is neither true nor false: %s", name, quote(v))
	}
}

// number reads one from 0 to most; "" is 0.
func (f fields) number(name string, most int64) (int64, error) {
	v := f[name]
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > most || v[0] == '+' {
		return 0, fmt.Errorf("%s is no number from 0 to %d: %s", name, most, quote(v))
	}
	return n, nil
}

func rdns(v string) (decide.RDNS, error) {
	switch r := decide.RDNS(v); r {
	case decide.RDNSUnknown, decide.RDNSGood, decide.RDNSForged, decide.RDNSMissing:
		return r, nil
	}
	return "", fmt.Errorf("rdns is not known: %s", quote(v))
}

// address reads a client's: bare, in brackets, or as an SMTP address literal.
// None, and Postfix's "unknown", is the zero one. A mapped address is the IPv4 one
// in it, and a zone says nothing to others.
func address(v string) (netip.Addr, error) {
	bare := v
	if inside, ok := strings.CutPrefix(v, "["); ok {
		bare = strings.TrimSuffix(inside, "]")
	}
	if len(bare) > 5 && strings.EqualFold(bare[:5], "ipv6:") {
		bare = bare[5:]
	}
	if bare == "" || bare == "unknown" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("remote is no address: %s", quote(v))
	}
	return a.WithZone("").Unmap(), nil
}

// pwHash lets pass what Dovecot makes of a password by default, twelve bits in
// hex, and nothing that tells more of it.
func pwHash(v string) string {
	if len(v) > 4 || strings.Trim(v, "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return strings.ToLower(v)
}

// cut is the beginning of a text, as UTF-8.
func cut(v string, most int) string {
	if len(v) > most {
		v = strings.Clone(v[:most])
	}
	return strings.ToValidUTF8(v, "\uFFFD")
}

// quote is a client's text for the log and for an error.
func quote(v string) string {
	if len(v) > 64 {
		return strconv.QuoteToASCII(v[:64]) + "..."
	}
	return strconv.QuoteToASCII(v)
}

// maxTarpit is the longest sleep that is asked of a client: the login processes
// of Dovecot and the SMTP clients of others wait for minutes.
const maxTarpit = 30

// seconds of a tarpit, at least one.
func seconds(d time.Duration) int {
	return int(min(max((d+time.Second-1)/time.Second, 1), maxTarpit))
}

// maxSaid is how much of an answer's text is said.
const maxSaid = 400

// said is an answer's text as one line without control characters; ascii: of
// printable ASCII.
func said(a decide.Answer, ascii bool) string {
	v := a.Text
	switch {
	case v != "":
	case a.Kind == decide.Defer:
		v = "Try again later"
	case a.Kind == decide.Refuse:
		v = "Refused by local policy"
	}
	v = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > 0x7f && (ascii || r < 0xa0 || r == 0x2028 || r == 0x2029):
			return '?'
		}
		return r
	}, v)
	if len(v) > maxSaid {
		v = strings.ToValidUTF8(v[:maxSaid], "")
	}
	return v
}
