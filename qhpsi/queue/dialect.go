package queue

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
)

// A Channel is where an SMTP server reads the text of a refusal, and the exit
// code that tells it to (qmail-contract.md section 1). Without one only the
// code speaks.
type Channel struct {
	File   *os.File // nil: none
	custom int      // exit code with text
	reject int      // exit code without
	max    int      // bytes of text kept
}

// NewChannel returns that of a dialect. The descriptor must be a pipe: any other
// was opened by somebody else and a text there would be lost, or worse.
func NewChannel(d rules.Dialect, env func(string) (string, bool)) Channel {
	c := Channel{reject: qhpsi.ExitRefused, max: 250}
	fd := -1
	switch d {
	case "notqmail":
		fd, c.custom = 6, qhpsi.ExitCustom
	case "netqmail":
		fd, c.custom = errorFD(env, 4), qhpsi.ExitCustom
	case "indimail":
		fd, c.custom, c.reject = errorFD(env, 2), qhpsi.ExitCustomIndiMail, qhpsi.ExitVirus
	}
	var st unix.Stat_t
	if fd >= 2 && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
		c.File = os.NewFile(uintptr(fd), "reply")
	}
	return c
}

// errorFD is ERROR_FD, by which IndiMail and netqmail's patches move the pipe;
// -1 turns it off.
func errorFD(env func(string) (string, bool), usual int) int {
	text, ok := env("ERROR_FD")
	if !ok {
		return usual
	}
	fd := -1
	fmt.Sscanf(text, "%d", &fd)
	return fd
}

// refuse gives the text to the server and returns the exit code. permanent
// chooses D (554) or Z (451).
func (c Channel) refuse(text string, permanent bool) int {
	if c.File != nil {
		if _, err := c.File.WriteString(replyLine(text, permanent, c.max)); err == nil {
			return c.custom
		}
	}
	if permanent {
		return c.reject
	}
	return qhpsi.ExitTemporary
}

// replyLine makes one line of printable ASCII that begins with D or Z, ends with
// an enhanced status code and has max bytes at most.
func replyLine(text string, permanent bool, max int) string {
	kind := "D"
	if !permanent {
		kind = "Z"
	}
	text, code := respond.Status(text, permanent)
	room := max - len(kind) - len(" (#)") - len(code)
	if len(text) > room {
		text = strings.TrimSpace(text[:room])
	}
	return kind + text + " (#" + code + ")"
}
