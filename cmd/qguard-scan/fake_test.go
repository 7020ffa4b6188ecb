package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fakeCheckpassword is a checkpassword program that logs one line for each
// question and answers as its flags say. What it was asked is not logged.
func fakeCheckpassword() {
	log := flag.String("log", "", "file that gets a line for each question")
	right := flag.String("right", "", "the one right user:password")
	code := flag.Int("code", 1, "exit code for every other")
	hang := flag.Bool("hang", false, "never answer, not even to a signal")
	die := flag.Bool("die", false, "die of a signal")
	flag.Parse()
	question, err := io.ReadAll(os.NewFile(3, "question"))
	if err != nil {
		os.Exit(2)
	}
	if *log != "" {
		f, err := os.OpenFile(*log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			os.Exit(111)
		}
		fmt.Fprintln(f, "asked")
		f.Close()
	}
	if *hang {
		select {}
	}
	if *die {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	fields := strings.SplitN(string(question), "\x00", 3)
	if len(fields) == 3 && fields[0]+":"+fields[1] == *right {
		os.Exit(0)
	}
	os.Exit(*code)
}

// fakeQmailQueue stands for IndiMail's qmail-queue with QHPSI (qmail-contract
// section 3): it stores the message of standard input as mess/7/INODE in
// $QUEUEDIR and runs the command of $QHPSI as qhpsi would: words split on
// blanks, a word beginning with %s replaced by the relative path, a command of
// one word gets the path; descriptor 0 a pipe at its end, 1 the envelope's
// pipe, 2 the error pipe, 3 the message open for writing; current directory
// the queue. It prints what qmail-queue would exit with and what the scanner
// did to the descriptors.
func fakeQmailQueue() {
	message, err := io.ReadAll(os.Stdin)
	must(err)
	must(os.Chdir(os.Getenv("QUEUEDIR")))
	must(os.MkdirAll("mess/7", 0o755))
	stored, err := os.CreateTemp("mess/7", "new")
	must(err)
	_, err = stored.Write(message)
	must(err)
	info, err := stored.Stat()
	must(err)
	name := fmt.Sprintf("mess/7/%d", info.Sys().(*syscall.Stat_t).Ino)
	must(os.Rename(stored.Name(), name))

	envelope := []byte("Fsender@example.org\x00Tsomeone@example.net\x00\x00")
	stdinR, stdinW, err := os.Pipe()
	must(err)
	stdinW.Close()
	envR, envW, err := os.Pipe()
	must(err)
	envW.Write(envelope)
	envW.Close()
	errR, errW, err := os.Pipe()
	must(err)

	words := strings.Fields(os.Getenv("QHPSI"))
	if len(words) == 1 {
		words = append(words, name)
	}
	for i, w := range words {
		if strings.HasPrefix(w, "%s") {
			words[i] = name
		}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdinR, envR, errW
	cmd.ExtraFiles = []*os.File{stored}
	err = cmd.Run()
	errW.Close()
	said, _ := io.ReadAll(errR)
	left, _ := io.ReadAll(envR)
	after, err2 := os.ReadFile(name)
	must(err2)

	code := cmd.ProcessState.ExitCode()
	switch {
	case code < 0:
		fmt.Println("qmail-queue: 123 scanner crashed:", err)
	case code == 0:
		fmt.Println("qmail-queue: 0 X-QHPSI: clean")
	case code == 1:
		fmt.Println("qmail-queue: 33 X-QHPSI: Virus found")
	default:
		fmt.Println("qmail-queue: 77 scanner exit", code)
	}
	fmt.Println("fd 1 untouched:", bytes.Equal(left, envelope))
	fmt.Println("fd 3 untouched:", bytes.Equal(after, message))
	fmt.Printf("fd 2: %q\n", said)
}

// fakeQmailSMTPD is what tcpserver runs: the message to the end of input, then
// the queue program; the client reads what that says.
func fakeQmailSMTPD() {
	cmd := exec.Command("fake-qmail-queue")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stdout
	must(cmd.Run())
}

func must(err error) {
	if err != nil {
		fmt.Println("fake:", err)
		os.Exit(54)
	}
}

// send gives a file to the server whose port is in the file "port" and prints
// the answer.
func send(ts *testscript.TestScript, _ bool, args []string) {
	message := ts.ReadFile(args[0])
	port := ""
	for end := time.Now().Add(deadline); !strings.HasSuffix(port, "\n"); port = readIfThere(ts.MkAbs("port")) {
		if time.Now().After(end) {
			ts.Fatalf("the server names no port")
		}
		time.Sleep(5 * time.Millisecond)
	}
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strings.TrimSpace(port), deadline)
	ts.Check(err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(deadline))
	_, err = io.WriteString(conn, message)
	ts.Check(err)
	ts.Check(conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), answer, 0o644))
}

func readIfThere(name string) string {
	data, _ := os.ReadFile(name)
	return string(data)
}

// holdLock keeps others from a bbolt file.
func holdLock(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	ts.Check(syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	ts.Defer(func() { f.Close() })
}
