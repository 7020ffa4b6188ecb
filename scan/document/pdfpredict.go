package document

import "io"

// pdfPredict undoes the predictor of a Flate or LZW filter (ISO 32000-1,
// 7.4.4.4): 2 is TIFF's, 10 and up are PNG's. What is absurd counts as none.
func pdfPredict(r io.Reader, f pdfFilter) io.Reader {
	if f.predictor < 2 {
		return r
	}
	bits := f.colors * f.bits
	if f.colors < 1 || f.colors > 32 || f.bits < 1 || f.bits > 32 || f.columns < 1 || f.columns > 1<<20 || bits*f.columns > 1<<23 {
		return r
	}
	row := int(bits*f.columns+7) / 8
	p := &pdfPredicted{src: r, png: f.predictor >= 10, bytes: int(bits+7) / 8, row: make([]byte, row), above: make([]byte, row)}
	if !p.png && f.bits != 8 {
		return r // of pictures only
	}
	return p
}

type pdfPredicted struct {
	src        io.Reader
	png        bool
	bytes      int // of a pixel
	row, above []byte
	ready      []byte
	err        error
}

func (p *pdfPredicted) Read(out []byte) (int, error) {
	for len(p.ready) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.next()
	}
	n := copy(out, p.ready)
	p.ready = p.ready[n:]
	return n, nil
}

// next reads a row.
func (p *pdfPredicted) next() {
	kind := [1]byte{1}
	if p.png {
		if _, p.err = io.ReadFull(p.src, kind[:]); p.err != nil {
			return
		}
	}
	p.row, p.above = p.above, p.row
	n, err := io.ReadFull(p.src, p.row)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	p.err = err
	for i := range p.row[:n] {
		left, up, corner := byte(0), p.above[i], byte(0)
		if i >= p.bytes {
			left, corner = p.row[i-p.bytes], p.above[i-p.bytes]
		}
		switch kind[0] {
		case 1:
			p.row[i] += left
		case 2:
			p.row[i] += up
		case 3:
			p.row[i] += byte((int(left) + int(up)) / 2)
		case 4:
			p.row[i] += pdfPaeth(left, up, corner)
		}
	}
	p.ready = p.row[:n]
}

func pdfPaeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	pa, pb, pc := pdfAbs(p-int(a)), pdfAbs(p-int(b)), pdfAbs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func pdfAbs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
