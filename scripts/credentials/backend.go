package main

import (
	"context"
	"sync"

	"qguard/scan/authenticate"
)

// authenticator stands in for a directory that counts failures: after threshold
// failures an account is locked until the next run.
type authenticator struct {
	mu        sync.Mutex
	passwords map[string]string
	threshold int
	failures  map[string]int // by user
	locked    int            // how many accounts were locked

	asked int // since reset
	right int // which question was answered "right", 0 = none
}

func (a *authenticator) ID() string { return "simulated" }

// reset begins a message.
func (a *authenticator) reset() { a.asked, a.right = 0, 0 }

func (a *authenticator) Check(_ context.Context, user, password []byte) (authenticate.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	want, known := a.passwords[string(user)]
	switch {
	case !known:
		return authenticate.NoUser, nil
	case want == string(password):
		a.right = a.asked
		return authenticate.Right, nil
	}
	a.failures[string(user)]++
	if a.failures[string(user)] == a.threshold {
		a.locked++
	}
	return authenticate.Wrong, nil
}
