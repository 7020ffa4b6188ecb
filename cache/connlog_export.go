package cache

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Rows are written out as CSV (RFC 4180, with a head), JSON (an object a line) and
// SQL (a table and an INSERT for each row, in one transaction; tried with
// SQLite, no word of it is peculiar to one). Times are RFC 3339 with milliseconds,
// UTC; an address that is not known is empty.
//
// Texts are the client's. In all three, bytes that could drive a terminal, end a
// string or be a formula are written %XX, as in a URL: what is not printable or
// no UTF-8, any of %"'`\ and = + - @ at the beginning. Undoing it gives the
// bytes back, and no format needs quoting of its own beyond that.

const exportTime = "2006-01-02T15:04:05.000Z"

// columns name the fields in all formats. "user" is a word of SQL itself.
const columns = "time,protocol,login,remote,country,auth_ok,policy_reject,phase,reason,session,door"

const schema = `CREATE TABLE IF NOT EXISTS connlog (
  time VARCHAR(24) NOT NULL, protocol VARCHAR(400), login VARCHAR(800), remote VARCHAR(45), country CHAR(2),
  auth_ok SMALLINT, policy_reject SMALLINT, phase VARCHAR(400), reason VARCHAR(400), session VARCHAR(800), door VARCHAR(400));
`

// WriteCSV writes rows as CSV. It ends with the first error of rows or w.
func WriteCSV(w io.Writer, rows iter.Seq2[Row, error]) error {
	return export(w, rows, columns+"\r\n", "", func(buf []byte, r Row) []byte {
		buf = append(buf, r.Time.UTC().Format(exportTime)...)
		for _, s := range texts(r) {
			buf = append(append(append(buf, `,"`...), s...), '"')
		}
		return append(buf, "\r\n"...)
	})
}

// WriteJSON writes rows as JSON, one a line; auth_ok and policy_reject are
// booleans, all else strings.
func WriteJSON(w io.Writer, rows iter.Seq2[Row, error]) error {
	names := strings.Split(columns, ",")
	return export(w, rows, "", "", func(buf []byte, r Row) []byte {
		buf = append(append(append(buf, `{"time":"`...), r.Time.UTC().Format(exportTime)...), '"')
		for i, s := range texts(r) {
			buf = append(append(append(buf, `,"`...), names[i+1]...), `":`...)
			if isBool(i) {
				buf = append(buf, s...)
			} else {
				buf = append(append(append(buf, '"'), s...), '"')
			}
		}
		return append(buf, "}\n"...)
	})
}

// WriteSQL writes rows as SQL.
func WriteSQL(w io.Writer, rows iter.Seq2[Row, error]) error {
	return export(w, rows, schema+"BEGIN;\n", "COMMIT;\n", func(buf []byte, r Row) []byte {
		buf = fmt.Appendf(buf, "INSERT INTO connlog (%s) VALUES ('%s'", columns, r.Time.UTC().Format(exportTime))
		for i, s := range texts(r) {
			switch {
			case !isBool(i):
				s = "'" + s + "'"
			case s == "true":
				s = "1"
			default:
				s = "0"
			}
			buf = append(append(buf, ','), s...)
		}
		return append(buf, ");\n"...)
	})
}

func export(w io.Writer, rows iter.Seq2[Row, error], head, tail string, line func([]byte, Row) []byte) error {
	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString(head)
	var buf []byte
	for r, err := range rows {
		if err != nil {
			out.Flush() // without the end: SQL takes none of it
			return err
		}
		buf = line(buf[:0], r)
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	out.WriteString(tail)
	return out.Flush()
}

// texts are the fields after the time, in the order of columns, safe in every format.
func texts(r Row) [10]string {
	remote := ""
	if r.Remote.IsValid() {
		remote = r.Remote.WithZone("").String()
	}
	return [10]string{
		escape(r.Protocol), escape(r.User), remote, escape(r.Country), strconv.FormatBool(r.AuthOK), strconv.FormatBool(r.PolicyReject),
		escape(r.Phase), escape(r.Reason), escape(r.Session), escape(r.Door),
	}
}

// isBool reports whether text i is true or false.
func isBool(i int) bool { return i == 4 || i == 5 }

// escape writes %XX for what is not safe.
func escape(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) && (s == "" || strings.IndexByte("=+-@", s[0]) < 0) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unsafeRune(r) && (r != utf8.RuneError || n == 1) || i == 0 && strings.IndexByte("=+-@", s[0]) >= 0 {
			for _, c := range []byte(s[i:][:n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(s[i:][:n])
		}
		i += n
	}
	return b.String()
}

func unsafeRune(r rune) bool {
	return r == utf8.RuneError || !strconv.IsPrint(r) || strings.ContainsRune("%\"'`\\", r)
}
