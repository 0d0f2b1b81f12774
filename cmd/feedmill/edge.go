package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/download"
	"feedmill/internal/filecache"
	"feedmill/internal/httpd/clientaddr"
)

// edge is what answers partners, and what it needs beside the records.
type edge struct {
	files  *download.Server
	ledger *download.Ledger
	close  []func() error
	// stats tells of the local copies, or of the files that were verified.
	stats func() filecache.Stats
}

// ledgerCloses is how long what was downloaded last may take to be written down.
const ledgerCloses = 5 * time.Second

// openEdge makes the server of partners' files, with its accounts read. observe
// is told of each request; nil means nobody.
func (h *home) openEdge(ctx context.Context, w *world, cfg *config.Config, base string, log *slog.Logger, observe func(download.Request)) (_ *edge, err error) {
	e := &edge{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	proxies, err := clientaddr.Parse(cfg.Server.TrustedProxies)
	if err != nil {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "setting server.trusted_proxies", Err: err}
	}
	opt := filecache.Options{MaxBytes: cfg.Cache.MaxBytes, Now: w.now, Log: log}
	var blobs download.Blobs
	if cfg.Store.Kind == "s3" && cfg.Cache.MaxBytes > 0 {
		dir := cfg.Cache.Folder
		if dir == "" {
			dir = filepath.Join(h.dir, "cache")
		}
		cache, err := filecache.New(h.store, dir, opt)
		if err != nil {
			return nil, err
		}
		e.close = append(e.close, cache.Close)
		blobs, e.stats = cache, cache.Stats
	} else {
		// A folder's files are sent as they are once their bytes were looked at; a
		// distant store's are passed on.
		checked := filecache.NewChecked(h.store, opt)
		e.close = append(e.close, checked.Close)
		blobs, e.stats = checked, checked.Stats
	}
	e.ledger = download.NewLedger(h.db, download.LedgerOptions{Log: log})
	e.close = append(e.close, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), ledgerCloses)
		defer cancel()
		return e.ledger.Close(ctx)
	})
	grace := time.Duration(cfg.Server.GraceSeconds) * time.Second
	if grace <= 0 {
		grace = -1
	}
	feeds := base
	if everywhere(base) {
		feeds = ""
		log.Warn("files are named by the host that each request names", slog.String("hint", hintPublicURL))
	}
	e.files = download.New(h.db, blobs, download.Options{
		PublicURL: feeds, Now: w.now, Log: log, Grace: grace, ClientAddr: proxies.Of, Ledger: e.ledger, Observe: observe, Limits: limits(&cfg.Limits),
		Spool: filepath.Join(h.dir, "spool"),
	})
	return e, e.files.Refresh(ctx)
}

// limits turns the settings' 0, which is no limit, into download's.
func limits(l *config.Limits) download.Limits {
	n := func(v int) int {
		if v <= 0 {
			return -1
		}
		return v
	}
	return download.Limits{
		GatewaysPerLink: n(l.GatewaysPerLink), GatewaysPerAddress: n(l.GatewaysPerAddress),
		FilesPerLink: n(l.FilesPerLink), FilesPerAddress: n(l.FilesPerAddress), WholesPerDay: n(l.WholesPerDay),
		RunningPerLink: n(l.RunningPerLink), RunningPerAddress: n(l.RunningPerAddress), Running: n(l.Running),
	}
}

// Close writes down what was downloaded last, and ends the local copies. No
// request may be under way any more.
func (e *edge) Close() error {
	var errs []error
	for i := len(e.close) - 1; i >= 0; i-- {
		errs = append(errs, e.close[i]())
	}
	e.close = nil
	return errors.Join(errs...)
}
