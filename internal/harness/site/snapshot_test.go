package site_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/harness/site"
	"feedmill/internal/pgtest"
	"feedmill/storage"
	"feedmill/storage/postgres"
)

var database = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, postgres.Options{})
	return err
}}

func TestMain(m *testing.M) { os.Exit(database.Main(m)) }

// asking is a store that asks something before it takes a file.
type asking struct {
	storage.Store
	ask func() error

	mu    sync.Mutex
	asked int
	errs  []error
}

func (a *asking) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	a.mu.Lock()
	err := a.ask()
	a.asked++
	if err != nil {
		a.errs = append(a.errs, err)
	}
	a.mu.Unlock()
	return a.Store.Put(ctx, key, body, size, attrs)
}

// While files are stored no transaction reads: in the embedded database the log of
// writes can be emptied, and on a server nobody sits in a transaction.
func TestNoSnapshotIsOpenDuringUploads(t *testing.T) {
	t.Parallel()
	places := map[string]func(t *testing.T) (site.Place, func() error){
		"sqlite": func(t *testing.T) (site.Place, func() error) {
			p := site.Place{Data: t.TempDir()}
			return p, func() error {
				db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Data, "feedmill.db")+"?_pragma=busy_timeout(500)")
				if err != nil {
					return err
				}
				defer db.Close()
				// What is written meanwhile, as a lease that is renewed, is done soon.
				for range 20 {
					var busy, pages, moved int
					if err := db.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
						return err
					}
					if busy == 0 {
						return nil
					}
				}
				return errors.New("the log cannot be emptied: somebody reads what it is needed for")
			}
		},
		"postgres": func(t *testing.T) (site.Place, func() error) {
			p := site.Place{Data: t.TempDir(), Postgres: database.Database(t), RealTime: true}
			return p, func() error {
				c, err := pgx.Connect(t.Context(), p.Postgres)
				if err != nil {
					return err
				}
				defer c.Close(context.WithoutCancel(t.Context()))
				n := 0
				err = c.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'").Scan(&n)
				if err == nil && n > 0 {
					err = fmt.Errorf("%d connections sit in a transaction", n)
				}
				return err
			}
		},
	}
	if testing.Short() {
		delete(places, "postgres") // servers are not started with -short
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where, ask := place(t)
			s, closeAll, err := where.Open(t.Context(), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := closeAll(); err != nil {
					t.Error(err)
				}
			})
			shop, err := s.NewMerchant(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			profile := feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN")}
			if _, err := s.NewOffer(t.Context(), shop, "Partner", profile); err != nil {
				t.Fatal(err)
			}
			for round, what := range []string{"first", "from hints", "everything"} {
				var list []site.Product
				for id := 1; id <= 20; id++ {
					list = append(list, site.Product{ID: site.ID(id), Price: 10 + id, Stock: round, Category: 1})
				}
				if round == 1 {
					list = list[:3]
				}
				if _, err := s.Load(t.Context(), site.Text(list), true); err != nil {
					t.Fatal(err)
				}
				settings := s.Settings
				settings.Force = round == 2
				store := &asking{Store: s.Store, ask: ask}
				if _, err := s.Publish(t.Context(), site.Run{Store: store, Settings: &settings}); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if store.asked == 0 || len(store.errs) > 0 {
					t.Errorf("%s: while %d files were stored: %v", what, store.asked, store.errs)
				}
			}
		})
	}
}
