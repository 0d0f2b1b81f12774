package iof

import (
	"slices"

	"feedmill/feed"
)

// AppendFull writes one complete product node of full.xml or a change file,
// and a line feed (IOF 4). Children stand in the order of IOF 4.2; what there
// is nothing to say of is left out, with these exceptions that importers rely
// on: the price of the product and of each size, name, panel name and weight
// of a size (0 g when not known), a stock node of each size, and the code
// standard (AUTO when none was given).
func (w *Writer) AppendFull(dst []byte, it *feed.Item) []byte { return w.appendFull(dst, it, nil) }

// appendFull is AppendFull, with shared texts or none.
func (w *Writer) appendFull(dst []byte, it *feed.Item, t *Texts) []byte {
	p := it.Product
	dst = append(dst, `<product id="`...)
	dst = feed.AppendInt(dst, int64(p.ID))
	if !it.Currency.IsZero() {
		dst = append(dst, `" currency="`...)
		dst = append(dst, it.Currency.String()...)
	}
	dst = append(dst, '"')
	dst = appendAttr(dst, ` code_on_card="`, p.DisplayCode)
	dst = append(dst, ` producer_code_standard="`...)
	dst = append(dst, w.standard(p.CodeStandard).String()...)
	dst = append(dst, `" type="`...)
	dst = append(dst, p.Type.String()...)
	dst = append(dst, `" vat="`...)
	dst = p.VAT.Append(dst)
	dst = append(dst, '"')
	site := w.site
	if _, ok := site.Get(); !ok {
		site = p.Site
	}
	dst = appendIntAttr(dst, ` site="`, site)
	dst = w.appendProductAttrs(dst, p.Attrs)
	dst = append(dst, '>')

	dst = t.shared(dst, textsAbout, w, p)
	prices := pricesAt{from: len(dst)}
	dst = appendPrices(dst, &it.Full, it.Currency)
	prices.to = len(dst)
	if p.Promotion != nil {
		dst = appendPromotion(dst, p.Promotion, &it.Promotion, it.Currency)
	}
	dst = w.appendSizes(dst, it, prices, true, t)
	dst = t.shared(dst, textsMedia, w, p)
	if p.Group != nil {
		dst = w.appendGroup(dst, p.Group)
	}
	dst = t.shared(dst, textsParameters, w, p)
	if p.Bundled != nil && !w.dialect.NoBundles {
		dst = w.appendBundled(dst, p.Bundled)
	}
	if p.Responsible != nil {
		dst = w.appendResponsible(dst, p.Responsible)
	}
	dst = w.appendExtensions(dst, p)
	return append(dst, "</product>\n"...)
}

// AppendRemoved writes the tombstone of a product that left the offer, for a
// change file (IOF 6), and a line feed.
func (w *Writer) AppendRemoved(dst []byte, id feed.ProductID) []byte {
	dst = append(dst, `<product id="`...)
	dst = feed.AppendInt(dst, int64(id))
	return append(dst, `" removed="yes"/>`+"\n"...)
}

// AppendLight writes one product node of light.xml and a line feed (IOF 5):
// prices, sizes with their codes, and the quantity of each stock, no more
// (CONSUMERS 17). Numbers that full shows too have the same text there.
func (w *Writer) AppendLight(dst []byte, it *feed.Item) []byte {
	dst = append(dst, `<product id="`...)
	dst = feed.AppendInt(dst, int64(it.Product.ID))
	dst = append(dst, `" vat="`...)
	dst = it.Product.VAT.Append(dst)
	dst = append(dst, `">`...)
	prices := pricesAt{from: len(dst)}
	dst = appendPrices(dst, &it.Light, it.Currency)
	prices.to = len(dst)
	dst = w.appendSizes(dst, it, prices, false, nil)
	return append(dst, "</product>\n"...)
}

// standard gives the code standard to write. Where GTIN and external code are
// swapped, code_producer holds no GTIN, and saying so would make importers
// refuse it.
func (w *Writer) standard(s feed.CodeStandard) feed.CodeStandard {
	switch {
	case s == feed.StandardNone:
		return feed.StandardAuto
	case w.dialect.SwapCodes && s != feed.StandardAuto:
		return feed.StandardOther
	}
	return s
}

// appendProductAttrs writes the iaiext attributes of a product: those that the
// published schema knows, and with AllExtensions whatever else has a name that
// XML allows. A name is written once.
func (w *Writer) appendProductAttrs(dst []byte, attrs []feed.Attr) []byte {
next:
	for i := range attrs {
		a := &attrs[i]
		switch a.Name {
		case "product_free", "product_shipment_profile_id", "rebate", "save_serial_numbers", "site":
		default:
			if !w.dialect.AllExtensions || !isLocalName(a.Name) {
				continue
			}
		}
		for j := range attrs[:i] {
			if attrs[j].Name == a.Name && hasText(attrs[j].Value) {
				continue next
			}
		}
		if !hasText(a.Value) {
			continue
		}
		dst = append(dst, " iaiext:"...)
		dst = append(dst, a.Name...)
		dst = append(dst, `="`...)
		dst = appendEscaped(dst, a.Value)
		dst = append(dst, '"')
	}
	return dst
}

// appendReferences writes the nodes that point into dictionaries, and the card
// (IOF 4.3). One without id or name is left out (CONSUMERS 6).
func (w *Writer) appendReferences(dst []byte, p *feed.Product, t *Texts) []byte {
	if name := w.producerName(p.Producer); hasText(p.Producer.ID) && hasText(name) {
		dst = append(dst, `<producer id="`...)
		dst = appendEscaped(dst, p.Producer.ID)
		dst = append(dst, `" name="`...)
		dst = appendEscaped(dst, name)
		dst = append(dst, `"/>`...)
	}
	dst = w.appendReference(dst, `<category id="`, ` name="`, p.Category.ID, w.categoryNames(p.Category))
	dst = w.appendReference(dst, `<category_idosell id="`, ` path="`, p.Taxonomy.ID, p.Taxonomy.Names)
	dst = w.unit(dst, &p.Unit, t)
	dst = w.appendSeries(dst, p.Series)
	dst = w.appendWarranty(dst, &p.Warranty)
	if hasText(p.URL) {
		dst = append(dst, `<card url="`...)
		dst = appendEscaped(dst, p.URL)
		dst = append(dst, '"')
		dst = appendAttr(dst, ` url_mobile="`, p.MobileURL)
		dst = append(dst, "/>"...)
	}
	return dst
}

// appendReference writes a node with id, language and name.
func (w *Writer) appendReference(dst []byte, open, attr, id string, names feed.Texts) []byte {
	if id == "" { // as here and below where a product has none
		return dst
	}
	lang, name, ok := w.lang.pick(names)
	if !ok || !hasText(id) {
		return dst
	}
	dst = append(dst, open...)
	dst = appendEscaped(dst, id)
	dst = append(dst, '"')
	dst = appendLang(dst, lang)
	dst = append(dst, attr...)
	dst = appendEscaped(dst, name)
	return append(dst, `"/>`...)
}

func (w *Writer) appendUnit(dst []byte, ref *feed.Reference) []byte {
	names := ref.Names
	if w.x != nil {
		if u, ok := w.x.Unit(ref.ID); ok {
			names = preferred(u.Names, names)
		}
	}
	lang, name, ok := w.lang.pick(names)
	if !ok || !hasText(ref.ID) {
		return dst
	}
	start := len(dst)
	dst = append(dst, `<unit id="`...)
	dst = appendEscaped(dst, ref.ID)
	dst = append(dst, '"')
	dst = appendLang(dst, lang)
	dst = append(dst, ` name="`...)
	before := len(dst)
	dst = appendUnitName(dst, name)
	if len(dst) == before {
		return dst[:start] // blanks alone are no name
	}
	return append(dst, `"/>`...)
}

// appendSeries writes the series; its id is fitted as in series.xml, whose
// schema wants a token (IOF 7.5).
func (w *Writer) appendSeries(dst []byte, ref feed.Reference) []byte {
	if ref.ID == "" {
		return dst
	}
	names := ref.Names
	if w.x != nil {
		if s, ok := w.x.Series(ref.ID); ok {
			names = preferred(s.Names, names)
		}
	}
	lang, name, ok := w.lang.pick(names)
	if !ok || !hasToken(ref.ID) {
		return dst
	}
	dst = append(dst, `<series id="`...)
	dst = appendNMToken(dst, ref.ID)
	dst = append(dst, '"')
	dst = appendLang(dst, lang)
	dst = append(dst, ` name="`...)
	dst = appendEscaped(dst, name)
	return append(dst, `"/>`...)
}

func (w *Writer) appendWarranty(dst []byte, ref *feed.WarrantyRef) []byte {
	if ref.ID == "" {
		return dst
	}
	names, kind, months := ref.Names, ref.Kind, ref.Months
	if w.x != nil {
		if d, ok := w.x.Warranty(ref.ID); ok {
			names = preferred(d.Names, names)
			if d.Kind != feed.WarrantyUnset {
				kind = d.Kind
			}
			if _, ok := d.Months.Get(); ok {
				months = d.Months
			}
		}
	}
	lang, name, ok := w.lang.pick(names)
	if !ok || !hasText(ref.ID) {
		return dst
	}
	dst = append(dst, `<warranty id="`...)
	dst = appendEscaped(dst, ref.ID)
	dst = append(dst, '"')
	dst = appendAttr(dst, ` type="`, kind.String())
	dst = appendIntAttr(dst, ` period="`, months)
	dst = appendLang(dst, lang)
	dst = append(dst, ` name="`...)
	dst = appendEscaped(dst, name)
	return append(dst, `"/>`...)
}

func (w *Writer) producerName(ref feed.Ref) string {
	if w.x != nil {
		if name, ok := w.x.Producer(ref.ID); ok && hasText(name) {
			return name
		}
	}
	return ref.Name
}

func (w *Writer) categoryNames(ref feed.Reference) feed.Texts {
	if w.x != nil {
		if path, ok := w.x.CategoryPath(ref.ID); ok {
			return preferred(path, ref.Names)
		}
	}
	return ref.Names
}

// preferred gives the names of the dictionary, or the product's own where the
// dictionary has none.
func preferred(dictionary, own feed.Texts) feed.Texts {
	for i := range dictionary {
		if hasText(dictionary[i].Value) {
			return dictionary
		}
	}
	return own
}

// metaNames are the iaiext texts of description in the order of writing (IOF 4.4).
var metaNames = [...]string{"auction_name", "auction_long_desc", "meta_title", "meta_description", "meta_keywords", "search_keywords"}

// appendDescription writes the texts in the order of IOF 4.4.
func (w *Writer) appendDescription(dst []byte, p *feed.Product) []byte {
	start := len(dst)
	dst = append(dst, "<description>"...)
	before := len(dst)
	dst = w.appendTexts(dst, "name", p.Names)
	dst = w.appendVersion(dst, &p.Version)
	if len(p.Meta) > 0 {
		for _, name := range metaNames {
			dst = w.appendMeta(dst, name, p.Meta)
		}
	}
	dst = w.appendTexts(dst, "long_desc", p.LongDescs)
	dst = w.appendTexts(dst, "short_desc", p.ShortDescs)
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</description>"...)
}

// appendVersion writes the variant's label. Its attribute is the name in the
// recipient's language.
func (w *Writer) appendVersion(dst []byte, v *feed.Version) []byte {
	_, name, ok := w.lang.pick(v.Names)
	if !ok {
		if !hasText(v.Name) {
			return dst
		}
		name = v.Name
	}
	dst = append(dst, `<version name="`...)
	dst = appendEscaped(dst, name)
	dst = append(dst, `">`...)
	if ok {
		dst = w.appendTexts(dst, "name", v.Names)
	} else {
		dst = w.appendTextNode(dst, "name", w.lang.untagged, name) // the schema wants one
	}
	return append(dst, "</version>"...)
}

// appendMeta writes the texts of one name. Several may share a language
// (search_keywords of several sites), so this is no [feed.Texts].
func (w *Writer) appendMeta(dst []byte, name string, meta []feed.MetaText) []byte {
	some := false
	for _, lang := range w.lang.order {
		for i := range meta {
			if m := &meta[i]; m.Name == name && w.lang.of(m.Lang) == lang && hasText(m.Value) {
				dst, some = w.appendMetaNode(dst, m), true
			}
		}
	}
	if some && !w.lang.rest {
		return dst
	}
	var only feed.Language // of the first text, when the others are not asked for
	for i := range meta {
		m := &meta[i]
		lang := w.lang.of(m.Lang)
		if m.Name != name || !hasText(m.Value) || slices.Contains(w.lang.order, lang) || some && !w.lang.rest && lang != only {
			continue
		}
		if !some {
			only = lang
		}
		dst, some = w.appendMetaNode(dst, m), true
	}
	return dst
}

func (w *Writer) appendMetaNode(dst []byte, m *feed.MetaText) []byte {
	dst = append(dst, "<iaiext:"...)
	dst = append(dst, m.Name...)
	dst = appendLang(dst, w.lang.of(m.Lang))
	if m.Name == "search_keywords" {
		dst = appendAttr(dst, ` iaiext:site_id="`, m.Site)
	}
	dst = append(dst, '>')
	dst = w.appendText(dst, m.Value)
	dst = append(dst, "</iaiext:"...)
	dst = append(dst, m.Name...)
	return append(dst, '>')
}

// appendIntAttr writes a whole number; an absent one is left out.
func appendIntAttr(dst []byte, name string, n feed.Int) []byte {
	v, ok := n.Get()
	if !ok {
		return dst
	}
	dst = append(dst, name...)
	dst = feed.AppendInt(dst, int64(v))
	return append(dst, '"')
}
