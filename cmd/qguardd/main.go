// Command qguardd is the resident scanner: clamd's protocol and milter. See
// qguardd(8).
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

	"qguard/qhpsi"
	"qguard/qhpsi/daemon"
	"qguard/qhpsi/respond"
	"qguard/qhpsi/service"
	"qguard/rules"
)

const usage = `usage: qguardd [-c conf] [-clamd addr] [-outgoing addr] [-milter addr]
               [-metrics addr]

Judge messages for mail servers that speak clamd's protocol or milter. Stays in
the foreground and logs to standard error, for daemontools and systemd.

  -c conf         rules to use instead of /etc/qguard/qguard.toml
  -clamd addr     listen for clamd's clients here, not where the rules say
  -outgoing addr  the same, for mail from our own users only
  -milter addr    listen for Postfix and Sendmail
  -metrics addr   answer Prometheus
  -version        print the version

addr is unix:/path or tcp:127.0.0.1:3310; each may be given more than once.
SIGHUP reads the rules again, SIGTERM answers what is being judged and ends.

Example: qguardd -clamd unix:/run/qguard/clamd.sock
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// run starts the service and returns when it was told to stop.
func run(ctx context.Context, args []string, env func(string) (string, bool), out, errw io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(errw, "qguardd: %v\n", err)
		return qhpsi.ExitBroken
	}
	conf, _ := env("QGUARD_CONF")
	flags := flag.NewFlagSet("qguardd", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&conf, "c", conf, "")
	version := flags.Bool("version", false, "")
	use := service.Flags(flags, doors(rules.Default()))
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(out, usage)
		return qhpsi.ExitStopped
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return fail(fmt.Errorf("%w\nqguardd: try qguardd -help", err))
	}
	if *version {
		fmt.Fprintln(out, "qguardd", qhpsi.Version())
		return qhpsi.ExitStopped
	}
	c, err := rules.Load(conf)
	if err != nil {
		return fail(err)
	}
	use(doors(c))
	debug.SetMemoryLimit(int64(c.Daemon.Memory))
	if c.Daemon.Spool != "" {
		os.Setenv("TMPDIR", c.Daemon.Spool)
	}
	s, stop, err := start(conf, c, errw)
	if err != nil {
		return fail(err)
	}
	if s.Run(ctx, stop) != nil {
		return qhpsi.ExitBroken // it is in the log
	}
	return qhpsi.ExitStopped
}

// start opens the addresses with the rights it was given, and gives up all that
// judging mail does not need. stop is closed by SHUTDOWN.
func start(conf string, c *rules.Config, errw io.Writer) (s *service.Service, stop <-chan struct{}, err error) {
	account, err := service.Lookup(c.Daemon.User)
	if err != nil {
		return nil, nil, err
	}
	listeners, err := open(c, account)
	if err != nil {
		return nil, nil, err
	}
	if err := account.Become(); err != nil {
		return nil, nil, err
	}
	if conf != "" || account.Name != "" {
		// A second time, by the one who will have to on SIGHUP.
		if _, err := rules.Load(conf); err != nil {
			return nil, nil, fmt.Errorf("as user %s: %w", account.Name, err)
		}
	}
	d, err := daemon.New(conf, c, errw)
	if err != nil {
		return nil, nil, err
	}
	note, err := daemon.Confine(c, conf)
	if err != nil {
		return nil, nil, err
	}
	var at []string
	for _, l := range listeners {
		at = append(at, l.String())
	}
	d.Log(respond.Record{Note: fmt.Sprintf("qguardd %s for %s; %d at a time; %s",
		qhpsi.Version(), strings.Join(at, ", "), d.Load().Turns, note)})
	s, stop = newService(d, listeners)
	return s, stop, nil
}
