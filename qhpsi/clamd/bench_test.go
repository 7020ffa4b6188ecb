package clamd

import (
	"io"
	"net"
	"strings"
	"testing"

	"qguard/rules"
)

// BenchmarkInstream is a whole connection with one message, here and with clamd.
// The scanner behind us looks for three strings: it measures the door.
func BenchmarkInstream(b *testing.B) {
	h := newHouse()
	h.change(func(c *rules.Config) { c.Limit.Size = 64 << 20 })
	for _, size := range []int{3 << 10, 90 << 10} {
		mail := stream("Subject: a\n\n" + strings.Repeat("a line of text\n", size/15))
		for name, p := range map[string]peer{"qguardd": serve(b, &Server{Host: h}), "clamd": startClamd(b)} {
			b.Run(name+"/"+map[bool]string{true: "3k", false: "90k"}[size < 4<<10], func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						conn, err := net.Dial("unix", p.unix)
						if err != nil {
							b.Error(err)
							return
						}
						io.WriteString(conn, "zINSTREAM\x00"+mail)
						if got, _ := io.ReadAll(conn); string(got) != "stream: OK\x00" {
							b.Errorf("%q", got)
						}
						conn.Close()
					}
				})
			})
		}
	}
}
