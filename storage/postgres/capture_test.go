package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
)

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func execute(t testing.TB, on interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}, sql string, args ...any) {
	t.Helper()
	if _, err := on.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// capture is a way to learn which products have changed: what a writer does in
// the transaction of the change, and what a reader does from time to time.
type capture struct {
	name  string
	table string
	write string // $1 is the product
	// read gives what is new to the reader.
	read func(t *testing.T, r *reader) []int64
	// during says that the loss needs a change between the two steps of a look.
	during bool
	loses  bool
}

// reader looks for changes on a connection of its own.
type reader struct {
	conn *pgx.Conn
	db   *postgres.DB
	m    partner.MerchantID
	last int64
	// between is called in the middle of a look.
	between func()
}

func (r *reader) products(t *testing.T, sql string, args ...any) []int64 {
	t.Helper()
	rows, err := r.conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// after reads rows above the last number seen.
func after(sql, newest string) func(t *testing.T, r *reader) []int64 {
	return func(t *testing.T, r *reader) []int64 {
		list := r.products(t, sql, r.last)
		if err := r.conn.QueryRow(t.Context(), newest).Scan(&r.last); err != nil {
			t.Fatal(err)
		}
		r.between()
		return list
	}
}

// The usual ways to ask for what has changed lose changes, and it takes no luck:
// a transaction that commits after a younger one, or a change in the middle of a
// look, is enough. The log loses nothing under the same.
func TestWaysToLoseChanges(t *testing.T) {
	t.Parallel()
	const micros = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	for _, c := range []capture{
		{name: "number above the last", table: `CREATE TABLE probe (seq bigserial, product bigint)`,
			write: `INSERT INTO probe (product) VALUES ($1)`, loses: true,
			read: after(`SELECT product FROM probe WHERE seq > $1`, `SELECT coalesce(max(seq), 0) FROM probe`)},
		{name: "time above the last", table: `CREATE TABLE probe (product bigint PRIMARY KEY, updated bigint)`,
			write: `INSERT INTO probe VALUES ($1, ` + micros + `) ON CONFLICT (product) DO UPDATE SET updated = excluded.updated`, loses: true,
			read: after(`SELECT product FROM probe WHERE updated > $1`, `SELECT coalesce(max(updated), 0) FROM probe`)},
		{name: "time above the last, with an overlap of 20 ms", table: `CREATE TABLE probe (product bigint PRIMARY KEY, updated bigint)`,
			write: `INSERT INTO probe VALUES ($1, ` + micros + `) ON CONFLICT (product) DO UPDATE SET updated = excluded.updated`, loses: true,
			read: after(`SELECT product FROM probe WHERE updated > $1::bigint - 20000`, `SELECT coalesce(max(updated), 0) FROM probe`)},
		{name: "a row for each dirty product", table: `CREATE TABLE probe (product bigint PRIMARY KEY)`, during: true, loses: true,
			write: `INSERT INTO probe VALUES ($1) ON CONFLICT (product) DO NOTHING`,
			read: func(t *testing.T, r *reader) []int64 {
				list := r.products(t, `SELECT product FROM probe`)
				r.between() // the products are being read
				execute(t, r.conn, `DELETE FROM probe WHERE product = ANY($1)`, list)
				return list
			}},
		{name: "the log", table: `CREATE TABLE probe (merchant text)`,
			write: `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) SELECT merchant, $1, '', 'probe', 0 FROM probe`,
			read: func(t *testing.T, r *reader) (list []int64) {
				if _, err := r.db.Sequence(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.between()
				events, err := r.db.Events(t.Context(), r.m, r.last, 1000)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					list, r.last = append(list, int64(e.Product)), e.Number
				}
				return list
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := server.Database(t)
			db := open(t, url, postgres.Options{})
			slow, fast := connect(t, url), connect(t, url)
			r := &reader{conn: connect(t, url), db: db, m: merchant(t, db), between: func() {}}
			execute(t, slow, c.table)
			if c.name == "the log" {
				execute(t, slow, `INSERT INTO probe VALUES ($1)`, r.m)
			}
			const first, second = 1, 2
			changes := map[int64]int{first: 1, second: 1}
			// The first transaction makes its change, and commits after the second.
			tx, err := slow.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			execute(t, tx, c.write, int64(first))
			execute(t, tx, `SELECT pg_sleep(0.05)`)
			execute(t, fast, c.write, int64(second))
			seen := map[int64]int{}
			look := func() {
				for _, p := range c.read(t, r) {
					seen[p]++
				}
			}
			look()
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			look()
			// A product changes again while somebody deals with its first change.
			if c.during || !c.loses {
				execute(t, fast, c.write, int64(second))
				changes[second]++
				r.between = func() {
					r.between = func() {}
					execute(t, fast, c.write, int64(second))
					changes[second]++
				}
				look()
			}
			for range 3 {
				look()
			}
			lost := 0
			for p, n := range changes {
				lost += max(n-seen[p], 0)
			}
			if c.loses && lost == 0 {
				t.Errorf("it has lost nothing: seen %v of %v", seen, changes)
			}
			if !c.loses && lost > 0 {
				t.Errorf("seen %v of %v", seen, changes)
			}
		})
	}
}

// TestCaptureUnderSlowWriters has sixteen writers, some of whose transactions
// last, or come to nothing, and readers who go on after the last number that
// they have seen, while two processes number.
func TestCaptureUnderSlowWriters(t *testing.T) {
	t.Parallel()
	const writers, changes = 16, 40
	url := server.Database(t)
	a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	m := merchant(t, a)
	if _, err := a.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	committed := make([][]feed.ProductID, writers)
	var writing, rest sync.WaitGroup
	for w := range writers {
		conn := connect(t, url)
		random := rand.New(rand.NewPCG(uint64(w), 1))
		writing.Go(func() {
			for i := range changes {
				id := feed.ProductID(1 + w*changes + i)
				undone := errors.New("undone")
				err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
					for range 1 + random.IntN(3) {
						if _, err := tx.Exec(t.Context(), `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES ($1, $2, '', 'probe', 0)`, m, id); err != nil {
							return err
						}
					}
					switch random.IntN(10) {
					case 0:
						_, err := tx.Exec(t.Context(), `SELECT pg_sleep($1)`, 0.02+random.Float64()/10)
						return err
					case 1:
						return undone
					}
					return nil
				})
				if err == nil {
					committed[w] = append(committed[w], id)
				} else if !errors.Is(err, undone) {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	for _, db := range []*postgres.DB{a, b} {
		rest.Go(func() {
			for ctx.Err() == nil {
				if _, err := db.Sequence(t.Context()); err != nil {
					t.Errorf("sequence: %v", err)
					return
				}
			}
		})
	}
	seen := make([][]partner.Event, 2)
	read := func(i int) bool {
		list, err := []*postgres.DB{a, b}[i].Events(t.Context(), m, int64(len(seen[i])), 100)
		if err != nil {
			t.Errorf("events: %v", err)
			return false
		}
		for _, e := range list {
			if e.Number != int64(len(seen[i]))+1 {
				t.Errorf("reader %d sees event %d after %d", i, e.Number, len(seen[i]))
				return false
			}
			seen[i] = append(seen[i], e)
		}
		return len(list) > 0
	}
	for i := range seen {
		rest.Go(func() {
			for ctx.Err() == nil {
				read(i)
			}
		})
	}
	writing.Wait()
	stop()
	rest.Wait()
	if _, err := a.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []feed.ProductID
	for _, list := range committed {
		want = append(want, list...)
	}
	slices.Sort(want)
	for i := range seen {
		for read(i) {
		}
		got := make([]feed.ProductID, 0, len(seen[i]))
		for _, e := range seen[i] {
			got = append(got, e.Product)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("reader %d saw the changes of %d products, %d were committed", i, len(got), len(want))
		}
	}
	if len(want) == writers*changes || len(want) == 0 {
		t.Errorf("%d of %d transactions were committed: the test proves nothing", len(want), writers*changes)
	}
}
