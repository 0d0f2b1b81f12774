package iof_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"
)

func openLight(t *testing.T, dir, products string) *iof.Light {
	t.Helper()
	l, err := iof.OpenLight(context.Background(), offer(products), dir, iof.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestLightByHand(t *testing.T) {
	t.Parallel()
	l := openLight(t, t.TempDir(), `
		<product id="9" vat="8"><price gross="108" net="100"/><srp gross="216" net="200"/><sizes>
			<size id="2" code="9-2"><stock id="1" quantity="5"/><stock id="2" quantity="-1"/></size>
			<size id="renamed" code="9-1"><price gross="54" net="50"/></size>
			<size id="4" code="9-4" name="XL" code_producer="5900000000015"><stock id="1" quantity="3"/></size>
		</sizes></product>
		<product id="5" vat="23"><price gross="1.23" net="1"/><sizes><size id="0" code="5-0"><stock id="1" quantity="1"/></size></sizes></product>
		<product id="5" vat="23"><price gross="2.46" net="2"/><sizes><size id="0" code="5-0"><stock id="1" quantity="2"/></size></sizes></product>
		<product id="7"><price net="10"/><sizes><size id="1" code="7-1"/></sizes></product>`)
	if l.Len() != 3 {
		t.Errorf("%d products, want 3", l.Len())
	}
	var ids []feed.ProductID
	l.IDs(func(id feed.ProductID) bool { ids = append(ids, id); return id < 7 })
	if fmt.Sprint(ids) != "[5 7]" {
		t.Errorf("ids %v, want 5 and 7", ids)
	}
	full := func(id feed.ProductID) *feed.Product {
		return &feed.Product{ID: id, VAT: percent(t, "23"), Currency: pln, Prices: feed.Prices{List: price(t, 999, 900), Wholesale: price(t, 700, 600), StrikethroughRetail: price(t, 2000, 1900)},
			Sizes: []feed.Size{
				{ID: "1", Code: fmt.Sprint(int64(id), "-1"), Prices: feed.Prices{List: price(t, 888, 800)}, Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(99)}}},
				{ID: "2", Prices: feed.Prices{List: price(t, 777, 700), SRP: price(t, 1, 1)}, Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(99)}}},
				{ID: "3", Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(99)}}},
			}}
	}
	p := full(9)
	if found, err := l.Apply(p); !found || err != nil {
		t.Fatalf("%v, %v", found, err)
	}
	var sizes []string
	for _, s := range p.Sizes {
		sizes = append(sizes, fmt.Sprint(s.ID, " ", minor(s.Prices.List), " ", minor(s.Prices.SRP), " ", len(s.Stock)))
	}
	for _, c := range []struct{ what, got, want string }{
		{"product", fmt.Sprint(minor(p.Prices.List), " ", minor(p.Prices.SRP), " ", minor(p.Prices.Wholesale), " ", minor(p.Prices.StrikethroughRetail), " ", p.VAT), "10800/10000 21600/20000 700/600 2000/1900 8.0"},
		// 1: by code, its own light price, no stock. 2: by id, the product's light
		// price instead of its old one. 3: not in light. 4: only in light.
		{"sizes", strings.Join(sizes, ", "), "1 5400/5000 0/0 0, 2 0/0 0/0 2, 3 0/0 0/0 0, 4 0/0 0/0 1"},
		{"stock", fmt.Sprint(p.Sizes[1].Stock[0].Quantity, p.Sizes[1].Stock[1].Quantity, p.Sizes[3].Name, p.Sizes[3].ProducerCode), "5 -1XL5900000000015"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	one := &feed.Product{ID: 5, Currency: pln, Sizes: []feed.Size{{ID: "uniw", Code: "other"}}}
	if found, err := l.Apply(one); !found || err != nil || minor(one.Prices.List) != "246/200" || len(one.Sizes) != 1 || one.Sizes[0].Stock[0].Quantity != feed.Pieces(2) {
		t.Errorf("%v, %v, %+v: want the last of two and the one size by its other id", found, err, one)
	}
	// Light gives net alone and no rate: full's rate completes it.
	seven := full(7)
	if found, err := l.Apply(seven); !found || err != nil || minor(seven.Prices.List) != "1230/1000" {
		t.Errorf("%v, %v, %v, want 12.30 gross", found, err, minor(seven.Prices.List))
	}
	stranger := full(8)
	if found, err := l.Apply(stranger); found || err != nil || stranger.Sizes[0].Stock[0].Quantity != feed.Pieces(99) {
		t.Errorf("%v, %v: want a product that light does not have left alone", found, err)
	}
	euro := full(9)
	euro.Currency = feed.MustCurrency("EUR")
	if _, err := l.Apply(euro); feed.KindOf(err) != feed.KindConflict || minor(euro.Prices.List) != "999/900" {
		t.Errorf("%v, want a conflict of currencies and prices as they were", err)
	}
}

// TestLightLeavesNothing checks that no temporary file is left, whatever happens.
func TestLightLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := iof.OpenLight(context.Background(), offer(`<product id="1" vat="0"/>`), dir, iof.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := iof.OpenLight(context.Background(), strings.NewReader(offerStart+`<product id="1"/>`), dir, iof.ReadOptions{}); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("a file that was cut off: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := iof.OpenLight(ctx, offer(""), dir, iof.ReadOptions{}); err == nil {
		t.Error("a canceled context is no error")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := iof.OpenLight(context.Background(), offer(""), dir+"/none", iof.ReadOptions{}); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// TestLightLargeProduct reads a product that is longer than the first guess.
func TestLightLargeProduct(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<product id="3" vat="23"><price gross="1.23" net="1"/><sizes>`)
	for i := range 400 {
		fmt.Fprintf(&b, `<size id="%d" code="3-%[1]d"><stock id="1" quantity="%[1]d"/></size>`, i+1)
	}
	b.WriteString(`</sizes></product>`)
	l := openLight(t, t.TempDir(), `<product id="1" vat="0"/>`+b.String()+`<product id="4" vat="0"/>`)
	p := &feed.Product{ID: 3, Currency: pln, Sizes: []feed.Size{{ID: "400", Code: "3-400"}}}
	if found, err := l.Apply(p); !found || err != nil || len(p.Sizes) != 400 || p.Sizes[0].Stock[0].Quantity != feed.Pieces(400) {
		t.Errorf("%v, %v, %d sizes", found, err, len(p.Sizes))
	}
}
