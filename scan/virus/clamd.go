package virus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/socket"
)

const (
	maxQuestions = 8        // at a time; clamd's MaxThreads is 10, Debian's 12
	maxReply     = 8 << 10  // clamd's own is 5 KiB at most: a path and a name
	chunkSize    = 64 << 10 // of INSTREAM
	sizeLimit    = "INSTREAM size limit exceeded. ERROR"
	tooMuch      = "Heuristics.Limits.Exceeded" // AlertExceedsMax
)

// Clamd asks a clamd about each message.
type Clamd struct {
	at      rules.Address
	timeout time.Duration
	turns   chan struct{}
}

// NewClamd returns the client of the clamd at an address. A question ends after
// timeout, or earlier with its context.
func NewClamd(at rules.Address, timeout time.Duration) *Clamd {
	return &Clamd{at: at, timeout: timeout, turns: make(chan struct{}, maxQuestions)}
}

// Begin starts a message.
func (c *Clamd) Begin(m *scan.Message) scan.Look { return &clamdLook{c, m} }

type clamdLook struct {
	c *Clamd
	m *scan.Message
}

// Part sees nothing: clamd gets the whole message.
func (*clamdLook) Part(context.Context, *scan.Part) error { return nil }

// End asks.
func (l *clamdLook) End(ctx context.Context) ([]scan.Finding, error) {
	name, err := l.c.judge(ctx, l.m)
	if err != nil || name == "" {
		return nil, err
	}
	rule := "virus.clamd"
	if strings.HasPrefix(name, tooMuch) {
		rule = "limit.clamd"
	}
	return []scan.Finding{{Rule: rule, Note: scan.Printable(name, 120)}}, nil
}

// judge returns the name of the signature that fits the message, "" for none.
func (c *Clamd) judge(ctx context.Context, m *scan.Message) (name string, err error) {
	reply, sent, err := c.ask(ctx, func(conn socket.Conn) (bool, error) {
		if file := fileOf(m); file != nil && c.at.Network == "unix" {
			return pass(conn, file)
		}
		return stream(conn, m)
	})
	if err != nil {
		return "", err
	}
	name, err = parseReply(reply)
	switch {
	case err == errSize:
		err = fmt.Errorf("%w: this message has %d bytes, raise it in clamd.conf", err, m.Size)
	case err == nil && !sent:
		err = errors.New("answers before it has the message")
	}
	if err != nil {
		return "", fmt.Errorf("clamd %s: %w", c.at, err)
	}
	return name, nil
}

// ask waits for its turn, sends a question and returns the reply without its
// NUL. send reports whether all was sent: clamd may close before that and say
// why.
func (c *Clamd) ask(ctx context.Context, send func(socket.Conn) (bool, error)) (reply string, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("clamd %s: %w", c.at, socket.Trouble(ctx, err))
		}
	}()
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	defer func() { <-c.turns }()
	conn, err := socket.Dial(ctx, c.at.Network, c.at.Name)
	if err != nil {
		return "", false, err
	}
	defer conn.Close()
	defer socket.Guard(ctx, conn)()
	if sent, err = send(conn); err != nil {
		return "", false, err
	}
	reply, err = readReply(conn)
	return reply, sent, err
}

// fileOf returns the regular file that holds the message and nothing more, nil
// where there is none.
func fileOf(m *scan.Message) syscall.RawConn {
	held, ok := m.Content.(syscall.Conn)
	if !ok {
		return nil
	}
	file, err := held.SyscallConn()
	if err != nil {
		return nil
	}
	var st unix.Stat_t
	failed := file.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	if failed != nil || err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != m.Size {
		return nil
	}
	return file
}

// pass sends FILDES and, beside a byte of no meaning, the descriptor.
func pass(conn socket.Conn, file syscall.RawConn) (sent bool, err error) {
	_, failed := conn.Write([]byte("zFILDES\x00"))
	if failed == nil {
		err = file.Control(func(fd uintptr) { failed = conn.SendFile([]byte{0}, fd) })
	}
	if errors.Is(failed, syscall.EPIPE) || errors.Is(failed, syscall.ECONNRESET) {
		return false, nil
	}
	return failed == nil, cmp.Or(err, failed)
}

// stream sends INSTREAM. Its error is one of reading the message.
func stream(conn io.Writer, m *scan.Message) (sent bool, err error) {
	out := append(make([]byte, 0, chunkSize+32), "zINSTREAM\x00"...)
	for at := int64(0); at < m.Size; {
		n := int(min(chunkSize, m.Size-at))
		out = binary.BigEndian.AppendUint32(out, uint32(n))
		data := out[len(out) : len(out)+n]
		if got, err := m.Content.ReadAt(data, at); got < n {
			return false, fmt.Errorf("the message cannot be read past byte %d: %v", at+int64(got), socket.Reason(err))
		}
		out = out[:len(out)+n]
		at += int64(n)
		if at < m.Size {
			if _, err := conn.Write(out); err != nil {
				return false, nil
			}
			out = out[:0]
		}
	}
	_, err = conn.Write(append(out, 0, 0, 0, 0))
	return err == nil, nil
}

// readReply reads one reply up to its NUL, which must be the last byte there is.
func readReply(conn io.Reader) (string, error) {
	buf := make([]byte, maxReply)
	for n := 0; n < len(buf); {
		k, err := conn.Read(buf[n:])
		n += k
		switch end := bytes.IndexByte(buf[:n], 0); {
		case end >= 0 && end == n-1:
			return string(buf[:end]), nil
		case end >= 0:
			return "", errors.New("says more than one reply")
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("says more than %d bytes", len(buf))
}

// errSize is clamd's refusal of a stream.
var errSize = errors.New("message over its StreamMaxLength")

// parseReply returns the name of what was found, "" when it is nothing.
func parseReply(text string) (name string, err error) {
	subject, rest, _ := strings.Cut(text, ": ")
	name, found := strings.CutSuffix(rest, " FOUND")
	switch {
	case text == sizeLimit:
		return "", errSize
	case subject != "" && rest == "OK":
		return "", nil
	case subject != "" && found && strings.Trim(name, " ") != "":
		return name, nil
	case strings.HasSuffix(text, " ERROR"):
		return "", fmt.Errorf("says %q", scan.Printable(text, 120))
	}
	return "", fmt.Errorf("says %q, which is no verdict", scan.Printable(text, 120))
}
