package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

func at(second int64) time.Time { return time.Unix(1_800_000_000+second, 0).UTC() }

func merchant(t testing.TB, db *postgres.DB) partner.MerchantID {
	t.Helper()
	m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// TestRacingProcesses publishes the same two feeds from eight programs at once,
// naming them in different orders: of each round one wins, whole.
func TestRacingProcesses(t *testing.T) {
	t.Parallel()
	const racers = 8
	url := server.Database(t)
	dbs := make([]*postgres.DB, racers)
	for i := range dbs {
		dbs[i] = open(t, url, postgres.Options{MaxConns: 2})
	}
	m := merchant(t, dbs[0])
	bases := [2]int64{}
	for round := range 10 {
		gens := make([][]publish.Generation, racers)
		errs := make([]error, racers)
		// All have the lease: it is the pointer that decides.
		run, err := dbtest.Begin(t.Context(), dbs[0], m, 2*racers)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, db := range dbs {
			wg.Go(func() {
				first := run.First + 2*int64(i)
				gens[i] = []publish.Generation{generation(m, "a", first, bases[0]), generation(m, "b", first+1, bases[1])}
				if i%2 == 1 {
					gens[i][0], gens[i][1] = gens[i][1], gens[i][0]
				}
				errs[i] = db.Commit(t.Context(), run, gens[i], nil)
			})
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: %d and %d won", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, publish.ErrLost):
				t.Errorf("round %d: %v, want ErrLost", round, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		for _, g := range gens[winner] {
			got, _, err := dbs[round%racers].Current(t.Context(), g.Feed)
			if err != nil || got.Number != g.Number {
				t.Fatalf("round %d: current is %d, %v, the winner's is %d", round, got.Number, err, g.Number)
			}
			bases[g.Feed.Key[0]-'a'] = g.Number
		}
	}
}

// TestEverybodyAtOnce mixes all that is written for a few merchants, from
// several programs: nothing fails but what lost against another.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	dbs := []*postgres.DB{open(t, url, postgres.Options{MaxConns: 6, Lease: time.Second}), open(t, url, postgres.Options{MaxConns: 6, Lease: time.Second})}
	ctx := t.Context()
	ids := []partner.MerchantID{merchant(t, dbs[0]), merchant(t, dbs[1])}
	var offers [2]partner.Offer
	for i, m := range ids {
		shop := partner.Shop{ID: partner.NewShopID(), Merchant: m, Number: 1, Name: "s"}
		if err := dbs[0].CreateShop(ctx, partner.Actor{}, shop); err != nil {
			t.Fatal(err)
		}
		p, err := dbs[0].CreatePartner(ctx, partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: m, Name: "p"})
		if err != nil {
			t.Fatal(err)
		}
		offers[i], err = dbs[0].CreateOffer(ctx, partner.Actor{}, partner.Offer{ID: partner.NewOfferID(), Merchant: m, Partner: p.ID, Shop: shop.ID, Name: "o", Profile: profileOf("PLN")})
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := make([]int, len(ids))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range 8 {
		db, i := dbs[worker%2], worker/2%2
		m := ids[i]
		wg.Go(func() {
			for step := range 12 {
				var err error
				switch (worker + step) % 6 {
				case 0:
					id := partner.NewImportID()
					if _, err = db.StageProducts(ctx, m, id, dbtest.Catalog(50+step, uint64(worker*100+step), 2)); err == nil {
						_, err = db.Merge(ctx, partner.Actor{}, m, id, partner.MergeReplace, nil)
					}
					mu.Lock()
					lines[i]++
					mu.Unlock()
				case 1, 2:
					ref := publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: offers[i].Profile.FullKey()}
					base, _, e := db.Current(ctx, ref)
					run, e2 := dbtest.Begin(ctx, db, m, 1)
					g := generation(m, ref.Key, run.First, base.Number)
					if err = errors.Join(e, e2); err == nil {
						if err = db.Commit(ctx, run, []publish.Generation{g}, nil); errors.Is(err, publish.ErrLost) {
							err = nil
						}
					}
				case 3:
					o, e := db.Offer(ctx, m, offers[i].ID)
					o.Profile = profileOf([]string{"PLN", "EUR"}[step%2])
					if err = e; err == nil {
						if _, err = db.UpdateOffer(ctx, partner.Actor{}, o); feed.KindOf(err) == feed.KindConflict {
							err = nil
						} else if err == nil {
							mu.Lock()
							lines[i]++
							mu.Unlock()
						}
					}
				case 4:
					if _, err = db.CondemnBlobs(ctx, m, 100); err == nil {
						_, err = db.PruneHistory(ctx, m)
					}
				case 5:
					if _, err = db.Sequence(ctx); err == nil {
						_, err = db.TrimEvents(ctx, m)
					}
				}
				if err != nil {
					t.Errorf("worker %d, step %d: %v", worker, step, err)
				}
			}
		})
	}
	// Whoever reads the audit on after a number misses no line.
	seen := make([]int, len(ids))
	after := make([]int64, len(ids))
	follow := func() {
		for i, m := range ids {
			list, err := dbs[1].Audit(ctx, m, after[i], 1000)
			if err != nil {
				t.Errorf("audit: %v", err)
			}
			for _, e := range list {
				seen[i]++
				after[i] = e.Number
			}
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		follow()
	}
	for i := range ids {
		if want := lines[i] + 4; seen[i] != want { // merchant, shop, partner, offer
			t.Errorf("merchant %d: a reader saw %d lines of the audit as they came, want %d", i, seen[i], want)
		}
	}
}

func profileOf(currency string) feed.Profile {
	return feed.Profile{Currency: feed.MustCurrency(currency), Languages: []feed.Language{feed.MustLanguage("pol")}}
}

// TestHints has two programs on one database: what one publishes the other is
// told of, also after its connection for that was cut.
func TestHints(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	told := make(chan struct{}, 1)
	cancel := b.Subscribe(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	defer cancel()
	<-b.Listening()
	m := merchant(t, a)
	<-told

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var cut int
	err = conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&cut)
	if err != nil || cut != 1 {
		t.Fatalf("cut %d connections, %v, want 1", cut, err)
	}
	<-told // for whatever was missed
	if _, err := a.SetSharing(t.Context(), partner.Actor{}, m, true, 1); err != nil {
		t.Fatal(err)
	}
	<-told
}

// TestHintOfACommand: who makes one change and ends, as a command does, has told
// of it.
func TestHintOfACommand(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	b := open(t, url, postgres.Options{})
	m := merchant(t, b)
	told := make(chan struct{}, 1)
	cancel := b.Subscribe(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	defer cancel()
	<-b.Listening()
	for round := range 8 {
		a, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.SetSharing(t.Context(), partner.Actor{}, m, round%2 == 0, int64(1+round)); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatalf("change %d was never told of", round)
		}
	}
}

// TestCutConnections ends every connection of a program that does nothing at
// the moment: it goes on.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	db := open(t, url, postgres.Options{MaxConns: 3})
	m := merchant(t, db)
	snap, err := db.Snapshot(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	snap.Close()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	cut := func() {
		t.Helper()
		if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		cut()
		// Asked first, on connections that were used a moment ago.
		if _, err := db.AccessVersion(t.Context()); err != nil {
			t.Errorf("round %d: version: %v", round, err)
		}
		cut()
		if _, _, err := db.FileByAddress(t.Context(), m, "o", 1, feed.KindFull, ""); err != nil {
			t.Errorf("round %d: file: %v", round, err)
		}
		if run, err := dbtest.Begin(t.Context(), db, m, 1); err != nil || db.Release(t.Context(), run) != nil {
			t.Errorf("round %d: write: %v", round, err)
		}
		if _, err := db.Merchants(t.Context()); err != nil {
			t.Errorf("round %d: read: %v", round, err)
		}
	}
}
