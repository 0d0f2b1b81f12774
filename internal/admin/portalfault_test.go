package admin

import (
	"reflect"
	"strings"
	"testing"

	"feedmill/schema"
)

// What is wrong with a file is told by where it is and of which kind it is, for
// which every language has words, and then as the checker says it.
func TestFaultsOfFiles(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		document string
		want     faultView
	}{
		{"<offer><", faultView{Kind: "XML", Line: 1}},
		{"<offers/>", faultView{Kind: schema.RuleRoot, Line: 1, Path: "/offers"}},
		{"<offer file_format=\"IOF\" version=\"3.0\">\n  <produkty/></offer>", faultView{Kind: schema.RuleNotAllowed, Line: 2, Path: "/offer/produkty"}},
	} {
		rep, err := schema.Validate(t.Context(), strings.NewReader(c.document), "full.xml", schema.Options{})
		if err != nil || rep.Valid() {
			t.Fatalf("%s: got %v, %v", c.document, rep, err)
		}
		var got *faultView
		for i := range rep.Findings {
			if v := newFault(&rep.Findings[i]); v.Kind == c.want.Kind {
				got = v
				break
			}
		}
		if got == nil {
			t.Fatalf("%s: nothing of kind %s among %v", c.document, c.want.Kind, rep.Findings)
		}
		if !strings.Contains(got.Said, "<") && c.want.Kind != "XML" || got.Column < 1 {
			t.Errorf("%s: got %+v", c.document, got)
		}
		if got.Column, got.Said = 0, ""; c.want.Kind == "XML" {
			got.Path = ""
		}
		if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.document, *got, c.want)
		}
		for _, tg := range tongues() {
			s := &speaker{words: words, lang: tg.Code}
			if said := s.word("finding", got.Kind); said == got.Kind || said == "" {
				t.Errorf("%s has no words for %s", tg.Code, got.Kind)
			}
		}
	}
}
