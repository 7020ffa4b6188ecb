package archive

import (
	"slices"

	"qguard/scan"
)

// A tree is the files of an image that several directories list: the same bytes
// are one member with all its names.
type tree struct {
	v     *volume
	files []treeFile
	known map[piece]int // first piece: index in files
	held  int           // bytes of names and pieces, about
}

type treeFile struct {
	names  []string
	pieces []piece
	data   []byte // not nil: the bytes, instead of pieces
	why    error  // not nil: the bytes cannot be had
}

// maxNames is how many names one member has at most; a file with more links is
// several members.
const maxNames = 8

// maxTree is how much memory the list of an image's files may take.
const maxTree = 8 << 20

// add keeps a file; the error is a limit.
func (t *tree) add(names []string, pieces []piece, why error) error {
	return t.addFile(treeFile{names: names, pieces: pieces, why: why})
}

func (t *tree) addFile(f treeFile) error {
	names, pieces := f.names, f.pieces
	if t.known == nil {
		t.known = map[piece]int{}
	}
	t.held += 16*len(pieces) + len(f.data)
	for _, name := range names {
		t.held += len(name)
	}
	if t.held > maxTree {
		return &scan.Flaw{Rule: "limit.size", Note: t.v.kind + ": too many names or fragments"}
	}
	key := piece{}
	if len(pieces) > 0 && f.why == nil {
		key = pieces[0]
	}
	same, ok := t.known[key]
	if ok && key.n > 0 && key.off >= 0 && slices.Equal(t.files[same].pieces, pieces) && len(t.files[same].names)+len(names) <= maxNames {
		f := &t.files[same]
		for _, name := range names {
			if !slices.Contains(f.names, name) {
				f.names = append(f.names, name)
			}
		}
		return t.v.b.Time()
	}
	if len(t.files) > t.v.b.Limit.Members {
		return t.v.b.Time() // flush says so
	}
	t.known[key] = len(t.files)
	t.files = append(t.files, f)
	return t.v.b.Time()
}

// flush yields the files.
func (t *tree) flush() error {
	for _, f := range t.files {
		var err error
		switch {
		case f.why != nil:
			err = t.v.closed(f.names, f.why)
		case f.data != nil:
			err = t.v.inline(f.names, f.data)
		default:
			err = t.v.member(f.names, f.pieces)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
