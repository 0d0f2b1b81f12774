package iof_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"feedmill/feed"
	"feedmill/feed/iof"

	"pgregory.net/rapid"
)

// What is remembered of stocks and units is what they say now, whatever those
// before them have said, also where memory is used again.
func TestRememberedStocksAndUnits(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	// Quantities around the bounds of what is kept, most of them few.
	quantity := rapid.Custom(func(t *rapid.T) feed.Quantity {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return feed.Quantity{}
		case 1:
			return feed.Unlimited()
		case 2:
			q, err := feed.ParseQuantity("2.5")
			if err != nil {
				t.Fatal(err)
			}
			return q
		case 3:
			return feed.Pieces(rapid.Int64Range(254, 258).Draw(t, "many"))
		}
		return feed.Pieces(rapid.Int64Range(0, 3).Draw(t, "few"))
	})
	stock := rapid.Custom(func(t *rapid.T) feed.Stock {
		s := feed.Stock{Warehouse: rapid.SampledFrom([]feed.WarehouseID{1, 2, 1 << 30}).Draw(t, "warehouse"), Quantity: quantity.Draw(t, "quantity")}
		switch rapid.IntRange(0, 6).Draw(t, "member") {
		case 0:
			s.Available = quantity.Draw(t, "available")
		case 1:
			s.Physical = quantity.Draw(t, "physical")
		case 2:
			s.Available, s.Physical = s.Quantity, s.Quantity
		case 3:
			s.LocationID = "3"
		case 4:
			s.Location = "A & B"
		}
		return s
	})
	names := rapid.SampledFrom([]feed.Texts{nil, {{Value: "szt."}}, {{Lang: pol, Value: "szt."}}, {{Lang: pol, Value: "para"}}, {{Lang: eng, Value: "szt."}},
		{{Lang: pol, Value: "szt."}, {Lang: eng, Value: "pcs."}}, {{Value: " "}}})
	index := feed.NewIndex(&feed.Dictionaries{Units: []feed.Unit{{ID: "2", Precision: 2, Names: feed.Texts{{Lang: pol, Value: "m²"}}}}})
	rapid.Check(t, func(t *rapid.T) {
		var texts iof.Texts
		w := iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, rapid.SampledFrom([]*feed.Index{nil, index}).Draw(t, "index"), iof.Options{})
		memory := make([]byte, 0, 1<<10) // of all texts of a product, overwritten by the next
		place := func(s string) string {
			memory = append(memory, s...)
			b := memory[len(memory)-len(s):]
			return unsafe.String(unsafe.SliceData(b), len(b))
		}
		for range rapid.IntRange(2, 8).Draw(t, "products") {
			memory = memory[:0]
			p := &feed.Product{ID: 1, Unit: feed.Reference{ID: place(rapid.SampledFrom([]string{"", "1", "2", "a&b", "12345678901234567890"}).Draw(t, "unit")), Names: slices.Clone(names.Draw(t, "names"))}}
			for i := range p.Unit.Names {
				p.Unit.Names[i].Value = place(p.Unit.Names[i].Value)
			}
			it := feed.Item{Product: p}
			for i := range rapid.IntRange(1, 3).Draw(t, "sizes") {
				p.Sizes = append(p.Sizes, feed.Size{ID: fmt.Sprint(i), Code: fmt.Sprint("1-", i)})
				it.Sizes = append(it.Sizes, feed.ItemSize{Stock: rapid.SliceOfN(stock, 0, 3).Draw(t, "stock")})
			}
			texts.Next()
			for _, room := range []int{0, 4 << 10, 4 << 10} { // what comes again is remembered the second time
				if got, want := w.AppendFullWith(make([]byte, 0, room), &it, &texts), w.AppendFull(nil, &it); !bytes.Equal(got, want) {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		}
	})
}

// The names of a size are the same whether they are copied or written, however
// long they are and however little room there is.
func TestNamesOfSizes(t *testing.T) {
	t.Parallel()
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	for n := range 40 {
		name := strings.Repeat("x", n+1)
		p := &feed.Product{ID: 1, Sizes: []feed.Size{{ID: name, Name: name, PanelName: name}}}
		want := fmt.Sprintf(`<size id="%s" name="%[1]s" panel_name="%[1]s"`, name)
		for room := range 600 {
			if got := w.AppendFull(make([]byte, 0, room), &feed.Item{Product: p}); !bytes.Contains(got, []byte(want)) {
				t.Fatalf("room for %d bytes: got\n%s\nwant %s in it", room, got, want)
			}
		}
	}
}

// Pictures are numbered as they come, also beyond the ninth.
func TestManyPictures(t *testing.T) {
	t.Parallel()
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	p := &feed.Product{ID: 1}
	var want string
	for i := 1; i <= 12; i++ {
		p.Images = append(p.Images, feed.Image{URL: fmt.Sprint("https://x.example/", i), Width: feed.IntOf(int32(i))})
		want += fmt.Sprintf(`<image iaiext:priority="%d" url="https://x.example/%[1]d" width="%[1]d"/>`, i)
		for room := range 1000 {
			if got := w.AppendFull(make([]byte, 0, room), &feed.Item{Product: p}); !bytes.Contains(got, []byte("<large>"+want+"</large>")) {
				t.Fatalf("%d pictures, room for %d bytes: got\n%s\nwant %s in it", i, room, got, want)
			}
		}
	}
}
