package queue

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadEnvelope(t *testing.T) {
	longest := strings.Repeat("x", 1002)
	down := errors.New("down")
	for _, c := range []struct {
		name     string
		in       string
		indimail bool
		want     Envelope
		err      error
	}{
		{"usual", "Fa@b\x00Tc@d\x00Te\x00\x00", false, Envelope{"a@b", []string{"c@d", "e"}}, nil},
		{"null sender", "F\x00Tc@d\x00\x00", false, Envelope{"", []string{"c@d"}}, nil},
		{"nobody", "Fa\x00\x00", false, Envelope{"a", nil}, nil},
		{"null recipient", "F\x00T\x00\x00", false, Envelope{"", []string{""}}, nil},
		{"rest is not read", "Fa\x00\x00Tb\x00", false, Envelope{"a", nil}, nil},
		{"longest", "F" + longest + "\x00T" + longest + "\x00\x00", false, Envelope{longest, []string{longest}}, nil},
		{"any bytes", "F\xff\n\x00T\r\x01\x00\x00", false, Envelope{"\xff\n", []string{"\r\x01"}}, nil},
		{"Q in IndiMail", "Fa\x00Tb\x00Qc", true, Envelope{"a", []string{"b"}}, nil},
		{"Q elsewhere", "Fa\x00Tb\x00Qc\x00\x00", false, Envelope{}, errFormat},
		{"empty", "", false, Envelope{}, errEnded},
		{"F", "F", false, Envelope{}, errEnded},
		{"sender cut", "Fa", false, Envelope{}, errEnded},
		{"no recipients and no end", "Fa\x00", false, Envelope{}, errEnded},
		{"recipient cut", "Fa\x00Tb", false, Envelope{}, errEnded},
		{"last NUL missing", "Fa\x00Tb\x00", false, Envelope{}, errEnded},
		{"no F", "Ta\x00\x00", false, Envelope{}, errFormat},
		{"NUL", "\x00", false, Envelope{}, errFormat},
		{"no T", "Fa\x00b\x00\x00", false, Envelope{}, errFormat},
		{"two F", "Fa\x00Fb\x00\x00", false, Envelope{}, errFormat},
		{"sender too long", "F" + longest + "x\x00\x00", false, Envelope{}, errAddress},
		{"recipient too long", "F\x00T" + longest + "x\x00\x00", false, Envelope{}, errAddress},
		{"too long and cut", "F" + longest + "xx", false, Envelope{}, errAddress},
		{"far too long", "F" + strings.Repeat("x", 1<<20), false, Envelope{}, errAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := readEnvelope(r, c.indimail)
				if !errors.Is(err, c.err) || err == nil && !reflect.DeepEqual(got, c.want) {
					t.Errorf("%.100q, %v", got, err)
				}
			}
		})
	}
	if _, err := readEnvelope(io.MultiReader(strings.NewReader("Fa\x00T"), iotest.ErrReader(down)), false); !errors.Is(err, down) {
		t.Errorf("error of reading: %v", err)
	}
}

// plainEnvelope reads an envelope another way: whole, then by NULs. ok: it is
// one; else any error will do.
func plainEnvelope(in []byte, indimail bool) (e Envelope, ok bool) {
	words := bytes.SplitAfter(in, []byte{0})
	for i, w := range words {
		whole := bytes.HasSuffix(w, []byte{0})
		switch {
		case i == 0 && whole && w[0] == 'F' && len(w)-2 <= 1002:
			e.Sender = string(w[1 : len(w)-1])
		case i == 0:
			return e, false
		case len(w) == 1 && whole, indimail && len(w) > 0 && w[0] == 'Q':
			return e, true
		case whole && w[0] == 'T' && len(w)-2 <= 1002:
			e.Recipients = append(e.Recipients, string(w[1:len(w)-1]))
		default:
			return e, false
		}
	}
	return e, false
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{"Fa@b\x00Tc@d\x00\x00", "F\x00\x00", "Fa\x00Tb\x00Qc", "F" + strings.Repeat("x", 1003) + "\x00\x00", "T", "\x00", ""} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, indimail bool) {
		got, err := readEnvelope(bytes.NewReader(in), indimail)
		want, ok := plainEnvelope(in, indimail)
		if (err == nil) != ok || ok && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q, %v, want %q, %v", got, err, want, ok)
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := got.write(&out); err != nil {
			t.Fatal(err)
		}
		if again, err := readEnvelope(&out, false); err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("written and read again %q, %v, want %q", again, err, got)
		}
	})
}
