package publish

import (
	"context"
	"iter"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

// watchFor has a watch look at the products that a pass reads, as long as the
// profiles name something that nobody has found in the catalog.
func (ps *plans) watchFor(req *Request, index *feed.Index) {
	c := &req.Catalog
	ps.watch = pricing.NewWatch(req.Profiles, index, append([]feed.Language{c.Language}, c.Languages...)...)
	if products := c.Products; products != nil && ps.watch.Left() {
		c.Products = func(ctx context.Context) iter.Seq2[*feed.Product, error] { return ps.watch.Over(products(ctx)) }
	}
}

// unmatched tells of each profile what it names that the catalog does not have;
// nil when there is no such thing. All products must have been read.
func (ps *plans) unmatched(profiles []feed.Profile) (all [][]pricing.Unmatched) {
	for i := range profiles {
		if list := ps.watch.Unmatched(&profiles[i]); len(list) > 0 {
			if all == nil {
				all = make([][]pricing.Unmatched, len(profiles))
			}
			all[i] = list
		}
	}
	return all
}
