//go:build cgo

// Program qguard-pam is a checkpassword program that asks PAM: it reads a user
// and a password from descriptor 3 and exits 0 when PAM says they belong
// together. qguard-pam(8) is its manual.
//
// It authenticates and does nothing else: no account, credential or session
// call, no change of user, directory or environment. It is a process of its
// own so that the scanners stay static and free of cgo, a hung module can be
// killed, and the password goes with it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Exit codes, those of checkpassword. Expired and the like are right: what was
// given away is a password that the system knows.
const (
	exitRight   = 0
	exitWrong   = 1   // wrong, or no such user
	exitMisuse  = 2   // called wrongly
	exitUnknown = 111 // could not tell
)

const usage = `usage: qguard-pam [-service name] [-confdir dir] [prog [arg ...]]

Reads user NUL password NUL timestamp NUL from descriptor 3 and asks PAM.
Exits 0 right (after running prog), 1 wrong, 2 misused, 111 could not tell.

    printf 'user\0password\0Y1\0' | qguard-pam -service qguard 3<&0
`

func main() { os.Exit(run(os.Args[1:], 3, os.Stderr)) }

// run does it all. Nothing it writes holds a user or a password; a panic, whose
// trace might, is answered here.
func run(args []string, fd int, stderr io.Writer) (code int) {
	defer func() {
		if recover() != nil {
			code = complain(stderr, exitUnknown, "internal error")
		}
	}()

	flags := flag.NewFlagSet("qguard-pam", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	service := flags.String("service", "qguard", "")
	confdir := flags.String("confdir", "", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		return exitMisuse // 0 would say right
	case err != nil:
		return complain(stderr, exitMisuse, err.Error()+"; see qguard-pam -h")
	}
	if err := forbidDumps(); err != nil {
		return complain(stderr, exitUnknown, err.Error())
	}
	login, err := readLogin(fd)
	if err != nil {
		return complain(stderr, exitMisuse, err.Error())
	}
	code, reason := ask(*service, *confdir, login)
	login.wipe()
	if code != exitRight {
		return complain(stderr, code, reason)
	}
	if flags.NArg() == 0 {
		return exitRight
	}
	return complain(stderr, exitUnknown, execute(flags.Args()).Error())
}

// execute runs prog in our place. It returns only when it cannot.
func execute(argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	if err := syscall.Exec(path, argv, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}

// complain writes the one line there is for a code, if any, and returns the code.
func complain(stderr io.Writer, code int, reason string) int {
	if reason != "" {
		fmt.Fprintf(stderr, "qguard-pam: %s\n", strings.ReplaceAll(reason, "\n", " "))
	}
	return code
}
