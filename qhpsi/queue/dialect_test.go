package queue

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestReplyLine(t *testing.T) {
	long := strings.Repeat("word ", 100)
	for _, c := range []struct {
		name, text string
		permanent  bool
		want       string
	}{
		{"plain", "no programs", true, "Dno programs (#5.7.1)"},
		{"for now", "later", false, "Zlater (#4.3.0)"},
		{"empty", "", true, "D (#5.7.1)"},
		{"own code", "no (#5.7.9)", true, "Dno (#5.7.9)"},
		{"own code for now", "no (#4.7.999)", false, "Zno (#4.7.999)"},
		{"code of the wrong class", "no (#4.7.9)", true, "Dno (#5.7.1)"},
		{"code of the other wrong class", "no (#5.7.9)", false, "Zno (#4.3.0)"},
		{"code alone", "(#5.7.9)", true, "D (#5.7.9)"},
		{"code within", "no (#5.7.9) really", true, "Dno (#5.7.9) really (#5.7.1)"},
		{"no code", "see (#5)", true, "Dsee (#5) (#5.7.1)"},
		{"no code either", "see (#)", false, "Zsee (#) (#4.3.0)"},
		{"not a code", "see (#5.x.1)", true, "Dsee (#5.x.1) (#5.7.1)"},
		{"line ends", "a\r\n250 ok\n", true, "Da  250 ok (#5.7.1)"},
		{"controls", "a\x00b\x1bc\x7fd\te", true, "Da b c d e (#5.7.1)"},
		{"other letters", "Gr\u00fc\u00dfe", true, "DGr??e (#5.7.1)"},
		{"other bytes", "a\xffb", true, "Da?b (#5.7.1)"},
		{"begins with Z", "Zoo", true, "DZoo (#5.7.1)"},
		{"long", long, true, "D" + strings.TrimSpace(long[:240]) + " (#5.7.1)"},
		{"long with a code", long + "(#5.1.1)", true, "D" + strings.TrimSpace(long[:240]) + " (#5.1.1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := replyLine(c.text, c.permanent, 250); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func FuzzReplyLine(f *testing.F) {
	for _, s := range []string{"", "no (#5.7.1)", "a\r\nb", "(#", "(#)", "\xff", strings.Repeat("x", 300) + "(#4.999.999)"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	line := regexp.MustCompile(`^[DZ][ -~]* \(#[45]\.[0-9]{1,3}\.[0-9]{1,3}\)$`)
	f.Fuzz(func(t *testing.T, text string, permanent bool) {
		got := replyLine(text, permanent, 250)
		class := got[strings.LastIndex(got, "(#")+2]
		if !line.MatchString(got) || len(got) > 250 || (got[0] == 'D') != permanent || (class == '5') != permanent {
			t.Fatalf("%q", got)
		}
	})
}

// TestRefuse falls back to a bare number where the pipe is broken.
func TestRefuse(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := Channel{File: w, custom: 82, reject: 31, max: 250}
	if got := c.refuse("no", true); got != 82 {
		t.Errorf("exit %d", got)
	}
	r.Close()
	if got := c.refuse("no", true); got != 31 {
		t.Errorf("broken pipe: exit %d", got)
	}
	if got := c.refuse("later", false); got != 71 {
		t.Errorf("broken pipe, for now: exit %d", got)
	}
}
