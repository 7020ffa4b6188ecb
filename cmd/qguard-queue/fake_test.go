package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A caller is one message as qmail-smtpd gives it to a queue program
// (qmail.c: qmail_open, qmail_close).
type caller struct {
	Argv     []string
	Env      []string
	Dir      string
	Message  []byte
	Envelope []byte
	ErrorFD  int           // number of the error pipe; 0 = none
	Stall    bool          // never finishes the message
	TermFile string        // SIGTERM once this file is there
	TermIn   time.Duration // SIGTERM after so long; 0 = never
}

// An answer is what the client sees of it.
type answer struct {
	Exit   int // -1: a signal
	Text   string
	Stderr string
	Broken bool // it did not read everything
}

// run calls the program: the whole message, then the envelope, then the error
// pipe to its end, then the exit code.
func (c caller) run() (a answer, err error) {
	messageR, messageW, err := os.Pipe()
	if err != nil {
		return a, err
	}
	envelopeR, envelopeW, err := os.Pipe()
	if err != nil {
		return a, err
	}
	textR, textW, err := os.Pipe()
	if err != nil {
		return a, err
	}
	stray, err := os.Open(os.DevNull)
	if err != nil {
		return a, err
	}
	defer stray.Close()
	stderr, err := os.CreateTemp("", "stderr") // a pipe would be an error pipe to IndiMail's dialect
	if err != nil {
		return a, err
	}
	defer stderr.Close()
	defer os.Remove(stderr.Name())
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = messageR, envelopeR, stderr
	cmd.ExtraFiles = make([]*os.File, 7)
	cmd.ExtraFiles[6] = stray // descriptor 9 is nobody's business
	switch {
	case c.ErrorFD == 2:
		cmd.Stderr = textW
	case c.ErrorFD > 2:
		cmd.ExtraFiles[c.ErrorFD-3] = textW
	}
	if err := cmd.Start(); err != nil {
		return a, err
	}
	messageR.Close()
	envelopeR.Close()
	textW.Close()
	if c.TermFile != "" {
		go func() {
			for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if _, err := os.Stat(c.TermFile); err == nil {
					break
				}
			}
			cmd.Process.Signal(syscall.SIGTERM)
		}()
	}
	if c.TermIn > 0 {
		time.AfterFunc(c.TermIn, func() { cmd.Process.Signal(syscall.SIGTERM) })
	}
	_, merr := messageW.Write(c.Message)
	if !c.Stall {
		messageW.Close()
	}
	_, eerr := envelopeW.Write(c.Envelope)
	envelopeW.Close()
	text, err := io.ReadAll(textR)
	if err != nil {
		return a, err
	}
	err = cmd.Wait()
	if ee := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ee) {
		return a, err
	}
	said, err := os.ReadFile(stderr.Name())
	a = answer{Exit: cmd.ProcessState.ExitCode(), Text: string(text), Stderr: string(said), Broken: merr != nil || eerr != nil}
	return a, err
}

// envelopeOf writes an envelope.
func envelopeOf(from string, to ...string) []byte {
	var b bytes.Buffer
	b.WriteString("F" + from + "\x00")
	for _, addr := range to {
		b.WriteString("T" + addr + "\x00")
	}
	b.WriteByte(0)
	return b.Bytes()
}

// fakeSMTPD is caller.run as a program. It prints the text and what it thinks
// of the answer, and exits as the queue program did, 200 for a signal.
func fakeSMTPD() {
	fd := flag.Int("fd", 0, "number of the error pipe")
	from := flag.String("from", "sender@example.org", "")
	to := flag.String("to", "someone@example.net", "recipients, with blanks between")
	raw := flag.String("raw", "", "the envelope as a Go string without quotes")
	program := flag.String("program", "qguard-queue", "with its arguments")
	term := flag.String("term", "", "file after whose coming SIGTERM is sent")
	termIn := flag.Duration("termin", 0, "SIGTERM after this time")
	stall := flag.Bool("stall", false, "never end the message")
	flag.Parse()
	message, err := os.ReadFile(flag.Arg(0))
	must(err)
	c := caller{
		Argv: strings.Fields(*program), Message: message, Envelope: envelopeOf(*from, strings.Fields(*to)...),
		ErrorFD: *fd, TermFile: *term, TermIn: *termIn, Stall: *stall,
	}
	if *raw != "" {
		text, err := strconv.Unquote(`"` + *raw + `"`)
		must(err)
		c.Envelope = []byte(text)
	}
	a, err := c.run()
	must(err)
	fmt.Fprint(os.Stderr, a.Stderr)
	if *fd != 0 {
		fmt.Printf("text %q\n", a.Text)
	}
	fmt.Println("broken", a.Broken)
	if a.Exit < 0 {
		a.Exit = 200
	}
	os.Exit(a.Exit)
}

// fakeNext stands for qmail-queue. It records the message and the envelope, byte
// for byte, in $RECORD/N, where N is the number of the call; the directory
// appears when the envelope's last NUL is there. $FAKE, and $FAKE_N before it, is a list of:
//
//	exit=N    exit so after reading, nothing queued
//	early=N   exit so without reading
//	hang      write $RECORD/started and stay, before reading
//	die       die of SIGKILL
//	deaf      close descriptor 0 after 10 bytes, read the envelope
//	reply=T   write T to the descriptor $FAKE_FD before exit
//	child     leave a process behind that holds every descriptor for a while
func fakeNext() {
	record := os.Getenv("RECORD")
	calls, err := os.OpenFile(filepath.Join(record, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	_, err = calls.WriteString(".")
	must(err)
	info, err := calls.Stat()
	must(err)
	call := strconv.FormatInt(info.Size(), 10)
	calls.Close()

	orders, ok := os.LookupEnv("FAKE_" + call)
	if !ok {
		orders = os.Getenv("FAKE")
	}
	order := map[string]string{}
	for _, o := range strings.Split(orders, ";") {
		key, value, _ := strings.Cut(o, "=")
		order[key] = value
	}
	has := func(key string) bool { _, ok := order[key]; return ok }
	number := func(key string) int { n, err := strconv.Atoi(order[key]); must(err); return n }

	dir := filepath.Join(record, "tmp"+call)
	must(os.Mkdir(dir, 0o700))
	save := func(name string, data []byte) { must(os.WriteFile(filepath.Join(dir, name), data, 0o600)) }
	save("argv", []byte(strings.Join(os.Args[1:], "\n")+"\n"))
	save("environ", []byte(strings.Join(os.Environ(), "\n")+"\n"))
	save("descriptors", []byte(descriptors()))
	if has("reply") {
		fd, err := strconv.Atoi(os.Getenv("FAKE_FD"))
		must(err)
		_, err = os.NewFile(uintptr(fd), "reply").WriteString(order["reply"])
		must(err)
	}
	switch {
	case has("early"):
		os.Exit(number("early"))
	case has("hang"):
		must(os.WriteFile(filepath.Join(record, "started"), nil, 0o600))
		time.Sleep(time.Minute)
	case has("die"):
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case has("child"):
		cmd := exec.Command("sleep", "3")
		cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = os.Stdin, os.Stdout, &syscall.SysProcAttr{Setsid: true}
		must(cmd.Start())
	case has("deaf"):
		io.ReadFull(os.Stdin, make([]byte, 10))
		os.Stdin.Close()
	}
	var message []byte
	if !has("deaf") {
		message, err = io.ReadAll(os.Stdin)
		must(err)
	}
	save("message", message)
	envelope, err := io.ReadAll(os.Stdout)
	must(err)
	save("envelope", bytes.ReplaceAll(envelope, []byte("\x00"), []byte("\n")))
	switch {
	case !bytes.HasSuffix(envelope, []byte("\x00\x00")):
		os.Exit(54)
	case has("exit"):
		os.Exit(number("exit"))
	}
	must(os.Rename(dir, filepath.Join(record, call)))
}

// descriptors lists those that are open beside what Go opened.
func descriptors() string {
	entries, err := os.ReadDir("/proc/self/fd")
	must(err)
	var list []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode") && !strings.HasPrefix(target, "/proc/") && !strings.HasPrefix(target, "/sys/") {
			list = append(list, e.Name())
		}
	}
	return strings.Join(list, " ") + "\n"
}

// fakeScanner is a virus scanner. Its arguments are the exit status, then
// anything; $SCANNED gets them, the files among them by their content.
func fakeScanner() {
	log, err := os.OpenFile(os.Getenv("SCANNED"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	var words []string
	for _, a := range os.Args[1:] {
		if text, err := os.ReadFile(a); err == nil {
			a = fmt.Sprintf("file of %d", len(text))
		}
		words = append(words, a)
	}
	fmt.Fprintln(log, strings.Join(words, "|"))
	fmt.Println("noise on 1")
	fmt.Fprintln(os.Stderr, "noise on 2")
	if code := os.Getenv("SCANNER_EXIT"); code == "die" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	} else if code != "" {
		n, err := strconv.Atoi(code)
		must(err)
		os.Exit(n)
	}
}

// fakeBig writes a clean message of 2 MB.
func fakeBig() {
	must(os.WriteFile(os.Args[1], []byte("Subject: big\n\n"+strings.Repeat("All work and no play.\n", 100000)), 0o600))
}

// fakeCheckpassword knows one login.
func fakeCheckpassword() {
	question, err := io.ReadAll(os.NewFile(3, "question"))
	must(err)
	if fields := strings.SplitN(string(question), "\x00", 3); len(fields) == 3 && fields[0]+":"+fields[1] == os.Args[1] {
		os.Exit(0)
	}
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(99)
	}
}
