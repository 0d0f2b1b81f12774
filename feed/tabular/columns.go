package tabular

import (
	"strconv"

	"feedmill/feed"
)

// fullColumns lists the columns of full.csv; a name that ends in [] stands for
// one column a language.
func fullColumns(d *feed.Dialect) []column {
	list := []column{
		one("@id", func(_ *Writer, dst []byte, it *feed.Item) []byte {
			return strconv.AppendInt(dst, int64(it.Product.ID), 10)
		}),
		one("@type", func(_ *Writer, dst []byte, it *feed.Item) []byte { return append(dst, it.Product.Type.String()...) }),
		one("@vat", func(_ *Writer, dst []byte, it *feed.Item) []byte { return it.Product.VAT.Append(dst) }),
		str("@code_on_card", func(p *feed.Product) string { return p.DisplayCode }),
		one("@producer_code_standard", func(w *Writer, dst []byte, it *feed.Item) []byte {
			return append(dst, w.standard(it.Product.CodeStandard).String()...)
		}),
		one("@currency", func(_ *Writer, dst []byte, it *feed.Item) []byte { return append(dst, it.Currency.String()...) }),
		one("@site", func(w *Writer, dst []byte, it *feed.Item) []byte {
			if _, ok := w.site.Get(); ok {
				return appendInt(dst, w.site)
			}
			return appendInt(dst, it.Product.Site)
		}),
		str("/producer@id", func(p *feed.Product) string { return p.Producer.ID }),
		one("/producer@name", func(w *Writer, dst []byte, it *feed.Item) []byte {
			return appendText(dst, w.producerName(it.Product.Producer))
		}),
		str("/category@id", func(p *feed.Product) string { return p.Category.ID }),
		text("/category@name[]", func(w *Writer, p *feed.Product) feed.Texts { return w.categoryNames(p.Category) }),
		str("/category_idosell@id", func(p *feed.Product) string { return p.Taxonomy.ID }),
		text("/category_idosell@path[]", func(_ *Writer, p *feed.Product) feed.Texts { return p.Taxonomy.Names }),
		str("/unit@id", func(p *feed.Product) string { return p.Unit.ID }),
		text("/unit@name[]", func(w *Writer, p *feed.Product) feed.Texts { return w.unitNames(p.Unit) }),
		str("/series@id", func(p *feed.Product) string { return p.Series.ID }),
		text("/series@name[]", func(w *Writer, p *feed.Product) feed.Texts { return w.seriesNames(p.Series) }),
		str("/warranty@id", func(p *feed.Product) string { return p.Warranty.ID }),
		one("/warranty@type", func(w *Writer, dst []byte, it *feed.Item) []byte {
			kind, _, _ := w.warranty(&it.Product.Warranty)
			return append(dst, kind.String()...)
		}),
		one("/warranty@period", func(w *Writer, dst []byte, it *feed.Item) []byte {
			_, months, _ := w.warranty(&it.Product.Warranty)
			return appendInt(dst, months)
		}),
		text("/warranty@name[]", func(w *Writer, p *feed.Product) feed.Texts {
			_, _, names := w.warranty(&p.Warranty)
			return names
		}),
		str("/card@url", func(p *feed.Product) string { return p.URL }),
		str("/card@url_mobile", func(p *feed.Product) string { return p.MobileURL }),
		text("/description/name[]", func(_ *Writer, p *feed.Product) feed.Texts { return p.Names }),
		one("/description/version@name", func(w *Writer, dst []byte, it *feed.Item) []byte {
			if name := w.text(it.Product.Version.Names, 0); name != "" {
				return appendText(dst, name)
			}
			return appendText(dst, it.Product.Version.Name)
		}),
		text("/description/version/name[]", func(_ *Writer, p *feed.Product) feed.Texts { return p.Version.Names }),
		text("/description/short_desc[]", func(_ *Writer, p *feed.Product) feed.Texts { return p.ShortDescs }),
		text("/description/long_desc[]", func(_ *Writer, p *feed.Product) feed.Texts { return p.LongDescs }),
	}
	list = append(list, prices("", nil, fullPoints, noPoints)...)
	list = append(list,
		promotion("/promotion@name", func(m *feed.Promotion) string { return m.Name }),
		promotion("/promotion@start_date", func(m *feed.Promotion) string { return m.Start }),
		promotion("/promotion@ending_date", func(m *feed.Promotion) string { return m.End }),
		one("/promotion/price@gross", func(_ *Writer, dst []byte, it *feed.Item) []byte {
			return appendGross(dst, promotionPrice(it), it.Currency, false)
		}),
		one("/promotion/price@net", func(_ *Writer, dst []byte, it *feed.Item) []byte {
			return appendNet(dst, promotionPrice(it), it.Currency, false)
		}),
		str("/sizes@group_id", func(p *feed.Product) string { return p.SizeGroup.ID }),
		str("/sizes@group_name", func(p *feed.Product) string { return p.SizeGroup.Name }),
		size("/sizes/size@id", (*Writer).appendSizeID),
		size("/sizes/size@name", func(_ *Writer, dst []byte, it *feed.Item, i int) []byte {
			return appendText(dst, it.Product.Sizes[i].Name)
		}),
		size("/sizes/size@panel_name", func(_ *Writer, dst []byte, it *feed.Item, i int) []byte {
			return appendText(dst, it.Product.Sizes[i].PanelName)
		}),
	)
	list = append(list, codes()...)
	list = append(list,
		size("/sizes/size@weight", func(_ *Writer, dst []byte, it *feed.Item, i int) []byte {
			return appendWeight(dst, it.Product.Sizes[i].Weight)
		}),
		size("/sizes/size@weight_net", func(_ *Writer, dst []byte, it *feed.Item, i int) []byte {
			return appendWeight(dst, it.Product.Sizes[i].WeightNet)
		}),
	)
	list = append(list, prices("/sizes/size", sizes, noPoints, fullSizePoints)...)
	if !d.FullWithoutStock {
		list = append(list, stocks()...)
	}
	list = append(list, pictureColumns()...)
	list = append(list, groupColumns()...)
	list = append(list, parameterColumns()...)
	if !d.NoBundles {
		list = append(list, bundledColumns()...)
	}
	return append(list, responsibleColumns()...)
}

// lightColumns lists the columns of light.csv.
func lightColumns() []column {
	list := []column{
		one("@id", func(_ *Writer, dst []byte, it *feed.Item) []byte {
			return strconv.AppendInt(dst, int64(it.Product.ID), 10)
		}),
		one("@vat", func(_ *Writer, dst []byte, it *feed.Item) []byte { return it.Product.VAT.Append(dst) }),
		one("@currency", func(_ *Writer, dst []byte, it *feed.Item) []byte { return append(dst, it.Currency.String()...) }),
	}
	list = append(list, prices("", nil, lightPoints, noPoints)...)
	list = append(list, size("/sizes/size@id", (*Writer).appendSizeID))
	list = append(list, codes()...)
	list = append(list, prices("/sizes/size", sizes, noPoints, lightSizePoints)...)
	return append(list, stocks()...)
}

// one makes a column with one value a product.
func one(name string, write func(w *Writer, dst []byte, it *feed.Item) []byte) column {
	return column{name: name, write: func(w *Writer, dst []byte, it *feed.Item, _, _ int) []byte { return write(w, dst, it) }}
}

// str makes a column of a plain string.
func str(name string, get func(p *feed.Product) string) column {
	return column{name: name, write: func(_ *Writer, dst []byte, it *feed.Item, _, _ int) []byte {
		return appendText(dst, get(it.Product))
	}}
}

// text makes the columns of a text.
func text(name string, get func(w *Writer, p *feed.Product) feed.Texts) column {
	return column{name: name, write: func(w *Writer, dst []byte, it *feed.Item, _, lang int) []byte {
		return appendText(dst, w.text(get(w, it.Product), lang))
	}}
}

// size makes a column with a line for each size.
func size(name string, write func(w *Writer, dst []byte, it *feed.Item, i int) []byte) column {
	return column{name: name, lines: sizes, write: func(w *Writer, dst []byte, it *feed.Item, i, _ int) []byte { return write(w, dst, it, i) }}
}

func sizes(_ *Writer, it *feed.Item) int { return len(it.Product.Sizes) }

func promotion(name string, get func(m *feed.Promotion) string) column {
	return one(name, func(_ *Writer, dst []byte, it *feed.Item) []byte {
		if promotionPrice(it).IsZero() {
			return dst
		}
		return appendText(dst, get(it.Product.Promotion))
	})
}

// promotionPrice gives the promotional price, zero for no promotion.
func promotionPrice(it *feed.Item) feed.Price {
	if it.Product.Promotion == nil {
		return feed.Price{}
	}
	return it.Promotion.Price
}

// The four sets of price points.
func noPoints(*feed.Item, int) *feed.PricePoints         { return nil }
func fullPoints(it *feed.Item, _ int) *feed.PricePoints  { return &it.Full }
func lightPoints(it *feed.Item, _ int) *feed.PricePoints { return &it.Light }

func fullSizePoints(it *feed.Item, i int) *feed.PricePoints {
	if i >= len(it.Sizes) {
		return nil
	}
	return &it.Sizes[i].Full
}

func lightSizePoints(it *feed.Item, i int) *feed.PricePoints {
	if i >= len(it.Sizes) {
		return nil
	}
	return &it.Sizes[i].Light
}

// prices makes the columns of the price points of a product or its sizes.
func prices(prefix string, lines func(*Writer, *feed.Item) int, product, size func(it *feed.Item, i int) *feed.PricePoints) []column {
	points := product
	if lines != nil {
		points = size
	}
	var list []column
	for _, p := range []struct {
		name   string
		always bool
		of     func(pp *feed.PricePoints) feed.Price
	}{
		{"price", true, func(pp *feed.PricePoints) feed.Price { return pp.Price }},
		{"srp", false, func(pp *feed.PricePoints) feed.Price { return pp.SRP }},
		{"strikethrough_retail_price", false, func(pp *feed.PricePoints) feed.Price { return pp.StrikethroughRetail }},
		{"strikethrough_wholesale_price", false, func(pp *feed.PricePoints) feed.Price { return pp.StrikethroughWholesale }},
	} {
		get := func(it *feed.Item, i int) feed.Price {
			if pp := points(it, i); pp != nil {
				return p.of(pp)
			}
			return feed.Price{}
		}
		list = append(list,
			column{name: prefix + "/" + p.name + "@gross", lines: lines, write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
				return appendGross(dst, get(it, i), it.Currency, p.always)
			}},
			column{name: prefix + "/" + p.name + "@net", lines: lines, write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
				return appendNet(dst, get(it, i), it.Currency, p.always)
			}})
	}
	return list
}

func appendGross(dst []byte, p feed.Price, c feed.Currency, always bool) []byte {
	if p.IsZero() && !always {
		return dst
	}
	return p.Gross.Append(dst, c)
}

func appendNet(dst []byte, p feed.Price, c feed.Currency, always bool) []byte {
	if p.IsZero() && !always {
		return dst
	}
	return p.Net.Append(dst, c)
}

// codes makes the columns of the codes of each size.
func codes() []column {
	return []column{
		size("/sizes/size@code", func(_ *Writer, dst []byte, it *feed.Item, i int) []byte {
			return appendText(dst, it.Product.Sizes[i].Code)
		}),
		size("/sizes/size@code_producer", func(w *Writer, dst []byte, it *feed.Item, i int) []byte {
			if w.dialect.SwapCodes {
				return appendText(dst, it.Product.Sizes[i].ExternalCode)
			}
			return appendProducerCode(dst, it.Product, i)
		}),
		size("/sizes/size@code_external", func(w *Writer, dst []byte, it *feed.Item, i int) []byte {
			if w.dialect.SwapCodes {
				return appendProducerCode(dst, it.Product, i)
			}
			return appendText(dst, it.Product.Sizes[i].ExternalCode)
		}),
	}
}

// stocks makes the columns of the stock: a line for each warehouse of each
// size, the size's id beside it because a size may have several.
func stocks() []column {
	return []column{
		{name: "/sizes/size/stock@size_id", lines: stockLines, write: func(w *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
			at, _ := stockAt(it, i)
			return w.appendSizeID(dst, it, at)
		}},
		{name: "/sizes/size/stock@stock_id", lines: stockLines, write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
			if _, s := stockAt(it, i); s != nil {
				return strconv.AppendInt(dst, int64(s.Warehouse), 10)
			}
			return append(dst, '1')
		}},
		{name: "/sizes/size/stock@quantity", lines: stockLines, write: func(w *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
			if _, s := stockAt(it, i); s != nil {
				return s.Quantity.Append(dst, w.precision(it.Product.Unit.ID))
			}
			return feed.Pieces(0).Append(dst, w.precision(it.Product.Unit.ID))
		}},
	}
}

// stockLines counts the lines of stock; a size without any has one, of 0.
func stockLines(_ *Writer, it *feed.Item) int {
	n := 0
	for i := range it.Product.Sizes {
		n += max(stockCount(it, i), 1)
	}
	return n
}

func stockCount(it *feed.Item, size int) int {
	if size >= len(it.Sizes) {
		return 0
	}
	return len(it.Sizes[size].Stock)
}

// stockAt gives the size and the stock of a line, nil where the size has none.
func stockAt(it *feed.Item, line int) (size int, s *feed.Stock) {
	for size = range it.Product.Sizes {
		n := stockCount(it, size)
		if line < max(n, 1) {
			if n == 0 {
				return size, nil
			}
			return size, &it.Sizes[size].Stock[line]
		}
		line -= max(n, 1)
	}
	return size, nil
}

func appendInt(dst []byte, n feed.Int) []byte {
	v, ok := n.Get()
	if !ok {
		return dst
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

func appendWeight(dst []byte, g feed.Weight) []byte {
	if !g.Known() {
		return dst
	}
	return g.Append(dst)
}
