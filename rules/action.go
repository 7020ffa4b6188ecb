package rules

import "fmt"

// An Action is what becomes of a message because of one finding. Actions are
// ordered: of several, the greatest is done to the message.
//
// Defer is a temporary failure and no accusation: it makes a verdict undecided.
// Discard is never a default; it ranks below replace, hold and reject because
// those keep the mail or tell the sender.
type Action int

const (
	Pass    Action = iota // deliver, say nothing
	Tag                   // deliver, with a header that names the rule
	Defer                 // temporary failure: the client tries again
	Discard               // accept and drop; only when the administrator writes it
	Replace               // deliver a notice instead, the original is kept
	Hold                  // keep aside for the administrator
	Reject                // refuse with a permanent error
)

var actionNames = [...]string{"pass", "tag", "defer", "discard", "replace", "hold", "reject"}

func (a Action) String() string {
	if a < 0 || int(a) >= len(actionNames) {
		return fmt.Sprintf("action %d", int(a))
	}
	return actionNames[a]
}

// Found reports whether the action treats the message as bad.
func (a Action) Found() bool { return a > Defer }

// MarshalText gives the word used in TOML and JSON.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word; any other text is an error that lists the words.
func (a *Action) UnmarshalText(text []byte) error {
	for i, name := range actionNames {
		if string(text) == name {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not an action (pass, tag, defer, replace, hold, reject, discard)", text)
}
