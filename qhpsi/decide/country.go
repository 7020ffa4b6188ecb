package decide

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// NoCountry is where nobody knows.
const NoCountry = "ZZ"

// Countries looks addresses up in a MaxMind DB file: country.iso_code of each
// network, as in GeoLite2, GeoIP2 and DB-IP's files of countries or cities
// (MaxMind DB format 2.0). The file is held in memory, not mapped: writing over a
// mapped file kills who reads it.
type Countries struct {
	path string
	base atomic.Pointer[maxminddb.Reader]
	seen *stamp // of the file last tried, good or bad; Refresh's
}

// A stamp tells one state of a file from another.
type stamp struct {
	dev, ino uint64
	size     int64
	mtime    time.Time
}

// NewCountries returns one that has read nothing yet: call Refresh.
func NewCountries(path string) *Countries { return &Countries{path: path} }

var errNoBase = errors.New("no database of countries")

// Refresh reads the file when it is another than last time, and tells of an
// error once for each. A file that is damaged, is still being written, or knows
// no countries changes nothing. It takes as long as reading the whole file does;
// one call at a time.
func (c *Countries) Refresh() error {
	f, err := os.Open(c.path)
	if err != nil {
		return c.once(stamp{}, err)
	}
	defer f.Close()
	before, err := stampOf(f)
	if err != nil {
		return c.once(stamp{}, err)
	}
	if c.seen != nil && *c.seen == before {
		return nil
	}
	base, bad := load(f, before.size)
	after, err := stampOf(f)
	if err != nil || after != before {
		return err // being written: the next call sees it whole
	}
	if bad != nil {
		return c.once(before, fmt.Errorf("%s: %w", c.path, bad))
	}
	c.seen = &before
	c.base.Store(base)
	return nil
}

// once remembers which file an error is about, the zero stamp for none, and
// returns the error if it is news.
func (c *Countries) once(s stamp, err error) error {
	if c.seen != nil && *c.seen == s {
		return nil
	}
	c.seen = &s
	return err
}

func stampOf(f *os.File) (stamp, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	if !info.Mode().IsRegular() {
		return stamp{}, fmt.Errorf("%s: not a file", f.Name())
	}
	s := stamp{size: info.Size(), mtime: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino = uint64(sys.Dev), sys.Ino
	}
	return s, nil
}

// Bounds of a database: the largest of cities have 150 MB and 10 million networks.
const (
	largestBase  = 512 << 20
	mostNetworks = 50_000_000
)

// load reads a database and looks whether every network's country can be read.
// Reader.Verify would also see to descriptions and languages, which a file of the
// administrator's own may lack.
func load(f *os.File, size int64) (*maxminddb.Reader, error) {
	if size > largestBase {
		return nil, fmt.Errorf("%d bytes are too many for a database of countries", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	base, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, err
	}
	networks, countries := 0, 0
	for network := range base.Networks() {
		code, err := decode(network)
		if err != nil {
			return nil, err
		}
		if code != NoCountry {
			countries++
		}
		if networks++; networks > mostNetworks {
			return nil, errors.New("its tree has no end")
		}
	}
	if countries == 0 {
		return nil, errors.New("it knows no countries")
	}
	return base, nil
}

// Country looks an address up.
func (c *Countries) Country(a netip.Addr) (string, error) {
	base := c.base.Load()
	if base == nil {
		return NoCountry, errNoBase
	}
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && base.Metadata.IPVersion == 4 {
		return NoCountry, nil
	}
	return decode(base.Lookup(a))
}

func decode(r maxminddb.Result) (string, error) {
	var code string
	if err := r.DecodePath(&code, "country", "iso_code"); err != nil {
		return NoCountry, fmt.Errorf("country: %w", err)
	}
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return NoCountry, nil
	}
	return code, nil
}
