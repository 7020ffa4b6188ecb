package cache

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// likely makes rows as a mail server with Dovecot would have them: nine in ten from
// IPv4, three in a hundred refused or wrong, user names of 20 bytes.
type likely struct {
	rnd   *rand.Rand
	users []string
}

func newLikely() *likely {
	l := &likely{rnd: rand.New(rand.NewPCG(1, 1))}
	for i := range 5000 {
		l.users = append(l.users, fmt.Sprintf("%.*s.%d@example.com", 3+i%6, "catherine", 1000+i))
	}
	return l
}

func (l *likely) row(at time.Time) Row {
	n := l.rnd.Uint64()
	r := Row{
		Time: at, Protocol: [...]string{"imap", "imap", "imap", "pop3", "smtp"}[n%5], User: l.users[n>>8%uint64(len(l.users))],
		Country: [...]string{"GB", "IE", "DE"}[n>>16%3], AuthOK: true, Phase: "report", Door: "dovecot",
		Remote: netip.AddrFrom4([4]byte{192, byte(n >> 24), byte(n >> 32), byte(n >> 40)}),
	}
	if n>>20%10 == 0 {
		r.Remote = netip.MustParseAddr("2001:db8::1")
	}
	if n>>48%100 < 3 {
		r.AuthOK, r.Reason = false, "credentials"
	}
	var id [12]byte
	for i := range id {
		id[i] = byte(l.rnd.Uint32())
	}
	r.Session = base64.RawStdEncoding.EncodeToString(id[:])
	return r
}

// cpu is what the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestManyRows writes the log of 90 days and measures. CACHE_TEST_ROWS=10000000
// makes it as large as the goals are.
func TestManyRows(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("CACHE_TEST_ROWS"))
	if n == 0 {
		n = 100_000
	}
	r := newRoom(t)
	d := r.db()
	took := func(what string, fn func() string) time.Duration {
		t.Helper()
		begun, used := time.Now(), cpu()
		result := fn()
		all := time.Since(begun)
		t.Logf("%-34s %9v, %9v of it CPU  %s", what, all.Round(10*time.Microsecond), (cpu() - used).Round(10*time.Microsecond), result)
		return all
	}

	const days = 90
	step := days * 24 * time.Hour / time.Duration(n)
	at := func(i int) time.Time { return noon().Add(12*time.Hour + time.Duration(i)*step) }
	rows := newLikely()
	took(fmt.Sprintf("write %d rows", n), func() string {
		l := NewLogWriter(d)
		for i := range n {
			l.Append(rows.row(at(i)))
			if i%batchRows == batchRows-1 {
				l.Flush()
			}
		}
		l.Close()
		if l.Dropped() > 0 {
			t.Errorf("%d dropped", l.Dropped())
		}
		return ""
	})
	size := d.Size()
	t.Logf("%d bytes, %.1f a row", size, float64(size)/float64(n))
	if n >= 1_000_000 && size/int64(n) >= 70 {
		t.Errorf("%d bytes a row, want less than 70", size/int64(n))
	}
	took("close", func() string { d.Close(); return "" })
	d = r.db()
	took("open, examined to the last page", func() string {
		if err := d.Open(); err != nil {
			t.Fatal(err)
		}
		return ""
	})

	query := func(f LogFilter) func() string {
		return func() string { return fmt.Sprint(len(ask(t, d, f)), " rows") }
	}
	user := rows.users[7]
	for _, c := range []struct {
		what string
		f    LogFilter
	}{
		{"query: a user, all days", LogFilter{User: user}},
		{"the same again", LogFilter{User: user}},
		{"query: a user nobody knows", LogFilter{User: "nobody.12345@example.com"}},
		{"query: an address", LogFilter{Remote: netip.MustParsePrefix("192.0.2.1/32")}},
		{"query: a country nobody came from", LogFilter{Country: "FR"}},
		{"query: failed in the last 24 h", LogFilter{Failed: true, Since: at(n).Add(-24 * time.Hour)}},
		{"query: all of the last 24 h", LogFilter{Since: at(n).Add(-24 * time.Hour)}},
		{"query: all that failed", LogFilter{Failed: true}},
	} {
		took(c.what, query(c.f))
	}
	took("query: the newest row", func() string {
		for range d.QueryLog(LogFilter{}) {
			break
		}
		return ""
	})
	day := LogFilter{Since: noon().Add(12 * time.Hour), Until: noon().Add(36 * time.Hour)}
	for what, write := range map[string]func(w io.Writer) error{
		"export a day as CSV":  func(w io.Writer) error { return WriteCSV(w, d.QueryLog(day)) },
		"export a day as JSON": func(w io.Writer) error { return WriteJSON(w, d.QueryLog(day)) },
		"export a day as SQL":  func(w io.Writer) error { return WriteSQL(w, d.QueryLog(day)) },
	} {
		took(what, func() string {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
			return ""
		})
	}
	took("prune a day", func() string {
		gone, err := d.PruneLog(noon().Add(37*time.Hour), 0)
		if gone != 1 || err != nil {
			t.Errorf("got %d, %v", gone, err)
		}
		return ""
	})
	took("a day more after that", func() string {
		l := NewLogWriter(d)
		for i := range n / days {
			l.Append(rows.row(at(n + i)))
			if i%batchRows == batchRows-1 {
				l.Flush()
			}
		}
		l.Close()
		return fmt.Sprintf("the file grew by %.1f MB", float64(d.Size()-size)/1e6)
	})
}

func BenchmarkAppend(b *testing.B) {
	r := newRoom(b)
	d := r.db()
	l := NewLogWriter(d)
	defer l.Close()
	row := newLikely().row(noon())
	b.ReportAllocs()
	for b.Loop() {
		l.Append(row)
	}
	b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
}
