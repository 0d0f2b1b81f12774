package rules

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"feedmill/schema"
)

// sharedSamples gives a folder of published samples beside the checkout, or
// skips.
func sharedSamples(t *testing.T, folder string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "iof", folder)
	if _, err := os.Stat(filepath.Join(dir, "gateway.xml")); err != nil {
		t.Skip("the published samples are not beside the checkout")
	}
	return dir
}

// found gives the rules of a level that a report names.
func found(rep Report, levels ...Level) map[string]int64 {
	m := map[string]int64{}
	for _, c := range rep.Counts {
		if slices.Contains(levels, c.Level) {
			m[c.Code] = c.Found
		}
	}
	return m
}

// The invented family beside the published samples is in order but for its
// age and its addresses.
func TestInventedExamples(t *testing.T) {
	t.Parallel()
	fam, err := Dir(sharedSamples(t, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	rep := check(t, fam, Options{})
	if !rep.Valid() || len(rep.Files) != 14 {
		t.Errorf("got %d files and%s, want 14 valid ones", len(rep.Files), listing(rep))
	}
	want := map[string]int64{
		codeURLAmpersand: 13, // the addresses are those of IdoSell's script
		codeLightSRP:     1,  // light leaves to full what no discount applies to
	}
	if got := found(rep, LevelError, LevelWarning); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Each published sample by itself breaks these rules of level error, and no
// other. They come from shops of several years and are no family.
func TestPublishedSamples(t *testing.T) {
	t.Parallel()
	dir := sharedSamples(t, "official")
	want := map[string]map[string]int64{
		"gateway.xml":    {},
		"categories.xml": {}, "producers.xml": {}, "series.xml": {}, "stocks.xml": {}, "units.xml": {}, "warranties.xml": {}, "parameters.xml": {},
		"light.xml": {},
		"full.xml": {
			// Suggested prices of 75268.30 over a net of 61193.72 at 23 %,
			// which makes 75268.28: two minor units off, in one product after the other.
			codePriceVAT: 28,
		},
		"full_change2022-02-16T10-33-11.xml": {
			// It holds the parameters of a product alone, an abridged illustration.
			codeChangePartial: 1,
			// It has no extensions, which its schema requires.
			schema.RuleAttrMissing: 1,
		},
		"preset.xml": {
			// It has generated_by, language and expires, which its schema does not know.
			schema.RuleAttrForbidden: 3,
		},
	}
	for name, errs := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fam, err := Files(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			rep := check(t, fam, Options{})
			if got := found(rep, LevelError); !maps.Equal(got, errs) {
				t.Errorf("got errors %v, want %v:%s", got, errs, listing(rep))
			}
		})
	}
}

// Taken as a family, the published samples break what only a family can.
func TestPublishedSamplesAsFamily(t *testing.T) {
	t.Parallel()
	fam, err := Dir(sharedSamples(t, "official"))
	if err != nil {
		t.Fatal(err)
	}
	rep := check(t, fam, Options{})
	got := found(rep, LevelError)
	delete(got, codePriceVAT)             // as alone
	delete(got, schema.RuleAttrForbidden) // as alone
	// The dictionaries are of another shop than full, so hardly an id of full
	// resolves; gateway is of a third one, so no hash fits; and the one size
	// is uniw in full and 0 in light.
	for code := range got {
		if !slices.Contains([]string{codeRefCategory, codeRefProducer, codeRefSection, codeRefParameter, codeRefValue, codeHash, codeLightSizeUnknown}, code) {
			t.Errorf("got %s, want no such error:%s", code, listing(rep))
		}
	}
	if len(got) != 7 {
		t.Errorf("got %v, want the seven known errors", got)
	}
}
