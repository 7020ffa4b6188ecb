package authenticate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// right is a hash of markerPassword, other is not.
const (
	right = "$2y$04$tYOZHJdvmVm5UkccYALUv.yPFlH2WOY3emggGXsauZIGjSSk3.GX."
	other = "$2y$04$FDu9CzV2DWKBtjUIJ6bvOOCwY3pYHWncYYeFYhd4fD.1MV4jNgHcK"
)

// passwd writes a passwd-file and returns its back end.
func passwd(t *testing.T, content string) Backend {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := New([]string{"passwd-file", path})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPasswdFile(t *testing.T) {
	const (
		me   = markerUser + ":"
		long = 2 * maxPasswdLine
	)
	for _, tt := range []struct {
		name, content string
		want          Answer
		reason        string
	}{
		{"right", me + right + "\n", Right, ""},
		{"right, last line without its end", me + right, Right, ""},
		{"right, CRLF", me + right + "\r\n", Right, ""},
		{"right, shadow line", me + right + ":19000:0:99999:7:::\n", Right, ""},
		{"right, Dovecot line", me + "{BLF-CRYPT}" + right + ":1000:1000::/home/u::\n", Right, ""},
		{"right, scheme in lower case", me + "{blf-crypt}" + right + "\n", Right, ""},
		{"right, crypt scheme", me + "{CRYPT}" + right + "\n", Right, ""},
		{"right, locked", me + "!" + right + "\n", Right, ""},
		{"right, locked twice", me + "!!" + right + "\n", Right, ""},
		{"right, locked with a star", me + "*" + right + "\n", Right, ""},
		{"right, locked behind the scheme", me + "{CRYPT}!" + right + "\n", Right, ""},
		{"right, after others", "# users\n\na:" + other + "\n" + me + right + "\n", Right, ""},
		{"right, first of two lines", me + right + "\n" + me + other + "\n", Right, ""},
		{"right, after a long line", "a:" + strings.Repeat("x", long) + "\n" + me + right + "\n", Right, ""},
		{"right, after a line just too long", "a:" + strings.Repeat("x", maxPasswdLine-2) + "\n" + me + right + "\n", Right, ""},
		{"right, in the longest line", me + right + ":" + strings.Repeat("x", maxPasswdLine-len(me+right)-2) + "\n", Right, ""},
		{"right, after a line of zeros", strings.Repeat("\x00", long) + "\n" + me + right + "\n", Right, ""},
		{"wrong", me + other + "\n", Wrong, ""},
		{"wrong, second of two lines", me + other + "\n" + me + right + "\n", Wrong, ""},
		{"star", me + "*\n", Wrong, ""},
		{"star of a shadow line", me + "*:19000:0:99999:7:::\n", Wrong, ""},
		{"exclamation mark", me + "!\n", Wrong, ""},
		{"exclamation marks", me + "!!\n", Wrong, ""},
		{"both", me + "!*\n", Wrong, ""},
		{"x", me + "x:1000:1000::/home/u:/bin/sh\n", Wrong, ""},
		{"no hash", me + "\n", Wrong, ""},
		{"no hash behind the scheme", me + "{CRYPT}\n", Wrong, ""},
		{"empty file", "", NoUser, ""},
		{"nobody", "a:" + right + "\n", NoUser, ""},
		{"longer name", "x" + me + right + "\n" + markerUser + "x:" + right + "\n", NoUser, ""},
		{"comment", "#" + me + right + "\n", NoUser, ""},
		{"other case", strings.ToUpper(markerUser) + ":" + right + "\n", NoUser, ""},
		{"no colon", markerUser + "\n", NoUser, ""},
		{"name inside a long line", strings.Repeat("x", maxPasswdLine) + me + right + "\n", NoUser, ""},
		{"the user's line is too long", "a:*\n" + me + right + ":" + strings.Repeat("x", long) + "\n", Unavailable, "passwd: line 2 is too long"},
		{"plain password", "a:*\n" + me + "{PLAIN}" + markerPassword + "\n", Unavailable, "passwd:2: unknown hash scheme"},
		{"bare password", me + markerPassword + "\n", Unavailable, "passwd:1: unknown hash scheme"},
		{"damaged hash", me + right[:len(right)-1] + "\n", Unavailable, "passwd:1: malformed hash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := check(t, context.Background(), passwd(t, tt.content), markerUser, markerPassword)
			wantAnswer(t, answer, err, tt.want, tt.reason)
			if tt.want != Unavailable {
				return
			}
			if errors.Is(err, ErrPair) {
				t.Errorf("%v blames the pair", err)
			}
		})
	}
}

func TestPasswdFilePair(t *testing.T) {
	b := passwd(t, "a:"+right+"\n:"+right+"\na\x00b:"+right+"\n")
	for _, tt := range []struct {
		name, user, password string
		want                 Answer
		reason               string
	}{
		{"empty user", "", markerPassword, Unavailable, "empty user"},
		{"empty password", "a", "", Unavailable, "empty password"},
		{"NUL in user", "a\x00b", markerPassword, Unavailable, "contains a NUL"},
		// bcrypt repeats its key: with the NUL it would be right.
		{"NUL in password", "a", markerPassword + "\x00" + markerPassword, Unavailable, "contains a NUL"},
		{"colon in user", "a:" + right, markerPassword, NoUser, ""},
		{"newline in user", "a\na", markerPassword, NoUser, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := b.Check(context.Background(), []byte(tt.user), []byte(tt.password))
			wantAnswer(t, answer, err, tt.want, tt.reason)
			if err != nil && !errors.Is(err, ErrPair) {
				t.Errorf("%v does not blame the pair", err)
			}
		})
	}
}

func TestPasswdFileUnreadable(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(markerUser+":"+right+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxPasswdFile+1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, reason string }{
		{"missing", filepath.Join(dir, "missing"), "no such file or directory"},
		{"directory", dir, "not a regular file"},
		{"fifo", fifo, "not a regular file"},
		{"too large", large, "larger than 67108864 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := check(t, context.Background(), passwdFile(tt.path), markerUser, markerPassword)
			wantAnswer(t, answer, err, Unavailable, tt.reason)
			if err != nil && !strings.HasPrefix(err.Error(), "passwd-file: ") {
				t.Errorf("error does not begin with the kind: %v", err)
			}
		})
	}
	t.Run("grows while it is read", func(t *testing.T) {
		line := []byte("a:" + strings.Repeat("x", 1000) + "\n")
		endless := &repeating{line: line}
		_, _, err := findUser(context.Background(), endless, []byte(markerUser))
		wantAnswer(t, Unavailable, err, Unavailable, "larger than 67108864 bytes")
		if err == nil {
			t.Error("no error")
		}
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		answer, err := check(t, ctx, passwd(t, markerUser+":"+right+"\n"), markerUser, markerPassword)
		wantAnswer(t, answer, err, Unavailable, "context canceled")
	})
}

// repeating reads as one line for ever.
type repeating struct {
	line []byte
	at   int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.line[r.at:])
		n += c
		r.at = (r.at + c) % len(r.line)
	}
	return n, nil
}

// Whatever a line holds, it is either somebody's or nobody's, and its hash is
// decoded without a panic, with parameters in bounds, or refused in fixed words.
func FuzzPasswdLine(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte("u:" + v.hash + ":1:2:3\r\n"))
	}
	for _, s := range []string{"", "\n", "#", "u", ":", "u:", ":x", "u:!", "u:{PLAIN}p", "u:{", "u:{}", "u:$$$$", "u:$y$j9T$$", "u:$argon2id$v=19$m=,t=,p=$$", "u:$6$rounds=$$"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		user, field, ok := parseLine(line)
		if !ok {
			if user != nil || field != nil {
				t.Fatalf("not ok, but %q and %q", user, field)
			}
			return
		}
		if len(user) == 0 || bytes.ContainsRune(user, ':') || bytes.ContainsRune(field, ':') {
			t.Fatalf("user %q, field %q", user, field)
		}
		if want := string(user) + ":" + string(field); !strings.HasPrefix(string(line), want) {
			t.Fatalf("line %q does not begin with %q", line, want)
		}
		digest, err := decodeHash(string(field))
		switch err {
		case nil:
			if len(digest.Key()) < 16 {
				t.Fatalf("key of %d bytes", len(digest.Key()))
			}
		case errNobody, errScheme, errMalformed, errCostly:
			if digest != nil {
				t.Fatalf("error %v with a digest", err)
			}
		default:
			t.Fatalf("error in words of its own: %v", err)
		}
	})
}
