package postgres_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

// What is done on a change is part of its transaction, and done where changes
// have been queued alone.
func TestOnChange(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	conn := connect(t, url)
	execute(t, conn, `CREATE TABLE probe (merchant text, queued bigint)`)
	refuse := errors.New("no")
	var failing bool
	db := open(t, url, postgres.Options{OnChange: func(ctx context.Context, tx pgx.Tx, m partner.MerchantID) error {
		// The changes are there already, for this transaction.
		_, err := tx.Exec(ctx, `INSERT INTO probe SELECT $1, count(*) FROM change_queue WHERE merchant_id = $1`, m)
		if err == nil && failing {
			err = refuse
		}
		if err != nil {
			return err
		}
		// It may go back to where it was, as those do who use parts of their own.
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := inner.Exec(ctx, `INSERT INTO probe VALUES ('undone', 0)`); err != nil {
			return err
		}
		return inner.Rollback(ctx)
	}})
	told := func() []int64 {
		t.Helper()
		rows, err := conn.Query(t.Context(), `SELECT queued FROM probe ORDER BY queued`)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	m := merchant(t, db)
	if got := told(); len(got) != 0 {
		t.Errorf("told of a merchant who is new: %v", got)
	}
	if _, err := db.SetSharing(t.Context(), partner.Actor{}, m, true, 1); err != nil {
		t.Fatal(err)
	}
	merge := func() error {
		id := partner.NewImportID()
		if _, err := db.StageProducts(t.Context(), m, id, dbtest.Catalog(20, 1, 1)); err != nil {
			t.Fatal(err)
		}
		_, err := db.Merge(t.Context(), partner.Actor{}, m, id, partner.MergeReplace, nil)
		return err
	}
	if err := merge(); err != nil {
		t.Fatal(err)
	}
	if err := merge(); err != nil { // the same again is no change
		t.Fatal(err)
	}
	if got := told(); !slices.Equal(got, []int64{1, 21}) {
		t.Errorf("told with %v changes in the queue, want 1 and 21", got)
	}
	failing = true
	if _, err := db.SetSharing(t.Context(), partner.Actor{}, m, false, 2); !errors.Is(err, refuse) {
		t.Errorf("a change of which nobody can be told: %v", err)
	}
	got, err := db.Merchant(t.Context(), m)
	if err != nil || !got.SharingEnabled || len(told()) != 2 {
		t.Errorf("the change was made: %+v, %v", got, err)
	}
}
