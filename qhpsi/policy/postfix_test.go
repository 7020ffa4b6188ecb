package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qguard/qhpsi/decide"
)

// A postfix is Debian's, unpacked, run by path with directories of its own; it
// throws the mail away.
type postfix struct {
	dir, port string
}

// newPostfix makes the directories, so that a socket can be put into them.
func newPostfix(t *testing.T) *postfix {
	t.Helper()
	peer(t, "postfix/usr")
	p := &postfix{dir: sockets(t), port: freePort(t)}
	daemon, err := user.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := user.LookupGroup("operator")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(daemon.Uid)
	gid, _ := strconv.Atoi(operator.Gid)
	for _, d := range []struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}{
		{"etc", 0o755, 0, 0}, {"data", 0o700, uid, 0}, {"q", 0o755, 0, 0}, {"q/pid", 0o755, 0, 0}, {"q/qguard", 0o755, 0, 0},
		{"q/incoming", 0o700, uid, 0}, {"q/active", 0o700, uid, 0}, {"q/bounce", 0o700, uid, 0}, {"q/corrupt", 0o700, uid, 0},
		{"q/defer", 0o700, uid, 0}, {"q/deferred", 0o700, uid, 0}, {"q/flush", 0o700, uid, 0}, {"q/hold", 0o700, uid, 0},
		{"q/saved", 0o700, uid, 0}, {"q/trace", 0o700, uid, 0}, {"q/private", 0o700, uid, 0},
		{"q/public", 0o710, uid, gid}, {"q/maildrop", 0o730, uid, gid},
	} {
		name := p.dir + "/" + d.name
		if err := errors.Join(os.Mkdir(name, d.mode), os.Chmod(name, d.mode), os.Chown(name, d.uid, d.gid)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// start runs it with scripts/examples/postfix-policy.cf and a policy service.
func (p *postfix) start(t *testing.T, service string, more ...string) {
	t.Helper()
	usr := peer(t, "postfix/usr")
	example, err := os.ReadFile("../../scripts/examples/postfix-policy.cf")
	if err != nil {
		t.Fatal(err)
	}
	conf := append([]string{
		"compatibility_level = 3.6",
		"queue_directory = " + p.dir + "/q",
		"data_directory = " + p.dir + "/data",
		"daemon_directory = " + usr + "/lib/postfix/sbin",
		"command_directory = " + usr + "/sbin",
		"shlib_directory = " + usr + "/lib/postfix",
		"meta_directory = " + p.dir + "/etc",
		"mail_owner = daemon",
		"setgid_group = operator",
		"import_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ",
		"export_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ",
		"maillog_file = " + p.dir + "/log",
		"maillog_file_prefixes = " + p.dir,
		"myhostname = mx.example.org",
		"mydestination =", "relay_domains = example.org",
		"alias_maps =", "alias_database =", "local_recipient_maps =",
		"inet_interfaces = 127.0.0.1", "inet_protocols = all",
		"mynetworks = 192.0.2.99/32",
		"relay_transport = discard:", "default_transport = discard:",
		"smtpd_tls_security_level = none",
		"smtpd_authorized_xclient_hosts = 127.0.0.1",
		"smtpd_error_sleep_time = 0",
		"smtputf8_enable = no",
		strings.ReplaceAll(string(example), "unix:qguard/policy", service),
	}, more...)
	write(t, p.dir+"/etc/main.cf", strings.Join(conf, "\n")+"\n")
	services := fmt.Sprintf("127.0.0.1:%s inet n - n - - smtpd\n", p.port)
	for _, line := range []string{
		"cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
		"discard unix - - n - - discard", "error unix - - n - - error", "retry unix - - n - - error",
		"anvil unix - - n - 1 anvil", "postlog unix-dgram n - n - 1 postlogd", "proxymap unix - - n - - proxymap",
	} {
		services += line + "\n"
	}
	write(t, p.dir+"/etc/master.cf", services)
	cmd := exec.Command(usr+"/lib/postfix/sbin/master", "-c", p.dir+"/etc", "-d")
	cmd.Env = []string{"LD_LIBRARY_PATH=" + usr + "/lib/postfix", "MAIL_CONFIG=" + p.dir + "/etc", "PATH=/usr/bin:/bin"}
	spawn(t, cmd, "127.0.0.1:"+p.port, p.dir+"/log")
}

// TestPostfix asks at a connection, for each recipient and for a message, on a
// UNIX socket and by TCP.
func TestPostfix(t *testing.T) {
	s, h := newServer()
	p := newPostfix(t)
	unix := p.dir + "/q/qguard/policy"
	// The socket that Postfix knows by a name of its queue's.
	if err := os.Symlink(serving(t, "unix", s.Postfix), unix); err != nil {
		t.Fatal(err)
	}
	p.start(t, "unix:qguard/policy")
	tcp := newPostfix(t)
	tcp.start(t, "inet:"+serving(t, "tcp", s.Postfix))
	for _, way := range []struct {
		name string
		*postfix
	}{{"unix", p}, {"tcp", tcp}} {
		t.Run(way.name, func(t *testing.T) {
			testPostfix(t, way.postfix, h)
		})
	}
	if lines := h.said(); len(lines) > 0 {
		t.Error(lines)
	}
}

// others are the calls that are not about the loopback.
func (h *fakeHost) others() []decide.Event {
	return slices.DeleteFunc(h.take(), func(e decide.Event) bool { return e.Remote.IsLoopback() })
}

// A client that XCLIENT makes.
const client = "XCLIENT NAME=mail.example.net ADDR=192.0.2.7"

func testPostfix(t *testing.T, p *postfix, h *fakeHost) {
	at := func(phase decide.Phase, a decide.Answer) func(decide.Event) decide.Answer {
		return func(e decide.Event) decide.Answer {
			if e.Phase == phase && e.Remote.String() != "127.0.0.1" {
				return a
			}
			return decide.Answer{}
		}
	}
	refuse := decide.Answer{Kind: decide.Refuse, Text: "No entry $client_name"}
	later := decide.Answer{Kind: decide.Defer, Text: "Too many"}
	const (
		connect = `postfix connect smtp "" 192.0.2.7` + "\n"
		rcpt    = `postfix recipient smtp "" 192.0.2.7` + "\n"
		message = `postfix message smtp "" 192.0.2.7` + "\n"
	)
	mail := []string{"EHLO c", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>", "DATA", "Subject: x\r\n\r\nx\r\n."}
	for _, tt := range []struct {
		name    string
		answers func(decide.Event) decide.Answer
		mail    []string
		want    []string // how the last replies begin
		calls   string
	}{
		{"go", nil, mail, []string{"250", "250", "354", "250"}, connect + rcpt + rcpt + message},
		{"refused at CONNECT", at(decide.Connect, refuse), nil, []string{"554 5.7.1 <mail.example.net[192.0.2.7]>: Client host rejected: No entry $client_name"}, connect},
		{"deferred at CONNECT", at(decide.Connect, later), nil, []string{"450 4.7.1 <mail.example.net[192.0.2.7]>: Client host rejected: Too many"}, connect},
		{"refused at RCPT", at(decide.Recipient, refuse), mail[:3], []string{"554 5.7.1 <b@example.org>: Recipient address rejected: No entry"}, connect + rcpt},
		{"deferred at RCPT", at(decide.Recipient, later), mail[:3], []string{"450 4.7.1 <b@example.org>: Recipient address rejected: Too many"}, connect + rcpt},
		{"refused at END-OF-MESSAGE", at(decide.Message, refuse), mail, []string{"554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: No entry"}, connect + rcpt + rcpt + message},
		{"deferred at END-OF-MESSAGE", at(decide.Message, later), mail, []string{"450 4.7.1 <END-OF-MESSAGE>: End-of-data rejected: Too many"}, connect + rcpt + rcpt + message},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.answers(tt.answers)
			h.take()
			k, greeting := dialSMTP(t, p.port)
			if greeting[:3] != "220" {
				t.Fatal(greeting)
			}
			k.say("EHLO proxy")
			h.take()
			replies := []string{k.say(client)}
			for _, c := range tt.mail {
				replies = append(replies, k.say(c))
			}
			calls := h.others()
			k.Close()
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
				case e.Phase == decide.Message && (e.Recipients != 2 || e.Size == 0),
					e.Phase == decide.Recipient && (e.Sender != "a@example.net" || e.Recipient == "" || e.Recipients != 0),
					e.RDNS != decide.RDNSGood, (e.Session == "") != (e.Phase == decide.Connect), e.TLS:
					t.Errorf("%+v", e)
				}
			}
		})
	}

	t.Run("tarpit", func(t *testing.T) {
		h.answers(at(decide.Connect, decide.Answer{Kind: decide.Tarpit, Delay: time.Second}))
		k, _ := dialSMTP(t, p.port)
		k.say("EHLO proxy")
		begun := time.Now()
		if got := k.say(client); got[:3] != "220" || time.Since(begun) < time.Second {
			t.Error(got, time.Since(begun))
		}
		k.Close()
	})

	t.Run("reverse DNS", func(t *testing.T) {
		h.answers(nil)
		for _, tt := range []struct {
			xclient string
			want    decide.RDNS
			remote  string
		}{
			{"NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] ADDR=192.0.2.8", decide.RDNSMissing, "192.0.2.8"},
			{"NAME=[UNAVAILABLE] REVERSE_NAME=liar.example.net ADDR=IPV6:2001:db8::8", decide.RDNSForged, "2001:db8::8"},
			{"NAME=a.example.net REVERSE_NAME=a.example.net ADDR=192.0.2.8", decide.RDNSGood, "192.0.2.8"},
		} {
			k, _ := dialSMTP(t, p.port)
			k.say("EHLO proxy")
			h.take()
			if got := k.say("XCLIENT " + tt.xclient); got[:3] != "220" {
				t.Error(got)
			}
			calls := h.others()
			if len(calls) != 1 || calls[0].RDNS != tt.want || calls[0].Remote.String() != tt.remote {
				t.Errorf("%s: %+v", tt.xclient, calls)
			}
			k.Close()
		}
	})
}

// A process of smtpd keeps its connection to us. When we are another daemon, it
// may lose one question by it, where it has not yet seen the end; not two.
func TestPostfixAcrossRestart(t *testing.T) {
	s, h := newServer()
	p := newPostfix(t)
	begin := func() (end func()) {
		l, err := net.Listen("unix", p.dir+"/q/qguard/policy")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(l.Addr().String(), 0o666); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.Postfix(ctx, l) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	end := begin()
	p.start(t, "unix:qguard/policy", "default_process_limit = 1")
	k, greeting := dialSMTP(t, p.port)
	if greeting[:3] != "220" {
		t.Error(greeting)
	}
	k.say("QUIT")
	end()
	h.answers(always(decide.Answer{Kind: decide.Refuse}))
	defer begin()()
	k, greeting = dialSMTP(t, p.port)
	if greeting[:3] == "220" {
		t.Log("one question was lost")
		k.say("QUIT")
		k, greeting = dialSMTP(t, p.port)
	}
	if greeting[:3] != "554" {
		t.Error("after a restart:", greeting)
	}
	k.Close()
}

// With nobody to ask Postfix does as the default action says, soon.
func TestPostfixFailsOpen(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tt := range []struct {
		name, service string
		more          string
		want          string
		most          time.Duration
	}{
		{"nobody there", "unix:qguard/nobody", "", "220", 500 * time.Millisecond},
		{"nobody there, TCP", "inet:127.0.0.1:" + freePort(t), "", "220", 500 * time.Millisecond},
		{"silence", "inet:" + silent.Addr().String(), "", "220", 3 * time.Second},
		{"nobody there, shut", "unix:qguard/nobody", "smtpd_policy_service_default_action = 451 4.3.5 Server configuration problem", "451", time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPostfix(t)
			p.start(t, tt.service, tt.more)
			first, _ := dialSMTP(t, p.port) // a process of smtpd is there
			first.Close()
			begun := time.Now()
			k, got := dialSMTP(t, p.port)
			took := time.Since(begun)
			if !strings.HasPrefix(got, tt.want) || took > tt.most {
				t.Errorf("%q after %v", got, took)
			}
			t.Logf("%s after %v", got, took)
			k.Close()
		})
	}
}
