package header

import (
	"strconv"
	"strings"
	"time"
)

// maxDate is the longest Date that is read: a line of RFC 5322 section 2.1.1.
const maxDate = 998

// parseDate reads a Date field as RFC 5322 section 3.3 has it, with the obsolete
// forms of section 4.3 (years of two and three digits, zones by name) and with
// comments anywhere. Words that say nothing are passed over: a weekday, a zone
// nobody knows, "PM". Seconds, the time and the zone (then UTC) may be missing.
// QUIRK: old software puts the year behind the time, as asctime of C does.
func parseDate(s string) (t time.Time, ok bool) {
	if len(s) > maxDate {
		return time.Time{}, false
	}
	var year, month, day, hour, minute, second, zone int
	haveYear, haveTime, haveZone := false, false, false
	for _, w := range strings.FieldsFunc(uncomment(s), func(r rune) bool { return r <= ' ' || r == ',' }) {
		ok := true
		switch c := w[0]; {
		case c == '+' || c == '-':
			if !haveZone {
				zone, ok = offset(w)
				haveZone = true
			}
		case letter(c):
			if m := monthOf(w); m > 0 && month == 0 {
				month = m
			} else if z, known := zoneOf(w); known && !haveZone {
				zone, haveZone = z, true
			}
		case strings.Contains(w, ":"):
			ok = !haveTime && clock(w, &hour, &minute, &second)
			haveTime = true
		case day == 0:
			day, ok = number(w, 2)
			ok = ok && day > 0
		case !haveYear:
			year, ok = number(w, 4)
			year, haveYear = fullYear(year, len(w)), true
		default:
			ok = false
		}
		if !ok {
			return time.Time{}, false
		}
	}
	if !haveYear || month == 0 || day == 0 {
		return time.Time{}, false
	}
	t = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day { // the 31st of November
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute-zone, second, 0, time.UTC), true
}

// uncomment takes out what stands in parentheses.
func uncomment(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var out []byte
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
			out = append(out, ' ')
		case depth == 0:
			out = append(out, c)
		case c == ')':
			depth--
		case c == '\\':
			i++
		}
	}
	return string(out)
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// number reads a number of at most max digits.
func number(s string, max int) (int, bool) {
	if len(s) > max || s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// fullYear completes a year of fewer than four digits (RFC 5322 section 4.3).
func fullYear(year, digits int) int {
	switch {
	case digits <= 2 && year < 50:
		return year + 2000
	case digits <= 3:
		return year + 1900
	}
	return year
}

// clock reads hours and minutes and, where given, seconds.
func clock(s string, hour, minute, second *int) bool {
	h, rest, _ := strings.Cut(s, ":")
	m, sec, seconds := strings.Cut(rest, ":")
	var a, b, c bool
	*hour, a = number(h, 2)
	*minute, b = number(m, 2)
	if c = !seconds; seconds {
		*second, c = number(sec, 2)
	}
	return a && b && c && *hour < 24 && *minute < 60 && *second <= 60
}

// monthOf is the month whose name begins w, 0 for another word.
func monthOf(w string) int {
	const all = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(w) < 3 {
		return 0
	}
	if i := strings.Index(all, strings.ToLower(w[:3])); i >= 0 && i%3 == 0 {
		return i/3 + 1
	}
	return 0
}

// offset is the minutes of a zone "+hhmm". QUIRK: "+hh:mm" and "+hh" are seen.
func offset(w string) (minutes int, ok bool) {
	d := strings.Replace(w[1:], ":", "", 1)
	if len(d) == 2 {
		d += "00"
	}
	n, ok := number(d, 4)
	if !ok || len(d) != 4 || n >= 2400 {
		return 0, false
	}
	minutes = n/100*60 + n%100
	if w[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// zoneOf is the minutes of a zone by name. The letters of the military are
// UTC, as RFC 5322 section 4.3 has it.
func zoneOf(w string) (minutes int, ok bool) {
	switch strings.ToUpper(w) {
	case "UT", "UTC", "GMT", "Z":
		return 0, true
	case "EDT":
		return -4 * 60, true
	case "EST", "CDT":
		return -5 * 60, true
	case "CST", "MDT":
		return -6 * 60, true
	case "MST", "PDT":
		return -7 * 60, true
	case "PST":
		return -8 * 60, true
	}
	return 0, false
}
