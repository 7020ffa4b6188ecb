package scan_test

import (
	"context"
	"fmt"
	"strings"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/message"
	"qguard/scan/xfile"
)

// An engine is a list of openers and a list of scanners. This one looks for
// unsafe files in mail and in archives, and the administrator has one word of
// his own.
func ExampleEngine() {
	engine := &scan.Engine{
		Openers:  []scan.Opener{message.Opener{}, archive.Opener{}},
		Scanners: []scan.Scanner{xfile.New(rules.Xfile{Block: []string{"foo"}})},
	}
	mail := "From: a@example.org\n" +
		"Content-Type: application/octet-stream; name=\"notes.foo\"\n\n" +
		"hello\n"
	v := engine.Scan(context.Background(), &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))})
	fmt.Println(v.State())
	for _, f := range v.Findings {
		fmt.Println(f.Action, f.Rule, f.Part, f.Name)
	}
	// Output:
	// found
	// reject xfile.name 1 notes.foo
}

// shout is a scanner of one's own: it finds subjects that are all capitals. It
// sees the message as the part with path "", and opens nothing.
type shout struct{ found bool }

func (*shout) Begin(*scan.Message) scan.Look { return &shout{} }

func (s *shout) Part(_ context.Context, p *scan.Part) error {
	if p.Path != "" {
		return nil
	}
	head, err := p.Head()
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(head), "\n") {
		subject, ok := strings.CutPrefix(line, "Subject: ")
		s.found = s.found || ok && subject == strings.ToUpper(subject)
	}
	return nil
}

func (s *shout) End(context.Context) ([]scan.Finding, error) {
	if !s.found {
		return nil, nil
	}
	return []scan.Finding{{Rule: "header.shout", Note: "the subject is all capitals"}}, nil
}

// A scanner is made once and begins a look for every message. Findings come
// without an action: the policy gives it.
func ExampleScanner() {
	hold := rules.Hold
	engine := &scan.Engine{
		Openers:  []scan.Opener{message.Opener{}},
		Scanners: []scan.Scanner{&shout{}},
		Policy:   rules.Policy{{Rule: "header.shout", Action: &hold}},
	}
	mail := "Subject: BUY NOW\n\nhello\n"
	v := engine.Scan(context.Background(), &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))})
	fmt.Println(v.State(), v.Worst().Action, v.Worst().Note)
	// Output:
	// found hold the subject is all capitals
}
