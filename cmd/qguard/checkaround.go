package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi/client"
	"qguard/scan/virus"
)

// leastData is the RLIMIT_DATA under which programs here may run short: a Go
// heap, and [limit] memory for one message.
const leastData = 128 << 20

// checkLimit says what memory limits there are here, and with try, whether a Go
// program lives under softlimit -m try. A limit on the address space is never
// wise: Go reserves hundreds of megabytes of it, at addresses of its choice.
func (c *checklist) checkLimit(try int64) (string, error) {
	if try > 0 {
		return tryLimit(try)
	}
	var space, data unix.Rlimit
	if err := errors.Join(unix.Getrlimit(unix.RLIMIT_AS, &space), unix.Getrlimit(unix.RLIMIT_DATA, &data)); err != nil {
		return "", err
	}
	doubt, note := judgeLimits(space, data)
	if doubt != "" {
		c.doubt("memory limit", doubt)
	}
	return note, nil
}

// judgeLimits says what is unwise in the limits of a process, "" for nothing,
// and what is to be known of them.
func judgeLimits(space, data unix.Rlimit) (doubt, note string) {
	const next = "run it as softlimit -m = or through qguard-queue.sh"
	switch {
	case space.Cur != unix.RLIM_INFINITY:
		doubt = fmt.Sprintf("address space is limited to %d bytes here: it is luck whether a Go program starts; %s", space.Cur, next)
	case data.Cur < leastData:
		doubt = fmt.Sprintf("data is limited to %d bytes here: a large message may end the program; %s", data.Cur, next)
	default:
		return "", "none here; under a mail server's softlimit -m " + next
	}
	if space.Max != unix.RLIM_INFINITY || data.Max < leastData {
		return doubt, "the hard limits forbid that: raise them where the mail server is started (ulimit -H, LimitAS=)"
	}
	return doubt, "the hard limits allow that"
}

// tryLimit starts a Go program under a memory limit, plainly and through the
// shell's way of lifting it.
func tryLimit(bytes int64) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	kb := strconv.FormatInt(bytes/1024, 10)
	plain := exec.Command("/bin/sh", "-c", `ulimit -S -v "$1"; exec "$2" -help`, "sh", kb, self)
	if plain.Run() == nil {
		return fmt.Sprintf("Go programs start under softlimit -m %d", bytes), nil
	}
	lifted := exec.Command("/bin/sh", "-c", `ulimit -S -v "$1"; ulimit -S -v "$(ulimit -H -v)"; exec "$2" -help`, "sh", kb, self)
	if err := lifted.Run(); err != nil {
		return "", fmt.Errorf("no Go program starts under %d bytes, and the hard limit forbids to lift that: %w", bytes, err)
	}
	return fmt.Sprintf("no Go program starts under softlimit -m %d: run it as softlimit -m = or through qguard-queue.sh", bytes), nil
}

// checkVirus tries the outside scanners.
func (c *checklist) checkVirus() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	note, doubt, err := virus.Check(ctx, c.rules.Virus)
	if doubt != "" {
		c.doubt("virus scanner", doubt)
	}
	return note, err
}

// checkDaemon asks qguardd where the rules have it asked, and knocks where they
// have it listen.
func (c *checklist) checkDaemon() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, err := range client.Silent(ctx, c.rules.Daemon) {
		c.doubt("daemon", err.Error()+"; start qguardd, or take the address out of [daemon]")
	}
	return client.Check(ctx, c.rules)
}
