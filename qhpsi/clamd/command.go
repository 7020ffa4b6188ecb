package clamd

import (
	"bytes"
	"strings"
)

// maxLine is how long a command may be: a path of 4096 bytes, or a request with
// a long sender.
const maxLine = 8 << 10

// A command is one line from a client.
type command struct {
	name     string
	argument string
	given    bool // there is an argument, "" perhaps
	old      bool // neither z nor n before it
	end      byte // what ends the replies
}

// A verb is a command that exists.
type verb struct {
	name                   string
	argument, old, session bool // it has one; it exists in old style; in IDSESSION
}

// verbs are clamd's, in the order of its VERSIONCOMMANDS.
var verbs = [...]verb{
	{name: "SCAN", argument: true, old: true, session: true},
	{name: "QUIT", old: true},
	{name: "RELOAD", old: true},
	{name: "PING", old: true, session: true},
	{name: "CONTSCAN", argument: true, old: true},
	{name: "VERSIONCOMMANDS", session: true},
	{name: "VERSION", old: true, session: true},
	{name: "END", session: true},
	{name: "SHUTDOWN", old: true},
	{name: "MULTISCAN", argument: true, old: true},
	{name: "FILDES", old: true, session: true},
	{name: "STATS", session: true},
	{name: "IDSESSION"},
	{name: "INSTREAM", session: true},
	{name: "DETSTATSCLEAR", old: true},
	{name: "DETSTATS", old: true},
	{name: "ALLMATCHSCAN", argument: true},
}

// next reads the command that data begins with and returns how many bytes it
// has. 0: its end is not there yet.
func next(data []byte) (cmd command, n int) {
	if len(data) == 0 {
		return command{}, 0
	}
	end := -1
	switch data[0] {
	case 'z':
		end = bytes.IndexByte(data, 0)
	case 'n':
		end = bytes.IndexByte(data, '\n')
	default:
		end = bytes.IndexAny(data, "\n\x00")
	}
	if end < 0 {
		return command{}, 0
	}
	return parse(data[:end]), end + 1
}

// parse reads a line without its end.
func parse(line []byte) command {
	cmd := command{old: true, end: '\n'}
	if len(line) > 0 && (line[0] == 'z' || line[0] == 'n') {
		cmd.old = false
		if line[0] == 'z' {
			cmd.end = 0
		}
		line = line[1:]
	}
	if cmd.end == '\n' {
		line = bytes.TrimRight(line, "\r")
	}
	cmd.name, cmd.argument, cmd.given = strings.Cut(string(line), " ")
	return cmd
}

// known reports whether a command exists in this form and place.
func (cmd command) known(session, local bool) bool {
	if cmd.name == "QGUARD" {
		return local && !session && cmd.end == 0 && cmd.given
	}
	if strings.IndexByte(cmd.argument, 0) >= 0 { // no path has it
		return false
	}
	for _, v := range verbs {
		if v.name == cmd.name {
			if session {
				return v.argument == cmd.given && v.session && !cmd.old
			}
			return v.argument == cmd.given && (v.old || !cmd.old) && v.name != "END"
		}
	}
	return false
}
