package header

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qguard/scan"
)

// TestOrdinaryMail counts what is found in real mail, ham and spam apart. The
// clock is that of the server which received the mail. What is said of every
// fiftieth honest mail with a tag says nothing.
func TestOrdinaryMail(t *testing.T) {
	data := os.Getenv("QGUARD_DATA")
	if data == "" {
		t.Skip("QGUARD_DATA is not set: mail.tar.xz is not read")
	}
	out, err := exec.CommandContext(t.Context(), "xz", "-dc", filepath.Join(data, "mail.tar.xz")).Output()
	if err != nil {
		t.Skipf("xz -dc mail.tar.xz: %v", err)
	}
	total := map[string]int{}
	count := map[string]map[string]int{"ham": {}, "spam": {}}
	var rules []string
	for files := tar.NewReader(bytes.NewReader(out)); ; {
		file, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind := filepath.Base(filepath.Dir(file.Name))
		if file.Typeflag != tar.TypeReg || count[kind] == nil {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		total[kind]++
		h := fieldsOf(string(text))
		received := h.Get("Received")
		now, ok := parseDate(received[strings.LastIndexByte(received, ';')+1:])
		if !ok { // a few have no Received
			now, _ = parseDate(h.Get("Date"))
		}
		l := New(func() time.Time { return now }).Begin(nil)
		l.Part(context.Background(), &scan.Part{Header: h})
		found, _ := l.End(context.Background())
		for _, f := range found {
			count[kind][f.Rule]++
			rules = append(rules, f.Rule)
		}
	}
	t.Logf("%d ham, %d spam", total["ham"], total["spam"])
	slices.Sort(rules)
	for _, rule := range slices.Compact(rules) {
		ham, spam := count["ham"][rule], count["spam"][rule]
		t.Logf("%-17s %3d ham, %5.2f %%  %3d spam, %5.2f %%", rule,
			ham, 100*float64(ham)/float64(total["ham"]), spam, 100*float64(spam)/float64(total["spam"]))
		quiet := rule == "header.subject" || rule == "header.recipient" || rule == "header.8bit" || rule == "header.base64"
		if !quiet && ham*50 > total["ham"] {
			t.Errorf("%s is in every fiftieth honest mail", rule)
		}
	}
}
