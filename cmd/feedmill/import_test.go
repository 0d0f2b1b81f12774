package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// What an import has left that was killed goes with the first one a day after, also
// where nobody serves; before, somebody may be at work on it.
func TestImportClearsTheDead(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	w := &world{stdout: &out, stderr: &out, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	cfg := &config.Config{Data: t.TempDir(), Feeds: config.Feeds{Offset: "+00:00"}}
	c := importCmd{catalogFlags: catalogFlags{Catalog: []string{filepath.Join("sample", "catalog.jsonl")}, Format: "auto", MaxErrors: 20}}
	run := func() {
		t.Helper()
		again := c
		if err := again.Run(ctx, w, cfg); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
	}
	run()
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	list, err := h.db.Merchants(ctx)
	if err != nil {
		t.Fatal(err)
	}
	none := func(func(partner.StagedProduct, error) bool) {}
	if _, err := h.db.StageProducts(ctx, list[0].ID, partner.NewImportID(), none); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(cfg.Data, "feedmill.db-import-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if left() == 0 {
		t.Fatal("nothing was left: the test proves nothing")
	}
	for _, turn := range []struct {
		later time.Duration
		dry   bool
		gone  bool
	}{{23 * time.Hour, false, false}, {2 * time.Hour, true, false}, {0, false, true}} {
		now, c.DryRun = now.Add(turn.later), turn.dry
		run()
		if got := left() == 0; got != turn.gone {
			t.Errorf("%s later, dry %v: gone %v, want %v", turn.later, turn.dry, got, turn.gone)
		}
	}
}
