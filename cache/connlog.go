package cache

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A LogWriter writes the connection log into a DB, without making anybody wait:
// Append puts a row into a queue of 16,384, and one goroutine commits
// what is there 5,000 rows at a time or a second after the first of them came. A
// process that is killed loses that second. Rows that find the queue full, or the
// disk, or the file unusable, are dropped and counted, and Warn is told when that begins and
// then once a minute at most.
//
// # Format
//
// In the bucket connlog, one bucket a day (UTC), named YYYYMMDD; its sequence is
// the number of rows ever put into it. A row's key is the milliseconds of the day
// (4 bytes, big-endian) and the last 3 bytes of the sequence. Its value:
//
//	1      flags: 1 auth ok, 2 policy reject, 4 IPv4, 8 IPv6, 16 country, 32 packed session,
//	       64 packed user
//	4, 16  the address, as flagged
//	2      the country's letters, if flagged
//	1, n   length and bytes of the user; packed = in six bits a letter, filled up to a multiple of 4
//	       letters: what base64 with the alphabet nameLetters stands for
//	words  protocol, door, phase, reason, each one byte of 0x80 and up, a number in
//	       rowWords, or a length up to 0x7f and so many bytes
//	1, n   length and bytes of the session; packed = the bytes whose unpadded base64 it is
//
// There is no index: a query reads the days it is about. A value bears no sum; rows that make
// no sense are left out and reported by the query. The file never shrinks, but
// what was pruned is written over.
type LogWriter struct {
	db    *DB
	queue chan record
	flush chan chan struct{}
	done  chan struct{}

	mu     sync.RWMutex // held for writing to close
	closed bool

	written, dropped atomic.Uint64

	told   time.Time // the writer's own: when Warn was last told
	toldOf uint64    // and of how many
}

const (
	queueRows = 16384
	batchRows = 5000
	batchWait = time.Second
	tellEvery = time.Minute
)

// A record is a row on its way.
type record struct {
	at    time.Time
	value []byte
}

// NewLogWriter starts a writer; Close ends it.
func NewLogWriter(db *DB) *LogWriter {
	l := &LogWriter{db: db, queue: make(chan record, queueRows), flush: make(chan chan struct{}), done: make(chan struct{})}
	go l.write()
	return l
}

// Append queues a row. It does not wait; a row that cannot be queued is dropped and counted.
// A row without a time gets the present.
func (l *LogWriter) Append(r Row) {
	if y := r.Time.Year(); y < 1970 || y > 9999 {
		r.Time = l.db.o.Now()
	}
	rec := record{r.Time, appendRow(make([]byte, 0, 64), r)}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.dropped.Add(1)
		return
	}
	select {
	case l.queue <- rec:
	default:
		l.dropped.Add(1)
	}
}

// Flush returns when what was queued before is committed, or dropped.
func (l *LogWriter) Flush() {
	done := make(chan struct{})
	select {
	case l.flush <- done:
		<-done
	case <-l.done:
	}
}

// Close commits what is queued and ends the writer. Later rows are dropped. The
// DB stays open.
func (l *LogWriter) Close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	<-l.done
}

// Written counts rows that were committed.
func (l *LogWriter) Written() uint64 { return l.written.Load() }

// Dropped counts rows that were not written.
func (l *LogWriter) Dropped() uint64 { return l.dropped.Load() }

// write is the one goroutine that commits.
func (l *LogWriter) write() {
	defer close(l.done)
	batch := make([]record, 0, batchRows)
	timer := time.NewTimer(batchWait)
	timer.Stop()
	commit := func() {
		timer.Stop()
		l.commit(batch)
		clear(batch)
		batch = batch[:0]
	}
	for {
		select {
		case rec, ok := <-l.queue:
			if !ok {
				commit()
				return
			}
			if batch = append(batch, rec); len(batch) == 1 {
				timer.Reset(batchWait)
			}
			if len(batch) == batchRows {
				commit()
			}
		case <-timer.C:
			commit()
		case done := <-l.flush:
			for n := len(l.queue); n > 0; n-- {
				rec, ok := <-l.queue
				if !ok {
					break
				}
				if batch = append(batch, rec); len(batch) == batchRows {
					commit()
				}
			}
			commit()
			close(done)
		}
	}
}

// commit writes a batch in one transaction, and tells of what was dropped.
func (l *LogWriter) commit(batch []record) {
	var err error
	if len(batch) > 0 {
		err = l.db.update(func(tx *bolt.Tx) error { return put(tx, batch) })
	}
	if err != nil {
		l.dropped.Add(uint64(len(batch)))
	} else {
		l.written.Add(uint64(len(batch)))
	}
	n := l.dropped.Load()
	if n == l.toldOf {
		return
	}
	if err == nil {
		err = errQueueFull
	}
	now := l.db.o.Now()
	if age := now.Sub(l.told); age < tellEvery && age >= 0 {
		return
	}
	l.db.o.Warn(fmt.Errorf("connection log: %d rows lost: %w", n-l.toldOf, err))
	l.told, l.toldOf = now, n
}

var errQueueFull = errors.New("they come faster than they can be written")

// put adds a batch to the days it is of.
func put(tx *bolt.Tx, batch []record) error {
	log := tx.Bucket(bucketLog)
	var day *bolt.Bucket
	last := int64(-1)
	for _, rec := range batch {
		if n := rec.at.UnixMilli() / dayMillis; n != last {
			var err error
			if day, err = log.CreateBucketIfNotExists([]byte(dayOf(rec.at))); err != nil {
				return err
			}
			day.FillPercent = 1 // they come in order
			last = n
		}
		seq, err := day.NextSequence()
		if err != nil {
			return err
		}
		if err := day.Put(keyOfRow(rec.at, seq), rec.value); err != nil {
			return err
		}
	}
	return nil
}

// PruneLog removes the days of which no row is younger than keep, one in a transaction,
// and returns how many.
func (d *DB) PruneLog(now time.Time, keep time.Duration) (days int, err error) {
	first := dayOf(now.Add(-keep))
	for {
		gone := false
		err := d.update(func(tx *bolt.Tx) error {
			name, _ := tx.Bucket(bucketLog).Cursor().First()
			if name == nil || string(name) >= first {
				return nil
			}
			gone = true
			return tx.Bucket(bucketLog).DeleteBucket(append([]byte(nil), name...))
		})
		if err != nil || !gone {
			return days, err
		}
		days++
	}
}

// A LogDay is a day of the connection log and how many rows it got.
type LogDay struct {
	Day  time.Time // its begin, UTC
	Rows uint64
}

// LogDays lists the days of the log, the oldest first.
func (d *DB) LogDays() (days []LogDay, err error) {
	err = d.view(func(tx *bolt.Tx) error {
		log := tx.Bucket(bucketLog)
		if log == nil {
			return nil
		}
		return log.ForEachBucket(func(name []byte) error {
			at, err := time.Parse("20060102", string(name))
			if err != nil {
				return damaged("day %.10q", name)
			}
			days = append(days, LogDay{at, log.Bucket(name).Sequence()})
			return nil
		})
	})
	return days, err
}

// wholeLog examines the connection log and its days.
func (t *tree) wholeLog(at place) error {
	var days []place
	t.inner = &days
	err := t.bucket(at, func(_ byte, ksize, _ uint64) bool { return ksize == uint64(dayName) })
	t.inner = nil
	for _, day := range days {
		if err == nil {
			err = t.bucket(day, func(_ byte, ksize, vsize uint64) bool {
				return ksize == rowKey && vsize >= rowLeast && vsize <= rowMost
			})
		}
	}
	return err
}
