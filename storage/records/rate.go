package records

import (
	"context"
	"fmt"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlRates      = `SELECT from_code, to_code, rate, since, version FROM rate WHERE merchant_id = $1 ORDER BY from_code, to_code`
	sqlRate       = `SELECT from_code, to_code, rate, since, version FROM rate WHERE merchant_id = $1 AND from_code = $2 AND to_code = $3`
	sqlLockRate   = sqlRate + ` FOR UPDATE`
	sqlInsertRate = `INSERT INTO rate (merchant_id, from_code, to_code, rate, since, version) VALUES ($1, $2, $3, $4, $5, 1)`
	sqlUpdateRate = `UPDATE rate SET rate = $1, since = $2, version = version + 1 WHERE merchant_id = $3 AND from_code = $4 AND to_code = $5`
	sqlDeleteRate = `DELETE FROM rate WHERE merchant_id = $1 AND from_code = $2 AND to_code = $3`
)

// Rates gives a merchant's exchange rates, by their currencies.
func (d *DB) Rates(ctx context.Context, merchant partner.MerchantID) (list []partner.Rate, err error) {
	err = d.read(ctx, "list rates", func(ctx context.Context, t *Tx) error {
		list, err = t.rates(ctx, merchant)
		return err
	})
	return list, err
}

func (t *Tx) rates(ctx context.Context, merchant partner.MerchantID) (list []partner.Rate, err error) {
	err = t.each(ctx, sqlRates, []any{merchant}, func(row Row) error {
		r, err := scanRate(row, merchant)
		list = append(list, r)
		return err
	})
	return list, err
}

func scanRate(row Row, merchant partner.MerchantID) (r partner.Rate, err error) {
	var from, to, rate string
	var since int64
	if err := row.Scan(&from, &to, &rate, &since, &r.Version); err != nil {
		return r, err
	}
	r.Merchant, r.Since = merchant, FromMicros(since)
	if r.From, err = feed.ParseCurrency(from); err == nil {
		if r.To, err = feed.ParseCurrency(to); err == nil {
			r.Rate, err = feed.ParseRate(rate)
		}
	}
	if err != nil {
		err = fmt.Errorf("record of rate %s-%s: %w", from, to, err)
	}
	return r, err
}

// rate gives one rate and locks it, and nil when there is none.
func (t *Tx) rate(ctx context.Context, merchant partner.MerchantID, from, to feed.Currency) (found *partner.Rate, err error) {
	err = t.each(ctx, sqlLockRate, []any{merchant, from.String(), to.String()}, func(row Row) error {
		r, err := scanRate(row, merchant)
		found = &r
		return err
	})
	return found, err
}

// SetRate sets what one unit of a currency costs in another. r.Version is 0 for
// a rate that does not exist yet, else the present one; everything else is
// KindConflict. A rate that stands there already is left alone.
func (d *DB) SetRate(ctx context.Context, actor partner.Actor, r partner.Rate) (partner.Rate, error) {
	if err := r.Validate(); err != nil {
		return partner.Rate{}, err
	}
	wanted := r
	err := d.write(ctx, "set rate "+r.Name(), func(ctx context.Context, t *Tx) error {
		r = wanted
		old, err := t.rate(ctx, r.Merchant, r.From, r.To)
		if err != nil {
			return err
		}
		if done, err := partner.CheckRate(old, &r); done || err != nil {
			return err
		}
		r.Since, r.Version = FromMicros(t.Now), r.Version+1
		if old == nil {
			err = t.exec(ctx, sqlInsertRate, r.Merchant, r.From.String(), r.To.String(), r.Rate.String(), t.Now)
		} else {
			err = t.exec(ctx, sqlUpdateRate, r.Rate.String(), t.Now, r.Merchant, r.From.String(), r.To.String())
		}
		if err != nil {
			return err
		}
		t.Queue(r.Merchant, partner.ScopeRates, "rate.set")
		return t.Audit(actor, r.Merchant, "rate.set", r.Name(), partner.RateFacts(old), partner.FactsOf(&r))
	})
	return r, err
}

// DeleteRate removes a rate: what needs it is left out of offers afterwards. It
// fails with KindConflict unless version is the present one.
func (d *DB) DeleteRate(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, from, to feed.Currency, version int64) error {
	r := partner.Rate{Merchant: merchant, From: from, To: to, Version: version}
	return d.write(ctx, "delete rate "+r.Name(), func(ctx context.Context, t *Tx) error {
		old, err := t.rate(ctx, merchant, from, to)
		if err != nil {
			return err
		}
		if old == nil {
			return partner.Missing("rate", r.Name())
		}
		if old.Version != version {
			return partner.Conflict("rate", r.Name(), version, old.Version, nil, nil)
		}
		if err := t.exec(ctx, sqlDeleteRate, merchant, from.String(), to.String()); err != nil {
			return err
		}
		t.Queue(merchant, partner.ScopeRates, "rate.delete")
		return t.Audit(actor, merchant, "rate.delete", r.Name(), partner.FactsOf(old), nil)
	})
}
