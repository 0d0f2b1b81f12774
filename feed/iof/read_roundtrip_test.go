package iof_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/iof"
	"feedmill/feed/pricing"

	"pgregory.net/rapid"
)

// written are the settings under which a file says as much of a product as a
// file can: every extension, each warehouse, wholesale figures.
func written(escaped bool) *feed.Profile {
	return &feed.Profile{
		Base:    feed.BaseWholesale,
		Stock:   feed.StockPolicy{PerWarehouse: true, Unlimited: feed.Unlimited()},
		Dialect: feed.Dialect{AllExtensions: true, EscapedText: escaped},
	}
}

// distinct takes what one id can stand for once only out of a product that is
// to come back as it was.
func distinct(p *feed.Product) {
	seen := map[string]bool{}
	p.Parameters = slices.DeleteFunc(p.Parameters, func(m feed.Parameter) bool {
		again := seen[m.ID]
		seen[m.ID] = true
		return again
	})
	for i := range p.Unit.Names {
		p.Unit.Names[i].Value = "szt." // the writer fits it to a name of XML
	}
	switch p.CodeStandard {
	case feed.StandardAuto, feed.StandardMPN, feed.StandardOther, feed.StandardUPCE:
	default:
		p.CodeStandard = feed.StandardOther // the writer normalises codes of digits
	}
}

// expected gives what a reader of the written file can know of p.
func expected(p *feed.Product, item *feed.Item, escaped bool) *feed.Product {
	q := *p
	q.Tags = nil
	first := func(ts feed.Texts) feed.Texts { return slices.Clone(ts[:min(len(ts), 1)]) }
	section := func(ts feed.Texts) feed.Texts {
		ts = slices.Clone(ts)
		for i := range ts {
			if !escaped {
				ts[i].Value = strings.ReplaceAll(ts[i].Value, "]]>", "]]&gt;")
			}
		}
		return ts
	}
	q.Category.Names, q.Taxonomy.Names, q.Series.Names, q.Warranty.Names = first(q.Category.Names), first(q.Taxonomy.Names), first(q.Series.Names), first(q.Warranty.Names)
	q.Unit.Names = first(q.Unit.Names)
	if q.URL == "" {
		q.MobileURL = ""
	}
	q.Names, q.ShortDescs, q.LongDescs = section(q.Names), section(q.ShortDescs), section(q.LongDescs)
	q.Version.Names = section(q.Version.Names)
	q.Meta = slices.Clone(q.Meta)
	order := []string{"auction_name", "auction_long_desc", "meta_title", "meta_description", "meta_keywords", "search_keywords"}
	slices.SortStableFunc(q.Meta, func(a, b feed.MetaText) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	for i := range q.Meta {
		q.Meta[i].Value = section(feed.Texts{{Value: q.Meta[i].Value}})[0].Value
	}
	q.Prices = prices(item.Full)
	if q.Promotion != nil {
		m := *q.Promotion
		m.Price, m.NormalRetail, m.NormalWholesale = item.Promotion.Price, item.Promotion.NormalRetail, item.Promotion.NormalWholesale
		q.Promotion = &m
	}
	q.Sizes = slices.Clone(q.Sizes)
	for i := range q.Sizes {
		s := &q.Sizes[i]
		s.Prices = prices(item.Sizes[i].Full)
		s.Stock = shownStock(item.Sizes[i].Stock)
		if s.PanelName == "" {
			s.PanelName = s.Name
		}
		if !s.Weight.Known() {
			s.Weight = feed.Grams(0)
		}
	}
	q.Images = slices.Clone(q.Images)
	for i := range q.Images {
		q.Images[i].Priority = feed.IntOf(q.Images[i].Priority.Or(int32(i) + 1))
	}
	slices.SortStableFunc(q.Images, func(a, b feed.Image) int { return cmp.Compare(a.Priority.Or(0), b.Priority.Or(0)) })
	for i := range q.Images {
		q.Images[i].Priority = feed.IntOf(int32(i) + 1)
	}
	q.Attachments = slices.Clone(q.Attachments)
	for i := range q.Attachments {
		q.Attachments[i].Names = section(q.Attachments[i].Names)
	}
	if q.Group != nil {
		g := *q.Group
		g.Parameter.Names, g.Value.Names = section(g.Parameter.Names), section(g.Value.Names)
		q.Group = &g
	}
	q.Parameters = slices.Clone(q.Parameters)
	for i := range q.Parameters {
		m := &q.Parameters[i]
		m.Names = first(m.Names)
		m.Values = slices.Clone(m.Values)
		for j := range m.Values {
			m.Values[j].Names = first(m.Values[j].Names)
		}
	}
	if q.Responsible != nil {
		r := *q.Responsible
		r.Persons = slices.Clone(r.Persons)
		each := func(c *feed.Contact) {
			for _, s := range []*string{&c.Name, &c.Street, &c.City} {
				*s = section(feed.Texts{{Value: *s}})[0].Value
			}
		}
		each(&r.Producer)
		for i := range r.Persons {
			each(&r.Persons[i])
		}
		q.Responsible = &r
	}
	return &q
}

// prices gives the prices that a file tells.
func prices(pp feed.PricePoints) feed.Prices {
	return feed.Prices{List: pp.Price, SRP: pp.SRP, StrikethroughRetail: pp.StrikethroughRetail, StrikethroughWholesale: pp.StrikethroughWholesale}
}

// shownStock cuts quantities to whole pieces, as they are written in a unit
// that nobody knows to be divisible.
func shownStock(list []feed.Stock) []feed.Stock {
	list = slices.Clone(list)
	for i := range list {
		for _, q := range []*feed.Quantity{&list[i].Quantity, &list[i].Available, &list[i].Physical} {
			if q.Known() && !q.Unlimited() {
				*q = feed.Pieces(q.Thousandths() / 1000)
			}
		}
	}
	return list
}

// TestWriteReadRoundTrip writes generated products and reads them again.
func TestWriteReadRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		escaped := rapid.Bool().Draw(t, "escaped")
		profile := written(escaped)
		profile.Dialect.DefaultNamespace = rapid.Bool().Draw(t, "default namespace")
		rules, err := pricing.Compile(profile, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := iof.NewWriter(profile, nil, iof.Options{})
		products := feedtest.Products(3).Draw(t, "products")
		doc := w.AppendFullHeader(nil, generated, expires, feed.Currency{})
		var want []*feed.Product
		for _, p := range products {
			distinct(p)
			item := new(feed.Item)
			if v := rules.Apply(item, p); !v.Included {
				continue // a price that does not fit
			}
			doc = w.AppendFull(doc, item)
			want = append(want, expected(p, item, escaped))
		}
		doc = w.AppendFullFooter(doc)
		i := 0
		r := iof.NewReader(strings.NewReader(string(doc)), iof.ReadOptions{Report: func(line int, product, field, message string, level iof.Level) {
			t.Fatalf("line %d, product %s, %s: %s\n%s", line, product, field, message, doc)
		}})
		for p, err := range r.Products(context.Background()) {
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			if i < len(want) {
				if d := feedtest.Diff(p, want[i]); d != "" {
					t.Fatalf("product %d%s\n%s", p.ID, d, doc)
				}
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d products, want %d", i, len(want))
		}
	})
}

// TestDictionaryRoundTrip writes generated dictionaries and reads them again.
func TestDictionaryRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := feedtest.Dictionaries().Draw(t, "dictionaries")
		w := iof.NewWriter(&feed.Profile{Dialect: feed.Dialect{EscapedText: true}}, nil, iof.Options{})
		var got feed.Dictionaries
		for kind, doc := range map[feed.Kind][]byte{
			feed.KindCategories: w.AppendCategories(nil, d, generated, expires),
			feed.KindSizes:      w.AppendSizes(nil, d, generated),
			feed.KindProducers:  w.AppendProducers(nil, d, generated, expires),
			feed.KindUnits:      w.AppendUnits(nil, d, generated, expires),
			feed.KindParameters: w.AppendParameters(nil, d, generated, expires),
			feed.KindStocks:     w.AppendStocks(nil, d, generated, expires),
			feed.KindSeries:     w.AppendSeries(nil, d, generated, expires),
			feed.KindWarranties: w.AppendWarranties(nil, d, generated, expires),
		} {
			if err := iof.ReadDictionary(strings.NewReader(string(doc)), kind, &got); err != nil {
				t.Fatalf("%v: %v\n%s", kind, err, doc)
			}
		}
		// The writer adds the group of products without sizes, lists trees depth
		// first, and gives a language to pictures in lists.
		got.SizeGroups = slices.DeleteFunc(got.SizeGroups, func(g feed.SizeGroup) bool { return g.ID == feed.OneSizeGroup })
		byID := func(a, b feed.Category) int { return strings.Compare(a.ID, b.ID) }
		slices.SortFunc(got.Categories, byID)
		slices.SortFunc(d.Categories, byID)
		bySeries := func(a, b feed.SeriesEntry) int { return strings.Compare(a.ID, b.ID) }
		slices.SortFunc(got.Series, bySeries)
		slices.SortFunc(d.Series, bySeries)
		if diff := feedtest.Diff(&got, d); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestLightOverFull writes full and light of generated products at two moments
// and checks that light, in any order, lays its prices and stock over full.
func TestLightOverFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		products := feedtest.Products(6).Draw(t, "products")
		currency := feedtest.Currency().Draw(t, "currency")
		profile := written(true)
		discount, err := feed.ParsePercent("10")
		if err != nil {
			t.Fatal(err)
		}
		profile.Discounts.Overall = discount
		rules, err := pricing.Compile(profile, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := iof.NewWriter(profile, nil, iof.Options{})
		var items []*feed.Item
		for _, p := range products {
			p.Currency = currency
			distinct(p)
			item := new(feed.Item)
			if rules.Apply(item, p).Included {
				items = append(items, item)
			}
		}
		full := w.AppendFullHeader(nil, generated, expires, currency)
		for _, item := range items {
			full = w.AppendFull(full, item)
		}
		full = w.AppendFullFooter(full)
		// Stock moves between full and light.
		for _, item := range items {
			for i := range item.Sizes {
				for j := range item.Sizes[i].Stock {
					item.Sizes[i].Stock[j].Quantity = feedtest.Quantity().Draw(t, "quantity")
				}
			}
		}
		shuffled := slices.Clone(items)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		missing := 0
		if len(shuffled) > 2 {
			missing = int(shuffled[0].Product.ID)
			shuffled = shuffled[1:]
		}
		text := w.AppendLightHeader(nil, generated, expires, currency)
		for _, item := range shuffled {
			text = w.AppendLight(text, item)
		}
		text = w.AppendLightFooter(text)
		l, err := iof.OpenLight(context.Background(), strings.NewReader(string(text)), dir, iof.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		if l.Len() != len(shuffled) || l.Header().Currency != currency {
			t.Fatalf("%d products in %v, want %d in %v", l.Len(), l.Header().Currency, len(shuffled), currency)
		}
		i := 0
		for p, err := range iof.NewReader(strings.NewReader(string(full)), iof.ReadOptions{}).Products(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			item := items[i]
			i++
			found, err := l.Apply(p)
			if err != nil {
				t.Fatal(err)
			}
			if found == (int(p.ID) == missing) {
				t.Fatalf("product %d: found %v, missing is %d", p.ID, found, missing)
			}
			if !found {
				continue
			}
			if d := feedtest.Diff(p.Prices, prices(item.Light)); d != "" {
				t.Fatalf("product %d%s", p.ID, d)
			}
			for j := range p.Sizes {
				if d := feedtest.Diff(p.Sizes[j].Prices, prices(item.Sizes[j].Light)); d != "" {
					t.Fatalf("product %d, size %d%s", p.ID, j, d)
				}
				for k, n := range shownStock(item.Sizes[j].Stock) {
					if got := p.Sizes[j].Stock[k]; got.Warehouse != n.Warehouse || got.Quantity != n.Quantity {
						t.Fatalf("product %d, size %d: stock %v, want %v", p.ID, j, got, n)
					}
				}
			}
		}
	})
}
