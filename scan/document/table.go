package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// openTable reads tables kept as text for formulas that start programs, and
// queries that fetch a table from elsewhere.
func openTable(p *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/", "multipart/") {
		return nil
	}
	head, _ := p.Head()
	head = plainHead(head)
	if len(p.Names) == 0 && p.Nest == 0 && p.Is("text/plain", "text/html") {
		return nil // running text
	}
	switch {
	case isQuery(head):
		return &scan.Flaw{Rule: "xfile.active", Note: "query that fetches a table from elsewhere"}
	case bytes.HasPrefix(head, []byte("ID;")):
	case p.Is("text/csv", "text/tab-separated-values", "text/comma-separated-values", "application/csv", "text/x-csv", "application/vnd.ms-excel"),
		p.Named(".csv", ".tsv", ".slk", ".dif", ".xls", ".xlsx"):
		if bytes.IndexByte(head, 0) >= 0 || bytes.HasPrefix(head, []byte("PK")) {
			return nil // no text
		}
	default:
		return nil
	}
	r, err := source(p)
	if err != nil {
		return err
	}
	return readTable(r, b, bytes.HasPrefix(head, []byte("ID;")))
}

// isQuery knows Excel's web query (a line "WEB", a version, an address) and
// its relatives for data bases.
func isQuery(head []byte) bool {
	lines := strings.FieldsFunc(lower(head, 512), func(r rune) bool { return r == '\r' || r == '\n' })
	if len(lines) < 3 {
		return false
	}
	switch strings.TrimSpace(lines[0]) {
	case "web":
		return strings.TrimSpace(lines[1]) == "1" && (strings.Contains(lines[2], ":") || strings.HasPrefix(lines[2], `\\`))
	case "xlodbc":
		return strings.TrimSpace(lines[1]) == "1"
	case "querytype=oledb":
		return true
	}
	return false
}

// maxCell is how much of a cell is looked at; longer ones are read on as text.
const maxCell = 8 << 10

// readTable looks at every cell. What parts two cells differs from program to
// program, so each of the usual signs does.
func readTable(r io.Reader, b *scan.Budget, sylk bool) error {
	in := bufio.NewReaderSize(r, 16<<10)
	cell := make([]byte, 0, 256)
	var notes []string
	for n := 0; ; n++ {
		c, err := in.ReadByte()
		if n%(64<<10) == 0 {
			if err := b.Time(); err != nil {
				return err
			}
		}
		if err == nil && len(cell) < maxCell && (c != '\n' && c != '\r' && (!parts(c) || isFormula(cell, sylk))) {
			if len(cell) > 0 || !isBlank(c) && c != '"' && c != '\'' {
				cell = append(cell, c)
			}
			continue
		}
		if what := formula(cell, sylk); what != "" && !slices.Contains(notes, what) {
			notes = append(notes, what)
		}
		cell = cell[:0]
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	var flaws error
	for _, what := range notes {
		flaws = errors.Join(flaws, &scan.Flaw{Rule: "xfile.active", Note: what})
	}
	return flaws
}

func parts(c byte) bool { return c == ',' || c == ';' || c == '\t' }

// isFormula reports a cell that a spreadsheet computes. In SYLK (";E" and ";N"
// fields of a line) the sign is left out.
func isFormula(cell []byte, sylk bool) bool {
	if len(cell) == 0 {
		return false
	}
	return strings.IndexByte("=+-@", cell[0]) >= 0 || sylk && (cell[0] == 'E' || bytes.HasPrefix(cell, []byte("NN")))
}

// formula returns what a cell starts, "" when nothing: DDE calls a program as
// program|topic!item, old macro functions call it outright.
func formula(cell []byte, sylk bool) string {
	if !isFormula(cell, sylk) {
		return ""
	}
	text := lower(cell, maxCell)
	compact := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' {
			return -1
		}
		return r
	}, text)
	if i := strings.IndexByte(compact, '|'); i > 0 && strings.IndexByte(compact[i:], '!') > 0 {
		quoted := strings.HasPrefix(compact[i+1:], "'") && strings.Contains(compact[i:], "'!")
		if quoted || isProgramName(compact[1:i]) {
			return "formula that starts a program (DDE)"
		}
	}
	switch {
	case strings.Contains(compact, "dde("):
		return "formula that starts a program (DDE)"
	case sylk && (hasCall(compact, "exec(") || hasCall(compact, "call(") || hasCall(compact, "register(") || hasCall(compact, "fopen(") || hasCall(compact, "shell(")):
		return "macro function that starts a program"
	case sylk && strings.HasPrefix(compact, "nnauto_"):
		return "macro that runs when the table is opened"
	}
	return ""
}

// hasCall reports a function by its whole name.
func hasCall(text, name string) bool {
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		if i == 0 || text[i-1] < 'a' || text[i-1] > 'z' || i == 1 {
			return true
		}
		text = text[i+len(name):]
	}
}

// isProgramName reports the programs that DDE formulas call.
func isProgramName(s string) bool {
	s = strings.TrimSuffix(s[strings.LastIndexAny(s, "=+-@(,;*/&'\\")+1:], ".exe")
	switch s {
	case "cmd", "command", "powershell", "pwsh", "msexcel", "excel", "winword", "msaccess", "rundll32", "regsvr32", "mshta", "wscript", "cscript",
		"certutil", "bitsadmin", "msiexec", "explorer", "schtasks", "wmic":
		return true
	}
	return false
}
