package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"feedmill/feed"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	sqlVersionTable = `SELECT to_regclass('goose_db_version') IS NOT NULL`
	sqlEncoding     = `SELECT current_setting('server_encoding')`
	sqlSchema       = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
)

// Migrate brings the schema of the database at url up to this program's, in
// steps that are each one transaction. The database itself must exist, and the
// user must own it or have the right to make tables in its schema. Of several
// programs that migrate at once one works and the others wait. It gives the
// number of steps taken, 0 when there was nothing to do, and refuses a database
// that a newer program has migrated, and an empty one that cannot hold every text.
func Migrate(ctx context.Context, url string, opt Options) (steps int, err error) {
	cfg, err := parse(url, opt.withDefaults())
	if err != nil {
		return 0, err
	}
	name := nameOf(&cfg.ConnConfig.Config)
	what := "migrate " + name
	// A step may rewrite a table.
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = "0"
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return 0, fault(what, ended(ctx, err))
	}
	have, want, err := schemaVersions(ctx, conn)
	if err == nil && have == 0 {
		err = checkEncoding(ctx, conn, name)
	}
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return 0, fault(what, ended(ctx, err))
	}
	if have > want {
		return 0, newerSchema(name, have, want)
	}
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return 0, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600), lock.WithUnlockTimeout(1, 10)) // s, tries
	if err != nil {
		return 0, err
	}
	db := stdlib.OpenDB(*cfg.ConnConfig)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, sub,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()), goose.WithSessionLocker(locker))
	if err != nil {
		return 0, fault(what, ended(ctx, err))
	}
	done, err := p.Up(ctx)
	return len(done), fault(what, ended(ctx, err))
}

func checkSchema(ctx context.Context, c *pgx.Conn, name string) error {
	have, want, err := schemaVersions(ctx, c)
	switch {
	case err != nil:
		return err
	case have > want:
		return newerSchema(name, have, want)
	case have == 0:
		return &feed.Error{Kind: feed.KindUnavailable, Message: name + " has no schema yet", Hint: "run feedmill migrate to make it"}
	case have < want:
		return &feed.Error{
			Kind:    feed.KindUnavailable,
			Message: fmt.Sprintf("%s has schema %d, this program needs %d", name, have, want),
			Hint:    "make a backup of the database, then run feedmill migrate",
		}
	}
	return nil
}

// checkEncoding refuses a database that would refuse texts some day.
func checkEncoding(ctx context.Context, c *pgx.Conn, name string) error {
	var encoding string
	if err := c.QueryRow(ctx, sqlEncoding).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return &feed.Error{Kind: feed.KindUnavailable, Message: fmt.Sprintf("%s has the encoding %s, and not every text fits into it", name, encoding), Hint: utf8Hint}
	}
	return nil
}

func newerSchema(name string, have, want int64) error {
	return &feed.Error{
		Kind:    feed.KindUnavailable,
		Message: fmt.Sprintf("%s has schema %d, this program knows none newer than %d", name, have, want),
		Hint:    "use the release of feedmill that has migrated it, or a newer one",
	}
}

// schemaVersions gives the version of the schema, 0 for an empty database, and
// the newest one that this program has. It writes nothing.
func schemaVersions(ctx context.Context, c *pgx.Conn) (have, want int64, err error) {
	sources, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return 0, 0, err
	}
	for _, s := range sources {
		n, err := goose.NumericComponent(strings.TrimPrefix(s, "migrations/"))
		if err != nil {
			return 0, 0, err
		}
		want = max(want, n)
	}
	var made bool
	if err := c.QueryRow(ctx, sqlVersionTable).Scan(&made); err != nil || !made {
		return 0, want, err
	}
	err = c.QueryRow(ctx, sqlSchema).Scan(&have)
	return have, want, err
}
