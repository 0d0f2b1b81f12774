package iof_test

import (
	"context"
	"fmt"
	"strings"

	"feedmill/feed"
	"feedmill/feed/iof"
)

func ExampleReader() {
	file := strings.NewReader(`<offer file_format="IOF" version="3.0" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml">
<products language="pol" currency="PLN">
<product id="101" vat="23.0" type="regular">
  <description><name xml:lang="pol"><![CDATA[Plecak]]></name></description>
  <price gross="123" />
  <sizes iaiext:group_id="-1"><size id="0" code="101-0"><stock id="1" quantity="7.000"/></size></sizes>
</product>
<product id="102" removed="yes"/>
<product id="A-103"/>
</products></offer>`)
	r := iof.NewReader(file, iof.ReadOptions{
		Report: func(line int, product, field, message string, level iof.Level) {
			fmt.Printf("line %d: %s: product %s, %s: %s\n", line, level, product, field, message)
		},
		Removed: func(id feed.ProductID) { fmt.Println("removed:", id) },
	})
	for p, err := range r.Products(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.ID, p.Names[0].Value, p.Prices.List.Net.Text(p.Currency), p.Sizes[0].Code, p.Sizes[0].Stock[0].Quantity)
	}
	// Output:
	// 101 Plecak 100.00 101-0 7
	// removed: 102
	// line 9: error: product A-103, @id: "A-103" is not a product id: a whole number from 1 to 9007199254740991
}

func ExampleReadDictionary() {
	file := strings.NewReader(`<categories language="pol"><category id="20" name="Turystyka"><name xml:lang="eng">Outdoor</name><category id="21" name="Plecaki"/></category></categories>`)
	var d feed.Dictionaries
	if err := iof.ReadDictionary(file, feed.KindCategories, &d); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range d.Categories {
		fmt.Printf("%s under %q: %s\n", c.ID, c.Parent, c.Names[0].Value)
	}
	// Output:
	// 20 under "": Turystyka
	// 21 under "20": Plecaki
}

func ExampleOpenLight() {
	light := strings.NewReader(`<offer><products currency="PLN"><product id="101" vat="23"><price gross="110.70" net="90"/><sizes><size id="0" code="101-0"><stock id="1" quantity="3"/></size></sizes></product></products></offer>`)
	full := strings.NewReader(`<offer><products currency="PLN"><product id="101" vat="23" type="regular"><price gross="123" net="100"/><sizes><size id="uniw" code="101-0"><stock id="1" quantity="7"/></size></sizes></product></products></offer>`)
	ctx := context.Background()
	l, err := iof.OpenLight(ctx, light, "", iof.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	for p, err := range iof.NewReader(full, iof.ReadOptions{}).Products(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		found, err := l.Apply(p)
		fmt.Println(p.ID, found, err, p.Prices.List.Net.Text(p.Currency), p.Sizes[0].Stock[0].Quantity)
	}
	// Output: 101 true <nil> 90.00 3
}
