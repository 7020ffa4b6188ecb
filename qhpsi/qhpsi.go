// Package qhpsi puts the house together: from the rules it builds the engine
// with its list of openers and looks, and it keeps the answers that several
// doors share, exit codes and the names of findings. The doors themselves are
// the packages below it, one protocol each.
package qhpsi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/archive"
	"qguard/scan/authenticate"
	"qguard/scan/credential"
	"qguard/scan/document"
	"qguard/scan/header"
	"qguard/scan/message"
	"qguard/scan/virus"
	"qguard/scan/xfile"
)

// New builds the engine that the rules ask for. warn is told of trouble that
// changes no verdict (the cache, a virus scanner that may fail), one line each.
// Nothing is opened yet.
func New(c *rules.Config, warn func(error)) (*scan.Engine, error) {
	e := &scan.Engine{
		Openers: []scan.Opener{
			message.Opener{},
			archive.Opener{},
			document.Opener{},
		},
		Scanners: []scan.Scanner{
			xfile.New(c.Xfile),
		},
		Limit:  c.Limit,
		Policy: c.Policy,
	}
	if len(c.Credential.Authenticator) > 0 {
		backend, err := authenticate.New(c.Credential.Authenticator)
		if err != nil {
			return nil, fmt.Errorf("credential.authenticator: %w", err)
		}
		memory := cache.New(cache.Options{
			Path: c.Cache.Path,
			Key:  c.Cache.Key,
			TTL:  time.Duration(c.Cache.TTL),
			Warn: warn,
		})
		e.Scanners = append(e.Scanners, credential.New(c.Credential, backend, memory))
	}
	e.Scanners = append(e.Scanners, virus.New(c.Virus, warn)...)
	e.Scanners = append(e.Scanners, header.New(time.Now)) // last: of equals the first finding is named
	return e, nil
}

// FoundName is the name of a rule in clamd's and clamdscan's answers:
// "xfile.name" is "QGuard.Xfile.Name". ASCII letters and dots, nothing else.
func FoundName(rule string) string {
	words := strings.Split(rule, ".")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:min(1, len(w))]) + w[min(1, len(w)):]
	}
	return strings.Join(slices.Insert(words, 0, "QGuard"), ".")
}

// Reason says in one line why a verdict is undecided.
func Reason(v scan.Verdict) string {
	if v.Err != nil {
		return v.Err.Error()
	}
	return v.Worst().Note
}
