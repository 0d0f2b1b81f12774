package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
)

// tx is a transaction. One that writes collects what it has to tell until its
// end, so that the row that all of a merchant's changes meet at is locked last.
type tx struct {
	c   *pgx.Conn
	now int64

	told   map[partner.MerchantID]partner.Version // how far to count up, 0 to lock the row only
	audits []auditRow
	queued []queueRow
	// changed holds the largest number in the queue of each merchant's changes.
	changed map[partner.MerchantID]int64

	d *DB
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
		ctx, cancel = context.WithTimeout(ctx, d.opt.StatementTimeout)
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
				d.subscribers.call()
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
	t := &tx{c: c.Conn(), now: micros(d.opt.Now()), d: d}
	if err := fn(ctx, t); err != nil {
		rollback(ctx, t.c)
		return false, 0, err
	}
	if err := t.finish(ctx, inner); err != nil {
		rollback(ctx, t.c)
		return false, 0, err
	}
	for _, seq := range t.changed {
		queued = max(queued, seq)
	}
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
	for _, v := range t.told {
		seen = seen || v != partner.Version{}
	}
	return seen, queued, nil
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
	ctx, cancel := context.WithTimeout(ctx, d.opt.StatementTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := d.readOnce(ctx, fn)
		if err == nil {
			return nil
		}
		if attempt == 2 || ctx.Err() != nil || !worthAnother(err, how{}) {
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
	return fn(ctx, &tx{c: c.Conn(), now: micros(d.opt.Now()), d: d})
}

const (
	sqlCountUp = `UPDATE access_version SET accounts = accounts + $2, pointers = pointers + $3 WHERE merchant_id = $1`
	sqlQueue   = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES ($1, NULL, $2, $3, $4) RETURNING seq`
)

// tell notes that file servers must see a change of the merchant's accounts.
func (t *tx) tell(merchant partner.MerchantID) { t.count(merchant, partner.Version{Accounts: 1}) }

// count notes how far to count up the merchant's version.
func (t *tx) count(merchant partner.MerchantID, by partner.Version) {
	if t.told == nil {
		t.told = map[partner.MerchantID]partner.Version{}
	}
	v := t.told[merchant]
	t.told[merchant] = partner.Version{Accounts: v.Accounts + by.Accounts, Pointers: v.Pointers + by.Pointers}
}

// queueRow is a change with a scope.
type queueRow struct {
	merchant     partner.MerchantID
	scope, cause string
}

// queue notes a change that can alter a feed; the scope says where.
func (t *tx) queue(merchant partner.MerchantID, scope, cause string) {
	t.queued = append(t.queued, queueRow{merchant, scope, cause})
}

// queuedUpTo notes that a statement has queued changes of a merchant itself; seq
// is the largest number of them.
func (t *tx) queuedUpTo(merchant partner.MerchantID, seq int64) {
	if t.changed == nil {
		t.changed = map[partner.MerchantID]int64{}
	}
	t.changed[merchant] = max(t.changed[merchant], seq)
}

// finish writes what the transaction has to tell, in one go, and lets the owner
// of the DB do his part, last of all, where changes have been queued.
func (t *tx) finish(ctx context.Context, inner pgx.Tx) error {
	if err := t.write(ctx); err != nil {
		return err
	}
	if t.d.opt.OnChange == nil {
		return nil
	}
	for _, m := range slices.Sorted(maps.Keys(t.changed)) {
		if err := t.d.opt.OnChange(ctx, inner, m); err != nil {
			return err
		}
	}
	return nil
}

// write writes what the transaction has to tell, in one go.
func (t *tx) write(ctx context.Context) error {
	for i := range t.audits {
		t.count(t.audits[i].merchant, partner.Version{}) // its number is given out under the lock
	}
	b := &pgx.Batch{}
	for _, m := range slices.Sorted(maps.Keys(t.told)) {
		b.Queue(sqlCountUp, m, t.told[m].Accounts, t.told[m].Pointers)
	}
	for i := range t.audits {
		a := &t.audits[i]
		b.Queue(sqlInsertAudit, a.merchant, t.now, a.actor.Name, a.actor.Role, a.actor.Address, a.actor.Request, a.action, a.object, a.before, a.after, a.text(t.now))
	}
	for i := range t.queued {
		q := &t.queued[i]
		b.Queue(sqlQueue, q.merchant, q.scope, q.cause, t.now).QueryRow(func(row pgx.Row) error {
			var seq int64
			err := row.Scan(&seq)
			t.queuedUpTo(q.merchant, seq)
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
	return eachRow(rows, scan)
}

func eachRow(rows pgx.Rows, scan func(rows pgx.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// micros is how times are stored; the zero time has no number and must not come here.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(v int64) time.Time { return time.UnixMicro(v).UTC() }

// zeroMicros stores the zero time as 0.
func zeroMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func fromZero(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return fromMicros(v)
}

// optionalMicros stores the zero time as NULL.
func optionalMicros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	v := micros(t)
	return &v
}

func fromOptional(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return fromMicros(*v)
}

func missing(what, id string) error {
	return feed.Errorf(feed.KindNotFound, "there is no %s %.40q", what, id)
}

func stale(what, id string, from, now int64) error {
	return &feed.Error{
		Kind:    feed.KindConflict,
		Message: fmt.Sprintf("%s %s has changed: the change was made from version %d, it is at %d", what, id, from, now),
		Hint:    "look at it again and repeat the change",
	}
}
