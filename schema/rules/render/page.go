package render

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"feedmill/schema/rules"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"number": number, "times": times, "size": size, "place": place,
}).Parse(pageSource))

// pageData is what the page shows.
type pageData struct {
	Subject
	Verdict string
	Valid   bool
	Rep     rules.Report
	Groups  []ruleGroup
	Files   []fileFindings
	Hidden  int64
}

type fileFindings struct {
	Name     string
	Findings []rules.Finding
}

// Page writes the report as one HTML page that needs nothing else: no script,
// no picture, no font; light or dark as the reader has it.
func Page(to io.Writer, s Subject, rep rules.Report) error {
	d := pageData{Subject: s, Verdict: Verdict(rep), Valid: rep.Valid(), Rep: rep, Groups: byRule(rep), Hidden: rep.Hidden()}
	for _, name := range files(rep) {
		of := func(f rules.Finding) bool { return f.File != name }
		d.Files = append(d.Files, fileFindings{name, slices.DeleteFunc(slices.Clone(rep.Findings), of)})
	}
	if err := page.Execute(to, d); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}
