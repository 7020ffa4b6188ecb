package archive

import (
	"io"

	"qguard/scan"
)

// Unzstd gives the tests the decoder without what counts and guards it.
func Unzstd(raw *io.SectionReader, b *scan.Budget) (io.Reader, error) {
	return unzstd(raw, &room{b: b})
}
