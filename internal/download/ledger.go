package download

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"feedmill/internal/partner"
)

// LedgerRecords is what the ledger asks of a database.
type LedgerRecords interface {
	// RecordDownloads writes down a batch, all of it or nothing.
	RecordDownloads(ctx context.Context, batch []partner.Download) error
}

// LedgerOptions are settings of a Ledger. The zero value works.
type LedgerOptions struct {
	// Capacity is how many downloads may wait; more are counted and lost.
	// Default 16384.
	Capacity int
	// Batch is how many are written at a time. Default 500.
	Batch int
	// Every is how long one waits at most while the database takes them. Default 1 s.
	Every time.Duration
	// Together is how long refusals of a link that are alike are put together
	// after the first. Default 1 min.
	Together time.Duration
	// Now is the clock for that; nil means time.Now.
	Now func() time.Time
	// Log receives what people have to look at; nil means slog.Default.
	Log *slog.Logger
}

// Ledger writes down who has fetched what, in batches and never while a request
// waits for it. Of answers that a client's copy is still good, those that say the
// same within one batch are written once and counted: an importer gone wild
// must not keep the database busy. Refusals of a link that are alike are put
// together by the minute. A nil Ledger keeps nothing.
type Ledger struct {
	records LedgerRecords
	opt     LedgerOptions
	queue   chan partner.Download
	dropped atomic.Uint64
	written atomic.Uint64
	repeats atomic.Uint64
	refused rollup

	mu      sync.RWMutex // held for reading while something is queued
	closed  bool
	closing chan struct{}
	ended   chan struct{}
	ctx     context.Context // of writing
	stop    context.CancelFunc
}

// LedgerStats are the numbers of a ledger.
type LedgerStats struct {
	Waiting, Capacity int
	// Written and Dropped count downloads that were written down and lost,
	// Repeats those that said what another of the same batch had said, and are
	// counted with it.
	Written, Dropped, Repeats uint64
}

// NewLedger starts a ledger; the caller closes it.
func NewLedger(records LedgerRecords, opt LedgerOptions) *Ledger {
	if opt.Capacity <= 0 {
		opt.Capacity = 16_384
	}
	if opt.Batch <= 0 {
		opt.Batch = 500
	}
	if opt.Every <= 0 {
		opt.Every = time.Second
	}
	if opt.Together <= 0 {
		opt.Together = refusalsTogether
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	l := &Ledger{records: records, opt: opt, queue: make(chan partner.Download, opt.Capacity), closing: make(chan struct{}), ended: make(chan struct{})}
	l.refused.every = opt.Together
	l.ctx, l.stop = context.WithCancel(context.Background())
	go l.run()
	return l
}

// maxAgent is how much is looked at of what a client calls itself, in bytes.
const maxAgent = 8 * partner.MaxClient

// add queues a download, or counts it as lost.
func (l *Ledger) add(d partner.Download) {
	if l == nil {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.closed {
		// Cut and copied here, so that what waits holds on to no whole request.
		d.Client = strings.Clone(d.Client[:min(len(d.Client), maxAgent)])
		if d.Outcome == partner.OutcomeRefused && !l.refused.add(&d, l.opt.Now()) {
			return
		}
		select {
		case l.queue <- d:
			return
		default:
		}
	}
	l.dropped.Add(1)
}

// Stats gives the present numbers.
func (l *Ledger) Stats() LedgerStats {
	if l == nil {
		return LedgerStats{}
	}
	return LedgerStats{Waiting: len(l.queue), Capacity: cap(l.queue), Written: l.written.Load(), Dropped: l.dropped.Load(), Repeats: l.repeats.Load()}
}

// Close writes down what waits and ends the ledger; the context bounds that.
// What comes later is counted as lost.
func (l *Ledger) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	l.mu.Unlock()
	defer l.stop()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		l.stop() // breaks off a write that hangs
		<-l.ended
		return ctx.Err()
	}
}

// maxTries is how often one batch is tried, once in Every.
const maxTries = 60

func (l *Ledger) run() {
	defer close(l.ended)
	batch := make([]partner.Download, 0, l.opt.Batch)
	tick := time.NewTicker(l.opt.Every)
	defer tick.Stop()
	said := map[partner.Download]int{} // answers that may repeat, and where they stand in the batch
	take := func(d partner.Download) {
		d = d.Clean()
		if d.Outcome == partner.OutcomeUnchanged {
			key := d
			key.Started, key.Took = time.Time{}, 0
			if i, ok := said[key]; ok {
				l.repeats.Add(1)
				batch[i].More++
				return
			}
			said[key] = len(batch)
		}
		batch = append(batch, d)
	}
	failing, tries := false, 0
	write := func() {
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		err := l.records.RecordDownloads(ctx, batch)
		cancel()
		switch {
		case err == nil:
			if failing {
				l.opt.Log.Info("downloads are written down again", slog.Uint64("lost", l.dropped.Load()))
			}
			l.written.Add(uint64(len(batch)))
			batch, tries = batch[:0], 0
			clear(said)
		case !failing:
			l.opt.Log.Error("write down downloads", slog.Any("error", err))
		}
		failing = err != nil
		if tries++; failing && tries == maxTries {
			// It may be the batch that the database does not like: on with the next.
			l.dropped.Add(uint64(len(batch)))
			batch, tries, failing = batch[:0], 0, false
			clear(said)
		}
	}
	// rows of refusals that were put together; they wait here for room in a batch.
	var together []partner.Download
	takeRefused := func() {
		for len(together) > 0 && len(batch) < cap(batch) {
			take(together[0])
			together = together[1:]
		}
	}
	for {
		// With a batch that could not be written nothing more is taken in: the
		// queue fills up behind it, and what does not fit is lost.
		in := l.queue
		if failing || len(batch) == cap(batch) {
			in = nil
		}
		select {
		case d := <-in:
			if take(d); len(batch) == cap(batch) {
				write()
			}
		case <-tick.C:
			// Those that wait from before go first: a database that is away lets
			// nothing pile up, for the next ones are put together meanwhile.
			if len(together) == 0 {
				together = l.refused.due(l.opt.Now(), false)
			}
			if !failing {
				takeRefused()
			}
			write()
		case <-l.closing:
			together = append(together, l.refused.due(l.opt.Now(), true)...)
			for len(l.queue)+len(batch)+len(together) > 0 {
				for len(batch) < cap(batch) && len(l.queue) > 0 {
					take(<-l.queue)
				}
				takeRefused()
				if write(); len(batch) > 0 {
					lost := len(batch) + len(l.queue) + len(together)
					l.dropped.Add(uint64(lost))
					l.opt.Log.Error("downloads were not written down", slog.Int("lost", lost))
					return
				}
			}
			return
		}
	}
}
