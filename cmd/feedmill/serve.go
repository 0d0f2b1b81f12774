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

	"feedmill/internal/config"
	"feedmill/internal/conformance"
	"feedmill/internal/download"
	"feedmill/internal/httpd"
	"feedmill/internal/job"
)

// serveCmd serves the published offers.
type serveCmd struct {
	Role         string        `default:"all" enum:"all,edge,worker" help:"What this process does: edge answers partners, worker publishes and sweeps, all does both. Several processes need database.kind postgres and a shared store."`
	PublishEvery time.Duration `default:"1m" help:"How often what has changed is published; 0 leaves that to 'feedmill publish'."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Answers partners' requests: /o/LINK/gateway.xml and everything that it names, plain names such as
/o/LINK/full.xml, manifest.json, and the IdoSell form of address. Switches act at once, also when another
process turns them. What has changed in the catalog is published every minute, full files are renewed
at night, and what nobody needs any more is swept away. Over PostgreSQL and a shared store any number of
edges and workers share the work. /healthz and /readyz answer in every role. SIGTERM lets running
downloads and jobs go on for up to 20 seconds.

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
	return h.serve(ctx, w, cfg, l, base, c.Role, c.PublishEvery)
}

// serve answers partners' requests and does the jobs, as its role says, until
// the context ends. An every of 0 leaves publishing to others.
func (h *home) serve(ctx context.Context, w *world, cfg *config.Config, l net.Listener, base, role string, every time.Duration) error {
	log := slog.New(httpd.LogHandler(w.log.Handler()))
	background, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	routes := httpd.Routes{}
	ready := map[string]func(context.Context) error{"records": h.db.Ping}
	if role != "worker" {
		files := download.New(h.db, h.store, download.Options{PublicURL: base, Now: w.now, Log: log})
		if err := files.Refresh(ctx); err != nil {
			return errors.Join(err, l.Close())
		}
		// Commits of this process are in force when they return, those of others
		// within half a second.
		defer h.db.Subscribe(files.Changed)()
		running.Go(func() { files.Run(background) })
		routes.Files, routes.Conformance = files, conformanceHandler(w, h, &cfg.Validate, log)
		ready["accounts"] = files.Ready
	}
	failed := make(chan error, 1)
	if role != "edge" {
		do, closeJobs, err := h.openWork(ctx, w, cfg, every)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer closeJobs()
		// Without its jobs a process is of no use to those who wait for files.
		running.Go(func() {
			if err := do.Run(background); err != nil {
				failed <- fmt.Errorf("jobs: %w", err)
				stop()
			}
		})
	}
	server := httpd.New(routes, httpd.Options{Log: log, ConnContext: download.ConnContext, Ready: ready})
	fmt.Fprintf(w.stdout, "serving offers on %s\n", base)
	err := server.Serve(background, l)
	stop()
	running.Wait()
	select {
	case jobErr := <-failed:
		return errors.Join(err, jobErr)
	default:
		return err
	}
}

// openWork opens the jobs of a process that does them.
func (h *home) openWork(ctx context.Context, w *world, cfg *config.Config, every time.Duration) (jobs, func(), error) {
	s, err := settings(&cfg.Feeds)
	if err != nil {
		return nil, nil, err
	}
	if every == 0 {
		every = -1
	}
	todo := newWork(w, h, h.db, s, every, cfg.Jobs.FullAt)
	kinds, err := todo.Kinds()
	if err != nil {
		return nil, nil, err
	}
	return openJobs(ctx, w, cfg, job.Config{Kinds: kinds, Schedules: todo.Schedules(), Log: w.log,
		Workers:     map[string]int{job.QueueFeeds: cfg.Jobs.Workers, job.QueueUpkeep: cfg.Jobs.Upkeep},
		PerMerchant: cfg.Jobs.PerMerchant})
}

// conformanceHandler serves the schemas and, where the settings say so, the
// check of files that anybody sends.
func conformanceHandler(w *world, h *home, v *config.Validate, log *slog.Logger) http.Handler {
	return conformance.Handler(conformance.Options{Enabled: v.Enabled, MaxBytes: v.MaxBytes, PerMinute: float64(v.PerMinute),
		Temp: filepath.Join(h.dir, "spool"), Now: w.now, Log: log})
}
