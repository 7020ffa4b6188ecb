package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"qguard/qhpsi/decide"
)

const maxKeys = 32 // of a line of the control protocol

// parseLine reads a line of the control protocol, without its end. The verb is
// returned with an error too.
func parseLine(l []byte) (verb string, f fields, err error) {
	word, rest, more := bytes.Cut(l, []byte(" "))
	if len(word) == 0 || len(word) > maxWord {
		return "", nil, errors.New("a line begins without a verb")
	}
	verb, f = string(word), fields{}
	for n := 0; more; n++ {
		if n == maxKeys {
			return verb, nil, errors.New("the line has too many keys")
		}
		var pair []byte
		pair, rest, more = bytes.Cut(rest, []byte(" "))
		name, value, ok := bytes.Cut(pair, []byte("="))
		if !ok || len(name) == 0 {
			return verb, nil, fmt.Errorf("no key=value: %s", quote(string(pair)))
		}
		v, err := decode(value)
		if err != nil {
			return verb, nil, fmt.Errorf("%s: %w", quote(string(name)), err)
		}
		if keyKind(string(name)) == unknown {
			continue
		}
		if err := f.put(string(name), v); err != nil {
			return verb, nil, err
		}
	}
	return verb, f, nil
}

// decode reads a percent-encoded value.
func decode(v []byte) (string, error) {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c <= ' ' || c >= 0x7f:
			return "", errors.New("a byte is not written %XX")
		case c == '%':
			if i+2 >= len(v) || hex(v[i+1]) < 0 || hex(v[i+2]) < 0 {
				return "", errors.New("no %XX behind %")
			}
			c = byte(hex(v[i+1])<<4 | hex(v[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	return string(out), nil
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// controlReply is an answer's line, without its end.
func controlReply(a decide.Answer) string {
	relay := ""
	if a.Relay {
		relay = " relay"
	}
	switch a.Kind {
	case decide.Tarpit:
		return "tarpit " + strconv.Itoa(seconds(a.Delay)) + relay
	case decide.Defer:
		return "defer " + said(a, true)
	case decide.Refuse:
		return "refuse " + said(a, true)
	}
	return "go" + relay
}
