package document

import "math"

// A pdfMatrix is [a b c d e f] of ISO 32000-1, 8.3.3.
type pdfMatrix [6]float64

var pdfIdentity = pdfMatrix{1, 0, 0, 1, 0, 0}

// times is m, then n.
func (m pdfMatrix) times(n pdfMatrix) pdfMatrix {
	return pdfMatrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfState is the graphics state as far as text needs it.
type pdfState struct {
	ctm, line, at                              pdfMatrix
	font                                       *pdfFont
	size, charSpace, wordSpace, scale, leading float64
}

func newPDFState() pdfState {
	return pdfState{ctm: pdfIdentity, line: pdfIdentity, at: pdfIdentity, scale: 1}
}

// move goes to the start of another line.
func (s *pdfState) move(x, y float64) {
	s.line = pdfMatrix{1, 0, 0, 1, x, y}.times(s.line)
	s.at = s.line
}

// advance goes along the line, in units of text space.
func (s *pdfState) advance(x float64) {
	s.at = pdfMatrix{1, 0, 0, 1, x, 0}.times(s.at)
}

// pdfLines remembers where the last glyph ended.
type pdfLines struct {
	x, y float64
	any  bool
}

// show writes the strings of a Tj or TJ.
func (t *pdfTextReader) show(s *pdfState, v pdfValue) {
	if s.font == nil {
		return
	}
	switch v.kind {
	case pdfString:
		t.string(s, v.text)
	case pdfArray:
		for _, item := range v.list {
			switch item.kind {
			case pdfString:
				t.string(s, item.text)
			case pdfNumber:
				s.advance(-item.num / 1000 * s.size * s.scale)
			}
		}
	}
}

func (t *pdfTextReader) string(s *pdfState, codes string) {
	t.place(s)
	for len(codes) > 0 {
		code, n := s.font.code(codes)
		space := s.charSpace
		if n == 1 && code == ' ' {
			space += s.wordSpace
		}
		codes = codes[n:]
		t.out = s.font.append(t.out, code)
		s.advance((s.font.width(code)/1000*s.size + space) * s.scale)
	}
	m := s.at.times(s.ctm)
	t.lines = pdfLines{x: m[4], y: m[5], any: true}
}

// place writes what stands between the last string and this one.
func (t *pdfTextReader) place(s *pdfState) {
	if !t.lines.any {
		return
	}
	m := s.at.times(s.ctm)
	dx, dy := m[4]-t.lines.x, m[5]-t.lines.y
	unit := math.Hypot(m[0], m[1])
	if unit == 0 {
		return
	}
	em := math.Abs(s.size) * unit
	along := (dx*m[0] + dy*m[1]) / unit
	across := (dy*m[0] - dx*m[1]) / unit
	switch {
	case math.Abs(across) > 0.6*em, along < -2*em:
		t.out = append(t.out, '\n')
	case along > 0.2*em, along < -0.6*em, math.IsNaN(along):
		t.out = append(t.out, ' ')
	}
}
