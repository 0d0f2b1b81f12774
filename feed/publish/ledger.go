package publish

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ledger keeps generations and the one pointer of each feed. It may offer
// [Leases], [Attempts], [Holds], [Floors] and [Clock] besides; a run uses what is
// there.
type Ledger interface {
	// Current gives the current generation of a feed; ok is false when it has
	// none. Its Cursor and Compared are those that were set last for the feed.
	Current(ctx context.Context, f FeedRef) (g Generation, ok bool, err error)
	// Begin takes the merchant's lease and n generation numbers, larger than every
	// one taken before; a number is never given twice, also when its run fails.
	// runID is unlike every other's, and known to the ledger from now on. While
	// another run's lease lives it fails with a [*BusyError].
	Begin(ctx context.Context, merchant, runID string, n int) (Run, error)
	// Commit makes the generations current, all or none, in one step, sets each
	// feed's cursor, and releases the lease. It fails with [ErrLost] when the
	// current generation of any of the feeds is not the new one's Base, or a
	// later run has taken the merchant's lease. Without generations only cursors
	// move, and only forwards.
	Commit(ctx context.Context, run Run, gens []Generation, cursors map[FeedRef]Cursor) error
	// Hold records generations that the guard stopped, for people to decide
	// about, each instead of an older held one of its feed. It is called instead
	// of Commit or after it, releases the lease, and fails with [ErrLost] when a
	// later run has taken that. Blobs of held generations are kept.
	Hold(ctx context.Context, run Run, held []Held) error
}

// Run is one run's right to publish for a merchant.
type Run struct {
	// ID names the run in object keys and in records: 1 to 64 of a-z, 0-9, "-".
	ID       string
	Merchant string
	// First is the first of the N generation numbers taken.
	First int64
	N     int
	// Lease counts the merchant's leases: a later run's is larger, and fences
	// this one.
	Lease int64
	// Until is for how long the lease may be believed, from the start of the call
	// that gave it, by a clock that nobody can set. Zero: there is no lease.
	Until time.Duration
}

// Cursor tells up to where a feed has been looked at.
type Cursor struct {
	// Event is the number of the last change event that the feed includes.
	Event int64
	// Compared is when the whole feed was last compared with the whole catalog;
	// zero leaves what is recorded.
	Compared time.Time
}

// Held is a generation that the guard stopped. Its files and state are stored.
type Held struct {
	Generation Generation
	Reason     HeldError
}

// Leases is what a [Ledger] offers whose leases end by themselves.
type Leases interface {
	// Renew lengthens a run's lease; the answer's Until counts from the start of
	// this call. It fails with [ErrLost] when a later run has taken the lease.
	Renew(ctx context.Context, run Run) (Run, error)
	// Release ends a lease early, when its run ends without publishing. A lease
	// that a later run has taken stays that run's.
	Release(ctx context.Context, run Run) error
}

// Attempts is what a [Ledger] offers whose files lie in a store that it does not
// rule: it remembers uploads before they are made, and knows after it was
// itself restored from an older copy that it has lost history.
type Attempts interface {
	// Attempt remembers the keys under which a run is about to store files.
	Attempt(ctx context.Context, run Run, keys []string) error
	// Known says whether a run has begun here.
	Known(ctx context.Context, merchant, runID string) (bool, error)
	// NewEpoch is told that the ledger has lost history of a feed: generations up
	// to aboveNumber and times up to aboveTime were seen by others. Numbers that
	// Begin gives from now on are above that, and so are times; the feed's epoch
	// is at least epoch. It may be repeated.
	NewEpoch(ctx context.Context, f FeedRef, epoch, aboveNumber int64, aboveTime time.Time) error
}

// Holds is what a [Ledger] offers that can tell what it holds.
type Holds interface {
	// HeldGeneration gives the held generation of a feed; ok is false when it has none.
	HeldGeneration(ctx context.Context, f FeedRef) (h Held, ok bool, err error)
}

// Floors is what a [Ledger] offers that retires feeds which no offer uses: such a
// feed has no current generation any more, and has had some.
type Floors interface {
	// Floor tells what the first generation of a feed without a current one has to
	// keep to: its epoch is at least epoch, and its time later than after. Both are
	// zero where there was never a generation.
	Floor(ctx context.Context, f FeedRef) (epoch int64, after time.Time, err error)
}

// Clock is what a [Ledger] offers that has a clock of its own.
type Clock interface {
	// Time gives the ledger's time.
	Time(ctx context.Context) (time.Time, error)
}

// Moments is what a [Ledger] offers that notes when it was told of a generation,
// by the clock as it stood, however far a generation's own time is ahead of it.
type Moments interface {
	// Published gives that moment of a feed's generation; zero when it is not known.
	Published(ctx context.Context, f FeedRef, number int64) (time.Time, error)
}

// ErrLost says that a pointer or the lease moved between the start of a run and
// its end: another run won, and nothing of this one is visible. It may simply
// be repeated from a fresh snapshot.
var ErrLost = errors.New("another run has published meanwhile")

// BusyError says that another run of the merchant is under way.
type BusyError struct {
	// Until is for how long its lease lives at most, unless it is renewed.
	Until time.Duration
}

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("another run of this merchant is under way (its lease lives %s yet)", e.Until.Round(time.Millisecond))
}
