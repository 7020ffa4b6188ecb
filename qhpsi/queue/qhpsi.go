package queue

import (
	"fmt"
	"strconv"
	"strings"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/virus"
)

// QHPSI returns the scanner that IndiMail's variables name, and adds what they
// say about its finding to the end of the policy (qmail-queue.c of IndiMail;
// qmail-contract.md section 3). Without one there is none:
//
//	QHPSI                       the command; unset = none
//	QHPSIRC, QHPSIRN            exit status of found (1) and clean (0); '' is 0
//	QHPSIMINSIZE, QHPSIMAXSIZE  sizes outside are not scanned; 0 = no bound
//	REJECTVIRUS                 1 and others: refuse; 2: discard; 0: deliver with
//	                            X-QHPSI: virus found
//	VIRUSFORWARD                with 0 or 2: held, and sent to this address only
//
// REJECTVIRUS unset, or set to no number, delivers in IndiMail. Here it leaves
// the policy's default, reject, unless the rules say qhpsi = "exact".
func QHPSI(c *rules.Config, env func(string) (string, bool)) ([]scan.Scanner, error) {
	line, ok := env("QHPSI")
	if !ok || c.Queue.QHPSI == "off" {
		return nil, nil
	}
	command := &virus.Command{Line: line, Found: 1}
	for name, to := range map[string]*int{"QHPSIRC": &command.Found, "QHPSIRN": &command.Clean} {
		if text, ok := env(name); ok {
			n, err := number(name, text)
			if err != nil {
				return nil, err
			}
			*to = int(n)
		}
	}
	for name, to := range map[string]*int64{"QHPSIMINSIZE": &command.Min, "QHPSIMAXSIZE": &command.Max} {
		if text, ok := env(name); ok {
			n, err := number(name, text)
			if err != nil {
				return nil, err
			}
			*to = n
		}
	}
	if action, ok := rejectVirus(c, env); ok {
		c.Policy = append(c.Policy, rules.Entry{Rule: "virus.qhpsi", Action: &action})
	}
	return []scan.Scanner{command}, nil
}

// rejectVirus is the action that the variables ask for; not ok: none.
func rejectVirus(c *rules.Config, env func(string) (string, bool)) (action rules.Action, ok bool) {
	text, _ := env("REJECTVIRUS")
	digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
	n, err := strconv.ParseUint(digits, 10, 32) // 0 without digits, as scan_ulong leaves it
	switch {
	case err != nil && c.Queue.QHPSI != "exact":
		return 0, false
	case n != 0 && n != 2:
		return rules.Reject, true
	}
	if forward, _ := env("VIRUSFORWARD"); forward != "" {
		c.Quarantine.Forward = forward
		return rules.Hold, true
	}
	if n == 2 {
		return rules.Discard, true
	}
	return rules.Tag, true
}

// number reads an exit status or a size; the empty text is 0, as in IndiMail.
func number(name, text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: %q is not a number", name, text)
	}
	return n, nil
}
