package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bashCompletes prints, a line each, what bash offers for the words behind it.
const bashCompletes = `source "$SCRIPTS/completion/qguard.bash"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _qguard "$1"
printf '%s\n' "${COMPREPLY[@]}"`

// zshCompletes does the same, with zsh's own functions replaced by what they
// would look for.
const zshCompletes = `compadd() { shift; print -l -- "${(@M)@:#${words[CURRENT]}*}" }
_files() { print -l -- ${words[CURRENT]}*(N) }
words=("$@"); CURRENT=$#; source "$SCRIPTS/completion/_qguard"`

// TestCompletion asks the shells' completions what they offer.
func TestCompletion(t *testing.T) {
	bin, work := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "qguard/cmd/qguard", "qguard/cmd/qguard-scan", "qguard/cmd/qguard-queue")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %s", out)
	}
	scripts, err := filepath.Abs("../../scripts")
	if err != nil {
		t.Fatal(err)
	}
	id := "20261121T213000-0123456789abcdef-0"
	for name, text := range map[string]string{
		"mail.eml": "x", "my.toml": "[quarantine]\npath = \"quarantine\"\n", "q.toml": "",
		"quarantine/new/" + id:            "x",
		"quarantine/meta/" + id + ".json": `{"id":"` + id + `","recipients":["a"]}`,
	} {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, shell := range []struct{ name, script string }{{"bash", bashCompletes}, {"zsh", zshCompletes}} {
		t.Run(shell.name, func(t *testing.T) {
			path, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skipf("%s is not installed", shell.name)
			}
			for _, test := range []struct{ line, want string }{
				{"qguard-scan -ex", "-explain"},
				{"qguard-scan mail.eml -js", "-json"},
				{"qguard-scan -ver", "-version"},
				{"qguard-scan ma", "mail.eml"},
				{"qguard-scan -c my", "my.toml"},
				{"qguard-scan -sender ma", ""},
				{"qguard-scan --user ma", ""},
				{"qguard-scan -outgoing ma", "mail.eml"},
				{"qguard-queue -h", "-help"},
				{"qguard-queue --c my", "my.toml"},
				{"qguard c", "cache check"},
				{"qguard -c my.toml ru", "rules"},
				{"qguard -", "-c -help"},
				{"qguard rules ", "test"},
				{"qguard rules test -", "-client -outgoing -recipient -sender"},
				{"qguard rules test -sender ma", ""},
				{"qguard rules test -outgoing ma", "mail.eml"},
				{"qguard users ma", "mail.eml"},
				{"qguard check -in", "-init"},
				{"qguard cache ", "compact flush stats"},
				{"qguard cache flush -", "-budgets"},
				{"qguard quarantine re", "release"},
				{"qguard -c my.toml quarantine show ", id},
				{"qguard -c my.toml quarantine show " + id + " ", ""},
				{"qguard nothing ", ""},
				{"./qguard-missing -", ""},
			} {
				cmd := exec.Command(path, append([]string{"-c", shell.script, shell.name}, strings.Split(test.line, " ")...)...)
				cmd.Dir = work
				cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "SCRIPTS=" + scripts, "HOME=" + work, "QGUARD_CONF=" + work + "/q.toml"}
				var stderr strings.Builder
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if _, exit := err.(*exec.ExitError); err != nil && !exit || stderr.Len() > 0 {
					t.Errorf("%q: %v: %s", test.line, err, stderr.String())
				}
				if got := strings.Join(strings.Fields(string(out)), " "); sorted(got) != test.want {
					t.Errorf("%q: got %q, want %q", test.line, got, test.want)
				}
			}
		})
	}
}

// sorted puts words in order, each once.
func sorted(text string) string {
	words := strings.Fields(text)
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}
