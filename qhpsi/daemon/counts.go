package daemon

import (
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"

	vm "github.com/VictoriaMetrics/metrics"

	"qguard/qhpsi/respond"
	"qguard/scan"
)

// counts is what has happened since the start, for STATS and Prometheus:
//
//	qguard_messages_total{door,verdict}   clean, found, undecided, none
//	qguard_findings_total{rule}
//	qguard_scan_seconds                   histogram, waiting not counted
//	qguard_scanning, qguard_waiting       messages now
//	qguard_spool_bytes                    of messages on their way
//	qguard_reloads_total, qguard_reload_errors_total
//	qguard_memory_bytes                   held of the system
//	qguard_goroutines
type counts struct {
	set                   *vm.Set
	reloads, reloadErrors *vm.Counter
	seconds               *vm.Histogram
}

func newCounts() *counts {
	set := vm.NewSet()
	return &counts{
		set:          set,
		reloads:      set.NewCounter("qguard_reloads_total"),
		reloadErrors: set.NewCounter("qguard_reload_errors_total"),
		seconds:      set.NewHistogram("qguard_scan_seconds"),
	}
}

func (c *counts) gauges(d *Daemon) {
	c.set.NewGauge("qguard_scanning", func() float64 { return float64(len(d.turns)) })
	c.set.NewGauge("qguard_waiting", func() float64 { return float64(d.waiting.Load()) })
	c.set.NewGauge("qguard_spool_bytes", func() float64 { return float64(d.spooled.Load()) })
	c.set.NewGauge("qguard_memory_bytes", func() float64 { return float64(held()) })
	c.set.NewGauge("qguard_goroutines", func() float64 { return float64(runtime.NumGoroutine()) })
}

// message counts one by its record. Names of rules are ours, so they are few.
func (c *counts) message(r respond.Record) {
	verdict := scan.State("none")
	if r.Judged {
		verdict = r.Verdict.State()
	}
	c.set.GetOrCreateCounter(fmt.Sprintf("qguard_messages_total{door=%q,verdict=%q}", r.Door, verdict)).Inc()
	seen := map[string]bool{}
	for _, f := range r.Verdict.Findings {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			c.set.GetOrCreateCounter(fmt.Sprintf("qguard_findings_total{rule=%q}", f.Rule)).Inc()
		}
	}
}

// WriteMetrics writes the counts in Prometheus' text format, version 0.0.4.
func (d *Daemon) WriteMetrics(w io.Writer) {
	d.counts.set.WritePrometheus(w)
}

// Load is how busy a daemon is.
type Load struct {
	Scanning, Turns, Waiting int
	Spooled                  int64
	Memory                   uint64 // bytes the process holds
}

// Load returns how busy it is now.
func (d *Daemon) Load() Load {
	return Load{
		Scanning: len(d.turns), Turns: cap(d.turns), Waiting: int(d.waiting.Load()),
		Spooled: d.spooled.Load(), Memory: held(),
	}
}

// held is what Go has of the system and has not given back.
func held() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}

// String is the load in one line.
func (l Load) String() string {
	return fmt.Sprintf("scanning %d of %d, waiting %d, spool %d bytes, memory %d bytes",
		l.Scanning, l.Turns, l.Waiting, l.Spooled, l.Memory)
}
