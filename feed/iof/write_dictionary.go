package iof

import (
	"time"

	"feedmill/feed"
)

// maxTreeDepth is how deep trees are nested: with the root and the names a
// document stays below the depth of 64 that careful readers stop at. Deeper
// nodes are written beside their parent; every id is there all the same.
const maxTreeDepth = 60

// AppendCategories writes categories.xml (IOF 7.1). A zero time is left out,
// here and in every other dictionary.
func (w *Writer) AppendCategories(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	nodes := make([]treeNode, len(d.Categories))
	for i := range d.Categories {
		c := &d.Categories[i]
		nodes[i] = treeNode{id: c.ID, parent: c.Parent, names: c.Names}
	}
	dst = w.appendDictionary(dst, "categories", generated, expires)
	dst = w.appendTree(dst, "category", nodes, appendEscaped)
	return append(dst, "</categories>\n"...)
}

// AppendSizes writes sizes.xml (IOF 7.2), whose schema knows neither the
// generator nor an end of validity. The group of products without sizes is
// always there, its size written as the dialect writes it.
func (w *Writer) AppendSizes(dst []byte, d *feed.Dictionaries, generated time.Time) []byte {
	dst = w.appendRoot(dst, "sizes")
	dst = append(dst, ` language="`...)
	dst = append(dst, w.lang.main()...)
	dst = append(dst, '"')
	dst = appendTimeAttr(dst, ` generated="`, generated)
	dst = append(dst, ">\n"...)
	known := false
	for i := range d.SizeGroups {
		known = known || d.SizeGroups[i].ID == feed.OneSizeGroup
	}
	if !known {
		dst = w.appendSizeGroup(dst, &feed.SizeGroup{ID: feed.OneSizeGroup})
	}
	for i := range d.SizeGroups {
		dst = w.appendSizeGroup(dst, &d.SizeGroups[i])
	}
	return append(dst, "</sizes>\n"...)
}

func (w *Writer) appendSizeGroup(dst []byte, g *feed.SizeGroup) []byte {
	if !hasText(g.ID) {
		return dst // no product can refer to it
	}
	name, sizes := g.Name, g.Sizes
	one := g.ID == feed.OneSizeGroup && len(sizes) <= 1
	if one {
		size := feed.SizeEntry{}
		if len(sizes) == 1 {
			size = sizes[0]
		}
		size.ID = w.dialect.OneSizeID()
		sizes = []feed.SizeEntry{size}
		if !hasText(name) {
			name = oneSizeGroup
		}
	}
	dst = append(dst, "<group"...)
	dst = appendAttr(dst, ` id="`, g.ID)
	dst = appendAttr(dst, ` name="`, firstText(name, g.ID))
	if len(sizes) == 0 {
		return append(dst, "/>\n"...)
	}
	dst = append(dst, ">\n"...)
	for i := range sizes {
		s := &sizes[i]
		id := firstText(s.ID, w.dialect.OneSizeID())
		_, name, ok := w.lang.pick(s.Names)
		switch {
		case !ok && one:
			name = oneSizeName
		case !ok:
			name = id
		}
		dst = append(dst, "<size"...)
		dst = appendAttr(dst, ` id="`, id)
		dst = appendAttr(dst, ` name="`, name)
		dst = w.appendContent(dst, "size", s.Names)
	}
	return append(dst, "</group>\n"...)
}

// AppendProducers writes producers.xml (IOF 7.3). The schema requires id and
// name; a producer without a name is written by its id, one without id is left out.
func (w *Writer) AppendProducers(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	dst = w.appendDictionary(dst, "producers", generated, expires)
	for i := range d.Producers {
		p := &d.Producers[i]
		if !hasText(p.ID) {
			continue
		}
		dst = append(dst, "<producer"...)
		dst = appendAttr(dst, ` id="`, p.ID)
		dst = appendAttr(dst, ` name="`, firstText(p.Name, p.ID))
		dst = append(dst, "/>\n"...)
	}
	return append(dst, "</producers>\n"...)
}

// AppendUnits writes units.xml (IOF 7.4). The name attribute is spelled as
// products spell it, which is a name without blanks; the name children carry
// the full text.
func (w *Writer) AppendUnits(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	dst = w.appendDictionary(dst, "units", generated, expires)
	for i := range d.Units {
		u := &d.Units[i]
		dst = append(dst, "<unit"...)
		dst = appendAttr(dst, ` id="`, u.ID)
		if _, name, ok := w.lang.pick(u.Names); ok {
			start := len(dst)
			dst = append(dst, ` name="`...)
			before := len(dst)
			dst = appendUnitName(dst, name)
			if len(dst) == before {
				dst = dst[:start]
			} else {
				dst = append(dst, '"')
			}
		}
		dst = append(dst, ` precision="`...)
		dst = feed.AppendInt(dst, int64(min(u.Precision, 3)))
		dst = append(dst, '"')
		dst = w.appendContent(dst, "unit", u.Names)
	}
	return append(dst, "</units>\n"...)
}

// AppendParameters writes parameters.xml (IOF 7.8): three flat lists, an empty
// one left out. An entry without id is left out; one without names is named by
// its id, because the schema wants a name.
func (w *Writer) AppendParameters(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	dst = w.appendDictionary(dst, "parameters", generated, expires)
	dst = w.appendEntries(dst, "sections", "section", d.Sections)
	dst = w.appendEntries(dst, "parameters", "parameter", d.Parameters)
	dst = w.appendEntries(dst, "values", "value", d.Values)
	return append(dst, "</parameters>\n"...)
}

func (w *Writer) appendEntries(dst []byte, wrapper, tag string, list []feed.ParameterEntry) []byte {
	start := len(dst)
	dst = append(append(append(dst, '<'), wrapper...), ">\n"...)
	before := len(dst)
	for i := range list {
		e := &list[i]
		if !hasText(e.ID) {
			continue
		}
		_, name, ok := w.lang.pick(e.Names)
		if !ok {
			name = e.ID
		}
		dst = append(append(dst, '<'), tag...)
		dst = appendAttr(dst, ` id="`, e.ID)
		dst = appendAttr(dst, ` name="`, name)
		dst = append(dst, '>')
		if ok {
			dst = w.appendTexts(dst, "name", e.Names)
		} else {
			dst = w.appendTextNode(dst, "name", w.lang.untagged, name)
		}
		dst = w.appendTexts(dst, "description", e.Descriptions)
		dst = w.appendEntryIcons(dst, e)
		dst = append(append(append(dst, "</"...), tag...), ">\n"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(append(append(dst, "</"...), wrapper...), ">\n"...)
}

// appendEntryIcons writes pictures of a parameter. The schema wants a language
// on those of the list, so there the language of the file stands in.
func (w *Writer) appendEntryIcons(dst []byte, e *feed.ParameterEntry) []byte {
	start := len(dst)
	dst = append(dst, "<icons>"...)
	before := len(dst)
	for c := (cursor{}); ; {
		lang, url, ok := w.lang.next(e.CardIcons, &c)
		if !ok {
			break
		}
		dst = appendLang(append(dst, "<card"...), lang)
		dst = append(appendAttr(dst, ` url="`, url), "/>"...)
	}
	for c := (cursor{}); ; {
		lang, url, ok := w.lang.next(e.ListIcons, &c)
		if !ok {
			break
		}
		dst = append(dst, "<list"...)
		if lang.IsZero() {
			dst = appendAttr(dst, ` xml:lang="`, w.lang.main())
		} else {
			dst = appendLang(dst, lang)
		}
		dst = append(appendAttr(dst, ` url="`, url), "/>"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</icons>"...)
}

// AppendStocks writes stocks.xml (IOF 7.6). A warehouse without a name is
// named by its id.
func (w *Writer) AppendStocks(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	dst = w.appendDictionary(dst, "stocks", generated, expires)
	for i := range d.Warehouses {
		s := &d.Warehouses[i]
		dst = append(dst, `<stock id="`...)
		dst = feed.AppendInt(dst, int64(s.ID))
		dst = append(dst, `" name="`...)
		if _, name, ok := w.lang.pick(s.Names); ok {
			dst = appendEscaped(dst, name)
		} else {
			dst = feed.AppendInt(dst, int64(s.ID))
		}
		dst = append(dst, '"')
		dst = w.appendContent(dst, "stock", s.Names)
	}
	return append(dst, "</stocks>\n"...)
}

// AppendSeries writes series.xml (IOF 7.5). Ids are fitted to the token that
// the schema wants, as products spell them.
func (w *Writer) AppendSeries(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	nodes := make([]treeNode, len(d.Series))
	for i := range d.Series {
		s := &d.Series[i]
		nodes[i] = treeNode{id: s.ID, parent: s.Parent, names: s.Names}
	}
	dst = w.appendDictionary(dst, "series", generated, expires)
	dst = w.appendTree(dst, "series", nodes, appendNMToken)
	return append(dst, "</series>\n"...)
}

// AppendWarranties writes warranties.xml (IOF 7.7). Terms need kind and
// period alike; for a kind of none the period is 0, else terms of which one is
// not known are left out.
func (w *Writer) AppendWarranties(dst []byte, d *feed.Dictionaries, generated, expires time.Time) []byte {
	dst = w.appendDictionary(dst, "warranties", generated, expires)
	for i := range d.Warranties {
		g := &d.Warranties[i]
		dst = append(dst, "<warranty"...)
		dst = appendAttr(dst, ` id="`, g.ID)
		_, name, ok := w.lang.pick(g.Names)
		if !ok {
			name = g.ID
		}
		dst = appendAttr(dst, ` name="`, name)
		open := len(dst)
		dst = append(dst, '>')
		before := len(dst)
		months := g.Months
		if _, ok := months.Get(); !ok && g.Kind == feed.WarrantyNone {
			months = feed.IntOf(0)
		}
		if n, ok := months.Get(); ok && g.Kind != feed.WarrantyUnset {
			dst = append(append(append(dst, `<terms type="`...), g.Kind.String()...), `" period_number="`...)
			dst = feed.AppendInt(dst, int64(n))
			dst = append(dst, `" period_unit="month"/>`...)
		}
		dst = w.appendTexts(dst, "name", g.Names)
		dst = w.appendTexts(dst, "description", g.Descriptions)
		if len(dst) == before {
			dst = append(dst[:open], "/>\n"...)
		} else {
			dst = append(dst, "</warranty>\n"...)
		}
	}
	return append(dst, "</warranties>\n"...)
}

// appendDictionary writes the start of a dictionary (IOF 7).
func (w *Writer) appendDictionary(dst []byte, tag string, generated, expires time.Time) []byte {
	dst = w.appendRoot(dst, tag)
	dst = appendAttr(dst, ` generated_by="`, w.by)
	dst = append(dst, ` language="`...)
	dst = append(dst, w.lang.main()...)
	dst = append(dst, '"')
	dst = appendTimeAttr(dst, ` generated="`, generated)
	dst = appendTimeAttr(dst, ` expires="`, expires)
	return append(dst, ">\n"...)
}

// appendContent ends the start tag of an entry that holds names alone, and
// the entry.
func (w *Writer) appendContent(dst []byte, tag string, names feed.Texts) []byte {
	open := len(dst)
	dst = append(dst, '>')
	dst = w.appendTexts(dst, "name", names)
	if len(dst) == open+1 {
		return append(dst[:open], "/>\n"...)
	}
	return append(append(append(dst, "</"...), tag...), ">\n"...)
}

// treeNode is an entry of a tree; a child stands behind its parent.
type treeNode struct {
	id, parent string
	names      feed.Texts

	above, first, next, depth int
}

// appendTree writes nested entries, each with its names first (IOF 7.1). It
// does not recurse. An entry whose parent does not stand before it is a root.
func (w *Writer) appendTree(dst []byte, tag string, nodes []treeNode, appendID func([]byte, string) []byte) []byte {
	at := make(map[string]int, len(nodes))
	for i := range nodes {
		at[nodes[i].id] = i
	}
	for i := range nodes {
		n := &nodes[i]
		n.above, n.first, n.next, n.depth = -1, -1, -1, 1
		if p, ok := at[n.parent]; ok && n.parent != "" && p < i {
			if nodes[p].depth >= maxTreeDepth {
				p = nodes[p].above
			}
			n.above, n.depth = p, nodes[p].depth+1
		}
	}
	root := -1
	for i := len(nodes) - 1; i >= 0; i-- {
		first := &root
		if a := nodes[i].above; a >= 0 {
			first = &nodes[a].first
		}
		nodes[i].next, *first = *first, i
	}
	for i := root; i >= 0; {
		n := &nodes[i]
		dst = append(append(dst, '<'), tag...)
		if hasToken(n.id) {
			dst = append(dst, ` id="`...)
			dst = append(appendID(dst, n.id), '"')
		}
		_, name, ok := w.lang.pick(n.names)
		if !ok {
			name = n.id
		}
		dst = appendAttr(dst, ` name="`, name)
		if n.first < 0 {
			dst = w.appendContent(dst, tag, n.names)
		} else {
			dst = append(dst, '>')
			dst = w.appendTexts(dst, "name", n.names)
			dst = append(dst, '\n')
		}
		if n.first >= 0 {
			i = n.first
			continue
		}
		for n.next < 0 && n.above >= 0 {
			n = &nodes[n.above]
			dst = append(append(append(dst, "</"...), tag...), ">\n"...)
		}
		i = n.next
	}
	return dst
}
