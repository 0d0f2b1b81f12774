package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"feedmill/feed"
	"feedmill/internal/admin"
	"feedmill/internal/auth"
	"feedmill/internal/config"
	"feedmill/internal/httpd"
	"feedmill/internal/httpd/clientaddr"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// auth gives what lets people in.
func (h *home) auth(w *world, cfg *config.Config, log *slog.Logger) (*auth.Service, error) {
	if _, err := os.Stat(cfg.Panel.KeyFile); err == nil {
		if _, err := secretFile("panel.key_file", cfg.Panel.KeyFile, "put 64 hexadecimal digits there, or leave the file out to have it made"); err != nil {
			return nil, err
		}
	}
	sealer, err := auth.OpenSealer(cmp.Or(cfg.Panel.KeyFile, filepath.Join(h.dir, "panel.key")))
	if err != nil {
		return nil, err
	}
	zone, err := zoneOffset(&cfg.Feeds)
	if err != nil {
		return nil, err
	}
	return auth.New(h.db, auth.Options{Sealer: sealer, ZoneOffset: zone, Now: w.now, Log: log}), nil
}

// panelURL gives the address under which people reach the panel; base is the
// offers' own.
func panelURL(cfg *config.Config, base string) string {
	return strings.TrimSuffix(cmp.Or(cfg.Panel.PublicURL, cfg.Server.PublicURL, base), "/")
}

// openPanel makes the pages for people, nil where the settings leave them out or
// where nobody could reach them safely, and what is to be told at the start: the
// way to the first account.
func (h *home) openPanel(ctx context.Context, w *world, cfg *config.Config, base string, desk jobDesk, log *slog.Logger) (*admin.Panel, string, error) {
	if !cfg.Panel.Enabled {
		return nil, "", nil
	}
	people, err := h.auth(w, cfg, log)
	if err != nil {
		return nil, "", err
	}
	proxies, err := clientaddr.Parse(cfg.Server.TrustedProxies)
	if err != nil {
		return nil, "", &feed.Error{Kind: feed.KindInvalid, Message: "setting server.trusted_proxies", Err: err}
	}
	feeds := base
	if everywhere(base) {
		feeds = "" // the panel's own is as good a guess as there is
	}
	opt := admin.Options{PublicURL: panelURL(cfg, base), FeedURL: feeds, Hosts: words(cfg.Panel.Hosts), Manage: h.manage(w), Auth: people, Accounts: h.db, Journal: h.db, Spool: filepath.Join(h.dir, "spool"),
		ClientAddr: proxies.Of, RequestID: httpd.RequestID, Now: w.now, Log: log}
	if desk != nil {
		opt.Jobs = panelJobs{desk}
	}
	panel, err := admin.New(opt)
	if err != nil {
		if cfg.Panel.PublicURL != "" {
			return nil, "", err
		}
		// Offers are served at an address where passwords must not be sent.
		log.Warn("the panel is not shown", slog.String("why", err.Error()), slog.String("hint", feed.HintOf(err)))
		return nil, "", nil
	}
	need, err := people.NeedsSetup(ctx)
	if err != nil || !need {
		return panel, "", err
	}
	code, err := people.SetupCode(ctx, "")
	if feed.KindOf(err) == feed.KindInvalid && err != nil {
		return panel, "the panel has no owner yet: 'feedmill user setup-code --merchant NAME' tells how to become one\n", nil
	}
	return panel, setupText(opt.PublicURL, code), err
}

// setupText tells how to become the first owner.
func setupText(base, code string) string {
	return fmt.Sprintf("the panel has no owner yet: open %s/panel/setup and give the code %s within %.0f minutes\n", base, code, auth.SetupLife.Minutes())
}

// words splits a list in a setting.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// panelJobs shows jobs to people.
type panelJobs struct{ desk jobDesk }

// Jobs implements admin.Jobs.
func (p panelJobs) Jobs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) ([]admin.Job, error) {
	list, err := p.desk.List(ctx, job.Filter{Merchant: merchant, Before: before, Limit: limit})
	var jobs []admin.Job
	for _, j := range list {
		jobs = append(jobs, admin.Job{ID: j.ID, Kind: j.Kind, State: string(j.State), Attempt: j.Attempt, Attempts: j.Attempts,
			Created: j.Created, Due: j.Due, Started: j.Started, Ended: j.Ended, Error: j.Error})
	}
	return jobs, err
}
