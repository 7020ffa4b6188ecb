// Command decode reads the base64 attachment that ends a message with the
// standard library's base64.NewDecoder and throws it away: how long whoever
// decodes all of a large mail is busy at least.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: decode message")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "decode:", err)
		os.Exit(1)
	}
}

func run(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	body, err := attachment(f)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, body))
	return err
}

// attachment finds the encoded bytes as mails lays them out: behind the first
// base64 part header, up to the delimiter line at the end of the file.
func attachment(f *os.File) (io.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head, tail := make([]byte, 8<<10), make([]byte, 64)
	if n, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	} else if head = head[:n]; info.Size() < int64(len(tail)) {
		return nil, errors.New("no message with an attachment")
	}
	last := info.Size() - int64(len(tail))
	if _, err := f.ReadAt(tail, last); err != nil {
		return nil, err
	}
	const mark = "Content-Transfer-Encoding: base64\n\n"
	from, to := bytes.Index(head, []byte(mark)), bytes.Index(tail, []byte("\n--"))
	if from < 0 || to < 0 {
		return nil, errors.New("no attachment at the end")
	}
	start := int64(from + len(mark))
	return io.NewSectionReader(f, start, last+int64(to)-start), nil
}
