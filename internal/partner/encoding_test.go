package partner_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func ExampleEncodeProfile() {
	p := feed.Profile{Currency: feed.MustCurrency("EUR"), Languages: []feed.Language{feed.MustLanguage("de")}}
	p.Discounts.Overall, _ = feed.ParseDiscount("10")
	b, err := partner.EncodeProfile(&p)
	fmt.Println(string(b), err)
	again, err := partner.DecodeProfile(b)
	fmt.Println(again.LightKey() == p.LightKey(), err)
	// Output:
	// {"languages":["ger"],"currency":"EUR","discounts":{"overall":"10.0"}} <nil>
	// true <nil>
}

func ExampleEncodeSupplier() {
	b, err := partner.EncodeSupplier(&feed.Supplier{Name: "Zażółć & Co", City: "Kraków"})
	fmt.Println(string(b), err)
	// Output: {"name":"Zażółć & Co","city":"Kraków"} <nil>
}

// anyProfile draws a valid profile.
func anyProfile(t *rapid.T) feed.Profile {
	var p feed.Profile
	for _, l := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"pol", "eng", "ger", "cze"}), 0, 4, rapid.ID).Draw(t, "languages") {
		p.Languages = append(p.Languages, feed.MustLanguage(l))
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	decimal := rapid.StringMatching(`[0-9]{1,2}(\.[0-9]{1,4})?`)
	if rapid.Bool().Draw(t, "currency") {
		p.Currency = feed.MustCurrency("EUR")
		for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"PLN", "CZK", "JPY"}), 0, 3, rapid.ID).Draw(t, "rates") {
			r, err := feed.ParseRate(rapid.StringMatching(`[0-9]{0,3}[1-9](\.[0-9]{1,8})?`).Draw(t, "rate"))
			must(err)
			p.Rates = append(p.Rates, feed.ExchangeRate{From: feed.MustCurrency(c), Rate: r})
		}
	}
	p.Base = rapid.SampledFrom([]feed.PriceBase{feed.BaseRetail, feed.BaseWholesale}).Draw(t, "base")
	p.Lead = rapid.SampledFrom([]feed.PriceLead{feed.LeadNet, feed.LeadGross}).Draw(t, "lead")
	if rapid.Bool().Draw(t, "listed") {
		p.PriceList, p.OnlyListed = partner.NewPriceListID(), rapid.Bool().Draw(t, "only")
	}
	percent := func(name string) feed.Percent {
		v, err := feed.ParseDiscount(decimal.Draw(t, name))
		must(err)
		return v
	}
	p.Discounts.Overall = percent("overall")
	key := rapid.StringMatching(`[^\x00-\x1f\x7f-\x9f]{1,12}`)
	for _, list := range []*[]feed.DiscountRule{&p.Discounts.Categories, &p.Discounts.Producers, &p.Discounts.Products} {
		for _, k := range rapid.SliceOfNDistinct(key, 0, 3, rapid.ID).Draw(t, "keys") {
			*list = append(*list, feed.DiscountRule{Key: k, Percent: percent("discount")})
		}
	}
	for _, list := range []*[]feed.Rule{&p.Assortment.Include, &p.Assortment.Exclude} {
		for _, v := range rapid.SliceOfN(key, 0, 3).Draw(t, "values") {
			*list = append(*list, feed.Rule{Field: feed.RuleField(rapid.IntRange(0, int(feed.RuleTag)).Draw(t, "field")), Value: v})
		}
	}
	p.Assortment.InStockOnly = rapid.Bool().Draw(t, "in stock")
	for _, w := range rapid.SliceOfN(rapid.Int32Range(0, 9), 0, 3).Draw(t, "warehouses") {
		p.Stock.Warehouses = append(p.Stock.Warehouses, feed.WarehouseID(w))
	}
	p.Stock.PerWarehouse = rapid.Bool().Draw(t, "per warehouse")
	for i, q := range []*feed.Quantity{&p.Stock.Buffer, &p.Stock.Cap, &p.Stock.Unlimited} {
		if rapid.Bool().Draw(t, "quantity") {
			v, err := feed.ParseQuantity(rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{1,3})?`).Draw(t, "quantity"))
			must(err)
			*q = v
		} else if i == 2 && rapid.Bool().Draw(t, "unlimited") {
			*q = feed.Unlimited()
		}
	}
	d := reflect.ValueOf(&p.Dialect).Elem() // all its fields, also ones to come
	for i := range d.NumField() {
		d.Field(i).SetBool(rapid.Bool().Draw(t, d.Type().Field(i).Name))
	}
	if rapid.Bool().Draw(t, "site") {
		p.Site = feed.IntOf(rapid.Int32Range(0, 99).Draw(t, "site"))
	}
	p.CSV = rapid.Bool().Draw(t, "csv")
	must(p.Validate())
	return p
}

// TestProfileRoundTrip: what is stored is what was meant, in one form only.
func TestProfileRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyProfile(t)
		b, err := partner.EncodeProfile(&p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := partner.DecodeProfile(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !reflect.DeepEqual(got, p) || got.FullKey() != p.FullKey() || got.LightKey() != p.LightKey() {
			t.Fatalf("%s is read as %+v, want %+v", b, got, p)
		}
		if again, _ := partner.EncodeProfile(&got); !bytes.Equal(again, b) {
			t.Fatalf("written again: %s, first %s", again, b)
		}
	})
}

// TestProfileFieldsAreKnown counts what a profile is made of: a new field has
// to be stored too, and then counted here.
// TestEveryProfileFieldAlone stores profiles that say one thing: what belongs
// together is left out only when none of it says anything.
func TestEveryProfileFieldAlone(t *testing.T) {
	t.Parallel()
	ten, err := feed.ParseDiscount("10")
	if err != nil {
		t.Fatal(err)
	}
	rate, err := feed.ParseRate("4.25")
	if err != nil {
		t.Fatal(err)
	}
	pln, eur := feed.MustCurrency("PLN"), feed.MustCurrency("EUR")
	discount, tag := []feed.DiscountRule{{Key: "a", Percent: ten}}, []feed.Rule{{Field: feed.RuleTag, Value: "new"}}
	for _, p := range []feed.Profile{
		{}, {Languages: []feed.Language{feed.MustLanguage("pol")}}, {Currency: eur}, {Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate}}},
		{Base: feed.BaseWholesale}, {Lead: feed.LeadGross}, {PriceList: "t-a"}, {PriceList: "t-a", OnlyListed: true}, {CSV: true}, {Site: feed.IntOf(2)},
		{Discounts: feed.Discounts{Overall: ten}}, {Discounts: feed.Discounts{Categories: discount}}, {Discounts: feed.Discounts{Producers: discount}}, {Discounts: feed.Discounts{Products: discount}},
		{Assortment: feed.Assortment{Include: tag}}, {Assortment: feed.Assortment{Exclude: tag}}, {Assortment: feed.Assortment{InStockOnly: true}},
		{Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{2}}}, {Stock: feed.StockPolicy{PerWarehouse: true}}, {Stock: feed.StockPolicy{Buffer: feed.Pieces(1)}},
		{Stock: feed.StockPolicy{Cap: feed.Pieces(0)}}, {Stock: feed.StockPolicy{Unlimited: feed.Pieces(5)}}, {Dialect: feed.Dialect{OneSizeZero: true}},
	} {
		b, err := partner.EncodeProfile(&p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := partner.DecodeProfile(b); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s is read as %+v, %v, want %+v", b, got, err, p)
		}
	}
}

func TestProfileFieldsAreKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    any
		want int
	}{{feed.Profile{}, 13}, {feed.Discounts{}, 4}, {feed.Assortment{}, 3}, {feed.StockPolicy{}, 5}, {feed.Dialect{}, 8}, {feed.Rule{}, 2}, {feed.DiscountRule{}, 2}, {feed.ExchangeRate{}, 2}, {feed.Supplier{}, 12}} {
		if n := reflect.TypeOf(c.v).NumField(); n != c.want {
			t.Errorf("%T has %d fields, %d are stored", c.v, n, c.want)
		}
	}
}

func TestDecodeProfileRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		``, `null x`, `[]`, `{"colour":"red"}`, `{} {}`, `{"currency":"XYZ"}`, `{"currency":"eur"}`, `{"rates":[{"from":"EUR","rate":"2"}]}`,
		`{"currency":"EUR","rates":[{"from":"PLN","rate":"0"}]}`, `{"base":"retail"}`, `{"lead":"net"}`, `{"discounts":{"overall":"101"}}`,
		`{"discounts":{"products":[{"key":"a","percent":"x"}]}}`, `{"assortment":{"include":[{"field":"colour","value":"red"}]}}`,
		`{"assortment":{"exclude":[{"field":"tag","value":""}]}}`, `{"stock":{"buffer":"-1"}}`, `{"stock":{"cap":"many"}}`, `{"languages":["pol","pol"]}`, `{"languages":["xx"]}`, `{"site":"1"}`, `{"only_listed":true}`,
		// The first mistake counts, whatever stands right behind it.
		`{"currency":"EUR","rates":[{"from":"??","rate":"2"}]}`, `{"discounts":{"categories":[{"key":"a","percent":"x"}],"products":[{"key":"b","percent":"1"}]}}`,
		`{"discounts":{"producers":[{"key":"a","percent":"x"}]}}`, `{"assortment":{"exclude":[{"field":"colour","value":"red"}]}}`, `{"stock":{"unlimited":"many"}}`,
	} {
		if _, err := partner.DecodeProfile([]byte(bad)); err == nil {
			t.Errorf("%s is taken for a profile", bad)
		}
	}
	if _, err := partner.DecodeSupplier([]byte(`{"nmae":"x"}`)); err == nil {
		t.Error("a supplier with an unknown field is taken")
	}
	for _, p := range []feed.Profile{{Base: 9}, {Lead: 9}, {Assortment: feed.Assortment{Include: []feed.Rule{{Field: 9, Value: "x"}}}}} {
		if _, err := partner.EncodeProfile(&p); err == nil {
			t.Errorf("%+v is stored", p)
		}
	}
}

func FuzzDecodeProfile(f *testing.F) {
	f.Add([]byte(`{"languages":["ger"],"currency":"EUR","rates":[{"from":"PLN","rate":"0.23"}],"discounts":{"overall":"10"},"site":3}`))
	f.Add([]byte(`{"stock":{"unlimited":"-1","warehouses":[1,2]},"assortment":{"include":[{"field":"tag","value":"a"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := partner.DecodeProfile(b)
		if err != nil {
			return
		}
		text, err := partner.EncodeProfile(&p)
		if err != nil {
			t.Fatalf("%q is read and cannot be written: %v", b, err)
		}
		again, err := partner.DecodeProfile(text)
		if err != nil || again.FullKey() != p.FullKey() || again.LightKey() != p.LightKey() {
			t.Errorf("%q is written as %s and read as %+v, %v", b, text, again, err)
		}
	})
}

func TestSupplierRoundTrip(t *testing.T) {
	t.Parallel()
	var s feed.Supplier
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		v.Field(i).SetString("value <&> of " + v.Type().Field(i).Name)
	}
	b, err := partner.EncodeSupplier(&s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := partner.DecodeSupplier(b); got != s || err != nil {
		t.Errorf("%s is read as %+v, %v", b, got, err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	m := partner.Merchant{ID: partner.NewMerchantID(), Name: "m"}
	for _, c := range []struct {
		name   string
		change func(m *partner.Merchant)
		bad    bool
	}{
		{"as it is", func(*partner.Merchant) {}, false},
		{"no name", func(m *partner.Merchant) { m.Name = " " }, true},
		{"two lines", func(m *partner.Merchant) { m.Name = "a\nb" }, true},
		{"long name", func(m *partner.Merchant) { m.Name = strings.Repeat("ż", 201) }, true},
		{"control", func(m *partner.Merchant) { m.Name = "a\x00" }, true},
		{"no id", func(m *partner.Merchant) { m.ID = "m" }, true},
		{"zone", func(m *partner.Merchant) { m.ZoneOffset = -90 * time.Minute }, false},
		{"zone of seconds", func(m *partner.Merchant) { m.ZoneOffset = time.Second }, true},
		{"zone beyond", func(m *partner.Merchant) { m.ZoneOffset = 15 * time.Hour }, true},
		{"zone at the date line", func(m *partner.Merchant) { m.ZoneOffset = 14 * time.Hour }, false},
		{"zone at its other side", func(m *partner.Merchant) { m.ZoneOffset = -14 * time.Hour }, false},
		{"zone beyond its other side", func(m *partner.Merchant) { m.ZoneOffset = -14*time.Hour - time.Minute }, true},
		{"no alarm", func(m *partner.Merchant) { m.Alarm.Addresses = -1 }, false},
		{"an alarm at nothing", func(m *partner.Merchant) { m.Alarm.Addresses = -2 }, true},
		{"an alarm at what is still counted", func(m *partner.Merchant) { m.Alarm.Addresses = partner.MaxLinkClients }, false},
		{"an alarm at more than is counted", func(m *partner.Merchant) { m.Alarm.Addresses = partner.MaxLinkClients + 1 }, true},
		{"stale after an hour", func(m *partner.Merchant) { m.StaleAfter = time.Hour }, false},
		{"stale before", func(m *partner.Merchant) { m.StaleAfter = -time.Hour }, true},
		{"stale after a part of a second", func(m *partner.Merchant) { m.StaleAfter = time.Millisecond }, true},
		{"address", func(m *partner.Merchant) { m.BaseURL = "https://a.example:8443/feeds" }, false},
		{"address with a host in other letters", func(m *partner.Merchant) { m.BaseURL = "https://żółw.example" }, true},
		{"address with a slash", func(m *partner.Merchant) { m.BaseURL = "https://a.example/" }, true},
		{"address with a query", func(m *partner.Merchant) { m.BaseURL = "https://a.example/?" }, true},
		{"address with a user", func(m *partner.Merchant) { m.BaseURL = "https://u:p@a.example" }, true},
		{"address without a scheme", func(m *partner.Merchant) { m.BaseURL = "a.example" }, true},
		{"address of another scheme", func(m *partner.Merchant) { m.BaseURL = "ftp://a.example" }, true},
	} {
		x := m
		c.change(&x)
		if err := x.Validate(); (err != nil) != c.bad || err != nil && feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	p := partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "p", Email: "a@example.com"}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"a", "a@b@c", "a b@c", "a@b\r\nBcc: x"} {
		p.Email = bad
		if p.Validate() == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
	if off := (&partner.Merchant{ZoneOffset: time.Hour}).Zone().String(); off != "" {
		t.Errorf("the zone has the name %q", off)
	}
}
