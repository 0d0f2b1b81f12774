package iof

import (
	"feedmill/feed"
)

// oneSizeName names the one size, and its group, where the catalog does not.
const (
	oneSizeName  = "one size"
	oneSizeGroup = "One size"
)

// appendSizes writes the sellable items (IOF 4.7, 5) behind the prices of the
// product, which are mostly those of its sizes too and then copied. The schemas
// want at least one size, so a product without any has no sizes node.
func (w *Writer) appendSizes(dst []byte, it *feed.Item, prices pricesAt, full bool, t *Texts) []byte {
	p := it.Product
	if len(p.Sizes) == 0 {
		return dst
	}
	dst = append(dst, "<sizes"...)
	if full {
		name := p.SizeGroup.Name
		if p.SizeGroup.ID == feed.OneSizeGroup && !hasText(name) {
			name = oneSizeGroup
		}
		dst = appendAttr(dst, ` iaiext:group_name="`, name)
		dst = appendAttr(dst, ` iaiext:group_id="`, p.SizeGroup.ID)
		dst = appendAttr(dst, ` iaiext:sizeList="`, p.SizeList)
	}
	dst = append(dst, '>')
	places := w.precision(p.Unit.ID)
	one := p.SizeGroup.ID == feed.OneSizeGroup && len(p.Sizes) == 1
	var none feed.ItemSize
	for i := range p.Sizes {
		is := &none
		if i < len(it.Sizes) {
			is = &it.Sizes[i]
		}
		dst = w.appendSizeStart(dst, p, &p.Sizes[i], one)
		if full {
			dst = appendIntAttr(dst, ` iaiext:priority="`, p.Sizes[i].Priority)
			dst = append(dst, '>')
			if is.Full == it.Full {
				dst = append(dst, dst[prices.from:prices.to]...)
			} else {
				dst = appendPrices(dst, &is.Full, it.Currency)
			}
			if !w.dialect.FullWithoutStock {
				dst = appendStocks(dst, is.Stock, places, true, t)
			}
		} else {
			dst = append(dst, '>')
			if is.Light == it.Light {
				dst = append(dst, dst[prices.from:prices.to]...)
			} else {
				dst = appendPrices(dst, &is.Light, it.Currency)
			}
			dst = appendStocks(dst, is.Stock, places, false, nil)
		}
		dst = append(dst, "</size>"...)
	}
	return append(dst, "</sizes>"...)
}

// precision gives the decimals of quantities in a unit (IOF 7.4).
func (w *Writer) precision(unit string) int {
	if w.x != nil {
		if u, ok := w.x.Unit(unit); ok {
			return int(min(u.Precision, 3))
		}
	}
	return 0
}

// appendSizeStart writes the attributes that full and light share.
func (w *Writer) appendSizeStart(dst []byte, p *feed.Product, s *feed.Size, one bool) []byte {
	id := s.ID
	if one || !hasText(id) {
		id = w.dialect.OneSizeID()
	}
	dst = append(dst, `<size id="`...)
	start := len(dst)
	dst = appendEscaped(dst, id)
	end := len(dst)
	name, panel := s.Name, s.PanelName
	if !hasText(name) {
		name = panel
		if !hasText(name) {
			name = id
			if one {
				name = oneSizeName
			}
		}
	}
	if !hasText(panel) {
		panel = name
	}
	// Mostly all three are the same.
	dst = append(dst, `" name="`...)
	if name == id {
		dst = appendAgain(dst, start, end)
	} else {
		start = len(dst)
		dst = appendEscaped(dst, name)
		end = len(dst)
	}
	dst = append(dst, `" panel_name="`...)
	if panel == name {
		dst = appendAgain(dst, start, end)
	} else {
		dst = appendEscaped(dst, panel)
	}
	dst = append(dst, '"')
	dst = appendCode(dst, s.Code)
	dst = w.appendCodes(dst, p.CodeStandard, s.ProducerCode, s.ExternalCode)
	dst = append(dst, ` weight="`...)
	dst = s.Weight.Append(dst)
	dst = append(dst, '"')
	dst = appendWeight(dst, ` iaiext:weight_net="`, s.WeightNet)
	dst = appendWeight(dst, ` iaiext:min_weight="`, s.WeightMin)
	return appendWeight(dst, ` iaiext:max_weight="`, s.WeightMax)
}

// appendAgain writes what stands between two places once more, and where it is
// short what happens to stand behind it too, as markedPieces.known does.
func appendAgain(dst []byte, from, to int) []byte {
	const short = 16
	n := len(dst)
	if to-from > short || cap(dst)-n < short {
		return append(dst, dst[from:to]...)
	}
	room := dst[:n+short]
	*(*[short]byte)(room[n:]) = [short]byte(room[from : from+short])
	return room[:n+to-from]
}

// appendCode writes size@code, which the schemas type as a token: importers of
// products guarantee that, and what is none all the same gets underscores.
func appendCode(dst []byte, code string) []byte {
	start := len(dst)
	dst = append(dst, ` code="`...)
	before := len(dst)
	dst = appendNMToken(dst, code)
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, '"')
}

// appendCodes writes the producer's code and the external one, each in the
// place that the dialect has for it (CONSUMERS 10).
func (w *Writer) appendCodes(dst []byte, std feed.CodeStandard, producer, external string) []byte {
	first, second := ` code_producer="`, ` iaiext:code_external="`
	if w.dialect.SwapCodes {
		first, second = second, first
	}
	if hasText(producer) {
		dst = append(dst, first...)
		dst = appendProducerCode(dst, std, producer)
		dst = append(dst, '"')
	}
	return appendAttr(dst, second, external)
}

// appendWeight writes whole grams; a weight that is not known is left out.
func appendWeight(dst []byte, name string, g feed.Weight) []byte {
	if !g.Known() {
		return dst
	}
	return appendKnownWeight(dst, name, g)
}

func appendKnownWeight(dst []byte, name string, g feed.Weight) []byte {
	dst = append(dst, name...)
	dst = g.Append(dst)
	return append(dst, '"')
}

// appendStocks writes what the warehouses hold (IOF 4.8): in full with the
// free and the physical stock, which are the offered one where not known.
// Where there is no warehouse at all the main one holds nothing, because
// importers take a size without stock for many things (CONSUMERS 14).
func appendStocks(dst []byte, stock []feed.Stock, places int, full bool, t *Texts) []byte {
	nothing := [1]feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(0)}}
	if len(stock) == 0 {
		stock = nothing[:]
	}
	for i := range stock {
		if s := &stock[i]; t != nil && places == 0 {
			dst = t.pieces.stock(dst, s)
		} else {
			dst = appendStock(dst, s, places, full)
		}
	}
	return dst
}

func appendStock(dst []byte, s *feed.Stock, places int, full bool) []byte {
	dst = append(dst, `<stock id="`...)
	dst = feed.AppendInt(dst, int64(s.Warehouse))
	dst = append(dst, `" quantity="`...)
	dst = appendQuantity(dst, s.Quantity, places)
	if !full {
		return append(dst, `"/>`...)
	}
	dst = append(dst, `" available_stock_quantity="`...)
	dst = appendQuantity(dst, known(s.Available, s.Quantity), places)
	dst = append(dst, `" stock_quantity="`...)
	dst = appendQuantity(dst, known(s.Physical, s.Quantity), places)
	dst = append(dst, '"')
	dst = appendAttr(dst, ` location_id="`, s.LocationID)
	dst = appendAttr(dst, ` location_text_id="`, s.Location)
	return append(dst, "/>"...)
}

func known(q, otherwise feed.Quantity) feed.Quantity {
	if q.Known() {
		return q
	}
	return otherwise
}

// appendProductParameters writes sections and parameters in display order
// (IOF 4.12), sections as parameter type="section", which more importers know
// than the section element. What has no id or name is left out; a context
// outside the closed lists is too.
func (w *Writer) appendProductParameters(dst []byte, list []feed.Parameter, t *Texts) []byte {
	var parts *markedParts
	if t != nil {
		if t.pieces.marked == nil {
			t.pieces.marked = new(markedParts)
		}
		parts = t.pieces.marked
	}
	start := len(dst)
	dst = append(dst, "<parameters>"...)
	before := len(dst)
	for i := range list {
		m := &list[i]
		bare, fine := len(dst), false
		if parts != nil && m.Mark != nil {
			dst, fine = parts.parameters.known(dst, m.Mark)
		}
		if !fine {
			dst = w.parameterStart(dst, m, t)
		}
		inside := len(dst)
		if inside == bare || m.Section {
			continue
		}
		for j := range m.Values {
			v := &m.Values[j]
			fine := false
			if parts != nil && v.Mark != nil {
				dst, fine = parts.values.known(dst, v.Mark)
			}
			if !fine {
				dst = w.value(dst, v, t)
			}
		}
		if len(dst) == inside {
			dst = append(dst[:inside-1], "/>"...)
			continue
		}
		dst = append(dst, "</parameter>"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</parameters>"...)
}

// appendParameterStart writes the tag of a parameter, which is all there is of a
// section, and nothing for one that is left out.
func (w *Writer) appendParameterStart(dst []byte, m *feed.Parameter) []byte {
	lang, name, ok := w.lang.pick(w.parameterNames(m))
	if !ok || !hasText(m.ID) {
		return dst
	}
	if m.Section {
		dst = append(dst, `<parameter type="section" id="`...)
	} else {
		dst = append(dst, `<parameter type="parameter" id="`...)
	}
	dst = appendEscaped(dst, m.ID)
	dst = append(dst, '"')
	dst = appendLang(dst, lang)
	dst = append(dst, ` name="`...)
	dst = appendEscaped(dst, name)
	dst = append(dst, '"')
	dst = appendIntAttr(dst, ` priority="`, m.Priority)
	dst = appendFlag(dst, ` distinction="`, m.Distinction)
	dst = appendFlag(dst, ` group_distinction="`, m.GroupDistinction)
	dst = appendFlag(dst, ` hide="`, m.Hide)
	dst = appendFlag(dst, ` auction_template_hide="`, m.AuctionHide)
	if m.Context != "" && feed.IsParameterContext(m.Context) {
		dst = appendAttr(dst, ` context_id="`, m.Context)
	}
	if m.Section {
		dst = append(dst, '/')
	}
	return append(dst, '>')
}

func (w *Writer) parameterNames(m *feed.Parameter) feed.Texts {
	if w.x == nil {
		return m.Names
	}
	var e *feed.ParameterEntry
	var ok bool
	if m.Section {
		e, ok = w.x.Section(m.ID)
	} else {
		e, ok = w.x.Parameter(m.ID)
	}
	if !ok {
		return m.Names
	}
	return preferred(e.Names, m.Names)
}

func (w *Writer) appendValue(dst []byte, v *feed.ParameterValue) []byte {
	names := v.Names
	if w.x != nil {
		if e, ok := w.x.Value(v.ID); ok {
			names = preferred(e.Names, names)
		}
	}
	lang, name, ok := w.lang.pick(names)
	if !ok || !hasText(v.ID) {
		return dst
	}
	dst = append(dst, `<value id="`...)
	dst = appendEscaped(dst, v.ID)
	dst = append(dst, '"')
	dst = appendLang(dst, lang)
	dst = append(dst, ` name="`...)
	dst = appendEscaped(dst, name)
	dst = append(dst, '"')
	dst = appendIntAttr(dst, ` priority="`, v.Priority)
	if v.Context != "" && feed.IsValueContext(v.Context) {
		dst = appendAttr(dst, ` context_id="`, v.Context)
	}
	return append(dst, "/>"...)
}

// appendFlag writes y or n, and nothing where nothing was said: readers take a
// switch that is not there for n.
func appendFlag(dst []byte, name string, f feed.Flag) []byte {
	switch f {
	case feed.FlagYes:
		dst = append(dst, name...)
		return append(dst, `y"`...)
	case feed.FlagNo:
		dst = append(dst, name...)
		return append(dst, `n"`...)
	}
	return dst
}
