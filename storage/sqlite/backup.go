package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/internal/durable"
)

const (
	sqlBackup    = `VACUUM INTO ?`
	sqlIntegrity = `PRAGMA integrity_check(10)`
)

// Backup writes the database, as one moment saw it, into a new file at path,
// and gives its size in bytes. Others read and write meanwhile. The file is
// checked and on disk when Backup returns, and is not there when it fails. It
// fails with KindConflict when something stands at path already. Imports that
// are being staged are not part of it. What killed calls have left in the folder
// is removed.
func (d *DB) Backup(ctx context.Context, path string) (size int64, err error) {
	what := fmt.Sprintf("back up the database to %q", path)
	if _, err := os.Lstat(path); err == nil {
		return 0, &feed.Error{Kind: feed.KindConflict, Message: what + ": there is something already", Hint: "name a file that does not exist"}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	// Beside its place, so that what stands there is whole. Each copy has a name of
	// its own, so what one has left that was killed goes with whichever is next.
	temp, err := durable.MakeTempDir(filepath.Dir(abs), "backup")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, temp.Close()) }()
	part := filepath.Join(temp.Path(), "part")
	if err := d.vacuumInto(ctx, part); err != nil {
		return 0, fault(what, ended(ctx, err))
	}
	if err := checkIntegrity(ctx, part); err != nil {
		return 0, fault(what, ended(ctx, err))
	}
	if err := os.Chmod(part, 0o600); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if err := syncFile(part); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if err := place(durable.LinkFile, part, abs); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if err := syncFolder(filepath.Dir(abs)); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	st, err := os.Stat(abs)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return st.Size(), nil
}

// place gives the copy its name. A link refuses what has come to stand there
// meanwhile. Disks that are carried away are often of file systems without links:
// there a copy that somebody else has made in the same moment is replaced by this one.
func place(link func(from, to string) error, part, path string) error {
	err := link(part, path)
	if !errors.Is(err, durable.ErrNoLinks) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return &os.LinkError{Op: "rename", Old: part, New: path, Err: fs.ErrExist}
	}
	return os.Rename(part, path)
}

// vacuumInto copies what a read transaction of its own connection sees.
func (d *DB) vacuumInto(ctx context.Context, path string) (err error) {
	db, err := open(d.path, d.opt, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, sqlBackup, path)
	return err
}

// checkIntegrity has SQLite look at every page of a file.
func checkIntegrity(ctx context.Context, path string) (err error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, sqlIntegrity).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("the copy is damaged: %.200s", said)
	}
	return nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
