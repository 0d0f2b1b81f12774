package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

// tx is a transaction, of which [records.Tx] is what the records see.
type tx struct {
	*records.Tx
	tx  *sql.Tx
	now int64
}

func (d *DB) newTx(s *sql.Tx) *tx {
	now := records.Micros(d.opt.Now())
	return &tx{Tx: &records.Tx{Conn: conn{s, &d.wordings, now}, Now: now}, tx: s, now: now}
}

// Write implements [records.Database]. A transaction that writes is alone and
// learns whether it was committed, so there is nothing to repeat, but a change of
// accounts that found the disk full: some of it is kept for that.
func (d *DB) Write(ctx context.Context, what string, how records.How, fn func(ctx context.Context, t *records.Tx) error) error {
	accounts := false
	own := func(ctx context.Context, t *tx) error {
		err := fn(ctx, t.Tx)
		for _, v := range t.Told {
			accounts = accounts || v.Accounts > 0
		}
		return err
	}
	write := d.write
	if how.Long {
		write = d.writeLong
	}
	err := write(ctx, what, own)
	if full(err) && accounts && d.room.give() {
		err = write(ctx, what, own)
	}
	if err == nil && accounts {
		d.room.refill()
	}
	return err
}

// full reports that there was no room on the disk.
func full(err error) bool {
	var said *driver.Error
	return errors.As(err, &said) && said.Code()&0xff == lib.SQLITE_FULL
}

// Read implements [records.Database].
func (d *DB) Read(ctx context.Context, what string, fn func(ctx context.Context, t *records.Tx) error) error {
	return d.read(ctx, what, func(ctx context.Context, t *tx) error { return fn(ctx, t.Tx) })
}

// write runs fn in a transaction that holds the write lock from its beginning,
// commits it, and tells the subscribers if it changed what file servers must see.
func (d *DB) write(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
	defer cancel()
	return d.writeLong(ctx, what, fn)
}

// writeLong is write without a timeout of its own.
func (d *DB) writeLong(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	return d.writeOn(ctx, d.w, what, fn)
}

// beginner is a connection, or the pool that holds it.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// writeOn is writeLong on a connection that the caller holds.
func (d *DB) writeOn(ctx context.Context, on beginner, what string, fn func(ctx context.Context, t *tx) error) error {
	if err := d.inPlace(); err != nil {
		return fault(what, err)
	}
	s, err := on.BeginTx(ctx, nil)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	defer s.Rollback()
	t := d.newTx(s)
	if err := fn(ctx, t); err != nil {
		return fault(what, ended(ctx, err))
	}
	seen, err := t.finish(ctx)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	crash.Point("sqlite.commit.before")
	if err := s.Commit(); err != nil {
		return fault(what, ended(ctx, err))
	}
	crash.Point("sqlite.commit.after")
	if seen {
		d.subscribers.Call()
	}
	if r := partner.ReceiptOf(ctx); r != nil && t.LastQueued() > 0 {
		r.Queue = t.LastQueued()
	}
	return nil
}

const (
	sqlCountUp = `UPDATE auth_version SET accounts = accounts + ?, pointers = pointers + ? WHERE one = 1`
	sqlQueue   = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES (?, NULL, ?, ?, ?) RETURNING seq`

	sqlInsertAudit = `INSERT INTO audit (merchant_id, time, actor, role, address, request, action, object, before, after, place, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSetHead = `INSERT INTO audit_head (merchant_id, lines, hash) VALUES (?, ?, ?)
		ON CONFLICT (merchant_id) DO UPDATE SET lines = excluded.lines, hash = excluded.hash`
)

// finish writes what the transaction has to tell; seen says that file servers
// must see some of it.
func (t *tx) finish(ctx context.Context) (seen bool, err error) {
	for _, a := range t.Audits {
		head, err := t.AuditHead(ctx, a.Merchant)
		if err != nil {
			return false, err
		}
		head = head.Extend(a.Text(t.now))
		err = t.exec(ctx, sqlInsertAudit, a.Merchant, t.now, a.Actor.Name, a.Actor.Role, a.Actor.Address, a.Actor.Request, a.Action, a.Object, a.Before, a.After,
			head.Lines, head.Hash[:])
		if err == nil {
			err = t.exec(ctx, sqlSetHead, a.Merchant, head.Lines, head.Hash[:])
		}
		if err != nil {
			return false, err
		}
	}
	for _, q := range t.Queued {
		var seq int64
		if _, err := t.one(ctx, sqlQueue, []any{q.Merchant, q.Scope, q.Cause, t.now}, &seq); err != nil {
			return false, err
		}
		t.QueuedUpTo(q.Merchant, seq)
	}
	accounts, pointers := false, false
	for _, v := range t.Told {
		accounts, pointers = accounts || v.Accounts > 0, pointers || v.Pointers > 0
	}
	if !accounts && !pointers {
		return false, nil
	}
	return true, t.exec(ctx, sqlCountUp, accounts, pointers)
}

// read runs fn in a transaction that sees one state of the database.
func (d *DB) read(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
	defer cancel()
	if err := d.inPlace(); err != nil {
		return fault(what, err)
	}
	s, err := d.r.BeginTx(ctx, nil)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	defer s.Rollback()
	return fault(what, ended(ctx, fn(ctx, d.newTx(s))))
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.execCount(ctx, query, args...)
	return err
}

// execCount gives the number of rows that the statement changed.
func (t *tx) execCount(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one reads one row; found is false when there is none.
func (t *tx) one(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = t.tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls scan for every row.
func (t *tx) each(ctx context.Context, query string, args []any, scan func(rows *sql.Rows) error) error {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fault says what was being done and classifies what the database says. An
// error that has a kind already keeps it.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *feed.Error
	var se *driver.Error
	switch {
	case errors.As(err, &known), !errors.As(err, &se):
		return fmt.Errorf("%s: %w", what, err)
	}
	e := &feed.Error{Err: err}
	switch se.Code() {
	case lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_ROWID:
		e.Kind, e.Message, e.Err = feed.KindConflict, what+": it is taken already", partner.Taken(err)
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		e.Kind, e.Message = feed.KindConflict, what+": it names something that does not exist, or that others still need"
	case lib.SQLITE_FULL:
		e.Kind, e.Message, e.Hint = feed.KindUnavailable, what, "the disk is full: make room and try again"
	default:
		e.Kind, e.Message = feed.KindInternal, what
		switch se.Code() & 0xff {
		case lib.SQLITE_BUSY:
			e.Kind, e.Hint = feed.KindUnavailable, "another process holds the database: try again"
		case lib.SQLITE_IOERR:
			// A full disk shows so too, where it is the log's index that finds no room.
			e.Hint = "the disk is full or fails: make room, or see what the system's log says of it, and try again"
		case lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
			e.Hint = "the database and its folder must be there, and be writable for this user"
		case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
			e.Hint = "the file is no database, or damaged: move it away with those that end in -wal and -shm, and put a copy that 'feedmill backup' made in its place"
		default:
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return e
}

// errSlow is why a context ends that this package has bounded itself.
var errSlow = errors.New("it took longer than a call may")

// ended puts the context's error before what the database made of it, such as
// "interrupted". Where the caller would have waited on, another write took long.
func ended(ctx context.Context, err error) error {
	c := ctx.Err()
	if err == nil || c == nil {
		return err
	}
	if !errors.Is(err, c) {
		err = fmt.Errorf("%w (%w)", c, err)
	}
	var known *feed.Error
	if context.Cause(ctx) == errSlow && !errors.As(err, &known) {
		err = &feed.Error{Kind: feed.KindUnavailable, Message: "the database did not do it in time", Hint: "a large import may hold it, or the disk is slow: try again", Err: err}
	}
	return err
}

// Subscribe has fn called after every commit of this DB that changes who may
// read what or which generation is current, before the changing method
// returns. fn must not change anything through the same DB. cancel ends it.
func (d *DB) Subscribe(fn func()) (cancel func()) {
	return d.subscribers.Add(fn)
}
