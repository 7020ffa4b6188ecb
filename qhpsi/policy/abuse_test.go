package policy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestAbuseMemory sends megabytes where kilobytes are due, and opens connections
// that say nothing: both cost buffers, and the first none that stay.
func TestAbuseMemory(t *testing.T) {
	s, h := newServer()
	web, policy, control := serving(t, "tcp", s.HTTP), serving(t, "tcp", s.Postfix), serving(t, "unix", s.Control)
	before := heap()
	flood := strings.Repeat("x", 1<<20)
	post1M := "POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: " + token + "\r\nContent-Length: 1048576\r\n\r\n" + flood
	for range 20 {
		var wait sync.WaitGroup
		for _, c := range []struct{ network, addr, text string }{
			{"tcp", web, post1M}, {"tcp", web, "POST /" + flood}, {"tcp", web, "GET / HTTP/1.1\r\nX: " + flood},
			{"tcp", policy, flood}, {"tcp", policy, strings.Repeat("x=y\n", 1<<18)}, {"unix", control, flood},
		} {
			wait.Go(func() {
				conn, err := net.Dial(c.network, c.addr)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				go io.WriteString(conn, c.text)
				io.Copy(io.Discard, conn)
			})
		}
		wait.Wait()
	}
	poll(t, "all are gone", func() bool { return s.http.Load()+s.postfix.Load()+s.control.Load() == 0 })
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d bytes more after 120 MB", grown)
	}
	if len(h.take()) > 0 {
		t.Error("something was understood")
	}

	const many = 500
	for _, door := range []struct{ name, network, addr, text string }{
		{"http", "tcp", web, "POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: " + token + "\r\nContent-Length: 2\r\n\r\n{}"},
		{"postfix", "tcp", policy, delegated + "\n"},
		{"control", "unix", control, "conn remote=192.0.2.1 hold=1\n"},
	} {
		before := heap()
		var all []net.Conn
		for range many {
			c, err := net.Dial(door.network, door.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, door.text)
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(door.name, err)
			}
			all = append(all, c)
		}
		h.take()
		each := (heap() - before) / many
		t.Logf("%s: %d bytes a connection, the client's part counted", door.name, each)
		if each > 40<<10 {
			t.Errorf("%s: %d bytes a connection", door.name, each)
		}
		for _, c := range all {
			c.Close()
		}
	}
}

// A client that asks and asks and does not read is closed; others do not wait.
func TestAbuseNoReader(t *testing.T) {
	s, _ := newServer()
	addr := serving(t, "unix", s.Postfix) // of TCP the kernel would keep megabytes
	deaf := dial(t, "unix", addr)
	broken := make(chan error)
	go func() {
		request := strings.Repeat("\n", 1<<16) // each is a request that is not understood
		for {
			if _, err := io.WriteString(deaf, request); err != nil {
				broken <- err
				return
			}
		}
	}()
	if got := dial(t, "unix", addr).say(delegated); got != "action=DUNNO" {
		t.Error(got)
	}
	select {
	case <-broken:
	case <-time.After(15 * time.Second):
		t.Error("still served")
	}
}

func BenchmarkHTTP(b *testing.B) {
	s, _ := newServer()
	s.Host = quiet{s.Host}
	addr := serving(b, "tcp", s.HTTP)
	request := fmt.Sprintf("POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s}", token, len(recorded)+1, recorded)
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		k := dial(b, "tcp", addr)
		k.SetDeadline(time.Time{})
		for pb.Next() {
			io.WriteString(k, request)
			resp, err := http.ReadResponse(k.r, nil)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
		}
	})
}

func BenchmarkPostfix(b *testing.B) {
	s, _ := newServer()
	s.Host = quiet{s.Host}
	benchLines(b, "tcp", serving(b, "tcp", s.Postfix), delegated+"\n", 2)
}

func BenchmarkControl(b *testing.B) {
	s, _ := newServer()
	s.Host = quiet{s.Host}
	benchLines(b, "unix", serving(b, "unix", s.Control), "conn remote=192.0.2.1 rdns=good\n", 1)
}

func benchLines(b *testing.B, network, addr, request string, lines int) {
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		k := dial(b, network, addr)
		k.SetDeadline(time.Time{})
		for pb.Next() {
			io.WriteString(k, request)
			for range lines {
				k.line()
			}
		}
	})
}
