package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// A liar is a server's way to fail: what it does with a connection. half is the
// beginning of a good answer.
type liar struct {
	done string
	slow bool // the deadline of whoever asks must pass
	talk func(conn net.Conn, half string)
}

// liars do as they are told to everybody who connects.
func liars() []liar {
	say := func(text string) func(net.Conn, string) {
		return func(conn net.Conn, _ string) {
			conn.Read(make([]byte, 1))
			io.WriteString(conn, text)
		}
	}
	return []liar{
		{"closes at once", false, func(net.Conn, string) {}},
		{"closes when it is asked", false, func(conn net.Conn, _ string) { conn.Read(make([]byte, 1)) }},
		{"half an answer, then closes", false, func(conn net.Conn, half string) { say(half)(conn, "") }},
		{"half an answer, then silence", true, func(conn net.Conn, half string) {
			say(half)(conn, "")
			io.Copy(io.Discard, conn)
		}},
		{"silence", true, func(conn net.Conn, _ string) { io.Copy(io.Discard, conn) }},
		{"a byte of its answer every second", true, func(conn net.Conn, half string) {
			for _, b := range []byte(half + half) {
				time.Sleep(time.Second)
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		}},
		{"random bytes", false, func(conn net.Conn, _ string) { say(string(random(5000)))(conn, "") }},
		{"random bytes without end", false, func(conn net.Conn, _ string) {
			for data := random(1 << 16); ; {
				if _, err := conn.Write(data); err != nil {
					return
				}
			}
		}},
		{"another protocol: 220 ESMTP", false, say("220 mail.example.org ESMTP\r\n")},
		{"an empty line, a NUL, a length of 0", false, say("\x00\x00\n\x00")},
	}
}

// An asked is a server that decides mails of some kinds.
type asked struct {
	program string
	rules   func(t *torture) string // that name its socket
	half    string
	decides []string // kinds of samples that are put off without it
	canary  bool
}

func (t *torture) liarSocket() string { return t.dir + "/liar" }

func servers() []fault {
	every := []string{"clean", "guess", "leak", "hold"}
	logins := []string{"guess", "leak"}
	list := []fault{}
	for _, a := range []asked{
		{"clamd", func(t *torture) string {
			return fmt.Sprintf("[virus]\nclamd = \"unix:%s\"\ntimeout = \"1s\"\n", t.liarSocket())
		}, "stream: O", every, false},
		{"qguardd", func(t *torture) string {
			return fmt.Sprintf("[daemon]\nsocket = \"unix:%s\"\nanswer = \"1s\"\n", t.liarSocket())
		}, `{"verdict":"clean","find`, append(every, "refuse"), false},
		{"saslauthd", func(t *torture) string { return t.login(`"saslauthd", "`+t.liarSocket()+`"`, "") }, "\x00\x02O", logins, false},
		{"dovecot", func(t *torture) string { return t.login(`"dovecot", "`+t.liarSocket()+`"`, "") },
			"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nDONE\nOK\t1\tuse", logins, false},
	} {
		for _, l := range liars() {
			list = append(list, fault{"server", a.program, l.done, l.slow && a.program != "clamd", func(t *torture) (string, error) {
				listener, err := net.Listen("unix", t.liarSocket())
				if err != nil {
					return "", err
				}
				defer listener.Close()
				go lie(listener, l, a.half)
				return t.without(a.rules(t), a.decides)
			}})
		}
		list = append(list, fault{"server", a.program, "no socket", false, func(t *torture) (string, error) {
			return t.without(a.rules(t), a.decides)
		}}, fault{"server", a.program, "a socket of one that died", false, func(t *torture) (string, error) {
			listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.liarSocket(), Net: "unix"})
			if err != nil {
				return "", err
			}
			listener.SetUnlinkOnClose(false)
			listener.Close()
			return t.without(a.rules(t), a.decides)
		}})
	}
	for _, p := range []struct{ done, script string }{
		{"is not there", ""},
		{"dies of SIGKILL", "#!/bin/sh\nkill -9 $$\n"},
		{"hangs", "#!/bin/sh\nexec sleep 60\n"},
		{"temporary failure, exit 111", "#!/bin/sh\nexit 111\n"},
		{"an exit status of no meaning, 42", "#!/bin/sh\nexit 42\n"},
		{"cannot be run", "#!/nonexistent/sh\n"},
		{"refuses everybody, the canary too", "#!/bin/sh\nexit 1\n"},
	} {
		list = append(list, fault{"server", "checkpassword", p.done, p.done == "hangs", func(t *torture) (string, error) {
			program := t.dir + "/check"
			if p.script != "" {
				if err := os.WriteFile(program, []byte(p.script), 0o755); err != nil {
					return "", err
				}
			}
			err := os.WriteFile(t.dir+"/canary", []byte(owner+":"+password+"\n"), 0o600)
			said, werr := t.without(t.login(`"checkpassword", "`+program+`"`, "canary = \"canary\""), logins)
			return said, errors.Join(err, werr)
		}})
	}
	return list
}

// lie talks to all who connect.
func lie(listener net.Listener, l liar, half string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(deadline))
			l.talk(conn, half)
		}()
	}
}

// without gives mail to qguard-queue, whose rules name somebody who fails:
// mails of the kinds that he decides are put off.
func (t *torture) without(more string, decides []string) (string, error) {
	t.more, t.excused = more, true
	t.nothing = slices.Contains(decides, "clean")
	if err := t.rules(); err != nil {
		return "", err
	}
	mails := samples(min(t.n/100+1, 4))
	for _, m := range mails {
		kind := strings.Split(m.id, "-")[1]
		m.doubt = slices.Contains(decides, kind)
	}
	return t.give(mails)
}
