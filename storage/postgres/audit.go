package postgres

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
)

const (
	sqlInsertAudit = `INSERT INTO audit (merchant_id, time, actor, role, address, request, action, object, before, after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	sqlAudit = `SELECT number, merchant_id, time, actor, role, address, request, action, object, before, after
		FROM audit WHERE merchant_id = $1 AND number > $2 ORDER BY number LIMIT $3`
)

// Audit gives up to limit lines of a merchant's audit after the line with the
// number after, the oldest first.
func (d *DB) Audit(ctx context.Context, merchant partner.MerchantID, after int64, limit int) (list []partner.AuditEntry, err error) {
	err = d.read(ctx, "read audit", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlAudit, []any{merchant, after, limit}, func(rows pgx.Rows) error {
			var e partner.AuditEntry
			var at int64
			err := rows.Scan(&e.Number, &e.Merchant, &at, &e.Actor.Name, &e.Actor.Role, &e.Actor.Address, &e.Actor.Request,
				&e.Action, &e.Object, &e.Before, &e.After)
			e.Time = fromMicros(at)
			list = append(list, e)
			return err
		})
	})
	return list, err
}

// facts are what the audit tells of an object. Hashes of secrets are not among them.
type facts map[string]any

// audit notes a line for the transaction of the change it tells of. Of two
// states only what differs is written.
func (t *tx) audit(actor partner.Actor, merchant partner.MerchantID, action, object string, before, after facts) error {
	if before != nil && after != nil {
		b, a := facts{}, facts{}
		for k, v := range before {
			if !reflect.DeepEqual(v, after[k]) {
				b[k], a[k] = v, after[k]
			}
		}
		before, after = b, a
	}
	old, err := before.text()
	if err != nil {
		return err
	}
	now, err := after.text()
	if err != nil {
		return err
	}
	t.audits = append(t.audits, auditRow{actor, merchant, action, object, old, now})
	return nil
}

// auditRow is a line without its number and time.
type auditRow struct {
	actor                         partner.Actor
	merchant                      partner.MerchantID
	action, object, before, after string
}

func (f facts) text() (string, error) {
	if f == nil {
		return "", nil
	}
	b, err := json.Marshal(f) // sorted by key
	return string(b), err
}

func merchantFacts(m *partner.Merchant) facts {
	return facts{
		"name": m.Name, "sharing": m.SharingEnabled, "reveal": m.RevealDisabled, "supplier": m.Supplier,
		"language": m.Language.String(), "currency": m.Currency.String(), "vat": m.VAT.String(),
		"base_url": m.BaseURL, "zone_minutes": zoneMinutes(m),
	}
}

func shopFacts(s *partner.Shop) facts { return facts{"number": s.Number, "name": s.Name} }

func partnerFacts(p *partner.Partner) facts {
	return facts{
		"name": p.Name, "email": p.Email, "phone": p.Phone, "language": p.Language.String(), "currency": p.Currency.String(),
		"wholesaler": p.Wholesaler, "tags": p.Tags, "notes": p.Notes, "state": p.State.String(),
		"feed": p.FeedEnabled, "orders": p.OrdersEnabled,
	}
}

func offerFacts(o *partner.Offer) facts {
	// The profile has been encoded before; an error here would have shown there.
	profile, _ := partner.EncodeProfile(&o.Profile)
	return facts{
		"partner": string(o.Partner), "shop": string(o.Shop), "name": o.Name, "profile": json.RawMessage(profile),
		"files": o.Files.String(), "feed": o.FeedEnabled, "orders": o.OrdersEnabled,
	}
}

func linkFacts(l *partner.Link) facts {
	return facts{
		"offer": string(l.Offer), "name": l.Name, "replaces": string(l.Replaces),
		"expires": timeFact(l.ExpiresAt), "revoked": timeFact(l.RevokedAt),
	}
}

func timeFact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
