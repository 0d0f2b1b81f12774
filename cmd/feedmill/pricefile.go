package main

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/partner"
)

// priceFileFlags name a price list in a file, for offers without records.
type priceFileFlags struct {
	PriceList         string `placeholder:"FILE" help:"Prices that the profile's price_list stands for: a table with the columns product or code, and price, or lines of JSON."`
	PriceListCurrency string `placeholder:"CODE" help:"Currency of these prices; without it the profile's, or else the catalog's."`
	PriceListGross    bool   `help:"These prices are gross; without it they are net."`
}

// listedPrices are the prices of a file, to be joined with a catalog. A code is
// a size's own here: what else it may be is known only behind the last product.
type listedPrices struct {
	file      string
	list      feed.PriceListID
	terms     feed.Terms
	byProduct map[feed.ProductID][]feed.ListedPrice
	byCode    map[string]feed.ListedPrice
	unused    map[string]int64 // lines that name nothing yet, by product and code
	twice     []listedTwice
}

// listedTwice is a line whose product and code stand in an earlier one.
type listedTwice struct{ line, first int64 }

// maxListedWarnings is how many lines are told of each kind of warning.
const maxListedWarnings = 20

// openPriceFile reads the file that the flags name.
func (f *priceFileFlags) openPriceFile(w *world, profile *feed.Profile, currency feed.Currency) (*listedPrices, error) {
	l := &listedPrices{file: f.PriceList, list: profile.PriceList, byProduct: map[feed.ProductID][]feed.ListedPrice{}, byCode: map[string]feed.ListedPrice{}, unused: map[string]int64{}}
	switch {
	case f.PriceList == "" && l.list == "":
		return l, nil
	case f.PriceList == "":
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("the profile takes its prices from price list %q", l.list), Hint: "give its file with --price-list"}
	case l.list == "":
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "--price-list is given, and the profile names no price_list", Hint: "write price_list = \"name\" into the profile"}
	}
	head := feed.PriceList{ID: l.list, Name: string(l.list), Currency: currency}
	if !profile.Currency.IsZero() {
		head.Currency = profile.Currency
	}
	if f.PriceListCurrency != "" {
		c, err := feed.ParseCurrency(f.PriceListCurrency)
		if err != nil {
			return nil, usage("--price-list-currency", err)
		}
		head.Currency = c
	}
	if head.Currency.IsZero() {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "the currency of the price list is not known", Hint: "give --price-list-currency"}
	}
	if f.PriceListGross {
		head.Lead = feed.LeadGross
	}
	l.terms.Lists = []feed.PriceList{head}
	file, err := openInput("price list", f.PriceList)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	first := map[string]int64{}
	problems, err := catalog.ReadPrices(file, catalog.PriceOptions{Name: f.PriceList, Currency: head.Currency}, func(p catalog.PriceLine) {
		key := listedKey(p.Product, p.Code)
		if at, twice := first[key]; twice {
			l.twice = append(l.twice, listedTwice{p.Line, at})
			return
		}
		first[key] = p.Line
		if p.Remove {
			return
		}
		l.unused[key] = p.Line
		row := feed.ListedPrice{List: l.list, Code: p.Code, Amount: p.Amount}
		if p.Product != 0 {
			l.byProduct[p.Product] = append(l.byProduct[p.Product], row)
		} else {
			l.byCode[p.Code] = row
		}
	})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(w.stderr, p)
		}
		return nil, feed.Errorf(feed.KindInvalid, "%s cannot be used: problems: %d", f.PriceList, len(problems))
	}
	return l, nil
}

func listedKey(product feed.ProductID, code string) string {
	return fmt.Sprintf("%d %s", product, code)
}

// join adds the prices to the products of a catalog.
func (l *listedPrices) join(products func(context.Context) iter.Seq2[*feed.Product, error]) func(context.Context) iter.Seq2[*feed.Product, error] {
	if l.list == "" {
		return products
	}
	return func(ctx context.Context) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			for p, err := range products(ctx) {
				if err == nil {
					l.add(p)
				}
				if !yield(p, err) {
					return
				}
			}
		}
	}
}

func (l *listedPrices) add(p *feed.Product) {
	p.Listed = append(p.Listed[:0], l.byProduct[p.ID]...)
	for _, row := range p.Listed {
		delete(l.unused, listedKey(p.ID, row.Code))
	}
	for i := range p.Sizes {
		code := p.Sizes[i].Code
		row, ok := l.byCode[code]
		if !ok || code == "" {
			continue
		}
		delete(l.unused, listedKey(0, row.Code))
		if !slices.ContainsFunc(p.Listed, func(o feed.ListedPrice) bool { return o.Code == row.Code }) {
			p.Listed = append(p.Listed, row)
		}
	}
	slices.SortFunc(p.Listed, partner.CompareListed)
}

// warn tells of lines that say again what an earlier one says, and of those that
// name nothing.
func (l *listedPrices) warn(w *world) {
	var nothing []int64
	for _, line := range l.unused {
		nothing = append(nothing, line)
	}
	slices.Sort(nothing)
	for _, t := range l.twice[:min(len(l.twice), maxListedWarnings)] {
		fmt.Fprintf(w.stderr, "%s:%d: warning: stands in line %d already, which counts\n", l.file, t.line, t.first)
	}
	for _, line := range nothing[:min(len(nothing), maxListedWarnings)] {
		fmt.Fprintf(w.stderr, "%s:%d: warning: names nothing in the catalog (a code is a size's own here)\n", l.file, line)
	}
	if n := max(len(l.twice)-maxListedWarnings, 0) + max(len(nothing)-maxListedWarnings, 0); n > 0 {
		fmt.Fprintf(w.stderr, "and %d more warnings\n", n)
	}
}
