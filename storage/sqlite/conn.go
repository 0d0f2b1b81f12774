package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlVersion = `SELECT accounts, pointers FROM auth_version WHERE one = 1`

	sqlPutListPrice = `INSERT INTO list_price (merchant_id, list_id, product_id, code, amount)
		SELECT ?, ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?) WHERE true
		ON CONFLICT (merchant_id, list_id, product_id, code) DO UPDATE SET amount = excluded.amount`
	sqlDropListPrice = `DELETE FROM list_price WHERE merchant_id = ? AND list_id = ? AND (product_id, code) IN
		(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))`
)

// conn runs the statements of a transaction for package records.
type conn struct {
	tx       *sql.Tx
	wordings *wordings
	now      int64
}

var (
	_ records.Conn   = conn{}
	_ records.Lister = conn{}

	_ publish.Ledger   = (*DB)(nil)
	_ publish.Leases   = (*DB)(nil)
	_ publish.Attempts = (*DB)(nil)
	_ publish.Holds    = (*DB)(nil)
	_ publish.Floors   = (*DB)(nil)
	_ publish.Clock    = (*DB)(nil)
)

// Exec implements [records.Conn].
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.tx.ExecContext(ctx, c.wordings.of(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c conn) exec(ctx context.Context, query string, args ...any) error {
	_, err := c.Exec(ctx, query, args...)
	return err
}

// ExecAll implements [records.Conn]: a statement that follows itself is prepared
// once.
func (c conn) ExecAll(ctx context.Context, list []records.Statement) (err error) {
	var query string
	var prepared *sql.Stmt
	defer func() {
		if prepared != nil {
			err = errors.Join(err, prepared.Close())
		}
	}()
	for _, s := range list {
		if prepared == nil || s.Query != query {
			if prepared != nil {
				prepared.Close()
			}
			query = s.Query
			if prepared, err = c.tx.PrepareContext(ctx, c.wordings.of(query)); err != nil {
				return err
			}
		}
		if _, err := prepared.ExecContext(ctx, s.Args...); err != nil {
			return err
		}
	}
	return nil
}

// Query implements [records.Conn].
func (c conn) Query(ctx context.Context, query string, args ...any) (records.Rows, error) {
	r, err := c.tx.QueryContext(ctx, c.wordings.of(query), args...)
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}

// Clock implements [records.Own]: the file has the clock of its processes.
func (c conn) Clock(context.Context) (int64, error) { return c.now, nil }

// Version implements [records.Own].
func (c conn) Version(ctx context.Context) (v partner.Version, err error) {
	err = c.tx.QueryRowContext(ctx, sqlVersion).Scan(&v.Accounts, &v.Pointers)
	return v, err
}

// AccessVersion tells whether anything has changed that file servers must see.
func (d *DB) AccessVersion(ctx context.Context) (v partner.Version, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
	defer cancel()
	if err := d.inPlace(); err != nil {
		return v, fault("read version", err)
	}
	err = d.versionStmt.QueryRowContext(ctx).Scan(&v.Accounts, &v.Pointers)
	return v, fault("read version", ended(ctx, err))
}

// FileByAddress gives the file with this address if it is served to the offer:
// if a generation that lists it was current for the offer at some moment of the
// last 72 hours (2 hours for a light feed), whatever its profile is by now.
func (d *DB) FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (f publish.File, ok bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.StatementTimeout, errSlow)
	defer cancel()
	r, err := d.addressStmt.QueryContext(ctx, records.FileByAddress(merchant, offer, generation, k, label, records.Micros(d.opt.Now())).Args...)
	if err == nil {
		err = records.Each(rows{r}, func(row records.Row) error {
			f, err = records.ScanFile(row)
			ok = err == nil
			return err
		})
	}
	return f, ok, fault("find file", ended(ctx, err))
}

// PutListPrices implements [records.Bulk].
func (c conn) PutListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, prices []partner.ListPrice) error {
	rows := make([][3]any, len(prices))
	for i, p := range prices {
		rows[i] = [3]any{p.Product, p.Code, p.Amount.Minor()}
	}
	return c.exec(ctx, sqlPutListPrice, merchant, id, list{rows})
}

// DropListPrices implements [records.Bulk].
func (c conn) DropListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, keys []partner.PriceKey) error {
	rows := make([][2]any, len(keys))
	for i, k := range keys {
		rows[i] = [2]any{k.Product, k.Code}
	}
	return c.exec(ctx, sqlDropListPrice, merchant, id, list{rows})
}

// List implements [records.Lister]: a list is a text that json_each reads.
func (c conn) List(values any) any { return list{values} }

type list struct{ values any }

// Value implements [driver.Valuer].
func (l list) Value() (driver.Value, error) {
	text, err := json.Marshal(l.values)
	if string(text) == "null" {
		text = []byte("[]")
	}
	return string(text), err
}

// rows are closed without a word: what went wrong is in their Err.
type rows struct{ *sql.Rows }

// Close implements [records.Rows].
func (r rows) Close() { _ = r.Rows.Close() }

// wordings holds statements as SQLite words them, by those of package records.
type wordings struct{ known sync.Map }

// of gives SQLite's wording, which is worked out once for each statement.
func (w *wordings) of(query string) string {
	if known, ok := w.known.Load(query); ok {
		return known.(string)
	}
	own := wording(query)
	w.known.Store(query, own)
	return own
}

var (
	rowLock = regexp.MustCompile(` FOR (UPDATE|NO KEY UPDATE|SHARE|KEY SHARE)( OF \w+)?( SKIP LOCKED)?$`)
	anyOf   = regexp.MustCompile(`= ANY \((\$\d+)\)`)
	byIndex = regexp.MustCompile(`/\* by (\w+) \*/`)
	unnest  = regexp.MustCompile(`unnest\(([^)]*)\) AS (\w+) \(([^)]*)\)`)
)

// wording puts a statement of package records, which PostgreSQL would
// understand, into SQLite's words. Rows need no locks, since a transaction that
// writes holds the only lock from its beginning; a list is a JSON array; and a
// comment may name the index to go by, which PostgreSQL finds from its statistics.
// The rest is the same in both.
func wording(query string) string {
	query = rowLock.ReplaceAllString(query, "")
	query = anyOf.ReplaceAllString(query, "IN (SELECT value FROM json_each(${1}))")
	query = byIndex.ReplaceAllString(query, "INDEXED BY ${1}")
	return unnest.ReplaceAllStringFunc(query, func(table string) string {
		m := unnest.FindStringSubmatch(table)
		return lists(strings.Split(m[1], ", "), strings.Split(m[3], ", ")) + " AS " + m[2]
	})
}

// lists gives the table whose columns are lists: the first one is gone along,
// and the others are asked for what stands at the same place.
func lists(args, columns []string) string {
	var b strings.Builder
	b.WriteString("(SELECT value AS " + columns[0])
	for i, column := range columns[1:] {
		arg, _, _ := strings.Cut(args[i+1], "::")
		b.WriteString(", json_extract(" + arg + ", '$[' || key || ']') AS " + column)
	}
	first, _, _ := strings.Cut(args[0], "::")
	b.WriteString(" FROM json_each(" + first + "))")
	return b.String()
}
