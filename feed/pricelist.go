package feed

import "time"

// PriceListID names a price list of a merchant. The records make such ids;
// a price list that comes from a file has the name that the profile gives it.
type PriceListID string

// PriceList is the head of a price list: what its amounts are.
type PriceList struct {
	ID   PriceListID
	Name string
	// Currency is the one of all its amounts, whatever the products' is.
	Currency Currency
	// Lead is the side of a price that an amount is; the other follows by VAT.
	Lead PriceLead
}

// ListedPrice is what a price list says of a product. Code is the code of one
// of its sizes, or "" for the product as a whole and all sizes that the list
// does not name. An amount is in the list's currency and above 0.
type ListedPrice struct {
	List   PriceListID
	Code   string
	Amount Amount
}

// CurrencyRate is a merchant's exchange rate: one unit of From costs Rate
// units of To.
type CurrencyRate struct {
	From, To Currency
	Rate     Rate
	// Since is when it was set, zero when nobody knows.
	Since time.Time
}

// Terms are the merchant's records that the prices of all his offers depend on.
// They are no part of a profile: when they change, feeds go on under the same
// keys and what differs goes into their change files.
type Terms struct {
	// Rates serve profiles that have no rate of their own from a currency.
	Rates []CurrencyRate
	// Lists are the heads of the price lists that profiles may name.
	Lists []PriceList
}

// List finds the head of a price list.
func (t *Terms) List(id PriceListID) (PriceList, bool) {
	if t != nil {
		for i := range t.Lists {
			if t.Lists[i].ID == id {
				return t.Lists[i], true
			}
		}
	}
	return PriceList{}, false
}
