package records

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlPointer     = `SELECT current_gen FROM feed WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
	sqlGenerations = `SELECT g.merchant_id, g.number, g.kind, g.feed_key, g.base, g.epoch, g.time, g.told, g.expires, g.products, g.languages, g.currency,
			g.state_key, s.size, s.md5, s.sha256, f.event_cursor, f.compared, f.current_gen = g.number, g.event_cursor, g.price_sum, g.price_count
		FROM unnest($1::text[], $2::bigint[]) AS w (merchant_id, number)
		CROSS JOIN generation AS g
		JOIN feed AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key
		LEFT JOIN blob AS s ON s.merchant_id = g.merchant_id AND s.blob_key = g.state_key
		WHERE g.merchant_id = w.merchant_id AND g.number = w.number
		ORDER BY g.merchant_id, g.number`
	sqlPublished = `SELECT published FROM generation WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND number = $4`
	sqlLayers    = `SELECT l.merchant_id, w.number, l.blob_key, s.size, s.md5, s.sha256
		FROM unnest($1::text[], $2::bigint[]) AS w (merchant_id, number)
		CROSS JOIN generation AS g
		JOIN state_layer AS l ON l.merchant_id = g.merchant_id AND l.kind = g.kind AND l.feed_key = g.feed_key
		JOIN blob AS s ON s.merchant_id = l.merchant_id AND s.blob_key = l.blob_key
		WHERE g.merchant_id = w.merchant_id AND g.number = w.number AND l.first_gen <= w.number AND (l.last_gen IS NULL OR l.last_gen >= w.number)
		ORDER BY l.place`
	sqlPointers = `SELECT merchant_id, kind, feed_key, current_gen FROM feed
		WHERE current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = feed.merchant_id AND a.kind = feed.kind
			AND a.feed_key = feed.feed_key AND (a.until IS NULL OR a.until > $1))` // every merchant
)

// Current implements [publish.Ledger]. Files are listed by kind, in gateway
// order, and of one kind the newest first.
func (d *DB) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	err = d.read(ctx, "read current generation", func(ctx context.Context, t *Tx) error {
		g, ok, err = t.Current(ctx, f)
		return err
	})
	return g, ok, err
}

// Published implements [publish.Moments].
func (d *DB) Published(ctx context.Context, f publish.FeedRef, number int64) (at time.Time, err error) {
	err = d.read(ctx, "read when a generation was published", func(ctx context.Context, t *Tx) error {
		var v int64
		_, err := t.one(ctx, sqlPublished, []any{f.Merchant, f.Kind.String(), f.Key, number}, &v)
		at = FromZero(v)
		return err
	})
	return at, err
}

// Current is [DB.Current] in a transaction.
func (t *Tx) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	var number int64
	found, err := t.one(ctx, sqlPointer, []any{f.Merchant, f.Kind.String(), f.Key}, &number)
	if err != nil || !found || number == 0 {
		return publish.Generation{}, false, err
	}
	list, err := t.generations(ctx, Ref{f.Merchant, number})
	if err == nil && len(list) == 0 {
		err = partner.Missing("generation", fmt.Sprint(number))
	}
	if err != nil {
		return publish.Generation{}, false, err
	}
	return list[0], true, nil
}

// generations gives those that exist, ordered by merchant and number.
func (t *Tx) generations(ctx context.Context, refs ...Ref) (list []publish.Generation, err error) {
	merchants, numbers := columns(refs)
	err = t.each(ctx, sqlGenerations, []any{t.list(merchants), t.list(numbers)}, func(row Row) error {
		var g publish.Generation
		var kind, languages, currency, stateKey string
		var at, told, expires, cursor, compared int64
		var current bool
		var state nullBlob
		err := row.Scan(&g.Feed.Merchant, &g.Number, &kind, &g.Feed.Key, &g.Base, &g.Epoch, &at, &told, &expires, &g.Products,
			&languages, &currency, &stateKey, &state.size, &state.md5, &state.sha256, &cursor, &compared, &current, &g.Cursor, &g.PriceSum, &g.PriceCount)
		if err != nil {
			return err
		}
		g.Time, g.Told, g.Expires, g.State = FromMicros(at), FromZero(told), FromMicros(expires), state.blob(stateKey)
		if current {
			g.Cursor, g.Compared = cursor, FromZero(compared)
		}
		if g.Feed.Kind, err = ParseKind(kind); err != nil {
			return err
		}
		if languages != "" {
			for code := range strings.SplitSeq(languages, ",") {
				l, err := feed.ParseLanguage(code)
				if err != nil {
					return err
				}
				g.Languages = append(g.Languages, l)
			}
		}
		if _, g.Currency, err = ParseLocale("", currency); err != nil {
			return err
		}
		list = append(list, g)
		return nil
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	files, err := t.Files(ctx, refs...)
	if err != nil {
		return nil, err
	}
	layers := map[Ref][]publish.Blob{}
	err = t.each(ctx, sqlLayers, []any{t.list(merchants), t.list(numbers)}, func(row Row) error {
		var ref Ref
		var key string
		var b nullBlob
		err := row.Scan(&ref.Merchant, &ref.Number, &key, &b.size, &b.md5, &b.sha256)
		layers[ref] = append(layers[ref], b.blob(key))
		return err
	})
	for i := range list {
		ref := Ref{list[i].Feed.Merchant, list[i].Number}
		list[i].Files, list[i].Layers = files[ref], layers[ref]
	}
	return list, err
}

// CurrentGenerations gives the current generations of all feeds that an offer
// is read from, but for those whose number is known already, and takes from known
// the feeds that no offer is read from any more. It spans all merchants and is
// meant for file servers and schedules alone.
func (d *DB) CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) (list []publish.Generation, err error) {
	var used map[publish.FeedRef]bool
	err = d.read(ctx, "read current generations", func(ctx context.Context, t *Tx) error {
		list, used = nil, map[publish.FeedRef]bool{}
		var moved []Ref
		err := t.each(ctx, sqlPointers, []any{t.Now - Linger.Microseconds()}, func(row Row) error {
			var f publish.FeedRef
			var kind string
			var number int64
			err := row.Scan(&f.Merchant, &kind, &f.Key, &number)
			if err == nil {
				f.Kind, err = ParseKind(kind)
			}
			if used[f] = true; err == nil && known[f] != number {
				moved = append(moved, Ref{f.Merchant, number})
			}
			return err
		})
		if err != nil || len(moved) == 0 {
			return err
		}
		list, err = t.generations(ctx, moved...)
		return err
	})
	if err == nil {
		maps.DeleteFunc(known, func(f publish.FeedRef, _ int64) bool { return !used[f] })
	}
	return list, err
}
