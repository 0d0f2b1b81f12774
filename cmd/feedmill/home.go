package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/fsstore"
)

// home is where everything is kept: the records and the files.
type home struct {
	dir   string
	db    records
	store storage.Store
	// bucket is what store works with, nil where that is a folder.
	bucket *bucket
	close  []func() error
	place  func() error // whether the folder of the store is still there; nil for buckets
	watch  *watch       // nil but in processes that serve
}

// openHome opens the records and the store that the settings name. The
// embedded database is made, and brought up to date, where it is missing.
func (w *world) openHome(ctx context.Context, cfg *config.Config) (_ *home, err error) {
	h := &home{dir: cfg.Data}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	if err := os.MkdirAll(filepath.Join(h.dir, "spool"), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := h.sweepSpool(w.now()); err != nil {
		return nil, err
	}
	if h.db, err = openRecords(ctx, cfg, w.now); err != nil {
		return nil, err
	}
	h.close = append(h.close, h.db.Close)
	if cfg.Store.Kind == "s3" {
		if h.bucket, err = openBucket(&cfg.Store, w.now); err != nil {
			return nil, err
		}
		h.store = h.bucket.asStore()
		return h, nil
	}
	fs, err := fsstore.Open(filepath.Join(h.dir, "store"), fsstore.Options{Now: w.now})
	if err != nil {
		return nil, err
	}
	h.store, h.place = fs, fs.InPlace
	h.close = append(h.close, fs.Close)
	return h, nil
}

// Close closes store and records.
func (h *home) Close() error {
	var errs []error
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = append(errs, h.close[i]())
	}
	h.close = nil
	return errors.Join(errs...)
}

// spool makes a folder for files under way; the caller removes it.
func (h *home) spool() (string, error) {
	dir, err := os.MkdirTemp(filepath.Join(h.dir, "spool"), "run-")
	if err != nil {
		return "", fmt.Errorf("make a spool folder: %w", err)
	}
	return dir, nil
}

// sweepSpool removes what killed runs have left.
func (h *home) sweepSpool(now time.Time) error {
	dir := filepath.Join(h.dir, "spool")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep the spool folder: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("sweep the spool folder: %w", err)
			}
		}
	}
	return nil
}

// actor is who acts on the command line, for the audit.
func actor() partner.Actor {
	name := os.Getenv("USER")
	if name == "" {
		name = "command line"
	}
	return partner.Actor{Name: name, Role: "operator"}
}

// merchant finds the merchant that a command is for: the only one, or the one
// named by id or name.
func (h *home) merchant(ctx context.Context, name string) (partner.Merchant, error) {
	list, err := h.db.Merchants(ctx)
	if err != nil {
		return partner.Merchant{}, err
	}
	var found []partner.Merchant
	for _, m := range list {
		if name == "" || string(m.ID) == name || strings.EqualFold(m.Name, name) {
			found = append(found, m)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(list) == 0:
		return partner.Merchant{}, &feed.Error{Kind: feed.KindNotFound, Message: "there is no merchant yet", Hint: "bring a catalog in with 'feedmill import'"}
	case len(found) == 0:
		return partner.Merchant{}, feed.Errorf(feed.KindNotFound, "there is no merchant %q", name)
	}
	return partner.Merchant{}, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%d merchants answer to %q", len(found), name), Hint: "name one by its id with --merchant"}
}

// withMerchant opens the home for a command about one merchant.
func (w *world) withMerchant(ctx context.Context, cfg *config.Config, name string, do func(h *home, m partner.Merchant) error) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	m, err := h.merchant(ctx, name)
	if err != nil {
		return err
	}
	return do(h, m)
}
