package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// makeToken makes the token that Dovecot and Exim send to qguard-policyd, to be
// read by its user. One that is there stays.
func (a *admin) makeToken() error {
	path := a.rules.Policyd.Token
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var random [16]byte
	rand.Read(random[:]) // never fails
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return advise(err, "", "run it as root")
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, hex.EncodeToString(random[:])); err != nil {
		return err
	}
	u, err := user.Lookup(a.rules.Policyd.User)
	if err != nil || os.Geteuid() != 0 {
		return nil // qguard-policyd says so when it cannot read it
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return f.Chown(uid, gid)
}

// checkPolicyd asks qguard-policyd where it runs: by its control socket, and as
// Dovecot would, with the token. An answer that is not understood there lets
// everybody in.
func (c *checklist) checkPolicyd() (string, error) {
	p := c.rules.Policyd
	conn, err := net.DialTimeout("unix", p.Control.Name, 5*time.Second)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "", nil // it is not meant to run here
	case errors.Is(err, syscall.ECONNREFUSED):
		return "", fmt.Errorf("%s: nobody answers: is qguard-policyd running?", p.Control)
	case err != nil:
		return "", advise(err, "", "run it as root")
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(conn, "status")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ok ") {
		return "", fmt.Errorf("%s: it answers %q to status", p.Control, strings.TrimSpace(line))
	}
	if p.LogOnly {
		c.doubt("login policy", "log_only is on: refusals are logged and not made")
	}
	if len(p.HTTP) == 0 {
		return "qguard-policyd answers", nil
	}
	text, err := os.ReadFile(p.Token)
	if err != nil {
		return "", advise(err, "", "run qguard check -init as root")
	}
	return "qguard-policyd answers, to Dovecot too", askPolicy(p.HTTP[0].Network, p.HTTP[0].Name, strings.TrimSpace(string(text)))
}

// askPolicy sends what Dovecot sends before a login, for nobody.
func askPolicy(network, address, token string) error {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return fmt.Errorf("policyd.http: %w", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	const body = `{"login":"","remote":"","protocol":"check"}`
	fmt.Fprintf(conn, "POST /?command=allow HTTP/1.0\r\nHost: policy\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		token, len(body), body)
	answer, err := io.ReadAll(io.LimitReader(conn, 8<<10))
	status, _, _ := strings.Cut(string(answer), "\r\n")
	switch {
	case err != nil:
		return fmt.Errorf("policyd.http: %w", err)
	case strings.Contains(status, " 401 "):
		return errors.New("policyd.http: the token is not taken: let qguard-policyd read its rules again (SIGHUP)")
	case !strings.Contains(status, " 200 ") || !strings.HasSuffix(strings.TrimSpace(string(answer)), "}"):
		return fmt.Errorf("policyd.http: it answers %q, and Dovecot would let everybody in", status)
	}
	return nil
}
