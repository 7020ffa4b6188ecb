package milter

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/d--j/go-milter"

	"qguard/qhpsi/respond"
	"qguard/scan"
)

// A session is one connection of a mail server: it gathers messages, one after
// the other, and answers each at its end. What goes wrong before is kept until
// then, as most commands have no answer.
type session struct {
	milter.NoOpMilter
	server *Server
	ctx    context.Context
	spaced bool // values of fields come and go with the blank behind the colon
	client netip.Addr
	m      *message // nil between messages
}

// Connect tells the client's address.
func (s *session) Connect(_, _ string, _ uint16, addr string, _ milter.Modifier) (*milter.Response, error) {
	s.client, _ = netip.ParseAddr(addr)
	return milter.RespContinue, nil
}

// NewConnection is another SMTP client in the same session.
func (s *session) NewConnection(milter.Modifier) error {
	s.drop("another connection")
	s.client = netip.Addr{}
	return nil
}

// MailFrom begins a message.
func (s *session) MailFrom(from, _ string, _ milter.Modifier) (*milter.Response, error) {
	s.drop("another message")
	s.m = s.begin(from)
	return milter.RespContinue, nil
}

func (s *session) begin(from string) *message {
	now := s.server.now()
	return &message{
		id: respond.NewID(now), begun: now, rules: s.server.Host.Rules(), newSpool: s.server.Host.Spool,
		spaced: s.spaced, client: s.client, sender: from,
	}
}

// RcptTo adds a recipient.
func (s *session) RcptTo(to, _ string, _ milter.Modifier) (*milter.Response, error) {
	s.in(func(m *message) { m.recipient(to) })
	return milter.RespContinue, nil
}

// Header adds a field.
func (s *session) Header(name, value string, _ milter.Modifier) (*milter.Response, error) {
	s.in(func(m *message) { m.field(name, value) })
	return milter.RespContinue, nil
}

// Headers ends the fields.
func (s *session) Headers(milter.Modifier) (*milter.Response, error) {
	s.in(func(m *message) { m.endOfHeader() })
	return milter.RespContinue, nil
}

// BodyChunk adds to the body.
func (s *session) BodyChunk(chunk []byte, _ milter.Modifier) (*milter.Response, error) {
	s.in(func(m *message) { m.chunk(chunk) })
	return milter.RespContinue, nil
}

// in adds something to the message. Outside of one it is lost, and the end will
// be out of order.
func (s *session) in(add func(*message)) {
	if s.m == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			s.m.err = fmt.Errorf("internal error at %s", scan.PanicPlace())
		}
	}()
	add(s.m)
}

// EndOfMessage judges and answers. A panic is a temporary failure, without its
// text.
func (s *session) EndOfMessage(mod milter.Modifier) (resp *milter.Response, _ error) {
	m := s.m
	if m == nil {
		m = s.begin("")
		m.err = errors.New("commands out of order")
	}
	s.m = nil
	ended, rec := s.server.now(), m.record()
	rec.Queue, m.user = mod.Get("i"), mod.Get("{auth_authen}")
	defer m.close()
	defer func() {
		if r := recover(); r != nil {
			rec.Err = fmt.Errorf("internal error at %s", scan.PanicPlace())
			resp, rec.Answer = refuse(respond.TryAgain, false)
		}
		s.log(ended, rec)
	}()
	resp, rec.Answer, rec.Err = m.answer(s.ctx, s.server.Host.Scan, mod, &rec)
	return resp, nil
}

// Abort ends a message without an answer. It may come between messages too.
func (s *session) Abort(milter.Modifier) error {
	s.drop("aborted")
	return nil
}

// Cleanup is the end of the connection.
func (s *session) Cleanup(milter.Modifier) {
	s.drop("connection ended")
}

// drop forgets a message that will not be answered. It is worth a line when
// more of it came than the envelope, which SMTP clients often give up.
func (s *session) drop(why string) {
	m := s.m
	if m == nil {
		return
	}
	s.m = nil
	defer m.close()
	if m.spool == nil {
		return
	}
	rec := m.record()
	rec.Answer, rec.Err = "none", errors.New(why)
	if m.err != nil {
		rec.Err = m.err
	}
	s.log(m.begun, rec)
}

// log writes the line of a message. An answer took as long as the server waited
// for it; how long an SMTP client took says nothing.
func (s *session) log(since time.Time, rec respond.Record) {
	rec.Took = s.server.now().Sub(since)
	s.server.Host.Log(rec)
}
