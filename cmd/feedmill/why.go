package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// whyCmd tells why a partner sees a product as he does.
type whyCmd struct {
	merchantFlag
	Partner string `placeholder:"NAME" help:"Partner whose offer it is."`
	Offer   string `placeholder:"NAME" help:"Name or id of the offer; not needed where the partner has one."`
	SKU     string `name:"sku" placeholder:"CODE" help:"Code of a size, the merchant's own code of it, or its GTIN."`
	ID      int64  `name:"id" placeholder:"NUMBER" help:"Id of the product."`
	XML     bool   `name:"xml" help:"Print the nodes that were sent and nothing else."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (whyCmd) Help() string {
	return `Tells whether a product is in a partner's offer and by which rule, how its prices and stock come about
step by step, and what was sent: the generation, and the XML node exactly as it stands in the
published files. Exit status 0 also for a product that is not in the offer.

Example: feedmill why --partner "Nord Shop" --sku 5901234123457`
}

// whyAnswer is the answer as JSON tells it.
type whyAnswer struct {
	Partner     string       `json:"partner"`
	PartnerName string       `json:"partner_name"`
	Offer       string       `json:"offer"`
	OfferName   string       `json:"offer_name"`
	Product     int64        `json:"product"`
	Name        string       `json:"name,omitempty"`
	SwitchedOff string       `json:"switched_off,omitempty"`
	ClosedBy    []string     `json:"closed_by,omitempty"`
	Included    bool         `json:"included"`
	Reason      string       `json:"reason,omitempty"`
	Summary     string       `json:"summary"`
	Assortment  []string     `json:"assortment,omitempty"`
	Currency    string       `json:"currency,omitempty"`
	Derivations []whyDerived `json:"derivations,omitempty"`
	Full        whySent      `json:"full"`
	Light       whySent      `json:"light"`
}

type whyDerived struct {
	Code    string    `json:"code,omitempty"`
	List    []whyStep `json:"list,omitempty"`
	Partner []whyStep `json:"partner,omitempty"`
	Stock   []whyStep `json:"stock,omitempty"`
}

type whyStep struct {
	Step   string `json:"step"`
	Note   string `json:"note"`
	Amount string `json:"amount,omitempty"`
}

type whySent struct {
	Generation int64      `json:"generation"`
	Time       *time.Time `json:"time,omitempty"`
	File       string     `json:"file,omitempty"`
	Made       int64      `json:"made,omitempty"`
	XML        string     `json:"xml,omitempty"`
	Removed    bool       `json:"removed,omitempty"`
	Differs    bool       `json:"differs,omitempty"`
	Left       bool       `json:"left,omitempty"`
	Held       string     `json:"held,omitempty"`
}

// Run implements the command.
func (c *whyCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if (c.SKU == "") == (c.ID == 0) {
		return misused("name the product, with --sku or --id", "")
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		o, err := d.offerNamed(ctx, c.Partner, c.Offer)
		if err != nil {
			return err
		}
		a, err := d.Why(ctx, d.who, manage.Question{Offer: o.ID, Product: feed.ProductID(c.ID), Code: c.SKU})
		if err != nil {
			return err
		}
		switch {
		case c.JSON:
			return writeJSON(w.stdout, whyAnswerOf(&a))
		case c.XML:
			for _, sent := range []*manage.Sent{&a.Full, &a.Light} {
				if sent.XML != "" {
					fmt.Fprintln(w.stdout, sent.XML)
				}
			}
			return nil
		}
		return printWhy(w.stdout, &a)
	})
}

func printWhy(to io.Writer, a *manage.Answer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: ", a.Partner.Name, a.Offer.Name)
	if a.Explanation != nil {
		fmt.Fprintf(&b, "%s\n%s\n", a.Name, strings.TrimRight(a.Explanation.String(), "\n"))
	} else {
		fmt.Fprintf(&b, "product %d is no longer in the catalog\n", a.Product)
	}
	if len(a.ClosedBy) > 0 {
		b.WriteString("nothing of the offer can be read now:\n")
		for _, off := range a.ClosedBy {
			fmt.Fprintf(&b, "  %s\n", closedBy(off))
		}
	}
	for _, f := range []struct {
		name string
		sent *manage.Sent
	}{{"full", &a.Full}, {"light", &a.Light}} {
		s := f.sent
		switch {
		case s.Generation == 0:
			fmt.Fprintf(&b, "sent in %s: nothing has been published yet\n", f.name)
		case s.XML == "":
			fmt.Fprintf(&b, "sent in %s: nothing of it up to generation %d of %s\n", f.name, s.Generation, stamp(s.Time))
		default:
			word := ""
			if s.Removed {
				word = ", as removed"
			}
			fmt.Fprintf(&b, "sent in %s%s: %s of generation %d; the current one is %d of %s\n%s\n", f.name, word, s.File, s.Made, s.Generation, stamp(s.Time), s.XML)
		}
		if s.Left {
			b.WriteString("  it has left the offer: light goes on showing it with quantity 0 for the time of feeds.gone_keep, so that shops stop selling it\n")
		}
		switch {
		case s.Held != "":
			fmt.Fprintf(&b, "  what was made since is held and not shown until somebody decides; see 'feedmill held show %s'\n", s.Held)
		case s.Differs:
			b.WriteString("  the catalog or the offer has changed since: the next run will show it\n")
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// closedBy says what a switch that stands on off keeps from being read, and how
// it is turned on.
func closedBy(off partner.Refusal) string {
	switch off {
	case partner.RefusedSharingOff:
		return "sharing is switched off for all partners; it is switched on in the settings of the panel"
	case partner.RefusedPartnerBlocked:
		return "the partner is blocked; see 'feedmill partner unblock'"
	case partner.RefusedPartnerFeedOff:
		return "the partner's offers are switched off; see 'feedmill partner on'"
	case partner.RefusedOfferFeedOff:
		return "the offer is switched off; see 'feedmill offer on'"
	}
	return off.String()
}

func whyAnswerOf(a *manage.Answer) whyAnswer {
	out := whyAnswer{Partner: string(a.Partner.ID), PartnerName: a.Partner.Name, Offer: string(a.Offer.ID), OfferName: a.Offer.Name, Product: int64(a.Product),
		Name: a.Name, Included: a.Included, Summary: "the product is no longer in the catalog", Full: whySentOf(&a.Full), Light: whySentOf(&a.Light)}
	for _, off := range a.ClosedBy {
		out.ClosedBy = append(out.ClosedBy, off.String())
	}
	if len(out.ClosedBy) > 0 {
		out.SwitchedOff = out.ClosedBy[0]
	}
	e := a.Explanation
	if e == nil {
		return out
	}
	out.Reason, out.Summary, out.Assortment, out.Currency = e.Verdict.Reason.String(), e.Summary, e.Assortment, e.Currency.String()
	for _, d := range append([]pricing.Derivation{e.Whole}, e.Sizes...) {
		out.Derivations = append(out.Derivations, whyDerived{d.Code, whySteps(d.List), whySteps(d.Partner), whySteps(d.Stock)})
	}
	return out
}

func whySteps(steps []pricing.Step) []whyStep {
	var list []whyStep
	for _, s := range steps {
		v := whyStep{Step: s.Kind.String(), Note: s.Note}
		if s.Amount != nil {
			v.Amount = s.Amount.FloatString(6)
		}
		list = append(list, v)
	}
	return list
}

func whySentOf(s *manage.Sent) whySent {
	return whySent{s.Generation, optionalTime(s.Time), s.File, s.Made, s.XML, s.Removed, s.Differs, s.Left, s.Held}
}
