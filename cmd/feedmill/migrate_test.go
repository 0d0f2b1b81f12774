package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
)

// TestMigrate runs the command on both kinds of database, twice.
func TestMigrate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cfg := &config.Config{Data: filepath.Join(dir, "data")}
			cfg.Database.Kind = kind
			if kind == "postgres" {
				cfg.Database.URLFile = filepath.Join(dir, "url")
				if err := os.WriteFile(cfg.Database.URLFile, []byte(database.Empty(t)+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := openRecords(t.Context(), cfg, time.Now); !strings.Contains(feed.HintOf(err), "feedmill migrate") {
					t.Errorf("before: %v with the hint %q", err, feed.HintOf(err))
				}
			}
			for _, want := range []string{"steps taken\n", "the database is up to date\n"} {
				var out bytes.Buffer
				w := &world{stdout: &out, stderr: &out, now: time.Now, log: slog.New(slog.DiscardHandler)}
				if err := (&migrateCmd{}).Run(t.Context(), w, cfg); err != nil || !strings.HasSuffix(out.String(), want) {
					t.Errorf("got %q, %v, want %q", out.String(), err, want)
				}
			}
			db, err := openRecords(t.Context(), cfg, time.Now)
			if err != nil {
				t.Fatalf("after: %v", err)
			}
			db.Close()
			var out bytes.Buffer
			w := &world{stdout: &out, stderr: &out, now: time.Now, log: slog.New(slog.DiscardHandler)}
			if err := (&migrateCmd{ServeRole: "nobody-" + kind}).Run(t.Context(), w, cfg); err == nil || feed.HintOf(err) == "" {
				t.Errorf("a role that does not exist: %v with the hint %q", err, feed.HintOf(err))
			}
		})
	}
}
