// Package virus asks other people's scanners about a whole message, at its end.
//
// What they find is a finding: virus.clamd with the name of the signature,
// virus.command, or virus.qhpsi. That they cannot tell is an error, whatever the
// reason: nobody listens, no answer in time, an answer cut off, a crash.
//
// # clamd
//
// A Clamd speaks clamd's protocol (clamd(8); clamav's docs/man/clamd.8), in its
// form with NULs, on a UNIX socket or TCP, one connection a message:
//
//	C: zFILDES NUL, a byte with a descriptor beside it (SCM_RIGHTS)   UNIX sockets, messages in files
//	C: zINSTREAM NUL (length data)... length 0                        all others
//	S: subject: OK NUL    subject: NAME FOUND NUL    text ERROR NUL
//
// QUIRK: clamd does not take a descriptor that comes with the command's last
// byte; a byte must follow it.
//
// A length is four bytes, the highest first. The reply is one, at most 8 KiB with
// its NUL, and nothing comes after it; anything else is no answer. A reply before
// the message was sent whole counts only as the reason of an error.
//
// FILDES lets clamd read the file that the door holds. It is used where that
// file is the message and nothing more.
// A stream over clamd's StreamMaxLength is an error. Of a message over its
// MaxFileSize or MaxScanSize clamd says OK, whichever way it came, unless
// AlertExceedsMax is set: then it says that it found
// Heuristics.Limits.Exceeded, and that is the finding limit.clamd.
//
// Connections are not kept: on a UNIX socket a new one costs 0.05 ms of the
// 0.2 ms for a message of 3 KB and of the 1.2 ms for one of 200 KB, and a session
// (IDSESSION) that clamd's end breaks off would have to be told from trouble
// with the message. At most maxQuestions are asked at a time, fewer than clamd
// has threads; others wait for their turn within their own time.
//
// # Commands
//
// A Command runs a program on a file with the message; see there.
package virus

import (
	"context"
	"fmt"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// New returns the scanners that the rules name, none by default. With failure =
// "accept" warn is told of their trouble, one line each; it counts as nothing
// found.
func New(c rules.Virus, warn func(error)) []scan.Scanner {
	var list []scan.Scanner
	if c.Clamd != (rules.Address{}) {
		list = append(list, NewClamd(c.Clamd, time.Duration(c.Timeout)))
	}
	if len(c.Command) > 0 {
		list = append(list, &Command{Argv: c.Command, Found: c.Found, Clean: c.Clean, Timeout: time.Duration(c.Timeout)})
	}
	if c.Failure == "accept" {
		for i, s := range list {
			list[i] = tolerant{s, warn}
		}
	}
	return list
}

// tolerant is a scanner whose trouble is no reason to keep mail waiting.
type tolerant struct {
	scan.Scanner
	warn func(error)
}

func (t tolerant) Begin(m *scan.Message) scan.Look { return tolerantLook{t.Scanner.Begin(m), t.warn} }

type tolerantLook struct {
	scan.Look
	warn func(error)
}

func (l tolerantLook) End(ctx context.Context) ([]scan.Finding, error) {
	findings, err := l.Look.End(ctx)
	if err != nil {
		l.warn(fmt.Errorf("accepted unscanned: %w", err))
	}
	return findings, nil
}
