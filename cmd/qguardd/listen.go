package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"

	"qguard/qhpsi/service"
	"qguard/rules"
)

// doors are what an address can be for, by the names of flags, of keys in
// [daemon], and of systemd's sockets (FileDescriptorName=).
var doors = [...]string{"clamd", "outgoing", "milter", "metrics"}

// where returns the addresses that the rules give for each.
func where(c *rules.Config) map[string]*[]rules.Address {
	d := &c.Daemon
	return map[string]*[]rules.Address{"clamd": &d.Clamd, "outgoing": &d.Outgoing, "milter": &d.Milter, "metrics": &d.Metrics}
}

// A listener is an open address and what it is for.
type listener struct {
	net.Listener
	door string
}

func (l listener) String() string {
	return fmt.Sprintf("%s at %s:%s", l.door, l.Addr().Network(), l.Addr())
}

// open opens every address. What systemd has opened (sd_listen_fds(3)) stands in
// for all that the rules say of the same door.
func open(c *rules.Config, a service.Account) (list []listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range list {
				l.Close()
			}
		}
	}()
	owner, err := a.Owner(c.Daemon.Group, c.Daemon.Mode)
	if err != nil {
		return nil, err
	}
	passed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("systemd's sockets: %w", err)
	}
	for _, door := range doors {
		for _, l := range passed[door] {
			list = append(list, listener{l, door})
		}
		if len(passed[door]) > 0 {
			delete(passed, door)
			continue
		}
		for _, at := range *where(c)[door] {
			l, err := service.Listen(at, owner)
			if err != nil {
				return list, err
			}
			list = append(list, listener{l, door})
		}
	}
	for name := range passed {
		return list, fmt.Errorf("systemd's socket %q: FileDescriptorName= is none of %v", name, doors)
	}
	if len(list) == 0 {
		return nil, errors.New("nowhere to listen: give -clamd or -milter, or clamd and milter in [daemon]")
	}
	return list, nil
}
