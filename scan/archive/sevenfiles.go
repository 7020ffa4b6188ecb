package archive

import (
	"unicode/utf16"

	"qguard/scan"
)

// parse reads a header behind its tag: streams, then files.
func (s *seven) parse(b []byte) (*sevenStreams, []sevenFile, error) {
	r := &sevenReader{bytesReader{b: b}}
	streams := &sevenStreams{}
	var files []sevenFile
	for !r.bad {
		var err error
		switch r.byte() {
		case tagProperties:
			for tag := r.byte(); tag != tagEnd && !r.bad; tag = r.byte() {
				r.bytes(r.number())
			}
		case tagAdditional:
			_, err = r.streams(s.room.b)
		case tagMain:
			streams, err = r.streams(s.room.b)
		case tagFiles:
			files, err = r.files(s.room.b)
		case tagEnd:
			return streams, files, nil
		default:
			r.bad = true
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, unreadable("damaged archive: 7z header")
}

// files reads a FilesInfo: properties, each of all files. Of more files than the
// limit allows, one more is kept.
func (r *sevenReader) files(b *scan.Budget) ([]sevenFile, error) {
	total := r.count()
	files := make([]sevenFile, min(total, b.Limit.Members+1))
	for i := range files {
		files[i] = sevenFile{name: "unnamed", stream: true}
	}
	for !r.bad {
		tag := r.byte()
		if tag == tagEnd {
			break
		}
		p := &sevenReader{bytesReader{b: r.bytes(r.number())}}
		switch tag {
		case tagEmptyStream:
			without := p.flags(total)
			for i := range files {
				files[i].stream = !without(i)
			}
		case tagEmptyFile:
			p.emptyFiles(files)
		case tagNames:
			if p.byte() != 0 {
				return nil, unreadable("7z names in another stream")
			}
			for i := range files {
				if name := p.name(); name != "" {
					files[i].name = name
				}
			}
		}
		r.bad = r.bad || p.bad
	}
	return files, nil
}

// emptyFiles marks the files among what has no data.
func (r *sevenReader) emptyFiles(files []sevenFile) {
	n := 0
	for _, f := range files {
		if !f.stream {
			n++
		}
	}
	isFile := r.flags(n)
	n = 0
	for i := range files {
		if !files[i].stream {
			files[i].empty = isFile(n)
			n++
		}
	}
}

// name is UTF-16 up to a NUL.
func (r *sevenReader) name() string {
	var u []uint16
	for !r.bad {
		c := r.u16()
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u))
}
