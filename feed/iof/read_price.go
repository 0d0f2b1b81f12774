package iof

import (
	"bytes"
	"fmt"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// priceAttrs are the attributes of a price as they were read; nil for absent.
type priceAttrs struct{ net, gross *xmltok.Attr }

// price reads the attributes of the current element as a price (IOF 4.5). A
// side that is missing, or 0 beside one that is not, follows by VAT. ok is
// false when there is a price that cannot be read; then the product is out.
func (r *Reader) price(field string) (p feed.Price, ok bool) {
	var a priceAttrs
	for i := range r.t.Attrs() {
		switch x := &r.t.Attrs()[i]; string(x.Local) {
		case "net":
			a.net = x
		case "gross":
			a.gross = x
		case "vat":
			// A legacy place of the rate; the product's own wins.
			if !r.vatKnown {
				r.vat("price/@vat", x.Value)
			}
		}
	}
	if p.Net, ok = r.amount(field, a.net); !ok {
		return feed.Price{}, false
	}
	if p.Gross, ok = r.amount(field, a.gross); !ok {
		return feed.Price{}, false
	}
	if p.IsZero() || !p.Net.IsZero() && !p.Gross.IsZero() {
		return p, true
	}
	if !r.vatKnown {
		if !r.oneSided {
			r.reject(field, "the price has one side only and the product no VAT rate to complete it by")
		}
		return p, r.oneSided
	}
	var err error
	if p.Net.IsZero() {
		p, err = feed.PriceFromGross(p.Gross, r.p.VAT)
	} else {
		p, err = feed.PriceFromNet(p.Net, r.p.VAT)
	}
	if err != nil {
		r.reject(field, err.Error())
		return feed.Price{}, false
	}
	return p, true
}

// amount reads one side of a price; an absent or empty one is 0.
func (r *Reader) amount(field string, a *xmltok.Attr) (feed.Amount, bool) {
	if a == nil {
		return feed.Amount{}, true
	}
	v := r.decimal(a.Value)
	if len(v) == 0 {
		return feed.Amount{}, true
	}
	x, rounded, err := feed.RoundAmount(view(v), r.p.Currency)
	switch {
	case err != nil:
		r.reject(field+"/@"+string(a.Local), "the amount "+err.Error())
		return feed.Amount{}, false
	case rounded:
		r.warn(field+"/@"+string(a.Local), fmt.Sprintf("%s has more decimals than %s: rounded to %s", v, currencyName(r.p.Currency), x.Text(r.p.Currency)))
	}
	return x, true
}

func currencyName(c feed.Currency) string {
	if c.IsZero() {
		return "the currency"
	}
	return c.String()
}

// pricePoint reads the current element when it is one of the price points of a
// product or size. An iaiext twin does not replace the core element.
func (r *Reader) pricePoint(p *feed.Prices) bool {
	var dst *feed.Price
	field := ""
	name := r.t.Name()
	switch string(name.Local) {
	case "price":
		dst, field = &p.List, "price"
	case "srp":
		dst, field = &p.SRP, "srp"
	case "strikethrough_retail_price":
		dst, field = &p.StrikethroughRetail, "strikethrough_retail_price"
	case "strikethrough_wholesale_price":
		dst, field = &p.StrikethroughWholesale, "strikethrough_wholesale_price"
	default:
		return false
	}
	if price, ok := r.price(field); ok && (dst.IsZero() || !isExtension(name)) {
		*dst = price
	}
	r.skip()
	return true
}

// promotion reads a campaign (IOF 4.6).
func (r *Reader) promotion(p *feed.Product) {
	m := &feed.Promotion{}
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "name":
			m.Name = r.string(a.Value)
		case "start_date":
			m.Start = r.trimmed(a.Value)
		case "ending_date":
			m.End = r.trimmed(a.Value)
		}
	}
	for r.child() {
		switch string(r.t.Name().Local) {
		case "price":
			m.Price, _ = r.price("promotion/price")
			r.promotionNormals(m)
		case "shown_in_the_zone":
			r.zones(&m.Zones)
			r.skip()
		default:
			r.unknown("promotion/")
		}
	}
	if p.Promotion == nil {
		p.Promotion = m
	}
}

// promotionNormals reads the regular prices beside a promotional one.
func (r *Reader) promotionNormals(m *feed.Promotion) {
	for r.child() {
		switch string(r.t.Name().Local) {
		case "normal_retail_price":
			m.NormalRetail, _ = r.price("promotion/price/normal_retail_price")
			r.skip()
		case "normal_wholesale_price":
			m.NormalWholesale, _ = r.price("promotion/price/normal_wholesale_price")
			r.skip()
		default:
			r.unknown("promotion/price/")
		}
	}
}

func (r *Reader) zones(z *feed.Zones) {
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch local := string(a.Local); local {
		case "promotion":
			r.flag("promotion/shown_in_the_zone/@promotion", &z.Promotion, a)
		case "discount":
			r.flag("promotion/shown_in_the_zone/@discount", &z.Discount, a)
		case "distinguished":
			r.flag("promotion/shown_in_the_zone/@distinguished", &z.Distinguished, a)
		case "special":
			r.flag("promotion/shown_in_the_zone/@special", &z.Special, a)
		case "bestseller":
			r.flag("promotion/shown_in_the_zone/@bestseller", &z.Bestseller, a)
		case "newproduct":
			r.flag("promotion/shown_in_the_zone/@newproduct", &z.New, a)
		}
	}
}

// sitePrice is a price that iaiext:price_wholesale or price_minimal has for a
// shop and, maybe, one size.
type sitePrice struct {
	site, size string
	minimal    bool
	price      feed.Price
}

// sitePrices reads the prices for each shop (IOF 8.1). Which of them count is
// known only when the whole product was read.
func (r *Reader) sitePrices(minimal bool) {
	field := "iaiext:price_wholesale/site"
	if minimal {
		field = "iaiext:price_minimal/site"
	}
	for r.child() {
		if string(r.t.Name().Local) != "site" {
			r.unknown("price/")
			continue
		}
		s := sitePrice{minimal: minimal}
		for i := range r.t.Attrs() {
			switch a := &r.t.Attrs()[i]; string(a.Local) {
			case "id":
				s.site = r.trimmed(a.Value)
			case "size_id":
				s.size = r.trimmed(a.Value)
			}
		}
		var ok bool
		if s.price, ok = r.price(field); ok && !s.price.IsZero() {
			r.sites = append(r.sites, s)
		}
		r.skip()
	}
}

// settleSites puts the prices by shop where they belong: those of the
// product's shop, or of the first shop named when the product's is not among
// them.
func (r *Reader) settleSites(p *feed.Product) {
	if len(r.sites) == 0 {
		return
	}
	want := ""
	if n, ok := p.Site.Get(); ok {
		want = fmt.Sprint(n)
	}
	sizes := sizesByID(p)
	for _, minimal := range [...]bool{false, true} {
		site, some := "", false
		for i := range r.sites {
			if s := &r.sites[i]; s.minimal == minimal && (!some || s.site == want) {
				site, some = s.site, true
				if site == want {
					break
				}
			}
		}
		for i := range r.sites {
			s := &r.sites[i]
			if s.minimal != minimal || s.site != site {
				continue
			}
			if prices := pricesOf(p, sizes, s.size); prices == nil {
				r.warn("iaiext:price/site/@size_id", fmt.Sprintf("the product has no size %.40q", s.size))
			} else if minimal {
				prices.Minimal = s.price
			} else {
				prices.Wholesale = s.price
			}
		}
	}
}

// sizesByID finds the sizes of p; the first of one id counts.
func sizesByID(p *feed.Product) map[string]int {
	m := make(map[string]int, len(p.Sizes))
	for i := range p.Sizes {
		if _, ok := m[p.Sizes[i].ID]; !ok {
			m[p.Sizes[i].ID] = i
		}
	}
	return m
}

// pricesOf gives the prices of a size by its id, and those of the product for
// no id, one that means the product as a whole, or its only size.
func pricesOf(p *feed.Product, sizes map[string]int, id string) *feed.Prices {
	i, ok := sizes[id]
	switch {
	case ok && len(p.Sizes) > 1:
		return &p.Sizes[i].Prices
	case ok, isOneSize(id):
		return &p.Prices
	}
	return nil
}

// quantity reads what a warehouse holds (IOF 4.8). What is below 0 and not -1
// is nothing; what is no number is not known.
func (r *Reader) quantity(field string, dst *feed.Quantity, v []byte) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return
	}
	if len(v) < 9 {
		n := int64(0)
		for i, c := range v {
			if c < '0' || c > '9' {
				break
			}
			if n = n*10 + int64(c-'0'); i == len(v)-1 {
				*dst = feed.Pieces(n)
				return
			}
		}
	}
	q, err := feed.ParseQuantity(view(r.decimal(v))) // the published pattern admits a comma
	if err != nil && v[0] == '-' {
		if _, err = feed.ParseQuantity(view(v[1:])); err == nil {
			r.warn(field, fmt.Sprintf("quantity %s is below 0: taken for 0", v))
			q = feed.Pieces(0)
		}
	}
	if err != nil {
		r.warn(field, err.Error())
		return
	}
	*dst = q
}

// weight reads grams.
func (r *Reader) weight(field string, dst *feed.Weight, v []byte) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || dst.Known() {
		return
	}
	w, err := feed.ParseWeight(view(r.decimal(v)))
	if err != nil {
		r.warn(field, err.Error())
		return
	}
	*dst = w
}
