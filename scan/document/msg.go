package document

import (
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// Names in an Outlook message, [MS-OXMSG] 2.2 and 2.4: streams of properties
// are called by their tag, identifier and type, in hexadecimal.
const (
	msgProperties = "__properties_version1.0"
	msgNames      = "__nameid_version1.0"
	msgAttachment = "__attach_version1.0_#"
	msgProperty   = "__substg1.0_"
	msgEmbedded   = msgProperty + "3701000d"
)

// isMessage reports an Outlook message.
func (o *ole) isMessage() bool {
	return slices.ContainsFunc(o.entries, func(e cfbEntry) bool {
		return strings.EqualFold(e.name, msgNames) || strings.EqualFold(e.name, msgProperties)
	})
}

// message yields text and attachments of an Outlook message and of the messages
// in it, which are storages in storages.
func (o *ole) message() error {
	inside := map[int]map[string]int{} // entries by storage and name
	for i, e := range o.entries {
		if e.kind != cfbStorage && e.kind != cfbStreams {
			continue
		}
		if inside[e.parent] == nil {
			inside[e.parent] = map[string]int{}
		}
		inside[e.parent][strings.ToLower(e.name)] = i
	}
	for i := range o.entries {
		e := &o.entries[i]
		name := strings.ToLower(e.name)
		var err error
		switch {
		case i == 0 || e.kind == cfbStorage && name == msgEmbedded:
			err = o.messageText(inside[i], o.depth(e))
		case e.kind == cfbStorage && strings.HasPrefix(name, msgAttachment):
			err = o.attachment(inside[i], o.depth(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// depth is how many messages inside this one an entry is in.
func (o *ole) depth(e *cfbEntry) int {
	n := 0
	for steps := 0; steps < 64; steps++ {
		if strings.EqualFold(e.name, msgEmbedded) {
			n++
		}
		if e.parent < 0 || e.kind == cfbRoot {
			return n
		}
		e = &o.entries[e.parent]
	}
	return 64 // deeper than any limit
}

// messageText yields subject and body.
func (o *ole) messageText(inside map[string]int, depth int) error {
	for _, text := range []struct{ id, mediaType string }{
		{"0037", "text/plain"}, {"1000", "text/plain"}, {"1013", "text/html"},
	} {
		for _, form := range []string{"001f", "001e", "0102"} {
			i, ok := inside[msgProperty+text.id+form]
			if !ok {
				continue
			}
			e := &o.entries[i]
			if err := o.b.Part(); err != nil {
				return err
			}
			err := o.yield(&scan.Part{
				Path: o.p.Path, Types: []string{text.mediaType}, Depth: o.p.Depth + depth, Nest: o.p.Nest,
				Text: func() (io.Reader, error) {
					if form == "001f" {
						return &utf16Reader{r: o.stream(e, 0)}, nil
					}
					return o.stream(e, 0), nil
				},
			})
			if err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// attachment yields an attachment, which is to Outlook what it is in mail: it
// is not nested deeper than the message.
func (o *ole) attachment(inside map[string]int, depth int) error {
	var names []string
	for _, id := range []string{"3707", "3704", "3001", "370c", "370d", "3708"} {
		if name := o.property(inside, id); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if ext := o.property(inside, "3703"); len(names) > 0 && len(ext) > 1 && !strings.HasSuffix(strings.ToLower(names[0]), strings.ToLower(ext)) {
		names = append(names, names[0]+ext)
	}
	i, ok := inside[msgProperty+"37010102"]
	if !ok && len(names) == 0 {
		return nil
	}
	if err := o.b.Part(); err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"attachment"}
	}
	child := &scan.Part{
		Path: o.p.Path + "/" + scan.Printable(names[0], 100), Names: names,
		Depth: o.p.Depth + 1 + depth, Nest: o.p.Nest,
		Open: func() (io.Reader, error) { return strings.NewReader(""), nil },
	}
	mediaType := strings.ToLower(o.property(inside, "370e"))
	whole := strings.HasPrefix(mediaType, "multipart/") || strings.HasPrefix(mediaType, "message/")
	if mediaType != "" && !whole {
		child.Types = []string{mediaType}
	}
	if ok {
		e := &o.entries[i]
		child.Open = func() (io.Reader, error) { return o.stream(e, 0), nil }
		if child.Is("text/") {
			child.Text = child.Open
		}
	} else if _, ok := inside[msgEmbedded]; ok {
		child.Open = nil // what is in it comes by itself
	}
	if err := o.yield(child); err != nil || !whole || !ok {
		return err
	}
	// A signed message is its one attachment, header and all. It is judged as
	// the file that it is called, too: the type is the sender's word.
	return o.yield(&scan.Part{Path: child.Path, Types: []string{"message/rfc822"}, Depth: child.Depth, Nest: child.Nest, Open: child.Open})
}

// property reads a property of text, "" when it is not there.
func (o *ole) property(inside map[string]int, id string) string {
	if i, ok := inside[msgProperty+id+"001f"]; ok {
		data, _ := o.begin(&o.entries[i], 4096)
		return fromUTF16(data)
	}
	if i, ok := inside[msgProperty+id+"001e"]; ok {
		data, _ := o.begin(&o.entries[i], 2048)
		return strings.TrimRight(fromLatin(data), "\x00")
	}
	return ""
}
