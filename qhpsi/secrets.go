package qhpsi

import "golang.org/x/sys/unix"

// KeepSecrets keeps what the process has in memory out of core files and
// debuggers: candidate passwords, where logins are searched for. Defence in
// depth, so it does not fail.
func KeepSecrets() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// NoCore is the half of KeepSecrets that a program may do which looks into its
// own /proc/self/fd: to it that is root's once it cannot be dumped. Programs that
// it starts may raise the limit again.
func NoCore() {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &l) == nil {
		l.Cur = 0
		unix.Setrlimit(unix.RLIMIT_CORE, &l)
	}
}
