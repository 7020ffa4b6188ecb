package milter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"qguard/qhpsi/respond"
	"qguard/scan"
)

// An mta is a mail server that says what the test tells it.
type mta struct {
	net.Conn
	t testing.TB
}

const (
	everything = 0x1fffff // actions or protocol steps
	v2steps    = 0x7f     // a server that knows no step without a reply
)

func (h *house) dial(t testing.TB) mta {
	t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return mta{c, t}
}

// open negotiates and returns what was chosen.
func (h *house) open(t testing.TB, version, actions, steps uint32) (m mta, chosen [3]uint32) {
	t.Helper()
	m = h.dial(t)
	m.send('O', string(words(version, actions, steps)))
	letter, data := m.read()
	if letter != 'O' || len(data) != 12 {
		t.Fatalf("negotiated %c %q", letter, data)
	}
	for i := range chosen {
		chosen[i] = binary.BigEndian.Uint32([]byte(data[4*i:]))
	}
	return m, chosen
}

func words(list ...uint32) (out []byte) {
	for _, n := range list {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return out
}

func packet(letter byte, data string) []byte {
	return append(append(words(uint32(len(data)+1)), letter), data...)
}

func (m mta) send(letter byte, data string) {
	m.t.Helper()
	if _, err := m.Write(packet(letter, data)); err != nil {
		m.t.Fatal(err)
	}
}

func (m mta) read() (letter byte, data string) {
	m.t.Helper()
	head := make([]byte, 5)
	if _, err := io.ReadFull(m, head); err != nil {
		m.t.Fatal(err)
	}
	rest := make([]byte, binary.BigEndian.Uint32(head)-1)
	if _, err := io.ReadFull(m, rest); err != nil {
		m.t.Fatal(err)
	}
	return head[4], string(rest)
}

// end sends the end of a message and returns changes and answer as a text.
func (m mta) end() string {
	m.t.Helper()
	m.send('E', "")
	var out []string
	for {
		letter, data := m.read()
		out = append(out, fmt.Sprintf("%c %q", letter, data))
		if strings.IndexByte("acdrty", letter) >= 0 {
			return strings.Join(out, "\n")
		}
	}
}

// closed says whether the connection ends without another packet.
func (m mta) closed() error {
	rest, err := io.ReadAll(m)
	if len(rest) > 0 {
		return fmt.Errorf("%q was sent", rest)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil // or reset, with what it had not read
}

// plain is a whole message, to the end.
func (m mta) plain() string {
	m.t.Helper()
	m.send('M', "<a@example.org>\x00")
	m.send('R', "<b@example.org>\x00")
	m.send('L', "Subject\x00 x\x00")
	m.send('N', "")
	m.send('B', "body\r\n")
	return m.end()
}

const accepted = "i \"\\x00\\x00\\x00\\x00X-QHPSI\\x00 clean\\x00\"\na \"\""

// TestHostilePackets: what is no packet ends its connection, with a line, and
// nothing else.
func TestHostilePackets(t *testing.T) {
	h := newHouse(t, "")
	hello := string(packet('O', string(words(6, everything, everything))))
	for _, c := range []struct{ name, bytes, line string }{
		{"empty", "\x00\x00\x00\x00", "packet of 0 bytes"},
		{"longest", "\xff\xff\xff\xff", "packet of 4294967295 bytes"},
		{"too long", "\x00\x10\x00\x01", "packet of 1048577 bytes"},
		{"half a length", hello + "\x00\x00", "packet is cut"},
		{"half a packet", hello + "\x00\x00\x00\x09Lab", "packet is cut"},
		{"half a large packet", hello + "\x00\x10\x00\x00Lab", "packet is cut"},
		{"empty later", hello + "\x00\x00\x00\x00", "packet of 0 bytes"},
		{"HTTP", "GET / HTTP/1.0\r\n\r\n", "packet of 1195725856 bytes"},
		{"no negotiation", string(packet('M', "<>\x00")), "'M' at the wrong time"},
		{"two negotiations", hello + hello, "'O' at the wrong time"},
		{"short negotiation", string(packet('O', "\x00\x00\x00\x06")), "malformed 'O'"},
		{"version 1", string(packet('O', string(words(1, 0, 0)))), "malformed 'O'"},
		{"unknown letter", hello + string(packet('Z', "")), "unknown command 'Z'"},
		{"unknown byte", hello + string(packet('\xff', "\n")), "unknown command "},
		{"client without NUL", hello + string(packet('C', "host")), "malformed 'C'"},
		{"client without family", hello + string(packet('C', "host\x00")), "malformed 'C'"},
		{"sender without NUL", hello + string(packet('M', "<a@b>")), "malformed 'M'"},
		{"no sender", hello + string(packet('M', "")), "malformed 'M'"},
		{"recipient without NUL", hello + string(packet('R', "<a@b>")), "malformed 'R'"},
		{"parameters", hello + string(packet('R', strings.Repeat("\x00", 1000))), "malformed 'R'"},
		{"greeting without NUL", hello + string(packet('H', "")), "malformed 'H'"},
		{"field without value", hello + string(packet('L', "a\x00")), "malformed 'L'"},
		{"field without NUL", hello + string(packet('L', "a\x00b")), "malformed 'L'"},
		{"field of three", hello + string(packet('L', "a\x00b\x00c\x00")), "malformed 'L'"},
		{"no field", hello + string(packet('L', "")), "malformed 'L'"},
		{"macros of nothing", hello + string(packet('D', "")), "malformed 'D'"},
		{"macros without NUL", hello + string(packet('D', "C"+strings.Repeat("\x00", 5000)+"x")), "malformed 'D'"},
		{"macros", hello + string(packet('D', "C"+strings.Repeat("\x00", 5000))), "malformed 'D'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.take()
			m := h.dial(t)
			if _, err := io.WriteString(m, c.bytes); err != nil {
				t.Fatal(err)
			}
			if err := m.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, _ := io.ReadAll(m); len(rest) > 0 && (len(rest) != 17 || rest[4] != 'O') {
				t.Errorf("answered %q", rest)
			}
			var log []respond.Record
			poll(t, "a line", func() bool {
				more, _ := h.take()
				log = append(log, more...)
				return len(log) > 0
			})
			if len(log) != 1 || !strings.Contains(log[0].Line(), c.line) || strings.Contains(log[0].Line(), "clean") {
				t.Errorf("logged %v, want %s", log, c.line)
			}
			after, _ := h.open(t, 6, everything, everything)
			if got := after.plain(); got != accepted {
				t.Errorf("then %s", got)
			}
		})
	}
}

// TestOrder: commands in an order that makes no message are a temporary failure,
// and what comes after them is sound again.
func TestOrder(t *testing.T) {
	h := newHouse(t, "")
	const mail, rcpt, name, later = "M<a@b>\x00", "R<c@d>\x00", "LSubject\x00 x\x00", `^y "451 4.3.0 [^"]*"$`
	ok := "^" + regexp.QuoteMeta(accepted) + "$"
	for _, c := range []struct {
		name     string
		commands []string
		want     string
	}{
		{"all", []string{"DCj\x00mx\x00", "Chost\x004\x00\x19192.0.2.1\x00", "Hhost\x00", "DMi\x001\x00", mail, "DR", rcpt, "T", "DL", name, "N", "Bx"}, ok},
		{"no macros, no client", []string{mail, rcpt, name, "N", "Bx"}, ok},
		{"no end of header", []string{mail, rcpt, name, "Bx"}, ok},
		{"no body", []string{mail, rcpt, name, "N"}, ok},
		{"nothing", []string{mail}, ok},
		{"unknown commands", []string{"Ux\x00", mail, "U", rcpt, "U\x00", name, "N", "T", mail, rcpt, name, "N", "Bx"}, ok},
		{"two beginnings", []string{mail, mail, rcpt, name, "N"}, ok},
		{"end only", nil, later},
		{"no sender", []string{rcpt, name, "N", "Bx"}, later},
		{"body only", []string{"Bx"}, later},
		{"field behind the body", []string{mail, rcpt, name, "N", "Bx", name}, later},
		{"field behind the header", []string{mail, rcpt, name, "N", name}, later},
		{"recipient behind the body", []string{mail, rcpt, name, "N", "Bx", rcpt}, later},
		{"aborted", []string{mail, rcpt, name, "N", "Bx", "A"}, later},
		{"aborted, then again", []string{mail, rcpt, name, "A", "A", mail, rcpt, name, "N", "Bx"}, ok},
		{"new connection in the middle", []string{mail, rcpt, name, "K", "Chost\x004\x00\x01127.0.0.1\x00", rcpt, "N"}, later},
		{"macros of unknown stages", []string{"DZa\x00b\x00", "D\xffa\x00b\x00", mail, "DMa", "DMa\x00b\x00c\x00", rcpt, name}, ok},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := h.open(t, 6, everything, everything)
			for _, command := range c.commands {
				m.send(command[0], command[1:])
			}
			if got := m.end(); !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := m.plain(); got != accepted {
				t.Errorf("then %s", got)
			}
			m.send('Q', "")
			if err := m.closed(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBytes: the message is rebuilt to the byte, whatever pieces it came in.
func TestBytes(t *testing.T) {
	h := newHouse(t, "")
	for _, c := range []struct {
		name   string
		fields []string // name NUL value NUL
		body   []string
		want   string
	}{
		{"blanks", []string{"A\x00 one\x00", "B\x00none\x00", "C\x00\ttab\x00", "D\x00\x00", "E\x00  two\n\tfold\r\n again\x00"}, nil,
			"A: one\nB:none\nC:\ttab\nD:\nE:  two\n\tfold\n again\n\n"},
		{"no header", nil, []string{"body"}, "\nbody"},
		{"CR LF split", nil, []string{"a\r", "\nb\r", "\r\nc\r", "", "\r", "\n\r\n\r"}, "\na\nb\r\nc\r\n\n\r"},
		{"bare ends", nil, []string{"a\nb\rc\r\n"}, "\na\nb\rc\n"},
		{"NUL and 8 bit", []string{"A\x00 \xff\x00"}, []string{"\x00\xff\x00"}, "A: \xff\n\n\x00\xff\x00"},
		{"colon in the name", []string{"A:B\x00 x\x00", "\x00 y\x00", "a b\x00z\x00"}, nil, "A:B: x\n: y\na b:z\n\n"},
		{"large pieces", []string{"A\x00" + strings.Repeat("x", 500_000) + "\x00"}, []string{strings.Repeat("y", maxPacket-1), strings.Repeat("\r\n", 400_000)},
			"A:" + strings.Repeat("x", 500_000) + "\n\n" + strings.Repeat("y", maxPacket-1) + strings.Repeat("\n", 400_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.take()
			m, _ := h.open(t, 6, everything, everything)
			m.send('M', "<>\x00SIZE=1\x00BODY=8BITMIME\x00")
			for _, f := range c.fields {
				m.send('L', f)
			}
			m.send('N', "")
			for _, b := range c.body {
				m.send('B', b)
			}
			m.end()
			log, seen := h.take()
			if len(seen) != 1 || seen[0].text != c.want || *seen[0].envelope.Sender != "" {
				t.Fatalf("judged %.300v\nwant   %.200q", seen, c.want)
			}
			if log[0].Size != int64(len(c.want)) {
				t.Errorf("logged %d bytes, want %d", log[0].Size, len(c.want))
			}
		})
	}
}

// TestOldServer is one that speaks version 2: it keeps a blank to itself, wants
// a reply to everything, and puts the blank before what is inserted.
func TestOldServer(t *testing.T) {
	h := newHouse(t, "")
	m, chosen := h.open(t, 2, 0x1f, v2steps)
	if chosen != [3]uint32{2, 0x1f, 0x02} { // no greeting
		t.Errorf("chosen %x", chosen)
	}
	for _, command := range []string{"Chost\x00U", "M<a@b>\x00", "R<c@d>\x00", "LX-QGuard\x00old\x00", "LSubject\x00 x\x00", "N", "Bx"} {
		m.send(command[0], command[1:])
		if letter, _ := m.read(); letter != 'c' {
			t.Errorf("%q: %c", command, letter)
		}
	}
	want := "m \"\\x00\\x00\\x00\\x01X-QGuard\\x00\\x00\"\nh \"X-Old-X-QGuard\\x00old\\x00\"\ni \"\\x00\\x00\\x00\\x00X-QHPSI\\x00clean\\x00\"\na \"\""
	if got := m.end(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, seen := h.take(); len(seen) != 1 || seen[0].text != "X-QGuard: old\nSubject:  x\n\nx" {
		t.Errorf("judged %+v", seen)
	}
}

// TestNewServer offers more than there is.
func TestNewServer(t *testing.T) {
	h := newHouse(t, "")
	if _, chosen := h.open(t, 7, 0xffffffff, 0xffffffff); chosen != [3]uint32{6, 0x1f, uint32(protocol)} {
		t.Errorf("chosen %x", chosen)
	}
	m, _ := h.open(t, 6, 0, everything) // and one that lets us change nothing
	if got := m.plain(); !strings.HasPrefix(got, `y "451 4.3.0`) {
		t.Errorf("got %s", got)
	}
	log, _ := h.take()
	if len(log) != 1 || log[0].Err == nil {
		t.Errorf("logged %v", log)
	}
}

// TestClients: every way to write an address, and none that ends the session.
func TestClients(t *testing.T) {
	h := newHouse(t, "")
	for data, want := range map[string]string{
		"host\x004\x00\x19192.0.2.1\x00":          "192.0.2.1",
		"host\x006\x00\x192001:db8::1\x00":        "2001:db8::1",
		"host\x006\x00\x19IPv6:2001:db8::1\x00":   "2001:db8::1",
		"host\x006\x00\x19[2001:db8::1]\x00":      "2001:db8::1",
		"host\x006\x00\x19fe80::1%eth0\x00":       "fe80::1",
		"host\x006\x00\x19::ffff:192.0.2.1\x00":   "192.0.2.1",
		"host\x004\x00\x192001:db8::1\x00":        "2001:db8::1",
		"host\x00U":                               "",
		"host\x00L\x00\x00/run/socket\x00":        "",
		"host\x004\x00\x19":                       "",
		"host\x004":                               "",
		"host\x004\x00\x19none\x00":               "",
		"host\x00Z\x00\x19192.0.2.1\x00":          "",
		"\x004\x00\x19192.0.2.1":                  "192.0.2.1",
		"h\x004\x00\x19" + strings.Repeat("1", 9): "",
	} {
		m, _ := h.open(t, 6, everything, everything)
		m.send('C', data)
		if got := m.plain(); got != accepted {
			t.Errorf("%q: %s", data, got)
		}
		if log, _ := h.take(); len(log) != 1 || log[0].Client != want {
			t.Errorf("%q: logged %v, want %s", data, log, want)
		}
	}
}

// TestDoubt: trouble of ours is a temporary failure with a reason in the log.
func TestDoubt(t *testing.T) {
	full := errors.New("no space")
	for _, c := range []struct {
		name  string
		spool func() *scan.Spool
		fill  func(mta)
		line  string
	}{
		{"disk", func() *scan.Spool { return scan.EmptySpool(1<<20, 1<<10, func(int64) error { return full }) }, nil, "no space"},
		{"panic", func() *scan.Spool { panic("secret") }, nil, "internal error at "},
		{"recipients", nil, func(m mta) {
			for range 100 {
				m.send('R', "<"+strings.Repeat("x", 50_000)+"@b>\x00")
			}
		}, "too many recipients"},
		{"fields", nil, func(m mta) {
			b := bytes.Repeat(packet('L', "a\x00b\x00"), 40_000)
			if _, err := m.Write(b); err != nil {
				m.t.Fatal(err)
			}
			m.send('L', "X-QGuard\x00 forged\x00")
		}, "too many header fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, "[[policy]]\naction='pass'\n")
			h.spool = c.spool
			m, _ := h.open(t, 6, everything, everything)
			m.send('M', "<a@b>\x00")
			if c.fill != nil {
				c.fill(m)
			}
			m.send('L', "Subject\x00 x\x00")
			m.send('B', "body\r\n")
			if got := m.end(); !strings.HasPrefix(got, `y "451 4.3.0 `) {
				t.Errorf("got %s", got)
			}
			log, _ := h.take()
			if len(log) != 1 || !strings.Contains(log[0].Line(), c.line) || strings.Contains(log[0].Line(), "secret") {
				t.Errorf("logged %v", log)
			}
		})
	}
}
