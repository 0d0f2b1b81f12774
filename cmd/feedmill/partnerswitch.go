package main

import (
	"context"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// whichFlags say which partners an act is for.
type whichFlags struct {
	merchantFlag
	Name    string `arg:"" optional:"" help:"Name or id of the partner."`
	Tag     string `placeholder:"WORD" help:"All partners with this tag."`
	All     bool   `help:"All partners."`
	Preview bool   `help:"Say which offers would change and what their recipients would gain or lose, and change nothing."`
	JSON    bool   `help:"Print as JSON."`
}

// selection finds the partners.
func (f *whichFlags) selection(ctx context.Context, d *desk) (manage.Selection, error) {
	given := 0
	for _, is := range []bool{f.Name != "", f.Tag != "", f.All} {
		if is {
			given++
		}
	}
	if given != 1 {
		return manage.Selection{}, misused("say which partners: one by name, or --tag, or --all", "see 'feedmill partner list'")
	}
	which := manage.Selection{Tag: f.Tag, All: f.All}
	if f.Name != "" {
		p, err := d.partnerNamed(ctx, f.Name)
		if err != nil {
			return which, err
		}
		which.Partners = []partner.ID{p.ID}
	}
	return which, nil
}

// run plans a change of the partners and carries it out; word says what a
// partner is after it.
func (f *whichFlags) run(ctx context.Context, w *world, cfg *config.Config, word string, change func(d *desk) (manage.PartnerChange, error)) error {
	return w.manage(ctx, cfg, f.Merchant, func(d *desk) error {
		which, err := f.selection(ctx, d)
		if err != nil {
			return err
		}
		do, err := change(d)
		if err != nil {
			return err
		}
		set, err := d.PlanPartners(ctx, d.who, which, do)
		if err != nil {
			return err
		}
		return d.carryOut(ctx, set, f.Preview, f.JSON, func(done *partner.Changeset) error {
			for _, p := range done.Partners {
				fmt.Fprintf(w.stdout, "%s is %s\n", p.Name, word)
			}
			if len(done.Partners) == 0 {
				return f.already(ctx, d, which, word)
			}
			return nil
		})
	})
}

// already tells that there was nothing to do.
func (f *whichFlags) already(ctx context.Context, d *desk, which manage.Selection, word string) error {
	list, err := d.Partners(ctx, d.who)
	if err != nil {
		return err
	}
	for _, p := range list {
		if slices.Contains(which.Partners, p.ID) {
			fmt.Fprintf(d.w.stdout, "%s is %s already\n", p.Name, word)
			return nil
		}
	}
	fmt.Fprintf(d.w.stdout, "all of them are %s already\n", word)
	return nil
}

// partnerOnCmd switches feeds on.
type partnerOnCmd struct{ whichFlags }

// Help implements kong.HelpProvider.
func (partnerOnCmd) Help() string {
	return `Switches the feeds of one partner on, or of all with a tag, or of all. The addresses that they had
answer again.

Example: feedmill partner on "Nord Shop"`
}

// Run implements the command.
func (c *partnerOnCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	on := true
	return c.run(ctx, w, cfg, "on", func(*desk) (manage.PartnerChange, error) { return manage.PartnerChange{Feed: &on}, nil })
}

// partnerOffCmd switches feeds off.
type partnerOffCmd struct{ whichFlags }

// Help implements kong.HelpProvider.
func (partnerOffCmd) Help() string {
	return `Switches the feeds of one partner off, or of all with a tag, or of all: within a second every address
of theirs answers 404, and running downloads are cut. Accounts, offers and links stay as they are.
--preview says first who would lose what.

Example: feedmill partner off --tag retail --preview`
}

// Run implements the command.
func (c *partnerOffCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	off := false
	return c.run(ctx, w, cfg, "off", func(*desk) (manage.PartnerChange, error) { return manage.PartnerChange{Feed: &off}, nil })
}

// partnerBlockCmd blocks accounts.
type partnerBlockCmd struct{ whichFlags }

// Help implements kong.HelpProvider.
func (partnerBlockCmd) Help() string {
	return `Blocks accounts: none of their addresses answers, and nothing is published for them alone. Switches
and links keep their positions. Blocking one offer is 'feedmill offer off'.

Example: feedmill partner block "Nord Shop"`
}

// Run implements the command.
func (c *partnerBlockCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	state := partner.StateBlocked
	return c.run(ctx, w, cfg, "blocked", func(*desk) (manage.PartnerChange, error) { return manage.PartnerChange{State: &state}, nil })
}

// partnerUnblockCmd unblocks accounts.
type partnerUnblockCmd struct{ whichFlags }

// Help implements kong.HelpProvider.
func (partnerUnblockCmd) Help() string {
	return `Unblocks accounts. The addresses that they had answer again where their switches stand on on.

Example: feedmill partner unblock "Nord Shop"`
}

// Run implements the command.
func (c *partnerUnblockCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	state := partner.StateActive
	return c.run(ctx, w, cfg, "active", func(*desk) (manage.PartnerChange, error) { return manage.PartnerChange{State: &state}, nil })
}

// partnerTagCmd tags partners.
type partnerTagCmd struct {
	whichFlags
	Add  []string `placeholder:"WORD" help:"Tag to give; may be given again."`
	Drop []string `placeholder:"WORD" help:"Tag to take away; may be given again."`
}

// Help implements kong.HelpProvider.
func (partnerTagCmd) Help() string {
	return `Gives tags to partners or takes them away. Tags are the merchant's own words; no partner sees them.

Example: feedmill partner tag "Nord Shop" --add retail --drop trial`
}

// Run implements the command.
func (c *partnerTagCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, "tagged", func(*desk) (manage.PartnerChange, error) {
		if len(c.Add)+len(c.Drop) == 0 {
			return manage.PartnerChange{}, misused("say which tags, with --add or --drop", "")
		}
		return manage.PartnerChange{AddTags: c.Add, DropTags: c.Drop}, nil
	})
}

// partnerSetCmd changes partners.
type partnerSetCmd struct {
	whichFlags
	timedFlags
	Rename   string  `placeholder:"NAME" help:"New name."`
	Email    *string `placeholder:"ADDRESS" help:"E-mail address."`
	Phone    *string `placeholder:"NUMBER" help:"Phone number."`
	Notes    *string `placeholder:"TEXT" help:"The merchant's notes; no partner sees them."`
	Language string  `placeholder:"CODE" help:"Language of offers made from now on."`
	Currency string  `placeholder:"CODE" help:"Currency of offers made from now on."`
	Discount string  `placeholder:"PERCENT" help:"Discount that all offers without discounts of their own have, from now on."`
	Orders   string  `enum:"on,off," default:"" help:"Order access: on or off."`
}

// Help implements kong.HelpProvider.
func (partnerSetCmd) Help() string {
	return `Changes what is given and leaves all else as it is, in one act. A new discount reaches the offers that
have the partner's discounts with the next run. With --off-at and --on-at the feed switch moves by
itself at these times; without an offset they are in the merchant's zone. The schedule before is
replaced.

Example: feedmill partner set "Nord Shop" --off-at 2026-11-27T18:00 --on-at 2026-11-30T06:00`
}

// Run implements the command.
func (c *partnerSetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, "changed", func(d *desk) (do manage.PartnerChange, err error) {
		do = manage.PartnerChange{Email: c.Email, Phone: c.Phone, Notes: c.Notes}
		if c.Rename != "" {
			if c.Name == "" {
				return do, misused("--rename is for one partner", "")
			}
			do.Name = &c.Rename
		}
		if c.Language != "" {
			l, err := parseSetting("language", c.Language, feed.ParseLanguage)
			if err != nil {
				return do, err
			}
			do.Language = &l
		}
		if c.Currency != "" {
			cur, err := parseSetting("currency", c.Currency, feed.ParseCurrency)
			if err != nil {
				return do, err
			}
			do.Currency = &cur
		}
		if c.Discount != "" {
			percent, err := parseSetting("discount", c.Discount, feed.ParseDiscount)
			if err != nil {
				return do, err
			}
			do.Discounts = &feed.Discounts{Overall: percent}
		}
		if c.Orders != "" {
			on := c.Orders == "on"
			do.Orders = &on
		}
		do.Schedule, err = c.schedule(d)
		return do, err
	})
}
