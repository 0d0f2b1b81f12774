package manage_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/feed/record"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// seen is what every offer's recipient sees of every product, in words of the
// test's own: the price and the stock, or nothing.
func (w *world) seen(t interface{ Fatal(...any) }) map[partner.OfferID]map[feed.ProductID][2]string {
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	partners, err := w.Partners(w.ctx, w.owner)
	fail(err)
	offers, err := w.Offers(w.ctx, w.owner, "")
	fail(err)
	now := w.Now()
	out := map[partner.OfferID]map[feed.ProductID][2]string{}
	for i := range offers {
		o := &offers[i]
		out[o.ID] = map[feed.ProductID][2]string{}
		p := partners[slices.IndexFunc(partners, func(p partner.Partner) bool { return p.ID == o.Partner })]
		if p.State != partner.StateActive || !p.FeedOn(now) || !o.FeedOn(now) {
			continue
		}
		rules, err := pricing.Compile(&o.Profile, nil, nil)
		fail(err)
		stored, err := w.db.ProductPage(w.ctx, w.merchant.ID, 0, 1000)
		fail(err)
		for _, s := range stored {
			var product feed.Product
			fail(record.Decode(s.Doc, &product))
			var item feed.Item
			if rules.Apply(&item, &product).Included {
				out[o.ID][product.ID] = [2]string{item.Light.Price.Net.Text(item.Currency), fmt.Sprint(item.Sizes[0].Stock)}
			}
		}
	}
	return out
}

// What a preview says is what the act then does, for random acts on random
// accounts over a random catalog.
func TestPreviewIsWhatHappens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(24)
	var ids []partner.ID
	for i := range 4 {
		tags := []string{"all"}
		if i%2 == 0 {
			tags = append(tags, "even")
		}
		p, o := w.partner(fmt.Sprint("P", i), partner.Partner{Tags: tags, Discounts: feed.Discounts{Overall: percent(t, fmt.Sprint(i))}}, pln())
		ids = append(ids, p.ID)
		if i < 2 {
			o.PartnerDiscounts = true
			_, err := w.UpdateOffer(w.ctx, w.owner, o)
			check(t, err)
		}
		if i == 3 {
			_, err := w.CreateOffer(w.ctx, w.owner, partner.Offer{Partner: p.ID, Shop: w.shop.ID, Name: "Second", Profile: pln(), FeedEnabled: true})
			check(t, err)
		}
	}
	acts := 0
	one := func(r *rapid.T) {
		which := manage.Selection{}
		switch rapid.IntRange(0, 2).Draw(r, "which") {
		case 0:
			which.All = true
		case 1:
			which.Tag = rapid.SampledFrom([]string{"all", "even"}).Draw(r, "tag")
		case 2:
			which.Partners = []partner.ID{rapid.SampledFrom(ids).Draw(r, "partner")}
		}
		var set partner.Changeset
		var err error
		if rapid.Bool().Draw(r, "of partners") {
			var do manage.PartnerChange
			if rapid.Bool().Draw(r, "feed moves") {
				do.Feed = draw(r, rapid.Bool(), "feed")
			}
			if rapid.IntRange(0, 3).Draw(r, "state moves") == 0 {
				do.State = draw(r, rapid.SampledFrom([]partner.State{partner.StateActive, partner.StateBlocked}), "state")
			}
			if rapid.Bool().Draw(r, "discounts move") {
				do.Discounts = &feed.Discounts{Overall: percent(t, fmt.Sprint(rapid.IntRange(0, 9).Draw(r, "discount")))}
			}
			set, err = w.PlanPartners(w.ctx, w.owner, which, do)
		} else {
			var do manage.OfferChange
			if rapid.Bool().Draw(r, "feed moves") {
				do.Feed = draw(r, rapid.Bool(), "feed")
			}
			if rapid.Bool().Draw(r, "assortment moves") {
				do.Assortment = &feed.Assortment{InStockOnly: rapid.Bool().Draw(r, "in stock only")}
				if rapid.Bool().Draw(r, "excludes") {
					do.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProducer, Value: rapid.SampledFrom([]string{"p0", "p1"}).Draw(r, "producer")}}
				}
			}
			if rapid.Bool().Draw(r, "stock moves") {
				do.Stock = &feed.StockPolicy{Buffer: feed.Pieces(rapid.Int64Range(0, 2).Draw(r, "buffer"))}
			}
			if rapid.Bool().Draw(r, "discounts move") {
				do.Discounts = &feed.Discounts{Overall: percent(t, fmt.Sprint(rapid.IntRange(0, 9).Draw(r, "discount")))}
			} else if rapid.Bool().Draw(r, "partner's discounts") {
				do.PartnerDiscounts = draw(r, rapid.Bool(), "inherited")
			}
			set, err = w.PlanOffers(w.ctx, w.owner, nil, which, do)
		}
		if err != nil {
			r.Fatal(err)
		}
		before := w.seen(r)
		told, err := w.Preview(w.ctx, w.owner, set)
		if err != nil {
			r.Fatal(err)
		}
		if again := w.seen(r); fmt.Sprint(again) != fmt.Sprint(before) {
			r.Fatal("the preview changed something")
		}
		if _, err := w.Change(w.ctx, w.owner, set); err != nil {
			r.Fatal(err)
		}
		after := w.seen(r)
		for offer := range before {
			var want manage.OfferPreview
			want.Before, want.After = int64(len(before[offer])), int64(len(after[offer]))
			for id := feed.ProductID(1); id <= 24; id++ {
				was, had := before[offer][id]
				is, has := after[offer][id]
				switch {
				case had && !has:
					want.Lost++
				case has && !had:
					want.Gained++
				case has && had:
					if len(is[0]) > len(was[0]) || len(is[0]) == len(was[0]) && is[0] > was[0] {
						want.Dearer++
					} else if is[0] != was[0] {
						want.Cheaper++
					}
					if is[1] != was[1] {
						want.Restocked++
					}
				}
			}
			i := slices.IndexFunc(told.Offers, func(o manage.OfferPreview) bool { return o.Offer == offer })
			if i < 0 {
				if want.Lost+want.Gained+want.Dearer+want.Cheaper+want.Restocked > 0 {
					r.Fatalf("the preview does not tell of offer %s, which changed by %+v", offer, want)
				}
				continue
			}
			got := told.Offers[i]
			for _, list := range []struct {
				name     string
				n        int64
				examples []manage.PreviewExample
			}{{"gained", got.Gained, got.GainedExamples}, {"lost", got.Lost, got.LostExamples}, {"price", got.Dearer + got.Cheaper, got.PriceExamples}} {
				if int64(len(list.examples)) != min(list.n, 5) {
					r.Fatalf("%d products %s, %d examples", list.n, list.name, len(list.examples))
				}
				for _, e := range list.examples {
					was, is := before[offer][e.Product], after[offer][e.Product]
					if e.Before != "" && e.Before != was[0]+" PLN" || e.After != "" && e.After != is[0]+" PLN" || (e.Before == "") != (was[0] == "") || (e.After == "") != (is[0] == "") {
						r.Fatalf("example %+v, was %v, is %v", e, was, is)
					}
				}
			}
			if got.Before != want.Before || got.After != want.After || got.Gained != want.Gained || got.Lost != want.Lost ||
				got.Dearer != want.Dearer || got.Cheaper != want.Cheaper || got.Restocked != want.Restocked || got.Repriced != 0 {
				r.Fatalf("told %+v, happened %+v", got, want)
			}
		}
		acts++
	}
	// With -short the library tries a fifth of the cases in a round.
	const rounds, want = 10, 50
	for range rounds {
		if rapid.Check(t, one); acts >= want {
			break
		}
	}
	if acts < want {
		t.Errorf("only %d acts were compared, want %d", acts, want)
	}
	r, err := w.VerifyAudit(w.ctx, w.owner)
	if check(t, err); r.Broken != nil || r.Lines < 50 {
		t.Errorf("audit: %+v", r)
	}
}

func draw[T any](r *rapid.T, g *rapid.Generator[T], label string) *T {
	v := g.Draw(r, label)
	return &v
}

func TestPreviewOfCurrencyAndSchedule(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(3)
	p, o := w.partner("Nord", partner.Partner{}, pln())
	rate, err := feed.ParseRate("0.25")
	check(t, err)
	eur, rates := feed.MustCurrency("EUR"), []feed.ExchangeRate{{From: feed.MustCurrency("PLN"), Rate: rate}}
	set, err := w.PlanOffers(w.ctx, w.owner, []partner.OfferID{o.ID}, manage.Selection{}, manage.OfferChange{Currency: &eur, Rates: &rates})
	check(t, err)
	told, err := w.Preview(w.ctx, w.owner, set)
	check(t, err)
	if len(told.Offers) != 1 || told.Offers[0].Repriced != 3 || told.Offers[0].Dearer+told.Offers[0].Cheaper != 0 || told.Offers[0].PriceExamples[0].After != "2.50 EUR" || told.Products != 3 {
		t.Errorf("another currency: %+v", told)
	}
	lang := []feed.Language{feed.MustLanguage("eng")}
	set, err = w.PlanOffers(w.ctx, w.owner, nil, manage.Selection{All: true}, manage.OfferChange{Languages: &lang})
	check(t, err)
	if told, err = w.Preview(w.ctx, w.owner, set); err != nil || !told.Offers[0].Settings || told.Offers[0].Dearer != 0 {
		t.Errorf("another language: %+v, %v", told, err)
	}
	later, err := partner.NewSchedule(partner.SwitchPoint{At: w.Now().Add(time.Hour)})
	check(t, err)
	set, err = w.PlanPartners(w.ctx, w.owner, manage.Selection{Partners: []partner.ID{p.ID}}, manage.PartnerChange{Schedule: &later})
	check(t, err)
	if told, err = w.Preview(w.ctx, w.owner, set); err != nil || len(told.Offers) != 1 || len(told.Offers[0].Schedule) != 1 || told.Offers[0].Lost != 0 {
		t.Errorf("a timed switch: %+v, %v", told, err)
	}
	set, err = w.PlanPartners(w.ctx, w.owner, manage.Selection{All: true}, manage.PartnerChange{AddTags: []string{"new"}})
	check(t, err)
	if told, err = w.Preview(w.ctx, w.owner, set); err != nil || len(told.Offers) != 0 || told.Unseen != 1 || told.Products != 0 {
		t.Errorf("a tag: %+v, %v", told, err)
	}
}

// A plan that was made before somebody else's change is refused, and tells the difference.
func TestStalePlan(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, _ := w.partner("Nord", partner.Partner{}, pln())
	off := false
	set, err := w.PlanPartners(w.ctx, w.owner, manage.Selection{All: true}, manage.PartnerChange{Feed: &off})
	check(t, err)
	p.Phone = "1"
	_, err = w.UpdatePartner(w.ctx, w.owner, p)
	check(t, err)
	_, err = w.Change(w.ctx, w.owner, set)
	wantKind(t, "stale plan", err, feed.KindConflict)
	var c *partner.ConflictError
	if !errors.As(err, &c) || len(c.Differences) != 2 {
		t.Errorf("differences: %+v", c)
	}
	_, err = w.CreatePartner(w.ctx, w.owner, partner.Partner{Name: "NORD"})
	wantKind(t, "a second partner of the name", err, feed.KindConflict)
	if got, err := w.Partner(w.ctx, w.owner, "nord"); err != nil || got.ID != p.ID {
		t.Errorf("found %+v, %v", got, err)
	}
}

// What a schedule has done is written down by whoever looks first.
func TestSettleOnReading(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, _ := w.partner("Nord", partner.Partner{}, pln())
	p.Schedule = partner.Schedule{{At: w.Now().Add(time.Hour).Truncate(time.Microsecond)}}
	_, err := w.UpdatePartner(w.ctx, w.owner, p)
	check(t, err)
	w.Pass(2 * time.Hour)
	list, err := w.Partners(w.ctx, w.owner)
	check(t, err)
	if list[0].FeedEnabled || list[0].Schedule != nil {
		t.Errorf("read %+v", list[0])
	}
	lines, err := w.Audit(w.ctx, w.owner, 0, 0)
	check(t, err)
	if last := lines[len(lines)-1]; last.Action != "partner.feed.off" || last.Actor != partner.ScheduleActor() {
		t.Errorf("audited as %+v", last)
	}
}
