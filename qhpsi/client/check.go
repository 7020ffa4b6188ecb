package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/socket"
)

// Silent returns an error for each address at which the rules have qguardd
// listen for mail and nobody does. The usual one is passed over: it stands in
// everybody's rules, and Socket is asked by Check.
func Silent(ctx context.Context, d rules.Daemon) (list []error) {
	usual := append(rules.Default().Daemon.Clamd, d.Socket)
	for _, at := range slices.Concat(d.Clamd, d.Outgoing, d.Milter) {
		if slices.Contains(usual, at) {
			continue
		}
		conn, err := socket.Dial(ctx, at.Network, at.Name)
		if err != nil {
			list = append(list, fmt.Errorf("nobody listens at %s:%w", at.Network, err))
			continue
		}
		conn.Close()
	}
	return list
}

// Check asks the qguardd that the rules name about a mail of nothing. note says
// that it answers, "" when the rules name none.
func Check(ctx context.Context, c *rules.Config) (note string, err error) {
	if c.Daemon.Socket == (rules.Address{}) {
		return "", nil
	}
	const probe = "Subject: probe\n\n"
	spool, err := scan.NewSpool(strings.NewReader(probe), int64(len(probe)))
	if err != nil {
		return "", err
	}
	defer spool.Close()
	asks := &Client{Address: c.Daemon.Socket, Policy: c.Policy, Timeout: time.Duration(c.Daemon.Answer) + patience}
	before := time.Now()
	v := asks.Scan(ctx, &scan.Message{Content: spool, Size: spool.Size()})
	switch {
	case errors.Is(v.Err, syscall.ENOENT), errors.Is(v.Err, syscall.ECONNREFUSED):
		return "", fmt.Errorf("%w: is it running?", v.Err)
	case errors.Is(v.Err, syscall.EACCES):
		return "", fmt.Errorf("%w: put the user that asks into the group of its socket", v.Err)
	case v.State() == scan.Undecided:
		return "", fmt.Errorf("%s: it cannot judge: %w", c.Daemon.Socket, v.Err)
	}
	note = fmt.Sprintf("qguardd at %s answers in %.1f ms", c.Daemon.Socket, float64(time.Since(before).Microseconds())/1000)
	if !c.Daemon.Fallback {
		return note + "; without it mail waits", nil
	}
	return note + "; without it messages are judged here", nil
}
