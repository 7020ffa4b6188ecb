package authenticate

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"qguard/scan/socket"
)

// saslauthd of Cyrus SASL listens on a UNIX stream socket, mux in its -m
// directory. A connection is one question: login, password, service and realm,
// each behind its length in 16 bits, big-endian. One such string comes back,
// OK or NO and perhaps a blank and a reason, and the connection ends.
//
// Versions differ in how long a string may be; 256 bytes do for all. The realm
// is joined to the login, login@realm, only where saslauthd runs with -r. For
// its mechanism pam the service is the name of the PAM service.
//
// NO is a weak answer: mechanisms have no other word for a directory that is
// down, so it is Refused, never Wrong. Some reasons say more, though:
//
//   - of -a pam, "PAM acct error", and of -a shadow, "Account expired" and
//     "Password expired", are given after the password has proved right;
//   - those of trouble's own (saslTroubles) are Unavailable.
const (
	maxSaslString = 256
	maxSaslReply  = 1024 // saslauthd's own buffer
)

type saslauthd struct {
	path, service, realm string
	timeout              time.Duration
}

// newSaslauthd takes path, service and realm; the last two may be missing.
func newSaslauthd(args []string) (Backend, error) {
	s := &saslauthd{path: args[0], service: defaultService, timeout: socketTimeout}
	if len(args) > 1 {
		s.service = args[1]
	}
	if len(args) > 2 {
		s.realm = args[2]
	}
	if !isService(s.service) {
		return nil, fmt.Errorf("saslauthd: %q is not a service name", s.service)
	}
	if len(s.realm) > maxSaslString || strings.ContainsRune(s.realm, 0) {
		return nil, fmt.Errorf("saslauthd: %q is not a realm", s.realm)
	}
	return s, nil
}

func (s *saslauthd) ID() string {
	return fmt.Sprintf("saslauthd %q", []string{s.path, s.service, s.realm})
}

func (s *saslauthd) Check(ctx context.Context, user, password []byte) (Answer, error) {
	answer, err := s.check(ctx, user, password)
	if err != nil {
		return Unavailable, fmt.Errorf("saslauthd: %w", err)
	}
	return answer, nil
}

func (s *saslauthd) check(ctx context.Context, user, password []byte) (Answer, error) {
	request, err := s.request(user, password)
	if err != nil {
		return Unavailable, err
	}
	defer clear(request)
	ctx, cancel := socket.Within(ctx, s.timeout)
	defer cancel()
	conn, err := socket.Dial(ctx, "unix", s.path)
	if err != nil {
		return Unavailable, err
	}
	defer conn.Close()
	defer socket.Guard(ctx, conn)()
	if _, err := conn.Write(request); err != nil {
		return Unavailable, socket.Trouble(ctx, err)
	}
	reply, err := readSasl(conn)
	if err == errSaslReply {
		return Unavailable, err
	}
	if err != nil {
		return Unavailable, socket.Trouble(ctx, err)
	}
	return saslAnswer(reply)
}

func (s *saslauthd) request(user, password []byte) ([]byte, error) {
	if err := askable(user, password); err != nil {
		return nil, err
	}
	if len(user) > maxSaslString || len(password) > maxSaslString {
		return nil, fmt.Errorf("%w: longer than the %d bytes of the protocol", ErrPair, maxSaslString)
	}
	fields := [][]byte{user, password, []byte(s.service), []byte(s.realm)}
	size := 0
	for _, field := range fields {
		size += 2 + len(field)
	}
	b := make([]byte, 0, size) // never grows, so no copy is left behind
	for _, field := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	return b, nil
}

// errSaslReply is all that is said of nonsense, which may hold anything.
var errSaslReply = errors.New("answer is neither OK nor NO")

// readSasl reads the answer. A length that no saslauthd sends is nonsense.
func readSasl(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(length[:])
	if n < 2 || n > maxSaslReply {
		return nil, errSaslReply
	}
	reply := make([]byte, n)
	_, err := io.ReadFull(r, reply)
	return reply, err
}

func saslAnswer(reply []byte) (Answer, error) {
	reply = bytes.TrimRight(reply, "\x00")
	word, why, _ := strings.Cut(string(reply), " ")
	switch {
	case word == "OK":
		return Right, nil
	case word != "NO":
		return Unavailable, errSaslReply
	case why == "PAM acct error" || why == "Account expired" || why == "Password expired":
		return Right, nil
	case saslTroubles(why):
		return Unavailable, errors.New("it says that it could not tell")
	}
	return Refused, nil
}

// saslTroubles reports the reasons with which saslauthd's mechanisms admit that
// they could not look (2.1.22 to 2.1.28).
func saslTroubles(why string) bool {
	for _, part := range []string{"internal", "[ALERT]", "PAM start error", "lookup failure", "ermission", "NULL response"} {
		if strings.Contains(why, part) {
			return true
		}
	}
	return false
}
