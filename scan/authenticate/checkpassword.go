package authenticate

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"qguard/scan/socket"
)

// The interface is that of https://cr.yp.to/checkpwd/interface.html: the
// program reads user NUL password NUL timestamp NUL from descriptor 3, at most
// 512 bytes in all, and exits 0 right, 1 wrong, 2 misused, 111 could not tell.
// Right makes it run its arguments first; those are ours, /bin/true.
//
// Plain checkpassword has no word for "no such user": it reads as Wrong.
const (
	maxRequest       = 512
	onSuccess        = "/bin/true"
	checkpwTimeout   = 4 * time.Second // where the context has no deadline
	checkpwRight     = 0
	checkpwWrong     = 1
	checkpwMisused   = 2
	checkpwTemporary = 111
)

// checkpassword runs a program for each pair. The program gets an empty
// environment, / as its directory, /dev/null as descriptors 0, 1 and 2, the
// pair on 3 and nothing else. It has a process group of its own, killed as a
// whole when the context ends; a grandchild that outlives an answer is left
// alone and not waited for. A program stuck in the kernel, where SIGKILL does
// not reach it, holds Check up.
type checkpassword struct {
	argv    []string
	timeout time.Duration
	now     func() time.Time
}

func newCheckpassword(argv []string) *checkpassword {
	return &checkpassword{argv: slices.Concat(argv, []string{onSuccess}), timeout: checkpwTimeout, now: time.Now}
}

func (c *checkpassword) ID() string {
	return fmt.Sprintf("checkpassword %q", c.argv[:len(c.argv)-1])
}

func (c *checkpassword) Check(ctx context.Context, user, password []byte) (Answer, error) {
	request, err := c.request(user, password)
	if err != nil {
		return Unavailable, fmt.Errorf("checkpassword: %w", err)
	}
	defer clear(request)
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	status, err := c.run(ctx, request)
	if err != nil {
		return Unavailable, fmt.Errorf("checkpassword: %w", err)
	}
	answer, err := judge(ctx, status)
	if err != nil {
		return answer, fmt.Errorf("checkpassword: %w", err)
	}
	return answer, nil
}

// request returns the bytes for descriptor 3. A pair that does not fit is not
// a wrong one: a longer password may well be right, only not through here.
func (c *checkpassword) request(user, password []byte) ([]byte, error) {
	if err := askable(user, password); err != nil {
		return nil, err
	}
	b := make([]byte, 0, maxRequest) // never grows, so no copy is left behind
	stamp := strconv.AppendInt([]byte{'Y'}, c.now().Unix(), 10)
	if len(user)+len(password)+len(stamp)+3 > maxRequest {
		return nil, fmt.Errorf("%w: longer than the %d bytes of the interface", ErrPair, maxRequest)
	}
	for _, field := range [][]byte{user, password, stamp} {
		b = append(append(b, field...), 0)
	}
	return b, nil
}

// run runs the program to its end.
func (c *checkpassword) run(ctx context.Context, request []byte) (syscall.WaitStatus, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	// A pipe holds a page at least, so this does not block, and we hold its
	// reading end, so it does not raise SIGPIPE, whatever the program will do.
	_, err = w.Write(request)
	if errClose := w.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		return 0, fmt.Errorf("write the request: %w", err)
	}

	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.ExtraFiles = onlyDescriptor3(r)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		// The group, then the program itself, should it have left the group.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return cmd.Process.Kill()
	}
	err = cmd.Run()
	switch {
	case cmd.ProcessState == nil && ctx.Err() != nil:
		return 0, socket.Late(ctx)
	case cmd.ProcessState == nil:
		return 0, fmt.Errorf("run %s: %w", c.argv[0], socket.Reason(err))
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus), nil
}

// judge turns the way a program ended into an answer. A crash is looked at
// before the exit code, the context after both: an answer given is an answer.
func judge(ctx context.Context, status syscall.WaitStatus) (Answer, error) {
	if status.Signaled() {
		if ctx.Err() != nil {
			return Unavailable, socket.Late(ctx)
		}
		return Unavailable, fmt.Errorf("killed by signal %d", status.Signal())
	}
	switch code := status.ExitStatus(); code {
	case checkpwRight:
		return Right, nil
	case checkpwWrong:
		return Wrong, nil
	case checkpwMisused:
		return Unavailable, fmt.Errorf("exit code %d, misused", code)
	case checkpwTemporary:
		return Unavailable, fmt.Errorf("exit code %d, temporary failure", code)
	default:
		return Unavailable, fmt.Errorf("exit code %d, not one of the interface's", code)
	}
}

// onlyDescriptor3 returns exec.Cmd's ExtraFiles for a program that gets f as
// descriptor 3 and none above. What Go opens is closed on exec, but what we
// were started with is not, and under qmail that can be the queue file, open
// for writing. A nil entry makes the child close that number.
//
// To mark ours close-on-exec (close_range) would be shorter, and would take
// them away from other programs this process may start later. Only those are
// marked that are near or over the limit of descriptors: os/exec cannot go so
// far. They come from whoever set the limit after opening them.
func onlyDescriptor3(f *os.File) []*os.File {
	most := mostDescriptors()
	unix.CloseRange(uint(most+1), math.MaxUint, unix.CLOSE_RANGE_CLOEXEC)
	files := []*os.File{f}
	for n, highest := 4, min(highestInherited(), most); n <= highest; n++ {
		files = append(files, nil)
	}
	return files
}

// mostDescriptors is the highest number that os/exec can close in a child: it
// needs some above for itself.
func mostDescriptors() int {
	const spare, unknown = 16, 255
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return unknown
	}
	return max(int(min(limit.Cur, 1<<20))-spare, 3)
}

// highestInherited returns the highest descriptor that a child would inherit.
func highestInherited() int {
	const unknown = 255 // no /proc: qmail's are single digits
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return unknown
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return unknown
	}
	highest := 0
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil || n <= highest {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			highest = n
		}
	}
	return highest
}
