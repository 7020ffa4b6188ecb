package qhpsi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

func TestRequest(t *testing.T) {
	odd, null := "a\xff\x00 &=%@b", ""
	for _, want := range []qhpsi.Request{
		{},
		{Envelope: rules.Envelope{Sender: &null}},
		{Envelope: rules.Envelope{Sender: &odd, Outgoing: true, Client: netip.MustParseAddr("2001:db8::1")}, User: "j doe", JSON: true},
	} {
		text := want.String()
		got, err := qhpsi.ParseRequest(text)
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
		if strings.ContainsAny(text, "\x00\n ") {
			t.Errorf("%q does not fit into a command", text)
		}
	}
	for _, bad := range []string{"x=1", "outgoing=0", "outgoing", "client=here", "user=a&user=b", "%", "answer=xml", "a;b"} {
		if r, err := qhpsi.ParseRequest(bad); err == nil {
			t.Errorf("%s: got %+v", bad, r)
		}
	}
}

func TestAnswer(t *testing.T) {
	want := scan.Verdict{Findings: []scan.Finding{{Rule: "mime.ambiguous", Part: "2", Name: "a", Note: "b", Grave: true, Action: rules.Hold}}}
	text, err := json.Marshal(qhpsi.NewAnswer(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := qhpsi.ReadAnswer(text)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	text, _ = json.Marshal(qhpsi.NewAnswer(scan.Verdict{Err: errors.New("no disk")}))
	if got, err := qhpsi.ReadAnswer(text); err != nil || got.Err == nil || got.State() != scan.Undecided {
		t.Errorf("%s: %v, %v", text, got, err)
	}
	for _, bad := range []string{"", "{}", "null", "OK", `{"findings":[{"action":"maybe"}]}`, `{"findings":[]`} {
		if v, err := qhpsi.ReadAnswer([]byte(bad)); err == nil {
			t.Errorf("%q: got %v", bad, v)
		}
	}
}

// FuzzRequest reads what anybody may send to qguardd's socket. What is read is
// written so that it is read the same.
func FuzzRequest(f *testing.F) {
	f.Add("outgoing=1&sender=a+b%40example.org&client=192.0.2.1&user=jdoe&answer=json")
	f.Add("sender=")
	f.Add("client=fe80::1%25eth0&sender=%00%ff")
	f.Add("a=b;c&&=")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := qhpsi.ParseRequest(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		written := r.String()
		again, err := qhpsi.ParseRequest(written)
		if diff := cmp.Diff(r, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%q, then %q, %v\n%s", text, written, err, diff)
		}
		if strings.ContainsAny(written, "\x00\n ") {
			t.Errorf("%q does not fit into a command", written)
		}
	})
}

// FuzzAnswer reads what stands behind the socket that the rules name: a verdict
// or doubt, and never clean without a list of findings.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"findings":[{"rule":"xfile.name","part":"1","name":"a.exe","note":"n","action":"hold","grave":true}]}`))
	f.Add([]byte(`{"findings":[],"error":"no disk"}`))
	f.Add([]byte(`{"findings":null}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := qhpsi.ReadAnswer(text)
		switch {
		case err != nil && len(v.Findings) > 0:
			t.Errorf("%v with %v", err, v)
		case err == nil && v.State() == scan.Clean && !bytes.Contains(bytes.ToLower(text), []byte("findings")) && !bytes.Contains(text, []byte(`\u`)):
			t.Errorf("clean by %q", text)
		}
	})
}
