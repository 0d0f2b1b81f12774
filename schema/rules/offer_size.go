package rules

import (
	"fmt"
	"math"
	"slices"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// size is the size being read.
type size struct {
	pos      xmltok.Pos
	id, code []byte
	key      key
	kids     kids
	gross    uint32 // as in record
	stocks   int
	sold     bool  // some of it is there
	ids      []key // of warehouses
}

// manySizes is the number of sizes that some importers take at most.
const manySizes = 500

func (o *offerPass) startSize(attrs []xmltok.Attr) {
	c, s := &o.cur, &o.size
	*s = size{pos: o.e.Pos(), id: s.id[:0], code: s.code[:0], ids: s.ids[:0]}
	var producer, external []byte
	for i := range attrs {
		a := &attrs[i]
		switch string(a.Local) {
		case "id":
			s.id = append(s.id, trim(a.Value)...)
		case "code":
			if a.Space == "" {
				s.code = append(s.code, trim(a.Value)...)
			}
		case "code_producer":
			if a.Space == "" {
				producer = trim(a.Value)
			}
		case "code_external":
			external = trim(a.Value)
		case "weight":
			o.grams("weight", a.Value)
		case "weight_net":
			o.grams("iaiext:weight_net", a.Value)
		}
	}
	c.sizes++
	if c.sizes == manySizes+1 {
		o.flag(codeSizesMany, "the product has more than %d sizes", manySizes)
	}
	o.sizeCode()
	o.sizeID()
	if !o.light {
		o.producerCode(producer, external)
	}
}

// grams judges a weight (CONSUMERS 24).
func (o *offerPass) grams(what string, value []byte) {
	if n := o.float(what, value); n.ok && n.v%scale != 0 {
		o.flag(codeWeight, "%s is %s", what, clip(value))
	}
}

func (o *offerPass) sizeCode() {
	s := &o.size
	if len(s.code) == 0 {
		o.flag(codeCodeMissing, "the size has no code")
		return
	}
	v, fresh := o.codes.put(o.c.keys.hash(s.code))
	if !fresh {
		o.flag(codeCodeDuplicate, "code %s stands there twice", clip(s.code))
	}
	o.x.partial = o.x.partial || v == nil
}

// sizeID judges the id of the size, in the product and in sizes.xml (IOF 4.7).
func (o *offerPass) sizeID() {
	c, s := &o.cur, &o.size
	if len(s.id) == 0 {
		o.flag(codeSizeID, "the size has no id")
		return
	}
	s.key = o.c.keys.of(s.id)
	if c.hasSize(s.key) {
		c.repeated++
		o.flag(codeSizeDuplicate, "size %s stands there twice in the product", clip(s.id))
	}
	if !o.refs || !o.x.have[schema.Sizes] || o.x.partial {
		return
	}
	x := o.x
	switch known := x.anySize.has(s.key); {
	case !known:
		o.flag(codeRefSize, "size %s is not in sizes.xml", clip(s.id))
	case c.hasGroup && x.groups.has(c.group) && !x.sizes.has(o.c.keys.pair(c.group, s.key)):
		o.flag(codeSizeOtherGroup, "size %s is in another group than that of the product", clip(s.id))
	}
}

// hasSize adds a size id to those of the product and reports whether it was
// there.
func (c *product) hasSize(k key) bool {
	const few = 32
	if c.many == nil {
		if slices.Contains(c.sizeIDs, k) {
			return true
		}
		c.sizeIDs = append(c.sizeIDs, k)
		if len(c.sizeIDs) > few {
			c.many = make(map[key]struct{}, 4*few)
			for _, id := range c.sizeIDs {
				c.many[id] = struct{}{}
			}
		}
		return false
	}
	if _, ok := c.many[k]; ok {
		return true
	}
	c.many[k] = struct{}{}
	if len(c.many) <= manySizes {
		c.sizeIDs = append(c.sizeIDs, k)
	}
	return false
}

// producerCode judges the code against the declared standard (CONSUMERS 10).
func (o *offerPass) producerCode(code, external []byte) {
	std := o.cur.std
	if std.length() > 0 {
		digits, hyphens := bare(code)
		if hyphens {
			o.flag(codeGTINHyphens, "code_producer is %s", clip(code))
		}
		code = digits
	}
	fault := gtinFault(std, code)
	if fault != "" {
		o.flag(fault, "code_producer is %s", clip(code))
	}
	if std == standardNone && fault == "" && isGTIN13(code) {
		o.flag(codeGTINStandard, "code_producer is %s", clip(code))
	}
	if len(code) > 0 && isGTIN13(external) && (fault != "" || !isDigits(code) || std == standardOther && !isGTIN13(code)) {
		o.flag(codeGTINSwapped, "code_external is %s, and code_producer is %s", clip(external), clip(code))
	}
}

func (o *offerPass) endSize() {
	c, s := &o.cur, &o.size
	if s.kids&kidPrice == 0 {
		c.unpriced++
		o.atSize(codeSizePrice, "size %s has no price", clip(s.id))
	}
	if s.stocks == 0 {
		o.atSize(codeSizeStock, "size %s has no stock", clip(s.id))
	}
	if s.stocks > 1 {
		o.atSize(codeStockSeveral, "size %s has %d stock nodes", clip(s.id), s.stocks)
	}
	switch {
	case !s.sold:
	case s.kids&kidPrice == 0:
		c.inherits = true
	case s.gross == nothing:
		c.given = true
	}
	c.stocks += s.stocks
	if len(s.id) == 0 {
		return
	}
	at := o.c.keys.pair(c.key, s.key)
	code := uint16(0)
	if len(s.code) > 0 {
		code = uint16(o.c.keys.hash(s.code)) | 1
	}
	if !o.light {
		if o.applied && !c.removed {
			if v, _ := o.x.items.put(at); v != nil {
				*v = item{gross: s.gross, code: code, n: uint16(o.x.described + 1)}
			} else {
				o.x.partial = true
			}
		}
		return
	}
	if c.known == nil || c.known.flags&gone != 0 || c.known.sizes == 0 || o.x.partial {
		return
	}
	v := o.x.items.get(at)
	switch {
	case v == nil:
		o.atSize(codeLightSizeUnknown, "size %s is none of product %s in full", clip(s.id), clip(c.id))
		return
	case v.n != uint16(c.known.n):
		if s.sold {
			o.atSize(codeLightSizeUnknown, "size %s has stock, and a change file took it from product %s", clip(s.id), clip(c.id))
		}
		return
	case v.code != 0 && code != 0 && v.code != code:
		o.atSize(codeLightCode, "code %s is another one in full", clip(s.code))
	}
	if above(s.gross, v.gross) {
		o.atSize(codeLightAbove, "gross is %s here and %s in full", cents(s.gross), cents(v.gross))
	}
}

// atSize reports something about the size at its start.
func (o *offerPass) atSize(code, format string, args ...any) {
	if o.sheet.want(code) {
		o.sheet.add(o.c.rules[code], o.size.pos, o.e.Path(), fmt.Sprintf(format, args...))
	}
}

// groupsTried bounds the search for one group that holds all sizes.
const groupsTried = 64

// endSizes judges the sizes of a product together.
func (o *offerPass) endSizes() {
	c, x := &o.cur, o.x
	if o.light || c.hasGroup || len(c.sizeIDs) < 2 || !o.refs || !x.have[schema.Sizes] || x.groups.length > groupsTried || x.partial {
		return
	}
	one := false
	x.groups.each(func(group key, _ *struct{}) {
		one = one || !slices.ContainsFunc(c.sizeIDs, func(id key) bool { return !x.sizes.has(o.c.keys.pair(group, id)) })
	})
	if !one {
		o.atProduct(codeSizeOtherGroup, "no group of sizes.xml holds all sizes of the product")
	}
}

func (o *offerPass) startStock(parent state, attrs []xmltok.Attr) {
	if parent == inComponent {
		o.flag(codeBundlePrice, "a component has stock")
		return
	}
	c, s := &o.cur, &o.size
	s.stocks++
	var quantity, said []byte
	var available number
	fraction := false
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			continue
		}
		switch string(a.Local) {
		case "id":
			id := trim(a.Value)
			k := o.c.keys.of(id)
			if slices.Contains(s.ids, k) {
				o.flag(codeStockDuplicate, "warehouse %s stands there twice", clip(id))
			} else if len(s.ids) < manySizes {
				s.ids = append(s.ids, k)
			}
			o.resolve(schema.Stocks, codeRefStock, "warehouse", id, k)
		case "quantity":
			quantity = a.Value
		case "available_stock_quantity":
			said, available = a.Value, o.float("available_stock_quantity", a.Value)
			fraction = fraction || o.fraction(available)
		case "stock_quantity":
			fraction = o.fraction(o.float("stock_quantity", a.Value)) || fraction
		}
	}
	n := o.number("quantity", quantity)
	switch {
	case len(trim(quantity)) == 0:
		o.flag(codeQuantityMissing, "the stock has no quantity")
	case n.ok && n.v == -1*scale:
		c.unlimited, s.sold = true, true
		o.flag(codeQuantityUnlimited, "the quantity is unlimited")
	case n.ok && n.v > 0:
		c.quantity += n.v / (scale / 1000)
		s.sold = true
	}
	if fraction || o.fraction(n) {
		o.flag(codeQuantityFraction, "the quantity is written with decimals")
	}
	if available.ok && n.ok && available.v != n.v && n.v >= 0 {
		o.flag(codeQuantityThree, "quantity is %s and available_stock_quantity %s", clip(quantity), clip(said))
	}
}

// fraction reports whether a quantity has decimals that its unit has not.
func (o *offerPass) fraction(n number) bool {
	switch digits := int(o.cur.digits); {
	case !n.ok || n.places == 0:
		return false
	case digits == 0:
		return n.zeros
	default:
		return n.places > digits-1
	}
}

// number reads a decimal and judges its form (CONSUMERS 5).
func (o *offerPass) number(what string, value []byte) number {
	n := parseNumber(value)
	if n.ok && !n.plain {
		o.flag(codeNumberForm, "%s is %s", what, clip(value))
	}
	return n
}

// float is number for types that allow an exponent.
func (o *offerPass) float(what string, value []byte) number {
	n := o.number(what, value)
	if n.power {
		o.flag(codeNumberForm, "%s is %s", what, clip(value))
	}
	return n
}

func (o *offerPass) startPrice(parent state, local []byte, attrs []xmltok.Attr) {
	c := &o.cur
	kind, kid := sidePrice, kidOf(local)
	switch kid {
	case kidPrice:
		kind = mainPrice
	case kidSRP:
		kind = srpPrice
	}
	switch parent {
	case inComponent:
		o.flag(codeBundlePrice, "a component has %s", local)
		return
	case inProduct:
		if c.kids&kid != 0 {
			o.flag(codeChildTwice, "%s stands there twice", local)
		}
		c.kids |= kid
	case inSize:
		o.size.kids |= kid
	default:
		kind = sidePrice
	}
	var gross, net, vat number
	hasGross, hasNet := false, false
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			continue
		}
		switch string(a.Local) {
		case "gross":
			hasGross, gross = true, o.number("gross", a.Value)
		case "net":
			hasNet, net = true, o.number("net", a.Value)
		case "vat":
			vat = o.number("vat", a.Value)
		}
	}
	if !hasGross || !hasNet {
		o.flag(codePriceIncomplete, "the price lacks %s", lacking(hasGross, hasNet))
	}
	o.judgePrice(gross, net, vat)
	switch {
	case parent == inProduct && kind == mainPrice:
		c.gross = money(gross)
	case parent == inProduct && kind == srpPrice:
		c.srp = money(gross)
	case parent == inSize && kind == mainPrice:
		o.size.gross = money(gross)
	}
}

// judgePrice judges one price (IOF 4.5).
func (o *offerPass) judgePrice(gross, net, vat number) {
	c := &o.cur
	if gross.v < 0 || net.v < 0 {
		o.flag(codePriceNegative, "the price is below zero")
	}
	if odd(gross, c.places) || odd(net, c.places) {
		o.flag(codePriceDigits, "the price is not written with %d decimals", c.places)
	}
	rate := float64(vat.v)
	switch {
	case vat.ok:
	case c.vat.ok:
		rate = float64(c.vat.v)
	case c.known != nil && c.known.vat != 0:
		rate = float64(c.known.vat-1) * (scale / 100)
	default:
		return
	}
	if !gross.ok || !net.ok {
		return
	}
	minor := math.Pow10(4 - c.places) // in units of 1/scale
	want := math.Round(float64(net.v)*(1+rate/(100*scale))/minor) * minor
	if math.Abs(float64(gross.v)-want) > minor+0.5 {
		o.flag(codePriceVAT, "gross is %s, and net %s with %s %% makes %s",
			decimal(float64(gross.v), c.places), decimal(float64(net.v), c.places), decimal(rate, 1), decimal(want, c.places))
	}
}

func lacking(gross, net bool) string {
	switch {
	case gross:
		return "net"
	case net:
		return "gross"
	}
	return "net and gross"
}

// odd reports whether a price has other decimals than its currency. 0 stands
// for no price, however it is written.
func odd(n number, places int) bool { return n.ok && n.v != 0 && n.places != places }

func decimal(v float64, places int) string { return fmt.Sprintf("%.*f", places, v/scale) }

// money gives an amount as records keep it.
func money(n number) uint32 {
	v := n.v / (scale / 100)
	if !n.ok || v < 0 || v > math.MaxUint32-1 {
		return 0
	}
	return uint32(v) + 1
}

// nothing is an amount of 0 as records keep it.
const nothing = 1

func cents(v uint32) string {
	if v == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d.%02d", (v-1)/100, (v-1)%100)
}

func percent(v uint16) string { return cents(uint32(v)) }
