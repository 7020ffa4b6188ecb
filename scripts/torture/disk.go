package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func disks() []fault {
	return []fault{
		{"disk", "qguard-queue", "1 MB for the spool, mails of 4 MB", false, (*torture).fullSpool},
		{"disk", "qguard-queue", "0 to 100 KB for the quarantine, mails of 200 KB", false, (*torture).fullQuarantine},
		{"disk", "qguard-scan", "no room for the cache", false, func(t *torture) (string, error) { return t.fullCache(false) }},
		{"disk", "qguard-scan", "no room for the cache; lockout = 9", false, func(t *torture) (string, error) { return t.fullCache(true) }},
		{"disk", "qguard-queue", "no room for the log file", false, (*torture).fullLog},
		{"disk", "qguardd", "no room for spool and log file", false, (*torture).fullDaemon},
	}
}

// full is a small file system.
func (t *torture) full() string { return t.dir + "/full" }

// fullSpool has mails in the spool that do not fit: they must be refused for
// now and nothing of them be left.
func (t *torture) fullSpool() (string, error) {
	t.spool = t.full() + "/spool"
	if err := errors.Join(t.tmpfs(t.full(), "1m"), os.MkdirAll(t.spool, 0o777), t.rules()); err != nil {
		return "", err
	}
	t.excused, t.nothing = true, true
	var mails []*mail
	for i := range 8 {
		m := sample([]string{"clean", "hold"}[i%2], i)
		m.message = text(m.id, "setup.exe", 4<<20, t.random)
		mails = append(mails, m)
	}
	return t.give(mails)
}

// fullQuarantine leaves room from none to half the message.
func (t *torture) fullQuarantine() (string, error) {
	t.quarantine = t.full() + "/quarantine"
	if err := errors.Join(t.tmpfs(t.full(), "1m"), t.rules()); err != nil {
		return "", err
	}
	t.excused, t.nothing = true, true
	var mails []*mail
	for i, room := range []int64{0, 4 << 10, 16 << 10, 100 << 10} {
		if err := fill(t.full(), room); err != nil {
			return "", err
		}
		var some []*mail
		for j, to := range [][]string{{hold}, {deliver, hold}, {hold, deliver}} {
			m := sample("hold", 10*i+j)
			m.recipients, m.message = to, text(m.id, "setup.exe", 200<<10, t.random)
			some = append(some, m)
		}
		if _, err := t.sendAll(some, nil); err != nil {
			return "", err
		}
		mails = append(mails, some...)
	}
	said := t.account(mails)
	for _, dir := range []string{"tmp", "new", "meta"} {
		for _, name := range files(t.quarantine + "/" + dir) {
			t.wrong(odd, "%s: left in the quarantine", name)
		}
	}
	return said, nil
}

// fullCache has the verdict stand, or be in doubt where nothing may be asked
// that cannot be counted.
func (t *torture) fullCache(lockout bool) (string, error) {
	return t.unusable(func() error {
		err := t.tmpfs(t.full(), "1m")
		if err == nil {
			err = fill(t.full(), 4<<10) // the file can be made, its pages cannot
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(t.dir+"/lib"), os.Symlink(t.full(), t.dir+"/lib"))
		}
		return err
	}, lockout)
}

// fullLog loses log lines, not mail.
func (t *torture) fullLog() (string, error) {
	t.log = t.full() + "/log"
	if err := t.tmpfs(t.full(), "1m"); err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(t.log, nil, 0o644), fill(t.full(), 0), t.rules()); err != nil {
		return "", err
	}
	return t.give(samples(t.n/50+1, "clean", "hold", "refuse"))
}

// fullDaemon: small messages stay in memory and are judged, large ones are not.
func (t *torture) fullDaemon() (string, error) {
	if err := t.tmpfs(t.full(), "1m"); err != nil {
		return "", err
	}
	t.spool = t.full()
	t.more = fmt.Sprintf("[daemon]\nlog = %q\n", t.full()+"/log")
	if err := errors.Join(fill(t.full(), 0), t.daemonRules()); err != nil {
		return "", err
	}
	s, err := t.startDaemon()
	if err != nil {
		return "", err
	}
	defer s.stop()
	said, err := t.askAll(t.load(t.n / 5))
	if s.gone() {
		t.wrong(odd, "qguardd has ended: %s", s.said)
	}
	return said, err
}

// fill leaves room for so many bytes on a file system.
func fill(dir string, room int64) error {
	f, err := os.Create(dir + "/filler")
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 4<<10)
	size := int64(0)
	for {
		n, err := f.Write(block)
		size += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			return err
		}
	}
	return f.Truncate(max(size-room, 0))
}
