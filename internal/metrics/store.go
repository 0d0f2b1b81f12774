package metrics

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"feedmill/storage"
)

// Store counts the calls of an object store. What it gives has the abilities of
// inner that feedmill asks for beside the contract; bodies are passed on as they are.
func (m *Metrics) Store(inner storage.Store) storage.Store {
	if m == nil {
		return inner
	}
	return &countedStore{Store: inner, m: m}
}

type countedStore struct {
	storage.Store
	m *Metrics
}

var _ storage.ExclusiveCreator = (*countedStore)(nil)

// ExclusiveCreate implements storage.ExclusiveCreator.
func (s *countedStore) ExclusiveCreate() bool {
	e, ok := s.Store.(storage.ExclusiveCreator)
	return ok && e.ExclusiveCreate()
}

// SweepUploads aborts stale uploads where the store has such.
func (s *countedStore) SweepUploads(ctx context.Context, olderThan time.Duration) (n int, err error) {
	if u, ok := s.Store.(interface {
		SweepUploads(ctx context.Context, olderThan time.Duration) (int, error)
	}); ok {
		start := time.Now()
		n, err = u.SweepUploads(ctx, olderThan)
		s.count("sweep", start, err)
	}
	return n, err
}

// Sweep removes what crashes have left where the store has such.
func (s *countedStore) Sweep(ctx context.Context, olderThan time.Duration) (n int, err error) {
	if f, ok := s.Store.(interface {
		Sweep(ctx context.Context, olderThan time.Duration) (int, error)
	}); ok {
		start := time.Now()
		n, err = f.Sweep(ctx, olderThan)
		s.count("sweep", start, err)
	}
	return n, err
}

func (s *countedStore) count(call string, start time.Time, err error) {
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "ok"
	case errors.Is(err, storage.ErrNotExist):
		outcome = "missing"
	case errors.Is(err, storage.ErrDamaged):
		outcome = "damaged"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		outcome = "cancelled"
	}
	s.m.storeCalls.WithLabelValues(call, outcome).Inc()
	s.m.storeSeconds.WithLabelValues(call).Observe(time.Since(start).Seconds())
}

// Put implements storage.Store.
func (s *countedStore) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	start := time.Now()
	info, err := s.Store.Put(ctx, key, body, size, attrs)
	s.count("put", start, err)
	if err == nil {
		s.m.storeBytes.WithLabelValues("put").Add(float64(info.Size))
	}
	return info, err
}

// Open implements storage.Store.
func (s *countedStore) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	start := time.Now()
	body, info, err := s.Store.Open(ctx, key, r)
	s.count("open", start, err)
	if err == nil {
		if n, err := r.Clip(info.Size); err == nil {
			s.m.storeBytes.WithLabelValues("open").Add(float64(n))
		}
	}
	return body, info, err
}

// Stat implements storage.Store.
func (s *countedStore) Stat(ctx context.Context, key string) (storage.Info, error) {
	start := time.Now()
	info, err := s.Store.Stat(ctx, key)
	s.count("stat", start, err)
	return info, err
}

// List implements storage.Store.
func (s *countedStore) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		start := time.Now()
		var last error
		for info, err := range s.Store.List(ctx, prefix) {
			last = err
			if !yield(info, err) {
				break
			}
		}
		s.count("list", start, last)
	}
}

// Delete implements storage.Store.
func (s *countedStore) Delete(ctx context.Context, key string) error {
	start := time.Now()
	err := s.Store.Delete(ctx, key)
	s.count("delete", start, err)
	return err
}
