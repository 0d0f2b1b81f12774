package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/config"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
)

// publishCmd publishes a merchant's offers.
type publishCmd struct {
	merchantFlag
	Full bool `help:"Make every file anew, also where nothing has changed."`
	JSON bool `help:"Print the report as JSON."`
}

// Help implements kong.HelpProvider.
func (publishCmd) Help() string {
	return `Takes one snapshot of the catalog, renders what each offer shows, and publishes what differs from
before, all offers in one step: a new light file, a change file or a new full file, dictionaries.
Where nothing differs nothing is published. Offers behind a switch that stands on off are kept
fresh too, so that switching them on serves the offer of today; those of blocked accounts are not.
What would lose too many products, move prices too far, or be an offer's first and have no product,
is held and what was published before stays: 'feedmill held' shows it and lets you decide.

Exit status: 0 done; 1 something is held, or stands against it; 2 the command line is wrong; 3 the
machine or a part of it failed.

Example: feedmill publish`
}

// Run implements the command.
func (c *publishCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.withMerchant(ctx, cfg, c.Merchant, func(h *home, m partner.Merchant) error {
		s, err := settings(&cfg.Feeds)
		if err != nil {
			return err
		}
		s.Force = c.Full
		bar := w.newProgress("publish")
		report, err := h.publish(ctx, w, m.ID, s, func(n int64) { bar.read(0, 0, n) })
		bar.done()
		if err != nil {
			return err
		}
		// A run that finds nothing to do, as one that is called by the clock does most
		// of the time, is no act.
		if c.Full || published(report.Report) {
			if err := h.db.NoteAct(ctx, actor(), m.ID, "publish.run", string(m.ID), nil, runFacts(&report.Report, c.Full)); err != nil {
				return err
			}
		}
		warnUnmatched(w.stderr, report.Unmatched, offerNames(report.offers))
		held := explainHeld(&report.Report, "check the catalog and the offer's profile; 'feedmill held list' shows what is held, and 'feedmill held release' publishes it, or a run with "+heldFlags(&report.Report))
		if c.JSON {
			return errors.Join(writeJSON(w.stdout, reportOf(&report.Report, report.offers)), held)
		}
		if report.Restored {
			fmt.Fprintln(w.stderr, "the records have lost history: files were published that they do not know, so each feed begins anew, with a full file")
			fmt.Fprintln(w.stderr, "hint: "+twoOfThem)
		}
		printReport(w.stdout, report.Report)
		if !published(report.Report) && held == nil {
			fmt.Fprintln(w.stdout, "nothing has changed")
		}
		return held
	})
}

// runFacts are what the audit tells of a run that somebody has made.
func runFacts(r *publish.Report, full bool) partner.Facts {
	feeds, held := []int64{}, 0
	for i := range r.Feeds {
		switch f := &r.Feeds[i]; {
		case f.Published:
			feeds = append(feeds, f.Generation.Number)
		case f.Held != nil:
			held++
		}
	}
	slices.Sort(feeds)
	return partner.Facts{"full": full, "generations": feeds, "held": held}
}

const (
	// publishTries is how often a run starts anew after another was first.
	publishTries = 5
	// publishPatience is how long a run waits for another one's end, and longer
	// than a lease lives whose process has died. busyPause lies between two looks.
	publishPatience = 30 * time.Second
	busyPause       = 250 * time.Millisecond
)

// publish runs for all offers of a merchant, once no other run of his is under
// way, and again from a fresh snapshot when another run was first.
func (h *home) publish(ctx context.Context, w *world, id partner.MerchantID, s publish.Settings, progress func(int64)) (report offersReport, err error) {
	patience, end := context.WithTimeout(ctx, publishPatience)
	defer end()
	for try := 1; try <= publishTries; {
		report, err = h.publishOnce(ctx, w, id, s, progress)
		var busy *publish.BusyError
		switch {
		case errors.Is(err, publish.ErrLost):
			try++
		case errors.As(err, &busy):
			pause := time.NewTimer(min(busy.Until, busyPause))
			select {
			case <-pause.C:
			case <-patience.Done():
				pause.Stop()
				return report, err
			}
		default:
			return report, err
		}
	}
	return report, err
}

// publishOnce runs once for all offers of a merchant that may be read, or may be
// again after one switch.
func (h *home) publishOnce(ctx context.Context, w *world, id partner.MerchantID, s publish.Settings, progress func(int64)) (report offersReport, err error) {
	// What was committed up to now gets its place in the log, and so into the run.
	if _, err := h.db.Sequence(ctx); err != nil {
		return report, err
	}
	snap, err := h.db.Snapshot(ctx, id)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	head, err := snap.Head(ctx)
	if err != nil {
		return report, err
	}
	if report.offers, err = shownOffers(ctx, snap); err != nil {
		return report, err
	}
	var profiles []feed.Profile
	for i := range report.offers {
		profiles = append(profiles, report.offers[i].Profile)
	}
	if len(profiles) == 0 {
		return report, h.db.SettleEvents(ctx, id, head)
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
	s.Zone = snap.Merchant.Zone() // which the gateway and the pages tell times in too
	s.Gzip = true
	terms, err := snap.Terms(ctx)
	if err != nil {
		return report, err
	}
	lists := partner.ListsOf(profiles)
	run := runID()
	report.Report, err = publish.Do(ctx, h.db, publish.NewStoreBin(h.store, run), publish.Request{
		Merchant: string(id), RunID: run, Profiles: profiles, Settings: s, Now: w.now(), Spool: spool, Progress: progress,
		Catalog: publish.Catalog{Products: wholeCatalog(snap, lists), Terms: terms, Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: snap.Merchant.Language, Currency: snap.Merchant.Currency, Supplier: snap.Merchant.Supplier,
			Head:       head,
			Changes:    func(ctx context.Context, after int64) (publish.Hint, error) { return snap.Changes(ctx, after, 0) },
			Unnumbered: func(ctx context.Context) (publish.Hint, error) { return snap.Unnumbered(ctx, 0) },
			Done:       snap.Close,
			ByID: func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
				return partner.Priced(ctx, snap.ProductsByID(ctx, ids), lists, snap, false)
			}},
	})
	var busy *publish.BusyError
	if errors.As(err, &busy) {
		return report, err // it has not begun
	}
	crash.Point("publish.done")
	end, endErr := runEnd(&report, err)
	err = errors.Join(err, endErr, h.db.FinishRun(context.WithoutCancel(ctx), id, run, end))
	if err != nil || waiting(&report.Report) {
		return report, err
	}
	crash.Point("publish.told")
	return report, h.db.SettleEvents(ctx, id, head)
}

// offersReport is what became of a run for offers; they stand parallel to the
// profiles that it was asked for.
type offersReport struct {
	publish.Report
	offers []runOffer
}

// runOffer is an offer with the name of whom it is for.
type runOffer struct {
	partner.Offer
	partner string
}

// runEnd tells the records what people may ask of a run later.
func runEnd(r *offersReport, failure error) (end publish.RunEnd, err error) {
	if failure != nil {
		return publish.RunEnd{Error: failure.Error()}, nil
	}
	report := reportOf(&r.Report, r.offers)
	report.Unmatched = report.Unmatched[:min(len(report.Unmatched), mostUnmatched)]
	for i := range report.Feeds {
		report.Feeds[i].LeftOut = nil // 'why' tells that of a product, as it is then
	}
	end.Counts, err = json.Marshal(report)
	return end, err
}

// waiting says that a feed has something new that is not due yet.
func waiting(r *publish.Report) bool {
	return slices.ContainsFunc(r.Feeds, func(f publish.FeedReport) bool { return f.Waiting })
}

// runID gives the name of a run, in the form that object keys want.
func runID() string { return strings.TrimPrefix(string(partner.NewImportID()), "i-") }

// shownOffers gives the offers of accounts in use. Switches
// do not count: what is switched on must be fresh at once.
func shownOffers(ctx context.Context, snap snapshot) (shown []runOffer, err error) {
	if !snap.Merchant.SharingEnabled {
		return nil, nil
	}
	partners, err := snap.Partners(ctx)
	if err != nil {
		return nil, err
	}
	active := map[partner.ID]*partner.Partner{}
	for i := range partners {
		if p := &partners[i]; p.State == partner.StateActive {
			active[p.ID] = p
		}
	}
	offers, err := snap.Offers(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range offers {
		if p := active[o.Partner]; p != nil {
			shown = append(shown, runOffer{o, p.Name})
		}
	}
	return shown, nil
}

// wholeCatalog yields all products of a snapshot with what price lists say of them.
func wholeCatalog(snap snapshot, lists []feed.PriceListID) func(context.Context) iter.Seq2[*feed.Product, error] {
	return func(ctx context.Context) iter.Seq2[*feed.Product, error] {
		return partner.Priced(ctx, snap.Products(ctx), lists, snap, true)
	}
}

// twoOfThem says what else than a restore lets files appear that records do not know.
const twoOfThem = "right after a restore this is as it should be; without one, a copy of this database publishes into the same store: stop it at once, its sweeps delete files that are current here"
