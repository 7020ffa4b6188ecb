// Command torture kills queue programs and counts mail.
//
//	torture [-n 1000] [-p 8] [-seed N] -program qguard-queue dir
//	torture -daemon qguardd -program qguard-queue dir
//	torture -full tmpfs -program qguard-queue dir
//
// It gives the program n messages, p at once, and kills programs and the
// recorder behind them with SIGKILL at random moments. In the end every message
// that was answered 0 must be in the recorder or in the quarantine, whole and
// exactly once for each recipient; every other must be in neither, unless
// somebody was killed over it. The spool must hold nothing. It prints the counts
// and exits 1 when one is wrong.
//
// With -daemon the messages are judged by a qguardd, and that is killed instead.
//
// With -full the spool and then the quarantine are on the small file system
// given, which is filled.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// deadline is for a message, and for processes that outlive theirs.
const deadline = 30 * time.Second

// torture is one run.
type torture struct {
	program, self     string
	conf              string
	recorder          string // directories
	quarantine, spool string

	mu     sync.Mutex
	errors int

	excused bool // a message may be refused for now though nobody was killed over it
}

func main() {
	n := flag.Int("n", 1000, "messages")
	p := flag.Int("p", 8, "messages at once")
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "seed of all that is random")
	program := flag.String("program", "", "queue program under test")
	daemon := flag.String("daemon", "", "qguardd that judges and is killed")
	full := flag.String("full", "", "small file system to be filled")
	recorder := flag.String("record", "", "be the recorder of this directory")
	flag.Parse()
	if *recorder != "" {
		os.Exit(record(*recorder))
	}
	if *program == "" || flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	t, err := prepare(*program, flag.Arg(0))
	if err == nil && *full != "" {
		err = t.disk(*full)
	} else if err == nil && *daemon != "" {
		fmt.Printf("seed                           %5d\n", *seed)
		err = t.daemon(*daemon, *seed, *n, *p)
	} else if err == nil {
		fmt.Printf("seed                           %5d\n", *seed)
		err = t.run(*seed, *n, *p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(2)
	}
	if t.errors > 0 {
		os.Exit(1)
	}
}

// prepare makes the directories and the rules.
func prepare(program, dir string) (*torture, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	t := &torture{
		program: program, self: self,
		conf:       filepath.Join(dir, "qguard.toml"),
		recorder:   filepath.Join(dir, "recorder"),
		quarantine: filepath.Join(dir, "quarantine"),
		spool:      filepath.Join(dir, "spool"),
	}
	for _, d := range []string{t.recorder + "/tmp", t.recorder + "/new", t.spool} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	return t, t.rules("")
}

// rules writes the configuration file; more stands before the policy.
func (t *torture) rules(more string) error {
	text := fmt.Sprintf("[queue]\nspool = %q\nmixed = \"reject\"\n[quarantine]\npath = %q\n", t.spool, t.quarantine)
	return os.WriteFile(t.conf, []byte(text+more+policy), 0o644)
}

// wrong notes what must not be.
func (t *torture) wrong(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors++
	fmt.Printf("WRONG "+format+"\n", args...)
}

// run sends the messages and counts.
func (t *torture) run(seed uint64, n, parallel int) error {
	// Who loses its parent becomes ours, so that we can wait for all.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	mails := make([]*mail, n)
	quiet := min(n/10+1, 50) // undisturbed at first, to learn what is usual
	for i := range mails {
		mails[i] = newMail(seed, i, i >= quiet)
	}
	took, err := t.sendAll(mails[:quiet], parallel, func(*mail) time.Duration { return 0 })
	if err != nil {
		return err
	}
	_, err = t.sendAll(mails[quiet:], parallel, func(m *mail) time.Duration {
		if u := took[sizeOf(m)]; u > 0 {
			return u
		}
		return took[0]
	})
	if err != nil {
		return err
	}
	if err := reap(); err != nil {
		return err
	}
	t.count(mails)
	return nil
}

// sizeOf returns which of sizes a mail has.
func sizeOf(m *mail) int {
	for i, s := range sizes {
		if len(m.message) < 2*s.bytes {
			return i
		}
	}
	return len(sizes) - 1
}

// sendAll sends messages, so many at once, and returns the median time that each
// of sizes took.
func (t *torture) sendAll(mails []*mail, parallel int, usual func(*mail) time.Duration) ([]time.Duration, error) {
	var wg sync.WaitGroup
	var failed error
	times := make([][]time.Duration, len(sizes))
	slots := make(chan struct{}, parallel)
	for _, m := range mails {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			err := t.send(m, usual(m))
			t.mu.Lock()
			defer t.mu.Unlock()
			if err != nil {
				failed = err
			}
			times[sizeOf(m)] = append(times[sizeOf(m)], time.Since(start))
		})
	}
	wg.Wait()
	medians := make([]time.Duration, len(sizes))
	for i, list := range times {
		if slices.Sort(list); len(list) > 0 {
			medians[i] = list[len(list)/2]
		}
	}
	return medians, failed
}

// reap waits for the programs whose wrapper was killed.
func reap() error {
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		_, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("a program is still running %v after its wrapper was killed", deadline)
		}
	}
}
