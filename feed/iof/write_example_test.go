package iof_test

import (
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// exampleWriter writes for a Polish and English offer and names no times.
func exampleWriter() *iof.Writer {
	p := &feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng")}, Currency: feed.MustCurrency("PLN")}
	return iof.NewWriter(p, nil, iof.Options{GeneratedBy: "example"})
}

func ExampleNewWriter() {
	w := exampleWriter()
	at := time.Date(2026, 3, 2, 1, 10, 0, 0, time.UTC)
	it := &feed.Item{Product: &feed.Product{ID: 7}, Currency: feed.MustCurrency("PLN")}
	b := w.AppendFullHeader(nil, at, at.AddDate(0, 0, 1), feed.MustCurrency("PLN"))
	b = w.AppendFull(b, it)
	b = w.AppendFullFooter(b)
	fmt.Print(string(b))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes" generated_by="example" generated="2026-03-02 01:10:00" expires="2026-03-03 01:10:00">
	// <products currency="PLN" language="pol">
	// <product id="7" currency="PLN" producer_code_standard="AUTO" type="regular" vat="0.0"><price gross="0.00" net="0.00"/></product>
	// </products></offer>
}

func ExampleWriter_AppendLightHeader() {
	w := exampleWriter()
	b := w.AppendLightHeader(nil, time.Time{}, time.Time{}, feed.MustCurrency("PLN"))
	fmt.Print(string(w.AppendLightFooter(b)))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes" generated_by="example">
	// <products currency="PLN" language="pol">
	// </products></offer>
}

func ExampleWriter_AppendCategories() {
	d := &feed.Dictionaries{Categories: []feed.Category{
		{ID: "20", Names: feed.Texts{{Lang: feed.MustLanguage("eng"), Value: "Outdoor"}, {Lang: feed.MustLanguage("pol"), Value: "Turystyka"}}},
		{ID: "21", Parent: "20", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Plecaki"}}},
	}}
	fmt.Print(string(exampleWriter().AppendCategories(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <categories file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <category id="20" name="Turystyka"><name xml:lang="pol"><![CDATA[Turystyka]]></name><name xml:lang="eng"><![CDATA[Outdoor]]></name>
	// <category id="21" name="Plecaki"><name xml:lang="pol"><![CDATA[Plecaki]]></name></category>
	// </category>
	// </categories>
}

func ExampleWriter_AppendSizes() {
	d := &feed.Dictionaries{SizeGroups: []feed.SizeGroup{{ID: "1", Name: "Clothes", Sizes: []feed.SizeEntry{{ID: "3", Names: feed.Texts{{Lang: feed.MustLanguage("eng"), Value: "S"}}}}}}}
	fmt.Print(string(exampleWriter().AppendSizes(nil, d, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <sizes file_format="IOF" version="3.0" language="pol">
	// <group id="-1" name="One size">
	// <size id="uniw" name="one size"/>
	// </group>
	// <group id="1" name="Clothes">
	// <size id="3" name="S"><name xml:lang="eng"><![CDATA[S]]></name></size>
	// </group>
	// </sizes>
}

func ExampleWriter_AppendProducers() {
	d := &feed.Dictionaries{Producers: []feed.Ref{{ID: "502", Name: "Knit & Co"}}}
	fmt.Print(string(exampleWriter().AppendProducers(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <producers file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <producer id="502" name="Knit &amp; Co"/>
	// </producers>
}

func ExampleWriter_AppendParameters() {
	d := &feed.Dictionaries{Parameters: []feed.ParameterEntry{{ID: "61", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kolor"}}}}}
	fmt.Print(string(exampleWriter().AppendParameters(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <parameters file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <parameters>
	// <parameter id="61" name="Kolor"><name xml:lang="pol"><![CDATA[Kolor]]></name></parameter>
	// </parameters>
	// </parameters>
}

func ExampleWriter_AppendStocks() {
	d := &feed.Dictionaries{Warehouses: []feed.Warehouse{{ID: 1, Names: feed.Texts{{Lang: feed.MustLanguage("eng"), Value: "Main"}}}}}
	fmt.Print(string(exampleWriter().AppendStocks(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <stocks file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <stock id="1" name="Main"><name xml:lang="eng"><![CDATA[Main]]></name></stock>
	// </stocks>
}

func ExampleWriter_AppendSeries() {
	d := &feed.Dictionaries{Series: []feed.SeriesEntry{{ID: "7", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Szlak"}}}}}
	fmt.Print(string(exampleWriter().AppendSeries(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <series file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <series id="7" name="Szlak"><name xml:lang="pol"><![CDATA[Szlak]]></name></series>
	// </series>
}

func ExampleWriter_AppendWarranties() {
	d := &feed.Dictionaries{Warranties: []feed.Warranty{{ID: "2", Kind: feed.WarrantyProducer, Months: feed.IntOf(24), Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "24 mies."}}}}}
	fmt.Print(string(exampleWriter().AppendWarranties(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <warranties file_format="IOF" version="3.0" generated_by="example" language="pol">
	// <warranty id="2" name="24 mies."><terms type="producer" period_number="24" period_unit="month"/><name xml:lang="pol"><![CDATA[24 mies.]]></name></warranty>
	// </warranties>
}

func ExamplePreset_Validate() {
	p := iof.Preset{Settings: []iof.Setting{{Name: "update_price", Value: "yes"}}}
	fmt.Println(p.Validate())
	// Output: preset setting update_price: "yes" is not a whole number
}
