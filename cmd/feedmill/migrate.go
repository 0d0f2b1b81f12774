package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/job/riverjob"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

// migrateCmd brings the schema of the database up to this program's.
type migrateCmd struct {
	ServeRole    string `name:"serve-role" placeholder:"ROLE" help:"postgres: grant this role what 'serve' needs: to read."`
	GenerateRole string `name:"generate-role" placeholder:"ROLE" help:"postgres: grant this role what imports and publications need."`
	AdminRole    string `name:"admin-role" placeholder:"ROLE" help:"postgres: grant this role what changing accounts needs."`
	JSON         bool   `help:"Print the result as JSON."`
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `Brings the schema of the database that the settings name up to this program's, step by step; one that
is up to date is left alone, and one that a newer program has migrated is refused. The embedded database
is made where it is missing, and other commands bring it up to date by themselves; a PostgreSQL database
must exist and changes its schema by this command alone, run as the user who owns the tables. Make a
backup first. Roles that are named are granted what they need and nothing else; see docs/operations.md.

Exit status: 0 done; 1 a role does not exist or must not do this; 2 the command line is wrong;
3 the database does not answer, or a newer program has migrated it.

Example: feedmill migrate --serve-role feedmill_serve --generate-role feedmill_generate`
}

// Run implements the command.
func (c *migrateCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	var result struct {
		Steps  int `json:"steps"`
		Offers int `json:"offers"`
	}
	var err error
	if result.Steps, err = c.migrate(ctx, w, cfg); err != nil {
		return err
	}
	if result.Offers, err = refreshKeys(ctx, w, cfg); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, result)
	}
	if result.Steps == 0 {
		fmt.Fprintln(w.stdout, "the database is up to date")
	} else {
		fmt.Fprintf(w.stdout, "the database is up to date: %d steps taken\n", result.Steps)
	}
	if result.Offers > 0 {
		fmt.Fprintf(w.stdout, "%d offers have moved to feeds of this program's\n", result.Offers)
	}
	return nil
}

func (c *migrateCmd) migrate(ctx context.Context, w *world, cfg *config.Config) (steps int, err error) {
	roles := postgres.Roles{Serve: c.ServeRole, Generate: c.GenerateRole, Admin: c.AdminRole}
	if cfg.Database.Kind != "postgres" {
		if roles != (postgres.Roles{}) {
			return 0, &feed.Error{Kind: feed.KindInvalid, Message: "the embedded database has no roles", Hint: "roles belong to database.kind = \"postgres\""}
		}
		if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
			return 0, fmt.Errorf("make the data folder: %w", err)
		}
		return sqlite.Migrate(ctx, filepath.Join(cfg.Data, "feedmill.db"), sqlite.Options{Now: w.now})
	}
	url, err := databaseURL(&cfg.Database)
	if err != nil {
		return 0, err
	}
	opt := postgres.Options{Now: w.now}
	if steps, err = postgres.Migrate(ctx, url, opt); err != nil {
		return steps, err
	}
	more, err := riverjob.Migrate(ctx, url)
	if steps += more; err != nil {
		return steps, err
	}
	if err := postgres.Grant(ctx, url, opt, roles); err != nil {
		return steps, err
	}
	// Jobs are run by workers and shown to those who change accounts.
	var workers []string
	for _, role := range []string{c.GenerateRole, c.AdminRole} {
		if role != "" {
			workers = append(workers, role)
		}
	}
	return steps, riverjob.Grant(ctx, url, workers...)
}

// refreshKeys moves offers to the feeds that this program renders for them, so
// that processes without the right to do so find nothing to do.
func refreshKeys(ctx context.Context, w *world, cfg *config.Config) (offers int, err error) {
	db, err := openRecords(ctx, cfg, w.now)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.RefreshKeys(ctx)
}
