package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

func setupPlain(t *testing.T) (a, b *DB) {
	t.Helper()
	url := TestServer.Database(t)
	for _, d := range []**DB{&a, &b} {
		var err error
		if *d, err = Open(t.Context(), url, Options{StatementTimeout: 20 * time.Second}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*d).Close() })
	}
	return a, b
}

func newMerchant(t *testing.T, d *DB) partner.MerchantID {
	t.Helper()
	m, err := d.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func some(n int, text string) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		for i := range n {
			doc := fmt.Appendf(nil, "%s %d", text, i)
			p := partner.StagedProduct{ID: feed.ProductID(i + 1), Doc: doc, Codes: []string{fmt.Sprint(text, i)}}
			copy(p.Digest[:], doc)
			if !yield(p, nil) {
				return
			}
		}
	}
}

func load(ctx context.Context, d *DB, m partner.MerchantID, text string) error {
	id := partner.NewImportID()
	if _, err := d.StageProducts(ctx, m, id, some(20, text)); err != nil {
		return err
	}
	_, err := d.Merge(ctx, partner.Actor{}, m, id, partner.MergeReplace, nil)
	return err
}

func publishNext(ctx context.Context, d *DB, m partner.MerchantID, key string) error {
	ref := publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: key}
	base, _, err := d.Current(ctx, ref)
	if err != nil {
		return err
	}
	run, err := beginRun(ctx, d, m, 1)
	if err != nil {
		return err
	}
	number := run.First
	return d.Commit(ctx, run, []publish.Generation{{Feed: ref, Number: number, Base: base.Number, Time: time.Unix(1_900_000_000+number, 0), Expires: time.Unix(2_000_000_000, 0),
		Files: []publish.File{{Kind: feed.KindFull, Generation: number, Changed: time.Unix(1_900_000_000, 0), Plain: publish.Blob{Key: fmt.Sprint(key, number), Size: 1}}}}}, nil)
}

// beginRun takes the lease, once nobody has it.
func beginRun(ctx context.Context, d *DB, m partner.MerchantID, n int) (publish.Run, error) {
	for {
		run, err := d.Begin(ctx, string(m), strings.ToLower(rand.Text()), n)
		var busy *publish.BusyError
		if !errors.As(err, &busy) {
			return run, err
		}
	}
}

// TestNobodyWaits stops transactions right before their end, with all their
// locks, and has others do what must go on meanwhile.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	a, b := setupPlain(t)
	m, other := newMerchant(t, a), newMerchant(t, a)
	for _, id := range []partner.MerchantID{m, other} {
		if err := errors.Join(load(t.Context(), a, id, "a"), publishNext(t.Context(), a, id, "k")); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(ctx context.Context) error {
		snap, err := b.Snapshot(ctx, m)
		if err != nil {
			return err
		}
		defer snap.Close()
		n := 0
		for _, err := range snap.Products(ctx) {
			if err != nil {
				return err
			}
			n++
		}
		if n != 20 {
			return fmt.Errorf("%d products", n)
		}
		_, e1 := b.Accounts(ctx)
		_, e2 := b.CurrentGenerations(ctx, nil)
		_, _, e3 := b.Current(ctx, publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: "k"})
		_, e4 := b.Audit(ctx, m, 0, 10)
		return errors.Join(e1, e2, e3, e4)
	}
	others := func(ctx context.Context) error {
		_, err := b.SetSharing(ctx, partner.Actor{}, other, true, version(ctx, b, other))
		return errors.Join(err, load(ctx, b, other, fmt.Sprint(time.Now())), publishNext(ctx, b, other, "k"))
	}
	same := func(ctx context.Context) error { return publishNext(ctx, b, m, "k") }
	id := partner.NewImportID()
	if _, err := a.StageProducts(t.Context(), m, id, some(20, "c")); err != nil {
		t.Fatal(err)
	}
	merge := func(ctx context.Context, t *tx) error {
		plan, err := t.planMerge(ctx, m, id, partner.MergeReplace, nil)
		if err == nil {
			err = t.merge(ctx, partner.Actor{}, m, id, &plan)
		}
		return err
	}
	publication := func(ctx context.Context, t *tx) error {
		run, err := beginRun(ctx, b, m, 1)
		if err == nil {
			err = b.Release(ctx, run)
		}
		if err != nil {
			return err
		}
		g := publish.Generation{Feed: publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: "k"}, Number: run.First,
			Time: time.Unix(1_950_000_000, 0), Expires: time.Unix(2_000_000_000, 0)}
		p, err := t.lockFeed(ctx, &g)
		if err != nil {
			return err
		}
		g.Base = p.current
		g.Files = []publish.File{{Kind: feed.KindFull, Generation: g.Number, Changed: g.Time, Plain: publish.Blob{Key: "held", Size: 1}}}
		return t.publish(ctx, run.ID, &g, p, publish.Cursor{})
	}
	batch := func(ctx context.Context, t *tx) error {
		if err := t.exec(ctx, sqlTouchImport, m, id, t.now, 20); err != nil {
			return err
		}
		rows := &copyRows{}
		rows.reset()
		for p := range some(20, "held") {
			rows.add(m, id, &p)
		}
		_, err := t.c.PgConn().CopyFrom(ctx, bytes.NewReader(rows.end(1000)), sqlCopy)
		return err
	}
	for _, c := range []struct {
		name   string
		held   func(ctx context.Context, t *tx) error
		finish bool // also what a transaction tells at its end
		do     map[string]func(ctx context.Context) error
	}{
		{"staging", batch, true, map[string]func(ctx context.Context) error{"read": reads, "others": others, "publish": same, "load": func(ctx context.Context) error { return load(ctx, b, m, "a") }}},
		// A merge before its last round trip lets the merchant's own feeds go on.
		{"merge", merge, false, map[string]func(ctx context.Context) error{"read": reads, "others": others, "publish": same}},
		{"merge at its end", merge, true, map[string]func(ctx context.Context) error{"read": reads, "others": others}},
		{"publication", publication, false, map[string]func(ctx context.Context) error{"read": reads, "others": others, "load": func(ctx context.Context) error { return load(ctx, b, m, "a") },
			"other feed": func(ctx context.Context) error { return publishNext(ctx, b, m, "another") }}},
		{"publication at its end", publication, true, map[string]func(ctx context.Context) error{"read": reads, "others": others}},
	} {
		undone := errors.New("undone")
		_, _, err := a.attempt(t.Context(), how{}, func(ctx context.Context, tt *tx) error {
			if err := c.held(ctx, tt); err != nil {
				return err
			}
			if c.finish {
				if err := tt.write(ctx); err != nil {
					return err
				}
			}
			for name, do := range c.do {
				if err := do(ctx); err != nil {
					t.Errorf("during %s: %s: %v", c.name, name, err)
				}
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func version(ctx context.Context, d *DB, m partner.MerchantID) int64 {
	got, err := d.Merchant(ctx, m)
	if err != nil {
		return -1
	}
	return got.Version
}
