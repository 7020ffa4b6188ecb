package policy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"qguard/qhpsi/decide"
)

// sound fails where an event has more than a door may let in.
func sound(t *testing.T, e decide.Event) {
	t.Helper()
	for _, v := range []string{e.Login, e.Session, e.Sender, e.Recipient} {
		if len(v) > maxText+2 || !utf8.ValidString(v) { // a rune cut at the end is one of three bytes
			t.Fatalf("%d bytes: %q", len(v), v)
		}
	}
	if len(e.Protocol) > 3*maxWord || len(e.FailType) > 3*maxWord || len(e.PwHash) > 4 || e.Recipients < 0 || e.Size < 0 {
		t.Fatalf("%+v", e)
	}
	if e.Remote.Is4In6() || e.Remote.Zone() != "" {
		t.Fatal(e.Remote)
	}
}

// oneLiner fails where an error is not fit for the log.
func oneLiner(t *testing.T, err error) {
	t.Helper()
	if v := fmt.Sprintf("%q", err.Error()); len(v) > 2000 {
		t.Fatal(v)
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{recorded + "}", recorded, `{}`, `{"login":"a","x":{"y":[1,2,{"z":null}]},"success":"false"}`,
		"email=joe%40example.com&password=x&remote_address=192.0.2.1", `{"password":"x","remote":"::ffff:1.2.3.4"}`,
		`{"x":` + strings.Repeat("[", 100), "%=&=%&", "{\"\\ud800\":\"\\ud800\"}", `{"phase":"rcpt","recipients":2,"size":"3"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > maxBody {
			return
		}
		got, err := parseBody(body)
		if err != nil {
			oneLiner(t, err)
			return
		}
		for name := range got {
			if keyKind(name) == unknown {
				t.Fatalf("kept %q", name)
			}
		}
		e, err := got.event(decide.Allow, "exim", noon)
		sound(t, e)
		if err != nil {
			oneLiner(t, err)
		}
		// The library reads the same.
		var all map[string]any
		if json.Unmarshal(body, &all) == nil {
			for key, value := range all {
				if v, ok := value.(string); ok && keyKind(canonical(key)) != unknown && strings.ToValidUTF8(got[canonical(key)], "\uFFFD") != v && utf8.Valid(body) {
					t.Fatalf("%s: %q, want %q", key, got[canonical(key)], v)
				}
			}
		}
		// What is passed over does not change what is said.
		if bytes.HasPrefix(body, []byte("{\"")) {
			more, err := parseBody(append([]byte(`{"password":"`+marker+`",`), body[1:]...))
			if err == nil && fmt.Sprint(more) != fmt.Sprint(got) {
				t.Fatalf("%v and %v", got, more)
			}
		}
	})
}

func FuzzPostfix(f *testing.F) {
	for _, seed := range []string{delegated + "\n", delegated, "\n", "a\n\n", "=\n=\n\n", strings.Repeat("x=y\n", 101) + "\n",
		"request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=::1\n\n" + delegated + "\n"} {
		f.Add([]byte(seed))
	}
	s, _ := newServer()
	f.Fuzz(func(t *testing.T, input []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(input), maxLine)
		left := input
		for {
			got, err := readPostfix(r)
			if errors.As(err, new(breach)) {
				oneLiner(t, err)
				return
			}
			// A request ends at the first empty line, whatever is in it.
			if bytes.HasPrefix(left, []byte("\n")) {
				left = left[1:]
			} else {
				end := bytes.Index(left, []byte("\n\n"))
				if end < 0 || end > maxRequest+maxAttributes {
					t.Fatalf("no end in %q", left)
				}
				left = left[end+2:]
			}
			if err != nil {
				oneLiner(t, err)
				continue
			}
			e, _, err := s.postfixEvent(got)
			sound(t, e)
			if err != nil {
				oneLiner(t, err)
			}
			action := postfixAction(decide.Answer{Kind: decide.Refuse, Text: e.Login}, e.Phase)
			if strings.ContainsAny(action, "\n\r\x00") || len(action) > maxSaid+40 {
				t.Fatalf("%q", action)
			}
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{"conn remote=192.0.2.1 rdns=good", "rcpt recipient=joe%20doe%40", "event phase=report time=1", "status", "", "conn  ", "a =b", "a b=%", "a b=%0", "auth login=\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, l []byte) {
		if len(l) >= maxLine || bytes.IndexByte(l, '\n') >= 0 {
			return
		}
		s, h := newServer()
		k := &controller{server: s, admin: true}
		answer := oneLine(k.answer(l, nil))
		word, _, _ := strings.Cut(answer, " ")
		if !strings.Contains(" go ok error ", " "+word+" ") || len(answer) >= maxAnswer {
			t.Fatalf("%q: %q", l, answer)
		}
		for _, e := range h.take() {
			sound(t, e)
		}
		k.release()
		if len(s.open) > 0 {
			t.Fatal(s.open)
		}
		// Any value can be written.
		line := "auth login="
		for _, c := range l {
			line += fmt.Sprintf("%%%02x", c)
		}
		if _, got, err := parseLine([]byte(line)); err != nil || got["login"] != string(l) {
			t.Fatalf("%q: %q, %v", line, got, err)
		}
	})
}

func FuzzSaid(f *testing.F) {
	f.Add("No entry", true)
	f.Add("a\r\nb\u0085\u2028\xff", false)
	f.Fuzz(func(t *testing.T, text string, ascii bool) {
		v := said(decide.Answer{Kind: decide.Refuse, Text: text}, ascii)
		if v == "" || len(v) > maxSaid || strings.ContainsAny(v, "\r\n\x00\u0085\u2028\u2029") || !utf8.ValidString(v) {
			t.Fatalf("%q", v)
		}
		if ascii && strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q", v)
		}
	})
}
