package pricing

import (
	"math/bits"

	"feedmill/feed"
)

const (
	whole   = 1_000_000   // 100 % in the unit of feed.Percent
	rateOne = 100_000_000 // the rate 1 in the unit of feed.Rate
	// maxMinor is the largest feed.Amount.
	maxMinor = 1_000_000_000_000_000
	// vatMost is the largest gross a net amount can have, as a factor: VAT is
	// at most 1000 %.
	vatMost = 11
)

var pow10 = [...]uint64{1, 10, 100, 1000, 10000}

// scale converts amounts of one currency into minor units of another: times
// mul, by div. With amounts up to 10^15, rates up to 10^14 and exponents up to
// 3, amount*mul*whole stays below 10^38 and so within 128 bits.
type scale struct {
	mul, div uint64
	// identity says that the rate is 1 and the decimals are the same.
	identity bool
	// safe is an amount up to which neither conversion nor VAT can overflow.
	safe uint64
}

func scaleOf(rate feed.Rate, from, to feed.Currency) scale {
	s := scale{
		mul: uint64(rate.HundredMillionths()) * pow10[to.Exponent()],
		div: rateOne * pow10[from.Exponent()],
	}
	s.identity = rate.IsOne() && from.Exponent() == to.Exponent()
	hi, lo := bits.Mul64(maxMinor/(2*vatMost), s.div)
	if hi < s.mul {
		s.safe, _ = bits.Div64(hi, lo, s.mul)
	} else {
		s.safe = maxMinor
	}
	s.safe = min(s.safe, maxMinor/vatMost)
	return s
}

// apply gives minor*keep/whole converted, rounded half up once. ok is false
// when the result is beyond an amount.
func (s *scale) apply(minor, keep uint64) (v uint64, ok bool) {
	hi, lo := bits.Mul64(minor, s.mul)
	upper, lower := bits.Mul64(lo, keep)
	upper += hi * keep
	div := s.div * whole // even, so that its half is exact
	lower, carry := bits.Add64(lower, div/2, 0)
	upper += carry
	if upper >= div {
		return 0, false
	}
	v, _ = bits.Div64(upper, lower, div)
	return v, v <= maxMinor
}

// below says whether a*keep/whole is less than b.
func below(a, keep, b uint64) bool {
	ah, al := bits.Mul64(a, keep)
	bh, bl := bits.Mul64(b, whole)
	return ah < bh || ah == bh && al < bl
}

// side gives the amount of a price on the leading side.
func side(p feed.Price, lead feed.PriceLead) uint64 {
	if lead == feed.LeadGross {
		return uint64(p.Gross.Minor())
	}
	return uint64(p.Net.Minor())
}

// leadOf gives the leading side of one price: the profile's, or the other
// when the price has only that.
func leadOf(p feed.Price, lead feed.PriceLead) feed.PriceLead {
	if side(p, lead) == 0 && !p.IsZero() {
		return feed.LeadNet + feed.LeadGross - lead
	}
	return lead
}

// complete makes a price of its leading side.
func complete(minor uint64, lead feed.PriceLead, vat feed.Percent) (feed.Price, bool) {
	a, err := feed.AmountOf(int64(minor))
	if err != nil {
		return feed.Price{}, false
	}
	var p feed.Price
	if lead == feed.LeadGross {
		p, err = feed.PriceFromGross(a, vat)
	} else {
		p, err = feed.PriceFromNet(a, vat)
	}
	return p, err == nil
}

// conversion is what all prices of one product share.
type conversion struct {
	scale *scale
	lead  feed.PriceLead
	vat   feed.Percent
}

// plain converts a price that is never discounted.
func (c *conversion) plain(p feed.Price) (feed.Price, bool) {
	if p.IsZero() || c.scale.identity {
		return p, true
	}
	lead := leadOf(p, c.lead)
	v, ok := c.scale.apply(side(p, lead), whole)
	if !ok {
		return feed.Price{}, false
	}
	return complete(v, lead, c.vat)
}

// reason says what is wrong with a base: it vanishes or overflows. It must not
// look at discounts, see the package comment.
func (c *conversion) reason(base feed.Price) Reason {
	lead := leadOf(base, c.lead)
	minor := side(base, lead)
	if c.scale.identity && minor <= c.scale.safe {
		return ReasonNone
	}
	v, ok := c.fits(minor, lead)
	switch {
	case !ok:
		return ReasonOverflow
	case v == 0:
		return ReasonVanishes
	}
	return ReasonNone
}

// fits converts an amount and says whether it and its other side are amounts.
func (c *conversion) fits(minor uint64, lead feed.PriceLead) (v uint64, ok bool) {
	v, ok = c.scale.apply(minor, whole)
	if ok && minor > c.scale.safe {
		_, ok = complete(v, lead, c.vat)
	}
	return v, ok
}

// floorOn gives the floor's amount on a side, by VAT when it has only the
// other. ok is false when it or what it converts to is no amount: then the
// product is out whether or not a discount comes near the floor.
func (c *conversion) floorOn(floor feed.Price, lead feed.PriceLead) (v uint64, ok bool) {
	if floor.IsZero() {
		return 0, true
	}
	if v = side(floor, lead); v == 0 {
		other := leadOf(floor, lead)
		p, ok := complete(side(floor, other), other, c.vat)
		if !ok {
			return 0, false
		}
		v = side(p, lead)
	}
	if v <= c.scale.safe {
		return v, true
	}
	_, ok = c.fits(v, lead)
	return v, ok
}

// discounted computes a partner's price: base less discount, not below floor.
func (c *conversion) discounted(base, floor feed.Price, keep uint64) (feed.Price, bool) {
	lead := leadOf(base, c.lead)
	minor := side(base, lead)
	least, ok := c.floorOn(floor, lead)
	if !ok {
		return feed.Price{}, false
	}
	switch {
	case below(minor, keep, least):
		minor, keep = least, whole
	case keep == whole && c.scale.identity:
		return base, true
	}
	v, ok := c.scale.apply(minor, keep)
	if !ok {
		return feed.Price{}, false
	}
	return complete(v, lead, c.vat)
}
