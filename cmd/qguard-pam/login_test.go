//go:build cgo

package main

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzLogin: what is split is what came, no field is empty where a module could
// mistake it, and no error shows what it is about.
func FuzzLogin(f *testing.F) {
	for _, s := range []string{"user\x00secret\x00Y1\x00", "user\x00\x00Y1\x00", "\x00secret\x00\x00", "user\x00secret\x00Y1", "", strings.Repeat("x", maxLogin+1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLogin(data)
		if err != nil {
			if len(data) > 40 && strings.Contains(err.Error(), string(data[:20])) {
				t.Errorf("the error shows what came: %v", err)
			}
			return
		}
		if len(l.user) == 0 || len(l.password) == 0 || bytes.IndexByte(l.user, 0) >= 0 || bytes.IndexByte(l.password, 0) >= 0 || len(data) > maxLogin {
			t.Errorf("%q of %q", l, data)
		}
		if start := string(l.user) + "\x00" + string(l.password) + "\x00"; !bytes.HasPrefix(data, []byte(start)) {
			t.Errorf("%q is not how %q begins", start, data)
		}
		if l.wipe(); bytes.Count(data, []byte{0}) != len(data) {
			t.Error("not wiped")
		}
	})
}
