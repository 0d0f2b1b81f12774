package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/storage"
	"feedmill/storage/s3store"
)

// bucket is the bucket that the settings name, with one key or two.
type bucket struct {
	settings *config.Store
	store    *s3store.Store
	sweeper  *s3store.Store // store itself where sweeps have no key of their own
	// keySetting and sweepsSetting name where their keys stand.
	keySetting, sweepsSetting string
}

// openBucket opens it. The keys stand in files, which are read again when somebody
// writes them anew.
func openBucket(s *config.Store, now func() time.Time) (*bucket, error) {
	open := func(k keyReader) (*s3store.Store, error) {
		key, err := k.read()
		if err != nil {
			return nil, err
		}
		store, err := s3store.New(s3store.Config{Endpoint: s.Endpoint, Region: s.Region, Bucket: s.Bucket, PathStyle: s.PathStyle,
			AccessKey: key.Access, SecretKey: key.Secret, SessionToken: key.Session, Fresh: k.read, Ours: ours, Now: now})
		if err != nil {
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: "settings of store", Err: err}
		}
		return store, nil
	}
	key, sweeps, err := storeKeys(s)
	if err != nil {
		return nil, err
	}
	b := &bucket{settings: s, keySetting: key.setting, sweepsSetting: key.setting}
	if b.store, err = open(key); err != nil {
		return nil, err
	}
	b.sweeper = b.store
	if sweeps.setting != "" {
		b.sweepsSetting = sweeps.setting
		if b.sweeper, err = open(sweeps); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// ours reports whether an upload in parts can only be feedmill's: others may use
// the bucket too, and take longer than a day.
func ours(key string) bool {
	_, err := storage.ParseBlob(key)
	return err == nil || strings.HasPrefix(key, s3store.ProbePrefix)
}

// asStore gives the store that works with the keys.
func (b *bucket) asStore() storage.Store {
	if b.sweeper == b.store {
		return b.store
	}
	return &twoKeys{b.store, b.sweeper}
}

// key names the setting of the key that a step was tried with.
func (b *bucket) key(s *s3store.Step) string {
	if s.Sweeper {
		return b.sweepsSetting
	}
	return b.keySetting
}

// complaint says in one sentence what does not work, where, and with whose key.
func (b *bucket) complaint(s *s3store.Step) error {
	return fmt.Errorf("bucket %q at %s: %s with the key of %s (%s, for %s): %w", b.settings.Bucket, b.settings.Endpoint, s.Name, b.key(s), s.Right, s.For, s.Err)
}

// look logs what a process that begins to serve would otherwise hear from its
// first partner, or a day later from its sweeps. It asks for what costs next to
// nothing, and stops nobody: what was fetched before is served without a store.
func (b *bucket) look(ctx context.Context, log *slog.Logger, sweeps bool) {
	steps := b.store.Look(ctx, sweeps && b.sweeper == b.store)
	if sweeps && b.sweeper != b.store {
		steps = append(steps, b.sweeper.Look(ctx, true)...)
	}
	for i := range steps {
		s := &steps[i]
		if s.Err == nil || errors.Is(s.Err, s3store.ErrSkipped) || ctx.Err() != nil {
			continue
		}
		level := slog.LevelError
		if errors.Is(s.Err, storage.ErrBusy) {
			level = slog.LevelWarn // it may begin a moment after this process
		}
		log.Log(ctx, level, "the store does not do what it is needed for", "error", b.complaint(s), "hint", hintOfParts(s.Err))
		if !errors.Is(s.Err, storage.ErrDenied) {
			return // whatever it is, everything else fails of it too
		}
	}
}

// twoKeys is a store that is written and read with one key and swept with
// another, so that neither can do what is the other's.
type twoKeys struct {
	*s3store.Store
	sweeper *s3store.Store
}

// Delete implements storage.Store.
func (t *twoKeys) Delete(ctx context.Context, key string) error { return t.sweeper.Delete(ctx, key) }

// SweepUploads aborts stale uploads.
func (t *twoKeys) SweepUploads(ctx context.Context, olderThan time.Duration) (int, error) {
	return t.sweeper.SweepUploads(ctx, olderThan)
}

// CountStaleUploads counts them.
func (t *twoKeys) CountStaleUploads(ctx context.Context, olderThan time.Duration) (int, error) {
	return t.sweeper.CountStaleUploads(ctx, olderThan)
}
