package respond

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// Settle finds the one answer that SMTP has for all recipients: the action of
// the group it returns. With Reject that group's text is said; mixed decides
// whether a refusal for some refuses all. With Defer err says why: it is trouble,
// what kept the message from being judged to its end, or a finding that defers.
// Any other action is the gravest that is done to some, and groups, Hold at
// most by then, say to whom.
func Settle(groups []Group, trouble error, mixed rules.Mixed) (gravest Group, err error) {
	gravest, deferred := pick(groups)
	if gravest.Action == rules.Reject && (mixed == "reject" || all(groups, rules.Reject)) {
		return gravest, trouble
	}
	if trouble == nil && deferred != nil {
		trouble = errors.New(scan.Verdict{Findings: deferred.Findings}.Worst().Note)
	}
	if trouble != nil {
		gravest.Action = rules.Defer
		return gravest, trouble
	}
	for i := range groups {
		groups[i].Action = min(groups[i].Action, rules.Hold)
	}
	gravest.Action = min(gravest.Action, rules.Hold)
	return gravest, nil
}

// pick returns the group with the gravest action, the first of equals, and the
// first that is to be deferred.
func pick(groups []Group) (gravest Group, deferred *Group) {
	gravest = groups[0]
	for i, g := range groups {
		if g.Action > gravest.Action {
			gravest = g
		}
		if g.Action == rules.Defer && deferred == nil {
			deferred = &groups[i]
		}
	}
	return gravest, deferred
}

func all(groups []Group, a rules.Action) bool {
	return !slices.ContainsFunc(groups, func(g Group) bool { return g.Action != a })
}

// A Mail is a message in the hands of a door.
type Mail struct {
	Sender  string // of the envelope
	Client  netip.Addr
	Content io.ReaderAt
	Size    int64
}

// Hold keeps the message for a group under an ID.
func (m Mail) Hold(q Quarantine, id string, now time.Time, g Group) error {
	return q.Hold(Held{
		ID: id, Time: now, Sender: m.Sender, Recipients: g.Recipients,
		Client: ClientText(m.Client), Action: g.Action, Findings: g.Findings,
	}, m.Content, m.Size)
}

// Letter is what may be written about the message to or for a group. id is
// the number under which it is held.
func (m Mail) Letter(id string, now time.Time, g Group) (Letter, error) {
	header, err := message.ReadHeader(io.NewSectionReader(m.Content, 0, m.Size))
	if err != nil {
		return Letter{}, err
	}
	return Letter{
		Sender: m.Sender, Recipients: g.Recipients, Header: header,
		Findings: g.Findings, ID: id, Now: now,
	}, nil
}

// ClientText is an address, "" when it is not known.
func ClientText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
