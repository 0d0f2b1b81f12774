package main

import (
	"context"
	"fmt"
	"log/slog"

	"feedmill/feed"
	"feedmill/internal/api"
	"feedmill/internal/config"
	"feedmill/internal/httpd"
	"feedmill/internal/httpd/clientaddr"
	"feedmill/internal/job"
	jobdesk "feedmill/internal/job/desk"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
)

// openAPI makes the management API, nil where the settings leave it out. running
// are the jobs of this process, nil where it has none: then they are asked where
// they are kept. The function closes what was opened.
func (h *home) openAPI(ctx context.Context, w *world, cfg *config.Config, running jobs, log *slog.Logger) (_ *api.API, closeAPI func(), err error) {
	closeAPI = func() {}
	if !cfg.API.Enabled {
		return nil, closeAPI, nil
	}
	proxies, err := clientaddr.Parse(cfg.Server.TrustedProxies)
	if err != nil {
		return nil, closeAPI, &feed.Error{Kind: feed.KindInvalid, Message: "setting server.trusted_proxies", Err: err}
	}
	if running == nil {
		kinds, err := work.New(work.Options{}).Kinds()
		if err != nil {
			return nil, closeAPI, err
		}
		if running, closeAPI, err = openJobs(ctx, w, cfg, job.Config{Kinds: kinds}); err != nil {
			return nil, func() {}, err
		}
	}
	a, err := api.New(h.manage(w, manage.WithJobs(jobdesk.New(running))), h.db, api.Options{ClientAddr: proxies.Of, RequestID: httpd.RequestID,
		PerMinute: unlimited(cfg.API.PerMinute), Burst: cfg.API.Burst, RefusedPerMinute: unlimited(cfg.API.RefusedPerMinute), Now: w.now, Log: log})
	if err != nil {
		closeAPI()
		return nil, func() {}, fmt.Errorf("open the API: %w", err)
	}
	return a, closeAPI, nil
}

// unlimited turns the settings' 0, which is no limit, into the parts' own.
func unlimited(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}
