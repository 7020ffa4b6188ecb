package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"qguard/cache"
	"qguard/scan/credential"
)

// store is the cache the rules name. What it has to say goes to the output.
func (a *admin) store() *cache.Store {
	return cache.New(cache.Options{
		Path: a.rules.Cache.Path, Key: a.rules.Cache.Key, TTL: time.Duration(a.rules.Cache.TTL),
		Warn: func(err error) { fmt.Fprintln(a.out, err) },
	})
}

// cache runs one of its commands.
func (a *admin) cache(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: cache stats, flush or compact", errUsage)
	}
	command, args := args[0], args[1:]
	switch {
	case command == "stats" && len(args) == 0:
		return a.cacheStats()
	case command == "flush":
		return a.cacheFlush(args)
	case command == "compact" && len(args) == 0:
		return a.cacheCompact()
	}
	return fmt.Errorf("%w: cache %s does not go so", errUsage, command)
}

// cacheStats prints what the file holds, a line for each kind.
func (a *admin) cacheStats() error {
	path := a.rules.Cache.Path
	st, err := a.store().Stats()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.out, "%s: none yet\n", path)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %d bytes, at most %d entries of a kind\n", path, st.Size, st.Max)
	fmt.Fprintf(a.out, "%-8s %8s %8s  %-19s  %s\n", "kind", "entries", "expired", "oldest", "newest")
	for _, k := range []struct {
		name string
		cache.Kind
	}{{"failures", st.Failures}, {"budgets", st.Charges}, {"stamps", st.Stamps}} {
		fmt.Fprintf(a.out, "%-8s %8d %8d  %-19s  %s\n", k.name, k.Entries, k.Expired, when(k.Oldest), when(k.Newest))
	}
	if info, err := os.Lstat(path + ".bad"); err == nil {
		fmt.Fprintf(a.out, "%s.bad: a damaged one, set aside %s; where the directory counts no question is asked for a window after it, unless it is removed\n",
			path, when(info.ModTime()))
	}
	return nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05")
}

// cacheFlush forgets failures, of all or of one user.
func (a *admin) cacheFlush(args []string) error {
	flags := flag.NewFlagSet("flush", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	budgets := flags.Bool("budgets", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 1 || flags.NArg() == 1 && flags.Arg(0) == "" {
		return fmt.Errorf("%w: cache flush [-budgets] [user]", errUsage)
	}
	n, err := 0, error(nil)
	if user := flags.Arg(0); user != "" {
		n, err = credential.Forget(a.store(), a.rules.Credential, user, *budgets)
	} else {
		n, err = a.flushAll(*budgets)
	}
	fmt.Fprintf(a.out, "%d entries removed\n", n)
	return err
}

func (a *admin) flushAll(budgets bool) (n int, err error) {
	store := a.store()
	n, err = store.Flush(nil)
	if err != nil || !budgets {
		return n, err
	}
	more, err := store.FlushCharges(nil)
	return n + more, err
}

// cacheCompact makes the file as small as it can be.
func (a *admin) cacheCompact() error {
	was, is, err := a.store().Compact()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.out, "%s: none yet\n", a.rules.Cache.Path)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%d bytes, were %d\n", is, was)
	return nil
}
