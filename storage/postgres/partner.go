package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
)

const partnerColumns = `merchant_id, partner_id, name, email, phone, language, currency, wholesaler, tags, notes, state, feed_on, orders_on, version`

const (
	sqlPartner       = `SELECT ` + partnerColumns + ` FROM partner WHERE merchant_id = $1 AND partner_id = $2`
	sqlLockPartner   = sqlPartner + ` FOR NO KEY UPDATE`
	sqlPartners      = `SELECT ` + partnerColumns + ` FROM partner WHERE merchant_id = $1 ORDER BY partner_id`
	sqlEveryPartner  = `SELECT ` + partnerColumns + ` FROM partner ORDER BY merchant_id, partner_id` // every merchant
	sqlInsertPartner = `INSERT INTO partner (` + partnerColumns + `, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14)`
	sqlUpdatePartner = `UPDATE partner SET name = $1, email = $2, phone = $3, language = $4, currency = $5, wholesaler = $6, tags = $7, notes = $8,
		state = $9, feed_on = $10, orders_on = $11, version = version + 1 WHERE merchant_id = $12 AND partner_id = $13 AND version = $14`
	sqlDeletePartner = `DELETE FROM partner WHERE merchant_id = $1 AND partner_id = $2 AND version = $3`
)

// CreatePartner adds a partner; p.Version is ignored and becomes 1.
func (d *DB) CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error) {
	if err := p.Validate(); err != nil {
		return partner.Partner{}, err
	}
	p.Version = 1
	err := d.write(ctx, "create partner "+string(p.ID), func(ctx context.Context, t *tx) error {
		tags, err := encodeTags(p.Tags)
		if err != nil {
			return err
		}
		err = t.exec(ctx, sqlInsertPartner, p.Merchant, p.ID, p.Name, p.Email, p.Phone, p.Language.String(), p.Currency.String(),
			p.Wholesaler, tags, p.Notes, p.State.String(), p.FeedEnabled, p.OrdersEnabled, t.now)
		if err != nil {
			return err
		}
		t.tell(p.Merchant)
		return t.audit(actor, p.Merchant, "partner.create", string(p.ID), nil, partnerFacts(&p))
	})
	return p, err
}

// Partner gives one partner of a merchant.
func (d *DB) Partner(ctx context.Context, merchant partner.MerchantID, id partner.ID) (p partner.Partner, err error) {
	err = d.read(ctx, "read partner "+string(id), func(ctx context.Context, t *tx) error {
		p, err = t.partner(ctx, sqlPartner, merchant, id)
		return err
	})
	return p, err
}

// Partners gives a merchant's partners, in the order of their ids.
func (d *DB) Partners(ctx context.Context, merchant partner.MerchantID) (list []partner.Partner, err error) {
	err = d.read(ctx, "list partners", func(ctx context.Context, t *tx) error {
		list, err = t.partners(ctx, sqlPartners, merchant)
		return err
	})
	return list, err
}

// UpdatePartner changes everything but the two switches, which
// [DB.SetPartnerFeed] and [DB.SetPartnerOrders] alone move. It fails with
// KindConflict unless p.Version is the present one.
func (d *DB) UpdatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error) {
	return d.changePartner(ctx, actor, p.Merchant, p.ID, p.Version, "partner.update", func(old partner.Partner) partner.Partner {
		p.FeedEnabled, p.OrdersEnabled = old.FeedEnabled, old.OrdersEnabled
		return p
	})
}

// SetPartnerFeed moves a partner's feed switch. Nothing else of the account and
// nothing of its links is touched. It fails with KindConflict unless version is
// the partner's present one.
func (d *DB) SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error) {
	return d.changePartner(ctx, actor, merchant, id, version, switchName("partner.feed", on), func(p partner.Partner) partner.Partner {
		p.FeedEnabled = on
		return p
	})
}

// SetPartnerOrders is [DB.SetPartnerFeed] for the orders switch.
func (d *DB) SetPartnerOrders(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error) {
	return d.changePartner(ctx, actor, merchant, id, version, switchName("partner.orders", on), func(p partner.Partner) partner.Partner {
		p.OrdersEnabled = on
		return p
	})
}

func (d *DB) changePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64, action string, change func(partner.Partner) partner.Partner) (p partner.Partner, err error) {
	err = d.write(ctx, "change partner "+string(id), func(ctx context.Context, t *tx) error {
		old, err := t.partner(ctx, sqlLockPartner, merchant, id)
		if err != nil {
			return err
		}
		p = change(old)
		if err := p.Validate(); err != nil {
			return err
		}
		tags, err := encodeTags(p.Tags)
		if err != nil {
			return err
		}
		n, err := t.execCount(ctx, sqlUpdatePartner, p.Name, p.Email, p.Phone, p.Language.String(), p.Currency.String(), p.Wholesaler,
			tags, p.Notes, p.State.String(), p.FeedEnabled, p.OrdersEnabled, merchant, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return stale("partner", string(id), version, old.Version)
		}
		p.Version = version + 1
		t.tell(merchant)
		t.queue(merchant, string(id), action)
		return t.audit(actor, merchant, action, string(id), partnerFacts(&old), partnerFacts(&p))
	})
	return p, err
}

// DeletePartner removes a partner who has no offers any more. It fails with
// KindConflict unless version is the present one.
func (d *DB) DeletePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64) error {
	return d.write(ctx, "delete partner "+string(id), func(ctx context.Context, t *tx) error {
		old, err := t.partner(ctx, sqlLockPartner, merchant, id)
		if err != nil {
			return err
		}
		n, err := t.execCount(ctx, sqlDeletePartner, merchant, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return stale("partner", string(id), version, old.Version)
		}
		t.tell(merchant)
		return t.audit(actor, merchant, "partner.delete", string(id), partnerFacts(&old), nil)
	})
}

func (t *tx) partner(ctx context.Context, query string, merchant partner.MerchantID, id partner.ID) (partner.Partner, error) {
	list, err := t.partners(ctx, query, merchant, id)
	if err != nil {
		return partner.Partner{}, err
	}
	if len(list) == 0 {
		return partner.Partner{}, missing("partner", string(id))
	}
	return list[0], nil
}

func (t *tx) partners(ctx context.Context, query string, args ...any) (list []partner.Partner, err error) {
	err = t.each(ctx, query, args, func(rows pgx.Rows) error {
		var p partner.Partner
		var language, currency, tags, state string
		err := rows.Scan(&p.Merchant, &p.ID, &p.Name, &p.Email, &p.Phone, &language, &currency, &p.Wholesaler, &tags, &p.Notes,
			&state, &p.FeedEnabled, &p.OrdersEnabled, &p.Version)
		if err == nil {
			p.Language, p.Currency, err = parseLocale(language, currency)
		}
		if err == nil {
			p.State, err = partner.ParseState(state)
		}
		if err == nil {
			err = json.Unmarshal([]byte(tags), &p.Tags)
		}
		if err != nil {
			return fmt.Errorf("record of partner %s: %w", p.ID, err)
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// encodeTags stores none as null, so that no tags come back as none.
func encodeTags(tags []string) (string, error) {
	if len(tags) == 0 {
		return "null", nil
	}
	b, err := json.Marshal(tags)
	return string(b), err
}
