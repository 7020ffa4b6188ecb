package main

import (
	"context"
	"errors"
	"net"
	"sync"

	"qguard/qhpsi"
	"qguard/qhpsi/clamd"
	"qguard/qhpsi/daemon"
	"qguard/qhpsi/milter"
	"qguard/qhpsi/respond"
	"qguard/qhpsi/service"
	"qguard/rules"
)

// doors are what an address can be for.
func doors(c *rules.Config) []service.Door {
	d := &c.Daemon
	return []service.Door{{Name: "clamd", At: &d.Clamd}, {Name: "outgoing", At: &d.Outgoing}, {Name: "milter", At: &d.Milter}, {Name: "metrics", At: &d.Metrics}}
}

// open opens every address.
func open(c *rules.Config, a service.Account) ([]service.Listener, error) {
	owner, err := a.Owner(c.Daemon.Group, c.Daemon.Mode)
	if err != nil {
		return nil, err
	}
	list, err := service.Open(doors(c), owner)
	if err == nil && len(list) == 0 {
		err = errors.New("nowhere to listen: give -clamd or -milter, or clamd and milter in [daemon]")
	}
	return list, err
}

// newService puts the doors before the core. stop is closed when a client says
// SHUTDOWN.
func newService(d *daemon.Daemon, listeners []service.Listener) (s *service.Service, stop <-chan struct{}) {
	told := make(chan struct{})
	s = &service.Service{
		Listeners: listeners,
		Reload:    d.Reload, Refresh: d.Refresh, Alive: d.Alive,
		Log: func(note string, err error) { d.Log(respond.Record{Note: note, Err: err}) },
	}
	h := host{d, s.ReadAgain}
	c := &clamd.Server{Host: h, Version: "qguardd " + qhpsi.Version(), Stop: sync.OnceFunc(func() { close(told) })}
	m := &milter.Server{Host: h}
	s.Doors = map[string]func(context.Context, net.Listener) error{
		"clamd": c.Serve, "outgoing": c.ServeOutgoing, "milter": m.Serve, "metrics": service.Metrics(d.WriteMetrics),
	}
	return s, told
}

// host is a daemon as package clamd wants it.
type host struct {
	*daemon.Daemon
	reload func() error
}

// Reload reads the rules again.
func (h host) Reload() error { return h.reload() }

// Stats is how busy it is.
func (h host) Stats() clamd.Stats {
	l := h.Load()
	return clamd.Stats{
		Live: l.Scanning, Idle: l.Turns - l.Scanning, Max: l.Turns, Queue: l.Waiting,
		Memory: l.Memory, MemoryMax: uint64(h.Rules().Daemon.Memory),
	}
}
