package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// The sample catalog and its partners' profiles; all data in it is invented.
//
//go:embed sample
var sample embed.FS

// demoCmd shows the main job.
type demoCmd struct{}

// Help implements kong.HelpProvider.
func (demoCmd) Help() string {
	return `Imports a sample catalog into the embedded database, makes a merchant, a shop and three partners with
different settings, publishes their offers, serves them, and prints each partner's gateway address and
how to switch him off and on. All of it stands in a temporary folder that goes when the demo is stopped
with Ctrl-C.

Example: feedmill demo --server.listen 127.0.0.1:8090`
}

// demoPartners are the three partners of the demo.
var demoPartners = []struct{ name, profile, what string }{
	{"Nord Shop", "retail.toml", "Polish, zloty, ten percent off, stock above 50 shown as 50"},
	{"Grosshandel Süd", "wholesale.toml", "German and English, wholesale prices in euro, without outlet goods"},
	{"Garden Corner", "spreadsheet.toml", "English, home and garden only, CSV beside XML"},
}

// Run implements the command.
func (demoCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	dir, err := os.MkdirTemp("", "feedmill-demo-")
	if err != nil {
		return &feed.Error{Kind: feed.KindInternal, Message: "make a folder for the demo", Hint: "name a folder that can be written in TMPDIR", Err: err}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	own := *cfg
	own.Data = filepath.Join(dir, "data")
	own.Jobs.PublishEvery = -1
	h, err := w.openHome(ctx, &own)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	l, err := net.Listen("tcp", own.Server.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", own.Server.Listen, err)
	}
	base := publicURL(&own.Server, l.Addr().String())
	if err := h.stageDemo(ctx, w, &own, dir, base); err != nil {
		return errors.Join(err, l.Close())
	}
	return h.serve(ctx, w, &own, l, base, "all")
}

// stageDemo brings the sample in, publishes it and tells what there is.
func (h *home) stageDemo(ctx context.Context, w *world, cfg *config.Config, dir, base string) error {
	files, err := fs.Sub(sample, "sample")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(dir, "sample"), files); err != nil {
		return fmt.Errorf("unpack the sample: %w", err)
	}
	imp := importCmd{Merchant: "Sample Merchant"}
	imp.Catalog, imp.Format, imp.MaxErrors = []string{filepath.Join(dir, "sample", "catalog.jsonl")}, "jsonl", 20
	if imp.zone, err = zoneOffset(&cfg.Feeds); err != nil {
		return err
	}
	plan, err := imp.run(ctx, w, h)
	if err != nil {
		return err
	}
	m, err := h.merchant(ctx, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "merchant %s (%s): %d products in %s\n", m.Name, m.ID, plan.Added, cfg.Data)
	addresses := make([]added, len(demoPartners))
	for i, p := range demoPartners {
		profile, err := config.ReadProfile(filepath.Join(dir, "sample", p.profile))
		if err != nil {
			return err
		}
		if addresses[i], err = h.desk(w, m, base).addPartner(ctx, partner.Partner{Name: p.name, Wholesaler: profile.Base != 0, FeedEnabled: true}, profile); err != nil {
			return err
		}
	}
	s, err := settings(&cfg.Feeds)
	if err != nil {
		return err
	}
	if _, err := h.publish(ctx, w, m.ID, s, nil); err != nil {
		return err
	}
	for i, p := range demoPartners {
		fmt.Fprintf(w.stdout, "\n%s: %s\n  gateway   %s\n  switch    feedmill partner off --data %s %q\n  and back  feedmill partner on --data %s %q\n",
			p.name, p.what, addresses[i].Gateway, cfg.Data, p.name, cfg.Data, p.name)
	}
	fmt.Fprintf(w.stdout, "\nUntil Ctrl-C. Without an installed feedmill, write 'go run ./cmd/feedmill' for it.\n")
	return nil
}
