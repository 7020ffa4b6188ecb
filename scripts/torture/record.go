package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// record is the queue program at the end: it does what qmail-queue promises.
// The message is in dir/new, under the number of this process and the time it
// was made, only when the envelope was read to its last NUL:
//
//	envelope NUL message
//
// It returns qmail-queue's exit code.
func record(dir string) int {
	f, err := os.CreateTemp(filepath.Join(dir, "tmp"), "")
	if err != nil {
		return 53
	}
	defer os.Remove(f.Name()) // no more there after success
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 54
	}
	envelope, err := io.ReadAll(os.Stdout)
	switch {
	case err != nil || !bytes.HasSuffix(envelope, []byte("\x00\x00")):
		return 54 // the client gave up
	case envelope[0] != 'F':
		return 91
	}
	if _, err = f.Write(append(append(envelope, 0), message...)); err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, "new", filepath.Base(f.Name())))
	}
	if err != nil {
		return 53
	}
	return 0
}

// recorded is a message that the recorder took.
type recorded struct {
	sender     string
	recipients []string
	message    []byte
}

// readRecord reads a file of the recorder.
func readRecord(name string) (r recorded, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	envelope, message, ok := bytes.Cut(data, []byte("\x00\x00\x00"))
	fields := bytes.Split(envelope, []byte("\x00"))
	if !ok || len(fields[0]) == 0 || fields[0][0] != 'F' {
		return r, fmt.Errorf("%s: half written", name)
	}
	for _, to := range fields[1:] {
		if len(to) == 0 || to[0] != 'T' {
			return r, fmt.Errorf("%s: half written", name)
		}
		r.recipients = append(r.recipients, string(to[1:]))
	}
	r.sender, r.message = string(fields[0][1:]), message
	return r, nil
}
