package record

import (
	"bytes"
	"compress/flate"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"feedmill/feed"
)

// typical gives a product of the size that a clothing or sports catalog has.
func typical(t testing.TB) *feed.Product {
	amount := func(minor int64) feed.Amount {
		a, err := feed.AmountOf(minor)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	price := func(net int64) feed.Price { return feed.Price{Net: amount(net), Gross: amount(net * 123 / 100)} }
	vat, err := feed.ParsePercent("23")
	if err != nil {
		t.Fatal(err)
	}
	texts := func(s string) (ts feed.Texts) {
		for _, l := range []string{"pol", "eng", "ger"} {
			ts = append(ts, feed.Text{Lang: feed.MustLanguage(l), Value: s})
		}
		return ts
	}
	p := &feed.Product{
		ID: 1234567, Site: feed.IntOf(1), DisplayCode: "GR28-BL", CodeStandard: feed.StandardGTIN13, VAT: vat, Currency: feed.MustCurrency("PLN"),
		Producer: feed.Ref{ID: "501", Name: "Granit Outdoor"}, Category: feed.Reference{ID: "1214553882", Names: texts("Sport/Turystyka/Plecaki")},
		Unit: feed.Reference{ID: "0", Names: texts("szt.")}, Warranty: feed.WarrantyRef{ID: "2", Kind: feed.WarrantyProducer, Months: feed.IntOf(24), Names: texts("Gwarancja producenta na 2 lata")},
		URL:   "https://shop.example.com/pl/products/plecak-granit-28-1234567.html",
		Names: texts("Plecak Granit 28 niebieski"), ShortDescs: texts("Lekki plecak na jednodniowe wycieczki w każdą pogodę"),
		LongDescs: texts(strings.Repeat("<p>Pojemność 28&nbsp;l, pokrowiec w zestawie, regulowane szelki.</p>\n", 12)),
		Prices:    feed.Prices{List: price(20000), SRP: price(24309), StrikethroughRetail: price(22683)},
		SizeGroup: feed.Ref{ID: "1", Name: "Ubrania"}, SizeList: "full",
		Attrs: []feed.Attr{{Name: "product_free", Value: "n"}},
	}
	for i := range 6 {
		p.Sizes = append(p.Sizes, feed.Size{ID: fmt.Sprint(i), Name: "XL", PanelName: "xl", Code: fmt.Sprint("1234567-", i), ProducerCode: "5900000000015", ExternalCode: "GR28BL",
			Weight: feed.Grams(870), WeightNet: feed.Grams(820), Priority: feed.IntOf(int32(i)), Prices: feed.Prices{List: price(20000 + int64(i)*100)},
			Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(12), Available: feed.Pieces(12), Physical: feed.Pieces(14)}, {Warehouse: 2, Quantity: feed.Pieces(3)}}})
	}
	for i := range 5 {
		p.Images = append(p.Images, feed.Image{URL: fmt.Sprintf("https://shop.example.com/data/gfx/pictures/large/1234567_%d.jpg", i), Hash: "2a40f8a080f51fac2b5e168f7c1d45e5", Changed: "2026-02-20 10:15:00", Width: feed.IntOf(1600), Height: feed.IntOf(1200), Priority: feed.IntOf(int32(i + 1))})
	}
	for i := range 12 {
		p.Parameters = append(p.Parameters, feed.Parameter{ID: fmt.Sprint(1338261307 + i), Names: texts("Materiał wierzchni"), Priority: feed.IntOf(int32(i)), Distinction: feed.FlagYes,
			Values: []feed.ParameterValue{{ID: fmt.Sprint(1338261400 + i), Names: texts("bawełna organiczna")}}})
	}
	p.Group = &feed.Group{ID: "101", First: "101", Parameter: feed.GroupName{ID: "050ef565b4fad5b7faf128b67a873c71", Names: texts("Kolor")}, Value: feed.GroupName{ID: "50981601448ece2e1de05f619854c0eb", Names: texts("niebieski")}}
	return p
}

func TestDecoderAllocatesNothing(t *testing.T) {
	doc := Append(nil, typical(t))
	var dec Decoder
	var p feed.Product
	decode := func() {
		if err := dec.Decode(doc, &p); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if n := testing.AllocsPerRun(100, decode); n != 0 {
		t.Errorf("%v allocations in a warm product, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := Decode(doc, &p); err != nil {
			t.Fatal(err)
		}
	}); n != 1 {
		t.Errorf("%v allocations with a copy of the document, want 1", n)
	}
	buf := make([]byte, 0, 2*len(doc))
	if n := testing.AllocsPerRun(100, func() { buf = Append(buf[:0], &p) }); n != 0 {
		t.Errorf("%v allocations of Append in a large enough buffer, want 0", n)
	}
}

// mirror gives the type that holds what t holds in exported fields, as the
// general encodings need it.
func mirror(t reflect.Type) reflect.Type {
	switch t {
	case reflect.TypeFor[feed.Amount](), reflect.TypeFor[feed.Percent](), reflect.TypeFor[feed.Quantity](), reflect.TypeFor[feed.Weight](), reflect.TypeFor[feed.Int]():
		return reflect.TypeFor[int64]()
	case reflect.TypeFor[feed.Language](), reflect.TypeFor[feed.Currency]():
		return reflect.TypeFor[string]()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(mirror(t.Elem()))
	case reflect.Slice:
		return reflect.SliceOf(mirror(t.Elem()))
	case reflect.Struct:
		var fields []reflect.StructField
		for f := range t.Fields() {
			if f.Type == reflect.TypeFor[*feed.Mark]() {
				break // the last member of what has one, and stored nowhere
			}
			fields = append(fields, reflect.StructField{Name: f.Name, Type: mirror(f.Type), Tag: `json:",omitzero"`})
		}
		return reflect.StructOf(fields)
	}
	return t
}

// reflected copies src, a product, into its mirror.
func reflected(dst, src reflect.Value) {
	switch v := src.Interface().(type) {
	case feed.Amount:
		dst.SetInt(v.Minor())
		return
	case feed.Percent:
		dst.SetInt(v.Millionths())
		return
	case feed.Quantity:
		dst.SetInt(v.Thousandths())
		return
	case feed.Weight:
		dst.SetInt(v.Milligrams())
		return
	case feed.Int:
		dst.SetInt(int64(v.Or(-1)))
		return
	case feed.Language:
		dst.SetString(v.String())
		return
	case feed.Currency:
		dst.SetString(v.String())
		return
	}
	switch src.Kind() {
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(reflect.New(dst.Type().Elem()))
			reflected(dst.Elem(), src.Elem())
		}
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(dst.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			reflected(dst.Index(i), src.Index(i))
		}
	case reflect.Struct:
		for i := range dst.NumField() {
			reflected(dst.Field(i), src.Field(i))
		}
	default:
		dst.Set(src)
	}
}

// BenchmarkEncodings compares the documents with general encodings of the same
// content; the sizes, also deflated, are reported as metrics.
func BenchmarkEncodings(b *testing.B) {
	p := typical(b)
	m := reflect.New(mirror(reflect.TypeFor[feed.Product]()))
	reflected(m.Elem(), reflect.ValueOf(p).Elem())

	sizes := func(b *testing.B, doc []byte) {
		var z bytes.Buffer
		w, err := flate.NewWriter(&z, 6)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = w.Write(doc); err != nil {
			b.Fatal(err)
		}
		if err = w.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(doc)), "doc-bytes")
		b.ReportMetric(float64(z.Len()), "deflated-bytes")
	}
	doc := Append(nil, p)
	b.Run("record/encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = Append(buf[:0], p)
		}
		sizes(b, buf)
	})
	b.Run("record/decode-aliasing", func(b *testing.B) {
		b.ReportAllocs()
		var dec Decoder
		var q feed.Product
		for b.Loop() {
			if err := dec.Decode(doc, &q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("record/decode-copying", func(b *testing.B) {
		b.ReportAllocs()
		var q feed.Product
		for b.Loop() {
			if err := Decode(doc, &q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("record/digest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			DigestDocument(doc)
		}
	})
	text, err := json.Marshal(m.Interface())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("json/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(m.Interface()); err != nil {
				b.Fatal(err)
			}
		}
		sizes(b, text)
	})
	b.Run("json/decode", func(b *testing.B) {
		b.ReportAllocs()
		q := reflect.New(m.Type().Elem())
		for b.Loop() {
			if err := json.Unmarshal(text, q.Interface()); err != nil {
				b.Fatal(err)
			}
		}
	})
	// A stored document stands alone, so gob's description of the types is part
	// of each.
	encode := func(b *testing.B) []byte {
		var buf bytes.Buffer
		if err := gob.NewEncoder(&buf).EncodeValue(m); err != nil {
			b.Fatal(err)
		}
		return buf.Bytes()
	}
	b.Run("gob/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encode(b)
		}
		sizes(b, encode(b))
	})
	b.Run("gob/decode", func(b *testing.B) {
		b.ReportAllocs()
		data := encode(b)
		for b.Loop() {
			q := reflect.New(m.Type().Elem())
			if err := gob.NewDecoder(bytes.NewReader(data)).DecodeValue(q); err != nil {
				b.Fatal(err)
			}
		}
	})
}
