package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// longestAnswer bounds an answer, its LF included.
const longestAnswer = 512

// ask sends a line to a UNIX socket and returns the line that comes back, without
// its LF, and the connection, which is closed on exec. Whoever is slow is left
// behind: the descriptors of what was not finished go with exec.
func ask(socket, question string, wait time.Duration) (string, *os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("socket: %w", err)
	}
	conn := os.NewFile(uintptr(fd), socket)
	type reply struct {
		line string
		err  error
	}
	done := make(chan reply, 1)
	go func() {
		line, err := talk(fd, conn, socket, question)
		done <- reply{line, err}
	}()
	select {
	case r := <-done:
		return r.line, conn, r.err
	case <-time.After(wait):
		return "", nil, fmt.Errorf("no answer within %s", wait)
	}
}

// talk connects, asks and reads. Each may take for ever: connect(2) waits while a
// server's queue is full.
func talk(fd int, conn *os.File, socket, question string) (string, error) {
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	if _, err := conn.WriteString(question); err != nil {
		return "", fmt.Errorf("ask: %w", errors.Unwrap(err))
	}
	line, err := bufio.NewReaderSize(conn, longestAnswer).ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("the answer is too long")
	case err != nil:
		return "", errors.New("closed without an answer")
	}
	return string(line[:len(line)-1]), nil
}

// question asks about the client that tcpserver found. Its name is proven only
// where tcpserver was told to be paranoid, and then none means that there is none
// or that it is false.
func question(env []string, paranoid bool) (string, error) {
	remote, _ := lookup(env, "TCPREMOTEIP")
	if remote == "" {
		return "", errors.New("TCPREMOTEIP is not set: not asked")
	}
	if len(remote) > 64 {
		return "", errors.New("TCPREMOTEIP is no address: not asked")
	}
	rdns := ""
	if paranoid {
		rdns = " rdns=missing"
		if name, _ := lookup(env, "TCPREMOTEHOST"); name != "" {
			rdns = " rdns=good"
		}
	}
	return "conn remote=" + escape(remote) + rdns + " hold=1\n", nil
}

// escape writes a value as the grammar has it.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
