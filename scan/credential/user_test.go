package credential

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// userFile writes a list as it is.
func userFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sortedFile writes a list as qguard users does.
func sortedFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if _, _, err := SortUsers(path, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, path string) users {
	t.Helper()
	u, err := readUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// manyNames returns names that make a list large.
func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%07d", i*7919%n)
	}
	return names
}

// Whatever stands in a list, large or small, sorted or not: the same users.
func TestUserLists(t *testing.T) {
	long := strings.Repeat("l", maxName)
	lines := "\ufeffFirst\r\n\r\n \t \n# comment\n#user\njdoe\r\nMixed.Case\n  blanks  \nvirtual@Example.org\n" +
		"Müller\nÖZIL\nСЕРГЕЙ\n用户\nla\xf6l\nLA\xe4L\nKelvin\u212a\nİstanbul\n" + long + "\n" + long + "x\n" +
		strings.Repeat("y", 100_000) + "\ntwo words\nnul\x00name\nno:colon\ndouble\nDouble\nlast"
	present := map[string]string{
		"first": "First", "FIRST": "First", "jdoe": "jdoe", "JDoe": "jdoe", "mixed.case": "Mixed.Case", "blanks": "blanks",
		"virtual@example.org": "virtual@Example.org", "müller": "Müller", "MÜLLER": "Müller", "özil": "ÖZIL",
		"сергей": "СЕРГЕЙ", "用户": "用户", "la\xf6l": "la\xf6l", "la\xe4l": "LA\xe4L", "LA\xe4L": "LA\xe4L",
		"kelvink": "Kelvin\u212a", "İstanbul": "İstanbul", long: long, "two words": "two words", "nul\x00name": "nul\x00name",
		"no:colon": "no:colon", "double": "Double", "last": "last",
	}
	absent := []string{"", " ", "#user", "# comment", "comment", "virtual", "virtual@example.or", "firs", "firstt", "la\xfcl", "la\ufffdl",
		long + "x", long[1:], "no", "colon", "x", "y", strings.Repeat("y", 100_000), "jdoe\n", "\njdoe", "jdoe\nlast", "\ufefffirst", "\r"}
	many := strings.Join(manyNames(9000), "\n")
	for name, path := range map[string]string{
		"small":          userFile(t, strings.Replace(lines, strings.Repeat("y", 99_000), "", 1)),
		"small, sorted":  sortedFile(t, lines),
		"large":          userFile(t, lines+"\n"+many),
		"large, sorted":  sortedFile(t, lines+"\n"+many+"\n"),
		"sorted twice":   sortedFile(t, string(read(t, sortedFile(t, lines+"\n"+many)))),
		"large, touched": touched(t, sortedFile(t, lines+"\n"+many)),
	} {
		t.Run(name, func(t *testing.T) {
			u := load(t, path)
			if want := strings.HasSuffix(name, "large, sorted") || name == "sorted twice"; (u.sorted != nil) != want {
				t.Errorf("sorted %v, want %v", u.sorted != nil, want)
			}
			for user, want := range present {
				if !u.has(user) || u.canonical(user) != want {
					t.Errorf("%.40q: has %v, canonical %.40q, want %.40q", user, u.has(user), u.canonical(user), want)
				}
			}
			for _, user := range absent {
				if u.has(user) || u.canonical(user) != user {
					t.Errorf("%.40q: has %v, canonical %.40q", user, u.has(user), u.canonical(user))
				}
			}
			if !u.listed() || u.err() != nil {
				t.Errorf("listed %v, error %v", u.listed(), u.err())
			}
		})
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// touched is a sorted list that something else has written since.
func touched(t testing.TB, path string) string {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A sorted list answers as a list in memory does, for every name and its
// neighbours, whatever the names' lengths.
func TestSortedAgainstWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		longest := []int{3, 12, maxName, 40}[round%4]
		alphabet := []rune([]string{"ab", "abcdefghijklmnopqrstuvwxyzABC.-_0", "aÄöß用Ж\u0130"}[round%3])
		var text strings.Builder
		for text.Len() < largeList*3/2 {
			var word []rune
			for n := 1 + r.IntN(longest); n > 0 && len(string(word)) < maxName-6; n-- {
				word = append(word, alphabet[r.IntN(len(alphabet))])
			}
			text.WriteString(string(word) + "\n")
			if longest == 3 { // few are different
				fmt.Fprintf(&text, "n%d\n", text.Len())
			}
		}
		whole := load(t, userFile(t, text.String()))
		path := sortedFile(t, text.String())
		sorted := load(t, path)
		if sorted.sorted == nil {
			if info, _ := os.Stat(path); info.Size() > largeList {
				t.Fatalf("round %d: not taken for sorted", round)
			}
			continue
		}
		asked := 0
		for name := range whole.names {
			if asked++; asked > 400 {
				break
			}
			for _, ask := range []string{name, name + "a", "a" + name, name[:len(name)-1], name + "\x00"} {
				if got, want := sorted.canonical(ask), whole.canonical(ask); got != want || sorted.has(ask) != whole.has(ask) {
					t.Fatalf("round %d, %q: got %q, want %q", round, ask, got, want)
				}
			}
		}
		if err := sorted.err(); err != nil {
			t.Fatal(err)
		}
	}
}

// What happens to a file while it is searched leaves answers right or makes
// them errors.
func TestListChanges(t *testing.T) {
	names := manyNames(20_000)
	text := strings.Join(names, "\n")
	for _, tt := range []struct {
		name   string
		change func(path string) error
		reason string // "" for right answers
	}{
		{"replaced", func(path string) error {
			_, _, err := SortUsers(path, strings.NewReader("nobody\n"))
			return err
		}, ""},
		{"removed", os.Remove, ""},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }, "users: "},
		{"cut", func(path string) error { return os.Truncate(path, 100_001) }, "users: "},
		{"grown", func(path string) error { return os.Truncate(path, 1_000_000) }, "users: "},
		{"written", func(path string) error { return os.WriteFile(path, []byte("nobody\n"), 0) }, "users: "},
		{"touched", func(path string) error { return os.Chtimes(path, time.Time{}, time.Now()) }, "changed while it was read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := sortedFile(t, text)
			u := load(t, path)
			if !u.has(names[1]) || u.has("nobody") {
				t.Fatal("wrong before the change")
			}
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			has := u.has(names[2]) && u.has(names[19_999]) && !u.has("nobody")
			if err := u.err(); tt.reason == "" && (err != nil || !has) || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("has %v, error %v, want %q", has, err, tt.reason)
			}
		})
	}
}

// A list that lies about its order (edited, and given its old time again) must
// not lose a user unnoticed where a look-up comes by.
func TestListLies(t *testing.T) {
	path := sortedFile(t, strings.Join(manyNames(20_000), "\n"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(read(t, path)), "\n")
	rewrite := func(text string) users {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		u := load(t, path)
		if u.sorted == nil {
			t.Fatal("not taken for sorted")
		}
		return u
	}
	reversed := []string{lines[0]}
	for i := len(lines) - 1; i > 0; i-- {
		reversed = append(reversed, lines[i])
	}
	for name, text := range map[string]string{
		"reversed":      strings.Join(reversed, ""),
		"one endless":   lines[0] + strings.Repeat("x", 300_000),
		"a long line":   lines[0] + strings.Join(lines[1:10_000], "") + strings.Repeat("x", 3000) + "\n" + strings.Join(lines[10_000:], ""),
		"blank lines":   lines[0] + strings.Repeat("\n", 100_000),
		"zeros":         lines[0] + strings.Repeat("\x00", 100_000),
		"all the same":  lines[0] + strings.Repeat("user0000001\n", 10_000),
		"no line feeds": lines[0] + strings.ReplaceAll(strings.Join(lines[1:], ""), "\n", " "),
	} {
		u := rewrite(text)
		if u.has("user0010000"); u.err() == nil || !strings.Contains(u.err().Error(), "run qguard users again") {
			t.Errorf("%s: error %v", name, u.err())
		}
		if _, _, err := CheckUsers(path); name != "zeros" && (name == "reversed" || name == "all the same") && !errors.Is(err, errOrder) {
			t.Errorf("%s: check says %v", name, err)
		}
	}
	// A last name without its end was cut off.
	u := rewrite(strings.TrimSuffix(strings.Join(lines, ""), "\n"))
	if u.has("user0019999"); u.err() == nil {
		t.Error("cut list, no error")
	}
}

func TestUnreadableLists(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]string{
		dir:                           "not a regular file",
		fifo:                          "not a regular file",
		filepath.Join(dir, "missing"): "no such file",
	} {
		if _, err := readUsers(path); err == nil || !strings.Contains(err.Error(), reason) || !strings.HasPrefix(err.Error(), "read users: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if u := load(t, userFile(t, "")); !u.listed() || u.has("") || u.has("x") {
		t.Error("an empty list is one, of nobody")
	}
	if u := load(t, "system"); !u.has("root") || u.has("root:x:0:0") {
		t.Error("no root in /etc/passwd")
	}
}

// A message whose users could not be looked up is in doubt.
func TestUsersInDoubt(t *testing.T) {
	c := site(t, "x")
	c.Users = sortedFile(t, strings.Join(manyNames(20_000), "\n"))
	b := &fakeBackend{right: "user0000007:Fixture-Pass-1"}
	text := "user USER0000007 password Fixture-Pass-1"
	if got := judge(c, b, newMemory(), "", text); len(got) != 1 || got[0].Rule != "credential.valid" {
		t.Errorf("got %v", got)
	}
	info, err := os.Stat(c.Users)
	if err != nil {
		t.Fatal(err)
	}
	head := string(read(t, c.Users)[:46])
	if err := os.WriteFile(c.Users, []byte(head+strings.Repeat("x", largeList)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(c.Users, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	got := judge(c, b, newMemory(), "", text)
	if len(got) != 1 || got[0].Rule != "credential.undecided" || !strings.Contains(got[0].Note, "run qguard users again") {
		t.Errorf("got %v", got)
	}
}

func TestSortUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	names, tooLong, err := SortUsers(path, strings.NewReader("# comment\nbob\r\n\nAnn\nANN\n"+strings.Repeat("x", 300)+"\n"))
	if err != nil || names != 2 || tooLong != 1 {
		t.Fatalf("%d names, %d too long, %v", names, tooLong, err)
	}
	head, body, _ := strings.Cut(string(read(t, path)), "\n")
	info, _ := os.Stat(path)
	if body != "ANN\nbob\n" || head != sortedMark+info.ModTime().UTC().Format(time.RFC3339) || info.Mode() != 0o644 {
		t.Errorf("%q, %q, %v", head, body, info.Mode())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := SortUsers(path, strings.NewReader("carl\n")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
	// What cannot be had leaves things as they are, and nothing behind.
	for _, from := range []io.Reader{strings.NewReader(""), strings.NewReader("#\n\n"), io.MultiReader(strings.NewReader("x\n"), broken{})} {
		if _, _, err := SortUsers(path, from); err == nil {
			t.Error("no error")
		}
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if text := string(read(t, path)); !strings.HasSuffix(text, "Z\ncarl\n") || len(entries) != 1 {
		t.Errorf("%q, %d files", text, len(entries))
	}
	if _, _, err := SortUsers(filepath.Join(path, "users"), strings.NewReader("x\n")); err == nil {
		t.Error("no error")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestCheckUsers(t *testing.T) {
	many := strings.Join(manyNames(10_000), "\n")
	for _, tt := range []struct {
		path  string
		names int
		slow  bool
	}{
		{userFile(t, "a\n\n#\nb\n"), 2, false},
		{userFile(t, ""), 0, false},
		{userFile(t, many), 10_000, true},
		{sortedFile(t, many), 10_000, false},
		{touched(t, sortedFile(t, many)), 10_000, true},
	} {
		names, slow, err := CheckUsers(tt.path)
		if names != tt.names || slow != tt.slow || err != nil {
			t.Errorf("%d names, slow %v, %v; want %d, %v", names, slow, err, tt.names, tt.slow)
		}
	}
}

func FuzzUserList(f *testing.F) {
	f.Add("a\nB\r\n#c\n\n d ", "b")
	f.Add("\ufeffa\n", "a")
	f.Add("\xff\n\xfe\n", "\xff")
	f.Fuzz(func(t *testing.T, text, ask string) {
		pad := strings.Join(manyNames(6000), "\n") + "\n"
		whole, sorted := load(t, userFile(t, text+"\n"+pad)), load(t, sortedFile(t, text+"\n"+pad))
		for _, name := range append(strings.Split(text, "\n"), ask) {
			if whole.has(name) != sorted.has(name) || whole.canonical(name) != sorted.canonical(name) || sorted.err() != nil {
				t.Fatalf("%q: %v, %v, %v", name, whole.has(name), sorted.has(name), sorted.err())
			}
		}
	})
}

// cpuTime reports what a benchmark used, which a busy machine does not stretch.
func cpuTime(b *testing.B) (stop func()) {
	used := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

func BenchmarkMillionUsers(b *testing.B) {
	names := manyNames(1_000_000)
	path := sortedFile(b, strings.Join(names, "\n"))
	b.Run("has", func(b *testing.B) {
		u := load(b, path)
		defer cpuTime(b)()
		for i := 0; b.Loop(); i++ {
			if !u.has(names[i*31%len(names)]) {
				b.Fatal("lost")
			}
		}
	})
	b.Run("has not", func(b *testing.B) {
		u := load(b, path)
		defer cpuTime(b)()
		for i := 0; b.Loop(); i++ {
			if u.has(names[i*31%len(names)] + "x") {
				b.Fatal("found")
			}
		}
	})
	b.Run("start", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u := load(b, path)
			u.sorted.file.Close()
		}
	})
	b.Run("start, unsorted", func(b *testing.B) {
		plain := userFile(b, strings.Join(names, "\n"))
		b.ReportAllocs()
		for b.Loop() {
			load(b, plain)
		}
	})
}
