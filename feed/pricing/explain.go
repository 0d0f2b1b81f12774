package pricing

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"feedmill/feed"
)

// StepKind names a step of a derivation.
type StepKind uint8

// The steps, in the order in which they are taken.
const (
	StepBase StepKind = iota + 1
	StepRate
	StepDiscount
	StepFloor
	StepRound
	StepVAT
	StepStock
)

var stepNames = [...]string{"", "base", "rate", "discount", "floor", "rounding", "VAT", "stock"}

// String gives the name of the step.
func (k StepKind) String() string {
	if int(k) >= len(stepNames) {
		return ""
	}
	return stepNames[k]
}

// Step is one step of a derivation.
type Step struct {
	Kind StepKind
	// Note says in English what was done and which rule said so, Told the same so
	// that every language can tell it: the first of it, and what is added to that.
	Note string
	Told []Note
	// Amount is the exact amount after the step in units (not minor units) of
	// the currency, of the leading side; nil for [StepStock].
	Amount *big.Rat
}

// Derivation tells how the prices and stock of a product or size came about.
type Derivation struct {
	// Code is the size's code, "" for the product as a whole.
	Code string
	// List derives the price of full files, Partner the one of light files.
	List, Partner []Step
	// Stock derives what is shown of the stock; only sizes have it.
	Stock []Step
	// Full and Light are the results; zero when nothing came of it.
	Full, Light feed.Price
	// Nodes are the stock nodes shown.
	Nodes []feed.Stock
}

// Explanation tells why a partner sees a product as he does.
type Explanation struct {
	Product feed.ProductID
	// Verdict is the one of [Rules.Apply].
	Verdict Verdict
	// Summary is the verdict in English, SummaryTold the same for every language.
	Summary     string
	SummaryTold Note
	// Assortment says which assortment rules were looked at and what matched, in
	// English; AssortmentTold says the same, line by line, for every language.
	Assortment     []string
	AssortmentTold []Note
	// Currency of the results.
	Currency feed.Currency
	// Whole is the product as a whole. It and Sizes, which stand parallel to
	// the product's sizes, are derived as far as possible even for a product
	// that is left out.
	Whole Derivation
	Sizes []Derivation
}

// Explain derives everything about p afresh with rational numbers, step by
// step. It is meant for people who ask about one product, and allocates freely.
func (r *Rules) Explain(p *feed.Product) Explanation {
	var item feed.Item
	e := Explanation{Product: p.ID, Verdict: r.Apply(&item, p), Currency: r.currency}
	if e.Currency.IsZero() {
		e.Currency = p.Currency
	}
	e.SummaryTold = r.describe(p, e.Verdict)
	e.Summary = e.SummaryTold.String()
	category, producer := r.category(p), r.producerName(p)
	e.AssortmentTold = r.explainAssortment(p, category, producer)
	for _, n := range e.AssortmentTold {
		e.Assortment = append(e.Assortment, n.String())
	}
	var rate scale
	s := r.scaleFor(p, &rate)
	d := deriver{r: r, p: p, currency: e.Currency}
	if s != nil {
		d.w = work{r: r, c: conversion{scale: s, lead: r.lead, vat: p.VAT}, free: isFree(p)}
		if !r.listed(&d.w, p) {
			s = nil // nothing can be derived of prices without a rate
		}
	}
	if s != nil {
		d.factor = big.NewRat(int64(s.mul), 1)
		d.factor.Quo(d.factor, big.NewRat(int64(s.div), 1))
	}
	whole := r.discounts.ofProduct(p, category.discount, producer)
	for i := range p.Sizes {
		size := &p.Sizes[i]
		x := Derivation{Code: size.Code}
		if s != nil {
			c := whole
			if own, ok := r.discounts.ofCode(size.Code); ok {
				c = own
			}
			prices := d.w.effective(p, size)
			d.derive(&x, &prices, &size.Prices, size.Code, c)
		}
		x.Stock, x.Nodes = r.explainStock(size.Stock)
		e.Sizes = append(e.Sizes, x)
	}
	if s == nil {
		return e
	}
	row := d.w.rows.of("")
	if row == nil && len(d.w.rows) > 0 && len(e.Sizes) > 0 {
		told := append(r.listNote(&d.w.rows[0], d.w.rows[0].Code), note("by-sizes", p.Sizes[0].Code))
		e.Whole.Full, e.Whole.Light = e.Sizes[0].Full, e.Sizes[0].Light
		e.Whole.List = []Step{step(StepBase, d.units(e.Whole.Full), told...)}
		if !p.Prices.List.IsZero() {
			e.Whole.List, e.Whole.Full = d.steps(d.own(p.Prices.List, note("list-price")), feed.Price{}, choice{})
		}
		e.Whole.Partner = []Step{step(StepBase, d.units(e.Whole.Light), told...)}
	} else if row == nil && d.w.base(&p.Prices).IsZero() && len(e.Sizes) > 0 {
		told := note("first-size", p.Sizes[0].Code)
		e.Whole.Full, e.Whole.Light = e.Sizes[0].Full, e.Sizes[0].Light
		e.Whole.List = []Step{step(StepBase, d.units(e.Whole.Full), told)}
		e.Whole.Partner = []Step{step(StepBase, d.units(e.Whole.Light), told)}
	} else {
		d.derive(&e.Whole, &p.Prices, &p.Prices, "", whole)
	}
	return e
}

// deriver derives the prices of one product exactly.
type deriver struct {
	r        *Rules
	w        work
	p        *feed.Product
	currency feed.Currency // of the results
	factor   *big.Rat      // minor units of the result for one of the product's
}

// source is a price from which a derivation starts.
type source struct {
	price    feed.Price
	told     []Note
	currency feed.Currency
	scale    *scale
	factor   *big.Rat // minor units of the result for one of the source's
}

// own makes a source of a price that the product has.
func (d *deriver) own(p feed.Price, told ...Note) source {
	return source{p, told, d.p.Currency, d.w.c.scale, d.factor}
}

// listed makes a source of a price that the price list has.
func (d *deriver) listed(row *feed.ListedPrice, code string) source {
	price, _ := d.w.listedPrice(row)
	s := d.w.lc.scale
	factor := new(big.Rat).Quo(big.NewRat(int64(s.mul), 1), big.NewRat(int64(s.div), 1))
	return source{price, d.r.listNote(row, code), d.r.list.head.Currency, s, factor}
}

// derive fills the two derivations of a product or size; own holds the prices
// that stand at the node itself, and code is the size's.
func (d *deriver) derive(x *Derivation, prices, own *feed.Prices, code string, c choice) {
	if row := d.w.rows.of(code); row != nil {
		base := d.listed(row, code)
		list := base
		if !prices.List.IsZero() {
			list = d.own(prices.List, note("list-price"))
			if own.List.IsZero() {
				list.told = append(list.told, note("of-product"))
			}
		} else {
			list.told = append(slices.Clone(list.told), note("want-list"))
		}
		x.List, x.Full = d.steps(list, feed.Price{}, choice{})
		x.Partner, x.Light = d.steps(base, prices.Minimal, c)
		return
	}
	if d.r.list.only {
		only := step(StepBase, new(big.Rat), note("list-has-none", d.r.list.head.Name))
		x.List, x.Partner = []Step{only}, []Step{only}
		return
	}
	base, list := d.w.base(prices), d.w.list(prices)
	if base.IsZero() {
		told := note("price-none")
		if d.w.free {
			told = note("free")
		}
		only := step(StepBase, new(big.Rat), told)
		x.List, x.Partner = []Step{only}, []Step{only}
		return
	}
	listTold := []Note{note("list-price")}
	if prices.List.IsZero() {
		listTold = []Note{note("wholesale-price"), note("want-list")}
	}
	baseTold := []Note{note("list-price")}
	if d.r.wholesale {
		baseTold[0] = note("wholesale-price")
		if prices.Wholesale.IsZero() {
			baseTold = []Note{note("list-price"), note("want-wholesale")}
		}
	}
	if d.w.list(own).IsZero() || (prices.List.IsZero() != own.List.IsZero()) {
		listTold = append(listTold, note("of-product"))
	}
	if d.w.base(own) != base {
		baseTold = append(baseTold, note("of-product"))
	}
	if d.r.list.head.ID != "" {
		baseTold = append(baseTold, note("want-listed", d.r.list.head.Name))
	}
	x.List, x.Full = d.steps(d.own(list, listTold...), feed.Price{}, choice{})
	x.Partner, x.Light = d.steps(d.own(base, baseTold...), prices.Minimal, c)
}

// step makes a step; what is told of it belongs together.
func step(kind StepKind, amount *big.Rat, told ...Note) Step {
	return Step{Kind: kind, Note: english(told), Told: told, Amount: amount}
}

// steps takes one price from its base to its two sides. A choice of no source
// means that neither discount nor floor apply.
func (d *deriver) steps(from source, floor feed.Price, c choice) ([]Step, feed.Price) {
	base := from.price
	lead := leadOf(base, d.r.lead)
	exact := new(big.Rat).SetUint64(side(base, lead))
	var steps []Step
	tell := func(kind StepKind, source feed.Currency, told ...Note) {
		steps = append(steps, step(kind, inUnits(exact, source), told...))
	}
	tell(StepBase, from.currency, append(slices.Clone(from.told), note([...]NoteCode{feed.LeadNet: "net", feed.LeadGross: "gross"}[lead]))...)
	changed := !from.scale.identity
	exact.Mul(exact, from.factor)
	if changed {
		rate := inUnits(from.factor, d.currency)
		rate.Mul(rate, new(big.Rat).SetUint64(pow10[from.currency.Exponent()]))
		tell(StepRate, d.currency, note("rate", from.currency.String(), Number(decimal(rate)), d.currency.String()), d.r.told[from.currency])
	}
	if percent := d.r.discounts.percent(c); c.source != ByNothing {
		exact.Mul(exact, new(big.Rat).SetFrac64(int64(whole-percent), whole))
		changed = changed || percent != 0
		tell(StepDiscount, d.currency, d.r.discounts.describe(c))
	}
	if least, ok := d.w.c.floorOn(floor, lead); ok && least != 0 {
		low := new(big.Rat).SetUint64(least)
		low.Mul(low, d.factor)
		if exact.Cmp(low) < 0 {
			exact.Set(low)
			changed = true
			tell(StepFloor, d.currency, note("raised"))
		} else {
			tell(StepFloor, d.currency, note("floor", Number(decimal(inUnits(low, d.currency)))))
		}
	}
	if !changed {
		tell(StepRound, d.currency, note("kept"))
		return steps, base
	}
	rounded := halfUp(exact)
	exact.SetInt(rounded)
	tell(StepRound, d.currency, note("rounded", d.currency.Exponent()))
	if !rounded.IsInt64() {
		return steps, feed.Price{}
	}
	price, ok := complete(rounded.Uint64(), lead, d.p.VAT)
	if !ok {
		return steps, feed.Price{}
	}
	other := feed.LeadNet + feed.LeadGross - lead
	exact.SetUint64(side(price, other))
	tell(StepVAT, d.currency, note([...]NoteCode{feed.LeadNet: "vat-net", feed.LeadGross: "vat-gross"}[other], Number(d.p.VAT.String())))
	return steps, price
}

// units gives the leading side of a result.
func (d *deriver) units(p feed.Price) *big.Rat {
	return inUnits(new(big.Rat).SetUint64(side(p, leadOf(p, d.r.lead))), d.currency)
}

// inUnits gives minor units of a currency as units.
func inUnits(minor *big.Rat, c feed.Currency) *big.Rat {
	return new(big.Rat).Mul(minor, new(big.Rat).SetFrac64(1, int64(pow10[c.Exponent()])))
}

// halfUp rounds a non-negative number to a whole one.
func halfUp(x *big.Rat) *big.Int {
	y := new(big.Rat).Add(x, big.NewRat(1, 2))
	return new(big.Int).Quo(y.Num(), y.Denom())
}

// decimal writes a number without trailing zeros: exactly as far as that takes
// at most 20 decimals, which every product of a price, rate and discount does.
func decimal(x *big.Rat) string {
	s := x.FloatString(20)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// explainAssortment tells what the assortment rules say of p.
func (r *Rules) explainAssortment(p *feed.Product, category categoryRules, producer string) []Note {
	var lines []Note
	for _, list := range []struct {
		*matcher
		category int
		code     NoteCode
	}{{r.include, category.include, "include"}, {r.exclude, category.exclude, "exclude"}} {
		n := len(list.rules)
		if n == 0 {
			continue
		}
		if i := list.match(p, list.category, producer); i != none {
			lines = append(lines, note(list.code, i+1, n, kindOf(list.rules[i].Field), list.rules[i].Value))
		} else {
			lines = append(lines, note(list.code+"-none", n))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, note("all-in"))
	}
	return lines
}

// explainStock tells how the stock nodes of a size come about.
func (r *Rules) explainStock(rows []feed.Stock) ([]Step, []feed.Stock) {
	s := &r.stock
	var steps []Step
	tell := func(code NoteCode, args ...any) { steps = append(steps, step(StepStock, nil, note(code, args...))) }
	for i := range rows {
		house := int(rows[i].Warehouse)
		switch q := quantityOf(&rows[i]); {
		case !s.counts(rows[i].Warehouse):
			tell("stock-other", house, Number(q.String()))
		case q.Unlimited():
			tell("stock-unlimited", house)
		default:
			tell("stock", house, Number(q.String()))
		}
	}
	if len(rows) == 0 {
		tell("stock-unknown")
	}
	each := NoteCode("")
	if s.perWarehouse {
		each = "-each"
	}
	if s.buffer > 0 {
		tell("buffer"+each, Number(thousandths(s.buffer).String()))
	}
	if s.cap != unlimited {
		tell("cap"+each, Number(thousandths(s.cap).String()))
	}
	nodes, _ := s.apply(nil, rows)
	for _, n := range nodes {
		tell("shown", int(n.Warehouse), Number(n.Quantity.String()))
	}
	return steps, nodes
}

// String tells the explanation in lines of plain text.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "product %d: %s\n", e.Product, e.Summary)
	for _, line := range e.Assortment {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	tell := func(title string, steps []Step) {
		if len(steps) > 0 {
			fmt.Fprintf(&b, "  %s\n", title)
		}
		for _, s := range steps {
			if s.Amount == nil {
				fmt.Fprintf(&b, "    %s\n", s.Note)
				continue
			}
			fmt.Fprintf(&b, "    %-9s %s  %s\n", s.Kind, decimal(s.Amount), s.Note)
		}
	}
	tell("list price of the product", e.Whole.List)
	tell("partner's price of the product", e.Whole.Partner)
	for _, x := range e.Sizes {
		tell(fmt.Sprintf("list price of size %q", x.Code), x.List)
		tell(fmt.Sprintf("partner's price of size %q", x.Code), x.Partner)
		tell(fmt.Sprintf("stock of size %q", x.Code), x.Stock)
	}
	return b.String()
}
