package admin

import (
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// unmatchedView tells what an offer names that the catalog does not have.
type unmatchedView struct {
	Lines []unmatchedLine
	// More counts those that are not shown, Grave says that for want of a name the
	// offer is empty or sold out.
	More  int
	Grave bool
	// Unsure are names of which only the whole catalog can tell; Looked is how many
	// products were compared, Whole the address of the page that compares all.
	Unsure []string
	Looked int
	Whole  string
	// Right says that all products were compared, as was asked, and have every name.
	Right bool
	// NoRate says that prices of the catalog's currency cannot be told in the offer's,
	// which leaves out the products that have them; nil where they can.
	NoRate *said
}

// unmatchedLine is one name: the label of the field where it stands, and
// sentences about it.
type unmatchedLine struct {
	Field string
	Told  []said
}

// unmatchedShown is how many names are shown at once.
const unmatchedShown = 12

// comparedProducts is how many products a page compares where nothing else is said.
const comparedProducts = 20_000

// unmatchedOf shows names; nil when there are none.
func unmatchedOf(list []pricing.Unmatched) *unmatchedView {
	if len(list) == 0 {
		return nil
	}
	v := &unmatchedView{}
	for _, u := range list {
		grave := u.Effect == pricing.EffectNoStock || u.Effect == pricing.EffectEmpty
		v.Grave = v.Grave || grave
		if len(v.Lines) == unmatchedShown {
			v.More++
			continue
		}
		is := string(u.Kind)
		if u.Effect == pricing.EffectNoStock && strings.Contains(u.Name, ",") {
			is = "warehouses"
		}
		line := unmatchedLine{Field: fieldOf(&u), Told: []said{{"unmatched.is." + is, []any{u.Name}}, {"unmatched.so." + string(u.Effect), nil}}}
		if u.Near != "" {
			line.Told = append(line.Told, said{"unmatched.near", []any{u.Near}})
		}
		if len(u.Have) > 0 {
			line.Told = append(line.Told, said{"unmatched.have", []any{strings.Join(u.Have, ", ")}})
		}
		v.Lines = append(v.Lines, line)
	}
	return v
}

// fieldOf gives the label of the field in which a name stands.
func fieldOf(u *pricing.Unmatched) string {
	switch {
	case u.Kind == pricing.NameLanguage:
		return "offer.languages"
	case u.Kind == pricing.NameWarehouse:
		return "offer.warehouses"
	case strings.HasPrefix(u.Setting, "assortment.include["):
		return "offer.include"
	case strings.HasPrefix(u.Setting, "assortment.exclude["):
		return "offer.exclude"
	case u.Kind == pricing.NameCategory:
		return "discount.categories"
	case u.Kind == pricing.NameProducer:
		return "discount.producers"
	}
	return "discount.products"
}

// unmatched asks what offers name that the catalog does not have, of the first
// products or of all. Who may not see products is not told of them.
func (c *call) unmatched(offers []partner.Offer, whole bool) (map[partner.OfferID]*unmatchedView, error) {
	if !c.may(manage.ReadProducts) || !c.may(manage.ReadPrices) {
		return nil, nil
	}
	most := c.panel.opt.ComparedProducts
	if whole {
		most = 0
	}
	found, err := c.panel.opt.Manage.Unmatched(c.ctx, c.who, offers, most)
	if err != nil {
		return nil, err
	}
	rates, err := c.panel.opt.Manage.Rates(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	views := map[partner.OfferID]*unmatchedView{}
	for i := range offers {
		id := offers[i].ID
		v := unmatchedOf(found.Missing[id])
		if unsure := found.Unsure[id]; len(unsure) > 0 {
			if v == nil {
				v = &unmatchedView{}
			}
			v.Looked, v.Whole = most, root+"/offers/"+string(id)+"?compare=all"
			for k := range unsure {
				v.Unsure = append(v.Unsure, unsure[k].Name)
			}
		} else if v == nil && whole {
			v = &unmatchedView{Right: true}
		}
		if from, to := c.merchant.Currency, offers[i].Profile.Currency; !converts(&offers[i].Profile, rates, from) {
			if v == nil {
				v = &unmatchedView{}
			}
			v.NoRate = &said{"unmatched.norate", []any{from.String(), to.String()}}
		}
		views[id] = v
	}
	return views, nil
}

// converts says whether an offer can tell prices in a currency. What takes its prices
// from a list does not need the catalog's.
func converts(p *feed.Profile, rates []partner.Rate, from feed.Currency) bool {
	if from.IsZero() || p.Currency.IsZero() || p.Currency == from || p.PriceList != "" {
		return true
	}
	return slices.ContainsFunc(p.Rates, func(r feed.ExchangeRate) bool { return r.From == from }) ||
		slices.ContainsFunc(rates, func(r partner.Rate) bool { return r.From == from && r.To == p.Currency })
}

func sampleUnmatched() *unmatchedView {
	v := unmatchedOf([]pricing.Unmatched{
		{Setting: "stock.warehouses", Kind: pricing.NameWarehouse, Name: "7, 8", Effect: pricing.EffectNoStock, Have: []string{"1", "2"}},
		{Setting: `discount.category."Bikes/Chldren"`, Kind: pricing.NameCategory, Name: "Bikes/Chldren <b>", Effect: pricing.EffectNoDiscount, Near: "Bikes/Children <b>"},
		{Setting: "assortment.exclude[0].tag", Kind: pricing.NameTag, Name: "oulet", Effect: pricing.EffectLeavesNothingOut},
	})
	v.NoRate = &said{"unmatched.norate", []any{"PLN", "NOK"}}
	return v
}
