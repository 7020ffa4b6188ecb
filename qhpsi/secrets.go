package qhpsi

import "golang.org/x/sys/unix"

// KeepSecrets keeps what the process has in memory out of core files and
// debuggers: candidate passwords, where logins are searched for. Defence in
// depth, so it does not fail.
func KeepSecrets() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
