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
	Role string `default:"all" enum:"all,edge,worker,panel" help:"What this process does: edge answers partners, worker publishes and sweeps, panel shows the pages for people, all does everything. Several processes need database.kind postgres and a shared store."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Answers partners' requests: /o/LINK/gateway.xml and everything that it names, plain names such as
/o/LINK/full.xml, manifest.json, and the IdoSell form of address. Switches act at once, also when another
process turns them. What has changed in the catalog is published within a minute (setting
jobs.publish_every), full files are renewed at night, and what nobody needs any more is swept away. Over PostgreSQL and a shared store any number of
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
	if k, ok := h.db.(roomKeeper); ok {
		if err := k.KeepRoom(); err != nil {
			w.log.WarnContext(ctx, "no room could be kept for turning partners off while the disk is full", "error", err)
		}
	}
	l, err := net.Listen("tcp", cfg.Server.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Server.Listen, err)
	}
	base := publicURL(&cfg.Server, l.Addr().String())
	return h.serve(ctx, w, cfg, l, base, c.Role)
}

// roomKeeper is a database on a disk of this machine, some of which it can keep
// for changes of accounts.
type roomKeeper interface {
	KeepRoom() error
}

// serve answers partners' requests and does the jobs, as its role says, until
// the context ends.
func (h *home) serve(ctx context.Context, w *world, cfg *config.Config, l net.Listener, base, role string) (failure error) {
	log := slog.New(httpd.LogHandler(w.log.Handler()))
	background, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	watch, err := openWatch(ctx, w, cfg, h)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer watch.close()
	h.watch, h.store = watch, watch.metrics.Store(h.store)
	routes := httpd.Routes{}
	ready := map[string]func(context.Context) error{"records": h.db.Ping}
	if h.place != nil {
		ready["store"] = func(context.Context) error { return h.place() }
	}
	if role == "all" || role == "edge" {
		e, err := h.openEdge(ctx, w, cfg, base, log, watch.request)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer func() { failure = errors.Join(failure, e.Close()) }()
		files := e.files
		watch.files(files)
		watch.cache(e.stats)
		// Commits of this process are in force when they return, those of others
		// within half a second.
		defer h.db.Subscribe(files.Changed)()
		running.Go(func() { files.Run(background) })
		routes.Files, routes.Conformance = files, conformanceHandler(w, h, &cfg.Validate, log)
		ready["accounts"] = files.Ready
	}
	failed := make(chan error, 1)
	var desk jobDesk
	var work jobs
	if role == "all" || role == "worker" {
		do, closeJobs, err := h.openWork(ctx, w, cfg)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer closeJobs()
		desk, work = do, do
		watch.work(do.Counts, h.db.ChangeLag)
		// Without its jobs a process is of no use to those who wait for files.
		running.Go(func() {
			if err := do.Run(background); err != nil {
				failed <- fmt.Errorf("jobs: %w", err)
				stop()
			}
		})
	}
	hello := ""
	if role == "all" || role == "panel" {
		panel, said, err := h.openPanel(ctx, w, cfg, base, desk, log)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		if panel != nil {
			running.Go(func() { panel.Run(background) })
			routes.Panel, hello = panel, said
		}
		programs, closeAPI, err := h.openAPI(ctx, w, cfg, work, log)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer closeAPI()
		if programs != nil {
			routes.API = programs
		}
	}
	server := httpd.New(routes, httpd.Options{Log: log, ConnContext: download.ConnContext, Ready: ready, Observe: watch.group})
	watch.start(background, &running, w.log)
	if h.bucket != nil {
		running.Go(func() { h.bucket.look(background, log, role == "all" || role == "worker") })
	}
	switch role {
	case "worker":
		fmt.Fprintf(w.stdout, "working on jobs; health is told on http://%s\n", l.Addr())
	case "panel":
		fmt.Fprintf(w.stdout, "answering panel and API on %s\n%s", panelURL(cfg, base), hello)
	default:
		fmt.Fprintf(w.stdout, "serving offers on %s\n%s", base, hello)
	}
	err = server.Serve(background, l)
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
func (h *home) openWork(ctx context.Context, w *world, cfg *config.Config) (jobs, func(), error) {
	s, err := settings(&cfg.Feeds)
	if err != nil {
		return nil, nil, err
	}
	s.LightEvery, s.ChangeEvery = cfg.Feeds.LightEvery, cfg.Feeds.ChangeEvery
	todo := newWork(w, h, h.db, s, lookEvery(cfg), cfg.Jobs.FullAt)
	kinds, err := todo.Kinds()
	if err != nil {
		return nil, nil, err
	}
	return openJobs(ctx, w, cfg, job.Config{Kinds: kinds, Schedules: todo.Schedules(), Log: w.log,
		Workers:     map[string]int{job.QueueFeeds: cfg.Jobs.Workers, job.QueueUpkeep: cfg.Jobs.Upkeep},
		PerMerchant: cfg.Jobs.PerMerchant})
}

// lookEvery gives how often the records are asked for changes. The embedded
// database tells nobody of changes that other processes make; the shared one has
// a job in each, and is asked only for what may have got lost.
func lookEvery(cfg *config.Config) time.Duration {
	every := cfg.Jobs.PublishEvery
	switch {
	case every < 0:
		return every
	case cfg.Database.Kind == "postgres":
		return max(every, 5*time.Second)
	}
	return max(every, 500*time.Millisecond)
}

// conformanceHandler serves the schemas and, where the settings say so, the
// check of files that anybody sends.
func conformanceHandler(w *world, h *home, v *config.Validate, log *slog.Logger) http.Handler {
	return conformance.Handler(conformance.Options{Enabled: v.Enabled, MaxBytes: v.MaxBytes, PerMinute: float64(v.PerMinute),
		Temp: filepath.Join(h.dir, "spool"), Now: w.now, Log: log})
}
