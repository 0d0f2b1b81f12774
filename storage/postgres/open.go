package postgres

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

// Options are settings of a DB. The zero value works.
type Options struct {
	// Now is this machine's clock; nil means time.Now. Where it differs from the
	// server's by seconds, times are recorded by the server's.
	Now func() time.Time
	// StatementTimeout bounds every call that does not pass over a whole
	// catalog, and every statement of it on the server. Default 30 s.
	StatementTimeout time.Duration
	// MaxConns is the number of connections that are kept; each open [Snapshot]
	// holds one. Default 16. A further one is for subscribers.
	MaxConns int
	// Lease is for how long a run may publish for its merchant before it has to
	// renew that. Default 15 s, at most 5 min.
	Lease time.Duration
	// OnChange is called last in each transaction that has queued changes of a
	// merchant, and is part of it: what it writes through tx, such as a job that
	// publishes them, is there when the changes are. An error of it undoes the
	// transaction. It must neither end tx nor use another connection.
	OnChange func(ctx context.Context, tx pgx.Tx, merchant partner.MerchantID) error
	// Clock stands in for the clock of the database's server, which leases and
	// sweeps go by, and has times recorded by Now alone. nil means the server's.
	Clock func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 30 * time.Second
	}
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	o.Lease = min(o.Lease, records.LongestLease)
	return o
}

// DB is an open database. All methods may be called concurrently.
type DB struct {
	*records.DB
	pool *pgxpool.Pool
	opt  Options

	ahead       correction
	subscribers records.Subscribers
	notifier    *notifier
}

// Open opens the database that url names, such as
// "postgres://feedmill@db.example.com/feedmill?sslmode=verify-full", and that
// [Migrate] has prepared. It fails with a hint when the schema is older or
// newer than this program's.
func Open(ctx context.Context, url string, opt Options) (*DB, error) {
	opt = opt.withDefaults()
	cfg, err := parse(url, opt)
	if err != nil {
		return nil, err
	}
	what := "open " + nameOf(&cfg.ConnConfig.Config)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fault(what, err)
	}
	d := &DB{pool: pool, opt: opt}
	d.DB = records.New(d, records.Options{Lease: opt.Lease})
	c, err := pool.Acquire(ctx)
	if err == nil {
		err = checkSchema(ctx, c.Conn(), nameOf(&cfg.ConnConfig.Config))
		if err == nil {
			_, err = conn{c.Conn(), d, 0}.Clock(ctx) // from the first record on
		}
		c.Release()
	}
	if err != nil {
		pool.Close()
		return nil, fault(what, ended(ctx, err))
	}
	d.notifier = newNotifier(d)
	return d, nil
}

// parse reads the address and adds the settings of our connections.
func parse(url string, opt Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// It tells the address without the password.
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "address of the database", Err: err,
			Hint: "write it as postgres://user@host/database; a password belongs into the file that holds the address, or into one that passfile names"}
	}
	cfg.MaxConns = int32(opt.MaxConns)
	c := cfg.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":                    "feedmill",
		"statement_timeout":                   strconv.FormatInt(opt.StatementTimeout.Milliseconds(), 10),
		"idle_in_transaction_session_timeout": "60000",   // ms: a process that hangs lets go of its locks
		"jit":                                 "off",     // the statements are many and short
		"client_encoding":                     "UTF8",    // whatever the database's
		"client_min_messages":                 "warning", // notices are read by nobody
	} {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	// A caller who goes away cancels his statement and not the connection; one
	// that ends by itself in the next moment needs no request for that.
	c.BuildContextWatcherHandler = func(pc *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: pc, CancelRequestDelay: 10 * time.Millisecond, DeadlineDelay: 5 * time.Second}
	}
	return cfg, nil
}

// nameOf names a database in messages, without a password.
func nameOf(c *pgconn.Config) string {
	return fmt.Sprintf("database %q at %s", c.Database, addressOf(c))
}

// Close closes all connections. Snapshots must have been closed before.
func (d *DB) Close() error {
	d.notifier.close()
	d.pool.Close()
	return nil
}

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	_, err := d.AccessVersion(ctx)
	return err
}

// connConfig is for a connection outside of the pool.
func (d *DB) connConfig() *pgx.ConnConfig { return d.pool.Config().ConnConfig }

// addressOf gives host and port, or the folder of the server's socket.
func addressOf(c *pgconn.Config) string {
	if network, _ := pgconn.NetworkAddress(c.Host, c.Port); network == "unix" {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}
