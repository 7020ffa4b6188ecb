package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestRspamd has rspamd ask with the lines of scripts/examples.
func TestRspamd(t *testing.T) {
	d := startDaemon(t, `undecided = "limits"`, "")
	ask := startRspamd(t, d.dir+"/clamd")
	for _, c := range []struct{ name, mail, want string }{
		{"clean", clean, ""},
		{"program", unsafe, "QGUARD_VIRUS QGuard.Xfile.Name"},
	} {
		if got := ask(c.mail); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}

	// What could not be judged is the scanner's failure to it by "limits" alone:
	// its module (3.4) trips over an ERROR, and the mail goes on as if clean.
	// Should the second fail, rspamd has been mended.
	t.Run("undecided", func(t *testing.T) {
		broken := "\n[virus]\nclamd = \"unix:/nonexistent/clamd\"\n"
		d := startDaemon(t, `undecided = "limits"`, broken)
		if got := startRspamd(t, d.dir+"/clamd")(clean); !strings.HasPrefix(got, "QGUARD_VIRUS_FAIL ") {
			t.Errorf("limits: %q", got)
		}
		d = startDaemon(t, `undecided = "error"`, broken)
		if got := startRspamd(t, d.dir+"/clamd")(clean); got != "" {
			t.Errorf("error: %q", got)
		}
	})
	t.Run("nobody to ask", func(t *testing.T) {
		if got := startRspamd(t, "/nonexistent/clamd")(clean); !strings.HasPrefix(got, "QGUARD_VIRUS_FAIL ") {
			t.Errorf("%q", got)
		}
	})
}

// startRspamd runs rspamd with its antivirus module and returns what scans a
// mail with it: its symbol and first option of ours, "" for none.
func startRspamd(t *testing.T, socket string) func(mail string) string {
	t.Helper()
	share := unpacked(t, "rspamd/usr/share/rspamd")
	example, err := os.ReadFile("../../scripts/examples/rspamd-antivirus.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, port := sockets(t), freePort(t)
	write(t, dir+"/tld", "com\norg\n")
	write(t, dir+"/rspamd.conf", fmt.Sprintf(`
options {
  filters = ""; pidfile = "%[1]s/pid"; tempdir = "%[1]s"; hs_cache_dir = "%[1]s"; cache_file = "%[1]s/cache";
  control_socket = "%[1]s/control"; stats_file = "%[1]s/stats"; dynamic_conf = "%[1]s/dynamic"; history_file = "%[1]s/history";
  url_tld = "%[1]s/tld"; dns { nameserver = "127.0.0.1:9"; timeout = 0.1; }
}
logging { type = "console"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:%[2]s"; count = 1; }
modules { path = "%[3]s/plugins/antivirus.lua"; }
lua = "%[3]s/rules/rspamd.lua";
antivirus {
%[4]s
}
`, dir, port, share, strings.ReplaceAll(string(example), "/run/qguard/clamd.sock", socket)))
	args := []string{"-f", "-i", "-c", dir + "/rspamd.conf"}
	for name, value := range map[string]string{
		"PLUGINSDIR": share + "/plugins", "RULESDIR": share + "/rules", "LUALIBDIR": share + "/lualib", "SHAREDIR": share,
		"RUNDIR": dir, "DBDIR": dir, "CONFDIR": dir, "LOCAL_CONFDIR": dir,
	} {
		args = append(args, "--var="+name+"="+value)
	}
	cmd := exec.Command(unpacked(t, "rspamd/usr/bin/rspamd"), args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+unpacked(t, "rspamd/usr/lib/rspamd"))
	spawn(t, cmd).answers(t, "tcp", "127.0.0.1:"+port)
	return func(mail string) string {
		resp, err := http.Post("http://127.0.0.1:"+port+"/checkv2", "text/plain", strings.NewReader(mail))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct {
			Symbols map[string]struct{ Options []string }
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		for name, s := range answer.Symbols {
			if strings.HasPrefix(name, "QGUARD") {
				return name + " " + strings.Join(s.Options, " ")
			}
		}
		return ""
	}
}
