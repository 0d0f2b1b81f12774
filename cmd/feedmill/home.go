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
	"feedmill/storage/s3store"
)

// home is where everything is kept: the records and the files.
type home struct {
	dir   string
	db    records
	store storage.Store
	close []func() error
	watch *watch // nil but in processes that serve
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
		h.store, err = openS3(&cfg.Store, w.now)
		return h, err
	}
	fs, err := fsstore.Open(filepath.Join(h.dir, "store"), fsstore.Options{Now: w.now})
	if err != nil {
		return nil, err
	}
	h.store = fs
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

// openS3 opens the S3 store that the settings name; its keys stand in files.
func openS3(s *config.Store, now func() time.Time) (storage.Store, error) {
	open := func(prefix, accessFile, secretPath string) (*s3store.Store, error) {
		access, err := secretFile("store."+prefix+"access_key_file", accessFile, "")
		if err != nil {
			return nil, err
		}
		key, err := secretFile("store."+prefix+"secret_key_file", secretPath, "")
		if err != nil {
			return nil, err
		}
		store, err := s3store.New(s3store.Config{Endpoint: s.Endpoint, Region: s.Region, Bucket: s.Bucket, PathStyle: s.PathStyle, AccessKey: access, SecretKey: key, Now: now})
		if err != nil {
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: "settings of store", Err: err}
		}
		return store, nil
	}
	store, err := open("", s.AccessFile, s.SecretFile)
	if err != nil {
		return nil, err
	}
	if s.DeleteAccessFile == "" && s.DeleteSecretFile == "" {
		return store, nil
	}
	sweeper, err := open("delete_", s.DeleteAccessFile, s.DeleteSecretFile)
	if err != nil {
		return nil, err
	}
	return &twoKeys{store, sweeper}, nil
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
