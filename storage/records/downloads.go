package records

import (
	"context"
	"math"
	"net/netip"
	"time"

	"feedmill/internal/partner"
)

const downloadColumns = `number, merchant_id, link_id, offer_id, kind, label, generation, bytes, outcome, refusal, address, client, started, took`

const (
	sqlDownloads      = `SELECT ` + downloadColumns + ` FROM download WHERE merchant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3`
	sqlOfferDownloads = `SELECT ` + downloadColumns + ` FROM download WHERE merchant_id = $1 AND offer_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4`
	sqlLinkDownloads  = `SELECT ` + downloadColumns + ` FROM download WHERE merchant_id = $1 AND link_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4`
	sqlDownloadDays   = `SELECT offer_id, day, kind, requests, complete, unchanged, broken, refused, bytes FROM download_day
		WHERE merchant_id = $1 AND offer_id = $2 AND day >= $3 ORDER BY day, kind`
	sqlLinkDays = `SELECT link_id, day, requests, addresses, clients, alarm FROM link_day WHERE merchant_id = $1 AND link_id = $2 AND day >= $3 ORDER BY day`
	sqlUses     = `SELECT offer_id, kind, at, generation FROM offer_use WHERE merchant_id = $1`
	// Files of the feeds that offers are read from now, newer than what the
	// recipient has: change files bring him as far as a full one does.
	sqlBehindFull = `SELECT o.offer_id, count(DISTINCT f.generation), min(g.published)
		FROM offer AS o JOIN gen_file AS f ON f.merchant_id = o.merchant_id AND f.kind = 'full' AND f.feed_key = o.full_key AND f.file_kind IN ('full', 'full_change')
		JOIN generation AS g ON g.merchant_id = o.merchant_id AND g.number = f.generation
		WHERE o.merchant_id = $1 AND f.generation > coalesce((SELECT max(u.generation) FROM offer_use AS u
			WHERE u.merchant_id = o.merchant_id AND u.offer_id = o.offer_id AND u.kind IN ('full', 'full_change')), 0)
		GROUP BY o.offer_id`
	sqlBehindLight = `SELECT o.offer_id, count(DISTINCT f.generation), min(g.published)
		FROM offer AS o JOIN gen_file AS f ON f.merchant_id = o.merchant_id AND f.kind = 'light' AND f.feed_key = o.light_key AND f.file_kind = 'light'
		JOIN generation AS g ON g.merchant_id = o.merchant_id AND g.number = f.generation
		WHERE o.merchant_id = $1 AND f.generation > coalesce((SELECT max(u.generation) FROM offer_use AS u
			WHERE u.merchant_id = o.merchant_id AND u.offer_id = o.offer_id AND u.kind = 'light'), 0)
		GROUP BY o.offer_id`
	// As file servers find out what an offer shows.
	sqlShowNothing = `SELECT o.offer_id FROM offer AS o WHERE o.merchant_id = $1 AND 2 > (SELECT count(DISTINCT a.kind)
		FROM offer_feed AS a JOIN feed AS f ON f.merchant_id = a.merchant_id AND f.kind = a.kind AND f.feed_key = a.feed_key AND f.current_gen > 0
		WHERE a.merchant_id = o.merchant_id AND a.offer_id = o.offer_id AND a.until IS NULL AND NOT a.pending)`
	sqlHeldOffers = `SELECT o.offer_id, h.run_id FROM held_generation AS h JOIN offer AS o ON o.merchant_id = h.merchant_id
			AND CASE h.kind WHEN 'full' THEN o.full_key ELSE o.light_key END = h.feed_key
		WHERE h.merchant_id = $1 ORDER BY h.held, h.kind`
)

// Downloads gives up to limit downloads of a merchant's offers, the newest first.
func (d *DB) Downloads(ctx context.Context, merchant partner.MerchantID, f partner.LedgerFilter, limit int) (list []partner.LedgerEntry, err error) {
	before := f.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	err = d.read(ctx, "list downloads", func(ctx context.Context, t *Tx) error {
		list = nil
		scan := func(row Row) error {
			e, err := scanDownload(row)
			if err == nil && (f.Link == "" || e.Link == f.Link) {
				list = append(list, e)
			}
			return err
		}
		switch {
		case f.Link != "" && f.Offer == "":
			return t.each(ctx, sqlLinkDownloads, []any{merchant, f.Link, before, limit}, scan)
		case f.Offer != "":
			return t.each(ctx, sqlOfferDownloads, []any{merchant, f.Offer, before, limit}, scan)
		}
		return t.each(ctx, sqlDownloads, []any{merchant, before, limit}, scan)
	})
	return list, err
}

func scanDownload(row Row) (e partner.LedgerEntry, err error) {
	var kind, outcome, refusal, address string
	var started, took int64
	err = row.Scan(&e.Number, &e.Merchant, &e.Link, &e.Offer, &kind, &e.Label, &e.Generation, &e.Bytes, &outcome, &refusal, &address, &e.Client, &started, &took)
	if err == nil {
		e.Kind, err = ParseKind(kind)
	}
	if err == nil {
		e.Outcome, err = partner.ParseOutcome(outcome)
	}
	if err == nil && address != "" {
		e.Address, err = netip.ParseAddr(address)
	}
	e.Refusal, e.Started, e.Took = partner.ParseRefusal(refusal), FromMicros(started), time.Duration(took)*time.Microsecond
	return e, err
}

// DownloadDays gives the daily counts of an offer from a day on, by day and kind.
func (d *DB) DownloadDays(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, from time.Time) (list []partner.DownloadDay, err error) {
	err = d.read(ctx, "count downloads", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlDownloadDays, []any{merchant, offer, partner.DayOf(from)}, func(row Row) error {
			var c partner.DownloadDay
			var day int64
			var kind string
			err := row.Scan(&c.Offer, &day, &kind, &c.Requests, &c.Complete, &c.Unchanged, &c.Broken, &c.Refused, &c.Bytes)
			if err == nil {
				c.Kind, err = ParseKind(kind)
			}
			c.Day = partner.DayTime(day)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// LinkDays gives from how many places a link was used, by day, from a day on.
func (d *DB) LinkDays(ctx context.Context, merchant partner.MerchantID, link partner.LinkID, from time.Time) (list []partner.LinkDay, err error) {
	err = d.read(ctx, "count uses of link", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlLinkDays, []any{merchant, link, partner.DayOf(from)}, func(row Row) error {
			var c partner.LinkDay
			var day int64
			var alarm *int64
			err := row.Scan(&c.Link, &day, &c.Requests, &c.Addresses, &c.Clients, &alarm)
			c.Day, c.AlarmAt = partner.DayTime(day), FromOptional(alarm)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// Freshness tells of each of a merchant's offers how far its recipient is behind.
func (d *DB) Freshness(ctx context.Context, merchant partner.MerchantID) (list []partner.Freshness, err error) {
	err = d.read(ctx, "judge freshness", func(ctx context.Context, t *Tx) error {
		list, err = t.freshness(ctx, merchant)
		return err
	})
	return list, err
}

func (t *Tx) freshness(ctx context.Context, merchant partner.MerchantID) ([]partner.Freshness, error) {
	m, err := t.merchant(ctx, sqlMerchant, merchant)
	if err != nil {
		return nil, err
	}
	partners, err := t.partners(ctx, sqlPartners, merchant)
	if err != nil {
		return nil, err
	}
	offers, err := t.offers(ctx, sqlOffers, merchant)
	if err != nil {
		return nil, err
	}
	list := make([]partner.Freshness, len(offers))
	at := make(map[partner.OfferID]*partner.Freshness, len(offers))
	for i := range offers {
		list[i] = partner.Freshness{Offer: offers[i].ID, Partner: offers[i].Partner}
		at[offers[i].ID] = &list[i]
	}
	err = t.each(ctx, sqlUses, []any{merchant}, func(row Row) error {
		var offer partner.OfferID
		var name string
		var when int64
		var use partner.FileUse
		if err := row.Scan(&offer, &name, &when, &use.Generation); err != nil {
			return err
		}
		use.At = FromMicros(when)
		kind, err := ParseKind(name)
		if f := at[offer]; f != nil {
			f.Note(kind, use)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, q := range []struct {
		query string
		count func(*partner.Freshness) *int64
	}{
		{sqlBehindFull, func(f *partner.Freshness) *int64 { return &f.BehindFull }},
		{sqlBehindLight, func(f *partner.Freshness) *int64 { return &f.BehindLight }},
	} {
		err := t.each(ctx, q.query, []any{merchant}, func(row Row) error {
			var offer partner.OfferID
			var n, published int64
			if err := row.Scan(&offer, &n, &published); err != nil {
				return err
			}
			if f := at[offer]; f != nil {
				*q.count(f) = n
				if since := FromMicros(published); f.BehindSince.IsZero() || since.Before(f.BehindSince) {
					f.BehindSince = since
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	err = t.each(ctx, sqlShowNothing, []any{merchant}, func(row Row) error {
		var offer partner.OfferID
		err := row.Scan(&offer)
		if f := at[offer]; f != nil {
			f.Nothing = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = t.each(ctx, sqlHeldOffers, []any{merchant}, func(row Row) error {
		var offer partner.OfferID
		var run string
		err := row.Scan(&offer, &run)
		if f := at[offer]; f != nil {
			f.Held = run // the newest
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	of := make(map[partner.ID]*partner.Partner, len(partners))
	for i := range partners {
		of[partners[i].ID] = &partners[i]
	}
	now := FromMicros(t.Now)
	for i := range offers {
		p := of[offers[i].Partner]
		list[i].Judge(&m, p != nil && partner.Readable(&m, p, &offers[i], now), now)
	}
	return list, nil
}
