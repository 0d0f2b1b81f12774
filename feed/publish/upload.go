package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"feedmill/internal/crash"
)

// upload is a spooled file that waits to be stored.
type upload struct {
	s    Spooled
	blob Blob
	done bool
}

// parallelPuts is how many files are stored at once: stores answer slowly, and
// some small ones answer many at once badly.
const parallelPuts = 4

// stage gives a spooled file its key and makes it wait to be stored.
func (r *runner) stage(s Spooled) (Blob, error) {
	key, err := r.bin.Key(r.req.Merchant, s)
	u := &upload{s: s, blob: Blob{Key: key, Size: s.Size, MD5: s.MD5, SHA256: s.SHA256}}
	r.uploads = append(r.uploads, u)
	return u.blob, err
}

// drop removes what was staged from the nth upload on.
func (r *runner) drop(n int) error {
	var errs []error
	for _, u := range r.uploads[n:] {
		if !u.done {
			errs = append(errs, removeFile(u.s.Path))
		}
	}
	r.uploads = r.uploads[:n]
	return errors.Join(errs...)
}

// store stores what waits. The ledger is told of all keys before the first
// byte, so that what a killed run leaves in the store can be found.
func (r *runner) store(ctx context.Context) error {
	if len(r.uploads) == 0 {
		return nil
	}
	if attempts, ok := r.ledger.(Attempts); ok {
		keys := make([]string, len(r.uploads))
		for i, u := range r.uploads {
			keys[i] = u.blob.Key
		}
		if err := attempts.Attempt(ctx, r.run, keys); err != nil {
			return fmt.Errorf("remember the uploads: %w", err)
		}
		crash.Point("publish.attempted")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan *upload)
	for range min(parallelPuts, len(r.uploads)) {
		wg.Go(func() {
			for u := range next {
				if context.Cause(ctx) != nil {
					continue // the run removes its file
				}
				u.done = true
				if err := r.bin.Put(ctx, u.blob.Key, u.s); err != nil {
					cancel(fmt.Errorf("store %s%s: %w", u.s.Kind, u.s.Label, err))
				}
				crash.Point("publish.stored")
			}
		})
	}
	for _, u := range r.uploads {
		next <- u
	}
	close(next)
	wg.Wait()
	err := context.Cause(ctx)
	if err != nil {
		r.takeBack(ctx)
	}
	return err
}

// takeBack removes what a run has stored that fails before its commit: nobody
// else knows these keys, and nobody will. On a disk that is full it would be in
// the way of all runs after it for the day until a sweep may look at it. What
// cannot be removed waits for that; the ledger knows of it.
func (r *runner) takeBack(ctx context.Context) {
	b, ok := r.bin.(TakeBack)
	if !ok {
		return
	}
	var keys []string
	for _, u := range r.uploads {
		if u.done {
			keys = append(keys, u.blob.Key)
		}
	}
	_ = b.TakeBack(context.WithoutCancel(ctx), keys)
}
