// Package rules holds what the administrator decides: the TOML file, the
// defaults under it, and the policy that gives each finding its action.
//
// The file is /etc/qguard/qguard.toml or the one named by $QGUARD_CONF or -c.
// Every key has a default, so no file is needed. A key that is not listed
// here, a value of the wrong kind and an impossible value are errors with
// file, line and the offending text: a misspelt rule must not be a rule that
// silently does nothing. A file name that is not absolute is one in the
// directory of the file.
//
//	[xfile]
//	block = ["foo"]          names added to the built-in table of unsafe extensions
//	allow = ["svg"]          names taken out of it
//	[credential]
//	scan          = "outgoing"    never | outgoing | always
//	users         = ""            file with one local user a line; "system" = /etc/passwd
//	domains       = []            a sender or address there is a local user
//	username      = ""            pattern of local user names, used where there is no list
//	password      = "[!-~]{8,32}" pattern of local passwords
//	classes       = 3             how many of lower, upper, digit, other a password has
//	triggers      = []            words added to the built-in ones
//	attempts      = 3             pairs tried for a message
//	user_failures = "6/1h"        failures charged to a user by all messages together
//	sender_failures = "20/1h"     failures charged to a sender
//	rate          = "60/1m"       failures of all users and senders together
//	lockout       = 0             the directory's own threshold, 0 = it does not count
//	authenticator = []            empty = the detector is off
//	canary        = ""            file with a user:password known to be right
//	[cache]
//	path = "/var/lib/qguard/negative.db"
//	key  = "/etc/qguard/cache.key"
//	ttl  = "1h"
//	[limit]                       reaching one is the finding limit.*
//	depth = 16                    multiparts and messages in one another
//	parts = 1000                  parts of a message, archive members not counted
//	size = "64M"                  bytes of a message that are read
//	header = "256K"               bytes of one header block
//	archive_depth = 4             archives in one another
//	members = 5000                archive members of a message
//	inflated = "64M"              bytes all archives of a message unpack to
//	ratio = 200                   unpacked to packed: one member past 1M, all past 8M to the message
//	time = "5s"                   reading one message
//	[queue]                       qguard-queue
//	next    = "/var/qmail/bin/qmail-queue"
//	dialect = "none"          notqmail | indimail | netqmail | none
//	spool   = ""              directory for messages on their way; "" = $TMPDIR
//	timeout = "4m"            for a whole message, the next program included
//	mixed   = "reject"        some recipients refuse: reject all, or hold theirs
//	log     = ""              stderr | syslog | a file; "" = stderr, in IndiMail's dialect syslog
//	qhpsi   = "safe"          meaning of IndiMail's QHPSI variables: safe | exact | off
//	[quarantine]
//	path    = "/var/spool/qguard/quarantine"
//	keep    = "30d"
//	forward = ""              address that gets held mail too
//	[virus]                       other people's scanners
//	clamd   = ""              "unix:/run/clamav/clamd.ctl" or "tcp:127.0.0.1:3310"
//	command = []              ["/usr/bin/uvscan", "--secure", "%s"], %s is the message's file
//	found   = 1               its exit status when it found something
//	clean   = 0               and when it did not; any other is trouble
//	timeout = "30s"
//	failure = "undecided"     what their trouble makes of a message: undecided | accept
//	[daemon]                      qguardd, and who asks it
//	socket      = ""          qguardd that qguard-scan and qguard-queue ask; "" = they judge
//	fallback    = false       they judge themselves when it is down
//	clamd       = ["unix:/run/qguard/clamd.sock"]   where it speaks clamd's protocol
//	outgoing    = []          the same for mail from our own users only
//	milter      = []          where it speaks milter's
//	metrics     = []          where it answers Prometheus
//	paths       = []          what SCAN may name: these and what is in them
//	user        = "qguard"    it becomes this user when root starts it
//	group       = ""          of its UNIX sockets; "" = the user's
//	mode        = "0660"      of its UNIX sockets
//	spool       = ""          directory for messages on their way; "" = $TMPDIR
//	spool_size  = "1G"        all of them together
//	memory      = "512M"      of the whole process
//	connections = 500         at a time, each of clamd and milter
//	answer      = "4s"        a message is judged by then, or undecided
//	idle        = "30s"       a client that is silent longer is cut off
//	undecided   = "error"     clamd's answer then: error | limits (for rspamd)
//	shutdown    = false       SHUTDOWN is obeyed on UNIX sockets
//	log         = ""          stderr | syslog | a file; "" = stderr
//	[policyd]                     qguard-policyd
//	http      = ["127.0.0.1:4001"]   / is Dovecot's JSON, /exim is 204, 403, 400
//	postfix   = []            policy delegation
//	control   = "unix:/run/qguard/control"
//	metrics   = []
//	db        = "/var/lib/qguard/policy.db"
//	token     = "policyd.token"   file with what HTTP clients must send, beside this one
//	geoip     = ""            a MaxMind DB file of countries; "" = countries are not known
//	retention = "90d"         of the connection log
//	on_error  = "allow"       what is answered when something is broken: allow | deny
//	log_only  = true          refusals are logged and not made
//	user      = "qguard"      group = "", of its sockets
//	keys      = 1048576       addresses that are counted at most
//	log       = ""            stderr | syslog | a file
//	[net]                         classes of clients, the longest prefix wins: local, domain, known, listed = ["10.0.0.0/8"]
//	[rate]                        class = { conn = "15/10m", msg = "15/10m", rcpt = "300/10m", quota = "10/4h", open = 10, msg_rcpt = 100, conn_msg = 10 }
//	[intranet]                    rcpt = ["all@example.org", "@lan.example.org"], from = ["local"]
//	[failures]                    wrong passwords: address = "30/1h", pair = "10/1h", logins = "10/1h", tarpit = "2s", exempt = "7d"
//	[[login]]                     user, domain, protocol, networks, countries, refused, unknown, failures, answer, text; first match wins
//	[replace]                 from, subject, text of the message in place of an unsafe one
//	[notice]                  send = false; from, subject, text of a notice to the sender
//	[[policy]]                    first match wins; see Policy
//
// Package rules imports nothing else of qguard.
package rules

import "time"

// DefaultPath is read when neither -c nor $QGUARD_CONF names a file.
const DefaultPath = "/etc/qguard/qguard.toml"

// Config is the whole of what an administrator can say. Default returns one
// that needs no file.
type Config struct {
	Xfile      Xfile       `toml:"xfile"`
	Credential Credential  `toml:"credential"`
	Cache      Cache       `toml:"cache"`
	Limit      Limit       `toml:"limit"`
	Queue      Queue       `toml:"queue"`
	Quarantine Quarantine  `toml:"quarantine"`
	Replace    Replacement `toml:"replace"`
	Notice     Notice      `toml:"notice"`
	Virus      Virus       `toml:"virus"`
	Daemon     Daemon      `toml:"daemon"`
	Policyd    Policyd     `toml:"policyd"`
	Net        Net         `toml:"net"`
	Rate       RateTable   `toml:"rate"`
	Intranet   Intranet    `toml:"intranet"`
	Failures   Failures    `toml:"failures"`
	Login      []Login     `toml:"login"`
	Policy     Policy      `toml:"policy"`
}

// Xfile changes the built-in table of unsafe names.
type Xfile struct {
	Block []string `toml:"block"`
	Allow []string `toml:"allow"`
}

// Credential configures the search for leaked local logins.
type Credential struct {
	Scan           Scan     `toml:"scan"`
	Users          string   `toml:"users"`
	Domains        []string `toml:"domains"`
	Username       Pattern  `toml:"username"`
	Password       Pattern  `toml:"password"`
	Classes        int      `toml:"classes"`
	Triggers       []string `toml:"triggers"`
	Attempts       int      `toml:"attempts"`
	UserFailures   Rate     `toml:"user_failures"`
	SenderFailures Rate     `toml:"sender_failures"`
	Rate           Rate     `toml:"rate"`
	Lockout        int      `toml:"lockout"`
	Authenticator  []string `toml:"authenticator"`
	Canary         string   `toml:"canary"`
}

// Cache says where failed guesses are remembered, and how long.
type Cache struct {
	Path string   `toml:"path"`
	Key  string   `toml:"key"`
	TTL  Duration `toml:"ttl"`
}

// Limit bounds the work one message may cause. Sizes are bytes.
type Limit struct {
	Depth        int      `toml:"depth"`
	Parts        int      `toml:"parts"`
	Size         Size     `toml:"size"`
	Header       Size     `toml:"header"`
	ArchiveDepth int      `toml:"archive_depth"`
	Members      int      `toml:"members"`
	Inflated     Size     `toml:"inflated"`
	Ratio        int      `toml:"ratio"`
	Memory       Size     `toml:"memory"`
	Time         Duration `toml:"time"`
}

// defaultPassword is what a password looks like where nothing is said of it.
const defaultPassword = `[!-~]{8,32}`

// Default returns the embedded defaults, a fresh copy each time.
func Default() *Config {
	none := []string{}
	return &Config{
		Xfile: Xfile{Block: none, Allow: none},
		Credential: Credential{
			Domains:       none,
			Triggers:      none,
			Authenticator: none,

			Scan:           "outgoing",
			Password:       NewPattern(defaultPassword),
			Classes:        3,
			Attempts:       3,
			UserFailures:   Rate{N: 6, Window: time.Hour},
			SenderFailures: Rate{N: 20, Window: time.Hour},
			Rate:           Rate{N: 60, Window: time.Minute},
		},
		Cache: Cache{
			Path: "/var/lib/qguard/negative.db",
			Key:  "/etc/qguard/cache.key",
			TTL:  Duration(time.Hour),
		},
		Limit:      DefaultLimit(),
		Queue:      defaultQueue(),
		Quarantine: defaultQuarantine(),
		Replace:    defaultReplace(),
		Notice:     defaultNotice(),
		Virus:      defaultVirus(),
		Daemon:     defaultDaemon(),
		Policyd:    defaultPolicyd(),
		Rate:       defaultRates(),
		Failures:   defaultFailures(),
	}
}

// DefaultLimit returns the limits of unsafe-files practice: what clamd,
// amavisd-new and rspamd allow, rounded down.
func DefaultLimit() Limit {
	return Limit{
		Depth:        16,
		Parts:        1000,
		Size:         64 << 20,
		Header:       256 << 10,
		ArchiveDepth: 4,
		Members:      5000,
		Inflated:     64 << 20,
		Ratio:        200,
		Memory:       16 << 20,
		Time:         Duration(5 * time.Second),
	}
}
