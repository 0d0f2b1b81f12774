package records

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const partnerColumns = `merchant_id, partner_id, name, email, phone, language, currency, wholesaler, tags, notes, state, feed_on, orders_on,
	discounts, schedule, version`

const (
	sqlPartner           = `SELECT ` + partnerColumns + ` FROM partner WHERE merchant_id = $1 AND partner_id = $2`
	sqlLockPartner       = sqlPartner + ` FOR NO KEY UPDATE`
	sqlSharePartner      = sqlPartner + ` FOR SHARE`
	sqlPartners          = `SELECT ` + partnerColumns + ` FROM partner WHERE merchant_id = $1 ORDER BY partner_id`
	sqlTimedPartners     = `SELECT ` + partnerColumns + ` FROM partner WHERE merchant_id = $1 AND schedule <> '' ORDER BY partner_id`
	sqlLockTimedPartners = sqlTimedPartners + ` FOR NO KEY UPDATE`
	sqlEveryPartner      = `SELECT ` + partnerColumns + ` FROM partner ORDER BY merchant_id, partner_id` // every merchant
	sqlInsertPartner     = `INSERT INTO partner (` + partnerColumns + `, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16)`
	sqlUpdatePartner     = `UPDATE partner SET name = $1, email = $2, phone = $3, language = $4, currency = $5, wholesaler = $6, tags = $7, notes = $8,
		state = $9, feed_on = $10, orders_on = $11, discounts = $12, schedule = $13, version = version + 1
		WHERE merchant_id = $14 AND partner_id = $15 AND version = $16`
	sqlDeletePartner = `DELETE FROM partner WHERE merchant_id = $1 AND partner_id = $2 AND version = $3`
)

// CreatePartner adds a partner; p.Version is ignored and becomes 1.
func (d *DB) CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error) {
	if err := p.Validate(); err != nil {
		return partner.Partner{}, err
	}
	p.Version = 1
	err := d.write(ctx, "create partner "+string(p.ID), func(ctx context.Context, t *Tx) error {
		r, err := partner.EncodePartner(&p)
		if err != nil {
			return err
		}
		err = t.exec(ctx, sqlInsertPartner, p.Merchant, p.ID, p.Name, p.Email, p.Phone, p.Language.String(), p.Currency.String(),
			p.Wholesaler, r.Tags, p.Notes, p.State.String(), p.FeedEnabled, p.OrdersEnabled, r.Discounts, r.Schedule, t.Now)
		if err != nil {
			return err
		}
		t.Tell(p.Merchant)
		return t.Audit(actor, p.Merchant, "partner.create", string(p.ID), nil, partner.FactsOf(&p))
	})
	return p, err
}

// Partner gives one partner of a merchant.
func (d *DB) Partner(ctx context.Context, merchant partner.MerchantID, id partner.ID) (p partner.Partner, err error) {
	err = d.read(ctx, "read partner "+string(id), func(ctx context.Context, t *Tx) error {
		p, err = t.partner(ctx, sqlPartner, merchant, id)
		return err
	})
	return p, err
}

// Partners gives a merchant's partners, in the order of their ids.
func (d *DB) Partners(ctx context.Context, merchant partner.MerchantID) (list []partner.Partner, err error) {
	err = d.read(ctx, "list partners", func(ctx context.Context, t *Tx) error {
		list, err = t.partners(ctx, sqlPartners, merchant)
		return err
	})
	return list, err
}

// UpdatePartner changes everything but the two switches and the schedule, which
// have methods of their own. Offers that have the partner's discounts get the
// new ones, and are attached to the feeds of their new profiles, in the same
// transaction. It fails with KindConflict unless p.Version is the present one.
func (d *DB) UpdatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error) {
	return d.changePartner(ctx, actor, p.Merchant, p.ID, p.Version, "partner.update", func(old partner.Partner) partner.Partner {
		p.FeedEnabled, p.OrdersEnabled, p.Schedule = old.FeedEnabled, old.OrdersEnabled, old.Schedule
		return p
	})
}

// SetPartnerFeed moves a partner's feed switch. Nothing else of the account and
// nothing of its links is touched; points of the schedule that are still to
// come stay. It fails with KindConflict unless version is the partner's present one.
func (d *DB) SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error) {
	return d.changePartner(ctx, actor, merchant, id, version, partner.SwitchAction("partner.feed", on), func(p partner.Partner) partner.Partner {
		p.FeedEnabled = on
		return p
	})
}

// SetPartnerOrders is [DB.SetPartnerFeed] for the orders switch.
func (d *DB) SetPartnerOrders(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error) {
	return d.changePartner(ctx, actor, merchant, id, version, partner.SwitchAction("partner.orders", on), func(p partner.Partner) partner.Partner {
		p.OrdersEnabled = on
		return p
	})
}

// SetPartnerSchedule sets what the partner's feed switch will do by itself. It
// fails with KindConflict unless version is the partner's present one.
func (d *DB) SetPartnerSchedule(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, s partner.Schedule, version int64) (partner.Partner, error) {
	return d.changePartner(ctx, actor, merchant, id, version, "partner.schedule", func(p partner.Partner) partner.Partner {
		p.Schedule = s
		return p
	})
}

func (d *DB) changePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64, action string, change func(partner.Partner) partner.Partner) (p partner.Partner, err error) {
	err = d.write(ctx, "change partner "+string(id), func(ctx context.Context, t *Tx) error {
		p, err = t.changePartner(ctx, actor, merchant, id, version, action, nil, change)
		return err
	})
	return p, err
}

// changePartner changes a partner in whom the points of the schedule that have
// passed are written down first. An action of "" is named after what changed.
// The offers of beside are about to be changed in the same transaction, and
// take new discounts then.
func (t *Tx) changePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64, action string, beside []partner.Offer, change func(partner.Partner) partner.Partner) (p partner.Partner, err error) {
	old, err := t.partner(ctx, sqlLockPartner, merchant, id)
	if err != nil {
		return p, err
	}
	if old, err = t.settlePartner(old); err != nil {
		return p, err
	}
	p = change(old)
	p.Merchant, p.ID = merchant, id
	if err := p.Validate(); err != nil {
		return p, err
	}
	if version != old.Version {
		return p, partner.Conflict("partner", string(id), version, old.Version, partner.FactsOf(&old), partner.FactsOf(&p))
	}
	if action == "" {
		action = partner.ActionOf(&old, &p)
	}
	r, err := partner.EncodePartner(&p)
	if err != nil {
		return p, err
	}
	err = t.exec(ctx, sqlUpdatePartner, p.Name, p.Email, p.Phone, p.Language.String(), p.Currency.String(), p.Wholesaler,
		r.Tags, p.Notes, p.State.String(), p.FeedEnabled, p.OrdersEnabled, r.Discounts, r.Schedule, merchant, id, version)
	if err != nil {
		return p, err
	}
	p.Version = version + 1
	t.Tell(merchant)
	t.Queue(merchant, string(id), action)
	if err := t.Audit(actor, merchant, action, string(id), partner.FactsOf(&old), partner.FactsOf(&p)); err != nil {
		return p, err
	}
	if !reflect.DeepEqual(old.Discounts, p.Discounts) {
		if err := t.passDiscounts(ctx, actor, &p, beside); err != nil {
			return p, err
		}
	}
	if old.State == partner.StateBlocked && p.State == partner.StateActive {
		return p, t.awaitRun(ctx, merchant, id)
	}
	return p, nil
}

// settlePartner tells the audit of the points of a partner's schedule that have
// passed. What is written down of them is up to the caller.
func (t *Tx) settlePartner(p partner.Partner) (partner.Partner, error) {
	now := FromMicros(t.Now)
	if !p.Schedule.Due(now) {
		return p, nil
	}
	settled := p
	settled.FeedEnabled, settled.Schedule = p.Schedule.Settle(p.FeedEnabled, now)
	return settled, t.Audit(partner.ScheduleActor(), p.Merchant, partner.ActionOf(&p, &settled), string(p.ID), partner.FactsOf(&p), partner.FactsOf(&settled))
}

// passDiscounts gives a partner's discounts to those of his offers that have them.
func (t *Tx) passDiscounts(ctx context.Context, actor partner.Actor, p *partner.Partner, beside []partner.Offer) error {
	offers, err := t.offers(ctx, sqlPartnerOffers, p.Merchant, p.ID)
	if err != nil {
		return err
	}
	for _, o := range offers {
		if slices.ContainsFunc(beside, func(b partner.Offer) bool { return b.ID == o.ID }) {
			continue
		}
		if !o.PartnerDiscounts || reflect.DeepEqual(o.Profile.Discounts, p.Discounts) {
			continue
		}
		_, err := t.changeOffer(ctx, actor, o.Merchant, o.ID, o.Version, "offer.update", func(o partner.Offer) partner.Offer { return o })
		if err != nil {
			return err
		}
	}
	return nil
}

// DeletePartner removes a partner who has no offers any more. It fails with
// KindConflict unless version is the present one.
func (d *DB) DeletePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64) error {
	return d.write(ctx, "delete partner "+string(id), func(ctx context.Context, t *Tx) error {
		old, err := t.partner(ctx, sqlLockPartner, merchant, id)
		if err != nil {
			return err
		}
		offers, err := t.offers(ctx, sqlPartnerOffers, merchant, id)
		if err != nil {
			return err
		}
		if len(offers) > 0 && old.Version == version {
			return hasOffers(old.Name, offers)
		}
		n, err := t.Exec(ctx, sqlDeletePartner, merchant, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return partner.Conflict("partner", string(id), version, old.Version, nil, nil)
		}
		t.Tell(merchant)
		return t.Audit(actor, merchant, "partner.delete", string(id), partner.FactsOf(&old), nil)
	})
}

// hasOffers refuses to delete a partner, and tells the way to what is mostly meant.
func hasOffers(name string, offers []partner.Offer) error {
	list := make([]string, 0, 3)
	for _, o := range offers[:min(len(offers), cap(list))] {
		list = append(list, string(o.ID))
	}
	if len(offers) > len(list) {
		list = append(list, "…")
	}
	return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("partner %q still has offers: %s", name, strings.Join(list, ", ")),
		Hint: "switch him off instead, or delete his offers first"}
}

func (t *Tx) partner(ctx context.Context, query string, merchant partner.MerchantID, id partner.ID) (partner.Partner, error) {
	list, err := t.partners(ctx, query, merchant, id)
	if err != nil {
		return partner.Partner{}, err
	}
	if len(list) == 0 {
		return partner.Partner{}, partner.Missing("partner", string(id))
	}
	return list[0], nil
}

func (t *Tx) partners(ctx context.Context, query string, args ...any) (list []partner.Partner, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var p partner.Partner
		var language, currency, tags, state, discounts, schedule string
		err := row.Scan(&p.Merchant, &p.ID, &p.Name, &p.Email, &p.Phone, &language, &currency, &p.Wholesaler, &tags, &p.Notes,
			&state, &p.FeedEnabled, &p.OrdersEnabled, &discounts, &schedule, &p.Version)
		if err == nil {
			p.Language, p.Currency, err = ParseLocale(language, currency)
		}
		if err == nil {
			p.State, err = partner.ParseState(state)
		}
		if err == nil {
			err = json.Unmarshal([]byte(tags), &p.Tags)
		}
		if err == nil {
			p.Discounts, err = partner.DecodeDiscounts([]byte(discounts))
		}
		if err == nil {
			p.Schedule, err = partner.DecodeSchedule(schedule)
		}
		if err != nil {
			return fmt.Errorf("record of partner %s: %w", p.ID, err)
		}
		list = append(list, p)
		return nil
	})
	return list, err
}
