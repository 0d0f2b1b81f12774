package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// partnerCmd groups what concerns partners.
type partnerCmd struct {
	Add     partnerAddCmd     `cmd:"" help:"Add a partner with an offer and print his secret address."`
	List    partnerListCmd    `cmd:"" help:"List partners and their switches."`
	Show    partnerShowCmd    `cmd:"" help:"Show one partner with his offers and links."`
	Set     partnerSetCmd     `cmd:"" help:"Change a partner's data, discounts and timed switches."`
	On      partnerOnCmd      `cmd:"" help:"Switch feeds of partners on."`
	Off     partnerOffCmd     `cmd:"" help:"Switch feeds of partners off, at once."`
	Block   partnerBlockCmd   `cmd:"" help:"Block a partner's account."`
	Unblock partnerUnblockCmd `cmd:"" help:"Unblock a partner's account."`
	Tag     partnerTagCmd     `cmd:"" help:"Tag partners, to act on all with a tag at once."`
}

type merchantFlag struct {
	Merchant string `placeholder:"NAME" help:"Name or id of the merchant; needed when there are several."`
}

// partnerAddCmd adds a partner.
type partnerAddCmd struct {
	merchantFlag
	Name      string   `arg:"" help:"Name of the partner."`
	Email     string   `placeholder:"ADDRESS" help:"E-mail address."`
	Wholesale bool     `help:"The partner's prices start from the wholesale price."`
	Profile   string   `placeholder:"FILE" help:"Profile file of his offer (TOML, see docs/profile.md). Without it he sees the catalog as it is, in its own currency."`
	Tag       []string `placeholder:"WORD" help:"Tag of the partner; may be given again."`
	Discount  string   `placeholder:"PERCENT" help:"Discount that all his offers without discounts of their own have."`
	Off       bool     `help:"Leave his feed switched off."`
	JSON      bool     `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (partnerAddCmd) Help() string {
	return `Makes an account, one offer of the first shop and a link, and prints the address of the gateway.
The address is the partner's secret. It is shown this once: only a hash of it is kept. The offer is
rendered by the next 'feedmill publish'.

Example: feedmill partner add "Nord Shop" --profile nord.toml`
}

// added is what 'partner add' tells.
type added struct {
	Partner string `json:"partner"`
	Offer   string `json:"offer"`
	Link    string `json:"link"`
	Gateway string `json:"gateway"`
}

// Run implements the command.
func (c *partnerAddCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		profile, err := readProfile(c.Profile)
		if err != nil {
			return err
		}
		if c.Wholesale {
			profile.Base = feed.BaseWholesale
		}
		p := partner.Partner{Name: c.Name, Email: c.Email, Wholesaler: profile.Base == feed.BaseWholesale, Tags: c.Tag, FeedEnabled: !c.Off}
		if c.Discount != "" {
			if p.Discounts.Overall, err = feed.ParseDiscount(c.Discount); err != nil {
				return &feed.Error{Kind: feed.KindInvalid, Message: "discount", Err: err}
			}
		}
		a, err := d.addPartner(ctx, p, profile)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, a)
		}
		d.tellGateway("partner "+a.Partner+", offer "+a.Offer, a.Gateway)
		return nil
	})
}

// tellGateway tells the address of a link that was just made, behind what was made.
func (d *desk) tellGateway(made, address string) {
	fmt.Fprintf(d.w.stdout, "%s\ngateway: %s\nThis address is secret and is not shown again.\n", made, address)
	if everywhere(d.base) {
		fmt.Fprintf(d.w.stderr, "hint: it leads nowhere from another machine: %s\n", hintPublicURL)
	}
}

// readProfile reads a profile file; "" is the profile without settings.
func readProfile(path string) (feed.Profile, error) {
	if path == "" {
		return feed.Profile{}, nil
	}
	return config.ReadProfile(path)
}

// addPartner makes a partner with an offer of the first shop and a link.
func (d *desk) addPartner(ctx context.Context, p partner.Partner, profile feed.Profile) (added, error) {
	shops, err := d.Shops(ctx, d.who)
	if err != nil {
		return added{}, err
	}
	if len(shops) == 0 {
		return added{}, feed.Errorf(feed.KindNotFound, "merchant %s has no shop", d.merchant.Name)
	}
	if err := d.resolveList(ctx, &profile.PriceList); err != nil {
		return added{}, err
	}
	name := p.Name
	if p, err = d.CreatePartner(ctx, d.who, p); errors.Is(err, partner.ErrTaken) {
		return added{}, d.halfThere(ctx, name, err)
	} else if err != nil {
		return added{}, err
	}
	// What is begun is ended: the rest is as short, and has bounds of its own.
	ctx = context.WithoutCancel(ctx)
	o, err := d.CreateOffer(ctx, d.who, partner.Offer{Partner: p.ID, Shop: shops[0].ID, Name: shops[0].Name, Profile: profile,
		PartnerDiscounts: noDiscounts(&profile), FeedEnabled: true})
	if err != nil {
		return added{}, halfAdded(err, fmt.Sprintf("partner %s is there, but not his offer", p.ID),
			restWithOffer(p.ID))
	}
	l, secret, err := d.CreateLink(ctx, d.who, o.ID, manage.NewLink{Name: "first"})
	if err != nil {
		return added{}, halfAdded(err, fmt.Sprintf("partner %s and his offer are there, but no link", p.ID),
			restWithLink(p.ID))
	}
	return added{Partner: string(p.ID), Offer: string(o.ID), Link: string(l.ID), Gateway: d.gateway(secret)}, nil
}

func restWithOffer(id partner.ID) string {
	return fmt.Sprintf("'feedmill offer add --partner %s' with the same profile, and 'feedmill link new --partner %s', make the rest", id, id)
}

func restWithLink(id partner.ID) string {
	return fmt.Sprintf("'feedmill link new --partner %s' makes the rest", id)
}

// halfThere adds to the refusal of a name that is taken what its partner lacks:
// a command that was killed halfway could tell nobody.
func (d *desk) halfThere(ctx context.Context, name string, taken error) error {
	p, err := d.partnerNamed(ctx, strings.TrimSpace(name))
	if err != nil {
		return taken
	}
	offers, err := d.Offers(ctx, d.who, p.ID)
	if err != nil {
		return taken
	}
	if len(offers) == 0 {
		return &feed.Error{Kind: feed.KindConflict, Message: taken.Error() + ", without an offer", Hint: "if it is the same one, " + restWithOffer(p.ID)}
	}
	for i := range offers {
		if links, err := d.Links(ctx, d.who, offers[i].ID); err != nil || len(links) > 0 {
			return taken
		}
	}
	return &feed.Error{Kind: feed.KindConflict, Message: taken.Error() + ", without a link", Hint: "if it is the same one, " + restWithLink(p.ID)}
}

// halfAdded tells what of a partner was made before err, and how the rest is:
// each part is a change of its own, and the command cannot be repeated.
func halfAdded(err error, made, rest string) error {
	if hint := feed.HintOf(err); hint != "" {
		rest = hint + "; then " + rest
	}
	return &feed.Error{Kind: feed.KindOf(err), Message: made, Hint: rest, Err: err}
}

// noDiscounts says whether a profile has no discounts, so that the partner's apply.
func noDiscounts(p *feed.Profile) bool {
	d := &p.Discounts
	return d.Overall.IsZero() && len(d.Categories)+len(d.Producers)+len(d.Products) == 0
}

// publicURL gives the address under which partners reach the server.
func publicURL(s *config.Server, listen string) string {
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/")
	}
	return "http://" + listen
}

// hintPublicURL says what to do about an address that is everywhere.
const hintPublicURL = "set server.public_url to the address that partners know"

// everywhere says whether an address is the one that stands for all of this
// machine, which leads nowhere from another.
func everywhere(base string) bool {
	at, err := netip.ParseAddrPort(strings.TrimPrefix(base, "http://"))
	return err == nil && at.Addr().IsUnspecified() || strings.HasPrefix(base, "http://:")
}

// partnerListCmd lists partners.
type partnerListCmd struct {
	merchantFlag
	Tag  string `placeholder:"WORD" help:"Only partners with this tag."`
	JSON bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (partnerListCmd) Help() string {
	return `Lists the partners with their switches. A feed is on when the merchant's sharing, the partner's feed
and the offer's feed are all on and the account is active. SEEN is when anything was last fetched
complete; "stale" beside it says that something newer has been there for longer than the merchant
has set (a day).

Example: feedmill partner list --json`
}

// listed is one line of 'partner list'.
type listed struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	State    string         `json:"state"`
	Feed     string         `json:"feed"`
	Orders   string         `json:"orders"`
	Base     string         `json:"base"`
	Offers   int            `json:"offers"`
	Currency string         `json:"currency,omitempty"`
	Tags     []string       `json:"tags,omitempty"`
	Schedule []scheduleLine `json:"schedule,omitempty"`
	Seen     *time.Time     `json:"seen,omitempty"`
	Stale    bool           `json:"stale"`
	Version  int64          `json:"version"`
}

// Run implements the command.
func (c *partnerListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		partners, err := d.Partners(ctx, d.who)
		if err != nil {
			return err
		}
		offers, err := d.Offers(ctx, d.who, "")
		if err != nil {
			return err
		}
		fresh, err := d.Freshness(ctx, d.who)
		if err != nil {
			return err
		}
		lines := make([]listed, 0, len(partners))
		for i := range partners {
			if l := d.listed(&partners[i], offers, fresh); c.Tag == "" || contains(l.Tags, c.Tag) {
				lines = append(lines, l)
			}
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "NAME FEED STATE BASE CURRENCY OFFERS SEEN BY-ITSELF TAGS ID", func(add func(...any)) {
			for i, l := range lines {
				seen := "-"
				if l.Seen != nil {
					seen = stamp(*l.Seen)
				}
				if l.Stale {
					seen += " stale"
				}
				var s partner.Schedule
				for _, p := range partners {
					if string(p.ID) == lines[i].ID {
						s = p.Schedule
					}
				}
				add(l.Name, l.Feed, l.State, l.Base, l.Currency, l.Offers, seen, scheduleText(s), strings.Join(l.Tags, ","), l.ID)
			}
		})
	})
}

func contains(list []string, word string) bool {
	for _, s := range list {
		if s == word {
			return true
		}
	}
	return false
}

// listed tells of a partner in one line.
func (d *desk) listed(p *partner.Partner, offers []partner.Offer, fresh []partner.Freshness) listed {
	l := listed{ID: string(p.ID), Name: p.Name, State: p.State.String(), Feed: onOff(p.FeedOn(d.w.now())), Orders: onOff(p.OrdersEnabled), Base: "retail",
		Tags: p.Tags, Schedule: scheduleLines(p.Schedule), Version: p.Version}
	if p.Wholesaler {
		l.Base = "wholesale"
	}
	for i := range offers {
		if offers[i].Partner == p.ID {
			if l.Offers == 0 {
				l.Currency = offers[i].Profile.Currency.String()
			}
			l.Offers++
		}
	}
	var seen time.Time
	for i := range fresh {
		if f := &fresh[i]; f.Partner == p.ID {
			if f.Seen.After(seen) {
				seen = f.Seen
			}
			l.Stale = l.Stale || f.Stale
		}
	}
	l.Seen = optionalTime(seen)
	return l
}
