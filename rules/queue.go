package rules

import "time"

// Queue configures qguard-queue.
type Queue struct {
	Next    string   `toml:"next"`
	Dialect Dialect  `toml:"dialect"`
	Spool   string   `toml:"spool"`
	Timeout Duration `toml:"timeout"`
	Mixed   Mixed    `toml:"mixed"`
	Log     string   `toml:"log"`
	QHPSI   Meaning  `toml:"qhpsi"`
}

// Quarantine says where held mail lies, and how long.
type Quarantine struct {
	Path    string   `toml:"path"`
	Keep    Duration `toml:"keep"`
	Forward string   `toml:"forward"`
}

// Replacement is the message that recipients get in place of one with an unsafe
// file. Subject and Text may hold $sender, $recipients, $subject, $message_id,
// $date, $files, $rules and $id.
type Replacement struct {
	From    string `toml:"from"`
	Subject string `toml:"subject"`
	Text    string `toml:"text"`
}

// Notice is the message that a sender gets whose mail was replaced, held or
// discarded.
type Notice struct {
	Send    bool   `toml:"send"`
	From    string `toml:"from"`
	Subject string `toml:"subject"`
	Text    string `toml:"text"`
}

// Dialect is how an SMTP server takes a refusal's text from its queue program.
type Dialect string

// UnmarshalText refuses any other word.
func (d *Dialect) UnmarshalText(text []byte) error {
	return word(d, text, "notqmail", "indimail", "netqmail", "none")
}

// Mixed says what is done when only some recipients' policy refuses a message.
type Mixed string

// UnmarshalText refuses any other word.
func (m *Mixed) UnmarshalText(text []byte) error { return word(m, text, "reject", "hold") }

// Meaning says how IndiMail's QHPSI variables are read.
type Meaning string

// UnmarshalText refuses any other word.
func (m *Meaning) UnmarshalText(text []byte) error { return word(m, text, "safe", "exact", "off") }

func defaultQueue() Queue {
	return Queue{
		Next:    "/var/qmail/bin/qmail-queue",
		Dialect: "none",
		Timeout: Duration(4 * time.Minute),
		Mixed:   "reject",
		QHPSI:   "safe",
	}
}

func defaultQuarantine() Quarantine {
	return Quarantine{Path: "/var/spool/qguard/quarantine", Keep: Duration(30 * 24 * time.Hour)}
}

func defaultReplace() Replacement {
	return Replacement{
		From:    "postmaster",
		Subject: "Removed: $subject",
		Text: `A message for you was not delivered as it came, because it holds a file that
is not safe to open.

From:       $sender
Subject:    $subject
Message-ID: $message_id
Files:      $files
Reason:     $rules

The message is kept for a while. If you expected it, ask your postmaster for
it under this number: $id
`,
	}
}

func defaultNotice() Notice {
	return Notice{
		From:    "postmaster",
		Subject: "Not delivered as sent: $subject",
		Text: `Your message was not delivered as you sent it, because it holds a file that
is not safe to open.

To:         $recipients
Subject:    $subject
Message-ID: $message_id
Files:      $files
Reason:     $rules

If the recipient needs it, please agree on another way to send it.
`,
	}
}
