package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

const (
	maxBody   = 16 << 10
	maxDepth  = 16
	maxFields = 100 // of a form or an object
)

// parseBody reads an object or a form. No text of the body but the fields is
// kept, and none of it is in the error but what quote lets through.
func parseBody(body []byte) (fields, error) {
	if len(body) == 0 {
		return nil, errors.New("the body is empty")
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return parseJSON(body)
	}
	return parseForm(body)
}

// parseJSON reads one object. A known key must have a plain value of its kind, or
// null, and comes once. The library's Decoder took five times as long for it as
// the rest of our part of a request: so the library checks, and we walk.
func parseJSON(body []byte) (fields, error) {
	if !json.Valid(body) {
		return nil, errors.New("JSON is malformed")
	}
	f := fields{}
	rest := blanks(blanks(body)[1:])
	for n := 0; rest[0] != '}'; n++ {
		if n == maxFields {
			return nil, errors.New("the object has too many keys")
		}
		var key, value []byte
		var err error
		key, rest, _ = element(rest)
		value, rest, err = element(blanks(blanks(rest)[1:])) // behind the colon
		if err != nil {
			return nil, err
		}
		if rest = blanks(rest); rest[0] == ',' {
			rest = blanks(rest[1:])
		}
		name := canonical(unquote(key))
		if keyKind(name) == unknown {
			continue
		}
		v, err := plain(name, value)
		if err != nil {
			return nil, err
		}
		if err := f.put(name, v); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func blanks(s []byte) []byte { return bytes.TrimLeft(s, " \t\r\n") }

// element splits the value off that valid JSON begins with.
func element(s []byte) (value, rest []byte, err error) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth >= maxDepth {
				return nil, nil, errors.New("JSON is nested too deeply")
			}
			continue
		case '}', ']':
			depth--
		default: // a number or a word ends before what is none of it
			if depth == 0 {
				n := bytes.IndexAny(s[i:], ",}] \t\r\n")
				return s[:i+n], s[i+n:], nil
			}
		}
		if depth == 0 {
			return s[:i+1], s[i+1:], nil
		}
	}
	return nil, nil, errors.New("JSON is cut") // it was valid
}

// unquote is the text of a valid JSON string.
func unquote(s []byte) (v string) {
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s[1 : len(s)-1])
	}
	if json.Unmarshal(s, &v) != nil {
		return ""
	}
	return v
}

// plain is a value as text. Dovecot and weakforced write true and false as texts
// too.
func plain(name string, value []byte) (string, error) {
	k := keyKind(name)
	switch c := value[0]; {
	case c == '"':
		return unquote(value), nil
	case c == 'n': // null
		return "", nil
	case (c == 't' || c == 'f') && k == flag, (c == '-' || c >= '0' && c <= '9') && k == number:
		return string(value), nil
	}
	return "", fmt.Errorf("%s has a value of the wrong type", name)
}

// parseForm reads name=value&name=value. Values of other names are not decoded.
func parseForm(body []byte) (fields, error) {
	f := fields{}
	for n := 0; len(body) > 0; n++ {
		if n == maxFields {
			return nil, errors.New("the form has too many fields")
		}
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		key, value, ok := bytes.Cut(pair, []byte("="))
		if !ok && len(pair) > 0 {
			return nil, errors.New("the body is neither a JSON object nor a form")
		}
		name, err := url.QueryUnescape(string(key))
		if err != nil {
			return nil, errors.New("a name in the form is malformed")
		}
		name = canonical(name)
		if keyKind(name) == unknown {
			continue
		}
		v, err := url.QueryUnescape(string(value))
		if err != nil {
			return nil, fmt.Errorf("the form's %s is malformed", name)
		}
		if err := f.put(name, v); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// canonical is our name of a key.
func canonical(key string) string {
	switch key {
	case "session_id":
		return "session"
	case "email":
		return "login"
	case "ip", "remote_address":
		return "remote"
	}
	return key
}

// put keeps a value; a name comes once.
func (f fields) put(name, value string) error {
	if _, twice := f[name]; twice {
		return fmt.Errorf("%s is there twice", name)
	}
	f[name] = value
	return nil
}
