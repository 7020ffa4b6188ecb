package main

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// load are n messages of every kind and size.
func (t *torture) load(n int) []*mail {
	mails := make([]*mail, n)
	for i := range mails {
		mails[i] = newMail(t.seed, i)
	}
	return mails
}

// disturb sends messages, most of which are told what is done to them, and
// accounts for all.
func (t *torture) disturb(mails []*mail, how func(*mail)) (string, error) {
	quiet := min(len(mails)/10+1, 50) // undisturbed at first, to learn what is usual
	for _, m := range mails[quiet:] {
		how(m)
	}
	took, err := t.sendAll(mails[:quiet], nil)
	if err != nil {
		return "", err
	}
	if _, err = t.sendAll(mails[quiet:], took); err != nil {
		return "", err
	}
	if err := reap(); err != nil {
		return "", err
	}
	return t.account(mails), nil
}

// give sends these messages and accounts for them.
func (t *torture) give(mails []*mail) (string, error) {
	if _, err := t.sendAll(mails, nil); err != nil {
		return "", err
	}
	return t.account(mails), nil
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

// sendAll sends messages, so many at once as there may be, and returns the median
// time that each of sizes took. usual is such a list from before.
func (t *torture) sendAll(mails []*mail, usual []time.Duration) ([]time.Duration, error) {
	var mu sync.Mutex
	times := make([][]time.Duration, len(sizes))
	err := t.each(mails, func(m *mail) error {
		var u time.Duration
		if usual != nil {
			u = max(usual[sizeOf(m)], usual[0])
		}
		start := time.Now()
		err := t.send(m, u)
		mu.Lock()
		defer mu.Unlock()
		times[sizeOf(m)] = append(times[sizeOf(m)], time.Since(start))
		return err
	})
	medians := make([]time.Duration, len(sizes))
	for i, list := range times {
		if slices.Sort(list); len(list) > 0 {
			medians[i] = list[len(list)/2]
		}
	}
	return medians, err
}

// each does something with every message, so many at once as there may be.
func (t *torture) each(mails []*mail, do func(*mail) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	slots := make(chan struct{}, t.p)
	for _, m := range mails {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := do(m); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	wg.Wait()
	return failed
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
