package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/syslog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"qguard/cache"
	"qguard/qhpsi/decide"
	"qguard/qhpsi/policy"
	"qguard/qhpsi/service"
	"qguard/rules"
)

// snapshotEvery is how much counting a kill -9 loses at most.
const snapshotEvery = time.Minute

// pruneEvery is how often days of the log that are over are looked for.
const pruneEvery = time.Hour

// A policyd is what the doors share: the engine that decides, what it remembers,
// and the connection log.
type policyd struct {
	conf      string
	group     int
	listeners []service.Listener
	errw      io.Writer

	now       atomic.Pointer[present]
	engine    *decide.Engine
	windows   decide.Windows
	countries *decide.Countries // nil: none
	refreshes sync.Mutex
	db        *cache.DB
	log       *cache.LogWriter
	set       *vm.Set

	saved, pruned time.Time
}

// present is what a reload replaces.
type present struct {
	rules *rules.Config
	token string
	line  func(string)
}

// doors are what an address can be for.
func doors(c *rules.Config) []service.Door {
	p := &c.Policyd
	control := &[]rules.Address{p.Control}
	return []service.Door{{Name: "http", At: &p.HTTP}, {Name: "postfix", At: &p.Postfix}, {Name: "control", At: control}, {Name: "metrics", At: &p.Metrics}}
}

func newPolicyd(conf string, c *rules.Config, group int, errw io.Writer) (*policyd, error) {
	p := &policyd{conf: conf, group: group, errw: errw, set: vm.NewSet(), windows: decide.NewWindows(c.Policyd.Keys)}
	now, err := p.read(c)
	if err != nil {
		return nil, err
	}
	p.now.Store(now)
	warn := func(err error) { p.note("", err) }
	p.db = cache.NewDB(cache.DBOptions{Path: c.Policyd.DB, Warn: warn})
	if err := p.db.Open(); err != nil {
		warn(fmt.Errorf("connection log: %w", err)) // tried again with every row
	}
	p.log = cache.NewLogWriter(p.db)
	err = cache.LoadWindows(p.snapshot(), p.windows.All()...)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		warn(fmt.Errorf("counters begin at nothing: %w", err))
	}
	var places decide.Places
	if c.Policyd.GeoIP != "" {
		p.countries = decide.NewCountries(c.Policyd.GeoIP)
		places = p.countries
	}
	p.engine = decide.New(c, p.windows, places)
	p.saved, p.pruned = time.Now(), time.Time{}
	p.refresh()
	p.gauges()
	return p, nil
}

// read makes what rules ask for: the token and the place of log lines.
func (p *policyd) read(c *rules.Config) (*present, error) {
	line, err := logger(c.Policyd.Log, p.errw)
	if err != nil {
		return nil, err
	}
	now := &present{rules: c, line: line}
	if len(c.Policyd.HTTP) == 0 {
		return now, nil
	}
	text, err := os.ReadFile(c.Policyd.Token)
	if err != nil {
		return nil, fmt.Errorf("policyd.token: %w: qguard check -init makes it; without it Dovecot would let everybody in", err)
	}
	if now.token = strings.TrimSpace(string(text)); len(now.token) < 16 {
		return nil, fmt.Errorf("policyd.token: %s holds fewer than 16 characters", c.Policyd.Token)
	}
	return now, nil
}

// Run serves until ctx ends, and then writes down what it remembers.
func (p *policyd) Run(ctx context.Context) error {
	server := &policy.Server{Host: p, Group: p.group}
	s := &service.Service{
		Listeners: p.listeners,
		Doors: map[string]func(context.Context, net.Listener) error{
			"http": server.HTTP, "postfix": server.Postfix, "control": server.Control, "metrics": service.Metrics(p.set.WritePrometheus),
		},
		Reload: p.Reload, Refresh: p.refresh,
		Log: p.note,
	}
	err := s.Run(ctx, nil)
	p.log.Close()
	p.save()
	return errors.Join(err, p.db.Close())
}

// Decide asks the engine, and writes the connection log and a line for each
// refusal.
func (p *policyd) Decide(e decide.Event) decide.Answer {
	a := p.engine.Decide(e)
	p.count(e, a)
	refused := a.Kind >= decide.Defer || a.Would >= decide.Defer
	if e.Phase == decide.Report || refused && !e.PolicyReject {
		p.log.Append(p.row(e, a))
	}
	if refused {
		p.now.Load().line(refusal(e, a))
	}
	return a
}

func (p *policyd) row(e decide.Event, a decide.Answer) cache.Row {
	country := ""
	if p.countries != nil {
		country, _ = p.countries.Country(e.Remote) // trouble is the engine's to tell
	}
	reason := a.Rule
	if reason == "" {
		reason = e.FailType
	}
	return cache.Row{
		Time: e.Time, Protocol: e.Protocol, User: e.Login, Remote: e.Remote, Country: country,
		AuthOK: e.Phase == decide.Report && e.Success, PolicyReject: e.PolicyReject || a.Kind >= decide.Defer,
		Phase: string(e.Phase), Reason: reason, Session: e.Session, Door: e.Door,
	}
}

// refusal is the log line of one: key=value, the client's texts quoted.
func refusal(e decide.Event, a decide.Answer) string {
	did, kind := "answer", a.Kind
	if a.Would > a.Kind {
		did, kind = "would", a.Would
	}
	line := fmt.Sprintf("phase=%s door=%s remote=%s rule=%s %s=%s", e.Phase, e.Door, e.Remote, a.Rule, did, kind)
	if e.Login != "" {
		line += " login=" + strconv.QuoteToASCII(e.Login[:min(len(e.Login), 256)])
	}
	return line
}

// logger returns where log lines go: standard error ("" too), syslog (facility
// mail) or a file.
func logger(to string, errw io.Writer) (func(string), error) {
	switch to {
	case "", "stderr":
		return func(line string) { fmt.Fprintln(errw, "qguard-policyd:", line) }, nil
	case "syslog":
		w, err := syslog.New(syslog.LOG_MAIL|syslog.LOG_INFO, "qguard-policyd")
		if err != nil {
			return nil, fmt.Errorf("syslog: %w", err)
		}
		return func(line string) { w.Info(line) }, nil
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return func(line string) { fmt.Fprintln(f, "qguard-policyd:", line) }, nil
}
