package records

import (
	"context"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const merchantColumns = `merchant_id, name, sharing, reveal, supplier, language, currency, vat, base_url, zone_minutes,
	alarm_addresses, alarm_suspends, stale_seconds, vat_zero, version`

const (
	sqlMerchant       = `SELECT ` + merchantColumns + ` FROM merchant WHERE merchant_id = $1`
	sqlLockMerchant   = sqlMerchant + ` FOR NO KEY UPDATE`
	sqlEveryMerchant  = `SELECT ` + merchantColumns + ` FROM merchant ORDER BY merchant_id` // every merchant
	sqlInsertMerchant = `INSERT INTO merchant (` + merchantColumns + `, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15)`
	sqlUpdateMerchant = `UPDATE merchant SET name = $1, sharing = $2, reveal = $3, supplier = $4, language = $5, currency = $6, vat = $7,
		base_url = $8, zone_minutes = $9, alarm_addresses = $10, alarm_suspends = $11, stale_seconds = $12, vat_zero = $13, version = version + 1
		WHERE merchant_id = $14 AND version = $15`

	sqlShops      = `SELECT merchant_id, shop_id, number, name, version FROM shop WHERE merchant_id = $1 ORDER BY number`
	sqlEveryShop  = `SELECT merchant_id, shop_id, number, name, version FROM shop ORDER BY merchant_id, number` // every merchant
	sqlShop       = `SELECT merchant_id, shop_id, number, name, version FROM shop WHERE merchant_id = $1 AND shop_id = $2 FOR NO KEY UPDATE`
	sqlInsertShop = `INSERT INTO shop (merchant_id, shop_id, number, name, version) VALUES ($1, $2, $3, $4, 1)`
	sqlUpdateShop = `UPDATE shop SET number = $1, name = $2, version = version + 1 WHERE merchant_id = $3 AND shop_id = $4 AND version = $5`
	sqlDeleteShop = `DELETE FROM shop WHERE merchant_id = $1 AND shop_id = $2`
)

// CreateMerchant adds a merchant; m.Version is ignored and becomes 1.
func (d *DB) CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error) {
	if err := m.Validate(); err != nil {
		return partner.Merchant{}, err
	}
	m.Version = 1
	err := d.write(ctx, "create merchant "+string(m.ID), func(ctx context.Context, t *Tx) error {
		supplier, err := partner.EncodeSupplier(&m.Supplier)
		if err != nil {
			return err
		}
		err = t.exec(ctx, sqlInsertMerchant, m.ID, m.Name, m.SharingEnabled, m.RevealDisabled, string(supplier),
			m.Language.String(), m.Currency.String(), m.VAT.String(), m.BaseURL, zoneMinutes(&m),
			m.Alarm.Addresses, m.Alarm.Suspend, int64(m.StaleAfter/time.Second), m.ZeroVAT, t.Now)
		if err != nil {
			return err
		}
		t.Made = append(t.Made, m.ID)
		t.Tell(m.ID)
		return t.Audit(actor, m.ID, "merchant.create", string(m.ID), nil, partner.FactsOf(&m))
	})
	return m, err
}

// Merchant gives one merchant.
func (d *DB) Merchant(ctx context.Context, id partner.MerchantID) (m partner.Merchant, err error) {
	err = d.read(ctx, "read merchant "+string(id), func(ctx context.Context, t *Tx) error {
		m, err = t.merchant(ctx, sqlMerchant, id)
		return err
	})
	return m, err
}

// Merchants gives all merchants, in the order of their ids.
func (d *DB) Merchants(ctx context.Context) (list []partner.Merchant, err error) {
	err = d.read(ctx, "list merchants", func(ctx context.Context, t *Tx) error {
		list, err = t.merchants(ctx)
		return err
	})
	return list, err
}

// UpdateMerchant changes everything but the sharing switch, which
// [DB.SetSharing] alone moves. It fails with KindConflict unless m.Version is
// the present one.
func (d *DB) UpdateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error) {
	return d.changeMerchant(ctx, actor, m.ID, m.Version, "merchant.update", func(old partner.Merchant) partner.Merchant {
		m.SharingEnabled = old.SharingEnabled
		return m
	})
}

// SetSharing moves the switch of all sharing of a merchant. It fails with
// KindConflict unless version is the merchant's present one.
func (d *DB) SetSharing(ctx context.Context, actor partner.Actor, id partner.MerchantID, on bool, version int64) (partner.Merchant, error) {
	return d.changeMerchant(ctx, actor, id, version, partner.SwitchAction("merchant.sharing", on), func(m partner.Merchant) partner.Merchant {
		m.SharingEnabled = on
		return m
	})
}

func (d *DB) changeMerchant(ctx context.Context, actor partner.Actor, id partner.MerchantID, version int64, action string, change func(partner.Merchant) partner.Merchant) (m partner.Merchant, err error) {
	err = d.write(ctx, "change merchant "+string(id), func(ctx context.Context, t *Tx) error {
		old, err := t.merchant(ctx, sqlLockMerchant, id)
		if err != nil {
			return err
		}
		m = change(old)
		if err := m.Validate(); err != nil {
			return err
		}
		supplier, err := partner.EncodeSupplier(&m.Supplier)
		if err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlUpdateMerchant, m.Name, m.SharingEnabled, m.RevealDisabled, string(supplier),
			m.Language.String(), m.Currency.String(), m.VAT.String(), m.BaseURL, zoneMinutes(&m),
			m.Alarm.Addresses, m.Alarm.Suspend, int64(m.StaleAfter/time.Second), m.ZeroVAT, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return partner.Conflict("merchant", string(id), version, old.Version, partner.FactsOf(&old), partner.FactsOf(&m))
		}
		m.Version = version + 1
		t.Tell(id)
		t.Queue(id, "merchant", action)
		if m.SharingEnabled && !old.SharingEnabled {
			if err := t.awaitRun(ctx, id, ""); err != nil {
				return err
			}
		}
		return t.Audit(actor, id, action, string(id), partner.FactsOf(&old), partner.FactsOf(&m))
	})
	return m, err
}

// Merchant gives one merchant.
func (t *Tx) Merchant(ctx context.Context, id partner.MerchantID) (partner.Merchant, error) {
	return t.merchant(ctx, sqlMerchant, id)
}

func (t *Tx) merchant(ctx context.Context, query string, id partner.MerchantID) (m partner.Merchant, err error) {
	found := false
	err = t.each(ctx, query, []any{id}, func(row Row) error {
		found = true
		m, err = scanMerchant(row)
		return err
	})
	if err == nil && !found {
		err = partner.Missing("merchant", string(id))
	}
	return m, err
}

func (t *Tx) merchants(ctx context.Context) (list []partner.Merchant, err error) {
	err = t.each(ctx, sqlEveryMerchant, nil, func(row Row) error {
		m, err := scanMerchant(row)
		list = append(list, m)
		return err
	})
	return list, err
}

func scanMerchant(row Row) (m partner.Merchant, err error) {
	var supplier, language, currency, vat string
	var minutes, stale int64
	err = row.Scan(&m.ID, &m.Name, &m.SharingEnabled, &m.RevealDisabled, &supplier, &language, &currency, &vat, &m.BaseURL, &minutes,
		&m.Alarm.Addresses, &m.Alarm.Suspend, &stale, &m.ZeroVAT, &m.Version)
	if err != nil {
		return m, err
	}
	m.ZoneOffset, m.StaleAfter = time.Duration(minutes)*time.Minute, time.Duration(stale)*time.Second
	if m.Supplier, err = partner.DecodeSupplier([]byte(supplier)); err == nil {
		m.Language, m.Currency, err = ParseLocale(language, currency)
	}
	if err == nil {
		m.VAT, err = feed.ParsePercent(vat)
	}
	if err != nil {
		err = fmt.Errorf("record of merchant %s: %w", m.ID, err)
	}
	return m, err
}

func zoneMinutes(m *partner.Merchant) int64 { return int64(m.ZoneOffset / time.Minute) }

// ParseLocale reads a stored language and currency, "" for none.
func ParseLocale(language, currency string) (l feed.Language, c feed.Currency, err error) {
	if language != "" {
		if l, err = feed.ParseLanguage(language); err != nil {
			return l, c, err
		}
	}
	if currency != "" {
		c, err = feed.ParseCurrency(currency)
	}
	return l, c, err
}

// CreateShop adds a shop; s.Version is ignored and becomes 1.
func (d *DB) CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return d.write(ctx, "create shop "+string(s.ID), func(ctx context.Context, t *Tx) error {
		if err := t.exec(ctx, sqlInsertShop, s.Merchant, s.ID, s.Number, s.Name); err != nil {
			return err
		}
		t.Tell(s.Merchant)
		return t.Audit(actor, s.Merchant, "shop.create", string(s.ID), nil, partner.FactsOf(&s))
	})
}

// Shops gives a merchant's shops, in the order of their numbers.
func (d *DB) Shops(ctx context.Context, merchant partner.MerchantID) (list []partner.Shop, err error) {
	err = d.read(ctx, "list shops", func(ctx context.Context, t *Tx) error {
		list, err = t.shops(ctx, sqlShops, merchant)
		return err
	})
	return list, err
}

// UpdateShop changes a shop's name and number. It fails with KindConflict unless
// s.Version is the present one.
func (d *DB) UpdateShop(ctx context.Context, actor partner.Actor, s partner.Shop) (partner.Shop, error) {
	if err := s.Validate(); err != nil {
		return s, err
	}
	version := s.Version
	err := d.write(ctx, "change shop "+string(s.ID), func(ctx context.Context, t *Tx) error {
		old, err := t.shop(ctx, s.Merchant, s.ID)
		if err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlUpdateShop, s.Number, s.Name, s.Merchant, s.ID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return partner.Conflict("shop", string(s.ID), version, old.Version, partner.FactsOf(&old), partner.FactsOf(&s))
		}
		s.Version = version + 1
		t.Tell(s.Merchant)
		return t.Audit(actor, s.Merchant, "shop.update", string(s.ID), partner.FactsOf(&old), partner.FactsOf(&s))
	})
	return s, err
}

// DeleteShop removes a shop that no offer is for.
func (d *DB) DeleteShop(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ShopID) error {
	return d.write(ctx, "delete shop "+string(id), func(ctx context.Context, t *Tx) error {
		old, err := t.shop(ctx, merchant, id)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlDeleteShop, merchant, id); err != nil {
			return err
		}
		t.Tell(merchant)
		return t.Audit(actor, merchant, "shop.delete", string(id), partner.FactsOf(&old), nil)
	})
}

func (t *Tx) shop(ctx context.Context, merchant partner.MerchantID, id partner.ShopID) (partner.Shop, error) {
	list, err := t.shops(ctx, sqlShop, merchant, id)
	if err != nil {
		return partner.Shop{}, err
	}
	if len(list) == 0 {
		return partner.Shop{}, partner.Missing("shop", string(id))
	}
	return list[0], nil
}

func (t *Tx) shops(ctx context.Context, query string, args ...any) (list []partner.Shop, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var s partner.Shop
		err := row.Scan(&s.Merchant, &s.ID, &s.Number, &s.Name, &s.Version)
		list = append(list, s)
		return err
	})
	return list, err
}
