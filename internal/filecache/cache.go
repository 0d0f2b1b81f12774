package filecache

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"feedmill/internal/durable"
	"feedmill/storage"
)

// Source is what is asked of an object store; any [storage.Store] is one.
type Source interface {
	Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error)
}

// Options are settings of a [Cache] or a [Checked]. The zero value works.
type Options struct {
	// MaxBytes is how much disk the copies may use, in bytes. Default 10 GiB.
	MaxBytes int64
	// Wait is the size in bytes up to which a request waits until the whole
	// object has been verified, so that a wrong one can still be answered with
	// an error. Default 8 MiB.
	Wait int64
	// Fills is how many objects are read from the store, or verified, at a time.
	// Default 16.
	Fills int
	// Stall is how long a store may send nothing before it is asked again.
	// Default 30 s.
	Stall time.Duration
	// Recheck is the age at which a verified copy that is asked for is verified
	// again, beside the request. Default 24 h; negative means never.
	Recheck time.Duration
	// Refuse is how long an object whose stored bytes are wrong is refused
	// without asking the store again. Default 1 min.
	Refuse time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives what people have to look at; nil means slog.Default.
	Log *slog.Logger
	// OnDamage is told of every object or copy that was found damaged; nil means
	// nobody. It must not block.
	OnDamage func(key string)
}

func (o Options) withDefaults() Options {
	orDefault := func(n *int64, d int64) {
		if *n == 0 {
			*n = d
		}
	}
	orDefault(&o.MaxBytes, 10<<30)
	orDefault(&o.Wait, 8<<20)
	if o.Fills <= 0 {
		o.Fills = 16
	}
	orDefault((*int64)(&o.Stall), int64(30*time.Second))
	orDefault((*int64)(&o.Recheck), int64(24*time.Hour))
	orDefault((*int64)(&o.Refuse), int64(time.Minute))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.OnDamage == nil {
		o.OnDamage = func(string) {}
	}
	return o
}

// Stats are numbers for whoever watches. All but the last three only grow.
type Stats struct {
	// Hits were answered from what was there and verified, Misses were not.
	// Bypasses are misses that were passed on without being kept.
	Hits, Misses, Bypasses int64
	// Damaged counts wrong bytes, of the store and of the local disk; Evicted
	// counts copies that made room for others.
	Damaged, Evicted int64
	// Bytes is the disk used or reserved, Files the number of copies, Filling
	// how many of them are under way.
	Bytes, Files, Filling int64
}

// Cache keeps verified copies of a store's objects in a folder.
type Cache struct {
	src  Source
	opt  Options
	dir  string
	lock *durable.Lock

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	work    sync.WaitGroup
	slots   chan struct{}
	passing passers
	// create makes a copy's file; tests put a full disk there.
	create func(path string) (*os.File, error)

	mu      sync.Mutex
	closed  bool
	entries map[storage.Digest]*entry
	lru     *list.List // of entries that are not being filled; the front was used last
	aside   []asideFile
	refused map[string]time.Time // keys whose stored bytes were wrong, until then
	full    time.Time            // nothing is kept until then, for the disk is full
	used    int64
	serial  int64
	stats   Stats
}

// entry is a copy, whole or under way.
type entry struct {
	sum      storage.Digest
	key      string // of the store, as far as known
	size     int64
	path     string
	progress *progress // while it is filled or verified, else nil
	verified time.Time // zero when an earlier process made it
	checking bool      // verified again beside requests
	readers  int
	elem     *list.Element
	gone     bool // no longer in entries; its room is freed with its last reader
}

type asideFile struct {
	path string
	room int64
}

// New opens the cache in a folder, which is made where it is missing. Several
// processes may name the same folder; each works in a part of its own. The
// caller closes the cache.
func New(src Source, dir string, opt Options) (*Cache, error) {
	c := &Cache{
		src: src, opt: opt.withDefaults(), entries: map[storage.Digest]*entry{}, lru: list.New(), refused: map[string]time.Time{},
		create: func(path string) (*os.File, error) {
			return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		},
	}
	c.slots, c.passing = make(chan struct{}, c.opt.Fills), make(passers, passedOn)
	c.ctx, c.stop = context.WithCancel(context.Background())
	if err := c.take(dir); err != nil {
		return nil, fmt.Errorf("open the cache in %s: %w", dir, err)
	}
	if err := c.sweep(); err != nil {
		return nil, errors.Join(fmt.Errorf("sweep the cache in %s: %w", c.dir, err), c.lock.Release())
	}
	return c, nil
}

// parts is how many processes may share a folder.
const parts = 16

// take finds a part of the folder that no other process works in.
func (c *Cache) take(dir string) error {
	var last error
	for i := range parts {
		c.dir = filepath.Join(dir, strconv.Itoa(i))
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return err
		}
		lock, err := durable.AcquireLock(filepath.Join(c.dir, "lock"), c.opt.Now())
		if err == nil {
			c.lock = lock
			return nil
		}
		var held *durable.LockedError
		if !errors.As(err, &held) {
			return err
		}
		last = err
	}
	return last
}

// Close ends what is under way and frees the folder. Readers that were given
// out may be read to their end, as far as their bytes are there.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	return c.lock.Release()
}

// Stats gives the present numbers.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Bytes, s.Files = c.used, int64(len(c.entries))
	for _, e := range c.entries {
		if e.progress != nil {
			s.Filling++
		}
	}
	return s
}

// Open passes on to the store, without verifying or keeping anything.
func (c *Cache) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	return c.src.Open(ctx, key, r)
}

// OpenVerified opens the bytes [from, to) of the object under key, which has
// size bytes with the SHA-256 sum on record; see the package comment for what
// the reader yields. The context governs the reader too.
//
// Errors: those of the store; storage.ErrDamaged, from here or from the reader,
// when the bytes are not the recorded ones; storage.ErrRange.
func (c *Cache) OpenVerified(ctx context.Context, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error) {
	if from < 0 || to < from || to > size {
		return nil, fmt.Errorf("open %q: bytes %d to %d of %d: %w", key, from, to, size, storage.ErrRange)
	}
	for try := 0; try < 3; try++ {
		e, p, err := c.enter(key, size, sum)
		if err != nil {
			return nil, fmt.Errorf("open %q: %w", key, err)
		}
		if e == nil {
			break
		}
		body, err := c.open(ctx, e, p, from, to)
		if err == nil {
			return body, nil
		}
		c.leave(e)
		switch {
		case errors.Is(err, errLost) && ctx.Err() == nil:
			continue // it is made anew
		case !errors.Is(err, errNoRoom):
			return nil, fmt.Errorf("open %q: %w", key, err)
		}
		break
	}
	return c.bypass(ctx, key, size, sum, from, to)
}

// The faults of the local disk; none of them is the object's.
var (
	// errLost: there is no copy any more that could be read.
	errLost = errors.New("the local copy is lost")
	// errNoRoom: the copy could not be written.
	errNoRoom = errors.New("the local copy cannot be written")
)

// open opens a part of an entry, which has a progress while it is not verified.
func (c *Cache) open(ctx context.Context, e *entry, p *progress, from, to int64) (io.ReadCloser, error) {
	if p == nil {
		return c.openFile(e, from, to)
	}
	if e.size <= c.opt.Wait {
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
		return c.openFile(e, from, to)
	}
	f, err := os.Open(p.path)
	if err != nil {
		// It has got its name meanwhile, or has gone: which of the two is known in a moment.
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
		return c.openFile(e, from, to)
	}
	return &follower{ctx: ctx, p: p, f: f, at: from, to: to, hold: max(from, to-heldBack),
		instead: func(at int64) (io.ReadCloser, error) { return c.bypass(ctx, e.key, e.size, e.sum, at, to) },
		close:   c.closer(e, f)}, nil
}

// enter gives the entry of an object with one reader more, and its progress
// while it is not verified; no entry when the object can only be passed on.
func (c *Cache) enter(key string, size int64, sum storage.Digest) (*entry, *progress, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sum]
	if e != nil && e.size != size {
		return nil, nil, nil // of two records one is wrong: let the store decide
	}
	now := c.opt.Now()
	if e != nil && e.progress == nil && !e.verified.IsZero() {
		c.stats.Hits++
		c.lru.MoveToFront(e.elem)
		e.readers++
		c.recheck(e, now)
		return e, nil, nil
	}
	c.stats.Misses++
	switch {
	case e != nil && e.progress != nil:
		e.readers++
		return e, e.progress, nil
	case c.closed:
		return nil, nil, nil
	case e != nil: // an earlier process made it
		p := newProgress(e.path)
		e.key, e.progress = key, p
		e.readers++
		c.lru.Remove(e.elem)
		e.elem = nil
		c.work.Go(func() { c.verify(e, p) })
		return e, p, nil
	}
	if until, ok := c.refused[key]; ok {
		if now.Before(until) {
			return nil, nil, fmt.Errorf("found damaged lately: %w", storage.ErrDamaged)
		}
		delete(c.refused, key)
	}
	if now.Before(c.full) || !c.reserve(roomOf(size)) {
		return nil, nil, nil
	}
	c.serial++
	path := filepath.Join(c.dir, temporary+strconv.FormatInt(c.serial, 10))
	f, err := c.create(path)
	if err != nil {
		c.used -= roomOf(size)
		c.noRoom(err)
		return nil, nil, nil
	}
	p := newProgress(path)
	e = &entry{sum: sum, key: key, size: size, path: path, progress: p, readers: 1}
	c.entries[sum] = e
	c.work.Go(func() { c.fill(e, p, f) })
	return e, p, nil
}

// reserve finds room for so many bytes; c.mu is held.
func (c *Cache) reserve(room int64) bool {
	if room > c.opt.MaxBytes {
		return false
	}
	for len(c.aside) > 0 && c.used+room > c.opt.MaxBytes {
		c.dropAside()
	}
	for at := c.lru.Back(); at != nil && c.used+room > c.opt.MaxBytes; {
		e := at.Value.(*entry)
		at = at.Prev()
		if e.readers > 0 {
			continue // its blocks would stay with its readers
		}
		c.stats.Evicted++
		c.drop(e)
	}
	if c.used+room > c.opt.MaxBytes {
		return false
	}
	c.used += room
	return true
}

// drop takes an entry out and removes its file; c.mu is held.
func (c *Cache) drop(e *entry) {
	if e.gone {
		return
	}
	e.gone = true
	delete(c.entries, e.sum)
	if e.elem != nil {
		c.lru.Remove(e.elem)
		e.elem = nil
	}
	if err := os.Remove(e.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.opt.Log.Warn("the cache cannot remove a file", slog.Any("error", err))
	}
	if e.readers == 0 {
		c.used -= roomOf(e.size)
	}
}

// closer closes a file of an entry and takes its reader away, once.
func (c *Cache) closer(e *entry, f *os.File) func() error {
	return sync.OnceValue(func() error {
		defer c.leave(e)
		return f.Close()
	})
}

// leave takes a reader from an entry.
func (c *Cache) leave(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.readers--; e.readers == 0 && e.gone {
		c.used -= roomOf(e.size)
	}
}

// fullPause is how long nothing is kept after the disk did not take something.
const fullPause = 10 * time.Second

// noRoom remembers that the disk does not take anything; c.mu is held.
func (c *Cache) noRoom(err error) {
	c.full = c.opt.Now().Add(fullPause)
	c.opt.Log.Warn("the cache cannot keep a file, and passes files on for a while", slog.Any("error", err))
}

// blockSize is what file systems give out room in.
const blockSize = 4096

func roomOf(size int64) int64 { return (size + blockSize) / blockSize * blockSize }

// openFile opens a verified copy as a file.
func (c *Cache) openFile(e *entry, from, to int64) (io.ReadCloser, error) {
	c.mu.Lock()
	path := e.path
	c.mu.Unlock()
	f, err := os.Open(path)
	if err != nil {
		c.lose(e, err.Error())
		return nil, errLost
	}
	info, err := f.Stat()
	if err == nil && info.Size() != e.size {
		err = fmt.Errorf("%d bytes instead of %d", info.Size(), e.size)
	}
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		f.Close()
		c.lose(e, err.Error())
		return nil, errLost
	}
	return &fileBody{f: f, left: to - from, close: c.closer(e, f)}, nil
}

// lose moves a wrong copy aside.
func (c *Cache) lose(e *entry, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.gone {
		return
	}
	c.stats.Damaged++
	c.opt.Log.Error("a copy in the cache is damaged, and is made anew", slog.String("key", e.key), slog.String("error", why))
	c.opt.OnDamage(e.key)
	if room := roomOf(e.size); c.used+room <= c.opt.MaxBytes {
		c.serial++
		aside := filepath.Join(c.dir, damagedName+strconv.FormatInt(c.serial, 10))
		if os.Rename(e.path, aside) == nil {
			c.aside = append(c.aside, asideFile{aside, room})
			c.used += room // the entry's own goes with its readers
		}
	}
	c.drop(e)
	for len(c.aside) > asideKept {
		c.dropAside()
	}
}

// asideKept is how many damaged copies are kept for people to look at.
const asideKept = 2

// dropAside removes the oldest damaged copy; c.mu is held.
func (c *Cache) dropAside() {
	if err := os.Remove(c.aside[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.opt.Log.Warn("the cache cannot remove a file", slog.Any("error", err))
	}
	c.used -= c.aside[0].room
	c.aside = c.aside[1:]
}
