package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// partnerShowCmd shows one partner.
type partnerShowCmd struct {
	merchantFlag
	Name string `arg:"" help:"Name or id of the partner."`
	JSON bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (partnerShowCmd) Help() string {
	return `Shows what is known of a partner, his offers with their switches, what was fetched last and how far he
is behind, and his links without their secrets.

Example: feedmill partner show "Nord Shop"`
}

// shown is what 'partner show' tells.
type shown struct {
	listed
	Email    string       `json:"email,omitempty"`
	Phone    string       `json:"phone,omitempty"`
	Notes    string       `json:"notes,omitempty"`
	Language string       `json:"language,omitempty"`
	Discount string       `json:"discount,omitempty"`
	Received []shownOffer `json:"received"`
}

type shownOffer struct {
	offerLine
	Gateway     *time.Time `json:"gateway,omitempty"`
	Full        *time.Time `json:"full,omitempty"`
	Change      *time.Time `json:"change,omitempty"`
	Light       *time.Time `json:"light,omitempty"`
	BehindFull  int64      `json:"behind_full"`
	BehindLight int64      `json:"behind_light"`
	BehindSince *time.Time `json:"behind_since,omitempty"`
	Stale       bool       `json:"stale"`
	// Nothing says that the offer's addresses answer 503, Held which run holds what
	// would come next.
	Nothing bool       `json:"nothing"`
	Held    string     `json:"held,omitempty"`
	Links   []linkLine `json:"links"`
}

// Run implements the command.
func (c *partnerShowCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		p, err := d.partnerNamed(ctx, c.Name)
		if err != nil {
			return err
		}
		out, err := d.shown(ctx, &p)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, out)
		}
		fmt.Fprintf(w.stdout, "%s (%s), %s, feed %s, orders %s, %s prices\n", out.Name, out.ID, out.State, out.Feed, out.Orders, out.Base)
		for _, line := range [][2]string{{"e-mail", out.Email}, {"phone", out.Phone}, {"language", out.Language}, {"discount", out.Discount},
			{"tags", strings.Join(out.Tags, ", ")}, {"notes", out.Notes}} {
			if line[1] != "" {
				fmt.Fprintf(w.stdout, "%s: %s\n", line[0], line[1])
			}
		}
		if len(p.Schedule) > 0 {
			fmt.Fprintf(w.stdout, "by itself: %s\n", scheduleText(p.Schedule))
		}
		for i := range out.Received {
			o := &out.Received[i]
			fmt.Fprintf(w.stdout, "offer %s (%s) of shop %d: feed %s, %s\n", o.Name, o.ID, o.Shop, o.Feed, o.Currency)
			fmt.Fprintf(w.stdout, "  fetched last: gateway %s, full %s, change %s, light %s\n", when(o.Gateway), when(o.Full), when(o.Change), when(o.Light))
			if o.BehindSince != nil {
				fmt.Fprintf(w.stdout, "  behind: %d full, %d light, since %s%s\n", o.BehindFull, o.BehindLight, when(o.BehindSince), map[bool]string{true: " (stale)"}[o.Stale])
			}
			switch {
			case o.Nothing && o.Held != "":
				fmt.Fprintf(w.stdout, "  waits for a decision: nothing to show (503) until what run %s holds is released, or found in order; see 'feedmill held show %s'\n", o.Held, o.Held)
			case o.Nothing:
				fmt.Fprintln(w.stdout, "  nothing to show yet (503): the next run makes it; 'feedmill publish' asks for one")
			case o.Held != "":
				fmt.Fprintf(w.stdout, "  the next generation is held, and the one before is shown; see 'feedmill held show %s'\n", o.Held)
			}
			for _, l := range o.Links {
				fmt.Fprintf(w.stdout, "  link %s (%s): %s, last used %s\n", l.ID, l.Name, l.State, when(l.LastUsed))
			}
		}
		return nil
	})
}

func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return stamp(*t)
}

func (d *desk) shown(ctx context.Context, p *partner.Partner) (out shown, err error) {
	offers, err := d.Offers(ctx, d.who, p.ID)
	if err != nil {
		return out, err
	}
	fresh, err := d.Freshness(ctx, d.who)
	if err != nil {
		return out, err
	}
	shops, err := d.Shops(ctx, d.who)
	if err != nil {
		return out, err
	}
	out = shown{listed: d.listed(p, offers, fresh), Email: p.Email, Phone: p.Phone, Notes: p.Notes, Language: p.Language.String(), Received: []shownOffer{}}
	if !p.Discounts.Overall.IsZero() {
		out.Discount = p.Discounts.Overall.String()
	}
	for i := range offers {
		o := shownOffer{offerLine: d.offerLine(&offers[i], p.Name, shops), Links: []linkLine{}}
		for j := range fresh {
			f := &fresh[j]
			if f.Offer != offers[i].ID {
				continue
			}
			o.Gateway, o.Full, o.Change, o.Light = optionalTime(f.Gateway.At), optionalTime(f.Full.At), optionalTime(f.Change.At), optionalTime(f.Light.At)
			o.BehindFull, o.BehindLight, o.BehindSince, o.Stale = f.BehindFull, f.BehindLight, optionalTime(f.BehindSince), f.Stale
			o.Nothing, o.Held = f.Nothing, f.Held
		}
		links, err := d.Links(ctx, d.who, offers[i].ID)
		if err != nil {
			return out, err
		}
		for j := range links {
			o.Links = append(o.Links, d.linkLine(&links[j], p.Name, offers[i].Name))
		}
		out.Received = append(out.Received, o)
	}
	return out, nil
}
