package authenticate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"qguard/scan/socket"
)

// Dovecot's auth service is asked over a UNIX stream socket, auth-client, in
// lines of words with tabs between them (Dovecot Authentication Protocol, 1.1
// and later). Both sides begin at once:
//
//	C: VERSION 1 1              S: VERSION 1 minor
//	C: CPID pid                 S: MECH name ..., SPID, CUID, COOKIE; DONE
//	C: AUTH id PLAIN service=qguard secured nologin no-penalty resp=base64
//	S: OK id ...    or    FAIL id ...    or    CONT id base64
//
// resp, the last word, is NUL user NUL password. no-penalty keeps the question
// out of the count of failures by address; secured says that the connection is
// no stranger's, or disable_plaintext_auth would refuse it.
//
// What FAIL says of the reason, as a word (2.2) or as code=word_fail (2.3):
//
//	temp, temp_fail             Unavailable
//	user_disabled               right but locked, perhaps
//	pass_expired                right but expired, perhaps
//	authz, authz_fail           right, of a master user, perhaps
//	any other code              Unavailable
//	none                        Wrong
//
// Perhaps, because Dovecot says user_disabled of everybody in a passdb with
// deny = yes, whatever the password, and OK with proxy where another server
// will look at it. So these answers are put to the proof: the same user is asked
// for with a random password. Where that changes the answer, it was the
// password's. Where not, the user is Refused or the proxy Unavailable.
//
// Failures are answered after auth_failure_delay, 2 s unless set; a user whose
// allow_nets is set is refused, since there is no client address to send; a
// hash of an unknown scheme reads as Wrong.
//
// One connection serves the questions of one context, one after the other: it
// is kept between them and closed when the context ends. Lines are of 16 KiB at
// most, a handshake of 256 lines.
const (
	maxDovecotLine  = 16 << 10
	maxHandshake    = 256
	maxDovecotPlain = 4 << 10 // user and password: older servers take lines of 8 KiB
	controlPassword = 26      // length of rand.Text
)

type dovecot struct {
	path, service string
	timeout       time.Duration

	mu   sync.Mutex
	idle map[<-chan struct{}]*authConn // by what ends their context
}

// newDovecot takes path and service; the latter may be missing.
func newDovecot(args []string) (Backend, error) {
	d := &dovecot{path: args[0], service: defaultService, timeout: socketTimeout}
	if len(args) > 1 {
		d.service = args[1]
	}
	if !isService(d.service) {
		return nil, fmt.Errorf("dovecot: %q is not a service name", d.service)
	}
	return d, nil
}

func (d *dovecot) ID() string { return fmt.Sprintf("dovecot %q", []string{d.path, d.service}) }

func (d *dovecot) Check(ctx context.Context, user, password []byte) (Answer, error) {
	answer, err := d.check(ctx, user, password)
	if err != nil {
		return Unavailable, fmt.Errorf("dovecot: %w", err)
	}
	return answer, nil
}

func (d *dovecot) check(caller context.Context, user, password []byte) (Answer, error) {
	if err := askable(user, password); err != nil {
		return Unavailable, err
	}
	if len(user)+len(password) > maxDovecotPlain-controlPassword {
		return Unavailable, fmt.Errorf("%w: longer than a line of the protocol", ErrPair)
	}
	ctx, cancel := socket.Within(caller, d.timeout)
	defer cancel()
	c := d.take(caller)
	if c == nil {
		conn, err := socket.Dial(ctx, "unix", d.path)
		if err != nil {
			return Unavailable, err
		}
		c = &authConn{conn: conn, service: d.service}
	}
	stop := socket.Guard(ctx, c.conn)
	answer, err := c.ask(user, password)
	if stop() && err == nil {
		d.keep(caller, c)
		return answer, nil
	}
	c.close()
	if err != nil && !errors.Is(err, errDovecot) {
		err = socket.Trouble(ctx, err)
	}
	return answer, err
}

// take returns the connection kept for a context, or nil.
func (d *dovecot) take(ctx context.Context) *authConn {
	d.mu.Lock()
	c := d.idle[ctx.Done()]
	delete(d.idle, ctx.Done())
	d.mu.Unlock()
	if c != nil {
		c.unbind()
	}
	return c
}

// keep keeps a connection until the context ends, one for each.
func (d *dovecot) keep(ctx context.Context, c *authConn) {
	done := ctx.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	if done == nil || d.idle[done] != nil {
		c.close()
		return
	}
	if d.idle == nil {
		d.idle = map[<-chan struct{}]*authConn{}
	}
	d.idle[done] = c
	c.unbind = context.AfterFunc(ctx, func() {
		if c := d.take(ctx); c != nil {
			c.close()
		}
	})
}

// errDovecot is wrapped by what is said of a server that does not keep to the
// protocol or cannot tell. Its own words are never repeated: they may hold the
// password (pass=, of proxies).
var errDovecot = errors.New("auth service")

func odd(what string) error { return fmt.Errorf("%w %s", errDovecot, what) }

// authConn is a connection to an auth service.
type authConn struct {
	conn interface {
		io.ReadWriteCloser
		SetDeadline(time.Time) error
	}
	service string
	unbind  func() bool
	id      int    // of the last question, 0 before the handshake
	buf     []byte // what is read; buf[from:to] is not looked at yet
	from    int
	to      int
}

func (c *authConn) close() {
	c.conn.Close()
	clear(c.buf)
}

// ask asks about a pair, and again with another password where the answer may
// be none about the password.
func (c *authConn) ask(user, password []byte) (Answer, error) {
	if c.id == 0 {
		if err := c.greet(); err != nil {
			return Unavailable, err
		}
	}
	said, err := c.question(user, password)
	if err != nil {
		return Unavailable, err
	}
	switch said {
	case saidOK:
		return Right, nil
	case saidFail:
		return Wrong, nil
	}
	control := []byte(rand.Text())
	if bytes.Equal(control, password) {
		return Unavailable, odd("was asked twice for the same")
	}
	again, err := c.question(user, control)
	switch {
	case err != nil:
		return Unavailable, err
	case again == saidFail:
		return Right, nil
	case said == saidProxy:
		return Unavailable, odd("accepts any password, as a proxy does")
	}
	return Refused, nil // the user, whatever the password
}

// What a reply says.
type said int

const (
	saidOK    said = iota
	saidProxy      // OK, but another server may have to look at the password
	saidFail
	saidBarred // FAIL for another reason than the password, it says
)

// question sends one AUTH and reads its reply.
func (c *authConn) question(user, password []byte) (said, error) {
	c.id++
	plain := make([]byte, 0, len(user)+len(password)+2)
	plain = append(append(append(append(plain, 0), user...), 0), password...)
	defer clear(plain)
	head := fmt.Sprintf("AUTH\t%d\tPLAIN\tservice=%s\tsecured\tnologin\tno-penalty\tresp=", c.id, c.service)
	line := make([]byte, 0, len(head)+base64.StdEncoding.EncodedLen(len(plain))+1)
	line = base64.StdEncoding.AppendEncode(append(line, head...), plain)
	line = append(line, '\n')
	defer clear(line)
	if _, err := c.conn.Write(line); err != nil {
		return saidFail, err
	}
	reply, err := c.line()
	if err != nil {
		return saidFail, err
	}
	return parseReply(reply, c.id)
}

// parseReply reads the reply to question id.
func parseReply(line []byte, id int) (said, error) {
	words := bytes.Split(line, []byte("\t"))
	command := string(words[0])
	if command == "CONT" {
		return saidFail, odd("asks for more than PLAIN has")
	}
	if command != "OK" && command != "FAIL" || len(words) < 2 {
		return saidFail, odd("gives no answer of the protocol")
	}
	if string(words[1]) != strconv.Itoa(id) {
		return saidFail, odd("answers another question")
	}
	result := saidOK
	if command == "FAIL" {
		result = saidFail
	}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(string(word), "=")
		switch {
		case command == "OK":
			if name == "proxy" || name == "proxy_maybe" {
				result = saidProxy
			}
		case name == "temp", name == "code" && value == "temp_fail":
			return saidFail, odd("has a temporary failure")
		case name == "user_disabled", name == "pass_expired", name == "authz",
			name == "code" && (value == "user_disabled" || value == "pass_expired" || value == "authz_fail"):
			result = saidBarred
		case name == "code":
			return saidFail, odd("fails for a reason that is not known here")
		}
	}
	return result, nil
}

// greet does the handshake.
func (c *authConn) greet() error {
	if _, err := fmt.Fprintf(c.conn, "VERSION\t1\t1\nCPID\t%d\n", os.Getpid()); err != nil {
		return err
	}
	version, plain := false, false
	for range maxHandshake {
		line, err := c.line()
		if err != nil {
			return err
		}
		words := strings.Split(string(line), "\t")
		switch {
		case words[0] == "DONE" && !version:
			return odd("names no version")
		case words[0] == "DONE" && !plain:
			return odd("does not offer PLAIN")
		case words[0] == "DONE":
			return nil
		case words[0] == "VERSION" && (len(words) < 2 || words[1] != "1"):
			return odd("speaks another version of the protocol")
		case words[0] == "VERSION":
			version = true
		case words[0] == "MECH" && len(words) > 1 && strings.EqualFold(words[1], "PLAIN"):
			plain = true
		}
	}
	return odd("does not end its greeting")
}

// line returns the next line without its end, good until the next call.
func (c *authConn) line() ([]byte, error) {
	if c.buf == nil {
		c.buf = make([]byte, maxDovecotLine)
	}
	seen := c.from
	for {
		if i := bytes.IndexByte(c.buf[seen:c.to], '\n'); i >= 0 {
			line := c.buf[c.from : seen+i]
			c.from = seen + i + 1
			return line, nil
		}
		if c.from > 0 {
			c.to = copy(c.buf, c.buf[c.from:c.to])
			c.from = 0
		}
		seen = c.to
		if c.to == len(c.buf) {
			return nil, odd("sends a line without end")
		}
		n, err := c.conn.Read(c.buf[c.to:])
		if c.to += n; n == 0 && err != nil {
			return nil, err
		}
	}
}
