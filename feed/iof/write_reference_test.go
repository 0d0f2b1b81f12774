package iof_test

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"feedmill/feed"

	"github.com/beevik/etree"
)

// reference builds the documents as trees, the slow and plain way, from the
// rules of the format alone. It shares no code with the writers.
type reference struct {
	p       *feed.Profile
	d       *feed.Dictionaries // nil without an index
	deflt   feed.Language
	catalog []feed.Language
}

// attrText is what a reader gets of an attribute.
func attrText(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if !(r == utf8.RuneError && n == 1) && feed.IsXMLChar(r) {
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func filled(s string) bool { return attrText(s) != "" }

// nodeText is what a reader gets of the text of an element.
func (r *reference) nodeText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = attrText(s)
	if r.p.Dialect.EscapedText {
		return s
	}
	return strings.ReplaceAll(s, "]]>", "]]&gt;")
}

func (r *reference) order() (list []feed.Language, rest bool) {
	list = append(list, r.p.Languages...)
	if len(list) == 0 {
		rest = true
		for _, l := range append([]feed.Language{r.deflt}, r.catalog...) {
			if !l.IsZero() && !slices.Contains(list, l) {
				list = append(list, l)
			}
		}
	}
	if r.p.Dialect.SingleLanguage {
		rest = false
		if len(list) > 1 {
			list = list[:1]
		}
	}
	return list, rest
}

// choose gives the texts to write, each with its true language.
func (r *reference) choose(ts feed.Texts) feed.Texts {
	var there, out feed.Texts
	for _, t := range ts {
		if t.Lang.IsZero() {
			t.Lang = r.deflt
		}
		if _, dup := there.Get(t.Lang); filled(t.Value) && !dup {
			there = append(there, t)
		}
	}
	order, rest := r.order()
	for _, l := range order {
		if v, ok := there.Get(l); ok {
			out = append(out, feed.Text{Lang: l, Value: v})
		}
	}
	if rest {
		for _, t := range there {
			if !slices.Contains(order, t.Lang) {
				out = append(out, t)
			}
		}
	}
	if len(out) == 0 && len(there) > 0 {
		out = there[:1]
	}
	return out
}

func (r *reference) main() string {
	if order, _ := r.order(); len(order) > 0 {
		return order[0].String()
	}
	if !r.deflt.IsZero() {
		return r.deflt.String()
	}
	return "und"
}

// set adds an attribute unless it is empty.
func set(e *etree.Element, name, value string) {
	if v := attrText(value); v != "" {
		e.CreateAttr(name, v)
	}
}

func setInt(e *etree.Element, name string, n feed.Int) {
	if v, ok := n.Get(); ok {
		e.CreateAttr(name, strconv.Itoa(int(v)))
	}
}

func (r *reference) leaf(e *etree.Element, tag string, l feed.Language, s string) *etree.Element {
	c := e.CreateElement(tag)
	set(c, "xml:lang", l.String())
	c.SetText(r.nodeText(s))
	return c
}

func (r *reference) texts(e *etree.Element, tag string, ts feed.Texts) {
	for _, t := range r.choose(ts) {
		r.leaf(e, tag, t.Lang, t.Value)
	}
}

// prune removes c when nothing was put into it.
func prune(parent, c *etree.Element) {
	if len(c.Child) == 0 {
		parent.RemoveChild(c)
	}
}

func entry[T any](r *reference, list func(d *feed.Dictionaries) []T, id string, idOf func(T) string) (found T, ok bool) {
	if r.d == nil {
		return found, false
	}
	for _, e := range list(r.d) {
		if idOf(e) == id {
			found, ok = e, true // the last wins, as in an index
		}
	}
	return found, ok
}

func (r *reference) names(dict feed.Texts, ok bool, own feed.Texts) feed.Texts {
	if ok && len(r.choose(dict)) > 0 {
		return dict
	}
	return own
}

// link adds a node with id and a name in one language.
func (r *reference) link(e *etree.Element, tag, attr, id string, names feed.Texts) *etree.Element {
	chosen := r.choose(names)
	if len(chosen) == 0 || !filled(id) {
		return nil
	}
	c := e.CreateElement(tag)
	set(c, "id", id)
	set(c, "xml:lang", chosen[0].Lang.String())
	set(c, attr, chosen[0].Value)
	return c
}

// token is an xs:NMTOKEN made of s.
func token(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-:", c)) || c >= 0x80 && oldLetter(c) {
			return c
		}
		return '_'
	}, strings.Trim(s, " \t\r\n"))
}

// oldLetter is how the letters that the tests use are classed.
func oldLetter(c rune) bool { return strings.ContainsRune("Żżółćłęąöüřж漢字", c) }

func unitName(s string) string {
	s = strings.NewReplacer("²", "2", "³", "3").Replace(strings.TrimSpace(s))
	out := ""
	for _, c := range s {
		if strings.ContainsRune("0123456789.-", c) && out == "" {
			out = "_"
		}
		if c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("0123456789._-", c)) || c >= 0x80 && oldLetter(c) {
			out += string(c)
		} else {
			out += "_"
		}
	}
	return out
}

func (r *reference) price(e *etree.Element, tag string, p feed.Price, c feed.Currency) *etree.Element {
	n := e.CreateElement(tag)
	n.CreateAttr("gross", p.Gross.Text(c))
	n.CreateAttr("net", p.Net.Text(c))
	return n
}

func (r *reference) points(e *etree.Element, pp feed.PricePoints, c feed.Currency) {
	r.price(e, "price", pp.Price, c)
	for _, x := range []struct {
		tag string
		p   feed.Price
	}{{"srp", pp.SRP}, {"strikethrough_retail_price", pp.StrikethroughRetail}, {"strikethrough_wholesale_price", pp.StrikethroughWholesale}} {
		if x.p != (feed.Price{}) {
			r.price(e, x.tag, x.p, c)
		}
	}
}

// full builds a product of a full file.
func (r *reference) full(it *feed.Item) *etree.Element {
	p, d := it.Product, r.p.Dialect
	e := etree.NewElement("product")
	set(e, "id", strconv.FormatInt(int64(p.ID), 10))
	set(e, "currency", it.Currency.String())
	set(e, "code_on_card", p.DisplayCode)
	std := p.CodeStandard.String()
	switch {
	case std == "":
		std = "AUTO"
	case d.SwapCodes && std != "AUTO":
		std = "OTHER"
	}
	set(e, "producer_code_standard", std)
	set(e, "type", p.Type.String())
	set(e, "vat", p.VAT.String())
	site := p.Site
	if _, ok := r.p.Site.Get(); ok {
		site = r.p.Site
	}
	setInt(e, "site", site)
	for _, a := range p.Attrs {
		known := slices.Contains([]string{"product_free", "product_shipment_profile_id", "rebate", "save_serial_numbers", "site"}, a.Name)
		if (known || d.AllExtensions && a.Name == "available") && e.SelectAttr("iaiext:"+a.Name) == nil {
			set(e, "iaiext:"+a.Name, a.Value)
		}
	}
	r.references(e, p)
	r.description(e, p)
	r.points(e, it.Full, it.Currency)
	if m := p.Promotion; m != nil && it.Promotion.Price != (feed.Price{}) {
		c := e.CreateElement("promotion")
		c.CreateAttr("name", attrText(m.Name))
		set(c, "start_date", token(m.Start))
		set(c, "ending_date", token(m.End))
		n := r.price(c, "price", it.Promotion.Price, it.Currency)
		if it.Promotion.NormalRetail != (feed.Price{}) {
			r.price(n, "normal_retail_price", it.Promotion.NormalRetail, it.Currency)
			if it.Promotion.NormalWholesale != (feed.Price{}) {
				r.price(n, "normal_wholesale_price", it.Promotion.NormalWholesale, it.Currency)
			}
		}
		z := c.CreateElement("shown_in_the_zone")
		for _, f := range []struct {
			name string
			f    feed.Flag
		}{{"promotion", m.Zones.Promotion}, {"discount", m.Zones.Discount}, {"distinguished", m.Zones.Distinguished}, {"special", m.Zones.Special}, {"bestseller", m.Zones.Bestseller}, {"newproduct", m.Zones.New}} {
			set(z, f.name, map[feed.Flag]string{feed.FlagYes: "yes", feed.FlagNo: "no"}[f.f])
		}
	}
	r.sizes(e, it, true)
	r.images(e, p)
	r.attachments(e, p.Attachments)
	r.group(e, p.Group)
	r.parameters(e, p.Parameters)
	if p.Bundled != nil && !d.NoBundles {
		r.bundled(e, p.Bundled)
	}
	r.responsible(e, p.Responsible)
	for _, x := range p.Extensions {
		if d.AllExtensions || x.Name == "taxcode" {
			doc := etree.NewDocument()
			if err := doc.ReadFromString(x.XML); err == nil {
				e.AddChild(doc.Root())
			}
		}
	}
	return e
}

func (r *reference) references(e *etree.Element, p *feed.Product) {
	producer, ok := entry(r, func(d *feed.Dictionaries) []feed.Ref { return d.Producers }, p.Producer.ID, func(x feed.Ref) string { return x.ID })
	if !ok || !filled(producer.Name) {
		producer = p.Producer
	}
	if filled(p.Producer.ID) && filled(producer.Name) {
		c := e.CreateElement("producer")
		set(c, "id", p.Producer.ID)
		set(c, "name", producer.Name)
	}
	var path feed.Texts
	known := false
	if r.d != nil {
		path, known = feed.NewIndex(r.d).CategoryPath(p.Category.ID)
	}
	r.link(e, "category", "name", p.Category.ID, r.names(path, known, p.Category.Names))
	r.link(e, "category_idosell", "path", p.Taxonomy.ID, p.Taxonomy.Names)
	unit, ok := entry(r, func(d *feed.Dictionaries) []feed.Unit { return d.Units }, p.Unit.ID, func(x feed.Unit) string { return x.ID })
	if c := r.link(e, "unit", "name", p.Unit.ID, r.names(unit.Names, ok, p.Unit.Names)); c != nil {
		name := unitName(r.choose(r.names(unit.Names, ok, p.Unit.Names))[0].Value)
		if name == "" || !filled(strings.TrimSpace(r.choose(r.names(unit.Names, ok, p.Unit.Names))[0].Value)) {
			e.RemoveChild(c)
		} else {
			c.RemoveAttr("name")
			c.CreateAttr("name", name)
		}
	}
	series, ok := entry(r, func(d *feed.Dictionaries) []feed.SeriesEntry { return d.Series }, p.Series.ID, func(x feed.SeriesEntry) string { return x.ID })
	if filled(strings.Trim(p.Series.ID, " \t\r\n")) {
		if c := r.link(e, "series", "name", p.Series.ID, r.names(series.Names, ok, p.Series.Names)); c != nil {
			c.SelectAttr("id").Value = token(p.Series.ID)
		}
	}
	warranty, ok := entry(r, func(d *feed.Dictionaries) []feed.Warranty { return d.Warranties }, p.Warranty.ID, func(x feed.Warranty) string { return x.ID })
	if c := r.link(e, "warranty", "name", p.Warranty.ID, r.names(warranty.Names, ok, p.Warranty.Names)); c != nil {
		kind, months := p.Warranty.Kind, p.Warranty.Months
		if warranty.Kind != feed.WarrantyUnset {
			kind = warranty.Kind
		}
		if _, ok := warranty.Months.Get(); ok {
			months = warranty.Months
		}
		c.Attr = c.Attr[:1]
		set(c, "type", kind.String())
		setInt(c, "period", months)
		chosen := r.choose(r.names(warranty.Names, ok, p.Warranty.Names))[0]
		set(c, "xml:lang", chosen.Lang.String())
		set(c, "name", chosen.Value)
	}
	if filled(p.URL) {
		c := e.CreateElement("card")
		set(c, "url", p.URL)
		set(c, "url_mobile", p.MobileURL)
	}
}

func (r *reference) description(e *etree.Element, p *feed.Product) {
	c := e.CreateElement("description")
	r.texts(c, "name", p.Names)
	if chosen := r.choose(p.Version.Names); len(chosen) > 0 {
		v := c.CreateElement("version")
		set(v, "name", chosen[0].Value)
		r.texts(v, "name", p.Version.Names)
	} else if filled(p.Version.Name) {
		v := c.CreateElement("version")
		set(v, "name", p.Version.Name)
		r.leaf(v, "name", r.deflt, p.Version.Name)
	}
	for _, name := range strings.Fields("auction_name auction_long_desc meta_title meta_description meta_keywords search_keywords") {
		byLang := feed.Texts{}
		for _, m := range p.Meta {
			if m.Name == name {
				byLang = append(byLang, feed.Text{Lang: m.Lang, Value: m.Value})
			}
		}
		// The languages are chosen as for any text; then come all of a language.
		order, _ := r.order()
		chosen := r.choose(byLang)
		var list []feed.MetaText
		for _, l := range order {
			if _, ok := chosen.Get(l); ok {
				list = append(list, r.metaOf(p.Meta, name, l)...)
			}
		}
		for _, m := range p.Meta { // the rest in the order of the source
			if m.Lang.IsZero() {
				m.Lang = r.deflt
			}
			if _, ok := chosen.Get(m.Lang); ok && m.Name == name && filled(m.Value) && !slices.Contains(order, m.Lang) {
				list = append(list, m)
			}
		}
		for _, m := range list {
			n := c.CreateElement("iaiext:" + name)
			set(n, "xml:lang", m.Lang.String())
			if name == "search_keywords" {
				set(n, "iaiext:site_id", m.Site)
			}
			n.SetText(r.nodeText(m.Value))
		}
	}
	r.texts(c, "long_desc", p.LongDescs)
	r.texts(c, "short_desc", p.ShortDescs)
	prune(e, c)
}

func (r *reference) metaOf(meta []feed.MetaText, name string, l feed.Language) (list []feed.MetaText) {
	for _, m := range meta {
		if m.Lang.IsZero() {
			m.Lang = r.deflt
		}
		if m.Name == name && m.Lang == l && filled(m.Value) {
			list = append(list, m)
		}
	}
	return list
}

func (r *reference) sizes(e *etree.Element, it *feed.Item, full bool) {
	p, d := it.Product, r.p.Dialect
	if len(p.Sizes) == 0 {
		return
	}
	c := e.CreateElement("sizes")
	one := p.SizeGroup.ID == "-1" && len(p.Sizes) == 1
	if full {
		name := p.SizeGroup.Name
		if p.SizeGroup.ID == "-1" && !filled(name) {
			name = "One size"
		}
		set(c, "iaiext:group_name", name)
		set(c, "iaiext:group_id", p.SizeGroup.ID)
		set(c, "iaiext:sizeList", p.SizeList)
	}
	unit, _ := entry(r, func(d *feed.Dictionaries) []feed.Unit { return d.Units }, p.Unit.ID, func(x feed.Unit) string { return x.ID })
	places := int(unit.Precision)
	for i, s := range p.Sizes {
		n := c.CreateElement("size")
		id := s.ID
		if one || !filled(id) {
			id = map[bool]string{true: "0", false: "uniw"}[d.OneSizeZero]
		}
		set(n, "id", id)
		name := id
		if one {
			name = "one size"
		}
		if filled(s.PanelName) {
			name = s.PanelName
		}
		if filled(s.Name) {
			name = s.Name
		}
		panel := name
		if filled(s.PanelName) {
			panel = s.PanelName
		}
		set(n, "name", name)
		set(n, "panel_name", panel)
		set(n, "code", token(s.Code))
		gtin := s.ProducerCode
		if digits := strings.NewReplacer(" ", "", "-", "").Replace(gtin); len(digits) > 0 && len(digits) == map[string]int{"GTIN14": 14, "GTIN13": 13, "ISBN13": 13, "GTIN12": 12, "GTIN8": 8}[p.CodeStandard.String()] {
			if _, err := strconv.ParseUint(digits, 10, 64); err == nil {
				gtin = digits
			}
		}
		if d.SwapCodes {
			set(n, "iaiext:code_external", gtin)
			set(n, "code_producer", s.ExternalCode)
		} else {
			set(n, "code_producer", gtin)
			set(n, "iaiext:code_external", s.ExternalCode)
		}
		grams := func(w feed.Weight) string { return strconv.FormatInt((w.Milligrams()+500)/1000, 10) }
		set(n, "weight", grams(s.Weight))
		for _, x := range []struct {
			name string
			w    feed.Weight
		}{{"iaiext:weight_net", s.WeightNet}, {"iaiext:min_weight", s.WeightMin}, {"iaiext:max_weight", s.WeightMax}} {
			if x.w.Known() {
				set(n, x.name, grams(x.w))
			}
		}
		if full {
			setInt(n, "iaiext:priority", s.Priority)
			r.points(n, it.Sizes[i].Full, it.Currency)
		} else {
			r.points(n, it.Sizes[i].Light, it.Currency)
		}
		if full && d.FullWithoutStock {
			continue
		}
		stock := it.Sizes[i].Stock
		if len(stock) == 0 {
			stock = []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(0)}}
		}
		for _, k := range stock {
			m := n.CreateElement("stock")
			m.CreateAttr("id", strconv.Itoa(int(k.Warehouse)))
			m.CreateAttr("quantity", string(k.Quantity.Append(nil, places)))
			if !full {
				continue
			}
			for _, x := range []struct {
				name string
				q    feed.Quantity
			}{{"available_stock_quantity", k.Available}, {"stock_quantity", k.Physical}} {
				if !x.q.Known() {
					x.q = k.Quantity
				}
				m.CreateAttr(x.name, string(x.q.Append(nil, places)))
			}
			set(m, "location_id", k.LocationID)
			set(m, "location_text_id", k.Location)
		}
	}
}

func (r *reference) light(it *feed.Item) *etree.Element {
	e := etree.NewElement("product")
	set(e, "id", strconv.FormatInt(int64(it.Product.ID), 10))
	set(e, "vat", it.Product.VAT.String())
	r.points(e, it.Light, it.Currency)
	r.sizes(e, it, false)
	return e
}

func (r *reference) images(e *etree.Element, p *feed.Product) {
	c := e.CreateElement("images")
	type ranked struct {
		pri int32
		m   feed.Image
	}
	var list []ranked
	for i, m := range p.Images {
		list = append(list, ranked{m.Priority.Or(int32(i) + 1), m})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].pri < list[j].pri })
	picture := func(n *etree.Element, m feed.Image) {
		set(n, "url", m.URL)
		set(n, "hash", m.Hash)
		set(n, "changed", m.Changed)
		setInt(n, "width", m.Width)
		setInt(n, "height", m.Height)
	}
	large := c.CreateElement("large")
	for _, x := range list {
		if filled(x.m.URL) {
			n := large.CreateElement("image")
			n.CreateAttr("iaiext:priority", strconv.Itoa(len(large.ChildElements())))
			picture(n, x.m)
		}
	}
	prune(c, large)
	icons := c.CreateElement("icons")
	for _, x := range []struct {
		tag string
		m   feed.Image
	}{{"icon", p.Icon}, {"auction_icon", p.AuctionIcon}, {"group_icon", p.GroupIcon}} {
		if filled(x.m.URL) {
			picture(icons.CreateElement(x.tag), x.m)
		}
	}
	prune(c, icons)
	prune(e, c)
}
