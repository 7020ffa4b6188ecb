package policy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"qguard/qhpsi/decide"
)

// startExim runs Debian's with scripts/examples/exim-policy.conf on a port of the
// loopback. Its user is somebody the system has, under the name it wants, in a
// private passwd.
func startExim(t *testing.T, policyd string) (port string) {
	t.Helper()
	binary := peer(t, "exim4-daemon-heavy/usr/sbin/exim4")
	dir := sockets(t)
	example, err := os.ReadFile("../../scripts/examples/exim-policy.conf")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("put-the-token-here", token, "inet:127.0.0.1:4001", policyd, "{secret}", "{"+marker+"}").Replace(string(example))
	write(t, dir+"/exim.conf", "exim_path = "+binary+"\n"+text)
	for _, file := range []string{"passwd", "group"} {
		data, err := os.ReadFile("/etc/" + file)
		if err != nil {
			t.Fatal(err)
		}
		entry := "Debian-exim:x:65534:65534::/:/bin/false\n"
		if file == "group" {
			entry = "Debian-exim:x:65534:\n"
		}
		write(t, dir+"/"+file, string(data)+entry)
	}
	for _, sub := range []string{"/spool", "/log"} {
		if err := os.Mkdir(dir+sub, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+sub, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	port = freePort(t)
	spawn(t, exec.Command("unshare", "-m", "sh", "-c",
		`mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && shift && exec "$@"`, "sh", dir,
		binary, "-C", dir+"/exim.conf", "-bdf", "-DPORT="+port, "-DSPOOL="+dir+"/spool", "-DLOG="+dir+"/log/%slog"),
		"127.0.0.1:"+port, dir+"/log/mainlog", dir+"/log/paniclog")
	return port
}

// An smtpTalk is an SMTP client.
type smtpTalk struct{ *talk }

// dialSMTP returns one and the greeting.
func dialSMTP(t *testing.T, port string) (smtpTalk, string) {
	t.Helper()
	k := smtpTalk{dial(t, "tcp", "127.0.0.1:"+port)}
	return k, k.reply()
}

// reply is the last line of one.
func (k smtpTalk) reply() string {
	k.t.Helper()
	for {
		l := k.line()
		if len(l) < 4 || l[3] != '-' {
			return l
		}
	}
}

// say sends a command and returns the reply.
func (k smtpTalk) say(command string) string {
	k.t.Helper()
	fmt.Fprintf(k, "%s\r\n", command)
	return k.reply()
}

func plainAuth(login, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+password))
}

// TestExim asks at a connection, a login, a recipient, a message and the end.
func TestExim(t *testing.T) {
	s, h := newServer()
	port := startExim(t, strings.Replace("inet:ADDR", "ADDR", serving(t, "tcp", s.HTTP), 1))
	poll(t, "the first connection is over", func() bool { return len(h.take()) > 0 })

	// session runs one to its end and returns the replies and the calls.
	session := func(t *testing.T, commands ...string) (replies []string, calls []decide.Event) {
		t.Helper()
		h.take()
		k, greeting := dialSMTP(t, port)
		replies = append(replies, greeting)
		for _, c := range commands {
			replies = append(replies, k.say(c))
		}
		k.Close()
		return replies, h.take()
	}
	at := func(phase decide.Phase, a decide.Answer) func(decide.Event) decide.Answer {
		return func(e decide.Event) decide.Answer {
			if e.Phase == phase {
				return a
			}
			return decide.Answer{}
		}
	}
	refuse := decide.Answer{Kind: decide.Refuse, Text: "No entry {here} $pid"}
	later := decide.Answer{Kind: decide.Defer, Text: "Too many"}
	right, wrong := plainAuth("jdoe", marker), plainAuth("jdoe", "no-"+marker)
	const (
		connect = `exim connect smtp "" 127.0.0.1` + "\n"
		allow   = `exim allow smtp "jdoe" 127.0.0.1` + "\n"
		good    = `exim report smtp "jdoe" 127.0.0.1 success=true policy_reject=false` + "\n"
		ours    = `exim report smtp "jdoe" 127.0.0.1 success=false policy_reject=true` + "\n"
		bad     = `exim report smtp "jdoe" 127.0.0.1 success=false policy_reject=false` + "\n"
		rcpt    = `exim recipient smtp "" 127.0.0.1` + "\n"
		message = `exim message smtp "" 127.0.0.1` + "\n"
	)
	mail := []string{"EHLO c", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<\"c\\\"d\"@example.org>", "DATA", "Subject: x\r\n\r\nx\r\n."}
	for _, tt := range []struct {
		name     string
		answers  func(decide.Event) decide.Answer
		commands []string
		want     []string // how the last replies begin
		calls    string
	}{
		{"go", nil, []string{"EHLO c", right, "QUIT"}, []string{"220", "250", "235", "221"}, connect + allow + good},
		{"wrong password", nil, []string{"EHLO c", wrong, "QUIT"}, []string{"220", "250", "535", "221"}, connect + allow + bad},
		{"twice", nil, []string{"EHLO c", wrong, right, "QUIT"}, []string{"535", "235", "221"}, connect + allow + bad + allow + good},
		{"refused at connect", at(decide.Connect, refuse), nil, []string{"550 5.7.1 No entry {here} $pid"}, connect},
		{"deferred at connect", at(decide.Connect, later), nil, []string{"451 4.7.1 Too many"}, connect},
		{"refused at AUTH", at(decide.Allow, refuse), []string{"EHLO c", right}, []string{"535"}, connect + allow + ours},
		{"deferred at AUTH", at(decide.Allow, later), []string{"EHLO c", right}, []string{"435 Unable to authenticate at present: 4.7.1 Too many"}, connect + allow + ours},
		{"mail", nil, mail, []string{"250", "250", "354", "250"}, connect + rcpt + rcpt + message},
		{"refused at RCPT", at(decide.Recipient, refuse), mail[:3], []string{"550 5.7.1 No entry"}, connect + rcpt},
		{"deferred at RCPT", at(decide.Recipient, later), mail[:3], []string{"451 4.7.1 Too many"}, connect + rcpt},
		{"refused at DATA", at(decide.Message, refuse), mail, []string{"550 5.7.1 No entry"}, connect + rcpt + rcpt + message},
		{"deferred at DATA", at(decide.Message, later), mail, []string{"451 4.7.1 Too many"}, connect + rcpt + rcpt + message},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.answers(tt.answers)
			replies, calls := session(t, tt.commands...)
			if got := briefs(calls); got != tt.calls {
				t.Errorf("calls\n%swant\n%s", got, tt.calls)
			}
			for i, want := range tt.want {
				if got := replies[len(replies)-len(tt.want)+i]; !strings.HasPrefix(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			}
			for _, e := range calls {
				switch {
				case e.Phase == decide.Message && (e.Recipients != 2 || e.Size == 0 || e.Sender != "a@example.org"),
					e.Phase == decide.Recipient && e.Recipient != "b@example.org" && e.Recipient != `c"d@example.org`,
					e.Phase == decide.Connect && e.RDNS == decide.RDNSForged, e.Session == "":
					t.Errorf("%+v", e)
				}
			}
		})
	}

	t.Run("tarpit", func(t *testing.T) {
		h.answers(always(decide.Answer{Kind: decide.Tarpit, Delay: time.Second}))
		begun := time.Now()
		replies, calls := session(t, "EHLO c", right, "QUIT")
		if took := time.Since(begun); took < 2*time.Second || replies[2][:3] != "235" || len(calls) != 3 {
			t.Error(took, replies, calls)
		}
	})

	t.Run("a login of all bytes", func(t *testing.T) {
		h.answers(nil)
		_, calls := session(t, "EHLO c", plainAuth("a\"\\{}${run}\x01\r\n\xff\xc3\xa9$acl_arg1 joe", marker))
		if want := `exim allow smtp "a\"\\{}${run}?é$acl_arg1 joe" 127.0.0.1`; len(calls) < 3 || brief(calls[1]) != want {
			t.Errorf("%s\nwant %s", briefs(calls), want)
		}
	})

	// cram_md5 looks at the password first and reports at the end, a failure with
	// Exim's words around the login.
	for _, tt := range []struct {
		password, want string
		answers        func(decide.Event) decide.Answer
	}{
		{marker, "success=true policy_reject=false", nil},
		{"no-" + marker, "success=false policy_reject=false", nil},
		{marker, "success=false policy_reject=true", at(decide.Allow, refuse)},
	} {
		h.answers(tt.answers)
		h.take()
		c, err := smtp.Dial("127.0.0.1:" + port)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Auth(smtp.CRAMMD5Auth("jdoe", tt.password))
		if (err == nil) != strings.HasPrefix(tt.want, "success=true") {
			t.Error(err)
		}
		c.Quit()
		var got string
		poll(t, "the report", func() bool { got += briefs(h.take()); return strings.Contains(got, " report ") })
		if want := `exim report smtp "jdoe" 127.0.0.1 ` + tt.want; strings.Count(got, " report ") != 1 || !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	lines := h.said()
	clean(t, lines)
	if len(lines) > 0 {
		t.Error(lines)
	}
}

// Everything but 403 lets everybody in: trouble is no finding.
func TestEximFailsOpen(t *testing.T) {
	s, h := newServer()
	h.answers(always(decide.Answer{Kind: decide.Refuse}))
	addr := serving(t, "tcp", s.HTTP)
	ports := map[string]string{
		"nobody there": startExim(t, "inet:127.0.0.1:"+freePort(t)),
		"daemon":       startExim(t, "inet:"+addr),
	}
	try := func(port string) string {
		k, greeting := dialSMTP(t, port)
		return greeting[:3] + " " + k.say("EHLO c")[:3] + " " + k.say(plainAuth("jdoe", marker))[:3]
	}
	if got := try(ports["nobody there"]); got != "220 250 235" {
		t.Error("nobody there:", got)
	}
	h.wants("another")
	if got := try(ports["daemon"]); got != "220 250 235" || !holds(h.said(), "401") {
		t.Error("wrong token:", got)
	}
	h.wants(token)
	if k, greeting := dialSMTP(t, ports["daemon"]); greeting[:3] != "550" {
		t.Error("refused:", greeting)
	} else {
		k.Close()
	}
	// A body that is not understood, by Exim's own hand: 400.
	code, body := post(t, addr, "/exim?command=allow", `{"login":`)
	if code != 400 || !bytes.Contains([]byte(body), []byte("not understood")) {
		t.Error(code, body)
	}
}
