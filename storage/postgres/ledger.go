package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlPointer     = `SELECT current_gen FROM feed WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
	sqlGenerations = `SELECT g.merchant_id, g.number, g.kind, g.feed_key, g.base, g.epoch, g.time, g.expires, g.products, g.languages, g.currency,
			g.state_key, s.size, s.md5, s.sha256, f.event_cursor, f.compared, f.current_gen = g.number, g.event_cursor, g.price_sum, g.price_count
		FROM generation AS g JOIN unnest($1::text[], $2::bigint[]) AS w (merchant_id, number) ON w.merchant_id = g.merchant_id AND w.number = g.number
		JOIN feed AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key
		LEFT JOIN blob AS s ON s.merchant_id = g.merchant_id AND s.blob_key = g.state_key
		ORDER BY g.merchant_id, g.number`
	sqlLayers = `SELECT l.merchant_id, w.number, l.blob_key, s.size, s.md5, s.sha256
		FROM generation AS g JOIN unnest($1::text[], $2::bigint[]) AS w (merchant_id, number) ON w.merchant_id = g.merchant_id AND w.number = g.number
		JOIN state_layer AS l ON l.merchant_id = g.merchant_id AND l.kind = g.kind AND l.feed_key = g.feed_key
		JOIN blob AS s ON s.merchant_id = l.merchant_id AND s.blob_key = l.blob_key
		WHERE l.first_gen <= w.number AND (l.last_gen IS NULL OR l.last_gen >= w.number)
		ORDER BY l.place`
	sqlPointers = `SELECT merchant_id, kind, feed_key, current_gen FROM feed
		WHERE current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = feed.merchant_id AND a.kind = feed.kind
			AND a.feed_key = feed.feed_key AND (a.until IS NULL OR a.until > $1))` // every merchant
)

var _ publish.Ledger = (*DB)(nil)

// Current implements [publish.Ledger]. Files are listed by kind, in gateway
// order, and of one kind the newest first.
func (d *DB) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	err = d.read(ctx, "read current generation", func(ctx context.Context, t *tx) error {
		g, ok, err = t.current(ctx, f)
		return err
	})
	return g, ok, err
}

func (t *tx) current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	var number int64
	found, err := t.one(ctx, sqlPointer, []any{f.Merchant, f.Kind.String(), f.Key}, &number)
	if err != nil || !found || number == 0 {
		return publish.Generation{}, false, err
	}
	list, err := t.generations(ctx, genRef{f.Merchant, number})
	if err == nil && len(list) == 0 {
		err = missing("generation", fmt.Sprint(number))
	}
	if err != nil {
		return publish.Generation{}, false, err
	}
	return list[0], true, nil
}

// generations gives those that exist, ordered by merchant and number.
func (t *tx) generations(ctx context.Context, refs ...genRef) (list []publish.Generation, err error) {
	merchants, numbers := columns(refs)
	err = t.each(ctx, sqlGenerations, []any{merchants, numbers}, func(rows pgx.Rows) error {
		var g publish.Generation
		var kind, languages, currency, stateKey string
		var at, expires, cursor, compared int64
		var current bool
		var state nullBlob
		err := rows.Scan(&g.Feed.Merchant, &g.Number, &kind, &g.Feed.Key, &g.Base, &g.Epoch, &at, &expires, &g.Products,
			&languages, &currency, &stateKey, &state.size, &state.md5, &state.sha256, &cursor, &compared, &current, &g.Cursor, &g.PriceSum, &g.PriceCount)
		if err != nil {
			return err
		}
		g.Time, g.Expires, g.State = fromMicros(at), fromMicros(expires), state.blob(stateKey)
		if current {
			g.Cursor, g.Compared = cursor, fromZero(compared)
		}
		if g.Feed.Kind, err = parseKind(kind); err != nil {
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
		if _, g.Currency, err = parseLocale("", currency); err != nil {
			return err
		}
		list = append(list, g)
		return nil
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	files, err := t.files(ctx, refs...)
	if err != nil {
		return nil, err
	}
	layers := map[genRef][]publish.Blob{}
	err = t.each(ctx, sqlLayers, []any{merchants, numbers}, func(rows pgx.Rows) error {
		var ref genRef
		var key string
		var b nullBlob
		err := rows.Scan(&ref.merchant, &ref.number, &key, &b.size, &b.md5, &b.sha256)
		layers[ref] = append(layers[ref], b.blob(key))
		return err
	})
	for i := range list {
		ref := genRef{list[i].Feed.Merchant, list[i].Number}
		list[i].Files, list[i].Layers = files[ref], layers[ref]
	}
	return list, err
}

// CurrentGenerations gives the current generations of all feeds that an offer
// is read from, but for those whose number is known already. It spans all
// merchants and is meant for file servers alone.
func (d *DB) CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) (list []publish.Generation, err error) {
	err = d.read(ctx, "read current generations", func(ctx context.Context, t *tx) error {
		list = nil
		var moved []genRef
		err := t.each(ctx, sqlPointers, []any{t.now - linger.Microseconds()}, func(rows pgx.Rows) error {
			var f publish.FeedRef
			var kind string
			var number int64
			err := rows.Scan(&f.Merchant, &kind, &f.Key, &number)
			if err == nil {
				f.Kind, err = parseKind(kind)
			}
			if err == nil && known[f] != number {
				moved = append(moved, genRef{f.Merchant, number})
			}
			return err
		})
		if err != nil || len(moved) == 0 {
			return err
		}
		list, err = t.generations(ctx, moved...)
		return err
	})
	return list, err
}

// FileByAddress gives the file with this address if it is served to the offer:
// if a generation that lists it was current for the offer at some moment of the
// last 72 hours (2 hours for a light feed), whatever its profile is by now.
func (d *DB) FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (f publish.File, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.opt.StatementTimeout)
	defer cancel()
	rows, err := d.pool.Query(ctx, sqlFileByAddress, merchant, offer, generation, k.String(), label,
		micros(d.opt.Now()), lingerLight.Microseconds(), linger.Microseconds(), behind.Microseconds())
	if err == nil {
		err = eachRow(rows, func(rows pgx.Rows) error {
			f, err = scanFile(rows)
			ok = err == nil
			return err
		})
	}
	return f, ok, fault("find file", ended(ctx, err))
}
