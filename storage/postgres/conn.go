package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlClock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	// Sums of numbers that only grow, read in one statement: two equal ones have
	// seen the same commits.
	// Every server has begun at a moment of its own, and a table that was put back into
	// a database has another oid.
	sqlVersion = `SELECT 1 + coalesce(sum(accounts), 0)::bigint, 1 + coalesce(sum(pointers), 0)::bigint,
		(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint + 'access_version'::regclass::oid::bigint
			+ (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
		pg_is_in_recovery(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM access_version` // every merchant

	sqlPutListPrice = `INSERT INTO list_price (merchant_id, list_id, product_id, code, amount)
		SELECT $1, $2, x.product, x.code, x.amount FROM unnest($3::bigint[], $4::text[], $5::bigint[]) AS x (product, code, amount)
		ON CONFLICT (merchant_id, list_id, product_id, code) DO UPDATE SET amount = excluded.amount`
	sqlDropListPrice = `DELETE FROM list_price USING unnest($3::bigint[], $4::text[]) AS x (product, code)
		WHERE list_price.merchant_id = $1 AND list_price.list_id = $2 AND list_price.product_id = x.product AND list_price.code = x.code`
)

// conn runs the statements of a transaction for package records.
type conn struct {
	c   *pgx.Conn
	d   *DB
	now int64
}

var (
	_ records.Conn = conn{}

	_ publish.Ledger   = (*DB)(nil)
	_ publish.Leases   = (*DB)(nil)
	_ publish.Attempts = (*DB)(nil)
	_ publish.Holds    = (*DB)(nil)
	_ publish.Floors   = (*DB)(nil)
	_ publish.Clock    = (*DB)(nil)
)

// Exec implements [records.Conn].
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := c.c.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (c conn) exec(ctx context.Context, query string, args ...any) error {
	_, err := c.c.Exec(ctx, query, args...)
	return err
}

func (c conn) each(ctx context.Context, query string, args []any, scan func(row records.Row) error) error {
	rows, err := c.c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return records.Each(rows, scan)
}

// ExecAll implements [records.Conn]: the statements go out in one go.
func (c conn) ExecAll(ctx context.Context, list []records.Statement) error {
	b := &pgx.Batch{}
	for _, s := range list {
		b.Queue(s.Query, s.Args...)
	}
	return c.c.SendBatch(ctx, b).Close()
}

// Query implements [records.Conn].
func (c conn) Query(ctx context.Context, query string, args ...any) (records.Rows, error) {
	return c.c.Query(ctx, query, args...)
}

// Clock implements [records.Own] by the clock of the database's server.
func (c conn) Clock(ctx context.Context) (now int64, err error) {
	if c.d.opt.Clock != nil {
		return records.Micros(c.d.opt.Clock()), nil
	}
	asked := c.d.opt.Now()
	if err = c.c.QueryRow(ctx, sqlClock).Scan(&now); err == nil {
		c.d.ahead.learn(now, asked, c.d.opt.Now())
	}
	return now, err
}

// Version implements [records.Own].
func (c conn) Version(ctx context.Context) (partner.Version, error) {
	v, _, _, err := readVersion(ctx, c.c)
	return v, err
}

// readVersion also tells whether the server is a standby, and its time.
func readVersion(ctx context.Context, on interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}) (v partner.Version, standby bool, now int64, err error) {
	err = on.QueryRow(ctx, sqlVersion).Scan(&v.Accounts, &v.Pointers, &v.Source, &standby, &now)
	return v, standby, now, err
}

// AccessVersion tells whether anything has changed that file servers must see. A
// standby is refused: it may not have seen yet which switches were turned.
func (d *DB) AccessVersion(ctx context.Context) (v partner.Version, err error) {
	err = d.ask(ctx, "read version", func(ctx context.Context) (err error) {
		var standby bool
		var server int64
		asked := d.opt.Now()
		if v, standby, server, err = readVersion(ctx, d.pool); err != nil {
			return err
		}
		if standby {
			return &feed.Error{Kind: feed.KindUnavailable, Message: "the database is a standby, which may know less than its primary", Hint: standbyHint}
		}
		if d.opt.Clock == nil {
			d.ahead.learn(server, asked, d.opt.Now())
		}
		return nil
	})
	return v, err
}

// FileByAddress gives the file with this address if it is served to the offer:
// if a generation that lists it was current for the offer at some moment of the
// last 72 hours (2 hours for a light feed), whatever its profile is by now.
func (d *DB) FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (f publish.File, ok bool, err error) {
	ask := records.FileByAddress(merchant, offer, generation, k, label, d.now())
	err = d.ask(ctx, "find file", func(ctx context.Context) error {
		rows, err := d.pool.Query(ctx, ask.Query, ask.Args...)
		if err != nil {
			return err
		}
		return records.Each(rows, func(row records.Row) error {
			f, err = records.ScanFile(row)
			ok = err == nil
			return err
		})
	})
	return f, ok, err
}

// PutListPrices implements [records.Bulk].
func (c conn) PutListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, prices []partner.ListPrice) error {
	products, codes, amounts := make([]feed.ProductID, len(prices)), make([]string, len(prices)), make([]int64, len(prices))
	for i, p := range prices {
		products[i], codes[i], amounts[i] = p.Product, p.Code, p.Amount.Minor()
	}
	return c.exec(ctx, sqlPutListPrice, merchant, id, products, codes, amounts)
}

// DropListPrices implements [records.Bulk].
func (c conn) DropListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, keys []partner.PriceKey) error {
	products, codes := make([]feed.ProductID, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		products[i], codes[i] = k.Product, k.Code
	}
	return c.exec(ctx, sqlDropListPrice, merchant, id, products, codes)
}
