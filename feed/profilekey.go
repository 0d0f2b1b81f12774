package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// FullKey names the full feed of the profile: 32 hex digits that are equal for
// profiles whose full files are equal on every catalog and under all [Terms].
// Discounts are not in it, because full shows list prices; a price list is,
// because it may decide which products are in.
func (p *Profile) FullKey() string { return p.key(false) }

// LightKey names the light feed of the profile, discounts included.
func (p *Profile) LightKey() string { return p.key(true) }

// key digests the canonical form: fields in a fixed order, each with its name
// and its length, rule lists sorted because their order means nothing.
func (p *Profile) key(light bool) string {
	var b []byte
	put := func(name string, values ...string) {
		b = append(b, name...)
		for _, v := range values {
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(len(v)), 10)
			b = append(b, ':')
			b = append(b, v...)
		}
		b = append(b, '\n')
	}
	flag := func(name string, v bool) {
		if v {
			put(name)
		}
	}
	put("version", "1")
	for i, l := range p.Languages {
		if i == 0 || !p.Dialect.SingleLanguage {
			put("language", l.String())
		}
	}
	put("currency", p.Currency.String())
	rates := slices.Clone(p.Rates)
	slices.SortFunc(rates, func(x, y ExchangeRate) int { return int(x.From.n) - int(y.From.n) })
	for _, r := range rates {
		put("rate", r.From.String(), r.Rate.String())
	}
	put("base", strconv.Itoa(int(p.Base)))
	put("lead", strconv.Itoa(int(p.Lead)))
	if p.PriceList != "" {
		put("price-list", string(p.PriceList), strconv.FormatBool(p.OnlyListed))
	}
	rules := func(name string, list []Rule) {
		lines := make([]string, 0, len(list))
		for _, r := range list {
			lines = append(lines, strconv.Itoa(int(r.Field))+"="+r.Value)
		}
		slices.Sort(lines)
		put(name, slices.Compact(lines)...)
	}
	rules("include", p.Assortment.Include)
	rules("exclude", p.Assortment.Exclude)
	flag("in-stock-only", p.Assortment.InStockOnly)
	for _, w := range slices.Compact(slices.Sorted(slices.Values(p.Stock.Warehouses))) {
		put("warehouse", strconv.Itoa(int(w)))
	}
	flag("per-warehouse", p.Stock.PerWarehouse)
	put("stock", p.Stock.Buffer.String(), p.Stock.Cap.String(), strconv.FormatBool(p.Stock.Cap.Known()), p.Stock.UnlimitedAs().String())
	d := &p.Dialect
	flag("default-namespace", d.DefaultNamespace)
	flag("escaped-text", d.EscapedText)
	flag("single-language", d.SingleLanguage)
	flag("one-size-zero", d.OneSizeZero)
	flag("swap-codes", d.SwapCodes)
	if site, ok := p.Site.Get(); ok {
		put("site", strconv.Itoa(int(site)))
	}
	flag("csv", p.CSV)
	if light {
		put("overall", p.Discounts.Overall.String())
		discounts := func(name string, list []DiscountRule) {
			sorted := slices.Clone(list)
			slices.SortFunc(sorted, func(x, y DiscountRule) int { return strings.Compare(x.Key, y.Key) })
			for _, r := range sorted {
				put(name, r.Key, r.Percent.String())
			}
		}
		discounts("category-discount", p.Discounts.Categories)
		discounts("producer-discount", p.Discounts.Producers)
		discounts("product-discount", p.Discounts.Products)
	} else {
		flag("no-bundles", d.NoBundles)
		flag("full-without-stock", d.FullWithoutStock)
		flag("all-extensions", d.AllExtensions)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// UnlimitedAs gives what unlimited stock is written as: [StockPolicy].Unlimited, or 999.
func (s *StockPolicy) UnlimitedAs() Quantity {
	if s.Unlimited.Known() {
		return s.Unlimited
	}
	return Pieces(DefaultUnlimited)
}
