package postgres

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/feed"
	"feedmill/storage/dbtest"
)

// TestRunAgain counts how often a transaction is run that ends in some way.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	a, b := setupPlain(t)
	m := newMerchant(t, a)
	said := func(code string) error { return &pgconn.PgError{Code: code, SeverityUnlocalized: "ERROR"} }
	for _, c := range []struct {
		name  string
		err   error
		fails int // how often it ends so before it succeeds
		h     how
		runs  int
		kind  feed.ErrorKind
		ok    bool
	}{
		{"lost against another", said("40001"), 2, how{}, 3, 0, true},
		{"victim of a deadlock", said("40P01"), 1, how{}, 2, 0, true},
		{"connection lost before COMMIT", io.ErrUnexpectedEOF, 1, how{}, 2, 0, true},
		{"server being restarted", said("57P01"), 1, how{}, 2, 0, true},
		{"lost for ever", said("40001"), 100, how{}, attempts, feed.KindUnavailable, false},
		{"taken already", said("23505"), 1, how{}, 1, feed.KindConflict, false},
		{"refused by us", feed.Errorf(feed.KindInvalid, "no"), 1, how{}, 1, feed.KindInvalid, false},
		{"nobody knows, and it may be done twice", &unknownError{io.EOF}, 1, how{again: true}, 2, 0, true},
		{"nobody knows", &unknownError{io.EOF}, 1, how{}, 1, feed.KindUnavailable, false},
		{"it turns out to be done", &unknownError{io.EOF}, 1, how{done: func(context.Context, *tx) (bool, error) { return true, nil }}, 1, 0, true},
		{"it turns out not to be done", &unknownError{io.EOF}, 1, how{done: func(context.Context, *tx) (bool, error) { return false, nil }}, 2, 0, true},
	} {
		runs := 0
		err := a.writeAs(t.Context(), "test", c.h, func(ctx context.Context, t *tx) error {
			if runs++; runs <= c.fails {
				return c.err
			}
			return nil
		})
		if runs != c.runs || (err == nil) != c.ok || err != nil && feed.KindOf(err) != c.kind {
			t.Errorf("%s: run %d times, %v of kind %d, want %d times, kind %d", c.name, runs, err, feed.KindOf(err), c.runs, c.kind)
		}
	}
	takeNumbers := dbtest.RecordStatements(t).Texts["sqlTakeNumbers"]
	// A real deadlock: two that lock the same two rows crosswise, at the same time.
	other := newMerchant(t, a)
	ready := make(chan struct{}, 2)
	errs := make(chan error, 2)
	for i, d := range []*DB{a, b} {
		first, second := m, other
		if i == 1 {
			first, second = other, m
		}
		go func() {
			met := false
			errs <- d.writeAs(t.Context(), "cross", how{}, func(ctx context.Context, t *tx) error {
				if err := t.exec(ctx, takeNumbers, first, 1); err != nil {
					return err
				}
				if !met { // both hold their first row before either asks for its second
					met = true
					ready <- struct{}{}
					for len(ready) < 2 && ctx.Err() == nil {
						if err := t.exec(ctx, `SELECT 1`); err != nil {
							return err
						}
					}
				}
				return t.exec(ctx, takeNumbers, second, 1)
			})
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Errorf("of two in a deadlock: %v", err)
		}
	}
	for _, id := range []string{string(m), string(other)} {
		if run, err := a.Begin(t.Context(), id, "run", 1); run.First != 3 || err != nil {
			t.Errorf("after both: number %d, %v, want 3", run.First, err)
		}
	}
}

// TestFaults reads what servers say.
func TestFaults(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]feed.ErrorKind{
		"23505": feed.KindConflict, "23503": feed.KindConflict, "22021": feed.KindInvalid, "42501": feed.KindForbidden, "25006": feed.KindUnavailable,
		"28P01": feed.KindUnavailable, "3D000": feed.KindUnavailable, "57014": feed.KindUnavailable, "53100": feed.KindUnavailable,
		"53300": feed.KindUnavailable, "57P03": feed.KindUnavailable, "40001": feed.KindUnavailable, "42601": feed.KindInternal,
		"42P01": feed.KindUnavailable, "42703": feed.KindUnavailable,
	} {
		err := fault("do it", &pgconn.PgError{Code: code, Message: "said so"})
		if feed.KindOf(err) != kind || !strings.HasPrefix(err.Error(), "do it") || !strings.Contains(err.Error(), "said so") {
			t.Errorf("%s: %v of kind %d, want %d", code, err, feed.KindOf(err), kind)
		}
		if kind == feed.KindUnavailable && feed.HintOf(err) == "" {
			t.Errorf("%s: no hint", code)
		}
	}
	// What a standby says of a transaction that would write.
	if err := fault("do it", &pgconn.PgError{Code: "0A000", Message: "cannot set transaction read-write mode during recovery"}); feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "standby") {
		t.Errorf("of a standby: %v of kind %d with the hint %q", err, feed.KindOf(err), feed.HintOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := fault("do it", ended(ctx, &pgconn.PgError{Code: "57014"})); !errors.Is(err, context.Canceled) || feed.KindOf(err) != feed.KindInternal {
		t.Errorf("of a caller who has gone: %v of kind %d", err, feed.KindOf(err))
	}
	if fault("do it", nil) != nil {
		t.Error("nothing became an error")
	}
}
