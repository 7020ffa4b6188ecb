package qhpsi_test

import (
	"context"
	"fmt"
	"strings"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// The house as its programs have it: all openers and looks that the rules ask
// for, and the answer in clamd's words and as an exit code.
func ExampleNew() {
	engine, err := qhpsi.New(rules.Default(), func(err error) { fmt.Println(err) })
	if err != nil {
		fmt.Println(err)
		return
	}
	mail := "Content-Type: application/octet-stream; name=invoice.exe\n\nhello\n"
	v := engine.Scan(context.Background(), &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))})
	fmt.Println(qhpsi.FoundName(v.Worst().Rule), qhpsi.Exit(v.State()))
	// Output:
	// QGuard.Xfile.Name 1
}
