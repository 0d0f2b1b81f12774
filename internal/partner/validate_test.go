package partner_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// TestEveryRecordIsChecked makes one mistake at a time in what is right.
func TestEveryRecordIsChecked(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	pln, eur := feed.MustCurrency("PLN"), feed.MustCurrency("EUR")
	rate, err := feed.ParseRate("4.25")
	if err != nil {
		t.Fatal(err)
	}
	many := make([]netip.Prefix, partner.MaxCIDRs+1)
	for i := range many {
		many[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24)
	}
	points := make(partner.Schedule, partner.MaxSwitchPoints+1)
	for i := range points {
		points[i].At = at.Add(time.Duration(i) * time.Hour)
	}
	check := func(what string, err error, right bool) {
		t.Helper()
		if right && err != nil || !right && feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s: got %v, right %v", what, err, right)
		}
	}
	for text, state := range map[string]partner.State{"active": partner.StateActive, "blocked": partner.StateBlocked} {
		if got, err := partner.ParseState(text); err != nil || got != state || got.String() != text {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Active", "off"} {
		_, err := partner.ParseState(text)
		check("state "+text, err, false)
	}
	names := map[string]bool{"": false, " x": false, "x ": false, "a\tb": false, "a\nb": false, "a\x00": false, strings.Repeat("ż", 201): false, strings.Repeat("ż", 200): true, "Łódź & Co": true}

	shop := func(change func(*partner.Shop)) error {
		s := partner.Shop{ID: partner.NewShopID(), Merchant: partner.NewMerchantID(), Number: 1, Name: "shop"}
		change(&s)
		return s.Validate()
	}
	check("shop", shop(func(*partner.Shop) {}), true)
	check("shop 0", shop(func(s *partner.Shop) { s.Number = 0 }), true)
	check("shop -1", shop(func(s *partner.Shop) { s.Number = -1 }), false)
	check("shop's id", shop(func(s *partner.Shop) { s.ID = "s-1" }), false)

	recipient := func(change func(*partner.Partner)) error {
		p := partner.Partner{ID: partner.NewID(), Merchant: partner.NewMerchantID(), Name: "Nord Shop", Email: "it@nord.example", Tags: []string{"gold", "retail"}}
		change(&p)
		return p.Validate()
	}
	check("partner", recipient(func(*partner.Partner) {}), true)
	check("partner's id", recipient(func(p *partner.Partner) { p.ID = "p-1" }), false)
	check("partner's merchant", recipient(func(p *partner.Partner) { p.Merchant = "" }), false)
	check("partner's state", recipient(func(p *partner.Partner) { p.State = partner.StateBlocked + 1 }), false)
	for tag, right := range map[string]bool{"a": true, strings.Repeat("a", 60): true, strings.Repeat("a", 61): false, "": false, " a": false, "a,b": false, "a\nb": false, "a\x00": false, "gold": false} {
		check("tag "+tag, recipient(func(p *partner.Partner) { p.Tags = append(p.Tags, tag) }), right)
	}
	check("notes", recipient(func(p *partner.Partner) { p.Notes = strings.Repeat("a", 20_000) }), true)
	check("long notes", recipient(func(p *partner.Partner) { p.Notes = strings.Repeat("a", 20_001) }), false)
	check("notes that are no text", recipient(func(p *partner.Partner) { p.Notes = "a\x00" }), false)
	check("partner's schedule", recipient(func(p *partner.Partner) { p.Schedule = partner.Schedule{{At: at}, {At: at}} }), false)
	check("as many points as may be", recipient(func(p *partner.Partner) { p.Schedule = points[1:] }), true)
	check("too many points", recipient(func(p *partner.Partner) { p.Schedule = points }), false)
	check("partner's discounts", recipient(func(p *partner.Partner) { p.Discounts.Products = []feed.DiscountRule{{Key: ""}} }), false)

	offer := func(change func(*partner.Offer)) error {
		o := partner.Offer{ID: partner.NewOfferID(), Merchant: partner.NewMerchantID(), Partner: partner.NewID(), Shop: partner.NewShopID(), Name: "offer"}
		change(&o)
		return o.Validate()
	}
	check("offer", offer(func(*partner.Offer) {}), true)
	check("offer's id", offer(func(o *partner.Offer) { o.ID = "o" }), false)
	check("offer's merchant", offer(func(o *partner.Offer) { o.Merchant = "m" }), false)
	check("offer's partner", offer(func(o *partner.Offer) { o.Partner = "p" }), false)
	check("offer's shop", offer(func(o *partner.Offer) { o.Shop = "s" }), false)
	check("offer's profile", offer(func(o *partner.Offer) { o.Profile.Rates = []feed.ExchangeRate{{From: pln, Rate: rate}} }), false)
	check("offer's schedule", offer(func(o *partner.Offer) { o.Schedule = partner.Schedule{{}} }), false)

	link := func(change func(*partner.Link)) error {
		l, _ := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "link", at, time.Time{})
		change(&l)
		return l.Validate()
	}
	check("link", link(func(*partner.Link) {}), true)
	check("link's id", link(func(l *partner.Link) { l.ID = "l-x" }), false)
	check("link's merchant", link(func(l *partner.Link) { l.Merchant = "" }), false)
	check("link's offer", link(func(l *partner.Link) { l.Offer = "" }), false)
	check("link without a secret", link(func(l *partner.Link) { l.SecretHash = [32]byte{} }), false)
	check("link for orders", link(func(l *partner.Link) { l.Scopes |= partner.ScopeOrdersWrite }), false)
	check("link for nothing", link(func(l *partner.Link) { l.Scopes = 0 }), false)
	check("link's networks", link(func(l *partner.Link) { l.CIDRs = many[1:] }), true)
	check("link's many networks", link(func(l *partner.Link) { l.CIDRs = many }), false)
	check("link's network with host bits", link(func(l *partner.Link) { l.CIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} }), false)
	check("link's network in IPv6 form", link(func(l *partner.Link) { l.CIDRs = []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")} }), false)

	key := func(change func(*partner.Key)) error {
		k, _ := partner.NewKey(partner.NewMerchantID(), "key", partner.ScopePublish, at, time.Time{})
		change(&k)
		return k.Validate()
	}
	check("key", key(func(*partner.Key) {}), true)
	check("key's id", key(func(k *partner.Key) { k.ID = "k-x" }), false)
	check("key's merchant", key(func(k *partner.Key) { k.Merchant = "" }), false)
	check("key without a secret", key(func(k *partner.Key) { k.SecretHash = [32]byte{} }), false)
	check("key for nothing", key(func(k *partner.Key) { k.Scopes = 0 }), false)
	check("key that reads offers too", key(func(k *partner.Key) { k.Scopes |= partner.ScopeFeedRead }), false)
	check("key's many networks", key(func(k *partner.Key) { k.CIDRs = many }), false)

	prices := func(change func(*partner.PriceList)) error {
		l := partner.PriceList{ID: partner.NewPriceListID(), Merchant: partner.NewMerchantID(), Name: "B2B", Currency: pln}
		change(&l)
		return l.Validate()
	}
	check("price list", prices(func(*partner.PriceList) {}), true)
	check("price list of gross prices", prices(func(l *partner.PriceList) { l.Lead = feed.LeadGross }), true)
	check("price list's id", prices(func(l *partner.PriceList) { l.ID = "b2b" }), false)
	check("price list's currency", prices(func(l *partner.PriceList) { l.Currency = feed.Currency{} }), false)
	check("price list's side", prices(func(l *partner.PriceList) { l.Lead = feed.LeadGross + 1 }), false)

	for name, right := range names {
		check("shop "+name, shop(func(s *partner.Shop) { s.Name = name }), right)
		check("partner "+name, recipient(func(p *partner.Partner) { p.Name = name }), right)
		check("offer "+name, offer(func(o *partner.Offer) { o.Name = name }), right)
		check("link "+name, link(func(l *partner.Link) { l.Name = name }), right)
		check("key "+name, key(func(k *partner.Key) { k.Name = name }), right)
		check("price list "+name, prices(func(l *partner.PriceList) { l.Name = name }), right)
	}

	for what, r := range map[string]partner.Rate{
		"rate": {From: eur, To: pln, Rate: rate}, "rate from nothing": {To: pln, Rate: rate}, "rate to nothing": {From: eur, Rate: rate},
		"rate to itself": {From: eur, To: eur, Rate: rate},
	} {
		check(what, r.Validate(), what == "rate")
	}

	amount, err := feed.AmountOf(100)
	if err != nil {
		t.Fatal(err)
	}
	priced := func(id feed.ProductID, code string) partner.ListPrice {
		return partner.ListPrice{PriceKey: partner.PriceKey{Product: id, Code: code}, Amount: amount}
	}
	for _, c := range []struct {
		what  string
		edit  partner.PriceEdit
		right bool
	}{
		{"prices", partner.PriceEdit{Put: []partner.ListPrice{priced(2, "M"), priced(1, ""), priced(feed.MaxProductID, strings.Repeat("a", 200))}, Remove: []partner.PriceKey{{Product: 1, Code: "S"}}}, true},
		{"price of product 0", partner.PriceEdit{Put: []partner.ListPrice{priced(0, "")}}, false},
		{"price of a product beyond", partner.PriceEdit{Put: []partner.ListPrice{priced(feed.MaxProductID+1, "")}}, false},
		{"price of a long code", partner.PriceEdit{Put: []partner.ListPrice{priced(1, strings.Repeat("a", 201))}}, false},
		{"price of a code that is no text", partner.PriceEdit{Put: []partner.ListPrice{priced(1, "a\x00")}}, false},
		{"price of nothing", partner.PriceEdit{Put: []partner.ListPrice{{PriceKey: partner.PriceKey{Product: 1}}}}, false},
		{"price given twice", partner.PriceEdit{Put: []partner.ListPrice{priced(1, "S"), priced(2, ""), priced(1, "S")}}, false},
		{"price given and removed", partner.PriceEdit{Put: []partner.ListPrice{priced(1, "S")}, Remove: []partner.PriceKey{{Product: 3}, {Product: 1, Code: "S"}}}, false},
	} {
		check(c.what, c.edit.Normalize(), c.right)
	}
	for text, right := range map[string]bool{"a": true, strings.Repeat("~", 200): true, "": false, strings.Repeat("a", 201): false, "a b": false, "ż": false, "a\x7f": false, "!": true} {
		check("idempotency key "+text, partner.CheckIdempotencyKey(text), right)
	}
}

// TestRatesAreNotOverwrittenUnseen sets rates from what stands there, and not.
func TestRatesAreNotOverwrittenUnseen(t *testing.T) {
	t.Parallel()
	rate := func(text string, version int64) *partner.Rate {
		r, err := feed.ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		return &partner.Rate{From: feed.MustCurrency("EUR"), To: feed.MustCurrency("PLN"), Rate: r, Version: version}
	}
	stands := rate("4.25", 3)
	for _, c := range []struct {
		name           string
		old, sent      *partner.Rate
		done, conflict bool
	}{
		{"a new one", nil, rate("4.25", 0), false, false},
		{"one that was there when it was read", nil, rate("4.25", 3), false, true},
		{"another one", stands, rate("4.3", 3), false, false},
		{"the same again", stands, rate("4.25", 3), true, false},
		{"from a version of before", stands, rate("4.3", 2), false, true},
		{"as if there were none", stands, rate("4.3", 0), false, true},
	} {
		done, err := partner.CheckRate(c.old, c.sent)
		if done != c.done || (feed.KindOf(err) == feed.KindConflict) != c.conflict || !c.conflict && err != nil {
			t.Errorf("%s: done %v, %v", c.name, done, err)
		}
	}
	list := partner.PriceList{ID: partner.NewPriceListID(), Name: "B2B", Currency: feed.MustCurrency("PLN"), Prices: 1, Version: 2}
	other := list
	other.Currency = feed.MustCurrency("EUR")
	if err := partner.CheckPriceList(&list, &other); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("another currency for a list with one price: %v", err)
	}
	list.Prices = 0
	if err := partner.CheckPriceList(&list, &other); err != nil {
		t.Errorf("another currency for a list without prices: %v", err)
	}
	other.Version = 1
	if err := partner.CheckPriceList(&list, &other); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("from a version of before: %v", err)
	}
}

// TestWhatRecordsHold encodes what the databases store in a form of its own.
func TestWhatRecordsHold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)
	schedule, err := partner.NewSchedule(partner.SwitchPoint{At: at.Add(time.Hour), On: true}, partner.SwitchPoint{At: at})
	if err != nil {
		t.Fatal(err)
	}
	if !schedule[0].At.Equal(at) || schedule[0].On || !schedule[1].On {
		t.Errorf("points given out of order stand as %v", schedule)
	}
	o, err := partner.EncodeOffer(&partner.Offer{Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	percent, err := feed.ParseDiscount("10")
	if err != nil {
		t.Fatal(err)
	}
	p, err := partner.EncodePartner(&partner.Partner{Schedule: schedule, Tags: []string{"a", "b"}, Discounts: feed.Discounts{Overall: percent}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{o.Schedule, p.Schedule} {
		if back, err := partner.DecodeSchedule(text); err != nil || !reflect.DeepEqual(back, schedule) {
			t.Errorf("%q is read as %v, %v", text, back, err)
		}
	}
	if p.Tags != `["a","b"]` || p.Discounts == "" {
		t.Errorf("got tags %s and discounts %q", p.Tags, p.Discounts)
	}
	none, err := partner.EncodePartner(&partner.Partner{})
	if err != nil || none != (partner.PartnerRow{Tags: "null"}) {
		t.Errorf("a partner with nothing: %+v, %v", none, err)
	}
}

// TestAuditTellsWhatChanged, and nothing about a person.
func TestAuditTellsWhatChanged(t *testing.T) {
	t.Parallel()
	before := &partner.Partner{Name: "Nord Shop", Email: "anna@nord.example", Phone: "+47 12 34", Wholesaler: true}
	after := *before
	after.Email, after.Phone, after.Wholesaler = "otto@nord.example", "", false
	b, a := partner.Audited(partner.FactsOf(before), partner.FactsOf(&after))
	if len(b) != 3 || len(a) != 3 || b["wholesaler"] != true || a["wholesaler"] != false {
		t.Errorf("told %v and %v, want e-mail address, telephone and wholesaler", b, a)
	}
	for _, f := range []partner.Facts{b, a} {
		text, err := f.Text()
		if err != nil || strings.Contains(text, "nord.example") || strings.Contains(text, "12 34") {
			t.Errorf("the audit is told %s, %v", text, err)
		}
	}
	if b["email"] == a["email"] || a["phone"] != "" {
		t.Errorf("one value is not told from another: %v and %v", b, a)
	}
	made, _ := partner.Audited(nil, partner.FactsOf(before))
	if made != nil {
		t.Errorf("of before there was anything: %v", made)
	}
	var c *partner.ConflictError
	err := partner.Conflict("partner", "p-a", 1, 2, partner.Facts{"name": strings.Repeat("ż", 100), "b": 1}, partner.Facts{"name": "x", "a": 2})
	if !errors.As(err, &c) || c.Same || len(c.Differences) != 3 || !slices.IsSortedFunc(c.Differences, func(x, y partner.Difference) int { return strings.Compare(x.Name, y.Name) }) {
		t.Fatalf("got %+v", c)
	}
	if s := c.Error(); strings.Count(s, ";") != 1 || strings.Contains(s, strings.Repeat("ż", 60)) || !strings.Contains(s, "...") {
		t.Errorf("told as %s", s)
	}
}
