package scan

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"qguard/rules"
)

// A Budget is what one message may still cost. Every limit that is reached is
// a Flaw with a rule of its own.
type Budget struct {
	Limit rules.Limit

	ctx      context.Context
	size     int64 // of the message
	parts    int
	members  int
	inflated int64
	claimed  int64
	held     int64
	heavy    heavy
	places   []place
	known    map[place]bool // places, once somebody has asked
}

type place struct {
	in io.ReaderAt
	at int64
}

// Part counts one MIME entity; the error is limit.parts.
func (b *Budget) Part() error {
	b.parts++
	if b.parts > b.Limit.Parts {
		return &Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d parts", b.Limit.Parts)}
	}
	return b.Time()
}

// Member counts one archive member; the error is limit.parts.
func (b *Budget) Member() error {
	b.members++
	if b.members > b.Limit.Members {
		return &Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d archive members", b.Limit.Members)}
	}
	return b.Time()
}

// Time returns limit.time once the message has taken too long.
func (b *Budget) Time() error {
	if b.ctx.Err() != nil {
		return &Flaw{Rule: "limit.time", Note: fmt.Sprintf("not read within %s", time.Duration(b.Limit.Time))}
	}
	return nil
}

// Mark notes that what begins at an offset has been yielded, so that another
// reading of the same message does not yield it again. in is comparable.
func (b *Budget) Mark(in io.ReaderAt, at int64) {
	b.places = append(b.places, place{in, at})
	if b.known != nil {
		b.known[place{in, at}] = true
	}
}

// Marked reports whether Mark was called with the same arguments.
func (b *Budget) Marked(in io.ReaderAt, at int64) bool {
	if b.known == nil {
		b.known = make(map[place]bool, len(b.places))
		for _, p := range b.places {
			b.known[p] = true
		}
	}
	return b.known[place{in, at}]
}

// Hold reserves memory for a decoder's dictionary or window; release gives it
// back and may be called more than once. The error is limit.size: all that are
// held at a time may have Limit.Memory bytes.
func (b *Budget) Hold(bytes int64) (release func(), err error) {
	if bytes < 0 || bytes > int64(b.Limit.Memory)-b.held {
		return nil, &Flaw{Rule: "limit.size", Note: fmt.Sprintf("unpacking needs more than %d bytes of memory", b.Limit.Memory)}
	}
	b.held += bytes
	return func() { b.held, bytes = b.held-bytes, 0 }, nil
}

// slots is for the whole process: two messages at a time may have heavy work.
var slots = make(chan struct{}, 2)

// heavy counts the heavy work of one message, which all goes by one slot: an
// archive in an archive must not wait for itself.
type heavy struct {
	mu sync.Mutex
	n  int
}

// Heavy is asked before work whose memory or time no limit bounds: decoders of
// other people that cannot be called off. It waits for a slot, and the error is
// that none came free in the message's time, which is not the message's fault.
// done may be called by any goroutine, once.
func (b *Budget) Heavy() (done func(), err error) {
	b.heavy.mu.Lock()
	defer b.heavy.mu.Unlock()
	if b.heavy.n == 0 {
		select {
		case slots <- struct{}{}:
		case <-b.ctx.Done():
			return nil, busy{}
		}
	}
	b.heavy.n++
	return b.light, nil
}

// light ends what Heavy began.
func (b *Budget) light() {
	b.heavy.mu.Lock()
	defer b.heavy.mu.Unlock()
	if b.heavy.n--; b.heavy.n == 0 {
		<-slots
	}
}

// busy is the error of a message that found no slot.
type busy struct{}

func (busy) Error() string { return "too many heavy archives at a time in this process" }

// Timeout says that it is no flaw of an archive.
func (busy) Timeout() bool { return true }

// Claim counts the size that an archive gives for a member. Archives are read
// only as far as somebody asks for their bytes, so that a bomb may never be
// unpacked; one that claims more than Limit.Inflated bytes and more than
// Limit.Ratio times the message is told by that. The error is limit.size, once.
func (b *Budget) Claim(size int64) error {
	before := b.claims()
	b.claimed += min(max(size, 0), 1<<40)
	if before || !b.claims() {
		return nil
	}
	return &Flaw{Rule: "limit.size", Note: fmt.Sprintf("archives claim to unpack to more than %d times the message", b.Limit.Ratio)}
}

func (b *Budget) claims() bool {
	return b.claimed > int64(b.Limit.Inflated) && b.claimed > b.size*int64(b.Limit.Ratio)
}

// Inflate counts what a decompressor gives: all archives of a message together
// may unpack to Limit.Inflated bytes, and, after their first 8 MiB, to Limit.Ratio
// times the message's size; one stream, after its first MiB, to Limit.Ratio times
// its packed size. Reading past that is limit.size.
func (b *Budget) Inflate(r io.Reader, packed int64) io.Reader {
	return &inflater{r: r, b: b, packed: packed}
}

type inflater struct {
	r      io.Reader
	b      *Budget
	packed int64
	out    int64
}

func (i *inflater) Read(p []byte) (int, error) {
	if err := i.b.Time(); err != nil {
		return 0, err
	}
	n, err := i.r.Read(p)
	i.out += int64(n)
	i.b.inflated += int64(n)
	switch {
	case i.b.inflated > int64(i.b.Limit.Inflated):
		return n, &Flaw{Rule: "limit.size", Note: fmt.Sprintf("archives unpack to more than %d bytes", i.b.Limit.Inflated)}
	case i.b.inflated > 8<<20 && i.b.inflated > i.b.size*int64(i.b.Limit.Ratio):
		return n, &Flaw{Rule: "limit.size", Note: fmt.Sprintf("archives unpack to more than %d times the message", i.b.Limit.Ratio)}
	case i.out > 1<<20 && i.out > i.packed*int64(i.b.Limit.Ratio):
		return n, &Flaw{Rule: "limit.size", Note: fmt.Sprintf("archive member unpacks to more than %d times its size", i.b.Limit.Ratio)}
	}
	return n, err
}
