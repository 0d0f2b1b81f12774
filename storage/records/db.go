package records

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// DB is the records in a database. All methods may be called concurrently.
// Errors are as the database's package describes them.
type DB struct {
	on    Database
	lease time.Duration
}

// Options are settings of a DB.
type Options struct {
	// Lease is for how long a run may publish for its merchant before it has to
	// renew that, at most [LongestLease].
	Lease time.Duration
}

// New gives the records that a database holds.
func New(on Database, opt Options) *DB { return &DB{on, opt.Lease} }

// Database runs transactions.
type Database interface {
	// Write runs fn in a transaction, commits it, and tells what t has collected.
	// fn may be run again when the transaction lost against another one, so it
	// starts from nothing each time. what says what is being done, for errors.
	Write(ctx context.Context, what string, how How, fn func(ctx context.Context, t *Tx) error) error
	// Read runs fn in a transaction that sees one state of the database. fn may be
	// run again.
	Read(ctx context.Context, what string, fn func(ctx context.Context, t *Tx) error) error
	// Sequence moves what is in the queue of changes to the log, of all merchants,
	// and gives the number of rows moved. When it returns, every change that was
	// committed before the call has its number.
	Sequence(ctx context.Context) (int64, error)
}

// How says what a writing transaction needs beyond the usual.
type How struct {
	// Long leaves the time that it takes to the caller's context.
	Long bool
	// Again says that to do it twice is the same as to do it once, so that it is
	// repeated when nobody can know whether it was committed.
	Again bool
	// Done finds out whether it was committed, once nobody else can change that
	// any more: it takes the locks that the transaction held.
	Done func(ctx context.Context, t *Tx) (bool, error)
}

// Conn runs the statements of one transaction.
type Conn interface {
	// Exec gives the number of rows that a statement changed.
	Exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	// ExecAll runs many statements, whose rows nobody counts, in their order.
	ExecAll(ctx context.Context, list []Statement) error
	// Query gives the rows of a statement, which the caller closes.
	Query(ctx context.Context, query string, args ...any) (Rows, error)

	Own
	Bulk
}

// Own is what each database does in its own way.
type Own interface {
	// Clock gives the time that leases and sweeps go by, which all processes that
	// share the database have in common, in microseconds.
	Clock(ctx context.Context) (int64, error)
	// Version tells whether anything has changed that file servers must see.
	Version(ctx context.Context) (partner.Version, error)
}

// Bulk is what each database writes in its own way because it is much.
type Bulk interface {
	// LockCatalog keeps others from writing into a merchant's catalog.
	LockCatalog(ctx context.Context, merchant partner.MerchantID) error
	// PutProducts writes products and removes others, and gives the ids of those
	// that have changed by it, in no order.
	PutProducts(ctx context.Context, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (partner.PutResult, []feed.ProductID, error)
	// PutListPrices sets prices of a list.
	PutListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, prices []partner.ListPrice) error
	// DropListPrices removes prices of a list.
	DropListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, keys []partner.PriceKey) error
}

// Lister is a [Conn] that takes a list of values otherwise than as a slice.
type Lister interface {
	// List makes one argument of the values of a slice.
	List(values any) any
}

// Statement is a statement with its arguments.
type Statement struct {
	Query string
	Args  []any
}

// Rows are the rows that a statement gave.
type Rows interface {
	Row
	Next() bool
	Err() error
	Close()
}

// Row is one of them.
type Row interface {
	Scan(dest ...any) error
}

func (d *DB) write(ctx context.Context, what string, fn func(ctx context.Context, t *Tx) error) error {
	return d.on.Write(ctx, what, How{}, fn)
}

func (d *DB) writeAs(ctx context.Context, what string, how How, fn func(ctx context.Context, t *Tx) error) error {
	return d.on.Write(ctx, what, how, fn)
}

func (d *DB) read(ctx context.Context, what string, fn func(ctx context.Context, t *Tx) error) error {
	return d.on.Read(ctx, what, fn)
}
