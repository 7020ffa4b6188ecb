package policy

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"qguard/qhpsi/decide"
)

// A dovecot is Debian's, with IMAP and POP3, that asks a policy server by
// scripts/examples/dovecot-policy.conf.
type dovecot struct {
	dir, imap, pop3 string
}

// startDovecot runs one, with users of its own in a private passwd.
func startDovecot(t *testing.T, policy string, more ...string) *dovecot {
	t.Helper()
	core, imap, pop3 := peer(t, "dovecot-core/usr"), peer(t, "dovecot-imapd/usr"), peer(t, "dovecot-pop3d/usr")
	d := &dovecot{dir: sockets(t), imap: freePort(t), pop3: freePort(t)}
	if err := os.Mkdir(d.dir+"/mail", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(d.dir+"/mail", 65534, 65534); err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../scripts/examples/dovecot-policy.conf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.dir+"/policy.conf", strings.NewReplacer("http://127.0.0.1:4001/", policy,
		"TOKEN", token, "NONCE", "a-nonce-of-the-test-0123456789ab").Replace(string(example)))
	write(t, d.dir+"/users", "joe@example.com:{PLAIN}"+marker+"\n")
	write(t, d.dir+"/passwd", "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"+
		"dovecot:x:65533:65533::/:/bin/false\ndovenull:x:65532:65532::/:/bin/false\n")
	write(t, d.dir+"/group", "root:x:0:\nnogroup:x:65534:\ndovecot:x:65533:\ndovenull:x:65532:\nmail:x:8:\n")
	write(t, d.dir+"/dovecot.conf", strings.NewReplacer("DIR", d.dir, "IMAP", d.imap, "POP3", d.pop3).Replace(`
base_dir = DIR/run
state_dir = DIR/run
log_path = DIR/log
instance_name = DIR
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:DIR/mail/%u
passdb {
  driver = passwd-file
  args = DIR/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=DIR/mail/%u
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = IMAP
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = POP3
  }
  inet_listener pop3s {
    port = 0
  }
}
`)+"!include "+d.dir+"/policy.conf\n"+strings.Join(more, "\n")+"\n")
	// As if the packages were installed, for this process only.
	cmd := exec.Command("unshare", "-m", "sh", "-c",
		`mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
		mount -t overlay overlay -o "lowerdir=$2:/usr" /usr && exec /usr/sbin/dovecot -F -c "$1/dovecot.conf"`,
		"sh", d.dir, core+":"+imap+":"+pop3)
	spawn(t, cmd, "127.0.0.1:"+d.imap, d.dir+"/log")
	return d
}

// login tries one by IMAP and returns the reply without its tag.
func (d *dovecot) login(t *testing.T, user, password string) string {
	t.Helper()
	k := dial(t, "tcp", "127.0.0.1:"+d.imap)
	if greeting := k.line(); !strings.HasPrefix(greeting, "* OK") {
		t.Fatal(greeting)
	}
	for l := k.say(`a LOGIN "` + user + `" "` + password + `"`); ; l = k.line() {
		if rest, ok := strings.CutPrefix(l, "a "); ok || l == "" {
			return rest
		}
	}
}

// pop tries one by POP3 and returns the last reply.
func (d *dovecot) pop(t *testing.T, user, password string) string {
	t.Helper()
	k := dial(t, "tcp", "127.0.0.1:"+d.pop3)
	if greeting := k.line(); !strings.HasPrefix(greeting, "+OK") {
		t.Fatal(greeting)
	}
	if l := k.say("USER " + user); !strings.HasPrefix(l, "+OK") {
		t.Fatal(l)
	}
	return k.say("PASS " + password)
}

// TestDovecot repeats the table of calls of a real Dovecot.
func TestDovecot(t *testing.T) {
	s, h := newServer()
	d := startDovecot(t, "http://"+serving(t, "tcp", s.HTTP)+"/")
	const (
		joe   = "joe@example.com"
		allow = `dovecot allow imap "joe@example.com" 127.0.0.1` + "\n"
		right = `dovecot report imap "joe@example.com" 127.0.0.1 success=true policy_reject=false` + "\n"
		wrong = `dovecot report imap "joe@example.com" 127.0.0.1 success=false policy_reject=false` + "\n"
		ours  = `dovecot report imap "joe@example.com" 127.0.0.1 success=false policy_reject=true` + "\n"
	)
	pop := strings.NewReplacer("imap", "pop3").Replace
	refuse := decide.Answer{Kind: decide.Refuse, Text: `No "log-in" from here, go <home>`}
	for _, tt := range []struct {
		name     string
		answer   decide.Answer
		user     string
		password string
		calls    string
		in       bool
		text     string // of the reply
		least    time.Duration
	}{
		{"right password", decide.Answer{}, joe, marker, allow + allow + right, true, "", 0},
		{"wrong password", decide.Answer{}, joe, "no-" + marker, allow + wrong, false, "", 0},
		{"unknown user", decide.Answer{}, "eve@example.com", marker, strings.ReplaceAll(allow+wrong, "joe", "eve"), false, "", 0},
		{"refused", refuse, joe, marker, allow + ours, false, refuse.Text, 0},
		{"refused, wrong password", refuse, joe, "no-" + marker, allow + ours, false, refuse.Text, 0},
		{"not now", decide.Answer{Kind: decide.Defer}, joe, marker, allow + ours, false, "Try again later", 0},
		{"tarpit", decide.Answer{Kind: decide.Tarpit, Delay: time.Second}, joe, marker, allow + allow + right, true, "", time.Second},
		{"log only", decide.Answer{Kind: decide.Go, Would: decide.Refuse, Text: "unsaid"}, joe, marker, allow + allow + right, true, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.answers(always(tt.answer))
			for _, way := range []struct {
				name, ok string
				try      func(*testing.T, string, string) string
				calls    string
			}{
				{"imap", "OK", d.login, tt.calls},
				{"pop3", "+OK", d.pop, pop(tt.calls)},
			} {
				h.take()
				begun := time.Now()
				got := way.try(t, tt.user, tt.password)
				took := time.Since(begun)
				if in := strings.HasPrefix(got, way.ok); in != tt.in || !strings.Contains(got, tt.text) || strings.Contains(got, "unsaid") || took < tt.least {
					t.Errorf("%s: %q after %v", way.name, got, took)
				}
				var calls string
				poll(t, "the report", func() bool {
					for _, e := range h.take() {
						calls += brief(e) + "\n"
						if e.PwHash == "" || e.Session == "" || e.TLS || e.Time != noon {
							t.Errorf("%+v", e)
						}
					}
					return strings.Contains(calls, " report ")
				})
				if calls != way.calls {
					t.Errorf("%s: calls\n%swant\n%s", way.name, calls, way.calls)
				}
			}
		})
	}
	clean(t, h.said())
}

// Dovecot keeps its connections to us: one that ended with the daemon must not let
// a login in that the next daemon refuses.
func TestDovecotAcrossRestart(t *testing.T) {
	s, h := newServer()
	port := freePort(t)
	begin := func() (end func()) {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.HTTP(ctx, l) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	d := startDovecot(t, "http://127.0.0.1:"+port+"/")
	for range 5 {
		end := begin()
		h.answers(nil)
		if got := d.login(t, "joe@example.com", marker); !strings.HasPrefix(got, "OK") {
			t.Error(got)
		}
		end()
		end = begin()
		h.answers(always(decide.Answer{Kind: decide.Refuse}))
		if got := d.login(t, "joe@example.com", marker); !strings.HasPrefix(got, "NO") {
			t.Error("after a restart:", got)
		}
		end()
	}
	begun := time.Now()
	if got := d.login(t, "joe@example.com", marker); !strings.HasPrefix(got, "OK") {
		t.Error("daemon down:", got)
	}
	t.Log("daemon down: logged in after", time.Since(begun))
}

// A server that Dovecot does not understand lets everybody in: why ours never
// answers like that. A wrong token is the one thing of ours that does.
func TestDovecotFailsOpen(t *testing.T) {
	var mu sync.Mutex
	var status int
	var calls []string
	stop := make(chan struct{})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var said struct {
			Reject *bool `json:"policy_reject"`
		}
		json.Unmarshal(body, &said)
		mu.Lock()
		call, answer := r.URL.Query().Get("command"), status
		if said.Reject != nil && *said.Reject {
			call += " rejected"
		}
		calls = append(calls, call)
		mu.Unlock()
		if answer == 0 {
			<-stop
			return
		}
		w.WriteHeader(answer)
	}))
	defer other.Close()
	defer close(stop)
	open := startDovecot(t, other.URL+"/", "auth_policy_server_timeout_msecs = 300")
	shut := startDovecot(t, other.URL+"/", "auth_policy_reject_on_fail = yes")
	for _, tt := range []struct {
		name   string
		d      *dovecot
		status int
		calls  string
		want   string
	}{
		{"403", open, 403, "allow allow report", "OK"},
		{"204", open, 204, "allow allow report", "OK"},
		{"400", open, 400, "allow allow report", "OK"},
		{"401", open, 401, "allow allow report", "OK"},
		{"silence", open, 0, "allow allow", "OK"},
		{"403, reject_on_fail", shut, 403, "allow report", "NO"},
	} {
		mu.Lock()
		status, calls = tt.status, nil
		mu.Unlock()
		if got := tt.d.login(t, "joe@example.com", marker); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s", tt.name, got)
		}
		poll(t, tt.name+": "+tt.calls, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.HasPrefix(strings.Join(calls, " "), tt.calls)
		})
	}
	s, h := newServer()
	h.wants("another")
	h.answers(always(decide.Answer{Kind: decide.Refuse}))
	d := startDovecot(t, "http://"+serving(t, "tcp", s.HTTP)+"/")
	if got := d.login(t, "joe@example.com", marker); !strings.HasPrefix(got, "OK") {
		t.Error("wrong token:", got)
	}
	if said := h.said(); len(h.take()) > 0 || !holds(said, "401") {
		t.Error("wrong token: logged", said)
	}
}
