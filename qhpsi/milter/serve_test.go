package milter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSilence: who does not speak is cut off; who begins a packet has less time.
func TestSilence(t *testing.T) {
	h := &house{}
	h.obey(t, "")
	h.rules.Daemon.Idle = 100_000_000 // 0.1 s, less than the rules allow
	h.listen(t, &Server{Host: h, Wait: 200 * time.Millisecond})
	silent, _ := h.open(t, 6, everything, everything)
	cut, _ := h.open(t, 6, everything, everything)
	cut.send('M', "<a@b>\x00")
	cut.send('L', "A\x00b\x00")
	io.WriteString(cut, "\x00\x00\x00\x10Bx")
	for _, m := range []mta{silent, cut} {
		if err := m.closed(); err != nil {
			t.Error(err)
		}
	}
	poll(t, "what was cut is logged", func() bool {
		log, _ := h.take()
		for _, r := range log {
			if strings.Contains(r.Line(), "verdict=none answer=none") {
				return true
			}
		}
		return false
	})
}

// TestSaysNothing: who connects and does not begin is cut off sooner than a
// client that thinks between two packets.
func TestSaysNothing(t *testing.T) {
	h := &house{}
	h.obey(t, "")
	h.rules.Daemon.Idle = 100_000_000 // 0.1 s, less than the rules allow
	h.listen(t, &Server{Host: h, Wait: time.Hour})
	nothing := h.dial(t)
	if err := nothing.closed(); err != nil {
		t.Error(err)
	}
}

// TestConnections: one more than there is room for waits, and is served then.
func TestConnections(t *testing.T) {
	h := newHouse(t, "[daemon]\nconnections = 2\n")
	one, _ := h.open(t, 6, everything, everything)
	h.open(t, 6, everything, everything)
	third := h.dial(t)
	third.send('O', string(words(6, everything, everything)))
	third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := third.Conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third is answered: %v", err)
	}
	third.SetReadDeadline(time.Now().Add(20 * time.Second))
	one.Close()
	if letter, _ := third.read(); letter != 'O' {
		t.Errorf("got %c", letter)
	}
}

// TestPromises: lengths that are only promised cost nothing, and stop nobody.
func TestPromises(t *testing.T) {
	h := newHouse(t, "")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 200 {
		m, _ := h.open(t, 6, everything, everything)
		io.WriteString(m, "\x00\x10\x00\x00Bxx")
	}
	m, _ := h.open(t, 6, everything, everything)
	if got := m.plain(); got != accepted {
		t.Errorf("got %s", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 16<<20 {
		t.Errorf("200 MB are promised: the heap grew by %d", grown)
	}
}

// TestDrain: at the end a message that has begun is answered, all else closed,
// and nothing is left.
func TestDrain(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	h := &house{}
	h.obey(t, "")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- (&Server{Host: h}).Serve(ctx, ln) }()
	idle, _ := h.open(t, 6, everything, everything)
	answered, _ := h.open(t, 6, everything, everything)
	if got := answered.plain(); got != accepted {
		t.Error(got)
	}
	busy, _ := h.open(t, 6, everything, v2steps)
	busy.send('M', "<a@b>\x00")
	busy.read()
	stop()
	for _, m := range []mta{idle, answered} {
		if err := m.closed(); err != nil {
			t.Error(err)
		}
	}
	if c, err := net.Dial("tcp", h.addr); err == nil {
		c.Close()
		t.Error("it still listens")
	}
	if got := busy.end(); got != strings.ReplaceAll(accepted, " clean", "clean") {
		t.Error(got)
	}
	if err := busy.closed(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, m := range []mta{idle, answered, busy} {
		m.Close()
	}
	poll(t, "nothing is left", func() bool { return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files })
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

// TestBroken: a listener that breaks is Serve's error.
func TestBroken(t *testing.T) {
	h := &house{}
	h.obey(t, "")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	done := make(chan error)
	go func() { done <- (&Server{Host: h}).Serve(context.Background(), ln) }()
	m, _ := h.open(t, 6, everything, everything)
	ln.Close()
	if err := m.closed(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("no error")
	}
}

// BenchmarkMessage is one connection with mail of 3 KB, judged.
func BenchmarkMessage(b *testing.B) {
	h := &house{}
	h.obey(b, "")
	h.listen(b, &Server{Host: h})
	m, _ := h.open(b, 6, everything, everything)
	body := strings.Repeat("a line of text\r\n", 180)
	b.ReportAllocs()
	for b.Loop() {
		m.SetDeadline(time.Now().Add(20 * time.Second))
		m.send('M', "<a@example.org>\x00")
		m.send('R', "<b@example.org>\x00")
		m.send('L', "Subject\x00 x\x00")
		m.send('N', "")
		m.send('B', body)
		if got := m.end(); got != accepted {
			b.Fatal(got)
		}
		h.take()
	}
}

// FuzzSound feeds packets to a server: no panic, no answer of acceptance to a
// message that nobody judged.
func FuzzSound(f *testing.F) {
	for _, command := range []string{"Chost\x004\x00\x19192.0.2.1\x00", "DMi\x00x\x00", "M<a@b>\x00", "R<c@d>\x00", "LA\x00 b\x00", "N", "Bx", "E", "A", "K", "Q", "T", "Ux\x00", "Z", "Hx\x00"} {
		f.Add([]byte(command))
	}
	f.Add(append(packet('M', "<a@b>\x00"), packet('E', "")...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1000 {
			return
		}
		h := &house{}
		h.obey(t, "")
		h.listen(t, &Server{Host: h})
		m := h.dial(t)
		m.Write(packet('O', string(words(6, everything, everything))))
		m.Write(packet('M', "<a@b>\x00"))
		m.Write(packet(data[0], string(data[1:]))) // as a packet
		m.Write(data[1:])                          // and as it is
		m.Conn.(*net.TCPConn).CloseWrite()
		out, _ := io.ReadAll(m)
		_, seen := h.take()
		if n := bytes.Count(out, []byte("\x00\x00\x00\x01a")); n > len(seen) {
			t.Errorf("%d accepted, %d judged", n, len(seen))
		}
	})
}
