package records

import (
	"context"
	"fmt"

	"feedmill/internal/partner"
)

const offerColumns = `merchant_id, offer_id, partner_id, shop_id, name, profile, full_key, light_key, files, feed_on, orders_on,
	partner_discounts, schedule, version`

const (
	sqlOffer           = `SELECT ` + offerColumns + ` FROM offer WHERE merchant_id = $1 AND offer_id = $2`
	sqlLockOffer       = sqlOffer + ` FOR NO KEY UPDATE`
	sqlOffers          = `SELECT ` + offerColumns + ` FROM offer WHERE merchant_id = $1 ORDER BY offer_id`
	sqlPartnerOffers   = `SELECT ` + offerColumns + ` FROM offer WHERE merchant_id = $1 AND partner_id = $2 ORDER BY offer_id`
	sqlEveryOffer      = `SELECT ` + offerColumns + ` FROM offer ORDER BY merchant_id, offer_id` // every merchant
	sqlTimedOffers     = `SELECT ` + offerColumns + ` FROM offer WHERE merchant_id = $1 AND schedule <> '' ORDER BY offer_id`
	sqlLockTimedOffers = sqlTimedOffers + ` FOR NO KEY UPDATE`
	sqlInsertOffer     = `INSERT INTO offer (` + offerColumns + `, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14)`
	sqlUpdateOffer     = `UPDATE offer SET shop_id = $1, name = $2, profile = $3, full_key = $4, light_key = $5, files = $6, feed_on = $7, orders_on = $8,
		partner_discounts = $9, schedule = $10, version = version + 1 WHERE merchant_id = $11 AND offer_id = $12 AND version = $13`
	sqlSetKeys     = `UPDATE offer SET full_key = $1, light_key = $2 WHERE merchant_id = $3 AND offer_id = $4 AND version = $5`
	sqlDeleteOffer = `DELETE FROM offer WHERE merchant_id = $1 AND offer_id = $2 AND version = $3`
)

// CreateOffer adds an offer; o.Version is ignored and becomes 1.
func (d *DB) CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error) {
	if err := o.Validate(); err != nil {
		return partner.Offer{}, err
	}
	o.Version = 1
	err := d.write(ctx, "create offer "+string(o.ID), func(ctx context.Context, t *Tx) error {
		if err := t.takeDiscounts(ctx, &o); err != nil {
			return err
		}
		row, err := partner.EncodeOffer(&o)
		if err != nil {
			return err
		}
		err = t.exec(ctx, sqlInsertOffer, o.Merchant, o.ID, o.Partner, o.Shop, o.Name, row.Profile, o.Profile.FullKey(), o.Profile.LightKey(),
			o.Files.String(), o.FeedEnabled, o.OrdersEnabled, o.PartnerDiscounts, row.Schedule, t.Now)
		if err != nil {
			return err
		}
		if err := t.nameList(ctx, &o); err != nil {
			return err
		}
		if err := t.Attach(ctx, &o); err != nil {
			return err
		}
		t.Tell(o.Merchant)
		t.Queue(o.Merchant, string(o.ID), "offer.create")
		return t.Audit(actor, o.Merchant, "offer.create", string(o.ID), nil, partner.FactsOf(&o))
	})
	return o, err
}

// takeDiscounts puts the partner's discounts into an offer that has them. A
// partner who does not exist is for the foreign key to refuse.
func (t *Tx) takeDiscounts(ctx context.Context, o *partner.Offer) error {
	if !o.PartnerDiscounts {
		return nil
	}
	list, err := t.partners(ctx, sqlSharePartner, o.Merchant, o.Partner)
	if err == nil && len(list) == 1 {
		o.Profile.Discounts = list[0].Discounts
	}
	return err
}

// Offer gives one offer of a merchant.
func (d *DB) Offer(ctx context.Context, merchant partner.MerchantID, id partner.OfferID) (o partner.Offer, err error) {
	err = d.read(ctx, "read offer "+string(id), func(ctx context.Context, t *Tx) error {
		o, err = t.offer(ctx, sqlOffer, merchant, id)
		return err
	})
	return o, err
}

// Offers gives a merchant's offers, in the order of their ids; of one partner
// alone unless id is "".
func (d *DB) Offers(ctx context.Context, merchant partner.MerchantID, id partner.ID) (list []partner.Offer, err error) {
	err = d.read(ctx, "list offers", func(ctx context.Context, t *Tx) error {
		if id == "" {
			list, err = t.offers(ctx, sqlOffers, merchant)
		} else {
			list, err = t.offers(ctx, sqlPartnerOffers, merchant, id)
		}
		return err
	})
	return list, err
}

// UpdateOffer changes everything but the partner, who stays the one it was made
// for, the two switches and the schedule. A changed profile attaches the offer to the feeds
// of the new one at once; the addresses of the old feeds go on answering for
// their time. It fails with KindConflict unless o.Version is the present one.
func (d *DB) UpdateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error) {
	return d.changeOffer(ctx, actor, o.Merchant, o.ID, o.Version, "offer.update", func(old partner.Offer) partner.Offer {
		o.FeedEnabled, o.OrdersEnabled, o.Schedule = old.FeedEnabled, old.OrdersEnabled, old.Schedule
		return o
	})
}

// SetOfferFeed moves an offer's feed switch. It fails with KindConflict unless
// version is the offer's present one.
func (d *DB) SetOfferFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, on bool, version int64) (partner.Offer, error) {
	return d.changeOffer(ctx, actor, merchant, id, version, partner.SwitchAction("offer.feed", on), func(o partner.Offer) partner.Offer {
		o.FeedEnabled = on
		return o
	})
}

// SetOfferOrders is [DB.SetOfferFeed] for the orders switch.
func (d *DB) SetOfferOrders(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, on bool, version int64) (partner.Offer, error) {
	return d.changeOffer(ctx, actor, merchant, id, version, partner.SwitchAction("offer.orders", on), func(o partner.Offer) partner.Offer {
		o.OrdersEnabled = on
		return o
	})
}

// SetOfferSchedule sets what the offer's feed switch will do by itself. It fails
// with KindConflict unless version is the offer's present one.
func (d *DB) SetOfferSchedule(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, s partner.Schedule, version int64) (partner.Offer, error) {
	return d.changeOffer(ctx, actor, merchant, id, version, "offer.schedule", func(o partner.Offer) partner.Offer {
		o.Schedule = s
		return o
	})
}

func (d *DB) changeOffer(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, version int64, action string, change func(partner.Offer) partner.Offer) (o partner.Offer, err error) {
	err = d.write(ctx, "change offer "+string(id), func(ctx context.Context, t *Tx) error {
		o, err = t.changeOffer(ctx, actor, merchant, id, version, action, change)
		return err
	})
	return o, err
}

// changeOffer changes an offer in which the points of the schedule that have
// passed are written down first. An action of "" is named after what changed.
func (t *Tx) changeOffer(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, version int64, action string, change func(partner.Offer) partner.Offer) (o partner.Offer, err error) {
	old, err := t.offer(ctx, sqlOffer, merchant, id)
	if err != nil {
		return o, err
	}
	// The partner, who stays the same, is locked before his offers are.
	if _, err := t.partner(ctx, sqlSharePartner, merchant, old.Partner); err != nil {
		return o, err
	}
	if old, err = t.offer(ctx, sqlLockOffer, merchant, id); err != nil {
		return o, err
	}
	if old, err = t.settleOffer(old); err != nil {
		return o, err
	}
	o = change(old)
	o.Merchant, o.ID, o.Partner = merchant, id, old.Partner
	if err := o.Validate(); err != nil {
		return o, err
	}
	if version != old.Version {
		return o, partner.Conflict("offer", string(id), version, old.Version, partner.FactsOf(&old), partner.FactsOf(&o))
	}
	if err := t.takeDiscounts(ctx, &o); err != nil {
		return o, err
	}
	if action == "" {
		action = partner.ActionOf(&old, &o)
	}
	row, err := partner.EncodeOffer(&o)
	if err != nil {
		return o, err
	}
	err = t.exec(ctx, sqlUpdateOffer, o.Shop, o.Name, row.Profile, o.Profile.FullKey(), o.Profile.LightKey(), o.Files.String(),
		o.FeedEnabled, o.OrdersEnabled, o.PartnerDiscounts, row.Schedule, merchant, id, version)
	if err != nil {
		return o, err
	}
	o.Version = version + 1
	if o.Profile.PriceList != old.Profile.PriceList {
		if err := t.nameList(ctx, &o); err != nil {
			return o, err
		}
	}
	if err := t.Attach(ctx, &o); err != nil {
		return o, err
	}
	t.Tell(merchant)
	t.Queue(merchant, string(id), action)
	return o, t.Audit(actor, merchant, action, string(id), partner.FactsOf(&old), partner.FactsOf(&o))
}

// settleOffer is [Tx.settlePartner] for an offer.
func (t *Tx) settleOffer(o partner.Offer) (partner.Offer, error) {
	now := FromMicros(t.Now)
	if !o.Schedule.Due(now) {
		return o, nil
	}
	settled := o
	settled.FeedEnabled, settled.Schedule = o.Schedule.Settle(o.FeedEnabled, now)
	return settled, t.Audit(partner.ScheduleActor(), o.Merchant, partner.ActionOf(&o, &settled), string(o.ID), partner.FactsOf(&o), partner.FactsOf(&settled))
}

// DeleteOffer removes an offer none of whose links is live, and the links that
// were. It fails with KindConflict unless version is the present one.
func (d *DB) DeleteOffer(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, version int64) error {
	return d.write(ctx, "delete offer "+string(id), func(ctx context.Context, t *Tx) error {
		old, err := t.offer(ctx, sqlLockOffer, merchant, id)
		if err != nil {
			return err
		}
		links, err := t.liveLinks(ctx, merchant, id)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			return hasLinks(id, links)
		}
		n, err := t.Exec(ctx, sqlDeleteOffer, merchant, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return partner.Conflict("offer", string(id), version, old.Version, nil, nil)
		}
		if err := t.dropUnwanted(ctx, merchant); err != nil {
			return err
		}
		t.Tell(merchant)
		return t.Audit(actor, merchant, "offer.delete", string(id), partner.FactsOf(&old), nil)
	})
}

func (t *Tx) offer(ctx context.Context, query string, merchant partner.MerchantID, id partner.OfferID) (partner.Offer, error) {
	list, err := t.offers(ctx, query, merchant, id)
	if err != nil {
		return partner.Offer{}, err
	}
	if len(list) == 0 {
		return partner.Offer{}, partner.Missing("offer", string(id))
	}
	return list[0], nil
}

func (t *Tx) offers(ctx context.Context, query string, args ...any) (list []partner.Offer, err error) {
	err = t.eachOffer(ctx, query, args, func(o *partner.Offer, _, _ string) error {
		list = append(list, *o)
		return nil
	})
	return list, err
}

// eachOffer also gives the keys that are stored with an offer.
func (t *Tx) eachOffer(ctx context.Context, query string, args []any, visit func(o *partner.Offer, fullKey, lightKey string) error) error {
	return t.each(ctx, query, args, func(row Row) error {
		var o partner.Offer
		var profile, files, fullKey, lightKey, schedule string
		err := row.Scan(&o.Merchant, &o.ID, &o.Partner, &o.Shop, &o.Name, &profile, &fullKey, &lightKey, &files, &o.FeedEnabled, &o.OrdersEnabled,
			&o.PartnerDiscounts, &schedule, &o.Version)
		if err == nil {
			o.Profile, err = partner.DecodeProfile([]byte(profile))
		}
		if err == nil {
			o.Files, err = partner.ParseKindSet(files)
		}
		if err == nil {
			o.Schedule, err = partner.DecodeSchedule(schedule)
		}
		if err != nil {
			return fmt.Errorf("record of offer %s: %w", o.ID, err)
		}
		return visit(&o, fullKey, lightKey)
	})
}

// RefreshKeys works out anew which feeds each offer is read from, and gives the
// number of offers for which that has changed. A release that renders more or
// less into a feed gives profiles other keys; it is called when the program
// starts, and does nothing when the keys are the same.
func (d *DB) RefreshKeys(ctx context.Context) (changed int, err error) {
	err = d.writeAs(ctx, "refresh keys of offers", How{Again: true}, func(ctx context.Context, t *Tx) error {
		var moved []partner.Offer
		err := t.eachOffer(ctx, sqlEveryOffer, nil, func(o *partner.Offer, fullKey, lightKey string) error {
			if fullKey != o.Profile.FullKey() || lightKey != o.Profile.LightKey() {
				moved = append(moved, *o)
			}
			return nil
		})
		if err != nil {
			return err
		}
		changed = 0
		for i := range moved {
			o := &moved[i]
			n, err := t.Exec(ctx, sqlSetKeys, o.Profile.FullKey(), o.Profile.LightKey(), o.Merchant, o.ID, o.Version)
			if err != nil {
				return err
			}
			if n == 0 {
				continue // somebody has changed it meanwhile, and its keys with it
			}
			changed++
			if err := t.Attach(ctx, o); err != nil {
				return err
			}
			t.Tell(o.Merchant)
			t.Queue(o.Merchant, string(o.ID), "offer.keys")
		}
		return nil
	})
	return changed, err
}
