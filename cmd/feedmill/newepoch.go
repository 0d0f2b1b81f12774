package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// newEpochCmd makes feeds begin anew.
type newEpochCmd struct {
	Merchant string `placeholder:"NAME" help:"Merchant whose feeds begin anew. Without it those of all do."`
	Above    int64  `placeholder:"N" help:"Highest number of a generation that a partner may have seen. Default: a million above the last one that is known."`
	JSON     bool   `help:"Print the result as JSON."`
}

// Help implements kong.HelpProvider.
func (newEpochCmd) Help() string {
	return `Has every feed begin a new epoch with its next publication: a full file without change files, under
numbers and times above all that were used before. It is for the one case that is not noticed by
itself: records and stored files were both restored to the same earlier moment, and partners have seen
what came after it. Where only the records were restored, the marks in the store tell, and every feed
begins anew without this command. See docs/operations.md.

Exit status: 0 done; 1 there is no such merchant; 2 the command line is wrong; 3 records or store do
not answer.

Example: feedmill new-epoch && feedmill publish`
}

// epochGap is how far numbers jump: further than anything that was lost.
const epochGap = 1_000_000

// Run implements the command.
func (c *newEpochCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	list, err := h.db.Merchants(ctx)
	if err != nil {
		return err
	}
	if c.Merchant != "" {
		m, err := h.merchant(ctx, c.Merchant)
		if err != nil {
			return err
		}
		list = []partner.Merchant{m}
	}
	gens, err := h.db.CurrentGenerations(ctx, nil)
	if err != nil {
		return err
	}
	type begun struct {
		Merchant partner.MerchantID `json:"merchant"`
		Above    int64              `json:"above"`
	}
	result := []begun{}
	for _, m := range list {
		// A mark of a run that the records do not know is what tells that history
		// was lost.
		run := runID()
		bin := publish.NewStoreBin(h.store, run)
		mark := publish.Mark{Run: run, Time: w.now()}
		newest, ok, err := bin.Newest(ctx, string(m.ID))
		if err != nil {
			return err
		}
		raise := func(epoch, number int64, at time.Time) {
			mark.Epoch, mark.Number = max(mark.Epoch, epoch), max(mark.Number, number)
			if at.After(mark.Time) {
				mark.Time = at
			}
		}
		if ok {
			raise(newest.Epoch, newest.Number, newest.Time)
		}
		for i := range gens {
			if g := &gens[i]; g.Feed.Merchant == string(m.ID) {
				raise(g.Epoch, g.Number, g.Time)
			}
		}
		mark.Number = max(mark.Number+1, c.Above)
		if c.Above == 0 {
			mark.Number += epochGap
		}
		if err := bin.Mark(ctx, string(m.ID), mark); err != nil {
			return fmt.Errorf("leave a mark for merchant %s: %w", m.ID, err)
		}
		result = append(result, begun{m.ID, mark.Number})
		if !c.JSON {
			fmt.Fprintf(w.stdout, "%s: every feed begins anew above generation %d when it is published next\n", m.Name, mark.Number)
		}
	}
	if c.JSON {
		return writeJSON(w.stdout, result)
	}
	return nil
}
