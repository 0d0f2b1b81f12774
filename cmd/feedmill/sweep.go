package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
)

// sweepCmd looks for stored files that no record names.
type sweepCmd struct {
	merchantFlag
	DryRun bool `help:"Only tell what would be deleted."`
	JSON   bool `help:"Print the report as JSON."`
}

// Help implements kong.HelpProvider.
func (sweepCmd) Help() string {
	return `Looks through everything that is stored for a merchant and compares it with the records. What runs that were
killed have left is deleted once a day has passed and two looks have found it: at most one in twenty of the
stored files, 10 at least and 1000 at most. Files that the records do not know, and names that feedmill does
not give, are told and stay. Uploads of feedmill that were broken off a day ago or longer are ended, whichever
merchant's they were: a store keeps their parts, and bills for them, until then. 'feedmill serve' does the same once a day.

Example: feedmill sweep --dry-run`
}

// Run implements the command.
func (c *sweepCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.withMerchant(ctx, cfg, c.Merchant, func(h *home, m partner.Merchant) error {
		todo := work.New(work.Options{Uploads: h.db, Store: h.store, Now: w.now, Log: w.log})
		o, err := todo.Orphans(ctx, m.ID, c.DryRun)
		left, leftErr := todo.Leftovers(ctx, c.DryRun)
		err = errors.Join(err, leftErr)
		if c.JSON {
			return errors.Join(err, writeJSON(w.stdout, struct {
				work.Orphans
				Leftovers work.Leftovers `json:"leftovers"`
			}{o, left}))
		}
		printOrphans(w.stdout, &o)
		if n := left.Uploads + left.Files; n > 0 && c.DryRun {
			fmt.Fprintf(w.stdout, "%d broken uploads would be ended\n", n)
		} else if n > 0 {
			fmt.Fprintf(w.stdout, "%d broken uploads ended\n", n)
		}
		return err
	})
}

func printOrphans(to io.Writer, o *work.Orphans) {
	fmt.Fprintf(to, "%d files are stored\n", o.Objects)
	for _, k := range []struct {
		keys work.Keys
		what string
	}{
		{o.Left, "left by runs that have ended"},
		{o.Fresh, "left by runs that have ended, seen for the first time"},
		{o.Unknown, "unknown to the records; they stay"},
		{o.Foreign, "with a name that feedmill does not give; they stay"},
	} {
		if k.keys.Count == 0 {
			continue
		}
		fmt.Fprintf(to, "%d %s\n", k.keys.Count, k.what)
		for _, key := range k.keys.Examples {
			fmt.Fprintf(to, "  %s\n", feed.Visible(key))
		}
	}
	fmt.Fprintf(to, "%d deleted\n", o.Deleted)
}
