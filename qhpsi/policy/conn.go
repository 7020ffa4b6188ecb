package policy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A conn is a client of Postfix's or the control protocol: lines in, short
// answers out.
type conn struct {
	net.Conn
	r    *bufio.Reader
	idle time.Duration // between requests; 0 = for ever

	mu       sync.Mutex
	waiting  bool // for a request
	draining bool
}

// newConn prepares one whose lines have at most size bytes, the end counted.
func newConn(nc net.Conn, idle time.Duration, size int) *conn {
	return &conn{Conn: nc, r: bufio.NewReaderSize(nc, size), idle: idle}
}

var (
	errLong = errors.New("a line is too long")
	errCut  = errors.New("the connection ends within a request")
	errSlow = errors.New("a request does not end in time")
)

// await waits until a request begins, and gives it its time. It fails when none
// comes any more.
func (c *conn) await() error {
	c.mu.Lock()
	if c.draining {
		c.mu.Unlock()
		return io.EOF
	}
	c.waiting = true
	c.SetReadDeadline(after(c.idle))
	c.mu.Unlock()

	_, err := c.r.Peek(1)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	c.SetReadDeadline(after(turn))
	return err
}

// after is a deadline; 0 is none.
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// drain ends a wait for a request, and the connection behind the present one.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.waiting {
		c.SetReadDeadline(time.Unix(1, 0))
	}
}

// line reads one, without its end; it is good until the next is read.
func line(r *bufio.Reader) ([]byte, error) {
	l, err := r.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, errLong
	case err == io.EOF:
		return nil, errCut
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow
	case err != nil:
		return nil, err
	}
	return l[:len(l)-1], nil
}

// say writes an answer.
func (c *conn) say(text string) error {
	c.SetWriteDeadline(after(turn))
	_, err := io.WriteString(c, text)
	return err
}

// maxLinger is how much input of a client that broke a bound is dropped.
const maxLinger = 4 << 20

// linger drops input until the client has read our text and closes: input that
// nobody reads would make the kernel reset the connection.
func (c *conn) linger() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.SetReadDeadline(after(turn))
	io.CopyN(io.Discard, c.r, maxLinger)
}
