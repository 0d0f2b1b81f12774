package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// publishCmd publishes a merchant's offers.
type publishCmd struct {
	Merchant string `placeholder:"NAME" help:"Merchant to publish for; needed when there are several."`
	Full     bool   `help:"Make every file anew, also where nothing has changed."`
	JSON     bool   `help:"Print the report as JSON."`
}

// Help implements kong.HelpProvider.
func (publishCmd) Help() string {
	return `Takes one snapshot of the catalog, renders what each offer shows, and publishes what differs from
before, all offers in one step: a new light file, a change file or a new full file, dictionaries.
Where nothing differs nothing is published. Offers behind a switch that stands on off are kept
fresh too, so that switching them on serves the offer of today; those of blocked accounts are not.

Example: feedmill publish`
}

// Run implements the command.
func (c *publishCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	m, err := h.merchant(ctx, c.Merchant)
	if err != nil {
		return err
	}
	s, err := settings(&cfg.Feeds)
	if err != nil {
		return err
	}
	s.Force = c.Full
	bar := w.newProgress("publish")
	report, err := h.publish(ctx, w, m.ID, s, func(n int64) { bar.read(0, 0, n) })
	bar.done()
	if err != nil {
		return explainHeld(err, "--feeds.max_loss 100")
	}
	if c.JSON {
		return writeJSON(w.stdout, report)
	}
	printReport(w.stdout, report)
	if !published(report) {
		fmt.Fprintln(w.stdout, "nothing has changed")
	}
	return nil
}

// publishTries is how often a run starts anew after another was first.
const publishTries = 5

// publish runs for all offers of a merchant, and again from a fresh snapshot
// when another run has published meanwhile.
func (h *home) publish(ctx context.Context, w *world, id partner.MerchantID, s publish.Settings, progress func(int64)) (report publish.Report, err error) {
	for range publishTries {
		if report, err = h.publishOnce(ctx, w, id, s, progress); !errors.Is(err, publish.ErrLost) {
			break
		}
	}
	return report, err
}

// publishOnce runs once for all offers of a merchant that may be read, or may be
// again after one switch.
func (h *home) publishOnce(ctx context.Context, w *world, id partner.MerchantID, s publish.Settings, progress func(int64)) (report publish.Report, err error) {
	snap, err := h.db.Snapshot(ctx, id)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	profiles, err := shownProfiles(ctx, snap)
	if err != nil || len(profiles) == 0 {
		return report, err
	}
	spool, err := h.spool()
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
	doc, err := snap.Dictionaries(ctx)
	if err != nil {
		return report, err
	}
	dicts := &feed.Dictionaries{}
	if doc.Version > 0 {
		if err := record.DecodeDictionaries(doc.Doc, dicts); err != nil {
			return report, fmt.Errorf("read dictionaries: %w", err)
		}
	}
	if s.Zone == nil || snap.Merchant.ZoneOffset != 0 {
		s.Zone = snap.Merchant.Zone()
	}
	s.Gzip = true
	return publish.Run(ctx, h.db, publish.NewStoreBin(h.store, runID()), publish.Request{
		Merchant: string(id), Profiles: profiles, Settings: s, Now: w.now(), Spool: spool, Progress: progress,
		Catalog: publish.Catalog{Products: storedProducts(snap), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: snap.Merchant.Language, Currency: snap.Merchant.Currency, Supplier: snap.Merchant.Supplier},
	})
}

// runID gives the name of a run, in the form that object keys want.
func runID() string { return strings.TrimPrefix(string(partner.NewImportID()), "i-") }

// shownProfiles gives the profiles of the offers of accounts in use. Switches
// do not count: what is switched on must be fresh at once.
func shownProfiles(ctx context.Context, snap snapshot) ([]feed.Profile, error) {
	if !snap.Merchant.SharingEnabled {
		return nil, nil
	}
	partners, err := snap.Partners(ctx)
	if err != nil {
		return nil, err
	}
	active := map[partner.ID]bool{}
	for _, p := range partners {
		active[p.ID] = p.State == partner.StateActive
	}
	offers, err := snap.Offers(ctx)
	if err != nil {
		return nil, err
	}
	var profiles []feed.Profile
	for _, o := range offers {
		if active[o.Partner] {
			profiles = append(profiles, o.Profile)
		}
	}
	return profiles, nil
}

// storedProducts decodes a snapshot's products.
func storedProducts(snap snapshot) func(context.Context) iter.Seq2[*feed.Product, error] {
	return func(ctx context.Context) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			var dec record.Decoder
			var p feed.Product
			for stored, err := range snap.Products(ctx) {
				if err == nil {
					err = dec.Decode(stored.Doc, &p)
				}
				if err != nil {
					yield(nil, fmt.Errorf("product %d: %w", stored.ID, err))
					return
				}
				if !yield(&p, nil) {
					return
				}
			}
		}
	}
}
