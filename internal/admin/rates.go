package admin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// ratesView lists the merchant's exchange rates, and those that offers have of
// their own.
type ratesView struct {
	Rates      []ratePair
	Own        []rateLine
	Form       *form
	Currencies []option
	Preview    *previewView
	Hold       bool
}

// ratePair is one rate of the merchant's with the form that changes it.
type ratePair struct {
	Name, From, To string
	Since          time.Time
	Form           *form
}

// rateLine is one rate that offers have of their own, and how many have it.
type rateLine struct {
	From, To, Rate string
	Offers         int
}

func ratesPage() page {
	return page{name: "rates", routes: []route{
		get("/rates", may(manage.ReadPrices), showRates),
		send("/rates", may(manage.WritePrices), addRate),
		send("/rates/{rate}", may(manage.WritePrices), changeRate),
	}, stories: func(s *scene) []story {
		v := ratesView{Rates: []ratePair{{"EUR-PLN", "EUR", "PLN", s.ago(30 * time.Hour), newForm("rate", "4.31", "version", "3")}, {"PLN-EUR", "PLN", "EUR", s.ago(time.Hour), newForm("rate", "0.2317", "version", "1")}},
			Own: []rateLine{{"PLN", "EUR", "0.235", 1}, {"PLN", "CZK", "5.91", 14}}, Form: newForm(), Currencies: currencyOptions()}
		bad := v
		bad.Form = newForm("from", "PLN", "to", "PLN", "rate", "0,2x")
		bad.Form.fail("rate", "form.said", "a rate is a decimal number")
		bad.Form.fail("to", "rates.same")
		broken := v
		broken.Rates = slices.Clone(v.Rates)
		broken.Rates[0].Form = newForm("rate", "four", "version", "3")
		broken.Rates[0].Form.fail("rate", "form.said", "a rate is a decimal number")
		pre := v
		pre.Form, pre.Preview = newForm("from", "PLN", "to", "EUR", "rate", "0.24"), samplePreview()
		hold := v
		hold.Hold = true
		return []story{{state: "plain", data: v}, {state: "empty", data: ratesView{Form: newForm(), Currencies: currencyOptions()}}, {state: "wrong", data: bad}, {state: "wrong-rate", data: broken}, {state: "preview", data: pre}, {state: "readonly", role: auth.Readonly, data: hold}}
	}}
}

// rates puts the page together; broken is the form of the rate with that name.
func (c *call) rates(fresh *form, broken string, f *form) (v ratesView, err error) {
	v = ratesView{Form: fresh, Currencies: currencyOptions(), Hold: !c.may(manage.WritePrices)}
	list, err := c.panel.opt.Manage.Rates(c.ctx, c.who)
	if err != nil {
		return v, err
	}
	for i := range list {
		r := &list[i]
		pair := ratePair{r.Name(), r.From.String(), r.To.String(), r.Since, newForm("rate", r.Rate.String(), "version", strconv.FormatInt(r.Version, 10))}
		if pair.Name == broken {
			pair.Form = f
		}
		v.Rates = append(v.Rates, pair)
	}
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, "")
	if err != nil {
		return v, err
	}
	counts := map[rateLine]int{}
	for i := range offers {
		p := &offers[i].Profile
		for _, r := range p.Rates {
			counts[rateLine{From: r.From.String(), To: p.Currency.String(), Rate: r.Rate.String()}]++
		}
	}
	for l, n := range counts {
		l.Offers = n
		v.Own = append(v.Own, l)
	}
	slices.SortFunc(v.Own, func(a, b rateLine) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(b.Offers, a.Offers), cmp.Compare(a.Rate, b.Rate))
	})
	return v, nil
}

func showRates(c *call) (reply, error) {
	v, err := c.rates(newForm(), "", nil)
	return show("rates", v), err
}

// readRate reads a rate that must be there.
func readRate(f *form) feed.Rate {
	f.line("rate", 1, 20)
	return parsed(f, "rate", func(s string) (feed.Rate, error) { return feed.ParseRate(decimalPoint(s)) })
}

// putRate stores a rate that a form has sent, or says what it would change; page
// makes the page around the form.
func (c *call) putRate(f *form, r partner.Rate, page func() (ratesView, error)) (reply, error) {
	if !f.Failed() {
		if err := f.take("rate", r.Validate()); err != nil {
			return reply{}, err
		}
	}
	if !f.Failed() && f.Value("act") == "preview" {
		p, err := c.panel.opt.Manage.PreviewPrices(c.ctx, c.who, manage.PriceChange{Rates: []partner.Rate{r}})
		if err != nil {
			return reply{}, err
		}
		v, err := page()
		v.Preview = previewOf(&p)
		return show("rates", v), err
	}
	if !f.Failed() {
		_, err := c.panel.opt.Manage.SetRate(c.ctx, c.who, r)
		if err := takeTaken(f, "rate", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := page()
		return wrong("rates", v), err
	}
	return move("/rates").saying("rates.saved", r.From.String(), r.To.String()), nil
}

func addRate(c *call, f *form) (reply, error) {
	f.line("from", 1, 3)
	f.line("to", 1, 3)
	r := partner.Rate{From: parsed(f, "from", feed.ParseCurrency), To: parsed(f, "to", feed.ParseCurrency), Rate: readRate(f), Version: f.whole("version", 0, 1<<62)}
	if !f.Failed() && r.From == r.To {
		f.fail("to", "rates.same")
	}
	return c.putRate(f, r, func() (ratesView, error) { return c.rates(f, "", nil) })
}

// changeRate changes or removes a rate that there is.
func changeRate(c *call, f *form) (reply, error) {
	from, to, _ := strings.Cut(c.path("rate"), "-")
	var r partner.Rate
	var errFrom, errTo error
	r.From, errFrom = feed.ParseCurrency(from)
	r.To, errTo = feed.ParseCurrency(to)
	if errFrom != nil || errTo != nil {
		return reply{}, notFound("such rate")
	}
	stands, err := c.panel.opt.Manage.Rate(c.ctx, c.who, r.From, r.To)
	if err != nil {
		return reply{}, err
	}
	if r.Version = f.version(); !f.Failed() && f.Value("act") == "delete" {
		if rep, ok := c.sure(f, "/rates", "rates.ask", r.From.String(), r.To.String()); !ok {
			return rep, nil
		}
		if err := c.panel.opt.Manage.DeleteRate(c.ctx, c.who, r.From, r.To, r.Version); err != nil {
			return reply{}, err
		}
		return move("/rates").saying("rates.deleted", r.From.String(), r.To.String()), nil
	}
	r.Rate = readRate(f)
	return c.putRate(f, r, func() (ratesView, error) { return c.rates(newForm(), stands.Name(), f) })
}
