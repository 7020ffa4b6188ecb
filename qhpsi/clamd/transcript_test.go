package clamd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A dialogue is a conversation with clamd and with us, and what both say: the same
// but for names, or, where we differ, why.
type dialogue struct {
	name  string
	steps []any
	want  string // ours and clamd's, after plain
	clamd string // clamd's where it is another; anything = it is not compared
	why   string // we differ
	tcp   bool
}

// anything stands for clamd's answers that depend on time.
const anything = "?"

func say(steps ...any) []any { return steps }

// forms gives a command in the forms z and n; replies end the same.
func forms(name, cmd string, want string, rest ...any) []dialogue {
	var list []dialogue
	for _, f := range [][2]string{{"z", "\x00"}, {"n", "\n"}} {
		steps := append([]any{f[0] + cmd + f[1]}, rest...)
		list = append(list, dialogue{name: f[0] + " " + name, steps: steps, want: lines(f[1], want)})
	}
	return list
}

// lines ends the lines of want with end.
func lines(end, want string) string {
	if want == "" {
		return ""
	}
	return strings.ReplaceAll(want, "|", end) + end
}

func simple(sent, want string) dialogue {
	return dialogue{name: fmt.Sprintf("%.40q", sent), steps: say(sent), want: want}
}

func (d dialogue) but(clamd, why string) dialogue {
	d.clamd, d.why = clamd, why
	return d
}

const unknown = "UNKNOWN COMMAND"

// cases are those of a server's commands; numbers are those of the list of
// conformance cases: 1 PING, 2 unknown, 3 pipelined, 4 VERSION and its kin.
func plainCases() []dialogue {
	list := []dialogue{
		simple("PING\n", "PONG\n"),
		simple("PING\r\n", "PONG\n"),
		simple("PING\r\r\n", "PONG\n"),
		simple("PING\x00", "PONG\n"),
		{name: "PING and end", steps: say("PING", halfClose{}), want: "PONG\n"},
		{name: "PING and silence", steps: say("PING"), want: "PONG\n"},
		{name: "nPING and end", steps: say("nPING", halfClose{}), want: ""},
		{name: "zPING and end", steps: say("zPING", halfClose{}), want: ""},
		{name: "nPING NUL and silence", steps: say("nPING\x00"), want: "COMMAND READ TIMED OUT\n"},
		{name: "zPING LF and silence", steps: say("zPING\n"), want: "COMMAND READ TIMED OUT\n"},
		{name: "silence", steps: say(), want: "COMMAND READ TIMED OUT\n"},
		{name: "end at once", steps: say(halfClose{}), want: ""},
		simple("nPING\r\n", "PONG\n"),
		simple("zPING\n\x00", "UNKNOWN COMMAND\x00"),

		simple("ping\n", unknown+"\n"),
		simple(" PING\n", unknown+"\n"),
		simple("nPINGx\n", unknown+"\n"),
		simple("nPING x\n", unknown+"\n"),
		simple("nPING \n", unknown+"\n"),
		simple("nBOGUS\n", unknown+"\n"),
		simple("zBOGUS\x00", unknown+"\x00"),
		simple("\n", unknown+"\n"),
		simple("\x00", unknown+"\n"),
		simple("n\n", unknown+"\n"),
		simple("z\x00", unknown+"\x00"),
		simple("nSCAN\n", unknown+"\n"),
		simple("SCAN\n", unknown+"\n"),
		simple("nEND\n", unknown+"\n"),
		simple("zEND\x00", unknown+"\x00"),
		simple("STREAM\n", unknown+"\n"),
		simple("SESSION\n", unknown+"\n"),
		simple("RAWSCAN x\n", unknown+"\n"),
		simple("IDSESSION\n", unknown+"\n"),
		simple("INSTREAM\n", unknown+"\n"),
		simple("STATS\n", unknown+"\n"),
		simple("VERSIONCOMMANDS\n", unknown+"\n"),
		simple("ALLMATCHSCAN /x\n", unknown+"\n"),
		simple("zSELFCHECK\x00", unknown+"\x00"),
		simple("zSTATS x\x00", unknown+"\x00"),
		simple("zINSTREAM x\x00", unknown+"\x00"),
		simple("zFILDES x\x00", unknown+"\x00"),
		simple("nIDSESSION x\n", unknown+"\n"),
		simple("nRELOAD x\n", unknown+"\n"),
		simple("zSHUTDOWN x\x00", unknown+"\x00"),
		simple("\x01\x02\xff\n", unknown+"\n"),
		simple("zPI\xff\x00", unknown+"\x00"),
		simple(strings.Repeat("x", 4000)+"\n", unknown+"\n"),
		simple(strings.Repeat("x", 1<<20), unknown+"\n"),
		simple("z"+strings.Repeat("x", 1<<20), unknown+"\x00").but("", "clamd closes without a word"),
		simple("n"+strings.Repeat("x", 1<<20), unknown+"\n").but("", "clamd closes without a word"),
		simple("zQGUARD sender=x\x00\x00", "No file descriptor received. ERROR\x00").but(unknown+"\x00", "a command of our own"),
		simple("nQGUARD sender=x\n", unknown+"\n"),
		simple("QGUARD sender=x\n", unknown+"\n"),
		simple("zQGUARD\x00", unknown+"\x00"),
		dialogue{name: "QGUARD over TCP", steps: say("zQGUARD sender=x\x00"), want: unknown + "\x00", tcp: true},

		simple("nPING\nnPING\n", "PONG\n"),
		simple("zPING\x00zPING\x00", "PONG\x00"),
		simple("PING\nPING\n", "PONG\n"),

		simple("VERSION\n", "VERSION\n"),
		simple("RELOAD\n", "RELOADING\n"),
		simple("DETSTATS\n", ""),
	}
	list = append(list, forms("PING", "PING", "PONG")...)
	list = append(list, forms("VERSION", "VERSION", "VERSION")...)
	list = append(list, forms("VERSIONCOMMANDS", "VERSIONCOMMANDS", "VERSION| COMMANDS: SCAN QUIT RELOAD PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN MULTISCAN FILDES STATS IDSESSION INSTREAM DETSTATSCLEAR DETSTATS ALLMATCHSCAN")...)
	for i := range 2 { // the bar is no line's end there
		d := &list[len(list)-1-i]
		d.want = strings.Replace(d.want, d.want[7:8], "|", 1)
	}
	list = append(list, forms("RELOAD", "RELOAD", "RELOADING")...)
	list = append(list, forms("DETSTATS", "DETSTATS", "")...)
	list = append(list, forms("DETSTATSCLEAR", "DETSTATSCLEAR", "")...)
	for _, f := range [][2]string{{"z", "\x00"}, {"n", "\n"}} {
		list = append(list, dialogue{
			name: f[0] + " STATS", steps: say(f[0] + "STATS" + f[1]),
			want: "POOLS: N\n\nSTATE: VALID PRIMARY\nTHREADS: live N  idle N max N idle-timeout N\nQUEUE: N items\n\n" +
				"MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools N pools_used N pools_total N\nEND" + f[1],
		})
	}
	return list
}

// streamCases are INSTREAM's: numbers 7, 8, 9 and 13.
func streamCases() []dialogue {
	var list []dialogue
	add := func(name, want string, rest ...any) {
		list = append(list, forms("INSTREAM "+name, "INSTREAM", want, rest...)...)
	}
	const tooLong = "INSTREAM size limit exceeded. ERROR"
	full := strings.Repeat("x", limit)
	add("empty", "stream: OK", stream(""))
	add("clean", "stream: OK", stream(cleanMail))
	add("bad", "stream: ONE FOUND", stream(badMail))
	add("of one byte each", "stream: ONE FOUND", chunks(badMail, 1))
	add("length in two writes", "stream: ONE FOUND", "\x00\x00", stream(badMail)[2:])
	add("limit", "stream: OK", stream(full))
	add("one over the limit", tooLong, stream(full+"x"))
	add("one over the limit, announced", tooLong, length(limit+1))
	add("sum over the limit", tooLong, chunks(full+"x", 1024))
	add("sum over the limit, announced", tooLong, strings.TrimSuffix(chunks(full, 1024), "\x00\x00\x00\x00")+length(1))
	for _, n := range []uint32{0xffffffff, 0x80000000, 0x7fffffff} {
		add(fmt.Sprintf("length %x", n), tooLong, length(n))
	}
	add("cut in a length", "", "\x00\x00", halfClose{})
	add("cut in data", "", length(100)+"abc", halfClose{})
	add("without end", "", chunk(cleanMail), halfClose{})
	add("command behind it", "stream: OK", stream(cleanMail)+"nPING\n")
	add("with From", "stream: ONE FOUND", stream("From a@b Sun Nov 22 02:20:49 2026\n"+badMail))
	add("with From, CRLF", "stream: ONE FOUND", stream("From a@b Sun Nov 22 02:20:49 2026\r\n"+strings.ReplaceAll(badMail, "\n", "\r\n")))
	add("with From, clean", "stream: OK", stream("From a@b Sun Nov 22 02:20:49 2026\n"+cleanMail))
	add("first field unknown", "stream: ONE FOUND", stream("X-What: ever\n"+badMail))
	return append(list,
		dialogue{name: "INSTREAM silence in data", steps: say("zINSTREAM\x00" + length(100) + "abc"), want: "COMMAND READ TIMED OUT\n"},
		dialogue{name: "INSTREAM with CR", steps: say("nINSTREAM\r\n" + stream(badMail)), want: "stream: ONE FOUND\n",
			clamd: "stream: OK\n", why: "clamd takes it for a command and for none"},
		dialogue{name: "INSTREAM over TCP", steps: say("zINSTREAM\x00" + stream(badMail)), want: "stream: ONE FOUND\x00", tcp: true},
	)
}

// tree is what the path cases scan. clamd looks at the same.
func tree(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"clean": cleanMail, "bad": badMail, "two": twoMail, "empty": "",
		"dir/a": cleanMail, "dir/b": badMail, "dir/sub/c": twoMail, "dir/sub/d": cleanMail,
		"good/a": cleanMail, "good/sub/b": cleanMail, "with blank: colon": badMail,
	} {
		write(t, filepath.Join(dir, name), text)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(dir+"/none", 0o755))
	must(os.Symlink("bad", dir+"/link"))
	must(os.Symlink("../bad", dir+"/good/link"))
	must(os.Symlink("../dir", dir+"/good/dirlink"))
	must(os.Symlink("/etc/passwd", dir+"/out"))
	must(unix.Mkfifo(dir+"/fifo", 0o600))
	must(unix.Mkfifo(dir+"/good/fifo", 0o600))
	return dir
}

// pathCases are numbers 5 and 6, in dir, which is allowed.
func pathCases(dir string) []dialogue {
	const missing = "File path check failure: No such file or directory. ERROR"
	var list []dialogue
	add := func(verb, path, want string) *dialogue {
		list = append(list, dialogue{
			name: verb + " " + strings.TrimPrefix(path, dir), steps: say("n" + verb + " " + path + "\n"), want: lines("\n", want),
		})
		return &list[len(list)-1]
	}
	for _, verb := range []string{"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"} {
		add(verb, dir+"/clean", dir+"/clean: OK")
		add(verb, dir+"/bad", dir+"/bad: ONE FOUND")
		add(verb, dir+"/empty", dir+"/empty: OK")
		if verb == "ALLMATCHSCAN" {
			add(verb, dir+"/two", dir+"/two: TWO FOUND|"+dir+"/two: ONE FOUND")
		} else {
			add(verb, dir+"/two", dir+"/two: TWO FOUND")
		}
		add(verb, dir+"/missing", dir+"/missing: "+missing)
		add(verb, dir+"/clean/x", dir+"/clean/x: File path check failure: Not a directory. ERROR")
		add(verb, dir+"/with blank: colon", dir+"/with blank: colon: ONE FOUND")
		add(verb, dir+"/dir/../clean", dir+"/dir/../clean: OK")
		add(verb, dir+"/./clean", dir+"/./clean: OK")
		add(verb, dir+"//clean", dir+"//clean: OK")
		add(verb, dir+"/clean ", dir+"/clean : "+missing)
		add(verb, " "+dir+"/clean", " "+dir+"/clean: "+missing)
		add(verb, "", ": "+missing)
		add(verb, "relative", "relative: "+missing)
		add(verb, "/"+strings.Repeat("x", 4000), "/"+strings.Repeat("x", 4000)+": File path check failure: File name too long. ERROR")
		add(verb, dir+"/good", dir+"/good: OK")
		add(verb, dir+"/dir/sub", dir+"/dir/sub/c: TWO FOUND")
		if d := add(verb, dir+"/none", dir+"/none: OK"); verb == "MULTISCAN" {
			*d = d.but("", "clamd says nothing of an empty directory")
		}
		switch verb {
		case "SCAN":
			add(verb, dir+"/dir", dir+"/dir/b: ONE FOUND")
		case "ALLMATCHSCAN":
			list[len(list)-2].want = lines("\n", dir+"/dir/sub/c: TWO FOUND|"+dir+"/dir/sub/c: ONE FOUND")
		default:
			add(verb, dir+"/dir", dir+"/dir/b: ONE FOUND|"+dir+"/dir/sub/c: TWO FOUND")
		}
		d := add(verb, dir+"/link", dir+"/link: ONE FOUND")
		*d = d.but(dir+"/link: OK\n", "clamd calls a link clean that it has not followed")
		for _, what := range []string{"/fifo"} {
			p := dir + what
			d := add(verb, p, p+": Not supported file type ERROR")
			*d = d.but(p+": Not supported file type ERROR\n"+p+": OK\n", "never OK")
		}
		for _, p := range []string{dir + "/out", "/dev/null", "/dev/zero", "/etc/passwd", "/proc/self/mem", dir + "x", filepath.Dir(dir), dir + "/../x", dir + "/dir/../../x"} {
			d := add(verb, p, p+": "+missing)
			*d = d.but(anything, "outside the prefixes nothing is there")
		}
		p := dir + "/clean"
		d = add(verb, p+"\r", p+": OK")
		*d = d.but(anything, "the path is what the client means; clamd says as much, at times after an error")
		d = add(verb, p+"\x00x", unknown)
		*d = d.but(anything, "clamd takes what is before the NUL")
		list = append(list, simple("z"+verb+" "+dir+"/a\nb\x00", dir+"/a\nb: "+missing+"\x00"))
		list = append(list, simple("z"+verb+" "+dir+"/clean\r\x00", dir+"/clean\r: "+missing+"\x00"))
		list = append(list, simple("n"+verb+" /"+strings.Repeat("x/", 5000)+"\n", unknown+"\n").but("", "clamd closes without a word"))
		if verb != "ALLMATCHSCAN" {
			list = append(list,
				dialogue{name: "old " + verb, steps: say(verb + " " + dir + "/bad\n"), want: dir + "/bad: ONE FOUND\n"},
				dialogue{name: "old CRLF " + verb, steps: say(verb + " " + dir + "/bad\r\n"), want: dir + "/bad: ONE FOUND\n"},
				dialogue{name: "old NUL " + verb, steps: say(verb + " " + dir + "/bad\x00"), want: dir + "/bad: ONE FOUND\n"},
				dialogue{name: "old end " + verb, steps: say(verb+" "+dir+"/bad", halfClose{}), want: dir + "/bad: ONE FOUND\n"},
				dialogue{name: "z of a directory " + verb, steps: say("z" + verb + " " + dir + "/dir/sub\x00"), want: dir + "/dir/sub/c: TWO FOUND\x00"},
			)
		}
	}
	return list
}

// descriptorCases are FILDES': numbers 10 and 14.
func descriptorCases(t *testing.T, dir string) []dialogue {
	file := func(name string, flags int) int {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	clean, bad, atEnd := file(dir+"/clean", 0), file(dir+"/bad", 0), file(dir+"/bad", 0)
	if _, err := unix.Seek(atEnd, 0, 2); err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pipe[0]); unix.Close(pipe[1]) })
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(sock) })
	const none, stray = "No file descriptor received. ERROR", "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR"
	var list []dialogue
	for _, f := range [][2]string{{"z", "\x00"}, {"n", "\n"}, {"", "\n"}} {
		cmd := f[0] + "FILDES" + f[1]
		add := func(name, want string, steps ...any) *dialogue {
			list = append(list, dialogue{name: f[0] + " FILDES " + name, steps: steps, want: lines(f[1], want)})
			return &list[len(list)-1]
		}
		add("clean", "fd[N]: OK", cmd, fds{"\x00", []int{clean}})
		add("bad", "fd[N]: ONE FOUND", cmd, fds{"\x00", []int{bad}})
		add("in one message", "fd[N]: ONE FOUND", fds{cmd + "x", []int{bad}})
		d := add("in one message, no byte", "fd[N]: ONE FOUND", fds{cmd, []int{bad}})
		*d = d.but(anything, "there is no doubt what is meant; clamd has one or two errors")
		add("offset at the end", "fd[N]: ONE FOUND", cmd, fds{"\x00", []int{atEnd}})
		add("none, end", "", cmd, halfClose{})
		add("none, a byte", none, cmd+"\x00")
		list = append(list, dialogue{name: f[0] + " FILDES none, silence", steps: say(cmd), want: "COMMAND READ TIMED OUT\n"})
		list = append(list, dialogue{name: f[0] + " FILDES over TCP", steps: say(cmd + "x"), want: lines(f[1], none), tcp: true})
		add("pipe", "fd[N]: Not a regular file ERROR", cmd, fds{"\x00", pipe[:1]})
		add("directory", "fd[N]: Not a regular file ERROR", cmd, fds{"\x00", []int{file(dir, 0)}})
		add("device", "fd[N]: Not a regular file ERROR", cmd, fds{"\x00", []int{file("/dev/null", 0)}})
		add("FIFO", "fd[N]: Not a regular file ERROR", cmd, fds{"\x00", []int{file(dir+"/fifo", unix.O_NONBLOCK)}})
		add("socket", "fd[N]: Not a regular file ERROR", cmd, fds{"\x00", []int{sock}})
		d = add("write only", "fd[N]: Can't access file ERROR", cmd, fds{"\x00", []int{file(dir+"/bad", unix.O_WRONLY)}})
		*d = d.but(lines(f[1], "fd[N]: OK"), "never OK")
		d = add("O_PATH", "fd[N]: Can't access file ERROR", cmd, fds{"\x00", []int{file(dir+"/bad", unix.O_PATH)}})
		*d = d.but(lines(f[1], "fd[N]: OK"), "never OK")
		add("empty", "fd[N]: OK", cmd, fds{"\x00", []int{file(dir+"/empty", 0)}})
		add("two at once", none, cmd, fds{"\x00", []int{clean, bad}})
		d = add("three at once", none, cmd, fds{"\x00", []int{clean, bad, bad}})
		*d = d.but(anything, "clamd closes without a word")
		list = append(list, dialogue{name: f[0] + " PING with a descriptor", steps: say(fds{f[0] + "PING" + f[1], []int{bad}}), want: "PONG" + f[1]})
	}
	d := dialogue{name: "SCAN with a descriptor", steps: say(fds{"nSCAN " + dir + "/bad\n", []int{clean}}), want: dir + "/bad: ONE FOUND\n"}
	list = append(list, d.but(anything, "the command is what was asked; clamd has one or two errors before"))
	list = append(list, dialogue{name: "INSTREAM with a descriptor", steps: say(fds{"zINSTREAM\x00" + stream(badMail), []int{clean}}), want: "stream: ONE FOUND\x00"})
	return list
}

// sessionCases are IDSESSION's: numbers 11 and 12.
func sessionCases(t *testing.T, dir string) []dialogue {
	bad, err := unix.Open(dir+"/bad", unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(bad) })
	const invalid = "Command invalid inside IDSESSION. ERROR"
	const old = `1: Only nCMDS\n and zCMDS\0 are accepted inside IDSESSION. ERROR|1: Error processing command. ERROR`
	var list []dialogue
	for _, f := range [][2]string{{"z", "\x00"}, {"n", "\n"}} {
		c := func(cmd string) string { return f[0] + cmd + f[1] }
		begin, end := c("IDSESSION"), c("END")
		add := func(name, want string, steps ...any) *dialogue {
			list = append(list, dialogue{name: f[0] + " IDSESSION " + name, steps: steps, want: lines(f[1], want)})
			return &list[len(list)-1]
		}
		all := begin + c("PING") + c("VERSION") + c("INSTREAM") + stream(badMail) + c("INSTREAM") + stream(cleanMail) + c("SCAN "+dir+"/bad") + end
		add("all", "1: PONG|2: VERSION|3: stream: ONE FOUND|4: stream: OK|5: "+dir+"/bad: ONE FOUND", all)
		add("nothing", "", begin+end)
		add("nothing, end", "", begin, halfClose{})
		add("no END", "1: PONG", begin+c("PING"), halfClose{})
		add("behind END", "", begin+end+c("PING"))
		add("100", strings.TrimSuffix(numbered(100, "PONG|"), "|"), begin+strings.Repeat(c("PING"), 100)+end)
		add("cut command", "1: PONG", begin+c("PING")+f[0]+"PI", halfClose{})
		add("cut stream", "1: PONG", begin+c("PING")+c("INSTREAM")+length(100)+"abc", halfClose{})
		add("VERSIONCOMMANDS", "1: VERSIONCOMMANDS|2: PONG", begin+c("VERSIONCOMMANDS")+c("PING")+end)
		add("directory", "1: "+dir+"/dir/sub/c: TWO FOUND", begin+c("SCAN "+dir+"/dir/sub")+end)
		add("missing file", "1: "+dir+"/missing: File path check failure: No such file or directory. ERROR|2: PONG", begin+c("SCAN "+dir+"/missing")+c("PING")+end)
		add("too long", "1: PONG|2: INSTREAM size limit exceeded. ERROR", begin+c("PING")+c("INSTREAM")+length(limit+1))
		add("no descriptor", "1: No file descriptor received. ERROR", begin+c("FILDES")+c("PING")+end)
		add("descriptor", "1: fd[N]: ONE FOUND|2: PONG", begin+c("FILDES"), fds{"\x00", []int{bad}}, c("PING")+end)
		add("descriptor with PING", "1: PONG|2: PROTOCOL ERROR: ancillary data sent without FILDES. ERROR", begin, fds{c("PING"), []int{bad}})
		for _, cmd := range []string{
			"CONTSCAN " + dir, "MULTISCAN " + dir, "ALLMATCHSCAN " + dir, "RELOAD", "BOGUS", "SHUTDOWN x", "DETSTATS",
			"IDSESSION", "", "PING x", "SCAN", "END x", "ping", "FILDES x", "QGUARD x",
		} {
			add(cmd, "1: PONG|2: "+invalid, begin+c("PING")+c(cmd)+c("PING")+end)
		}
		d := add("old PING", old, begin+"PING\n")
		*d = d.but("COMMAND READ TIMED OUT\n", "clamd waits before it says so, or something else")
		d = add("old bogus after PING", "1: PONG|"+strings.ReplaceAll(old, "1: ", "2: "), begin+c("PING")+"bogus\n")
		*d = d.but(anything, "clamd waits before it says so, or something else")
		list = append(list, dialogue{name: f[0] + " IDSESSION silence", steps: say(begin + c("PING")), want: "1: PONG" + f[1] + "COMMAND READ TIMED OUT\n"})
	}
	return append(list,
		dialogue{name: "IDSESSION both forms", steps: say("zIDSESSION\x00nPING\nzPING\x00zEND\x00"), want: "1: PONG\n2: PONG\x00"},
		dialogue{name: "IDSESSION over TCP", steps: say("zIDSESSION\x00zPING\x00zINSTREAM\x00" + stream(badMail) + "zEND\x00"), want: "1: PONG\x002: stream: ONE FOUND\x00", tcp: true},
	)
}

func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d: %s", i+1, text)
	}
	return b.String()
}

// plain takes names and figures out of a reply. The lines of one in any order,
// and a session's, are sorted.
func plain(reply string) string {
	for _, x := range [][2]string{
		{`Qg\.One\.UNOFFICIAL|QGuard\.Virus\.One`, "ONE"},
		{`Qg\.Two\.UNOFFICIAL|QGuard\.Virus\.Two`, "TWO"},
		{`fd\[\d+\]`, "fd[N]"},
		{`ClamAV [0-9.]+|qguardd test`, "VERSION"},
		{`(\d: )VERSION\| COMMANDS: [A-Z ]+`, "${1}VERSIONCOMMANDS"},
	} {
		reply = regexp.MustCompile(x[0]).ReplaceAllString(reply, x[1])
	}
	if strings.HasPrefix(reply, "POOLS: ") {
		reply = regexp.MustCompile(`\t.*\n`).ReplaceAllString(reply, "") // tasks, which we do not list
		reply = regexp.MustCompile(` min_wait.*\n`).ReplaceAllString(reply, "\n")
		return regexp.MustCompile(`\d+(\.\d+M)?`).ReplaceAllString(reply, "N")
	}
	list := regexp.MustCompile(`[^\x00\n]*[\x00\n]`).FindAllString(reply, -1)
	if strings.Join(list, "") == reply && !strings.Contains(reply, "Error processing") {
		slices.Sort(list)
		return strings.Join(list, "")
	}
	return reply
}

// TestTranscript has the same conversations with clamd and with us.
func TestTranscript(t *testing.T) {
	dir := tree(t)
	ours := serve(t, &Server{Host: newHouse(dir), Version: "qguardd test"})
	clamd := startClamd(t)
	list := slices.Concat(plainCases(), streamCases(), pathCases(dir), descriptorCases(t, dir), sessionCases(t, dir))
	check := func(d dialogue, who string, p peer, want string) {
		network, address := "unix", p.unix
		if d.tcp {
			network, address = "tcp", p.tcp
		}
		said, still := talk(t, network, address, d.steps...)
		if got := plain(said); want != anything && (got != plain(want) || still) {
			t.Errorf("%.80s: %s said %.300q (not closed: %v)\nwant %.300q", d.name, who, got, still, plain(want))
		}
	}
	var running sync.WaitGroup
	places := make(chan struct{}, 16) // some take as long as a silence
	for _, d := range list {
		theirs := d.want
		if d.why != "" {
			theirs = d.clamd
		}
		places <- struct{}{}
		running.Go(func() {
			check(d, "qguardd", ours, d.want)
			check(d, "clamd", clamd, theirs)
			<-places
		})
	}
	running.Wait()
	t.Logf("%d conversations", len(list))
}
