package queue

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// An Envelope is who sends a message to whom, as qmail-queue is told.
type Envelope struct {
	Sender     string // "" = null sender
	Recipients []string
}

// maxAddress is how many bytes an address may have: qmail-queue's own limit,
// the NUL counted (qmail-queue.c, ADDR).
const maxAddress = 1003

var (
	errEnded   = errors.New("envelope ends before its last NUL: the client gave up")
	errFormat  = errors.New("envelope is malformed")
	errAddress = errors.New("envelope address is too long")
)

// readEnvelope reads F sender NUL (T recipient NUL)* NUL. In IndiMail's dialect
// a Q in place of a T ends the list, as it does there. What follows the last
// NUL is not read.
func readEnvelope(r io.Reader, indimail bool) (Envelope, error) {
	br := bufio.NewReaderSize(r, 32<<10)
	var e Envelope
	kind, err := br.ReadByte()
	if err != nil {
		return e, ended(err)
	}
	if kind != 'F' {
		return e, fmt.Errorf("%w: %q where F belongs", errFormat, kind)
	}
	if e.Sender, err = readAddress(br); err != nil {
		return e, err
	}
	for {
		kind, err := br.ReadByte()
		switch {
		case err != nil:
			return e, ended(err)
		case kind == 0, kind == 'Q' && indimail:
			return e, nil
		case kind != 'T':
			return e, fmt.Errorf("%w: %q where T belongs", errFormat, kind)
		}
		addr, err := readAddress(br)
		if err != nil {
			return e, err
		}
		e.Recipients = append(e.Recipients, addr)
	}
}

// readAddress reads up to a NUL.
func readAddress(br *bufio.Reader) (string, error) {
	addr, err := br.ReadSlice(0)
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(addr) > maxAddress:
		return "", errAddress
	case err != nil:
		return "", ended(err)
	}
	return string(addr[:len(addr)-1]), nil
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnded
	}
	return fmt.Errorf("read envelope: %w", err)
}

// write writes the envelope for the next queue program.
func (e Envelope) write(w io.Writer) error {
	bw := bufio.NewWriterSize(w, 32<<10)
	bw.WriteString("F" + e.Sender + "\x00")
	for _, to := range e.Recipients {
		bw.WriteString("T" + to + "\x00")
	}
	bw.WriteByte(0)
	return bw.Flush()
}
