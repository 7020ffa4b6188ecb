package milter

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/d--j/go-milter"

	"qguard/qhpsi/respond"
)

// A change tells the server what to change. After an error it tells nothing
// more; the server undoes all when the message is not accepted.
type change struct {
	mod    milter.Modifier
	spaced bool
	err    error
}

func (c *change) do(tell func() error) {
	if c.err == nil {
		c.err = tell()
	}
}

// maxValue bounds a field that is told: a packet has 64 KiB.
const maxValue = 32 << 10

// value is a field's value as the server wants it.
func (c *change) value(v string) string {
	if !c.spaced {
		return strings.TrimPrefix(v, " ")
	}
	return v
}

// insert puts fields before all others.
func (c *change) insert(block []byte) {
	for _, f := range slices.Backward(fields(block)) {
		c.do(func() error { return c.mod.InsertHeader(0, f.name, c.value(f.value)) })
	}
}

// add puts a field behind all others.
func (c *change) add(f field) {
	c.do(func() error { return c.mod.AddHeader(f.name, c.value(f.value)) })
}

// remove takes fields out of the header, the last first: fields are numbered by
// name, and servers differ in whether a number moves up.
func (c *change) remove(all []field, which func(field) bool) {
	count := map[string]int{}
	for _, f := range all {
		count[key(f)]++
	}
	for _, f := range slices.Backward(all) {
		n := count[key(f)]
		count[key(f)]--
		if which(f) {
			c.do(func() error { return c.mod.ChangeHeader(n, strings.TrimRight(f.name, " \t"), "") })
		}
	}
}

func key(f field) string { return strings.ToLower(strings.TrimRight(f.name, " \t")) }

// letter gives the message other fields and another body.
func (c *change) letter(text []byte) {
	header, body, _ := bytes.Cut(text, []byte("\n\n"))
	for _, f := range fields(append(header, '\n')) {
		c.add(f)
	}
	body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	c.do(func() error { return c.mod.ReplaceBody(bytes.NewReader(body)) })
}

// deleteRecipients takes groups off the envelope, except for an address.
func (c *change) deleteRecipients(groups []respond.Group, except ...string) {
	for _, g := range groups {
		for _, to := range g.Recipients {
			if !slices.Contains(except, to) {
				c.do(func() error { return c.mod.DeleteRecipient(to) })
			}
		}
	}
}

// errFields says that fields cannot be named to the server.
var errFields = errors.New("too many header fields to change any")

// rename calls fields that look like ours X-Old-...; longer ones than anybody
// writes are removed.
func (m *message) rename(c *change) {
	if m.tooMany {
		c.do(func() error { return errFields })
	}
	c.remove(m.fields, func(f field) bool { return respond.IsOurs(f.name) })
	for _, f := range m.fields {
		if respond.IsOurs(f.name) && len(f.value) <= maxValue {
			c.add(field{"X-Old-" + strings.TrimRight(f.name, " \t"), f.value})
		}
	}
}

// clear removes all fields but those by which servers find loops.
func (m *message) clear(c *change) {
	if m.tooMany {
		c.do(func() error { return errFields })
	}
	c.remove(m.fields, func(f field) bool {
		return !slices.Contains([]string{"received", "return-path", "delivered-to"}, key(f))
	})
}

// fields reads a header block that we wrote.
func fields(block []byte) (list []field) {
	for line := range strings.Lines(string(block)) {
		line = strings.TrimSuffix(line, "\n")
		if len(list) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			list[len(list)-1].value += "\n" + line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		list = append(list, field{name, value})
	}
	return list
}
