// Command qguard is for the administrator: it checks an installation, shows the
// rules in force and keeps the quarantine and the cache. See qguard(8).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"qguard/rules"
)

const usage = `usage: qguard [-c conf] command [argument ...]

  check [-init] [-json] [-limits bytes]
                                  what is missing, with the next step
  rules                           the rules in force, defaults included
  rules test [-sender addr] [-recipient addr] [-outgoing] [-client ip] FILE..
                                  which entry of the policy decides on messages
  users FILE                      sort it into the list of users; - is standard input
  quarantine list [-json]         held messages, oldest first
  quarantine show ID              what is known of one, then the message
  quarantine release ID [rcpt..]  queue it after all, for all or some recipients
  quarantine delete ID            remove it
  quarantine expire               remove what is older than quarantine.keep
  cache stats                     what the cache of failed logins holds
  cache flush [-budgets] [user]   forget failures of all or one, budgets too
  cache compact                   make its file small

Exit 0 done, 1 something is wrong, 2 wrong usage.

Example: qguard quarantine release 20261121T213000-0123456789abcdef-0
`

// Exit codes of qguard. Mail servers do not run it.
const (
	exitDone  = 0
	exitWrong = 1
	exitUsage = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// errUsage marks wrong usage; its text says what is wrong.
var errUsage = errors.New("usage")

// admin is what every command needs.
type admin struct {
	rules *rules.Config
	conf  string
	env   func(string) (string, bool)
	out   io.Writer
}

func run(args []string, env func(string) (string, bool), out, errw io.Writer) int {
	a := &admin{env: env, out: out}
	flags := flag.NewFlagSet("qguard", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	a.conf, _ = env("QGUARD_CONF")
	flags.StringVar(&a.conf, "c", a.conf, "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		io.WriteString(out, usage)
		return exitDone
	}
	if err == nil {
		err = a.command(flags.Args())
	} else {
		err = fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errUsage):
		fmt.Fprintf(errw, "qguard: %v\nqguard: try qguard -help\n", err)
		return exitUsage
	}
	fmt.Fprintf(errw, "qguard: %v\n", err)
	return exitWrong
}

// command runs one command. check loads the rules itself: that they are wrong
// is what it is asked to say.
func (a *admin) command(args []string) (err error) {
	if len(args) == 0 {
		return fmt.Errorf("%w: no command", errUsage)
	}
	if args[0] == "check" {
		return a.check(args[1:])
	}
	if a.rules, err = rules.Load(a.conf); err != nil {
		return err
	}
	switch args[0] {
	case "rules":
		return a.showRules(args[1:], os.Stdin)
	case "users":
		return a.sortUsers(args[1:], os.Stdin)
	case "quarantine":
		return a.quarantine(args[1:])
	case "cache":
		return a.cache(args[1:])
	}
	return fmt.Errorf("%w: no command %q", errUsage, args[0])
}
