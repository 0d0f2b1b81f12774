package filecache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"feedmill/internal/durable"
	"feedmill/storage"
)

// Names in the folder: a copy bears the SHA-256 and the length of its bytes.
const (
	temporary   = "tmp-"
	damagedName = "damaged-"
)

func copyName(sum storage.Digest, size int64) string {
	return sum.String() + "-" + strconv.FormatInt(size, 10)
}

// sweep removes what a killed process has left half done, and takes over the
// rest, to be verified before it is used.
func (c *Cache) sweep() error {
	list, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, item := range list {
		name := item.Name()
		if name == "lock" || item.IsDir() {
			continue
		}
		path := filepath.Join(c.dir, name)
		if e := c.recognise(item, path); e != nil && c.used+roomOf(e.size) <= c.opt.MaxBytes {
			c.used += roomOf(e.size)
			c.entries[e.sum] = e
			e.elem = c.lru.PushBack(e)
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (c *Cache) recognise(item fs.DirEntry, path string) *entry {
	text, length, ok := strings.Cut(item.Name(), "-")
	if !ok || strings.HasPrefix(item.Name(), temporary) || strings.HasPrefix(item.Name(), damagedName) {
		return nil
	}
	sum, err := storage.ParseDigest(text)
	size, err2 := strconv.ParseInt(length, 10, 64)
	info, err3 := item.Info()
	if errors.Join(err, err2, err3) != nil || info.Size() != size || item.Name() != copyName(sum, size) {
		return nil
	}
	return &entry{sum: sum, size: size, path: path}
}

// progress tells how far a copy has been written and hashed, and how it ended.
type progress struct {
	path string // of the file, for as long as there is none verified

	mu   sync.Mutex
	have int64
	done bool
	err  error         // nil when done and verified
	more chan struct{} // closed when something has changed
}

func newProgress(path string) *progress { return &progress{path: path, more: make(chan struct{})} }

func (p *progress) set(have int64, done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.have, p.done, p.err = have, done, err
	close(p.more)
	p.more = make(chan struct{})
}

func (p *progress) state() (have int64, done bool, more <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.have, p.done, p.more, p.err
}

// wait returns when all has been verified, or why it could not be.
func (p *progress) wait(ctx context.Context) error {
	for {
		_, done, more, err := p.state()
		if done {
			return err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stepBytes is how much of a copy is read and hashed at a time, and after how much
// those who follow it are told that it has grown. It is written at multiples of
// [durable.Step].
const stepBytes = 1 << 20

var buffers = sync.Pool{New: func() any { return new([stepBytes]byte) }}

// fill reads an object from the store into its copy.
func (c *Cache) fill(e *entry, p *progress, f *os.File) {
	err := c.enterSlot()
	var have int64
	if err == nil {
		defer func() { <-c.slots }()
		have, err = c.copyAll(e, p, f)
	}
	if e := f.Close(); err == nil {
		err = noRoomError(e)
	}
	final := filepath.Join(c.dir, copyName(e.sum, e.size))
	if err == nil {
		err = noRoomError(os.Rename(p.path, final))
	}
	c.mu.Lock()
	e.progress = nil
	switch {
	case err == nil && !e.gone:
		e.path, e.verified = final, c.opt.Now()
		e.elem = c.lru.PushFront(e)
	default:
		c.drop(e)
		if errors.Is(err, errNoRoom) {
			c.noRoom(err)
		}
	}
	damaged := errors.Is(err, storage.ErrDamaged)
	if damaged {
		c.stats.Damaged++
		c.refuse(e.key)
	}
	c.mu.Unlock()
	if damaged {
		c.opt.Log.Error("a stored file is damaged", slog.String("key", e.key), slog.Any("error", err))
		c.opt.OnDamage(e.key)
	}
	p.set(have, true, err)
}

// refusedKept bounds the memory for keys that are refused.
const refusedKept = 1000

// refuse remembers that an object's stored bytes are wrong; c.mu is held.
func (c *Cache) refuse(key string) {
	if len(c.refused) >= refusedKept {
		clear(c.refused)
	}
	c.refused[key] = c.opt.Now().Add(c.opt.Refuse)
}

func (c *Cache) enterSlot() error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func noRoomError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errNoRoom, err)
}

// attempts is how often a store is asked for the rest of one object.
const attempts = 3

// copyAll copies and hashes an object. A store that breaks off is asked for the
// rest.
func (c *Cache) copyAll(e *entry, p *progress, f *os.File) (have int64, err error) {
	if err := durable.Reserve(f, 0, e.size); err != nil {
		return 0, noRoomError(err)
	}
	h := sha256.New()
	for try := 1; ; try++ {
		have, err = c.copyFrom(e, p, f, h, have)
		if err == nil {
			break
		}
		if try == attempts || storage.IsPermanent(err) || errors.Is(err, errNoRoom) || c.ctx.Err() != nil {
			return have, err
		}
	}
	if have != e.size {
		return have, fmt.Errorf("%d bytes instead of %d: %w", have, e.size, storage.ErrDamaged)
	}
	if got := storage.Digest(h.Sum(nil)); got != e.sum {
		return have, fmt.Errorf("sha-256 %s instead of %s: %w", got, e.sum, storage.ErrDamaged)
	}
	return have, nil
}

// copyFrom copies from an offset to the end, as far as the store goes.
func (c *Cache) copyFrom(e *entry, p *progress, f *os.File, h hash.Hash, have int64) (int64, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	stalled := time.AfterFunc(c.opt.Stall, cancel)
	defer stalled.Stop()
	body, err := openWhole(ctx, c.src, e.key, e.size, e.sum, have)
	if err != nil {
		return have, err
	}
	defer body.Close()
	buf := buffers.Get().(*[stepBytes]byte)
	defer buffers.Put(buf)
	for {
		// Up to the next multiple of a step, also after one that broke off.
		n, err := 0, error(nil)
		for want := stepBytes - int(have%stepBytes); n < want && err == nil; {
			stalled.Reset(c.opt.Stall)
			var m int
			m, err = body.Read(buf[n:want])
			n += m
		}
		if have+int64(n) > e.size {
			return have, fmt.Errorf("more than %d bytes: %w", e.size, storage.ErrDamaged)
		}
		h.Write(buf[:n])
		if err := durable.WriteSteps(f, buf[:n]); err != nil {
			return have, noRoomError(err)
		}
		have += int64(n)
		p.set(have, false, nil)
		switch {
		case err == io.EOF && have < e.size:
			return have, fmt.Errorf("the store ended after %d of %d bytes: %w", have, e.size, io.ErrUnexpectedEOF)
		case err == io.EOF:
			return have, nil
		case err != nil:
			return have, err
		}
	}
}

// openWhole opens an object from an offset to its end, and holds what the store
// says of it against the records.
func openWhole(ctx context.Context, src Source, key string, size int64, sum storage.Digest, from int64) (io.ReadCloser, error) {
	if from > 0 && from == size {
		return io.NopCloser(strings.NewReader("")), nil
	}
	body, info, err := src.Open(ctx, key, storage.Range{Off: from})
	if err != nil {
		return nil, err
	}
	if info.Size != size || !info.SHA256.IsZero() && info.SHA256 != sum {
		body.Close()
		return nil, fmt.Errorf("the store has %d bytes with sha-256 %s instead of %d with %s: %w", info.Size, info.SHA256, size, sum, storage.ErrDamaged)
	}
	return body, nil
}

// verify hashes a copy that an earlier process has made.
func (c *Cache) verify(e *entry, p *progress) {
	err := c.enterSlot()
	if err == nil {
		defer func() { <-c.slots }()
		if err = c.hashCopy(e, p); err != nil && c.ctx.Err() == nil {
			c.lose(e, err.Error())
			err = fmt.Errorf("%w: %w", errLost, err)
		}
	}
	c.mu.Lock()
	e.progress = nil
	if !e.gone {
		if err == nil {
			e.verified = c.opt.Now()
		}
		e.elem = c.lru.PushFront(e)
	}
	c.mu.Unlock()
	p.set(e.size, true, err)
}

// hashCopy hashes the file of an entry.
func (c *Cache) hashCopy(e *entry, p *progress) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return hashAll(c.ctx, f, p, e.size, e.sum)
}

// hashAll hashes what a reader yields, and tells how far it has come.
func hashAll(ctx context.Context, f io.Reader, p *progress, size int64, sum storage.Digest) error {
	buf := buffers.Get().(*[stepBytes]byte)
	defer buffers.Put(buf)
	h := sha256.New()
	var have, told int64
	for {
		n, err := f.Read(buf[:])
		h.Write(buf[:n])
		if have += int64(n); have > size {
			return fmt.Errorf("more than %d bytes: %w", size, storage.ErrDamaged)
		}
		if have-told >= stepBytes {
			told = have
			p.set(have, false, nil)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF && have != size:
			return fmt.Errorf("%d bytes instead of %d: %w", have, size, storage.ErrDamaged)
		case err == io.EOF:
			if got := storage.Digest(h.Sum(nil)); got != sum {
				return fmt.Errorf("sha-256 %s instead of %s: %w", got, sum, storage.ErrDamaged)
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// recheck verifies a copy again when that was long ago; c.mu is held.
func (c *Cache) recheck(e *entry, now time.Time) {
	if c.opt.Recheck < 0 || e.checking || c.closed || now.Sub(e.verified) < c.opt.Recheck {
		return
	}
	e.checking = true
	e.readers++
	c.work.Go(func() {
		defer c.leave(e)
		if c.enterSlot() != nil {
			return
		}
		defer func() { <-c.slots }()
		err := c.hashCopy(e, newProgress(e.path))
		if err != nil && c.ctx.Err() == nil {
			c.lose(e, err.Error())
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		e.checking, e.verified = false, c.opt.Now()
	})
}
