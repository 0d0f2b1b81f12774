package manage_test

import (
	"fmt"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"
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
	found, err := w.Unmatched(w.ctx, w.owner, offers, 0)
	check(t, err)
	if len(found.Unsure) != 0 {
		t.Errorf("all was read, and unsure is %v", found.Unsure)
	}
	for _, o := range offers {
		var got []string
		for _, u := range found.Missing[o.ID] {
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
	_, err = w.Unmatched(w.ctx, manage.Identity{Merchant: w.merchant.ID}, offers, 0)
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

// What only the rest of a large catalog can have is not told to be missing: a tag,
// a language, codes beyond those that are looked up. A code that two of its
// products have is found however far back they are.
func TestUnmatchedNamesOfALargeCatalog(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var list []*feed.Product
	for id := range feed.ProductID(40) {
		p := product(t, id+1, 1000, 1)
		switch {
		case id > 30:
			p.Sizes[0].Code = "twice"
		case id == 30:
			p.Tags = []string{"late"}
			p.Names = append(p.Names, feed.Text{Lang: feed.MustLanguage("ger"), Value: "Ding"})
		}
		list = append(list, p)
	}
	_, err := w.UpsertProducts(w.ctx, w.owner, list, nil)
	check(t, err)
	rule := func(f feed.RuleField, name string) feed.Rule { return feed.Rule{Field: f, Value: name} }
	few := pln()
	few.Languages = []feed.Language{feed.MustLanguage("ger")}
	few.Assortment.Exclude = []feed.Rule{rule(feed.RuleProduct, "twice"), rule(feed.RuleProduct, "40"), rule(feed.RuleProduct, "never"), rule(feed.RuleTag, "late"), rule(feed.RuleTag, "never")}
	many := pln()
	for i := range 600 {
		many.Assortment.Exclude = append(many.Assortment.Exclude, rule(feed.RuleProduct, fmt.Sprint("none-", i)))
	}
	_, o := w.partner("few", partner.Partner{}, few)
	_, all := w.partner("many", partner.Partner{}, many)
	names := func(list []pricing.Unmatched) (text string) {
		for _, u := range list {
			text += u.Name + " "
		}
		return text
	}
	for _, test := range []struct {
		most            int
		missing, unsure string
	}{{10, "never ", "ger late never "}, {39, "never ", "never "}, {40, "never never ", ""}, {0, "never never ", ""}} {
		found, err := w.Unmatched(w.ctx, w.owner, []partner.Offer{o}, test.most)
		check(t, err)
		if missing, unsure := names(found.Missing[o.ID]), names(found.Unsure[o.ID]); missing != test.missing || unsure != test.unsure {
			t.Errorf("of %d products: missing are %q, unsure %q, want %q, %q", test.most, missing, unsure, test.missing, test.unsure)
		}
		if found, err = w.Unmatched(w.ctx, w.owner, []partner.Offer{all}, test.most); err != nil || len(found.Missing[all.ID])+len(found.Unsure[all.ID]) != 600 || (len(found.Unsure[all.ID]) == 100) != (test.most == 10 || test.most == 39) {
			t.Errorf("of %d products: %d are missing, %d unsure, %v", test.most, len(found.Missing[all.ID]), len(found.Unsure[all.ID]), err)
		}
	}
}
