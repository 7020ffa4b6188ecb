// Package files is the door for messages in files: paths in, clamdscan's lines
// or JSON out.
//
// A line for each message, in the order given: "path: OK", "path: NAME FOUND"
// with the name of the gravest finding, "path: reason ERROR" when the message
// could not be judged. With JSON, one object a message:
//
//	{"file":"mess/7/12","verdict":"found","action":"reject","size":2794,"ms":1.9,
//	 "findings":[{"rule":"xfile.name","part":"2","name":"a.js","note":"...","action":"reject"}]}
//
// and "error" with the reason of an undecided one. Directories are walked for
// regular files, all processors at work; symbolic links in them are not
// followed. At the end of a walk a table says how many messages met each rule,
// the gravest action first, and a line sums up.
//
// With Explain a tree of the message's parts follows its line; see explain.go.
package files

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// A Door judges files.
type Door struct {
	Judge   judge        // the engine, here or in qguardd
	Explain *scan.Engine // judges instead, and shows how; no directories then; nil = not
	Size    int64        // bytes of standard input that are read
	Notes   []string     // lines that stand in every explanation
	Message scan.Message // envelope and user that every file gets
	Stdin   io.Reader    // what "-" reads; nil: "-" is refused
	Out     io.Writer    // one line a message
	Err     io.Writer    // errors
	JSON    bool
	Quiet   bool      // only errors
	Walk    bool      // directories are walked; else they are an error
	Summary bool      // counts at the end, when a directory was walked
	Bar     io.Writer // terminal for a progress bar; nil: none
	Colour  bool      // Out is a terminal that wants them
}

type judge interface {
	Scan(context.Context, *scan.Message) scan.Verdict
}

// result is one judged message.
type result struct {
	File     string         `json:"file"`
	Verdict  scan.State     `json:"verdict"`
	Action   rules.Action   `json:"action"`
	Size     int64          `json:"size"`
	Ms       float64        `json:"ms"`
	Findings []scan.Finding `json:"findings"`
	Error    string         `json:"error,omitempty"`
}

// Run judges the files and returns the exit code: found before undecided
// before clean.
func (d *Door) Run(ctx context.Context, paths []string) int {
	if d.Explain != nil {
		return d.explain(ctx, paths)
	}
	start := time.Now()
	list, walked, troubles := d.list(paths)
	for _, err := range troubles {
		fmt.Fprintf(d.Err, "qguard-scan: %v\n", err)
	}
	count, table := map[scan.State]int{}, table{}
	bar := newBar(d.Bar, len(list), walked)
	for r := range d.results(ctx, list) {
		count[r.Verdict]++
		table.add(r.Findings)
		bar.clear()
		d.print(r)
		bar.step(count)
	}
	bar.clear()
	count[scan.Undecided] += len(troubles)
	if d.Summary && walked && !d.JSON && !d.Quiet {
		table.write(d.Out, d.Colour)
		took := time.Since(start)
		fmt.Fprintf(d.Out, "%d messages in %.1f s: %d clean, %d found, %d undecided\n",
			len(list), took.Seconds(), count[scan.Clean], count[scan.Found], count[scan.Undecided])
	}
	return exit(count)
}

func exit(count map[scan.State]int) int {
	switch {
	case count[scan.Found] > 0:
		return qhpsi.ExitFound
	case count[scan.Undecided] > 0:
		return qhpsi.ExitUndecided
	}
	return qhpsi.ExitClean
}

// list resolves directories to the files in them.
func (d *Door) list(paths []string) (list []string, walked bool, troubles []error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == "-" || err != nil || !info.IsDir() || !d.Walk {
			list = append(list, path)
			continue
		}
		walked = true
		filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				troubles = append(troubles, err)
			} else if entry.Type().IsRegular() {
				list = append(list, name)
			}
			return nil
		})
	}
	return list, walked, troubles
}

// results judges the messages on all processors and gives what it came to in order.
func (d *Door) results(ctx context.Context, list []string) <-chan result {
	if len(list) == 1 { // under QHPSI, where a thread more would be felt
		only := make(chan result, 1)
		only <- d.file(ctx, list[0], d.Judge)
		close(only)
		return only
	}
	workers := min(runtime.GOMAXPROCS(0), len(list))
	queue := make(chan chan result, 4*workers+1) // bounds what is done ahead
	tasks := make(chan func(), workers)
	out := make(chan result)
	for range workers {
		go func() {
			for task := range tasks {
				task()
			}
		}()
	}
	go func() {
		for _, name := range list {
			done := make(chan result, 1)
			queue <- done
			tasks <- func() { done <- d.file(ctx, name, d.Judge) }
		}
		close(queue)
		close(tasks)
	}()
	go func() {
		for done := range queue {
			out <- <-done
		}
		close(out)
	}()
	return out
}

// file judges one message.
func (d *Door) file(ctx context.Context, name string, judge judge) result {
	start := time.Now()
	m := d.Message
	content, err := Open(name, d.Stdin, d.Size)
	if err != nil {
		return result{File: name, Verdict: scan.Undecided, Action: rules.Defer, Error: reason(name, err)}
	}
	defer content.Close()
	m.Content, m.Size = content, content.Size()
	v := judge.Scan(ctx, &m)
	r := result{
		File: name, Verdict: v.State(), Action: v.Worst().Action, Size: m.Size, Findings: v.Findings,
		Ms: float64(time.Since(start).Microseconds()) / 1000,
	}
	if r.Verdict == scan.Undecided {
		r.Error, r.Action = qhpsi.Reason(v), rules.Defer
	}
	return r
}

// print writes a result in the form asked for.
func (d *Door) print(r result) {
	if r.Verdict == scan.Undecided {
		fmt.Fprintf(d.Err, "qguard-scan: %s: %s\n", shown(r.File), r.Error)
	}
	switch {
	case d.JSON:
		if r.Findings == nil {
			r.Findings = []scan.Finding{}
		}
		json.NewEncoder(d.Out).Encode(r)
	case d.Quiet:
	case r.Verdict == scan.Clean:
		fmt.Fprintf(d.Out, "%s: %s\n", shown(r.File), d.paint(rules.Pass, "OK"))
	case r.Verdict == scan.Found:
		worst := scan.Verdict{Findings: r.Findings}.Worst()
		fmt.Fprintf(d.Out, "%s: %s\n", shown(r.File), d.paint(rules.Reject, qhpsi.FoundName(worst.Rule)+" FOUND"))
	default:
		fmt.Fprintf(d.Out, "%s: %s\n", shown(r.File), d.paint(rules.Defer, r.Error+" ERROR"))
	}
}

func shown(name string) string {
	if name == "-" {
		return "stdin"
	}
	return scan.Printable(name, 4096)
}
