// Command qguard-relay stands between tcpserver and qmail-smtpd: it asks
// qguard-policyd once about the client, sets what the next programs read from the
// environment, and runs them. See qguard-relay(8).
//
// The question and the answers are the control socket's, in package qhpsi/policy:
//
//	conn remote=192.0.2.1 rdns=good hold=1
//
// Nothing is told of a client that does not answer in a second, so nothing
// changes for it: only a finding closes the door. The connection to the daemon
// stays open in the programs that follow; its end is that of the client's.
//
// The program is started for every client, so it links no package net and no rules
// of its own.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const usage = `usage: qguard-relay [-p] [-s socket] program [argument ...]

Ask qguard-policyd about the client that tcpserver has accepted, set RELAYCLIENT
and RBLSMTPD accordingly, and run the program. -p says that tcpserver has -p.

  tcpserver -v -p 0 smtp qguard-relay -p rblsmtpd /var/qmail/bin/qmail-smtpd
`

// Exit codes, those of tcpserver's other companions.
const (
	exitUsage = 100 // wrong usage
	exitExec  = 111 // the program cannot be run
)

const (
	control = "/run/qguard/control"
	patient = time.Second // how long an answer is waited for
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stderr)) }

// run does it all; it returns only when the program could not be run.
func run(args, env []string, errw io.Writer) int {
	flags := flag.NewFlagSet("qguard-relay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	socket := flags.String("s", control, "")
	paranoid := flags.Bool("p", false, "")
	switch err := flags.Parse(args); {
	case err != nil && !errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(errw, "qguard-relay: %v\n", err)
		return exitUsage
	case err != nil || flags.NArg() == 0:
		io.WriteString(errw, usage)
		return exitUsage
	}
	a, conn, err := consult(*socket, env, *paranoid)
	if err == nil {
		err = hand(conn)
	}
	if err != nil {
		fmt.Fprintf(errw, "qguard-relay: %s: %v\n", *socket, err)
	}
	env = a.apply(env)
	time.Sleep(a.delay)

	argv := flags.Args()
	program, err := exec.LookPath(argv[0])
	if err == nil {
		err = syscall.Exec(program, argv, env)
	}
	if named := (*exec.Error)(nil); errors.As(err, &named) {
		err = named.Err
	}
	fmt.Fprintf(errw, "qguard-relay: run %s: %v\n", argv[0], err)
	return exitExec
}

// consult asks about the client of the environment. Whatever goes wrong, the
// answer is to go on.
func consult(socket string, env []string, paranoid bool) (answer, *os.File, error) {
	q, err := question(env, paranoid)
	if err != nil {
		return answer{}, nil, err
	}
	line, conn, err := ask(socket, q, patient)
	if err != nil {
		return answer{}, nil, err
	}
	a, err := parse(line)
	return a, conn, err
}

// firstKept is the lowest descriptor that is handed on. The lower ones have
// meanings for the programs that follow: checkpassword reads 3, qmail-queue's
// dialects write to 4 and 6.
const firstKept = 10

// hand leaves the connection open for the program that is run.
func hand(conn *os.File) error {
	_, err := unix.FcntlInt(conn.Fd(), unix.F_DUPFD, firstKept)
	return err
}
