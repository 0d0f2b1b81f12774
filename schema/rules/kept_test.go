package rules

import (
	"slices"
	"strings"
	"testing"

	"feedmill/schema"
)

// kept is something odd that a rule just allows, and all that is told of it.
type kept struct {
	code  string // of the rule that must say nothing
	edits []edit
	want  []string // of other rules
}

func keptTable() []kept {
	const (
		price103 = `<price gross="67.65" net="55.00"/>`
		category = `<category id="2" xml:lang="pol" name="Kuchnia/Deski"/>`
		start    = `<?xml version="1.0" encoding="UTF-8"?>`
		board    = `<![CDATA[Deska dębowa]]></name>`
	)
	value := []string{schema.RuleValue}
	return []kept{
		// What is there in another form is not missing: the schema says what is wrong with it.
		{codePriceIncomplete, one(full, price103, `<price gross="67,65" net="55.00"/>`), value},
		{codePriceIncomplete, one(full, price103, `<price gross="" net="55.00"/>`), value},
		{codePriceIncomplete, every(full, `gross="67.65" net="55.00"`, `gross="123456789012345678.00" net="55.00"`), nil},
		{codeProductVAT, one(full, head104, strings.Replace(head104, `"23.0"`, `"23,0"`, 1)), value},
		{codeNumberForm, one(full, price103, `<price gross="6.7e1" net="55.00"/>`), value},
		{codeLangFirst, one(full, `language="pol"`, `language="pl"`), []string{codeLangCode, schema.RuleValue}},
		{codeCategoryPath, one(full, `<category id="4" xml:lang="pol" name="Oleje"/>`, `<category id="4" xml:lang="pol" name=""/>`), []string{codeEmpty}},

		{codeChangedMissing, one(gateway, `changed="2026-03-02 08:30:00"`, `changed="2026-13-02 08:30:00"`), []string{codeDateInvalid}},
		{codeMetaTime, one(gateway, `created="2026-03-02 09:05:00"`, `created="2026-02-30 09:05:00"`), []string{codeDateInvalid}},
		{codeFileMissing, one(gateway, `stocks url="https://feeds.example.com/o/wierzbowa/12/stocks.xml"`, `stocks`), []string{schema.RuleAttrMissing}},
		// A size that left shows as sold out for a time, and one that stands there twice is one size.
		{codeLightSizeUnknown, []edit{{file: change, old: `        <size id="M"`, new: `        <!--<size id="M"`}, {file: change, old: `stock_quantity="9"/>
        </size>`, new: `stock_quantity="9"/>
        </size>-->`}, {file: light, old: `quantity="9"`, new: `quantity="0"`}}, nil},
		{codeLightSizeMissing, []edit{{file: change, old: `<size id="M"`, new: `<size id="S"`}, {file: light, old: `        <size id="M"`, new: `        <!--<size id="M"`}, {file: light, old: `<stock id="1" quantity="9"/>
        </size>`, new: `<stock id="1" quantity="9"/>
        </size>-->`}}, []string{codeLightCode, codeSizeDuplicate}},
		{codeLightRemoved, one(change, `<product id="102" currency`, `<product id="102" removed="no" currency`), value},

		// References may be repeated in other languages, and only the dictionary's is compared.
		{codeChildTwice, one(full, category, category+`<category id="2" xml:lang="eng" name="Kitchen/Boards"/>`), nil},
		{codeCategoryPath, one(full, category, category+`<category id="2" xml:lang="eng" name="Kitchen/Boards"/>`), nil},
		{codeCategoryPath, one(full, category, `<category id="2" xml:lang="eng" name="Kitchen/Boards"/>`), nil},
		{codeWarrantyTwo, one(full, "<card ", `<warranty id="41" type="producer" period="24" xml:lang="eng" name="Two years"/><card `), nil},

		// Nothing of it is there, the size has a price of its own, or full says that it is free.
		{codeLightFree, one(light, light103, strings.NewReplacer(`"60.89"`, `"0.00"`, `"49.50"`, `"0.00"`).Replace(light103)), nil},
		{codeLightFree, one(light, light103, strings.Replace(strings.Replace(light103, `"60.89" net="49.50"`, `"0" net="0"`, 1), `quantity="0"`, `quantity="5"`, 1)), nil},
		{codeLightFree, both(one(full, `code_on_card="WS-103"`, `code_on_card="WS-103" iaiext:product_free="y"`), one(light, light103, strings.NewReplacer(`"60.89"`, `"0.00"`, `"49.50"`, `"0.00"`, `quantity="0"`, `quantity="5"`).Replace(light103))), nil},
		{codeVersion, one(gateway, `version="3.0"`, `version="3.00"`), nil},
		{codeWarrantyTerms, one("warranties.xml", `<terms type="producer" period_number="24" period_unit="month"/>`, ``), nil},

		// Exactly at the limit.
		{codePriceVAT, every(full, `gross="67.65" net="55.00"`, `gross="67.66" net="55.00"`), nil},
		{codePriceVAT, every(full, `gross="67.65" net="55.00"`, `gross="0" net="0"`), nil},
		{codeExpiresOrder, one(light, `expires="2026-03-03 09:05:00"`, `expires="2026-03-02 09:05:01"`), nil},
		{codeExpired, both(one("units.xml", `generated="2026-03-02 01:00:00" expires="2026-03-03 01:00:00"`, `generated="2026-02-28 12:00:00" expires="2026-03-01 12:00:00"`)), nil},
		{codeWarrantyPeriod, one(full, `period="24"`, `period="120"`), nil},
		{codeWeight, one(full, `weight="420"`, `weight="420.0"`), nil},
		{codeQuantityFraction, one(light, `quantity="2.500"`, `quantity="2.501"`), nil},
		{codeLabelFuture, one(gateway, `changed="2026-03-02 09:05:00"`, `changed="2026-03-02 09:04:59"`), nil},
		{codeLightAbove, every(light, `gross="88.56" net="72.00"`, `gross="98.40" net="80.00"`), nil},
		{codeDateInvalid, one(full, `changed="2026-01-20 20:50:21"`, `changed="2024-02-29 23:59:59"`), nil},

		// Nothing is said of a declaration in what is no document in UTF-8, or has one elsewhere.
		{codeDeclaration, one("units.xml", start, " "+start), []string{"XML-DECLARATION"}},
		{codeDeclaration, one("units.xml", start, "error"), []string{"XML-TEXT-OUTSIDE"}},
		{codeDeclaration, one("units.xml", start, "\xFF\xFE<\x00?\x00"), []string{"XML-ENCODING"}},
		{codeWebPage, one("units.xml", start, start+"<!DOCTYPE units><!-- <html> -->"), []string{"XML-DOCTYPE"}},

		// Comments and instructions are no text.
		{codeTextMixed, one(full, board, `<!-- x --><?y z?>`+board), nil},
		{codeTextMixed, one(full, board, ` `+board), nil},
		{codeTextLink, one(full, `<a href="https://shop.example.com/porady">`, `<a href="#top" data-src="x" title="a=b">`), nil},
		{codeTextLink, one(full, `<a href="https://shop.example.com/porady">`, `<a href="mailto:oferty@shop.example.com">`), nil},
		{codeUnitName, one(full, `name="szt."`, `name="m2"`), nil},
		{codeGTINHyphens, both(one(full, `"GTIN13"`, `"MPN"`), one(full, ean101, `code_producer="WS-101 A"`)), nil},
		{codeGTINCheck, both(isbn("ISBN10"), one(full, ean101, `code_producer="080442957X"`)), nil},
	}
}

func TestWhatIsJustAllowedIsNotTold(t *testing.T) {
	t.Parallel()
	for i, k := range keptTable() {
		t.Run(k.code, func(t *testing.T) {
			t.Parallel()
			files := sample(t)
			apply(t, files, k.edits)
			rep := check(t, memory(files), Options{})
			slices.Sort(k.want)
			if got := codes(rep); !slices.Equal(got, k.want) {
				t.Errorf("case %d: got %v, want %v:%s", i, got, k.want, listing(rep))
			}
		})
	}
}
