package records

import (
	"context"

	"feedmill/internal/partner"
)

const (
	sqlPulse = `SELECT
		coalesce((SELECT lines FROM audit_head WHERE merchant_id = $1), 0),
		coalesce((SELECT lease_epoch * 2 + CASE WHEN ended IS NULL THEN 0 ELSE 1 END FROM publish_run WHERE merchant_id = $1 ORDER BY lease_epoch DESC LIMIT 1), 0),
		coalesce((SELECT count(*) + max(held) FROM held_generation WHERE merchant_id = $1), 0),
		coalesce((SELECT count(*) + max(touched) FROM import_run WHERE merchant_id = $1), 0),
		coalesce((SELECT max(number) FROM download WHERE merchant_id = $1), 0)`
	sqlAuditBefore = `SELECT ` + auditColumns + ` FROM audit WHERE merchant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3`
	sqlAuditOf     = `SELECT ` + auditColumns + ` FROM audit WHERE merchant_id = $1 AND object = $2 AND number < $3 ORDER BY number DESC LIMIT $4`
	sqlCountGoods  = `SELECT count(*) FROM product WHERE merchant_id = $1`
)

// Pulse tells whether something of a merchant has changed: each number is
// another one when what it stands for has.
func (d *DB) Pulse(ctx context.Context, merchant partner.MerchantID) (p partner.Pulse, err error) {
	err = d.read(ctx, "read pulse", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlPulse, []any{merchant}, &p.Audit, &p.Runs, &p.Held, &p.Imports, &p.Downloads)
		return err
	})
	return p, err
}

// AuditBefore gives up to limit lines of a merchant's audit below a number, 0 for
// the end, the newest first; object "" means those of all objects.
func (d *DB) AuditBefore(ctx context.Context, merchant partner.MerchantID, object string, before int64, limit int) (list []partner.AuditEntry, err error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	err = d.read(ctx, "read audit", func(ctx context.Context, t *Tx) error {
		list = nil
		scan := func(row Row) error {
			e, err := scanAudit(row)
			list = append(list, e)
			return err
		}
		if object == "" {
			return t.each(ctx, sqlAuditBefore, []any{merchant, before, limit}, scan)
		}
		return t.each(ctx, sqlAuditOf, []any{merchant, object, before, limit}, scan)
	})
	return list, err
}

// CatalogCount counts the products of a merchant.
func (d *DB) CatalogCount(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.read(ctx, "count products", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlCountGoods, []any{merchant}, &n)
		return err
	})
	return n, err
}

func scanAudit(row Row) (e partner.AuditEntry, err error) {
	var at int64
	var place *int64
	var hash []byte
	err = row.Scan(&e.Number, &e.Merchant, &at, &e.Actor.Name, &e.Actor.Role, &e.Actor.Address, &e.Actor.Request,
		&e.Action, &e.Object, &e.Before, &e.After, &place, &hash)
	e.Time = FromMicros(at)
	if place != nil {
		e.Place = *place
	}
	copy(e.Hash[:], hash)
	return e, err
}
