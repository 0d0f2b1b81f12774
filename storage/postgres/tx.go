package postgres

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

// tx is a transaction, of which [records.Tx] is what the records see.
type tx struct {
	*records.Tx
	c   *pgx.Conn
	now int64
	d   *DB
}

func (d *DB) newTx(c *pgx.Conn) *tx {
	now := d.now()
	return &tx{Tx: &records.Tx{Conn: conn{c, d, now}, Now: now}, c: c, now: now, d: d}
}

// Write implements [records.Database].
func (d *DB) Write(ctx context.Context, what string, h records.How, fn func(ctx context.Context, t *records.Tx) error) error {
	own := how{long: h.Long, again: h.Again}
	if h.Done != nil {
		own.done = func(ctx context.Context, t *tx) (bool, error) { return h.Done(ctx, t.Tx) }
	}
	return d.writeAs(ctx, what, own, func(ctx context.Context, t *tx) error { return fn(ctx, t.Tx) })
}

// Read implements [records.Database].
func (d *DB) Read(ctx context.Context, what string, fn func(ctx context.Context, t *records.Tx) error) error {
	return d.read(ctx, what, func(ctx context.Context, t *tx) error { return fn(ctx, t.Tx) })
}

// how says what a writing transaction needs beyond the usual.
type how struct {
	// long leaves the time that it takes to the caller's context.
	long bool
	// again says that to do it twice is the same as to do it once, so that it is
	// repeated when nobody can know whether it was committed.
	again bool
	// done finds out whether it was committed, once nobody else can change that
	// any more: it takes the locks that the transaction held.
	done func(ctx context.Context, t *tx) (bool, error)
}

// Transactions that lost against others are run again after a moment.
const (
	attempts    = 8
	firstPause  = 5 * time.Millisecond
	commitLimit = 30 * time.Second // for an answer to COMMIT, and to find out what has become of it
)

// write runs fn in a transaction, commits it, and tells the subscribers if it
// changed what file servers must see. fn is run again when the transaction
// lost against another one, so it starts from nothing each time.
func (d *DB) write(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	return d.writeAs(ctx, what, how{}, fn)
}

func (d *DB) writeAs(ctx context.Context, what string, h how, fn func(ctx context.Context, t *tx) error) error {
	if !h.long {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
		defer cancel()
	}
	pause := firstPause
	receipt := partner.ReceiptOf(ctx)
	for attempt := 1; ; attempt++ {
		seen, queued, err := d.attempt(ctx, h, fn)
		again := worthAnother(err, h)
		var unknown *unknownError
		if errors.As(err, &unknown) && h.done != nil {
			done, e := d.settle(ctx, h.done)
			switch {
			case e != nil:
				return fault(what, ended(ctx, &unknownError{errors.Join(err, e)}))
			case done:
				seen, err = true, nil // nobody remembers whether there is something to see
			default:
				err, again = unknown.err, true // it was not committed
			}
		}
		if err == nil {
			if seen {
				d.subscribers.Call()
				d.notifier.poke()
			}
			if receipt != nil && queued > 0 {
				receipt.Queue = queued
			}
			return nil
		}
		if attempt == attempts || !again || !wait(ctx, pause) {
			return fault(what, ended(ctx, err))
		}
		pause *= 2
	}
}

// attempt runs the transaction once; seen says that it changed what file
// servers must see, and queued is the largest number of its changes in the queue.
func (d *DB) attempt(ctx context.Context, h how, fn func(ctx context.Context, t *tx) error) (seen bool, queued int64, err error) {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return false, 0, err
	}
	defer c.Release()
	begin := `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	if h.long {
		begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0`
	}
	inner, err := c.Conn().BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return false, 0, err
	}
	t := d.newTx(c.Conn())
	if err := fn(ctx, t); err != nil {
		rollback(ctx, t.c)
		return false, 0, err
	}
	if err := t.finish(ctx, inner); err != nil {
		rollback(ctx, t.c)
		return false, 0, err
	}
	queued = t.LastQueued()
	// Up to here a caller who has gone away leaves nothing behind. Once COMMIT is
	// sent it is the answer that counts, and not whether he still waits for it.
	if err := ctx.Err(); err != nil {
		rollback(ctx, t.c)
		return false, 0, err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	crash.Point("postgres.commit.before")
	tag, err := t.c.Exec(limited, `COMMIT`)
	crash.Point("postgres.commit.after")
	var said *pgconn.PgError
	switch {
	case err == nil && tag.String() == "ROLLBACK":
		return false, 0, errors.New("the server rolled the transaction back")
	case errors.As(err, &said) && said.SeverityUnlocalized == "ERROR":
		return false, 0, err // and not FATAL, which can follow a commit
	case err != nil:
		return false, queued, &unknownError{err}
	}
	return t.Seen(), queued, nil
}

// settle finds out what has become of a transaction whose COMMIT was not
// answered, and does not give up at the first sign of trouble: it is trouble
// that has brought us here.
func (d *DB) settle(ctx context.Context, find func(ctx context.Context, t *tx) (bool, error)) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, time.Second) {
		_, _, err = d.attempt(ctx, how{}, func(ctx context.Context, t *tx) error {
			done, err = find(ctx, t)
			return err
		})
		if err == nil || !wait(ctx, pause) {
			return err == nil && done, err
		}
	}
}

// unknownError says that a transaction was or was not committed.
type unknownError struct{ err error }

func (e *unknownError) Error() string { return e.err.Error() }

func (e *unknownError) Unwrap() error { return e.err }

// worthAnother says whether a transaction that failed may succeed when it is
// run again, and can have changed nothing or nothing that matters.
func worthAnother(err error, h how) bool {
	if err == nil {
		return false
	}
	var unknown *unknownError
	if errors.As(err, &unknown) {
		return h.again
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		switch said.Code {
		case "40001", "40P01": // lost against another, or was the victim of a deadlock
			return true
		case "57P01", "57P02", "57P03": // the server is being restarted
			return true
		}
		return false
	}
	var none *pgconn.ConnectError
	return lost(err) && !errors.As(err, &none)
}

// wait pauses for up to d, and gives false if the context ended instead.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// rollback ends a transaction, also for a caller who has gone away. A
// connection on which that fails is closed, which ends it too.
func rollback(ctx context.Context, c *pgx.Conn) {
	if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := c.Exec(ctx, `ROLLBACK`); err != nil {
		_ = c.Close(ctx) // the pool makes another
	}
}

// read runs fn in a transaction that sees one state of the database.
func (d *DB) read(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	return d.ask(ctx, what, func(ctx context.Context) error { return d.readOnce(ctx, fn) })
}

// ask runs what changes nothing, and runs it again where another connection may
// do: after a restart of the server, or of what stands before it, several of the
// pool are dead, and each is found out by the one who tries it.
func (d *DB) ask(ctx context.Context, what string, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil || !worthAnother(err, how{}) {
			return fault(what, ended(ctx, err))
		}
	}
}

func (d *DB) readOnce(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if _, err := c.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`); err != nil {
		return err
	}
	defer rollback(ctx, c.Conn())
	return fn(ctx, d.newTx(c.Conn()))
}

const (
	sqlCountUp = `UPDATE access_version SET accounts = accounts + $2, pointers = pointers + $3 WHERE merchant_id = $1`
	sqlQueue   = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES ($1, NULL, $2, $3, $4) RETURNING seq`

	sqlInsertVersion = `INSERT INTO access_version (merchant_id, accounts, pointers) VALUES ($1, 0, 0)`
	// The hash is worked out where the line before it is known: the merchant's
	// row of access_version is locked by now, so the head is nobody else's.
	sqlInsertAudit = `WITH head AS (
			INSERT INTO audit_head (merchant_id, lines, hash) VALUES ($1::text, 1, sha256(decode(repeat('00', 32), 'hex') || int8send(1) || $11::bytea))
			ON CONFLICT (merchant_id) DO UPDATE SET lines = audit_head.lines + 1,
				hash = sha256(audit_head.hash || int8send(audit_head.lines + 1) || $11::bytea)
			RETURNING lines, hash)
		INSERT INTO audit (merchant_id, time, actor, role, address, request, action, object, before, after, place, hash)
		SELECT $1::text, $2::bigint, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text, head.lines, head.hash FROM head`
)

// finish writes what the transaction has to tell, in one go, and lets the owner
// of the DB do his part, last of all, where changes have been queued.
func (t *tx) finish(ctx context.Context, inner pgx.Tx) error {
	if err := t.write(ctx); err != nil {
		return err
	}
	if t.d.opt.OnChange == nil {
		return nil
	}
	for _, m := range slices.Sorted(maps.Keys(t.Changed)) {
		if err := t.d.opt.OnChange(ctx, inner, m); err != nil {
			return err
		}
	}
	return nil
}

// write writes what the transaction has to tell, in one go.
func (t *tx) write(ctx context.Context) error {
	b := &pgx.Batch{}
	for _, m := range t.Made {
		b.Queue(sqlInsertVersion, m)
	}
	for _, m := range slices.Sorted(maps.Keys(t.Told)) {
		b.Queue(sqlCountUp, m, t.Told[m].Accounts, t.Told[m].Pointers)
	}
	for i := range t.Audits {
		a := &t.Audits[i]
		b.Queue(sqlInsertAudit, a.Merchant, t.now, a.Actor.Name, a.Actor.Role, a.Actor.Address, a.Actor.Request, a.Action, a.Object, a.Before, a.After, a.Text(t.now))
	}
	for i := range t.Queued {
		q := &t.Queued[i]
		b.Queue(sqlQueue, q.Merchant, q.Scope, q.Cause, t.now).QueryRow(func(row pgx.Row) error {
			var seq int64
			err := row.Scan(&seq)
			t.QueuedUpTo(q.Merchant, seq)
			return err
		})
	}
	if b.Len() == 0 {
		return nil
	}
	return t.c.SendBatch(ctx, b).Close()
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.execCount(ctx, query, args...)
	return err
}

// execCount gives the number of rows that the statement changed.
func (t *tx) execCount(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.c.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

// one reads one row; found is false when there is none.
func (t *tx) one(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = t.c.QueryRow(ctx, query, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls scan for every row.
func (t *tx) each(ctx context.Context, query string, args []any, scan func(rows pgx.Rows) error) error {
	rows, err := t.c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return records.Each(rows, func(records.Row) error { return scan(rows) })
}
