package catalog

import (
	"strconv"

	"feedmill/feed"
)

// writer appends objects of the native format.
type writer struct {
	b []byte
	// first says that the innermost open list or object is empty so far.
	first bool
}

// AppendJSON appends the product as one line of the native format, line end
// included. Reading it back without defaults gives an equal product, for
// products that keep the rules of the format.
func AppendJSON(dst []byte, p *feed.Product) []byte {
	w := writer{b: dst}
	w.open('{')
	w.key("id")
	w.b = strconv.AppendInt(w.b, int64(p.ID), 10)
	if p.Type != feed.TypeRegular {
		w.text("type", p.Type.String())
	}
	w.integer("site", p.Site)
	w.optional("display_code", p.DisplayCode)
	w.optional("code_standard", p.CodeStandard.String())
	w.key("vat")
	w.b = p.VAT.Append(w.b)
	w.optional("currency", p.Currency.String())
	if len(p.Tags) > 0 {
		w.key("tags")
		w.open('[')
		for _, t := range p.Tags {
			w.comma()
			w.b = appendString(w.b, t)
		}
		w.shut(']')
	}
	w.ref("producer", p.Producer)
	w.reference("category", &p.Category)
	w.reference("taxonomy", &p.Taxonomy)
	w.reference("unit", &p.Unit)
	w.reference("series", &p.Series)
	w.warranty(&p.Warranty)
	w.optional("url", p.URL)
	w.optional("mobile_url", p.MobileURL)
	w.texts("name", p.Names)
	w.texts("short_desc", p.ShortDescs)
	w.texts("long_desc", p.LongDescs)
	if p.Version.Name != "" || len(p.Version.Names) > 0 {
		w.key("version")
		w.open('{')
		w.optional("name", p.Version.Name)
		w.texts("names", p.Version.Names)
		w.shut('}')
	}
	w.meta(p.Meta)
	w.prices(&p.Prices, p.Currency)
	w.promotion(p)
	w.ref("size_group", p.SizeGroup)
	w.optional("size_list", p.SizeList)
	w.key("sizes")
	w.open('[')
	for i := range p.Sizes {
		w.comma()
		w.size(&p.Sizes[i], p.Currency)
	}
	w.shut(']')
	if len(p.Images) > 0 {
		w.key("images")
		w.open('[')
		for i := range p.Images {
			w.comma()
			w.image(&p.Images[i])
		}
		w.shut(']')
	}
	for i, m := range [...]*feed.Image{&p.Icon, &p.AuctionIcon, &p.GroupIcon} {
		if m.URL != "" {
			w.key(productMembers.names[pIcon+i])
			w.image(m)
		}
	}
	w.attachments(p.Attachments)
	w.group(p.Group)
	w.parameters(p.Parameters)
	w.bundled(p.Bundled)
	w.responsible(p.Responsible)
	if len(p.Attrs) > 0 {
		w.key("attrs")
		w.open('{')
		for _, a := range p.Attrs {
			w.text(a.Name, a.Value)
		}
		w.shut('}')
	}
	if len(p.Extensions) > 0 {
		w.key("extensions")
		w.open('[')
		for i := range p.Extensions {
			w.comma()
			w.b = appendString(w.b, p.Extensions[i].XML)
		}
		w.shut(']')
	}
	w.shut('}')
	return append(w.b, '\n')
}

// AppendRemoved appends the line that says that a product is removed.
func AppendRemoved(dst []byte, id feed.ProductID) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, int64(id), 10)
	return append(dst, ",\"removed\":true}\n"...)
}

func (w *writer) open(c byte) {
	w.b = append(w.b, c)
	w.first = true
}

func (w *writer) shut(c byte) {
	w.b = append(w.b, c)
	w.first = false
}

// comma goes to the next element of a list.
func (w *writer) comma() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
}

// key goes to the next member of an object.
func (w *writer) key(name string) {
	w.comma()
	w.b = append(appendString(w.b, name), ':')
}

func (w *writer) text(name, v string) {
	w.key(name)
	w.b = appendString(w.b, v)
}

// optional writes a member that is left out when empty.
func (w *writer) optional(name, v string) {
	if v != "" {
		w.text(name, v)
	}
}

func (w *writer) integer(name string, v feed.Int) {
	if n, ok := v.Get(); ok {
		w.key(name)
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
}

func (w *writer) flag(name string, f feed.Flag) {
	if f != feed.FlagUnset {
		w.key(name)
		w.b = strconv.AppendBool(w.b, f == feed.FlagYes)
	}
}

func (w *writer) quantity(name string, q feed.Quantity) {
	if q.Known() {
		w.key(name)
		w.b = q.Append(w.b, int(decimals(q)))
	}
}

func (w *writer) weight(name string, v feed.Weight) {
	if v.Known() {
		w.key(name)
		w.b = append(w.b, v.String()...)
	}
}

func (w *writer) price(name string, p feed.Price, c feed.Currency) {
	if p.IsZero() {
		return
	}
	w.key(name)
	w.b = append(w.b, `{"net":"`...)
	w.b = p.Net.Append(w.b, c)
	w.b = append(w.b, `","gross":"`...)
	w.b = p.Gross.Append(w.b, c)
	w.b = append(w.b, `"}`...)
}

func (w *writer) prices(p *feed.Prices, c feed.Currency) {
	for i, v := range [...]feed.Price{p.List, p.Wholesale, p.Minimal, p.SRP, p.StrikethroughRetail, p.StrikethroughWholesale} {
		w.price(priceNames[i], v, c)
	}
}

// texts writes texts by language; a single one without a language is a string.
func (w *writer) texts(name string, t feed.Texts) {
	if len(t) == 0 {
		return
	}
	w.key(name)
	if len(t) == 1 && t[0].Lang.IsZero() {
		w.b = appendString(w.b, t[0].Value)
		return
	}
	w.open('{')
	for i := range t {
		w.text(t[i].Lang.String(), t[i].Value)
	}
	w.shut('}')
}

func (w *writer) ref(name string, r feed.Ref) {
	if r == (feed.Ref{}) {
		return
	}
	w.key(name)
	w.open('{')
	w.optional("id", r.ID)
	w.optional("name", r.Name)
	w.shut('}')
}

func (w *writer) reference(name string, r *feed.Reference) {
	if r.ID == "" && len(r.Names) == 0 {
		return
	}
	w.key(name)
	w.open('{')
	w.optional("id", r.ID)
	w.texts("name", r.Names)
	w.shut('}')
}

func (w *writer) warranty(r *feed.WarrantyRef) {
	if r.ID == "" && len(r.Names) == 0 {
		return
	}
	w.key("warranty")
	w.open('{')
	w.optional("id", r.ID)
	w.texts("name", r.Names)
	w.optional("kind", r.Kind.String())
	w.integer("months", r.Months)
	w.shut('}')
}

func (w *writer) meta(list []feed.MetaText) {
	if len(list) == 0 {
		return
	}
	w.key("meta")
	w.open('[')
	for i := range list {
		w.comma()
		w.open('{')
		w.text("name", list[i].Name)
		w.optional("lang", list[i].Lang.String())
		w.optional("site", list[i].Site)
		w.text("value", list[i].Value)
		w.shut('}')
	}
	w.shut(']')
}

func (w *writer) promotion(p *feed.Product) {
	m := p.Promotion
	if m == nil {
		return
	}
	w.key("promotion")
	w.open('{')
	w.text("name", m.Name)
	w.optional("start", m.Start)
	w.optional("end", m.End)
	w.price("price", m.Price, p.Currency)
	w.price("normal_retail", m.NormalRetail, p.Currency)
	w.price("normal_wholesale", m.NormalWholesale, p.Currency)
	if m.Zones != (feed.Zones{}) {
		w.key("zones")
		w.open('{')
		for i, f := range [...]feed.Flag{m.Zones.Promotion, m.Zones.Discount, m.Zones.Distinguished, m.Zones.Special, m.Zones.Bestseller, m.Zones.New} {
			w.flag(zoneMembers.names[i], f)
		}
		w.shut('}')
	}
	w.shut('}')
}

func (w *writer) size(s *feed.Size, c feed.Currency) {
	w.open('{')
	w.optional("id", s.ID)
	w.optional("name", s.Name)
	w.optional("panel_name", s.PanelName)
	w.optional("code", s.Code)
	w.optional("producer_code", s.ProducerCode)
	w.optional("external_code", s.ExternalCode)
	w.weight("weight", s.Weight)
	w.weight("weight_net", s.WeightNet)
	w.weight("weight_min", s.WeightMin)
	w.weight("weight_max", s.WeightMax)
	if len(s.Stock) > 0 {
		w.key("stock")
		w.open('[')
		for i := range s.Stock {
			t := &s.Stock[i]
			w.comma()
			w.open('{')
			w.key("warehouse")
			w.b = strconv.AppendInt(w.b, int64(t.Warehouse), 10)
			w.quantity("quantity", t.Quantity)
			w.quantity("available", t.Available)
			w.quantity("physical", t.Physical)
			w.optional("location_id", t.LocationID)
			w.optional("location", t.Location)
			w.shut('}')
		}
		w.shut(']')
	}
	w.integer("priority", s.Priority)
	w.prices(&s.Prices, c)
	w.shut('}')
}

func (w *writer) image(m *feed.Image) {
	w.open('{')
	w.text("url", m.URL)
	w.optional("hash", m.Hash)
	w.optional("changed", m.Changed)
	w.integer("width", m.Width)
	w.integer("height", m.Height)
	w.integer("priority", m.Priority)
	w.shut('}')
}

// hexDigits are those of \u escapes.
const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Clean text needs few escapes, so runs
// between them are copied whole.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
