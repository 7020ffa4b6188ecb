// Command qguard-queue stands in for qmail-queue: it judges a message and hands
// it on to the next queue program. See qguard-queue(8).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"qguard/cache"
	"qguard/qhpsi"
	"qguard/qhpsi/client"
	"qguard/qhpsi/queue"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

const usage = `usage: qguard-queue [-c conf] [program [argument ...]]

Take a message on descriptor 0 and its envelope on descriptor 1, judge it, and
hand it on to the queue program, else to queue.next of the rules. Set as
QMAILQUEUE, behind qguard-queue.sh where softlimit -m is in force:

  QMAILQUEUE=/usr/local/lib/qguard/qguard-queue.sh
`

func main() {
	// Whatever else was left open to us is not the next program's.
	unix.CloseRange(3, math.MaxUint, unix.CLOSE_RANGE_CLOEXEC)
	// qpsmtpd takes death by a signal for success, so none may kill us: a
	// broken pipe is an error of write, and being told to end is a deadline.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(),
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGALRM, syscall.SIGXCPU)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, qhpsi.Stdin(), os.Stdout, os.Stderr))
}

// grace is how long after its deadline a message may take to be given up.
const grace = 5 * time.Second

// run sets the door up and lets it take one message.
func run(ctx context.Context, args []string, env func(string) (string, bool), in, envelope io.Reader, errw io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(errw, "qguard-queue: %v\n", err)
		return code
	}
	flags := flag.NewFlagSet("qguard-queue", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	conf, _ := env("QGUARD_CONF")
	flags.StringVar(&conf, "c", conf, "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		io.WriteString(errw, usage)
		return qhpsi.ExitConfig
	} else if err != nil {
		return fail(qhpsi.ExitConfig, fmt.Errorf("%w; see qguard-queue -h", err))
	}
	if terminal(in) && terminal(envelope) {
		return fail(qhpsi.ExitConfig, errors.New("started by hand: descriptors 0 and 1 are to be message and envelope, of which an SMTP server has the other ends; see qguard-queue -h"))
	}
	c, err := rules.Load(conf)
	if err != nil {
		return fail(qhpsi.ExitConfig, err)
	}
	log, err := respond.Logger(logTo(c.Queue), "qguard-queue", errw)
	if err != nil {
		return fail(qhpsi.ExitConfig, err)
	}
	warn := func(err error) { log(respond.Record{Err: err}) }
	next := queue.Next{Argv: flags.Args(), Env: queue.WithoutQMAILQUEUE(os.Environ())}
	if len(next.Argv) == 0 {
		next.Argv = []string{c.Queue.Next}
	}
	reply := queue.NewChannel(c.Queue.Dialect, env)
	next.Reply = reply.File
	if c.Queue.Spool != "" {
		os.Setenv("TMPDIR", c.Queue.Spool)
	}
	if len(c.Credential.Authenticator) > 0 {
		qhpsi.NoCore()
	}
	var judge client.Judge
	outside, err := queue.QHPSI(c, env)
	if err == nil {
		judge, err = client.New(c, warn, outside...)
	}
	if err != nil {
		return fail(qhpsi.ExitConfig, err)
	}
	door := &queue.Door{
		Judge: judge, Rules: c, Next: next, Reply: reply, Log: log, Now: time.Now,
		Quarantine: respond.Quarantine{Path: c.Quarantine.Path},
		Notices:    cache.New(cache.Options{Path: c.Cache.Path, Key: c.Cache.Key, Warn: warn}),
	}
	door.Context, door.User = qhpsi.Environment(env)

	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Queue.Timeout))
	defer cancel()
	return within(ctx, func() int { return door.Run(ctx, in, envelope) }, warn)
}

// terminal reports whether somebody types what is read.
func terminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// logTo says where log lines go. In IndiMail's dialect standard error is the
// SMTP reply, so there the default is syslog.
func logTo(q rules.Queue) string {
	if q.Log == "" && q.Dialect == "indimail" {
		return "syslog"
	}
	return q.Log
}

// within runs the door and gives up on it when the deadline is long past: a
// read from a client that neither sends nor closes cannot be called off. A
// panic is a temporary failure, without its text.
func within(ctx context.Context, door func() int, warn func(error)) int {
	done := make(chan int, 1)
	go func() {
		code := qhpsi.ExitBug
		defer func() { done <- code }()
		defer func() {
			if r := recover(); r != nil {
				warn(fmt.Errorf("internal error at %s", scan.PanicPlace()))
			}
		}()
		code = door()
	}()
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-done:
		return code
	case <-time.After(grace):
		warn(errors.New("no end of the message in time"))
		return qhpsi.ExitTimeout
	}
}
