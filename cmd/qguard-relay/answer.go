package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An answer is what to do with the client. The zero one is to go on.
type answer struct {
	relay bool
	delay time.Duration
	block string // RBLSMTPD; "" = not blocked
}

// longestDelay bounds a tarpit: a client whose server says nothing gives up after
// five minutes (RFC 5321 4.5.3.2.1), and each holds a process.
const longestDelay = 30 * time.Second

// parse reads an answer line. What is not understood is to go on.
func parse(line string) (answer, error) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "go":
		return answer{relay: rest == "relay"}, nil
	case "tarpit":
		seconds, relay, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(seconds, 10, 16)
		if err != nil {
			break
		}
		return answer{relay: relay == "relay", delay: min(time.Duration(n)*time.Second, longestDelay)}, nil
	case "defer":
		return answer{block: text(rest)}, nil
	case "refuse":
		return answer{block: "-" + text(rest)}, nil
	case "error":
		return answer{}, errors.New("not understood there: " + strconv.QuoteToASCII(rest))
	}
	return answer{}, errors.New("not understood: " + strconv.QuoteToASCII(line))
}

// text makes a reason fit for RBLSMTPD: an empty one blocks nobody there, and a
// hyphen at its beginning makes "not now" a "no".
func text(s string) string {
	s = strings.TrimLeft(strings.TrimSpace(s), "- ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if s == "" {
		return "not accepted here"
	}
	return s
}

// apply changes the environment. What is not told of stays as tcpserver's rules
// made it: a client is blocked by them for their reason, and one that they let
// relay may.
func (a answer) apply(env []string) []string {
	rbl, _ := lookup(env, "RBLSMTPD")
	switch {
	case a.block != "":
		env = unset(env, "RELAYCLIENT")
		if rbl == "" {
			env = append(unset(env, "RBLSMTPD"), "RBLSMTPD="+a.block)
		}
	case a.relay:
		if _, ok := lookup(env, "RELAYCLIENT"); !ok {
			env = append(env, "RELAYCLIENT=")
		}
		if rbl == "" { // a user's address may well be on a list
			env = append(unset(env, "RBLSMTPD"), "RBLSMTPD=")
		}
	}
	return env
}

// lookup finds a variable; where there are several, the first counts, as for
// getenv(3).
func lookup(env []string, name string) (value string, ok bool) {
	for _, v := range env {
		if n, value, found := strings.Cut(v, "="); found && n == name {
			return value, true
		}
	}
	return "", false
}

// unset returns the environment without a variable.
func unset(env []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, name+"=") })
}
