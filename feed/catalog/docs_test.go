package catalog

import (
	"os"
	"strings"
	"testing"

	"feedmill/feed"
)

// docs/import.md names every member and column, its sample can be imported, and
// the problems it shows are those that are told.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for _, list := range [][]string{productMembers.names, sizeMembers.names, stockMembers.names, priceMembers.names, warrantyMembers.names, versionMembers.names,
		metaMembers.names, promotionMembers.names, zoneMembers.names, imageMembers.names, attachmentMembers.names, groupMembers.names, parameterMembers.names, valueMembers.names,
		bundledMembers.names, componentMembers.names, componentSizeMembers.names, responsibleMembers.names, contactMembers.names, catalogRecordMembers.names,
		categoryRecordMembers.names, unitRecordMembers.names, parameterRecordMembers.names, recordNames[:]} {
		for _, name := range list {
			if !strings.Contains(doc, "`"+name+"`") && !strings.Contains(doc, `"`+name+`"`) {
				t.Errorf("docs/import.md does not name the member %s", name)
			}
		}
	}
	for _, c := range columnNames {
		if !strings.Contains(doc, "`"+c.name+"`") && !strings.Contains(doc, "`"+c.name+"[") && !strings.Contains(doc, "`"+c.name+"_") {
			t.Errorf("docs/import.md does not name the column %s", c.name)
		}
	}
	_, sample, _ := strings.Cut(doc, "```jsonl\n")
	sample, _, _ = strings.Cut(sample, "```")
	s, err := Open([]string{"-"}, Options{Stdin: strings.NewReader(sample)})
	if err != nil {
		t.Fatal(err)
	}
	for range s.Products(t.Context()) {
	}
	if st := s.Stats(); s.Err() != nil || st.Products != 2 || st.Removed != 1 || st.Warnings != 0 {
		t.Errorf("the sample: got %+v, %v %v", st, s.Err(), s.Problems())
	}
	for _, c := range []struct{ file, content string }{
		{"catalog.jsonl", "\n\n" + `{"id":12,"name":"x","category":"a","price":1,"sizes":[{"name":"S","stock":[{"warehouse":2,"quantity":1},{"quantity":-3}]}]}`},
		{"catalog.csv", "key,name,category,price,code\n" + strings.Repeat("\n", 55) + "MUG/9,x,a,1,A 1\n"},
	} {
		path := t.TempDir() + "/" + c.file
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open([]string{path}, Options{DefaultCurrency: feed.MustCurrency("PLN"), HasDefaultVAT: true, DefaultLanguage: feed.MustLanguage("pol")})
		if err != nil {
			t.Fatal(err)
		}
		for range s.Products(t.Context()) {
		}
		problems := s.Problems()
		if len(problems) != 1 {
			t.Fatalf("%s: got %v", c.file, problems)
		}
		if text := strings.Replace(problems[0].String(), path, c.file, 1); !strings.Contains(doc, "\n"+text+"\n") {
			t.Errorf("docs/import.md does not show %s", text)
		}
	}
}
