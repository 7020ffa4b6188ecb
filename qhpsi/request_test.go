package qhpsi_test

import (
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
