package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// pam sets up a PAM service "file" over the file of hashes.
func (t *torture) pam() (program string, err error) {
	if program, err = t.path("qguard-pam"); err != nil {
		return "", err
	}
	if list, _ := filepath.Glob("/usr/lib/*/security/pam_pwdfile.so"); len(list) == 0 {
		return "", leftOut("pam_pwdfile is not there")
	}
	if err := os.MkdirAll(t.dir+"/pam", 0o755); err != nil {
		return "", err
	}
	return program, os.WriteFile(t.dir+"/pam/file", []byte("auth required pam_pwdfile.so nodelay pwdfile="+t.dir+"/shadow\n"), 0o644)
}

// pamAll asks qguard-pam n times, in turn for a right and a wrong password.
func (t *torture) pamAll(n int) (string, error) {
	program, err := t.pam()
	if err != nil {
		return "", err
	}
	var right, wrong, unsure int
	for i := range n {
		secret := []string{password, "Winter-0000-xY"}[i%2]
		exit, said, err := t.pamOne(t.command(program, "-confdir", t.dir+"/pam", "-service", "file"), secret)
		if err != nil {
			return "", err
		}
		switch {
		case exit == 0 && secret != password:
			t.wrong(passed, "qguard-pam takes a wrong password: %s", said)
		case exit == 1 && secret == password:
			t.wrong(odd, "qguard-pam refuses a right password: %s", said)
		case exit == 0:
			right++
		case exit == 1:
			wrong++
		default:
			unsure++
		}
	}
	if right+wrong == 0 && !t.nothing {
		t.wrong(odd, "not one was answered")
	}
	return fmt.Sprintf("%d pairs: %d right, %d wrong, %d unavailable", n, right, wrong, unsure), nil
}

// pamOne asks for the owner and a password.
func (t *torture) pamOne(cmd *exec.Cmd, secret string) (exit int, said string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	fmt.Fprintf(w, "%s\x00%s\x00Y1\x00", owner, secret)
	w.Close()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &out, []*os.File{r}
	if t.stderr != nil {
		cmd.Stderr = t.stderr
	}
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	cmd.Wait()
	said = out.String()
	if cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() && !t.mayCrash {
		t.wrong(odd, "qguard-pam: %v: %s", cmd.ProcessState, said)
	}
	if strings.Contains(said, password) || strings.Contains(said, secret) {
		t.wrong(odd, "qguard-pam gives the password away")
	}
	return cmd.ProcessState.ExitCode(), said, nil
}
