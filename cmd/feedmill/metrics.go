package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/download"
	"feedmill/internal/filecache"
	"feedmill/internal/job"
	"feedmill/internal/metrics"
)

// watch is what a serving process tells of itself.
type watch struct {
	metrics  *metrics.Metrics
	sources  metrics.Sources
	listener net.Listener // nil where none is wanted, or to be had
}

// openWatch opens the listener for metrics, where the settings want one. That
// another process has the address already stops nothing: several of one machine
// share the default.
func openWatch(ctx context.Context, w *world, cfg *config.Config, h *home) (*watch, error) {
	v, _ := buildVersion()
	t := &watch{metrics: metrics.New(v)}
	t.sources = metrics.Sources{Now: w.now, Pools: func() []metrics.Pool { return pools(h.db) },
		Feeds: func(ctx context.Context) ([]metrics.Feed, error) {
			list, err := h.db.CurrentGenerations(ctx, nil)
			feeds := make([]metrics.Feed, len(list))
			for i := range list {
				g := &list[i]
				feeds[i] = metrics.Feed{Kind: g.Feed.Kind.String(), Merchant: g.Feed.Merchant, Made: g.Time, Expires: g.Expires}
			}
			return feeds, err
		}}
	if cfg.Server.MetricsListen == "" {
		return t, nil
	}
	l, err := metrics.Listen(ctx, cfg.Server.MetricsListen, cfg.Server.MetricsPublic)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		w.log.Warn("metrics are not shown", "error", err)
		return t, nil
	case err != nil:
		return nil, err
	}
	w.log.Info("metrics", "address", l.Addr().String())
	t.listener = l
	return t, nil
}

// close ends the listener where nobody serves on it.
func (t *watch) close() {
	if t.listener != nil {
		_ = t.listener.Close() // whoever served has closed it already
	}
}

// start shows the metrics until the context ends.
func (t *watch) start(ctx context.Context, running *sync.WaitGroup, log *slog.Logger) {
	t.metrics.Read(t.sources)
	if t.listener == nil {
		return
	}
	running.Go(func() {
		if err := t.metrics.Serve(ctx, t.listener, log); err != nil {
			log.Error("metrics are not shown any more", "error", err)
		}
	})
}

// request counts a request of a partner.
func (t *watch) request(r download.Request) {
	refused := r.Why
	if r.Status < 400 || r.Cut {
		refused = "" // why a part was sent, or an answer broke off, is no refusal
	}
	t.metrics.Request(metrics.Request{Route: r.Route, Method: r.Method, Status: r.Status, Bytes: r.Bytes, Took: r.Took, Refused: refused, Cut: r.Cut})
}

// group counts a request to the checker, the API or the panel.
func (t *watch) group(group, method string, status int, took time.Duration) {
	t.metrics.Request(metrics.Request{Route: group, Method: method, Status: status, Took: took})
}

// files has the state of the file server read.
func (t *watch) files(s *download.Server) {
	t.sources.Downloads = func() metrics.Downloads {
		st := s.Stats()
		return metrics.Downloads{Running: st.Running, Queued: st.Ledger.Waiting, Dropped: int64(st.Ledger.Dropped), Age: st.SnapshotAge}
	}
}

// cache has the state of a disk cache read.
func (t *watch) cache(stats func() filecache.Stats) {
	t.sources.Cache = func() metrics.Cache {
		st := stats()
		return metrics.Cache{Hits: st.Hits, Misses: st.Misses, Bypasses: st.Bypasses, Damaged: st.Damaged, Evicted: st.Evicted, Bytes: st.Bytes, Files: st.Files}
	}
}

// work has the jobs counted, and the changes that wait for them.
func (t *watch) work(counts func(ctx context.Context) ([]job.Count, error), lag func(ctx context.Context) (int64, time.Time, error)) {
	t.sources.Changes = lag
	t.sources.Jobs = func(ctx context.Context) ([]metrics.JobCount, error) {
		list, err := counts(ctx)
		out := make([]metrics.JobCount, len(list))
		for i, c := range list {
			out[i] = metrics.JobCount{Kind: c.Kind, State: string(c.State), Jobs: c.Jobs}
		}
		return out, err
	}
}

// run counts a publish run.
func (t *watch) run(r publish.Report, err error, took time.Duration) {
	if t == nil {
		return
	}
	run := metrics.Run{Outcome: metrics.Unchanged, Took: took, Restored: r.Restored}
	for i := range r.Feeds {
		f := &r.Feeds[i]
		one := metrics.FeedRun{Kind: f.Feed.Kind.String(), Published: f.Published, Held: f.Held != nil,
			Added: f.Added, Changed: f.Changed, Removed: f.Removed, Missed: f.Missed}
		for _, file := range f.Generation.Files {
			// Files of generations before are listed again.
			if f.Published && file.Generation == f.Generation.Number {
				one.Bytes += file.Plain.Size
			}
		}
		switch {
		case one.Held:
			run.Outcome = metrics.Held
		case one.Published && run.Outcome == metrics.Unchanged:
			run.Outcome = metrics.Published
		}
		run.Feeds = append(run.Feeds, one)
	}
	var busy *publish.BusyError
	switch {
	case errors.Is(err, publish.ErrLost), errors.As(err, &busy):
		run.Outcome = metrics.Lost
	case err != nil:
		run.Outcome = metrics.Failed
	}
	t.metrics.Run(run)
}

// pools gives the state of the connections of whichever database it is.
func pools(db records) []metrics.Pool {
	switch db := db.(type) {
	case interface {
		Pools() (write, read sql.DBStats)
	}:
		write, read := db.Pools()
		return []metrics.Pool{poolOf("write", write), poolOf("read", read)}
	case interface{ Pool() *pgxpool.Stat }:
		st := db.Pool()
		return []metrics.Pool{{Name: "shared", InUse: int(st.AcquiredConns()), Idle: int(st.IdleConns()), Max: int(st.MaxConns()),
			Waits: st.EmptyAcquireCount(), Waited: st.EmptyAcquireWaitTime()}}
	}
	return nil
}

func poolOf(name string, s sql.DBStats) metrics.Pool {
	return metrics.Pool{Name: name, InUse: s.InUse, Idle: s.Idle, Max: s.MaxOpenConnections, Waits: s.WaitCount, Waited: s.WaitDuration}
}
