package rules

import (
	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// state says which element of an offer is open.
type state uint8

const (
	inOther state = iota // nothing in it is judged
	inDocument
	inOffer
	inProducts
	inProduct
	inDescription
	inVersion
	inText // a text in a language
	inExtension
	inPrice // with or without children
	inPromotion
	inSizes
	inSize
	inStock
	inImages
	inLarge
	inImage
	inIcons
	inIcon
	inAttachments
	inFile
	inGroup
	inGroupBy
	inParameters
	inParameter
	inValue
	inBundled
	inComponent
	inComponentSizes
	inEmpty // a reference node without content
)

// Kinds of prices.
type priceKind uint8

const (
	mainPrice priceKind = iota
	srpPrice
	sidePrice // strikethrough, normal and promotion prices
)

// offerPass reads full, a change file or light (IOF 3 to 6).
type offerPass struct {
	*pass
	light, change bool
	applied       bool // an importer of this full applies this change file
	refs          bool // references to dictionaries are judged

	stack     []state
	document  string           // currency of products
	currency  string           // the first one that the file names
	silent    int64            // products that name no currency where products does not
	places    int              // decimals of the currency of products
	codes     *table[struct{}] // size codes of the file
	file      uint16
	nested    bool
	listPos   xmltok.Pos // of products
	endPos    xmltok.Pos
	endPath   string
	cur       product
	size      size
	text      offerText
	images    gallery
	component int64
}

func newOfferPass(p *pass) *offerPass {
	o := &offerPass{pass: p, light: p.m.kind == schema.Light, change: p.m.kind == schema.FullChange, places: 2}
	o.codes = newTable[struct{}](&p.c.mem, p.c.salt, 0)
	p.x.file++
	o.file = p.x.file
	o.stack = append(o.stack, inDocument)
	o.endPos, o.endPath = xmltok.Pos{Line: 1, Column: 1}, "/offer"
	return o
}

// child gives the state of a core child by its name.
func child(parent state, local []byte) state {
	switch parent {
	case inDocument:
		return inOffer
	case inOffer:
		return inProducts
	case inProducts:
		if string(local) == "product" {
			return inProduct
		}
	case inProduct:
		return childOfProduct(local)
	case inDescription:
		switch string(local) {
		case "name", "short_desc", "long_desc":
			return inText
		case "version":
			return inVersion
		}
	case inVersion, inGroupBy, inFile:
		switch string(local) {
		case "name":
			return inText
		case "product_value":
			return inGroupBy
		}
	case inPromotion:
		if string(local) == "price" {
			return inPrice
		}
	case inPrice:
		return inPrice
	case inSizes:
		return inSize
	case inSize, inComponent:
		switch string(local) {
		case "stock":
			return inStock
		case "price", "srp", "strikethrough_retail_price", "strikethrough_wholesale_price":
			return inPrice
		case "sizes":
			return inComponentSizes
		}
	case inComponentSizes:
		return inOther
	case inImages:
		switch string(local) {
		case "large":
			return inLarge
		case "icons":
			return inIcons
		}
	case inLarge:
		return inImage
	case inIcons:
		return inIcon
	case inAttachments:
		return inFile
	case inGroup:
		return inGroupBy
	case inParameters:
		return inParameter
	case inParameter:
		return inValue
	case inBundled:
		return inComponent
	}
	return inOther
}

func childOfProduct(local []byte) state {
	switch string(local) {
	case "description":
		return inDescription
	case "price", "srp", "strikethrough_retail_price", "strikethrough_wholesale_price":
		return inPrice
	case "promotion":
		return inPromotion
	case "sizes":
		return inSizes
	case "images":
		return inImages
	case "attachments":
		return inAttachments
	case "group":
		return inGroup
	case "parameters":
		return inParameters
	case "bundled":
		return inBundled
	case "producer", "category", "category_idosell", "unit", "series", "warranty", "card":
		return inEmpty
	}
	return inOther
}

func (o *offerPass) start(name xmltok.Name, core bool, attrs []xmltok.Attr) {
	parent := o.stack[len(o.stack)-1]
	s := inOther
	if core {
		s = child(parent, name.Local)
	} else if parent == inProduct || parent == inDescription {
		s = inExtension
	}
	o.stack = append(o.stack, s)
	if o.depth > 2 {
		o.volatile(s, attrs)
	}
	switch s {
	case inOffer:
		o.root(attrs)
		o.labelled()
		o.schedule()
	case inProducts:
		o.startProducts(attrs)
	case inProduct:
		o.startProduct(attrs)
	case inDescription, inImages, inAttachments, inParameters, inGroup, inBundled, inSizes, inPromotion, inEmpty:
		o.startChild(s, name.Local, attrs)
	case inExtension:
		o.startExtension(parent, name.Local, attrs)
	case inText:
		o.startText(parent, name.Local, attrs)
	case inVersion, inGroupBy, inParameter, inValue, inFile, inLarge, inIcons:
		o.content(parent)
		o.startPart(s, name.Local, attrs)
	case inPrice:
		o.startPrice(parent, name.Local, attrs)
	case inSize:
		o.startSize(attrs)
	case inStock:
		o.startStock(parent, attrs)
	case inImage, inIcon:
		o.content(parent)
		o.startImage(s, attrs)
	case inComponent:
		o.startComponent(attrs)
	default:
		if parent == inProduct {
			o.startChild(s, name.Local, attrs)
		}
	}
}

func (o *offerPass) end() {
	s := o.stack[len(o.stack)-1]
	o.stack = o.stack[:len(o.stack)-1]
	switch s {
	case inProduct:
		o.endProduct()
	case inSize:
		o.endSize()
	case inText:
		o.endText()
	case inExtension:
		o.endExtension()
	case inDescription, inImages, inAttachments, inParameters:
		if !o.cur.content {
			o.flag(codeEmpty, "the element has no content")
		}
	case inLarge:
		o.images.end(o)
	case inProducts:
		o.endPos, o.endPath = o.e.Pos(), o.e.Path()
	}
}

// content notes that an element which should not be empty is none.
func (o *offerPass) content(parent state) {
	switch parent {
	case inDescription, inImages, inAttachments, inParameters:
		o.cur.content = true
	}
}

// labelled compares the time of a change file with its name (IOF 6).
func (o *offerPass) labelled() {
	if !o.change || o.m.label == "" || o.generated == "" {
		return
	}
	if stamp := labelStamp(o.m.label); stamp != o.generated {
		o.flag(codeLabelName, "generated is %s, and the name of the file says %s", o.generated, stamp)
	}
}

// schedule finds out what the file means to an importer.
func (o *offerPass) schedule() {
	x := o.x
	stamp := o.generated
	if o.m.label != "" {
		stamp = labelStamp(o.m.label)
	}
	o.applied = !o.change || x.fullGenerated == "" || stamp == "" || stamp > x.fullGenerated
	o.refs = o.applied
	switch {
	case o.light:
	case !o.change:
		x.fullGenerated, x.newest, x.fullName = o.generated, o.generated, o.m.Name
	case o.applied && o.generated > x.newest:
		x.newest = o.generated
	}
}

func (o *offerPass) startProducts(attrs []xmltok.Attr) {
	o.places, o.listPos = 2, o.e.Pos()
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			continue
		}
		switch string(a.Local) {
		case "language":
			o.language = append(o.language[:0], a.Value...)
			o.code("language", a.Value)
		case "currency":
			o.document = string(trim(a.Value))
			o.places = decimals(o.document)
		}
	}
	if !o.light && !o.change {
		o.x.currency = ""
	}
	o.paidIn(o.document)
}

// paidIn takes the currency of products, or of a product where that is silent:
// a file has one, and light and change files that of full (IOF 3, 4.1).
func (o *offerPass) paidIn(currency string) {
	switch {
	case currency == "" || currency == o.currency:
	case o.currency != "":
		o.flag(codeCurrency, "the currency is %s, and that of a product before it is %s", clip(currency), clip(o.currency))
	case !o.light && !o.change:
		o.currency, o.x.currency = currency, currency
	default:
		o.currency = currency
		if o.applied && o.x.currency != "" && currency != o.x.currency {
			o.flag(codeCurrency, "the currency is %s, and that of full is %s", clip(currency), clip(o.x.currency))
		}
	}
}

// finish judges the file as a whole.
func (o *offerPass) finish(cut bool) {
	x := o.x
	o.codes.release()
	start := xmltok.Pos{Line: 1, Column: 1}
	if o.extended && !o.declared {
		o.flagAt(codeExtensions, start, "/offer", "iaiext is in use, and extensions does not say yes")
	}
	if o.silent > 0 {
		o.flagAt(codeCurrencyMissing, o.listPos, "/offer/products", "neither products nor %d of %d products in it name a currency", o.silent, o.products)
	}
	if !cut && o.products == 0 {
		switch {
		case o.light:
			o.flagAt(codeLightEmpty, start, "/offer/products", "light holds no product")
		case o.change:
			o.flagAt(codeChangeEmpty, start, "/offer/products", "the change file holds no product")
		default:
			o.flagAt(codeFullEmpty, start, "/offer/products", "full holds no product")
		}
	}
	switch {
	case o.light:
		if !cut && x.comparable() && !x.partial {
			x.missingFromLight(o.pass, o.endPos, o.endPath)
		}
	case !o.change:
		x.full = true
	}
}
