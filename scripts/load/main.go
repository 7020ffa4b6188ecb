// Command load asks clamd or qguardd about many mails at a time and says how it
// went in one line: verdicts, messages/s, and the time each asker waited.
//
//	load -socket PATH [-clients 8] [-messages 10000] [-size 3000] [-fildes] [-seed n]
//
// Every mail is another, so that no answer comes from a memory of clean content.
// It exits 1 unless all answers are ": OK".
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	var l load
	flag.StringVar(&l.socket, "socket", "", "")
	flag.IntVar(&l.clients, "clients", 8, "")
	flag.IntVar(&l.messages, "messages", 10000, "")
	flag.IntVar(&l.size, "size", 3000, "")
	flag.BoolVar(&l.fildes, "fildes", false, "")
	flag.Uint64Var(&l.seed, "seed", 0, "") // other mails than with another
	flag.Parse()
	if l.socket == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: load -socket path [-clients n] [-messages n] [-size bytes] [-fildes]")
		os.Exit(2)
	}
	os.Exit(l.run())
}

// A load is what is asked.
type load struct {
	socket            string
	clients, messages int
	size              int
	fildes            bool
	seed              uint64
}

func (l load) run() int {
	var next atomic.Int64
	var wrong atomic.Int64
	var first atomic.Pointer[string]
	took := make([][]time.Duration, l.clients)
	var wg sync.WaitGroup
	start := time.Now()
	for c := range l.clients {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(l.messages); n = next.Add(1) {
				mail := l.mail(uint64(n))
				begin := time.Now()
				answer, err := l.ask(mail)
				took[c] = append(took[c], time.Since(begin))
				if err != nil || !strings.HasSuffix(answer, ": OK") {
					wrong.Add(1)
					text := fmt.Sprintf("%q %v", answer, err)
					first.CompareAndSwap(nil, &text)
				}
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	at := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1000
	}
	way := "INSTREAM"
	if l.fildes {
		way = "FILDES"
	}
	fmt.Printf("%-8s %7d bytes  %6d mails  %d wrong  %8.0f /s  p50 %.2f ms  p99 %.2f ms\n",
		way, l.size, len(all), wrong.Load(), float64(len(all))/time.Since(start).Seconds(), at(0.5), at(0.99))
	if text := first.Load(); text != nil {
		fmt.Println("first wrong answer:", *text)
		return 1
	}
	return 0
}

// words is what mails are made of.
const words = "the meeting is moved to thursday because many of us are away on monday please bring figures for last quarter and think about next year kind regards from everybody here"

// mail is the n-th mail: a text, or above 20 KB one with an attachment.
func (l load) mail(n uint64) []byte {
	list := strings.Fields(words)
	r := rand.New(rand.NewPCG(n, l.seed))
	var b strings.Builder
	fmt.Fprintf(&b, "From: a%d@example.org\nTo: b@example.com\nSubject: minutes %d.%d\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n", n, l.seed, n)
	text := l.size
	if l.size > 20_000 {
		text = 3000
		b.WriteString("Content-Type: multipart/mixed; boundary=b\n\n--b\n")
	}
	b.WriteString("Content-Type: text/plain\n\n")
	for i := 1; b.Len() < text; i++ {
		b.WriteString(list[r.IntN(len(list))])
		b.WriteByte(" \n"[min(i%12/11, 1)])
	}
	if l.size > 20_000 {
		b.WriteString("\n--b\nContent-Type: image/jpeg; name=a.jpg\nContent-Disposition: attachment; filename=a.jpg\nContent-Transfer-Encoding: base64\n\n/9j/4AAQSkZJRgABAQ")
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		for i := 19; b.Len() < l.size-8; i++ {
			b.WriteByte(digits[r.IntN(64)])
			if i%76 == 0 {
				b.WriteByte('\n')
			}
		}
		b.WriteString("\n--b--\n")
	}
	return []byte(b.String())
}

// ask asks about one mail, on a connection of its own as most clients do.
func (l load) ask(mail []byte) (string, error) {
	conn, err := dial(l.socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if l.fildes {
		err = pass(conn, mail)
	} else {
		text := append([]byte("zINSTREAM\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(mail)))...)
		_, err = conn.Write(append(append(text, mail...), 0, 0, 0, 0))
	}
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return strings.TrimSuffix(string(answer), "\x00"), err
}

// dial waits while the server's queue of connections is full.
func dial(path string) (*net.UnixConn, error) {
	for {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if !errors.Is(err, unix.EAGAIN) {
			return conn, err
		}
		time.Sleep(time.Millisecond)
	}
}

// pass passes the mail as a file in memory.
func pass(conn *net.UnixConn, mail []byte) error {
	fd, err := unix.MemfdCreate("mail", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "mail")
	defer f.Close()
	if _, err := f.Write(mail); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("zFILDES\x00")); err != nil {
		return err
	}
	_, _, err = conn.WriteMsgUnix([]byte{0}, unix.UnixRights(fd), nil)
	return err
}
