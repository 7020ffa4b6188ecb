package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"qguard/scan/authenticate"
	"qguard/scan/credential"
)

// searches reports whether the search for logins is on.
func (a *admin) searches() bool { return len(a.rules.Credential.Authenticator) > 0 }

// checkUsers reads the list of users.
func (c *checklist) checkUsers() (string, error) {
	cr := c.rules.Credential
	switch {
	case !c.searches():
		return "", nil
	case cr.Users == "":
		if len(cr.Domains) == 0 && cr.Username.String() == "" {
			return "", errors.New("no users, username or domains in [credential]: only logins of authenticated senders are found; name a list in credential.users, \"system\" say")
		}
		return "by pattern and domains", nil
	}
	n, slow, err := credential.CheckUsers(cr.Users)
	where := cr.Users
	if where == "system" {
		where = "/etc/passwd"
	}
	const make = "make it: getent passwd | cut -d: -f1 | qguard users -"
	switch {
	case err != nil:
		return "", advise(err, make, "make it readable for the user that queues mail (chmod 0644)")
	case n == 0:
		return "", fmt.Errorf("%s names nobody; %s", where, make)
	case slow && cr.Users != "system":
		return fmt.Sprintf("%d in %s, read for every message: qguard users %s sorts it, then it is not", n, where, where), nil
	}
	return fmt.Sprintf("%d in %s", n, where), nil
}

// checkAuthenticator asks for the canary with its password and with another.
func (c *checklist) checkAuthenticator() (string, error) {
	cr := c.rules.Credential
	if !c.searches() {
		return "", nil
	}
	backend, err := authenticate.New(cr.Authenticator)
	if err != nil {
		return "", err
	}
	if cr.Canary == "" {
		return "", errors.New("no canary: an authenticator that refuses everything would go unnoticed; set credential.canary")
	}
	user, password, err := credential.ReadCanary(cr.Canary)
	if err != nil {
		return "", advise(err, "write user:password of an account that is there for this only into it, mode 0640",
			"make it readable for the user that queues mail (chgrp, chmod 0640)")
	}
	defer clear(password)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch answer, err := backend.Check(ctx, user, password); {
	case err != nil:
		return "", asked(cr.Authenticator[0], err)
	case answer != authenticate.Right:
		return "", fmt.Errorf("the canary's password is refused: put the one that works into %s, or mend the authenticator", cr.Canary)
	}
	wrong := append([]byte("not-"), password...)
	defer clear(wrong)
	before := time.Now()
	switch answer, err := backend.Check(ctx, user, wrong); {
	case err != nil:
		return "", asked(cr.Authenticator[0], err)
	case answer == authenticate.Right:
		return "", errors.New("the canary is accepted with a wrong password: it accepts everything; name another authenticator")
	}
	note := cr.Authenticator[0] + " knows its canary"
	if took := time.Since(before); took*time.Duration(cr.Attempts) > credential.AskTime {
		note += fmt.Sprintf("; a wrong password takes it %.1f s, so %d of %d attempts fit into the %s of a message",
			took.Seconds(), credential.AskTime/took, cr.Attempts, credential.AskTime)
	}
	return note, nil
}

// asked adds the next step to the trouble of an authenticator of a kind.
func asked(kind string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let the user that queues mail use it, by its group say", err)
	case errors.Is(err, fs.ErrNotExist) && kind == "passwd-file", errors.Is(err, fs.ErrNotExist) && kind == "checkpassword":
		return fmt.Errorf("%w: name one that is there in credential.authenticator", err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: is it running?", err)
	}
	return err
}

// checkBudgets says what is asked at most, and what is unwise in that.
func (c *checklist) checkBudgets() (string, error) {
	if !c.searches() {
		return "", nil
	}
	for _, doubt := range credential.Doubts(c.rules.Credential) {
		c.doubt("credential", doubt)
	}
	return credential.Budgets(c.rules.Credential), nil
}
