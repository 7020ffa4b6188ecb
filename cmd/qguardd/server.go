package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"qguard/qhpsi"
	"qguard/qhpsi/clamd"
	"qguard/qhpsi/daemon"
	"qguard/qhpsi/milter"
	"qguard/qhpsi/respond"
)

// drain is how long running scans may take once the service is told to stop.
const drain = 30 * time.Second

// refresh is how often the list of users is looked at.
const refresh = 10 * time.Second

// A server is a daemon with its doors open.
type server struct {
	daemon    *daemon.Daemon
	listeners []listener
}

// run serves until ctx ends, then until what is running has ended. The error is
// that of a door that closed by itself.
func (s *server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var serving sync.WaitGroup
	doors := s.doors(func() { cancel(nil) })
	for _, l := range s.listeners {
		serving.Go(func() {
			if err := doors[l.door](ctx, l); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", l, err))
			}
		})
	}
	sd.SdNotify(false, sd.SdNotifyReady)
	s.attend(ctx)
	sd.SdNotify(false, sd.SdNotifyStopping)

	ended := make(chan struct{})
	go func() {
		serving.Wait()
		close(ended)
	}()
	var err error
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = cause
	}
	select {
	case <-ended:
	case <-time.After(drain):
		err = errors.Join(err, errors.New("stopped with messages unanswered"))
	}
	s.daemon.Log(respond.Record{Note: "stopped", Err: err})
	return err
}

// attend does what comes up while the doors are open: SIGHUP, a new list of
// users, systemd's watchdog.
func (s *server) attend(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	look := time.NewTicker(refresh)
	defer look.Stop()
	var watchdog <-chan time.Time
	if every, err := sd.SdWatchdogEnabled(false); err == nil && every > 0 {
		t := time.NewTicker(every / 3)
		defer t.Stop()
		watchdog = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reload()
		case <-look.C:
			s.daemon.Refresh()
		case <-watchdog:
			if s.daemon.Alive(ctx) {
				sd.SdNotify(false, sd.SdNotifyWatchdog)
			}
		}
	}
}

// reload reads the rules again and says so to systemd and in the log.
func (s *server) reload() error {
	sd.SdNotify(false, sd.SdNotifyReloading+"\n"+sd.SdNotifyMonotonicUsec())
	err := s.daemon.Reload()
	if err == nil {
		s.daemon.Log(respond.Record{Note: "rules read again"})
	}
	sd.SdNotify(false, sd.SdNotifyReady)
	return err
}

// A door serves a listener until the context ends, and then answers what runs.
type door func(context.Context, net.Listener) error

// metrics answers Prometheus, on any path.
func (s *server) metrics(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			s.daemon.WriteMetrics(w)
		}),
		ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	return server.Serve(l)
}

// doors returns what serves each kind of listener. stop ends the service.
func (s *server) doors(stop func()) map[string]door {
	h := host{s.daemon, s.reload}
	c := &clamd.Server{Host: h, Version: "qguardd " + qhpsi.Version(), Stop: stop}
	m := &milter.Server{Host: h}
	return map[string]door{"clamd": c.Serve, "outgoing": c.ServeOutgoing, "milter": m.Serve, "metrics": s.metrics}
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
