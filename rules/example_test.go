package rules_test

import (
	"fmt"

	"qguard/rules"
)

// Rules are the defaults and what a file says over them.
func ExampleParse() {
	c, err := rules.Parse("qguard.toml", `
[credential]
attempts = 5

[[policy]]
sender = "<>"
rule   = "xfile.*"
action = "hold"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Credential.Attempts, c.Credential.Classes)

	bounce := ""
	action, _ := c.Policy.Decide("xfile.name", false, rules.Envelope{Sender: &bounce})
	fmt.Println(action)
	action, _ = c.Policy.Decide("xfile.name", false, rules.Envelope{})
	fmt.Println(action)
	// Output:
	// 5 3
	// hold
	// reject
}

// A mistake is told with its place: what is misspelt does not silently do nothing.
func ExampleParse_mistake() {
	_, err := rules.Parse("qguard.toml", "[xfile]\nblok = [\"foo\"]\n")
	fmt.Println(err)
	// Output:
	// qguard.toml:2: unknown key "xfile.blok"
}
