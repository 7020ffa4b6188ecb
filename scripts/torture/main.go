// Command torture does to the programs what an unlucky server does, and counts
// what became of the mail.
//
//	torture [-short] [-mounts] [-only family] [-n 1000] [-p 8] [-seed N] [-report FILE] bin
//
// bin is the directory of the programs under test. Each fault is one line of the
// table that it prints, and writes with -report as a document:
//
//	kill        SIGKILL at random moments under load, to each program in turn
//	disk        a full file system under the spool, the quarantine, the cache, the log
//	cache       a cache file that is damaged, locked, missing, while eight use it
//	server      clamd, authenticators and qguardd that are down, slow, or lie
//	clock       the time of day jumps
//	limit       few file descriptors, little memory
//	readonly    nothing can be written
//	descriptor  closed and broken descriptors; signals
//
// What must hold: what was answered 0 is queued or held, whole and exactly once
// for each recipient (else lost, doubled); what the rules refuse, and what was
// not judged, is never answered 0 (wrongly passed); every other answer is
// temporary, or refuses what the rules refuse; nothing is left over that nobody
// was killed over. It exits 1 where that was broken.
//
// With -mounts it may mount: it is in a mount namespace of its own (unshare -m).
// With -short it does a few of everything, and leaves out what takes long.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// deadline is for a message, and for processes that outlive theirs.
const deadline = 30 * time.Second

// options are what the command line says.
type options struct {
	bin, self     string
	n, p          int
	seed          uint64
	short, mounts bool
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 1000, "messages under load")
	flag.IntVar(&o.p, "p", 8, "messages at once")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "seed of all that is random")
	flag.BoolVar(&o.short, "short", false, "a few of everything")
	flag.BoolVar(&o.mounts, "mounts", false, "this is a mount namespace of its own")
	only := flag.String("only", "", "one family of faults")
	report := flag.String("report", "", "write the table to this file")
	recorder := flag.String("record", "", "be the recorder of this directory")
	backend := flag.String("checkpassword", "", "be an authenticator that notes what it is asked in this file")
	flag.Parse()
	switch {
	case *recorder != "":
		os.Exit(record(*recorder))
	case *backend != "":
		os.Exit(checkpassword(*backend))
	case flag.NArg() != 1:
		flag.Usage()
		os.Exit(2)
	}
	o.bin = flag.Arg(0)
	table, err := o.run(*only)
	if err == nil && *report != "" {
		err = table.report(*report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(2)
	}
	if table.wrong() > 0 {
		os.Exit(1)
	}
}

// run does every fault of a family, all of them without one.
func (o *options) run(only string) (*table, error) {
	var err error
	if o.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return nil, err
	}
	if o.short {
		o.n = min(o.n, 120)
	}
	// Who loses its parent becomes ours, so that we can wait for all.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	list := slices.Concat(kills(), disks(), caches(), servers(), clocks(), limits(), readonlys(), descriptors())
	table := newTable(o)
	for _, f := range list {
		if only != "" && f.family != only {
			continue
		}
		if err := table.add(o, f); err != nil {
			return nil, fmt.Errorf("%s, %s, %s: %w", f.family, f.program, f.done, err)
		}
	}
	if len(table.rows) == 0 {
		return nil, fmt.Errorf("%q is no family of faults", only)
	}
	table.sum()
	return table, nil
}
