package main

import (
	"context"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// rateCmd groups what concerns exchange rates.
type rateCmd struct {
	List   rateListCmd   `cmd:"" help:"List the exchange rates."`
	Set    rateSetCmd    `cmd:"" help:"Set an exchange rate."`
	Delete rateDeleteCmd `cmd:"" help:"Delete an exchange rate."`
}

// rateLine is one line of 'rate list'.
type rateLine struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Rate    string    `json:"rate"`
	Since   time.Time `json:"since"`
	Version int64     `json:"version"`
}

func rateLineOf(r *partner.Rate) rateLine {
	return rateLine{From: r.From.String(), To: r.To.String(), Rate: r.Rate.String(), Since: r.Since.UTC(), Version: r.Version}
}

// rateListCmd lists rates.
type rateListCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (rateListCmd) Help() string {
	return `Lists the merchant's exchange rates: what one unit of a currency costs in another, and since when.
Offers whose profile has a rate of its own take that instead.

Example: feedmill rate list`
}

// Run implements the command.
func (c *rateListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		rates, err := d.Rates(ctx, d.who)
		if err != nil {
			return err
		}
		lines := make([]rateLine, 0, len(rates))
		for i := range rates {
			lines = append(lines, rateLineOf(&rates[i]))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "FROM TO RATE SINCE", func(add func(...any)) {
			for _, l := range lines {
				add(l.From, l.To, l.Rate, when(&l.Since))
			}
		})
	})
}

// ratePair names two currencies.
type ratePair struct {
	merchantFlag
	From string `arg:"" help:"Currency that a unit is of, such as EUR."`
	To   string `arg:"" help:"Currency that it costs so much in, such as PLN."`
}

func (c *ratePair) read() (from, to feed.Currency, err error) {
	if from, err = parseSetting("rate", c.From, feed.ParseCurrency); err == nil {
		to, err = parseSetting("rate", c.To, feed.ParseCurrency)
	}
	return from, to, err
}

// rateSetCmd sets a rate.
type rateSetCmd struct {
	ratePair
	Rate    string `arg:"" help:"What one unit costs, a decimal such as 4.2537."`
	Preview bool   `help:"Say what partners would see, and change nothing."`
	JSON    bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (rateSetCmd) Help() string {
	return `Sets what one unit of a currency costs in another. Offers in the second currency that have no rate of
their own follow with the next run; their feeds go on, and what changes comes in their change files.

Example: feedmill rate set EUR PLN 4.2537 --preview`
}

// Run implements the command.
func (c *rateSetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	from, to, err := c.read()
	if err != nil {
		return err
	}
	rate, err := parseSetting("rate", c.Rate, feed.ParseRate)
	if err != nil {
		return err
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		next := partner.Rate{From: from, To: to, Rate: rate}
		if c.Preview {
			return d.previewPrices(ctx, manage.PriceChange{Rates: []partner.Rate{next}}, c.JSON)
		}
		old, err := d.Rate(ctx, d.who, from, to)
		if err != nil && feed.KindOf(err) != feed.KindNotFound {
			return err
		}
		next.Version = old.Version
		set, err := d.SetRate(ctx, d.who, next)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, rateLineOf(&set))
		}
		fmt.Fprintf(w.stdout, "1 %s = %s %s\n", set.From, set.Rate, set.To)
		return nil
	})
}

// rateDeleteCmd deletes a rate.
type rateDeleteCmd struct {
	ratePair
	Preview bool `help:"Say what partners would see, and change nothing."`
	JSON    bool `help:"With --preview: print as JSON."`
}

// Help implements kong.HelpProvider.
func (rateDeleteCmd) Help() string {
	return `Deletes an exchange rate. Products that need it leave the offers that have no rate of their own.

Example: feedmill rate delete EUR PLN --preview`
}

// Run implements the command.
func (c *rateDeleteCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	from, to, err := c.read()
	if err != nil {
		return err
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		old, err := d.Rate(ctx, d.who, from, to)
		if err != nil {
			return err
		}
		if c.Preview {
			return d.previewPrices(ctx, manage.PriceChange{Dropped: []partner.Rate{old}}, c.JSON)
		}
		if err := d.DeleteRate(ctx, d.who, from, to, old.Version); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "the rate from %s to %s is deleted\n", from, to)
		return nil
	})
}

// previewPrices tells what a change of prices would do.
func (d *desk) previewPrices(ctx context.Context, change manage.PriceChange, asJSON bool) error {
	p, err := d.PreviewPrices(ctx, d.who, change)
	return d.previewed(&p, err, asJSON)
}
