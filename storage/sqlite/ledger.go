package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlPointer    = `SELECT epoch, current_gen, logical_time FROM feed WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
	sqlGeneration = `SELECT g.kind, g.feed_key, g.base, g.epoch, g.time, g.expires, g.products, g.languages, g.currency,
			g.state_key, s.size, s.md5, s.sha256, g.price_sum, g.price_count, g.event_cursor, f.event_cursor, f.compared, f.current_gen = g.number
		FROM generation AS g JOIN feed AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key
		LEFT JOIN blob AS s ON s.merchant_id = g.merchant_id AND s.blob_key = g.state_key
		WHERE g.merchant_id = ? AND g.number = ?`
	sqlLayers = `SELECT l.blob_key, s.size, s.md5, s.sha256
		FROM state_layer AS l JOIN blob AS s ON s.merchant_id = l.merchant_id AND s.blob_key = l.blob_key
		WHERE l.merchant_id = ? AND l.kind = ? AND l.feed_key = ? AND l.first_gen <= ? AND (l.last_gen IS NULL OR l.last_gen >= ?)
		ORDER BY l.place`

	fileColumns = `f.file_kind, f.label, f.generation, f.changed, f.products, f.base, f.target,
			f.plain_key, p.size, p.md5, p.sha256, f.gzip_key, z.size, z.md5, z.sha256`
	fileTables = ` FROM gen_file AS f
		JOIN blob AS p ON p.merchant_id = f.merchant_id AND p.blob_key = f.plain_key
		LEFT JOIN blob AS z ON z.merchant_id = f.merchant_id AND z.blob_key = f.gzip_key`

	sqlListedFiles = `SELECT ` + fileColumns + fileTables + `
		WHERE f.merchant_id = ? AND f.kind = ? AND f.feed_key = ? AND f.first_gen <= ? AND (f.last_gen IS NULL OR f.last_gen >= ?)`

	// A file is served to an offer while a generation that lists it is current
	// and the offer attached, and for a time after that. The four times are
	// compared with the end of the overlap of the two stretches, which are a
	// little longer for servers that learn of their ends later.
	sqlFileByAddress = `SELECT ` + fileColumns + fileTables + `
		JOIN generation AS g1 ON g1.merchant_id = f.merchant_id AND g1.number = f.first_gen
		LEFT JOIN generation AS g2 ON g2.merchant_id = f.merchant_id AND g2.number = f.last_gen
		JOIN offer_feed AS a ON a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
		WHERE f.merchant_id = ? AND a.offer_id = ? AND f.generation = ? AND f.file_kind = ? AND f.label = ?
			AND (a.until IS NULL OR g1.published < a.until + ?)
			AND (g2.retired IS NULL OR a.since < g2.retired + ?)
			AND min(coalesce(a.until, 9223372036854775807), coalesce(g2.retired, 9223372036854775807))
				> ? - CASE f.kind WHEN 'light' THEN ? ELSE ? END
		LIMIT 1`

	sqlPointers = `SELECT merchant_id, kind, feed_key, current_gen FROM feed
		WHERE current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = feed.merchant_id AND a.kind = feed.kind
			AND a.feed_key = feed.feed_key AND (a.until IS NULL OR a.until > ?))` // every merchant
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
	var epoch, number, logical int64
	found, err := t.one(ctx, sqlPointer, []any{f.Merchant, f.Kind.String(), f.Key}, &epoch, &number, &logical)
	if err != nil || !found || number == 0 {
		return publish.Generation{}, false, err
	}
	g, err = t.generation(ctx, f.Merchant, number)
	return g, err == nil, err
}

func (t *tx) generation(ctx context.Context, merchant string, number int64) (publish.Generation, error) {
	g := publish.Generation{Feed: publish.FeedRef{Merchant: merchant}, Number: number}
	var kind, languages, currency, stateKey string
	var at, expires int64
	var state nullBlob
	var cursor, compared int64
	var current bool
	found, err := t.one(ctx, sqlGeneration, []any{merchant, number}, &kind, &g.Feed.Key, &g.Base, &g.Epoch, &at, &expires, &g.Products,
		&languages, &currency, &stateKey, &state.size, &state.md5, &state.sha256, &g.PriceSum, &g.PriceCount, &g.Cursor, &cursor, &compared, &current)
	if err == nil && !found {
		err = missing("generation", fmt.Sprint(number))
	}
	if err != nil {
		return g, err
	}
	g.Time, g.Expires, g.State = fromMicros(at), fromMicros(expires), state.blob(stateKey)
	if current {
		g.Cursor, g.Compared = cursor, fromZero(compared)
	}
	if g.Feed.Kind, err = parseKind(kind); err != nil {
		return g, err
	}
	if languages != "" {
		for code := range strings.SplitSeq(languages, ",") {
			l, err := feed.ParseLanguage(code)
			if err != nil {
				return g, err
			}
			g.Languages = append(g.Languages, l)
		}
	}
	if _, g.Currency, err = parseLocale("", currency); err != nil {
		return g, err
	}
	if g.Files, err = t.files(ctx, g.Feed, number); err != nil {
		return g, err
	}
	return g, t.each(ctx, sqlLayers, []any{merchant, kind, g.Feed.Key, number, number}, func(rows *sql.Rows) error {
		var key string
		var b nullBlob
		err := rows.Scan(&key, &b.size, &b.md5, &b.sha256)
		g.Layers = append(g.Layers, b.blob(key))
		return err
	})
}

// CurrentGenerations gives the current generations of all feeds that an offer
// is read from, but for those whose number is known already. It spans all
// merchants and is meant for file servers alone.
func (d *DB) CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) (list []publish.Generation, err error) {
	err = d.read(ctx, "read current generations", func(ctx context.Context, t *tx) error {
		type pointer struct {
			merchant string
			number   int64
		}
		var moved []pointer
		err := t.each(ctx, sqlPointers, []any{t.now - linger.Microseconds()}, func(rows *sql.Rows) error {
			var f publish.FeedRef
			var kind string
			var number int64
			err := rows.Scan(&f.Merchant, &kind, &f.Key, &number)
			if err == nil {
				f.Kind, err = parseKind(kind)
			}
			if err == nil && known[f] != number {
				moved = append(moved, pointer{f.Merchant, number})
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range moved {
			g, err := t.generation(ctx, p.merchant, p.number)
			if err != nil {
				return err
			}
			list = append(list, g)
		}
		return nil
	})
	return list, err
}

// FileByAddress gives the file with this address if it is served to the offer:
// if a generation that lists it was current for the offer at some moment of the
// last 72 hours (2 hours for a light feed), whatever its profile is by now.
func (d *DB) FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (f publish.File, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.opt.StatementTimeout)
	defer cancel()
	rows, err := d.addressStmt.QueryContext(ctx, merchant, offer, generation, k.String(), label,
		behind.Microseconds(), behind.Microseconds(), micros(d.opt.Now()), lingerLight.Microseconds(), linger.Microseconds())
	if err == nil {
		defer rows.Close()
		if rows.Next() {
			f, err = scanFile(rows)
			ok = err == nil
		}
		if err == nil {
			err = rows.Err()
		}
	}
	return f, ok, fault("find file", ended(ctx, err))
}
