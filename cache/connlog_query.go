package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A LogFilter says which rows are wanted; the zero value wants all.
type LogFilter struct {
	User         string       // whole; ASCII letters of either case are one
	Remote       netip.Prefix // a single address is a /32 or /128
	Country      string
	Since, Until time.Time // from Since on, before Until, to the millisecond; zero = no end
	Failed       bool      // only what did not get in
	Oldest       bool      // the oldest first; else the newest
}

// A query reads so many rows, or finds so many, in one transaction: a
// millisecond or ten, so that it holds up neither writing nor pruning, and
// memory stays small however slow its reader is.
const (
	sliceRows  = 50_000
	sliceFound = 1000
)

// QueryLog yields the rows that are wanted. Rows written meanwhile may be among
// them. An error comes last. Rows are looked at one by one, about 10 million a second.
func (d *DB) QueryLog(f LogFilter) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		q := newQuery(f)
		for !q.done {
			q.found = q.found[:0]
			err := d.view(q.slice)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, r := range q.found {
				if !yield(r, nil) {
					return
				}
			}
		}
		if q.bad > 0 {
			yield(Row{}, fmt.Errorf("%s: %d rows are unreadable", d.o.Path, q.bad))
		}
	}
}

// A spot is a place in the log: a day, and a key in it.
type spot struct{ day, key string }

func spotOf(at time.Time) spot {
	switch y := at.UTC().Year(); {
	case y < 1970:
		return spot{day: "0"}
	case y > 9999:
		return spot{day: "99999999"}
	}
	return spot{dayOf(at), string(keyOfRow(at, 0))}
}

// A query is how far a QueryLog has come.
type query struct {
	LogFilter
	low, high spot // rows from low on, before high; a high without a day is the end
	remote    []byte
	bits      int
	packed    string // the user as it is packed, if it can be

	next  spot // oldest first: the next row; else the one after it
	done  bool
	found []Row
	bad   int
}

func newQuery(f LogFilter) *query {
	q := &query{LogFilter: f}
	q.packed, _ = packName(strings.ToLower(f.User))
	if !f.Since.IsZero() {
		q.low = spotOf(f.Since)
	}
	if !f.Until.IsZero() {
		q.high = spotOf(f.Until)
	}
	if f.Oldest {
		q.next = q.low
	} else {
		q.next = q.high
	}
	if f.Remote.IsValid() {
		a := f.Remote.Addr()
		if q.bits = f.Remote.Bits(); a.Is4In6() && q.bits >= 96 {
			a, q.bits = a.Unmap(), q.bits-96
		}
		q.remote = a.AsSlice()
	}
	return q
}

// slice looks at some rows more.
func (q *query) slice(tx *bolt.Tx) error {
	log := tx.Bucket(bucketLog)
	if log == nil {
		q.done = true
		return nil
	}
	days := log.Cursor()
	left := sliceRows
	for day := q.firstDay(days); day != nil; day = q.step(days) {
		name := string(day)
		if q.Oldest && q.high.day != "" && name > q.high.day || !q.Oldest && name < q.low.day {
			break
		}
		if b := log.Bucket(day); b != nil && !q.rows(name, b.Cursor(), &left) {
			return nil
		}
	}
	q.done = true
	return nil
}

// rows looks at the rows of one day and returns false when it is enough for
// this slice.
func (q *query) rows(day string, c *bolt.Cursor, left *int) bool {
	begin, _ := time.Parse("20060102", day)
	low, high := []byte(nil), []byte(nil) // of this day
	if day == q.low.day {
		low = []byte(q.low.key)
	}
	if day == q.high.day {
		high = []byte(q.high.key)
	}
	for k, v := q.firstRow(day, c); k != nil; *left-- {
		if q.Oldest && high != nil && bytes.Compare(k, high) >= 0 || !q.Oldest && bytes.Compare(k, low) < 0 {
			return true
		}
		if *left <= 0 || len(q.found) >= sliceFound {
			q.next = spot{day, string(k)}
			if !q.Oldest {
				q.next.key += "\x00" // this one is the first before it
			}
			return false
		}
		if q.wants(v) {
			at := begin.Add(time.Duration(binary.BigEndian.Uint32(k)) * time.Millisecond)
			if row, ok := decodeRow(v, at); ok {
				q.found = append(q.found, row)
			} else {
				q.bad++
			}
		}
		if q.Oldest {
			k, v = c.Next()
		} else {
			k, v = c.Prev()
		}
	}
	return true
}

// firstDay goes to the day where the query goes on.
func (q *query) firstDay(c *bolt.Cursor) (day []byte) {
	if q.Oldest {
		day, _ = c.Seek([]byte(q.next.day))
		return day
	}
	if q.next.day != "" {
		if day, _ = c.Seek([]byte(q.next.day)); day != nil && string(day) > q.next.day {
			day, _ = c.Prev()
			return day
		}
	}
	if day == nil {
		day, _ = c.Last()
	}
	return day
}

func (q *query) step(c *bolt.Cursor) (day []byte) {
	if q.Oldest {
		day, _ = c.Next()
	} else {
		day, _ = c.Prev()
	}
	return day
}

// firstRow goes to the row of a day where the query goes on.
func (q *query) firstRow(day string, c *bolt.Cursor) (k, v []byte) {
	switch {
	case q.Oldest && day == q.next.day:
		return c.Seek([]byte(q.next.key))
	case q.Oldest:
		return c.First()
	case day != q.next.day:
		return c.Last()
	}
	if k, _ = c.Seek([]byte(q.next.key)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// wants looks at a row without decoding it. What is damaged is wanted, to be
// counted.
func (q *query) wants(v []byte) bool {
	h, _, ok := headOf(v)
	switch {
	case !ok:
		return true
	case q.Failed && h.flags&rowAuthOK != 0:
		return false
	case q.Country != "" && q.Country != string(h.country):
		return false
	case q.User != "" && h.flags&rowSixBits != 0 && (q.packed == "" || q.packed != string(h.user)):
		return false
	case q.User != "" && h.flags&rowSixBits == 0 && !sameFold(q.User, h.user):
		return false
	}
	return q.remote == nil || inNetwork(h.remote, q.remote, q.bits)
}

// sameFold compares with ASCII letters of either case as one.
func sameFold(s string, b []byte) bool {
	s = s[:min(len(s), 255)] // as it is kept
	if len(s) != len(b) {
		return false
	}
	for i := range b {
		if lower(s[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// inNetwork reports whether the first bits of an address are those of a network.
func inNetwork(addr, network []byte, bits int) bool {
	if len(addr) != len(network) || !bytes.Equal(addr[:bits/8], network[:bits/8]) {
		return false
	}
	rest := bits % 8
	return rest == 0 || (addr[bits/8]^network[bits/8])>>(8-rest) == 0
}
