package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"qguard/cache"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"qguard-policyd": main})
}

const token = "0123456789abcdef0123456789abcdef"

// A running is a qguard-policyd that ends with its test. As root it becomes
// nobody.
type running struct {
	*exec.Cmd
	dir, port string
	mu        sync.Mutex
	text      bytes.Buffer
	ended     chan struct{}
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// prepare makes a directory with rules.
func prepare(t *testing.T, rest string) (dir, port string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "qp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	write(t, dir+"/token", token+"\n")
	write(t, dir+"/q.toml", fmt.Sprintf(`[policyd]
user = "nobody"
http = ["127.0.0.1:%[2]s"]
control = "unix:%[1]s/control"
db = "%[1]s/lib/policy.db"
token = "%[1]s/token"
log_only = false
[failures]
pair = "3/1h"
tarpit = "0s"
%[3]s`, dir, port, rest))
	if err := os.Mkdir(dir+"/lib", 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return dir, port
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func start1(t *testing.T, dir, port string) *running {
	t.Helper()
	r := &running{Cmd: exec.Command("qguard-policyd", "-c", dir+"/q.toml"), dir: dir, port: port, ended: make(chan struct{})}
	r.Stdout, r.Stderr = r, r
	r.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		r.Process.Kill()
		<-r.ended
		if t.Failed() {
			t.Logf("said:\n%s", r.said())
		}
	})
	for end := time.Now().Add(20 * time.Second); r.control(t, "status") == ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("does not answer: %s", r.said())
		}
	}
	return r
}

// control asks by the control socket; "" when nobody answers.
func (r *running) control(t *testing.T, line string) string {
	t.Helper()
	conn, err := net.Dial("unix", r.dir+"/control")
	if err != nil {
		return ""
	}
	defer conn.Close()
	fmt.Fprintln(conn, line)
	text, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(text, "\n")
}

// dovecot asks as Dovecot does and returns status and body.
func (r *running) dovecot(t *testing.T, command, body string) string {
	t.Helper()
	req, err := http.NewRequest("POST", "http://127.0.0.1:"+r.port+"/?command="+command, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(text)))
}

func (r *running) stop(t *testing.T) {
	t.Helper()
	r.Process.Signal(syscall.SIGTERM)
	<-r.ended
	if code := r.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

const (
	asks  = `{"login":"joe\n@example.org","protocol":"imap","pwhash":"0da1","remote":"192.0.2.1","session_id":"s","tls":true}`
	fails = `{"login":"joe\n@example.org","protocol":"imap","pwhash":"0da1","remote":"192.0.2.1","session_id":"s","tls":true,"success":false,"policy_reject":false}`
)

// Wrong passwords close the door for their address and login, after a start too;
// the log has every outcome, and no password or hash of one.
func TestLogins(t *testing.T) {
	dir, port := prepare(t, "")
	r := start1(t, dir, port)
	const open, shut = `200 {"status":0,"msg":""}`, `200 {"status":-1,"msg":`
	for i := range 3 {
		if got := r.dovecot(t, "allow", asks); got != open {
			t.Fatalf("%d: %s", i, got)
		}
		r.dovecot(t, "report", fails)
	}
	if got := r.dovecot(t, "allow", asks); !strings.HasPrefix(got, shut) {
		t.Error(got)
	}
	r.dovecot(t, "report", strings.Replace(fails, `"policy_reject":false`, `"policy_reject":true`, 1))
	r.stop(t)
	if said := r.said(); !strings.Contains(said, `rule=login.pair answer=refuse login="joe\n@example.org"`) || strings.Contains(said, "0da1") {
		t.Error(said)
	}

	again := start1(t, dir, port)
	if got := again.dovecot(t, "allow", asks); !strings.HasPrefix(got, shut) {
		t.Error("after a start:", got)
	}
	if got := again.dovecot(t, "allow", strings.Replace(asks, "192.0.2.1", "192.0.2.9", 1)); got != open {
		t.Error("locked by name:", got)
	}
	again.stop(t)

	db := cache.NewDB(cache.DBOptions{Path: dir + "/lib/policy.db", ReadOnly: true})
	defer db.Close()
	var lines []string
	for row, err := range db.QueryLog(cache.LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %q %s ok=%t reject=%t %s", row.Phase, row.User, row.Remote, row.AuthOK, row.PolicyReject, row.Reason))
	}
	want := map[string]int{
		`report "joe\n@example.org" 192.0.2.1 ok=false reject=false `:         3,
		`report "joe\n@example.org" 192.0.2.1 ok=false reject=true `:          1,
		`allow "joe\n@example.org" 192.0.2.1 ok=false reject=true login.pair`: 2,
	}
	for _, line := range lines {
		want[line]--
	}
	for line, n := range want {
		if n != 0 {
			t.Errorf("%+d %s", n, line)
		}
	}
}

// The sixteenth connection in ten minutes is put off, by the control socket.
func TestRates(t *testing.T) {
	dir, port := prepare(t, "[net]\nlocal = [\"10.0.0.0/8\"]\n")
	r := start1(t, dir, port)
	for i := 1; i <= 16; i++ {
		want := "go"
		if i == 16 {
			want = "defer"
		}
		if got := r.control(t, "conn remote=198.51.100.7 rdns=good"); !strings.HasPrefix(got, want) {
			t.Errorf("%d: %s", i, got)
		}
		if got := r.control(t, "conn remote=10.1.2.3 rdns=good"); got != "go" {
			t.Errorf("local, %d: %s", i, got)
		}
	}
	if got := r.control(t, "status"); !strings.HasPrefix(got, "ok keys=2 ") {
		t.Error(got)
	}
}

// Wrong rules stay out, by SIGHUP and by the control socket.
func TestReload(t *testing.T) {
	dir, port := prepare(t, "")
	r := start1(t, dir, port)
	good, err := os.ReadFile(dir + "/q.toml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/q.toml", string(good)+"[[login]]\ncountries = [\"England\"]\n")
	if got := r.control(t, "reload"); got != "error reload: the old rules stay" && !strings.HasPrefix(got, "error ") {
		t.Error(got)
	}
	write(t, dir+"/q.toml", string(good)+"[[login]]\nuser = \"*\"\nnetworks = [\"192.0.2.0/24\"]\n")
	if got := r.control(t, "reload"); got != "ok" {
		t.Error(got)
	}
	for range 5 {
		r.dovecot(t, "report", fails)
	}
	if got := r.dovecot(t, "allow", asks); got != `200 {"status":0,"msg":""}` {
		t.Error("the new rules do not count:", got)
	}
	if !strings.Contains(r.said(), "the old rules stay") {
		t.Error(r.said())
	}
}

// kill -9 loses no row older than a second, and the file is sound.
func TestKill(t *testing.T) {
	dir, port := prepare(t, "")
	r := start1(t, dir, port)
	for range 50 {
		r.dovecot(t, "report", fails)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(r.control(t, "status"), " rows=50 "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(r.control(t, "status"))
		}
	}
	r.Process.Kill()
	<-r.ended
	again := start1(t, dir, port)
	again.stop(t)
	db := cache.NewDB(cache.DBOptions{Path: dir + "/lib/policy.db", ReadOnly: true})
	defer db.Close()
	n := 0
	for _, err := range db.QueryLog(cache.LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 50 {
		t.Errorf("%d rows of 50", n)
	}
}

// What keeps it from starting is one line with the next step, and exit 2.
func TestStart(t *testing.T) {
	dir, _ := prepare(t, "")
	for _, c := range []struct {
		args, want string
		break1     func()
	}{
		{"-x", "flag provided but not defined: -x", nil},
		{"-control 127.0.0.1:1 x", `unexpected argument "x"`, nil},
		{"-http localhost:1", "is not an address", nil},
		{"-c " + dir + "/none.toml", "no such file or directory", nil},
		{"-c " + dir + "/q.toml", "qguard check -init makes it", func() { os.Remove(dir + "/token") }},
		{"-c " + dir + "/q.toml", "fewer than 16 characters", func() { write(t, dir+"/token", "short\n") }},
	} {
		if c.break1 != nil {
			c.break1()
		}
		cmd := exec.CommandContext(t.Context(), "qguard-policyd", strings.Fields(c.args)...)
		out, err := cmd.CombinedOutput()
		var ee *exec.ExitError
		if !errors.As(err, &ee) || ee.ExitCode() != 2 || !strings.Contains(string(out), c.want) || !strings.HasPrefix(string(out), "qguard-policyd: ") {
			t.Errorf("%s: %v: %s", c.args, err, out)
		}
	}
	if left, _ := filepath.Glob(dir + "/lib/*"); len(left) > 0 {
		t.Error(left)
	}
}
