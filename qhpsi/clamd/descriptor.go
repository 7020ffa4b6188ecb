package clamd

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
	"qguard/scan"
)

// fildes takes a descriptor. The job judges it.
func (c *conn) fildes(r reply, session bool) (job func(), err error) {
	start := time.Now()
	fd, err := c.claim(session)
	if err != nil {
		return nil, err
	}
	return func() {
		subject := fmt.Sprintf("fd[%d]", fd)
		m, file, err := passed(fd)
		if err != nil {
			r.about(subject, err.Error()+" ERROR")
			return
		}
		defer file.Close()
		r.about(subject, c.judge(m, start).line())
	}, nil
}

// qguard is fildes with a request. The message is all of the file.
func (c *conn) qguard(r reply, text string) (job func(), err error) {
	start := time.Now()
	fd, err := c.claim(false)
	if err != nil {
		return nil, err
	}
	m, file, err := passed(fd)
	if err != nil {
		return nil, refusal(fmt.Sprintf("fd[%d]: %v ERROR", fd, err))
	}
	request, err := qhpsi.ParseRequest(text)
	if err != nil {
		file.Close()
		return nil, errRequest
	}
	return func() {
		defer file.Close()
		m.Envelope, m.User = request.Envelope, request.User
		v := c.ask(m, start)
		if !request.JSON {
			r.about(fmt.Sprintf("fd[%d]", fd), v.line())
			return
		}
		answer, err := json.Marshal(qhpsi.NewAnswer(v.Verdict))
		if err != nil { // no value of ours is without JSON
			answer = []byte("QGUARD: no answer ERROR")
		}
		r.lines(string(answer))
	}, nil
}

// claim takes the next descriptor and the byte it comes with; it is then the
// caller's.
//
// QUIRK: clamd wants the byte after the command. Outside IDSESSION a descriptor
// that comes with the command itself is taken without: no other can follow.
func (c *conn) claim(session bool) (fd int, err error) {
	early := !session && c.r == c.w && len(c.pending) > 0 && !c.full
	for !early && c.r == c.w {
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	if !early {
		c.r++
	}
	if len(c.pending) == 0 {
		return 0, errNoDescriptor
	}
	fd = c.pending[0]
	c.pending = c.pending[1:]
	if fd == refused {
		return 0, errNoDescriptor
	}
	return fd, nil
}

// passed is the message in a file that a client has passed, from its beginning
// wherever the client's offset is. Errors are clamd's texts; fd is closed then.
func passed(fd int) (m scan.Message, file *os.File, err error) {
	var st unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	switch {
	case err != nil:
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = errNotRegular
	case flags&unix.O_ACCMODE == unix.O_WRONLY || flags&unix.O_PATH != 0:
		err = errNoAccess
	default:
		file = os.NewFile(uintptr(fd), "")
		return scan.Message{Content: file, Size: st.Size}, file, nil
	}
	unix.Close(fd)
	return m, nil, err
}

// receive reads once. Descriptors that come with the bytes are pending.
func (c *conn) receive(p []byte) (int, error) {
	if c.local == nil {
		return c.net.Read(p)
	}
	var control [24]byte // one descriptor; its padding has room for a second
	n, length, flags, _, err := c.local.ReadMsgUnix(p, control[:])
	if length > 0 || flags&unix.MSG_CTRUNC != 0 {
		c.pending = append(c.pending, descriptor(control[:length]))
	}
	return max(n, 0), err // -1 on an error
}

// descriptor returns the one that control data pass. More or less than one are
// closed.
func descriptor(control []byte) int {
	var list []int
	messages, _ := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		fds, _ := unix.ParseUnixRights(&m)
		list = append(list, fds...)
	}
	if len(list) == 1 {
		return list[0]
	}
	for _, fd := range list {
		unix.Close(fd)
	}
	return refused
}
