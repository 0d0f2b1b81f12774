package localjob

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// keepEnded is how many ended jobs are remembered.
const keepEnded = 500

// Causes for which the context of a running job ends.
var (
	errCancelled = errors.New("the job was cancelled")
	errStopping  = errors.New("the process stops")
)

// identity is what jobs are unique by.
type identity struct {
	kind     string
	merchant partner.MerchantID
	key      string
}

// lane is what jobs take turns by.
type lane struct {
	queue    string
	merchant partner.MerchantID
}

// entry is a job that has not ended.
type entry struct {
	job.Info
	opt job.KindOptions
	// cancel ends the context of the present run.
	cancel context.CancelCauseFunc
}

func (e *entry) identity() identity { return identity{e.Kind, e.Merchant, e.Key} }
func (e *entry) lane() lane         { return lane{e.opt.Queue, e.Merchant} }

// board holds the jobs of the process that works. It is not safe for concurrent
// use, and no job runs in it: it says which one is next.
type board struct {
	kinds       *job.Kinds
	perMerchant int
	worker      string
	newID       func() int64

	live map[int64]*entry
	// same holds the live jobs that do the same, the oldest first. None but the
	// first may run.
	same  map[identity][]*entry
	ended []job.Info // the oldest first
	// bad tells when a job last ended badly.
	bad map[identity]time.Time
	// seen is the clock as it was last looked at.
	seen time.Time
	// turn tells when a lane last had its turn, as a count of all turns.
	turn    map[lane]int64
	turns   int64
	running map[lane]int
}

func newBoard(cfg *job.Config, worker string, newID func() int64) *board {
	return &board{kinds: cfg.Kinds, perMerchant: cfg.PerMerchant, worker: worker, newID: newID,
		live: map[int64]*entry{}, same: map[identity][]*entry{}, bad: map[identity]time.Time{},
		turn: map[lane]int64{}, running: map[lane]int{}}
}

// follow looks at the clock. Where it was set back, what waits for a moment, or is
// left alone for a while after one, goes back with it: it may be set back by years.
func (b *board) follow(now time.Time) {
	back := b.seen.Sub(now)
	b.seen = now
	if back < time.Second {
		return
	}
	for _, e := range b.live {
		if e.State != job.Running {
			e.Due = e.Due.Add(-back)
		}
	}
	for id, at := range b.bad {
		b.bad[id] = at.Add(-back)
	}
}

// request is an insert.
type request struct {
	Kind     string             `json:"kind"`
	Merchant partner.MerchantID `json:"merchant"`
	Key      string             `json:"key"`
	Args     json.RawMessage    `json:"args"`
	Options  job.InsertOptions  `json:"options"`
}

func newRequest(kinds *job.Kinds, args job.Args, opt job.InsertOptions) (request, error) {
	raw, err := kinds.Encode(args)
	merchant, key := args.For()
	return request{args.Kind(), merchant, key, raw, opt}, err
}

func (r *request) identity() identity { return identity{r.Kind, r.Merchant, r.Key} }

func (b *board) insert(r request, now time.Time) (job.Inserted, error) {
	opt, ok := b.kinds.Options(r.Kind)
	if !ok {
		return job.Inserted{}, feed.Errorf(feed.KindInvalid, "there is no kind %.40q of jobs", r.Kind)
	}
	due := now.Add(max(r.Options.After, 0))
	same := b.same[r.identity()]
	if n := len(same); n > 0 && same[n-1].State != job.Running {
		e := same[n-1]
		e.Args = b.kinds.Join(e.Kind, e.Args, r.Args)
		// The pause after a failure stays: what failed often is not to be tried
		// once for each change.
		if e.State == job.Waiting && due.Before(e.Due) {
			e.Due = due
		}
		return job.Inserted{ID: e.ID, Joined: true}, nil
	}
	e := &entry{opt: opt, Info: job.Info{ID: b.newID(), Kind: r.Kind, Merchant: r.Merchant, Key: r.Key, Args: r.Args, State: job.Waiting,
		Attempts: opt.Attempts, Created: now, Due: due}}
	b.add(e)
	return job.Inserted{ID: e.ID}, nil
}

func (b *board) add(e *entry) {
	b.live[e.ID] = e
	b.same[e.identity()] = append(b.same[e.identity()], e)
}

// leave says whether a schedule is to leave a job alone: because it is being
// done, or has failed for good less than quiet ago.
func (b *board) leave(id identity, now time.Time, quiet time.Duration) bool {
	if same := b.same[id]; len(same) > 0 {
		return same[len(same)-1].State == job.Running
	}
	at, ok := b.bad[id]
	return ok && now.Sub(at) < quiet
}

// forget drops what no longer quiets anything.
func (b *board) forget(now time.Time, quiet time.Duration) {
	maps.DeleteFunc(b.bad, func(_ identity, at time.Time) bool { return now.Sub(at) >= quiet })
	maps.DeleteFunc(b.turn, func(l lane, _ int64) bool { return b.running[l] == 0 && len(b.live) == 0 })
}

// next takes the job whose turn it is in a queue, nil when there is none: of the
// merchants that may run one the one that has waited longest for a turn.
func (b *board) next(queue string, now time.Time) *entry {
	// First each merchant's first, then the merchant's turn: no order of all jobs
	// says both.
	first := map[lane]*entry{}
	for _, e := range b.live {
		l := e.lane()
		if e.State == job.Running || l.queue != queue || e.Due.After(now) || b.running[l] >= b.perMerchant || b.same[e.identity()][0] != e {
			continue
		}
		if o := first[l]; o == nil || cmp.Or(cmp.Compare(e.opt.Rank, o.opt.Rank), cmp.Compare(e.ID, o.ID)) < 0 {
			first[l] = e
		}
	}
	var best *entry
	for l, e := range first {
		if best == nil || cmp.Or(cmp.Compare(b.turn[l], b.turn[best.lane()]), e.Due.Compare(best.Due), cmp.Compare(e.ID, best.ID)) < 0 {
			best = e
		}
	}
	if best == nil {
		return nil
	}
	b.turns++
	b.turn[best.lane()] = b.turns
	b.running[best.lane()]++
	best.State, best.Started, best.Worker = job.Running, now, b.worker
	best.Attempt++
	return best
}

// finish records how the run of a job went. cause is why its context ended, nil
// while it had not.
func (b *board) finish(e *entry, err, cause error, random float64, now time.Time) {
	if b.running[e.lane()]--; b.running[e.lane()] == 0 {
		delete(b.running, e.lane())
	}
	e.cancel = nil
	if err != nil {
		e.Error = err.Error()
	}
	switch {
	case err == nil:
		delete(b.bad, e.identity())
		b.end(e, job.Done, now)
	case errors.Is(cause, errCancelled):
		b.end(e, job.Cancelled, now)
	case errors.Is(cause, errStopping):
		e.State, e.Due, e.Error = job.Waiting, now, ""
		e.Attempt--
	case job.IsPermanent(err) || e.Attempt >= e.Attempts:
		b.end(e, job.Failed, now)
	default:
		e.State, e.Due = job.Retrying, now.Add(b.kinds.Pause(e.Kind, e.Attempt, random))
	}
}

// end records the last state of a job.
func (b *board) end(e *entry, s job.State, now time.Time) {
	e.State, e.Ended = s, now
	delete(b.live, e.ID)
	id := e.identity()
	if b.same[id] = slices.DeleteFunc(b.same[id], func(o *entry) bool { return o == e }); len(b.same[id]) == 0 {
		delete(b.same, id)
	}
	if s != job.Done {
		b.bad[id] = now
	}
	if b.ended = append(b.ended, e.Info); len(b.ended) > keepEnded {
		b.ended = slices.Delete(b.ended, 0, len(b.ended)-keepEnded)
	}
}

func (b *board) cancel(id int64, now time.Time) error {
	e := b.live[id]
	switch {
	case e == nil:
		if _, err := b.get(id); err != nil {
			return err
		}
		return feed.Errorf(feed.KindConflict, "job %d has ended already", id)
	case e.State == job.Running:
		if e.cancel != nil {
			e.cancel(errCancelled)
		}
		return nil
	}
	b.end(e, job.Cancelled, now)
	return nil
}

func (b *board) retry(id int64, now time.Time) error {
	if e := b.live[id]; e != nil {
		if e.State == job.Running {
			return feed.Errorf(feed.KindConflict, "job %d is running", id)
		}
		e.State, e.Due = job.Waiting, now
		return nil
	}
	i := slices.IndexFunc(b.ended, func(i job.Info) bool { return i.ID == id })
	if i < 0 {
		return job.NotFound(id)
	}
	info := b.ended[i]
	if other := b.same[identity{info.Kind, info.Merchant, info.Key}]; len(other) > 0 {
		return feed.Errorf(feed.KindConflict, "job %d does the same as job %d already", other[0].ID, id)
	}
	opt, _ := b.kinds.Options(info.Kind)
	info.State, info.Due, info.Ended = job.Waiting, now, time.Time{}
	info.Attempts = max(info.Attempts, info.Attempt+1)
	b.ended = slices.Delete(b.ended, i, i+1)
	b.add(&entry{Info: info, opt: opt})
	return nil
}

func (b *board) get(id int64) (job.Info, error) {
	if e := b.live[id]; e != nil {
		return e.Info, nil
	}
	for i := range b.ended {
		if b.ended[i].ID == id {
			return b.ended[i], nil
		}
	}
	return job.Info{}, job.NotFound(id)
}

// list gives jobs, the newest first.
func (b *board) list(f job.Filter) []job.Info {
	list := []job.Info{}
	add := func(i job.Info) {
		if f.Match(&i) {
			list = append(list, i)
		}
	}
	for _, e := range b.live {
		add(e.Info)
	}
	for _, i := range b.ended {
		add(i)
	}
	slices.SortFunc(list, func(x, y job.Info) int { return cmp.Compare(y.ID, x.ID) })
	return list[:min(len(list), f.Count())]
}

// busy counts the running jobs.
func (b *board) busy() (n int) {
	for _, c := range b.running {
		n += c
	}
	return n
}

// stop ends the contexts of all running jobs.
func (b *board) stop() {
	for _, e := range b.live {
		if e.State == job.Running && e.cancel != nil {
			e.cancel(errStopping)
		}
	}
}
