package catalog

import (
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
)

// Conflict is an entry that came with one name and then with another.
type Conflict struct {
	// Kind is the kind of entry, such as producer or size_group.
	Kind string
	ID   string
	// Have is the name that is kept, Got the later one.
	Have, Got string
}

// Collector gathers the dictionaries of a catalog: entries that were given,
// and those that products mention. An entry keeps its first name in each
// language. Its memory grows with distinct entries alone.
type Collector struct {
	// OnConflict, when set, is told once for each entry that has another name later.
	OnConflict func(Conflict)

	d     feed.Dictionaries
	index [entryKinds]map[string]int
	// ids are the entries' ids by position, and recent the positions, plus one,
	// of entries that products named last: most name few again and again.
	ids    [entryKinds][]string
	recent [entryKinds][128]int32
	groups []map[string]int // sizes by id, parallel to d.SizeGroups
	// commonSizes are sizes that products have named, with names that they have.
	commonSizes [64]commonSize
	// given counts the units of a dictionary: the precision of others follows
	// from the quantities that are seen.
	given      map[string]bool
	categories []categoryNote
	told       map[string]bool
}

// NewCollector starts from the dictionaries head, which may be nil and is not
// changed.
func NewCollector(head *feed.Dictionaries) *Collector {
	c := &Collector{given: make(map[string]bool), told: make(map[string]bool)}
	for k := range c.index {
		c.index[k] = make(map[string]int)
	}
	if head != nil {
		c.addAll(head)
	}
	return c
}

// addAll adds given entries.
func (c *Collector) addAll(d *feed.Dictionaries) {
	for i := range d.Producers {
		c.producer(d.Producers[i])
	}
	for i := range d.Categories {
		c.addCategory(&d.Categories[i])
	}
	for i := range d.Units {
		c.addUnit(&d.Units[i])
	}
	for i := range d.Series {
		c.addSeries(&d.Series[i])
	}
	for i := range d.Warranties {
		c.addWarranty(&d.Warranties[i])
	}
	for i := range d.Warehouses {
		c.addWarehouse(&d.Warehouses[i])
	}
	for i := range d.SizeGroups {
		c.addSizeGroup(&d.SizeGroups[i])
	}
	for i := range d.Sections {
		c.addParameter(kindSection, &c.d.Sections, &d.Sections[i])
	}
	for i := range d.Parameters {
		c.addParameter(kindParameter, &c.d.Parameters, &d.Parameters[i])
	}
	for i := range d.Values {
		c.addParameter(kindValue, &c.d.Values, &d.Values[i])
	}
}

// known says whether an entry was given or mentioned.
func (c *Collector) known(k entryKind, id string) bool {
	_, ok := c.index[k][id]
	return ok
}

// Observe adds what the product mentions. It keeps nothing of p.
func (c *Collector) Observe(p *feed.Product) { c.observe(p, &noticed{}) }

// observe is Observe for a product of which some parts are known.
func (c *Collector) observe(p *feed.Product, known *noticed) {
	if p.Producer.ID != "" && !known.producer {
		c.producer(p.Producer)
	}
	if p.Category.ID != "" && !known.category {
		c.noteCategory(&p.Category)
	}
	if p.Unit.ID != "" && !(known.unit && known.pieces) {
		c.unit(p)
	}
	if p.Series.ID != "" {
		if i, isNew := c.entry(kindSeries, p.Series.ID); isNew {
			c.d.Series = append(c.d.Series, feed.SeriesEntry{ID: clone(p.Series.ID), Names: cloneTexts(p.Series.Names)})
		} else {
			c.merge(kindSeries, p.Series.ID, &c.d.Series[i].Names, p.Series.Names)
		}
	}
	if w := &p.Warranty; w.ID != "" {
		if i, isNew := c.entry(kindWarranty, w.ID); isNew {
			c.d.Warranties = append(c.d.Warranties, feed.Warranty{ID: clone(w.ID), Kind: w.Kind, Months: w.Months, Names: cloneTexts(w.Names)})
		} else {
			c.merge(kindWarranty, w.ID, &c.d.Warranties[i].Names, w.Names)
		}
	}
	if p.SizeGroup.ID != "" {
		c.sizes(p)
	}
	for i := range p.Sizes {
		for k := range p.Sizes[i].Stock {
			c.warehouse(p.Sizes[i].Stock[k].Warehouse)
		}
	}
	if known.every {
		return
	}
	for i := range p.Parameters {
		q := &p.Parameters[i]
		var k noticedParameter
		if i < len(known.parameters) {
			k = known.parameters[i]
		}
		if !k.head {
			if q.Section {
				c.parameter(kindSection, &c.d.Sections, q.ID, q.Names)
			} else {
				c.parameter(kindParameter, &c.d.Parameters, q.ID, q.Names)
			}
		}
		if !q.Section && !k.values {
			for k := range q.Values {
				c.parameter(kindValue, &c.d.Values, q.Values[k].ID, q.Values[k].Names)
			}
		}
	}
}

// entry finds an entry, or makes room for it in the index at the position that
// the next append will have.
func (c *Collector) entry(k entryKind, id string) (i int, isNew bool) {
	slot := &c.recent[k][0]
	if n := len(id); n > 1 {
		slot = &c.recent[k][(id[n-1]+id[n-2]<<3)&127]
	}
	if i := int(*slot) - 1; i >= 0 && c.ids[k][i] == id {
		return i, false
	}
	i, ok := c.index[k][id]
	if !ok {
		i = len(c.index[k])
		id = clone(id)
		c.index[k][id] = i
		c.ids[k] = append(c.ids[k], id)
	}
	*slot = int32(i) + 1
	return i, !ok
}

// merge adds texts in languages that an entry lacks and tells contradictions.
func (c *Collector) merge(k entryKind, id string, have *feed.Texts, got feed.Texts) {
	for i := range got {
		if v, ok := have.Get(got[i].Lang); ok {
			if v != got[i].Value {
				c.conflict(k, id, v, got[i].Value)
			}
		} else if got[i].Value != "" && !hasValue(*have, got[i]) {
			*have = append(*have, feed.Text{Lang: got[i].Lang, Value: clone(got[i].Value)})
		}
	}
}

// hasValue says whether a text without language repeats one that has one.
func hasValue(have feed.Texts, t feed.Text) bool {
	if !t.Lang.IsZero() {
		return false
	}
	for i := range have {
		if have[i].Value == t.Value {
			return true
		}
	}
	return false
}

func (c *Collector) conflict(k entryKind, id, have, got string) {
	key := k.String() + "\x00" + id
	if c.OnConflict == nil || c.told[key] {
		return
	}
	c.told[key] = true
	c.OnConflict(Conflict{Kind: k.String(), ID: clone(id), Have: have, Got: clone(got)})
}

func (c *Collector) producer(r feed.Ref) {
	i, isNew := c.entry(kindProducer, r.ID)
	if isNew {
		c.d.Producers = append(c.d.Producers, feed.Ref{ID: clone(r.ID), Name: clone(r.Name)})
		return
	}
	switch have := &c.d.Producers[i]; {
	case r.Name == "" || have.Name == r.Name:
	case have.Name == "":
		have.Name = clone(r.Name)
	default:
		c.conflict(kindProducer, r.ID, have.Name, r.Name)
	}
}

func (c *Collector) addUnit(u *feed.Unit) {
	i, isNew := c.entry(kindUnit, u.ID)
	c.given[clone(u.ID)] = true
	if isNew {
		c.d.Units = append(c.d.Units, feed.Unit{ID: clone(u.ID), Names: cloneTexts(u.Names), Precision: u.Precision})
		return
	}
	c.merge(kindUnit, u.ID, &c.d.Units[i].Names, u.Names)
}

// unit notes a product's unit. Quantities are written with the decimals of
// their unit, so one that no dictionary describes gets as many as are needed.
func (c *Collector) unit(p *feed.Product) {
	i, isNew := c.entry(kindUnit, p.Unit.ID)
	if isNew {
		c.d.Units = append(c.d.Units, feed.Unit{ID: clone(p.Unit.ID), Names: cloneTexts(p.Unit.Names)})
	} else {
		c.merge(kindUnit, p.Unit.ID, &c.d.Units[i].Names, p.Unit.Names)
	}
	u := &c.d.Units[i]
	if u.Precision == 3 || c.given[u.ID] {
		return
	}
	for i := range p.Sizes {
		for k := range p.Sizes[i].Stock {
			s := &p.Sizes[i].Stock[k]
			for _, q := range [...]feed.Quantity{s.Quantity, s.Available, s.Physical} {
				u.Precision = max(u.Precision, decimals(q))
			}
		}
	}
}

// decimals gives the number of decimal places that a quantity needs.
func decimals(q feed.Quantity) uint8 {
	switch v := q.Thousandths(); {
	case v <= 0 || v%1000 == 0:
		return 0
	case v%100 == 0:
		return 1
	case v%10 == 0:
		return 2
	}
	return 3
}

func (c *Collector) addSeries(s *feed.SeriesEntry) {
	i, isNew := c.entry(kindSeries, s.ID)
	if isNew {
		c.d.Series = append(c.d.Series, feed.SeriesEntry{ID: clone(s.ID), Parent: clone(s.Parent), Names: cloneTexts(s.Names)})
		return
	}
	c.merge(kindSeries, s.ID, &c.d.Series[i].Names, s.Names)
}

func (c *Collector) addWarranty(w *feed.Warranty) {
	i, isNew := c.entry(kindWarranty, w.ID)
	if isNew {
		c.d.Warranties = append(c.d.Warranties, feed.Warranty{ID: clone(w.ID), Kind: w.Kind, Months: w.Months,
			Names: cloneTexts(w.Names), Descriptions: cloneTexts(w.Descriptions)})
		return
	}
	c.merge(kindWarranty, w.ID, &c.d.Warranties[i].Names, w.Names)
}

func (c *Collector) addWarehouse(w *feed.Warehouse) {
	if i := c.findWarehouse(w.ID); i >= 0 {
		c.merge(kindWarehouse, strconv.Itoa(int(w.ID)), &c.d.Warehouses[i].Names, w.Names)
		return
	}
	c.d.Warehouses = append(c.d.Warehouses, feed.Warehouse{ID: w.ID, Names: cloneTexts(w.Names)})
}

// warehouse notes a warehouse that a stock mentions.
func (c *Collector) warehouse(id feed.WarehouseID) {
	if c.findWarehouse(id) < 0 {
		c.d.Warehouses = append(c.d.Warehouses, plainWarehouse(id))
	}
}

func (c *Collector) findWarehouse(id feed.WarehouseID) int {
	if len(c.d.Warehouses) > 0 && c.d.Warehouses[0].ID == id {
		return 0
	}
	return slices.IndexFunc(c.d.Warehouses, func(w feed.Warehouse) bool { return w.ID == id })
}

// plainWarehouse names a warehouse that nobody named: M1 is the main one (IOF 4.8).
func plainWarehouse(id feed.WarehouseID) feed.Warehouse {
	return feed.Warehouse{ID: id, Names: feed.Texts{{Value: "M" + strconv.Itoa(int(id))}}}
}

func (c *Collector) addSizeGroup(g *feed.SizeGroup) {
	i := c.sizeGroup(g.ID, g.Name)
	for k := range g.Sizes {
		c.size(i, g.Sizes[k].ID, g.Sizes[k].Names)
	}
}

// sizeGroup finds or adds a group.
func (c *Collector) sizeGroup(id, name string) int {
	i, isNew := c.entry(kindSizeGroup, id)
	if isNew {
		c.d.SizeGroups = append(c.d.SizeGroups, feed.SizeGroup{ID: clone(id), Name: clone(name)})
		c.groups = append(c.groups, make(map[string]int))
		return i
	}
	switch have := &c.d.SizeGroups[i]; {
	case name == "" || have.Name == name:
	case have.Name == "":
		have.Name = clone(name)
	default:
		c.conflict(kindSizeGroup, id, have.Name, name)
	}
	return i
}

// size finds or adds a size of group i.
func (c *Collector) size(i int, id string, names feed.Texts) {
	g := &c.d.SizeGroups[i]
	if g.ID == feed.OneSizeGroup && len(g.Sizes) > 0 {
		return // its one size has many spellings
	}
	k, ok := c.groups[i][id]
	if !ok {
		c.groups[i][clone(id)] = len(g.Sizes)
		g.Sizes = append(g.Sizes, feed.SizeEntry{ID: clone(id), Names: cloneTexts(names)})
		return
	}
	have := &g.Sizes[k].Names
	if len(names) == 1 && names[0].Lang.IsZero() && len(*have) > 0 && !hasValue(*have, names[0]) {
		c.conflict(kindSize, id, (*have)[0].Value, names[0].Value)
		return
	}
	c.merge(kindSize, id, have, names)
}

// commonSize is a size that is known by its name: an entry never loses one.
type commonSize struct {
	group    int // index and one
	id, name string
}

// commonSize gives the place of a size.
func (c *Collector) commonSize(id string) *commonSize {
	h := len(id)
	if h > 0 {
		h += int(id[0])<<2 ^ int(id[h-1])<<4 ^ int(id[h/2])
	}
	return &c.commonSizes[h%len(c.commonSizes)]
}

// sizes notes a product's group and sizes. Their names have no language.
func (c *Collector) sizes(p *feed.Product) {
	i := c.sizeGroup(p.SizeGroup.ID, p.SizeGroup.Name)
	for k := range p.Sizes {
		s := &p.Sizes[k]
		r := c.commonSize(s.ID)
		if r.group == i+1 && r.id == s.ID && r.name == s.Name {
			continue
		}
		if n, ok := c.groups[i][s.ID]; ok && s.Name == "" || ok && hasValue(c.d.SizeGroups[i].Sizes[n].Names, feed.Text{Value: s.Name}) {
			if r.group == 0 { // those that come first are the usual ones
				*r = commonSize{i + 1, clone(s.ID), clone(s.Name)}
			}
			continue
		}
		var names feed.Texts
		if s.Name != "" {
			names = feed.Texts{{Value: s.Name}}
		}
		c.size(i, s.ID, names)
	}
}

func (c *Collector) addParameter(k entryKind, list *[]feed.ParameterEntry, e *feed.ParameterEntry) {
	i, isNew := c.entry(k, e.ID)
	if isNew {
		*list = append(*list, feed.ParameterEntry{ID: clone(e.ID), Names: cloneTexts(e.Names), Descriptions: cloneTexts(e.Descriptions),
			CardIcons: cloneTexts(e.CardIcons), ListIcons: cloneTexts(e.ListIcons)})
		return
	}
	c.merge(k, e.ID, &(*list)[i].Names, e.Names)
}

// parameter notes a section, parameter or value of a product.
func (c *Collector) parameter(k entryKind, list *[]feed.ParameterEntry, id string, names feed.Texts) {
	if id == "" {
		return
	}
	i, isNew := c.entry(k, id)
	if isNew {
		*list = append(*list, feed.ParameterEntry{ID: clone(id), Names: cloneTexts(names)})
		return
	}
	c.merge(k, id, &(*list)[i].Names, names)
}

// Dictionaries gives everything that was gathered, on memory of its own: later
// calls of Observe do not change it. Warehouse 1 is always there, and every
// category stands behind its parent.
func (c *Collector) Dictionaries() *feed.Dictionaries {
	d := &feed.Dictionaries{
		Producers:  slices.Clone(c.d.Producers),
		Categories: c.categoryTree(),
		Units:      slices.Clone(c.d.Units),
		Series:     slices.Clone(c.d.Series),
		Warranties: slices.Clone(c.d.Warranties),
		Warehouses: slices.Clone(c.d.Warehouses),
		SizeGroups: slices.Clone(c.d.SizeGroups),
		Sections:   cloneEntries(c.d.Sections),
		Parameters: cloneEntries(c.d.Parameters),
		Values:     cloneEntries(c.d.Values),
	}
	for i := range d.Units {
		d.Units[i].Names = slices.Clone(d.Units[i].Names)
	}
	for i := range d.Series {
		d.Series[i].Names = slices.Clone(d.Series[i].Names)
	}
	for i := range d.Warranties {
		d.Warranties[i].Names = slices.Clone(d.Warranties[i].Names)
	}
	for i := range d.SizeGroups {
		g := &d.SizeGroups[i]
		g.Sizes = slices.Clone(g.Sizes)
		for k := range g.Sizes {
			g.Sizes[k].Names = slices.Clone(g.Sizes[k].Names)
		}
	}
	if c.findWarehouse(1) < 0 {
		d.Warehouses = append(d.Warehouses, plainWarehouse(1))
	}
	slices.SortStableFunc(d.Warehouses, func(a, b feed.Warehouse) int { return mainFirst(a.ID) - mainFirst(b.ID) })
	for i := range d.Warehouses {
		d.Warehouses[i].Names = slices.Clone(d.Warehouses[i].Names)
	}
	return d
}

// mainFirst orders warehouse 1 before all others.
func mainFirst(id feed.WarehouseID) int {
	if id == 1 {
		return 0
	}
	return 1
}

func cloneEntries(list []feed.ParameterEntry) []feed.ParameterEntry {
	list = slices.Clone(list)
	for i := range list {
		list[i].Names = slices.Clone(list[i].Names)
	}
	return list
}

func clone(s string) string { return strings.Clone(s) }

func cloneTexts(t feed.Texts) feed.Texts {
	if len(t) == 0 {
		return nil
	}
	out := make(feed.Texts, len(t))
	for i := range t {
		out[i] = feed.Text{Lang: t[i].Lang, Value: clone(t[i].Value)}
	}
	return out
}
