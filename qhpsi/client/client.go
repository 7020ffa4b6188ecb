// Package client asks qguardd for a verdict, in place of judging in-process.
//
// The question is the command QGUARD on the socket of [daemon] socket: "zQGUARD ",
// the envelope (qhpsi.Request), NUL, and the message's descriptor in the same
// sendmsg; the answer is one qhpsi.Answer in JSON and a NUL (package clamd has
// the other end). The findings come without actions: the policy is applied here,
// for each recipient, as it is after judging in-process.
//
// A daemon that is down, slow or wrong makes the verdict undecided. With a
// fallback, one that cannot be reached is replaced by judging here, and that is
// said.
package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/socket"
)

// A Client asks one qguardd.
type Client struct {
	Address rules.Address
	Policy  rules.Policy
	Timeout time.Duration
	Beside  *scan.Engine // scanners that run here as well; nil = none
	Own     *scan.Engine // judges when qguardd cannot be reached; nil = undecided
	Warn    func(error)
}

// New returns who judges by the rules: qguardd where [daemon] socket names it, an
// engine of our own where not. beside are scanners of this process only, which
// look at every message too. warn is told of trouble that changes no verdict.
func New(c *rules.Config, warn func(error), beside ...scan.Scanner) (Judge, error) {
	own := func() (*scan.Engine, error) {
		e, err := qhpsi.New(c, warn)
		if err == nil {
			e.Scanners = append(e.Scanners, beside...)
		}
		return e, err
	}
	if c.Daemon.Socket == (rules.Address{}) {
		return own()
	}
	asks := &Client{
		Address: c.Daemon.Socket, Policy: c.Policy, Warn: warn,
		Timeout: time.Duration(c.Daemon.Answer) + patience,
	}
	if len(beside) > 0 {
		asks.Beside = &scan.Engine{Scanners: beside, Limit: c.Limit, Policy: c.Policy}
	}
	if !c.Daemon.Fallback {
		return asks, nil
	}
	var err error
	asks.Own, err = own()
	return asks, err
}

// A Judge judges messages.
type Judge interface {
	Scan(context.Context, *scan.Message) scan.Verdict
}

// patience is how much longer than [daemon] answer a client waits.
const patience = 10 * time.Second

// maxAnswer bounds an answer: a hundred findings of some hundred bytes each.
const maxAnswer = 1 << 20

// errDown is wrapped by the errors of a daemon that cannot be reached.
var errDown = errors.New("qguardd cannot be reached")

// Scan asks about a message.
func (c *Client) Scan(ctx context.Context, m *scan.Message) scan.Verdict {
	v, err := c.ask(ctx, m)
	if errors.Is(err, errDown) && c.Own != nil {
		c.Warn(fmt.Errorf("judging without it: %w", err))
		return c.Own.Scan(ctx, m)
	}
	if err != nil {
		v.Err = err
	}
	for i, f := range v.Findings {
		v.Findings[i].Action, v.Findings[i].Text = c.Policy.Decide(f.Rule, f.Grave, m.Envelope)
	}
	if c.Beside != nil {
		beside := c.Beside.Scan(ctx, m)
		v.Findings = append(v.Findings, beside.Findings...)
		if v.Err == nil {
			v.Err = beside.Err
		}
	}
	return v
}

// ask asks and reads the answer.
func (c *Client) ask(ctx context.Context, m *scan.Message) (scan.Verdict, error) {
	var none scan.Verdict
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	file, err := descriptor(m)
	if err != nil {
		return none, err
	}
	conn, err := socket.Dial(ctx, c.Address.Network, c.Address.Name)
	if err != nil {
		return none, fmt.Errorf("%w: %w", errDown, err)
	}
	defer conn.Close()
	defer socket.Guard(ctx, conn)()
	request := qhpsi.Request{Envelope: m.Envelope, User: m.User, JSON: true}
	var sent error
	err = file.Control(func(fd uintptr) { sent = conn.SendFile([]byte("zQGUARD "+request.String()+"\x00"), fd) })
	if err = cmp.Or(err, sent); err != nil {
		return none, fmt.Errorf("%w: %w", errDown, socket.Trouble(ctx, err))
	}
	text, err := io.ReadAll(io.LimitReader(conn, maxAnswer+1))
	switch {
	case err != nil:
		return none, fmt.Errorf("%w: %w", errDown, socket.Trouble(ctx, err))
	case len(text) == 0:
		return none, fmt.Errorf("%w: connection closed without an answer", errDown)
	case len(text) > maxAnswer || text[len(text)-1] != 0:
		return none, errors.New("qguardd: the answer is cut off")
	}
	text = text[:len(text)-1]
	if bytes.HasSuffix(text, []byte(" ERROR")) {
		return none, fmt.Errorf("qguardd: %s", scan.Printable(string(text), 256))
	}
	return qhpsi.ReadAnswer(text)
}

// descriptor is that of a file that begins with the message and ends with it.
func descriptor(m *scan.Message) (syscall.RawConn, error) {
	file, ok := m.Content.(syscall.Conn)
	if !ok {
		return nil, errors.New("the message is in no file that qguardd could be passed")
	}
	return file.SyscallConn()
}
