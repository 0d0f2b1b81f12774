package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// heldCmd groups what concerns held generations.
type heldCmd struct {
	List    heldListCmd    `cmd:"" help:"List what is held instead of being published."`
	Show    heldShowCmd    `cmd:"" help:"Tell what a run has held, and why."`
	Release heldReleaseCmd `cmd:"" help:"Publish what a run has held."`
	Discard heldDiscardCmd `cmd:"" help:"Forget what a run has held."`
}

// heldListCmd lists what is held.
type heldListCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (heldListCmd) Help() string {
	return `A run that would take away more than a fifth of an offer's products, move its prices by more than half, or begin an offer without
any product, publishes nothing of it: its files are made and held, partners go on reading what was published before, and that stays
valid. Here is what waits for a decision. What a later run finds to be in order again leaves the list.
A partner who has come back after more than a day has nothing of today to read until then: his addresses
answer 503, and he is named below the list.

Example: feedmill held list`
}

// Run implements the command.
func (c *heldListCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.withMerchant(ctx, cfg, c.Merchant, func(h *home, m partner.Merchant) error {
		list, err := h.db.HeldGenerations(ctx, m.ID)
		if err != nil {
			return err
		}
		waiting, err := h.waiting(ctx, m.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, heldJSON(list, waiting))
		}
		if len(list) == 0 {
			fmt.Fprintln(w.stdout, "nothing is held")
			return nil
		}
		defer printWaiting(w.stdout, list, waiting)
		return table(w.stdout, "RUN FEED GENERATION PRODUCTS SINCE REASON", func(add func(...any)) {
			for i := range list {
				r := &list[i]
				g := &r.Generation
				add(r.Run, g.Feed.Kind, g.Number, g.Products, r.Since.Format(time.RFC3339), oneLine(r.Reason.Error()))
			}
		})
	})
}

// heldShowCmd tells more of what a run has held.
type heldShowCmd struct {
	merchantFlag
	RunID string `arg:"" name:"run" help:"Run that holds it, as the list names it."`
	JSON  bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (heldShowCmd) Help() string {
	return `Tells of each generation that a run has held why, what it would replace, and where its files are stored.

Example: feedmill held show 6ahr2qk4h3tzkcwe`
}

// Run implements the command.
func (c *heldShowCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.withMerchant(ctx, cfg, c.Merchant, func(h *home, m partner.Merchant) error {
		all, err := h.db.HeldGenerations(ctx, m.ID)
		if err != nil {
			return err
		}
		var list []publish.HeldRecord
		for _, r := range all {
			if r.Run == c.RunID {
				list = append(list, r)
			}
		}
		if len(list) == 0 {
			return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("nothing of run %q is held", c.RunID), Hint: "'feedmill held list' names the runs"}
		}
		waiting, err := h.waiting(ctx, m.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, heldJSON(list, waiting))
		}
		defer printWaiting(w.stdout, list, waiting)
		for i := range list {
			r := &list[i]
			g := &r.Generation
			fmt.Fprintf(w.stdout, "%s feed %s\n  held since %s by run %s: %s\n  generation %d of %s would replace %d: %d products, valid until %s\n",
				g.Feed.Kind, g.Feed.Key, r.Since.Format(time.RFC3339), r.Run, r.Reason.Error(), g.Number, g.Time.Format(time.RFC3339),
				g.Base, g.Products, g.Expires.Format(time.RFC3339))
			for k := range g.Files {
				if f := &g.Files[k]; f.Generation == g.Number {
					fmt.Fprintf(w.stdout, "  %s: %d products, %d bytes, %s\n", f.Kind.FileName(f.Label), f.Products, f.Plain.Size, f.Plain.Key)
				}
			}
		}
		return nil
	})
}

// heldReleaseCmd publishes what is held.
type heldReleaseCmd struct {
	merchantFlag
	Runs []string `arg:"" name:"run" help:"Runs, as the list names them."`
}

// Help implements kong.HelpProvider.
func (heldReleaseCmd) Help() string {
	return `Publishes what a run has held, all of its feeds in one step: it is right after all. When an offer has been
published anew meanwhile, as before its validity ends, the held files do not follow from it any more; then
nothing is released, and 'feedmill publish' holds what is right now. The audit tells who released what.

Example: feedmill held release 6ahr2qk4h3tzkcwe`
}

// Run implements the command.
func (c *heldReleaseCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return decideHeld(ctx, w, cfg, c.Merchant, c.Runs, "published", func(h *home, m partner.MerchantID, run string) ([]publish.HeldRecord, error) {
		return h.db.ReleaseHeld(ctx, actor(), m, run)
	})
}

// heldDiscardCmd forgets what is held.
type heldDiscardCmd struct {
	merchantFlag
	Runs []string `arg:"" name:"run" help:"Runs, as the list names them."`
}

// Help implements kong.HelpProvider.
func (heldDiscardCmd) Help() string {
	return `Forgets what a run has held: it was wrong. While the catalog stays as it is the next run comes to the same
and holds it again; mend the catalog first. The audit tells who discarded what.

Example: feedmill held discard 6ahr2qk4h3tzkcwe`
}

// Run implements the command.
func (c *heldDiscardCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return decideHeld(ctx, w, cfg, c.Merchant, c.Runs, "discarded", func(h *home, m partner.MerchantID, run string) ([]publish.HeldRecord, error) {
		return h.db.DiscardHeld(ctx, actor(), m, run)
	})
}

// decideHeld acts on what each run has held, and tells of all that it could not
// act on.
func decideHeld(ctx context.Context, w *world, cfg *config.Config, merchant string, runs []string, said string, act func(*home, partner.MerchantID, string) ([]publish.HeldRecord, error)) error {
	return w.withMerchant(ctx, cfg, merchant, func(h *home, m partner.Merchant) error {
		var errs []error
		for _, run := range runs {
			list, err := act(h, m.ID, run)
			errs = append(errs, err)
			for i := range list {
				if g := &list[i].Generation; err == nil {
					fmt.Fprintf(w.stdout, "%s: generation %d, %d products: %s\n", g.Feed.Kind, g.Number, g.Products, said)
				}
			}
		}
		return errors.Join(errs...)
	})
}

// heldGenerationJSON is a held generation as JSON shows it.
type heldGenerationJSON struct {
	Run        string            `json:"run"`
	Since      time.Time         `json:"since"`
	Feed       feed.Kind         `json:"feed"`
	Key        string            `json:"key"`
	Generation int64             `json:"generation"`
	Base       int64             `json:"base"`
	Products   int64             `json:"products"`
	Expires    time.Time         `json:"expires"`
	Reason     string            `json:"reason"`
	Details    publish.HeldError `json:"details"`
	Files      []heldFileJSON    `json:"files"`
	// Waiting names offers that show nothing (503) until this is decided.
	Waiting []heldOffer `json:"waiting,omitempty"`
}

// heldOffer is an offer that shows nothing until somebody decides.
type heldOffer struct {
	ID      partner.OfferID `json:"id"`
	Name    string          `json:"name"`
	Partner string          `json:"partner"`
}

// waiting gives the offers that show nothing until what a run has held is
// decided, by run.
func (h *home) waiting(ctx context.Context, m partner.MerchantID) (map[string][]heldOffer, error) {
	fresh, err := h.db.Freshness(ctx, m)
	if err != nil {
		return nil, err
	}
	var list map[string][]heldOffer
	for i := range fresh {
		f := &fresh[i]
		if !f.Nothing || f.Held == "" {
			continue
		}
		o, err := h.db.Offer(ctx, m, f.Offer)
		if err != nil {
			return nil, err
		}
		p, err := h.db.Partner(ctx, m, f.Partner)
		if err != nil {
			return nil, err
		}
		if list == nil {
			list = map[string][]heldOffer{}
		}
		list[f.Held] = append(list[f.Held], heldOffer{o.ID, o.Name, p.Name})
	}
	return list, nil
}

// printWaiting names the offers that wait for what is listed.
func printWaiting(to io.Writer, list []publish.HeldRecord, waiting map[string][]heldOffer) {
	said := map[string]bool{}
	for i := range list {
		run := list[i].Run
		if said[run] {
			continue
		}
		said[run] = true
		for _, o := range waiting[run] {
			fmt.Fprintf(to, "%s (%s of %s) shows nothing, and answers 503, until run %s is decided\n", o.Name, o.ID, o.Partner, run)
		}
	}
}

type heldFileJSON struct {
	Name     string `json:"name"`
	Products int64  `json:"products"`
	Size     int64  `json:"size"`
	Object   string `json:"object"`
}

func heldJSON(list []publish.HeldRecord, waiting map[string][]heldOffer) []heldGenerationJSON {
	out := make([]heldGenerationJSON, 0, len(list))
	for i := range list {
		r := &list[i]
		g := &r.Generation
		j := heldGenerationJSON{Run: r.Run, Since: r.Since, Feed: g.Feed.Kind, Key: g.Feed.Key, Generation: g.Number, Base: g.Base,
			Products: g.Products, Expires: g.Expires, Reason: r.Reason.Error(), Details: r.Reason, Waiting: waiting[r.Run]}
		for k := range g.Files {
			if f := &g.Files[k]; f.Generation == g.Number {
				j.Files = append(j.Files, heldFileJSON{f.Kind.FileName(f.Label), f.Products, f.Plain.Size, f.Plain.Key})
			}
		}
		out = append(out, j)
	}
	return out
}
