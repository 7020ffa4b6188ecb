package qhpsi

import "qguard/scan"

// Exit codes of qguard-scan, which are clamdscan's. IndiMail's qmail-queue
// takes them as QHPSIRN=0 and QHPSIRC=1; any other is exit 77 there, a
// temporary failure. A Go panic, a wrong flag and a Go program that cannot
// start exit 2 as well, and so say the same.
const (
	ExitClean     = 0 // nothing found
	ExitFound     = 1 // some finding refuses, holds, replaces or discards
	ExitUndecided = 2 // could not tell: trouble, doubt, wrong usage
)

// Exit gives a verdict's exit code.
func Exit(s scan.State) int {
	switch s {
	case scan.Clean:
		return ExitClean
	case scan.Found:
		return ExitFound
	}
	return ExitUndecided
}

// Exit codes of qguardd.
const (
	ExitStopped = 0 // told to stop; running scans were answered
	ExitBroken  = 2 // could not start (rules, rights, addresses) or go on; a Go panic too
)

// Exit codes of qguard-queue, which are qmail-queue's (qmail-queue.c and
// qmail.c's qmail_close; qmail-contract.md section 2): 11 to 40 refuse for
// good, every other but 0 is a temporary failure.
const (
	ExitAddress        = 11  // an envelope address is too long
	ExitRefused        = 31  // refused by policy
	ExitVirus          = 33  // the same in IndiMail's words: message contains virus
	ExitTimeout        = 52  // reading the message took too long
	ExitWrite          = 53  // write error: disk full
	ExitRead           = 54  // read error: the client gave up
	ExitConfig         = 55  // the rules cannot be read, wrong arguments, no server on the other side
	ExitTemporary      = 71  // could not tell: temporarily rejected
	ExitFormatIndiMail = 79  // envelope is malformed, IndiMail
	ExitBug            = 81  // internal error, or the next program crashed
	ExitCustom         = 82  // the text on the error pipe counts (notqmail, netqmail)
	ExitCustomIndiMail = 88  // the same, IndiMail
	ExitFormat         = 91  // envelope is malformed
	ExitExec           = 120 // the next program cannot be run
)
