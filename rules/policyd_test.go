package rules_test

import (
	"net/netip"
	"testing"
	"time"

	"qguard/rules"
)

func TestPolicyd(t *testing.T) {
	c, err := rules.Parse("x", `
[policyd]
http = ["127.0.0.1:4001", "unix:/run/p"]
[net]
local = ["10.0.0.0/8"]
known = ["10.1.0.0/16", "192.0.2.7"]
listed = ["2001:db8::/32"]
[rate]
outside = { conn = "20/10m" }
nordns = { quota = "0" }
[[login]]
user = "*@example.org"
countries = ["GB"]
failures = "5/10m"
answer = "tarpit"
`)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]rules.Class{
		"127.0.0.1": "self", "::1": "self", "10.2.3.4": "local", "10.1.3.4": "known", "::ffff:192.0.2.7": "known",
		"2001:db8::5": "listed", "198.51.100.1": "outside",
	} {
		if got := c.Net.Class(netip.MustParseAddr(addr), false); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := c.Net.Class(netip.MustParseAddr("198.51.100.1"), true); got != "nordns" {
		t.Error(got)
	}
	ten := 10 * time.Minute
	if got, want := c.Rate.Of("outside"), (rules.Limits{Conn: rules.Rate{N: 20, Window: ten}, Msg: rules.Rate{N: 15, Window: ten},
		Rcpt: rules.Rate{N: 300, Window: ten}, Open: 10, MsgRcpt: 100, ConnMsg: 10}); got != want {
		t.Errorf("%+v", got)
	}
	if got := c.Rate.Of("nordns"); got.Quota.N != 0 || got.Conn.N != 15 {
		t.Errorf("%+v", got)
	}
	if c.Policyd.HTTP[0] != (rules.Address{Network: "tcp", Name: "127.0.0.1:4001"}) || !c.Policyd.LogOnly {
		t.Errorf("%+v", c.Policyd)
	}
}
