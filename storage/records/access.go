package records

import (
	"context"
	"fmt"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// Linger is for how long the addresses of a full feed's files answer after they
// were replaced, and LingerLight for how long those of a light one do. File
// servers know of that a little later than the records, and name files
// meanwhile: Behind bounds by how much.
const (
	Behind      = partner.EdgeBehind
	Linger      = publish.FullRetention + Behind
	LingerLight = publish.LightRetention + Behind
)

const sqlAttachments = `SELECT offer_id, kind, feed_key, since, until, pending FROM offer_feed WHERE until IS NULL OR until > $1
		ORDER BY merchant_id, offer_id, kind, number DESC` // every merchant

// Accounts gives everything that decides who may read what, as one state.
// It spans all merchants and is meant for file servers alone.
func (d *DB) Accounts(ctx context.Context) (a partner.Accounts, err error) {
	err = d.read(ctx, "read accounts", func(ctx context.Context, t *Tx) error {
		a = partner.Accounts{}
		if a.Version, err = t.Version(ctx); err != nil {
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
		since := t.Now - partner.LedgerAge.Microseconds()
		if a.Links, err = t.links(ctx, sqlKnownLinks, since); err != nil {
			return err
		}
		return t.each(ctx, sqlAttachments, []any{t.Now - Linger.Microseconds()}, func(row Row) error {
			var at partner.Attachment
			var kind string
			var since int64
			var until *int64
			err := row.Scan(&at.Offer, &kind, &at.Key, &since, &until, &at.Pending)
			if err == nil {
				at.Kind, err = ParseKind(kind)
			}
			at.Since, at.Until = FromMicros(since), FromOptional(until)
			a.Attachments = append(a.Attachments, at)
			return err
		})
	})
	return a, err
}

// ParseKind reads a stored name of a kind.
func ParseKind(name string) (feed.Kind, error) {
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("record of a file: %.40q is no kind", name)
}
