package rules_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"feedmill/schema/rules"
)

func ExampleCheck() {
	fam, err := rules.Dir("testdata/family")
	if err != nil {
		log.Fatal(err)
	}
	rep, err := rules.Check(context.Background(), fam, rules.Options{Now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Valid(), len(rep.Files), len(rep.Findings))
	// Output: true 13 0
}

func ExampleStream() {
	doc := `<?xml version="1.0" encoding="UTF-8"?>
<offer file_format="IOF" version="3.0" generated="2026-03-02 09:05:00">
  <products currency="PLN">
    <product id="7" vat="23.0"><price gross="12.30" net="9.00"/></product>
  </products>
</offer>`
	rep, err := rules.Check(context.Background(), rules.Stream("light.xml", strings.NewReader(doc)), rules.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range rep.Findings {
		fmt.Printf("%d:%d %s: %s\n", f.Line, f.Column, f.Code, f.Message)
	}
	// Output:
	// 4:5 IOF-LIGHT-NO-SIZE: the product has no sizes
	// 4:32 IOF-PRICE-VAT: gross is 12.30, and net 9.00 with 23.0 % makes 11.07
}

func ExampleLookup() {
	rule, ok := rules.Lookup("IOF-BOM")
	fmt.Println(ok, rule.Level, rule.Title)
	// Output: true warning byte order mark
}

func ExampleFiles() {
	fam, err := rules.Files("testdata/family/light.xml", "testdata/family/full.xml")
	if err != nil {
		log.Fatal(err)
	}
	rep, err := rules.Check(context.Background(), fam, rules.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range rep.Files {
		fmt.Println(f.Name, f.Kind, f.Products)
	}
	// Output:
	// testdata/family/full.xml full 5
	// testdata/family/light.xml light 5
}

func ExampleReadGateway() {
	doc := `<provider_description><light url="https://feeds.example.com/o/x/light.xml"/></provider_description>`
	pointers, err := rules.ReadGateway(context.Background(), strings.NewReader(doc))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pointers[0].Kind, pointers[0].URL)
	// Output: light https://feeds.example.com/o/x/light.xml
}

func ExampleLabel() {
	fmt.Println(rules.Label("https://feeds.example.com/o/x/full_change2026-03-02T10-00-00.xml"))
	// Output: 2026-03-02T10-00-00
}

func ExampleOpenFile() {
	fam := rules.Stream("", strings.NewReader(`<units/>`))
	src, kind, err := rules.OpenFile(context.Background(), &fam.Files[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kind, src.Close())
	// Output: units <nil>
}
