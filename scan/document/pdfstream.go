package document

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sort"

	"qguard/scan"
)

// load reads the object at a place again.
func (d *pdfFile) load(l *pdfLexer, place pdfPlace, each func(*pdfValue)) (o pdfObject, ok bool) {
	d.work -= 256 // what going there costs
	o.place, o.id, o.gen = place, -1, -1
	if place&pdfPacked != 0 {
		c := d.container(int(place >> 20 & (1<<19 - 1)))
		i := int(place & (1<<20 - 1))
		if c == nil || i >= len(c.places) {
			return o, false
		}
		o.id, o.gen = int64(c.places[i].id), 0
		off := int64(c.places[i].off)
		inside := pdfLexer{src: c.data, names: d.aux.names, data: make([]byte, 0, 2<<10)}
		c.busy++
		defer c.done()
		ok = d.parse(&inside, off, c.data.Size(), &o, each)
		return o, ok
	}
	var before [64]byte
	off := int64(place)
	start := max(0, off-int64(len(before)))
	n, _ := d.raw.ReadAt(before[:off-start], start)
	if b, ok := bytes.CutSuffix(before[:n], []byte("obj")); ok {
		o.id, o.gen = pdfNumberBefore(b)
	}
	ok = d.parse(l, off, d.raw.Size(), &o, each)
	return o, ok
}

// resolve calls f for v, or for every object that v refers to: of an object
// that was changed each version counts.
func (d *pdfFile) resolve(v pdfObject, f func(pdfObject)) { d.follow(v, 4, f) }

func (d *pdfFile) follow(v pdfObject, hops int, f func(pdfObject)) {
	if v.kind != pdfRef {
		f(v)
		return
	}
	if hops == 0 {
		return
	}
	for _, place := range d.places(int64(v.num)) {
		if o, ok := d.load(&d.aux, pdfPlace(place)&(1<<pdfPlaceLen-1), nil); ok {
			d.follow(o, hops-1, f)
		}
	}
}

// places returns the index entries of an object number.
func (d *pdfFile) places(num int64) []uint64 {
	key := uint64(num&maxPDFNum) << pdfPlaceLen
	lo := sort.Search(len(d.index), func(i int) bool { return d.index[i] >= key })
	hi := lo
	for hi < len(d.index) && d.index[hi]>>pdfPlaceLen == key>>pdfPlaceLen {
		hi++
	}
	return d.index[lo:hi]
}

// last returns the version of v that was written last.
func (d *pdfFile) last(v pdfObject) (o pdfObject) {
	d.resolve(v, func(found pdfObject) { o = found })
	return o
}

// at returns a value of a dictionary as an object of the same standing.
func (o pdfObject) at(v pdfValue) pdfObject {
	return pdfObject{pdfValue: v, id: o.id, gen: o.gen, place: o.place}
}

// member is the last version of the value of a key.
func (d *pdfFile) member(o pdfObject, key string) pdfObject { return d.last(o.at(o.get(key))) }

// extent returns where the data of a stream ends: where its length says, if the
// word endstream stands there, else where that word stands next.
func (d *pdfFile) extent(o pdfObject) int64 {
	if o.to > 0 {
		return o.to
	}
	end := int64(-1)
	d.resolve(o.at(o.get("Length")), func(n pdfObject) {
		if l := n.int(); l >= 0 && end < 0 && l <= d.raw.Size()-o.stream && d.endsAt(o.stream+l) {
			end = o.stream + l
		}
	})
	if end >= 0 {
		return end
	}
	const word = "endstream"
	buf := make([]byte, 4<<10)
	for at := o.stream; d.work > 0; at += int64(len(buf) - len(word)) {
		n, err := d.raw.ReadAt(buf, at)
		d.work -= int64(n)
		if k := bytes.Index(buf[:n], []byte(word)); k >= 0 {
			return at + int64(k)
		}
		if err != nil {
			break
		}
	}
	return d.raw.Size()
}

func (d *pdfFile) endsAt(off int64) bool {
	var b [16]byte
	n, _ := d.raw.ReadAt(b[:], off)
	return bytes.HasPrefix(bytes.TrimLeft(b[:n], "\r\n \t"), []byte("endstream"))
}

// unpack opens the data of a stream with its filters undone.
func (d *pdfFile) unpack(o pdfObject) (io.Reader, error) {
	filters, err := d.filters(o)
	if err != nil {
		return nil, err
	}
	size := d.extent(o) - o.stream
	var r io.Reader = io.NewSectionReader(d.raw, o.stream, size)
	if d.crypt != nil {
		if r, err = d.crypt.stream(r, o, filters); err != nil {
			return nil, err
		}
	}
	return pdfUnpack(r, size, filters, d.b)
}

// filters lists the filters of a stream with their parameters.
func (d *pdfFile) filters(o pdfObject) (list []pdfFilter, err error) {
	n := 0
	o.all("Filter", func(pdfValue) { n++ })
	if n > 1 {
		return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "PDF stream with two lists of filters"}
	}
	parms := d.member(o, "DecodeParms")
	if parms.kind == pdfNone {
		parms = d.member(o, "DP")
	}
	add := func(name pdfObject, parms pdfObject) {
		f := pdfFilter{name: name.text, colors: 1, bits: 8, columns: 1, early: 1}
		for _, p := range []struct {
			key   string
			value *int64
		}{{"Predictor", &f.predictor}, {"Colors", &f.colors}, {"BitsPerComponent", &f.bits}, {"Columns", &f.columns}, {"EarlyChange", &f.early}} {
			if n := d.member(parms, p.key).int(); n >= 0 {
				*p.value = n
			}
		}
		f.early = min(f.early, 1)
		list = append(list, f)
	}
	switch f := d.member(o, "Filter"); f.kind {
	case pdfName:
		if parms.kind == pdfArray && len(parms.list) > 0 {
			parms = d.last(parms.at(parms.list[0]))
		}
		add(f, parms)
	case pdfArray:
		for i, name := range f.list[:min(len(f.list), maxPDFFilters+1)] {
			var p pdfObject
			if parms.kind == pdfArray && i < len(parms.list) {
				p = d.last(parms.at(parms.list[i]))
			} else if parms.kind == pdfDict && i == len(f.list)-1 {
				p = parms
			}
			add(d.last(f.at(name)), p)
		}
	}
	return list, nil
}

// A pdfContainer is an object stream (ISO 32000-1, 7.5.7), unpacked.
type pdfContainer struct {
	at     int // in pdfFile.containers
	data   *scan.Spool
	places []pdfPackedPlace
	busy   int  // readers at work
	old    bool // to be closed when the last is done
}

type pdfPackedPlace struct{ id, off uint32 }

// maxPacked is how many objects one object stream may hold.
const maxPDFPacked = 1 << 16

// expand files the objects of an object stream.
func (d *pdfFile) expand(i int) error {
	if err := d.b.Time(); err != nil {
		return err
	}
	c, err := d.openContainer(i)
	if err != nil {
		return err
	}
	if c == nil {
		return nil
	}
	d.work += 2 * c.data.Size()
	c.busy++
	defer c.done()
	inside := pdfLexer{src: c.data, names: d.aux.names, data: make([]byte, 0, 16<<10)}
	for k, at := range c.places {
		o := pdfObject{id: int64(at.id), place: pdfPacked | pdfPlace(i)<<20 | pdfPlace(k)}
		d.object(&inside, int64(at.off), c.data.Size(), o)
		if d.many() {
			return pdfTooMany()
		}
	}
	return nil
}

// container returns an object stream, unpacked again unless it was used lately.
func (d *pdfFile) container(i int) *pdfContainer {
	for _, c := range d.open {
		if c != nil && c.at == i {
			return c
		}
	}
	if i >= len(d.containers) {
		return nil
	}
	c, _ := d.openContainer(i)
	if c != nil {
		d.work -= c.data.Size() / 4 // unpacking is faster than reading
	}
	return c
}

// openContainer unpacks an object stream and keeps it; nil when there is nothing
// to be had, which is noted.
func (d *pdfFile) openContainer(i int) (*pdfContainer, error) {
	o, ok := d.load(&d.aux, d.containers[i], nil)
	if !ok || o.stream == 0 || d.locked {
		return nil, nil
	}
	r, err := d.unpack(o)
	c := &pdfContainer{at: i}
	if err == nil {
		s := &pdfSound{r: r}
		c.data, err = scan.NewSpool(s, int64(d.b.Limit.Inflated))
	}
	var flaw *scan.Flaw
	switch {
	case errors.Is(err, scan.ErrTooLong):
		return nil, &scan.Flaw{Rule: "limit.size", Note: "PDF object stream too large"}
	case errors.As(err, &flaw) && flaw.Rule == "xfile.unreadable":
		d.add(flaw)
		return nil, nil
	case err != nil:
		return nil, err
	}
	d.header(c, d.member(o, "N").int(), d.member(o, "First").int())
	if len(c.places) == 0 && d.member(o, "N").int() != 0 {
		c.data.Close()
		d.flaw("xfile.unreadable", "PDF object stream cannot be unpacked")
		return nil, nil
	}
	if d.open[1] != nil {
		d.open[1].close()
	}
	d.open[0], d.open[1] = c, d.open[0]
	return c, nil
}

// header reads the numbers and offsets before the objects.
func (d *pdfFile) header(c *pdfContainer, n, first int64) {
	l := pdfLexer{src: c.data, names: d.aux.names, data: make([]byte, 0, 4<<10)}
	l.seek(0, c.data.Size())
	for first >= 0 && int64(len(c.places)) < n && l.token() == pdfNumber {
		id := int64(l.num)
		if l.token() != pdfNumber || l.num < 0 || l.num >= float64(c.data.Size()-first) {
			break
		}
		if len(c.places) == maxPDFPacked {
			d.flaw("limit.size", "PDF object stream with too many objects")
			break
		}
		c.places = append(c.places, pdfPackedPlace{uint32(id & maxPDFNum), uint32(first + int64(l.num))})
	}
	c.places = slices.Clip(c.places)
}

// close gives the data up once nobody reads it.
func (c *pdfContainer) close() {
	if c.old = true; c.busy == 0 {
		c.data.Close()
	}
}

func (c *pdfContainer) done() {
	if c.busy--; c.busy == 0 && c.old {
		c.data.Close()
	}
}

func (d *pdfFile) close() {
	for i, c := range d.open {
		if c != nil {
			c.close()
		}
		d.open[i] = nil
	}
}

// pdfSound ends where a decompressor complains: readers show what came before.
type pdfSound struct{ r io.Reader }

func (s *pdfSound) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	var flaw *scan.Flaw
	var sys interface{ Timeout() bool } // fs.PathError and syscall.Errno have it
	if err != nil && !errors.As(err, &flaw) && !errors.As(err, &sys) {
		err = io.EOF
	}
	return n, err
}
