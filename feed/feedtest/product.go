package feedtest

import (
	"fmt"
	"slices"
	"strconv"

	"feedmill/feed"

	"pgregory.net/rapid"
)

// Product gives a valid product with anything that a product can have.
func Product() *rapid.Generator[*feed.Product] { return rapid.Custom(drawProduct) }

func drawProduct(t *rapid.T) *feed.Product {
	vat := VAT().Draw(t, "vat")
	p := &feed.Product{
		ID:           feed.ProductID(rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, feed.MaxProductID)).Draw(t, "id")),
		Type:         feed.ProductType(rapid.IntRange(0, int(feed.TypeService)).Draw(t, "type")),
		Site:         optional(t, small(1, 9), "site"),
		DisplayCode:  optional(t, Name(), "display code"),
		CodeStandard: feed.CodeStandard(rapid.IntRange(0, int(feed.StandardOther)).Draw(t, "standard")),
		VAT:          vat,
		Currency:     Currency().Draw(t, "currency"),
		Tags:         list(t, Name(), 3, "tags"),
		Producer:     optional(t, ref(), "producer"),
		Category:     optional(t, path("/"), "category"),
		Taxonomy:     optional(t, path(" > "), "taxonomy"),
		Unit:         optional(t, reference(), "unit"),
		Series:       optional(t, reference(), "series"),
		URL:          optional(t, url(), "url"),
		MobileURL:    optional(t, url(), "mobile url"),
		Names:        Texts(String()).Draw(t, "names"),
		ShortDescs:   optional(t, Texts(String()), "short"),
		LongDescs:    optional(t, Texts(String()), "long"),
		Prices:       prices(t, vat),
		SizeList:     optional(t, rapid.Just("full"), "size list"),
		Images:       list(t, image(), 3, "images"),
		Icon:         optional(t, thumbnail(), "icon"),
		AuctionIcon:  optional(t, thumbnail(), "auction icon"),
		GroupIcon:    optional(t, thumbnail(), "group icon"),
		Attachments:  list(t, attachment(), 2, "attachments"),
		Parameters:   list(t, parameter(), 3, "parameters"),
		Extensions:   list(t, extension(), 2, "extensions"),
	}
	if rapid.Bool().Draw(t, "warranty?") {
		p.Warranty = feed.WarrantyRef{ID: ID().Draw(t, "warranty id"), Kind: feed.WarrantyKind(rapid.IntRange(0, 3).Draw(t, "warranty kind")),
			Months: optional(t, small(0, 120), "months"), Names: Texts(Name()).Draw(t, "warranty names")}
	}
	if rapid.Bool().Draw(t, "version?") {
		names := Texts(Name()).Draw(t, "version names")
		p.Version = feed.Version{Name: names[0].Value, Names: names}
	}
	for _, name := range list(t, rapid.SampledFrom([]string{"auction_name", "auction_long_desc", "meta_title", "meta_description", "meta_keywords", "search_keywords"}), 3, "meta") {
		m := feed.MetaText{Name: name, Lang: Language().Draw(t, "meta language"), Value: String().Draw(t, "meta value")}
		if name == "search_keywords" {
			m.Site = optional(t, ID(), "meta site")
		}
		p.Meta = append(p.Meta, m)
	}
	if rapid.IntRange(0, 3).Draw(t, "promotion?") == 0 {
		p.Promotion = promotion(t, vat)
	}
	sizes(t, p)
	if rapid.IntRange(0, 2).Draw(t, "group?") == 0 {
		p.Group = &feed.Group{ID: ID().Draw(t, "group id"), First: optional(t, ID(), "first"),
			FirstCode: optional(t, Code(), "first code"), FirstProducerCode: optional(t, Code(), "first producer code"),
			FirstExternalCode: optional(t, Code(), "first external code"), ExternalCode: optional(t, Code(), "group external code"),
			Parameter: feed.GroupName{ID: optional(t, hash(), "parameter id"), Names: Texts(String()).Draw(t, "parameter names")},
			Value:     feed.GroupName{ID: optional(t, hash(), "value id"), Names: Texts(String()).Draw(t, "value names")}}
	}
	if p.Type == feed.TypeBundle || p.Type == feed.TypeCollection {
		p.Bundled = &feed.Bundled{Specified: rapid.Bool().Draw(t, "specified"), Components: rapid.SliceOfN(component(), 1, 3).Draw(t, "components")}
		for i := range p.Bundled.Components {
			c := &p.Bundled.Components[i]
			if id, err := strconv.ParseInt(c.ID, 10, 64); err == nil && feed.ProductID(id) == p.ID { // a set does not hold itself
				c.ID = strconv.FormatInt(int64(p.ID)%1000+1001, 10)
			}
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "responsible?") == 0 {
		p.Responsible = &feed.ResponsibleEntity{Producer: contact(true).Draw(t, "producer contact"), Persons: list(t, contact(false), 2, "persons")}
	}
	for _, name := range []string{"product_free", "product_shipment_profile_id", "rebate", "save_serial_numbers"} {
		if rapid.IntRange(0, 3).Draw(t, name+"?") == 0 {
			p.Attrs = append(p.Attrs, feed.Attr{Name: name, Value: rapid.SampledFrom([]string{"n", "na", "7"}).Draw(t, name)})
		}
	}
	return p
}

func sizes(t *rapid.T, p *feed.Product) {
	p.SizeGroup = feed.Ref{ID: feed.OneSizeGroup, Name: "one size"}
	ids := []string{"uniw"}
	if rapid.Bool().Draw(t, "many sizes") {
		p.SizeGroup = ref().Draw(t, "size group")
		ids = rapid.SliceOfNDistinct(ID(), 1, 4, rapid.ID).Draw(t, "size ids")
	}
	for _, id := range ids {
		s := feed.Size{
			ID: id, Name: Name().Draw(t, "size name"), PanelName: optional(t, Name(), "panel name"),
			Code:         strconv.FormatInt(int64(p.ID), 10) + "-" + id,
			ProducerCode: optional(t, Code(), "producer code"), ExternalCode: optional(t, Name(), "external code"),
			Weight: optional(t, weight(), "weight"), WeightNet: optional(t, weight(), "net weight"),
			WeightMin: optional(t, weight(), "least weight"), WeightMax: optional(t, weight(), "greatest weight"),
			Priority: optional(t, small(0, 50), "size priority"),
		}
		if rapid.Bool().Draw(t, "size prices") {
			s.Prices = prices(t, p.VAT)
		}
		for _, w := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 3, rapid.ID).Draw(t, "warehouses") {
			s.Stock = append(s.Stock, feed.Stock{Warehouse: feed.WarehouseID(w), Quantity: Quantity().Draw(t, "quantity"),
				Available: optional(t, Quantity(), "available"), Physical: optional(t, Quantity(), "physical"),
				LocationID: optional(t, ID(), "location id"), Location: optional(t, Name(), "location")})
		}
		p.Sizes = append(p.Sizes, s)
	}
}

func small(lo, hi int32) *rapid.Generator[feed.Int] {
	return rapid.Map(rapid.Int32Range(lo, hi), feed.IntOf)
}

// VAT gives a rate of value added tax that is in force somewhere.
func VAT() *rapid.Generator[feed.Percent] {
	return rapid.Map(rapid.SampledFrom([]int64{0, 50_000, 80_000, 190_000, 200_000, 210_000, 230_000, 255_000, 270_000}), func(v int64) feed.Percent {
		return must(feed.PercentOf(v))
	})
}

// Currency gives a currency with two decimals, none or three.
func Currency() *rapid.Generator[feed.Currency] {
	return rapid.Map(rapid.SampledFrom([]string{"PLN", "EUR", "PLN", "CZK", "HUF", "JPY", "KWD"}), feed.MustCurrency)
}

// Price gives a price whose gross follows from its net.
func Price(vat feed.Percent) *rapid.Generator[feed.Price] {
	return rapid.Map(rapid.OneOf(rapid.Int64Range(1, 1_000_000), rapid.Int64Range(1, 90_000_000_000_000)), func(net int64) feed.Price {
		return must(feed.PriceFromNet(must(feed.AmountOf(net)), vat))
	})
}

func prices(t *rapid.T, vat feed.Percent) feed.Prices {
	return feed.Prices{
		List: Price(vat).Draw(t, "list"), Wholesale: optional(t, Price(vat), "wholesale"), Minimal: optional(t, Price(vat), "minimal"),
		SRP: optional(t, Price(vat), "srp"), StrikethroughRetail: optional(t, Price(vat), "was"), StrikethroughWholesale: optional(t, Price(vat), "was wholesale"),
	}
}

func promotion(t *rapid.T, vat feed.Percent) *feed.Promotion {
	flag := rapid.Map(rapid.Uint8Range(0, 2), func(v uint8) feed.Flag { return feed.Flag(v) })
	return &feed.Promotion{
		Name: Name().Draw(t, "promotion name"), Start: optional(t, date(), "start"), End: optional(t, date(), "end"),
		Price: Price(vat).Draw(t, "promotion price"), NormalRetail: Price(vat).Draw(t, "normal price"), NormalWholesale: optional(t, Price(vat), "normal wholesale"),
		Zones: feed.Zones{Promotion: flag.Draw(t, "z1"), Discount: flag.Draw(t, "z2"), Distinguished: flag.Draw(t, "z3"), Special: flag.Draw(t, "z4"), Bestseller: flag.Draw(t, "z5"), New: flag.Draw(t, "z6")},
	}
}

// Quantity gives a known quantity: mostly whole, sometimes unlimited.
func Quantity() *rapid.Generator[feed.Quantity] {
	return rapid.Custom(func(t *rapid.T) feed.Quantity {
		switch rapid.IntRange(0, 9).Draw(t, "kind of quantity") {
		case 0:
			return feed.Unlimited()
		case 1:
			return must(feed.QuantityOf(rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "thousandths")))
		}
		return feed.Pieces(rapid.Int64Range(0, 300).Draw(t, "pieces"))
	})
}

func weight() *rapid.Generator[feed.Weight] {
	return rapid.Map(rapid.Int64Range(0, 50_000), feed.Grams)
}

func ref() *rapid.Generator[feed.Ref] {
	return rapid.Custom(func(t *rapid.T) feed.Ref { return feed.Ref{ID: ID().Draw(t, "id"), Name: Name().Draw(t, "name")} })
}

func reference() *rapid.Generator[feed.Reference] {
	return rapid.Custom(func(t *rapid.T) feed.Reference {
		return feed.Reference{ID: ID().Draw(t, "id"), Names: Texts(Name()).Draw(t, "names")}
	})
}

func path(sep string) *rapid.Generator[feed.Reference] {
	return rapid.Custom(func(t *rapid.T) feed.Reference {
		r := reference().Draw(t, "leaf")
		for i := range r.Names {
			r.Names[i].Value = "Shop" + sep + r.Names[i].Value
		}
		return r
	})
}

func url() *rapid.Generator[string] {
	return rapid.StringMatching(`https://shop\.example\.com/(pl|en)/[a-z0-9-]{1,20}(\.html|\.jpg|\?a=1&b=2)`)
}

func hash() *rapid.Generator[string] { return rapid.StringMatching(`[0-9a-f]{32}`) }

func date() *rapid.Generator[string] { return rapid.StringMatching(`20[0-2][0-9]-0[1-9]-[0-2][1-9]`) }

func thumbnail() *rapid.Generator[feed.Image] {
	return rapid.Custom(func(t *rapid.T) feed.Image {
		return feed.Image{URL: url().Draw(t, "image url"), Hash: optional(t, hash(), "hash"),
			Changed: optional(t, rapid.StringMatching(`20[0-2][0-9]-0[1-9]-[0-2][1-9] [01][0-9]:[0-5][0-9]:[0-5][0-9]`), "changed"),
			Width:   optional(t, small(1, 8000), "width"), Height: optional(t, small(1, 8000), "height")}
	})
}

func image() *rapid.Generator[feed.Image] {
	return rapid.Custom(func(t *rapid.T) feed.Image {
		i := thumbnail().Draw(t, "picture")
		i.Priority = optional(t, small(1, 20), "image priority")
		return i
	})
}

func attachment() *rapid.Generator[feed.Attachment] {
	return rapid.Custom(func(t *rapid.T) feed.Attachment {
		return feed.Attachment{
			URL: url().Draw(t, "file"), Name: optional(t, Name(), "file name"), Names: Texts(String()).Draw(t, "file names"),
			Version:   optional(t, rapid.SampledFrom([]string{"full", "sample", "demo"}), "file version"),
			Enable:    optional(t, rapid.SampledFrom([]string{"all", "only_logged", "ordered", "wholesaler", "wholesaler_or_orderer", "wholesaler_and_ordered"}), "enable"),
			FileType:  optional(t, rapid.SampledFrom([]string{"image", "audio", "video", "doc", "document", "other"}), "file type"),
			Extension: optional(t, rapid.StringMatching(`[a-z]{2,4}`), "extension"), Priority: optional(t, small(1, 9), "file priority"),
			DownloadLog: feed.Flag(rapid.IntRange(0, 2).Draw(t, "log")), Downloads: optional(t, small(0, 99), "downloads"), Days: optional(t, small(0, 365), "days"),
		}
	})
}

func parameter() *rapid.Generator[feed.Parameter] {
	return rapid.Custom(func(t *rapid.T) feed.Parameter {
		flag := func(label string) feed.Flag { return feed.Flag(rapid.IntRange(0, 2).Draw(t, label)) }
		p := feed.Parameter{ID: ID().Draw(t, "parameter id"), Names: Texts(Name()).Draw(t, "parameter names"), Section: rapid.IntRange(0, 3).Draw(t, "section") == 0,
			Priority: optional(t, small(0, 99), "parameter priority"), Distinction: flag("distinction"), GroupDistinction: flag("group distinction"), Hide: flag("hide"), AuctionHide: flag("auction hide")}
		if p.Section {
			return p
		}
		p.Context = optional(t, rapid.SampledFrom(feed.ParameterContexts()), "context")
		// Two values of one id would be taken for one value in two languages.
		for _, id := range rapid.SliceOfNDistinct(ID(), 0, 3, rapid.ID).Draw(t, "values") {
			p.Values = append(p.Values, feed.ParameterValue{ID: id, Names: Texts(Name()).Draw(t, "value names"),
				Priority: optional(t, small(0, 99), "value priority"), Context: optional(t, rapid.SampledFrom(feed.ValueContexts()), "value context")})
		}
		return p
	})
}

func component() *rapid.Generator[feed.Component] {
	return rapid.Custom(func(t *rapid.T) feed.Component {
		c := feed.Component{ID: ID().Draw(t, "component"), Quantity: Quantity().Draw(t, "component quantity"),
			Choice: feed.ComponentChoice(rapid.IntRange(0, int(feed.ChooseDefinedSizeSeparately)).Draw(t, "choice"))}
		if c.Choice >= feed.ChooseDefinedSize {
			for _, id := range rapid.SliceOfNDistinct(ID(), 1, 2, rapid.ID).Draw(t, "component sizes") {
				c.Sizes = append(c.Sizes, feed.ComponentSize{ID: id, Name: Name().Draw(t, "component size"), Code: optional(t, Code(), "component code"),
					ProducerCode: optional(t, Code(), "component producer code"), ExternalCode: optional(t, Code(), "component external code")})
			}
		}
		return c
	})
}

func contact(producer bool) *rapid.Generator[feed.Contact] {
	return rapid.Custom(func(t *rapid.T) feed.Contact {
		c := feed.Contact{Code: Code().Draw(t, "contact code"), Name: Name().Draw(t, "contact name"), Country: "PL",
			Street: optional(t, Name(), "street"), Number: optional(t, Code(), "number"), City: optional(t, Name(), "city"),
			Zipcode: optional(t, rapid.StringMatching(`[0-9]{2}-[0-9]{3}`), "zipcode"), Mail: optional(t, rapid.Just("help@example.com"), "mail"), Phone: optional(t, rapid.Just("+48 22 000 00 00"), "phone")}
		if producer {
			c.ID = ID().Draw(t, "contact id")
		}
		return c
	})
}

func extension() *rapid.Generator[feed.Extension] {
	return rapid.Custom(func(t *rapid.T) feed.Extension {
		name := rapid.SampledFrom([]string{"sell_by", "inwrapper", "note", "taxcode", "hotspots"}).Draw(t, "extension")
		body := rapid.SampledFrom([]string{
			"<iaiext:%[1]s/>", `<iaiext:%[1]s quantity="2"/>`, "<iaiext:%[1]s>1 &lt; 2 &amp; 3</iaiext:%[1]s>", `<iaiext:%[1]s><iaiext:retail quantity="1"/> <iaiext:x xml:lang="pol"><![CDATA[<b>a & b</b>]]></iaiext:x></iaiext:%[1]s>`,
		}).Draw(t, "body")
		return feed.Extension{Name: name, XML: fmt.Sprintf(body, name)}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // a fault of this package, not of what it tests
	}
	return v
}

// Products gives n or fewer products with distinct ids in ascending order, as
// catalogs and feeds hold them.
func Products(n int) *rapid.Generator[[]*feed.Product] {
	return rapid.Custom(func(t *rapid.T) []*feed.Product {
		ps := rapid.SliceOfNDistinct(Product(), 0, n, func(p *feed.Product) feed.ProductID { return p.ID }).Draw(t, "products")
		slices.SortFunc(ps, func(a, b *feed.Product) int { return int(min(max(a.ID-b.ID, -1), 1)) })
		return ps
	})
}
