package service

import (
	"flag"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"

	"qguard/rules"
)

// A Door is what an address can be for: the name of its flag, of its key in the
// rules, and of systemd's socket (FileDescriptorName=).
type Door struct {
	Name string
	At   *[]rules.Address
}

// A Listener is an open address and what it is for.
type Listener struct {
	net.Listener
	Door string
}

func (l Listener) String() string {
	return fmt.Sprintf("%s at %s:%s", l.Door, l.Addr().Network(), l.Addr())
}

// Open opens every address. What systemd has opened (sd_listen_fds(3)) stands in
// for all that the rules say of the same door.
func Open(doors []Door, o Owner) (list []Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range list {
				l.Close()
			}
		}
	}()
	passed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("systemd's sockets: %w", err)
	}
	var names []string
	for _, door := range doors {
		names = append(names, door.Name)
		for _, l := range passed[door.Name] {
			list = append(list, Listener{l, door.Name})
		}
		if len(passed[door.Name]) > 0 {
			delete(passed, door.Name)
			continue
		}
		for _, at := range *door.At {
			l, err := Listen(at, o)
			if err != nil {
				return list, err
			}
			list = append(list, Listener{l, door.Name})
		}
	}
	for name := range passed {
		return list, fmt.Errorf("systemd's socket %q: FileDescriptorName= is none of %v", name, names)
	}
	return list, nil
}

// Flags makes a flag of every door. What is given on the command line stands, by
// use, in for what the rules say of the same door.
func Flags(flags *flag.FlagSet, doors []Door) (use func(doors []Door)) {
	given := map[string]*addresses{}
	for _, d := range doors {
		given[d.Name] = new(addresses)
		flags.Var(given[d.Name], d.Name, "")
	}
	return func(doors []Door) {
		for _, d := range doors {
			if list := *given[d.Name]; len(list) > 0 {
				*d.At = list
			}
		}
	}
}

// addresses is a flag that may be given more than once.
type addresses []rules.Address

func (a *addresses) String() string { return fmt.Sprint(*a) }

// Set reads one address.
func (a *addresses) Set(text string) error {
	var one rules.Address
	if err := one.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	*a = append(*a, one)
	return nil
}
