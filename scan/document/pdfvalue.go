package document

import "slices"

// A pdfValue is an object (ISO 32000-1, 7.3) as far as it is kept.
type pdfValue struct {
	kind pdfKind
	cut  bool    // a string longer than what is kept
	num  float64 // value; object number of a reference
	text string  // of a name, string or word
	list []pdfValue
	keys []string // of a dictionary, one for each of list
}

// get returns the first value that a dictionary has for a key.
func (v *pdfValue) get(key string) pdfValue {
	for i, k := range v.keys {
		if k == key {
			return v.list[i]
		}
	}
	return pdfValue{}
}

// all calls f for every value of a key: readers differ on which of two counts.
func (v *pdfValue) all(key string, f func(pdfValue)) {
	for i, k := range v.keys {
		if k == key {
			f(v.list[i])
		}
	}
}

func (v *pdfValue) has(key string) bool {
	for _, k := range v.keys {
		if k == key {
			return true
		}
	}
	return false
}

// is reports whether some value of a key is this name.
func (v *pdfValue) is(key, name string) bool {
	for i, k := range v.keys {
		if k == key && v.list[i].kind == pdfName && v.list[i].text == name {
			return true
		}
	}
	return false
}

// int is a number as an integer; what is none, or absurd, is -1.
func (v pdfValue) int() int64 {
	if v.kind != pdfNumber || v.num < 0 || v.num > 1<<40 {
		return -1
	}
	return int64(v.num)
}

const (
	maxPDFNest  = 100      // arrays and dictionaries in one another
	maxPDFNodes = 16 << 10 // values kept of an object, then only those that matter
	maxPDFBytes = 1 << 20  // bytes kept of an object's strings
)

// pdfParser reads values. The first maxPDFNodes of an object are kept; of what
// follows only what pdfMatters: big objects are tables of numbers. Every
// dictionary is shown to each when it ends, kept or not.
type pdfParser struct {
	*pdfLexer
	each  func(*pdfValue) // may be nil
	items []pdfValue      // of the arrays and dictionaries that are open, in order
	keys  []string
	nodes int
	bytes int
	stop  bool // a word came that ends an object that was not closed
	deep  bool // maxPDFNest reached
	full  bool // twice maxPDFNodes reached
}

// finish reads the value whose first token has been read.
func (p *pdfParser) finish(kind pdfKind, depth int) (v pdfValue, ok bool) {
	switch kind {
	case pdfNumber:
		return pdfValue{kind: kind, num: p.num}, true
	case pdfName:
		return pdfValue{kind: kind, text: p.name()}, true
	case pdfString:
		if p.bytes += len(p.text); p.bytes > maxPDFBytes {
			return pdfValue{kind: kind, cut: true}, true
		}
		return pdfValue{kind: kind, text: string(p.text), cut: p.cut}, true
	case pdfWord:
		if string(p.text) == "null" {
			return pdfValue{}, true
		}
		p.ends(kind)
		return pdfValue{kind: kind, text: string(p.text)}, !p.stop
	case pdfArray, pdfDict:
		if depth >= maxPDFNest {
			p.deep = true
			return v, false
		}
		if kind == pdfArray {
			return p.array(depth)
		}
		return p.dict(depth)
	}
	return v, false
}

// ends reports the end of the data, or a word that cannot stand in an object:
// the object was not closed, and neither are those around it. The word is read
// again.
func (p *pdfParser) ends(kind pdfKind) bool {
	if kind == pdfWord {
		switch string(p.text) {
		case "obj", "endobj", "stream", "endstream", "xref", "trailer", "startxref":
			p.stop = true
			p.seek(p.at, p.end)
		}
	}
	p.stop = p.stop || kind == pdfNone
	return p.stop
}

func (p *pdfParser) array(depth int) (v pdfValue, ok bool) {
	v.kind = pdfArray
	from := len(p.items)
	defer func() {
		v.list = slices.Clone(p.items[from:])
		p.items = p.items[:from]
	}()
	for {
		kind := p.token()
		switch {
		case kind == pdfClose || p.ends(kind):
			return v, true
		case kind == pdfEnd:
			continue
		case kind == pdfWord && string(p.text) == "R":
			if n := len(p.items); n >= from+2 && p.items[n-1].kind == pdfNumber && p.items[n-2].kind == pdfNumber {
				p.items[n-2].kind = pdfRef
				p.items = p.items[:n-1]
				p.nodes--
			}
			continue
		}
		item, ok := p.finish(kind, depth+1)
		if p.deep {
			return v, false
		}
		if ok && p.nodes < maxPDFNodes {
			p.items = append(p.items, item)
			p.nodes++
		}
		if p.stop {
			return v, true
		}
	}
}

func (p *pdfParser) dict(depth int) (v pdfValue, ok bool) {
	v.kind = pdfDict
	var key string
	var item, second pdfValue
	haveKey, have := false, false
	from, fromKey := len(p.items), len(p.keys)
	flush := func() {
		if haveKey && have && p.keep(key) {
			p.keys = append(p.keys, key)
			p.items = append(p.items, item)
		}
		haveKey, have, second = false, false, pdfValue{}
	}
	for {
		kind := pdfNone
		if !p.stop {
			kind = p.token()
		}
		switch {
		case kind == pdfEnd || p.stop || p.ends(kind):
			flush()
			v.list, v.keys = slices.Clone(p.items[from:]), slices.Clone(p.keys[fromKey:])
			p.items, p.keys = p.items[:from], p.keys[:fromKey]
			if p.each != nil {
				p.each(&v)
			}
			return v, true
		case kind == pdfName && (!haveKey || have):
			flush()
			key, haveKey = p.name(), true
			continue
		case kind == pdfWord && string(p.text) == "R":
			if have && item.kind == pdfNumber && second.kind == pdfNumber {
				item.kind = pdfRef
			}
			continue
		case kind == pdfNumber && have:
			second = pdfValue{kind: pdfNumber, num: p.num}
			continue
		}
		next, ok := p.finish(kind, depth+1)
		if p.deep {
			return v, false
		}
		if ok && haveKey && !have {
			item, have = next, true
		}
	}
}

// name is the last name; the usual ones need no memory of their own.
func (p *pdfParser) name() string {
	if s, ok := p.names[string(p.text)]; ok {
		return s
	}
	s := string(p.text)
	if p.names != nil && len(p.names) < 1000 {
		p.names[s] = s
	}
	return s
}

// keep decides whether a dictionary's entry is kept, and counts it.
func (p *pdfParser) keep(key string) bool {
	if p.nodes >= maxPDFNodes && !pdfMatters(key) {
		return false
	}
	if p.nodes >= 2*maxPDFNodes {
		p.full = true
		return false
	}
	p.nodes++
	return true
}

// pdfMatters reports a key that the judgement of a dictionary needs.
func pdfMatters(key string) bool {
	switch key {
	case "S", "JS", "EF", "F", "UF", "DOS", "Mac", "Unix", "XFA", "Type", "Subtype", "JavaScript", "Before", "After",
		"AfterPermsReady", "Doc", "OnInstantiate", "N", "First", "Length", "Filter", "DecodeParms", "DP", "Encrypt", "ID":
		return true
	}
	return false
}
