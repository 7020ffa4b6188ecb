package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"qguard/qhpsi/decide"
)

// What Dovecot 2.3.19 sent, with two attributes of its administrator's.
const recorded = `{"attrs":{"local":"127.0.0.1","secured":"secured"},"device_id":"(\"name\" \"x\")","login":"joe@example.com","protocol":"imap","pwhash":"0da1","remote":"192.0.2.1","session_id":"cIGvyc1g1MB/AAAB","tls":false`

func TestDovecotDialect(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.HTTP)
	joe := decide.Event{Time: noon, Phase: "allow", Door: "dovecot", Protocol: "imap", Login: "joe@example.com", PwHash: "0da1", Session: "cIGvyc1g1MB/AAAB"}
	joe.Remote, _ = address("192.0.2.1")
	report := joe
	report.Phase = decide.Report
	with := func(e decide.Event, change func(*decide.Event)) decide.Event { change(&e); return e }
	for _, tt := range []struct {
		name, path, body string
		want             decide.Event
	}{
		{"allow", "/?command=allow", recorded + `}`, joe},
		{"url with a query", "/?host=a&command=allow", recorded + `}`, joe},
		{"report", "/?command=report", recorded + `,"success":false,"policy_reject":false}`, report},
		{"success as a text", "/?command=report", recorded + `,"success":"true"}`, with(report, func(e *decide.Event) { e.Success = true })},
		{"no success as a text", "/?command=report", recorded + `,"success":"false","policy_reject":"true"}`, with(report, func(e *decide.Event) { e.PolicyReject = true })},
		{"2.4", "/?command=report", recorded + `,"fail_type":"credentials","new":[1,{"a":null}]}`, with(report, func(e *decide.Event) { e.FailType = "credentials" })},
		{"nothing known", "/?command=allow", `{}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot"}},
		{"nulls", "/?command=allow", `{"login":null,"remote":null,"tls":null}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot"}},
		{"blanks", "/?command=allow", " \n{ \"tls\" : true } \r\n", decide.Event{Time: noon, Phase: "allow", Door: "dovecot", TLS: true}},
		{"a whole hash", "/?command=allow", `{"pwhash":"` + strings.Repeat("ab", 32) + `"}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot"}},
		{"a password for a hash", "/?command=allow", `{"pwhash":"xyz"}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot"}},
		{"a login of control characters", "/?command=allow", `{"login":"a\u0000\r\n\u2028\ud800\"\\"}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot", Login: "a\x00\r\n\u2028\ufffd\"\\"}},
		{"a long login", "/?command=allow", `{"login":"` + strings.Repeat("é", 4000) + `"}`, decide.Event{Time: noon, Phase: "allow", Door: "dovecot", Login: strings.Repeat("é", 256)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, body := post(t, addr, tt.path, tt.body); code != 200 || body != `{"status":0,"msg":""}` {
				t.Error(code, body)
			}
			if got := h.take(); len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name   string
		answer decide.Answer
		status int
		msg    string
	}{
		{"go", decide.Answer{Text: "unsaid"}, 0, ""},
		{"tarpit", decide.Answer{Kind: decide.Tarpit, Delay: 2 * time.Second, Text: "unsaid"}, 2, ""},
		{"short tarpit", decide.Answer{Kind: decide.Tarpit, Delay: time.Millisecond}, 1, ""},
		{"tarpit of nothing", decide.Answer{Kind: decide.Tarpit}, 1, ""},
		{"long tarpit", decide.Answer{Kind: decide.Tarpit, Delay: time.Hour}, 30, ""},
		{"not now", decide.Answer{Kind: decide.Defer}, -1, "Try again later"},
		{"no", decide.Answer{Kind: decide.Refuse}, -1, "Refused by local policy"},
		{"no, with text", decide.Answer{Kind: decide.Refuse, Text: "Für \"Sie\"\r\n<nicht>"}, -1, "Für \"Sie\"  <nicht>"},
		{"no, with much text", decide.Answer{Kind: decide.Refuse, Text: strings.Repeat("é", 300)}, -1, strings.Repeat("é", 200)},
	} {
		h.answers(always(tt.answer))
		code, body := post(t, addr, "/?command=allow", `{}`)
		var got struct {
			Status *int
			Msg    *string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || got.Status == nil || *got.Status != tt.status || got.Msg == nil || *got.Msg != tt.msg {
			t.Errorf("%s: %d %s", tt.name, code, body)
		}
		if _, body := post(t, addr, "/?command=report", `{}`); body != `{"status":0,"msg":""}` {
			t.Errorf("%s: report: %s", tt.name, body)
		}
	}
	h.take()
	for command, want := range map[string]string{"ping": `{"status":"ok"}`, "reset": `{"status":"failure","reason":"nothing is reset by HTTP: use qguard"}`} {
		if code, body := post(t, addr, "/?command="+command, `{"ip":"192.0.2.1"}`); code != 200 || body != want || len(h.take()) > 0 {
			t.Error(command, code, body)
		}
	}
	if said := h.said(); len(said) > 0 {
		t.Error(said)
	}
}

// What is not understood is answered as on_error says, and logged.
func TestNotUnderstood(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.HTTP)
	for _, tt := range []struct{ name, command, body, log string }{
		{"empty", "allow", "", "empty"},
		{"no command", "", "{}", "command"},
		{"another command", "dumpEntries", "{}", "dumpEntries"},
		{"a hostile command", "%0a%22" + strings.Repeat("x", 200), "{}", `\\n`},
		{"cut", "allow", recorded, "malformed"},
		{"cut in a text", "allow", recorded[:100], "malformed"},
		{"an array", "allow", `[{"login":"x"}]`, ""},
		{"two", "allow", `{}{}`, "malformed"},
		{"something behind", "allow", `{} x`, "malformed"},
		{"twice", "allow", `{"login":"a","login":"b"}`, "login is there twice"},
		{"no comma", "allow", `{"login":"a" "remote":"b"}`, "malformed"},
		{"deep, without end", "allow", `{"x":` + strings.Repeat(`{"x":`, 3000), "malformed"},
		{"deep", "allow", `{"x":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + `}`, "nested too deeply"},
		{"very deep", "allow", `{"x":` + strings.Repeat(`{"x":`, 2000) + "1" + strings.Repeat("}", 2001), "nested too deeply"},
		{"many keys", "allow", `{"a":1` + strings.Repeat(`,"a":1`, 100) + `}`, "too many keys"},
		{"login a number", "allow", `{"login":1}`, "login has a value of the wrong type"},
		{"login an object", "allow", `{"login":{"a":1}}`, "login has a value of the wrong type"},
		{"remote an array", "allow", `{"remote":["192.0.2.1"]}`, "remote has a value of the wrong type"},
		{"tls a number", "allow", `{"tls":1}`, "tls has a value of the wrong type"},
		{"success a word", "report", `{"success":"maybe"}`, "success is neither"},
		{"no address", "allow", `{"remote":"192.0.2.256\u0001"}`, "remote is no address"},
		{"a name", "allow", `{"remote":"localhost"}`, "remote is no address"},
		{"huge", "allow", `{"login":"` + strings.Repeat("x", maxBody) + `"}`, "more than 16384"},
		{"a megabyte", "allow", `{"login":"` + strings.Repeat("x", 1<<20) + `"}`, "more than 16384"},
		{"a form", "allow", "login=" + marker + "&remote=1.2.3", "remote is no address"},
		{"a malformed form", "allow", "login=%zz", "malformed"},
		{"many fields", "allow", strings.Repeat("a=b&", 200), "too many fields"},
		{"bytes", "allow", "\x00\xff\xfe", "neither a JSON object nor a form"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, deny := range []bool{false, true} {
				h.refuses(deny)
				code, body := post(t, addr, "/?command="+tt.command, tt.body)
				want := `{"status":0,"msg":""}`
				if deny {
					want = `{"status":-1,"msg":"Try again later"}`
				}
				if code != 200 || body != want {
					t.Errorf("deny %v: %d %q", deny, code, body)
				}
				lines := h.said()
				if len(lines) != 1 || !strings.HasPrefix(lines[0], "door=dovecot peer=\"127.0.0.1:") || !strings.Contains(lines[0], tt.log) {
					t.Errorf("logged %q", lines)
				}
				clean(t, lines)
				code, body = post(t, addr, "/exim?command="+tt.command, tt.body)
				if deny && (code != 403 || body != "4.7.1 Try again later") || !deny && (code != 400 || body != "not understood\n") {
					t.Errorf("exim, deny %v: %d %q", deny, code, body)
				}
				if lines := h.said(); len(lines) != 1 {
					t.Errorf("exim logged %q", lines)
				}
			}
			if got := h.take(); len(got) > 0 {
				t.Errorf("asked %+v", got)
			}
			s.calm()
		})
	}
}

func TestToken(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.HTTP)
	basic := func(v string) string {
		r, _ := http.NewRequest("GET", "http://x/", nil)
		name, password, _ := strings.Cut(v, ":")
		r.SetBasicAuth(name, password)
		return r.Header.Get("Authorization")
	}
	for _, tt := range []struct {
		name, header, value string
		want                int
	}{
		{"X-API-Key", "X-Api-Key", token, 200},
		{"another header", "X-Site", token, 200},
		{"Basic", "Authorization", basic("dovecot:" + token), 200},
		{"Basic, nobody", "Authorization", basic(":" + token), 200},
		{"Bearer", "Authorization", "Bearer " + token, 200},
		{"none", "X-Nothing", "", 401},
		{"wrong", "X-Api-Key", "wrong", 401},
		{"longer", "X-Api-Key", token + "x", 401},
		{"shorter", "X-Api-Key", token[1:], 401},
		{"empty", "X-Api-Key", "", 401},
		{"as a name", "Authorization", basic(token + ":x"), 401},
		{"a wrong Basic", "Authorization", basic("dovecot:wrong"), 401},
		{"a broken Basic", "Authorization", "Basic \x80%%", 401},
	} {
		for _, path := range []string{"/?command=allow", "/exim?command=allow", "/?command=ping", "/nothing"} {
			code, body := post(t, addr, path, "{}", "X-API-Key", "", tt.header, tt.value)
			want := tt.want
			switch {
			case want == 200 && strings.HasPrefix(path, "/exim"):
				want = 204
			case want == 200 && path == "/nothing":
				want = 404
			}
			if code != want || code == 401 && body != "" {
				t.Errorf("%s: %s: %d %s", tt.name, path, code, body)
			}
			asked, said := h.take(), h.said()
			if code == 401 && (len(asked) > 0 || !holds(said, "401")) || code == 404 && !holds(said, "404") {
				t.Errorf("%s: %s: %v %v", tt.name, path, asked, said)
			}
			clean(t, said)
			for _, line := range said {
				if strings.Contains(line, token) {
					t.Error(line)
				}
			}
			s.calm()
		}
	}
	h.wants("")
	if code, _ := post(t, addr, "/?command=allow", "{}", "X-API-Key", ""); code != 401 {
		t.Error("without a token of ours:", code)
	}
}

func TestEximDialect(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "unix", s.HTTP)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", addr)
	}}}
	defer client.CloseIdleConnections()
	ask := func(path, body string) (*http.Response, string) {
		r, err := http.NewRequest("POST", "http://x"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", token)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp, string(b)
	}
	form := url.Values{"email": {"joe@example.com"}, "password": {marker}, "remote_address": {"::ffff:192.0.2.1"}}.Encode()
	for _, tt := range []struct{ path, body, want string }{
		{"/exim?command=allow", form, `exim allow smtp "joe@example.com" 192.0.2.1`},
		{"/exim?command=allow", "ip=2001%3aDB8%3a0%3a%3a1&login=a%2Bb+c&protocol=Submission", `exim allow submission "a+b c" 2001:db8::1`},
		{"/exim?command=allow", `{"email":"j","password":"` + marker + `","ip":"fe80::1%eth0"}`, `exim allow smtp "j" fe80::1`},
		{"/exim?command=report", "email=j&password=" + marker + "&success=yes&policy_reject=no", `exim report smtp "j" invalid IP success=true policy_reject=false`},
		{"/exim?command=report", `{"login":" (set_id=joe@example.com)","success":false}`, `exim report smtp "joe@example.com" invalid IP success=false policy_reject=false`},
		{"/exim?command=report", `{"phase":"close","remote":"[IPv6:2001:db8::1]"}`, `exim close smtp "" 2001:db8::1`},
		{"/exim?command=allow", `{"phase":"connect","rdns":"missing"}`, `exim connect smtp "" invalid IP`},
		{"/exim?command=allow", `{"phase":"rcpt","recipient":"r"}`, `exim recipient smtp "" invalid IP`},
		{"/exim?command=allow", `{"phase":"message","recipients":"2","size":"30"}`, `exim message smtp "" invalid IP`},
	} {
		resp, body := ask(tt.path, tt.body)
		if got := h.take(); resp.StatusCode != 204 || body != "" || len(got) != 1 || brief(got[0]) != tt.want || strings.Contains(fmt.Sprint(got), marker) {
			t.Errorf("%s: %s %q %s", tt.body, resp.Status, body, briefs(got))
		}
	}
	for _, tt := range []struct {
		answer decide.Answer
		code   int
		body   string
		delay  string
	}{
		{decide.Answer{}, 204, "", ""},
		{decide.Answer{Kind: decide.Tarpit, Delay: 2500 * time.Millisecond}, 204, "", "3"},
		{decide.Answer{Kind: decide.Defer, Text: "Too\nmany"}, 403, "4.7.1 Too many", ""},
		{decide.Answer{Kind: decide.Refuse, Text: "Für\x7f"}, 403, "5.7.1 F?r ", ""},
	} {
		h.answers(always(tt.answer))
		resp, body := ask("/exim?command=allow", "{}")
		if resp.StatusCode != tt.code || body != tt.body || resp.Header.Get("X-QGuard-Delay") != tt.delay {
			t.Errorf("%v: %s %q", tt.answer, resp.Status, body)
		}
		if resp, _ := ask("/exim?command=report", "{}"); resp.StatusCode != 204 {
			t.Errorf("%v: report: %s", tt.answer, resp.Status)
		}
	}
	for _, path := range []string{"/exim?command=allow", "/exim?command=report"} {
		for _, body := range []string{`{"phase":"dance"}`, `{"phase":"rcpt","recipients":-1}`, `{"size":1e9}`, `{"rdns":"odd"}`, "phase=dance"} {
			if resp, _ := ask(path, body); resp.StatusCode != 400 {
				t.Error(path, body, resp.Status)
			}
		}
	}
	clean(t, h.said())
}

// Many at once on connections that are kept, as Dovecot has them.
func TestHTTPManyConnections(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.HTTP)
	var all []*talk
	for range 200 {
		all = append(all, dial(t, "tcp", addr))
	}
	request := "POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: " + token + "\r\nContent-Length: 2\r\n\r\n{}"
	for range 3 {
		var wait sync.WaitGroup
		for _, k := range all {
			wait.Go(func() {
				io.WriteString(k, request)
				resp, err := http.ReadResponse(k.r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || resp.Close || string(b) != `{"status":0,"msg":""}` {
					t.Error(resp.Status, string(b), err)
				}
			})
		}
		wait.Wait()
	}
	if n := len(h.take()); n != 600 {
		t.Error(n, "of 600 asked")
	}
}

// A bound of connections is kept, and room is made when one ends.
func TestTooManyConnections(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "unix", s.Control)
	s.control.Add(maxControl - 1)
	one := dial(t, "unix", addr)
	if got := one.say("conn remote=192.0.2.1"); got != "go" {
		t.Error(got)
	}
	if got := dial(t, "unix", addr).line(); got != "" {
		t.Error("one too many:", got)
	}
	if said := h.said(); len(said) != 1 || said[0] != `door=control error="too many connections"` {
		t.Error(said)
	}
	one.Close()
	poll(t, "room", func() bool { return s.control.Load() == maxControl-1 })
	if got := dial(t, "unix", addr).say("conn remote=192.0.2.1"); got != "go" {
		t.Error(got)
	}
	poll(t, "the end", func() bool { return s.control.Load() >= maxControl-1 })
}

// A client that does not end its request is closed; one that has not begun is not.
func TestSlowHTTP(t *testing.T) {
	s, h := newServer()
	addr := serving(t, "tcp", s.HTTP)
	quiet := dial(t, "tcp", addr)
	var slow []*talk
	for _, begun := range []string{"P", "POST /?command=allow HTTP/1.1\r\nX-API-Key: " + token + "\r\n",
		"POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: " + token + "\r\nContent-Length: 100\r\n\r\n{"} {
		k := dial(t, "tcp", addr)
		io.WriteString(k, begun)
		slow = append(slow, k)
	}
	begun := time.Now()
	for _, k := range slow {
		io.Copy(io.Discard, k.r)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Error("closed after", took)
	}
	io.WriteString(quiet, "POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-API-Key: "+token+"\r\nContent-Length: 2\r\n\r\n{}")
	if got := quiet.line(); got != "HTTP/1.1 200 OK" {
		t.Error(got)
	}
	if n := len(h.take()); n != 1 {
		t.Error(n, "asked")
	}
}

func TestTroubleIsBounded(t *testing.T) {
	s, h := newServer()
	for range 1000 {
		s.trouble("exim", nil, errCut)
	}
	if n := len(h.said()); n != maxTroubles {
		t.Error(n)
	}
	s.Now = func() time.Time { return noon.Add(time.Second) }
	s.trouble("exim", nil, errCut)
	if said := h.said(); len(said) != 2 || said[0] != `note="980 lines of trouble were not logged"` {
		t.Error(said)
	}
}
