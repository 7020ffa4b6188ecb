// Package daemon is what stays resident behind qguardd's doors, clamd's protocol
// and milter: the rules, which are reloaded beside a running scan; the turns in
// which messages are judged; the room their bytes take; the counts.
//
// # Bounds
//
// A message waits for its turn and is judged within [daemon] answer; one that
// is not is undecided, which is a temporary failure at every door. As many are
// judged at a time as fit into half of [daemon] memory, each reckoned with
// [limit] memory and 16 MiB; the whole of it is the limit Go's collector keeps
// (GOMEMLIMIT). Of a message that arrives in pieces 64 KiB are in memory, the
// rest is in nameless files of the spool, [daemon] spool_size for all together.
//
// # Reloading
//
// Reload reads the rules and builds a new engine beside the old; messages that
// are being judged keep theirs. Rules with a mistake change nothing. Where
// the service listens, its user, memory and spool stay as they were at the
// start. The list of users is read again when its file has changed.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// spoolMemory is how much of a message that arrives in pieces is in memory.
const spoolMemory = 64 << 10

// A Daemon judges messages for several doors at a time.
type Daemon struct {
	conf    string // file of the rules
	errw    io.Writer
	now     atomic.Pointer[state]
	turns   chan struct{}
	waiting atomic.Int64
	room    int64 // bytes of spool
	spooled atomic.Int64
	ended   atomic.Int64 // scans
	counts  *counts
}

// state is what a reload replaces, all at once.
type state struct {
	rules  *rules.Config
	engine *scan.Engine
	log    func(respond.Record)
	users  os.FileInfo // of the list when it was read; nil: none
}

// New returns a daemon with the rules of a file; c are these rules already read,
// with whatever the command line changed. Log lines for stderr go to errw.
func New(conf string, c *rules.Config, errw io.Writer) (*Daemon, error) {
	d := &Daemon{
		conf: conf, errw: errw,
		turns:  make(chan struct{}, c.Daemon.Scans(c.Limit)),
		room:   int64(c.Daemon.SpoolSize),
		counts: newCounts(),
	}
	d.counts.gauges(d)
	s, err := d.build(c)
	if err != nil {
		return nil, err
	}
	d.now.Store(s)
	return d, nil
}

// build makes what rules ask for. A log file that is replaced is closed by the
// collector: others may be writing to it.
func (d *Daemon) build(c *rules.Config) (*state, error) {
	log, err := respond.Logger(c.Daemon.Log, "qguardd", d.errw)
	if err != nil {
		return nil, err
	}
	// The walk ends in time to ask an authenticator and to answer.
	c.Limit.Time = min(c.Limit.Time, c.Daemon.Answer*3/4)
	s := &state{rules: c, log: log}
	return s, s.load()
}

// load makes the engine, with the list of users as it is now.
func (s *state) load() (err error) {
	s.users = usersFile(s.rules)
	s.engine, err = qhpsi.New(s.rules, func(err error) { s.log(respond.Record{Err: err}) })
	return err
}

// usersFile tells whether the list of users changes.
func usersFile(c *rules.Config) os.FileInfo {
	name := c.Credential.Users
	if name == "system" {
		name = "/etc/passwd"
	}
	if name == "" || len(c.Credential.Authenticator) == 0 {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil // it will be missed when it is read
	}
	return info
}

// Reload reads the rules again. After an error the old ones stay.
func (d *Daemon) Reload() error {
	c, err := rules.Load(d.conf)
	if err == nil {
		old := d.Rules().Daemon
		keep := &c.Daemon
		keep.Clamd, keep.Outgoing, keep.Milter, keep.Metrics = old.Clamd, old.Outgoing, old.Milter, old.Metrics
		keep.User, keep.Spool, keep.SpoolSize, keep.Memory = old.User, old.Spool, old.SpoolSize, old.Memory
		var s *state
		if s, err = d.build(c); err == nil {
			d.now.Store(s)
			d.counts.reloads.Inc()
			return nil
		}
	}
	err = fmt.Errorf("reload: the old rules stay: %w", err)
	d.counts.reloadErrors.Inc()
	d.Log(respond.Record{Err: err})
	return err
}

// Refresh builds the engine anew when the list of users has changed.
func (d *Daemon) Refresh() {
	s := d.now.Load()
	info := usersFile(s.rules)
	if info == nil || s.users != nil && os.SameFile(info, s.users) && info.ModTime().Equal(s.users.ModTime()) && info.Size() == s.users.Size() {
		return
	}
	fresh := *s
	if err := fresh.load(); err != nil {
		d.Log(respond.Record{Err: fmt.Errorf("users: %w", err)})
		return
	}
	d.now.CompareAndSwap(s, &fresh)
}

// Rules returns the present rules. They are not to be changed.
func (d *Daemon) Rules() *rules.Config { return d.now.Load().rules }

// Log writes the line of a message, or of trouble that is no message's.
func (d *Daemon) Log(r respond.Record) {
	if r.ID != "" {
		d.counts.message(r)
	}
	d.now.Load().log(r)
}

var errSpoolFull = errors.New("spool is full: no room for more messages on their way")

// Spool returns an empty spool for a message that arrives in pieces. The errors
// of its Write: scan.ErrTooLong over [limit] size, any other is trouble of ours.
func (d *Daemon) Spool() *scan.Spool {
	return scan.EmptySpool(int64(d.Rules().Limit.Size), spoolMemory, func(bytes int64) error {
		if d.spooled.Add(bytes) > d.room && bytes > 0 {
			d.spooled.Add(-bytes)
			return errSpoolFull
		}
		return nil
	})
}

var (
	errNoTurn = errors.New("too many messages at a time: no turn within the time to answer")
	errLate   = errors.New("not judged within the time to answer")
)

// Scan judges a message when its turn comes. What keeps it from being judged in
// time is the verdict's error, not the message's fault.
func (d *Daemon) Scan(ctx context.Context, m *scan.Message) scan.Verdict {
	s := d.now.Load()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.rules.Daemon.Answer))
	defer cancel()
	d.waiting.Add(1)
	select {
	case d.turns <- struct{}{}:
		d.waiting.Add(-1)
	case <-ctx.Done():
		d.waiting.Add(-1)
		return scan.Verdict{Err: errNoTurn}
	}
	defer func() {
		<-d.turns
		d.ended.Add(1)
	}()
	start := time.Now()
	v := s.engine.Scan(ctx, m)
	d.counts.seconds.UpdateDuration(start)
	if ctx.Err() != nil {
		v.Err = errLate
		v.Findings = withoutTime(v.Findings)
	}
	return v
}

// withoutTime leaves the finding limit.time out: the time was ours.
func withoutTime(findings []scan.Finding) []scan.Finding {
	var out []scan.Finding
	for _, f := range findings {
		if f.Rule != "limit.time" {
			out = append(out, f)
		}
	}
	return out
}

// Alive reports whether messages are being judged: one of its own gets its turn,
// or others end meanwhile.
func (d *Daemon) Alive(ctx context.Context) bool {
	before := d.ended.Load()
	const probe = "Subject: probe\n\n"
	v := d.Scan(ctx, &scan.Message{Content: strings.NewReader(probe), Size: int64(len(probe))})
	return v.Err == nil || d.ended.Load() != before
}
