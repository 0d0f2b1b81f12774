package iof

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// product reads the current product element (IOF 4) and says whether it is one
// to yield: it is none when something in it left it out, or when it is a
// tombstone.
func (r *Reader) product() bool {
	p := &r.p
	category, unit := p.Category.Names[:0], p.Unit.Names[:0] // every product has these
	p.Reset()
	p.Category.Names, p.Unit.Names = category, unit
	r.bad, r.vatKnown, r.code, r.sites = false, false, "", r.sites[:0]
	r.start, r.elements, r.line = r.t.Offset(), r.t.Elements(), r.t.Pos().Line
	p.Currency = r.head.Currency
	r.id = "?"
	if a := r.t.Attr("", "id"); a != nil {
		r.id = r.trimmed(a.Value)
	}
	defer func() { r.id = "" }()
	if r.productAttrs(p) {
		id := p.ID
		r.skip()
		if r.err == nil && !r.bad && r.opt.Removed != nil {
			r.opt.Removed(id)
		}
		return false
	}
	if r.bad {
		r.skip()
		return false
	}
	for r.child() {
		r.productChild(p)
	}
	if r.err != nil {
		return false
	}
	r.complete(p)
	return !r.bad
}

// productAttrs reads the attributes (IOF 4.1) and says whether the product is
// a tombstone (IOF 6).
func (r *Reader) productAttrs(p *feed.Product) (removed bool) {
	id, err := strconv.ParseInt(r.id, 10, 64)
	switch {
	case err != nil || id < 1 || id > feed.MaxProductID:
		r.reject("@id", fmt.Sprintf("%.40q is not a product id: a whole number from 1 to %d", r.id, int64(feed.MaxProductID)))
	default:
		p.ID = feed.ProductID(id)
	}
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		if isExtension(a.Name) {
			r.productExtension(p, string(a.Local), r.string(a.Value))
			continue
		}
		switch string(a.Local) {
		case "id":
		case "currency":
			r.productCurrency(p, a.Value)
		case "code_on_card":
			p.DisplayCode = r.string(a.Value)
		case "producer_code_standard":
			std, err := feed.ParseCodeStandard(view(bytes.TrimSpace(a.Value)))
			if err != nil {
				r.warn("@producer_code_standard", err.Error())
			}
			p.CodeStandard = std
		case "type":
			t, err := feed.ParseProductType(view(bytes.TrimSpace(a.Value)))
			if err != nil {
				r.warn("@type", err.Error()+": taken for regular")
			}
			p.Type = t
		case "vat":
			r.vat("@vat", a.Value)
		case "site":
			r.int("@site", &p.Site, a.Value)
		case "code_producer":
			r.code = r.trimmed(a.Value)
		case "removed", "deleted":
			switch strings.ToLower(view(bytes.TrimSpace(a.Value))) {
			case "yes", "y", "true", "1":
				removed = true
			}
		default:
			if name := "product/@" + a.Name.String(); !isLang(a) && r.once(name) {
				r.warn(name, "the attribute is not known and was ignored")
			}
		}
	}
	if v, ok := attrValue(p.Attrs, "site"); ok && p.Site == (feed.Int{}) {
		r.int("@iaiext:site", &p.Site, []byte(v))
	}
	slices.SortStableFunc(p.Attrs, func(a, b feed.Attr) int { return cmp.Compare(a.Name, b.Name) })
	return removed
}

// productExtension keeps an iaiext attribute; the currency of 2.x files is no
// extension any more.
func (r *Reader) productExtension(p *feed.Product, name, value string) {
	if name == "currency" {
		if r.t.Attr("", "currency") == nil {
			r.productCurrency(p, []byte(value))
		}
		return
	}
	p.Attrs = append(p.Attrs, feed.Attr{Name: r.string([]byte(name)), Value: value})
}

func attrValue(attrs []feed.Attr, name string) (string, bool) {
	for i := range attrs {
		if attrs[i].Name == name {
			return attrs[i].Value, true
		}
	}
	return "", false
}

func (r *Reader) productCurrency(p *feed.Product, v []byte) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return
	}
	c, err := feed.ParseCurrency(strings.ToUpper(view(v)))
	if err != nil {
		r.reject("@currency", err.Error())
		return
	}
	p.Currency = c
}

// vat reads a VAT rate. Exemption, which merchants spell as words, is 0 %.
func (r *Reader) vat(field string, v []byte) {
	v = bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(v), []byte("%")))
	switch strings.ToLower(view(v)) {
	case "":
		return
	case "zw", "zw.", "np", "np.", "exempt":
		r.p.VAT, r.vatKnown = feed.Percent{}, true
		return
	}
	p, err := feed.ParsePercent(view(r.decimal(v)))
	if err != nil {
		r.reject(field, "the VAT rate "+err.Error())
		return
	}
	r.p.VAT, r.vatKnown = p, true
}

// productChild reads one child of product (IOF 4.2).
func (r *Reader) productChild(p *feed.Product) {
	name := r.t.Name()
	if isExtension(name) {
		r.extension(p, string(name.Local))
		return
	}
	if !r.isCore(name) {
		r.unknown("product/")
		return
	}
	switch string(name.Local) {
	case "producer":
		for i := range r.t.Attrs() {
			switch a := &r.t.Attrs()[i]; string(a.Local) {
			case "id":
				p.Producer.ID = r.trimmed(a.Value)
			case "name":
				p.Producer.Name = r.string(a.Value)
			}
		}
		r.skip()
	case "category":
		r.referenceNode(&p.Category, "category", "name")
	case "category_idosell":
		r.referenceNode(&p.Taxonomy, "category_idosell", "path")
	case "unit":
		r.referenceNode(&p.Unit, "unit", "name")
	case "series":
		r.referenceNode(&p.Series, "series", "name")
	case "warranty":
		r.warranty(&p.Warranty)
	case "card":
		for i := range r.t.Attrs() {
			switch a := &r.t.Attrs()[i]; string(a.Local) {
			case "url":
				r.setTrimmed(&p.URL, a)
			case "url_mobile":
				r.setTrimmed(&p.MobileURL, a)
			}
		}
		r.skip()
	case "description":
		r.description(p)
	case "promotion":
		r.promotion(p)
	case "sizes":
		r.sizes(p)
	case "images":
		r.images(p)
	case "attachments":
		r.attachments(p)
	case "group":
		r.group(p)
	case "parameters":
		r.parameters(p)
	case "bundled":
		r.bundled(p)
	default:
		if !r.pricePoint(&p.Prices) {
			r.unknown("product/")
		}
	}
}

// referenceNode reads a node that points into a dictionary. It may be repeated
// for each language.
func (r *Reader) referenceNode(ref *feed.Reference, tag, attr string) {
	lang := r.langOf(tag)
	var id, name string
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "id":
			id = r.trimmed(a.Value)
		case attr:
			name = r.string(a.Value)
		}
	}
	if ref.ID != "" && id != "" && id != ref.ID {
		r.warn(tag, fmt.Sprintf("a second %s %.40q was ignored", tag, id))
	} else {
		if id != "" {
			ref.ID = id
		}
		r.addName(&ref.Names, lang, name, tag)
	}
	r.skip()
}

func (r *Reader) warranty(ref *feed.WarrantyRef) {
	lang := r.langOf("warranty")
	var id, name, kind string
	months := ref.Months
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "id":
			id = r.trimmed(a.Value)
		case "name":
			name = r.string(a.Value)
		case "type":
			r.setTrimmed(&kind, a)
		case "period":
			r.int("warranty/@period", &months, a.Value)
		}
	}
	if ref.ID != "" && id != ref.ID {
		r.warn("warranty", fmt.Sprintf("a second warranty %.40q was ignored", id))
		r.skip()
		return
	}
	ref.ID, ref.Months = id, months
	if k, err := feed.ParseWarrantyKind(kind); err != nil {
		r.warn("warranty/@type", err.Error())
	} else if k != feed.WarrantyUnset {
		ref.Kind = k
	}
	r.addName(&ref.Names, lang, name, "warranty")
	r.skip()
}

// description reads the texts (IOF 4.4).
func (r *Reader) description(p *feed.Product) {
	for r.child() {
		name := r.t.Name()
		if isExtension(name) || !r.isCore(name) {
			r.meta(p, name)
			continue
		}
		switch string(name.Local) {
		case "name":
			r.addText(&p.Names, "description/name")
		case "short_desc":
			r.addText(&p.ShortDescs, "description/short_desc")
		case "long_desc":
			r.addText(&p.LongDescs, "description/long_desc")
		case "version":
			r.version(&p.Version)
		default:
			r.unknown("description/")
		}
	}
}

func (r *Reader) version(v *feed.Version) {
	lang := r.langOf("description/version")
	for i := range r.t.Attrs() {
		if a := &r.t.Attrs()[i]; string(a.Local) == "name" && v.Name == "" {
			v.Name = r.string(a.Value)
		}
	}
	for r.child() {
		if string(r.t.Name().Local) == "name" {
			r.addText(&v.Names, "description/version/name")
		} else {
			r.unknown("version/")
		}
	}
	if len(v.Names) == 0 {
		r.addName(&v.Names, lang, v.Name, "description/version")
	}
}

// meta reads an iaiext text of description.
func (r *Reader) meta(p *feed.Product, name xmltok.Name) {
	at := slices.IndexFunc(metaNames[:], func(s string) bool { return s == string(name.Local) })
	if at < 0 || !isExtension(name) {
		r.unknown("description/")
		return
	}
	m := feed.MetaText{Name: metaNames[at], Lang: r.langOf("description")}
	for i := range r.t.Attrs() {
		if a := &r.t.Attrs()[i]; string(a.Local) == "site_id" {
			m.Site = r.trimmed(a.Value)
		}
	}
	if m.Value = r.text(); m.Value != "" {
		p.Meta = append(p.Meta, m)
	}
}

// extension reads an iaiext child of product (IOF 8): what the vocabulary has
// a place for goes there, everything else is kept verbatim.
func (r *Reader) extension(p *feed.Product, local string) {
	switch local {
	case "price_wholesale", "price_minimal":
		r.sitePrices(local == "price_minimal")
		return
	case "srp", "strikethrough_retail_price", "strikethrough_wholesale_price":
		r.pricePoint(&p.Prices)
		return
	case "responsible_entity":
		if p.Responsible == nil {
			r.responsible(p)
			return
		}
	case "icons":
		r.icons(p)
		return
	}
	names := translated(p, local)
	if names != nil {
		lang := r.langOf("product")
		for i := range r.t.Attrs() {
			if a := &r.t.Attrs()[i]; string(a.Local) == "value" {
				if _, ok := names.Get(lang); !ok && len(a.Value) > 0 {
					*names = append(*names, feed.Text{Lang: lang, Value: r.string(a.Value)})
				}
			}
		}
	}
	name := r.string([]byte(local))
	xml, ok := r.verbatim(r.buf[:0])
	r.buf = xml
	switch {
	case r.err != nil:
	case !ok:
		r.warn("iaiext:"+local, "the element uses a namespace that the format does not know and was ignored")
	default:
		p.Extensions = append(p.Extensions, feed.Extension{Name: name, XML: r.string(xml)})
	}
}

// translated gives the names that a translation adds to (IOF 8.1), or nil. The
// element is kept verbatim all the same: it is written as it came.
func translated(p *feed.Product, local string) *feed.Texts {
	switch local {
	case "category_translation":
		return &p.Category.Names
	case "category_idosell_translation":
		return &p.Taxonomy.Names
	case "unit_translation":
		return &p.Unit.Names
	case "series_translation":
		return &p.Series.Names
	case "warranty_translation":
		return &p.Warranty.Names
	}
	return nil
}

// complete does what needs the whole product: prices by site and size, ids of
// sizes, and what 2.x files put elsewhere.
func (r *Reader) complete(p *feed.Product) {
	if len(p.Sizes) == 1 && isOneSize(p.Sizes[0].ID) && (p.SizeGroup.ID == "" || p.SizeGroup.ID == feed.OneSizeGroup) {
		p.SizeGroup.ID = feed.OneSizeGroup
		p.Sizes[0].ID = oneSizeID
	}
	for i := range p.Sizes {
		s := &p.Sizes[i]
		if s.Code == "" {
			id := s.ID
			if id == "" {
				id = strconv.Itoa(i)
			}
			s.Code = r.id + "-" + id
			if r.kind != feed.KindLight {
				r.warn("sizes/size/@code", "the size has no code: "+s.Code+" was made of the ids")
			}
		} else if strings.ContainsAny(s.Code, " \t\n") {
			r.warn("sizes/size/@code", fmt.Sprintf("code %.40q holds blanks", s.Code))
		}
	}
	if r.code != "" && len(p.Sizes) == 1 && p.Sizes[0].ProducerCode == "" {
		p.Sizes[0].ProducerCode = r.code
	}
	if len(p.Sizes) == 0 {
		r.warn("sizes", "the product has no size, so there is nothing to sell")
	}
	r.settleSites(p)
}

// oneSizeID is how the vocabulary spells the one size of a product without
// real sizes; the dialect decides how it is written.
const oneSizeID = "uniw"

// isOneSize says whether an id is one of the spellings that are met (IOF 4.7).
func isOneSize(id string) bool { return id == "" || id == "0" || id == oneSizeID }
