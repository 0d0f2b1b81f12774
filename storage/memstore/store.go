// Package memstore keeps objects in memory, for tests and demonstrations. It
// owns those bytes and fulfils the contract of package storage except that
// nothing survives the process; it refuses to know what the objects mean.
package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"feedmill/storage"
)

// Options are settings of a Store. The zero value works.
type Options struct {
	// Now is the clock for Info.Modified; nil means time.Now.
	Now func() time.Time
}

// Store is a storage.Store in memory.
type Store struct {
	now func() time.Time

	mu      sync.RWMutex
	objects map[string]object
	keys    []string // sorted
}

type object struct {
	info storage.Info
	data []byte // never changed
}

var (
	_ storage.Store            = (*Store)(nil)
	_ storage.ExclusiveCreator = (*Store)(nil)
)

// New returns an empty Store.
func New(opts Options) *Store {
	s := &Store{now: opts.Now, objects: map[string]object{}}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// ExclusiveCreate implements storage.ExclusiveCreator.
func (s *Store) ExclusiveCreate() bool { return true }

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	info, err := s.put(ctx, key, body, size, attrs)
	if err != nil {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	if err := errors.Join(storage.CheckKey(key), attrs.Check(), ctx.Err()); err != nil {
		return storage.Info{}, err
	}
	in := storage.NewIntake(ctx, body, size, attrs.SHA256)
	data, err := io.ReadAll(in)
	if err != nil {
		return storage.Info{}, err
	}
	attrs.SHA256 = in.Sum()
	if attrs.ContentType == "" {
		attrs.ContentType = storage.DefaultContentType
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	old, exists := s.objects[key]
	if exists && (old.info.Immutable || attrs.Immutable) {
		return storage.Info{}, storage.ErrExist
	}
	at, _ := slices.BinarySearch(s.keys, key)
	if !exists {
		if err := s.nested(key); err != nil {
			return storage.Info{}, err
		}
		s.keys = slices.Insert(s.keys, at, key)
	}
	info := storage.Info{Key: key, Size: in.Size(), Attrs: attrs, Modified: s.now().UTC().Round(0)}
	s.objects[key] = object{info, data}
	return info, nil
}

// nested refuses what a folder could not hold.
func (s *Store) nested(key string) error {
	at, _ := slices.BinarySearch(s.keys, key+"/")
	if at < len(s.keys) && strings.HasPrefix(s.keys[at], key+"/") {
		return fmt.Errorf("%q exists: %w", s.keys[at], storage.ErrNested)
	}
	for i := range len(key) {
		if _, ok := s.objects[key[:i]]; ok && key[i] == '/' {
			return fmt.Errorf("%q exists: %w", key[:i], storage.ErrNested)
		}
	}
	return nil
}

func (s *Store) get(ctx context.Context, key string) (object, error) {
	if err := errors.Join(storage.CheckKey(key), ctx.Err()); err != nil {
		return object{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.objects[key]
	if !ok {
		return object{}, storage.ErrNotExist
	}
	return o, nil
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	o, err := s.get(ctx, key)
	var n int64
	if err == nil {
		n, err = r.Clip(o.info.Size)
	}
	if err != nil {
		return nil, storage.Info{}, fmt.Errorf("open %q: %w", key, err)
	}
	return &reader{ctx, bytes.NewReader(o.data[r.Off : r.Off+n])}, o.info, nil
}

type reader struct {
	ctx context.Context
	r   *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (r *reader) Close() error { return nil }

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	o, err := s.get(ctx, key)
	if err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, err)
	}
	return o.info, nil
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		err := storage.CheckPrefix(prefix)
		for next := prefix; err == nil; {
			if err = ctx.Err(); err != nil {
				break
			}
			info, ok := s.atOrAfter(next)
			if !ok || !strings.HasPrefix(info.Key, prefix) {
				return
			}
			if !yield(storage.Info{Key: info.Key, Size: info.Size, Modified: info.Modified}, nil) {
				return
			}
			next = info.Key + "\x00"
		}
		yield(storage.Info{}, fmt.Errorf("list %q: %w", prefix, err))
	}
}

// atOrAfter finds one object at a time, so that no lock is held while the
// caller looks at it.
func (s *Store) atOrAfter(key string) (storage.Info, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, _ := slices.BinarySearch(s.keys, key)
	if at == len(s.keys) {
		return storage.Info{}, false
	}
	return s.objects[s.keys[at]].info, true
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(storage.CheckKey(key), ctx.Err()); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := slices.BinarySearch(s.keys, key); ok {
		s.keys = slices.Delete(s.keys, at, at+1)
		delete(s.objects, key)
	}
	return nil
}
