package clamd

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"qguard/rules"
)

// watch notes how many descriptors and goroutines there are. The function waits
// until there are no more than that again.
func watch(t *testing.T) (settle func()) {
	t.Helper()
	count := func() (int, int) {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list), runtime.NumGoroutine()
	}
	files, routines := count()
	return func() {
		t.Helper()
		var f, r int
		until(t, "descriptors and goroutines given back", func() bool {
			f, r = count()
			return f <= files && r <= routines
		})
		t.Logf("%d of %d descriptors, %d of %d goroutines", f, files, r, routines)
	}
}

// steady has a first conversation on both networks, so that what stays open
// for good is open.
func steady(t *testing.T, p peer) {
	t.Helper()
	p.ask(t, "zPING\x00")
	talk(t, "tcp", p.tcp, "zPING\x00")
}

// TestSilent: 500 connections that say nothing, little or one byte at a time
// keep nobody from an answer, and are closed.
func TestSilent(t *testing.T) {
	h := newHouse()
	h.config.Daemon.Connections = 600
	h.config.Daemon.Idle = rules.Duration(3 * time.Second)
	s := &Server{Host: h}
	p := serve(t, s)
	steady(t, p)
	settle := watch(t)
	begin := []string{"", "z", "PI", "zINSTREAM\x00", "zINSTREAM\x00\x00", "zINSTREAM\x00" + length(limit) + "x", "zFILDES\x00", "zIDSESSION\x00", "zIDSESSION\x00zPING\x00", "nSCAN /x"}
	drip := []bool{false, true}
	var conns []net.Conn
	closed := make(chan string, 500)
	for i := range 500 {
		network, address := "unix", p.unix
		if i%3 == 0 {
			network, address = "tcp", p.tcp
		}
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(conn, begin[i%len(begin)])
		conns = append(conns, conn)
		go func() {
			out, err := io.ReadAll(conn)
			if err != nil && os.IsTimeout(err) {
				out = []byte("not closed")
			}
			closed <- string(out)
		}()
	}
	until(t, "500 connections", func() bool { return s.open.Load() == 500 })
	stop := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			for i, conn := range conns {
				if drip[i/len(begin)%2] {
					conn.Write([]byte("\x01"))
				}
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	for range 50 {
		if got := plain(p.ask(t, "zINSTREAM\x00"+stream(badMail))); got != "stream: ONE FOUND\x00" {
			t.Fatalf("%q", got)
		}
	}
	if n := s.open.Load(); n < 250 {
		t.Errorf("only %d connections were open meanwhile", n)
	}
	said := map[string]int{}
	for range 500 {
		said[<-closed]++
	}
	close(stop)
	dripping.Wait()
	for _, conn := range conns {
		conn.Close()
	}
	t.Logf("%v", said)
	for text := range said {
		if text == "not closed" || strings.Contains(text, "OK") {
			t.Errorf("%q", text)
		}
	}
	settle()
}

// TestPipelined sends 10,000 commands of a session in one go.
func TestPipelined(t *testing.T) {
	h := newHouse()
	p := serve(t, &Server{Host: h, Version: "qguardd test"})
	steady(t, p)
	settle := watch(t)
	conn := dial(t, p)
	go func() {
		var b strings.Builder
		b.WriteString("zIDSESSION\x00")
		for i := range 10_000 {
			switch i % 10 {
			case 0:
				b.WriteString("zINSTREAM\x00" + stream(badMail))
			case 5:
				b.WriteString("zINSTREAM\x00" + stream(cleanMail))
			default:
				b.WriteString("zPING\x00")
			}
		}
		b.WriteString("zEND\x00")
		io.WriteString(conn, b.String())
	}()
	seen := map[int]string{}
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString(0)
		if err != nil {
			break
		}
		var id int
		fmt.Sscanf(line, "%d:", &id)
		_, text, _ := strings.Cut(strings.TrimSuffix(plain(line), "\x00"), ": ")
		if seen[id] != "" {
			t.Errorf("%d twice", id)
		}
		seen[id] = text
	}
	for i := range 10_000 {
		want := "PONG"
		switch i % 10 {
		case 0:
			want = "stream: ONE FOUND"
		case 5:
			want = "stream: OK"
		}
		if seen[i+1] != want {
			t.Fatalf("%d: %q, want %q", i+1, seen[i+1], want)
		}
	}
	if len(seen) != 10_000 || len(h.records()) != 2000 {
		t.Errorf("%d answers, %d judged", len(seen), len(h.records()))
	}
	conn.Close()
	settle()
}

// TestNotRead: a client that sends for ever and reads nothing is cut off.
func TestNotRead(t *testing.T) {
	h := newHouse()
	h.config.Daemon.Idle = rules.Duration(time.Second)
	s := &Server{Host: h}
	p := serve(t, s)
	steady(t, p)
	settle := watch(t)
	conn := dial(t, p)
	io.WriteString(conn, "zIDSESSION\x00")
	for {
		if _, err := io.WriteString(conn, strings.Repeat("zPING\x00", 100)); err != nil {
			break
		}
	}
	until(t, "the connection's end", func() bool { return s.open.Load() == 0 })
	conn.Close()
	settle()
}

// TestCutOff ends conversations at any byte, descriptors in flight.
func TestCutOff(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(dir)
	s := &Server{Host: h}
	p := serve(t, s)
	bad := open1(t, write(t, dir+"/bad", badMail))
	steady(t, p)
	settle := watch(t)
	whole := "zIDSESSION\x00zINSTREAM\x00" + chunks(badMail, 5) + "zSCAN " + dir + "/bad\x00zSTATS\x00zFILDES\x00zFILDES\x00zEND\x00"
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		conn := dial(t, p)
		data := whole[:i%len(whole)]
		for len(data) > 0 {
			n := 1 + random.IntN(len(data))
			var rights []byte
			switch random.IntN(4) {
			case 0:
				rights = unix.UnixRights(bad)
			case 1:
				rights = unix.UnixRights(bad, bad, bad)
			}
			if _, _, err := conn.WriteMsgUnix([]byte(data[:n]), rights, nil); err != nil {
				break
			}
			data = data[n:]
		}
		if i%2 == 0 {
			conn.CloseWrite()
		}
		conn.Close()
	}
	until(t, "all connections' end", func() bool { return s.open.Load() == 0 })
	settle()
	if got := plain(p.ask(t, "zFILDES\x00", fds{"x", []int{bad}})); got != "fd[N]: ONE FOUND\x00" {
		t.Errorf("%q", got)
	}
}

// TestLies: an announced length takes no memory.
func TestLies(t *testing.T) {
	h := newHouse()
	h.config.Limit.Size = 1 << 30
	p := serve(t, &Server{Host: h})
	steady(t, p)
	settle := watch(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 50 {
		for _, n := range []uint32{0xffffffff, 0x80000000, 1<<30 + 1} {
			if got := p.ask(t, "zINSTREAM\x00", length(n)+"some"); got != "INSTREAM size limit exceeded. ERROR\x00" {
				t.Fatalf("%x: %q", n, got)
			}
		}
		if got := p.ask(t, "zINSTREAM\x00", length(1<<30)+"some", halfClose{}); got != "" {
			t.Fatalf("%q", got)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) / 200; grown > 4*bufferSize {
		t.Errorf("%d bytes for each", grown)
	} else {
		t.Logf("%d bytes for each", grown)
	}
	settle()
}

// TestManyDescriptors: what is passed to a server that did not ask is closed.
func TestManyDescriptors(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(dir)
	p := serve(t, &Server{Host: h})
	bad, clean := open1(t, write(t, dir+"/bad", badMail)), open1(t, write(t, dir+"/clean", cleanMail))
	steady(t, p)
	settle := watch(t)
	many := make([]int, 200)
	for i := range many {
		many[i] = bad
	}
	for _, steps := range [][]any{
		{fds{"zPING\x00", many}},
		{fds{"z", many}, fds{"P", many}, fds{"I", many}, fds{"N", many}, fds{"G\x00", many}},
		{fds{"z", many[:1]}, fds{"P", many[:1]}, fds{"I", many[:1]}, fds{"N", many[:1]}, fds{"G", many[:1]}, fds{"\x00", many[:1]}},
		{"zFILDES\x00", fds{"x", many}},
		{"zIDSESSION\x00", fds{"zPING\x00", many[:2]}, fds{"zPING\x00", many}, "zEND\x00"},
		{fds{"zINSTREAM\x00" + length(3), many[:1]}, fds{"abc", many}, fds{length(0), many[:2]}},
		{fds{"zBOGUS\x00", many[:1]}, fds{"zBOGUS\x00", many[:1]}},
	} {
		t.Logf("%q", p.ask(t, steps...))
	}
	// Several in a session, each with its command, in order.
	steps := []any{"zIDSESSION\x00"}
	want := ""
	for i := range 40 {
		if i%2 == 0 {
			steps = append(steps, "zFILDES\x00", fds{"x", []int{bad}})
			want += fmt.Sprintf("%d: fd[N]: ONE FOUND\x00", i+1)
		} else {
			steps = append(steps, fds{"zFILDES\x00x", []int{clean}})
			want += fmt.Sprintf("%d: fd[N]: OK\x00", i+1)
		}
	}
	if got := p.ask(t, append(steps, "zEND\x00")...); plain(got) != plain(want) {
		t.Errorf("%q", got)
	}
	settle()
}
