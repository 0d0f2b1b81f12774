package partner

import (
	"slices"
	"time"

	"feedmill/feed"
)

// Changeset is several accounts as they are to be, to be stored in one act or
// not at all. Each names by its Version what it was made from; switches and
// schedules are part of it.
type Changeset struct {
	Partners []Partner
	Offers   []Offer
}

// Empty says whether there is nothing to do.
func (c *Changeset) Empty() bool { return len(c.Partners)+len(c.Offers) == 0 }

// ActionOf names for the audit what a change of a partner or an offer is: a
// switch alone has a name of its own ("partner.feed.off"), as has a state or a
// schedule; all else is "partner.update" or "offer.update". Both are a *Partner
// or both an *Offer.
func ActionOf(before, after any) string {
	what := "offer"
	if _, ok := before.(*Partner); ok {
		what = "partner"
	}
	old, now := Changed(FactsOf(before), FactsOf(after))
	_, feedMoved := old["feed"]
	if len(old) == 2 && feedMoved {
		// A hand on the switch also clears the points that have passed.
		delete(old, "schedule")
	}
	if len(old) == 1 {
		for name := range old {
			switch name {
			case "feed", "orders":
				if now[name] == true {
					return what + "." + name + ".on"
				}
				return what + "." + name + ".off"
			case "state":
				if now[name] == StateBlocked.String() {
					return what + ".block"
				}
				return what + ".unblock"
			case "schedule":
				return what + ".schedule"
			case "tags":
				return what + ".tag"
			}
		}
	}
	return what + ".update"
}

// LinkSettings are what may be changed of a link.
type LinkSettings struct {
	Name string
	// CIDRs is the text of [FormatCIDRs].
	CIDRs string
	// ExpiresAt is zero for never.
	ExpiresAt time.Time
}

// PutResult says what a direct write to the catalog did.
type PutResult struct {
	Added, Changed, Removed, Unchanged int64
	// Queue is the number of the last row that the write put into the queue of
	// changes, 0 when nothing changed.
	Queue int64
}

// EditedProduct is a product whose document is being rewritten: what a function
// that edits stored products is given, and gives back.
type EditedProduct = StagedProduct

// IdempotentAnswer is what a request that is sent again is answered with.
type IdempotentAnswer struct {
	Status int
	Body   []byte
}

// Limits of idempotency keys.
const (
	// maxIdempotencyKey is how long a key may be, in bytes.
	maxIdempotencyKey = 200
	// IdempotencyAge is how long an answer is kept.
	IdempotencyAge = 7 * 24 * time.Hour
	// IdempotencyTries is after how long a request that never got an answer may
	// be tried again.
	IdempotencyTries = 5 * time.Minute
	// MaxIdempotentBody is how long an answer may be, in bytes.
	MaxIdempotentBody = 1 << 20
)

// CheckIdempotencyKey says what is wrong with a key that a client has chosen.
func CheckIdempotencyKey(key string) error {
	if key == "" || len(key) > maxIdempotencyKey {
		return feed.Errorf(feed.KindInvalid, "an idempotency key has 1 to %d characters", maxIdempotencyKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return feed.Errorf(feed.KindInvalid, "an idempotency key holds visible ASCII characters alone")
		}
	}
	return nil
}

// How long the ledger of downloads is kept.
const (
	// LedgerAge is for single downloads and for the counts of a link's day.
	LedgerAge = 30 * 24 * time.Hour
	// LedgerDayAge is for an offer's days.
	LedgerDayAge = 400 * 24 * time.Hour
)

// CheckStaged says what is wrong with a product that is written directly;
// removed are those removed beside it.
func CheckStaged(p *StagedProduct, removed []feed.ProductID) error {
	switch {
	case p.ID <= 0 || p.ID > feed.MaxProductID:
		return feed.Errorf(feed.KindInvalid, "%d is not the id of a product", p.ID)
	case slices.Contains(removed, p.ID):
		return feed.Errorf(feed.KindInvalid, "product %d is both given and removed", p.ID)
	case len(p.Doc) == 0 || p.Digest == [32]byte{}:
		return feed.Errorf(feed.KindInvalid, "product %d has no document", p.ID)
	}
	return nil
}

// PutFacts are what the audit tells of a direct write: counts, and the first few
// products of the ones that changed.
func PutFacts(r *PutResult, changed []feed.ProductID) Facts {
	return Facts{"added": r.Added, "changed": r.Changed, "removed": r.Removed, "products": changed[:min(len(changed), 5)]}
}
