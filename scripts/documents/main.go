// Command documents judges files as attachments: each file below the directories
// given, under its own name. Prints for each extension how many were tried and
// how many held or refused, then each of those with its findings. See
// scripts/judge-documents.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// kinds are the extensions of documents.
const kinds = " doc docx dot dotx odp ods odt pdf pot potx pps ppsx ppt pptx rtf xls xlsx xlt xltx htm html svg msg one eml "

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: documents directory ...")
		os.Exit(2)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(2)
	}
}

// count is what became of the files of one extension.
type count struct{ tried, held int }

func run(dirs []string) error {
	engine, err := qhpsi.New(rules.Default(), nil)
	if err != nil {
		return err
	}
	counts := map[string]*count{}
	var list []string
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			kind := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
			if err != nil || !entry.Type().IsRegular() || kind == "" || !strings.Contains(kinds, " "+kind+" ") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if counts[kind] == nil {
				counts[kind] = &count{}
			}
			counts[kind].tried++
			if why := judge(engine, filepath.Base(path), data); why != "" {
				counts[kind].held++
				list = append(list, path+":"+why)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var sum count
	for _, kind := range sorted(counts) {
		c := counts[kind]
		fmt.Printf("%-5s %6d tried %5d held\n", kind, c.tried, c.held)
		sum.tried += c.tried
		sum.held += c.held
	}
	fmt.Printf("all   %6d tried %5d held, %.2f %%\n", sum.tried, sum.held, 100*float64(sum.held)/float64(max(sum.tried, 1)))
	for _, line := range list {
		fmt.Println(line)
	}
	return nil
}

// judge returns the findings for a file, "" where its mail would be delivered.
func judge(engine *scan.Engine, name string, data []byte) string {
	var mail bytes.Buffer
	fmt.Fprintf(&mail, "From: a@example.org\nTo: b@example.net\nSubject: document\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/mixed; boundary=\"----document\"\n\n------document\nContent-Type: text/plain\n\nSee the attachment.\n"+
		"------document\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=%q\n"+
		"Content-Transfer-Encoding: base64\n\n", strings.Map(ascii, name))
	for len(data) > 0 {
		n := min(57, len(data))
		fmt.Fprintln(&mail, base64.StdEncoding.EncodeToString(data[:n]))
		data = data[n:]
	}
	mail.WriteString("------document--\n")
	v := engine.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(mail.Bytes()), Size: int64(mail.Len())})
	if v.State() == scan.Clean {
		return ""
	}
	why := ""
	for _, f := range v.Findings {
		if f.Action.Found() {
			why += fmt.Sprintf(" %s %s (%s)", f.Rule, f.Part, f.Note)
		}
	}
	if v.Err != nil {
		why += " " + v.Err.Error()
	}
	return why
}

func ascii(r rune) rune {
	if r < ' ' || r > '~' {
		return '_'
	}
	return r
}

func sorted(counts map[string]*count) (kinds []string) {
	for kind := range counts {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
