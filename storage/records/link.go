package records

import (
	"context"
	"fmt"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const linkColumns = `l.merchant_id, l.link_id, l.offer_id, l.name, l.secret_hash, l.created, l.expires, l.revoked, l.replaces, l.scopes, l.cidrs,
	l.version, u.last_used, u.suspended, u.alarm
	FROM link AS l LEFT JOIN link_use AS u ON u.merchant_id = l.merchant_id AND u.link_id = l.link_id`

const (
	// All that counts an offer's links meets at the offer.
	sqlHoldOffer = `SELECT 1 FROM offer WHERE merchant_id = $1 AND offer_id = $2 FOR NO KEY UPDATE`

	sqlLink       = `SELECT ` + linkColumns + ` WHERE l.merchant_id = $1 AND l.link_id = $2`
	sqlLockLink   = sqlLink + ` FOR NO KEY UPDATE OF l`
	sqlOfferLinks = `SELECT ` + linkColumns + ` WHERE l.merchant_id = $1 AND l.offer_id = $2 ORDER BY l.created, l.link_id`
	sqlAllLinks   = `SELECT ` + linkColumns + ` WHERE l.merchant_id = $1 ORDER BY l.offer_id, l.created, l.link_id`
	sqlKnownLinks = `SELECT ` + linkColumns + ` WHERE (l.revoked IS NULL OR l.revoked > $1) AND (l.expires IS NULL OR l.expires > $1)
		ORDER BY l.merchant_id, l.link_id` // every merchant
	sqlInsertLink = `INSERT INTO link (merchant_id, link_id, offer_id, name, secret_hash, created, expires, replaces, scopes, cidrs, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)`
	sqlUpdateLink  = `UPDATE link SET name = $1, cidrs = $2, expires = $3, version = version + 1 WHERE merchant_id = $4 AND link_id = $5 AND version = $6`
	sqlRevokeLink  = `UPDATE link SET revoked = $1, version = version + 1 WHERE merchant_id = $2 AND link_id = $3 AND revoked IS NULL`
	sqlExpireLink  = `UPDATE link SET expires = $1, version = version + 1 WHERE merchant_id = $2 AND link_id = $3 AND (expires IS NULL OR expires > $4)`
	sqlSuspendLink = `INSERT INTO link_use (merchant_id, link_id, suspended) VALUES ($1, $2, $3)
		ON CONFLICT (merchant_id, link_id) DO UPDATE SET suspended = excluded.suspended`
	sqlResumeLink = `UPDATE link_use SET suspended = NULL, alarm = NULL WHERE merchant_id = $1 AND link_id = $2`
)

// CreateLink adds a link that [partner.NewLink] has made. It fails with
// KindConflict when [partner.MaxLiveLinks] of the offer are live already.
func (d *DB) CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error {
	return d.write(ctx, "create link "+string(l.ID), func(ctx context.Context, t *Tx) error {
		if err := t.exec(ctx, sqlHoldOffer, l.Merchant, l.Offer); err != nil {
			return err
		}
		if err := t.createLink(ctx, actor, "link.create", &l); err != nil {
			return err
		}
		return t.countLinks(ctx, l.Merchant, l.Offer)
	})
}

// RotateLink adds the link l, of the same offer, in place of the link old. The
// old one answers for overlap more, so that the partner can change it in his
// own time; with an overlap of 0 it is revoked at once. It fails with
// KindConflict when more than [partner.MaxLiveLinks] would then be live.
func (d *DB) RotateLink(ctx context.Context, actor partner.Actor, old partner.LinkID, l partner.Link, overlap time.Duration) error {
	return d.write(ctx, "rotate link "+string(old), func(ctx context.Context, t *Tx) error {
		if err := t.exec(ctx, sqlHoldOffer, l.Merchant, l.Offer); err != nil {
			return err
		}
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
			err = t.revokeLink(ctx, actor, &before)
		} else {
			err = t.expireLink(ctx, actor, &before, FromMicros(t.Now).Add(overlap))
		}
		if err != nil {
			return err
		}
		return t.countLinks(ctx, l.Merchant, l.Offer)
	})
}

// UpdateLink changes what may be changed of a link. It fails with KindConflict
// unless version is the link's present one, and for a revoked link.
func (d *DB) UpdateLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID, s partner.LinkSettings, version int64) (l partner.Link, err error) {
	cidrs, err := partner.ParseCIDRs(s.CIDRs)
	if err != nil {
		return l, err
	}
	err = d.write(ctx, "change link "+string(id), func(ctx context.Context, t *Tx) error {
		old, err := t.link(ctx, sqlLink, merchant, id)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlHoldOffer, merchant, old.Offer); err != nil {
			return err
		}
		if old, err = t.link(ctx, sqlLockLink, merchant, id); err != nil {
			return err
		}
		if !old.RevokedAt.IsZero() {
			return revoked(id)
		}
		l = old
		l.Name, l.CIDRs, l.ExpiresAt = s.Name, cidrs, s.ExpiresAt
		if err := l.Validate(); err != nil {
			return err
		}
		if version != old.Version {
			return partner.Conflict("link", string(id), version, old.Version, partner.FactsOf(&old), partner.FactsOf(&l))
		}
		err = t.exec(ctx, sqlUpdateLink, l.Name, partner.FormatCIDRs(l.CIDRs), OptionalMicros(l.ExpiresAt), merchant, id, version)
		if err != nil {
			return err
		}
		l.Version = version + 1
		t.Tell(merchant)
		if err := t.Audit(actor, merchant, "link.update", string(id), partner.FactsOf(&old), partner.FactsOf(&l)); err != nil {
			return err
		}
		// An end that is taken back may bring one too many to life.
		return t.countLinks(ctx, merchant, l.Offer)
	})
	return l, err
}

// SuspendLink stops a link until [DB.ResumeLink]. Stopping one that is stopped
// is no error.
func (d *DB) SuspendLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error {
	return d.writeAs(ctx, "suspend link "+string(id), How{Again: true}, func(ctx context.Context, t *Tx) error {
		l, err := t.link(ctx, sqlLockLink, merchant, id)
		if err != nil || !l.SuspendedAt.IsZero() || !l.RevokedAt.IsZero() {
			return err
		}
		return t.suspendLink(ctx, actor, &l)
	})
}

func revoked(id partner.LinkID) error {
	return &feed.Error{Kind: feed.KindConflict, Message: "link " + string(id) + " is revoked", Hint: "create a new link instead"}
}

// ResumeLink lets a stopped link answer again and takes its alarm back. A revoked
// one stays so: KindConflict.
func (d *DB) ResumeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error {
	return d.write(ctx, "resume link "+string(id), func(ctx context.Context, t *Tx) error {
		l, err := t.link(ctx, sqlLockLink, merchant, id)
		if err != nil {
			return err
		}
		if !l.RevokedAt.IsZero() {
			return revoked(id)
		}
		if l.SuspendedAt.IsZero() && l.AlarmAt.IsZero() {
			return nil
		}
		if err := t.exec(ctx, sqlResumeLink, merchant, id); err != nil {
			return err
		}
		after := l
		after.SuspendedAt, after.AlarmAt = time.Time{}, time.Time{}
		t.Tell(merchant)
		return t.Audit(actor, merchant, "link.resume", string(id), partner.FactsOf(&l), partner.FactsOf(&after))
	})
}

// RevokeLink ends a link for good. Revoking it twice is no error.
func (d *DB) RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error {
	return d.writeAs(ctx, "revoke link "+string(id), How{Again: true}, func(ctx context.Context, t *Tx) error {
		l, err := t.link(ctx, sqlLockLink, merchant, id)
		if err != nil || !l.RevokedAt.IsZero() {
			return err
		}
		return t.revokeLink(ctx, actor, &l)
	})
}

// Link gives one link of a merchant.
func (d *DB) Link(ctx context.Context, merchant partner.MerchantID, id partner.LinkID) (l partner.Link, err error) {
	err = d.read(ctx, "read link "+string(id), func(ctx context.Context, t *Tx) error {
		l, err = t.link(ctx, sqlLink, merchant, id)
		return err
	})
	return l, err
}

// Links gives the links of an offer, the oldest first, ended ones included; of
// all the merchant's offers when offer is "".
func (d *DB) Links(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) (list []partner.Link, err error) {
	err = d.read(ctx, "list links", func(ctx context.Context, t *Tx) error {
		if offer == "" {
			list, err = t.links(ctx, sqlAllLinks, merchant)
		} else {
			list, err = t.links(ctx, sqlOfferLinks, merchant, offer)
		}
		return err
	})
	return list, err
}

func (t *Tx) createLink(ctx context.Context, actor partner.Actor, action string, l *partner.Link) error {
	if err := l.Validate(); err != nil {
		return err
	}
	err := t.exec(ctx, sqlInsertLink, l.Merchant, l.ID, l.Offer, l.Name, l.SecretHash[:], Micros(l.CreatedAt), OptionalMicros(l.ExpiresAt), l.Replaces,
		l.Scopes.String(), partner.FormatCIDRs(l.CIDRs))
	if err != nil {
		return err
	}
	t.Tell(l.Merchant)
	return t.Audit(actor, l.Merchant, action, string(l.ID), nil, partner.FactsOf(l))
}

// countLinks refuses what would leave too many links of an offer live.
func (t *Tx) countLinks(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) error {
	live, err := t.liveLinks(ctx, merchant, offer)
	if err != nil || len(live) <= partner.MaxLiveLinks {
		return err
	}
	return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("offer %s would have %d live links, and may have %d: %s", offer, len(live), partner.MaxLiveLinks, names(live)),
		Hint: "revoke one of them first, or rotate one at once, without an overlap"}
}

// hasLinks is the refusal to delete an offer that somebody may be reading.
func hasLinks(id partner.OfferID, live []partner.Link) error {
	return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("offer %s has live links: %s", id, names(live)),
		Hint: "switch it off instead, or revoke its links first"}
}

func names(links []partner.Link) string {
	var list []string
	for _, l := range links {
		list = append(list, fmt.Sprintf("%s (%s)", l.ID, l.Name))
	}
	return strings.Join(list, ", ")
}

func (t *Tx) liveLinks(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) (live []partner.Link, err error) {
	all, err := t.links(ctx, sqlOfferLinks, merchant, offer)
	for _, l := range all {
		if l.Live(FromMicros(t.Now)) {
			live = append(live, l)
		}
	}
	return live, err
}

func (t *Tx) revokeLink(ctx context.Context, actor partner.Actor, l *partner.Link) error {
	if err := t.exec(ctx, sqlRevokeLink, t.Now, l.Merchant, l.ID); err != nil {
		return err
	}
	after := *l
	after.RevokedAt = FromMicros(t.Now)
	t.Tell(l.Merchant)
	return t.Audit(actor, l.Merchant, "link.revoke", string(l.ID), partner.FactsOf(l), partner.FactsOf(&after))
}

// expireLink has a link end at a time, unless it ends sooner anyway.
func (t *Tx) expireLink(ctx context.Context, actor partner.Actor, l *partner.Link, end time.Time) error {
	n, err := t.Exec(ctx, sqlExpireLink, Micros(end), l.Merchant, l.ID, Micros(end))
	if err != nil || n == 0 {
		return err
	}
	after := *l
	after.ExpiresAt = end
	t.Tell(l.Merchant)
	return t.Audit(actor, l.Merchant, "link.expire", string(l.ID), partner.FactsOf(l), partner.FactsOf(&after))
}

func (t *Tx) suspendLink(ctx context.Context, actor partner.Actor, l *partner.Link) error {
	if err := t.exec(ctx, sqlSuspendLink, l.Merchant, l.ID, t.Now); err != nil {
		return err
	}
	after := *l
	after.SuspendedAt = FromMicros(t.Now)
	t.Tell(l.Merchant)
	return t.Audit(actor, l.Merchant, "link.suspend", string(l.ID), partner.FactsOf(l), partner.FactsOf(&after))
}

func (t *Tx) link(ctx context.Context, query string, merchant partner.MerchantID, id partner.LinkID) (partner.Link, error) {
	list, err := t.links(ctx, query, merchant, id)
	if err != nil {
		return partner.Link{}, err
	}
	if len(list) == 0 {
		return partner.Link{}, partner.Missing("link", string(id))
	}
	return list[0], nil
}

func (t *Tx) links(ctx context.Context, query string, args ...any) (list []partner.Link, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var l partner.Link
		var hash []byte
		var created int64
		var expires, revoked, used, suspended, alarm *int64
		var scopes, cidrs string
		err := row.Scan(&l.Merchant, &l.ID, &l.Offer, &l.Name, &hash, &created, &expires, &revoked, &l.Replaces, &scopes, &cidrs,
			&l.Version, &used, &suspended, &alarm)
		if err != nil {
			return err
		}
		copy(l.SecretHash[:], hash)
		l.CreatedAt, l.ExpiresAt, l.RevokedAt = FromMicros(created), FromOptional(expires), FromOptional(revoked)
		l.LastUsed, l.SuspendedAt, l.AlarmAt = FromOptional(used), FromOptional(suspended), FromOptional(alarm)
		if l.Scopes, err = partner.ParseScopes(scopes); err == nil {
			l.CIDRs, err = partner.ParseCIDRs(cidrs)
		}
		if err != nil {
			return fmt.Errorf("record of link %s: %w", l.ID, err)
		}
		list = append(list, l)
		return nil
	})
	return list, err
}
