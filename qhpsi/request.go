package qhpsi

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"

	"qguard/rules"
	"qguard/scan"
)

// A Request is what one of our own programs tells qguardd of a message, beside
// the descriptor it passes. It is the argument of the command QGUARD, which is
// ours and no clamd's: FILDES with an envelope (see package clamd). Its text is a
// query (URL standard, section 5): outgoing=1, sender, client, user, answer=json;
// what is missing is not known.
type Request struct {
	Envelope rules.Envelope // Recipient does not count
	User     string
	JSON     bool // the answer is an Answer, not clamd's line
}

// String is the request's text.
func (r Request) String() string {
	q := url.Values{}
	if r.Envelope.Outgoing {
		q.Set("outgoing", "1")
	}
	if r.Envelope.Sender != nil {
		q.Set("sender", *r.Envelope.Sender)
	}
	if r.Envelope.Client.IsValid() {
		q.Set("client", r.Envelope.Client.String())
	}
	if r.User != "" {
		q.Set("user", r.User)
	}
	if r.JSON {
		q.Set("answer", "json")
	}
	return q.Encode()
}

// ParseRequest reads a request's text. What it does not know is an error: it
// might ask for something that is not done.
func ParseRequest(text string) (r Request, err error) {
	q, err := url.ParseQuery(text)
	if err != nil {
		return r, fmt.Errorf("request: %w", err)
	}
	for key, values := range q {
		value := values[0]
		switch {
		case len(values) > 1:
			return r, fmt.Errorf("request: %q is given twice", key)
		case key == "outgoing" && value == "1":
			r.Envelope.Outgoing = true
		case key == "sender":
			r.Envelope.Sender = &value
		case key == "client":
			if r.Envelope.Client, err = netip.ParseAddr(value); err != nil {
				return r, fmt.Errorf("request: %w", err)
			}
		case key == "user":
			r.User = value
		case key == "answer" && value == "json":
			r.JSON = true
		default:
			return r, fmt.Errorf("request: %q is not known", key)
		}
	}
	return r, nil
}

// An Answer is a verdict on its way from qguardd to one of our programs, which
// gives the findings their actions by its own policy.
type Answer struct {
	Findings []answerFinding `json:"findings"`
	Error    string          `json:"error,omitempty"`
}

type answerFinding struct {
	scan.Finding
	Grave bool `json:"grave,omitempty"`
}

// NewAnswer returns a verdict's.
func NewAnswer(v scan.Verdict) Answer {
	a := Answer{Findings: []answerFinding{}}
	for _, f := range v.Findings {
		a.Findings = append(a.Findings, answerFinding{f, f.Grave})
	}
	if v.Err != nil {
		a.Error = v.Err.Error()
	}
	return a
}

// ReadAnswer reads an answer's JSON. The verdict has no actions yet.
func ReadAnswer(text []byte) (v scan.Verdict, err error) {
	var a Answer
	if err := json.Unmarshal(text, &a); err != nil || a.Findings == nil {
		return v, fmt.Errorf("qguardd: not an answer")
	}
	for _, f := range a.Findings {
		f.Finding.Grave = f.Grave
		v.Findings = append(v.Findings, f.Finding)
	}
	if a.Error != "" {
		v.Err = fmt.Errorf("qguardd: %s", a.Error)
	}
	return v, nil
}
