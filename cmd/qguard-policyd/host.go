package main

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"qguard/cache"
	"qguard/qhpsi/decide"
	"qguard/rules"
)

// OnError is what is answered when something is broken.
func (p *policyd) OnError() rules.OnError { return p.now.Load().rules.Policyd.OnError }

// Token is what HTTP clients must send.
func (p *policyd) Token() string { return p.now.Load().token }

// Log writes a line about trouble of a door.
func (p *policyd) Log(line string) { p.now.Load().line(line) }

// note writes a line about the service itself.
func (p *policyd) note(note string, err error) {
	line := ""
	if note != "" {
		line = "note=" + strconv.QuoteToASCII(note)
	}
	if err != nil {
		if line != "" {
			line += " "
		}
		line += "error=" + strconv.QuoteToASCII(err.Error())
	}
	p.now.Load().line(line)
}

// Status is how busy it is, in one line.
func (p *policyd) Status() string {
	keys, bytes := p.counters()
	return fmt.Sprintf("keys=%d bytes=%d rows=%d dropped=%d db=%d troubles=%d log_only=%t",
		keys, bytes, p.log.Written(), p.log.Dropped(), p.db.Size(), p.engine.Troubles(), p.now.Load().rules.Policyd.LogOnly)
}

// counters is how many keys are counted, and the memory they take.
func (p *policyd) counters() (keys int, bytes int64) {
	for _, w := range p.windows.All() {
		keys += w.Len()
		bytes += w.Bytes()
	}
	return keys, bytes
}

// Reload reads the rules again. After an error the old ones stay. Where it
// listens, its user, its data base and the number of keys need a start.
func (p *policyd) Reload() error {
	c, err := rules.Load(p.conf)
	if err == nil {
		old := p.now.Load().rules.Policyd
		keep := &c.Policyd
		keep.HTTP, keep.Postfix, keep.Control, keep.Metrics = old.HTTP, old.Postfix, old.Control, old.Metrics
		keep.User, keep.Group, keep.DB, keep.Keys, keep.GeoIP = old.User, old.Group, old.DB, old.Keys, old.GeoIP
		var now *present
		if now, err = p.read(c); err == nil {
			p.now.Store(now)
			p.engine.SetRules(c)
			p.refresh()
			return nil
		}
	}
	err = fmt.Errorf("reload: the old rules stay: %w", err)
	p.note("", err)
	return err
}

// besides is what the process may need beside its counters.
const besides = 64 << 20

// refresh looks at the file of countries, and does what is due: a snapshot of
// the counters, days of the log that are over. The counters are not garbage:
// Go's collector, which lets a heap double, is told to stay near them.
func (p *policyd) refresh() {
	p.refreshes.Lock()
	defer p.refreshes.Unlock()
	_, bytes := p.counters()
	debug.SetMemoryLimit(bytes + bytes/4 + besides)
	if p.countries != nil {
		if err := p.countries.Refresh(); err != nil {
			p.note("", err)
		}
	}
	if time.Since(p.saved) >= snapshotEvery {
		p.save()
	}
	if time.Since(p.pruned) < pruneEvery {
		return
	}
	p.pruned = time.Now()
	if days, err := p.db.PruneLog(p.pruned, time.Duration(p.now.Load().rules.Policyd.Retention)); err != nil {
		p.note("", fmt.Errorf("connection log: %w", err))
	} else if days > 0 {
		p.note(fmt.Sprintf("connection log: %d days were over", days), nil)
	}
}

// snapshot is the file of the counters.
func (p *policyd) snapshot() string { return p.now.Load().rules.Policyd.DB + ".windows" }

// save writes the counters down.
func (p *policyd) save() {
	p.saved = time.Now()
	if err := cache.SaveWindows(p.snapshot(), p.windows.All()...); err != nil {
		p.note("", fmt.Errorf("counters are not saved: %w", err))
	}
}

// count is for Prometheus:
//
//	qguard_policy_answers_total{door,phase,answer}   go, tarpit, defer, refuse
//	qguard_policy_rules_total{rule}                  log_only's too
//	qguard_policy_rows_total, qguard_policy_rows_dropped_total
//	qguard_policy_keys
func (p *policyd) count(e decide.Event, a decide.Answer) {
	p.set.GetOrCreateCounter(fmt.Sprintf("qguard_policy_answers_total{door=%q,phase=%q,answer=%q}", e.Door, e.Phase, a.Kind)).Inc()
	if a.Rule != "" {
		p.set.GetOrCreateCounter(fmt.Sprintf("qguard_policy_rules_total{rule=%q}", a.Rule)).Inc()
	}
}

func (p *policyd) gauges() {
	p.set.NewGauge("qguard_policy_rows_total", func() float64 { return float64(p.log.Written()) })
	p.set.NewGauge("qguard_policy_rows_dropped_total", func() float64 { return float64(p.log.Dropped()) })
	p.set.NewGauge("qguard_policy_keys", func() float64 {
		keys, _ := p.counters()
		return float64(keys)
	})
}
