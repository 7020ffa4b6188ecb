// Command credentials measures the search for leaked logins on mail that it
// makes: logins of invented users, given away in many phrasings and encodings,
// among honest text; and clean mail. See scripts/bench-credentials.
//
// The verdicts are the engine's, with every opener; only the authenticator is
// simulated: it knows the users' passwords, counts what it is asked, and notes
// which accounts a directory with a lock-out threshold would have locked.
// Recall at K is the share of logins found with K questions or fewer. No cache:
// every message is met for the first time.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"qguard/cache"
	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/credential"
)

// most is how many pairs are tried here, so that one run gives recall at all K.
const most = 20

// noCache is where no file can be made.
const noCache = "/dev/null/none"

var (
	hamDir  = flag.String("ham", "", "directory of clean mail; without it, mail is made")
	seeds   = flag.Int("seeds", 1, "how many runs")
	seed    = flag.Uint64("seed", 1, "first seed")
	k       = flag.Int("k", 3, "attempts a message for the figures on clean mail and misses")
	verbose = flag.Bool("v", false, "recall of each phrasing and encoding")
	misses  = flag.Bool("misses", false, "print every login not found (they are invented)")
	peers   = flag.Bool("peers", false, "measure the plain reference, and gitleaks where it can be built")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "credentials:", err)
		os.Exit(2)
	}
}

// result is one run.
type result struct {
	planted   int
	foundAt   [most + 1]int
	byPhrase  map[string]*[2]int // planted, found within k
	byCoding  map[string]*[2]int
	cleanMail int
	attempts  int // on clean mail, within k
	perMail   []int
	perUser   int
	locked    int
	alarms    int
}

func run() error {
	work, err := os.MkdirTemp("", "credentials")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var recalls, rates []float64
	var sum result
	for i := range *seeds {
		b := &bench{r: rand.New(rand.NewPCG(*seed+uint64(i), 5)), work: work}
		res, err := b.run()
		if err != nil {
			return err
		}
		recalls = append(recalls, 100*float64(within(res.foundAt[:], *k))/float64(res.planted))
		rates = append(rates, 1000*float64(res.attempts)/float64(res.cleanMail))
		sum.add(res)
		if i == 0 && *peers {
			if err := b.peers(); err != nil {
				return err
			}
		}
	}
	sum.print()
	fmt.Printf("recall at %d over %d seeds: %s %%\n", *k, *seeds, spread(recalls))
	fmt.Printf("attempts per 1000 clean at %d: %s\n", *k, spread(rates))
	speed()
	return nil
}

// bench is one seed's users and mail.
type bench struct {
	r     *rand.Rand
	work  string
	users []person
	auth  *authenticator
	mail  []planted
}

// planted is a message that gives a login away.
type planted struct {
	phrase, encoding string
	sender           person
	owner            person
	message          []byte
	login            string
}

func (b *bench) run() (result, error) {
	b.users = people(b.r, 500)
	b.auth = &authenticator{passwords: map[string]string{}, threshold: 3, failures: map[string]int{}}
	var list strings.Builder
	for _, u := range b.users {
		b.auth.passwords[u.name] = u.password
		fmt.Fprintln(&list, u.name)
	}
	if err := os.WriteFile(filepath.Join(b.work, "users"), []byte(list.String()), 0o600); err != nil {
		return result{}, err
	}
	engine, err := b.engine()
	if err != nil {
		return result{}, err
	}
	b.plant()
	res := result{planted: len(b.mail), byPhrase: map[string]*[2]int{}, byCoding: map[string]*[2]int{}}
	for _, m := range b.mail {
		found := b.ask(engine, m.sender, m.message)
		if found > 0 {
			res.foundAt[found]++
		}
		hit := found > 0 && found <= *k
		count(res.byPhrase, m.phrase, hit)
		count(res.byCoding, m.encoding, hit)
		if !hit && *misses {
			fmt.Printf("missed: %s in %s (sender %s, at %d): %q\n", m.phrase, m.encoding, m.sender.name, found, m.login)
		}
	}
	return res, b.clean(engine, &res)
}

// engine is the one of qhpsi with our authenticator.
func (b *bench) engine() (*scan.Engine, error) {
	engine, err := qhpsi.New(rules.Default(), func(error) {})
	if err != nil {
		return nil, err
	}
	c := rules.Default().Credential
	c.Users = filepath.Join(b.work, "users")
	c.Domains = []string{domain}
	c.Attempts = most
	c.UserFailures, c.SenderFailures, c.Rate = rules.Rate{}, rules.Rate{}, rules.Rate{}
	memory := cache.New(cache.Options{Path: noCache, Key: noCache, TTL: time.Hour, Warn: func(error) {}})
	engine.Scanners = []scan.Scanner{credential.New(c, b.auth, memory)}
	return engine, nil
}

// ask judges a message and returns which question was answered "right", 0 none.
func (b *bench) ask(engine *scan.Engine, sender person, message []byte) int {
	b.auth.reset()
	address := sender.address()
	v := engine.Scan(context.Background(), &scan.Message{
		Content: bytes.NewReader(message), Size: int64(len(message)),
		Envelope: rules.Envelope{Sender: &address, Outgoing: true},
	})
	if v.Err != nil {
		fmt.Println("error:", v.Err)
	}
	return min(b.auth.right, most)
}

// plant makes a message of every phrase in every encoding that has its letters.
func (b *bench) plant() {
	for _, p := range phrases {
		for _, e := range encodings {
			owner := pick(b.r, b.users)
			m := planted{phrase: p.name, encoding: e.name, sender: owner, owner: owner}
			if p.named && b.r.IntN(2) == 0 {
				m.sender = pick(b.r, b.users)
			}
			m.login = p.write(b.r, owner)
			text := body(b.r, m.login)
			for e.make(b.r, text) == nil && e.make(b.r, m.login) != nil {
				text = body(b.r, m.login) // a paragraph in letters the charset has
			}
			if m.message = e.make(b.r, text); m.message != nil {
				b.mail = append(b.mail, m)
			}
		}
	}
}

// clean judges mail without a login, each from a local user at random.
func (b *bench) clean(engine *scan.Engine, res *result) error {
	list, err := ham(b.r, *hamDir)
	if err != nil {
		return err
	}
	b.auth.failures, b.auth.locked = map[string]int{}, 0
	for _, m := range list {
		if b.ask(engine, pick(b.r, b.users), m) > 0 {
			res.alarms++
		}
		res.attempts += min(b.auth.asked, *k)
		res.perMail = append(res.perMail, min(b.auth.asked, *k))
	}
	res.cleanMail = len(list)
	for _, n := range b.auth.failures {
		res.perUser = max(res.perUser, n)
	}
	res.locked = b.auth.locked
	return nil
}

func count(m map[string]*[2]int, key string, hit bool) {
	if m[key] == nil {
		m[key] = &[2]int{}
	}
	m[key][0]++
	if hit {
		m[key][1]++
	}
}

func within(at []int, k int) (n int) {
	for i := 1; i <= k && i < len(at); i++ {
		n += at[i]
	}
	return n
}

func (r *result) add(o result) {
	r.planted += o.planted
	for i, n := range o.foundAt {
		r.foundAt[i] += n
	}
	for _, m := range []struct{ to, from *map[string]*[2]int }{{&r.byPhrase, &o.byPhrase}, {&r.byCoding, &o.byCoding}} {
		if *m.to == nil {
			*m.to = map[string]*[2]int{}
		}
		for key, n := range *m.from {
			count(*m.to, key, false)
			(*m.to)[key][0] += n[0] - 1
			(*m.to)[key][1] += n[1]
		}
	}
	r.cleanMail += o.cleanMail
	r.attempts += o.attempts
	r.perMail = append(r.perMail, o.perMail...)
	r.perUser = max(r.perUser, o.perUser)
	r.locked += o.locked
	r.alarms += o.alarms
}

func (r *result) print() {
	if *verbose {
		fmt.Println("by phrasing:")
		table2(r.byPhrase)
		fmt.Println("by encoding:")
		table2(r.byCoding)
	}
	fmt.Printf("planted %d; recall at", r.planted)
	for _, k := range []int{1, 2, 3, 5, 8, most} {
		fmt.Printf(" %d: %.1f %%;", k, 100*float64(within(r.foundAt[:], k))/float64(r.planted))
	}
	slices.Sort(r.perMail)
	fmt.Printf("\nclean mail %d: %d attempts, p99 %d, most for a mail %d, for a user %d; accounts locked at 3 in one window without budgets: %d; false alarms %d\n",
		r.cleanMail, r.attempts, r.perMail[len(r.perMail)*99/100], r.perMail[len(r.perMail)-1], r.perUser, r.locked, r.alarms)
}

func table2(m map[string]*[2]int) {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Printf("  %-28s %4d of %4d  %5.1f %%\n", key, m[key][1], m[key][0], 100*float64(m[key][1])/float64(m[key][0]))
	}
}

// spread is a mean with its 95 % interval.
func spread(list []float64) string {
	mean, square := 0.0, 0.0
	for _, v := range list {
		mean += v / float64(len(list))
	}
	for _, v := range list {
		square += (v - mean) * (v - mean)
	}
	if len(list) < 2 {
		return fmt.Sprintf("%.1f", mean)
	}
	return fmt.Sprintf("%.1f +- %.1f", mean, 1.96*math.Sqrt(square/float64(len(list)-1)/float64(len(list))))
}
