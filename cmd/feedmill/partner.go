package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// partnerCmd groups what concerns partners.
type partnerCmd struct {
	Add  partnerAddCmd  `cmd:"" help:"Add a partner with an offer and print his secret address."`
	List partnerListCmd `cmd:"" help:"List partners and their switches."`
	On   partnerOnCmd   `cmd:"" help:"Switch a partner's feeds on."`
	Off  partnerOffCmd  `cmd:"" help:"Switch a partner's feeds off, at once."`
}

type merchantFlag struct {
	Merchant string `placeholder:"NAME" help:"Merchant whose partner it is; needed when there are several."`
}

// partnerAddCmd adds a partner.
type partnerAddCmd struct {
	merchantFlag
	Name      string   `arg:"" help:"Name of the partner."`
	Email     string   `placeholder:"ADDRESS" help:"E-mail address."`
	Wholesale bool     `help:"The partner's prices start from the wholesale price."`
	Profile   string   `placeholder:"FILE" help:"Profile file of his offer (TOML, see docs/profile.md). Without it he sees the catalog as it is, in its own currency."`
	Tag       []string `placeholder:"WORD" help:"Tag of the partner; may be given again."`
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
func (c *partnerAddCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	a, err := c.add(ctx, w, h, publicURL(&cfg.Server, cfg.Server.Listen))
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, a)
	}
	fmt.Fprintf(w.stdout, "partner %s, offer %s\ngateway: %s\nThis address is secret and is not shown again.\n", a.Partner, a.Offer, a.Gateway)
	return nil
}

func (c *partnerAddCmd) add(ctx context.Context, w *world, h *home, base string) (added, error) {
	var profile feed.Profile
	var err error
	if c.Profile != "" {
		if profile, err = config.ReadProfile(c.Profile); err != nil {
			return added{}, err
		}
	}
	if c.Wholesale {
		profile.Base = feed.BaseWholesale
	}
	return h.addPartner(ctx, w, c.Merchant, base, partner.Partner{Name: c.Name, Email: c.Email, Wholesaler: profile.Base == feed.BaseWholesale,
		Tags: c.Tag, FeedEnabled: !c.Off}, profile)
}

// addPartner makes a partner of a merchant with an offer and a link.
func (h *home) addPartner(ctx context.Context, w *world, merchant, base string, p partner.Partner, profile feed.Profile) (added, error) {
	m, err := h.merchant(ctx, merchant)
	if err != nil {
		return added{}, err
	}
	shops, err := h.db.Shops(ctx, m.ID)
	if err != nil {
		return added{}, err
	}
	if len(shops) == 0 {
		return added{}, feed.Errorf(feed.KindNotFound, "merchant %s has no shop", m.Name)
	}
	if others, err := h.db.Partners(ctx, m.ID); err != nil {
		return added{}, err
	} else {
		for _, o := range others {
			if strings.EqualFold(o.Name, p.Name) {
				return added{}, feed.Errorf(feed.KindConflict, "there is a partner %q already", o.Name)
			}
		}
	}
	if profile.Currency.IsZero() {
		profile.Currency = m.Currency
	}
	if len(profile.Languages) == 0 && !m.Language.IsZero() {
		profile.Languages = []feed.Language{m.Language}
	}
	p.ID, p.Merchant = partner.NewID(), m.ID
	if p, err = h.db.CreatePartner(ctx, actor(), p); err != nil {
		return added{}, err
	}
	o, err := h.db.CreateOffer(ctx, actor(), partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, Shop: shops[0].ID,
		Name: shops[0].Name, Profile: profile, FeedEnabled: true})
	if err != nil {
		return added{}, err
	}
	link, secret := partner.NewLink(m.ID, o.ID, "first", w.now(), time.Time{})
	if err := h.db.CreateLink(ctx, actor(), link); err != nil {
		return added{}, err
	}
	if m.BaseURL != "" {
		base = m.BaseURL
	}
	return added{Partner: string(p.ID), Offer: string(o.ID), Link: string(link.ID), Gateway: base + "/o/" + secret.Reveal() + "/gateway.xml"}, nil
}

// publicURL gives the address under which partners reach the server.
func publicURL(s *config.Server, listen string) string {
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/")
	}
	return "http://" + listen
}

// partnerListCmd lists partners.
type partnerListCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (partnerListCmd) Help() string {
	return `Lists the partners with their switches. A feed is on when the merchant's sharing, the partner's feed
and the offer's feed are all on and the account is active.

Example: feedmill partner list --json`
}

// listed is one line of 'partner list'.
type listed struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Feed     string `json:"feed"`
	Base     string `json:"base"`
	Offers   int    `json:"offers"`
	Currency string `json:"currency,omitempty"`
}

// Run implements the command.
func (c *partnerListCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	m, err := h.merchant(ctx, c.Merchant)
	if err != nil {
		return err
	}
	partners, err := h.db.Partners(ctx, m.ID)
	if err != nil {
		return err
	}
	lines := make([]listed, 0, len(partners))
	for _, p := range partners {
		offers, err := h.db.Offers(ctx, m.ID, p.ID)
		if err != nil {
			return err
		}
		l := listed{ID: string(p.ID), Name: p.Name, State: p.State.String(), Feed: "off", Base: "retail", Offers: len(offers)}
		if p.FeedEnabled {
			l.Feed = "on"
		}
		if p.Wholesaler {
			l.Base = "wholesale"
		}
		if len(offers) > 0 {
			l.Currency = offers[0].Profile.Currency.String()
		}
		lines = append(lines, l)
	}
	if c.JSON {
		return writeJSON(w.stdout, lines)
	}
	tw := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NAME\tFEED\tSTATE\tBASE\tCURRENCY\tOFFERS\tID")
	for _, l := range lines {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", l.Name, l.Feed, l.State, l.Base, l.Currency, l.Offers, l.ID)
	}
	return tw.Flush()
}

// partnerOnCmd switches a partner's feeds on.
type partnerOnCmd struct {
	merchantFlag
	Name string `arg:"" help:"Name or id of the partner."`
}

// Help implements kong.HelpProvider.
func (partnerOnCmd) Help() string {
	return `Switches the partner's feeds on. The addresses that he had answer again.

Example: feedmill partner on "Nord Shop"`
}

// Run implements the command.
func (c *partnerOnCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return switchPartner(ctx, w, cfg, c.Merchant, c.Name, true)
}

// partnerOffCmd switches a partner's feeds off.
type partnerOffCmd struct {
	merchantFlag
	Name string `arg:"" help:"Name or id of the partner."`
}

// Help implements kong.HelpProvider.
func (partnerOffCmd) Help() string {
	return `Switches the partner's feeds off: within a second every address of his answers 404, and running
downloads are cut. The account, its offers and its links stay as they are.

Example: feedmill partner off "Nord Shop"`
}

// Run implements the command.
func (c *partnerOffCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return switchPartner(ctx, w, cfg, c.Merchant, c.Name, false)
}

func switchPartner(ctx context.Context, w *world, cfg *config.Config, merchant, name string, on bool) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	m, err := h.merchant(ctx, merchant)
	if err != nil {
		return err
	}
	partners, err := h.db.Partners(ctx, m.ID)
	if err != nil {
		return err
	}
	state := map[bool]string{true: "on", false: "off"}[on]
	for _, p := range partners {
		if string(p.ID) != name && !strings.EqualFold(p.Name, name) {
			continue
		}
		if p.FeedEnabled == on {
			fmt.Fprintf(w.stdout, "%s is %s already\n", p.Name, state)
			return nil
		}
		if _, err := h.db.SetPartnerFeed(ctx, actor(), m.ID, p.ID, on, p.Version); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "%s is %s\n", p.Name, state)
		return nil
	}
	return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no partner %q", name), Hint: "see 'feedmill partner list'"}
}
