package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// null, and comes once.
func parseJSON(body []byte) (fields, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	first, err := d.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errors.New("the body is no JSON object")
	}
	f := fields{}
	for n := 0; d.More(); n++ {
		if n == maxFields {
			return nil, errors.New("the object has too many keys")
		}
		key, err := d.Token()
		if err != nil {
			return nil, malformed(d)
		}
		name := canonical(key.(string)) // Token gives no other key
		value, err := d.Token()
		if err != nil {
			return nil, malformed(d)
		}
		if keyKind(name) == unknown {
			if err := skip(d, value); err != nil {
				return nil, err
			}
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
	if _, err := d.Token(); err != nil { // the }
		return nil, malformed(d)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return f, nil
}

// malformed says where and not what: it may be beside a password.
func malformed(d *json.Decoder) error {
	return fmt.Errorf("JSON is malformed at byte %d", d.InputOffset())
}

// skip passes over a value whose first token was read.
func skip(d *json.Decoder, value json.Token) error {
	for depth := 0; ; {
		switch value {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth >= maxDepth {
			return errors.New("JSON is nested too deeply")
		}
		var err error
		if value, err = d.Token(); err != nil {
			return malformed(d)
		}
	}
}

// plain is a value as text. Dovecot and weakforced write true and false as texts
// too.
func plain(name string, value json.Token) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	case bool:
		if keyKind(name) == flag {
			return fmt.Sprint(v), nil
		}
	case json.Number:
		if keyKind(name) == number {
			return v.String(), nil
		}
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
