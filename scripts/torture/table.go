package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A fault is something done to a program, and one line of the table.
type fault struct {
	family, program, done string
	long                  bool // left out of the short form
	do                    func(*torture) (happened string, err error)
}

// errLeftOut is wrapped by what keeps a fault from being tried here.
var errLeftOut = errors.New("left out")

func leftOut(why string) error { return fmt.Errorf("%w: %s", errLeftOut, why) }

// A kind is a way to be wrong.
type kind int

const (
	lost kind = iota
	doubled
	passed // that should not
	odd    // any other
	kinds
)

// A row is what happened.
type row struct {
	fault
	happened string
	count    [kinds]int
	took     time.Duration
}

// A table is all rows of a run.
type table struct {
	o     *options
	start time.Time
	rows  []row
}

const columns = "%-10s  %-15s  %-58s  %4v %7v %6v %5v %5v  %s\n"

func newTable(o *options) *table {
	fmt.Printf("seed %d\n\n"+columns, o.seed, "fault", "program", "done", "lost", "doubled", "passed", "wrong", "took", "happened")
	return &table{o: o, start: time.Now()}
}

// add tries a fault in directories of its own.
func (tb *table) add(o *options, f fault) error {
	if o.short && f.long {
		return nil
	}
	start := time.Now()
	t, err := prepare(o)
	if err != nil {
		return err
	}
	defer t.end()
	r := row{fault: f}
	r.happened, err = f.do(t)
	if errors.Is(err, errLeftOut) {
		r.happened, err = err.Error(), nil
	}
	r.count, r.took = t.count, time.Since(start)
	tb.rows = append(tb.rows, r)
	fmt.Printf(columns, f.family, f.program, f.done, r.count[lost], r.count[doubled], r.count[passed], r.count[odd], r.took.Round(100*time.Millisecond), r.happened)
	return err
}

// total adds up a column.
func (tb *table) total(k kind) (n int) {
	for _, r := range tb.rows {
		n += r.count[k]
	}
	return n
}

func (tb *table) wrong() int {
	return tb.total(lost) + tb.total(doubled) + tb.total(passed) + tb.total(odd)
}

// verdict is the whole run in a line.
func (tb *table) verdict() string {
	left := 0
	for _, r := range tb.rows {
		if strings.HasPrefix(r.happened, errLeftOut.Error()) {
			left++
		}
	}
	return fmt.Sprintf("%d faults, %d left out: %d lost, %d doubled, %d wrongly passed, %d wrong otherwise",
		len(tb.rows)-left, left, tb.total(lost), tb.total(doubled), tb.total(passed), tb.total(odd))
}

func (tb *table) sum() {
	fmt.Printf("\n%s; %s\n", tb.verdict(), time.Since(tb.start).Round(time.Second))
}

// titles are the families in words.
var titles = map[string][2]string{
	"kill":       {"Killed", "SIGKILL at random moments while mail comes, eight at a time."},
	"disk":       {"Disk full", "A small file system of its own, filled, under one directory after the other."},
	"cache":      {"Cache file", "Eight processes at a time look for logins while somebody spoils the file that they share. The mails hold a login that works, or wrong ones of ten users; the authenticator counts what it is asked."},
	"server":     {"Servers that fail", "Whoever is asked is down, slow, or lies. Mails that such an answer decides are put off; others are not touched by it."},
	"clock":      {"Clock", "The programs are built with a time.Now that adds what a file says, and the file changes while they run."},
	"limit":      {"Limits", "File descriptors (ulimit -n), address space (softlimit -m is ulimit -S -v), data (ulimit -d)."},
	"readonly":   {"Read-only file system", "Mounted so in a namespace."},
	"descriptor": {"Descriptors and signals", "Closed, broken or wrong descriptors; every signal that a shell, a supervisor or a server may send."},
}

const introduction = `# Faults

What an unlucky server does to these programs, done on purpose. Written by "make torture" as root,
%s, seed %d, in %s; %s, %d cores, %s. Another seed is another order of events: "make torture TORTURE='-seed N'".

What must hold: what was answered 0 is queued or held, whole and exactly once for each recipient; what the rules refuse,
and what was not judged, is never answered 0; every other answer is temporary, or refuses what the rules refuse; nothing
is left over that nobody was killed over.

**%s.**

"Put off" is a temporary answer: the sender tries again. A mail that was put off because its program was killed may have
been queued or held all the same, as with qmail-queue itself; the column "what happened" says how many.

What is known, and not promised:

* Without qguard-queue.sh a qguard-queue dies of a signal where its memory does not let it start: "softlimit -m 20 MB,
  without the shim". qpsmtpd takes that for success; others try again. So does a signal in its first millisecond.
* Charges of failures are lost with the file that holds them, when it is emptied or removed in place of damaged, and when
  the clock is ahead by more than their window. Of a meta page that is overwritten the other serves, one write older.
* Under ulimit -n 10 or ulimit -d 32000 nothing is lost, but little or nothing is taken either.
`

// report writes the table as a document.
func (tb *table) report(name string) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	version, _, _ := strings.Cut(unix.ByteSliceToString(uts.Release[:]), "-") // the rest is a builder's
	var b strings.Builder
	fmt.Fprintf(&b, introduction, tb.start.Format("2 January 2006"), tb.o.seed, time.Since(tb.start).Round(time.Second),
		"Linux "+version, runtime.NumCPU(), runtime.Version(), tb.verdict())
	family := ""
	for _, r := range tb.rows {
		if r.family != family {
			family = r.family
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| program | what was done | what happened | lost | doubled | wrongly passed | other |\n|---|---|---|---|---|---|---|\n", titles[family][0], titles[family][1])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %d | %d |\n", r.program, r.done, strings.ReplaceAll(r.happened, "|", "\\|"),
			r.count[lost], r.count[doubled], r.count[passed], r.count[odd])
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}
