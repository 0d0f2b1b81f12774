package catalog

import (
	"strconv"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/jsonlex"
)

// record reads a dictionary line behind its first member's name.
func (d *decoder) record() {
	kind := d.word(recordNames[:]...)
	if kind == "" {
		d.skipMembers()
		return
	}
	switch kind {
	case "catalog":
		d.catalogRecord()
	case "category":
		d.categoryRecord()
	case "producer":
		d.producerRecord()
	case "unit":
		d.unitRecord()
	case "series":
		d.seriesRecord()
	case "warranty":
		d.warrantyRecord()
	case "warehouse":
		d.warehouseRecord()
	case "size_group":
		d.sizeGroupRecord()
	case "section":
		d.parameterRecord(kindSection)
	case "parameter":
		d.parameterRecord(kindParameter)
	case "value":
		d.parameterRecord(kindValue)
	}
	if in := d.intake; in.replaced > 0 {
		in.stats.Dropped += int64(in.replaced)
		in.warn("", plural(int64(in.replaced), "character")+" that XML forbids dropped", "")
	}
}

// skipMembers reads the rest of an object that nothing is known about.
func (d *decoder) skipMembers() {
	for {
		if _, ok := d.lex.Member(); !ok {
			return
		}
		d.lex.Skip()
	}
}

// rest is the walk over the members behind "record".
func (d *decoder) rest(m *members) object {
	o := d.object(m)
	o.seen, o.last = 1, 1
	return o
}

// complete ends a record: it says whether the line can be used, and reports
// members that are missing.
func (d *decoder) complete(o *object, required ...int) bool {
	if d.lex.Err() != nil {
		return false
	}
	for _, i := range required {
		if !o.has(i) {
			d.fail(o.names[i], "is missing", "")
		}
	}
	return !d.bad
}

// late warns once about dictionary lines behind products.
func (d *decoder) late(k entryKind, id string) {
	if d.productsSeen && !d.dict.known(k, id) {
		d.warnOnce("late", "record", "stands behind the first product", "put dictionary lines before the products that use them")
	}
}

func (d *decoder) catalogRecord() {
	if !d.firstRecord {
		d.fail("record", "catalog is not the first line of the file", "move it to the top")
	}
	def := d.def
	o := d.rest(catalogRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			def.Language = oneOf(d, feed.ParseLanguage)
		case 2:
			def.Currency = oneOf(d, feed.ParseCurrency)
		case 3:
			s := d.decimal()
			v, err := feed.ParsePercent(s)
			if err != nil && s != "" {
				d.refuse(reason(err), "VAT is a percentage such as 23")
			}
			def.VAT, def.HasVAT = v, err == nil
		case 4:
			def.NetPrices = d.word("net", "gross") == "net"
		}
	}
	if d.complete(&o) {
		d.def = def
		if !d.productsSeen {
			d.first = def
		}
	}
}

func (d *decoder) categoryRecord() {
	var c feed.Category
	o := d.rest(categoryRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			c.ID = d.id()
		case 2:
			if c.Parent = d.id(); c.Parent != "" && !d.dict.known(kindCategory, c.Parent) {
				d.refuse(quote(c.Parent)+" is not known", "a category stands behind its parent")
			}
		case 3:
			c.Names = d.texts(c.Names)
		}
	}
	if !d.complete(&o, 1, 3) || !d.named(c.ID, c.Names) {
		return
	}
	d.late(kindCategory, c.ID)
	d.dict.addCategory(&c)
	for _, t := range d.dict.categories[d.dict.index[kindCategory][c.ID]].path {
		d.names.add(kindCategory, "", t.Value, c.ID)
	}
}

// named reports an entry without id or name.
func (d *decoder) named(id string, names feed.Texts) bool {
	if id == "" {
		d.fail("id", "is empty", "")
	}
	if len(names) == 0 {
		d.fail("name", "is empty", "")
	}
	return !d.bad
}

// learn makes the names of an entry denote its id.
func (d *decoder) learn(k entryKind, names feed.Texts, id string) {
	for _, t := range names {
		d.names.add(k, "", t.Value, id)
	}
}

func (d *decoder) producerRecord() {
	var r feed.Ref
	o := d.rest(producerRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		if i == 1 {
			r.ID = d.id()
		} else {
			r.Name = d.text()
		}
	}
	if !d.complete(&o, 1, 2) {
		return
	}
	if r.Name == "" {
		d.fail("name", "is empty", "")
		return
	}
	d.late(kindProducer, r.ID)
	d.dict.producer(r)
	d.names.add(kindProducer, "", r.Name, r.ID)
}

func (d *decoder) unitRecord() {
	var u feed.Unit
	o := d.rest(unitRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			u.ID = d.id()
		case 2:
			u.Names = d.texts(u.Names)
		case 3:
			v := d.integer().Or(0)
			if v < 0 || v > 3 {
				d.refuse(strconv.Itoa(int(v))+" is out of range", "quantities have 0 to 3 decimals")
				continue
			}
			u.Precision = uint8(v)
		}
	}
	if d.complete(&o, 1, 2) && d.named(u.ID, u.Names) {
		d.late(kindUnit, u.ID)
		d.dict.addUnit(&u)
		d.learn(kindUnit, u.Names, u.ID)
	}
}

func (d *decoder) seriesRecord() {
	var s feed.SeriesEntry
	o := d.rest(categoryRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			s.ID = d.id()
		case 2:
			if s.Parent = d.id(); s.Parent != "" && !d.dict.known(kindSeries, s.Parent) {
				d.refuse(quote(s.Parent)+" is not known", "a series stands behind its parent")
			}
		case 3:
			s.Names = d.texts(s.Names)
		}
	}
	if d.complete(&o, 1, 3) && d.named(s.ID, s.Names) {
		d.late(kindSeries, s.ID)
		d.dict.addSeries(&s)
		d.learn(kindSeries, s.Names, s.ID)
	}
}

func (d *decoder) warrantyRecord() {
	var w feed.Warranty
	o := d.rest(warrantyRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			w.ID = d.id()
		case 2:
			w.Kind = oneOf(d, feed.ParseWarrantyKind)
		case 3:
			w.Months = d.natural()
		case 4:
			w.Names = d.texts(w.Names)
		case 5:
			w.Descriptions = d.texts(w.Descriptions)
		}
	}
	if d.complete(&o, 1, 4) && d.named(w.ID, w.Names) {
		d.late(kindWarranty, w.ID)
		d.dict.addWarranty(&w)
		d.learn(kindWarranty, w.Names, w.ID)
	}
}

func (d *decoder) warehouseRecord() {
	var w feed.Warehouse
	o := d.rest(warehouseRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		if i == 1 {
			w.ID = feed.WarehouseID(d.natural().Or(0))
		} else {
			w.Names = d.texts(w.Names)
		}
	}
	if d.complete(&o, 1, 2) && d.named("1", w.Names) {
		d.dict.addWarehouse(&w)
	}
}

func (d *decoder) sizeGroupRecord() {
	var g feed.SizeGroup
	seen := make(map[string]bool)
	o := d.rest(sizeGroupRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			g.ID = d.id()
		case 2:
			g.Name = d.text()
		case 3:
			// A group is shared by all products, so it may be longer than one's sizes.
			for open := d.list(); open && d.element(100*d.lim.List); {
				if d.lex.Kind() != jsonlex.Object {
					d.wrong("an object")
					continue
				}
				if e := d.sizeEntry(); e.ID != "" && seen[e.ID] {
					d.refuse(quote(e.ID)+" occurs twice", "each size of a group has its own id")
				} else {
					seen[e.ID] = true
					g.Sizes = append(g.Sizes, e)
				}
			}
		}
	}
	if !d.complete(&o, 1, 2) {
		return
	}
	if g.ID == "" || g.Name == "" {
		d.fail("id", "or name is empty", "")
		return
	}
	d.late(kindSizeGroup, g.ID)
	d.dict.addSizeGroup(&g)
	d.names.add(kindSizeGroup, "", g.Name, g.ID)
	for _, s := range g.Sizes {
		for _, t := range s.Names {
			d.names.add(kindSize, g.ID, t.Value, s.ID)
		}
	}
}

func (d *decoder) sizeEntry() (e feed.SizeEntry) {
	for o := d.enter(sizeEntryMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			if d.lex.Err() == nil && (e.ID == "" || len(e.Names) == 0) {
				d.refuse("has no id or no name", "")
			}
			return e
		}
		if i == 0 {
			e.ID = d.id()
		} else {
			e.Names = d.texts(e.Names)
		}
	}
}

func (d *decoder) parameterRecord(k entryKind) {
	var e feed.ParameterEntry
	o := d.rest(parameterRecordMembers)
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		switch i {
		case 1:
			e.ID = d.id()
		case 2:
			e.Names = d.texts(e.Names)
		case 3:
			e.Descriptions = d.texts(e.Descriptions)
		case 4:
			e.CardIcons = d.texts(e.CardIcons)
		case 5:
			e.ListIcons = d.texts(e.ListIcons)
		}
	}
	if !d.complete(&o, 1, 2) || !d.named(e.ID, e.Names) {
		return
	}
	d.late(k, e.ID)
	switch k {
	case kindSection:
		d.dict.addParameter(k, &d.dict.d.Sections, &e)
	case kindParameter:
		d.dict.addParameter(k, &d.dict.d.Parameters, &e)
	default:
		d.dict.addParameter(k, &d.dict.d.Values, &e)
	}
	if k != kindValue { // which parameter a value belongs to is known from products alone
		d.learn(k, e.Names, e.ID)
	}
}
