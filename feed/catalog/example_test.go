package catalog_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

func Example() {
	s, err := catalog.Open([]string{"testdata/sample.jsonl"}, catalog.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for p, err := range s.Products(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.ID, p.Names.Pick(nil), p.Prices.List.Gross.Text(p.Currency), p.Currency)
	}
	fmt.Println(s.Err(), len(s.Dictionaries().Categories), "categories")
	// Output:
	// 1 Kubek biały 12.30 PLN
	// 2 Kubek duży 12.30 PLN
	// 1872019248486181 Talerz 20.00 EUR
	// <nil> 4 categories
}

func ExampleOpen_problems() {
	s, err := catalog.Open([]string{"-"}, catalog.Options{
		DefaultCurrency: feed.MustCurrency("PLN"), HasDefaultVAT: true, DefaultLanguage: feed.MustLanguage("pol"),
		Stdin: strings.NewReader("id;name;category;price;stock\n7;Kubek;Kuchnia;12,30;5\n8;Talerz;Kuchnia;20;-3\n"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for p := range s.Products(context.Background()) {
		fmt.Println("read", p.ID)
	}
	for _, problem := range s.Problems() {
		fmt.Println(problem)
	}
	fmt.Println(s.Err())
	// Output:
	// read 7
	// standard input:3: product 8: stock: "-3" is below 0 (write 0 for what is sold out, and unlimited for what never runs out)
	// 1 problem, nothing imported
}

func ExampleSorted() {
	s, err := catalog.Open([]string{"-"}, catalog.Options{
		DefaultCurrency: feed.MustCurrency("PLN"), HasDefaultVAT: true, DefaultCategory: "Inne", DefaultLanguage: feed.MustLanguage("pol"),
		Stdin: strings.NewReader(`{"id":9,"name":"b","price":1}` + "\n" + `{"id":3,"name":"a","price":1}` + "\n"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for p, err := range catalog.Sorted(ctx, s.Products(ctx), os.TempDir(), 64<<20) {
		fmt.Println(p.ID, err)
	}
	// Output:
	// 3 <nil>
	// 9 <nil>
}

func ExampleAscending() {
	products := func(yield func(*feed.Product, error) bool) {
		_ = yield(&feed.Product{ID: 9}, nil) && yield(&feed.Product{ID: 3}, nil)
	}
	for p, err := range catalog.Ascending(products) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(p.ID)
	}
	// Output:
	// 9
	// product 3 behind 9: products are not in ascending order of their ids
}

func ExampleAppendJSON() {
	vat, _ := feed.ParsePercent("23")
	p := &feed.Product{
		ID: 7, VAT: vat, Currency: feed.MustCurrency("PLN"),
		Names:     feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kubek"}},
		Category:  feed.Reference{ID: "21", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kuchnia/Kubki"}}},
		SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
		Sizes:     []feed.Size{{ID: "uniw", Name: "one size", Code: "KUB-7"}},
	}
	fmt.Print(string(catalog.AppendJSON(nil, p)), string(catalog.AppendRemoved(nil, 8)))
	// Output:
	// {"id":7,"vat":23.0,"currency":"PLN","category":{"id":"21","name":{"pol":"Kuchnia/Kubki"}},"name":{"pol":"Kubek"},"size_group":{"id":"-1","name":"one size"},"sizes":[{"id":"uniw","name":"one size","code":"KUB-7"}]}
	// {"id":8,"removed":true}
}

func ExampleAppendDictionaries() {
	pol := feed.MustLanguage("pol")
	lines := catalog.AppendDefaults(nil, catalog.Defaults{Language: pol, Currency: feed.MustCurrency("PLN")})
	lines = catalog.AppendDictionaries(lines, &feed.Dictionaries{Units: []feed.Unit{{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}}}})
	fmt.Print(string(lines))
	// Output:
	// {"record":"catalog","language":"pol","currency":"PLN"}
	// {"record":"unit","id":"0","name":{"pol":"szt."}}
}

func ExampleCollector() {
	pol := feed.MustLanguage("pol")
	c := catalog.NewCollector(nil)
	c.Observe(&feed.Product{Category: feed.Reference{ID: "21", Names: feed.Texts{{Lang: pol, Value: "Kuchnia/Kubki"}}}})
	for _, g := range c.Dictionaries().Categories {
		fmt.Printf("%q under %q: %s\n", g.ID, g.Parent, g.Names.Pick(nil))
	}
	// Output:
	// "1735120955451430" under "": Kuchnia
	// "21" under "1735120955451430": Kubki
}

func ExampleDeriveID() {
	fmt.Println(catalog.DeriveID("OLD/77"))
	// Output: 2041403248381345
}

func ExampleParseFormat() {
	f, err := catalog.ParseFormat("shopify")
	fmt.Println(f, err)
	// Output: shopify <nil>
}
