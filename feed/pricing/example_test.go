package pricing_test

import (
	"fmt"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

func exampleProduct() *feed.Product {
	vat, _ := feed.ParsePercent("23")
	return &feed.Product{
		ID: 101, Currency: feed.MustCurrency("PLN"), VAT: vat,
		Category: feed.Reference{ID: "11"},
		Prices:   feed.Prices{List: price(20000, 24600), Minimal: price(15000, 18450)},
		Sizes:    []feed.Size{{ID: "uniw", Code: "101-uniw", Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(7)}, {Warehouse: 2, Quantity: feed.Unlimited()}}}},
	}
}

func exampleProfile() *feed.Profile {
	ten, _ := feed.ParsePercent("10")
	rate, _ := feed.ParseRate("0.2345")
	return &feed.Profile{
		Currency:  feed.MustCurrency("EUR"),
		Rates:     []feed.ExchangeRate{{From: feed.MustCurrency("PLN"), Rate: rate}},
		Discounts: feed.Discounts{Categories: []feed.DiscountRule{{Key: "Sport", Percent: ten}}},
		Stock:     feed.StockPolicy{Cap: feed.Pieces(50)},
	}
}

func ExampleCompile() {
	rules, err := pricing.Compile(exampleProfile(), feed.NewIndex(dictionaries()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var item feed.Item // kept for the next product
	if v := rules.Apply(&item, exampleProduct()); !v.Included {
		fmt.Println(v.Reason)
		return
	}
	c := item.Currency
	fmt.Println("full ", item.Full.Price.Net.Text(c), item.Full.Price.Gross.Text(c), c)
	fmt.Println("light", item.Light.Price.Net.Text(c), item.Light.Price.Gross.Text(c), c)
	fmt.Println("stock", item.Sizes[0].Stock[0].Quantity)
	// Output:
	// full  46.90 57.69 EUR
	// light 42.21 51.92 EUR
	// stock 50
}

func ExampleRules_Explain() {
	rules, err := pricing.Compile(exampleProfile(), feed.NewIndex(dictionaries()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(rules.Explain(exampleProduct()))
	// Output:
	// product 101: in the offer
	//   no assortment rules: every product is in
	//   list price of the product
	//     base      200  list price, net
	//     rate      46.9  1 PLN = 0.2345 EUR, the offer's own rate
	//     rounding  46.9  half up to 2 decimals
	//     VAT       57.69  gross at 23.0 %
	//   partner's price of the product
	//     base      200  list price, net
	//     rate      46.9  1 PLN = 0.2345 EUR, the offer's own rate
	//     discount  42.21  less 10.0 % for category "Sport"
	//     floor     42.21  not below the minimal price 35.175
	//     rounding  42.21  half up to 2 decimals
	//     VAT       51.92  gross at 23.0 %
	//   list price of size "101-uniw"
	//     base      200  list price of the product, net
	//     rate      46.9  1 PLN = 0.2345 EUR, the offer's own rate
	//     rounding  46.9  half up to 2 decimals
	//     VAT       57.69  gross at 23.0 %
	//   partner's price of size "101-uniw"
	//     base      200  list price of the product, net
	//     rate      46.9  1 PLN = 0.2345 EUR, the offer's own rate
	//     discount  42.21  less 10.0 % for category "Sport"
	//     floor     42.21  not below the minimal price 35.175
	//     rounding  42.21  half up to 2 decimals
	//     VAT       51.92  gross at 23.0 %
	//   stock of size "101-uniw"
	//     warehouse 1: 7
	//     warehouse 2: unlimited
	//     at most 50 are shown
	//     shown in warehouse 1: 50
}
