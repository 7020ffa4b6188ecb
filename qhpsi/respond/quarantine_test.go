package respond

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

func newQuarantine(t *testing.T) Quarantine {
	t.Helper()
	return Quarantine{Path: t.TempDir() + "/deep/q", Now: func() time.Time { return when }}
}

// keep holds a message under an ID since some time.
func keep(t *testing.T, q Quarantine, id string, age time.Duration) Held {
	t.Helper()
	h := Held{
		ID: id, Time: when.Add(-age), Sender: "a@b", Recipients: []string{"c@d"}, Action: rules.Hold,
		Findings: []scan.Finding{{Rule: "xfile.name", Name: "a.exe", Action: rules.Hold}},
	}
	if err := q.Hold(h, strings.NewReader("mail\x00"), 5); err != nil {
		t.Fatal(err)
	}
	h.Size = 5
	return h
}

func ids(list []Held) string {
	var out []string
	for _, h := range list {
		out = append(out, h.ID)
	}
	return strings.Join(out, " ")
}

func TestQuarantine(t *testing.T) {
	q := newQuarantine(t)
	if list, err := q.List(); len(list) > 0 || err != nil {
		t.Errorf("none yet: %v, %v", list, err)
	}
	b := keep(t, q, "b", time.Hour)
	keep(t, q, "a", time.Minute)
	keep(t, q, "c", 2*time.Hour)
	list, err := q.List()
	if err != nil || ids(list) != "c b a" {
		t.Errorf("list %s, %v", ids(list), err)
	}
	got, err := q.Get("b")
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, %v", got, err)
	}
	content := func(id string) string {
		f, err := q.Open(id)
		if err != nil {
			return err.Error()
		}
		defer f.Close()
		data, _ := os.ReadFile(f.Name())
		return string(data)
	}
	if got := content("b"); got != "mail\x00" {
		t.Errorf("content %q", got)
	}
	// A mail client has seen it.
	if err := os.Rename(q.Path+"/new/b", q.Path+"/cur/b:2,S"); err != nil {
		t.Fatal(err)
	}
	if list, _ := q.List(); content("b") != "mail\x00" || ids(list) != "c b a" {
		t.Errorf("in cur: %q, %s", content("b"), ids(list))
	}
	if err := q.Keep("b", []string{"e@f"}); err != nil {
		t.Fatal(err)
	}
	if got, err := q.Get("b"); err != nil || !reflect.DeepEqual(got.Recipients, []string{"e@f"}) || got.Sender != "a@b" {
		t.Errorf("kept %+v, %v", got, err)
	}
	filepath.WalkDir(q.Path, func(path string, d fs.DirEntry, _ error) error {
		info, _ := d.Info()
		if m := info.Mode().Perm(); d.IsDir() && m != 0o700 || !d.IsDir() && m != 0o600 {
			t.Errorf("%s: mode %s", path, m)
		}
		return nil
	})
	for _, id := range []string{"a", "b", "c"} {
		if err := q.Delete(id); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(q.Path + "/*/*"); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	if err := q.Delete("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted twice: %v", err)
	}
}

// TestHostileIDs reach nothing outside, and no message but the one that is named.
func TestHostileIDs(t *testing.T) {
	q := newQuarantine(t)
	keep(t, q, "a", 0)
	if err := os.Rename(q.Path+"/new/a", q.Path+"/cur/a:2,"); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Dir(q.Path) + "/secret.json"
	if err := os.WriteFile(secret, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", "..", "../secret", "../../secret", "/etc/passwd", "*", "?", "[a]", `\a`, "a/../a", "a\x00", ".a", "../meta/a.json"} {
		if _, err := q.Get(id); err == nil {
			t.Errorf("get %q", id)
		}
		if f, err := q.Open(id); err == nil {
			t.Errorf("open %q: %s", id, f.Name())
		}
		if err := q.Delete(id); err == nil {
			t.Errorf("delete %q", id)
		}
		if err := q.Keep(id, nil); err == nil {
			t.Errorf("keep %q", id)
		}
	}
	if list, _ := q.List(); ids(list) != "a" {
		t.Errorf("list %s", ids(list))
	}
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

// TestAddressesSurvive: mail is released to whom it was for, to the byte.
func TestAddressesSurvive(t *testing.T) {
	q := newQuarantine(t)
	odd := []string{"\xfc@b", "\u00fc@b", "a\n@b", `"a b"@c`, `"quoted"`, `"`, `""`, "\xff\"", `a\xff@b`, "", "\ufffd@b", "<&>@b"}
	for _, sender := range odd {
		if err := q.Hold(Held{ID: "a", Time: when, Sender: sender, Recipients: odd}, strings.NewReader(""), 0); err != nil {
			t.Fatal(err)
		}
		h, err := q.Get("a")
		if err != nil || h.Sender != sender || !reflect.DeepEqual(h.Recipients, odd) {
			t.Errorf("sender %q, recipients %q, %v", h.Sender, h.Recipients, err)
		}
	}
}

// TestDamaged descriptions hide no message, and none is deleted before its time.
func TestDamaged(t *testing.T) {
	q := newQuarantine(t)
	for id, text := range map[string]string{
		"cut": `{"id": "cut", "ti`, "empty": "", "null": "null", "nothing": "{}", "other": `{"id": "a", "time": "2020-01-01T00:00:00Z"}`,
		"timeless": `{"id": "timeless"}`, "kind": `{"id": 1}`, "action": `{"id": "action", "action": "explode"}`,
	} {
		keep(t, q, id, 0)
		if err := os.WriteFile(q.Path+"/meta/"+id+".json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := q.Get(id); err == nil || h.ID != "" {
			t.Errorf("%s: %+v, %v", id, h, err)
		}
		os.Chtimes(q.Path+"/new/"+id, when, when.Add(-time.Minute))
	}
	keep(t, q, "bare", 0)
	os.Remove(q.Path + "/meta/bare.json")
	os.Chtimes(q.Path+"/new/bare", when, when.Add(-time.Minute))
	list, err := q.List()
	if err != nil || len(list) != 9 {
		t.Errorf("list %s, %v", ids(list), err)
	}
	for _, h := range list {
		if h.ID == "" || !h.Time.Equal(when.Add(-time.Minute)) || h.Size != 5 {
			t.Errorf("%+v", h)
		}
	}
	if n, err := q.Expire(time.Hour); n != 0 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	if n, err := q.Expire(time.Second); n != 9 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
}

func TestExpire(t *testing.T) {
	q := newQuarantine(t)
	if n, err := q.Expire(time.Hour); n != 0 || err != nil {
		t.Errorf("no quarantine: %d, %v", n, err)
	}
	keep(t, q, "old", 49*time.Hour)
	keep(t, q, "exact", 48*time.Hour)
	keep(t, q, "new", time.Hour)
	// What a crash left: parts of files, a description without its message.
	old, young := when.Add(-49*time.Hour), when.Add(-time.Hour)
	for name, mtime := range map[string]time.Time{"tmp/x": old, "tmp/y.json": young, "meta/x.json": old, "meta/y.json": young} {
		os.WriteFile(q.Path+"/"+name, nil, 0o600)
		os.Chtimes(q.Path+"/"+name, mtime, mtime)
	}
	os.Chtimes(q.Path+"/meta/exact.json", old, old)
	if n, err := q.Expire(48 * time.Hour); n != 1 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	if list, _ := q.List(); ids(list) != "exact new" {
		t.Errorf("left %s", ids(list))
	}
	for name, want := range map[string]bool{"tmp/x": false, "tmp/y.json": true, "meta/x.json": false, "meta/y.json": true, "meta/exact.json": true, "meta/old.json": false} {
		if _, err := os.Stat(q.Path + "/" + name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHoldFails leaves nothing, wherever it fails.
func TestHoldFails(t *testing.T) {
	down := errors.New("down")
	q := newQuarantine(t)
	h := Held{ID: "a", Time: when}
	if err := q.Hold(h, failing{down}, 10); !errors.Is(err, down) {
		t.Errorf("read error: %v", err)
	}
	if left, _ := filepath.Glob(q.Path + "/*/*"); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	for _, dir := range []string{"meta", "new", "tmp"} {
		q := newQuarantine(t)
		os.MkdirAll(q.Path, 0o700)
		os.WriteFile(q.Path+"/"+dir, nil, 0o600)
		if err := q.Hold(h, strings.NewReader("mail"), 4); err == nil {
			t.Errorf("%s is a file: held", dir)
		}
		if left, _ := filepath.Glob(q.Path + "/*/*"); len(left) > 0 {
			t.Errorf("%s is a file: left %q", dir, left)
		}
	}
	full := t.TempDir()
	if err := syscall.Mount("tmpfs", full, "tmpfs", 0, "mode=0700,size=64K"); err != nil {
		t.Skip("no file system can be mounted:", err)
	}
	defer syscall.Unmount(full, syscall.MNT_DETACH)
	q = Quarantine{Path: full + "/q"}
	if err := q.Hold(h, strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full: %v", err)
	}
	if left, _ := filepath.Glob(q.Path + "/*/*"); len(left) > 0 {
		t.Errorf("full: left %q", left)
	}
	if err := q.Hold(h, strings.NewReader("mail"), 4); err != nil {
		t.Errorf("there is room for a small one: %v", err)
	}
}

func TestNewID(t *testing.T) {
	a, b := NewID(when), NewID(when)
	if a == b || !strings.HasPrefix(a, "20261121T213000-") || len(a) != 32 || !validID(a) {
		t.Errorf("%s, %s", a, b)
	}
}
