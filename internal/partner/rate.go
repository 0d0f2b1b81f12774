package partner

import (
	"time"

	"feedmill/feed"
)

// Rate is an exchange rate of a merchant: one unit of From costs Rate units of
// To. Offers in To that have no rate of their own from From take it.
type Rate struct {
	Merchant MerchantID
	From, To feed.Currency
	Rate     feed.Rate
	// Since is when it was set to what it is.
	Since time.Time
	// Version counts the changes; see [Offer.Version].
	Version int64
}

// Name gives the pair of currencies as the audit and errors name it: "EUR-PLN".
func (r *Rate) Name() string { return r.From.String() + "-" + r.To.String() }

// Validate says what is wrong with a rate.
func (r *Rate) Validate() error {
	switch {
	case r.From.IsZero() || r.To.IsZero():
		return feed.Errorf(feed.KindInvalid, "a rate needs the two currencies that it is between")
	case r.From == r.To:
		return feed.Errorf(feed.KindInvalid, "rate from %s to itself: leave it out", r.From)
	case r.Rate.HundredMillionths() <= 0:
		return feed.Errorf(feed.KindInvalid, "the rate from %s to %s is not above 0", r.From, r.To)
	}
	return nil
}

// RatesOf gives rates as the terms of prices.
func RatesOf(list []Rate) []feed.CurrencyRate {
	rates := make([]feed.CurrencyRate, 0, len(list))
	for _, r := range list {
		rates = append(rates, feed.CurrencyRate{From: r.From, To: r.To, Rate: r.Rate, Since: r.Since})
	}
	return rates
}

// CheckRate says whether a rate that is to be set stands there already, and
// refuses one that was not made from what stands there; old is nil for nothing.
func CheckRate(old, r *Rate) (done bool, err error) {
	var now int64
	if old != nil {
		now = old.Version
	}
	if r.Version != now {
		return false, Conflict("rate", r.Name(), r.Version, now, RateFacts(old), FactsOf(r))
	}
	if old != nil && old.Rate == r.Rate {
		*r = *old
		return true, nil
	}
	return false, nil
}

// RateFacts are [FactsOf] a rate that there may not be.
func RateFacts(r *Rate) Facts {
	if r == nil {
		return nil
	}
	return FactsOf(r)
}
