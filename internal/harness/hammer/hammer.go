// Package hammer uses a whole installation as hard as it can for a while and
// looks whether it keeps its promises: writers change the catalog, publishers and
// sweeps run, edges restart, switches flip, links are revoked and time leaps, while
// robots mirror offers and readers come back for files that they were told of.
//
// It owns what the right answer to each of them is; it refuses to know how the
// installation comes to its answers. What it finds names the invariant that is
// broken, I1 to I15. Decisions follow from a seed, but processes race freely: a
// seed that found something finds it again with some luck, not surely.
package hammer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
)

// Options say what is hammered and how long.
type Options struct {
	// Site is an empty installation whose clocks are Clock.
	Site  *site.Site
	Clock *Clock
	// Dir is a folder for the copies of robots.
	Dir string
	// Seed decides what is done. Duration is for how long at least: on a crowded
	// machine it goes on until everything that is needed was done.
	Seed     uint64
	Duration time.Duration
	// Products in the catalog at the start. Default 40.
	Products int
	// Needed is what has to be done; nil is everything of [Needed].
	Needed []string
	// Repeat is the command that does the same again, for what is told of broken
	// promises; "" for none.
	Repeat string
	// Enough, when set, is asked about every broken promise; true ends the work, and
	// nothing is looked at any more once it has.
	Enough func(violation string) bool
	// Log is told what goes on; nil tells nobody.
	Log func(format string, args ...any)

	// Blobs, Records and Ledger stand between the parts of the installation and
	// break it on purpose, in tests of this package: Blobs is what edges read
	// files from, Records where they read who may, Ledger what runs commit to.
	Blobs   func(download.Blobs) download.Blobs
	Records func(download.Records) download.Records
	Ledger  func(*site.Site) publish.Ledger
}

// Report is what was done and seen.
type Report struct {
	Seed uint64
	// Done counts actions and observations by name.
	Done map[string]int64
	// Violations are broken promises, each told once.
	Violations []string
	// Missing names what was done too little.
	Missing []string
}

// Needed are what a run must have done or it proves nothing.
var Needed = []string{"edits", "additions", "removals", "publications", "change files applied", "full files fetched", "copies compared", "generations compared",
	"files fetched", "ranges fetched", "old files fetched", "switches flipped", "refusals", "links revoked", "rules changed", "rates changed", "list prices changed", "edges restarted", "sweeps", "files swept", "leaps of time"}

// Clock is a clock that leaps.
type Clock struct {
	start time.Time
	leapt atomic.Int64
	// still is held for reading by what takes no hours in any world.
	still sync.RWMutex
}

// NewClock starts at the present time.
func NewClock() *Clock { return &Clock{start: time.Now()} }

// Now is the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.leapt.Load())) }

// Elapsed tells how much time has passed, leaps included.
func (c *Clock) Elapsed() time.Duration { return c.Now().Sub(c.start) }

// Leap lets time pass at once, between transactions.
func (c *Clock) Leap(d time.Duration) {
	c.still.Lock()
	defer c.still.Unlock()
	c.leapt.Add(int64(d))
}

// steady are records during whose transactions no hours pass: one that began
// half a day ago would end what file servers have just named.
type steady struct {
	site.Records
	clock *Clock
}

// Commit implements publish.Ledger.
func (s steady) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	s.clock.still.RLock()
	defer s.clock.still.RUnlock()
	return s.Records.Commit(ctx, run, gens, cursors)
}

// UpdateOffer implements site.Records.
func (s steady) UpdateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error) {
	s.clock.still.RLock()
	defer s.clock.still.RUnlock()
	return s.Records.UpdateOffer(ctx, actor, o)
}

var (
	pln = feed.MustCurrency("PLN")
	eur = feed.MustCurrency("EUR")
)

// hammer is a run under way.
type hammer struct {
	Options
	ctx    context.Context
	enough func() // ends the work
	// satisfied says that nothing more is looked for.
	satisfied atomic.Bool
	model     *model
	edges     []*edge
	offers    []*offer
	list      feed.PriceListID
	rate      int64 // the version of the merchant's rate

	// runs counts runs that came to their end.
	runs atomic.Int64

	mu     sync.Mutex
	done   map[string]int64
	broken map[string]bool
	told   []string
}

// most is how many violations are told.
const most = 50

// violate notes a broken promise.
func (h *hammer) violate(invariant, format string, args ...any) {
	text := invariant + ": " + fmt.Sprintf(format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken[text] || len(h.told) >= most {
		return
	}
	h.broken[text] = true
	h.told = append(h.told, text)
	h.log("seed %d: %s", h.Seed, text)
	if h.Repeat != "" && len(h.told) == 1 {
		h.log("again: %s", h.Repeat)
	}
	if h.Enough != nil && h.Enough(text) {
		h.satisfied.Store(true)
		h.enough()
	}
}

func (h *hammer) log(format string, args ...any) {
	if h.Log != nil {
		h.Log(format, args...)
	}
}

func (h *hammer) count(name string, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done[name] += n
}

// pause waits a random time of up to most.
func (h *hammer) pause(r *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(r.Int64N(int64(most)) + 1))
	defer timer.Stop()
	select {
	case <-h.ctx.Done():
	case <-timer.C:
	}
}

// Run hammers an installation. An error means that it could not be done; what
// was found is in the report.
func Run(ctx context.Context, opt Options) (Report, error) {
	if opt.Products == 0 {
		opt.Products = 40
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	if opt.Needed == nil {
		opt.Needed = Needed
	}
	opt.Site.Records = steady{opt.Site.Records, opt.Clock}
	h := &hammer{Options: opt, ctx: limited, enough: cancel, model: newModel(), done: map[string]int64{}, broken: map[string]bool{}}
	err := h.prepare(ctx)
	if err == nil {
		err = h.work(ctx, cancel)
	}
	if err == nil && !h.satisfied.Load() {
		err = h.settle(ctx)
	}
	for _, e := range h.edges {
		err = errors.Join(err, e.close())
	}
	return Report{Seed: opt.Seed, Done: maps.Clone(h.done), Violations: slices.Clone(h.told), Missing: h.missing()}, err
}

// prepare makes a merchant with some offers and a first publication.
func (h *hammer) prepare(ctx context.Context) error {
	shop, err := h.Site.NewMerchant(ctx)
	if err != nil {
		return err
	}
	var products []site.Product
	for id := 1; id <= h.Products; id++ {
		p := site.Product{ID: site.ID(id), Price: 10 + id, Stock: id % 9, Category: id % 3}
		products = append(products, p)
		h.model.set(p.ID, 0, &p)
	}
	if _, err := h.Site.Load(ctx, site.Text(products), false); err != nil {
		return err
	}
	if err := h.setRate(25); err != nil {
		return err
	}
	list, err := h.Site.Records.CreatePriceList(ctx, site.Actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: h.Site.Merchant.ID, Name: "Trade", Currency: pln, Lead: feed.LeadGross})
	if err != nil {
		return err
	}
	h.list = list.ID
	for i, look := range []sight{plain, plain, plain, converted, listed} {
		profile := feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: pln, Lead: feed.LeadGross}
		switch {
		case i == 2:
			profile.Languages = append(profile.Languages, feed.MustLanguage("eng"))
		case look == converted:
			profile.Currency = eur
		case look == listed:
			profile.PriceList = h.list
		}
		o, err := h.Site.NewOffer(ctx, shop, fmt.Sprint("Partner ", i), profile)
		if err != nil {
			return err
		}
		h.offers = append(h.offers, &offer{Offer: o, on: true, look: look})
		h.model.setDiscount(o.Offer.Profile.LightKey(), 0)
	}
	h.Site.Settings.FullShare, h.Site.Settings.Gzip, h.Site.Settings.MaxLoss, h.Site.Settings.MaxPriceMove = 60, true, 100, -1
	if _, err := h.Site.Publish(ctx, site.Run{}); err != nil {
		return fmt.Errorf("the first publication: %w", err)
	}
	for range 2 {
		e, err := h.newEdge(ctx)
		if err != nil {
			return err
		}
		h.edges = append(h.edges, e)
	}
	return nil
}

// patience is for how long beyond its time a run waits for what it needs.
const patience = 10 * time.Minute

// last waits while everybody works.
func (h *hammer) last(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.ctx.Done():
	}
}

// missing names what was not done yet.
func (h *hammer) missing() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.Needed {
		if h.done[name] == 0 {
			list = append(list, name)
		}
	}
	return list
}

// work lets everybody work for the time set.
func (h *hammer) work(ctx context.Context, cancel func()) error {
	actors := []func(*rand.Rand) error{h.sweep, h.leap, h.flip, h.revoke, h.rule, h.reprice, h.restart}
	for w := range writers {
		actors = append(actors, func(r *rand.Rand) error { return h.write(r, w) })
	}
	for range 2 {
		actors = append(actors, h.publish, h.read)
	}
	for i, o := range h.offers {
		name := filepath.Join(h.Dir, fmt.Sprint("robot", i))
		actors = append(actors, func(r *rand.Rand) error { return h.robot(r, o, name) })
	}
	var group sync.WaitGroup
	errs := make(chan error, len(actors))
	for i, act := range actors {
		group.Go(func() {
			if err := act(rand.New(rand.NewPCG(h.Seed, uint64(i)))); err != nil {
				errs <- err
				cancel()
			}
		})
	}
	h.last(h.Duration)
	// What a crowded machine has not come to yet is waited for.
	for end := time.Now().Add(patience); h.ctx.Err() == nil && len(h.missing()) > 0 && time.Now().Before(end); {
		h.last(100 * time.Millisecond)
	}
	cancel()
	group.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(errors.Join(all...), ctx.Err())
}
