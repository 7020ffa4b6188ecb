package clamd

import (
	"strconv"
	"time"
)

// A reply is where the answers to one command go.
type reply struct {
	c   *conn
	id  int  // in IDSESSION, from 1; else 0
	end byte // of every line
}

// lines writes all of them at once. After an error nothing more is written to
// the connection.
func (r reply) lines(list ...string) error {
	var out []byte
	for _, line := range list {
		if r.id > 0 {
			out = strconv.AppendInt(out, int64(r.id), 10)
			out = append(out, ": "...)
		}
		out = append(out, line...)
		out = append(out, r.end)
	}
	r.c.out.Lock()
	defer r.c.out.Unlock()
	if r.c.broken != nil {
		return r.c.broken
	}
	r.c.net.SetWriteDeadline(time.Now().Add(r.c.idle))
	_, r.c.broken = r.c.net.Write(out)
	return r.c.broken
}

// about writes answers about a subject.
func (r reply) about(subject string, answers ...string) error {
	list := make([]string, len(answers))
	for i, a := range answers {
		list[i] = subject + ": " + a
	}
	return r.lines(list...)
}
