package manage_test

import (
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func TestWhy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(5)
	profile := pln()
	profile.Discounts.Overall = percent(t, "10")
	profile.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "4"}}
	p, o := w.partner("Nord", partner.Partner{}, profile)
	ask := func(q manage.Question) manage.Answer {
		t.Helper()
		q.Offer = o.ID
		a, err := w.Why(w.ctx, w.owner, q)
		check(t, err)
		return a
	}
	if a := ask(manage.Question{Product: 2}); !a.Included || a.Full.Generation != 0 || a.Full.XML != "" || a.Full.Differs || a.Name != "Rzecz 2" {
		t.Errorf("before anything was published: %+v", a)
	}
	w.publish()
	for _, q := range []manage.Question{{Product: 2}, {Code: "c2"}, {Code: "5900000000002"}, {Code: "2"}} {
		a := ask(q)
		if a.Product != 2 || !a.Included || a.Full.File != "full.xml" || a.Light.File != "light.xml" || a.Full.Differs || a.Light.Differs {
			t.Errorf("%+v: %+v", q, a)
		}
		// Ten per cent off 10.10 net.
		if !strings.HasPrefix(a.Light.XML, `<product id="2"`) || !strings.HasSuffix(a.Light.XML, "</product>") || !strings.Contains(a.Light.XML, `net="9.09"`) || !strings.Contains(a.Full.XML, `net="10.10"`) {
			t.Errorf("sent were %s and %s", a.Full.XML, a.Light.XML)
		}
		if len(a.Explanation.Whole.Partner) == 0 || a.Explanation.Whole.Light.Net.Minor() != 909 {
			t.Errorf("explained as %v", a.Explanation)
		}
	}
	if a := ask(manage.Question{Product: 4}); a.Included || a.Explanation.Verdict.Reason != pricing.ReasonExcluded || a.Full.XML != "" || a.Full.Differs {
		t.Errorf("left out: %+v", a)
	}
	// A change file's node counts before the full file's; a tombstone is told as one.
	first := ask(manage.Question{Product: 2}).Full
	costly := price(t, 5000)
	_, err := w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{{ID: 2, List: &costly}})
	check(t, err)
	_, err = w.DeleteProducts(w.ctx, w.owner, []feed.ProductID{3})
	check(t, err)
	if a := ask(manage.Question{Product: 3}); a.Included || a.Explanation != nil || !a.Full.Differs || a.Full.XML == "" {
		t.Errorf("deleted and not yet published: %+v", a)
	}
	w.publish()
	a := ask(manage.Question{Product: 2})
	if !strings.HasPrefix(a.Full.File, "full_change") || a.Full.Made <= first.Made || !strings.Contains(a.Full.XML, `net="50.00"`) || !strings.Contains(a.Light.XML, `net="45.00"`) {
		t.Errorf("after a change: %+v", a)
	}
	if a := ask(manage.Question{Product: 3}); !a.Full.Removed || a.Full.XML != `<product id="3" removed="yes"/>` {
		t.Errorf("after its removal: %+v", a.Full)
	}
	off := false
	set, err := w.PlanPartners(w.ctx, w.owner, manage.Selection{Partners: []partner.ID{p.ID}}, manage.PartnerChange{Feed: &off})
	check(t, err)
	_, err = w.Change(w.ctx, w.owner, set)
	check(t, err)
	if a := ask(manage.Question{Product: 2}); !slices.Equal(a.ClosedBy, []partner.Refusal{partner.RefusedPartnerFeedOff}) || !a.Included {
		t.Errorf("switched off: %+v", a)
	}
	// Every switch that is off is told: turning on the first alone opens nothing.
	blocked := partner.StateBlocked
	set, err = w.PlanPartners(w.ctx, w.owner, manage.Selection{Partners: []partner.ID{p.ID}}, manage.PartnerChange{State: &blocked})
	check(t, err)
	_, err = w.Change(w.ctx, w.owner, set)
	check(t, err)
	both := []partner.Refusal{partner.RefusedPartnerBlocked, partner.RefusedPartnerFeedOff}
	if a := ask(manage.Question{Product: 2}); !slices.Equal(a.ClosedBy, both) {
		t.Errorf("blocked and switched off: %v", a.ClosedBy)
	}
	shown, _, err := w.ShownTo(w.ctx, w.owner, 2, "", 0, 10)
	check(t, err)
	if len(shown) != 1 || !slices.Equal(shown[0].ClosedBy, both) {
		t.Errorf("shown to him: %+v", shown)
	}
	for name, q := range map[string]manage.Question{"no product": {}, "unknown code": {Code: "none"}, "unknown product": {Product: 99}} {
		q.Offer = o.ID
		if _, err := w.Why(w.ctx, w.owner, q); err == nil {
			t.Errorf("%s is answered", name)
		}
	}
}

// A set of which the offer does not have every part is told to be shown as a
// regular product, and which part is missing.
func TestWhyASetIsNone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(5)
	profile := pln()
	profile.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "4"}}
	_, o := w.partner("Nord", partner.Partner{}, profile)
	for _, c := range []struct {
		parts   []string
		missing string
	}{{[]string{"2", "3"}, ""}, {[]string{"2", "4"}, "4"}, {[]string{"77", "2"}, "77"}} {
		set := product(t, 50, 1000, 1)
		set.Type, set.Bundled = feed.TypeBundle, &feed.Bundled{}
		for _, id := range c.parts {
			set.Bundled.Components = append(set.Bundled.Components, feed.Component{ID: id, Quantity: feed.Pieces(1)})
		}
		_, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{set}, nil)
		check(t, err)
		w.publish()
		a, err := w.Why(w.ctx, w.owner, manage.Question{Offer: o.ID, Product: 50})
		check(t, err)
		said := a.Explanation.String()
		want := c.missing != ""
		if got := strings.Contains(said, "not as a set: the offer does not have its component "+c.missing+"\n"); got != want {
			t.Errorf("of %v is said:\n%s", c.parts, said)
		}
		if got := !strings.Contains(a.Full.XML, "<bundled"); got != want {
			t.Errorf("of %v was sent %s", c.parts, a.Full.XML)
		}
	}
}
