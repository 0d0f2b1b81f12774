package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
)

// defaultTitle is the option value of a product without options.
const defaultTitle = "Default Title"

// sizes makes a size of each variant. The options together are the size group,
// and their values joined by " / " the size's name.
func (t *shopifyTable) sizes(first *csvlex.Record) {
	d := &t.draft
	p := &d.p
	var options []string
	for _, c := range []shopifyColumn{shOption1Name, shOption2Name, shOption3Name} {
		if v := t.get(first, c); v != "" {
			options = append(options, v)
		}
	}
	single := len(t.variants) == 1 && (len(options) == 0 || t.get(first, shOption1Value) == defaultTitle)
	if !single && len(options) > 0 {
		p.SizeGroup.Name = strings.Join(options, " / ")
	}
	clear(t.codes)
	untaxed, shipped := 0, false
	for n, r := range t.variants {
		t.at(r.Line)
		var s *feed.Size
		p.Sizes, s = extend(p.Sizes)
		*s = feed.Size{Stock: s.Stock[:0]}
		if !single {
			for _, c := range []shopifyColumn{shOption1Value, shOption2Value, shOption3Value} {
				t.tellDate("Option1 Value", t.get(r, c))
			}
			if s.Name = t.sizeName(r); s.Name == "" {
				t.fail("Option1 Value", "is empty", "each variant of a product has option values")
				s.Name = defaultTitle
			}
		}
		t.code(s, r, n)
		t.barcode(s, r)
		t.weigh(s, r)
		t.stock(s, r)
		if t.no("Variant Taxable", t.get(r, shTaxable)) {
			untaxed++
		}
		if !t.no("Variant Requires Shipping", t.get(r, shShipping)) {
			shipped = true
		}
	}
	t.prices()
	t.at(first.Line)
	t.standard()
	// Nothing is charged on what is not taxable.
	switch {
	case untaxed == len(t.variants):
		p.VAT, d.hasVAT = feed.Percent{}, true
	case untaxed > 0:
		t.warn("Variant Taxable", "differs among the variants", "the VAT rate of the catalog is taken for all")
	}
	if !shipped {
		p.Type = feed.TypeVirtual
	}
}

// no reads true and false. A spreadsheet that opened the export has written them in
// its own language, in which a product that is not published would be.
func (t *shopifyTable) no(field, v string) bool {
	switch strings.ToLower(v) {
	case "", "true", "yes", "1":
		return false
	case "false", "no", "0":
		return true
	}
	t.fail(field, quote(v)+" is neither true nor false", "export it again and do not open it in a spreadsheet before the import")
	return false
}

func (t *shopifyTable) sizeName(r *csvlex.Record) string {
	var values []string
	for _, c := range []shopifyColumn{shOption1Value, shOption2Value, shOption3Value} {
		if v := t.get(r, c); v != "" {
			values = append(values, v)
		}
	}
	return strings.Join(values, " / ")
}

// code makes the size's code of the SKU, or of the handle and the number of the
// variant; codes are NMTOKENs and unique in the product (IOF 4.7).
func (t *shopifyTable) code(s *feed.Size, r *csvlex.Record, n int) {
	sku := strings.TrimPrefix(t.get(r, shSKU), "'")
	code := nmtoken(sku)
	if sku != "" && code != sku {
		s.ExternalCode = sku
		t.warn("Variant SKU", quote(sku)+" is not a code", "it is written as "+code)
	}
	if code == "" {
		code = nmtoken(t.draft.key) + "-" + strconv.Itoa(n+1)
	}
	unique := code
	for k := 2; t.codes[unique]; k++ {
		unique = code + "-" + strconv.Itoa(k)
	}
	if unique != code {
		t.warn("Variant SKU", quote(sku)+" occurs twice in the product", "it is written as "+unique)
	}
	t.codes[unique] = true
	s.Code = unique
}

// nmtoken replaces runs of characters that codes may not hold by a hyphen.
func nmtoken(s string) string {
	if s == "" || isNMTOKEN(s) {
		return s
	}
	var b strings.Builder
	gap := false
	for _, r := range s {
		switch {
		case r < 0x80 && isNMTOKEN(string(r)), r >= 0x80 && isNameRune(r):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	return b.String()
}

// barcode reads a GTIN or any other code; exports put an apostrophe before
// digits to keep spreadsheets from rounding them.
func (t *shopifyTable) barcode(s *feed.Size, r *csvlex.Record) {
	v := strings.TrimPrefix(t.get(r, shBarcode), "'")
	if v == "" {
		return
	}
	if g, err := feed.ParseGTIN(v); err == nil {
		s.ProducerCode = g.String()
		return
	}
	s.ProducerCode = v
	switch {
	case strings.ContainsAny(v, "Ee") && strings.ContainsRune(v, '+'):
		t.warn("Variant Barcode", quote(v)+" was rounded by a spreadsheet", "export it again and do not open it before the import; the code is kept as it is")
	case isWhole(v):
		_, err := feed.ParseGTIN(v)
		t.warn("Variant Barcode", reason(err), "the code is kept as it is")
	}
}

// standard says what the barcodes are: the one standard of all, else AUTO.
func (t *shopifyTable) standard() {
	p := &t.draft.p
	for i := range p.Sizes {
		code := p.Sizes[i].ProducerCode
		if code == "" {
			continue
		}
		std := gtinStandard(code)
		if std == feed.StandardNone {
			std = feed.StandardAuto
		}
		if p.CodeStandard != feed.StandardNone && p.CodeStandard != std {
			std = feed.StandardAuto
		}
		p.CodeStandard = std
	}
}

// weigh reads grams; Shopify writes 0 for a weight that nobody entered.
func (t *shopifyTable) weigh(s *feed.Size, r *csvlex.Record) {
	v := t.get(r, shGrams)
	if v == "" {
		return
	}
	w, err := feed.ParseWeight(v)
	if err != nil {
		t.fail("Variant Grams", reason(err), "")
	} else if w.Milligrams() > 0 {
		s.Weight = w
	}
}

// stock reads the quantity: what the file says, even where nobody counts,
// because more than that must not be promised to a partner; unlimited where
// selling goes on without stock or nobody counts and nothing is said; and 0
// where more was sold than there was.
func (t *shopifyTable) stock(s *feed.Size, r *csvlex.Record) {
	stock := feed.Stock{Warehouse: 1}
	v := t.get(r, shQuantity)
	policy := strings.ToLower(t.get(r, shPolicy))
	switch {
	case policy == "continue" || policy == "true",
		v == "" && t.index[shTracker] >= 0 && t.get(r, shTracker) == "":
		stock.Quantity = feed.Unlimited()
	case v == "":
		stock.Quantity = feed.Pieces(0)
		t.warnOnce("quantity", "Variant Inventory Qty", "is missing", "variants without a quantity count as out of stock; export with inventory of one location")
	case v[0] == '-' && isWhole(v[1:]):
		stock.Quantity = feed.Pieces(0)
	default:
		if large, small, ok := eitherNumber(v); ok {
			t.fail("Variant Inventory Qty", quote(v)+" can mean "+large+" or "+small, hintTwoNumbers)
			break
		}
		q, err := feed.ParseQuantity(v)
		if err != nil {
			t.fail("Variant Inventory Qty", reason(err), "")
		}
		stock.Quantity = q
	}
	s.Stock = append(s.Stock, stock)
}

// prices reads the variants' prices, and those of before where they are higher.
// The product's are those of its first variant; the old ones only when all
// variants have the same, because a size cannot say that it has none.
func (t *shopifyTable) prices() {
	t.before = t.before[:0]
	same := true
	for _, r := range t.variants {
		t.at(r.Line)
		t.before = append(t.before, t.wasPrice(r))
		same = same && t.before[len(t.before)-1] == t.before[0]
	}
	for n, r := range t.variants {
		price := t.get(r, shPrice)
		switch {
		case price == "":
		case t.eitherPrice("Variant Price", price):
		case n == 0:
			t.addPrice(-1, priceList, price)
		case price != t.get(t.variants[0], shPrice):
			t.addPrice(n, priceList, price)
		}
		switch {
		case t.before[n] == "":
		case !same:
			t.addPrice(n, priceWasRetail, t.before[n])
		case n == 0:
			t.addPrice(-1, priceWasRetail, t.before[n])
		}
	}
}

// wasPrice gives the price of before, "" when it is not higher than the price.
func (t *shopifyTable) wasPrice(r *csvlex.Record) string {
	was := t.get(r, shCompareAt)
	if was == "" || t.eitherPrice("Variant Compare At Price", was) {
		return ""
	}
	before, _, err := feed.RoundAmount(was, t.def.Currency)
	if err != nil {
		t.fail("Variant Compare At Price", reason(err), "")
		return ""
	}
	if now, _, err := feed.RoundAmount(t.get(r, shPrice), t.def.Currency); err != nil || before.Minor() <= now.Minor() {
		return ""
	}
	return was
}

// eitherPrice refuses an amount such as "1.299": Shopify writes none of three decimals,
// but spreadsheets write 1299 so.
func (t *shopifyTable) eitherPrice(field, v string) bool {
	large, small, ok := twoNumbers(v, t.def.Currency)
	if ok {
		t.fail(field, quote(v)+" can mean "+large+" or "+small, hintTwoNumbers)
	}
	return ok
}

func (t *shopifyTable) addPrice(size, point int, v string) {
	a := amounts{size: size, point: point, round: true}
	if t.def.NetPrices {
		a.net = v
	} else {
		a.gross = v
	}
	t.draft.prices = append(t.draft.prices, a)
}
