package milter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"qguard/qhpsi/respond"
)

const (
	maxPacket   = 1 << 20  // the most that servers negotiate (SMFIP_MDS_1M)
	smallPacket = 64 << 10 // more than this many bytes come in a few connections at a time
	largeAtOnce = 16
)

// A listener bounds the connections, and ends them when it is drained.
type listener struct {
	net.Listener
	server     *Server
	done       <-chan struct{}
	places     chan struct{} // holds one for each connection
	large      chan struct{} // holds one for each large packet on its way
	wait, idle time.Duration
	sessions   sync.WaitGroup

	mu       sync.Mutex
	conns    map[*conn]bool // to whether it is in the middle of a message
	draining bool
}

func (s *Server) listener(ctx context.Context, ln net.Listener) *listener {
	d := s.Host.Rules().Daemon
	l := &listener{
		Listener: ln, server: s, done: ctx.Done(),
		places: make(chan struct{}, d.Connections),
		large:  make(chan struct{}, largeAtOnce),
		wait:   s.Wait,
		idle:   time.Duration(d.Idle),
		conns:  map[*conn]bool{},
	}
	if l.wait == 0 {
		l.wait = 10 * time.Minute
	}
	return l
}

// Accept waits for a place, then for a connection. Trouble such as no
// descriptor left passes.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			return l.add(c), nil
		}
		if errors.Is(err, net.ErrClosed) {
			<-l.places
			return nil, err
		}
		l.warn(err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-l.done:
		}
	}
}

func (l *listener) add(nc net.Conn) *conn {
	c := &conn{Conn: nc, l: l, r: bufio.NewReaderSize(nc, 4<<10)}
	l.sessions.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = false
	return c
}

// drain closes the listener and every connection without a message.
func (l *listener) drain() {
	l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = true
	for c, busy := range l.conns {
		if busy {
			c.Conn.SetReadDeadline(time.Now().Add(l.idle))
		} else {
			c.Conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

func (l *listener) warn(err error) {
	l.server.Host.Log(respond.Record{Err: fmt.Errorf("milter: %w", err)})
}

// A conn hands on whole and sound packets only, so that the library finds in
// them what it takes for granted. Deadlines are kept here, none of the
// library's own.
type conn struct {
	net.Conn
	l      *listener
	r      *bufio.Reader
	rest   []byte // of a packet, the length before it
	letter byte   // of the last packet; 0 = there was none
	once   sync.Once
}

// SetReadDeadline is the library's, which gives a server one second to begin.
func (*conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is likewise not followed; see Write.
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// Read reads from the packet that is there, or the next.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		packet, err := c.next()
		if err == nil {
			c.rest, err = sound(packet, c.letter == 0)
		}
		if err != nil && err != errEnd {
			c.l.warn(err)
		}
		if err != nil {
			return 0, io.EOF // which the library does not log
		}
		c.letter = packet[4]
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// errEnd is an end between packets, or the server's silence.
var errEnd = errors.New("end")

// next reads a packet with its length before it.
func (c *conn) next() ([]byte, error) {
	if err := c.await(); err != nil {
		return nil, err
	}
	if _, err := c.r.Peek(1); err != nil {
		return nil, errEnd
	}
	c.Conn.SetReadDeadline(time.Now().Add(c.l.idle))
	head, err := c.r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("packet is cut: %w", err)
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 || n > maxPacket {
		return nil, fmt.Errorf("packet of %d bytes", n)
	}
	if n > smallPacket {
		if err := c.l.makeRoom(); err != nil {
			return nil, err
		}
		defer func() { <-c.l.large }()
	}
	var packet bytes.Buffer // grows with what comes, not with what was promised
	if _, err := io.CopyN(&packet, c.r, 4+int64(n)); err != nil {
		return nil, fmt.Errorf("packet is cut: %w", err)
	}
	c.note(packet.Bytes()[4])
	return packet.Bytes(), nil
}

// makeRoom waits until a large packet may come.
func (l *listener) makeRoom() error {
	timer := time.NewTimer(l.idle)
	defer timer.Stop()
	select {
	case l.large <- struct{}{}:
		return nil
	case <-timer.C:
		return errors.New("too many large packets at a time")
	}
}

// await sets the deadline for the next packet to begin.
func (c *conn) await() error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.letter == 'E' { // answered by now
		c.l.conns[c] = false
	}
	wait := c.l.wait
	if c.letter == 0 { // a mail server begins at once
		wait = min(wait, c.l.idle)
	}
	if c.l.draining {
		if !c.l.conns[c] {
			return errEnd
		}
		wait = c.l.idle
	}
	return c.Conn.SetReadDeadline(time.Now().Add(wait))
}

// note follows where messages begin and end.
func (c *conn) note(letter byte) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	switch letter {
	case 'M':
		c.l.conns[c] = true
	case 'A', 'K', 'Q':
		c.l.conns[c] = false
	}
}

// Write writes within the idle time. The error is one that the library does not
// log.
func (c *conn) Write(p []byte) (int, error) {
	c.Conn.SetWriteDeadline(time.Now().Add(c.l.idle))
	n, err := c.Conn.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	return n, nil
}

// Close is the last thing that the library does with a connection.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		c.l.mu.Lock()
		delete(c.l.conns, c)
		c.l.mu.Unlock()
		<-c.l.places
		c.l.sessions.Done()
	})
	return err
}
