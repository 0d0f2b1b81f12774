package pricing

import (
	"fmt"

	"feedmill/feed"
)

// Reason says why a product is not in an offer.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	// ReasonNone: the product is in.
	ReasonNone Reason = iota
	// ReasonNotIncluded: there are include rules and none matches.
	ReasonNotIncluded
	// ReasonExcluded: an exclude rule matches.
	ReasonExcluded
	// ReasonNoSizes: the product has no size, so there is nothing to sell.
	ReasonNoSizes
	// ReasonNoRate: there is no rate from the product's currency, or from that of
	// the price list that prices it.
	ReasonNoRate
	// ReasonNoPrice: the product or one of its sizes has no price.
	ReasonNoPrice
	// ReasonNotListed: the profile wants what its price list prices, and that has
	// no price for the product or one of its sizes.
	ReasonNotListed
	// ReasonVanishes: a base price is less than half a minor unit of the
	// target currency.
	ReasonVanishes
	// ReasonOverflow: an amount is beyond what an [feed.Amount] holds.
	ReasonOverflow
	// ReasonOutOfStock: only products in stock are wanted and none is left
	// after the stock policy.
	ReasonOutOfStock
)

var reasonNames = [...]string{"", "not-included", "excluded", "no-sizes", "no-rate", "no-price", "not-listed", "price-vanishes", "overflow", "out-of-stock"}

// String gives a stable name such as "no-rate", "" for [ReasonNone].
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return fmt.Sprintf("reason-%d", uint8(r))
	}
	return reasonNames[r]
}

// Verdict says whether a product is in, and what kept it out. It holds no
// memory, so that a run can count verdicts without garbage.
type Verdict struct {
	Included bool
	Reason   Reason
	// Rule is the position in [feed.Assortment].Exclude of the rule behind
	// [ReasonExcluded], else -1.
	Rule int
	// Size is the position of the size without a usable price behind
	// [ReasonNoPrice], [ReasonNotListed], [ReasonVanishes] and [ReasonOverflow]; -1 when the
	// price is the product's or when no price is at fault.
	Size int
}

func out(reason Reason) Verdict { return Verdict{Reason: reason, Rule: -1, Size: -1} }

// Describe tells a verdict on p in a sentence for a report.
func (r *Rules) Describe(p *feed.Product, v Verdict) string { return r.describe(p, v).String() }

// describe tells a verdict on p as a note.
func (r *Rules) describe(p *feed.Product, v Verdict) Note {
	// of is a note on the product as a whole, or on the size at fault.
	of := func(c NoteCode, before []any, after ...any) Note {
		if v.Size >= 0 && v.Size < len(p.Sizes) {
			c, before = c+"-size", append(before, p.Sizes[v.Size].Code)
		}
		return Note{c, append(before, after...)}
	}
	switch v.Reason {
	case ReasonNone:
		return note("in")
	case ReasonNotIncluded, ReasonNoSizes, ReasonOutOfStock:
		return note(NoteCode(v.Reason.String()))
	case ReasonExcluded:
		if v.Rule >= 0 && v.Rule < len(r.exclude.rules) {
			rule := r.exclude.rules[v.Rule]
			return note("excluded", v.Rule+1, kindOf(rule.Field), rule.Value)
		}
		return note("excluded-some")
	case ReasonNoRate:
		if p.Currency.IsZero() {
			return note("no-currency")
		}
		var rate scale
		if r.scaleFor(p, &rate) != nil {
			to := r.currency
			if to.IsZero() {
				to = p.Currency
			}
			return note("no-rate-list", r.list.head.Currency.String(), r.list.head.Name, to.String())
		}
		return note("no-rate", p.Currency.String(), r.currency.String())
	case ReasonNoPrice:
		return of("no-price", nil)
	case ReasonNotListed:
		return of("not-listed", []any{r.list.head.Name})
	case ReasonVanishes:
		return of("vanishes", nil, r.currency.String())
	case ReasonOverflow:
		return of("overflow", nil)
	}
	return note("other", v.Reason.String())
}

func fieldName(f feed.RuleField) string {
	switch f {
	case feed.RuleCategory:
		return "category"
	case feed.RuleProducer:
		return "producer"
	case feed.RuleProduct:
		return "product"
	case feed.RuleTag:
		return "tag"
	}
	return fmt.Sprintf("field %d", uint8(f))
}
