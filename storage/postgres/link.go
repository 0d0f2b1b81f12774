package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const linkColumns = `merchant_id, link_id, offer_id, name, secret_hash, created, expires, revoked, replaces`

const (
	sqlLink       = `SELECT ` + linkColumns + ` FROM link WHERE merchant_id = $1 AND link_id = $2`
	sqlLockLink   = sqlLink + ` FOR NO KEY UPDATE`
	sqlOfferLinks = `SELECT ` + linkColumns + ` FROM link WHERE merchant_id = $1 AND offer_id = $2 ORDER BY created, link_id`
	sqlLiveLinks  = `SELECT ` + linkColumns + ` FROM link WHERE revoked IS NULL AND (expires IS NULL OR expires > $1)
		ORDER BY merchant_id, link_id` // every merchant
	sqlInsertLink = `INSERT INTO link (` + linkColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8)`
	sqlRevokeLink = `UPDATE link SET revoked = $1 WHERE merchant_id = $2 AND link_id = $3 AND revoked IS NULL`
	sqlExpireLink = `UPDATE link SET expires = $1 WHERE merchant_id = $2 AND link_id = $3 AND (expires IS NULL OR expires > $4)`
)

// CreateLink adds a link that [partner.NewLink] has made.
func (d *DB) CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error {
	return d.write(ctx, "create link "+string(l.ID), func(ctx context.Context, t *tx) error {
		return t.createLink(ctx, actor, "link.create", &l)
	})
}

// RotateLink adds the link l, of the same offer, in place of the link old. The
// old one answers for overlap more, so that the partner can change it in his
// own time; with an overlap of 0 it is revoked at once.
func (d *DB) RotateLink(ctx context.Context, actor partner.Actor, old partner.LinkID, l partner.Link, overlap time.Duration) error {
	return d.write(ctx, "rotate link "+string(old), func(ctx context.Context, t *tx) error {
		before, err := t.link(ctx, sqlLockLink, l.Merchant, old)
		if err != nil {
			return err
		}
		if before.Offer != l.Offer {
			return feed.Errorf(feed.KindInvalid, "link %s is of another offer than link %s", l.ID, old)
		}
		if !before.RevokedAt.IsZero() {
			return &feed.Error{Kind: feed.KindConflict, Message: "link " + string(old) + " is revoked already", Hint: "create a new link instead"}
		}
		l.Replaces = old
		if err := t.createLink(ctx, actor, "link.rotate", &l); err != nil {
			return err
		}
		if overlap <= 0 {
			return t.revokeLink(ctx, actor, &before)
		}
		end := fromMicros(t.now).Add(overlap)
		n, err := t.execCount(ctx, sqlExpireLink, micros(end), l.Merchant, old, micros(end))
		if err != nil || n == 0 {
			return err
		}
		after := before
		after.ExpiresAt = end
		return t.audit(actor, l.Merchant, "link.expire", string(old), linkFacts(&before), linkFacts(&after))
	})
}

// RevokeLink ends a link for good. Revoking it twice is no error.
func (d *DB) RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error {
	return d.writeAs(ctx, "revoke link "+string(id), how{again: true}, func(ctx context.Context, t *tx) error {
		l, err := t.link(ctx, sqlLockLink, merchant, id)
		if err != nil || !l.RevokedAt.IsZero() {
			return err
		}
		return t.revokeLink(ctx, actor, &l)
	})
}

// Links gives the links of an offer, the oldest first, ended ones included.
func (d *DB) Links(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) (list []partner.Link, err error) {
	err = d.read(ctx, "list links", func(ctx context.Context, t *tx) error {
		list, err = t.links(ctx, sqlOfferLinks, merchant, offer)
		return err
	})
	return list, err
}

func (t *tx) createLink(ctx context.Context, actor partner.Actor, action string, l *partner.Link) error {
	if err := l.Validate(); err != nil {
		return err
	}
	err := t.exec(ctx, sqlInsertLink, l.Merchant, l.ID, l.Offer, l.Name, l.SecretHash[:], micros(l.CreatedAt), optionalMicros(l.ExpiresAt), l.Replaces)
	if err != nil {
		return err
	}
	t.tell(l.Merchant)
	return t.audit(actor, l.Merchant, action, string(l.ID), nil, linkFacts(l))
}

func (t *tx) revokeLink(ctx context.Context, actor partner.Actor, l *partner.Link) error {
	if err := t.exec(ctx, sqlRevokeLink, t.now, l.Merchant, l.ID); err != nil {
		return err
	}
	after := *l
	after.RevokedAt = fromMicros(t.now)
	t.tell(l.Merchant)
	return t.audit(actor, l.Merchant, "link.revoke", string(l.ID), linkFacts(l), linkFacts(&after))
}

func (t *tx) link(ctx context.Context, query string, merchant partner.MerchantID, id partner.LinkID) (partner.Link, error) {
	list, err := t.links(ctx, query, merchant, id)
	if err != nil {
		return partner.Link{}, err
	}
	if len(list) == 0 {
		return partner.Link{}, missing("link", string(id))
	}
	return list[0], nil
}

func (t *tx) links(ctx context.Context, query string, args ...any) (list []partner.Link, err error) {
	err = t.each(ctx, query, args, func(rows pgx.Rows) error {
		var l partner.Link
		var hash []byte
		var created int64
		var expires, revoked *int64
		if err := rows.Scan(&l.Merchant, &l.ID, &l.Offer, &l.Name, &hash, &created, &expires, &revoked, &l.Replaces); err != nil {
			return err
		}
		copy(l.SecretHash[:], hash)
		l.CreatedAt, l.ExpiresAt, l.RevokedAt = fromMicros(created), fromOptional(expires), fromOptional(revoked)
		list = append(list, l)
		return nil
	})
	return list, err
}
