package credential

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan/authenticate"
)

// A directory locks accounts: one with threshold failures within window is
// locked, whoever caused them, and a success forgives nothing. Between questions
// owners mistype their passwords, each as often as leaves room for ours.
type directory struct {
	threshold, owners int
	window            time.Duration
	asked             func(child string) // told of every question before it is answered

	mu       sync.Mutex
	now      time.Time
	rnd      *rand.Rand
	failures map[string][]time.Time
	typos    map[string][]time.Time
	ours     map[string][]time.Time
	locked   map[string]bool
	most     int // failures of ours on one account within a window
	total    int
}

const simUsers = 24

func simUser(n int) string        { return fmt.Sprintf("user%02d", n%simUsers) }
func simPassword(u string) string { return "Right-" + u + "-X" }

// recent drops what is older than the window.
func (d *directory) recent(list []time.Time) []time.Time {
	for len(list) > 0 && d.now.Sub(list[0]) >= d.window {
		list = list[1:]
	}
	return list
}

func (d *directory) fail(user string) {
	d.failures[user] = append(d.recent(d.failures[user]), d.now)
	if len(d.failures[user]) >= d.threshold {
		d.locked[user] = true
	}
}

// ask answers for one pair, as the directory behind an authenticator does.
func (d *directory) ask(child, user, password string) string {
	d.mu.Lock()
	d.total++
	if owner := simUser(d.rnd.IntN(simUsers)); len(d.recent(d.typos[owner])) < d.owners {
		d.typos[owner] = append(d.recent(d.typos[owner]), d.now)
		d.fail(owner)
	}
	// Directories take capitals and domains for the same account.
	account, _, _ := strings.Cut(strings.ToLower(user), "@")
	right := password == simPassword(account)
	if !right {
		d.fail(account)
		d.ours[account] = append(d.recent(d.ours[account]), d.now)
		d.most = max(d.most, len(d.ours[account]))
	}
	d.mu.Unlock()
	d.asked(child)
	if right {
		return "right\n"
	}
	return "wrong\n"
}

func (d *directory) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			line, err := bufio.NewReader(c).ReadString('\n')
			f := strings.Split(strings.TrimSpace(line), "\x00")
			if err != nil || len(f) != 3 {
				return
			}
			io.WriteString(c, d.ask(f[0], f[1], f[2]))
		}()
	}
}

// remote is the directory as its clients see it.
type remote struct{ path, child string }

func (remote) ID() string { return "simulator" }

func (r remote) Check(ctx context.Context, user, password []byte) (authenticate.Answer, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", r.path)
	if err != nil {
		return authenticate.Unavailable, errors.New("no directory")
	}
	defer c.Close()
	fmt.Fprintf(c, "%s\x00%s\x00%s\n", r.child, user, password)
	switch line, _ := bufio.NewReader(c).ReadString('\n'); line {
	case "right\n":
		return authenticate.Right, nil
	case "wrong\n":
		return authenticate.Wrong, nil
	}
	return authenticate.Unavailable, errors.New("no answer")
}

// TestLockoutScanner is not a test but one of the scanners of TestLockout, in a
// process of its own. It judges messages, most of which hold nothing but wrong
// pairs, and prints how many were found and how many left undecided.
func TestLockoutScanner(t *testing.T) {
	dir := os.Getenv("LOCKOUT_DIR")
	if dir == "" {
		t.Skip("only run by TestLockout")
	}
	number := func(name string) int64 { n, _ := strconv.ParseInt(os.Getenv(name), 10, 64); return n }
	c := rules.Default().Credential
	c.Scan, c.Domains, c.Username = "always", []string{"example.org"}, rules.NewPattern(`(?i)user[0-9]{2}`)
	c.SenderFailures, c.Rate = rules.Rate{}, rules.Rate{}
	c.Lockout = int(number("LOCKOUT_T"))
	if c.Lockout == 0 {
		c.UserFailures = rules.Rate{}
	}
	now := time.UnixMilli(number("LOCKOUT_NOW"))
	store := cache.New(cache.Options{
		Path: filepath.Join(dir, "lib", "c.db"), Key: filepath.Join(dir, "etc", "c.key"),
		TTL: time.Hour, Now: func() time.Time { return now },
	})
	child := os.Getenv("LOCKOUT_CHILD")
	rnd := rand.New(rand.NewPCG(uint64(number("LOCKOUT_CHILD")), uint64(now.UnixMilli())))
	b := remote{filepath.Join(dir, "s"), child}
	valid, undecided := 0, 0
	for range 12 {
		user, sender := simUser(rnd.IntN(simUsers)), simUser(rnd.IntN(simUsers))
		words := make([]string, 3)
		for i := range words {
			words[i] = fmt.Sprintf("Wrong-%d-X", rnd.IntN(1_000_000))
		}
		planted := rnd.IntN(4) == 0
		if planted {
			words[rnd.IntN(len(words))] = simPassword(user)
		}
		forms := []string{user, strings.ToUpper(user), user + "@example.org"}
		text := fmt.Sprintf("login %s password %s", forms[rnd.IntN(len(forms))], strings.Join(words, " "))
		if planted {
			sender = "" // so that its three attempts are about the user named
		}
		findings := judge(c, b, store, sender+"@example.org", text)
		switch {
		case len(findings) > 0 && findings[0].Rule == "credential.valid":
			valid++
		case len(findings) > 0:
			undecided++
		case planted:
			t.Errorf("a planted login is clean")
		}
	}
	fmt.Printf("sum %d %d\n", valid, undecided)
}

// TestLockout lets eight processes judge mail for two lockout windows, with one
// cache file that none of them finds ready, and counts locked accounts.
func TestLockout(t *testing.T) {
	for _, test := range []struct {
		name      string
		threshold int
		lockout   int // what the rules say
		kill      bool
		damage    bool
		locks     bool
	}{
		{name: "3", threshold: 3, lockout: 3},
		{name: "3, restarts", threshold: 3, lockout: 3, kill: true},
		{name: "3, damaged cache", threshold: 3, lockout: 3, damage: true},
		{name: "5", threshold: 5, lockout: 5},
		{name: "10, restarts", threshold: 10, lockout: 10, kill: true},
		{name: "3, but the rules do not say so", threshold: 3, locks: true},
	} {
		t.Run(test.name, func(t *testing.T) { simulate(t, test.threshold, test.lockout, test.kill, test.damage, test.locks) })
	}
}

func simulate(t *testing.T, threshold, lockout int, kill, damage, locks bool) {
	dir := t.TempDir()
	third := max(1, threshold/3)
	var mu sync.Mutex
	running, count := map[string]*exec.Cmd{}, map[string]int{}
	d := &directory{
		threshold: threshold, owners: threshold - third - 1, window: time.Hour,
		rnd:      rand.New(rand.NewPCG(1, uint64(threshold))),
		failures: map[string][]time.Time{}, typos: map[string][]time.Time{}, ours: map[string][]time.Time{},
		locked: map[string]bool{},
	}
	d.asked = func(child string) {
		mu.Lock()
		defer mu.Unlock()
		if count[child]++; kill && count[child] == 2 && child < "4" && running[child] != nil {
			running[child].Process.Kill() // the question is counted, its answer lost
		}
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go d.serve(l)

	valid, undecided, killed := 0, 0, 0
	scanner := func(child string, now time.Time) bool {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockoutScanner$")
		c.Env = append(os.Environ(), "LOCKOUT_DIR="+dir, "LOCKOUT_CHILD="+child, "LOCKOUT_T="+strconv.Itoa(lockout),
			"LOCKOUT_NOW="+strconv.FormatInt(now.UnixMilli(), 10), "GORACE=atexit_sleep_ms=0")
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		mu.Lock()
		if err := c.Start(); err != nil {
			t.Error(err)
		}
		running[child] = c
		mu.Unlock()
		err := c.Wait()
		mu.Lock()
		defer mu.Unlock()
		delete(running, child)
		var v, u int
		_, text, _ := strings.Cut(out.String(), "sum ")
		if _, serr := fmt.Sscan(text, &v, &u); err == nil && serr == nil {
			valid, undecided = valid+v, undecided+u
			return true
		}
		if !kill {
			t.Errorf("scanner %s: %v\n%s", child, err, out.String())
		}
		killed++
		return false
	}
	const rounds = 6
	for round := range rounds {
		d.mu.Lock()
		d.now = time.UnixMilli(1_800_000_000_000).Add(time.Duration(round) * 20 * time.Minute)
		now := d.now
		d.mu.Unlock()
		if damage && round == 2 {
			if err := os.Truncate(filepath.Join(dir, "lib", "c.db"), 20000); err != nil {
				t.Fatal(err)
			}
		}
		clear(count)
		var all sync.WaitGroup
		for child := range 8 {
			all.Go(func() {
				if name := strconv.Itoa(child); !scanner(name, now) {
					scanner(name, now) // begins again with its first message
				}
			})
		}
		all.Wait()
	}
	t.Logf("%d questions, at most %d failures of one account in %s; %d found, %d undecided; %d scanners killed; %d accounts locked",
		d.total, d.most, d.window, valid, undecided, killed, len(d.locked))
	switch {
	case locks && len(d.locked) == 0:
		t.Error("no account locked: the simulator is blind")
	case locks:
	case len(d.locked) > 0:
		t.Errorf("%d accounts locked", len(d.locked))
	case d.most > third:
		t.Errorf("%d failures of one account, want %d", d.most, third)
	case valid == 0 || undecided == 0 || d.total < simUsers:
		t.Error("hardly anything asked")
	case kill && killed == 0:
		t.Error("nobody was killed")
	}
}
