package policy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"qguard/qhpsi/decide"
)

// What Postfix 3.7.11 sent at RCPT.
const delegated = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=192.0.2.7
client_name=mail.example.net
client_port=51234
reverse_client_name=mail.example.net
server_address=127.0.0.1
server_port=2525
helo_name=c
sender=a@example.net
recipient=b=c@example.org
recipient_count=0
queue_id=
instance=6449.69213a1b.5a1c1.0
size=0
etrn_domain=
stress=
sasl_method=
sasl_username=joe
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=TLSv1.3
encryption_cipher=TLS_AES_256_GCM_SHA384
encryption_keysize=256
policy_context=
`

func TestPostfixDialect(t *testing.T) {
	s, h := newServer()
	k := dial(t, "tcp", serving(t, "tcp", s.Postfix))
	ask := func(request string) string {
		t.Helper()
		action := k.say(request)
		if empty := k.line(); empty != "" {
			t.Errorf("%q behind %q", empty, action)
		}
		return action
	}
	if got := ask(delegated); got != "action=DUNNO" {
		t.Error(got)
	}
	want := decide.Event{Time: noon, Phase: "recipient", Door: "postfix", Protocol: "smtp", Login: "joe", Remote: netip.MustParseAddr("192.0.2.7"),
		Session: "6449.69213a1b.5a1c1.0", TLS: true, RDNS: "good", Sender: "a@example.net", Recipient: "b=c@example.org"}
	if got := h.take(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	state := func(name string) string { return strings.Replace(delegated, "=RCPT", "="+name, 1) }
	for _, tt := range []struct{ state, deferred string }{
		{"CONNECT", "action=DEFER 4.7.1 Too many"},
		{"XCLIENT", "action=DEFER 4.7.1 Too many"},
		{"RCPT", "action=DEFER_IF_PERMIT 4.7.1 Too many"},
		{"END-OF-MESSAGE", "action=DEFER 4.7.1 Too many"},
		{"EHLO", "action=DUNNO"},
		{"DATA", "action=DUNNO"},
	} {
		for answer, want := range map[decide.Answer]string{
			{Kind: decide.Defer, Text: "Too many"}:                 tt.deferred,
			{Kind: decide.Refuse, Text: "a\nb\u00e9"}:              "action=REJECT 5.7.1 a b?",
			{Kind: decide.Tarpit, Delay: 90 * time.Second}:         "action=sleep 30",
			{Kind: decide.Go, Text: "x", Would: decide.Refuse}:     "action=DUNNO",
			{Kind: decide.Refuse, Text: strings.Repeat("x", 9000)}: "action=REJECT 5.7.1 " + strings.Repeat("x", maxSaid),
		} {
			if tt.deferred == "action=DUNNO" {
				want = tt.deferred
			}
			h.answers(always(answer))
			if got := ask(state(tt.state)); got != want {
				t.Errorf("%s: %q, want %q", tt.state, got, want)
			}
		}
	}
	if said := h.said(); len(said) > 0 {
		t.Error(said)
	}
	h.take()
	for _, deny := range []bool{false, true} {
		want := "action=DUNNO"
		if deny {
			want = "action=DEFER 4.7.1 Try again later"
			h.refuses(true)
		}
		for _, tt := range []struct{ name, request, log string }{
			{"empty", "", "request is not"},
			{"another request", "request=\x00\"\n", "request is not"},
			{"no state", "request=smtpd_access_policy\n", "protocol_state is not known"},
			{"another state", state("DANCE"), "DANCE"},
			{"a line cut", "request=smtpd_access_policy\nprotocol_st\n", "no name=value"},
			{"no address", strings.Replace(delegated, "192.0.2.7", "192.0.2", 1), "remote is no address"},
			{"no number", strings.Replace(state("END-OF-MESSAGE"), "_count=0", "_count=many", 1), "recipients is no number"},
			{"twice", delegated + "sender=b\n", "sender is there twice"},
		} {
			if got := strings.Replace(ask(tt.request), "DEFER_IF_PERMIT", "DEFER", 1); got != want {
				t.Errorf("%s: %q", tt.name, got)
			}
			lines := h.said()
			if len(lines) != 1 || !strings.Contains(lines[0], tt.log) {
				t.Errorf("%s: logged %q", tt.name, lines)
			}
			clean(t, lines)
		}
	}
	if got := h.take(); len(got) > 0 {
		t.Error(got)
	}
}

// Bounds that are broken cost an answer and the connection.
func TestPostfixBounds(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.Postfix)
	for _, tt := range []struct{ name, request, log string }{
		{"a line of a megabyte", delegated + "x=" + strings.Repeat("y", 1<<20) + "\n\n", "a line is too long"},
		{"a name of a megabyte", strings.Repeat("y", 1<<20), "a line is too long"},
		{"attributes", delegated + strings.Repeat("x=y\n", 100) + "\n", "too many attributes"},
		{"bytes", delegated + strings.Repeat("x="+strings.Repeat("y", 4000)+"\n", 20) + "\n", "too many attributes"},
		{"slow", "request=smtpd_access_policy\n", "does not end in time"},
	} {
		k := dial(t, "tcp", addr)
		if got := k.say(strings.TrimSuffix(tt.request, "\n")); got != "action=DUNNO" {
			t.Errorf("%s: %q", tt.name, got)
		}
		if got := k.line() + k.line(); got != "" {
			t.Errorf("%s: then %q", tt.name, got)
		}
		if lines := h.said(); len(lines) != 1 || !strings.Contains(lines[0], tt.log) {
			t.Errorf("%s: logged %q", tt.name, lines)
		}
	}
	cut := dial(t, "tcp", addr)
	io.WriteString(cut, delegated)
	cut.Close()
	poll(t, "the cut is logged", func() bool { return holds(h.said(), "ends within a request") })
	if got := h.take(); len(got) > 0 {
		t.Error(got)
	}
}

func TestControl(t *testing.T) {
	s, h := newServer()
	k := dial(t, "unix", serving(t, "unix", s.Control))
	for _, tt := range []struct {
		line   string
		answer decide.Answer
		want   string
		call   string
	}{
		{"conn remote=192.0.2.1 rdns=good", decide.Answer{}, "go", `relay connect  "" 192.0.2.1`},
		{"conn remote=192.0.2.1", decide.Answer{Relay: true}, "go relay", `relay connect  "" 192.0.2.1`},
		{"conn", decide.Answer{Kind: decide.Tarpit, Delay: 2 * time.Second}, "tarpit 2", `relay connect  "" invalid IP`},
		{"conn new=%41", decide.Answer{Kind: decide.Tarpit, Relay: true}, "tarpit 1 relay", `relay connect  "" invalid IP`},
		{"conn remote=::ffff:192.0.2.1", decide.Answer{Kind: decide.Defer, Text: "Too\nmany\u00e9", Relay: true}, "defer Too many?", `relay connect  "" 192.0.2.1`},
		{"conn remote=2001:db8::1", decide.Answer{Kind: decide.Refuse}, "refuse Refused by local policy", `relay connect  "" 2001:db8::1`},
		{"close remote=192.0.2.1", decide.Answer{}, "ok", `relay close  "" 192.0.2.1`},
		{"rcpt remote=192.0.2.1 sender=a%20b recipient=c=d", decide.Answer{Kind: decide.Defer}, "defer Try again later", `relay recipient  "" 192.0.2.1`},
		{"msg remote=192.0.2.1 recipients=2 size=10", decide.Answer{}, "go", `relay message  "" 192.0.2.1`},
		{"auth remote=192.0.2.1 login=joe%20doe%0a protocol=POP3", decide.Answer{Kind: decide.Refuse, Text: "x"}, "refuse x", `relay allow pop3 "joe doe\n" 192.0.2.1`},
		{"auth login=joe success=0", decide.Answer{Kind: decide.Refuse}, "ok", `relay report  "joe" invalid IP success=false policy_reject=false`},
		{"auth login=joe success=1", decide.Answer{}, "ok", `relay report  "joe" invalid IP success=true policy_reject=false`},
		{"event phase=report door=maillog success=0 login=joe time=" + fmt.Sprint(noon.Unix()-60), decide.Answer{Kind: decide.Refuse}, "ok", `maillog report  "joe" invalid IP success=false policy_reject=false`},
		{"event phase=connect", decide.Answer{Kind: decide.Refuse}, "ok", `control connect  "" invalid IP`},
		{"status", decide.Answer{}, "ok up=60 keys=3", ""},
		{"reload", decide.Answer{}, "ok", ""},
	} {
		h.answers(always(tt.answer))
		if got := k.say(tt.line); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
		got := h.take()
		if tt.call == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || brief(got[0]) != tt.call {
			t.Errorf("%s: asked %s", tt.line, briefs(got))
		}
		if strings.Contains(tt.line, "time=") && got[0].Time.Unix() != noon.Unix()-60 {
			t.Error(got[0].Time)
		}
	}
	h.mu.Lock()
	h.reload = errors.New("qguard.toml:3: no")
	h.mu.Unlock()
	if got := k.say("reload"); got != "error reload: qguard.toml:3: no" {
		t.Error(got)
	}
	h.said()
	h.take()
	for _, line := range []string{
		"", " ", "conn ", "conn  remote=192.0.2.1", "conn remote", "conn =x", "conn remote=%", "conn remote=%4", "conn remote=%zz",
		"conn remote=a\tb", "conn remote=\xff", "conn remote=192.0.2.1 remote=192.0.2.1", "conn remote=host", "conn hold=perhaps",
		"conn rdns=bad", "rcpt recipients=-1", "msg size=1e3", "auth success=maybe", "event", "event phase=dance", "event phase=report door=A",
		"event phase=report time=0", "event phase=report time=99999999999", "CONN remote=192.0.2.1", "ban remote=192.0.2.1",
		"conn" + strings.Repeat(" a=b", 33), "conn remote=192.0.2.1\r",
	} {
		s.calm()
		if got := k.say(line); got != "error not understood" {
			t.Errorf("%q: %q", line, got)
		}
		lines := h.said()
		if len(lines) != 1 {
			t.Errorf("%q: logged %q", line, lines)
		}
		clean(t, lines)
	}
	if got := h.take(); len(got) > 0 {
		t.Error(briefs(got))
	}
	h.refuses(true)
	for line, want := range map[string]string{
		"conn remote=host": "defer Try again later", "auth remote=host": "defer Try again later",
		"event phase=x": "error not understood", "ban": "error not understood",
	} {
		if got := k.say(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
	h.refuses(false)
	h.said()
	s.calm()
	if got := k.say("conn " + strings.Repeat("x", 1<<20)); got != "error not understood" || k.line() != "" {
		t.Errorf("a megabyte: %q", got)
	}
	if lines := h.said(); len(lines) != 1 || !strings.Contains(lines[0], "a line is too long") {
		t.Error(lines)
	}
}

// A held connection counts while it lasts.
func TestHold(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "unix", s.Control)
	open := func(remote string) (*talk, int) {
		k := dial(t, "unix", addr)
		if got := k.say("conn hold=1 remote=" + remote); got != "go" {
			t.Error(got)
		}
		e := h.take()
		return k, e[len(e)-1].Open
	}
	first, n := open("192.0.2.1")
	if n != 1 {
		t.Error(n)
	}
	second, n := open("::ffff:192.0.2.1")
	if n != 2 {
		t.Error(n)
	}
	if _, n = open("192.0.2.2"); n != 1 {
		t.Error("another:", n)
	}
	_, _ = open("2001:db8::1")
	if _, n = open("2001:db8::2"); n != 2 {
		t.Error("of one /64:", n)
	}
	if _, n = open("2001:db8:0:1::2"); n != 1 {
		t.Error("of another /64:", n)
	}
	if got := second.say("close"); got != "ok" {
		t.Error(got)
	}
	if got := briefs(h.take()); got != `relay close  "" 192.0.2.1`+"\n" {
		t.Error(got)
	}
	first.Close()
	var got string
	poll(t, "the close", func() bool { got += briefs(h.take()); return got != "" })
	if got != `relay close  "" 192.0.2.1`+"\n" {
		t.Error(got)
	}
	// Once more on a connection of several clients.
	if got := second.say("conn remote=192.0.2.1 hold=1"); got != "go" {
		t.Error(got)
	}
	if got := second.say("conn remote=192.0.2.9 hold=1"); got != "go" {
		t.Error(got)
	}
	if got := h.take(); len(got) != 3 || got[0].Open != 1 || got[1].Phase != decide.Close || got[1].Open != 0 || got[2].Open != 1 {
		t.Errorf("%+v", got)
	}
	if k := dial(t, "unix", addr); k.say("conn remote=192.0.2.9") != "go" || h.take()[0].Open != 0 {
		t.Error("not held, but counted")
	}
	second.Close()
	poll(t, "three others are left", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.open) == 3 })
}

// Who is neither root nor an administrator may tell, and no more.
func TestControlCredentials(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: nobody else's rights to try")
	}
	s, _ := newServer()
	s.Group = 65533
	addr := serving(t, "unix", s.Control)
	for _, tt := range []struct {
		uid, gid uint32
		want     string
	}{
		{0, 0, "ok up=60 keys=3\nok\ngo\n"},
		{65534, 65534, "error status: not allowed\nerror reload: not allowed\ngo\n"},
		{65534, 65533, "ok up=60 keys=3\nok\ngo\n"},
		{65534, 0, "error status: not allowed\nerror reload: not allowed\ngo\n"},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=TestControlClient")
		cmd.Env = []string{"CONTROL=" + addr}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.gid}, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.Output()
		got, _, _ := strings.Cut(string(out), "PASS")
		if err != nil || got != tt.want {
			t.Errorf("%d:%d: %v\n%s", tt.uid, tt.gid, err, out)
		}
	}
	// Not at all by TCP.
	if got := dial(t, "tcp", serving(t, "tcp", s.Control)).say("status"); got != "error status: not allowed" {
		t.Error("tcp:", got)
	}
}

// TestControlClient is another user's program.
func TestControlClient(t *testing.T) {
	addr := os.Getenv("CONTROL")
	if addr == "" {
		t.Skip("of TestControlCredentials")
	}
	k := dial(t, "unix", addr)
	for _, line := range []string{"status", "reload", "conn remote=192.0.2.1"} {
		fmt.Println(k.say(line))
	}
}

// Connections that wait end with the door, at once.
func TestDrain(t *testing.T) {
	s, _ := newServer()
	var all []*talk
	t.Run("doors", func(t *testing.T) {
		parent := t
		for network, door := range map[string]string{serving(t, "unix", s.Control): "unix", serving(t, "tcp", s.Postfix): "tcp"} {
			c, err := net.Dial(door, network)
			if err != nil {
				t.Fatal(err)
			}
			k := &talk{c, bufio.NewReader(c), parent}
			if door == "unix" {
				k.say("conn hold=1 remote=192.0.2.1")
			} else {
				k.say(delegated)
				k.line()
			}
			all = append(all, k)
		}
	})
	for _, k := range all {
		k.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := k.r.ReadByte(); err != io.EOF {
			t.Error(err)
		}
		k.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > 0 || s.control.Load() != 0 || s.postfix.Load() != 0 {
		t.Error(s.open, s.control.Load(), s.postfix.Load())
	}
}
