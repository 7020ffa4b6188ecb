package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// drain is how long running requests may take once a service is told to stop.
const drain = 30 * time.Second

// refreshEvery is how often files that are read by themselves are looked at.
const refreshEvery = 10 * time.Second

// A Service is a program with its doors open.
type Service struct {
	Listeners []Listener
	Doors     map[string]func(context.Context, net.Listener) error // serve until the context ends, then answer what runs
	Reload    func() error                                         // SIGHUP; on an error all stays as it was
	Refresh   func()                                               // every ten seconds
	Alive     func(context.Context) bool                           // systemd's watchdog; nil = as long as this runs
	Log       func(note string, err error)
}

// Run serves until ctx ends or Stop is called, then until what is running has
// ended. The error is that of a door that closed by itself, or that some were
// left unanswered; it has been logged.
func (s *Service) Run(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var serving sync.WaitGroup
	for _, l := range s.Listeners {
		serving.Go(func() {
			if err := s.Doors[l.Door](ctx, l); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", l, err))
			}
		})
	}
	sd.SdNotify(false, sd.SdNotifyReady)
	s.attend(ctx, stop)
	cancel(nil)
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
		err = errors.Join(err, errors.New("stopped with requests unanswered"))
	}
	s.Log("stopped", err)
	return err
}

// attend does what comes up while the doors are open: SIGHUP, files that have
// changed, systemd's watchdog.
func (s *Service) attend(ctx context.Context, stop <-chan struct{}) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	look := time.NewTicker(refreshEvery)
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
		case <-stop:
			return
		case <-hup:
			s.ReadAgain()
		case <-look.C:
			s.Refresh()
		case <-watchdog:
			if s.Alive == nil || s.Alive(ctx) {
				sd.SdNotify(false, sd.SdNotifyWatchdog)
			}
		}
	}
}

// ReadAgain reloads and says so to systemd and in the log. The error has been
// logged by Reload.
func (s *Service) ReadAgain() error {
	sd.SdNotify(false, sd.SdNotifyReloading+"\n"+sd.SdNotifyMonotonicUsec())
	err := s.Reload()
	if err == nil {
		s.Log("rules read again", nil)
	}
	sd.SdNotify(false, sd.SdNotifyReady)
	return err
}
