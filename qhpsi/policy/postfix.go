package policy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"qguard/qhpsi/decide"
)

const (
	maxLine       = 4 << 10 // the end counted
	maxAttributes = 100
	maxRequest    = 64 << 10
)

// A breach is a bound that was broken: where the next request begins is not
// known any more.
type breach struct{ error }

// Postfix answers policy requests until ctx ends; then requests that have begun
// are answered. Any other end of the listener is an error.
func (s *Server) Postfix(ctx context.Context, l net.Listener) error {
	bounded := &limited{Listener: l, server: s, door: "postfix", open: &s.postfix, most: maxConns}
	return s.serve(ctx, bounded, postfixIdle, maxLine, func(c *conn) {
		for c.await() == nil {
			f, err := readPostfix(c.r)
			var e decide.Event
			var ask bool
			if err == nil {
				e, ask, err = s.postfixEvent(f)
			}
			var a decide.Answer
			switch {
			case err != nil:
				s.trouble("postfix", c.RemoteAddr(), err)
				a = s.neutral()
			case ask:
				a = s.Host.Decide(e)
			}
			if c.say("action="+postfixAction(a, e.Phase)+"\n\n") != nil {
				return
			}
			if errors.As(err, new(breach)) {
				c.linger()
				return
			}
		}
	})
}

// readPostfix reads a request to its empty line and returns what is used of it,
// by our names but for the state and those of the client. Its error is a breach
// where the rest of the input cannot be made sense of.
func readPostfix(r *bufio.Reader) (f fields, err error) {
	f = fields{}
	for n, size := 0, 0; ; n++ {
		l, broken := line(r)
		if broken != nil {
			return nil, breach{broken}
		}
		if len(l) == 0 {
			return f, err
		}
		if size += len(l); n == maxAttributes || size > maxRequest {
			return nil, breach{errors.New("the request has too many attributes")}
		}
		name, value, ok := bytes.Cut(l, []byte("="))
		if !ok && err == nil {
			err = fmt.Errorf("a line is no name=value: %s", quote(string(l)))
		}
		if key := attribute(string(name)); key != "" {
			if twice := f.put(key, cut(string(value), maxText)); err == nil {
				err = twice
			}
		}
	}
}

// attribute is our name of one of Postfix's; "" is one that is not used.
func attribute(name string) string {
	switch name {
	case "request", "protocol_state", "client_name", "reverse_client_name", "encryption_protocol",
		"sender", "recipient", "size":
		return name
	case "client_address":
		return "remote"
	case "recipient_count":
		return "recipients"
	case "sasl_username":
		return "login"
	case "instance":
		return "session"
	}
	return ""
}

// postfixEvent makes one of a request; ask is whether there is anything to
// decide about it.
func (s *Server) postfixEvent(f fields) (e decide.Event, ask bool, err error) {
	if f["request"] != "smtpd_access_policy" {
		return e, false, fmt.Errorf("request is not smtpd_access_policy: %s", quote(f["request"]))
	}
	var phase decide.Phase
	switch f["protocol_state"] {
	case "CONNECT", "XCLIENT": // QUIRK: behind a proxy the client is known late, and this is the state then
		phase = decide.Connect
	case "RCPT":
		phase = decide.Recipient
	case "END-OF-MESSAGE":
		phase = decide.Message
	case "EHLO", "HELO", "MAIL", "DATA", "VRFY", "ETRN":
		return e, false, nil
	default:
		return e, false, fmt.Errorf("protocol_state is not known: %s", quote(f["protocol_state"]))
	}
	f["rdns"] = string(postfixRDNS(f["client_name"], f["reverse_client_name"]))
	f["protocol"] = "smtp"
	if phase != decide.Message {
		delete(f, "recipients") // at RCPT it counts those before this one, 0
		delete(f, "size")       // as the client said it will be
	}
	e, err = f.event(phase, "postfix", s.now())
	e.TLS = f["encryption_protocol"] != ""
	return e, err == nil, err
}

func postfixRDNS(name, reverse string) decide.RDNS {
	switch {
	case name == "":
		return decide.RDNSUnknown
	case name != "unknown":
		return decide.RDNSGood
	case reverse != "" && reverse != "unknown":
		return decide.RDNSForged
	}
	return decide.RDNSMissing
}

// postfixAction is an answer as access(5) has it. DEFER_IF_PERMIT lets what else
// would refuse a recipient do so; it means nothing but there.
func postfixAction(a decide.Answer, phase decide.Phase) string {
	switch a.Kind {
	case decide.Tarpit:
		return "sleep " + strconv.Itoa(seconds(a.Delay))
	case decide.Defer:
		if phase == decide.Recipient {
			return "DEFER_IF_PERMIT 4.7.1 " + said(a, true)
		}
		return "DEFER 4.7.1 " + said(a, true)
	case decide.Refuse:
		return "REJECT 5.7.1 " + said(a, true)
	}
	return "DUNNO"
}
