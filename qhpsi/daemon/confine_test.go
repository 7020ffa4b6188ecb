package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	abi "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"qguard/qhpsi/service"
	"qguard/rules"
)

func TestMain(m *testing.M) {
	if conf := os.Getenv("TEST_CONFINED"); conf != "" {
		os.Exit(confined(conf))
	}
	os.Exit(m.Run())
}

// confined is a process of its own: what it gave up cannot be had back. It
// prints what it can do.
func confined(conf string) int {
	c, err := rules.Load(conf)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	account, err := service.Lookup("nobody")
	if err == nil {
		err = account.Become()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	note, err := Confine(c, conf)
	fmt.Println(note, err)
	dir := filepath.Dir(filepath.Dir(conf))
	for _, try := range []struct {
		what string
		do   func() error
	}{
		{"read rules", func() error { _, err := os.ReadFile(conf); return err }},
		{"read queue", func() error { _, err := os.ReadFile(dir + "/queue/mess"); return err }},
		{"read other", func() error { _, err := os.ReadFile(dir + "/other/file"); return err }},
		{"write rules", func() error { return os.WriteFile(dir+"/etc/new", nil, 0o600) }},
		{"write cache", func() error { return os.WriteFile(dir+"/lib/negative.db", nil, 0o600) }},
		{"hold", func() error { return os.WriteFile(dir+"/held/x", nil, 0o600) }},
		{"spool", func() error {
			f, err := os.CreateTemp("", "")
			if err == nil {
				f.Close()
			}
			return err
		}},
		{"run", func() error { return exec.Command("/bin/true").Run() }},
		{"connect to clamd", func() error { return dial(c.Virus.Clamd.Name) }},
		{"connect elsewhere", func() error { return dial(os.Getenv("TEST_ELSEWHERE")) }},
		{"root", func() error { return syscall.Setuid(0) }},
	} {
		err := try.do()
		word := "yes"
		if errors.Is(err, os.ErrPermission) {
			word = "no"
		} else if err != nil {
			word = err.Error()
		}
		fmt.Printf("%s: %s\n", try.what, word)
	}
	return 0
}

func dial(address string) error {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err
}

func TestConfine(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: cannot become nobody")
	}
	version, err := abi.LandlockGetABIVersion()
	if err != nil {
		t.Skip("no Landlock in this kernel")
	}
	// Not below the test's directory, into which only root may look.
	dir, err := os.MkdirTemp("/var/tmp", "qguard-confine-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	for _, name := range []string{"etc", "queue", "other", "lib", "held", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	clamd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer clamd.Close()
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	conf := dir + "/etc/q.toml"
	write(t, dir+"/queue/mess", "")
	write(t, dir+"/other/file", "")
	write(t, conf, fmt.Sprintf(`[daemon]
paths = ["%s/queue"]
[cache]
path = "%[1]s/lib/negative.db"
[quarantine]
path = "%[1]s/held"
[virus]
clamd = "tcp:%s"
`, dir, clamd.Addr()))
	if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program := dir + "/test" // where nobody may run it
	if out, err := exec.Command("cp", os.Args[0], program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Env = []string{"TEST_CONFINED=" + conf, "TEST_ELSEWHERE=" + elsewhere.Addr().String(), "TMPDIR=" + dir + "/tmp"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	net := "no"
	if version < 4 {
		net = "yes"
	}
	want := `read rules: yes
read queue: yes
read other: no
write rules: no
write cache: yes
hold: yes
spool: yes
run: no
connect to clamd: yes
connect elsewhere: ` + net + `
root: no
`
	note, got, _ := strings.Cut(string(out), "\n")
	if got != want || !strings.HasPrefix(note, "confined by Landlock") {
		t.Errorf("%s\ngot\n%swant\n%s", note, got, want)
	}
}

// Programs need rights of their own.
func TestNotConfined(t *testing.T) {
	for _, change := range []func(*rules.Config){
		func(c *rules.Config) { c.Credential.Authenticator = []string{"checkpassword", "/bin/true"} },
		func(c *rules.Config) { c.Virus.Command = []string{"/bin/true"} },
	} {
		c := rules.Default()
		change(c)
		note, err := Confine(c, "")
		if err != nil || !strings.HasPrefix(note, "not confined: ") {
			t.Error(note, err)
		}
		if err := exec.Command("/bin/true").Run(); err != nil {
			t.Fatal("confined all the same:", err)
		}
	}
}
