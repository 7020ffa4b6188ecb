// Command qguard-policyd decides who may log in and who connects too often, for
// Dovecot, Exim, Postfix and qguard-relay. See qguard-policyd(8).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"qguard/qhpsi/service"
	"qguard/rules"
)

const usage = `usage: qguard-policyd [-c conf] [-http addr] [-postfix addr] [-control addr]
                      [-metrics addr]

Decide who may log in and who connects too often, for Dovecot, Exim, Postfix
and qguard-relay. Stays in the foreground and logs to standard error, for
daemontools and systemd.

  -c conf        rules to use instead of /etc/qguard/qguard.toml
  -http addr     listen for Dovecot and Exim here, not where the rules say
  -postfix addr  listen for Postfix
  -control addr  listen for our own programs: a UNIX socket
  -metrics addr  answer Prometheus
  -version       print the version

addr is unix:/path or 127.0.0.1:4001; each may be given more than once.
SIGHUP reads the rules again, SIGTERM answers what was asked and ends.

Example: qguard-policyd -http 127.0.0.1:4001
`

// Exit codes: 0 told to stop, 2 could not start or go on; a Go panic too.
const (
	exitStopped = 0
	exitBroken  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// run starts the service and returns when it was told to stop.
func run(ctx context.Context, args []string, env func(string) (string, bool), out, errw io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(errw, "qguard-policyd: %v\n", err)
		return exitBroken
	}
	conf, _ := env("QGUARD_CONF")
	flags := flag.NewFlagSet("qguard-policyd", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&conf, "c", conf, "")
	version := flags.Bool("version", false, "")
	use := service.Flags(flags, doors(rules.Default()))
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(out, usage)
		return exitStopped
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return fail(fmt.Errorf("%w\nqguard-policyd: try qguard-policyd -help", err))
	}
	if *version {
		fmt.Fprintln(out, "qguard-policyd", buildVersion())
		return exitStopped
	}
	c, err := rules.Load(conf)
	if err != nil {
		return fail(err)
	}
	s, err := start(conf, c, use, errw)
	if err != nil {
		return fail(err)
	}
	if s.Run(ctx) != nil {
		return exitBroken // it is in the log
	}
	return exitStopped
}

// start opens the addresses with the rights it was given, gives these up, and
// begins to remember.
func start(conf string, c *rules.Config, use func([]service.Door), errw io.Writer) (*policyd, error) {
	account, err := service.Lookup(c.Policyd.User)
	if err != nil {
		return nil, err
	}
	owner, err := account.Owner(c.Policyd.Group, 0o660)
	if err != nil {
		return nil, err
	}
	list := doors(c)
	use(list)
	listeners, err := service.Open(list, owner)
	if err != nil {
		return nil, err
	}
	if err := account.Become(); err != nil {
		return nil, err
	}
	p, err := newPolicyd(conf, c, owner.GID, errw)
	if err != nil {
		return nil, err
	}
	var at []string
	for _, l := range listeners {
		at = append(at, l.String())
	}
	p.note(fmt.Sprintf("qguard-policyd %s for %s", buildVersion(), strings.Join(at, ", ")), nil)
	p.listeners = listeners
	return p, nil
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
