package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// disk fills the file system with the spool, then with the quarantine: what
// cannot be kept must be refused for now and nothing of it be left.
func (t *torture) disk(full string) error {
	t.spool = filepath.Join(full, "spool")
	defer os.RemoveAll(t.spool)
	if err := errors.Join(os.Mkdir(t.spool, 0o700), t.rules("")); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range []string{"notes.txt", "setup.exe"} {
		m := &mail{recipients: []string{deliver, hold}, message: text("spool", name, 4<<20, r)}
		if err := t.refused("spool full, "+name, m, 53); err != nil {
			return err
		}
	}

	t.spool = filepath.Join(filepath.Dir(t.conf), "spool")
	t.quarantine = filepath.Join(full, "quarantine")
	if err := t.rules(""); err != nil {
		return err
	}
	// From no room for one byte to room for half the message.
	for _, room := range []int64{0, 4 << 10, 16 << 10, 100 << 10} {
		if err := fill(full, room); err != nil {
			return err
		}
		for _, to := range [][]string{{hold}, {deliver, hold}, {hold, deliver}} {
			m := &mail{recipients: to, message: text("quarantine", "setup.exe", 200<<10, r)}
			if err := t.refused(fmt.Sprintf("quarantine full but %d bytes, to %v", room, to), m, 53); err != nil {
				return err
			}
		}
	}
	fmt.Printf("wrong                          %5d\n", t.errors)
	return nil
}

// refused sends a mail that must get an exit code and leave nothing.
func (t *torture) refused(what string, m *mail, exit int) error {
	if err := t.send(m, 0); err != nil {
		return err
	}
	left := append(files(filepath.Join(t.recorder, "new")), files(t.spool)...)
	for _, dir := range []string{"tmp", "new", "meta"} {
		left = append(left, files(filepath.Join(t.quarantine, dir))...)
	}
	fmt.Printf("%s: exit %d\n", what, m.exit)
	if m.exit != exit || len(left) > 0 {
		t.wrong("%s: exit %d, want %d; left: %v; %s", what, m.exit, exit, left, m.said)
	}
	return nil
}

// fill leaves room for so many bytes on a file system.
func fill(dir string, room int64) error {
	f, err := os.Create(filepath.Join(dir, "filler"))
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
