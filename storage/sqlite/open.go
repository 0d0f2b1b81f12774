package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // the driver "sqlite"
	lib "modernc.org/sqlite/lib"

	"feedmill/feed"
	"feedmill/storage/records"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Options are settings of a DB. The zero value works.
type Options struct {
	// Now is the clock for times that are recorded; nil means time.Now.
	Now func() time.Time
	// BusyTimeout is how long a write waits for another process. Default 10 s.
	BusyTimeout time.Duration
	// StatementTimeout bounds every call that does not pass over a whole
	// catalog. Default 30 s.
	StatementTimeout time.Duration
	// Readers is the number of connections for reading; each open [Snapshot]
	// holds one. Default 16.
	Readers int
	// Lease is for how long a run may publish for its merchant before it has to
	// renew that. Default 15 s, at most 5 min.
	Lease time.Duration
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 10 * time.Second
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 30 * time.Second
	}
	if o.Readers == 0 {
		o.Readers = 16
	}
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	o.Lease = min(o.Lease, records.LongestLease)
	return o
}

// DB is an open database file. All methods may be called concurrently.
type DB struct {
	*records.DB
	w, r *sql.DB
	opt  Options
	path string      // of the file, as an absolute one
	file fs.FileInfo // which file stood there when it was opened

	steps mergeSteps
	room  room

	// Prepared once: they are asked on every poll and for every download.
	versionStmt, addressStmt *sql.Stmt

	subscribers records.Subscribers
	wordings    wordings
}

// Open opens the database file at path, which [Migrate] has made. It fails with
// a hint when the schema is older or newer than this program's.
func Open(ctx context.Context, path string, opt Options) (*DB, error) {
	opt = opt.withDefaults()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &feed.Error{Kind: feed.KindUnavailable, Message: fmt.Sprintf("there is no database %q", path), Hint: "run feedmill migrate to make it"}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", path, err)
	}
	if err := checkLog(path); err != nil {
		return nil, err
	}
	d := &DB{opt: opt, path: abs, steps: usualSteps(), room: room{path: abs + "-room", now: opt.Now}}
	d.DB = records.New(d, records.Options{Lease: opt.Lease})
	if d.w, err = open(path, opt, false); err != nil {
		return nil, err
	}
	d.w.SetMaxOpenConns(1)
	d.w.SetMaxIdleConns(1)
	if d.r, err = open(path, opt, true); err != nil {
		d.w.Close()
		return nil, err
	}
	d.r.SetMaxOpenConns(opt.Readers)
	d.r.SetMaxIdleConns(opt.Readers)
	err = d.checkSchema(ctx, path)
	if err == nil {
		d.file, err = os.Stat(abs)
	}
	if err == nil {
		d.versionStmt, err = d.r.PrepareContext(ctx, sqlVersion)
	}
	if err == nil {
		d.addressStmt, err = d.r.PrepareContext(ctx, records.FileByAddress("", "", 0, 0, "", 0).Query)
	}
	if err != nil {
		d.Close()
		return nil, fault(fmt.Sprintf("open database %q", path), err)
	}
	return d, nil
}

// open makes a pool of connections. Settings that a connection has are in its
// name, so that each new one has them.
func open(path string, opt Options, readOnly bool) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", path, err)
	}
	q := url.Values{}
	for _, p := range []string{
		fmt.Sprintf("busy_timeout(%d)", opt.BusyTimeout.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
		"temp_store(MEMORY)",
		"journal_size_limit(67108864)", // what a bulk import leaves behind
		"cache_size(-16384)",           // KiB a connection, see sqlUsualCache
		"wal_autocheckpoint(8000)",     // pages: a bulk import writes most of them once
	} {
		q.Add("_pragma", p)
	}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Set("_txlock", "immediate")
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", path, err)
	}
	return db, nil
}

// Close closes all connections. Snapshots must have been closed before.
func (d *DB) Close() error {
	for _, s := range []*sql.Stmt{d.versionStmt, d.addressStmt} {
		if s != nil {
			s.Close()
		}
	}
	return errors.Join(d.r.Close(), d.w.Close())
}

// inPlace fails when the file that was opened stands at its path no more, as
// after somebody has put a copy there. Connections that are open go on with the
// old file, and new ones take the new: what is written would be lost, and switches
// that other processes turn would not be seen.
func (d *DB) inPlace() error {
	there, err := os.Stat(d.path)
	e := &feed.Error{Kind: feed.KindUnavailable, Hint: "restart this program; put a file in the place of the database only while nothing runs that has it open"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Message = fmt.Sprintf("database %q was moved away or deleted while it is in use", d.path)
	case err == nil && !os.SameFile(d.file, there):
		e.Message = fmt.Sprintf("another file was put in the place of database %q while it is in use", d.path)
	default:
		return nil // the connections tell what else is wrong with it
	}
	return e
}

// Ping says whether the database answers, and is still the one at its path.
func (d *DB) Ping(ctx context.Context) error {
	_, err := d.AccessVersion(ctx)
	return err
}

// Migrate makes the database file at path if it is missing, and brings its
// schema up to this program's. It gives the number of steps taken, 0 when there
// was nothing to do, and refuses a database that a newer program has made.
func Migrate(ctx context.Context, path string, opt Options) (steps int, err error) {
	opt = opt.withDefaults()
	if err := checkLog(path); err != nil {
		return 0, err
	}
	if err := create(ctx, path, opt); err != nil {
		return 0, fault(fmt.Sprintf("make database %q", path), err)
	}
	db, err := open(path, opt, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	p, err := provider(db)
	if err != nil {
		return 0, fault(fmt.Sprintf("migrate database %q", path), err)
	}
	var behind error // what ended the steps of this process
	for from := int64(-1); ; {
		have, want, err := schemaVersions(ctx, db)
		switch {
		case err != nil:
			return steps, fault(fmt.Sprintf("migrate database %q", path), errors.Join(behind, err))
		case have > want:
			return steps, newerSchema(path, have, want)
		case have == want:
			return steps, nil
		case have == from:
			return steps, fault(fmt.Sprintf("migrate database %q", path), behind)
		}
		from = have
		done, err := p.Up(ctx)
		if err == nil {
			return steps + len(done), nil
		}
		// Another process may have begun with the same step and have taken it: a step
		// cannot be taken twice, since each makes something that must not be there.
		if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
			steps += len(partial.Applied)
		}
		behind = err
	}
}

// checkLog refuses a file that stands beside the log of another database, which
// SQLite would play into it. A file in use says in its header that it has a log,
// before there is one; a copy that [DB.Backup] has made and nobody has opened yet
// does not.
func checkLog(path string) error {
	log, err := os.Stat(path + "-wal")
	if err != nil || log.Size() == 0 {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil // whoever opens it next tells why
	}
	defer f.Close()
	const writeVersion, readVersion, usesLog = 18, 19, 2 // of SQLite's file format
	var header [readVersion + 1]byte
	if _, err := io.ReadFull(f, header[:]); err != nil || header[writeVersion] == usesLog || header[readVersion] == usesLog {
		return nil
	}
	return &feed.Error{
		Kind:    feed.KindUnavailable,
		Message: fmt.Sprintf("beside the database %q stands the log of another one, %q", path, path+"-wal"),
		Hint:    "end whatever has the other one open, remove the files that end in -wal and -shm, and try again",
	}
}

// create gives a file that is missing or empty its page size, in which a usual
// document and its row fit. It can be set only before the log is.
func create(ctx context.Context, path string, opt Options) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// Of two who give a file its log at once SQLite refuses one without having him
	// wait; he finds it made.
	ctx, cancel := context.WithTimeout(ctx, opt.BusyTimeout)
	defer cancel()
	for {
		if st, err := os.Stat(path); err == nil && st.Size() > 0 {
			return nil
		}
		err := begin(ctx, abs)
		var refused *driver.Error
		if !errors.As(err, &refused) || refused.Code()&0xff != lib.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func begin(ctx context.Context, abs string) (err error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, pragma := range []string{"PRAGMA page_size = 8192", "PRAGMA journal_mode = WAL"} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, sub,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

func (d *DB) checkSchema(ctx context.Context, path string) error {
	have, want, err := schemaVersions(ctx, d.w)
	switch {
	case err != nil:
		return err
	case have > want:
		return newerSchema(path, have, want)
	case have < want:
		return &feed.Error{
			Kind:    feed.KindUnavailable,
			Message: fmt.Sprintf("database %q has schema %d, this program needs %d", path, have, want),
			Hint:    "make a copy of the file, then run feedmill migrate",
		}
	}
	return nil
}

func newerSchema(path string, have, want int64) error {
	return &feed.Error{
		Kind:    feed.KindUnavailable,
		Message: fmt.Sprintf("database %q has schema %d, this program knows none newer than %d", path, have, want),
		Hint:    "use the release of feedmill that has migrated it, or a newer one",
	}
}

// schemaVersions gives the version of the schema, 0 for an empty file, and the
// newest one that this program has. It writes nothing.
func schemaVersions(ctx context.Context, db *sql.DB) (have, want int64, err error) {
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
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'goose_db_version'`).Scan(&tables); err != nil {
		return 0, 0, err
	}
	if tables == 0 {
		return 0, want, nil
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	return have, want, err
}
