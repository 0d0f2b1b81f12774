package main

import (
	"context"
	"errors"
	"fmt"

	"feedmill/feed"
	"feedmill/internal/config"
)

// backupCmd copies the embedded database.
type backupCmd struct {
	To   string `required:"" placeholder:"FILE" help:"File that the copy is written to. It must not exist yet."`
	JSON bool   `help:"Print the result as JSON."`
}

// Help implements kong.HelpProvider.
func (backupCmd) Help() string {
	return `Copies the embedded database, as one moment saw it, into a new file, while other commands and
'feedmill serve' go on. The copy is checked, and on disk when the command ends. Copy the folder of
stored files, store below the data folder, after the database: what the database names is in it
then. What a copy that was killed has left beside FILE goes with the next one into that folder. To restore, put both into a data folder as feedmill.db and store. A PostgreSQL database is copied
with its own tools; docs/operations.md tells how to back up and restore either.

Exit status: 0 done; 1 there is something at FILE, or the settings name a PostgreSQL database; 2 the
command line is wrong; 3 it could not be written.

Example: feedmill backup --to /backup/feedmill-2026-03-01.db`
}

// Run implements the command.
func (c *backupCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	if c.To == "" {
		return usage("--to", errors.New("is empty"))
	}
	if cfg.Database.Kind != "sqlite" {
		return &feed.Error{Kind: feed.KindInvalid, Message: "only the embedded database is copied by this command",
			Hint: "use pg_dump, or a base backup with the log; see docs/operations.md"}
	}
	db, err := openRecords(ctx, cfg, w.now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	backup, ok := db.(interface {
		Backup(ctx context.Context, path string) (int64, error)
	})
	if !ok {
		return feed.Errorf(feed.KindInternal, "the records cannot be copied")
	}
	size, err := backup.Backup(ctx, c.To)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"file": c.To, "bytes": size})
	}
	fmt.Fprintf(w.stdout, "%s: %d bytes\n", c.To, size)
	return nil
}
