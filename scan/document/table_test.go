package document_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTable are tables with formulas, each beside what is ordinary.
func TestTable(t *testing.T) {
	const dde, macro, query = "(DDE)", "macro", "query"
	for _, c := range []struct{ name, file, data, want string }{
		{"sum", "a.csv", "a,b\n1,=SUM(A1:A2)\n-5,+7,@me,=A1\n", ""},
		{"DDE", "a.csv", "a,b\n1,=cmd|' /C calc'!A0\n", dde},
		{"DDE at the start", "a.csv", "=cmd|' /C calc'!A0", dde},
		{"DDE with plus", "a.csv", "a;+cmd|'/C calc'!A0;b\n", dde},
		{"DDE with minus and a number", "a.csv", "a\t-2+3+cmd|'/C calc'!A0\n", dde},
		{"DDE with at", "a.csv", "a,@SUM(1+1)*cmd|'/C calc'!A0\n", dde},
		{"DDE in quotes", "a.csv", "a,\"=cmd|'/C calc, x'!A0\"\n", dde},
		{"DDE behind blanks", "a.csv", "a,   =  cmd | '/C calc'!A0\n", dde},
		{"DDE of another program", "a.csv", "=MSEXCEL|'\\..\\..\\Windows\\System32\\cmd.exe /c calc'!''", dde},
		{"DDE without quotes", "a.csv", "=rundll32|x!y", dde},
		{"DDE function", "a.csv", `=DDE("cmd";"/C calc";"x")`, dde},
		{"DDE in UTF-16", "a.csv", "\xff\xfe" + utf16le("a,=cmd|'/C calc'!A0\n"), dde},
		{"DDE in a file for Excel", "a.xls", "a\t=cmd|'/C calc'!A0\n", dde},
		{"bars", "a.csv", "a|b!|c\n- d|e!\n=x|y\n", ""},
		{"shouts", "a.csv", "- hello | world!\n", ""},
		{"sheets", "a.csv", "=Sheet1!A1,='My sheet'!A2\n", ""},
		{"telephone numbers", "a.csv", "+49 123,-,--,@handle,=\n", ""},
		{"what begins with E", "a.csv", "Emergency call(er),Executive (exec(x)),Excel|a!\n", ""},
		{"long cell", "a.csv", "a," + strings.Repeat("x", 1<<20) + "\n=cmd|'/C calc'!A0\n", dde},
		{"SYLK", "a.slk", "ID;PWXL;N;E\r\nC;Y1;X1;K5;ESUM(R1C1)\r\nE\r\n", ""},
		{"SYLK with a macro", "a.txt", "ID;P\r\nO;E\r\nNN;NAuto_open;ER101C1\r\nC;X1;Y101;EEXEC(\"calc.exe\")\r\nE\r\n", macro},
		{"SYLK with DDE", "a.dat", "ID;P\nC;Y1;X1;EMSEXCEL|'cmd'!A0\nE\n", dde},
		{"SYLK with a call", "a.dat", "ID;P\nC;Y1;X1;ECALL(\"urlmon\")\nE\n", macro},
		{"web query", "a.iqy", "WEB\r\n1\r\nhttp://example.org/x\r\n", query},
		{"web query under another name", "a.txt", "WEB\n1\nhttp://example.org/x\n", query},
		{"data base query", "a.dqy", "XLODBC\r\n1\r\nDRIVER=x\r\n", query},
		{"the web", "a.txt", "Web\n\nthe first: one\n2\n", ""},
		{"text", "a.txt", "=cmd|'/C calc'!A0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := found(t, "application/octet-stream", c.file, c.data)
			if c.want == "" && len(got) > 0 || c.want != "" && !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("findings %q, want %q", got, c.want)
			}
		})
	}
	if got := found(t, "text/plain", "", "ID;P\nC;EEXEC(\"x\")\n"); len(got) > 0 {
		t.Errorf("running text: findings %q", got)
	}
	if got := found(t, "text/csv", "", "=cmd|'/C calc'!A0"); len(got) == 0 {
		t.Error("type text/csv: nothing found")
	}
}

// FuzzTable reads anything as a table; a formula in a cell of its own stays found.
func FuzzTable(f *testing.F) {
	for _, s := range []string{"a,b\n", "=SUM(A1)", "\"", "ID;P\n", "- a|b!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := found(t, "text/csv", "a.csv", s+"\n=cmd|'/C calc'!A0\n"); len(got) == 0 && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && !strings.HasPrefix(s, "PK") {
			t.Errorf("formula behind %q is not found", s)
		}
	})
}
