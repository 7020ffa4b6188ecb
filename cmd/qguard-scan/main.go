// Command qguard-scan judges messages: as QHPSI command of a qmail-queue, as a
// stand-in for clamdscan, by hand on queue files and trees. See qguard-scan(8).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
	"qguard/qhpsi/client"
	"qguard/qhpsi/files"
	"qguard/rules"
	"qguard/scan"
)

const usage = `usage: qguard-scan [-c conf] [-json] [-quiet] [-outgoing] [-sender addr]
                   [-user name] [path ...]

Judge messages: queue files, directories of them, or standard input (- or no
path). Exit 0 clean, 1 found, 2 could not tell.

  -c conf       rules to use instead of /etc/qguard/qguard.toml
  -json         one JSON object a message
  -quiet        print errors only
  -outgoing     the mail is from our own users: look for leaked logins
  -sender addr  its envelope sender
  -user name    the user who was authenticated to send it
  -version      print the version

clamdscan's --no-summary, --fdpass, --stream and -m are accepted.

Example: qguard-scan /var/qmail/queue/mess
As QHPSI: QHPSI='softlimit -m = qguard-scan %s'
`

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without its process: arguments and streams in, exit code
// out. Under qmail-queue (QHPSI is set) out is the envelope's pipe and is never
// touched, and errw is the SMTP client's and is used only with DEBUG.
func run(args []string, env func(string) (string, bool), in io.Reader, out, errw io.Writer) (exit int) {
	_, queue := env("QHPSI")
	if queue {
		in, out = nil, io.Discard
		if _, debug := env("DEBUG"); !debug {
			errw = io.Discard
		}
	}
	defer func() {
		// The value may hold text of a message; the place is enough.
		if r := recover(); r != nil {
			fmt.Fprintf(errw, "qguard-scan: internal error at %s\n", scan.PanicPlace())
			exit = qhpsi.ExitUndecided
		}
	}()

	door := files.Door{Stdin: in, Out: out, Err: errw, Walk: !queue}
	flags := flag.NewFlagSet("qguard-scan", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	conf, _ := env("QGUARD_CONF")
	flags.StringVar(&conf, "c", conf, "")
	flags.BoolVar(&door.JSON, "json", false, "")
	flags.BoolVar(&door.Quiet, "quiet", false, "")
	outgoing := flags.Bool("outgoing", false, "")
	sender := flags.String("sender", "", "")
	flags.StringVar(&door.Message.User, "user", "", "")
	version := flags.Bool("version", false, "")
	noSummary := flags.Bool("no-summary", false, "")
	for _, ignored := range []string{"fdpass", "stream", "m"} {
		flags.Bool(ignored, false, "")
	}
	paths, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		io.WriteString(out, usage)
		return qhpsi.ExitClean
	}
	if err != nil {
		fmt.Fprintf(errw, "qguard-scan: %v\nqguard-scan: try qguard-scan -help\n", err)
		return qhpsi.ExitUndecided
	}
	if *version {
		fmt.Fprintln(out, "qguard-scan", qhpsi.Version())
		return qhpsi.ExitClean
	}
	c, err := rules.Load(conf)
	if err == nil {
		door.Judge, err = client.New(c, func(err error) { fmt.Fprintf(errw, "qguard-scan: %v\n", err) })
	}
	if err != nil {
		fmt.Fprintf(errw, "qguard-scan: %v\n", err)
		return qhpsi.ExitUndecided
	}
	door.Size = int64(c.Limit.Size)
	if len(c.Credential.Authenticator) > 0 {
		keepSecrets()
	}
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	door.Summary = !*noSummary
	envelope, user := qhpsi.Environment(env)
	if door.Message.User == "" {
		door.Message.User = user
	}
	envelope.Outgoing = envelope.Outgoing || *outgoing || door.Message.User != ""
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "sender" {
			envelope.Sender = sender
		}
	})
	door.Message.Envelope = envelope
	if f, ok := errw.(*os.File); ok && !queue && !door.Quiet {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			door.Bar = f
		}
	}
	return door.Run(context.Background(), paths)
}

// parse takes flags before and after paths, as clamdscan does.
func parse(flags *flag.FlagSet, args []string) (paths []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return paths, nil
		}
		paths = append(paths, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// keepSecrets keeps candidate passwords out of core files and debuggers.
func keepSecrets() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
