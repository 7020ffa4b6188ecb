// Package service is what every resident program of ours begins with: it opens
// its addresses with the rights it was started with, and then gives these up.
package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"qguard/rules"
)

// Owner is whose UNIX sockets are and who may connect. Zero IDs are root's; a
// negative one leaves it as it is.
type Owner struct {
	UID, GID int
	Mode     rules.Mode
}

// Listen opens an address. A UNIX socket that nobody answers any more is
// replaced, one with a server behind it is an error; its directory is made when
// missing. The socket is nobody's until it has its owner and mode.
func Listen(a rules.Address, o Owner) (net.Listener, error) {
	var l net.Listener
	var err error
	if a.Network == "unix" {
		l, err = listenUnix(a.Name, o)
	} else {
		l, err = net.Listen(a.Network, a.Name)
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listen on %s: %w: start qguardd as root, which it does not stay, or name a place that its user may use", a, plain(err))
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", a, plain(err))
	}
	return l, nil
}

func listenUnix(path string, o Owner) (net.Listener, error) {
	if err := makeDir(filepath.Dir(path), o); err != nil {
		return nil, err
	}
	if err := clearStale(path); err != nil {
		return nil, err
	}
	old := syscall.Umask(0o777)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, err
	}
	err = os.Chown(path, o.UID, o.GID)
	if err == nil {
		err = os.Chmod(path, os.FileMode(o.Mode))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// makeDir makes a socket's directory, the owner's.
func makeDir(dir string, o Owner) error {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chown(dir, o.UID, o.GID)
}

// clearStale removes a socket that a crash left behind.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return errors.New("a file that is no socket is in the way")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return errors.New("somebody listens there already: is qguardd running?")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// plain is an error without the address, which stands before it.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
