package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"

	"qguard/qhpsi"
	"qguard/qhpsi/files"
	"qguard/rules"
	"qguard/scan"
)

// showRules prints the rules in force, or tries them on messages.
func (a *admin) showRules(args []string, in io.Reader) error {
	switch {
	case len(args) == 0:
		return a.rules.Write(a.out)
	case args[0] == "test":
		return a.testRules(args[1:], in)
	}
	return fmt.Errorf("%w: rules, or rules test FILE", errUsage)
}

// testRules judges messages in this process as qguard-scan does and prints, for
// each, its verdict and for each finding which entry of the policy decided.
func (a *admin) testRules(args []string, in io.Reader) error {
	envelope, names, err := parseEnvelope(args)
	if err != nil {
		return fmt.Errorf("%w: rules test: %w", errUsage, err)
	}
	if a.searches() {
		qhpsi.KeepSecrets()
	}
	engine, err := qhpsi.New(a.rules, func(err error) { fmt.Fprintln(a.out, err) })
	if err != nil {
		return err
	}
	failed := 0
	for _, name := range names {
		v, err := judge(engine, name, in, int64(a.rules.Limit.Size), envelope)
		if err == nil {
			err = v.Err
		}
		shown := scan.Printable(name, 4096)
		if err != nil {
			failed++
			fmt.Fprintf(a.out, "%s: could not be judged: %v\n", shown, err)
		} else {
			fmt.Fprintf(a.out, "%s: %s, %s\n", shown, v.State(), v.Worst().Action)
		}
		for _, f := range v.Findings {
			a.decided(f, envelope)
		}
	}
	if failed > 0 {
		return fmt.Errorf("rules test: %d of %d messages could not be judged, see above", failed, len(names))
	}
	return nil
}

// parseEnvelope reads the arguments: what is known of the messages, before and
// behind their names.
func parseEnvelope(args []string) (e rules.Envelope, names []string, err error) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("sender", "", func(s string) error { e.Sender = &s; return nil })
	flags.StringVar(&e.Recipient, "recipient", "", "")
	flags.BoolVar(&e.Outgoing, "outgoing", false, "")
	client := flags.String("client", "", "")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return e, nil, err
		}
		if args = flags.Args(); len(args) > 0 {
			names = append(names, args[0])
			args = args[1:]
		}
	}
	if e.Client, err = netip.ParseAddr(*client); err != nil && *client != "" {
		return e, nil, fmt.Errorf("-client: %q is not an address (like 192.0.2.1)", *client)
	}
	if len(names) == 0 {
		return e, nil, fmt.Errorf("no message: name files, or - for standard input")
	}
	return e, names, nil
}

func judge(engine *scan.Engine, name string, in io.Reader, size int64, e rules.Envelope) (v scan.Verdict, err error) {
	content, err := files.Open(name, in, size)
	if err != nil {
		return v, err
	}
	defer content.Close()
	m := scan.Message{Content: content, Size: content.Size(), Envelope: e}
	return engine.Scan(context.Background(), &m), nil
}

// decided prints a finding and what gave it its action.
func (a *admin) decided(f scan.Finding, e rules.Envelope) {
	where := ""
	if f.Part != "" {
		where = " part " + scan.Printable(f.Part, 256)
	}
	if f.Name != "" {
		where += fmt.Sprintf(" \"%s\"", f.Name)
	}
	by := "default"
	if i := a.rules.Policy.Match(f.Rule, f.Grave, e); i >= 0 {
		by = fmt.Sprintf("policy %d: %s", i+1, a.rules.Policy[i])
	}
	fmt.Fprintf(a.out, "  %-7s %s%s\n          by %s\n", f.Action, f.Rule, where, by)
}
