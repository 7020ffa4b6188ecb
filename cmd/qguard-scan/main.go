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

	"qguard/qhpsi"
	"qguard/qhpsi/client"
	"qguard/qhpsi/files"
	"qguard/rules"
	"qguard/scan"
)

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv, qhpsi.Stdin(), os.Stdout, os.Stderr))
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
	o, err := parse(args, env)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(out, usage)
		return qhpsi.ExitClean
	case err != nil:
		fmt.Fprintf(errw, "qguard-scan: %v\nqguard-scan: try qguard-scan -help\n", err)
		return qhpsi.ExitUndecided
	case o.version:
		fmt.Fprintln(out, "qguard-scan", qhpsi.Version())
		return qhpsi.ExitClean
	}
	warn := func(err error) { fmt.Fprintf(errw, "qguard-scan: %v\n", err) }
	c, err := rules.Load(o.conf)
	switch {
	case err == nil && o.explain:
		door.Explain, err = qhpsi.New(c, warn) // qguardd's answer has no parts
	case err == nil:
		door.Judge, err = client.New(c, warn)
	}
	if err != nil {
		warn(err)
		return qhpsi.ExitUndecided
	}
	if len(c.Credential.Authenticator) > 0 {
		qhpsi.KeepSecrets()
	} else {
		door.Notes = []string{"credential: not searched: credential.authenticator is not set"}
	}
	door.Size = int64(c.Limit.Size)
	door.JSON, door.Quiet, door.Summary = o.json, o.quiet, !o.noSummary
	door.Message = o.message(env)
	if !queue {
		door.Colour = terminal(out) && colours(env)
	}
	if !queue && !o.quiet && terminal(errw) {
		door.Bar = errw
	}
	return door.Run(context.Background(), o.paths)
}
