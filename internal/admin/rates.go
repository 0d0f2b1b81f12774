package admin

import (
	"cmp"
	"slices"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// ratesView lists the exchange rates that offers use, and changes one for all of
// them at once.
type ratesView struct {
	Lines      []rateLine
	Form       *form
	Currencies []option
	Preview    *previewView
	Hold       bool
}

// rateLine is one rate and how many offers have it.
type rateLine struct {
	From, To, Rate string
	Offers         int
}

func ratesPage() page {
	return page{name: "rates", routes: []route{
		get("/rates", may(manage.ReadAccounts), showRates),
		post("/rates", may(manage.WriteAccounts), setRate),
	}, stories: func(s *scene) []story {
		v := ratesView{Lines: []rateLine{{"PLN", "EUR", "0.2317", 211}, {"PLN", "EUR", "0.235", 1}, {"PLN", "CZK", "5.91", 14}}, Form: newForm(), Currencies: currencyOptions()}
		bad := v
		bad.Form = newForm("from", "PLN", "to", "PLN", "rate", "0,2x")
		bad.Form.fail("rate", "form.said", "a rate is a decimal number")
		bad.Form.fail("to", "rates.same")
		pre := v
		pre.Form, pre.Preview = newForm("from", "PLN", "to", "EUR", "rate", "0.24"), samplePreview()
		hold := ratesView{Hold: true, Form: newForm()}
		return []story{{state: "plain", data: v}, {state: "wrong", data: bad}, {state: "preview", data: pre}, {state: "readonly", role: auth.Readonly, data: hold}}
	}}
}

func (c *call) rates(f *form, offers []partner.Offer) ratesView {
	v := ratesView{Form: f, Currencies: currencyOptions(), Hold: !c.may(manage.WriteAccounts)}
	counts := map[rateLine]int{}
	for i := range offers {
		p := &offers[i].Profile
		for _, r := range p.Rates {
			counts[rateLine{From: r.From.String(), To: p.Currency.String(), Rate: r.Rate.String()}]++
		}
	}
	for l, n := range counts {
		l.Offers = n
		v.Lines = append(v.Lines, l)
	}
	slices.SortFunc(v.Lines, func(a, b rateLine) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(b.Offers, a.Offers), cmp.Compare(a.Rate, b.Rate))
	})
	return v
}

func showRates(c *call) (reply, error) {
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, "")
	return show("rates", c.rates(newForm(), offers)), err
}

// setRate gives all offers of a currency one rate from another, or says what
// that would do.
func setRate(c *call) (reply, error) {
	f, err := c.form()
	if err != nil {
		return reply{}, err
	}
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, "")
	if err != nil {
		return reply{}, err
	}
	f.line("from", 1, 3)
	f.line("to", 1, 3)
	f.line("rate", 1, 20)
	from, to := parsed(f, "from", feed.ParseCurrency), parsed(f, "to", feed.ParseCurrency)
	rate := parsed(f, "rate", func(s string) (feed.Rate, error) { return feed.ParseRate(decimalPoint(s)) })
	if !f.Failed() && from == to {
		f.fail("to", "rates.same")
	}
	var set partner.Changeset
	if !f.Failed() {
		if set, err = c.planRate(offers, from, to, rate); err != nil {
			return reply{}, err
		}
		if set.Empty() {
			f.fail("", "rates.nothing", to.String())
		}
	}
	if f.Failed() {
		return wrong("rates", c.rates(f, offers)), nil
	}
	if f.Value("act") == "preview" {
		v := c.rates(f, offers)
		v.Preview, err = c.preview(set)
		return show("rates", v), err
	}
	if _, err := c.panel.opt.Manage.Change(c.ctx, c.who, set); err != nil {
		return reply{}, err
	}
	return move("/rates").saying("rates.saved", len(set.Offers)), nil
}

// decimalPoint lets people write a comma.
func decimalPoint(s string) string {
	out := []byte(s)
	for i := range out {
		if out[i] == ',' {
			out[i] = '.'
		}
	}
	return string(out)
}

// planRate says what offers of a currency are to be.
func (c *call) planRate(offers []partner.Offer, from, to feed.Currency, rate feed.Rate) (set partner.Changeset, err error) {
	for i := range offers {
		p := &offers[i].Profile
		if p.Currency != to {
			continue
		}
		rates := slices.Clone(p.Rates)
		at := slices.IndexFunc(rates, func(r feed.ExchangeRate) bool { return r.From == from })
		if at < 0 {
			rates = append(rates, feed.ExchangeRate{From: from, Rate: rate})
		} else {
			rates[at].Rate = rate
		}
		one, err := c.panel.opt.Manage.PlanOffers(c.ctx, c.who, []partner.OfferID{offers[i].ID}, manage.Selection{}, manage.OfferChange{Rates: &rates})
		if err != nil {
			return set, err
		}
		set.Partners, set.Offers = append(set.Partners, one.Partners...), append(set.Offers, one.Offers...)
	}
	return set, nil
}
