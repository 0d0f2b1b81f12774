package filecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"feedmill/storage"
)

// Checked stands before a store whose objects are local files. It keeps no
// copies: an object is hashed the first time that this process is asked for it,
// and from then on its file is handed out as it is.
type Checked struct {
	src Source
	opt Options

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	work    sync.WaitGroup
	slots   chan struct{}
	passing passers

	mu    sync.Mutex
	seen  map[string]*check
	stats Stats
}

// check is what is known of an object. It is verified when progress is nil and
// until is zero.
type check struct {
	progress *progress
	until    time.Time // refused until then
}

// NewChecked makes a Checked; of the options MaxBytes, Stall and Recheck mean
// nothing to it. The caller closes it.
func NewChecked(src Source, opt Options) *Checked {
	c := &Checked{src: src, opt: opt.withDefaults(), seen: map[string]*check{}}
	c.slots, c.passing = make(chan struct{}, c.opt.Fills), make(passers, passedOn)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close ends what is under way.
func (c *Checked) Close() error {
	c.stop()
	c.work.Wait()
	return nil
}

// Stats gives the present numbers; Files counts the objects that are known.
func (c *Checked) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Files = int64(len(c.seen))
	for _, k := range c.seen {
		if k.progress != nil {
			s.Filling++
		}
	}
	return s
}

// Open passes on to the store, without verifying anything.
func (c *Checked) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	return c.src.Open(ctx, key, r)
}

// OpenVerified is [Cache.OpenVerified].
func (c *Checked) OpenVerified(ctx context.Context, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error) {
	if from < 0 || to < from || to > size {
		return nil, fmt.Errorf("open %q: bytes %d to %d of %d: %w", key, from, to, size, storage.ErrRange)
	}
	body, err := openWhole(ctx, c.src, key, size, sum, from)
	if err != nil {
		if errors.Is(err, storage.ErrDamaged) {
			c.damaged(key, err)
		}
		return nil, fmt.Errorf("open %q: %w", key, err)
	}
	file, ok := body.(storage.FileReader)
	if !ok {
		// Nothing is known of the next time, so each time is verified by itself.
		body.Close()
		c.mu.Lock()
		c.stats.Bypasses++
		c.mu.Unlock()
		return c.passing.open(ctx, c.src, key, size, sum, from, to)
	}
	p, err := c.enter(ctx, key, size, sum)
	if err == nil && p != nil && size <= c.opt.Wait {
		err = p.wait(ctx)
		p = nil
	}
	if err != nil {
		body.Close()
		return nil, fmt.Errorf("open %q: %w", key, err)
	}
	if p == nil {
		return &fileBody{f: file.File(), left: to - from, close: sync.OnceValue(body.Close)}, nil
	}
	return &follower{ctx: ctx, p: p, f: file.File(), at: from, to: to, hold: max(from, to-heldBack), close: sync.OnceValue(body.Close)}, nil
}

// seenKept bounds the memory for what is known, some 200 bytes each.
const seenKept = 100_000

// enter gives nothing for a verified object, else the progress of verifying it.
func (c *Checked) enter(ctx context.Context, key string, size int64, sum storage.Digest) (*progress, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.seen[key]
	switch {
	case k != nil && k.progress != nil:
		c.stats.Misses++
		return k.progress, nil
	case k != nil && k.until.IsZero():
		c.stats.Hits++
		return nil, nil
	case k != nil && c.opt.Now().Before(k.until):
		return nil, fmt.Errorf("found damaged lately: %w", storage.ErrDamaged)
	case c.ctx.Err() != nil:
		return nil, c.ctx.Err()
	}
	c.stats.Misses++
	for other, o := range c.seen {
		if len(c.seen) < seenKept {
			break
		}
		if o.progress == nil {
			delete(c.seen, other)
		}
	}
	p := newProgress("")
	c.seen[key] = &check{progress: p}
	c.work.Go(func() { c.verify(p, key, size, sum) })
	return p, nil
}

func (c *Checked) verify(p *progress, key string, size int64, sum storage.Digest) {
	err := func() error {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		body, err := openWhole(c.ctx, c.src, key, size, sum, 0)
		if err != nil {
			return err
		}
		defer body.Close()
		return hashAll(c.ctx, body, p, size, sum)
	}()
	if errors.Is(err, storage.ErrDamaged) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", storage.ErrDamaged, err)
		c.damaged(key, err)
	} else {
		c.mu.Lock()
		if err == nil {
			c.seen[key] = &check{}
		} else {
			delete(c.seen, key) // asked again next time
		}
		c.mu.Unlock()
	}
	p.set(size, true, err)
}

// damaged refuses an object for a while and reports it.
func (c *Checked) damaged(key string, err error) {
	c.mu.Lock()
	c.seen[key] = &check{until: c.opt.Now().Add(c.opt.Refuse)}
	c.stats.Damaged++
	c.mu.Unlock()
	c.opt.Log.Error("a stored file is damaged", slog.String("key", key), slog.Any("error", err))
	c.opt.OnDamage(key)
}
