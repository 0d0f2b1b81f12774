package feed

// Profile is the part of an offer's settings that decides bytes. Offers with
// equal profiles share everything that is generated. The zero value of every
// field is its default; [Profile.Validate] says what is wrong, and
// [Profile.FullKey] and [Profile.LightKey] name what may be shared.
type Profile struct {
	// Languages of the texts, the recipient's default first; none means all
	// languages that the catalog has, the catalog's default first.
	Languages []Language
	// Currency of all prices; the zero Currency keeps the catalog's.
	Currency Currency
	// Rates convert from a catalog currency: one unit of it costs so many
	// units of Currency. Currencies that are not listed here take the merchant's
	// rate ([Terms]). A product in a currency without any rate is left out, with
	// a reason.
	Rates []ExchangeRate
	// Base is the price that discounts start from.
	Base PriceBase
	// PriceList names the price list whose prices stand in the place of Base,
	// "" for none.
	PriceList PriceListID
	// OnlyListed leaves out products that the price list does not price in all
	// sizes; without it they keep the price that Base says.
	OnlyListed bool
	// Lead is the side of a price that is computed; the other follows by VAT.
	Lead PriceLead

	Discounts  Discounts
	Assortment Assortment
	Stock      StockPolicy
	Dialect    Dialect
	// Site overrides product@site; absent keeps the product's own.
	Site Int
	// CSV asks for full.csv and light.csv beside the XML family.
	CSV bool
}

// ExchangeRate is the rate from one currency to the profile's.
type ExchangeRate struct {
	From Currency
	Rate Rate
}

// PriceBase is the price that a partner's price is computed from.
type PriceBase uint8

// The price bases: BaseRetail takes [Prices].List, BaseWholesale takes
// [Prices].Wholesale and List where there is none.
const (
	BaseRetail PriceBase = iota
	BaseWholesale
)

// PriceLead is the side of a price that is computed and rounded first.
type PriceLead uint8

// The leading sides. A price that nothing changes keeps both sides as they came.
const (
	LeadNet PriceLead = iota
	LeadGross
)

// Discounts are a partner's discounts in percent of the base price. Exactly one
// applies to a product, the most specific: by product, else by the nearest
// category on the way from its own to the root, else by producer, else Overall.
type Discounts struct {
	Overall    Percent
	Categories []DiscountRule
	Producers  []DiscountRule
	Products   []DiscountRule
}

// DiscountRule gives a discount to what Key names: a product's id or a size's
// code, a producer's id or name, a category's id or path.
type DiscountRule struct {
	Key     string
	Percent Percent
}

// Assortment says which products a partner is offered. A product is in when
// some Include rule matches it (or there is none) and no Exclude rule does.
type Assortment struct {
	Include, Exclude []Rule
	// InStockOnly leaves out products of which nothing is in stock after the
	// stock policy.
	InStockOnly bool
}

// RuleField is what a [Rule] looks at.
type RuleField uint8

// The fields of a rule.
const (
	RuleCategory RuleField = iota // the category's id or path, or one above it
	RuleProducer                  // the producer's id or name
	RuleProduct                   // the product's id or a size's code
	RuleTag                       // one of the product's tags
)

// Rule matches products by one field.
type Rule struct {
	Field RuleField
	Value string
}

// StockPolicy says how much of the stock a partner is told.
type StockPolicy struct {
	// Warehouses counts these alone; none means all.
	Warehouses []WarehouseID
	// PerWarehouse writes a stock node for each warehouse instead of one sum
	// (CONSUMERS 15: two nodes are read as 0, the first, or the sum).
	PerWarehouse bool
	// Buffer is subtracted from what there is, not below 0.
	Buffer Quantity
	// Cap shows at most this, such as 50 for "50 and more"; unknown means exact.
	Cap Quantity
	// Unlimited is written for stock without limit; unknown means 999, and
	// [Unlimited] writes IOF's own sign -1 (CONSUMERS 16).
	Unlimited Quantity
}

// DefaultUnlimited is what unlimited stock is written as unless set.
const DefaultUnlimited = 999

// Dialect is the set of choices where importers contradict each other. The
// numbers are those of the importers' needs in docs/format.md.
type Dialect struct {
	// DefaultNamespace puts all elements into IOF's own namespace, as 2.x feeds do (1).
	DefaultNamespace bool
	// EscapedText writes escaped text instead of CDATA sections (7).
	EscapedText bool
	// SingleLanguage writes the first language only (8).
	SingleLanguage bool
	// OneSizeZero writes the one size of a product as 0 instead of uniw (9).
	OneSizeZero bool
	// SwapCodes writes the GTIN to iaiext:code_external and the external code
	// to code_producer (10).
	SwapCodes bool
	// NoBundles leaves bundled nodes out (12).
	NoBundles bool
	// FullWithoutStock leaves stock quantities out of full: light carries them.
	FullWithoutStock bool
	// AllExtensions writes every verbatim iaiext element; without it those that
	// tell purchase prices, other customers' prices or notes are left out.
	AllExtensions bool
}

// OneSizeID gives the size id of products without real sizes (IOF 4.7).
func (d *Dialect) OneSizeID() string {
	if d.OneSizeZero {
		return "0"
	}
	return "uniw"
}

// DefaultLanguage gives the first language, or the zero Language.
func (p *Profile) DefaultLanguage() Language {
	if len(p.Languages) == 0 {
		return Language{}
	}
	return p.Languages[0]
}

// Validate says what is wrong with a profile.
func (p *Profile) Validate() error {
	if p.Currency.IsZero() && len(p.Rates) > 0 {
		return &Error{Kind: KindInvalid, Message: "the profile has exchange rates but no currency", Hint: "set currency to the one that prices are converted to"}
	}
	for i, l := range p.Languages {
		for _, m := range p.Languages[:i] {
			if l == m {
				return Errorf(KindInvalid, "language %s is listed twice", l)
			}
		}
	}
	for i, r := range p.Rates {
		if r.From == p.Currency {
			return Errorf(KindInvalid, "rate from %s to itself: leave it out", r.From)
		}
		for _, s := range p.Rates[:i] {
			if r.From == s.From {
				return Errorf(KindInvalid, "two rates from %s", r.From)
			}
		}
	}
	for _, group := range [][]DiscountRule{p.Discounts.Categories, p.Discounts.Producers, p.Discounts.Products} {
		for i, r := range group {
			if r.Key == "" {
				return Errorf(KindInvalid, "a discount rule has no key")
			}
			if r.Percent.Millionths() > percentOne {
				return Errorf(KindInvalid, "discount of %s %% for %q: a discount is at most 100", r.Percent, r.Key)
			}
			for _, s := range group[:i] {
				if r.Key == s.Key {
					return Errorf(KindInvalid, "two discounts for %q", r.Key)
				}
			}
		}
	}
	for _, r := range append(append([]Rule(nil), p.Assortment.Include...), p.Assortment.Exclude...) {
		if r.Value == "" {
			return Errorf(KindInvalid, "an assortment rule has no value")
		}
	}
	if p.OnlyListed && p.PriceList == "" {
		return &Error{Kind: KindInvalid, Message: "only what is in a price list is wanted, and none is named", Hint: "name a price list"}
	}
	if p.Stock.Buffer.Unlimited() || p.Stock.Cap.Unlimited() {
		return Errorf(KindInvalid, "the stock buffer and the stock cap are finite numbers")
	}
	return nil
}
