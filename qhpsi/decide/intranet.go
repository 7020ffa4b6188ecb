package decide

import "strings"

// inward reports whether a recipient is one of [intranet]: user@host, user or
// @host, without case.
func (p *plan) inward(recipient string) bool {
	if len(p.intranet) == 0 {
		return false
	}
	local, host := parts(strings.ToLower(recipient))
	return p.intranet[local] && local != "" || host != "" && (p.intranet["@"+host] || p.intranet[local+"@"+host])
}

// parts takes an envelope recipient apart as a mail server would: without
// brackets, source route (RFC 5321 4.1.2), quotes and backslashes in the local
// part, and the dot at the end of a host. The percent hack and extensions of
// the local part are the server's own and not undone.
func parts(s string) (local, host string) {
	s = strings.TrimSpace(s)
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if strings.HasPrefix(s, "@") {
		if _, after, ok := strings.Cut(s, ":"); ok {
			s = after
		}
	}
	local = s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		local, host = s[:at], strings.TrimSuffix(s[at+1:], ".")
	}
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = local[1 : len(local)-1]
	}
	return unescape(local), host
}

// unescape takes the backslashes out of quoted pairs.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
