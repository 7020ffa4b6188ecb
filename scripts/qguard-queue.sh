#!/bin/sh
# Set this as QMAILQUEUE in place of qguard-queue. It raises the soft memory
# limits to the hard ones, because a Go program does not start under the usual
# softlimit -m, and it outlives qguard-queue: where that is killed by a signal
# (out of memory, a hard limit) the answer is exit 81, a temporary failure.
# qpsmtpd takes death by a signal for success and would lose the mail.
# A handler, not '', which qguard-queue and all behind it would inherit.
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2 XCPU XFSZ
for queue in "${0%/*}/qguard-queue" "${0%/*}/../../bin/qguard-queue" qguard-queue; do
	command -v "$queue" >/dev/null && break
done
for limit in v d; do
	# shellcheck disable=SC3045 # not POSIX, but every sh of a Linux has it
	ulimit -S -$limit unlimited 2>/dev/null || ulimit -S -$limit "$(ulimit -H -$limit)" 2>/dev/null
done
"$queue" "$@"
status=$?
case $status in
126 | 127) exit 120 ;; # it cannot be run
esac
test $status -le 128 || exit 81
exit $status
