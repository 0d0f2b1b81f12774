package api

import (
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/manage"
)

// whyDoc tells why a partner sees a product as he does.
type whyDoc struct {
	Partner     string       `json:"partner"`
	Offer       string       `json:"offer"`
	Product     int64        `json:"product"`
	Name        string       `json:"name,omitempty" doc:"left out when the catalog no longer has it"`
	SwitchedOff string       `json:"switched_off,omitempty" doc:"the first switch that keeps the offer from being read now"`
	ClosedBy    []string     `json:"closed_by,omitempty" doc:"all of these switches"`
	Included    bool         `json:"included" doc:"whether it is in the offer as the catalog stands now"`
	Reason      string       `json:"reason,omitempty" doc:"why it is not"`
	Summary     string       `json:"summary"`
	Assortment  []string     `json:"assortment" doc:"the rules that were looked at, and what matched"`
	Currency    string       `json:"currency,omitempty"`
	Derivations []derivation `json:"derivations" doc:"the product, then each of its sizes"`
	Full        sentDoc      `json:"full"`
	Light       sentDoc      `json:"light"`
}

type derivation struct {
	Code    string `json:"code,omitempty"`
	List    []step `json:"list" doc:"the price of full files"`
	Partner []step `json:"partner" doc:"the price of light files"`
	Stock   []step `json:"stock"`
}

type step struct {
	Step   string `json:"step"`
	Note   string `json:"note"`
	Amount string `json:"amount,omitempty"`
}

// sentDoc is what the published files say.
type sentDoc struct {
	Generation int64          `json:"generation" doc:"the current one, 0 when nothing has been published"`
	Time       opt[time.Time] `json:"time,omitzero"`
	File       string         `json:"file,omitempty" doc:"the file that has the node"`
	Made       int64          `json:"made,omitempty" doc:"the generation that made it"`
	XML        string         `json:"xml,omitempty" doc:"the node exactly as it was sent"`
	Removed    bool           `json:"removed,omitempty" doc:"the node says that the product is gone"`
	Differs    bool           `json:"differs,omitempty" doc:"catalog or offer have changed since"`
	Left       bool           `json:"left,omitempty" doc:"it has left the offer, and light goes on showing it with quantity 0 for a time"`
	Held       string         `json:"held,omitempty" doc:"the run that holds the next generation until somebody decides: no other brings what has changed"`
}

func (a *API) why(c *call, in *struct {
	offerPath
	Product int64  `query:"product" doc:"the product by its id" schema:"min=1,max=9007199254740991"`
	Code    string `query:"code" doc:"or by a size's code, its external code or its GTIN" schema:"min=1,max=200"`
}) (*whyDoc, error) {
	if (in.Product == 0) == (in.Code == "") {
		return nil, refuse(problemParameter, "name the product by either product or code")
	}
	r, err := a.manage.Why(c.ctx, c.who, manage.Question{Offer: in.Offer, Product: feed.ProductID(in.Product), Code: in.Code})
	if err != nil {
		return nil, err
	}
	out := &whyDoc{Partner: string(r.Partner.ID), Offer: string(r.Offer.ID), Product: int64(r.Product), Name: r.Name, Included: r.Included,
		Summary: "the product is no longer in the catalog", Assortment: []string{}, Derivations: []derivation{}, Full: showSent(&r.Full), Light: showSent(&r.Light)}
	for _, off := range r.ClosedBy {
		out.ClosedBy = append(out.ClosedBy, off.String())
	}
	if len(out.ClosedBy) > 0 {
		out.SwitchedOff = out.ClosedBy[0]
	}
	e := r.Explanation
	if e == nil {
		return out, nil
	}
	out.Reason, out.Summary, out.Currency = e.Verdict.Reason.String(), e.Summary, e.Currency.String()
	out.Assortment = append(out.Assortment, e.Assortment...)
	for _, d := range append([]pricing.Derivation{e.Whole}, e.Sizes...) {
		out.Derivations = append(out.Derivations, derivation{d.Code, showSteps(d.List), showSteps(d.Partner), showSteps(d.Stock)})
	}
	return out, nil
}

// amountPlaces is how exactly a step's amount is told.
const amountPlaces = 6

func showSteps(steps []pricing.Step) []step {
	list := []step{}
	for _, s := range steps {
		v := step{Step: s.Kind.String(), Note: s.Note}
		if s.Amount != nil {
			v.Amount = s.Amount.FloatString(amountPlaces)
		}
		list = append(list, v)
	}
	return list
}

func showSent(s *manage.Sent) sentDoc {
	return sentDoc{s.Generation, moment(s.Time), s.File, s.Made, s.XML, s.Removed, s.Differs, s.Left, s.Held}
}

func whyOperations(a *API) []*operation {
	return []*operation{
		op("offers", "GET", "/offers/{offer}/why", "why", manage.ReadAccounts, "Tell why a partner sees a product as he does, and what was sent", a.why, also(manage.ReadProducts)),
	}
}
