package clamd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runClient runs a program to its end and returns what it printed and its exit code.
func runClient(t *testing.T, stdin, name string, args ...string) (out string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if stdin != "" {
		f, err := os.Open(stdin)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = f
	}
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// TestClamdscan runs clamdscan in every mode with clamd and with us: the same
// lines and exit codes.
func TestClamdscan(t *testing.T) {
	bin := needPeer(t, "clamdscan", "../../bin/peers/clamdscan/usr/bin/clamdscan")
	dir := tree(t)
	ours := serve(t, &Server{Host: newHouse(dir), Version: "qguardd test"})
	theirs := startClamd(t)
	conf := func(p peer) string {
		return write(t, filepath.Join(t.TempDir(), "clamd.conf"), "LocalSocket "+p.unix+"\nStreamMaxLength 100K\n")
	}
	ourConf, theirConf := conf(ours), conf(theirs)
	for _, c := range []struct {
		name, stdin string
		args        []string
		exit        int
		lines       int
	}{
		{"clean", "", []string{dir + "/clean"}, 0, 1},
		{"bad", "", []string{dir + "/bad"}, 1, 1},
		{"missing", "", []string{dir + "/missing"}, 2, 1},
		{"two paths", "", []string{dir + "/clean", dir + "/bad"}, 1, 2},
		{"stream, clean", "", []string{"--stream", dir + "/clean"}, 0, 1},
		{"stream, bad", "", []string{"--stream", dir + "/bad"}, 1, 1},
		{"fdpass, clean", "", []string{"--fdpass", dir + "/clean"}, 0, 1},
		{"fdpass, bad", "", []string{"--fdpass", dir + "/bad"}, 1, 1},
		{"standard input", dir + "/bad", []string{"-"}, 1, 1},
		{"standard input, stream", dir + "/bad", []string{"--stream", "-"}, 1, 1},
		{"directory", "", []string{dir + "/dir"}, 1, 2},
		{"directory, clean", "", []string{dir + "/good"}, 0, 1},
		{"directory, stream", "", []string{"--stream", dir + "/dir"}, 1, 2},
		{"directory, fdpass", "", []string{"--fdpass", dir + "/dir"}, 1, 2},
		{"multi", "", []string{"-m", dir + "/dir"}, 1, 2},
		{"multi, stream", "", []string{"-m", "--stream", dir + "/dir"}, 1, 2},
		{"multi, fdpass", "", []string{"-m", "--fdpass", dir + "/dir"}, 1, 2},
		{"multi, clean", "", []string{"-m", "--fdpass", dir + "/good/sub"}, 0, 1},
		{"all matches", "", []string{"-z", dir + "/two"}, 1, 2},
		{"ping", "", []string{"--ping", "1:1"}, 0, 1},
		{"reload", "", []string{"--reload"}, 0, 0},
		{"version", "", []string{"-V"}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"--no-summary", "--config-file=" + ourConf}, c.args...)
			out, exit := runClient(t, c.stdin, bin, args...)
			args[1] = "--config-file=" + theirConf
			wantOut, wantExit := runClient(t, c.stdin, bin, args...)
			if plain(out) != plain(wantOut) || exit != wantExit {
				t.Errorf("exit %d, with clamd %d\n%s\nwith clamd\n%s", exit, wantExit, out, wantOut)
			}
			if n := strings.Count(out, "\n"); exit != c.exit || n != c.lines {
				t.Errorf("exit %d, %d lines; want %d and %d:\n%s", exit, n, c.exit, c.lines, out)
			}
		})
	}
}

// TestClamdscanUndecided: clamdscan exits 2, in every mode.
func TestClamdscanUndecided(t *testing.T) {
	bin := needPeer(t, "clamdscan", "../../bin/peers/clamdscan/usr/bin/clamdscan")
	dir := t.TempDir()
	mail := write(t, dir+"/down", downMail)
	ours := serve(t, &Server{Host: newHouse(dir)})
	conf := write(t, filepath.Join(t.TempDir(), "clamd.conf"), "LocalSocket "+ours.unix+"\n")
	for _, mode := range []string{"--wait", "--stream", "--fdpass", "-m", "-z"} {
		out, exit := runClient(t, "", bin, "--no-summary", "--config-file="+conf, mode, mail)
		if exit != 2 || strings.Contains(out, ": OK") || strings.Contains(out, "marker") {
			t.Errorf("%s: exit %d\n%s", mode, exit, out)
		}
	}
}

const pyclamd = `
import sys, pyclamd
net, address, dir = sys.argv[1:]
if net == "unix":
    c = pyclamd.ClamdUnixSocket(address)
else:
    host, port = address.rsplit(":", 1)
    c = pyclamd.ClamdNetworkSocket(host, int(port))
print(c.ping(), c.version())
def show(r): print(sorted((k, v) for k, v in r.items()) if r else r)
show(c.scan_file(dir + "/clean"))
show(c.scan_file(dir + "/bad"))
show(c.contscan_file(dir + "/dir"))
show(c.multiscan_file(dir + "/dir/sub"))
show(c.allmatchscan(dir + "/bad"))
show(c.scan_stream(open(dir + "/bad", "rb").read()))
show(c.scan_stream(open(dir + "/clean", "rb").read()))
print(c.stats()[:9])
try: print(c.reload())
except Exception as e: print("reload:", e)
`

// TestPyclamd runs pyclamd with clamd and with us.
func TestPyclamd(t *testing.T) {
	needPeer(t, "python3-pyclamd", "/usr/lib/python3/dist-packages/pyclamd/pyclamd.py")
	dir := tree(t)
	ours := serve(t, &Server{Host: newHouse(dir), Version: "qguardd test"})
	theirs := startClamd(t)
	for _, network := range []string{"unix", "tcp"} {
		run := func(p peer) string {
			address := p.unix
			if network == "tcp" {
				address = p.tcp
			}
			out, exit := runClient(t, "", "/usr/bin/python3", "-c", pyclamd, network, address, dir)
			if exit != 0 {
				t.Errorf("exit %d", exit)
			}
			return out
		}
		out, want := run(ours), run(theirs)
		if network == "tcp" { // where clamd lets anybody reload
			want = strings.ReplaceAll(want, "RELOADING", "COMMAND UNAVAILABLE")
		}
		if plain(out) != plain(want) || strings.Count(out, "FOUND") != 6 {
			t.Errorf("%s:\n%s\nclamd:\n%s", network, out, want)
		}
	}
}

const perlClient = `
use ClamAV::Client;
my ($socket, $dir) = @ARGV;
sub c { ClamAV::Client->new(socket_name => $socket) }
print c->ping, "\n", c->version, "\n", c->reload, "\n";
my ($path, $result) = c->scan_path("$dir/clean");
print "$path ", $result // "clean", "\n";
($path, $result) = c->scan_path("$dir/bad");
print "$path $result\n";
my %r = c->scan_path_complete("$dir/dir");
print "$_ $r{$_}\n" for sort keys %r;
`

// TestPerlClient runs ClamAV::Client, whose commands are in old style.
func TestPerlClient(t *testing.T) {
	needPeer(t, "libclamav-client-perl", "/usr/share/perl5/ClamAV/Client.pm")
	dir := tree(t)
	ours := serve(t, &Server{Host: newHouse(dir), Version: "qguardd test"})
	theirs := startClamd(t)
	run := func(p peer) string {
		out, exit := runClient(t, "", "perl", "-e", perlClient, p.unix, dir)
		if exit != 0 {
			t.Errorf("exit %d: %s", exit, out)
		}
		return out
	}
	if out, want := run(ours), run(theirs); plain(out) != plain(want) || strings.Count(out, "\n") != 7 {
		t.Errorf("%s\nclamd:\n%s", out, want)
	}
}
