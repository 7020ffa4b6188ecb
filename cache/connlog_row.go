package cache

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// A Row is one line of the connection log: how a login or a connection ended.
// There is no field for a password or a hash of one. Texts are the client's own
// bytes, to be escaped by whoever shows them.
type Row struct {
	Time         time.Time // kept to the millisecond, given back in UTC
	Protocol     string    // imap, pop3, smtp, ...; 127 bytes are kept
	User         string    // 255 bytes are kept
	Remote       netip.Addr
	Country      string // two capital letters; others are not kept
	AuthOK       bool
	PolicyReject bool
	Phase        string // as in an event; 127 bytes
	Reason       string // the rule's name, "" = nothing was found; 127 bytes
	Session      string // 255 bytes
	Door         string // who told; 127 bytes
}

// Flags, the first byte of a row.
const (
	rowAuthOK = 1 << iota
	rowPolicyReject
	rowIPv4
	rowIPv6
	rowCountry
	rowPacked // the session was base64 and is kept as what it stands for
	rowKnown  = rowAuthOK | rowPolicyReject | rowIPv4 | rowIPv6 | rowCountry | rowPacked
)

const (
	rowKey    = 4 + 3
	rowLeast  = 1 + 6
	rowMost   = 1 + 16 + 2 + 2*256 + 4*128
	firstWord = 0x80
)

// rowWords are texts kept as one byte, firstWord and up. Part of the format: new ones go
// to the end.
var rowWords = [...]string{
	"imap", "pop3", "smtp", "submission", "lmtp", "sieve", "managesieve", "doveadm", "http",
	"dovecot", "exim", "postfix", "relay", "control", "queue", "checkpw", "watch",
	"allow", "report", "connect", "close", "recipient", "message", "auth",
	"login.country", "login.failures", "login.pair", "login.logins", "login.network",
	"rate.conn", "rate.msg", "rate.rcpt", "rate.quota", "rate.open", "rate.msg_rcpt", "rate.conn_msg", "intranet", "ban",
	"internal", "credentials", "account", "expired", "disabled", "policy",
}

// appendRow encodes a row without its time.
func appendRow(v []byte, r Row) []byte {
	head := len(v)
	v = append(v, 0)
	flags := byte(0)
	if r.AuthOK {
		flags |= rowAuthOK
	}
	if r.PolicyReject {
		flags |= rowPolicyReject
	}
	switch a := r.Remote.Unmap().WithZone(""); {
	case a.Is4():
		flags |= rowIPv4
		v = append(v, a.AsSlice()...)
	case a.Is6():
		flags |= rowIPv6
		v = append(v, a.AsSlice()...)
	}
	if c := r.Country; len(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z' {
		flags |= rowCountry
		v = append(v, r.Country...)
	}
	v = appendText(v, r.User)
	for _, s := range []string{r.Protocol, r.Door, r.Phase, r.Reason} {
		v = appendWord(v, s)
	}
	if packed, ok := pack(r.Session); ok {
		flags |= rowPacked
		v = appendText(v, packed)
	} else {
		v = appendText(v, r.Session)
	}
	v[head] = flags
	return v
}

func appendText(v []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(v, byte(len(s))), s...)
}

func appendWord(v []byte, s string) []byte {
	for i, w := range rowWords {
		if s == w {
			return append(v, firstWord+byte(i))
		}
	}
	return appendText(v, s[:min(len(s), firstWord-1)])
}

// pack undoes base64, as Dovecot's sessions are, where it can be done again.
func pack(s string) (string, bool) {
	if s == "" || len(s) > 255 {
		return "", false
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawStdEncoding.EncodedLen(len(raw)) != len(s) { // it skips ends of lines
		return "", false
	}
	return string(raw), true
}

// A rowReader takes a row apart from the front. Reading past the end makes it bad.
type rowReader struct {
	v   []byte
	bad bool
}

func (r *rowReader) take(n int) []byte {
	if n > len(r.v) {
		r.bad = true
		return nil
	}
	part := r.v[:n]
	r.v = r.v[n:]
	return part
}

func (r *rowReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *rowReader) word() string {
	n := int(r.byte())
	if n < firstWord {
		return string(r.take(n))
	}
	if n -= firstWord; n < len(rowWords) {
		return rowWords[n]
	}
	r.bad = true
	return ""
}

// A rowHead is what a query looks at first; it points into the row.
type rowHead struct {
	flags                 byte
	remote, country, user []byte
}

func (r *rowReader) head() (h rowHead) {
	h.flags = r.byte()
	switch h.flags & (rowIPv4 | rowIPv6) {
	case rowIPv4:
		h.remote = r.take(4)
	case rowIPv6:
		h.remote = r.take(16)
	case 0:
	default:
		r.bad = true
	}
	if h.flags&rowCountry != 0 {
		h.country = r.take(2)
	}
	h.user = r.take(int(r.byte()))
	r.bad = r.bad || h.flags&^rowKnown != 0
	return h
}

// decodeRow decodes what appendRow made, and nothing else.
func decodeRow(v []byte, at time.Time) (Row, bool) {
	r := rowReader{v: v}
	h := r.head()
	row := Row{
		Time: at, User: string(h.user), Country: string(h.country),
		AuthOK: h.flags&rowAuthOK != 0, PolicyReject: h.flags&rowPolicyReject != 0,
	}
	row.Remote, _ = netip.AddrFromSlice(h.remote)
	for _, s := range []*string{&row.Protocol, &row.Door, &row.Phase, &row.Reason} {
		*s = r.word()
	}
	row.Session = string(r.take(int(r.byte())))
	if h.flags&rowPacked != 0 {
		row.Session = base64.RawStdEncoding.EncodeToString([]byte(row.Session))
	}
	return row, !r.bad && len(r.v) == 0
}

// dayOf is the name of the bucket for this time.
func dayOf(at time.Time) string { return at.UTC().Format("20060102") }

const (
	dayName   = len("20060102")
	dayMillis = 24 * 60 * 60 * 1000
)

// keyOfRow is the key within its day: milliseconds, and the last three bytes of a
// number that tells rows of one millisecond apart.
func keyOfRow(at time.Time, seq uint64) []byte {
	key := binary.BigEndian.AppendUint32(make([]byte, 0, rowKey), uint32(at.UnixMilli()%dayMillis))
	return append(key, byte(seq>>16), byte(seq>>8), byte(seq))
}
