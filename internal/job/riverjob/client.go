package riverjob

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// Options are settings of a Client. The zero value works.
type Options struct {
	// Poll is how often the client looks for jobs and slots that have become due,
	// beside being told. Default 500 ms.
	Poll time.Duration
	// Beat is how often a process tells that it lives, and Lease how long it is
	// believed. Defaults 2.5 s and 10 s. All processes must have the same Lease.
	Beat, Lease time.Duration
	// MaxConns is the number of connections that the client keeps at most.
	// Default 6, and one for each worker.
	MaxConns int
}

// Client inserts, shows and, within [Client.Run], works on the jobs of a
// database. All methods may be called concurrently.
type Client struct {
	cfg  job.Config
	opt  Options
	pool *pgxpool.Pool
	// river inserts and cancels; each Run has one of its own that works.
	river *river.Client[pgx.Tx]
}

// Open opens the database at url, whose tables [Migrate] has made. It fails with
// a hint when they are older or newer than this program's.
func Open(ctx context.Context, url string, cfg job.Config, opt Options) (*Client, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("settings of jobs: %w", err)
	}
	opt.Poll = cmp.Or(opt.Poll, 500*time.Millisecond)
	opt.Beat = cmp.Or(opt.Beat, 2500*time.Millisecond)
	opt.Lease = cmp.Or(opt.Lease, 10*time.Second)
	if opt.Lease < 3*opt.Beat {
		return nil, fmt.Errorf("settings of jobs: a lease of %s is too short for a sign of life every %s", opt.Lease, opt.Beat)
	}
	if opt.MaxConns == 0 {
		opt.MaxConns = 6
		for _, n := range cfg.Workers {
			opt.MaxConns += n
		}
	}
	c := &Client{cfg: cfg, opt: opt}
	if c.pool, err = openPool(ctx, url, opt.MaxConns, 30*time.Second); err != nil {
		return nil, err
	}
	if err = checkSchema(ctx, c.pool); err == nil {
		c.river, err = river.NewClient(riverpgxv5.New(c.pool), &river.Config{Logger: c.logger()})
	}
	if err != nil {
		c.pool.Close()
		return nil, err
	}
	return c, nil
}

// openPool opens connections to a database; 0 is no timeout.
func openPool(ctx context.Context, url string, conns int, timeout time.Duration) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// It tells the address without the password.
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "address of the database", Err: err}
	}
	cfg.MaxConns = int32(conns)
	cc := cfg.ConnConfig
	cc.ConnectTimeout = cmp.Or(cc.ConnectTimeout, 10*time.Second)
	for name, value := range map[string]string{
		"application_name":  "feedmill jobs",
		"statement_timeout": strconv.FormatInt(timeout.Milliseconds(), 10),
		"jit":               "off", // the statements are many and short
		// A process that hangs, or whose machine is gone, lets go of its locks.
		"idle_in_transaction_session_timeout": "60000",
		"client_min_messages":                 "warning",
	} {
		if cc.RuntimeParams[name] == "" {
			cc.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return pool, fault("open the database of jobs", err)
}

// Close closes the connections. Run must have ended.
func (c *Client) Close() { c.pool.Close() }

// logger passes on what River has to complain of; its reports of every failed
// attempt are ours to make.
func (c *Client) logger() *slog.Logger { return slog.New(warnings{c.cfg.Log.Handler()}) }

type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }
func (w warnings) WithGroup(name string) slog.Handler   { return warnings{w.Handler.WithGroup(name)} }

// newWorker names this process, or one more life of it.
func newWorker() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%.60s:%d:%s", host, os.Getpid(), strings.ToLower(rand.Text()[:8]))
}

// envelope is how River keeps args of every kind.
type envelope struct {
	Merchant partner.MerchantID `json:"merchant" river:"unique"`
	Key      string             `json:"key" river:"unique"`
	// Slot tells apart the jobs that do the same and have not ended.
	Slot int `json:"slot" river:"unique"`
	Rank int `json:"rank"`
	// Body is the args.
	Body jsonText `json:"body"`

	kind string
}

// Kind implements river.JobArgs.
func (e envelope) Kind() string { return e.kind }

// jsonText is JSON within JSON.
type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }
func (j *jsonText) UnmarshalJSON(b []byte) error {
	*j = jsonText(b)
	return nil
}

// fault classifies what the database says.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	var classified *feed.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &classified), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", what, err)
	case errors.As(err, &pg) && pg.Code == "42501":
		return &feed.Error{Kind: feed.KindForbidden, Message: what, Err: err, Hint: "the database role of this process has no right to the tables of jobs"}
	case errors.As(err, &pg) && pg.Code == "53100": // disk_full
		return &feed.Error{Kind: feed.KindUnavailable, Message: what, Err: err, Hint: "the database's disk is full: make room and try again"}
	case errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57")), errors.As(err, &connect):
		return &feed.Error{Kind: feed.KindUnavailable, Message: what, Err: err, Hint: "see that the database runs and can be reached"}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// in runs fn in a transaction.
func (c *Client) in(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, c.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, fn)
}
