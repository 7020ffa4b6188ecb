package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi/decide"
)

// Control answers our own programs until ctx ends. Any other end of the listener
// is an error. Clients of a listener that is no UNIX socket may not ask "status"
// and "reload".
func (s *Server) Control(ctx context.Context, l net.Listener) error {
	bounded := &limited{Listener: l, server: s, door: "control", open: &s.control, most: maxControl}
	return s.serve(ctx, bounded, 0, maxLine, func(c *conn) {
		k := &controller{server: s, admin: s.administers(c.Conn)}
		defer k.release()
		for c.await() == nil {
			l, err := line(c.r)
			if errors.Is(err, errCut) { // killed while it wrote
				return
			}
			if c.say(oneLine(k.answer(l, err))+"\n") != nil {
				return
			}
			if err != nil {
				c.linger()
				return
			}
		}
	})
}

// oneLine bounds a line of the control protocol to what its grammar says.
func oneLine(v string) string {
	v = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, v)
	return v[:min(len(v), maxAnswer-1)]
}

const maxAnswer = 512

// administers looks who a client is. Root is; we are; a group's members are by
// their primary group, as the kernel does not tell us of others.
func (s *Server) administers(nc net.Conn) bool {
	if c, ok := nc.(*counted); ok {
		nc = c.Conn
	}
	local, ok := nc.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Ucred
	if broken := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); broken != nil || err != nil {
		return false
	}
	return peer.Uid == 0 || int(peer.Uid) == os.Geteuid() || s.Group > 0 && int(peer.Gid) == s.Group
}

// A controller is the state of a control connection: it may hold a client's.
type controller struct {
	server *Server
	admin  bool
	held   netip.Addr
}

var errNotAllowed = errors.New("not allowed")

// answer obeys a line, or err in its place. What is wrong with it is for the log.
func (k *controller) answer(l []byte, err error) string {
	verb, f := "", fields(nil)
	if err == nil {
		verb, f, err = parseLine(l)
	}
	answer := ""
	if err == nil {
		answer, err = k.obey(verb, f)
	}
	if err == nil {
		return answer
	}
	k.server.trouble("control", nil, err)
	asks := verb == "conn" || verb == "rcpt" || verb == "msg" || verb == "auth"
	switch a := k.server.neutral(); {
	case verb == "reload" || errors.Is(err, errNotAllowed):
		return "error " + err.Error()
	case asks && a.Kind != decide.Go:
		return controlReply(a)
	}
	return "error not understood"
}

// obey does what a verb says.
func (k *controller) obey(verb string, f fields) (answer string, err error) {
	switch verb {
	case "conn":
		return k.connect(f)
	case "close":
		return k.close(f)
	case "rcpt":
		return k.ask(f, decide.Recipient)
	case "msg":
		return k.ask(f, decide.Message)
	case "auth":
		if f["success"] == "" {
			return k.ask(f, decide.Allow)
		}
		return k.tell(f, decide.Report, "relay", k.server.now())
	case "event":
		return k.event(f)
	case "status", "reload":
		return k.administer(verb)
	}
	return "", fmt.Errorf("no such verb: %s", quote(verb))
}

func (k *controller) ask(f fields, phase decide.Phase) (string, error) {
	e, err := f.event(phase, "relay", k.server.now())
	if err != nil {
		return "", err
	}
	return controlReply(k.server.Host.Decide(e)), nil
}

func (k *controller) tell(f fields, phase decide.Phase, door string, at time.Time) (string, error) {
	e, err := f.event(phase, door, at)
	if err != nil {
		return "", err
	}
	k.server.Host.Decide(e)
	return "ok", nil
}

func (k *controller) connect(f fields) (string, error) {
	hold, err := f.flag("hold")
	if err != nil {
		return "", err
	}
	e, err := f.event(decide.Connect, "relay", k.server.now())
	if err != nil {
		return "", err
	}
	k.release()
	if hold && e.Remote.IsValid() {
		k.held = e.Remote
		e.Open = k.server.hold(e.Remote, 1)
	}
	return controlReply(k.server.Host.Decide(e)), nil
}

func (k *controller) close(f fields) (string, error) {
	if k.held.IsValid() {
		k.release()
		return "ok", nil
	}
	return k.tell(f, decide.Close, "relay", k.server.now())
}

// release ends the client's connection that this one stands for.
func (k *controller) release() {
	if !k.held.IsValid() {
		return
	}
	open := k.server.hold(k.held, -1)
	k.server.Host.Decide(decide.Event{Time: k.server.now(), Phase: decide.Close, Door: "relay", Remote: k.held, Open: open})
	k.held = netip.Addr{}
}

// oldest is how long ago an event may have been.
const oldest = 24 * time.Hour

func (k *controller) event(f fields) (string, error) {
	phase := decide.Phase(f["phase"])
	switch phase {
	case decide.Allow, decide.Report, decide.Connect, decide.Close, decide.Recipient, decide.Message:
	default:
		return "", fmt.Errorf("phase is not known: %s", quote(f["phase"]))
	}
	door := f["door"]
	if door == "" {
		door = "control"
	}
	if len(door) > maxWord || strings.Trim(door, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("door is no short word: %s", quote(door))
	}
	now := k.server.now()
	at := now
	if f["time"] != "" {
		n, err := f.number("time", 1<<40)
		if err != nil {
			return "", err
		}
		at = time.Unix(n, 0)
		if at.Before(now.Add(-oldest)) || at.After(now.Add(time.Minute)) {
			return "", errors.New("time is not of the last day")
		}
	}
	return k.tell(f, phase, door, at)
}

func (k *controller) administer(verb string) (string, error) {
	switch {
	case !k.admin:
		return "", fmt.Errorf("%s: %w", verb, errNotAllowed)
	case verb == "status":
		return "ok " + k.server.Host.Status(), nil
	}
	if err := k.server.Host.Reload(); err != nil {
		return "", fmt.Errorf("reload: %w", err)
	}
	return "ok", nil
}

// hold counts the connections that a client holds open: those of an IPv4 address,
// or of an IPv6 /64, which is one site's.
func (s *Server) hold(a netip.Addr, change int) int {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[netip.Prefix]int{}
	}
	n := s.open[p] + change
	s.open[p] = n
	if n <= 0 {
		delete(s.open, p)
	}
	return n
}
