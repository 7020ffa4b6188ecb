package cache

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

func (r *room) db() *DB {
	d := NewDB(DBOptions{Path: r.path, Now: r.clock, Warn: r.warn})
	r.t.Cleanup(func() { d.Close() })
	return d
}

// keep writes rows and waits until they are there.
func keep(t testing.TB, d *DB, rows ...Row) {
	t.Helper()
	l := NewLogWriter(d)
	for i, r := range rows {
		l.Append(r)
		if i%1000 == 999 {
			l.Flush()
		}
	}
	l.Close()
	if l.Dropped() > 0 || l.Written() != uint64(len(rows)) {
		t.Errorf("%d written, %d dropped, want all %d", l.Written(), l.Dropped(), len(rows))
	}
}

// ask returns what a query yields.
func ask(t testing.TB, d *DB, f LogFilter) (rows []Row) {
	t.Helper()
	for r, err := range d.QueryLog(f) {
		if err != nil {
			t.Error(err)
			break
		}
		rows = append(rows, r)
	}
	return rows
}

var sameAddr = cmpopts.EquateComparable(netip.Addr{})

func TestRows(t *testing.T) {
	at := noon().Add(123 * time.Millisecond)
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct{ in, want Row }{
		"empty": {Row{Time: at}, Row{Time: at}},
		"full": {
			Row{at, "imap", "joe@example.com", netip.MustParseAddr("192.0.2.1"), "GB", true, true, "report", "login.country", "cIGvyc1g1MB/AAAB", "dovecot"},
			Row{at, "imap", "joe@example.com", netip.MustParseAddr("192.0.2.1"), "GB", true, true, "report", "login.country", "cIGvyc1g1MB/AAAB", "dovecot"},
		},
		"other words": {Row{Time: at, Protocol: "p", Phase: "ph", Reason: "r", Door: "d", Session: "mail-1"}, Row{Time: at, Protocol: "p", Phase: "ph", Reason: "r", Door: "d", Session: "mail-1"}},
		"IPv6":        {Row{Time: at, Remote: netip.MustParseAddr("2001:db8::1%eth0")}, Row{Time: at, Remote: netip.MustParseAddr("2001:db8::1")}},
		"mapped":      {Row{Time: at, Remote: netip.MustParseAddr("::ffff:192.0.2.1")}, Row{Time: at, Remote: netip.MustParseAddr("192.0.2.1")}},
		"hostile":     {Row{Time: at, User: "a\x00\n\xff\x80\"'", Session: "\x80", Protocol: "\xff"}, Row{Time: at, User: "a\x00\n\xff\x80\"'", Session: "\x80", Protocol: "\xff"}},
		"long": {
			Row{Time: at, User: long, Session: long, Protocol: long, Phase: long, Reason: long, Door: long},
			Row{Time: at, User: long[:255], Session: long[:255], Protocol: long[:127], Phase: long[:127], Reason: long[:127], Door: long[:127]},
		},
		"capitals":                   {Row{Time: at, User: "Joe@Example.com"}, Row{Time: at, User: "Joe@Example.com"}},
		"ends in what fills up":      {Row{Time: at, User: "joe~"}, Row{Time: at, User: "joe~"}},
		"end of line in a name":      {Row{Time: at, User: "joe\nj"}, Row{Time: at, User: "joe\nj"}},
		"one letter":                 {Row{Time: at, User: "j"}, Row{Time: at, User: "j"}},
		"a long name":                {Row{Time: at, User: strings.Repeat("j", 256)}, Row{Time: at, User: strings.Repeat("j", 255)}},
		"no country":                 {Row{Time: at, Country: "gb"}, Row{Time: at}},
		"base64 with an end of line": {Row{Time: at, Session: "AAAA\nAAA"}, Row{Time: at, Session: "AAAA\nAAA"}},
		"base64 with odd bits":       {Row{Time: at, Session: "AAAAAB"}, Row{Time: at, Session: "AAAAAB"}},
	} {
		v := appendRow(nil, c.in)
		if len(v) < rowLeast || len(v) > rowMost {
			t.Errorf("%s: %d bytes", name, len(v))
		}
		got, ok := decodeRow(v, at)
		if d := cmp.Diff(c.want, got, sameAddr); d != "" || !ok {
			t.Errorf("%s: %v\n%s", name, ok, d)
		}
		for n := range v {
			if _, ok := decodeRow(v[:n], at); ok {
				t.Errorf("%s: taken when cut at %d", name, n)
			}
		}
	}
	if n := firstWord + len(rowWords); n > 256 {
		t.Errorf("%d words", len(rowWords))
	}
}

// FuzzRow: what is decoded is a row, and stays the same one.
func FuzzRow(f *testing.F) {
	f.Add(appendRow(nil, Row{User: "joe", Remote: netip.MustParseAddr("192.0.2.1"), Session: "cIGvyc1g1MB/AAAB", Protocol: "imap", Door: "door"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, v []byte) {
		row, ok := decodeRow(v, noon())
		if !ok {
			return
		}
		again, ok := decodeRow(appendRow(nil, row), noon())
		if len(row.Session) > 255 { // packed by nobody
			again.Session, row.Session = "", ""
		}
		if len(row.User) > 255 {
			again.User, row.User = "", ""
		}
		if again.Country == "" {
			row.Country = ""
		}
		row.Remote = row.Remote.Unmap()
		if d := cmp.Diff(row, again, sameAddr); d != "" || !ok {
			t.Error(ok, d)
		}
	})
}

// some is a log of four days, with rows of two minds.
func some() (rows []Row) {
	for i := range 4000 {
		r := Row{
			Time:     noon().Add(time.Duration(i) * 86 * time.Second).Add(time.Duration(i%3) * time.Millisecond),
			Protocol: "imap", User: fmt.Sprintf("user%d@example.com", i%10), Phase: "report", Door: "dovecot",
			Remote: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Country: []string{"GB", "IE"}[i%2],
			AuthOK: i%4 != 0, Session: strconv.Itoa(i),
		}
		if i%20 == 3 {
			r.User = "User3@example.com"
		}
		if i%8 == 0 {
			r.Remote = netip.MustParseAddr("2001:db8::1")
		}
		rows = append(rows, r)
	}
	return rows
}

func TestQuery(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	all := some()
	keep(t, d, all...)
	for name, c := range map[string]struct {
		f    LogFilter
		want func(Row) bool
	}{
		"all":             {LogFilter{}, func(Row) bool { return true }},
		"user":            {LogFilter{User: "USER3@example.com"}, func(r Row) bool { return strings.EqualFold(r.User, "user3@example.com") }},
		"no user":         {LogFilter{User: "käthe"}, func(r Row) bool { return false }},
		"part of a user":  {LogFilter{User: "user3"}, func(r Row) bool { return false }},
		"address":         {LogFilter{Remote: netip.MustParsePrefix("192.0.2.7/32")}, func(r Row) bool { return r.Remote.String() == "192.0.2.7" }},
		"network":         {LogFilter{Remote: netip.MustParsePrefix("192.0.2.0/25")}, func(r Row) bool { return netip.MustParsePrefix("192.0.2.0/25").Contains(r.Remote) }},
		"odd network":     {LogFilter{Remote: netip.MustParsePrefix("192.0.2.96/27")}, func(r Row) bool { return netip.MustParsePrefix("192.0.2.96/27").Contains(r.Remote) }},
		"mapped network":  {LogFilter{Remote: netip.MustParsePrefix("::ffff:192.0.2.0/121")}, func(r Row) bool { return netip.MustParsePrefix("192.0.2.0/25").Contains(r.Remote) }},
		"IPv6":            {LogFilter{Remote: netip.MustParsePrefix("2001:db8::/33")}, func(r Row) bool { return r.Remote.Is6() }},
		"all of IPv4":     {LogFilter{Remote: netip.MustParsePrefix("0.0.0.0/0")}, func(r Row) bool { return r.Remote.Is4() }},
		"country":         {LogFilter{Country: "IE"}, func(r Row) bool { return r.Country == "IE" }},
		"failed":          {LogFilter{Failed: true}, func(r Row) bool { return !r.AuthOK }},
		"since":           {LogFilter{Since: all[1500].Time}, func(r Row) bool { return !r.Time.Before(all[1500].Time) }},
		"until":           {LogFilter{Until: all[1500].Time}, func(r Row) bool { return r.Time.Before(all[1500].Time) }},
		"between":         {LogFilter{Since: all[10].Time, Until: all[20].Time, Failed: true}, func(r Row) bool { return !r.AuthOK && !r.Time.Before(all[10].Time) && r.Time.Before(all[20].Time) }},
		"a day":           {LogFilter{Since: noon().Add(12 * time.Hour), Until: noon().Add(36 * time.Hour)}, func(r Row) bool { return r.Time.Day() == 2 }},
		"the past":        {LogFilter{Until: noon()}, func(Row) bool { return false }},
		"the far past":    {LogFilter{Until: time.Unix(-1, 0)}, func(Row) bool { return false }},
		"since long ago":  {LogFilter{Since: time.Unix(-1, 0)}, func(Row) bool { return true }},
		"until far away":  {LogFilter{Until: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, func(Row) bool { return true }},
		"since far away":  {LogFilter{Since: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, func(Row) bool { return false }},
		"until yesterday": {LogFilter{Until: noon().Add(-24 * time.Hour)}, func(Row) bool { return false }},
		"backward":        {LogFilter{Since: all[20].Time, Until: all[10].Time}, func(Row) bool { return false }},
	} {
		for _, oldest := range []bool{true, false} {
			var want []Row
			for _, r := range all {
				if c.want(r) {
					want = append(want, r)
				}
			}
			if !oldest {
				slices.Reverse(want)
			}
			c.f.Oldest = oldest
			if got := ask(t, d, c.f); !slices.Equal(want, got) {
				t.Errorf("%s, oldest first %v:\n%.2000s", name, oldest, cmp.Diff(want, got, sameAddr))
			}
		}
	}
	for range d.QueryLog(LogFilter{}) {
		break // a reader may leave
	}
	if n := strings.Count(fmt.Sprint(d.LogDays()), "2026-11-"); n != 5 {
		t.Errorf("%d days", n)
	}
}

// A slow reader holds nobody up, and the log may change under it.
func TestQueryMeanwhile(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	keep(t, d, some()...)
	n := 0
	for _, err := range d.QueryLog(LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 100 {
			keep(t, d, some()...)
			if days, err := d.PruneLog(noon().Add(48*time.Hour), 24*time.Hour); days != 1 || err != nil {
				t.Errorf("pruned %d, %v", days, err)
			}
		}
	}
	if n < 3000 || n > 8000 {
		t.Errorf("%d rows", n)
	}
}

func TestPrune(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	keep(t, d, some()...) // 12 h of 1 November, all of 2 to 4, 5 until 11:33
	count := func() (n int) { return len(ask(t, d, LogFilter{})) }
	was := count()
	const day = 24 * time.Hour
	midnight := noon().Add(12 * time.Hour)
	for _, c := range []struct {
		now  time.Time
		gone int
	}{
		{noon(), 0},
		{midnight.Add(2*day - time.Millisecond), 0}, // a row of 1 November, 23:59:59.999, is just two days old
		{midnight.Add(2 * day), 1},
		{midnight.Add(2 * day), 0},
		{midnight.Add(4 * day), 2},
		{midnight.Add(1000 * day), 2},
		{midnight.Add(1000 * day), 0},
	} {
		gone, err := d.PruneLog(c.now, 2*day)
		if gone != c.gone || err != nil {
			t.Errorf("%v: got %d, %v, want %d", c.now, gone, err, c.gone)
		}
		if n := count(); (n < was) != (gone > 0) {
			t.Errorf("%v: %d rows of %d", c.now, n, was)
		} else {
			was = n
		}
	}
	if was != 0 {
		t.Errorf("%d rows are left", was)
	}
	keep(t, d, Row{Time: noon()})
	if count() != 1 {
		t.Error("a new row after all were gone")
	}
}

func TestAppend(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	l := NewLogWriter(d)
	l.Append(Row{User: "no time"})
	l.Append(Row{User: "odd time", Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)})
	for range 20 { // all in one millisecond, and all are kept
		l.Append(Row{User: "same", Time: r.now})
	}
	l.Append(Row{User: "earlier", Time: r.now.Add(-time.Hour)})
	l.Flush()
	rows := ask(t, d, LogFilter{Oldest: true})
	if len(rows) != 23 || rows[0].User != "earlier" || !rows[2].Time.Equal(r.now) {
		t.Errorf("got %v", rows)
	}
	l.Close()
	l.Close()
	l.Append(Row{})
	l.Flush()
	if l.Dropped() != 1 || l.Written() != 23 {
		t.Errorf("%d dropped, %d written", l.Dropped(), l.Written())
	}
}

// When the file is slow the queue fills and rows are dropped, in no time.
func TestQueueFull(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	l := NewLogWriter(d)
	tx, err := d.bolt.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	const n = queueRows + batchRows + 1000
	for range n {
		l.Append(Row{Time: noon()})
	}
	if got := l.Dropped(); got < 1000 {
		t.Errorf("%d dropped", got)
	}
	tx.Rollback()
	l.Close()
	if l.Written()+l.Dropped() != n {
		t.Errorf("%d written and %d dropped of %d", l.Written(), l.Dropped(), n)
	}
	r.heard("faster than they can be written")
}

func TestWriters(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	l := NewLogWriter(d)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				l.Append(Row{Time: noon()})
			}
			l.Flush()
			for _, err := range d.QueryLog(LogFilter{}) {
				if err != nil {
					t.Error(err)
				}
			}
			if _, err := d.PruneLog(noon(), time.Hour); err != nil {
				t.Error(err)
			}
			d.LogDays()
			d.Size()
		})
	}
	all.Wait()
	l.Close()
	if n := len(ask(t, d, LogFilter{})); n != 4000 {
		t.Errorf("%d rows", n)
	}
}

// One process has the file; another is told so, and reads it when the first is gone.
func TestOneOpener(t *testing.T) {
	r := newRoom(t)
	look := NewDB(DBOptions{Path: r.path, ReadOnly: true, Warn: r.warn})
	defer look.Close()
	if err := look.Open(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	d := r.db()
	keep(t, d, some()...)
	for _, other := range []*DB{r.db(), look} {
		if err := other.Open(); !errors.Is(err, errBusy) {
			t.Errorf("open twice: %v", err)
		}
	}
	l := NewLogWriter(r.db())
	l.Append(Row{})
	l.Close()
	if l.Dropped() != 1 {
		t.Error("not dropped")
	}
	r.heard("locked by another process")
	d.Close()
	if err := d.Open(); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	if n := len(ask(t, look, LogFilter{})); n != 4000 {
		t.Errorf("%d rows", n)
	}
	if _, err := look.PruneLog(noon().Add(1000*time.Hour), 0); err == nil {
		t.Error("pruned what is only to be read")
	}
	if n := len(ask(t, look, LogFilter{})); n != 4000 || r.exists(r.path+asideSuffix) {
		t.Errorf("%d rows after that", n)
	}
	r.heard()
}

// The file is removed or replaced under the daemon.
func TestFileGone(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	keep(t, d, some()...)
	os.Rename(r.path, r.path+".1")
	keep(t, d, Row{User: "new", Time: noon()})
	if rows := ask(t, d, LogFilter{}); len(rows) != 1 || rows[0].User != "new" {
		t.Errorf("got %v", rows)
	}
	r.heard()
}

func TestLogDiskFull(t *testing.T) {
	r := newRoom(t)
	dir := mount(t, r, "1m")
	filler := bytes.Repeat([]byte("x"), 1<<20-8192)
	os.WriteFile(dir+"/filler", filler, 0o600)
	d := r.db()
	l := NewLogWriter(d)
	l.Append(Row{Time: noon()})
	l.Flush()
	if l.Dropped() != 1 || r.exists(r.path+asideSuffix) {
		t.Errorf("from the start: %d dropped", l.Dropped())
	}
	r.heard("no space left")
	os.Remove(dir + "/filler")

	kept := 0
	for i := 0; l.Dropped() == 1; i++ {
		if i > 1000 {
			t.Fatal("the disk does not get full")
		}
		kept = len(ask(t, d, LogFilter{}))
		r.pass(2 * tellEvery)
		for range 1000 {
			l.Append(Row{Time: noon(), User: "somebody@example.com"})
		}
		l.Flush()
	}
	r.heard("no space left")
	if n := len(ask(t, d, LogFilter{})); n != kept || n == 0 {
		t.Errorf("%d rows, want the %d from before", n, kept)
	}
	for range 10 { // once a minute is enough
		l.Append(Row{Time: noon()})
		l.Flush()
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=4m"); err != nil {
		t.Skip("cannot enlarge the tmpfs:", err)
	}
	was := l.Written()
	l.Append(Row{Time: noon()})
	l.Close()
	if l.Written() != was+1 {
		t.Error("not written with space again")
	}
}

// writeRows appends rows until it is killed and prints the number of each hundredth.
func writeRows() int {
	d := NewDB(DBOptions{Path: os.Getenv("CACHE_TEST_DB")})
	l := NewLogWriter(d)
	end := time.Now().Add(time.Minute)
	for i := 0; time.Now().Before(end); i++ {
		l.Append(Row{Time: time.Now(), Session: fmt.Sprint("n", i), User: "joe@example.com"})
		if i%100 == 99 {
			fmt.Println(i, l.Dropped())
			time.Sleep(10 * time.Millisecond) // a load of 10,000 a second, not a flood
		}
	}
	return 1
}

// Killed at any moment, the file is sound and lacks the last second at most.
func TestKilledLog(t *testing.T) {
	r := newRoom(t)
	rnd := rand.New(rand.NewPCG(7, 8))
	for round := range 3 {
		os.Remove(r.path)
		c := child(r, "rows", round)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		said, lines := map[int]time.Time{}, bufio.NewScanner(out)
		life := 2500*time.Millisecond + time.Duration(rnd.IntN(1000))*time.Millisecond
		lines.Scan() // it has begun
		for begun := time.Now(); time.Since(begun) < life && lines.Scan(); {
			var n, dropped int
			fmt.Sscan(lines.Text(), &n, &dropped)
			if said[n] = time.Now(); dropped > 0 {
				t.Errorf("%d rows dropped", dropped)
			}
		}
		killed := time.Now()
		c.Process.Kill()
		io.Copy(io.Discard, out)
		c.Wait()

		d := r.db()
		rows := ask(t, d, LogFilter{Oldest: true})
		for i, row := range rows {
			if row.Session != fmt.Sprint("n", i) {
				t.Fatalf("row %d is %s", i, row.Session)
			}
		}
		for n, at := range said {
			// Another second for the commit itself, on a busy machine.
			if n >= len(rows) && killed.Sub(at) > batchWait+time.Second {
				t.Errorf("row %d of %v before the end is not among %d", n, killed.Sub(at), len(rows))
			}
		}
		if len(rows) == 0 || r.exists(r.path+asideSuffix) {
			t.Errorf("%d rows, set aside: %v", len(rows), r.exists(r.path+asideSuffix))
		}
		d.Close()
	}
	r.heard()
}

// logModel is a sound file with days, some of them pruned, and a free list.
func logModel(t testing.TB, r *room) []byte {
	t.Helper()
	d := r.db()
	keep(t, d, some()...)
	keep(t, d, Row{Time: noon().Add(200 * time.Hour)})
	if _, err := d.PruneLog(noon().Add(48*time.Hour), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// surviveLog puts data at the path and uses the log in every way; in the end it works.
func surviveLog(t testing.TB, r *room, data []byte) (aside bool) {
	t.Helper()
	os.Remove(r.path + asideSuffix)
	if err := os.WriteFile(r.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	d := NewDB(DBOptions{Path: r.path, Now: r.clock, Warn: r.warn})
	defer d.Close()
	for range d.QueryLog(LogFilter{User: "joe"}) { // an error is fine
	}
	d.PruneLog(noon().Add(72*time.Hour), 24*time.Hour)
	d.LogDays()
	keep(t, d, Row{Time: noon().Add(240 * time.Hour), User: "new"})
	found := false
	for row := range d.QueryLog(LogFilter{User: "new"}) {
		found = found || row.User == "new"
	}
	if !found {
		t.Errorf("a new row is not found: %q", r.warns)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warns = nil
	return r.exists(r.path + asideSuffix)
}

func TestLogTruncated(t *testing.T) {
	r := newRoom(t)
	data := logModel(t, r)
	if surviveLog(t, r, data) {
		t.Error("a sound file was set aside")
	}
	for _, size := range []int{0, 1, 80, 4096, 8192, 12288, 16383, 16384, 16385, 20480, 100_000, len(data) / 2, len(data) - 1} {
		if aside := surviveLog(t, r, data[:size]); !aside && size > 0 && size < len(data)/4 {
			t.Errorf("cut at %d: not set aside", size)
		}
	}
}

func TestLogOverwritten(t *testing.T) {
	r := newRoom(t)
	data := logModel(t, r)
	rnd := rand.New(rand.NewPCG(9, 10))
	aside := 0
	for range 60 {
		bad := bytes.Clone(data)
		page := bad[pageSize*rnd.IntN(len(bad)/pageSize):][:pageSize]
		for i := range page {
			page[i] = byte(rnd.Uint32())
		}
		if surviveLog(t, r, bad) {
			aside++
		}
	}
	for range 60 { // as after power failed: a page of another place or age
		bad := bytes.Clone(data)
		from, to := pageSize*rnd.IntN(len(bad)/pageSize), pageSize*rnd.IntN(len(bad)/pageSize)
		copy(bad[to:], data[from:][:pageSize])
		native.PutUint64(bad[to:], uint64(to/pageSize))
		surviveLog(t, r, bad)
	}
	for range 60 {
		bad := bytes.Clone(data)
		for range 1 + rnd.IntN(8) {
			bad[rnd.IntN(len(bad))] ^= 1 << rnd.IntN(8)
		}
		surviveLog(t, r, bad)
	}
	if aside == 0 {
		t.Error("nothing was ever set aside")
	}
}

// Each of these would end the process if bbolt saw it.
func TestLogDeadly(t *testing.T) {
	r := newRoom(t)
	data := logModel(t, r)
	for name, edit := range map[string]func(d []byte){
		"pages in a circle": func(d []byte) {
			for _, at := range branches(d) {
				for i := range int(native.Uint16(d[at+10:])) {
					native.PutUint64(d[at+pageHead+i*elemSize+8:], uint64(at/pageSize))
				}
			}
		},
		"free list said to be missing": func(d []byte) {
			remeta(d, func(m []byte) { native.PutUint64(m[32:], ^uint64(0)) })
		},
		"root out of bounds": func(d []byte) {
			remeta(d, func(m []byte) { native.PutUint64(m[16:], 1<<40) })
		},
	} {
		bad := bytes.Clone(data)
		edit(bad)
		if !surviveLog(t, r, bad) {
			t.Errorf("%s: not set aside", name)
		}
	}
}

// Damage that comes while the file is open.
func TestLogDamagedWhileOpen(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	keep(t, d, some()...)
	if err := os.Truncate(r.path, 8192); err != nil {
		t.Fatal(err)
	}
	for range d.QueryLog(LogFilter{}) { // faults
	}
	keep(t, d, Row{Time: noon(), User: "new"})
	if rows := ask(t, d, LogFilter{}); len(rows) != 1 || !r.exists(r.path+asideSuffix) {
		t.Errorf("%d rows, set aside: %v", len(rows), r.exists(r.path+asideSuffix))
	}
	r.heard("a new one begins")
}

func TestLogRowDamaged(t *testing.T) {
	r := newRoom(t)
	d := r.db()
	keep(t, d, some()[:10]...)
	err := d.update(func(tx *bolt.Tx) error {
		day := tx.Bucket(bucketLog).Bucket([]byte("20261101"))
		return day.Put(keyOfRow(noon(), 99), []byte("\xff no row"))
	})
	if err != nil {
		t.Fatal(err)
	}
	n, last := 0, error(nil)
	for _, err := range d.QueryLog(LogFilter{User: "nobody"}) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 0 || last == nil || !strings.Contains(last.Error(), "1 rows are unreadable") {
		t.Errorf("%d rows, %v", n, last)
	}
}

func TestExport(t *testing.T) {
	at := noon().Add(7 * time.Millisecond)
	hostile := []string{"plain", "", "true", `o'brien"; DROP TABLE connlog; --\`, "a\x00b\r\n\x1b[2J\u009b\u202e", "=1+1", "@SUM(A1)", "100% Jürgen 日本", "\xff\xfe\ufffd", `\'); DELETE FROM connlog; --`, "a,b;c"}
	var rows []Row
	for _, s := range hostile {
		rows = append(rows, Row{Time: at, Protocol: s, User: s, Remote: netip.MustParseAddr("192.0.2.1"), Country: "GB", AuthOK: true, Phase: s, Reason: s, Session: s, Door: s})
	}
	seq := func(yield func(Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
	undo := func(s string) string {
		t.Helper()
		u, err := url.PathUnescape(s)
		if err != nil {
			t.Error(err)
		}
		return u
	}

	var out bytes.Buffer
	if err := WriteCSV(&out, seq); err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll()
	if err != nil || len(table) != len(rows)+1 {
		t.Fatalf("CSV: %d lines, %v", len(table), err)
	}
	for i, s := range hostile {
		line := table[i+1]
		if undo(line[2]) != s || undo(line[9]) != s || line[0] != "2026-11-01T12:00:00.007Z" || line[3] != "192.0.2.1" || line[5] != "true" {
			t.Errorf("CSV: got %q for %q", line, s)
		}
	}
	plain := out.String()
	if strings.ContainsAny(plain, "\x00\x1b'`\u009b\u202e") || strings.Contains(plain, `"=`) || strings.Contains(plain, `"@`) {
		t.Error("CSV: unsafe bytes")
	}

	out.Reset()
	if err := WriteJSON(&out, seq); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(out.Bytes()))
	for _, s := range hostile {
		var o struct {
			Time, Login, Door string
			OK                bool `json:"auth_ok"`
		}
		if err := dec.Decode(&o); err != nil || undo(o.Login) != s || undo(o.Door) != s || !o.OK {
			t.Errorf("JSON: %v, got %+v for %q", err, o, s)
		}
	}
	if strings.ContainsAny(out.String(), "\x00\x1b'`\\") {
		t.Error("JSON: unsafe bytes")
	}

	out.Reset()
	if err := WriteSQL(&out, seq); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x00\x1b\"`\\") {
		t.Error("SQL: unsafe bytes")
	}
	broken := func(yield func(Row, error) bool) { yield(Row{}, io.ErrUnexpectedEOF) }
	if err := WriteSQL(io.Discard, broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an error of the rows: %v", err)
	}
	sqlite, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("sqlite3 is missing")
		}
		t.Skip("sqlite3 is missing")
	}
	out.WriteString("SELECT hex(login), auth_ok, policy_reject, remote FROM connlog;\n")
	c := exec.CommandContext(t.Context(), sqlite, "-bail", ":memory:")
	c.Stdin = &out
	answer, err := c.CombinedOutput()
	lines := strings.Split(strings.TrimSuffix(string(answer), "\n"), "\n")
	if err != nil || len(lines) != len(hostile) {
		t.Fatalf("sqlite3: %v\n%s", err, answer)
	}
	for i, s := range hostile {
		if want := fmt.Sprintf("%X|1|0|192.0.2.1", escape(s)); lines[i] != want {
			t.Errorf("sqlite3: got %s, want %s", lines[i], want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("=a%\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		e := escape(s)
		if u, err := url.PathUnescape(e); u != s || err != nil {
			t.Errorf("%q: %q, %v", s, u, err)
		}
		if strings.ContainsAny(e, "\"'`\\\n\x00\x1b") || !bytes.Equal([]byte(e), []byte(strings.ToValidUTF8(e, ""))) {
			t.Errorf("%q: %q", s, e)
		}
	})
}
