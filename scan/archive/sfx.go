package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"

	"qguard/scan"
)

// stubSize is how far from the start, and from the end of a program's own image,
// unpackers look for an archive behind other bytes.
const stubSize = 1 << 20

// isStub reports what self-extractors begin with.
func isStub(head []byte) bool {
	for _, magic := range []string{"MZ", "\x7fELF", "#!"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// openBehind yields the members of an archive that stands behind other bytes: a
// self-extractor's program, or anything that is called .7z or .rar.
func openBehind(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	head, err := part(raw, 0, stubSize+32)
	if err != nil {
		return err
	}
	at, open := behind(raw, head, 0)
	if image := imageEnd(head); open == nil && image > 0 && image < raw.Size() {
		next, err := part(raw, image, stubSize+32)
		if err != nil {
			return err
		}
		at, open = behind(raw, next, image)
	}
	if open != nil {
		if err := b.Member(); err != nil {
			return err
		}
		return open(p, io.NewSectionReader(raw, at, raw.Size()-at), b, yield)
	}
	tail, err := part(raw, max(0, raw.Size()-endLen-1<<16), endLen+1<<16)
	if err != nil {
		return err
	}
	if i := bytes.LastIndex(tail, []byte(endSig)); i >= 0 && len(tail)-i >= endLen {
		return openZIPAt(p, raw, b, yield)
	}
	if p.Named(".7z", ".rar") {
		return unreadable("not an archive, though called one")
	}
	return nil
}

// part reads up to n bytes at an offset.
func part(raw *io.SectionReader, at, n int64) ([]byte, error) {
	buf := make([]byte, min(n, raw.Size()-at))
	k, err := raw.ReadAt(buf, at)
	if err == io.EOF {
		err = nil
	}
	return buf[:k], err
}

type openAt = func(*scan.Part, *io.SectionReader, *scan.Budget, func(*scan.Part) error) error

// behind looks for the first archive that begins in buf, which stands at base. A
// program may hold the mark for its own use: what follows it must fit.
func behind(raw *io.SectionReader, buf []byte, base int64) (at int64, open openAt) {
	for i := 0; i < len(buf)-8; i++ {
		if buf[i] != sevenMagic[0] && buf[i] != rarMagic[0] {
			continue
		}
		switch rest := buf[i:]; {
		case bytes.HasPrefix(rest, []byte(sevenMagic)) && is7z(rest):
			return base + int64(i), open7zAt
		case bytes.HasPrefix(rest, []byte(rarMagic)) && isRAR(rest):
			return base + int64(i), openRARAt
		}
	}
	return 0, nil
}

// is7z reports a start header whose sum is right.
func is7z(b []byte) bool {
	return len(b) >= sevenHead && crc32.ChecksumIEEE(b[12:sevenHead]) == binary.LittleEndian.Uint32(b[8:])
}

// isRAR reports a mark with the header of an archive, or of its encryption,
// behind it.
func isRAR(b []byte) bool {
	switch {
	case len(b) < 16:
		return false
	case b[6] == 0:
		return b[9] == 0x73 && u16(b[12:]) >= 13
	case b[6] != 1 || b[7] != 0:
		return false
	}
	r := &bytesReader{b: b[12:]}
	size, kind := r.varint(), r.varint()
	return !r.bad && size > 0 && size < 1<<16 && (kind == 1 || kind == 4)
}

// imageEnd returns where a Windows program's sections end, 0 when head is none
// (PE format, "Section table").
func imageEnd(head []byte) int64 {
	if len(head) < 0x40 || string(head[:2]) != "MZ" {
		return 0
	}
	pe := u32(head[0x3c:])
	if pe+24 > int64(len(head)) || string(head[pe:pe+4]) != "PE\x00\x00" {
		return 0
	}
	sections := int64(u16(head[pe+6:]))
	at := pe + 24 + int64(u16(head[pe+20:]))
	end := int64(0)
	for ; sections > 0 && at+40 <= int64(len(head)); sections-- {
		end = max(end, u32(head[at+16:])+u32(head[at+20:]))
		at += 40
	}
	return end
}

// isVolume reports the name of a volume behind the first, which has no mark of
// its own: a.7z.002, a.zip.002, a.z02.
func isVolume(p *scan.Part) bool {
	for _, name := range p.Names {
		name = strings.ToLower(name)
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			continue
		}
		base, ext := name[:i], name[i+1:]
		if len(ext) != 3 || strings.Trim(ext[1:], "0123456789") != "" {
			continue
		}
		numbered := ext[0] >= '0' && ext[0] <= '9'
		for _, kind := range []string{".7z", ".zip", ".rar", ".tar", ".gz", ".xz"} {
			if numbered && strings.HasSuffix(base, kind) {
				return true
			}
		}
		if ext[0] == 'z' {
			return true
		}
	}
	return false
}
