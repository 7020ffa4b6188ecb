package clamd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"qguard/rules"
)

const (
	bufferSize = 16 << 10        // of a connection's input
	step       = 1 << 10         // bytes of a stream within [daemon] idle
	lingerTime = 2 * time.Second // for a client to stop sending after an error
	maxPending = 4               // descriptors that no command has claimed yet
	maxSession = 1 << 40         // bytes of a connection
	refused    = -1              // stands for descriptors that were not taken
)

// A refusal is an error whose text the client gets; then the connection is closed.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errUnknown      refusal = "UNKNOWN COMMAND"
	errUnavailable  refusal = "COMMAND UNAVAILABLE"
	errInvalid      refusal = "Command invalid inside IDSESSION. ERROR"
	errSize         refusal = "INSTREAM size limit exceeded. ERROR"
	errSpool        refusal = "Error writing to temporary file ERROR"
	errNoDescriptor refusal = "No file descriptor received. ERROR"
	errStray        refusal = "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR"
	errTooMuch      refusal = "Session limit exceeded. ERROR"
	errTimeout      refusal = "COMMAND READ TIMED OUT"
	errRequest      refusal = "QGUARD: request not understood ERROR"
)

// errOld is an old-style command inside IDSESSION. A second line follows it.
const errOld refusal = `Only nCMDS\n and zCMDS\0 are accepted inside IDSESSION. ERROR`

// errDraining ends a connection without a word: the server is about to stop.
var errDraining = errors.New("stopping")

// A phase is what a connection does, as far as a stop of the server is concerned.
type phase int

const (
	waiting phase = iota // for a command: no loss if it never comes
	working              // reading what a command needs, or judging
	closing
)

// A conn is a connection with its input.
type conn struct {
	server   *Server
	net      net.Conn
	local    *net.UnixConn // nil: TCP
	outgoing bool
	idle     time.Duration

	buf      []byte
	r, w     int   // buf[r:w] is not read yet
	full     bool  // the last receive filled buf: there may be more of the same message
	received int64 // bytes in all
	recent   int   // bytes since the deadline was set
	pending  []int // descriptors not claimed yet, in order; or refused

	mu       sync.Mutex
	phase    phase
	draining bool

	out    sync.Mutex
	broken error // of a write; nothing is written after it
}

func (s *Server) newConn(nc net.Conn, outgoing bool) *conn {
	c := &conn{
		server: s, net: nc, outgoing: outgoing,
		idle: time.Duration(s.Host.Rules().Daemon.Idle), buf: make([]byte, bufferSize),
	}
	c.local, _ = nc.(*net.UnixConn)
	return c
}

func (c *conn) rules() *rules.Config { return c.server.Host.Rules() }

// enter begins a phase with a new deadline for reading. It fails when commands
// are not to begin any more.
func (c *conn) enter(p phase) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining && p == waiting {
		return errDraining
	}
	if !c.draining || c.phase == waiting { // drain has ended the wait of a command that had come
		c.net.SetReadDeadline(time.Now().Add(c.idle))
	}
	c.phase = p
	c.recent = 0
	return nil
}

// drain ends a wait for a command at once, and any other reading soon.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	switch c.phase {
	case waiting:
		c.net.SetReadDeadline(time.Unix(1, 0))
	case working:
		c.net.SetReadDeadline(time.Now().Add(c.idle))
	}
}

// command reads the next one.
func (c *conn) command(session bool) (command, error) {
	if err := c.enter(waiting); err != nil {
		return command{}, err
	}
	for {
		data := c.buf[c.r:c.w]
		if session && len(data) > 0 && data[0] != 'z' && data[0] != 'n' {
			return command{}, errOld
		}
		cmd, n := next(data)
		switch {
		case n > maxLine || n == 0 && len(data) >= maxLine:
			return parse(data[:1]), errUnknown
		case n > 0:
			c.r += n
			return cmd, c.enter(working)
		case len(data) == 0 && len(c.pending) > 0 && !c.full:
			return cmd, errStray
		}
		err := c.fill()
		if data = c.buf[c.r:c.w]; err != nil && len(data) > 0 && parse(data).old && (err == io.EOF || err == errTimeout) {
			c.r = c.w
			return parse(data), c.enter(working)
		}
		if err != nil {
			return command{}, err
		}
	}
}

// next4 reads the four bytes of a chunk's length.
func (c *conn) next4() (uint32, error) {
	for c.w-c.r < 4 {
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	c.r += 4
	return binary.BigEndian.Uint32(c.buf[c.r-4:]), nil
}

// more fills while a command is at work: the deadline moves on with every step.
func (c *conn) more() error {
	if err := c.fill(); err != nil {
		return err
	}
	if c.recent >= step {
		return c.enter(working)
	}
	return nil
}

// fill receives what there is, once. Its error is io.EOF where the client has
// closed or is gone, errTimeout, errDraining, or errTooMuch.
func (c *conn) fill() error {
	copy(c.buf, c.buf[c.r:c.w])
	c.r, c.w = 0, c.w-c.r
	n, err := c.receive(c.buf[c.w:])
	c.full = n == len(c.buf)-c.w
	c.w += n
	c.received += int64(n)
	c.recent += n
	switch {
	case n > 0 && c.received > maxSession || len(c.pending) > maxPending:
		return errTooMuch
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && c.stopping():
		return errDraining
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTimeout
	}
	return io.EOF
}

func (c *conn) stopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// run serves the connection to its end.
func (c *conn) run(ctx context.Context) {
	defer c.close()
	defer context.AfterFunc(ctx, c.drain)()
	cmd, err := c.command(false)
	r := reply{c: c, end: cmd.end}
	if err == nil && cmd.name == "IDSESSION" && cmd.known(false, c.local != nil) {
		c.session(ctx, cmd.end)
		return
	}
	var job func()
	if err == nil {
		job, err = c.perform(ctx, cmd, r, false)
	}
	if err != nil {
		c.fail(r, err)
		return
	}
	if job != nil {
		job()
	}
}

// fail tells the client of an error that ends the connection.
func (c *conn) fail(r reply, err error) {
	var text refusal
	switch {
	case err == errTimeout:
		reply{c: c, end: '\n'}.lines(string(errTimeout)) // as clamd, whatever the form
	case err == errOld:
		r.lines(string(errOld), "Error processing command. ERROR")
	case errors.As(err, &text):
		r.lines(string(text))
	default:
		return // nobody there, or we are about to stop
	}
	c.linger()
}

// linger drops input until the client has read our text and closes: input
// that nobody reads would make the kernel reset the connection.
func (c *conn) linger() {
	c.mu.Lock()
	c.phase = closing
	c.mu.Unlock()
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.net.SetReadDeadline(time.Now().Add(min(c.idle, lingerTime)))
	for {
		if _, err := c.net.Read(c.buf); err != nil {
			return
		}
	}
}

// close gives everything back.
func (c *conn) close() {
	for _, fd := range c.pending {
		if fd != refused {
			unix.Close(fd)
		}
	}
	c.net.Close()
}
