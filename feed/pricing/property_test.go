package pricing_test

import (
	"math/big"
	"reflect"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"

	"pgregory.net/rapid"
)

func compile(t *rapid.T, p *feed.Profile) *pricing.Rules {
	r, err := pricing.Compile(p, feed.NewIndex(dictionaries()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lead(p feed.Price, l feed.PriceLead) int64 {
	if l == feed.LeadGross {
		return p.Gross.Minor()
	}
	return p.Net.Minor()
}

// TestExplainAgreesWithApply checks the integer arithmetic of Apply against
// the rational one of Explain.
func TestExplainAgreesWithApply(t *testing.T) {
	t.Parallel()
	included := 0
	rapid.Check(t, func(t *rapid.T) {
		p, profile := drawProduct(t), drawProfile(t)
		r := compile(t, profile)
		var item feed.Item
		v := r.Apply(&item, p)
		e := r.Explain(p)
		if e.Verdict != v {
			t.Fatalf("Explain says %+v, Apply %+v", e.Verdict, v)
		}
		if (v.Reason == pricing.ReasonNone) != v.Included {
			t.Fatalf("verdict %+v: in with a reason, or out without", v)
		}
		if e.Summary == "" || e.String() == "" {
			t.Fatal("the explanation says nothing")
		}
		if !v.Included {
			if len(item.Sizes) != 0 || item.Light != (feed.PricePoints{}) || item.Full != (feed.PricePoints{}) {
				t.Fatalf("a product that is out left prices behind: %+v", item)
			}
			return
		}
		included++
		if e.Currency != item.Currency {
			t.Fatalf("Explain in %s, Apply in %s", e.Currency, item.Currency)
		}
		if e.Whole.Full != item.Full.Price || e.Whole.Light != item.Light.Price {
			t.Fatalf("Explain derives %v and %v, Apply %v and %v\n%s", e.Whole.Full, e.Whole.Light, item.Full.Price, item.Light.Price, e)
		}
		for i, x := range e.Sizes {
			s := &item.Sizes[i]
			if x.Full != s.Full.Price || x.Light != s.Light.Price || !reflect.DeepEqual(x.Nodes, s.Stock) {
				t.Fatalf("size %d: Explain derives %v, %v, %v, Apply %v, %v, %v\n%s", i, x.Full, x.Light, x.Nodes, s.Full.Price, s.Light.Price, s.Stock, e)
			}
		}
	})
	if included == 0 {
		t.Error("no product was in: the generators test nothing")
	}
}

// TestApplyReuse checks that a used item gives what a fresh one gives, and
// that nothing depends on what went before.
func TestApplyReuse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, q, r := drawProduct(t), drawProduct(t), compile(t, drawProfile(t))
		var fresh, used feed.Item
		want := r.Apply(&fresh, p)
		r.Apply(&used, q)
		r.Apply(&used, p)
		got := r.Apply(&used, p)
		if got != want || !equalItems(&used, &fresh) {
			t.Fatalf("a used item holds %+v, %+v, a fresh one %+v, %+v", got, used, want, fresh)
		}
	})
}

func equalItems(a, b *feed.Item) bool {
	if a.Product != b.Product || a.Currency != b.Currency || a.Full != b.Full || a.Light != b.Light || a.Promotion != b.Promotion || len(a.Sizes) != len(b.Sizes) {
		return false
	}
	for i := range a.Sizes {
		x, y := &a.Sizes[i], &b.Sizes[i]
		if x.Full != y.Full || x.Light != y.Light || !reflect.DeepEqual(x.Stock, y.Stock) {
			return false
		}
	}
	return true
}

// TestPriceLaws checks one product with one size against the documented order
// in rational numbers: rounding, floor, agreement of the sides.
func TestPriceLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := drawCurrency().Draw(t, "from"), drawCurrency().Draw(t, "to")
		vat, err := feed.ParsePercent(rapid.SampledFrom(vats).Draw(t, "vat"))
		if err != nil {
			t.Fatal(err)
		}
		profile := &feed.Profile{Currency: to, Lead: feed.PriceLead(rapid.IntRange(0, 1).Draw(t, "lead")), Discounts: feed.Discounts{Overall: drawPercent(100).Draw(t, "discount")}}
		one := big.NewRat(1, 1)
		factor := new(big.Rat).Set(one)
		if from != to {
			x := drawRate().Draw(t, "rate")
			profile.Rates = []feed.ExchangeRate{{From: from, Rate: x}}
			factor.SetFrac64(x.HundredMillionths(), 100_000_000)
			factor.Mul(factor, new(big.Rat).SetFrac64(pow(to.Exponent()), pow(from.Exponent())))
		}
		list := feed.Price{Net: amount(rapid.Int64Range(1, 1_000_000_000).Draw(t, "net")), Gross: amount(rapid.Int64Range(1, 1_000_000_000).Draw(t, "gross"))}
		floor := feed.Price{}
		if rapid.Bool().Draw(t, "has floor") {
			floor = feed.Price{Net: amount(rapid.Int64Range(1, 1_000_000_000).Draw(t, "floor net")), Gross: amount(rapid.Int64Range(1, 1_000_000_000).Draw(t, "floor gross"))}
		}
		p := &feed.Product{ID: 1, Currency: from, VAT: vat, Prices: feed.Prices{List: list, Minimal: floor, SRP: list}, Sizes: []feed.Size{{Code: "1"}}}
		var item feed.Item
		v := compile(t, profile).Apply(&item, p)

		exactList := new(big.Rat).Mul(new(big.Rat).SetInt64(lead(list, profile.Lead)), factor)
		keep := new(big.Rat).Sub(one, big.NewRat(profile.Discounts.Overall.Millionths(), 1_000_000))
		exact := new(big.Rat).Mul(exactList, keep)
		exactFloor := new(big.Rat).Mul(new(big.Rat).SetInt64(lead(floor, profile.Lead)), factor)
		floored := exact.Cmp(exactFloor) < 0
		if floored {
			exact.Set(exactFloor)
		}
		half := big.NewRat(1, 2)
		most := new(big.Rat).SetInt64(1_000_000_000_000_000 / 11)
		if !v.Included {
			switch v.Reason {
			case pricing.ReasonVanishes:
				if exactList.Cmp(half) >= 0 {
					t.Fatalf("%s minor units vanished", exactList.FloatString(3))
				}
			case pricing.ReasonOverflow:
				if exactList.Cmp(most) < 0 && exactFloor.Cmp(most) < 0 {
					t.Fatalf("%s minor units overflowed", exactList.FloatString(3))
				}
			default:
				t.Fatalf("left out with %s", v.Reason)
			}
			return
		}
		within := func(name string, got feed.Price, want *big.Rat) {
			diff := new(big.Rat).Sub(want, new(big.Rat).SetInt64(lead(got, profile.Lead)))
			// Half up: want - half < got <= want + half, so -half <= want-got < half.
			if diff.Cmp(half) >= 0 || diff.Cmp(new(big.Rat).Neg(half)) < 0 {
				t.Fatalf("%s: got %d minor units for %s", name, lead(got, profile.Lead), want.FloatString(6))
			}
		}
		within("list", item.Full.Price, exactList)
		within("partner's", item.Light.Price, exact)
		within("srp", item.Light.SRP, exactList)
		if item.Full.SRP != item.Light.SRP {
			t.Fatalf("srp %v in full, %v in light", item.Full.SRP, item.Light.SRP)
		}
		unchanged := from == to && profile.Discounts.Overall.IsZero() && !floored
		agree := func(name string, got feed.Price) {
			var want feed.Price
			if profile.Lead == feed.LeadGross {
				want, err = feed.PriceFromGross(got.Gross, vat)
			} else {
				want, err = feed.PriceFromNet(got.Net, vat)
			}
			if err != nil || got != want {
				t.Fatalf("%s: sides %v, by VAT %v, %v", name, got, want, err)
			}
		}
		if from == to {
			if item.Full.Price != list || item.Full.SRP != list {
				t.Fatalf("full %v, want the list price as it came, %v", item.Full, list)
			}
		} else if !unitRate(profile, from, to) {
			agree("list", item.Full.Price)
		}
		if unchanged {
			if item.Light.Price != list {
				t.Fatalf("light %v, want the list price as it came, %v", item.Light.Price, list)
			}
		} else if from == to || !unitRate(profile, from, to) || floored || !profile.Discounts.Overall.IsZero() {
			agree("partner's", item.Light.Price)
		}
		if item.Sizes[0].Light != item.Light || item.Sizes[0].Full != item.Full {
			t.Fatalf("the size shows %+v, its product %+v", item.Sizes[0].Light, item.Light)
		}
	})
}

// unitRate says whether the rate is 1 between currencies of one exponent.
func unitRate(p *feed.Profile, from, to feed.Currency) bool {
	return len(p.Rates) == 1 && p.Rates[0].Rate.IsOne() && from.Exponent() == to.Exponent()
}

func pow(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

// TestDiscountIsMonotone checks that a greater discount never gives a greater
// price, that none gives the list price and all of it the floor.
func TestDiscountIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, profile := drawProduct(t), drawProfile(t)
		profile.Discounts = feed.Discounts{}
		a, b := drawPercent(100).Draw(t, "a"), drawPercent(100).Draw(t, "b")
		if a.Millionths() > b.Millionths() {
			a, b = b, a
		}
		show := func(d feed.Percent) (item feed.Item, v pricing.Verdict) {
			with := *profile
			with.Discounts.Overall = d
			v = compile(t, &with).Apply(&item, p)
			return item, v
		}
		all, err := feed.ParsePercent("100")
		if err != nil {
			t.Fatal(err)
		}
		none, vn := show(feed.Percent{})
		low, va := show(a)
		high, vb := show(b)
		gift, vg := show(all)
		if vn != va || va != vb || vb != vg {
			t.Fatalf("verdicts %+v, %+v, %+v, %+v: a discount decides who is in", vn, va, vb, vg)
		}
		if !va.Included {
			return
		}
		if low.Full != high.Full || none.Full != low.Full {
			t.Fatalf("full prices %v, %v, %v: full must not show discounts", none.Full, low.Full, high.Full)
		}
		for i := range low.Sizes {
			n, l, h, g := none.Sizes[i].Light.Price, low.Sizes[i].Light.Price, high.Sizes[i].Light.Price, gift.Sizes[i].Light.Price
			side := profile.Lead
			if s := effective(p, i, profile); lead(s, side) == 0 {
				side = feed.LeadNet + feed.LeadGross - side
			}
			if lead(h, side) > lead(l, side) || lead(l, side) > lead(n, side) || lead(g, side) > lead(h, side) {
				t.Fatalf("prices %v, %v, %v, %v at 0, %s, %s and 100 %%", n, l, h, g, a, b)
			}
			minimal := p.Sizes[i].Prices.Minimal
			if minimal.IsZero() {
				minimal = p.Prices.Minimal
			}
			if minimal.IsZero() && !g.IsZero() {
				t.Fatalf("100 %% off without a floor costs %v", g)
			}
		}
	})
}

// effective gives the base price of a size.
func effective(p *feed.Product, i int, profile *feed.Profile) feed.Price {
	list, wholesale := p.Sizes[i].Prices.List, p.Sizes[i].Prices.Wholesale
	if list.IsZero() {
		list = p.Prices.List
	}
	if wholesale.IsZero() {
		wholesale = p.Prices.Wholesale
	}
	if profile.Base == feed.BaseWholesale && !wholesale.IsZero() {
		return wholesale
	}
	return list
}

// TestRetailNeverSeesWholesale changes every wholesale figure and expects that
// a retail partner cannot tell.
func TestRetailNeverSeesWholesale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, profile := drawProduct(t), drawProfile(t)
		profile.Base = feed.BaseRetail
		r := compile(t, profile)
		var a, b feed.Item
		va := r.Apply(&a, p)
		p.Prices.Wholesale = drawPrice(t, p.VAT, "other wholesale")
		p.Prices.StrikethroughWholesale = drawPrice(t, p.VAT, "other was")
		for i := range p.Sizes {
			p.Sizes[i].Prices.Wholesale = drawPrice(t, p.VAT, "other size wholesale")
			p.Sizes[i].Prices.StrikethroughWholesale = drawPrice(t, p.VAT, "other size was")
		}
		if p.Promotion != nil {
			p.Promotion.NormalWholesale = drawPrice(t, p.VAT, "other normal")
		}
		if vb := r.Apply(&b, p); va != vb || !equalItems(&a, &b) {
			t.Fatalf("a retail partner sees %+v, %+v, and with other wholesale prices %+v, %+v", va, a, vb, b)
		}
	})
}

// TestFullDoesNotDependOnDiscounts is what lets partners share a full file:
// profiles with equal full keys show equal full prices and equal assortments.
func TestFullDoesNotDependOnDiscounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, profile := drawProduct(t), drawProfile(t)
		other := *profile
		other.Discounts = drawProfile(t).Discounts
		if profile.FullKey() != other.FullKey() {
			t.Fatal("discounts change the full key")
		}
		var a, b feed.Item
		va, vb := compile(t, profile).Apply(&a, p), compile(t, &other).Apply(&b, p)
		if va != vb || a.Full != b.Full || len(a.Sizes) != len(b.Sizes) {
			t.Fatalf("%+v %v, and with other discounts %+v %v", va, a.Full, vb, b.Full)
		}
		for i := range a.Sizes {
			if a.Sizes[i].Full != b.Sizes[i].Full || !reflect.DeepEqual(a.Sizes[i].Stock, b.Sizes[i].Stock) {
				t.Fatalf("size %d shows %+v, and with other discounts %+v", i, a.Sizes[i], b.Sizes[i])
			}
		}
	})
}

func TestStockLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawProduct(t)
		p.Attrs = []feed.Attr{{Name: "product_free", Value: "y"}}
		profile := &feed.Profile{Stock: drawStockPolicy(t)}
		s := &profile.Stock
		var item feed.Item
		v := compile(t, profile).Apply(&item, p)
		if !v.Included {
			return
		}
		for i := range item.Sizes {
			real := map[feed.WarehouseID]int64{}
			endless := map[feed.WarehouseID]bool{}
			rows, any := p.Sizes[i].Stock, false
			for _, row := range rows {
				if len(s.Warehouses) > 0 && !contains(s.Warehouses, row.Warehouse) {
					continue
				}
				w := row.Warehouse
				if !s.PerWarehouse {
					w = 1
				}
				q := row.Quantity
				if !q.Known() {
					q = row.Available
				}
				if !q.Known() {
					q = row.Physical
				}
				real[w] += max(q.Thousandths(), 0)
				endless[w] = endless[w] || q.Unlimited()
				any = true
			}
			nodes := item.Sizes[i].Stock
			if len(nodes) == 0 {
				t.Fatal("a size without a stock node")
			}
			if !any && (len(nodes) != 1 || nodes[0].Quantity != feed.Pieces(0)) {
				t.Fatalf("nodes %v of a size without stock, want one of 0", nodes)
			}
			if any && s.PerWarehouse && len(nodes) != len(real) {
				t.Fatalf("%d nodes for %d warehouses", len(nodes), len(real))
			}
			if !s.PerWarehouse && (len(nodes) != 1 || nodes[0].Warehouse != 1) {
				t.Fatalf("nodes %v, want one sum in warehouse 1", nodes)
			}
			for j, n := range nodes {
				if j > 0 && (n.Warehouse == 1 || nodes[j-1].Warehouse != 1 && nodes[j-1].Warehouse >= n.Warehouse) {
					t.Fatalf("nodes %v, want the main warehouse and then the others in order", nodes)
				}
				q := n.Quantity.Thousandths()
				switch {
				case !n.Quantity.Known(), !n.Available.Known(), !n.Physical.Known():
					t.Fatalf("node %+v with an unknown quantity", n)
				case endless[n.Warehouse]:
					want := s.UnlimitedAs()
					if s.Cap.Known() && (want.Unlimited() || want.Thousandths() > s.Cap.Thousandths()) {
						want = s.Cap
					}
					// What lies there may be told beside the format's own sign, and only
					// where the policy hides nothing.
					told := want.Unlimited() && !s.Buffer.InStock() && !s.Cap.Known() && !n.Physical.Unlimited()
					if n.Quantity != want || n.Available != want || n.Physical != want && !told {
						t.Fatalf("unlimited stock shown as %+v, want %v", n, want)
					}
					continue
				case q < 0:
					t.Fatalf("node %+v of finite stock", n)
				case q > max(real[n.Warehouse]-s.Buffer.Thousandths(), 0):
					t.Fatalf("%d shown of %d with a buffer of %d", q, real[n.Warehouse], s.Buffer.Thousandths())
				case s.Cap.Known() && q > s.Cap.Thousandths():
					t.Fatalf("%d shown with a cap of %d", q, s.Cap.Thousandths())
				}
				exact := s.Buffer.Thousandths() == 0 && !s.Cap.Known()
				if exact && q != min(real[n.Warehouse], 1_000_000_000_000) {
					t.Fatalf("%d shown of %d without any policy", q, real[n.Warehouse])
				}
				if !exact && (n.Available != n.Quantity || n.Physical != n.Quantity) {
					t.Fatalf("node %+v tells more than the policy shows", n)
				}
				if n.Available.Unlimited() || n.Available.Thousandths() > q || n.Physical.Unlimited() {
					t.Fatalf("node %+v promises more than its quantity", n)
				}
			}
		}
	})
}

func contains(list []feed.WarehouseID, w feed.WarehouseID) bool {
	for _, x := range list {
		if x == w {
			return true
		}
	}
	return false
}
