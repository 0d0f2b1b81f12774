package hammer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/harness/site"
)

// settle publishes what is left and compares everything at rest. Before, and still
// at rest, each thing that work has done with some luck is done once more: what
// breaks it does so surely here.
func (h *hammer) settle(ctx context.Context) error {
	h.ctx = ctx
	h.Clock.Leap(time.Hour)
	for range 2 {
		if err := h.run(ctx, h.Site.Settings, nil); err != nil {
			return fmt.Errorf("the last publication: %w", err)
		}
		h.Clock.Leap(time.Hour)
	}
	if err := h.comparedAtRest(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{h.pricesAtRest, h.productsAtRest, h.overtakenAtRest, h.switchesAtRest, h.comparedAtRest} {
		if h.satisfied.Load() {
			return nil
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	for i, o := range h.offers {
		if err := h.switchTo(ctx, o, true); err != nil {
			return err
		}
		if err := h.robotOnce(ctx, o, filepath.Join(h.Dir, fmt.Sprint("last", i)), true); err != nil {
			return err
		}
	}
	if err := h.history(ctx); err != nil {
		return err
	}
	proof, err := h.Site.Prove(ctx)
	if err != nil {
		return err
	}
	for i := range proof.Findings {
		f := &proof.Findings[i]
		if f.Severity != verify.SeverityError {
			continue // such as what runs that failed have left
		}
		h.violate("I2-I9, I14", "verify finds %v", *f)
	}
	if proof.Generations == 0 || proof.Compared == 0 {
		return fmt.Errorf("verify has looked at %d generations and compared %d full files", proof.Generations, proof.Compared)
	}
	return nil
}

// comparedAtRest compares everything, which must find nothing.
func (h *hammer) comparedAtRest(ctx context.Context) error {
	s := h.Site.Settings
	s.CompareEvery = -1
	report, err := h.Site.Publish(ctx, site.Run{Settings: &s})
	if err != nil {
		return fmt.Errorf("compare everything: %w", err)
	}
	for i := range report.Feeds {
		if f := &report.Feeds[i]; f.Published || f.Missed > 0 {
			h.violate("I6", "at rest a comparison of everything finds %d changes in %v feed %s that were lost, and published %v", f.Missed, f.Feed.Kind, f.Feed.Key, f.Published)
		}
	}
	return nil
}

// productAtRest changes how many pieces there are of the nth product of the catalog.
func (h *hammer) productAtRest(n int) (feed.ProductID, error) {
	for id := site.ID(1); id <= site.ID(2*h.Products+writers); id++ {
		p := h.model.last(id)
		if p == nil {
			continue
		}
		if n--; n >= 0 {
			continue
		}
		changed := *p
		changed.Stock++
		return id, h.change(id, &changed, []site.Product{changed}, nil)
	}
	return 0, errors.New("the catalog has too few products")
}

// atRest is how many products are changed in turn at rest.
const atRest = 6

// productsAtRest changes one product after the other: each time every feed must
// show that one otherwise, and some must have been told by hints where to look.
func (h *hammer) productsAtRest(ctx context.Context) error {
	hinted := int64(0)
	for n := range atRest {
		id, err := h.productAtRest(n)
		if err != nil {
			return fmt.Errorf("change a product at rest: %w", err)
		}
		h.Clock.Leap(time.Minute)
		report, err := h.Site.Publish(ctx, site.Run{})
		if err != nil {
			return fmt.Errorf("publish a product: %w", err)
		}
		for i := range report.Feeds {
			f := &report.Feeds[i]
			if f.Whole == "" {
				hinted++
			}
			if !f.Published || f.Changed != 1 || f.Added+f.Removed+f.Missed > 0 {
				h.violate("I6", "product %d changes at rest, and %v feed %s alters %d, adds %d, removes %d and finds %d that no hint has named (published: %v)",
					id, f.Feed.Kind, f.Feed.Key, f.Changed, f.Added, f.Removed, f.Missed, f.Published)
			}
		}
	}
	if hinted == 0 {
		return fmt.Errorf("hints were not followed once for %d changes", atRest)
	}
	h.count("hints followed at rest", hinted)
	return nil
}

// overtaken are records to which a run commits when another has been first.
type overtaken struct {
	site.Records
	to    publish.Ledger
	first func(context.Context) error
}

// Commit implements publish.Ledger.
func (o overtaken) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	if err := o.first(ctx); err != nil {
		return fmt.Errorf("the run that is first: %w", err)
	}
	return o.to.Commit(ctx, run, gens, cursors)
}

// overtakenAtRest has a run end its work when its lease has ended and another has
// published what changed since: it must be refused.
func (h *hammer) overtakenAtRest(ctx context.Context) error {
	if _, err := h.productAtRest(atRest); err != nil {
		return fmt.Errorf("change a product for a run that is overtaken: %w", err)
	}
	h.Clock.Leap(time.Minute)
	var ledger publish.Ledger = h.Site.Records
	if h.Ledger != nil {
		if l := h.Ledger(h.Site); l != nil {
			ledger = l
		}
	}
	commits := 0
	_, err := h.Site.Publish(ctx, site.Run{Ledger: overtaken{h.Site.Records, ledger, func(ctx context.Context) error {
		if commits++; commits > 1 {
			return nil
		}
		if _, err := h.productAtRest(atRest + 1); err != nil {
			return err
		}
		h.Clock.Leap(time.Minute)
		_, err := h.Site.Publish(ctx, site.Run{})
		return err
	}}})
	switch {
	case commits == 0:
		return fmt.Errorf("a run that is to be overtaken commits nothing: %w", err)
	case err == nil:
		h.violate("I9", "a run that was overtaken at rest has published all the same")
	case !errors.Is(err, publish.ErrLost):
		return fmt.Errorf("a run that is overtaken: %w", err)
	}
	h.count("runs overtaken at rest", 1)
	return nil
}

// switchesAtRest turns a switch and revokes a link while no edge is restarted.
func (h *hammer) switchesAtRest(ctx context.Context) error {
	o := h.offers[0]
	for _, on := range []bool{false, true} {
		if err := h.switchTo(ctx, o, on); err != nil {
			return err
		}
	}
	if err := h.revokeLink(ctx, rand.New(rand.NewPCG(h.Seed, atRest)), o); err != nil {
		return fmt.Errorf("revoke a link at rest: %w", err)
	}
	return nil
}
