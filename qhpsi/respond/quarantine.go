package respond

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"qguard/rules"
	"qguard/scan"
)

// A Quarantine is a maildir of held messages. A message is in new/ID, mode
// 0600, byte for byte as it came; what is known of it is in meta/ID.json. Both
// are synced, with their directories, before Hold returns.
type Quarantine struct {
	Path string
	Now  func() time.Time // nil = time.Now
}

// Held is what is known of a held message.
type Held struct {
	ID         string         `json:"id"`
	Time       time.Time      `json:"time"`
	Sender     string         `json:"sender"`
	Recipients []string       `json:"recipients"`
	Client     string         `json:"client,omitempty"`
	Action     rules.Action   `json:"action"` // why it is here: hold, replace, reject
	Size       int64          `json:"size"`
	Findings   []scan.Finding `json:"findings"`
}

// NewID returns a name for a held message: the time in UTC and 64 random bits.
func NewID(now time.Time) string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("%s-%x", now.UTC().Format("20060102T150405"), b)
}

// validID keeps paths and patterns out of IDs that a person types.
func validID(id string) bool {
	return id != "" && !strings.ContainsAny(id, "/\\*?[\x00") && !strings.HasPrefix(id, ".")
}

func errID(id string) error {
	return fmt.Errorf("quarantine: %q is no number of a held message", id)
}

// Hold keeps a message, size bytes of r, under h.ID. After an error nothing of
// it is left.
func (q Quarantine) Hold(h Held, r io.ReaderAt, size int64) (err error) {
	if err := q.make(); err != nil {
		return err
	}
	h.Size = size
	defer func() {
		if err != nil {
			q.Delete(h.ID)
		}
	}()
	if err := q.describe(h); err != nil {
		return err
	}
	return q.put("new", h.ID, io.NewSectionReader(r, 0, size))
}

// describe writes what is known of a message.
func (q Quarantine) describe(h Held) error {
	h.Sender, h.Recipients = exact(h.Sender), each(h.Recipients, exact)
	meta, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return q.put("meta", h.ID+".json", bytes.NewReader(append(meta, '\n')))
}

// exact makes an address survive JSON, which knows only UTF-8: any other is
// written as Go would quote it, and so is one that looks quoted.
func exact(addr string) string {
	if utf8.ValidString(addr) && addr == raw(addr) {
		return addr
	}
	return strconv.Quote(addr)
}

// raw undoes exact.
func raw(addr string) string {
	if text, err := strconv.Unquote(addr); err == nil && addr[0] == '"' {
		return text
	}
	return addr
}

func each(list []string, f func(string) string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = f(s)
	}
	return out
}

// make makes the directories that are missing, to stay.
func (q Quarantine) make() error {
	if err := os.MkdirAll(q.Path, 0o700); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	made := false
	for _, dir := range []string{"tmp", "new", "cur", "meta"} {
		err := os.Mkdir(filepath.Join(q.Path, dir), 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("quarantine: %w", err)
		}
		made = made || err == nil
	}
	if !made {
		return nil
	}
	if err := errors.Join(syncDir(q.Path), syncDir(filepath.Dir(q.Path))); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// put writes a file of dir so that it is there whole or not at all.
func (q Quarantine) put(dir, name string, r io.Reader) error {
	tmp := filepath.Join(q.Path, "tmp", name)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	defer os.Remove(tmp) // no more there after success
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(q.Path, dir, name))
	}
	if err == nil {
		err = syncDir(filepath.Join(q.Path, dir))
	}
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// List returns what is known of every held message, oldest first. Messages
// whose description is damaged or missing are listed with their ID and time.
func (q Quarantine) List() ([]Held, error) {
	var list []Held
	for _, dir := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(q.Path, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("quarantine: %w", err)
		}
		for _, e := range entries {
			id, _, _ := strings.Cut(e.Name(), ":2,") // a mail client may have moved it
			h, err := q.Get(id)
			if err != nil {
				info, serr := e.Info()
				if serr != nil {
					continue // released or expired meanwhile
				}
				h = Held{ID: id, Time: info.ModTime(), Size: info.Size()}
			}
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b Held) int { return a.Time.Compare(b.Time) })
	return list, nil
}

// Get returns what is known of a held message.
func (q Quarantine) Get(id string) (Held, error) {
	var h Held
	if !validID(id) {
		return h, errID(id)
	}
	text, err := os.ReadFile(filepath.Join(q.Path, "meta", id+".json"))
	if err != nil {
		return h, fmt.Errorf("quarantine: %w", err)
	}
	err = json.Unmarshal(text, &h)
	if err == nil && (h.ID != id || h.Time.IsZero()) {
		err = errors.New("the description is of something else")
	}
	h.Sender, h.Recipients = raw(h.Sender), each(h.Recipients, raw)
	if err != nil {
		return Held{}, fmt.Errorf("quarantine: %s: %w", id, err)
	}
	return h, nil
}

// Open opens a held message.
func (q Quarantine) Open(id string) (*os.File, error) {
	if !validID(id) {
		return nil, errID(id)
	}
	names, err := filepath.Glob(filepath.Join(q.Path, "cur", id+":2,*"))
	if err != nil {
		return nil, err
	}
	names = append(names, filepath.Join(q.Path, "new", id))
	f, err := os.Open(names[0])
	if err != nil {
		return nil, fmt.Errorf("quarantine: %w", err)
	}
	return f, nil
}

// Delete removes a held message, first the message: a description without one
// is listed nowhere.
func (q Quarantine) Delete(id string) error {
	if !validID(id) {
		return errID(id)
	}
	f, err := q.Open(id)
	if err == nil {
		f.Close()
		err = os.Remove(f.Name())
	}
	merr := os.Remove(filepath.Join(q.Path, "meta", id+".json"))
	if err == nil && !errors.Is(merr, fs.ErrNotExist) {
		err = merr
	}
	return err
}

// Expire deletes what was held longer than keep and returns how many. What a
// crash left behind goes too: files of tmp and descriptions without a message.
func (q Quarantine) Expire(keep time.Duration) (int, error) {
	list, err := q.List()
	if err != nil {
		return 0, err
	}
	now := time.Now()
	if q.Now != nil {
		now = q.Now()
	}
	n := 0
	var first error
	for _, h := range list {
		if now.Sub(h.Time) <= keep {
			break
		}
		switch err := q.Delete(h.ID); {
		case err == nil:
			n++
		case first == nil && !errors.Is(err, fs.ErrNotExist): // else released meanwhile
			first = err
		}
	}
	for _, dir := range []string{"tmp", "meta"} {
		entries, _ := os.ReadDir(filepath.Join(q.Path, dir))
		for _, e := range entries {
			if info, err := e.Info(); err != nil || now.Sub(info.ModTime()) <= max(keep, 36*time.Hour) {
				continue
			}
			id := strings.TrimSuffix(e.Name(), ".json")
			if dir == "tmp" || slices.IndexFunc(list, func(h Held) bool { return h.ID == id }) < 0 {
				os.Remove(filepath.Join(q.Path, dir, e.Name()))
			}
		}
	}
	return n, first
}

// Keep leaves a message held for these recipients only.
func (q Quarantine) Keep(id string, recipients []string) error {
	h, err := q.Get(id)
	if err != nil {
		return err
	}
	h.Recipients = recipients
	return q.describe(h)
}
