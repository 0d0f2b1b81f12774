package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/storage/dbtest"
	"feedmill/storage/records"
)

var errNothing = errors.New("nothing to condemn")

// TestSweepMeetsPublication lets a publication list a file of an older
// generation again while that is being swept away, in both orders: what is
// listed is never condemned.
func TestSweepMeetsPublication(t *testing.T) {
	t.Parallel()
	url := TestServer.Database(t)
	var later atomic.Int64 // by how much the clock is ahead
	clock := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	open := func() *DB {
		d, err := Open(t.Context(), url, Options{Now: clock, Clock: clock, Lease: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	a, b := open(), open()
	m := newMerchant(t, a)
	ref := publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: "k"}
	for range 2 {
		if err := publishNext(t.Context(), a, m, "k"); err != nil {
			t.Fatal(err)
		}
		later.Add(int64(73 * time.Hour))
	}
	state := func(key string) (text string) {
		t.Helper()
		if err := a.pool.QueryRow(t.Context(), "SELECT state FROM blob WHERE merchant_id = $1 AND blob_key = $2", m, key).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	old := publish.File{Kind: feed.KindFull, Generation: 1, Changed: time.Unix(1_900_000_000, 0), Plain: publish.Blob{Key: "k1", Size: 1}}
	var run publish.Run
	next := func() publish.Generation {
		t.Helper()
		base, _, err := b.Current(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if run, err = beginRun(t.Context(), b, m, 1); err != nil {
			t.Fatal(err)
		}
		number := run.First
		return publish.Generation{Feed: ref, Number: number, Base: base.Number, Time: time.Unix(1_900_000_000+number, 0), Expires: time.Unix(2_000_000_000, 0), Files: []publish.File{old}}
	}

	// The publication has its locks and is not committed: the sweep passes by.
	g := next()
	_, _, err := a.attempt(t.Context(), how{}, func(ctx context.Context, tt *tx) error {
		p, err := tt.lockFeed(ctx, &g)
		if err == nil {
			err = tt.publish(ctx, run.ID, &g, p, publish.Cursor{})
		}
		if err != nil {
			return err
		}
		n, err := b.CondemnBlobs(ctx, m, 100)
		if err == nil && n != 0 {
			t.Errorf("%d blobs condemned that a publication holds", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.CondemnBlobs(t.Context(), m, 100); err != nil || n != 0 || state("k1") != "live" {
		t.Errorf("after the publication: %d condemned, %v, the listed blob is %s", n, err, state("k1"))
	}

	// Back to a file of its own, so that the old one may go once more.
	if err := publishNext(t.Context(), a, m, "k"); err != nil {
		t.Fatal(err)
	}
	later.Add(int64(73 * time.Hour))
	g = next()
	condemn := dbtest.RecordStatements(t).Texts
	published := make(chan error, 1)
	_, _, err = a.attempt(t.Context(), how{}, func(ctx context.Context, tt *tx) error {
		full := tt.now - records.Linger.Microseconds()
		var keys []string
		err := tt.each(ctx, condemn["sqlLockUnlisted"], []any{m, full, full, 100}, func(rows pgx.Rows) error {
			var key string
			err := rows.Scan(&key)
			keys = append(keys, key)
			return err
		})
		if err != nil || len(keys) == 0 {
			return errors.Join(err, errNothing)
		}
		// The publication begins while the rows are locked, and waits for them.
		go func() { published <- b.Commit(t.Context(), run, []publish.Generation{g}, nil) }()
		_, err = tt.execCount(ctx, condemn["sqlCondemn"], m, full, full, keys, tt.now)
		return err
	})
	if err := errors.Join(err, <-published); err != nil {
		t.Fatal(err)
	}
	if got := state("k1"); got != "live" {
		t.Errorf("the blob that was listed while it was condemned is %s, want live", got)
	}
}
