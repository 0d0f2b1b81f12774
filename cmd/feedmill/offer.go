package main

import (
	"context"
	"fmt"
	"strings"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// offersCmd groups what concerns offers.
type offersCmd struct {
	List    offerListCmd    `cmd:"" help:"List offers and their switches."`
	Add     offerAddCmd     `cmd:"" help:"Add an offer for a partner."`
	Set     offerSetCmd     `cmd:"" help:"Change an offer, or all offers of a partner in one act."`
	On      offerOnCmd      `cmd:"" help:"Switch an offer's feed on."`
	Off     offerOffCmd     `cmd:"" help:"Switch an offer's feed off, at once."`
	Preview offerPreviewCmd `cmd:"" help:"Say what another profile would change for an offer's recipient."`
	Delete  offerDeleteCmd  `cmd:"" help:"Delete an offer without live links."`
}

// offerLine is one line of 'offer list'.
type offerLine struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Partner     string         `json:"partner"`
	PartnerName string         `json:"partner_name"`
	Shop        int32          `json:"shop"`
	Feed        string         `json:"feed"`
	Orders      string         `json:"orders"`
	Currency    string         `json:"currency,omitempty"`
	Languages   []string       `json:"languages,omitempty"`
	Files       string         `json:"files,omitempty"`
	CSV         bool           `json:"csv"`
	PriceList   string         `json:"price_list,omitempty"`
	OnlyListed  bool           `json:"only_listed,omitempty"`
	Discounts   string         `json:"discounts"`
	Schedule    []scheduleLine `json:"schedule,omitempty"`
	Version     int64          `json:"version"`
}

func (d *desk) offerLine(o *partner.Offer, partnerName string, shops []partner.Shop) offerLine {
	l := offerLine{ID: string(o.ID), Name: o.Name, Partner: string(o.Partner), PartnerName: partnerName, Feed: onOff(o.FeedOn(d.w.now())),
		Orders: onOff(o.OrdersEnabled), Currency: o.Profile.Currency.String(), Files: o.Files.String(), CSV: o.Profile.CSV,
		PriceList: string(o.Profile.PriceList), OnlyListed: o.Profile.OnlyListed, Discounts: "own", Schedule: scheduleLines(o.Schedule), Version: o.Version}
	if o.PartnerDiscounts {
		l.Discounts = "the partner's"
	}
	for _, lang := range o.Profile.Languages {
		l.Languages = append(l.Languages, lang.String())
	}
	for _, s := range shops {
		if s.ID == o.Shop {
			l.Shop = s.Number
		}
	}
	return l
}

// offerListCmd lists offers.
type offerListCmd struct {
	merchantFlag
	Partner string `placeholder:"NAME" help:"Only this partner's."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (offerListCmd) Help() string {
	return `Lists offers: who receives what from which shop, and the position of each offer's own switch.

Example: feedmill offer list --partner "Nord Shop"`
}

// Run implements the command.
func (c *offerListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		names, of, err := d.partnerNames(ctx, c.Partner)
		if err != nil {
			return err
		}
		offers, err := d.Offers(ctx, d.who, of)
		if err != nil {
			return err
		}
		shops, err := d.Shops(ctx, d.who)
		if err != nil {
			return err
		}
		lines := make([]offerLine, 0, len(offers))
		for i := range offers {
			lines = append(lines, d.offerLine(&offers[i], names[offers[i].Partner], shops))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "PARTNER OFFER FEED SHOP CURRENCY LANGUAGES DISCOUNTS BY-ITSELF ID", func(add func(...any)) {
			for i, l := range lines {
				add(l.PartnerName, l.Name, l.Feed, l.Shop, l.Currency, strings.Join(l.Languages, ","), l.Discounts, scheduleText(offers[i].Schedule), l.ID)
			}
		})
	})
}

// offerAddCmd adds an offer.
type offerAddCmd struct {
	merchantFlag
	Partner string `required:"" placeholder:"NAME" help:"Partner who receives it."`
	Shop    int32  `default:"-1" placeholder:"NUMBER" help:"Number of the shop; without it the first."`
	Name    string `placeholder:"NAME" help:"Name of the offer; without it the shop's."`
	Profile string `placeholder:"FILE" help:"Profile file (TOML, see docs/profile.md)."`
	Files   string `placeholder:"KINDS" help:"Kinds of files that are listed and served, separated by commas; without it all."`
	Off     bool   `help:"Leave its feed switched off."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (offerAddCmd) Help() string {
	return `Adds an offer for a partner, such as one of a second shop. Where the profile has no discounts the
partner's apply; where it names no language or currency the partner's count, then the merchant's.
Its address comes from 'feedmill link new'.

Example: feedmill offer add --partner "Nord Shop" --shop 2 --profile nord.toml`
}

// Run implements the command.
func (c *offerAddCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		p, err := d.partnerNamed(ctx, c.Partner)
		if err != nil {
			return err
		}
		shops, err := d.Shops(ctx, d.who)
		if err != nil {
			return err
		}
		var shop *partner.Shop
		for i := range shops {
			if shop == nil && (c.Shop < 0 || shops[i].Number == c.Shop) {
				shop = &shops[i]
			}
		}
		if shop == nil {
			return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no shop %d", c.Shop), Hint: "shops are made in the panel, or with POST /api/v1/shops"}
		}
		profile, err := readProfile(c.Profile)
		if err != nil {
			return err
		}
		if err := d.resolveList(ctx, &profile.PriceList); err != nil {
			return err
		}
		files, err := partner.ParseKindSet(c.Files)
		if err != nil {
			return err
		}
		name := c.Name
		if name == "" {
			name = shop.Name
		}
		o, err := d.CreateOffer(ctx, d.who, partner.Offer{Partner: p.ID, Shop: shop.ID, Name: name, Profile: profile,
			PartnerDiscounts: noDiscounts(&profile), Files: files, FeedEnabled: !c.Off})
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, d.offerLine(&o, p.Name, shops))
		}
		fmt.Fprintf(w.stdout, "offer %s of %s: %s\n", o.ID, p.Name, o.Name)
		return nil
	})
}

// whichOfferFlags say which offers an act is for.
type whichOfferFlags struct {
	merchantFlag
	Offer   string `arg:"" optional:"" help:"Name or id of the offer; not needed where the partner has one."`
	Partner string `placeholder:"NAME" help:"Partner whose offer it is."`
	All     bool   `help:"All offers of the partner, or of the partners with --tag."`
	Tag     string `placeholder:"WORD" help:"With --all: all offers of all partners with this tag."`
	Preview bool   `help:"Say what the recipients would gain or lose, and change nothing."`
	JSON    bool   `help:"Print as JSON."`
}

// run plans a change of the offers and carries it out; word says what an offer
// is after it.
func (f *whichOfferFlags) run(ctx context.Context, w *world, cfg *config.Config, word string, change func(d *desk) (manage.OfferChange, error)) error {
	return w.manage(ctx, cfg, f.Merchant, func(d *desk) error {
		offers, which, err := f.which(ctx, d)
		if err != nil {
			return err
		}
		do, err := change(d)
		if err != nil {
			return err
		}
		if err := d.resolveList(ctx, do.PriceList); err != nil {
			return err
		}
		if do.Profile != nil {
			if err := d.resolveList(ctx, &do.Profile.PriceList); err != nil {
				return err
			}
		}
		set, err := d.PlanOffers(ctx, d.who, offers, which, do)
		if err != nil {
			return err
		}
		return d.carryOut(ctx, set, f.Preview, f.JSON, func(done *partner.Changeset) error {
			for _, o := range done.Offers {
				fmt.Fprintf(w.stdout, "%s (%s) is %s\n", o.Name, o.ID, word)
			}
			if len(done.Offers) == 0 {
				fmt.Fprintf(w.stdout, "%s already\n", word)
			}
			return nil
		})
	})
}

func (f *whichOfferFlags) which(ctx context.Context, d *desk) ([]partner.OfferID, manage.Selection, error) {
	if !f.All {
		if f.Tag != "" {
			return nil, manage.Selection{}, misused("--tag goes with --all", "")
		}
		o, err := d.offerNamed(ctx, f.Partner, f.Offer)
		return []partner.OfferID{o.ID}, manage.Selection{}, err
	}
	which := manage.Selection{Tag: f.Tag}
	if f.Offer != "" || (f.Partner == "") == (f.Tag == "") {
		return nil, which, misused("--all is for all offers of one --partner, or of those with one --tag", "")
	}
	if f.Partner != "" {
		p, err := d.partnerNamed(ctx, f.Partner)
		if err != nil {
			return nil, which, err
		}
		which.Partners = []partner.ID{p.ID}
	}
	return nil, which, nil
}

// offerOnCmd switches offers on.
type offerOnCmd struct{ whichOfferFlags }

// Help implements kong.HelpProvider.
func (offerOnCmd) Help() string {
	return `Switches the feed of an offer on. Its addresses answer again where the partner's switch is on too.

Example: feedmill offer on --partner "Nord Shop"`
}

// Run implements the command.
func (c *offerOnCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	on := true
	return c.run(ctx, w, cfg, "on", func(*desk) (manage.OfferChange, error) { return manage.OfferChange{Feed: &on}, nil })
}

// offerOffCmd switches offers off.
type offerOffCmd struct{ whichOfferFlags }

// Help implements kong.HelpProvider.
func (offerOffCmd) Help() string {
	return `Switches the feed of an offer off, within a second and without touching the partner's account or his
other offers.

Example: feedmill offer off --partner "Nord Shop" "Second shop"`
}

// Run implements the command.
func (c *offerOffCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	off := false
	return c.run(ctx, w, cfg, "off", func(*desk) (manage.OfferChange, error) { return manage.OfferChange{Feed: &off}, nil })
}

// offerSetCmd changes offers.
type offerSetCmd struct {
	whichOfferFlags
	timedFlags
	offerSettings
}

// offerSettings are what may be changed of offers.
type offerSettings struct {
	Rename           string   `placeholder:"NAME" help:"New name."`
	Profile          string   `placeholder:"FILE" help:"Profile file that replaces the one before."`
	Language         []string `placeholder:"CODE" help:"Languages, the default first; may be given again."`
	Currency         string   `placeholder:"CODE" help:"Currency of all prices."`
	Discount         string   `placeholder:"PERCENT" help:"The offer's own discount on everything, instead of the partner's and of any rules."`
	PartnerDiscounts bool     `help:"Let the partner's discounts apply."`
	PriceList        *string  `placeholder:"LIST" help:"Price list, by name or id, whose prices stand in the place of the catalog's; empty for none."`
	OnlyListed       string   `enum:"on,off," default:"" help:"Leave out what the price list does not price, instead of taking the catalog's price: on or off."`
	Stock            string   `enum:"all,available," default:"" help:"Which products: all, or available ones only."`
	Files            *string  `placeholder:"KINDS" help:"Kinds of files that are listed and served, separated by commas; empty for all."`
	CSV              string   `name:"csv" enum:"on,off," default:"" help:"The CSV pair beside the XML files: on or off."`
}

func (s *offerSettings) change() (do manage.OfferChange, err error) {
	if s.Rename != "" {
		do.Name = &s.Rename
	}
	if s.Profile != "" {
		p, err := config.ReadProfile(s.Profile)
		if err != nil {
			return do, err
		}
		do.Profile = &p
		own := noDiscounts(&p)
		do.PartnerDiscounts = &own
	}
	if len(s.Language) > 0 {
		var list []feed.Language
		for _, code := range s.Language {
			l, err := parseSetting("language", code, feed.ParseLanguage)
			if err != nil {
				return do, err
			}
			list = append(list, l)
		}
		do.Languages = &list
	}
	if s.Currency != "" {
		c, err := parseSetting("currency", s.Currency, feed.ParseCurrency)
		if err != nil {
			return do, err
		}
		do.Currency = &c
	}
	if s.Discount != "" {
		percent, err := parseSetting("discount", s.Discount, feed.ParseDiscount)
		if err != nil {
			return do, err
		}
		do.Discounts, do.PartnerDiscounts = &feed.Discounts{Overall: percent}, nil
	}
	if s.PartnerDiscounts {
		if s.Discount != "" {
			return do, misused("--discount and --partner-discounts exclude each other", "")
		}
		do.PartnerDiscounts = &s.PartnerDiscounts
	}
	if s.PriceList != nil {
		list := feed.PriceListID(*s.PriceList)
		do.PriceList = &list
	}
	if s.OnlyListed != "" {
		only := s.OnlyListed == "on"
		do.OnlyListed = &only
	}
	if s.Stock != "" {
		only := s.Stock == "available"
		do.InStockOnly = &only
	}
	if s.Files != nil {
		files, err := partner.ParseKindSet(*s.Files)
		if err != nil {
			return do, err
		}
		do.Files = &files
	}
	if s.CSV != "" {
		on := s.CSV == "on"
		do.CSV = &on
	}
	return do, nil
}

// Help implements kong.HelpProvider.
func (offerSetCmd) Help() string {
	return `Changes what is given of one offer, or with --all of all offers of a partner or of the partners with a
tag, in one act. --preview says first which offers change and what their recipients gain and lose.
An offer whose files change shows the new ones with the next run; until then the old ones answer.

Example: feedmill offer set --partner "Nord Shop" --all --discount 7.5 --preview`
}

// Run implements the command.
func (c *offerSetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return c.run(ctx, w, cfg, "changed", func(d *desk) (manage.OfferChange, error) {
		do, err := c.change()
		if err != nil {
			return do, err
		}
		do.Schedule, err = c.schedule(d)
		return do, err
	})
}

// offerPreviewCmd tells what a change would do.
type offerPreviewCmd struct {
	merchantFlag
	Offer   string `arg:"" optional:"" help:"Name or id of the offer; not needed where the partner has one."`
	Partner string `placeholder:"NAME" help:"Partner whose offer it is."`
	JSON    bool   `help:"Print as JSON."`
	offerSettings
}

// Help implements kong.HelpProvider.
func (offerPreviewCmd) Help() string {
	return `Says what 'feedmill offer set' with the same settings would change for the recipient: products gained
and lost, and prices, with examples. It changes nothing.

Example: feedmill offer preview --partner "Nord Shop" --profile new.toml`
}

// Run implements the command.
func (c *offerPreviewCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	f := whichOfferFlags{merchantFlag: c.merchantFlag, Offer: c.Offer, Partner: c.Partner, Preview: true, JSON: c.JSON}
	return f.run(ctx, w, cfg, "", func(*desk) (manage.OfferChange, error) { return c.change() })
}

// offerDeleteCmd deletes an offer.
type offerDeleteCmd struct {
	merchantFlag
	Offer   string `arg:"" optional:"" help:"Name or id of the offer; not needed where the partner has one."`
	Partner string `placeholder:"NAME" help:"Partner whose offer it is."`
}

// Help implements kong.HelpProvider.
func (offerDeleteCmd) Help() string {
	return `Deletes an offer none of whose links is live any more, with the links that were. To end an offer for a
while, switch it off instead: on again, the same addresses answer.

Example: feedmill offer delete --partner "Nord Shop" "Second shop"`
}

// Run implements the command.
func (c *offerDeleteCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		o, err := d.offerNamed(ctx, c.Partner, c.Offer)
		if err != nil {
			return err
		}
		if err := d.DeleteOffer(ctx, d.who, o.ID, o.Version); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "offer %s is deleted\n", o.ID)
		return nil
	})
}
