package cache

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
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
	rowPacked  // the session was base64 and is kept as what it stands for
	rowSixBits // the user is of nameLetters only, kept in six bits each
	rowKnown   = 1<<iota - 1
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
	if packed, ok := packName(r.User); ok {
		flags |= rowSixBits
		v = appendText(v, packed)
	} else {
		v = appendText(v, r.User)
	}
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
	raw, err := base64.RawStdEncoding.DecodeString(s)
	return string(raw), err == nil && unpack(raw) == s
}

func unpack(raw []byte) string { return base64.RawStdEncoding.EncodeToString(raw) }

// nameLetters are those of ordinary user names, small ones: RFC 5321's atext and a few. The
// first fills up and is no letter.
const nameLetters = "~abcdefghijklmnopqrstuvwxyz0123456789.@-_+!#$%&'*/=?^`{|}:;,()[]"

// sixBits packs four letters into three bytes.
var sixBits = sync.OnceValue(func() *base64.Encoding { return base64.NewEncoding(nameLetters).WithPadding(base64.NoPadding) })

// packName packs a name of nameLetters.
func packName(s string) (string, bool) {
	if s == "" || len(s) > 255 {
		return "", false
	}
	raw, err := sixBits().DecodeString(s + nameFill[:-len(s)&3])
	return string(raw), err == nil && unpackName(raw) == s
}

const nameFill = "~~~"

func unpackName(raw []byte) string { return strings.TrimRight(sixBits().EncodeToString(raw), "~") }

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

// name is the user's.
func (h rowHead) name() string {
	if h.flags&rowSixBits != 0 {
		return unpackName(h.user)
	}
	return string(h.user)
}

// headOf takes the head off a row. It is what a query of ten million rows does ten
// million times, hence not through a rowReader.
func headOf(v []byte) (h rowHead, rest []byte, ok bool) {
	if len(v) < rowLeast || v[0]&^rowKnown != 0 || v[0]&(rowIPv4|rowIPv6) == rowIPv4|rowIPv6 {
		return h, nil, false
	}
	h.flags = v[0]
	addr, country := 1, 1
	switch {
	case h.flags&rowIPv4 != 0:
		country += 4
	case h.flags&rowIPv6 != 0:
		country += 16
	}
	user := country
	if h.flags&rowCountry != 0 {
		user += 2
	}
	if user >= len(v) || user+1+int(v[user]) > len(v) {
		return h, nil, false
	}
	end := user + 1 + int(v[user])
	h.remote, h.country, h.user = v[addr:country], v[country:user], v[user+1:end]
	return h, v[end:], true
}

// decodeRow decodes what appendRow made, and nothing else.
func decodeRow(v []byte, at time.Time) (Row, bool) {
	h, rest, ok := headOf(v)
	if !ok {
		return Row{}, false
	}
	r := rowReader{v: rest}
	row := Row{
		Time: at, User: h.name(), Country: string(h.country),
		AuthOK: h.flags&rowAuthOK != 0, PolicyReject: h.flags&rowPolicyReject != 0,
	}
	row.Remote, _ = netip.AddrFromSlice(h.remote)
	for _, s := range []*string{&row.Protocol, &row.Door, &row.Phase, &row.Reason} {
		*s = r.word()
	}
	row.Session = string(r.take(int(r.byte())))
	if h.flags&rowPacked != 0 {
		row.Session = unpack([]byte(row.Session))
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
