package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"qguard/qhpsi/queue"
	"qguard/qhpsi/respond"
	"qguard/scan"
)

// quarantine runs one of its commands.
func (a *admin) quarantine(args []string) error {
	q := respond.Quarantine{Path: a.rules.Quarantine.Path}
	if len(args) == 0 {
		return fmt.Errorf("%w: quarantine list, show, release, delete or expire", errUsage)
	}
	command, args := args[0], args[1:]
	switch {
	case command == "list" && (len(args) == 0 || slices.Equal(args, []string{"-json"})):
		return a.list(q, len(args) > 0)
	case command == "show" && len(args) == 1:
		return a.show(q, args[0])
	case command == "release" && len(args) > 0:
		return a.release(q, args[0], args[1:])
	case command == "delete" && len(args) == 1:
		return q.Delete(args[0])
	case command == "expire" && len(args) == 0:
		n, err := q.Expire(time.Duration(a.rules.Quarantine.Keep))
		if n > 0 {
			fmt.Fprintf(a.out, "%d removed\n", n)
		}
		return err
	}
	return fmt.Errorf("%w: quarantine %s does not go so", errUsage, command)
}

// list prints a line for each held message, or JSON objects.
func (a *admin) list(q respond.Quarantine, asJSON bool) error {
	held, err := q.List()
	if err != nil {
		return err
	}
	for _, h := range held {
		if asJSON {
			if err := json.NewEncoder(a.out).Encode(h); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "%s  %s  %7d  <%s> -> %s  %s\n", h.ID, h.Time.Format("2006-01-02 15:04"), h.Size,
			scan.Printable(h.Sender, 60), scan.Printable(strings.Join(h.Recipients, " "), 80), ruleNames(h))
	}
	return nil
}

func ruleNames(h respond.Held) string {
	var names []string
	for _, f := range h.Findings {
		if !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	return strings.Join(names, ",")
}

// open returns what is known of a held message, and the message.
func open(q respond.Quarantine, id string) (respond.Held, *os.File, error) {
	h, err := q.Get(id)
	if err != nil {
		return h, nil, err
	}
	f, err := q.Open(id)
	return h, f, err
}

// show prints what is known of a message, an empty line, and the message.
func (a *admin) show(q respond.Quarantine, id string) error {
	h, f, err := open(q, id)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s\n\n", text)
	_, err = io.Copy(a.out, f)
	return err
}

// releaseTime bounds the next queue program when a message is released.
const releaseTime = 5 * time.Minute

// release gives a held message to the next queue program, unscanned and as it
// came, for the recipients it was held for or for some of them. It leaves the
// quarantine when all have it.
func (a *admin) release(q respond.Quarantine, id string, to []string) error {
	h, f, err := open(q, id)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, r := range to {
		if !slices.Contains(h.Recipients, r) {
			return fmt.Errorf("%s was not held for %s", id, r)
		}
	}
	rest := h.Recipients
	if len(to) == 0 {
		to, rest = h.Recipients, nil
	} else {
		rest = slices.DeleteFunc(slices.Clone(rest), func(r string) bool { return slices.Contains(to, r) })
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	next := queue.Next{Argv: []string{a.rules.Queue.Next}, Env: queue.WithoutQMAILQUEUE(os.Environ())}
	if err := next.Send(ctx, f, h.Size, queue.Envelope{Sender: h.Sender, Recipients: to}); err != nil {
		return fmt.Errorf("release %s: %w; it stays held", id, err)
	}
	fmt.Fprintf(a.out, "%s released to %s\n", id, strings.Join(to, " "))
	if len(rest) > 0 {
		return q.Keep(id, rest)
	}
	return q.Delete(id)
}
