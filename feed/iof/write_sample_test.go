package iof_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/iof"
)

var (
	pol, eng, ger = feed.MustLanguage("pol"), feed.MustLanguage("eng"), feed.MustLanguage("ger")

	pln       = feed.MustCurrency("PLN")
	generated = time.Date(2026, 3, 2, 1, 10, 0, 0, time.UTC)
	expires   = generated.AddDate(0, 0, 1)
)

func texts(pairs ...string) feed.Texts { return feedtest.TextsOf(pairs...) }

func price(t testing.TB, gross, net int64) feed.Price { return feedtest.PriceOf(t, net, gross) }

func percent(t testing.TB, s string) feed.Percent { return feedtest.Parsed(t, feed.ParsePercent, s) }

func quantity(t testing.TB, s string) feed.Quantity {
	return feedtest.Parsed(t, feed.ParseQuantity, s)
}

// sampleDictionaries are small lists with a tree, every kind of text and a
// fractional unit.
func sampleDictionaries() *feed.Dictionaries {
	return &feed.Dictionaries{
		Producers: []feed.Ref{{ID: "0", Name: "* bez producenta"}, {ID: "501", Name: "Granit & Skała"}},
		Categories: []feed.Category{
			{ID: "0", Names: texts("", "* bez kategorii")},
			{ID: "20", Names: texts("pol", "Turystyka", "eng", "Outdoor")},
			{ID: "21", Parent: "20", Names: texts("pol", "Plecaki", "eng", "Backpacks")},
			{ID: "211", Parent: "21", Names: texts("pol", "Dzienne", "eng", "Day packs")},
			{ID: "22", Parent: "20", Names: texts("pol", "Kable", "eng", "Cables")},
			{ID: "30", Names: texts("pol", "Usługi", "eng", "Services")},
		},
		Units: []feed.Unit{
			{ID: "0", Names: texts("pol", "szt.", "eng", "pcs")},
			{ID: "7", Names: texts("pol", "m. bieżący", "eng", "running m"), Precision: 2},
			{ID: "8", Names: texts("pol", "100 szt.", "eng", "100 pcs")},
		},
		Series: []feed.SeriesEntry{{ID: "7", Names: texts("pol", "Szlak 2026", "eng", "Trail 2026")}, {ID: "8 b", Parent: "7", Names: texts("pol", "Szlak zimowy")}},
		Warranties: []feed.Warranty{
			{ID: "2", Kind: feed.WarrantyProducer, Months: feed.IntOf(24), Names: texts("pol", "Gwarancja 24 mies.", "eng", "24 months"), Descriptions: texts("pol", "<p>Naprawa lub wymiana.</p>")},
			{ID: "3", Kind: feed.WarrantyNone, Names: texts("pol", "Bez gwarancji")},
			{ID: "4"},
		},
		Warehouses: []feed.Warehouse{{ID: 0, Names: texts("pol", "Magazyn dostawców")}, {ID: 1, Names: texts("pol", "Magazyn główny", "eng", "Main warehouse")}, {ID: 2}},
		SizeGroups: []feed.SizeGroup{
			{ID: feed.OneSizeGroup, Sizes: []feed.SizeEntry{{ID: "x", Names: texts("pol", "uniwersalny", "eng", "one size")}}},
			{ID: "1", Name: "Odzież", Sizes: []feed.SizeEntry{{ID: "3", Names: texts("", "S")}, {ID: "4", Names: texts("", "M")}}},
		},
		Sections: []feed.ParameterEntry{{ID: "60", Names: texts("pol", "Wygląd", "eng", "Appearance")}},
		Parameters: []feed.ParameterEntry{
			{ID: "61", Names: texts("pol", "Kolor", "eng", "Colour"), Descriptions: texts("pol", "Główny kolor"),
				CardIcons: texts("", "https://shop.example.com/61-card.png"), ListIcons: texts("", "https://shop.example.com/61-list.png")},
			{ID: "62"},
		},
		Values: []feed.ParameterEntry{{ID: "71", Names: texts("pol", "niebieski", "eng", "blue")}, {ID: "72", Names: texts("eng", "red")}},
	}
}

// sampleItems are four products that between them use every part of a node.
func sampleItems(t testing.TB) []*feed.Item {
	t.Helper()
	stock := func(list ...feed.Stock) []feed.Stock { return list }
	backpack := &feed.Product{
		ID: 101, Site: feed.IntOf(1), DisplayCode: "GR28-BL", CodeStandard: feed.StandardGTIN13, VAT: percent(t, "23"), Currency: pln,
		Attrs:    []feed.Attr{{Name: "available", Value: "in_stock"}, {Name: "product_free", Value: "n"}},
		Producer: feed.Ref{ID: "501", Name: "old name"}, Category: feed.Reference{ID: "211", Names: texts("pol", "stara/nazwa")},
		Taxonomy: feed.Reference{ID: "55", Names: texts("pol", "Sport > Turystyka")}, Unit: feed.Reference{ID: "0"},
		Series: feed.Reference{ID: "8 b"}, Warranty: feed.WarrantyRef{ID: "2"},
		URL: "https://shop.example.com/p/101", MobileURL: "https://m.shop.example.com/p/101",
		Names:   texts("eng", "Granit 28 \"blue\"", "pol", "Plecak Granit 28 <niebieski>"),
		Version: feed.Version{Name: "niebieski", Names: texts("pol", "niebieski \\ L", "eng", "blue \\ L")},
		Meta: []feed.MetaText{{Name: "meta_title", Lang: pol, Value: "Plecak & Granit"}, {Name: "search_keywords", Lang: pol, Site: "1", Value: "plecak, turystyka"},
			{Name: "search_keywords", Lang: pol, Site: "2", Value: "plecak"}, {Name: "unknown", Lang: pol, Value: "x"}},
		ShortDescs: texts("pol", "Lekki plecak"),
		LongDescs:  texts("pol", "<p>Pojemność 28&nbsp;l &amp; pokrowiec.</p>\n<script>a[b[0]]>1</script>", "eng", "<p>28&nbsp;l</p>", "ger", "<p>28&nbsp;Liter</p>"),
		SizeGroup:  feed.Ref{ID: feed.OneSizeGroup}, SizeList: "full",
		Sizes: []feed.Size{{ID: "x", Code: "101-0", ProducerCode: "590-0000000-01-5", ExternalCode: "GR28BL", Weight: feed.Grams(870), WeightNet: feed.Grams(820), Priority: feed.IntOf(0)}},
		Images: []feed.Image{
			{URL: "https://shop.example.com/101_2.jpg", Priority: feed.IntOf(7)},
			{URL: "https://shop.example.com/101_1.jpg", Hash: "2a40f8a080f51fac2b5e168f7c1d45e5", Changed: "2026-02-20 10:15:00", Width: feed.IntOf(1600), Height: feed.IntOf(1200), Priority: feed.IntOf(3)},
		},
		Icon: feed.Image{URL: "https://shop.example.com/i/101.jpg"}, AuctionIcon: feed.Image{URL: "https://shop.example.com/a/101.jpg"}, GroupIcon: feed.Image{URL: "https://shop.example.com/g/101.jpg"},
		Attachments: []feed.Attachment{
			{URL: "https://shop.example.com/101-manual.pdf", Name: "manual", Names: texts("pol", "Instrukcja", "eng", "Manual"), Version: "full", Enable: "all", FileType: "doc", Extension: "pdf", Priority: feed.IntOf(1), DownloadLog: feed.FlagNo, Downloads: feed.IntOf(5), Days: feed.IntOf(30)},
			{URL: "https://shop.example.com/101-film.mp4", Version: "director's cut"},
		},
		Group: &feed.Group{ID: "101", First: "101", FirstCode: "101-0", FirstProducerCode: "5900000000015", FirstExternalCode: "GR28BL",
			Parameter: feed.GroupName{ID: "050ef565b4fad5b7faf128b67a873c71", Names: texts("pol", "Kolor", "eng", "Colour")},
			Value:     feed.GroupName{ID: "50981601448ece2e1de05f619854c0eb", Names: texts("pol", "niebieski", "eng", "blue")}},
		Parameters: []feed.Parameter{
			{ID: "60", Section: true, Priority: feed.IntOf(0)},
			{ID: "61", Priority: feed.IntOf(1), Distinction: feed.FlagYes, GroupDistinction: feed.FlagYes, Context: "CONTEXT_COLOR", Values: []feed.ParameterValue{{ID: "71", Priority: feed.IntOf(0)}}},
			{ID: "63", Names: texts("pol", "Płeć"), Context: "CONTEXT_SEX", Values: []feed.ParameterValue{{ID: "73", Names: texts("pol", "unisex"), Context: "CONTEXT_SEX_UNISEX"}}},
			{ID: "64", Names: texts("pol", "Bez wartości"), Context: "CONTEXT_NONE"},
		},
		Extensions: []feed.Extension{
			{Name: "delivery_time", XML: `<iaiext:delivery_time unit="day" value="2"/>`},
			{Name: "price_wholesale", XML: `<iaiext:price_wholesale><iaiext:site id="1" net="10"/></iaiext:price_wholesale>`},
			{Name: "note", XML: `<iaiext:note>bought cheaply</iaiext:note>`},
			{Name: "taxcode", XML: `<iaiext:taxcode>broken</iaiext:note>`},
		},
	}
	shirt := &feed.Product{
		ID: 110, CodeStandard: feed.StandardMPN, VAT: percent(t, "8"), Producer: feed.Ref{ID: "502", Name: "Knit & Co"},
		Category: feed.Reference{ID: "99", Names: texts("pol", "Odzież/Koszulki", "eng", "Clothes/Shirts")}, Unit: feed.Reference{ID: "12", Names: texts("", "para (2)")},
		URL: "https://shop.example.com/p/110", Names: texts("", "Koszulka 漢字 😀"), Promotion: &feed.Promotion{Name: "Wiosna", Start: "2026-03-01", End: "2026-03-15 12:00:00", Zones: feed.Zones{Promotion: feed.FlagYes, Discount: feed.FlagNo}},
		SizeGroup: feed.Ref{ID: "1", Name: "Odzież"}, SizeList: "full",
		Sizes: []feed.Size{
			{ID: "3", Name: "S", PanelName: "s", Code: "110 3/S", ProducerCode: "KN-S", Priority: feed.IntOf(0), WeightMin: feed.Grams(170), WeightMax: feed.Grams(190)},
			{ID: "4", Name: "M", PanelName: "m", Code: "110-4", Priority: feed.IntOf(1)},
		},
	}
	cable := &feed.Product{
		ID: 120, Type: feed.TypeRegular, VAT: percent(t, "12.5"), Category: feed.Reference{ID: "22"}, Unit: feed.Reference{ID: "7"}, URL: "https://shop.example.com/p/120",
		Names: texts("ger", "Kabel"), SizeGroup: feed.Ref{ID: feed.OneSizeGroup}, Sizes: []feed.Size{{Code: "120"}},
	}
	kit := &feed.Product{
		ID: 130, Type: feed.TypeBundle, CodeStandard: feed.StandardOther, VAT: percent(t, "23"), Category: feed.Reference{ID: "30"}, Unit: feed.Reference{ID: "0"}, URL: "https://shop.example.com/p/130",
		Names: texts("pol", "Zestaw"), SizeGroup: feed.Ref{ID: feed.OneSizeGroup}, Sizes: []feed.Size{{Code: "130"}},
		Bundled: &feed.Bundled{Components: []feed.Component{
			{ID: "101", Quantity: feed.Pieces(1), Choice: feed.ChooseVariant},
			{ID: "110", Quantity: quantity(t, "2.5"), Choice: feed.ChooseDefinedSize, Sizes: []feed.ComponentSize{{ID: "4", Name: "m", Code: "110-4", ProducerCode: "5900000000121", ExternalCode: "KNIT-T-M"}, {ID: "uniw"}}},
		}},
	}
	return []*feed.Item{
		{Product: backpack, Currency: pln,
			Full:  feed.PricePoints{Price: price(t, 24600, 20000), SRP: price(t, 29900, 24309), StrikethroughRetail: price(t, 27900, 22683)},
			Light: feed.PricePoints{Price: price(t, 22140, 18000), SRP: price(t, 29900, 24309), StrikethroughRetail: price(t, 27900, 22683)},
			Sizes: []feed.ItemSize{{
				Full: feed.PricePoints{Price: price(t, 24600, 20000)}, Light: feed.PricePoints{Price: price(t, 22140, 18000)},
				Stock: stock(feed.Stock{Warehouse: 1, Quantity: feed.Pieces(12), Available: feed.Pieces(12), Physical: feed.Pieces(14), LocationID: "5", Location: "strefa \"A\""}),
			}}},
		{Product: shirt, Currency: pln,
			Full:      feed.PricePoints{Price: price(t, 6150, 5000)},
			Light:     feed.PricePoints{Price: price(t, 6089, 4950), StrikethroughWholesale: price(t, 7000, 6000)},
			Promotion: feed.PromotionPrices{Price: price(t, 5535, 4500), NormalRetail: price(t, 6150, 5000), NormalWholesale: price(t, 6089, 4950)},
			Sizes: []feed.ItemSize{
				{Full: feed.PricePoints{Price: price(t, 6150, 5000)}, Light: feed.PricePoints{Price: price(t, 6089, 4950)}, Stock: stock(feed.Stock{Warehouse: 0, Quantity: feed.Pieces(999)}, feed.Stock{Warehouse: 1, Quantity: feed.Pieces(6)})},
				{Full: feed.PricePoints{Price: price(t, 6150, 5000)}, Light: feed.PricePoints{Price: price(t, 6089, 4950)}, Stock: stock(feed.Stock{Warehouse: 1, Quantity: feed.Pieces(0)})},
			}},
		{Product: cable, Currency: pln,
			Full: feed.PricePoints{Price: price(t, 113, 100)}, Light: feed.PricePoints{Price: price(t, 113, 100)},
			Sizes: []feed.ItemSize{{Full: feed.PricePoints{Price: price(t, 113, 100)}, Light: feed.PricePoints{Price: price(t, 113, 100)}, Stock: stock(feed.Stock{Warehouse: 1, Quantity: quantity(t, "7.259")})}}},
		{Product: kit, Currency: pln,
			Full: feed.PricePoints{Price: price(t, 34440, 28000)}, Light: feed.PricePoints{Price: price(t, 30996, 25200)},
			Sizes: []feed.ItemSize{{Full: feed.PricePoints{Price: price(t, 34440, 28000)}, Light: feed.PricePoints{Price: price(t, 30996, 25200)}, Stock: stock(feed.Stock{Warehouse: 1, Quantity: feed.Unlimited()})}}},
	}
}

func samplePreset() iof.Preset {
	return iof.Preset{Generated: generated, Supplier: sampleSupplier(), Currency: pln, URL: "https://shop.example.com/o/k/gateway.xml",
		GatewayGenerated: generated, Created: generated, Expires: generated.AddDate(0, 0, 7),
		Settings: []iof.Setting{{Name: "update_price", Value: "1"}, {Name: "culture_info", Value: "pl-PL"}, {Name: "categories_auto_mapping", Value: "true"}, {Name: "selected", Value: "maybe"}, {Name: "size_code_prefix", Value: "gr-"}, {Name: "invented", Value: "1"}}}
}

func sampleSupplier() feed.Supplier {
	return feed.Supplier{Name: "Granit Łódź Sp. z o.o. & Müller", ShortName: "Granit Łódź", LogoURL: "https://shop.example.com/logo.png", Email: "offers@shop.example.com",
		Phone: "+48 00 000 00 00", Website: "shop.example.com", Street: "Przykładowa 1", Zipcode: "00-001", City: "Łódź", Country: "Polska"}
}

func sampleGateway() iof.Gateway {
	file := func(name string, hash byte) iof.Pointer {
		h := make([]byte, 32)
		for i := range h {
			h[i] = hash
		}
		return iof.Pointer{URL: "https://shop.example.com/o/k/12/" + name + ".xml", Hash: string(h), Changed: generated}
	}
	older, newer := file("full_change2026-03-02T09-30-00", 'b'), file("full_change2026-03-02T10-00-00", 'c')
	older.Changed, newer.Changed = generated.Add(time.Hour), generated.Add(2*time.Hour)
	return iof.Gateway{Supplier: sampleSupplier(), Generated: generated, Created: generated, Expires: generated.AddDate(0, 0, 7),
		Full: file("full", 'a'), Changes: []iof.Pointer{older, newer}, Light: file("light", 'd'), Categories: file("categories", 'e'), Sizes: file("sizes", 'f'),
		Producers: file("producers", '0'), Units: file("units", '1'), Parameters: file("parameters", '2'), Stocks: file("stocks", '3'), Series: file("series", '4'), Warranties: file("warranties", '5')}
}

func sampleWriter(d feed.Dialect, langs ...feed.Language) *iof.Writer {
	p := &feed.Profile{Languages: langs, Currency: pln, Dialect: d}
	return iof.NewWriter(p, feed.NewIndex(sampleDictionaries()), iof.Options{DefaultLanguage: pol, Languages: []feed.Language{pol, eng, ger}})
}
