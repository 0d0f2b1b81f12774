package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// linkCmd groups what concerns the addresses of offers.
type linkCmd struct {
	List    linkListCmd    `cmd:"" help:"List links, without their secrets."`
	New     linkNewCmd     `cmd:"" help:"Make a link of an offer and print its address, this once."`
	Rotate  linkRotateCmd  `cmd:"" help:"Replace a link by a new one."`
	Revoke  linkRevokeCmd  `cmd:"" help:"End a link for good, at once."`
	Suspend linkSuspendCmd `cmd:"" help:"Stop a link until it is resumed."`
	Resume  linkResumeCmd  `cmd:"" help:"Let a stopped link answer again."`
	CIDR    linkCIDRCmd    `cmd:"" name:"cidr" help:"Bind a link to networks."`
}

// linkLine is one line of 'link list'.
type linkLine struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Offer       string     `json:"offer"`
	OfferName   string     `json:"offer_name,omitempty"`
	PartnerName string     `json:"partner_name,omitempty"`
	State       string     `json:"state"`
	CIDRs       string     `json:"cidrs,omitempty"`
	Created     time.Time  `json:"created"`
	Expires     *time.Time `json:"expires,omitempty"`
	LastUsed    *time.Time `json:"last_used,omitempty"`
	Alarm       *time.Time `json:"alarm,omitempty"`
	Replaces    string     `json:"replaces,omitempty"`
	Version     int64      `json:"version"`
	// Gateway is the secret address; only the act that makes a link tells it.
	Gateway string `json:"gateway,omitempty"`
}

func (d *desk) linkLine(l *partner.Link, partnerName, offerName string) linkLine {
	return linkLine{ID: string(l.ID), Name: l.Name, Offer: string(l.Offer), OfferName: offerName, PartnerName: partnerName, State: l.State(d.w.now()),
		CIDRs: partner.FormatCIDRs(l.CIDRs), Created: l.CreatedAt.UTC(), Expires: optionalTime(l.ExpiresAt), LastUsed: optionalTime(l.LastUsed),
		Alarm: optionalTime(l.AlarmAt), Replaces: string(l.Replaces), Version: l.Version}
}

// made tells of a link that was just made.
func (d *desk) made(l *partner.Link, secret partner.Secret, asJSON bool) error {
	line := d.linkLine(l, "", "")
	line.Gateway = d.gateway(secret)
	if asJSON {
		return writeJSON(d.w.stdout, line)
	}
	d.tellGateway("link "+line.ID, line.Gateway)
	return nil
}

// linkListCmd lists links.
type linkListCmd struct {
	merchantFlag
	Partner string `placeholder:"NAME" help:"Only this partner's."`
	Live    bool   `help:"Only links that are neither revoked nor expired."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (linkListCmd) Help() string {
	return `Lists links with their state (live, suspended, expired, revoked), when each was last used, and since
when its use has raised an alarm: a link that is used from many networks on one day has got out.

Example: feedmill link list --partner "Nord Shop"`
}

// Run implements the command.
func (c *linkListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		names, of, err := d.partnerNames(ctx, c.Partner)
		if err != nil {
			return err
		}
		offers, err := d.Offers(ctx, d.who, of)
		if err != nil {
			return err
		}
		links, err := d.Links(ctx, d.who, "")
		if err != nil {
			return err
		}
		byID := map[partner.OfferID]*partner.Offer{}
		for i := range offers {
			byID[offers[i].ID] = &offers[i]
		}
		lines := []linkLine{}
		for i := range links {
			o := byID[links[i].Offer]
			if o == nil || c.Live && !links[i].Live(w.now()) {
				continue
			}
			lines = append(lines, d.linkLine(&links[i], names[o.Partner], o.Name))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "PARTNER OFFER LINK STATE USED EXPIRES NETWORKS ALARM ID", func(add func(...any)) {
			for _, l := range lines {
				networks := l.CIDRs
				if networks == "" {
					networks = "any"
				}
				add(l.PartnerName, l.OfferName, l.Name, l.State, when(l.LastUsed), when(l.Expires), networks, when(l.Alarm), l.ID)
			}
		})
	})
}

// linkNewCmd makes a link.
type linkNewCmd struct {
	merchantFlag
	Partner string   `placeholder:"NAME" help:"Partner whose offer it is."`
	Offer   string   `placeholder:"NAME" help:"Name or id of the offer; not needed where the partner has one."`
	Name    string   `default:"link" help:"What people call it, such as shop software."`
	CIDR    []string `name:"cidr" placeholder:"NETWORK" help:"Network that it may be used from, such as 203.0.113.0/24; may be given again."`
	Expires string   `placeholder:"TIME" help:"When it ends; without it never."`
	JSON    bool     `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (linkNewCmd) Help() string {
	return `Makes a link of an offer and prints the address of its gateway. The address is secret and is shown
this once: only a hash of it is kept. An offer has at most two live links.

Example: feedmill link new --partner "Nord Shop" --name "test system" --cidr 203.0.113.0/24`
}

// Run implements the command.
func (c *linkNewCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		if c.Partner == "" && c.Offer == "" {
			return misused("say whose link it is, with --partner or --offer", "")
		}
		o, err := d.offerNamed(ctx, c.Partner, c.Offer)
		if err != nil {
			return err
		}
		n := manage.NewLink{Name: c.Name, CIDRs: strings.Join(c.CIDR, ",")}
		if c.Expires != "" {
			if n.Expires, err = d.parseWhen(c.Expires); err != nil {
				return err
			}
		}
		l, secret, err := d.CreateLink(ctx, d.who, o.ID, n)
		if err != nil {
			return err
		}
		return d.made(&l, secret, c.JSON)
	})
}

// linkRotateCmd replaces a link.
type linkRotateCmd struct {
	merchantFlag
	Link    string        `arg:"" help:"Id of the link."`
	Overlap time.Duration `default:"72h" help:"For how long the old link answers beside the new one; 0 revokes it at once."`
	JSON    bool          `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (linkRotateCmd) Help() string {
	return `Makes a new link with the name and networks of an old one and prints its address. The old one goes on
answering for the overlap, so that the partner can change it in his own time. Nothing is generated
anew. For a link that has got out give --overlap 0.

Example: feedmill link rotate l-abcdefghijklmnop --overlap 48h`
}

// Run implements the command.
func (c *linkRotateCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		l, secret, err := d.RotateLink(ctx, d.who, partner.LinkID(c.Link), c.Overlap)
		if err != nil {
			return err
		}
		return d.made(&l, secret, c.JSON)
	})
}

// linkActFlags name one link to act on.
type linkActFlags struct {
	merchantFlag
	Link string `arg:"" help:"Id of the link."`
}

func (f *linkActFlags) run(ctx context.Context, w *world, cfg *config.Config, act func(d *desk, id partner.LinkID) error) error {
	return w.manage(ctx, cfg, f.Merchant, func(d *desk) error {
		if err := act(d, partner.LinkID(f.Link)); err != nil {
			return err
		}
		l, err := d.Link(ctx, d.who, partner.LinkID(f.Link))
		if err != nil {
			return err
		}
		bound := ""
		if len(l.CIDRs) > 0 {
			bound = ", bound to " + partner.FormatCIDRs(l.CIDRs)
		}
		fmt.Fprintf(w.stdout, "link %s is %s%s\n", l.ID, l.State(w.now()), bound)
		return nil
	})
}

// linkRevokeCmd ends a link.
type linkRevokeCmd struct{ linkActFlags }

// Help implements kong.HelpProvider.
func (linkRevokeCmd) Help() string {
	return `Ends a link for good: within a second its address answers 404 and running downloads are cut. The offer
and its other link are not touched.

Example: feedmill link revoke l-abcdefghijklmnop`
}

// Run implements the command.
func (c *linkRevokeCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, func(d *desk, id partner.LinkID) error { return d.RevokeLink(ctx, d.who, id) })
}

// linkSuspendCmd stops a link.
type linkSuspendCmd struct{ linkActFlags }

// Help implements kong.HelpProvider.
func (linkSuspendCmd) Help() string {
	return `Stops a link until 'feedmill link resume'. Its address answers 404 meanwhile.

Example: feedmill link suspend l-abcdefghijklmnop`
}

// Run implements the command.
func (c *linkSuspendCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, func(d *desk, id partner.LinkID) error { return d.SuspendLink(ctx, d.who, id) })
}

// linkResumeCmd lets a link answer again.
type linkResumeCmd struct{ linkActFlags }

// Help implements kong.HelpProvider.
func (linkResumeCmd) Help() string {
	return `Lets a link answer again that was stopped by hand or by an alarm, and takes the alarm back.

Example: feedmill link resume l-abcdefghijklmnop`
}

// Run implements the command.
func (c *linkResumeCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, func(d *desk, id partner.LinkID) error { return d.ResumeLink(ctx, d.who, id) })
}

// linkCIDRCmd binds a link to networks.
type linkCIDRCmd struct {
	linkActFlags
	Network []string `arg:"" optional:"" help:"Networks that it may be used from, such as 203.0.113.0/24 2001:db8::/48."`
	Any     bool     `help:"Let it be used from everywhere again."`
}

// Help implements kong.HelpProvider.
func (linkCIDRCmd) Help() string {
	return `Binds a link to networks: from everywhere else its address answers 404. The networks before are
replaced. Behind a proxy the server must be told to trust it, else it sees the proxy's address.

Example: feedmill link cidr l-abcdefghijklmnop 203.0.113.0/24`
}

// Run implements the command.
func (c *linkCIDRCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.Any == (len(c.Network) > 0) {
		return misused("give networks, or --any", "")
	}
	return c.run(ctx, w, cfg, func(d *desk, id partner.LinkID) error {
		l, err := d.Link(ctx, d.who, id)
		if err != nil {
			return err
		}
		_, err = d.UpdateLink(ctx, d.who, id, partner.LinkSettings{Name: l.Name, CIDRs: strings.Join(c.Network, ","), ExpiresAt: l.ExpiresAt}, l.Version)
		return err
	})
}
