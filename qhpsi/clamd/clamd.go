// Package clamd is the door of clamd's protocol, server side, so that whoever
// asks clamd today asks qguardd by changing an address. Facts and texts are those
// of clamd 1.4.6 (Debian 12), measured; clamd(8) describes them in part. The tests
// hold this package and clamd side by side.
//
// # Framing
//
//	zCMD NUL   replies end in NUL
//	nCMD LF    replies end in LF; CRs before the LF are dropped
//	CMD LF     old style: also ends at NUL, the end of input or a silence; replies end in LF
//
// Names are in capitals; an argument is all that follows one blank. A connection
// is one command, then the server closes it; IDSESSION is many. Every reply, of
// several lines too, is one write: clients read it with one receive.
//
//	PING VERSION VERSIONCOMMANDS STATS
//	RELOAD SHUTDOWN (QUIT)              UNIX sockets only; else COMMAND UNAVAILABLE
//	SCAN path                           a directory: to the first hit
//	CONTSCAN path, MULTISCAN path       a directory: a line for every hit; MULTISCAN in parallel
//	ALLMATCHSCAN path                   as SCAN, a line for every finding
//	INSTREAM                            then chunks: 4 bytes length, big-endian, and as many bytes; length 0 ends
//	FILDES                              then one byte with a descriptor beside it (SCM_RIGHTS), read from offset 0
//	IDSESSION, END                      between them each reply begins "id: ", replies in any order
//	DETSTATS DETSTATSCLEAR              nothing
//	QGUARD request                      ours, z form on UNIX sockets; see qhpsi.Request
//
// Old style has PING VERSION RELOAD SHUTDOWN QUIT SCAN CONTSCAN MULTISCAN FILDES
// DETSTATS only. IDSESSION takes the z and n forms of PING VERSION VERSIONCOMMANDS
// STATS SCAN INSTREAM FILDES END. Anything else is UNKNOWN COMMAND.
//
// # Answers
//
//	subject: OK             clean, also with findings that only tag
//	subject: NAME FOUND     the gravest finding; NAME is qhpsi.FoundName of its rule
//	subject: reason ERROR   undecided; with [daemon] undecided = "limits" it is
//	                        "Heuristics.Limits.Exceeded.QGuard FOUND", which rspamd takes for a failure
//
// subject is the path as given, "stream", or "fd[N]" with the server's number.
// But for a path no name, address or secret of a message is in an answer. A
// directory is OK, with its own name, when every file in it is.
//
// QGUARD is FILDES with an envelope. With answer=json the reply is an Answer of
// package qhpsi as one JSON text and NUL; an error in request or descriptor is a
// line that ends in " ERROR" and NUL either way. It is not in VERSIONCOMMANDS.
//
// # What is judged
//
// A first line "From " (mbox; Exim writes one) is not part of the message, but
// for QGUARD's. What comes in by ServeOutgoing is from our own users, and that line
// or Exim's X-Envelope-From right behind it names the sender; elsewhere the
// envelope is not known.
//
// Paths are answered under [daemon] paths only and opened without leaving them
// by links (openat2(2), RESOLVE_BENEATH); any other path does not exist. In
// directories links are not followed, and what is no file is passed over.
//
// # Bounds
//
// Connections over [daemon] connections get an error text. A command is read
// within [daemon] idle, a stream in steps of 1 KiB each within it. A line has 8 KiB,
// a stream [limit] size, checked where a chunk is announced. A session has
// limits of commands, bytes and of what is judged at a time. When a client
// breaks a rule it gets the error, and its input is dropped for a moment so that
// the text is not lost to a reset.
package clamd

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// A Host judges: the resident core. All methods may be called at the same time.
type Host interface {
	Rules() *rules.Config // the present ones
	// Spool is an empty one. Write's error scan.ErrTooLong is over [limit] size,
	// any other trouble of ours.
	Spool() *scan.Spool
	// Scan waits its turn, judges, and ends by [daemon] answer.
	Scan(context.Context, *scan.Message) scan.Verdict
	Log(respond.Record) // called once for every message
	Reload() error      // on an error the old rules stay
	Stats() Stats
}

// Stats is what STATS tells.
type Stats struct {
	Live, Idle, Max   int // messages being judged, free places, all places
	Queue             int // messages that wait for one
	Memory, MemoryMax uint64
}

// A Server answers on any number of listeners; the bound of connections is for
// all of them together.
type Server struct {
	Host    Host
	Version string // what VERSION says: "qguardd 1.0"
	Stop    func() // for SHUTDOWN, which [daemon] shutdown must allow too; nil: unavailable

	open atomic.Int64 // connections
}

// Serve accepts connections until ctx ends. Then the listener is closed, no new
// command begins, and Serve returns when those that run have ended. Any other
// end of the listener is an error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.serve(ctx, l, false) }

// ServeOutgoing is Serve where all mail is from our own users.
func (s *Server) ServeOutgoing(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, true)
}

// longestPause is how long accepting rests when it fails, as it does while there
// are no descriptors left.
const longestPause = time.Second

func (s *Server) serve(ctx context.Context, l net.Listener, outgoing bool) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			pause = min(2*pause+5*time.Millisecond, longestPause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		if s.open.Add(1) > int64(s.Host.Rules().Daemon.Connections) {
			s.open.Add(-1)
			refuse(nc)
			continue
		}
		running.Go(func() {
			defer s.open.Add(-1)
			s.newConn(nc, outgoing).run(ctx)
		})
	}
}

// refuse tells a client why it is not served. A new connection takes the text
// without waiting.
func refuse(nc net.Conn) {
	nc.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(nc, "qguardd: too many connections ERROR\n")
	nc.Close()
}
