// Package work holds the jobs that feedmill has: what each does, and the
// schedules that find in the records what is due.
//
// It owns the kinds and their settings, and when a merchant's files are made
// anew. It refuses to know how a run renders, where jobs are kept and who runs
// them: that is handed to it, or done with it.
//
// Every schedule reads the records and nothing else, so it finds the same again
// after a restart, on any process, and nothing that a queue has lost is lost.
package work

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/job"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// Records is what schedules ask.
type Records interface {
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	// Unsettled gives the merchants with changes that no run has dealt with.
	Unsettled(ctx context.Context) ([]partner.MerchantID, error)
	// CurrentGenerations gives the current generations of all feeds that an offer
	// is read from, but for those whose number is known already, and takes from
	// known those that no offer is read from any more.
	CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) ([]publish.Generation, error)
}

// Garbage is stored files that are no longer needed.
type Garbage interface {
	ObserveCondemned(ctx context.Context, merchant partner.MerchantID) error
	CondemnBlobs(ctx context.Context, merchant partner.MerchantID, limit int) (int64, error)
	DeletingBlobs(ctx context.Context, merchant partner.MerchantID, grace time.Duration, limit int) ([]publish.Blob, error)
	ForgetBlob(ctx context.Context, merchant partner.MerchantID, key string) error
	PutOffBlob(ctx context.Context, merchant partner.MerchantID, key string) error
}

// History is records of what is over.
type History interface {
	// RetireFeeds takes their current generation from feeds that no offer uses.
	RetireFeeds(ctx context.Context, merchant partner.MerchantID) (int64, error)
	PruneHistory(ctx context.Context, merchant partner.MerchantID) (int64, error)
	PruneRuns(ctx context.Context, merchant partner.MerchantID) error
	TrimEvents(ctx context.Context, merchant partner.MerchantID) (int64, error)
}

// Uploads is what was stored, or was about to be.
type Uploads interface {
	CountBlobs(ctx context.Context, merchant partner.MerchantID) (int64, error)
	JudgeKeys(ctx context.Context, merchant partner.MerchantID, keys []string, grace time.Duration, observe bool) (publish.Judgement, error)
	ForgetAttempt(ctx context.Context, merchant partner.MerchantID, key string) error
}

// Imports is where imports are staged, and merged from.
type Imports interface {
	Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	SweepImports(ctx context.Context, before time.Time) (int, error)
}

// Options say what the jobs work with. Where no default is given, it is needed
// by processes that run jobs; those that only insert and show them need none.
type Options struct {
	Records Records
	Garbage Garbage
	History History
	Uploads Uploads
	Imports Imports
	// Accounts may be nil: then nobody tends them.
	Accounts Accounts
	Store    storage.Store
	// Publish runs once for all offers of a merchant, and settles the changes that
	// it has dealt with. full makes every file anew.
	Publish func(ctx context.Context, merchant partner.MerchantID, full bool) error
	// SweepSpool removes what killed runs have left in this process's folder for
	// files under way. Default: nothing is.
	SweepSpool func(now time.Time) error

	// PublishEvery is how often what has changed is published, where nobody is told
	// of changes as they are made. Default 1 min; negative leaves all publishing to
	// whoever inserts [Publish].
	PublishEvery time.Duration
	// FullAt is the time of day, in the zone of the merchant, at which a full file
	// replaces one with change files beside it. Default 3 h, which is 03:00;
	// negative leaves it to the age and the share of changes.
	FullAt time.Duration
	// Validity is how long a generation is declared valid; it is renewed before
	// half of it has passed. Default 7 days.
	Validity time.Duration
	// SweepEvery is how often merchants' blobs are swept. Default 1 h.
	SweepEvery time.Duration
	// SweepLimit is how many blobs of one merchant a sweep deletes at most, so
	// that a mistake shows before all is gone. Default 20,000.
	SweepLimit int

	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Elapsed is a clock that nobody can set; only differences count. Default:
	// the monotonic clock.
	Elapsed func() time.Duration
	// Log gets what sweeps have done. Default none.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.PublishEvery = cmp.Or(o.PublishEvery, time.Minute)
	o.FullAt = cmp.Or(o.FullAt, 3*time.Hour)
	o.Validity = cmp.Or(o.Validity, 7*24*time.Hour)
	o.SweepEvery = cmp.Or(o.SweepEvery, time.Hour)
	o.SweepLimit = cmp.Or(o.SweepLimit, 20_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Work is the jobs of a process.
type Work struct {
	opt   Options
	clock clockGuard
	plan  planner
}

// New gives the jobs that work with what o says.
func New(o Options) *Work {
	o = o.withDefaults()
	w := &Work{opt: o, clock: clockGuard{elapsed: o.Elapsed}}
	w.plan.known = map[publish.FeedRef]current{}
	return w
}

// Publish is a run for all offers of a merchant: what has changed is published,
// and what is about to expire renewed.
type Publish struct {
	Merchant partner.MerchantID `json:"merchant"`
	// Full makes every file anew.
	Full bool `json:"full,omitempty"`
	// Cause tells people why, such as "changes" or "hour".
	Cause string `json:"cause,omitempty"`
}

// Kind implements job.Args.
func (Publish) Kind() string { return "publish" }

// For implements job.Args: one run of a merchant at a time.
func (p Publish) For() (partner.MerchantID, string) { return p.Merchant, "" }

// Join implements job.Joiner: a run that makes everything anew does for others.
func (p Publish) Join(later Publish) Publish {
	if p.Full && !later.Full {
		return p
	}
	return later
}

// Sweep removes what is no longer needed: a merchant's blobs, or, for none, what
// imports, uploads and runs have left behind.
type Sweep struct {
	Merchant partner.MerchantID `json:"merchant,omitempty"`
}

// Kind implements job.Args.
func (Sweep) Kind() string { return "sweep" }

// For implements job.Args.
func (s Sweep) For() (partner.MerchantID, string) { return s.Merchant, "" }

// SweepOrphans looks through everything that is stored for a merchant for what
// no record names, and removes what killed runs have left.
type SweepOrphans struct {
	Merchant partner.MerchantID `json:"merchant"`
}

// Kind implements job.Args.
func (SweepOrphans) Kind() string { return "sweep_orphans" }

// For implements job.Args.
func (s SweepOrphans) For() (partner.MerchantID, string) { return s.Merchant, "" }

// Import merges an import that is staged into the catalog.
type Import struct {
	Merchant partner.MerchantID `json:"merchant"`
	ID       partner.ImportID   `json:"id"`
	Mode     partner.MergeMode  `json:"mode"`
	Removed  []feed.ProductID   `json:"removed,omitempty"`
	Actor    partner.Actor      `json:"actor"`
}

// Kind implements job.Args.
func (Import) Kind() string { return "import" }

// For implements job.Args: imports of a merchant are merged one after the other.
func (i Import) For() (partner.MerchantID, string) { return i.Merchant, string(i.ID) }

// Kinds gives the kinds of jobs.
func (w *Work) Kinds() (*job.Kinds, error) {
	k := job.NewKinds()
	err := errors.Join(
		job.Add(k, job.KindOptions{Queue: job.QueueFeeds, Attempts: 12}, w.publish),
		// A sweep that fails is repeated by the next one.
		job.Add(k, job.KindOptions{Queue: job.QueueUpkeep, Attempts: 2, FirstPause: time.Minute}, w.sweep),
		job.Add(k, job.KindOptions{Queue: job.QueueUpkeep, Attempts: 2, FirstPause: time.Minute}, w.sweepOrphans),
		job.Add(k, job.KindOptions{Queue: job.QueueUpkeep, Attempts: 2, FirstPause: time.Minute}, w.tend),
		// The catalog comes before the files that show it.
		job.Add(k, job.KindOptions{Queue: job.QueueFeeds, Rank: -1, Attempts: 5}, w.merge),
	)
	return k, err
}

// publish runs for a merchant.
func (w *Work) publish(ctx context.Context, p Publish) error {
	return w.opt.Publish(ctx, p.Merchant, p.Full)
}

// merge merges an import. What the catalog does not take it never will.
func (w *Work) merge(ctx context.Context, i Import) error {
	plan, err := w.opt.Imports.Merge(ctx, i.Actor, i.Merchant, i.ID, i.Mode, i.Removed)
	switch feed.KindOf(err) {
	case feed.KindInvalid, feed.KindConflict, feed.KindNotFound, feed.KindForbidden:
		return job.Permanent(err)
	}
	if err == nil {
		w.opt.Log.Info("imported", "merchant", string(i.Merchant), "import", string(i.ID), "added", plan.Added, "changed", plan.Changed, "removed", plan.Removed)
	}
	return err
}

// current is what schedules need to know of a feed.
type current struct {
	number           int64
	full             time.Time // its full file's own time; zero for a light feed
	fullNumber       int64     // the generation that this came with
	changed          bool      // change files lead on from that
	expires          time.Time
	askedFull, asked time.Time
}

// askAgain is how soon a schedule asks again for a run that came to nothing, as
// it does for offers of blocked accounts.
const askAgain = 6 * time.Hour

// planner remembers the current generations, so that each is read once.
type planner struct {
	mu    sync.Mutex
	known map[publish.FeedRef]current
}

// refresh reads the generations that are new, and forgets feeds that nobody uses
// any more: a run does not renew them, so they would be due for ever.
func (p *planner) refresh(ctx context.Context, r Records) error {
	numbers := make(map[publish.FeedRef]int64, len(p.known))
	for ref, c := range p.known {
		numbers[ref] = c.number
	}
	list, err := r.CurrentGenerations(ctx, numbers)
	if err != nil {
		return fmt.Errorf("read the current generations: %w", err)
	}
	maps.DeleteFunc(p.known, func(ref publish.FeedRef, _ current) bool {
		_, used := numbers[ref]
		return !used
	})
	for i := range list {
		g := &list[i]
		p.known[g.Feed] = summary(g)
	}
	return nil
}
