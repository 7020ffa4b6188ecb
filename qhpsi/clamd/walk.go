package clamd

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"qguard/scan"
)

const (
	maxDepth = 15  // directories in one another, as clamd's MaxDirectoryRecursion
	batch    = 256 // names of a directory that are read at a time
)

// A manner is how a path is scanned.
type manner struct {
	all      bool // every finding of a file, not the gravest only
	on       bool // after a hit too
	parallel bool
}

// scan is the job of SCAN and its kin.
func (c *conn) scan(ctx context.Context, r reply, how manner, path string) (job func()) {
	return func() {
		src, err := open(c.rules().Daemon.Paths, path)
		if err != nil {
			r.about(path, pathError(err))
			return
		}
		if !src.dir {
			_, answers := c.file(src, how)
			r.about(path, answers...)
			return
		}
		w := walk{c: c, ctx: ctx, r: r, how: how, places: make(chan struct{}, runtime.GOMAXPROCS(0))}
		w.dir(src, path, 1)
		w.running.Wait()
		if !w.said.Load() {
			r.about(path, "OK")
		}
	}
}

// file judges one and closes it.
func (c *conn) file(src source, how manner) (state scan.State, answers []string) {
	defer src.Close()
	v := c.judge(scan.Message{Content: src, Size: src.size}, time.Now())
	if how.all {
		return v.State(), v.lines()
	}
	return v.State(), []string{v.line()}
}

// A walk is through a directory and those in it.
type walk struct {
	c   *conn
	ctx context.Context
	r   reply
	how manner

	places  chan struct{} // of what is judged in parallel
	running sync.WaitGroup
	said    atomic.Bool // of a file: so the directory is not OK
	over    atomic.Bool // a hit that ends it, or nobody listens
}

// tell answers about a file or directory in which something is wrong.
func (w *walk) tell(name string, answers ...string) {
	w.said.Store(true)
	if w.r.about(name, answers...) != nil {
		w.over.Store(true)
	}
}

// dir walks one and closes it. Links and special files in it are passed over.
func (w *walk) dir(src source, name string, depth int) {
	defer src.Close()
	if depth > maxDepth {
		w.tell(name, "too many directories in one another ERROR")
		return
	}
	for {
		entries, err := src.Readdirnames(batch)
		for _, entry := range entries {
			if w.stopped(name) {
				return
			}
			w.entry(int(src.Fd()), entry, strings.TrimSuffix(name, "/")+"/"+shown(entry), depth)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			w.tell(name, pathError(err))
			return
		}
	}
}

// stopped reports whether the walk is over. One that ends with the server is no
// clean one.
func (w *walk) stopped(name string) bool {
	if w.over.Load() {
		return true
	}
	if w.ctx.Err() == nil {
		return false
	}
	w.tell(name, "stopping, try again later ERROR")
	w.over.Store(true)
	return true
}

// shown is a file's name as a reply may have it: it ends no line.
func shown(name string) string {
	safe := []byte(name)
	for i, b := range safe {
		if b < ' ' || b == 0x7f {
			safe[i] = '?'
		}
	}
	return string(safe)
}

func (w *walk) entry(at int, entry, name string, depth int) {
	src, err := openAt(at, entry, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	switch {
	case err == unix.ELOOP || err == unix.ENOENT || errors.Is(err, errFileType):
		return // a link, gone meanwhile, or no file
	case err != nil:
		w.tell(name, pathError(err))
	case src.dir:
		w.dir(src, name, depth+1)
	case w.how.parallel:
		w.places <- struct{}{}
		w.running.Go(func() {
			defer func() { <-w.places }()
			w.file(src, name)
		})
	default:
		w.file(src, name)
	}
}

func (w *walk) file(src source, name string) {
	state, answers := w.c.file(src, w.how)
	if state == scan.Clean {
		return
	}
	w.tell(name, answers...)
	if state == scan.Found && !w.how.on {
		w.over.Store(true)
	}
}
