package partner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"feedmill/feed"
)

// ScopeRates is the scope of a change of a merchant's exchange rates in the queue
// of changes; a change of a whole price list has the list's id as its scope.
const ScopeRates = "rates"

// FewListed is how many products whose price changes are noted one by one in the
// queue of changes; of more the whole list is.
const FewListed = 10_000

// NewPriceListID makes an id ("t-…", as in tariff) that nobody has.
func NewPriceListID() feed.PriceListID { return feed.PriceListID(newID('t')) }

// ValidPriceListID says whether an id has the form of one that this package makes.
func ValidPriceListID(id feed.PriceListID) bool { return validID(string(id), 't') }

// PriceList is a named list of prices that offers may take theirs from.
type PriceList struct {
	ID       feed.PriceListID
	Merchant MerchantID
	Name     string
	// Currency is the one of its prices, and Lead the side that they are.
	Currency feed.Currency
	Lead     feed.PriceLead
	// Prices counts them, and Changed is when the list or a price was last changed.
	Prices  int64
	Changed time.Time
	// Version counts the changes of the list and of its prices; see [Offer.Version].
	Version int64
}

// Validate says what is wrong with a price list.
func (l *PriceList) Validate() error {
	switch {
	case !ValidPriceListID(l.ID):
		return feed.Errorf(feed.KindInvalid, "%.40q is no id of a price list", string(l.ID))
	case l.Currency.IsZero():
		return feed.Errorf(feed.KindInvalid, "a price list needs a currency")
	case l.Lead != feed.LeadNet && l.Lead != feed.LeadGross:
		return feed.Errorf(feed.KindInvalid, "leading side %d is not known", l.Lead)
	}
	return checkName("price list", l.Name)
}

// HeadsOf gives price lists as the terms of prices.
func HeadsOf(list []PriceList) []feed.PriceList {
	heads := make([]feed.PriceList, 0, len(list))
	for _, l := range list {
		heads = append(heads, feed.PriceList{ID: l.ID, Name: l.Name, Currency: l.Currency, Lead: l.Lead})
	}
	return heads
}

// PriceKey names a price inside a price list: a product, or one of its sizes by
// its code; Code "" is the product as a whole.
type PriceKey struct {
	Product feed.ProductID
	Code    string
}

// Compare orders keys by product and code.
func (k PriceKey) Compare(o PriceKey) int {
	return cmp.Or(cmp.Compare(k.Product, o.Product), cmp.Compare(k.Code, o.Code))
}

// String names the key for people.
func (k PriceKey) String() string {
	if k.Code == "" {
		return fmt.Sprintf("product %d", k.Product)
	}
	return fmt.Sprintf("code %.80q of product %d", k.Code, k.Product)
}

// ListPrice is one price of a price list; Amount is above 0, in the list's
// currency and of its side.
type ListPrice struct {
	PriceKey
	Amount feed.Amount
}

// PriceEdit is a change of a price list's prices.
type PriceEdit struct {
	Put    []ListPrice
	Remove []PriceKey
	// Replace removes all prices that Put does not name.
	Replace bool
}

// Normalize sorts an edit and says what is wrong with it.
func (e *PriceEdit) Normalize() error {
	slices.SortFunc(e.Put, func(a, b ListPrice) int { return a.Compare(b.PriceKey) })
	slices.SortFunc(e.Remove, PriceKey.Compare)
	e.Remove = slices.Compact(e.Remove)
	for i, p := range e.Put {
		switch {
		case p.Product <= 0 || p.Product > feed.MaxProductID:
			return feed.Errorf(feed.KindInvalid, "%d is no id of a product", p.Product)
		case len(p.Code) > 200 || !feed.IsClean(p.Code):
			return feed.Errorf(feed.KindInvalid, "%.40q cannot be a code", p.Code)
		case p.Amount.Minor() <= 0:
			return feed.Errorf(feed.KindInvalid, "the price of %s is not above 0", p.PriceKey)
		case i > 0 && e.Put[i-1].PriceKey == p.PriceKey:
			return feed.Errorf(feed.KindInvalid, "%s is priced twice", p.PriceKey)
		}
		if _, both := slices.BinarySearchFunc(e.Remove, p.PriceKey, PriceKey.Compare); both {
			return feed.Errorf(feed.KindInvalid, "%s is both priced and removed", p.PriceKey)
		}
	}
	return nil
}

// Products gives the products that a normalized edit names, ascending.
func (e *PriceEdit) Products() []feed.ProductID {
	ids := make([]feed.ProductID, 0, len(e.Put)+len(e.Remove))
	for i := range e.Put {
		ids = append(ids, e.Put[i].Product)
	}
	for i := range e.Remove {
		ids = append(ids, e.Remove[i].Product)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// PriceChanges is what an edit does to what stands there.
type PriceChanges struct {
	Put    []ListPrice
	Remove []PriceKey
	// Products are those whose prices change, ascending.
	Products []feed.ProductID
	PricePut
}

// PricePut counts what an edit did.
type PricePut struct {
	Added, Changed, Removed, Unchanged int64
	// Queue is the largest number of its rows in the queue of changes, 0 when
	// nothing changed.
	Queue int64
}

// Against gives what a normalized edit changes of the prices that stand in the
// list, which are in order; those of products that it does not name may be
// missing, unless it replaces.
func (e *PriceEdit) Against(stands []ListPrice) PriceChanges {
	var c PriceChanges
	touch := func(id feed.ProductID) {
		if n := len(c.Products); n == 0 || c.Products[n-1] != id {
			c.Products = append(c.Products, id)
		}
	}
	put := e.Put
	for i := 0; i < len(stands) || len(put) > 0; {
		order := 1
		if i < len(stands) {
			order = -1
			if len(put) > 0 {
				order = stands[i].Compare(put[0].PriceKey)
			}
		}
		switch {
		case order == 0 && stands[i].Amount == put[0].Amount:
			c.Unchanged++
			i, put = i+1, put[1:]
		case order == 0:
			c.Changed++
			c.Put = append(c.Put, put[0])
			touch(put[0].Product)
			i, put = i+1, put[1:]
		case order > 0:
			c.Added++
			c.Put = append(c.Put, put[0])
			touch(put[0].Product)
			put = put[1:]
		default:
			_, named := slices.BinarySearchFunc(e.Remove, stands[i].PriceKey, PriceKey.Compare)
			if named || e.Replace {
				c.Removed++
				c.Remove = append(c.Remove, stands[i].PriceKey)
				touch(stands[i].Product)
			}
			i++
		}
	}
	return c
}

// Apply gives the prices of a product after the changes: before are those of all
// lists by list and code, and what it gives is in the same order.
func (c *PriceChanges) Apply(list feed.PriceListID, product feed.ProductID, before []feed.ListedPrice) []feed.ListedPrice {
	after := make([]feed.ListedPrice, 0, len(before)+1)
	for _, row := range before {
		key := PriceKey{product, row.Code}
		if row.List == list {
			if _, gone := slices.BinarySearchFunc(c.Remove, key, PriceKey.Compare); gone {
				continue
			}
			if _, put := slices.BinarySearchFunc(c.Put, key, func(p ListPrice, k PriceKey) int { return p.Compare(k) }); put {
				continue
			}
		}
		after = append(after, row)
	}
	from, _ := slices.BinarySearchFunc(c.Put, PriceKey{Product: product}, func(p ListPrice, k PriceKey) int { return p.Compare(k) })
	for ; from < len(c.Put) && c.Put[from].Product == product; from++ {
		after = append(after, feed.ListedPrice{List: list, Code: c.Put[from].Code, Amount: c.Put[from].Amount})
	}
	slices.SortFunc(after, CompareListed)
	return after
}

// CompareListed orders what price lists say of one product, as
// [feed.Product.Listed] has it.
func CompareListed(a, b feed.ListedPrice) int {
	return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Code, b.Code))
}

// PutPriceFacts are what the audit tells of a change of prices: counts, and the
// prices themselves while they are few.
func PutPriceFacts(c *PriceChanges, currency feed.Currency) Facts {
	f := Facts{"added": c.Added, "changed": c.Changed, "removed": c.Removed}
	if len(c.Put)+len(c.Remove) <= 20 {
		prices := map[string]string{}
		for _, p := range c.Put {
			prices[p.PriceKey.String()] = p.Amount.Text(currency)
		}
		for _, k := range c.Remove {
			prices[k.String()] = ""
		}
		f["prices"] = prices
	}
	return f
}

// ListedAt is what a price list says of a product, as a snapshot yields it.
type ListedAt struct {
	Product feed.ProductID
	feed.ListedPrice
}

// ListsOf names the price lists that profiles take prices from, each once.
func ListsOf(profiles []feed.Profile) []feed.PriceListID {
	var lists []feed.PriceListID
	for i := range profiles {
		if id := profiles[i].PriceList; id != "" {
			lists = append(lists, id)
		}
	}
	slices.Sort(lists)
	return slices.Compact(lists)
}

// CheckPriceList refuses a change of a price list that was not made from what
// stands there, or that would make other amounts of those it has.
func CheckPriceList(old, l *PriceList) error {
	if l.Version != old.Version {
		return Conflict("price list", string(l.ID), l.Version, old.Version, FactsOf(old), FactsOf(l))
	}
	if l.Currency != old.Currency && old.Prices > 0 {
		return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("price list %q has prices in %s", old.Name, old.Currency),
			Hint: "make another list, or remove its prices first"}
	}
	return nil
}

// ListInUse is the error of removing a price list that offers name.
func ListInUse(l *PriceList, offers int64) error {
	message := fmt.Sprintf("%d offers take their prices from price list %q", offers, l.Name)
	if offers == 1 {
		message = fmt.Sprintf("an offer takes its prices from price list %q", l.Name)
	}
	return &feed.Error{Kind: feed.KindConflict, Message: message,
		Hint: "have them name another one, or none, first"}
}
