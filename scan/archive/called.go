package archive

import (
	"io"

	"qguard/scan"
)

// officeNames are those of documents that are ZIP archives. QUIRK: Word offers to
// repair one with other bytes before it, and finds it by its end.
var officeNames = []string{
	".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xlsb", ".xltx", ".xltm", ".xlam",
	".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm", ".ppam", ".vsdx", ".vsdm",
	".odt", ".ods", ".odp", ".odg", ".ott", ".ots", ".otp",
}

// alsoCalled yields the members of an archive that a part's name speaks of and
// that stands behind what its first bytes are: the program that opens the name
// looks for a ZIP's end record or a RAR's mark, and cares for nothing before it.
// kind is the format of the first bytes.
func alsoCalled(p *scan.Part, kind string, b *scan.Budget, yield func(*scan.Part) error) error {
	zip := kind != "ZIP" && (p.Named(".zip", ".zipx", ".jar") || p.Named(officeNames...))
	other := kind != "7z" && kind != "RAR" && p.Named(".7z", ".rar")
	if !zip && !other {
		return nil
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	if zip {
		if ok, err := endsInZIP(raw, b); !ok {
			return err
		}
		if err := b.Member(); err != nil {
			return err
		}
		return openZIPAt(p, raw, b, yield)
	}
	head, err := part(raw, 0, stubSize+32)
	if err != nil {
		return err
	}
	at, open := behind(raw, head, 0)
	if open == nil {
		return nil
	}
	if err := b.Member(); err != nil {
		return err
	}
	return open(p, io.NewSectionReader(raw, at, raw.Size()-at), b, yield)
}

// endsInZIP reports an end record with its directory right before it.
func endsInZIP(raw *io.SectionReader, b *scan.Budget) (bool, error) {
	z := &zipFile{raw: raw, b: b}
	e, err := z.end()
	if err != nil {
		if isFlaw(err) {
			err = nil
		}
		return false, err
	}
	return e.count > 0 && e.stop >= e.size && z.is(e.stop-e.size, centralSig), nil
}

// openBrotli yields the one member of a file that is called Brotli's: the format
// (RFC 7932) has no mark and is not unpacked here.
func openBrotli(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	flaw := unreadable("Brotli file cannot be unpacked")
	if err := b.Member(); err != nil {
		return err
	}
	child := p.Member(trimmed(p, ".br")...)
	child.Open = func() (io.Reader, error) { return nil, flaw }
	return yield(child)
}
