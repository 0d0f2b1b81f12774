package catalog_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// bigLines makes a catalog of n products of about 4 KB each, with dictionaries.
func bigLines(n int) []byte {
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	both := func(p, e string) feed.Texts { return feed.Texts{{Lang: pol, Value: p}, {Lang: eng, Value: e}} }
	out := catalog.AppendDefaults(nil, catalog.Defaults{Language: pol, Currency: feed.MustCurrency("PLN"), VAT: percent("23"), HasVAT: true})
	html := "<p>" + strings.Repeat("Wysoka jakość wykonania, trwały materiał i wygodny krój zapewniają komfort użytkowania każdego dnia. ", 4) + "</p>\n<ul><li class=\"a\">łatwy w czyszczeniu</li></ul>"
	english := "<p>" + strings.Repeat("High quality make, a durable material and a comfortable cut give comfort in every day's use. ", 4) + "</p>\n<ul><li class=\"a\">easy to clean</li></ul>"
	amount := func(minor int64) feed.Price {
		a, _ := feed.AmountOf(minor)
		p, _ := feed.PriceFromNet(a, percent("23"))
		return p
	}
	var p feed.Product
	for i := range n {
		id := strconv.Itoa(i + 1)
		p.Reset()
		p.ID = feed.ProductID(i + 1)
		p.DisplayCode, p.CodeStandard = "KUB-"+id, feed.StandardGTIN13
		p.VAT, p.Currency = percent("23"), feed.MustCurrency("PLN")
		p.Producer = feed.Ref{ID: strconv.Itoa(i%50 + 1), Name: "Producent " + strconv.Itoa(i%50+1)}
		p.Category = feed.Reference{ID: strconv.Itoa(i%80 + 1), Names: both("Dom/Kuchnia/Kubki "+strconv.Itoa(i%80+1), "Home/Kitchen/Mugs "+strconv.Itoa(i%80+1))}
		p.Unit = feed.Reference{ID: "0", Names: both("szt.", "pcs.")}
		p.URL = "https://shop.example.com/pl/products/kubek-" + id + ".html"
		p.Names = append(p.Names, both("Kubek ceramiczny nr "+id+" żółty", "Ceramic mug no. "+id+" yellow")...)
		p.ShortDescs = append(p.ShortDescs, both("Kubek do kawy i herbaty, można myć w zmywarce", "A mug for coffee and tea, safe for the dishwasher")...)
		p.LongDescs = append(p.LongDescs, both(html, english)...)
		p.Prices.List, p.Prices.SRP = amount(int64(1000+i%5000)), amount(int64(1500+i%5000))
		p.SizeGroup = feed.Ref{ID: "7", Name: "Rozmiar"}
		for _, size := range []string{"S", "M", "L"} {
			s := feed.Size{ID: size, Name: size, Code: id + "-" + size, ProducerCode: "5901234123457", Weight: feed.Grams(310), Prices: feed.Prices{List: amount(int64(1000 + i%5000))}}
			s.Stock = append(s.Stock, feed.Stock{Warehouse: 1, Quantity: feed.Pieces(int64(i % 40)), Available: feed.Pieces(int64(i % 40))})
			p.Sizes = append(p.Sizes, s)
		}
		for k := range 4 {
			p.Images = append(p.Images, feed.Image{URL: "https://shop.example.com/data/gfx/pictures/large/" + id + "_" + strconv.Itoa(k) + ".jpg", Hash: "2a40f8a080f51fac2b5e168f7c1d45e5"})
		}
		for k := range 5 {
			v := strconv.Itoa(100*k + i%20)
			p.Parameters = append(p.Parameters, feed.Parameter{ID: strconv.Itoa(k + 1), Names: both("Parametr "+strconv.Itoa(k), "Parameter "+strconv.Itoa(k)),
				Values: []feed.ParameterValue{{ID: v, Names: both("wartość "+v, "value "+v)}}})
		}
		out = catalog.AppendJSON(out, &p)
	}
	return out
}

func benchmarkRead(b *testing.B, data []byte, opt catalog.Options) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		opt.Stdin = bytes.NewReader(data)
		s, err := catalog.Open([]string{"-"}, opt)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range s.Products(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Err(); err != nil {
			b.Fatal(err, s.Problems())
		}
	}
}

func BenchmarkJSONL(b *testing.B) { benchmarkRead(b, bigLines(3000), catalog.Options{}) }

func BenchmarkCSV(b *testing.B) {
	var t bytes.Buffer
	t.WriteString("id,name[pol],long_desc[pol],category,producer,price_gross,size,code,stock,parameter[Kolor]\n")
	for i := range 20000 {
		id := strconv.Itoa(i/2 + 1)
		t.WriteString(id + ",Kubek nr " + id + ",\"<p class=\"\"x\"\">Wysoka jakość, trwały materiał i wygodny krój.</p>\",Dom/Kuchnia,Granit,12.30,")
		t.WriteString([]string{"S", "M"}[i%2] + "," + id + "-" + strconv.Itoa(i%2) + ",5,czarny\n")
	}
	benchmarkRead(b, t.Bytes(), polish())
}

func BenchmarkAppendJSON(b *testing.B) {
	p, problems := decodeOne(b, bigLines(1))
	if p == nil {
		b.Fatal(problems)
	}
	buf := catalog.AppendJSON(nil, p)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = catalog.AppendJSON(buf[:0], p)
	}
}
