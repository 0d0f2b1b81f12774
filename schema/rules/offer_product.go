package rules

import (
	"fmt"
	"math"
	"slices"

	"feedmill/schema"
	"feedmill/schema/grammar"
	"feedmill/schema/xmltok"
)

// kids are the children of product, one bit each.
type kids uint32

const (
	kidProducer kids = 1 << iota
	kidCategory
	kidCategoryIdosell
	kidUnit
	kidSeries
	kidWarranty
	kidCard
	kidDescription
	kidPrice
	kidSRP
	kidStrikeRetail
	kidStrikeWholesale
	kidPromotion
	kidSizes
	kidImages
	kidAttachments
	kidGroup
	kidParameters
	kidBundled
	kidName // of description
)

// kidOf gives the bit of a child; 0 for any other.
func kidOf(local []byte) kids {
	switch string(local) {
	case "producer":
		return kidProducer
	case "category":
		return kidCategory
	case "category_idosell":
		return kidCategoryIdosell
	case "unit":
		return kidUnit
	case "series":
		return kidSeries
	case "warranty":
		return kidWarranty
	case "card":
		return kidCard
	case "description":
		return kidDescription
	case "price":
		return kidPrice
	case "srp":
		return kidSRP
	case "strikethrough_retail_price":
		return kidStrikeRetail
	case "strikethrough_wholesale_price":
		return kidStrikeWholesale
	case "promotion":
		return kidPromotion
	case "sizes":
		return kidSizes
	case "images":
		return kidImages
	case "attachments":
		return kidAttachments
	case "group":
		return kidGroup
	case "parameters":
		return kidParameters
	case "bundled":
		return kidBundled
	}
	return 0
}

// product is the product being read.
type product struct {
	pos     xmltok.Pos
	id      []byte
	key     key
	known   *record // of full and change files, for light; nil for none
	set     bool    // type is bundle or collection
	removed bool
	std     standard
	vat     number
	hasVAT  bool // it is said, whatever it is
	places  int  // decimals of its currency

	kids       kids
	ids        [6]key // of the first producer to warranty, for repeats in languages
	content    bool   // of the child being read
	digits     uint8  // of the unit: decimals plus one; 0 for unknown
	group      key
	hasGroup   bool
	sizeIDs    []key
	many       map[key]struct{} // of sizeIDs, once there are many
	sizes      int
	repeated   int    // sizes with the id of one before them
	unpriced   int    // sizes without a price
	gross, srp uint32 // as in record
	quantity   int64  // total in thousandths
	stocks     int
	unlimited  bool
	inherits   bool // a size that is there has the product's price
	given      bool // a size that is there has a price of 0
	free       bool // the product is said to be so
	langs      []langSeen
}

// langSeen is a text of description, or a reference, and its language.
type langSeen struct {
	kind byte // first letter of name, short_desc, long_desc; digit of place for a reference
	lang [3]byte
}

// again notes a text or reference in a language, and reports whether the
// product has it in that language already.
func (o *offerPass) again(kind byte, lang []byte) bool {
	if len(lang) != 3 {
		return false
	}
	c, seen := &o.cur, langSeen{kind, [3]byte(lang)}
	if slices.Contains(c.langs, seen) {
		return true
	}
	if len(c.langs) < 256 {
		c.langs = append(c.langs, seen)
	}
	return false
}

func (o *offerPass) startProduct(attrs []xmltok.Attr) {
	o.products++
	c := &o.cur
	*c = product{pos: o.e.Pos(), id: c.id[:0], sizeIDs: c.sizeIDs[:0], langs: c.langs[:0], places: o.places}
	currency := false
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			if string(a.Local) == "product_free" && a.Space == extensionSpace {
				v := string(trim(a.Value))
				c.free = v == "y" || v == "yes"
			}
			continue
		}
		switch string(a.Local) {
		case "id":
			c.id = append(c.id, trim(a.Value)...)
		case "vat":
			c.hasVAT, c.vat = true, o.number("vat", a.Value)
		case "currency":
			currency = true
			if value := trim(a.Value); o.document != "" && string(value) != o.document {
				o.flag(codeCurrency, "the currency is %s, and that of products is %s", clip(value), clip(o.document))
				c.places = decimals(string(value))
			} else if o.document == "" && len(value) > 0 {
				c.places = decimals(string(value))
				o.paidIn(string(value))
			}
		case "producer_code_standard":
			c.std = parseStandard(trim(a.Value))
		case "type":
			t := string(trim(a.Value))
			c.set = t == "bundle" || t == "collection"
		case "removed":
			c.removed = string(trim(a.Value)) == "yes"
		}
	}
	c.key = o.c.keys.of(c.id)
	if !currency && o.document == "" && !c.removed {
		o.silent++
	}
	if !o.light && !isDigits(c.id) {
		o.flag(codeProductID, "the id is %s", clip(c.id))
	}
	if c.removed && !o.change {
		o.flag(codeRemoved, "the product is marked as removed")
	}
	o.meet()
}

// meet looks the product up, and up it is: twice in a file is once too often.
func (o *offerPass) meet() {
	c := &o.cur
	rec, fresh := o.x.products.put(c.key)
	if rec == nil {
		o.x.partial = true
		return
	}
	if !fresh && rec.file == o.file {
		o.flag(codeProductDuplicate, "product %s stands there twice", clip(c.id))
	}
	rec.file = o.file
	if !o.light {
		return
	}
	rec.flags |= inLight
	if rec.flags&(inFull|inChange) != 0 {
		known := *rec
		c.known = &known
		c.digits = known.digits
	}
}

// startChild judges a direct child of product.
func (o *offerPass) startChild(s state, local []byte, attrs []xmltok.Attr) {
	c := &o.cur
	c.content = false
	kid := kidOf(local)
	if o.light {
		if kid&(kidSizes) == 0 && o.once(codeLightForeign+string(local)) {
			o.flag(codeLightForeign, "light holds %s", clip(local))
		}
	}
	if s == inEmpty {
		o.reference(kid, local, attrs)
	} else if kid != 0 && c.kids&kid != 0 {
		o.flag(codeChildTwice, "%s stands there twice", local)
	}
	c.kids |= kid
	switch s {
	case inSizes:
		for i := range attrs {
			if a := &attrs[i]; string(a.Local) == "group_id" && a.Space == extensionSpace {
				c.hasGroup = true
				id := trim(a.Value)
				c.group = o.c.keys.of(id)
				if o.refs && o.x.have[schema.Sizes] && !o.x.groups.has(c.group) {
					o.flag(codeRefSizeGroup, "size group %s is not in sizes.xml", clip(id))
				}
			}
		}
		if !c.hasGroup && !o.light {
			o.flag(codeSizeGroup, "sizes has no iaiext:group_id")
		}
	case inGroup:
		o.leader(attrs)
	case inBundled:
		o.component = 0
	}
}

// reference judges producer, category, unit, series, warranty and card (IOF 4.3).
func (o *offerPass) reference(kid kids, local []byte, attrs []xmltok.Attr) {
	c := &o.cur
	var id, name, lang, period, address []byte
	tagged := false
	for i := range attrs {
		a := &attrs[i]
		switch {
		case len(a.Prefix) > 0:
			if a.Space == xmltok.XMLNamespace {
				tagged, lang = true, a.Value
				o.code("xml:lang", a.Value)
			}
		case string(a.Local) == "id":
			id = trim(a.Value)
		case string(a.Local) == "name", string(a.Local) == "path":
			name = a.Value
		case string(a.Local) == "period":
			period = a.Value
		case string(a.Local) == "url":
			address = a.Value
		}
	}
	if kid == kidCard {
		if c.kids&kid != 0 {
			o.flag(codeChildTwice, "%s stands there twice", local)
		}
		o.link(address)
		return
	}
	if len(id) == 0 || len(trim(name)) == 0 {
		o.flag(codeEmpty, "%s has id %s and name %s", local, clip(id), clip(name))
	}
	k := o.c.keys.of(id)
	at := place(kid)
	if c.kids&kid == 0 {
		c.ids[at] = k
		o.again('0'+byte(at), lang)
	} else if c.ids[at] != k || !tagged {
		if kid == kidWarranty {
			o.flag(codeWarrantyTwo, "the product has a second warranty, %s", clip(id))
		} else {
			o.flag(codeChildTwice, "%s stands there twice", local)
		}
	} else if o.again('0'+byte(at), lang) {
		o.flag(codeChildTwice, "%s stands there twice in %s", local, lang)
	}
	switch kid {
	case kidProducer:
		o.resolve(schema.Producers, codeRefProducer, "producer", id, k)
	case kidCategory:
		o.category(id, name, lang, k)
	case kidUnit:
		if e := o.resolve(schema.Units, codeRefUnit, "unit", id, k); e != nil {
			c.digits = e.digits
		}
		if !grammar.IsNCName(name) && len(trim(name)) > 0 {
			o.flag(codeUnitName, "the name is %s", clip(name))
		}
	case kidSeries:
		o.resolve(schema.Series, codeRefSeries, "series", id, k)
	case kidWarranty:
		o.resolve(schema.Warranties, codeRefWarranty, "warranty", id, k)
		o.period(period)
	}
}

// place gives the place of a repeatable child in product.ids.
func place(kid kids) int {
	for i := range 6 {
		if kid == kidProducer<<i {
			return i
		}
	}
	return 0
}

// resolve looks an id up in a dictionary of the family.
func (o *offerPass) resolve(kind schema.Kind, code, what string, id []byte, k key) *entry {
	home := kind
	if kind == kindSection || kind == kindValue {
		home = schema.Parameters
	}
	if !o.x.have[home] || len(id) == 0 {
		return nil
	}
	e := o.x.entries[kind].get(k)
	if e == nil && o.refs && !o.x.partial {
		if kind == kindSection {
			if e = o.x.entries[home].get(k); e != nil {
				return e
			}
		}
		o.flag(code, "%s %s is not in %s.xml", what, clip(id), home)
	}
	return e
}

// category judges id and path of a category.
func (o *offerPass) category(id, name, lang []byte, k key) {
	for _, b := range name {
		if b == '\\' {
			o.flag(codeCategorySeparator, "the name is %s", clip(name))
			break
		}
	}
	e := o.resolve(schema.Categories, codeRefCategory, "category", id, k)
	if e == nil || !o.refs || len(trim(name)) == 0 || o.x.language != "" && o.x.language != string(o.language) {
		return
	}
	if len(lang) > 0 && string(lang) != string(o.language) {
		return
	}
	if o.c.keys.path(name) != e.path {
		o.flag(codeCategoryPath, "the name is %s, which is not its path in categories.xml", clip(name))
	}
}

// leader judges the leading variant of a group (IOF 4.11).
func (o *offerPass) leader(attrs []xmltok.Attr) {
	var id, first []byte
	for i := range attrs {
		a := &attrs[i]
		switch string(a.Local) {
		case "id":
			id = trim(a.Value)
		case "first_product_id":
			if len(first) == 0 {
				first = trim(a.Value)
			}
		}
	}
	if len(first) == 0 && isDigits(id) {
		first = id
	}
	if len(first) > 0 && o.applied {
		o.x.refer(pendingRef{to: o.c.keys.of(first), id: string(first), code: codeRefGroup, sheet: o.home, pos: o.e.Pos(), n: o.products})
	}
}

// startComponent judges a component of a set (IOF 4.13).
func (o *offerPass) startComponent(attrs []xmltok.Attr) {
	o.component++
	if !o.nested {
		o.nested = true
		o.flag(codeBundleNested, "the file has components of sets")
	}
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 || string(a.Local) != "id" {
			continue
		}
		id := trim(a.Value)
		k := o.c.keys.of(id)
		switch {
		case k == o.cur.key:
			o.flag(codeBundleSelf, "the set %s is its own component", clip(id))
		case o.applied:
			o.x.refer(pendingRef{to: k, id: string(id), code: codeRefComponent, sheet: o.home, pos: o.e.Pos(), n: o.products, m: o.component})
		}
	}
}

// endProduct judges what should have come, and remembers the product.
func (o *offerPass) endProduct() {
	c := &o.cur
	switch {
	case c.removed && o.change:
		o.removeProduct()
		return
	case o.light:
		o.endLightProduct()
		return
	}
	var lacking []string
	for _, need := range [...]struct {
		kid  kids
		code string
		what string
	}{{kidName, codeProductName, "description/name"}, {kidPrice, codeProductPrice, "price"}, {kidSizes, codeProductSize, "sizes"},
		{kidCategory, codeProductCategory, "category"}, {kidUnit, codeProductUnit, "unit"}, {kidCard, codeProductCard, "card"}} {
		if c.kids&need.kid != 0 && (need.kid != kidSizes || c.sizes > 0) {
			continue
		}
		if o.change && need.kid&(kidName|kidPrice|kidSizes) != 0 {
			lacking = append(lacking, need.what)
		} else {
			o.atProduct(need.code, "the product has no %s", need.what)
		}
	}
	if len(lacking) > 0 {
		o.atProduct(codeChangePartial, "the product has no %s", joined(lacking))
	}
	if !c.hasVAT {
		o.atProduct(codeProductVAT, "the product has no vat")
	}
	if has := c.kids&kidBundled != 0; has != c.set {
		if has {
			o.atProduct(codeBundleType, "the product has components, and its type is neither bundle nor collection")
		} else {
			o.atProduct(codeBundleType, "the product is a bundle or collection and has no components")
		}
	}
	o.endSizes()
	o.describe()
}

// atProduct reports something about the product at its start.
func (o *offerPass) atProduct(code, format string, args ...any) {
	if o.sheet.want(code) {
		o.sheet.add(o.c.rules[code], o.cur.pos, o.e.Path(), fmt.Sprintf(format, args...))
	}
}

func joined(list []string) string {
	s := list[0]
	for i, l := range list[1:] {
		if i == len(list)-2 {
			s += " and " + l
		} else {
			s += ", " + l
		}
	}
	return s
}

// describe remembers the product as an importer has it after this file.
func (o *offerPass) describe() {
	c := &o.cur
	if !o.applied {
		return
	}
	rec := o.x.products.get(c.key)
	if rec == nil {
		return
	}
	o.x.described++
	flags := inFull
	if o.change {
		flags = rec.flags&inFull | inChange
	}
	if c.free {
		flags |= free
	}
	*rec = record{gross: c.gross, srp: c.srp, quantity: c.total(), n: o.x.described, sizes: uint16(min(c.sizes-c.repeated, math.MaxUint16)),
		file: rec.file, flags: flags, digits: c.digits, vat: rateOf(c.vat)}
}

// removeProduct remembers a tombstone.
func (o *offerPass) removeProduct() {
	rec := o.x.products.get(o.cur.key)
	if rec == nil || !o.applied {
		return
	}
	if rec.flags == 0 && o.x.comparable() {
		o.atProduct(codeChangeUnknown, "product %s was never described", clip(o.cur.id))
	}
	rec.flags |= gone | inChange
}

func rateOf(vat number) uint16 {
	if !vat.ok || vat.v < 0 || vat.v > 600*scale {
		return 0
	}
	return uint16(vat.v/(scale/100)) + 1
}

// total gives the quantity as a record keeps it.
func (c *product) total() uint32 {
	switch {
	case c.unlimited:
		return 1
	case c.stocks == 0 || c.quantity < 0:
		return 0
	case c.quantity > math.MaxUint32-2:
		return math.MaxUint32
	}
	return uint32(c.quantity) + 2
}

// endLightProduct judges a product of light beside full (IOF 5).
func (o *offerPass) endLightProduct() {
	c := &o.cur
	switch {
	case c.sizes == 0:
		o.atProduct(codeLightNoSize, "the product has no sizes")
	case c.kids&kidPrice == 0 && c.unpriced > 0:
		o.atProduct(codeLightNoPrice, "neither the product nor each size has a price")
	case c.kids&kidPrice == 0:
		o.atProduct(codeProductPrice, "the product has no price")
	}
	if c.sizes == 0 && c.kids&kidPrice == 0 {
		o.atProduct(codeLightNoPrice, "the product has no price")
	}
	if (c.given || c.inherits && c.gross == nothing) && (c.known == nil || c.known.flags&free == 0) {
		o.atProduct(codeLightFree, "product %s has stock at a price of 0", clip(c.id))
	}
	o.endSizes()
	x := o.x
	sold := c.quantity > 0 || c.unlimited
	if c.known == nil {
		if sold && x.comparable() && !x.partial {
			o.atProduct(codeLightUnknown, "product %s is in neither full nor the change files after it", clip(c.id))
		}
		return
	}
	k := c.known
	if k.flags&gone != 0 {
		if sold {
			o.atProduct(codeLightRemoved, "product %s was removed and has stock", clip(c.id))
		}
		return
	}
	if rate := rateOf(c.vat); rate != 0 && k.vat != 0 && rate != k.vat {
		o.atProduct(codeLightVAT, "vat is %s here and %s in full", percent(rate), percent(k.vat))
	}
	if above(c.gross, k.gross) {
		o.atProduct(codeLightAbove, "gross is %s here and %s in full", cents(c.gross), cents(k.gross))
	}
	switch {
	case k.srp > 1 && c.kids&kidSRP == 0:
		o.atProduct(codeLightSRP, "full suggests %s", cents(k.srp))
	case k.srp != 0 && c.srp != 0 && k.srp != c.srp:
		o.atProduct(codeSRPDiffers, "the suggested price is %s here and %s in full", cents(c.srp), cents(k.srp))
	}
	if total := c.total(); total != 0 && k.quantity != 0 && total != k.quantity && o.generated != "" && o.generated == x.newest {
		o.atProduct(codeStockOdds, "light and full of %s have other quantities", o.generated)
	}
	if n := c.sizes - c.repeated; k.sizes != 0 && k.sizes < math.MaxUint16 && n < int(k.sizes) && n > 0 {
		o.atProduct(codeLightSizeMissing, "the product has %d sizes here and %d in full", n, k.sizes)
	}
}

// above reports whether a price is above another; both as in record.
func above(light, full uint32) bool { return full > 1 && light > full }
