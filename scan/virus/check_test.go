package virus

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"qguard/rules"
)

// answers is a server that knows some commands.
func answers(t *testing.T, replies map[string]string) rules.Address {
	return serve(t, func(conn *net.UnixConn) {
		command, content, err := take(conn)
		if reply, ok := replies[command+content]; ok && err == nil {
			io.WriteString(conn, reply+"\x00")
		}
	})
}

func TestCheck(t *testing.T) {
	const ping, version, fildes, instream = "zPING\x00", "zVERSION\x00", "zFILDES\x00", "zINSTREAM\x00"
	test := instream + eicar()
	ok := map[string]string{ping: "PONG", version: "ClamAV 1.4.6", fildes: "fd[9]: OK", test: "stream: Eicar FOUND"}
	with := func(key, reply string) map[string]string {
		m := map[string]string{}
		for k, v := range ok {
			m[k] = v
		}
		if m[key] = reply; reply == "" {
			delete(m, key)
		}
		return m
	}
	for _, c := range []struct {
		name              string
		replies           map[string]string
		note, doubt, fail string
	}{
		{"ready", ok, "is ClamAV 1.4.6, knows the EICAR test file as Eicar", "", ""},
		{"no version", with(version, "COMMAND UNAVAILABLE"), "is of a version it keeps to itself, knows", "", ""},
		{"no database", with(test, "stream: OK"), "is ClamAV 1.4.6", "does not know the EICAR test file: has it loaded its database?", ""},
		{"silent", with(ping, ""), "", "", "closed without an answer"},
		{"another server", with(ping, "+OK"), "", "", `says "+OK" to PING`},
		{"ourselves", with(version, "qguardd 1.0"), "", "", "is qguardd, which would ask itself"},
		{"takes no descriptors", with(fildes, "No file descriptor received. ERROR"), "", "", "No file descriptor received"},
		{"finds everything", with(fildes, "fd[9]: X FOUND"), "", "", "finds X in an empty file"},
		{"streams end early", with(test, sizeLimit), "", "", "StreamMaxLength"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := answers(t, c.replies)
			note, doubt, err := Check(t.Context(), rules.Virus{Clamd: at, Timeout: rules.Duration(10 * time.Second)})
			if !strings.Contains(note, c.note) || !strings.Contains(doubt, c.doubt) || (note == "") != (c.note == "") || (doubt == "") != (c.doubt == "") {
				t.Errorf("note %q, doubt %q", note, doubt)
			}
			if (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("error %v", err)
			}
		})
	}
	for _, c := range []struct {
		rules      rules.Virus
		note, fail string
	}{
		{rules.Virus{}, "", ""},
		{rules.Virus{Command: []string{"/bin/sh", "-c"}}, "command /bin/sh", ""},
		{rules.Virus{Command: []string{"/nonexistent/x"}}, "", "virus.command: "},
		{rules.Virus{Command: []string{"/etc/passwd"}}, "", "permission denied"},
		{rules.Virus{Clamd: rules.Address{Network: "unix", Name: "/nonexistent/s"}, Timeout: rules.Duration(time.Second)}, "", "is it running?"},
	} {
		note, doubt, err := Check(t.Context(), c.rules)
		if note != c.note || doubt != "" || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%q, %q, %v; want %q, %q", note, doubt, err, c.note, c.fail)
		}
	}
}

// Our own programs are no virus: the test text is nowhere in them.
func TestEicarIsHidden(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if text := eicar(); len(text) != 68 || strings.Contains(string(program), text) || strings.Contains(string(program), text[len(text)/2:]) {
		t.Errorf("%d bytes, or in %s", len(text), self)
	}
}
