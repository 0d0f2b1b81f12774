package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/conformance"
	"feedmill/internal/download"
	"feedmill/internal/httpd"
	"feedmill/internal/partner"
)

// serveCmd serves the published offers.
type serveCmd struct {
	PublishEvery time.Duration `default:"1m" help:"How often what has changed is published; 0 leaves that to 'feedmill publish'."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Answers partners' requests: /o/LINK/gateway.xml and everything that it names, plain names such as
/o/LINK/full.xml, manifest.json, and the IdoSell form of address. Switches act at once, also when another
process turns them. What has changed in the catalog is published every minute. SIGTERM lets running
downloads go on for up to 20 seconds.

Example: feedmill serve --server.listen 0.0.0.0:8080 --server.public_url https://feeds.example.com`
}

// Run implements the command.
func (c *serveCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	l, err := net.Listen("tcp", cfg.Server.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Server.Listen, err)
	}
	base := publicURL(&cfg.Server, l.Addr().String())
	fmt.Fprintf(w.stdout, "serving offers on %s\n", base)
	return h.serve(ctx, w, cfg, l, base, c.PublishEvery)
}

// publishLoop publishes for every merchant whose records have changed, and
// now and then for all, because promises of validity must be renewed.
func (h *home) publishLoop(ctx context.Context, w *world, s publish.Settings, every time.Duration) {
	renewed := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		all := w.now().Sub(renewed) >= time.Hour
		if all {
			renewed = w.now()
		}
		if err := h.publishDue(ctx, w, s, all); err != nil && ctx.Err() == nil {
			w.log.Error("publishing failed; what was published before stays", "error", err)
		}
	}
}

// publishDue publishes for the merchants with queued changes, or for all.
func (h *home) publishDue(ctx context.Context, w *world, s publish.Settings, all bool) error {
	merchants, err := h.db.Merchants(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range merchants {
		if err := h.publishMerchant(ctx, w, m.ID, s, all); err != nil {
			errs = append(errs, fmt.Errorf("merchant %s: %w", m.ID, err))
		}
	}
	return errors.Join(errs...)
}

// changeBatch is how many rows of the queue are dropped at a time.
const changeBatch = 10_000

func (h *home) publishMerchant(ctx context.Context, w *world, id partner.MerchantID, s publish.Settings, all bool) error {
	// The rows seen before the snapshot are in it; later ones wait for the next run.
	changes, err := h.db.Changes(ctx, id, changeBatch)
	if err != nil || len(changes) == 0 && !all {
		return err
	}
	report, err := h.publish(ctx, w, id, s, nil)
	if err != nil {
		return err
	}
	for _, f := range report.Feeds {
		if f.Published {
			w.log.Info("published", "merchant", string(id), "feed", f.Feed.Kind.String(), "generation", f.Generation.Number,
				"products", f.Products, "added", f.Added, "changed", f.Changed, "removed", f.Removed, "full", f.Full)
		}
	}
	seqs := make([]int64, len(changes))
	for i, c := range changes {
		seqs[i] = c.Seq
	}
	return h.db.DropChanges(ctx, id, seqs)
}

// serve answers partners' requests until the context ends.
func (h *home) serve(ctx context.Context, w *world, cfg *config.Config, l net.Listener, base string, every time.Duration) error {
	s, err := settings(&cfg.Feeds)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	log := slog.New(httpd.LogHandler(w.log.Handler()))
	files := download.New(h.db, h.store, download.Options{PublicURL: base, Now: w.now, Log: log})
	if err := files.Refresh(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	// Commits of this process are in force when they return, those of others
	// within half a second.
	defer h.db.Subscribe(files.Changed)()
	server := httpd.New(httpd.Routes{Files: files, Conformance: conformanceHandler(w, h, &cfg.Validate, log)}, httpd.Options{Log: log, ConnContext: download.ConnContext,
		Ready: map[string]func(context.Context) error{"records": h.db.Ping, "accounts": files.Ready}})
	background, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { files.Run(background) })
	if every > 0 {
		running.Go(func() { h.publishLoop(background, w, s, every) })
	}
	err = server.Serve(ctx, l)
	stop()
	running.Wait()
	return err
}

// conformanceHandler serves the schemas and, where the settings say so, the
// check of files that anybody sends.
func conformanceHandler(w *world, h *home, v *config.Validate, log *slog.Logger) http.Handler {
	return conformance.Handler(conformance.Options{Enabled: v.Enabled, MaxBytes: v.MaxBytes, PerMinute: float64(v.PerMinute),
		Temp: filepath.Join(h.dir, "spool"), Now: w.now, Log: log})
}
