package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/credential"
)

// speed measures the search alone on clean text and on hostile texts.
func speed() {
	r := rand.New(rand.NewPCG(1, 1))
	var prose strings.Builder
	for prose.Len() < 4<<20 {
		prose.WriteString(body(r, ""))
	}
	var many, triggers strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "password %s Cand-%d-x ", userName(r), i)
	}
	for range 1000 {
		fmt.Fprintf(&triggers, "password %s. %s\n", password(r), strings.Repeat("word ", 60))
	}
	quiet := strings.Repeat("It was a dark and stormy night; the rain fell in torrents.\n", 70_000)
	for _, t := range []struct{ name, text string }{
		{"plain prose", quiet},
		{"carriers", prose.String()},
		{"10,000 strings and names", many.String()},
		{"1,000 windows", triggers.String()},
		{"5 MB of triggers", strings.Repeat("password ", 5<<20/9)},
		{"5 MB of shaped words", strings.Repeat("password Abcdef-1 ", 5<<20/18)},
	} {
		best := time.Hour
		for range 5 {
			best = min(best, searchTime(t.text))
		}
		fmt.Printf("%-26s %6.1f MB %8.1f ms %7.0f MB/s\n", t.name, float64(len(t.text))/1e6, best.Seconds()*1e3, float64(len(t.text))/1e6/best.Seconds())
	}
}

func searchTime(text string) time.Duration {
	c := rules.Default().Credential
	c.Scan, c.UserFailures = "always", rules.Rate{}
	c.Domains = []string{domain}
	auth := &authenticator{passwords: map[string]string{}, failures: map[string]int{}}
	s := credential.New(c, auth, cache.New(cache.Options{Path: noCache, Key: noCache, TTL: time.Hour, Warn: func(error) {}}))
	sender := "person@" + domain
	start := cpu()
	look := s.Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender, Outgoing: true}})
	look.Part(context.Background(), &scan.Part{Path: "1", Types: []string{"text/plain"}, Text: func() (io.Reader, error) { return strings.NewReader(text), nil }})
	look.End(context.Background())
	if auth.asked > c.Attempts {
		fmt.Println("asked", auth.asked)
	}
	return cpu() - start
}

// cpu is the time this process has had: others may use the machine.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
