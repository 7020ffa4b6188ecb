package milter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// sound checks a packet, its length before it, for everything that the library
// takes for granted, and returns it as it may have it: nil when it need not know,
// another when an address is not written as it wants it. first says that no
// packet came before.
func sound(packet []byte, first bool) ([]byte, error) {
	letter, data := packet[4], packet[5:]
	if first != (letter == 'O') {
		return nil, fmt.Errorf("%q at the wrong time", letter)
	}
	ok := true
	switch letter {
	case 'O': // version, actions, protocol
		ok = len(data) >= 12 && binary.BigEndian.Uint32(data) >= 2
	case 'C':
		return connect(data)
	case 'D': // letter, then names and values
		ok = len(data) > 0 && bytes.Count(data, []byte{0}) <= 1000
		if ok && bytes.IndexByte([]byte(stages), data[0]) < 0 {
			return nil, nil
		}
	case 'M', 'R': // address, then parameters
		ok = count(data) > 0 && count(data) <= 100
	case 'H':
		ok = count(data) > 0
	case 'L': // name and value
		ok = count(data) == 2
	case 'A', 'B', 'E', 'K', 'N', 'Q', 'T', 'U':
	default:
		return nil, fmt.Errorf("unknown command %q", letter)
	}
	if !ok {
		return nil, fmt.Errorf("malformed %q", letter)
	}
	return packet, nil
}

// stages are the commands that may have macros.
const stages = "CHMRTNEULAB"

// count counts the strings in data, each with a NUL behind it; 0 when the
// last has none.
func count(data []byte) int {
	if len(data) == 0 || data[len(data)-1] != 0 {
		return 0
	}
	return bytes.Count(data, []byte{0})
}

// connect reads host, NUL, family, and unless that is U port (2 bytes), address,
// NUL, and writes them as the library wants them.
//
// QUIRK: Sendmail and Postfix write "IPv6:" before an address or a zone behind
// it ("fe80::1%eth0"); what cannot be read is an unknown client, not the end.
func connect(data []byte) ([]byte, error) {
	host, rest, ok := bytes.Cut(data, []byte{0})
	if !ok || len(rest) == 0 {
		return nil, errors.New("malformed 'C'")
	}
	out := append([]byte{0, 0, 0, 0, 'C'}, host...)
	out = append(out, 0)
	addr := netip.Addr{}
	if len(rest) > 3 && (rest[0] == '4' || rest[0] == '6') {
		addr = parseAddr(rest[3:])
	}
	switch {
	case !addr.IsValid():
		out = append(out, 'U')
	case addr.Is4():
		out = append(append(out, '4', rest[1], rest[2]), addr.String()+"\x00"...)
	default:
		out = append(append(out, '6', rest[1], rest[2]), addr.String()+"\x00"...)
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

// parseAddr reads an address that ends with NUL; it is not valid when it is none.
func parseAddr(text []byte) netip.Addr {
	text, _, _ = bytes.Cut(text, []byte{0})
	text = bytes.TrimPrefix(text, []byte("IPv6:"))
	text = bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]"))
	addr, _ := netip.ParseAddr(string(text[:min(len(text), 128)]))
	return addr.Unmap().WithZone("")
}
