package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A server is one that was started and answers, or has ended by itself.
type server struct {
	cmd   *exec.Cmd
	said  *bytes.Buffer
	ended chan struct{}
}

// startServer starts a server and waits until its socket answers.
func startServer(cmd *exec.Cmd, socket string) (*server, error) {
	s := &server{cmd: cmd, said: new(bytes.Buffer), ended: make(chan struct{})}
	if cmd.Stdout == nil && cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = s.said, s.said
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return s, nil
		}
		select {
		case <-s.ended:
			return s, nil
		case <-time.After(time.Millisecond):
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s does not answer: %s", cmd.Path, s.said)
}

// gone reports whether it has ended.
func (s *server) gone() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// stop kills it and waits for its end.
func (s *server) stop() {
	s.cmd.Process.Kill()
	<-s.ended
}

// socket is where qguardd speaks clamd's protocol, milter where milter's.
func (t *torture) socket() string { return t.dir + "/s" }
func (t *torture) milter() string { return t.dir + "/m" }

// daemonRules adds what qguardd needs; what t.more says of [daemon] stands first.
func (t *torture) daemonRules() error {
	if !strings.Contains(t.more, "[daemon]\n") {
		t.more += "[daemon]\n"
	}
	t.more = strings.Replace(t.more, "[daemon]\n", fmt.Sprintf("[daemon]\nuser = \"nobody\"\nmode = \"0666\"\nspool = %q\nclamd = [\"unix:%s\"]\nmilter = [\"unix:%s\"]\n", t.spool, t.socket(), t.milter()), 1)
	return t.rules()
}

// startDaemon starts qguardd.
func (t *torture) startDaemon() (*server, error) {
	program, err := t.path("qguardd")
	if err != nil {
		return nil, err
	}
	return startServer(t.command(program, "-c", t.conf), t.milter()) // the last that it opens
}

// An answer is what a program without an envelope says of a mail.
type answer int

const (
	unsure answer = iota // or nothing
	clean
	found
)

// askStream asks for a mail as clamd's clients do. Who cannot connect tries
// again for a moment.
func askStream(socket, message string) (answer, string) {
	conn, err := net.Dial("unix", socket)
	for end := time.Now().Add(2 * time.Second); err != nil; conn, err = net.Dial("unix", socket) {
		if time.Now().After(end) {
			return unsure, "no connection"
		}
		time.Sleep(time.Millisecond)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(deadline))
	go func() {
		io.WriteString(conn, "zINSTREAM\x00")
		conn.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message))))
		io.WriteString(conn, message+"\x00\x00\x00\x00")
	}()
	reply, err := io.ReadAll(conn)
	text := strings.TrimRight(string(reply), "\x00\n")
	switch {
	case text == "stream: OK":
		return clean, text
	case strings.HasPrefix(text, "stream: QGuard.") && strings.HasSuffix(text, " FOUND"):
		return found, text
	case text == "" && err != nil:
		return unsure, "no answer: " + err.Error()
	case text == "":
		return unsure, "no answer"
	}
	return unsure, text
}

// judged holds an answer against the mail.
func (t *torture) judged(m *mail, a answer, said string) {
	switch {
	case a == clean && m.unsafe:
		t.wrong(passed, "%s: answered clean: %s", m.id, said)
	case a == found && !m.unsafe:
		t.wrong(odd, "%s: there is nothing to be found: %s", m.id, said)
	case strings.Contains(said, "goroutine ") && !t.mayCrash:
		t.wrong(odd, "%s: crashed: %s", m.id, said)
	}
}

// A score counts answers.
type score struct {
	mu    sync.Mutex
	count [3]int
	why   map[string]int
}

func (s *score) add(a answer, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		s.why = map[string]int{}
	}
	s.count[a]++
	if a == unsure {
		s.why[why]++
	}
}

func (s *score) String() string {
	return fmt.Sprintf("%d mails: %d clean, %d found, %d undecided or no answer", s.count[clean]+s.count[found]+s.count[unsure], s.count[clean], s.count[found], s.count[unsure])
}

// askAll asks qguardd about mails.
func (t *torture) askAll(mails []*mail) (string, error) {
	var s score
	err := t.each(mails, func(m *mail) error {
		a, said := askStream(t.socket(), m.message)
		t.judged(m, a, said)
		s.add(a, said)
		return nil
	})
	if err == nil && s.count[clean]+s.count[found] == 0 && !t.nothing {
		t.wrong(odd, "not one was judged: %v", s.why)
	}
	return s.String(), err
}
