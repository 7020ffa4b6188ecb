// Package policy is the doors of qguard-policyd: it turns what Dovecot, Exim,
// Postfix and our own programs say on the wire into a decide.Event, and the
// decide.Answer into what each of them obeys. It decides nothing. Sources:
// Dovecot 2.3.19 and 2.4 (auth-policy.c) and weakforced 3.0, whose protocol that
// is; the Exim specification, "readsocket"; Postfix's SMTPD_POLICY_README; and
// recorded dialogues of Dovecot 2.3.19, Exim 4.96 and Postfix 3.7, which the
// tests repeat.
//
// # HTTP
//
// HTTP/1.0 and 1.1, keep-alive, TCP or UNIX socket. Each request carries the
// token: in X-API-Key, in any other header as its whole value, as a Bearer, or as
// the password of Basic. Without it the answer is 401 and a line in the log, and
// Dovecot lets everybody in; without a token of ours that is every request.
//
// "/" is Dovecot's. POST, "?command=allow" before and after a password is looked
// at, "?command=report" when all is over; a JSON object in. Its keys are login,
// remote, protocol, session_id, pwhash, fail_type (texts), tls, success,
// policy_reject (true or false, as such or as a text); others and what is inside
// of objects are passed over; what is missing is empty. The answer is 200 and
//
//	{"status":0,"msg":""}       go on
//	{"status":3,"msg":""}       go on after 3 s: the client sleeps, we never do; 1 to 30
//	{"status":-1,"msg":"text"}  no; the user is shown the text; "not now" is the same
//
// and never another HTTP status, as Dovecot takes 403, 204 or silence for a server
// that is broken and lets the login in. The answer to a report is not read.
// weakforced's "ping" is answered {"status":"ok"}, its "reset" {"status":"failure"}
// with a reason, as this door does not forget anything on demand.
//
// "/exim" takes the same object, or a form (application/x-www-form-urlencoded;
// email is the login, ip and remote_address are remote). A password in either is
// never looked at. "?command=allow" with the key phase:
//
//	connect    rdns (good, forged, missing)
//	auth, ""   a login
//	rcpt       sender, recipient
//	message    sender, recipients (a number), size (bytes)
//
// and "?command=report" with success, or with phase close: the client is gone.
// The answers:
//
//	204   go on; the header "X-QGuard-Delay: 3" asks for a sleep of so many seconds
//	403   no; the body is what to say: "5.7.1 text", or "4.7.1 text" for not now
//	400   not understood; our log says what
//
// Exim's authenticated_fail_id reads " (set_id=joe)": that is taken off a login.
//
// # Postfix
//
// Policy delegation, TCP or UNIX socket: lines name=value, an empty line ends the
// request, "action=..." and an empty line answer it; many on a connection.
//
//	CONNECT, XCLIENT a connection       client_address, client_name, reverse_client_name
//	RCPT             a recipient        sender, recipient, sasl_username
//	END-OF-MESSAGE   a whole message    recipient_count, size
//	any other        not asked about: DUNNO
//
// A client_name is one whose address agrees; "unknown" beside a
// reverse_client_name is forged reverse DNS, both unknown is none. (A resolver
// that is down looks the same.)
//
//	go on     DUNNO
//	tarpit    sleep N (a restriction, which an action may name; it keeps an smtpd busy)
//	not now   DEFER_IF_PERMIT 4.7.1 text (at RCPT), DEFER 4.7.1 text
//	no        REJECT 5.7.1 text
//
// # Control
//
// A UNIX socket for our own programs. A request is one line, so is the answer;
// many on a connection, one at a time. Whoever may open the socket may tell; mode
// and group are its protection.
//
//	request = verb *( SP key "=" value ) LF        at most 4096 bytes, 32 keys
//	value   = *( %x21-24 / %x26-7E / "%" 2HEXDIG ) any other byte is written %XX
//	answer  = word [ SP rest ] LF                  at most 512 bytes, printable ASCII
//
// Keys may come in any order, none twice; unknown ones are passed over, and an
// address is IPv4 or IPv6 without brackets. The verbs, with their keys:
//
//	conn   remote rdns protocol session login hold   a client has connected
//	close  remote                                    it is gone
//	rcpt   remote rdns login sender recipient session
//	msg    remote rdns login sender recipients size session
//	auth   remote login protocol session tls         may this login be tried?
//	auth   ... success=1|0 policy_reject=1|0         how it ended
//	event  phase door time and all of these          a log says that it has happened
//	status                                           root and the administrators
//	reload                                           the same
//
//	conn remote=192.0.2.1 rdns=good hold=1
//	rcpt remote=2001:db8::1 sender=a@example.org recipient=joe%20doe@example.com
//	event phase=report door=maillog time=1795300000 remote=192.0.2.1 login=joe success=0
//
// rdns is good, forged or missing. With hold=1 the connection to us stands for
// that of the client: it counts as one of those open at once until "close" comes
// or the connection ends, so a program need only keep the descriptor and exec. A
// connection holds one client; without hold, how many are open is not known. time
// is in seconds since 1970, of the last day; without it it is now. phase is allow,
// report, connect, close, recipient or message.
//
//	go              go on
//	go relay        go on; the client may relay
//	tarpit 2        go on after 2 seconds
//	tarpit 2 relay
//	defer text      not now (450, 421), and this is why
//	refuse text     no, and this is why
//	ok rest         done (close, event, the end of an auth, status, reload)
//	error text      not understood (the log says what), or not allowed
//
// So a client looks at the first word: defer and refuse close the door, anything
// else, no answer within its second too, leaves it open.
//
// # Bounds
//
// HTTP bodies have 16 KiB and 16 levels, headers 8 KiB, Postfix's lines 4 KiB, its
// requests 100 lines and 64 KiB. A request is there, and its answer taken, within
// a second of its first byte; between requests HTTP may be silent for a minute,
// Postfix for 20 (it keeps connections for 5), control for ever. Each door has 1024
// connections (control 4096); more are closed. Of a text 512 bytes are kept. Mapped
// addresses are unmapped, zones dropped.
//
// What is not understood is logged and answered as [policyd] on_error says:
// "allow" as above (status 0, 400, DUNNO, error), "deny" as "not now" is. Log lines
// quote what is the client's; no answer has it.
package policy
