package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"qguard/rules"
)

// errCheck is what check returns when something is wrong; what, it has printed.
var errCheck = errors.New("not ready, see above")

// A state is what check thinks of a step.
type state string

const (
	stateOK     state = "ok"
	stateOff    state = "off"    // not configured
	stateUnwise state = "unwise" // works, but
	stateWrong  state = "wrong"
)

// mark is a state at the beginning of a line.
func (s state) mark() string {
	switch s {
	case stateOff:
		return "--"
	case stateUnwise:
		return "??"
	case stateWrong:
		return "!!"
	}
	return "ok"
}

// A result is what check says about one step. A step may have several.
type result struct {
	Step  string `json:"step"`
	State state  `json:"state"`
	Note  string `json:"note"` // of what is wrong or unwise: with the next step
}

// A checklist goes through the steps and keeps the results.
type checklist struct {
	*admin
	results []result
	tell    func(result)
}

func (c *checklist) add(r result) {
	c.results = append(c.results, r)
	c.tell(r)
}

// doubt adds what works but is unwise.
func (c *checklist) doubt(step, why string) { c.add(result{step, stateUnwise, why}) }

// report adds what a step returned: an error, nothing, or a note.
func (c *checklist) report(step, note string, err error) {
	switch {
	case err != nil:
		c.add(result{step, stateWrong, err.Error()})
	case note == "":
		c.add(result{step, stateOff, "not configured"})
	default:
		c.add(result{step, stateOK, note})
	}
}

func (c *checklist) ready() bool {
	for _, r := range c.results {
		if r.State == stateWrong {
			return false
		}
	}
	return true
}

// check looks at an installation in the order in which one is made and prints a
// line for each step: "ok", or "--" for what is not configured, or "!!" with
// what is wrong and the next step, or "??" with what works but is unwise. Only
// what is wrong makes it fail.
func (a *admin) check(args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	create := flags.Bool("init", false, "")
	inJSON := flags.Bool("json", false, "")
	limit := flags.Int64("limits", 0, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: check [-init] [-json] [-limits bytes]", errUsage)
	}
	c := &checklist{admin: a, tell: func(r result) { fmt.Fprintf(a.out, "%s %-14s %s\n", r.State.mark(), r.Step, r.Note) }}
	if *inJSON {
		c.tell = func(result) {}
	}
	c.run(*create, *limit)
	if *inJSON {
		encoder := json.NewEncoder(a.out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(c.results); err != nil {
			return err
		}
	}
	if !c.ready() {
		return errCheck
	}
	return nil
}

// run is all steps. Without rules there are no others.
func (c *checklist) run(create bool, limit int64) {
	var err error
	c.rules, err = rules.Load(c.conf)
	c.report("rules", named(c.conf), err)
	if err != nil {
		return
	}
	if create {
		c.report("directories", "made", c.makeDirectories())
		c.report("cache key", c.rules.Cache.Key, c.store().MakeKey())
		c.report("policy token", c.rules.Policyd.Token, c.makeToken())
	}
	for _, step := range []struct {
		what string
		run  func() (string, error)
	}{
		{"users", c.checkUsers},
		{"authenticator", c.checkAuthenticator},
		{"budgets", c.checkBudgets},
		{"cache", c.checkCache},
		{"spool", c.checkSpool},
		{"quarantine", c.checkQuarantine},
		{"next program", c.checkNext},
		{"reply channel", c.checkChannel},
		{"memory limit", func() (string, error) { return c.checkLimit(limit) }},
		{"virus scanner", c.checkVirus},
		{"daemon", c.checkDaemon},
		{"login policy", c.checkPolicyd},
	} {
		note, err := step.run()
		c.report(step.what, note, err)
	}
}

func named(conf string) string {
	if conf != "" {
		return conf
	}
	if _, err := os.Stat(rules.DefaultPath); err != nil {
		return "the built-in ones; " + rules.DefaultPath + " is missing: qguard rules prints one to begin with"
	}
	return rules.DefaultPath
}

// makeDirectories makes what the service needs and may be missing; the cache
// makes its file itself.
func (a *admin) makeDirectories() error {
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{filepath.Dir(a.rules.Cache.Path), 0o700},
		{a.rules.Quarantine.Path, 0o700},
		{filepath.Dir(a.rules.Cache.Key), 0o755},
	} {
		if err := makeDirectory(d.path, d.mode); err != nil {
			return advise(err, "", "run it as root")
		}
	}
	return nil
}

// makeDirectory makes a directory and those above it. What root makes belongs to
// the owner of the directory it is in, as the cache's files do.
func makeDirectory(path string, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no directory: remove it", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(path)
	if err := makeDirectory(above, mode|0o055); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); err != nil || os.Geteuid() != 0 {
		return err
	}
	info, err := os.Stat(above)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// advise adds the next step to the error about a file: missing where there is
// none, denied where we may not. "" adds nothing.
func advise(err error, missing, denied string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && missing != "":
		return fmt.Errorf("%w: %s", err, missing)
	case errors.Is(err, fs.ErrPermission) && denied != "":
		return fmt.Errorf("%w: %s", err, denied)
	}
	return err
}

// notOurs says whose a file is that this user may not use.
func notOurs(path string) string {
	me := userName(uint32(os.Geteuid()))
	if of, err := owner(path); err == nil && of != me {
		return fmt.Sprintf("it belongs to %s and this is %s: run qguard check as the user that queues mail, or chown it", of, me)
	}
	return "mend its mode, or that of a directory above it"
}

// owner names the user a file belongs to.
func owner(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return userName(info.Sys().(*syscall.Stat_t).Uid), nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
