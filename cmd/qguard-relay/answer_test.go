package main

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		want answer
		bad  bool
	}{
		{line: "go", want: answer{}},
		{line: "go relay", want: answer{relay: true}},
		{line: "go relaying", want: answer{}},
		{line: "tarpit 2", want: answer{delay: 2 * time.Second}},
		{line: "tarpit 2 relay", want: answer{delay: 2 * time.Second, relay: true}},
		{line: "tarpit 60000", want: answer{delay: longestDelay}},
		{line: "tarpit -1", bad: true},
		{line: "tarpit 99999999999999999999", bad: true},
		{line: "tarpit", bad: true},
		{line: "defer try again later", want: answer{block: "try again later"}},
		{line: "defer no relay", want: answer{block: "no relay"}},
		{line: "refuse go away", want: answer{block: "-go away"}},
		{line: "defer -5.7.1 x", want: answer{block: "5.7.1 x"}}, // else it were a 553
		{line: "defer", want: answer{block: "not accepted here"}},
		{line: "refuse  ", want: answer{block: "-not accepted here"}},
		{line: "refuse -", want: answer{block: "-not accepted here"}},
		{line: "defer a\x00b\rc\u00e9", want: answer{block: "a?b?c?"}},
		{line: "ok", bad: true},
		{line: "error no", bad: true},
		{line: "", bad: true},
		{line: "DEFER x", bad: true},
		{line: "deferred", bad: true},
	} {
		got, err := parse(c.line)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q: %+v, %v", c.line, got, err)
		}
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		line     string
		env, got []string
	}{
		{"go", []string{"RELAYCLIENT=", "RBLSMTPD=-x", "A=b"}, []string{"RELAYCLIENT=", "RBLSMTPD=-x", "A=b"}},
		{"go relay", []string{"A=b"}, []string{"A=b", "RELAYCLIENT=", "RBLSMTPD="}},
		{"go relay", []string{"RELAYCLIENT=@x", "RBLSMTPD=-x"}, []string{"RELAYCLIENT=@x", "RBLSMTPD=-x"}},
		{"defer x", []string{"RELAYCLIENT=", "RELAYCLIENT=2", "A=b"}, []string{"A=b", "RBLSMTPD=x"}},
		{"refuse x", []string{"RBLSMTPD=", "RBLSMTPD=2"}, []string{"RBLSMTPD=-x"}},
		{"refuse x", []string{"RBLSMTPD=theirs"}, []string{"RBLSMTPD=theirs"}},
		{"tarpit 1 relay", nil, []string{"RELAYCLIENT=", "RBLSMTPD="}},
		{"nonsense", []string{"RELAYCLIENT="}, []string{"RELAYCLIENT="}},
	} {
		a, _ := parse(c.line)
		if got := a.apply(c.env); !reflect.DeepEqual(got, c.got) {
			t.Errorf("%s: %q gives %q, want %q", c.line, c.env, got, c.got)
		}
	}
}

func TestQuestion(t *testing.T) {
	for _, c := range []struct {
		paranoid bool
		env      string
		want     string
	}{
		{false, "TCPREMOTEIP=192.0.2.1 TCPREMOTEHOST=a.example", "conn remote=192.0.2.1 hold=1\n"},
		{true, "TCPREMOTEIP=192.0.2.1 TCPREMOTEHOST=a.example", "conn remote=192.0.2.1 rdns=good hold=1\n"},
		{true, "TCPREMOTEIP=::ffff:192.0.2.1", "conn remote=::ffff:192.0.2.1 rdns=missing hold=1\n"},
		{true, "TCPREMOTEIP=2001:db8::1 TCPREMOTEHOST=", "conn remote=2001:db8::1 rdns=missing hold=1\n"},
		{false, "TCPREMOTEIP=%1\n\xff", "conn remote=%251%0A%FF hold=1\n"},
		{false, "TCPREMOTEIP=", ""},
		{false, "XTCPREMOTEIP=192.0.2.1", ""},
		{false, "TCPREMOTEIP=" + strings.Repeat("1", 65), ""},
	} {
		got, err := question(strings.Split(c.env, " "), c.paranoid)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: %q, %v", c.env, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"go", "go relay", "tarpit 2 relay", "defer text", "refuse -text", "error x", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		a, err := parse(line)
		if err != nil && a != (answer{}) {
			t.Errorf("%q: %+v beside %v", line, a, err)
		}
		if blocked := strings.HasPrefix(line, "defer ") || strings.HasPrefix(line, "refuse "); blocked != (a.block != "") && line != "defer" && line != "refuse" {
			t.Errorf("%q: %+v", line, a)
		}
		if strings.HasPrefix(a.block, "-") != strings.HasPrefix(line, "refuse") && a.block != "" {
			t.Errorf("%q is %q", line, a.block)
		}
		for _, c := range a.block {
			if c < ' ' || c > '~' {
				t.Errorf("%q is %q", line, a.block)
			}
		}
	})
}
