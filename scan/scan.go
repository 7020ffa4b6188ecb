// Package scan judges a message: it walks the message's parts once, shows
// every part to the looks, and gathers their findings into a verdict.
//
// The walk is depth first. A part is shown to every look, then offered to
// every opener, which may turn it into further parts (a multipart into its
// entities, an archive into its members, HTML into its text); those are walked
// the same way. The engine alone calls openers, with one Budget for the whole
// message, so that no nesting of formats escapes the limits. A limit that is
// reached, and a part that cannot be read, are findings (see Flaw), never a
// silent pass; what cannot be told because of trouble on our side (a full
// disk, a dead authenticator) is Verdict.Err.
//
// Part paths: MIME parts are numbered as in IMAP (RFC 9051 section 6.4.5.1):
// "1", "2.1"; a member of a container adds "/" and its name, a MIME part that
// is a container its own name first: "2/keys.zip/a.js"; what only another reading
// of the message has stands behind a "~": "2.~1". The message itself is "". Package scan knows no format, rule table or protocol.
package scan

import (
	"context"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"qguard/rules"
)

// A Message is what a door gives to be judged. Nothing of it is changed.
type Message struct {
	Content  io.ReaderAt    // the message as queued: header, blank line, body; LF or CRLF ends
	Size     int64          // bytes in Content
	Envelope rules.Envelope // what the door knows of sender, direction and client
	User     string         // authenticated user, "" when there is none
}

// A Finding is one thing wrong with a message. It has no field for a secret;
// whoever makes one keeps passwords out of Name and Note.
type Finding struct {
	Rule   string       `json:"rule"` // dotted and stable: "xfile.name"
	Part   string       `json:"part"` // path of the part, "" = the message itself
	Name   string       `json:"name,omitempty"`
	Note   string       `json:"note,omitempty"`
	Action rules.Action `json:"action"` // set by the policy, not by detectors
	Text   string       `json:"-"`      // what a refusal says, set by the policy
	Grave  bool         `json:"-"`      // the worse of a rule's two default actions applies
}

// Verdict is the answer about one message.
type Verdict struct {
	Findings []Finding
	Err      error // why the message could not be judged to the end; nil = it was
}

// State is what a verdict comes to.
type State string

// The three states. A finding counts even when something else failed: only
// without one does doubt make the verdict undecided.
const (
	Clean     State = "clean"
	Found     State = "found"
	Undecided State = "undecided"
)

// State sums the verdict up: found when some action is worse than defer,
// undecided on an error or a deferring finding, else clean.
func (v Verdict) State() State {
	switch action := v.Worst().Action; {
	case action.Found():
		return Found
	case v.Err != nil || action == rules.Defer:
		return Undecided
	}
	return Clean
}

// Worst returns the first finding with the greatest action; zero when there is none.
func (v Verdict) Worst() Finding {
	var worst Finding
	for i, f := range v.Findings {
		if i == 0 || f.Action > worst.Action {
			worst = f
		}
	}
	return worst
}

// A Scanner is made once from the rules and looks at many messages, at several
// at a time.
type Scanner interface {
	Begin(m *Message) Look
}

// A Look sees the parts of one message in order.
type Look interface {
	// Part is called for every part. An error that is a *Flaw becomes a
	// finding; any other makes the verdict undecided. The walk goes on.
	Part(ctx context.Context, p *Part) error
	// End is called once, after the last part, also after errors.
	End(ctx context.Context) ([]Finding, error)
}

// An Opener turns a part of its format into further parts and hands each to
// yield at once; the part is valid only during that call. A part of another
// format is none of its business: it returns nil. Errors as in Look.Part; an
// error of yield is returned unchanged.
type Opener interface {
	Parts(ctx context.Context, p *Part, b *Budget, yield func(*Part) error) error
}

// A Flaw is why a part was not read to its end (a limit, encryption, damage), or
// what only its opener can see in it (a macro). It is an error on its way up and
// a finding once it reaches the engine; several go together by errors.Join.
type Flaw struct {
	Rule, Note string
	Grave      bool
}

func (f *Flaw) Error() string { return f.Rule + ": " + f.Note }

// Damaged is the flaw of data that does not decode: xfile.unreadable with a note.
// A flaw stays what it is, and so does trouble of the system, a full disk for
// one, which is nothing that a message can be blamed for.
func Damaged(err error, note string) error {
	var flaw *Flaw
	var sys interface{ Timeout() bool } // fs.PathError and syscall.Errno have it
	if errors.As(err, &flaw) || errors.As(err, &sys) {
		return err
	}
	return &Flaw{Rule: "xfile.unreadable", Note: note}
}

// errStop ends the walk; what stopped it has been noted.
var errStop = errors.New("stop")

// Printable makes text from a message safe to show: control characters,
// invalid UTF-8 and characters that change the direction of writing are
// escaped, the result cut to max bytes.
func Printable(s string, max int) string {
	plain := len(s) <= max
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var out []byte
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+n]
		i += n
		if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
			quoted := strconv.QuoteToASCII(piece)
			piece = quoted[1 : len(quoted)-1]
		}
		if len(out)+len(piece) > max {
			return string(out) + "..."
		}
		out = append(out, piece...)
	}
	return string(out)
}
