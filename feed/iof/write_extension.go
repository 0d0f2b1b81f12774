package iof

import "feedmill/feed"

// published says whether an iaiext child of product goes to every partner.
// These are the ones that the published schema of full.xml admits and that
// describe the product; the others tell prices that were not computed for this
// partner, or the merchant's own business, and need AllExtensions.
func published(name string) bool {
	switch name {
	case "category_translation", "iai_category", "iai_category_translation", "unit_translation",
		"series_translation", "card_translation", "warranty_translation",
		"meta_title", "pricecomparator_name", "taxcode", "size_chart", "associated_products",
		"sell_by", "sold_by", "inwrapper", "sold_in_carton", "sum_in_basket",
		"delivery_time", "availability", "availability_profile", "availability_management",
		"navigation", "visibility", "hotspots", "priority":
		return true
	}
	return false
}

// appendExtensions writes further iaiext children of product as they came
// (IOF 8.1). What is not one well-formed element of the name that it claims is
// left out, so that one bad element cannot spoil a file.
func (w *Writer) appendExtensions(dst []byte, p *feed.Product) []byte {
	for i := range p.Extensions {
		e := &p.Extensions[i]
		if !w.dialect.AllExtensions && !published(e.Name) {
			continue
		}
		if e.Name == "responsible_entity" && p.Responsible != nil {
			continue // written from its own field
		}
		if xml := clean(e.XML); isElement(xml, e.Name) {
			dst = append(dst, xml...)
		}
	}
	return dst
}
