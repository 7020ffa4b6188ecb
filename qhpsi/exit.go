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
