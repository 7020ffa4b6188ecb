package policy

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"qguard/qhpsi/decide"
)

// HTTP answers Dovecot and Exim until ctx ends; then requests that have begun are
// answered. Any other end of the listener is an error.
func (s *Server) HTTP(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.answerHTTP),
		ReadHeaderTimeout: turn,
		ReadTimeout:       turn,
		WriteTimeout:      2 * turn,
		IdleTimeout:       httpIdle,
		MaxHeaderBytes:    4 << 10, // net/http adds 4 KiB
		ErrorLog:          log.New(troubles{s}, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	err := server.Serve(patient{&limited{Listener: l, server: s, door: "http", open: &s.http, most: maxConns}})
	drain, cancel := context.WithTimeout(context.Background(), 2*turn)
	defer cancel()
	if server.Shutdown(drain) != nil {
		server.Close()
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// troubles logs what net/http has to say.
type troubles struct{ *Server }

func (t troubles) Write(b []byte) (int, error) {
	t.trouble("http", nil, errors.New(strings.TrimSpace(string(b))))
	return len(b), nil
}

// A patient listener gives a new connection as long for its first request as one
// that has made some: clients connect in advance, and one that met a closing
// connection would let its user in.
type patient struct{ net.Listener }

func (p patient) Accept() (net.Conn, error) {
	nc, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: nc}, nil
}

type patientConn struct {
	net.Conn
	mu    sync.Mutex
	begun bool
}

// SetReadDeadline is net/http's, which begins to count when it has accepted.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun && time.Until(t) > 0 {
		t = after(httpIdle)
	}
	return c.Conn.SetReadDeadline(t)
}

// Read gives the first request its time when it has begun.
func (c *patientConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun && n > 0 {
		c.begun = true
		c.Conn.SetReadDeadline(after(turn))
	}
	return n, err
}

// CloseWrite says that nothing follows.
func (c *patientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (s *Server) answerHTTP(w http.ResponseWriter, r *http.Request) {
	peer := httpPeer(r.RemoteAddr)
	if !s.admitted(r) {
		s.trouble("http", peer, fmt.Errorf("401 for %s: the token is missing or wrong: whoever asks lets everybody in", quote(r.URL.Path)))
		w.Header().Set("WWW-Authenticate", `Basic realm="qguard"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.URL.Path {
	case "/":
		s.answerDovecot(w, r, peer)
	case "/exim":
		s.answerExim(w, r, peer)
	default:
		s.trouble("http", peer, fmt.Errorf("404: there is no %s: whoever asks lets everybody in", quote(r.URL.Path)))
		w.WriteHeader(http.StatusNotFound)
	}
}

// httpPeer is a client's address for the log.
type httpPeer string

func (httpPeer) Network() string  { return "tcp" }
func (p httpPeer) String() string { return string(p) }

// admitted looks for the token. Hashes are compared, so that time tells nothing.
func (s *Server) admitted(r *http.Request) bool {
	token := s.Host.Token()
	if token == "" {
		return false
	}
	want := sha256.Sum256([]byte(token))
	is := func(v string) bool {
		got := sha256.Sum256([]byte(v))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
	if _, password, ok := r.BasicAuth(); ok && is(password) {
		return true
	}
	for _, list := range r.Header {
		for _, v := range list {
			if is(strings.TrimPrefix(v, "Bearer ")) {
				return true
			}
		}
	}
	return false
}

// readFields takes a request's body, whose bytes do not outlive it.
func readFields(r *http.Request) (fields, error) {
	size := r.ContentLength
	if size > maxBody {
		return nil, fmt.Errorf("the body has %d bytes, more than %d", size, maxBody)
	}
	if size < 0 { // chunked
		size = maxBody + 1
	}
	body := make([]byte, size)
	defer clear(body)
	n, err := io.ReadFull(r.Body, body)
	switch {
	case r.ContentLength < 0 && n > maxBody:
		return nil, fmt.Errorf("the body has more than %d bytes", maxBody)
	case r.ContentLength < 0 && (err == io.EOF || err == io.ErrUnexpectedEOF):
	case err != nil:
		return nil, fmt.Errorf("the body: %w", err)
	}
	return parseBody(body[:n])
}

func (s *Server) answerDovecot(w http.ResponseWriter, r *http.Request, peer net.Addr) {
	command := r.URL.Query().Get("command")
	switch command {
	case "ping":
		reply(w, http.StatusOK, "application/json", `{"status":"ok"}`)
		return
	case "reset":
		reply(w, http.StatusOK, "application/json", `{"status":"failure","reason":"nothing is reset by HTTP: use qguard"}`)
		return
	}
	e, err := s.dovecotEvent(command, r)
	if err != nil {
		s.trouble("dovecot", peer, err)
		w.Header().Set("Connection", "close")
		reply(w, http.StatusOK, "application/json", dovecotReply(s.neutral()))
		return
	}
	a := s.Host.Decide(e)
	if e.Phase == decide.Report {
		a = decide.Answer{}
	}
	reply(w, http.StatusOK, "application/json", dovecotReply(a))
}

func (s *Server) dovecotEvent(command string, r *http.Request) (e decide.Event, err error) {
	phase := decide.Phase(command)
	if phase != decide.Allow && phase != decide.Report {
		return e, fmt.Errorf("command is neither allow nor report: %s", quote(command))
	}
	f, err := readFields(r)
	if err != nil {
		return e, err
	}
	return f.event(phase, "dovecot", s.now())
}

// dovecotReply is an answer as Dovecot reads it. QUIRK: it obeys nothing but a
// JSON number below zero, in a reply of status 200.
func dovecotReply(a decide.Answer) string {
	var r struct {
		Status int    `json:"status"`
		Msg    string `json:"msg"`
	}
	switch a.Kind {
	case decide.Tarpit:
		r.Status = seconds(a.Delay)
	case decide.Defer, decide.Refuse:
		r.Status, r.Msg = -1, said(a, false)
	}
	b, err := json.Marshal(r)
	if err != nil { // a number and a text: there is none
		return `{"status":0,"msg":""}`
	}
	return string(b)
}

func (s *Server) answerExim(w http.ResponseWriter, r *http.Request, peer net.Addr) {
	e, err := s.eximEvent(r)
	if err != nil {
		s.trouble("exim", peer, err)
		w.Header().Set("Connection", "close")
		a := s.neutral()
		if a.Kind == decide.Go {
			reply(w, http.StatusBadRequest, "text/plain", "not understood\n")
			return
		}
		eximReply(w, a)
		return
	}
	a := s.Host.Decide(e)
	if e.Phase == decide.Report || e.Phase == decide.Close {
		a = decide.Answer{}
	}
	eximReply(w, a)
}

func (s *Server) eximEvent(r *http.Request) (e decide.Event, err error) {
	f, err := readFields(r)
	if err != nil {
		return e, err
	}
	phase, err := eximPhase(r.URL.Query().Get("command"), f["phase"])
	if err != nil {
		return e, err
	}
	if id, ok := strings.CutPrefix(f["login"], " (set_id="); ok {
		f["login"] = strings.TrimSuffix(id, ")")
	}
	if f["protocol"] == "" {
		f["protocol"] = "smtp"
	}
	return f.event(phase, "exim", s.now())
}

func eximPhase(command, phase string) (decide.Phase, error) {
	switch command + " " + phase {
	case "allow connect":
		return decide.Connect, nil
	case "allow auth", "allow ":
		return decide.Allow, nil
	case "allow rcpt":
		return decide.Recipient, nil
	case "allow message":
		return decide.Message, nil
	case "report close":
		return decide.Close, nil
	case "report auth", "report ":
		return decide.Report, nil
	}
	return "", fmt.Errorf("command and phase are not known: %s, %s", quote(command), quote(phase))
}

func eximReply(w http.ResponseWriter, a decide.Answer) {
	switch a.Kind {
	case decide.Refuse:
		reply(w, http.StatusForbidden, "text/plain", "5.7.1 "+said(a, true))
	case decide.Defer:
		reply(w, http.StatusForbidden, "text/plain", "4.7.1 "+said(a, true))
	case decide.Tarpit:
		w.Header()["X-QGuard-Delay"] = []string{strconv.Itoa(seconds(a.Delay))}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func reply(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	io.WriteString(w, body)
}
