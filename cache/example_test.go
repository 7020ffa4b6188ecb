package cache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"qguard/cache"
)

// What was refused once is not asked again until its time is over. The caller
// chooses what a key is made of; the file holds keyed digests only.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	store := cache.New(cache.Options{
		Path: filepath.Join(dir, "lib", "negative.db"),
		Key:  filepath.Join(dir, "etc", "cache.key"),
		TTL:  time.Hour,
		Now:  func() time.Time { return now },
		Warn: func(err error) { fmt.Println(err) },
	})
	key, owner := []byte("jdoe\x00a guess"), []byte("jdoe")
	fmt.Println("known:", store.Failed(key))
	store.RememberFailure(key, owner)
	fmt.Println("known:", store.Failed(key))
	now = now.Add(time.Hour)
	fmt.Println("an hour later:", store.Failed(key))
	// Output:
	// known: false
	// known: true
	// an hour later: false
}

// A budget is spent by all processes together.
func ExampleStore_Spend() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store := cache.New(cache.Options{Path: filepath.Join(dir, "lib", "negative.db"), Key: filepath.Join(dir, "etc", "cache.key")})
	for range 3 {
		granted, err := store.Spend([]byte("jdoe"), 2, time.Hour)
		fmt.Println(granted, err)
	}
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
}
