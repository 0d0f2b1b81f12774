package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlBeginSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	// A run reads for as long as it takes, and may pause. Rows come in the order
	// of the index and are never collected to be sorted.
	sqlPatience       = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '1h'; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off`
	sqlExportSnapshot = `SELECT pg_export_snapshot()`
	sqlStart          = `SAVEPOINT products`
	sqlBackToStart    = `ROLLBACK TO SAVEPOINT products; RELEASE SAVEPOINT products`
	sqlForgetStart    = `RELEASE SAVEPOINT products`
	sqlProducts       = `SELECT product_id, doc FROM product WHERE merchant_id = $1 ORDER BY product_id`
)

// Snapshot is one state of a merchant's records: all its methods answer from
// the moment at which it was taken, whatever is written meanwhile. It holds a
// connection until Close, and a further one for each call that is made while
// another is under way. The server keeps what is overwritten for as long as it
// is open.
type Snapshot struct {
	*records.Snapshot
	d        *DB
	ctx      context.Context // of all of it, as its maker was told
	merchant partner.MerchantID
	name     string // under which the server lets other connections see the same state
	release  func() // gives the first connection back to the pool

	mu   sync.Mutex
	free []*pgx.Conn // connections of the snapshot that nobody uses now
	all  []*pgx.Conn

	// Merchant is the account itself.
	Merchant partner.Merchant
}

// Snapshot takes one. The context governs all of it, until Close.
func (d *DB) Snapshot(ctx context.Context, merchant partner.MerchantID) (*Snapshot, error) {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, fault("take snapshot", ended(ctx, err))
	}
	s := &Snapshot{d: d, ctx: ctx, merchant: merchant, release: c.Release}
	s.Snapshot = records.NewSnapshot(merchant, func(ctx context.Context, what string, fn func(ctx context.Context, t *records.Tx) error) error {
		return s.use(ctx, what, func(ctx context.Context, t *tx) error { return fn(ctx, t.Tx) })
	})
	conn := c.Conn()
	if err = begin(ctx, conn, ""); err == nil {
		err = conn.QueryRow(ctx, sqlExportSnapshot).Scan(&s.name)
	}
	if err == nil {
		s.Merchant, err = d.newTx(conn).Merchant(ctx, merchant)
	}
	if err != nil {
		rollback(ctx, conn)
		c.Release()
		return nil, fault("take snapshot", ended(ctx, err))
	}
	s.all, s.free = []*pgx.Conn{conn}, []*pgx.Conn{conn}
	return s, nil
}

// begin begins a transaction that sees the named state, "" for the present one.
func begin(ctx context.Context, c *pgx.Conn, name string) error {
	if _, err := c.Exec(ctx, sqlBeginSnapshot); err != nil {
		return err
	}
	if name != "" {
		if _, err := c.Exec(ctx, `SET TRANSACTION SNAPSHOT '`+name+`'`); err != nil {
			return err
		}
	}
	_, err := c.Exec(ctx, sqlPatience)
	return err
}

// Close ends the snapshot; closing it again does nothing. No method may be under
// way.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 5*time.Second)
	defer cancel()
	var errs []error
	for _, c := range s.all[1:] {
		errs = append(errs, c.Close(ctx))
	}
	rollback(ctx, s.all[0])
	s.release()
	s.all, s.free = nil, nil
	return errors.Join(errs...)
}

// take gives a connection that sees the snapshot's state.
func (s *Snapshot) take(ctx context.Context) (*pgx.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if s.all == nil {
		return nil, errors.New("the snapshot is closed")
	}
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return c, nil
	}
	// Not from the pool: who holds one of its connections must not wait for another.
	c, err := pgx.ConnectConfig(ctx, s.d.connConfig())
	if err != nil {
		return nil, err
	}
	if err := begin(ctx, c, s.name); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	s.all = append(s.all, c)
	return c, nil
}

func (s *Snapshot) give(c *pgx.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, c)
}

// use calls fn with a transaction of the snapshot's.
func (s *Snapshot) use(ctx context.Context, what string, fn func(ctx context.Context, t *tx) error) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	c, err := s.take(ctx)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	defer s.give(c)
	return fault(what, ended(ctx, fn(ctx, s.d.newTx(c))))
}

// within ends a method's context with the snapshot's.
func (s *Snapshot) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(s.ctx.Err()) })
	return ctx, func() { stop(); cancel(nil) }
}

// Products yields all products in ascending order of their ids; the first error
// ends it. It may be ranged over again, and other methods called meanwhile.
func (s *Snapshot) Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error] {
	return func(yield func(partner.StoredProduct, error) bool) {
		stopped := errors.New("stopped")
		err := s.use(ctx, "read products", func(ctx context.Context, t *tx) error {
			return s.stream(ctx, t.c, func(p partner.StoredProduct) error {
				if !yield(p, nil) {
					return stopped
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(partner.StoredProduct{}, err)
		}
	}
}

// stream has the server send all rows and hands each over from the buffer that
// it was received in: the server waits when nobody takes them. A reader who
// leaves early cancels the rest, and goes back to before it began, because a
// cancelled statement would spoil the transaction.
func (s *Snapshot) stream(ctx context.Context, c *pgx.Conn, visit func(p partner.StoredProduct) error) error {
	if _, err := c.Exec(ctx, sqlStart); err != nil {
		return err
	}
	rows, err := c.Query(ctx, sqlProducts, s.merchant)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues() // binary: a number of 8 bytes, and the document
		if len(raw[0]) != 8 {
			return fmt.Errorf("a product id of %d bytes", len(raw[0]))
		}
		p := partner.StoredProduct{ID: feed.ProductID(binary.BigEndian.Uint64(raw[0])), Doc: raw[1]}
		if err := visit(p); err != nil {
			return errors.Join(err, abandon(ctx, c, rows))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = c.Exec(ctx, sqlForgetStart)
	return err
}

// abandon ends a statement before its end: the server is told to stop while
// what it has sent is read away.
func abandon(ctx context.Context, c *pgx.Conn, rows pgx.Rows) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	told := make(chan error, 1)
	go func() { told <- c.PgConn().CancelRequest(ctx) }()
	rows.Close()
	if err := <-told; err != nil && c.IsClosed() {
		return err
	}
	// A request that was late cancels this one, but not twice.
	_, err := c.Exec(ctx, sqlBackToStart)
	if err != nil {
		_, err = c.Exec(ctx, sqlBackToStart)
	}
	return err
}

// Current gives the generation that was current when the snapshot was taken.
func (s *Snapshot) Current(ctx context.Context, kind feed.Kind, key string) (g publish.Generation, ok bool, err error) {
	err = s.use(ctx, "read current generation", func(ctx context.Context, t *tx) error {
		g, ok, err = t.Current(ctx, publish.FeedRef{Merchant: string(s.merchant), Kind: kind, Key: key})
		return err
	})
	return g, ok, err
}
