package riverjob

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"feedmill/feed"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	versionTable = "job_schema"
	// migrateLock is held by the one program that migrates.
	migrateLock int64 = 7021190551

	sqlLock   = `SELECT pg_advisory_lock($1)`
	sqlUnlock = `SELECT pg_advisory_unlock($1)`
	// Tables that are missing have version 0.
	sqlTables = `SELECT to_regclass('river_migration') IS NOT NULL, to_regclass('job_schema') IS NOT NULL`
	// River's table gets its column line in a later step of River's, and a
	// migration may have been stopped before it.
	sqlRiver = `SELECT coalesce(max(version), 0) FROM river_migration AS m
		WHERE coalesce(to_jsonb(m) ->> 'line', 'main') = 'main'`
	sqlVersion = `SELECT coalesce(max(version_id), 0) FROM job_schema WHERE is_applied`
)

// Migrate makes the tables of jobs in the database at url, or brings them up to
// this program's. Of several programs that migrate at once one works and the
// others wait. It gives the number of steps taken, and refuses tables that a
// newer program has migrated.
func Migrate(ctx context.Context, url string) (steps int, err error) {
	pool, err := openPool(ctx, url, 4, 0)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return 0, fault("migrate the tables of jobs", err)
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, sqlLock, migrateLock); err != nil {
		return 0, fault("migrate the tables of jobs", err)
	}
	defer func() {
		unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, e := lock.Exec(unlock, sqlUnlock, migrateLock)
		err = errors.Join(err, fault("end the migration of the tables of jobs", e))
	}()
	if have, want, err := versions(ctx, pool); err != nil {
		return 0, fault("migrate the tables of jobs", err)
	} else if have.newer(want) {
		return 0, newerSchema()
	}
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return 0, fmt.Errorf("migrate the tables of jobs: %w", err)
	}
	res, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return 0, fault("migrate the tables of jobs", err)
	}
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return 0, err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, fmt.Errorf("migrate the tables of jobs: %w", err)
	}
	done, err := p.Up(ctx)
	return len(res.Versions) + len(done), fault("migrate the tables of jobs", err)
}

const (
	sqlRoleExists = `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1), current_schema()`
	// River's tables, and our two; versions are only read.
	sqlOurTables = `SELECT c.relname, c.relname IN ('river_migration', 'job_schema') FROM pg_class AS c
		WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
			AND (c.relname LIKE 'river\_%' OR c.relname IN ('job_runner', 'job_schedule', 'job_schema'))
		ORDER BY 1`
)

// Grant gives database roles the rights that a process needs to insert, show and
// work on jobs, in the database at url, as the user who has migrated it. The
// roles must exist; "" is left out. There is no lesser right: who may insert a
// job writes to the table that workers write to.
func Grant(ctx context.Context, url string, roles ...string) error {
	pool, err := openPool(ctx, url, 1, 30*time.Second)
	if err != nil {
		return err
	}
	defer pool.Close()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		type table struct {
			Name     string
			ReadOnly bool
		}
		rows, err := tx.Query(ctx, sqlOurTables)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
		if err != nil {
			return err
		}
		for _, role := range roles {
			if role == "" {
				continue
			}
			var exists bool
			var schema string
			if err := tx.QueryRow(ctx, sqlRoleExists, role).Scan(&exists, &schema); err != nil {
				return err
			}
			to := pgx.Identifier{role}.Sanitize()
			if !exists {
				return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no role %q", role),
					Hint: "have it made first: CREATE ROLE " + to + " LOGIN PASSWORD '...'"}
			}
			statements := []string{"GRANT USAGE ON SCHEMA " + pgx.Identifier{schema}.Sanitize() + " TO " + to,
				"GRANT USAGE, SELECT ON SEQUENCE " + pgx.Identifier{schema, "river_job_id_seq"}.Sanitize() + " TO " + to}
			for _, t := range tables {
				rights := "SELECT, INSERT, UPDATE, DELETE"
				if t.ReadOnly {
					rights = "SELECT"
				}
				name := pgx.Identifier{schema, t.Name}.Sanitize()
				statements = append(statements, "REVOKE ALL ON "+name+" FROM "+to, "GRANT "+rights+" ON "+name+" TO "+to)
			}
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return known("grant the rights to jobs", err)
}

// schema is the version of River's tables and of ours.
type schema struct{ river, own int64 }

func (s schema) newer(than schema) bool { return s.river > than.river || s.own > than.own }

// versions gives the versions of the database and of this program.
func versions(ctx context.Context, pool *pgxpool.Pool) (have, want schema, err error) {
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return have, want, err
	}
	for _, v := range m.AllVersions() {
		want.river = max(want.river, int64(v.Version))
	}
	sources, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return have, want, err
	}
	for _, s := range sources {
		n, err := goose.NumericComponent(strings.TrimPrefix(s, "migrations/"))
		if err != nil {
			return have, want, err
		}
		want.own = max(want.own, n)
	}
	var river, own bool
	if err := pool.QueryRow(ctx, sqlTables).Scan(&river, &own); err != nil {
		return have, want, err
	}
	if river {
		if err := pool.QueryRow(ctx, sqlRiver).Scan(&have.river); err != nil {
			return have, want, err
		}
	}
	if own {
		err = pool.QueryRow(ctx, sqlVersion).Scan(&have.own)
	}
	return have, want, err
}

func newerSchema() error {
	return &feed.Error{Kind: feed.KindUnavailable, Message: "the tables of jobs are newer than this program",
		Hint: "use the release of feedmill that has migrated them, or a newer one"}
}

func checkSchema(ctx context.Context, pool *pgxpool.Pool) error {
	have, want, err := versions(ctx, pool)
	switch {
	case err != nil:
		return fault("check the tables of jobs", err)
	case have.newer(want):
		return newerSchema()
	case have != want:
		return &feed.Error{Kind: feed.KindUnavailable, Message: fmt.Sprintf("the tables of jobs have schema %d.%d, this program needs %d.%d", have.river, have.own, want.river, want.own),
			Hint: "run feedmill migrate"}
	}
	return nil
}
