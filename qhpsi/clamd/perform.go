package clamd

import (
	"context"
	"sync"

	"qguard/qhpsi/respond"
)

const (
	inFlight    = 8       // of a session's commands that are judged at a time
	maxCommands = 1 << 20 // of a session
)

// perform does what a command says, once it has read all that belongs to it. What
// takes long it returns as a job. An error ends the connection.
func (c *conn) perform(ctx context.Context, cmd command, r reply, session bool) (job func(), err error) {
	host := c.server.Host
	if !cmd.known(session, c.local != nil) {
		if session {
			return nil, errInvalid
		}
		return nil, errUnknown
	}
	switch cmd.name {
	case "PING":
		return nil, r.lines("PONG")
	case "VERSION":
		return nil, r.lines(c.server.Version)
	case "VERSIONCOMMANDS":
		return nil, r.lines(c.server.Version + commandList())
	case "STATS":
		return nil, r.lines(host.Stats().text(c.idle))
	case "RELOAD":
		return nil, c.reload(r)
	case "SHUTDOWN", "QUIT":
		return nil, c.shutdown()
	case "SCAN":
		return c.scan(ctx, r, manner{}, cmd.argument), nil
	case "CONTSCAN":
		return c.scan(ctx, r, manner{on: true}, cmd.argument), nil
	case "MULTISCAN":
		return c.scan(ctx, r, manner{on: true, parallel: true}, cmd.argument), nil
	case "ALLMATCHSCAN":
		return c.scan(ctx, r, manner{all: true}, cmd.argument), nil
	case "INSTREAM":
		return c.instream(r)
	case "FILDES":
		return c.fildes(r, session)
	case "QGUARD":
		return c.qguard(r, cmd.argument)
	}
	return nil, nil // DETSTATS, DETSTATSCLEAR: no answer
}

// reload answers when the new rules are there. clamd answers before.
func (c *conn) reload(r reply) error {
	if c.local == nil {
		return errUnavailable
	}
	if err := c.server.Host.Reload(); err != nil {
		c.server.Host.Log(respond.Record{Err: err})
		return refusal("RELOAD: the new rules have an error, the old ones stay ERROR")
	}
	return r.lines("RELOADING")
}

func (c *conn) shutdown() error {
	if c.local == nil || c.server.Stop == nil || !c.rules().Daemon.Shutdown {
		return errUnavailable
	}
	c.server.Stop()
	return nil
}

// session serves what stands between IDSESSION and END. The end of input ends
// it too; what runs by then is still answered.
func (c *conn) session(ctx context.Context, end byte) {
	places := make(chan struct{}, inFlight)
	var running sync.WaitGroup
	r := reply{c: c, end: end}
	for {
		cmd, err := c.command(true)
		r.id++
		if cmd != (command{}) {
			r.end = cmd.end
		}
		if err == nil && cmd.name == "END" && cmd.known(true, false) {
			running.Wait()
			return
		}
		if err == nil && (r.id > maxCommands || c.lost()) {
			err = errTooMuch
		}
		var job func()
		if err == nil {
			places <- struct{}{} // before its input is read: that may take memory
			job, err = c.perform(ctx, cmd, r, true)
		}
		if err != nil {
			running.Wait()
			c.fail(r, err)
			return
		}
		running.Go(func() {
			defer func() { <-places }()
			if job != nil {
				job()
			}
		})
	}
}

// lost reports whether the client does not take answers any more.
func (c *conn) lost() bool {
	c.out.Lock()
	defer c.out.Unlock()
	return c.broken != nil
}
