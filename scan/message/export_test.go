package message

import "io"

// What the tests of this package look at from outside.
var (
	ReadBlock   = readBlock
	ParseHeader = parseHeader
	LooseHeader = looseHeader
	LooseParams = looseParams
	DecodeWords = decodeWords
	Lookup      = lookup
	ToUTF8      = toUTF8
)

// Sizes at whose edges the tests look.
const (
	Window       = window
	Chunk        = chunk
	MaxBoundary  = maxBoundary
	MaxSoftBreak = maxSoftBreak
)

// NewBase64 returns a base64Reader.
func NewBase64(r io.Reader) io.Reader { return &base64Reader{r: r} }

// NewQuoted returns a quotedReader.
func NewQuoted(r io.Reader) io.Reader { return &quotedReader{r: r} }

// Delimiter is a delimiter line as the splitter finds it.
type Delimiter struct {
	Before, After int64
	Final         bool
}

// Delimiters returns all delimiter lines of a body.
func Delimiters(body *io.SectionReader, boundary string) (list []Delimiter, err error) {
	s := splitter{raw: body, mark: []byte("\n--" + boundary)}
	for from := int64(0); ; {
		d, err := s.next(from)
		if err != nil || !d.found {
			return list, err
		}
		list = append(list, Delimiter{max(d.before, from), d.after, d.final})
		from = d.after
	}
}

// ParamReadings is paramReadings without its second result.
func ParamReadings(values []string, names ...string) []string {
	list, _ := paramReadings(values, names...)
	return list
}

// TidyParams is tidyParams.
var TidyParams = tidyParams

// LooseFields is looseHeaderFields.
func LooseFields(block []byte) (types, encodings []string, starts []int, odd bool) {
	l := looseHeaderFields(block)
	return l.types, l.encodings, l.starts, l.odd
}

// CRC16 is MacBinary's.
var CRC16 = crc16

// DecodeNamed decodes a body in an encoding known by name.
var DecodeNamed = decodeNamed

// NewRTF decompresses RTF.
var NewRTF = newRTF

// FindWindow is how much text the finder looks at in one go.
const FindWindow = findWindow
