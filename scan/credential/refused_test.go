package credential

import (
	"os"
	"path/filepath"
	"testing"

	"qguard/scan/authenticate"
)

// A weak no is not remembered, and proves nothing where the canary is refused.
func TestRefused(t *testing.T) {
	c := site(t, "jdoe")
	b := &fakeBackend{answer: authenticate.Refused}
	m := newMemory()
	for n := 1; n <= 2; n++ {
		if got := judge(c, b, m, "", "user jdoe password Fixture-Pass-1"); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		if len(b.asked) == 0 || len(m.failed) != 0 {
			t.Errorf("asked %d times, %d remembered", len(b.asked), len(m.failed))
		}
	}
	c.Canary = filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(c.Canary, []byte("canary:Fixture-Bird-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := judge(c, b, m, "", "user jdoe password Fixture-Pass-1")
	if len(got) != 1 || got[0].Rule != "credential.undecided" {
		t.Errorf("got %v", got)
	}
	b.right = "canary:Fixture-Bird-1"
	if got := judge(c, b, m, "", "user jdoe password Fixture-Pass-1"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
