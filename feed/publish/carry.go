package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"feedmill/feed"
	"feedmill/feed/block"
	"feedmill/feed/diff"
	"feedmill/internal/durable"
	"feedmill/storage"
)

// A new full file need not be rendered where the one before lies in blocks: the
// state and the marks of the blocks say which of them hold what the feed shows
// now, and the nodes of the others stand there, in the change files since, or in
// the change file of this run. Each node that is written is proved by the digest
// in the state, each block that is kept by its mark and its checksum. Where
// anything is missing or damaged the file is rendered as ever; it has the same
// bytes.

const (
	// carryShare is the part of a feed, as one in so many, that change files since
	// the full file may tell of: beyond it hardly a block stays. Few changes are
	// never too many.
	carryShare = 10
	// carryMost is how many files are made at once of what there is: each takes a
	// few megabytes of memory.
	carryMost = 8
)

// errCarry says that a full file cannot be made from the one before.
var errCarry = errors.New("the full file before does not serve")

// carryFull makes the full files of plans from those before, and gives the plans
// whose files must be rendered.
func (r *runner) carryFull(ctx context.Context, list []*plan) (rest []*plan, err error) {
	errs := r.together(list, func(p *plan) error {
		if !p.carries(r) {
			return errCarry
		}
		return p.carry(ctx, r)
	})
	for i, p := range list {
		switch err := errs[i]; {
		case err == nil:
		case errors.Is(err, errCarry), errors.Is(err, diff.ErrCorrupt), errors.Is(err, block.ErrCorrupt):
			rest = append(rest, p)
		default:
			return nil, &planError{p, err}
		}
	}
	return rest, context.Cause(ctx)
}

// together makes files of several plans at once, which lets their digests be
// taken together too, and gives the error of each.
func (r *runner) together(list []*plan, do func(*plan) error) []error {
	if len(list) > 0 && r.req.Settings.Gzip {
		r.blocks() // made before there are several to use it
	}
	errs := make([]error, len(list))
	places := make(chan struct{}, min(carryMost, 4*runtime.GOMAXPROCS(0)))
	var wg sync.WaitGroup
	for i, p := range list {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			errs[i] = do(p)
		})
	}
	wg.Wait()
	return errs
}

// carries says whether the plan's full file may be made from the one before.
// CSV records are not kept apart, so their file needs every product.
func (p *plan) carries(r *runner) bool {
	f := p.prev.File(feed.KindFull)
	if !p.usable() || p.renewal || p.view.csv != nil || !r.req.Settings.Gzip || p.body != nil || f == nil || f.Gzip.IsZero() {
		return false
	}
	return p.changedSince(f) <= max(fewHints, p.live/carryShare)
}

// changedSince counts the nodes of change files since a full file, with that of
// this run.
func (p *plan) changedSince(full *File) int64 {
	n := p.changeNodes
	for i := range p.prev.Files {
		if f := &p.prev.Files[i]; f.Kind == feed.KindFullChange && f.Generation > full.Generation {
			n += f.Products
		}
	}
	return n
}

// carry makes the plan's full file from the one before, and the state with it.
func (p *plan) carry(ctx context.Context, r *runner) (err error) {
	c := &carrier{plan: p, runner: r}
	defer func() {
		cerr := c.close()
		if err == nil {
			err = cerr
		}
		if err != nil && p.body != nil {
			err = errors.Join(err, p.body.discard())
			p.body = nil
		}
	}()
	if err := c.gather(ctx); err != nil {
		return err
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.blocks(); err != nil {
		return err
	}
	if err := p.endBody(); err != nil {
		return err
	}
	if p.view.used != nil {
		if err := p.loadUsed(ctx, r); err != nil {
			return err
		}
		p.extra = p.view.used.appendExtra(nil)
	}
	if err := c.out.finish(p.appendedExtra()); err != nil {
		return err
	}
	old := p.state
	p.state, c.out = c.out, nil
	p.full, p.sp.merged = true, true
	if old == nil {
		return nil
	}
	return old.remove()
}

// loadUsed reads what the feed's products refer to, where nothing had to be
// looked up and so nobody has read it.
func (p *plan) loadUsed(ctx context.Context, r *runner) error {
	if p.whole || len(p.sp.stack) > 0 {
		return nil
	}
	for _, b := range append([]Blob{p.prev.State}, p.prev.Layers...) {
		s, err := p.lookIn(ctx, r.bin, b)
		if err != nil {
			return err
		}
		extra, _, err := stateExtra(ctx, s)
		if err == nil {
			err = p.view.used.addExtra(extra)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// carrier makes one full file from the one before.
type carrier struct {
	*plan
	runner *runner
	edits  edited
	marks  []byte
	// states are those of the feed as it is now, out the new one.
	states []closer
	now    diff.Entries
	out    *stateFile
	plain  io.Closer

	entries []diff.Entry // of a block
	notes   []byte
	before  []byte // the nodes of a block before
	scratch []byte
}

// open opens the file before, the new file, and the state.
func (c *carrier) open(ctx context.Context) error {
	p, r := c.plan, c.runner
	p.body = nil
	shape, err := p.header(ctx, r)
	if err != nil {
		return err
	}
	before := p.body.opt.Previous
	c.marks = p.body.marksBefore
	f := p.prev.File(feed.KindFull)
	if before == nil || before.Index.PlainSize() != f.Plain.Size || len(c.marks) != markSize*len(before.Index.Blocks) || p.body.cut() != before.Index.Cut {
		return errCarry
	}
	// A file at hand spares inflating.
	rd, err := r.bin.Open(ctx, f.Plain, 0, f.Plain.Size)
	if err != nil {
		return err
	}
	c.plain = rd
	if local, ok := rd.(storage.FileReader); ok {
		// It will be replaced by the one that is made of it, which can have its memory.
		large := durable.NewLargeReader(local.File(), f.Plain.Size)
		before.Plain = func(_ context.Context, off, n int64) (io.ReadCloser, error) { return large.Section(off, n), nil }
	}
	if err := p.body.start(); err != nil {
		return err
	}
	if p.whole || p.sp.merged {
		if c.now, err = c.fresh(); err != nil {
			return err
		}
	} else {
		var states []diff.Entries
		layers := p.sp.layers
		if p.state == nil { // nothing was looked up
			layers = p.prev.Layers
		}
		for _, b := range append([]Blob{p.prev.State}, layers...) {
			rd, err := r.bin.Open(ctx, b, 0, b.Size)
			if err != nil {
				return err
			}
			c.states = append(c.states, rd)
			s, err := diff.NewReader(rd)
			if err != nil {
				return err
			}
			states = append(states, s)
		}
		if p.state != nil {
			top, err := c.fresh()
			if err != nil {
				return err
			}
			states = append(states, top)
		}
		c.now = diff.Layered(false, states...)
	}
	c.out = newStateFile(r.req.Spool, shape, &r.sums)
	return nil
}

// fresh reads the state that this run has written.
func (c *carrier) fresh() (*diff.Reader, error) {
	s, done, err := c.plan.state.read()
	if err == nil {
		c.states = append(c.states, closerFunc(done))
	}
	return s, err
}

type closerFunc func()

// Close implements io.Closer.
func (f closerFunc) Close() error { f(); return nil }

func (c *carrier) close() error {
	var errs []error
	for _, s := range c.states {
		errs = append(errs, s.Close())
	}
	if c.plain != nil {
		errs = append(errs, c.plain.Close())
	}
	if c.out != nil {
		errs = append(errs, c.out.remove())
	}
	return errors.Join(append(errs, c.edits.discard())...)
}

// blocks walks the state beside the blocks of the file before.
func (c *carrier) blocks() error {
	x := c.body.opt.Previous.Index
	i, live := 0, int64(0)
	var first, end feed.ProductID
	span := func() {
		if first, end = feed.MaxProductID+1, feed.MaxProductID+1; i < len(x.Blocks) {
			first, end = x.Span(i)
		}
	}
	span()
	for {
		e, _, err := c.now.Next()
		over := errors.Is(err, io.EOF)
		if err != nil && !over {
			return err
		}
		for i < len(x.Blocks) && (over || e.ID >= end) {
			if err := c.block(i); err != nil {
				return err
			}
			i++
			span()
		}
		if over {
			break
		}
		e.Node = nil // no entry of a full feed has one
		if err := c.out.Add(e); err != nil {
			return err
		}
		if e.Absent || e.Removed {
			continue
		}
		live++
		if e.ID >= first {
			c.entries = append(c.entries, e)
			continue
		}
		if err := c.edited(&e); err != nil {
			return err
		}
	}
	if live != c.plan.live {
		return fmt.Errorf("%w: the full file has %d products, it should have %d", diff.ErrCorrupt, live, c.plan.live)
	}
	return nil
}

// block writes the entries that belong into a block of the file before.
func (c *carrier) block(i int) error {
	c.notes = c.notes[:0]
	for k := range c.entries {
		c.notes = appendNote(c.notes, &c.entries[k])
	}
	sum := diff.Sum(c.notes)
	defer func() { c.entries = c.entries[:0] }()
	if bytes.Equal(sum[:], c.marks[i*markSize:][:markSize]) {
		for k := range c.entries {
			c.body.note(&c.entries[k])
		}
		return blockError(c.body.w.Keep(i))
	}
	if len(c.entries) == 0 {
		return nil
	}
	var err error
	if c.before, err = c.body.w.Load(c.before[:0], i); err != nil {
		return err
	}
	old := nodes{rest: c.before}
	for k := range c.entries {
		e := &c.entries[k]
		for old.id < e.ID && old.next() {
		}
		if old.id == e.ID && diff.Sum(old.node) == e.Digest {
			c.body.note(e)
			if err := c.body.node(e.ID, old.node); err != nil {
				return err
			}
			continue
		}
		if err := c.edited(e); err != nil {
			return err
		}
	}
	return nil
}

// edited writes a node that stands in a change file.
func (c *carrier) edited(e *diff.Entry) (err error) {
	if c.scratch, err = c.edits.find(c.scratch[:0], e.ID); err != nil {
		return err
	}
	if diff.Sum(c.scratch) != e.Digest {
		return errCarry
	}
	c.body.note(e)
	return c.body.node(e.ID, c.scratch)
}

// gather collects the nodes of the change files since the full file before.
func (c *carrier) gather(ctx context.Context) error {
	p := c.plan
	c.edits.dir = c.runner.req.Spool
	full := p.prev.File(feed.KindFull)
	for i := len(p.prev.Files) - 1; i >= 0; i-- { // the newest comes last, and wins
		f := &p.prev.Files[i]
		if f.Kind != feed.KindFullChange || f.Generation <= full.Generation {
			continue
		}
		rd, err := c.runner.bin.Open(ctx, f.Plain, 0, f.Plain.Size)
		if err != nil {
			return err
		}
		if err := errors.Join(c.edits.read(rd), rd.Close()); err != nil {
			return fmt.Errorf("read the change file of generation %d: %w", f.Generation, err)
		}
	}
	if p.change == nil {
		return c.edits.sort()
	}
	if err := p.change.written(); err != nil {
		return err
	}
	if p.change.plain.f != nil {
		rd, err := openSpooled(p.change.plain.f.Name())
		if err != nil {
			return err
		}
		if err := errors.Join(c.edits.read(rd), rd.Close()); err != nil {
			return err
		}
	}
	return c.edits.sort()
}

// place is where the node of a product stands among those gathered; size is 0
// for one that has gone.
type place struct {
	id   feed.ProductID
	off  int64
	size int
}

func (a place) compare(b place) int { return int(min(max(a.id-b.id, -1), 1)) }

// edited are the nodes of change files, kept in the spool folder.
type edited struct {
	editSpool
	places []place
}

// sort puts the nodes in order; of several of one product the last stays.
func (e *edited) sort() error {
	slices.SortStableFunc(e.places, place.compare)
	slices.Reverse(e.places)
	e.places = slices.CompactFunc(e.places, func(a, b place) bool { return a.id == b.id })
	slices.Reverse(e.places)
	return e.flush()
}

// find appends the node of a product; none gives no bytes.
func (e *edited) find(dst []byte, id feed.ProductID) ([]byte, error) {
	i, ok := slices.BinarySearchFunc(e.places, place{id: id}, place.compare)
	if !ok || e.places[i].size == 0 {
		return dst, nil
	}
	p := &e.places[i]
	dst = slices.Grow(dst, p.size)[:len(dst)+p.size]
	_, err := e.f.ReadAt(dst[len(dst)-p.size:], p.off)
	if err != nil {
		err = fmt.Errorf("read the spool folder: %w", err)
	}
	return dst, err
}
