package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"qguard/scan/credential"
)

// sortUsers writes the users of a file, or of standard input, to the list that
// credential.users names, in the order in which a large one can be searched.
func (a *admin) sortUsers(args []string, in io.Reader) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: users FILE, or - for standard input", errUsage)
	}
	list := a.rules.Credential.Users
	if list == "" || list == "system" {
		return errors.New("credential.users names no file to write")
	}
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	names, tooLong, err := credential.SortUsers(list, in)
	if err != nil {
		return fmt.Errorf("%s is as it was: %w", list, err)
	}
	fmt.Fprintf(a.out, "%s: %d users", list, names)
	if tooLong > 0 {
		fmt.Fprintf(a.out, ", %d lines too long to be one", tooLong)
	}
	fmt.Fprintln(a.out)
	return nil
}
