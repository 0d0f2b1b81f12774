package partner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"feedmill/feed"
)

// The stored forms of a profile and a supplier: JSON with names of its own, so
// that renaming a field of the program leaves the records readable. What stands
// at its default is left out, the order of fields is fixed: equal values have
// equal texts. A field that this program does not know is refused, because a
// profile without it would make other bytes than its owner asked for.

type profileDoc struct {
	Languages  []feed.Language `json:"languages,omitempty"`
	Currency   string          `json:"currency,omitempty"`
	Rates      []rateDoc       `json:"rates,omitempty"`
	Base       string          `json:"base,omitempty"`
	Lead       string          `json:"lead,omitempty"`
	PriceList  string          `json:"price_list,omitempty"`
	OnlyListed bool            `json:"only_listed,omitempty"`
	Discounts  discountsDoc    `json:"discounts,omitzero"`
	Assortment assortmentDoc   `json:"assortment,omitzero"`
	Stock      stockDoc        `json:"stock,omitzero"`
	Dialect    dialectDoc      `json:"dialect,omitzero"`
	Site       *int32          `json:"site,omitempty"`
	CSV        bool            `json:"csv,omitempty"`
}

type rateDoc struct {
	From string `json:"from"`
	Rate string `json:"rate"`
}

type discountsDoc struct {
	Overall    string        `json:"overall,omitempty"`
	Categories []discountDoc `json:"categories,omitempty"`
	Producers  []discountDoc `json:"producers,omitempty"`
	Products   []discountDoc `json:"products,omitempty"`
}

// IsZero is for omitzero: the type holds slices and has no ==.
func (d discountsDoc) IsZero() bool {
	return d.Overall == "" && len(d.Categories)+len(d.Producers)+len(d.Products) == 0
}

type discountDoc struct {
	Key     string `json:"key"`
	Percent string `json:"percent"`
}

type assortmentDoc struct {
	Include     []ruleDoc `json:"include,omitempty"`
	Exclude     []ruleDoc `json:"exclude,omitempty"`
	InStockOnly bool      `json:"in_stock_only,omitempty"`
}

// IsZero is for omitzero.
func (a assortmentDoc) IsZero() bool {
	return len(a.Include)+len(a.Exclude) == 0 && !a.InStockOnly
}

type ruleDoc struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

type stockDoc struct {
	Warehouses   []feed.WarehouseID `json:"warehouses,omitempty"`
	PerWarehouse bool               `json:"per_warehouse,omitempty"`
	Buffer       string             `json:"buffer,omitempty"`
	Cap          string             `json:"cap,omitempty"`
	Unlimited    string             `json:"unlimited,omitempty"`
}

// IsZero is for omitzero.
func (s stockDoc) IsZero() bool {
	return len(s.Warehouses) == 0 && !s.PerWarehouse && s.Buffer+s.Cap+s.Unlimited == ""
}

type dialectDoc struct {
	DefaultNamespace bool `json:"default_namespace,omitempty"`
	EscapedText      bool `json:"escaped_text,omitempty"`
	SingleLanguage   bool `json:"single_language,omitempty"`
	OneSizeZero      bool `json:"one_size_zero,omitempty"`
	SwapCodes        bool `json:"swap_codes,omitempty"`
	NoBundles        bool `json:"no_bundles,omitempty"`
	FullWithoutStock bool `json:"full_without_stock,omitempty"`
	AllExtensions    bool `json:"all_extensions,omitempty"`
}

var (
	baseNames  = [...]string{feed.BaseRetail: "", feed.BaseWholesale: "wholesale"}
	leadNames  = [...]string{feed.LeadNet: "", feed.LeadGross: "gross"}
	fieldNames = [...]string{feed.RuleCategory: "category", feed.RuleProducer: "producer", feed.RuleProduct: "product", feed.RuleTag: "tag"}
)

// EncodeProfile gives the stored form of a profile. Equal profiles have equal forms.
func EncodeProfile(p *feed.Profile) ([]byte, error) {
	if int(p.Base) >= len(baseNames) || int(p.Lead) >= len(leadNames) {
		return nil, feed.Errorf(feed.KindInvalid, "price base %d or leading side %d is not known", p.Base, p.Lead)
	}
	d := profileDoc{
		Languages:  p.Languages,
		Currency:   p.Currency.String(),
		Base:       baseNames[p.Base],
		Lead:       leadNames[p.Lead],
		PriceList:  string(p.PriceList),
		OnlyListed: p.OnlyListed,
		Discounts:  discountsDocOf(&p.Discounts),
		Assortment: assortmentDoc{InStockOnly: p.Assortment.InStockOnly},
		Stock: stockDoc{
			Warehouses: p.Stock.Warehouses, PerWarehouse: p.Stock.PerWarehouse,
			Buffer: quantityText(p.Stock.Buffer), Cap: quantityText(p.Stock.Cap), Unlimited: quantityText(p.Stock.Unlimited),
		},
		Dialect: dialectDoc(p.Dialect),
		CSV:     p.CSV,
	}
	for _, r := range p.Rates {
		d.Rates = append(d.Rates, rateDoc{r.From.String(), r.Rate.String()})
	}
	var err error
	if d.Assortment.Include, err = ruleDocs(p.Assortment.Include); err != nil {
		return nil, err
	}
	if d.Assortment.Exclude, err = ruleDocs(p.Assortment.Exclude); err != nil {
		return nil, err
	}
	if site, ok := p.Site.Get(); ok {
		d.Site = &site
	}
	return encode(d)
}

// DecodeProfile reads what [EncodeProfile] writes, and validates it.
func DecodeProfile(b []byte) (feed.Profile, error) {
	var d profileDoc
	if err := decode(b, &d); err != nil {
		return feed.Profile{}, fmt.Errorf("read profile: %w", err)
	}
	p, err := d.profile()
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return feed.Profile{}, fmt.Errorf("read profile: %w", err)
	}
	return p, nil
}

func (d *profileDoc) profile() (p feed.Profile, err error) {
	// The first mistake is the one reported; what follows it is read in vain.
	fail := func(e error) {
		if err == nil && e != nil {
			err = e
		}
	}
	p.Languages = d.Languages
	if d.Currency != "" {
		c, e := feed.ParseCurrency(d.Currency)
		fail(e)
		p.Currency = c
	}
	for _, r := range d.Rates {
		from, e := feed.ParseCurrency(r.From)
		fail(e)
		rate, e := feed.ParseRate(r.Rate)
		fail(e)
		p.Rates = append(p.Rates, feed.ExchangeRate{From: from, Rate: rate})
	}
	base, e := nameIndex(baseNames[:], d.Base, "price base")
	fail(e)
	lead, e := nameIndex(leadNames[:], d.Lead, "leading side")
	fail(e)
	p.Base, p.Lead = feed.PriceBase(base), feed.PriceLead(lead)
	p.PriceList, p.OnlyListed = feed.PriceListID(d.PriceList), d.OnlyListed

	if d.Discounts.Overall != "" {
		p.Discounts.Overall, e = feed.ParseDiscount(d.Discounts.Overall)
		fail(e)
	}
	p.Discounts.Categories, e = discountRules(d.Discounts.Categories)
	fail(e)
	p.Discounts.Producers, e = discountRules(d.Discounts.Producers)
	fail(e)
	p.Discounts.Products, e = discountRules(d.Discounts.Products)
	fail(e)

	p.Assortment.Include, e = rules(d.Assortment.Include)
	fail(e)
	p.Assortment.Exclude, e = rules(d.Assortment.Exclude)
	fail(e)
	p.Assortment.InStockOnly = d.Assortment.InStockOnly

	p.Stock.Warehouses, p.Stock.PerWarehouse = d.Stock.Warehouses, d.Stock.PerWarehouse
	for _, q := range []struct {
		to   *feed.Quantity
		text string
	}{{&p.Stock.Buffer, d.Stock.Buffer}, {&p.Stock.Cap, d.Stock.Cap}, {&p.Stock.Unlimited, d.Stock.Unlimited}} {
		if q.text != "" {
			*q.to, e = feed.ParseQuantity(q.text)
			fail(e)
		}
	}
	p.Dialect = feed.Dialect(d.Dialect)
	if d.Site != nil {
		p.Site = feed.IntOf(*d.Site)
	}
	p.CSV = d.CSV
	return p, err
}

// EncodeDiscounts gives the stored form of discounts. Equal ones have equal forms.
func EncodeDiscounts(d *feed.Discounts) ([]byte, error) { return encode(discountsDocOf(d)) }

// DecodeDiscounts reads what [EncodeDiscounts] writes, and "" as none.
func DecodeDiscounts(b []byte) (feed.Discounts, error) {
	if len(b) == 0 {
		return feed.Discounts{}, nil
	}
	// As a part of a profile: its reader and its validation are the ones that count.
	p, err := DecodeProfile(append(append([]byte(`{"discounts":`), b...), '}'))
	return p.Discounts, err
}

func discountsDocOf(d *feed.Discounts) discountsDoc {
	doc := discountsDoc{Categories: discountDocs(d.Categories), Producers: discountDocs(d.Producers), Products: discountDocs(d.Products)}
	if !d.Overall.IsZero() {
		doc.Overall = d.Overall.String()
	}
	return doc
}

func quantityText(q feed.Quantity) string {
	if !q.Known() {
		return ""
	}
	return q.String()
}

func discountDocs(rules []feed.DiscountRule) []discountDoc {
	var docs []discountDoc
	for _, r := range rules {
		docs = append(docs, discountDoc{r.Key, r.Percent.String()})
	}
	return docs
}

func discountRules(docs []discountDoc) ([]feed.DiscountRule, error) {
	var rules []feed.DiscountRule
	for _, d := range docs {
		percent, err := feed.ParseDiscount(d.Percent)
		if err != nil {
			return nil, fmt.Errorf("discount for %.40q: %w", d.Key, err)
		}
		rules = append(rules, feed.DiscountRule{Key: d.Key, Percent: percent})
	}
	return rules, nil
}

func ruleDocs(rules []feed.Rule) ([]ruleDoc, error) {
	var docs []ruleDoc
	for _, r := range rules {
		if int(r.Field) >= len(fieldNames) {
			return nil, feed.Errorf(feed.KindInvalid, "rule field %d is not known", r.Field)
		}
		docs = append(docs, ruleDoc{fieldNames[r.Field], r.Value})
	}
	return docs, nil
}

func rules(docs []ruleDoc) ([]feed.Rule, error) {
	var list []feed.Rule
	for _, d := range docs {
		f, err := nameIndex(fieldNames[:], d.Field, "rule field")
		if err != nil {
			return nil, err
		}
		list = append(list, feed.Rule{Field: feed.RuleField(f), Value: d.Value})
	}
	return list, nil
}

func nameIndex(names []string, s, what string) (int, error) {
	for i, n := range names {
		if n == s {
			return i, nil
		}
	}
	return 0, feed.Errorf(feed.KindInvalid, "%.40q is no %s", s, what)
}

type supplierDoc struct {
	Name      string `json:"name,omitempty"`
	ShortName string `json:"short_name,omitempty"`
	LogoURL   string `json:"logo_url,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
	Fax       string `json:"fax,omitempty"`
	Website   string `json:"website,omitempty"`
	Street    string `json:"street,omitempty"`
	Zipcode   string `json:"zipcode,omitempty"`
	City      string `json:"city,omitempty"`
	Country   string `json:"country,omitempty"`
	Province  string `json:"province,omitempty"`
}

// EncodeSupplier gives the stored form of a supplier.
func EncodeSupplier(s *feed.Supplier) ([]byte, error) { return encode(supplierDoc(*s)) }

// DecodeSupplier reads what [EncodeSupplier] writes.
func DecodeSupplier(b []byte) (feed.Supplier, error) {
	var d supplierDoc
	if err := decode(b, &d); err != nil {
		return feed.Supplier{}, fmt.Errorf("read supplier: %w", err)
	}
	return feed.Supplier(d), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return feed.Errorf(feed.KindInvalid, "text follows the end of the object")
	}
	return nil
}
