package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
)

// ownTable is the layout of our own CSV: a row for each size.
type ownTable struct {
	*intake
	columns []column
	// id and keyed are the columns that name the product, -1 for none.
	id, keyed int
	// rows are those of the product being made.
	rows []*csvlex.Record
	path func(list string, i int, rest string) string
}

func newCSV(in *intake, files []*source) reader {
	t := &ownTable{intake: in}
	t.path = t.place
	return newTable(in, files, t)
}

func (t *ownTable) header(names []string) error {
	t.columns, t.id, t.keyed = t.columns[:0], -1, -1
	t.weights.said, t.weights.column = false, ""
	seen, named := make(map[string]bool), false
	if err := unknownColumns(names); err != nil {
		return err
	}
	for i, name := range names {
		if name == "" {
			return &feed.Error{Kind: feed.KindInvalid, Message: "column " + strconv.Itoa(i+1) + " has no name", Hint: "name it, with the prefix x_ if it is to be ignored"}
		}
		c, err := parseColumn(name, t.def.Language)
		if err != nil {
			return err
		}
		kind := c.kind
		if kind == cPrice {
			if kind = cPriceGross; t.def.NetPrices {
				kind = cPriceNet
			}
		}
		same := strconv.Itoa(int(kind)) + " " + c.lang.String() + " " + strconv.Itoa(c.n) + " " + c.label
		if c.kind != cIgnored && c.kind != cImage {
			if seen[same] {
				return &feed.Error{Kind: feed.KindInvalid, Message: "column " + quote(name) + " occurs twice", Hint: hintIgnored}
			}
			seen[same] = true
		}
		switch c.kind {
		case cID:
			t.id = i
		case cKey:
			t.keyed = i
		case cName, cRemoved:
			named = true
		case cWeight, cWeightNet:
			if t.weights.column == "" || !c.unit {
				t.weights.said, t.weights.column = c.unit, name
			}
		}
		t.columns = append(t.columns, c)
	}
	if !named {
		return &feed.Error{Kind: feed.KindInvalid, Message: "there is no column name", Hint: "a product is given whole: stock and prices alone are changed by code through the API (PATCH /products)"}
	}
	if t.id < 0 && t.keyed < 0 {
		return &feed.Error{Kind: feed.KindInvalid, Message: "there is no column id and no column key", Hint: "give one that is the same in all rows of a product"}
	}
	return nil
}

func (t *ownTable) key(r *csvlex.Record) string {
	if t.id >= 0 {
		if s := strings.TrimSpace(r.Fields[t.id]); s != "" {
			return s
		}
	}
	if t.keyed >= 0 {
		return t.cell(r.Fields[t.keyed])
	}
	return ""
}

func (t *ownTable) product(rows []*csvlex.Record) *feed.Product {
	d := &t.draft
	d.reset()
	t.rows, d.path, d.table = rows, t.path, true
	removed := false
	for n, r := range rows {
		t.at(r.Line)
		var s *feed.Size
		d.p.Sizes, s = extend(d.p.Sizes)
		*s = feed.Size{Stock: s.Stock[:0]}
		for i := range t.columns {
			c := &t.columns[i]
			if c.kind == cIgnored {
				continue
			}
			v := t.cell(r.Fields[i])
			if !c.manyLines() && t.joined(v) {
				t.fail(c.name, "holds the end of this row and the beginning of another", hintQuotes)
			}
			switch {
			case c.perSize():
				if v != "" {
					t.sizeCell(c, s, n, v)
				}
			case v == "":
			case c.kind == cImage:
				t.images(v)
			case n == 0:
				if c.kind == cRemoved {
					removed = t.yes(c, v)
				} else {
					t.productCell(c, v)
				}
			case v != t.cell(rows[0].Fields[i]):
				t.fail(c.name, "is "+quote(v)+" here and "+quote(t.cell(rows[0].Fields[i]))+" in the product's first row", "rows of a product agree in it, or leave it empty behind the first")
			}
		}
		t.sizePrices(rows, n)
	}
	t.at(rows[0].Line)
	if removed {
		t.tombstone(len(rows))
		return nil
	}
	if len(rows) > t.lim.Sizes {
		t.fail("", "has more than "+plural(int64(t.lim.Sizes), "size"), "")
	}
	if d.p.Group != nil && d.group.ID == "" {
		t.fail("group", "is missing", "variants of one group have the same id")
	}
	if d.p.Warranty.Kind != feed.WarrantyUnset && len(d.p.Warranty.Names) == 0 {
		t.fail("warranty", "is missing", "name the warranty")
	}
	p := t.finish(d)
	if !t.accept(p, d) {
		return nil
	}
	return p
}

// joined says whether a cell holds the rest of its row and the beginning of a later one,
// as it does where a text begins with a quote that a later text ends, in tables whose
// writer quotes nothing: it holds all separators of a row for each end of a line. The
// product would have what stands behind the name of another, its price too.
func (t *ownTable) joined(v string) bool {
	ends := strings.Count(v, "\n")
	if ends == 0 || len(t.columns) < 3 {
		return false
	}
	for _, comma := range []string{",", ";", "\t"} {
		if strings.Count(v, comma) == ends*(len(t.columns)-1) {
			return true
		}
	}
	return false
}

// place names the column that a problem is about and moves to its row.
func (t *ownTable) place(list string, i int, rest string) string {
	switch list {
	case "sizes":
		if i < len(t.rows) {
			t.line = t.rows[i].Line
		}
		switch rest {
		case "id":
			return t.named(cSizeID, cSize, "size")
		case "producer_code":
			return t.named(cProducerCode, cProducerCode, rest)
		}
		return rest
	case "images":
		return t.named(cImage, cImage, "image")
	case "parameters":
		return t.named(cParameter, cParameter, "parameter")
	}
	return item(list, i, rest)
}

// named gives the name of the first column of either kind as the file has it.
func (t *ownTable) named(kind, other columnKind, otherwise string) string {
	for _, k := range []columnKind{kind, other} {
		for i := range t.columns {
			if t.columns[i].kind == k {
				return t.columns[i].name
			}
		}
	}
	return otherwise
}

func (t *ownTable) tombstone(rows int) {
	d := &t.draft
	if d.key != "" && !d.hasID {
		d.p.ID = DeriveID(d.key)
	} else if !d.hasID {
		t.fail("id", "is missing", "give the id or key of the removed product")
	}
	if rows > 1 {
		t.fail("removed", "stands in a product of several rows", "a removed product has one row")
	}
	if t.commit(d.label()) {
		t.remove(d.p.ID)
	}
}

// productCell reads a cell of the product's first row.
func (t *ownTable) productCell(c *column, v string) {
	d := &t.draft
	p := &d.p
	var err error
	switch c.kind {
	case cID:
		id, e := strconv.ParseInt(v, 10, 64)
		if t.tellShortened(c.name, v) {
			id = 0
		} else if e != nil || id < 1 || id > feed.MaxProductID {
			t.fail(c.name, quote(v)+" is not an id", "ids are whole numbers from 1 to 9007199254740991; use the column key for other identifiers")
			id = 0
		}
		p.ID, d.hasID = feed.ProductID(id), true
	case cKey:
		t.tellShortened(c.name, v)
		t.tellDate(c.name, v)
		t.tellNumber(c.name, v)
		d.key = v
	case cDisplayCode:
		t.tellShortened(c.name, v)
		p.DisplayCode = v
	case cType:
		p.Type, err = feed.ParseProductType(v)
	case cSite:
		p.Site = t.whole(c, v)
	case cCodeStandard:
		p.CodeStandard, err = feed.ParseCodeStandard(v)
	case cVAT:
		d.hasVAT = true
		p.VAT, err = feed.ParsePercent(strings.TrimSpace(strings.TrimSuffix(decimalPoint(v), "%")))
	case cCurrency:
		p.Currency, err = feed.ParseCurrency(v)
	case cTags:
		for tag := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == '\n' }) {
			if tag = strings.TrimSpace(tag); tag != "" {
				p.Tags = append(p.Tags, tag)
			}
		}
	case cProducer:
		p.Producer.Name = v
	case cCategory:
		p.Category.Names = p.Category.Names.Set(c.lang, v)
	case cCategoryID:
		p.Category.ID = t.token(c, v)
	case cUnit:
		p.Unit.Names = p.Unit.Names.Set(c.lang, v)
	case cSeries:
		p.Series.Names = p.Series.Names.Set(c.lang, v)
	case cWarranty:
		p.Warranty.Names = p.Warranty.Names.Set(c.lang, v)
	case cWarrantyKind:
		p.Warranty.Kind, err = feed.ParseWarrantyKind(v)
	case cWarrantyMonths:
		p.Warranty.Months = t.whole(c, v)
	case cURL:
		p.URL = v
	case cMobileURL:
		p.MobileURL = v
	case cName:
		p.Names = p.Names.Set(c.lang, v)
	case cShortDesc:
		p.ShortDescs = p.ShortDescs.Set(c.lang, v)
	case cLongDesc:
		p.LongDescs = p.LongDescs.Set(c.lang, v)
	case cMetaTitle, cMetaDescription, cMetaKeywords:
		p.Meta = append(p.Meta, feed.MetaText{Name: [...]string{"meta_title", "meta_description", "meta_keywords"}[c.kind-cMetaTitle], Lang: c.lang, Value: v})
	case cSizeGroup:
		p.SizeGroup.Name = v
	case cIcon:
		p.Icon.URL = v
	case cParameter:
		t.parameter(c, v)
	case cGroup, cGroupParameter, cGroupValue:
		t.group(c, v)
	}
	if err != nil {
		hint := ""
		if c.kind == cVAT {
			hint = hintRate
		}
		t.fail(c.name, reason(err), hint)
	}
}

// hintRate says how rates are written, in countries where some have letters.
const hintRate = "VAT is a percentage such as 23: write 0 where there is none"

// group joins variants by the column group.
func (t *ownTable) group(c *column, v string) {
	d := &t.draft
	if d.p.Group == nil {
		d.group = feed.Group{}
		d.p.Group = &d.group
	}
	switch c.kind {
	case cGroup:
		d.group.ID = t.token(c, v)
	case cGroupParameter:
		d.group.Parameter.Names = d.group.Parameter.Names.Set(c.lang, v)
	default:
		d.group.Value.Names = d.group.Value.Names.Set(c.lang, v)
	}
}

// parameter reads values, one a line of the cell.
func (t *ownTable) parameter(c *column, v string) {
	p := &t.draft.p
	var q *feed.Parameter
	p.Parameters, q = extend(p.Parameters)
	*q = feed.Parameter{Names: append(q.Names[:0], feed.Text{Lang: c.lang, Value: c.label}), Values: q.Values[:0]}
	for line := range strings.SplitSeq(v, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(q.Values) == t.lim.List {
			t.fail(c.name, "holds more than "+plural(int64(t.lim.List), "value"), "")
			return
		}
		var value *feed.ParameterValue
		q.Values, value = extend(q.Values)
		*value = feed.ParameterValue{Names: append(value.Names[:0], feed.Text{Lang: c.lang, Value: line})}
	}
}

// images adds addresses that are not there yet: rows of a product often repeat them.
func (t *ownTable) images(v string) {
	for list := range strings.FieldsSeq(v) {
		for list != "" {
			var url string
			url, list = cutAddress(list)
			t.addImage(url, "image")
		}
	}
}

// cutAddress cuts the first of several addresses off. Other systems have commas,
// semicolons or bars between them, which addresses hold too; so one of them ends an
// address only where another begins, or nothing follows.
func cutAddress(s string) (url, rest string) {
	for i := 1; i < len(s); i++ {
		if strings.IndexByte(",;|", s[i]) < 0 {
			continue
		}
		rest = strings.TrimLeft(s[i:], ",;|")
		if next := feed.LowerScheme(rest); rest == "" || strings.HasPrefix(next, "https://") || strings.HasPrefix(next, "http://") {
			return s[:i], rest
		}
	}
	return s, ""
}

// addImage adds a picture once.
func (in *intake) addImage(url, field string) {
	p := &in.draft.p
	for i := range p.Images {
		if p.Images[i].URL == url {
			return
		}
	}
	if len(p.Images) == in.lim.Images {
		in.fail(field, "is one image too many", "a product has at most "+plural(int64(in.lim.Images), "image"))
		return
	}
	p.Images = append(p.Images, feed.Image{URL: url})
}

// sizeCell reads a cell of row n about its size. Prices are read by sizePrices.
func (t *ownTable) sizeCell(c *column, s *feed.Size, n int, v string) {
	var err error
	switch c.kind {
	case cSizeID, cCode, cGTIN, cProducerCode, cExternalCode:
		if t.tellShortened(c.name, v) {
			return
		}
		t.tellDate(c.name, v)
		if c.kind != cSizeID {
			t.tellNumber(c.name, v)
		}
	}
	switch c.kind {
	case cSize:
		t.tellDate(c.name, v)
		s.Name = v
	case cSizeID:
		s.ID = t.token(c, v)
	case cCode:
		s.Code = v
	case cGTIN:
		var g feed.GTIN
		if g, err = feed.ParseGTIN(v); err == nil {
			if s.ProducerCode != "" {
				t.fail(c.name, "stands beside producer_code", "give one of the two")
				return
			}
			s.ProducerCode = g.String()
			t.draft.gtins = append(t.draft.gtins, gtinOf{n, g.Standard()})
		}
	case cProducerCode:
		if s.ProducerCode != "" {
			t.fail(c.name, "stands beside gtin", "give one of the two")
			return
		}
		s.ProducerCode = v
	case cExternalCode:
		s.ExternalCode = v
	case cWeight:
		s.Weight, err = c.weight(v)
	case cWeightNet:
		s.WeightNet, err = c.weight(v)
	case cStock:
		s.Stock = append(s.Stock, feed.Stock{Warehouse: feed.WarehouseID(c.n), Quantity: t.quantity(c, v)})
	}
	if err != nil {
		hint := ""
		switch {
		case c.kind == cWeight || c.kind == cWeightNet:
			if hint = hintWeightColumn; c.unit {
				hint = ""
			}
		case c.kind == cGTIN && isWhole(v) && (len(v) == 7 || len(v) > 8 && len(v) < 12):
			hint = hintShortened // of its zeros in front
		}
		t.fail(c.name, reason(err), hint)
	}
}

// quantity reads a stock. What a stock system has below 0 was sold more often than it
// was there: -1 of it must not become the format's sign for unlimited. Of what may be
// thousands or thousandths the smaller is taken: no more is promised than there is,
// and systems that write 5.000 for 5 are many.
func (t *ownTable) quantity(c *column, v string) feed.Quantity {
	if strings.EqualFold(v, "unlimited") {
		return feed.Unlimited()
	}
	if strings.HasPrefix(v, "-") {
		t.fail(c.name, quote(v)+" is below 0", hintBelowZero)
		return feed.Quantity{}
	}
	q, err := feed.ParseQuantity(decimalPoint(v))
	if err != nil {
		// What values of the domain may be besides, tables may not.
		t.fail(c.name, strings.TrimSuffix(reason(err), ", and not -1 for unlimited"), hintStock)
		return feed.Quantity{}
	}
	if _, _, ok := eitherNumber(v); ok {
		t.warnOnce("thousands", c.name, quote(v)+" is taken for "+q.String(), hintThousands)
	}
	return q
}

// hintBelowZero and hintThousands say how to write what quantity does not take, or
// not as it was meant.
const (
	hintBelowZero = "write 0 for what is sold out, and unlimited for what never runs out"
	hintStock     = "write a number, 0 for what is sold out and unlimited for what never runs out"
	hintThousands = "where it means more, write it without a mark between thousands"
)

// sizePrices reads the prices of row n. Those of the first row are the
// product's; a later row has its own where they differ.
func (t *ownTable) sizePrices(rows []*csvlex.Record, n int) {
	var own, first [priceWasWholesale + 1]amounts
	currency := t.draft.p.Currency
	if currency.IsZero() {
		currency = t.def.Currency
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.kind < cPrice {
			continue
		}
		v, before := t.cell(rows[n].Fields[i]), t.cell(rows[0].Fields[i])
		if large, small, ok := twoNumbers(v, currency); ok {
			if n == 0 || v != before {
				t.fail(c.name, quote(v)+" can mean "+large+" or "+small, hintTwoNumbers)
			}
			v = large // of which nothing more is to be said
		}
		t.priceCell(c, &own[c.n], v)
		t.priceCell(c, &first[c.n], before)
	}
	for point := range own {
		a := own[point]
		if a.net == "" && a.gross == "" || n > 0 && a == first[point] {
			continue
		}
		a.point, a.size = point, n
		if n == 0 {
			a.size = -1
		}
		t.draft.prices = append(t.draft.prices, a)
	}
}

func (t *ownTable) priceCell(c *column, a *amounts, v string) {
	if v = decimalPoint(v); v == "" {
		return
	}
	net := c.kind == cPriceNet || c.kind == cPrice && t.def.NetPrices
	if net && a.net == "" {
		a.net = v
	} else if !net && a.gross == "" {
		a.gross = v
	}
}

func (t *ownTable) whole(c *column, v string) feed.Int {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		t.fail(c.name, quote(v)+" is not a whole number", "")
		return feed.Int{}
	}
	return feed.IntOf(int32(n))
}

func (t *ownTable) token(c *column, v string) string {
	if !isID(v) {
		t.fail(c.name, quote(v)+" is not an id", "ids have no blanks and at most 255 bytes")
		return ""
	}
	return v
}

func (t *ownTable) yes(c *column, v string) bool {
	switch strings.ToLower(v) {
	case "yes", "y", "true", "1":
		return true
	case "no", "n", "false", "0":
		return false
	}
	t.fail(c.name, quote(v)+" is neither yes nor no", "")
	return false
}

// hintWeightColumn says what a weight is of which the header says no unit.
const hintWeightColumn = "weights are grams: name a column of kilograms weight[kg]"

// weight reads a weight in the unit of the column. Kilograms have decimals, which
// are written with a comma in many tables.
func (c *column) weight(v string) (feed.Weight, error) {
	if !c.kilograms {
		return feed.ParseWeight(v)
	}
	whole, fraction, _ := strings.Cut(strings.Replace(v, ",", ".", 1), ".")
	if !isWhole(whole) || fraction != "" && !isWhole(fraction) {
		return feed.ParseWeight(v + " kg") // which says what it is not
	}
	for len(fraction) < 3 {
		fraction += "0"
	}
	grams := whole + fraction[:3]
	if fraction = strings.TrimRight(fraction[3:], "0"); fraction != "" {
		grams += "." + fraction
	}
	return feed.ParseWeight(grams)
}
