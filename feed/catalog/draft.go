package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// The price points of a product or size, in the order of [feed.Prices], and
// behind them those of a promotion.
const (
	priceList = iota
	priceWholesale
	priceMinimal
	priceSRP
	priceWasRetail
	priceWasWholesale
	pricePromotion
	priceNormalRetail
	priceNormalWholesale
	pricePoints // how many there are
)

var priceNames = [...]string{"price", "wholesale", "minimal", "srp", "strikethrough_retail", "strikethrough_wholesale",
	"promotion.price", "promotion.normal_retail", "promotion.normal_wholesale"}

// amounts is a price as the source wrote it. It is converted when the
// product's currency and VAT rate are known.
type amounts struct {
	size       int // index of the size, -1 for the product
	point      int
	net, gross string
	// round accepts surplus decimals, for formats whose writers cannot be asked.
	round bool
	// like is the index, plus one, of an earlier one that was written with the same
	// signs, 0 for none; price is what it came to, zero if it could not be converted.
	like  int
	price feed.Price
}

// draft is a product in the making, from any format whose products are not
// complete in themselves.
type draft struct {
	p             feed.Product
	key           string
	hasID, hasVAT bool
	// table says that amounts stand in cells.
	table  bool
	prices []amounts
	// gtins are the sizes whose producer code was given as a GTIN.
	gtins []gtinOf
	// one is the only size, for products that give its members themselves;
	// oneMember names the first of them, "" when there was none.
	one       feed.Size
	oneMember string
	oneGTIN   bool
	// path gives how the format calls a member of the product (list "") or of an
	// element of one of its lists.
	path func(list string, i int, rest string) string

	promotion   feed.Promotion
	group       feed.Group
	bundled     feed.Bundled
	responsible feed.ResponsibleEntity
	spare       spareTexts
	noticed     noticed
}

// spareTexts keep the memory of texts that stand inside the product itself.
type spareTexts struct {
	category, taxonomy, unit, series, warranty, version feed.Texts
}

type gtinOf struct {
	size int
	std  feed.CodeStandard
}

// reset empties the draft for another product and keeps its memory.
func (d *draft) reset() {
	p := &d.p
	s := &d.spare
	keep(&s.category, p.Category.Names)
	keep(&s.taxonomy, p.Taxonomy.Names)
	keep(&s.unit, p.Unit.Names)
	keep(&s.series, p.Series.Names)
	keep(&s.warranty, p.Warranty.Names)
	keep(&s.version, p.Version.Names)
	p.Reset()
	p.Category.Names, p.Taxonomy.Names, p.Unit.Names = s.category, s.taxonomy, s.unit
	p.Series.Names, p.Warranty.Names, p.Version.Names = s.series, s.warranty, s.version
	d.key, d.hasID, d.hasVAT = "", false, false
	d.prices, d.gtins = d.prices[:0], d.gtins[:0]
	d.one = feed.Size{Stock: d.one.Stock[:0]}
	d.oneMember, d.oneGTIN = "", false
	d.noticed.reset()
	d.path = item
}

func keep(spare *feed.Texts, used feed.Texts) {
	if cap(used) > 0 {
		*spare = used[:0]
	}
}

// label names the product in problems.
func (d *draft) label() string {
	if d.key != "" {
		return d.key
	}
	if d.p.ID > 0 {
		return strconv.FormatInt(int64(d.p.ID), 10)
	}
	return ""
}

// extend makes the slice one element longer and gives the new element, with
// whatever memory of an earlier product it still holds.
func extend[T any](s []T) ([]T, *T) {
	if len(s) < cap(s) {
		s = s[:len(s)+1]
	} else {
		var zero T
		s = append(s, zero)
	}
	return s, &s[len(s)-1]
}

// finish completes the draft with defaults, derived ids and prices, and checks
// the whole. Problems go to the journal.
func (in *intake) finish(d *draft) *feed.Product {
	p := &d.p
	switch {
	case d.hasID:
	case d.key != "":
		p.ID = DeriveID(d.key)
	default:
		in.fail("id", "is missing", "give an id (1 and up) or a key")
	}
	if p.Currency.IsZero() {
		if p.Currency = in.def.Currency; p.Currency.IsZero() {
			in.fail("currency", "is missing", "name it in the product or for the whole catalog (--currency)")
		}
	}
	if !d.hasVAT {
		if p.VAT = in.def.VAT; !in.def.HasVAT {
			in.fail("vat", "is missing", "name it in the product or for the whole catalog (--vat)")
			d.prices = d.prices[:0]
		}
	}
	in.finishSizes(d)
	if !p.Currency.IsZero() {
		in.finishPrices(d)
	}
	in.finishRefs(d)
	if in.replaced > 0 {
		in.stats.Dropped += int64(in.replaced)
		in.warn("", plural(int64(in.replaced), "character")+" that XML forbids dropped", "")
	}
	in.check(p, d.path)
	return p
}

// finishSizes makes sure that there is a size, and that each has id, name and code.
func (in *intake) finishSizes(d *draft) {
	p := &d.p
	switch {
	case len(p.Sizes) == 0:
		var s *feed.Size
		p.Sizes, s = extend(p.Sizes)
		stock := s.Stock[:0]
		*s = d.one
		s.Stock = append(stock, d.one.Stock...)
		if d.oneGTIN {
			d.gtins = append(d.gtins, gtinOf{0, gtinStandard(s.ProducerCode)})
		}
	case d.oneMember != "":
		in.fail(d.oneMember, "stands beside sizes", "give it to each size")
	}
	one := len(p.Sizes) == 1 && p.Sizes[0].ID == "" && p.Sizes[0].Name == ""
	if p.SizeGroup.ID == "" {
		switch {
		case p.SizeGroup.Name != "":
			p.SizeGroup.ID = in.id(kindSizeGroup, "", p.SizeGroup.Name)
		case one:
			p.SizeGroup = feed.Ref{ID: feed.OneSizeGroup, Name: oneSizeName}
		default:
			p.SizeGroup.Name = "Sizes"
			p.SizeGroup.ID = in.id(kindSizeGroup, "", p.SizeGroup.Name)
		}
	} else if p.SizeGroup.Name == "" && !in.dict.known(kindSizeGroup, p.SizeGroup.ID) {
		p.SizeGroup.Name = p.SizeGroup.ID
		if p.SizeGroup.ID == feed.OneSizeGroup {
			p.SizeGroup.Name = oneSizeName
		}
	}
	for i := range p.Sizes {
		s := &p.Sizes[i]
		if s.ID == "" {
			switch {
			case s.Name != "":
				s.ID = in.sizeID(p.SizeGroup.ID, s.Name)
			case one:
				s.ID, s.Name = oneSizeID, oneSizeName
			default:
				in.fail(d.path("sizes", i, "id"), "is missing", "a product with several sizes gives each an id or a name")
				continue
			}
		}
		if s.Name == "" {
			s.Name = s.ID
		}
		if s.Code == "" {
			s.Code = defaultCode(p, d.code(), i, one)
		}
	}
	in.finishStandard(d)
}

// The one size of a product without sizes (IOF 4.7).
const (
	oneSizeID   = "uniw"
	oneSizeName = "one size"
)

// code is what the product is called in codes of its sizes that have none: its key
// where that says which product it is and can be a code, else its id.
func (d *draft) code() string {
	if d.key != "" && !d.hasID && isNMTOKEN(d.key) {
		return d.key
	}
	return strconv.FormatInt(int64(d.p.ID), 10)
}

// defaultCode makes the code of a size that has none: the product's code on the
// card when it is the only size, else <product>-<size id> as IOF's sample does.
func defaultCode(p *feed.Product, product string, i int, one bool) string {
	if len(p.Sizes) == 1 && isNMTOKEN(p.DisplayCode) {
		return p.DisplayCode
	}
	if one {
		return product
	}
	return product + "-" + p.Sizes[i].ID
}

// finishStandard settles what the producer codes are: what the product says,
// else the one standard of all sizes, else AUTO.
func (in *intake) finishStandard(d *draft) {
	if len(d.gtins) == 0 {
		return
	}
	p := &d.p
	std := d.gtins[0].std
	for _, g := range d.gtins[1:] {
		if g.std != std {
			std = feed.StandardAuto
		}
	}
	if len(d.gtins) < len(p.Sizes) {
		codes := 0
		for i := range p.Sizes {
			if p.Sizes[i].ProducerCode != "" {
				codes++
			}
		}
		if codes > len(d.gtins) {
			std = feed.StandardAuto
		}
	}
	switch p.CodeStandard {
	case feed.StandardNone:
		p.CodeStandard = std
	case feed.StandardAuto, std:
	default:
		if p.CodeStandard != feed.StandardISBN13 || std != feed.StandardGTIN13 {
			in.fail("code_standard", p.CodeStandard.String()+" contradicts the gtin, which is "+std.String(), "leave it out")
		}
	}
}

// gtinStandard gives the standard of a code that is a GTIN.
func gtinStandard(code string) feed.CodeStandard {
	g, err := feed.ParseGTIN(code)
	if err != nil {
		return feed.StandardNone
	}
	return g.Standard()
}

// hintAmount says how tables write amounts.
const hintAmount = "write the number alone, and nothing where there is no price; the currency has a column of its own"

// finishPrices converts the amounts.
func (in *intake) finishPrices(d *draft) {
	for i := range d.prices {
		a := &d.prices[i]
		if a.like > 0 && !d.prices[a.like-1].price.IsZero() {
			a.price = d.prices[a.like-1].price
			*d.pricePoint(a) = a.price
			continue
		}
		price, message := in.price(a, d.p.Currency, d.p.VAT)
		if message != "" {
			list := ""
			if a.size >= 0 {
				list = "sizes"
			}
			hint := ""
			if d.table && strings.Contains(message, "is not a decimal number") {
				hint = hintAmount
			}
			in.fail(d.path(list, a.size, priceNames[a.point]), message, hint)
			continue
		}
		a.price = price
		*d.pricePoint(a) = price
	}
}

// pricePoint gives where an amount belongs.
func (d *draft) pricePoint(a *amounts) *feed.Price {
	prices := &d.p.Prices
	if a.size >= 0 {
		prices = &d.p.Sizes[a.size].Prices
	}
	switch a.point {
	case priceList:
		return &prices.List
	case priceWholesale:
		return &prices.Wholesale
	case priceMinimal:
		return &prices.Minimal
	case priceSRP:
		return &prices.SRP
	case priceWasRetail:
		return &prices.StrikethroughRetail
	case priceWasWholesale:
		return &prices.StrikethroughWholesale
	case pricePromotion:
		return &d.promotion.Price
	case priceNormalRetail:
		return &d.promotion.NormalRetail
	}
	return &d.promotion.NormalWholesale
}

// price converts one amount; one side is completed by VAT, and both must agree.
func (in *intake) price(a *amounts, c feed.Currency, vat feed.Percent) (price feed.Price, message string) {
	var net, gross feed.Amount
	var err error
	if a.net != "" {
		if net, err = in.amount(a, a.net, c); err != nil {
			return price, "net " + reason(err)
		}
	}
	if a.gross != "" {
		if gross, err = in.amount(a, a.gross, c); err != nil {
			return price, "gross " + reason(err)
		}
	}
	switch {
	case a.gross == "":
		price, err = feed.PriceFromNet(net, vat)
	case a.net == "":
		price, err = feed.PriceFromGross(gross, vat)
	default:
		price = feed.Price{Net: net, Gross: gross}
		if !agree(price, vat) {
			want, _ := feed.PriceFromNet(net, vat)
			return price, "net " + net.Text(c) + " and gross " + gross.Text(c) + " do not agree: with VAT " + vat.String() + " % the gross is " + want.Gross.Text(c)
		}
	}
	if err != nil {
		return price, reason(err)
	}
	return price, ""
}

func (in *intake) amount(a *amounts, s string, c feed.Currency) (feed.Amount, error) {
	if !a.round {
		return feed.ParseAmount(s, c)
	}
	v, rounded, err := feed.RoundAmount(s, c)
	if rounded {
		in.warnOnce("rounded", in.draft.path("", 0, priceNames[a.point]), quote(s)+" has more decimals than "+c.String()+": such prices are rounded half up", "")
	}
	return v, err
}

// agree says whether net and gross belong together by VAT, whichever of the two
// was rounded from the other.
func agree(p feed.Price, vat feed.Percent) bool {
	if up, err := feed.PriceFromNet(p.Net, vat); err == nil && near(up.Gross, p.Gross) {
		return true
	}
	down, err := feed.PriceFromGross(p.Gross, vat)
	return err == nil && near(down.Net, p.Net)
}

// near says whether two amounts differ by one minor unit at most, or by a
// hundred-thousandth: shops that convert from other currencies are off by a few
// minor units in large sums.
func near(a, b feed.Amount) bool {
	d := max(a.Minor()-b.Minor(), b.Minor()-a.Minor())
	return d <= max(1, b.Minor()/100_000)
}

// finishRefs gives every reference that has only a name its id, and refuses
// those of an id that nobody gave a name.
func (in *intake) finishRefs(d *draft) {
	p := &d.p
	if p.Producer.ID == "" && p.Producer.Name != "" {
		p.Producer.ID = in.id(kindProducer, "", p.Producer.Name)
	}
	in.needName(kindProducer, "producer", p.Producer.ID, p.Producer.Name != "")
	in.finishCategory(p)
	in.finishReference(kindTaxonomy, &p.Taxonomy)
	if p.Unit.ID == "" && len(p.Unit.Names) == 0 && in.opt.DefaultUnit != "" {
		p.Unit.Names = append(p.Unit.Names, feed.Text{Lang: in.def.Language, Value: in.opt.DefaultUnit})
	}
	in.finishReference(kindUnit, &p.Unit)
	in.needName(kindUnit, "unit", p.Unit.ID, len(p.Unit.Names) > 0)
	in.finishReference(kindSeries, &p.Series)
	in.needName(kindSeries, "series", p.Series.ID, len(p.Series.Names) > 0)
	if p.Warranty.ID == "" && len(p.Warranty.Names) > 0 {
		p.Warranty.ID = in.id(kindWarranty, "", in.mainText(p.Warranty.Names))
	}
	in.needName(kindWarranty, "warranty", p.Warranty.ID, len(p.Warranty.Names) > 0)
	if d.noticed.every {
		return
	}
	for i := range p.Parameters {
		if i < len(d.noticed.parameters) && d.noticed.parameters[i].whole() {
			continue // with ids and names, as what is in the dictionaries
		}
		q := &p.Parameters[i]
		kind := kindParameter
		if q.Section {
			kind = kindSection
		}
		if q.ID == "" {
			if len(q.Names) == 0 {
				in.fail(d.path("parameters", i, "name"), "is missing", "")
				continue
			}
			q.ID = in.id(kind, "", in.mainText(q.Names))
		} else if len(q.Names) == 0 && !in.dict.known(kind, q.ID) {
			in.unknown(kind, d.path("parameters", i, "id"), q.ID)
		}
		for k := range q.Values {
			v := &q.Values[k]
			if v.ID == "" {
				if len(v.Names) == 0 {
					in.fail(d.path("parameters", i, item("values", k, "name")), "is missing", "")
					continue
				}
				v.ID = in.id(kindValue, q.ID, in.mainText(v.Names))
			} else if len(v.Names) == 0 && !in.dict.known(kindValue, v.ID) {
				in.unknown(kindValue, d.path("parameters", i, item("values", k, "id")), v.ID)
			}
		}
	}
}

func (in *intake) finishReference(k entryKind, r *feed.Reference) {
	if r.ID == "" && len(r.Names) > 0 {
		r.ID = in.id(k, "", in.mainText(r.Names))
	}
}

// needName refuses an id that came without a name and is in no dictionary.
func (in *intake) needName(k entryKind, field, id string, named bool) {
	if id != "" && !named && !in.dict.known(k, id) {
		in.unknown(k, field, id)
	}
}

func (in *intake) unknown(k entryKind, field, id string) {
	in.fail(field, quote(id)+" is not known and has no name", "give its name, or a "+k.String()+" line before the product")
}

// finishCategory resolves a category path, or falls back to the default one.
func (in *intake) finishCategory(p *feed.Product) {
	c := &p.Category
	if c.ID != "" {
		in.needName(kindCategory, "category", c.ID, len(c.Names) > 0)
		return
	}
	if len(c.Names) == 0 {
		if in.opt.DefaultCategory == "" {
			in.fail("category", "is missing", "give an id or a path such as \"Kitchen/Mugs\", or a category for all such products (--category)")
			return
		}
		c.Names = append(c.Names, feed.Text{Lang: in.def.Language, Value: in.opt.DefaultCategory})
	}
	for i := range c.Names {
		path := tidyPath(c.Names[i].Value)
		if path == "" {
			in.fail("category", quote(c.Names[i].Value)+" is not a path", hintPath)
			return
		}
		c.Names[i].Value = path
	}
	c.ID = in.id(kindCategory, "", in.mainText(c.Names))
}

// mainText picks the text that derived ids are made from: the one in the
// default language, else the first.
func (in *intake) mainText(t feed.Texts) string {
	if v, ok := t.Get(in.def.Language); ok {
		return v
	}
	return t[0].Value
}

// tidyPath trims blanks around the names of a category path and drops empty
// names at both ends; "" when there is no name or an empty one inside.
func tidyPath(s string) string {
	tidy := s != "" && s[0] > ' ' && s[0] != '/' && s[len(s)-1] > ' ' && s[len(s)-1] != '/'
	for i := 1; tidy && i < len(s); i++ {
		if s[i] == '/' && (s[i-1] <= ' ' || s[i+1] <= ' ' || s[i+1] == '/') {
			tidy = false
		}
	}
	if tidy {
		return s
	}
	parts := strings.Split(strings.Trim(strings.TrimSpace(s), "/"), "/")
	for i := range parts {
		if parts[i] = strings.TrimSpace(parts[i]); parts[i] == "" {
			return ""
		}
	}
	return strings.Join(parts, "/")
}
