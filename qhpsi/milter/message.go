package milter

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"time"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// What is remembered of a message beside its bytes is bounded, as a server
// bounds it: an entry counts its length and the room for it.
const (
	maxRecipients = 4 << 20
	maxFields     = 1 << 20
	entry         = 32
)

// A message is what has come of one. Its bytes are in the spool, which there is
// none of before the first field.
type message struct {
	id       string
	begun    time.Time
	rules    *rules.Config
	newSpool func() *scan.Spool
	spaced   bool

	client     netip.Addr
	user       string
	sender     string
	recipients []string
	envelope   int // size of the recipients

	spool    *scan.Spool
	inBody   bool
	cr       bool    // the last piece ended with a CR, which is not written yet
	fields   []field // values of fields that only we may write
	names    int     // size of the fields
	tooMany  bool    // fields: not all are in the list
	err      error   // why it cannot be judged; scan.ErrTooLong: because of its size
	reported int64   // size of a message that is not here whole
}

// A field is a header field. The value is as in the message: what stands behind
// the colon, lines ended by LF.
type field struct{ name, value string }

func (m *message) close() {
	if m.spool != nil {
		m.spool.Close()
	}
}

func (m *message) recipient(to string) {
	if m.envelope += len(to) + entry; m.envelope > maxRecipients {
		m.fail(errors.New("too many recipients"))
		return
	}
	m.recipients = append(m.recipients, to)
}

// field adds a field to the header.
//
// QUIRK: a field with a line end that no blank follows would be two; it is
// written as it came, as the server will.
func (m *message) field(name, value string) {
	if m.inBody {
		m.fail(errors.New("a field behind the header"))
	}
	value = strings.ReplaceAll(value, "\r\n", "\n")
	if !m.spaced {
		value = " " + value
	}
	m.write([]byte(name + ":" + value + "\n"))
	f := field{name: name}
	if respond.IsOurs(name) {
		f.value = value
	}
	if m.names += len(f.name) + len(f.value) + entry; m.names > maxFields {
		m.tooMany = true
		return
	}
	m.fields = append(m.fields, f)
}

// endOfHeader writes the blank line, once.
func (m *message) endOfHeader() {
	if !m.inBody {
		m.inBody = true
		m.write([]byte("\n"))
	}
}

// chunk adds to the body. A CR LF may be split between two pieces.
func (m *message) chunk(p []byte) {
	m.endOfHeader()
	if m.cr {
		p = append([]byte("\r"), p...)
	}
	p, m.cr = bytes.CutSuffix(p, []byte("\r"))
	m.write(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")))
}

// whole completes the message.
func (m *message) whole() {
	m.endOfHeader()
	if m.cr {
		m.cr = false
		m.write([]byte("\r"))
	}
}

func (m *message) write(p []byte) {
	m.reported += int64(len(p))
	if m.err != nil {
		return
	}
	if m.spool == nil {
		m.spool = m.newSpool()
	}
	if _, err := m.spool.Write(p); err != nil {
		m.fail(err)
	}
}

// fail keeps the first trouble.
func (m *message) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// mail is the message for package respond.
func (m *message) mail() respond.Mail {
	return respond.Mail{Sender: m.sender, Client: m.client, Content: m.spool, Size: m.spool.Size()}
}

func (m *message) record() respond.Record {
	return respond.Record{
		ID: m.id, Door: "milter", Client: respond.ClientText(m.client),
		Sender: m.sender, Recipients: len(m.recipients), Size: m.reported,
	}
}
