package main

import (
	"errors"
	"flag"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
	"qguard/scan"
)

const usage = `usage: qguard-scan [-c conf] [-r] [-json | -quiet | -explain] [-outgoing]
                   [-sender addr] [-user name] [path ...]

Judge messages: queue files, directories of them, or standard input (- or no
path). Exit 0 clean, 1 found, 2 could not tell.

  -c conf       rules to use instead of /etc/qguard/qguard.toml
  -json         one JSON object a message
  -quiet        print errors only
  -explain      show every part of a message and why it is judged so
  -outgoing     the mail is from our own users: look for leaked logins
  -sender addr  its envelope sender
  -user name    the user who was authenticated to send it
  -version      print the version

Directories are walked with or without -r. clamdscan's --no-summary, --fdpass,
--stream and -m are accepted.

Example: qguard-scan /var/qmail/queue/mess
As QHPSI: QHPSI='softlimit -m = qguard-scan %s'
`

// options are what the command line says.
type options struct {
	conf, user                   string
	sender                       *string // nil: not known
	json, quiet, explain         bool
	outgoing, noSummary, version bool
	paths                        []string
}

// parse reads the command line: flags before and after paths, as clamdscan takes
// them, and those of clamdscan that mean nothing here.
func parse(args []string, env func(string) (string, bool)) (o options, err error) {
	flags := flag.NewFlagSet("qguard-scan", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	conf, _ := env("QGUARD_CONF")
	flags.StringVar(&o.conf, "c", conf, "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.quiet, "quiet", false, "")
	flags.BoolVar(&o.explain, "explain", false, "")
	flags.BoolVar(&o.outgoing, "outgoing", false, "")
	flags.Func("sender", "", func(s string) error { o.sender = &s; return nil })
	flags.StringVar(&o.user, "user", "", "")
	flags.BoolVar(&o.version, "version", false, "")
	flags.BoolVar(&o.noSummary, "no-summary", false, "")
	for _, ignored := range []string{"r", "fdpass", "stream", "m"} {
		flags.Bool(ignored, false, "")
	}
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return o, err
		}
		if args = flags.Args(); len(args) > 0 {
			o.paths = append(o.paths, args[0])
			args = args[1:]
		}
	}
	if len(o.paths) == 0 {
		o.paths = []string{"-"}
	}
	if o.explain && (o.json || o.quiet) {
		return o, errors.New("-explain goes with neither -json nor -quiet")
	}
	return o, nil
}

// message is what is known of every message beside its bytes: what qmail-smtpd
// left in the environment, and what the command line says over it.
func (o options) message(env func(string) (string, bool)) (m scan.Message) {
	m.Envelope, m.User = qhpsi.Environment(env)
	if o.user != "" {
		m.User = o.user
	}
	m.Envelope.Outgoing = m.Envelope.Outgoing || o.outgoing || m.User != ""
	m.Envelope.Sender = o.sender
	return m
}

// terminal reports whether a stream is one.
func terminal(stream io.Writer) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// colours reports whether a terminal may be given them (no-color.org).
func colours(env func(string) (string, bool)) bool {
	no, _ := env("NO_COLOR")
	term, _ := env("TERM")
	return no == "" && term != "" && term != "dumb"
}
