// Package milter is the door of Postfix and Sendmail: it speaks the milter
// protocol, versions 2 to 6, as the filter. Sources: the protocol's description
// that Todd Vierling wrote of Sendmail 8.11, libmilter of Sendmail 8.18
// (mfdef.h), Postfix's MILTER_README and what Postfix 3.7 sends.
//
// A mail server connects for each SMTP connection. Packets are a length (4
// bytes, big-endian, the letter counted), a letter and data. It offers what it
// can do (O) and we choose; then come the client (C), for each message the
// sender (M), the recipients (R), the header fields (L, N ends them), the body in
// pieces (B) and its end (E), each with macros before it (D). The end is answered
// with changes and a verdict; everything before with "continue", or not at all
// where the server can do without. A (abort) ends a message, Q the connection, K
// the SMTP connection only.
//
// The message is what the server has: each field's name, colon and value, a
// blank line, the body, with LF at the ends of lines as in a server's own queue.
// A server before version 6 keeps one blank behind the colon to itself; it is
// put back. The envelope is that of M and R, the client that of C, and mail is
// outgoing when the macro {auth_authen} names a user; a macro that is missing is
// no error. The rules are those of the moment the message begins.
//
// SMTP knows one answer for all recipients, and a milter one message for all
// of them:
//
//	pass, tag  our header fields are put first; such fields that came with the
//	           message are renamed X-Old-...
//	replace    the original is held; all fields but trace fields, and the body,
//	           give way to the message that says so
//	hold       the message is held in qguard's quarantine and discarded; with a
//	           forward address it goes there, with X-Quarantine-ID, and nowhere else
//	discard    it is discarded
//	reject     550, or with [queue] mixed = "hold" hold where others do get it
//	defer      451, as whenever something could not be told or done
//
// Where recipients fall under different actions, those that are to get the
// message keep it; the others are taken off the envelope and theirs is held or
// discarded. A milter cannot split: what some are to get as it is, nobody gets
// replaced, so replace is hold then; and a forward address gets what is held for
// all recipients only. Senders are sent no notices: there is no queue program
// here to take them.
//
// The server's own quarantine (SMFIR_QUARANTINE) is not used: it keeps the
// message for all recipients, knows neither findings nor an end of keeping, and
// `qguard quarantine` does not see it.
//
// A message of more than [limit] size is the finding limit.size; a policy that
// passes, refuses or discards it is followed. It cannot be held, as it is not
// here whole: then it is deferred, for ever. Let the server's own limit be lower.
//
// Doubt is temporary: trouble of ours, commands out of order, more fields or
// recipients than anybody has are 451. Packets that are none (empty, above 1
// MiB, cut, unknown) close the connection, which a server answers with 451 too
// unless told otherwise (Postfix: milter_default_action, Sendmail: F=T). A packet
// that has begun is there within [daemon] idle; between packets an SMTP client
// may think for ten minutes. More than [daemon] connections wait to be accepted.
//
// The protocol is github.com/d--j/go-milter's (2-clause BSD), which is maintained,
// negotiates, keeps macros by stage and makes every reply we need; emersion's,
// from which it comes, speaks version 2 to any server whatever it offers, has no
// deadlines and drops fields it cannot read. What d--j's takes for granted about
// packets it would panic over, or allocate 512 MiB for; so packets are checked
// before it sees them.
package milter

import (
	"context"
	"net"
	"time"

	"github.com/d--j/go-milter"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// A Host is what the door is built into.
type Host interface {
	Rules() *rules.Config
	Spool() *scan.Spool // bounded by [limit] size
	Scan(ctx context.Context, m *scan.Message) scan.Verdict
	Log(r respond.Record)
}

// A Server answers mail servers.
type Server struct {
	Host Host
	Wait time.Duration    // for an SMTP client between two packets; 0 = 10 minutes
	Now  func() time.Time // nil = time.Now
}

// Serve answers connections until ctx ends: then messages that have begun are
// answered, all else is closed. It closes ln and returns when no connection is
// left; the error is nil unless ln broke.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	l := s.listener(ctx, ln)
	stop := context.AfterFunc(ctx, l.drain)
	server := milter.NewServer(
		milter.WithActions(actions),
		milter.WithProtocols(protocol),
		milter.WithNegotiationCallback(negotiate),
		milter.WithDynamicMilter(func(_ uint32, _ milter.OptAction, p milter.OptProtocol, _ milter.DataSize) milter.Milter {
			// What is being judged when ctx ends is judged to its end.
			return &session{server: s, ctx: context.WithoutCancel(ctx), spaced: p&milter.OptHeaderLeadingSpace != 0}
		}),
	)
	err := server.Serve(l)
	if stop() {
		l.drain() // ln broke; nobody waits for it twice
	}
	l.sessions.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// What we may do, and what we can do without.
const (
	actions = milter.OptAddHeader | milter.OptChangeHeader | milter.OptChangeBody | milter.OptAddRcpt | milter.OptRemoveRcpt

	protocol = milter.OptNoHelo | milter.OptNoUnknown | milter.OptNoData |
		milter.OptNoReplies | milter.OptHeaderLeadingSpace
)

// negotiate chooses from what the server offers. An action it lacks shows when
// it is needed, as a temporary failure.
func negotiate(theirs, ours uint32, offered, wanted milter.OptAction, can, want milter.OptProtocol, _ milter.DataSize) (uint32, milter.OptAction, milter.OptProtocol, milter.DataSize, error) {
	return min(theirs, ours), offered & wanted, can & want, milter.DataSize64K, nil
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
