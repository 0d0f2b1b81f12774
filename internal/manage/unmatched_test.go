package manage_test

import (
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// What an offer names that the catalog does not have is told without a run, and
// is told of an act before it is done.
func TestUnmatchedNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(12)
	right := pln()
	right.Languages = []feed.Language{feed.MustLanguage("pol")}
	right.Stock.Warehouses = []feed.WarehouseID{1}
	right.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "c12"}, {Field: feed.RuleProduct, Value: "11"}, {Field: feed.RuleProducer, Value: "p1"}, {Field: feed.RuleCategory, Value: "2"}}
	wrong := pln()
	wrong.Stock.Warehouses = []feed.WarehouseID{9}
	wrong.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "5900000000003"}, {Field: feed.RuleTag, Value: "outlet"}}
	plain := pln()
	var offers []partner.Offer
	for name, p := range map[string]feed.Profile{"right": right, "wrong": wrong, "plain": plain} {
		_, o := w.partner(name, partner.Partner{}, p)
		offers = append(offers, o)
	}
	found, err := w.Unmatched(w.ctx, w.owner, offers)
	check(t, err)
	for _, o := range offers {
		var got []string
		for _, u := range found[o.ID] {
			got = append(got, u.String())
		}
		text := strings.Join(got, "\n")
		if bad := len(o.Profile.Stock.Warehouses) == 1 && o.Profile.Stock.Warehouses[0] == 9; !bad && text != "" {
			t.Errorf("all is right, and told is %s", text)
		} else if bad && (len(got) != 3 || !strings.Contains(text, "warehouses (9): EVERY product is told to be sold out, with stock 0; it has 1") ||
			!strings.Contains(text, `"5900000000003": the rule leaves nothing out; did you mean "c3"?`) || !strings.Contains(text, `no tag "outlet"`)) {
			t.Errorf("got %s", text)
		}
	}
	_, err = w.Unmatched(w.ctx, manage.Identity{Merchant: w.merchant.ID}, offers)
	wantKind(t, "by nobody", err, feed.KindForbidden)

	for _, o := range offers {
		o.Profile.Stock.Buffer = feed.Pieces(1)
		o.Profile.Stock.Warehouses = []feed.WarehouseID{1, 4}
		p, err := w.Preview(w.ctx, w.owner, partner.Changeset{Offers: []partner.Offer{o}})
		check(t, err)
		if len(p.Offers) != 1 || len(p.Offers[0].Unmatched) == 0 || !strings.Contains(p.Offers[0].Unmatched[0].String(), "no warehouse 4: it adds nothing") {
			t.Errorf("a preview tells %+v", p.Offers)
		}
	}
}
