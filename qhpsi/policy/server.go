package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"qguard/qhpsi/decide"
	"qguard/rules"
)

// A Host is the daemon that the doors are built into. Its methods may be called
// at the same time.
type Host interface {
	decide.Decider
	OnError() rules.OnError // the present one
	Token() string          // of HTTP; "" = nobody has it
	Log(line string)        // trouble of a door: key=value, printable ASCII
	Status() string         // one line of key=value
	Reload() error          // on an error the old rules stay
}

// A Server is all doors.
type Server struct {
	Host  Host
	Group int              // whose members (by their primary group) may ask "status" and "reload" as root may; 0 = nobody's
	Now   func() time.Time // nil = time.Now

	http, postfix, control atomic.Int64 // connections

	mu     sync.Mutex
	open   map[netip.Prefix]int // connections held by control's clients
	second int64                // of the last line of trouble
	lines  int                  // of trouble in it
	missed int                  // not logged since
}

const (
	maxConns   = 1024 // of HTTP and of Postfix
	maxControl = 4096 // held connections are among them

	turn        = time.Second      // for a request, and again for its answer
	httpIdle    = time.Minute      // Dovecot ends a silence after 10 s itself
	postfixIdle = 20 * time.Minute // as Postfix does after 5 minutes

	maxTroubles = 20 // lines of trouble in a second
)

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// neutral is the answer to what was not understood.
func (s *Server) neutral() decide.Answer {
	if s.Host.OnError() == "deny" {
		return decide.Answer{Kind: decide.Defer}
	}
	return decide.Answer{}
}

// trouble logs what is wrong with a client of a door. A flood of it is counted
// instead.
func (s *Server) trouble(door string, peer net.Addr, err error) {
	s.mu.Lock()
	now, missed := s.now().Unix(), 0
	if now != s.second {
		s.second, s.lines, missed, s.missed = now, 0, s.missed, 0
	}
	s.lines++
	if s.lines > maxTroubles {
		s.missed++
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	if missed > 0 {
		s.Host.Log(fmt.Sprintf("note=%q", strconv.Itoa(missed)+" lines of trouble were not logged"))
	}
	line := "door=" + door
	if peer != nil && peer.String() != "" && peer.String() != "@" {
		line += " peer=" + strconv.QuoteToASCII(peer.String())
	}
	s.Host.Log(line + " error=" + strconv.QuoteToASCII(err.Error()))
}

var errTooMany = errors.New("too many connections")

// longestPause is how long accepting rests when it fails, as it does while there
// are no descriptors left.
const longestPause = time.Second

// A limited listener closes connections above a bound at once.
type limited struct {
	net.Listener
	server *Server
	door   string
	open   *atomic.Int64
	most   int64
}

// Accept returns the next connection within the bound; closing it makes room.
func (l *limited) Accept() (net.Conn, error) {
	var pause time.Duration
	for {
		nc, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			pause = min(2*pause+5*time.Millisecond, longestPause)
			time.Sleep(pause)
		case l.open.Add(1) > l.most:
			l.open.Add(-1)
			l.server.trouble(l.door, nc.RemoteAddr(), errTooMany)
			nc.Close()
		default:
			return &counted{Conn: nc, open: l.open}, nil
		}
	}
}

// A counted connection is one of a limited listener's.
type counted struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

// Close makes room for another.
func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// CloseWrite says that nothing follows.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// serve runs a handler for every connection until ctx ends; then it waits for
// those that have a request to answer.
func (s *Server) serve(ctx context.Context, l *limited, idle time.Duration, size int, handle func(*conn)) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case err != nil:
			return err
		}
		running.Go(func() {
			c := newConn(nc, idle, size)
			defer context.AfterFunc(ctx, c.drain)()
			defer nc.Close()
			handle(c)
		})
	}
}
