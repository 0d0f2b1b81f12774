package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"

	"feedmill/feed"
)

// profileFile is a profile as people write it. Every key has a default, so the
// empty file is a profile; docs/profile.md explains them.
type profileFile struct {
	Languages  []string       `toml:"languages"`
	Currency   string         `toml:"currency"`
	Base       string         `toml:"base"`
	Lead       string         `toml:"lead"`
	PriceList  string         `toml:"price_list"`
	OnlyListed bool           `toml:"only_listed"`
	Site       *int32         `toml:"site"`
	CSV        bool           `toml:"csv"`
	Rates      map[string]any `toml:"rates"`
	Discount   struct {
		Overall  any            `toml:"overall"`
		Category map[string]any `toml:"category"`
		Producer map[string]any `toml:"producer"`
		Product  map[string]any `toml:"product"`
	} `toml:"discount"`
	Assortment struct {
		OnlyInStock bool       `toml:"only_in_stock"`
		Include     []ruleFile `toml:"include"`
		Exclude     []ruleFile `toml:"exclude"`
	} `toml:"assortment"`
	Stock struct {
		Warehouses   []int32 `toml:"warehouses"`
		PerWarehouse bool    `toml:"per_warehouse"`
		Buffer       any     `toml:"buffer"`
		Cap          any     `toml:"cap"`
		Unlimited    any     `toml:"unlimited"`
	} `toml:"stock"`
	Dialect struct {
		DefaultNamespace bool `toml:"default_namespace"`
		EscapedText      bool `toml:"escaped_text"`
		SingleLanguage   bool `toml:"single_language"`
		OneSizeZero      bool `toml:"one_size_zero"`
		SwapCodes        bool `toml:"swap_codes"`
		NoBundles        bool `toml:"no_bundles"`
		FullWithoutStock bool `toml:"full_without_stock"`
		AllExtensions    bool `toml:"all_extensions"`
	} `toml:"dialect"`
}

type ruleFile struct {
	Category string `toml:"category"`
	Producer string `toml:"producer"`
	Product  string `toml:"product"`
	Tag      string `toml:"tag"`
}

// ReadProfile reads a profile file (TOML). Errors name the file, the line or
// key and what is allowed there.
func ReadProfile(path string) (feed.Profile, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return feed.Profile{}, feed.Errorf(feed.KindNotFound, "read profile: there is no file %q", path)
	}
	if err != nil {
		return feed.Profile{}, fmt.Errorf("read profile: %w", err)
	}
	p, err := ParseProfile(data)
	if err != nil {
		return feed.Profile{}, &feed.Error{Kind: feed.KindInvalid, Message: inFile("profile "+path, err).Error()}
	}
	return p, nil
}

// ParseProfile reads the text of a profile file.
func ParseProfile(data []byte) (feed.Profile, error) {
	var f profileFile
	text, err := decodeStrict(data, &f)
	if err != nil {
		return feed.Profile{}, err
	}
	var errs []error
	fail := func(key string, err error) {
		if err != nil {
			errs = append(errs, text.wrong(key, err))
		}
	}
	p := feed.Profile{CSV: f.CSV, PriceList: feed.PriceListID(f.PriceList), OnlyListed: f.OnlyListed}
	for i, s := range f.Languages {
		l, err := feed.ParseLanguage(s)
		fail(fmt.Sprintf("languages[%d]", i), err)
		p.Languages = append(p.Languages, l)
	}
	if f.Currency != "" {
		p.Currency, err = feed.ParseCurrency(f.Currency)
		fail("currency", err)
	}
	switch f.Base {
	case "", "retail":
	case "wholesale":
		p.Base = feed.BaseWholesale
	default:
		fail("base", fmt.Errorf("%q is neither retail nor wholesale", f.Base))
	}
	switch f.Lead {
	case "", "net":
	case "gross":
		p.Lead = feed.LeadGross
	default:
		fail("lead", fmt.Errorf("%q is neither net nor gross", f.Lead))
	}
	if f.Site != nil {
		p.Site = feed.IntOf(*f.Site)
	}
	for _, code := range slices.Sorted(maps.Keys(f.Rates)) {
		from, err := feed.ParseCurrency(code)
		fail("rates."+code, err)
		rate, err := feed.ParseRate(number(f.Rates[code]))
		fail("rates."+code, err)
		p.Rates = append(p.Rates, feed.ExchangeRate{From: from, Rate: rate})
	}
	slices.SortFunc(p.Rates, func(a, b feed.ExchangeRate) int { return cmp.Compare(a.From.String(), b.From.String()) })
	if f.Discount.Overall != nil {
		p.Discounts.Overall, err = feed.ParseDiscount(number(f.Discount.Overall))
		fail("discount.overall", err)
	}
	for _, d := range []struct {
		name string
		from map[string]any
		to   *[]feed.DiscountRule
	}{
		{"category", f.Discount.Category, &p.Discounts.Categories},
		{"producer", f.Discount.Producer, &p.Discounts.Producers},
		{"product", f.Discount.Product, &p.Discounts.Products},
	} {
		for _, key := range slices.Sorted(maps.Keys(d.from)) {
			pct, err := feed.ParseDiscount(number(d.from[key]))
			fail("discount."+d.name+"."+strconv.Quote(key), err)
			*d.to = append(*d.to, feed.DiscountRule{Key: key, Percent: pct})
		}
	}
	p.Assortment.InStockOnly = f.Assortment.OnlyInStock
	p.Assortment.Include = rules("assortment.include", f.Assortment.Include, fail)
	p.Assortment.Exclude = rules("assortment.exclude", f.Assortment.Exclude, fail)
	for i, w := range f.Stock.Warehouses {
		if w < 0 {
			fail(fmt.Sprintf("stock.warehouses[%d]", i), fmt.Errorf("%d is not a warehouse number", w))
		}
		p.Stock.Warehouses = append(p.Stock.Warehouses, feed.WarehouseID(w))
	}
	p.Stock.PerWarehouse = f.Stock.PerWarehouse
	for _, q := range []struct {
		name string
		from any
		to   *feed.Quantity
	}{{"buffer", f.Stock.Buffer, &p.Stock.Buffer}, {"cap", f.Stock.Cap, &p.Stock.Cap}, {"unlimited", f.Stock.Unlimited, &p.Stock.Unlimited}} {
		if q.from != nil {
			*q.to, err = feed.ParseQuantity(number(q.from))
			fail("stock."+q.name, err)
		}
	}
	d := f.Dialect
	p.Dialect = feed.Dialect{DefaultNamespace: d.DefaultNamespace, EscapedText: d.EscapedText, SingleLanguage: d.SingleLanguage,
		OneSizeZero: d.OneSizeZero, SwapCodes: d.SwapCodes, NoBundles: d.NoBundles, FullWithoutStock: d.FullWithoutStock, AllExtensions: d.AllExtensions}
	if err := errors.Join(errs...); err != nil {
		return feed.Profile{}, err
	}
	return p, p.Validate()
}

// rules reads assortment rules, each with exactly one key.
func rules(name string, list []ruleFile, fail func(string, error)) (out []feed.Rule) {
	for i, r := range list {
		n := 0
		for _, f := range []struct {
			field feed.RuleField
			value string
		}{{feed.RuleCategory, r.Category}, {feed.RuleProducer, r.Producer}, {feed.RuleProduct, r.Product}, {feed.RuleTag, r.Tag}} {
			if f.value != "" {
				out = append(out, feed.Rule{Field: f.field, Value: f.value})
				n++
			}
		}
		if n != 1 {
			fail(fmt.Sprintf("%s[%d]", name, i), errors.New("give exactly one of category, producer, product and tag"))
		}
	}
	return out
}

// number gives the text of a TOML value that stands for a number. A float's
// shortest text is what the file says as long as it has at most 15 digits.
func number(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// ReadSupplier reads a supplier file (TOML), whose keys are those of the
// gateway's meta block (IOF 2.2).
func ReadSupplier(path string) (feed.Supplier, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return feed.Supplier{}, fmt.Errorf("read supplier: %w", err)
	}
	var f struct {
		Name      string `toml:"name"`
		ShortName string `toml:"short_name"`
		LogoURL   string `toml:"logo_url"`
		Email     string `toml:"email"`
		Phone     string `toml:"phone"`
		Fax       string `toml:"fax"`
		Website   string `toml:"website"`
		Street    string `toml:"street"`
		Zipcode   string `toml:"zipcode"`
		City      string `toml:"city"`
		Country   string `toml:"country"`
		Province  string `toml:"province"`
	}
	if _, err := decodeStrict(data, &f); err != nil {
		return feed.Supplier{}, &feed.Error{Kind: feed.KindInvalid, Message: inFile("supplier "+path, err).Error()}
	}
	if f.Name == "" {
		return feed.Supplier{}, &feed.Error{Kind: feed.KindInvalid, Message: "supplier " + path + ": name is missing"}
	}
	s := feed.Supplier{Name: f.Name, ShortName: f.ShortName, LogoURL: f.LogoURL, Email: f.Email, Phone: f.Phone, Fax: f.Fax,
		Website: f.Website, Street: f.Street, Zipcode: f.Zipcode, City: f.City, Country: f.Country, Province: f.Province}
	for _, t := range []*string{&s.Name, &s.ShortName, &s.LogoURL, &s.Email, &s.Phone, &s.Fax, &s.Website, &s.Street, &s.Zipcode, &s.City, &s.Country, &s.Province} {
		*t, _ = feed.Clean(*t)
	}
	s.Website, s.LogoURL = feed.LowerScheme(s.Website), feed.LowerScheme(s.LogoURL)
	return s, nil
}
