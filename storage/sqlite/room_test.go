package sqlite_test

import (
	"context"
	"os"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/records"
	"feedmill/storage/sqlite"
)

// TestRoomForAccounts fills the disk, as far as SQLite can see: the first try of a
// transaction finds no page left. Changes of accounts are tried again in the room
// that was kept for them, and nothing else is given of it.
func TestRoomForAccounts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	db := setup(t, sqlite.Options{Now: func() time.Time { return now }})
	m := partner.NewMerchantID()
	if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: m, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		t.Helper()
		st, err := os.Stat(db.RoomPath())
		if os.IsNotExist(err) {
			return 0
		}
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	// write gives how often the transaction was tried. The disk is full for its
	// first try, and for the others too unless there is room then.
	write := func(accounts, room bool) (tries int, err error) {
		t.Helper()
		var pages int // the limit falls to what there is
		if err := db.Writer().QueryRow("PRAGMA max_page_count = 1").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		defer db.Writer().Exec("PRAGMA max_page_count = 1000000")
		err = db.Write(t.Context(), "turn off", records.How{}, func(ctx context.Context, tx *records.Tx) error {
			tries++
			if tries > 1 && room {
				if _, err := tx.Exec(ctx, "PRAGMA max_page_count = 1000000"); err != nil {
					return err
				}
			}
			if accounts {
				tx.Tell(m)
			}
			_, err := tx.Exec(ctx, "UPDATE merchant SET supplier = hex(zeroblob(100000)) || supplier")
			return err
		})
		return tries, err
	}
	const whole, step = 4 << 20, 512 << 10
	if n, err := write(true, true); n != 1 || feed.KindOf(err) != feed.KindUnavailable || size() != 0 {
		t.Errorf("nothing kept: %d tries, error %v, %d bytes, want 1 try that fails", n, err, size())
	}
	if err := db.KeepRoom(); err != nil || size() != whole {
		t.Fatalf("keep room: %d bytes, error %v, want %d", size(), err, whole)
	}
	if n, err := write(false, true); n != 1 || feed.KindOf(err) != feed.KindUnavailable || size() != whole {
		t.Errorf("no change of accounts: %d tries, error %v, %d bytes kept, want 1 try that fails and %d", n, err, size(), whole)
	}
	if n, err := write(true, true); n != 2 || err != nil || size() != whole-step {
		t.Errorf("a change of accounts: %d tries, error %v, %d bytes kept, want 2 and %d", n, err, size(), whole-step)
	}
	if n, err := write(true, false); n != 2 || feed.KindOf(err) != feed.KindUnavailable || size() != whole-2*step {
		t.Errorf("no room after all: %d tries, error %v, %d bytes kept, want 2 that fail and %d", n, err, size(), whole-2*step)
	}
	// It is filled up again, but not with each change.
	now = now.Add(time.Minute)
	if n, err := write(true, true); n != 2 || err != nil || size() != whole {
		t.Errorf("a minute later: %d tries, error %v, %d bytes kept, want 2 and %d", n, err, size(), whole)
	}
	for range whole/step + 1 {
		if _, err := write(true, true); err != nil && size() > 0 {
			t.Errorf("error %v with %d bytes kept", err, size())
		}
	}
	if n, err := write(true, true); n != 1 || err == nil || size() != 0 {
		t.Errorf("all given: %d tries, error %v, %d bytes kept, want 1 that fails and 0", n, err, size())
	}
}
