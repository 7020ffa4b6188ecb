package virus

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/socket"
)

// Check tries the scanners that the rules name, without a message. note says
// what they are, "" when there are none; doubt, what works but finds less than
// it should.
func Check(ctx context.Context, c rules.Virus) (note, doubt string, err error) {
	var notes []string
	if c.Clamd != (rules.Address{}) {
		version, found, err := NewClamd(c.Clamd, time.Duration(c.Timeout)).check(ctx)
		if err != nil {
			return "", "", nextStep(err)
		}
		note := fmt.Sprintf("clamd %s is %s", c.Clamd, version)
		if found != "" {
			note += ", knows the EICAR test file as " + found
		} else {
			doubt = fmt.Sprintf("clamd %s does not know the EICAR test file: has it loaded its database?", c.Clamd)
		}
		notes = append(notes, note)
	}
	if len(c.Command) > 0 {
		path, err := exec.LookPath(c.Command[0])
		if err != nil {
			return "", "", fmt.Errorf("virus.command: %w", err)
		}
		notes = append(notes, "command "+path)
	}
	return strings.Join(notes, "; "), doubt, nil
}

// nextStep adds what an administrator may do about a clamd that cannot be asked.
func nextStep(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: is it running?", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: put the user that asks into the group of its socket", err)
	}
	return err
}

// check asks clamd who it is, whether it takes descriptors, and what it calls
// the EICAR test file.
func (c *Clamd) check(ctx context.Context) (version, found string, err error) {
	pong, err := c.command(ctx, "zPING\x00")
	if err != nil {
		return "", "", err
	}
	if pong != "PONG" {
		return "", "", fmt.Errorf("clamd %s: says %q to PING", c.at, scan.Printable(pong, 60))
	}
	version, err = c.command(ctx, "zVERSION\x00")
	switch {
	case err != nil:
		return "", "", err
	case strings.Contains(version, "qguardd"):
		return "", "", fmt.Errorf("clamd %s is qguardd, which would ask itself: name clamd's own socket", c.at)
	case version == "COMMAND UNAVAILABLE":
		version = "of a version it keeps to itself"
	}
	empty := scan.EmptySpool(0, 0, nil)
	defer empty.Close()
	switch found, err = c.judge(ctx, &scan.Message{Content: empty}); {
	case err != nil:
		return "", "", err
	case found != "":
		return "", "", fmt.Errorf("clamd %s finds %s in an empty file", c.at, scan.Printable(found, 60))
	}
	text := eicar()
	found, err = c.judge(ctx, &scan.Message{Content: strings.NewReader(text), Size: int64(len(text))})
	return scan.Printable(version, 60), scan.Printable(found, 60), err
}

// command sends a command without data.
func (c *Clamd) command(ctx context.Context, text string) (reply string, err error) {
	reply, _, err = c.ask(ctx, func(conn socket.Conn) (bool, error) {
		_, err := conn.Write([]byte(text))
		return err == nil, err
	})
	return reply, err
}

// eicar is the text that every scanner finds and that harms nobody
// (eicar.org, "Anti Malware Testfile"). It is written backwards here, so that
// no scanner finds it in our own programs.
func eicar() string {
	text := []byte(`*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X`)
	slices.Reverse(text)
	return string(text)
}
