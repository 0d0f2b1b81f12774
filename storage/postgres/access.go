package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// How long the addresses of a feed's files answer after they were replaced. File
// servers know of that a little later than the records, and name files meanwhile:
// behind bounds by how much.
const (
	behind      = partner.EdgeBehind
	linger      = publish.FullRetention + behind
	lingerLight = publish.LightRetention + behind
)

const (
	// Sums of numbers that only grow, read in one statement: two equal ones have
	// seen the same commits.
	sqlVersion     = `SELECT 1 + coalesce(sum(accounts), 0)::bigint, 1 + coalesce(sum(pointers), 0)::bigint FROM access_version` // every merchant
	sqlAttachments = `SELECT offer_id, kind, feed_key, since, until, pending FROM offer_feed WHERE until IS NULL OR until > $1
		ORDER BY merchant_id, offer_id, kind, number DESC` // every merchant
)

// AccessVersion tells whether anything has changed that file servers must see.
func (d *DB) AccessVersion(ctx context.Context) (v partner.Version, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.opt.StatementTimeout)
	defer cancel()
	err = d.pool.QueryRow(ctx, sqlVersion).Scan(&v.Accounts, &v.Pointers)
	return v, fault("read version", ended(ctx, err))
}

// Accounts gives everything that decides who may read what, as one state.
// It spans all merchants and is meant for file servers alone.
func (d *DB) Accounts(ctx context.Context) (a partner.Accounts, err error) {
	err = d.read(ctx, "read accounts", func(ctx context.Context, t *tx) error {
		a = partner.Accounts{}
		if _, err := t.one(ctx, sqlVersion, nil, &a.Version.Accounts, &a.Version.Pointers); err != nil {
			return err
		}
		if a.Merchants, err = t.merchants(ctx); err != nil {
			return err
		}
		if a.Shops, err = t.shops(ctx, sqlEveryShop); err != nil {
			return err
		}
		if a.Partners, err = t.partners(ctx, sqlEveryPartner); err != nil {
			return err
		}
		if a.Offers, err = t.offers(ctx, sqlEveryOffer); err != nil {
			return err
		}
		// What the ledger would still tell of their use, file servers know of.
		since := t.now - partner.LedgerAge.Microseconds()
		if a.Links, err = t.links(ctx, sqlKnownLinks, since); err != nil {
			return err
		}
		return t.each(ctx, sqlAttachments, []any{t.now - linger.Microseconds()}, func(rows pgx.Rows) error {
			var at partner.Attachment
			var kind string
			var since int64
			var until *int64
			err := rows.Scan(&at.Offer, &kind, &at.Key, &since, &until, &at.Pending)
			if err == nil {
				at.Kind, err = parseKind(kind)
			}
			at.Since, at.Until = fromMicros(since), fromOptional(until)
			a.Attachments = append(a.Attachments, at)
			return err
		})
	})
	return a, err
}
