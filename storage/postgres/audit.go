package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
)

const (
	auditColumns = `merchant_id, time, actor, role, address, request, action, object, before, after, place, hash`
	// The hash is worked out where the line before it is known: the merchant's
	// row of access_version is locked by now, so the head is nobody else's.
	sqlInsertAudit = `WITH head AS (
			INSERT INTO audit_head (merchant_id, lines, hash) VALUES ($1::text, 1, sha256(decode(repeat('00', 32), 'hex') || int8send(1) || $11::bytea))
			ON CONFLICT (merchant_id) DO UPDATE SET lines = audit_head.lines + 1,
				hash = sha256(audit_head.hash || int8send(audit_head.lines + 1) || $11::bytea)
			RETURNING lines, hash)
		INSERT INTO audit (` + auditColumns + `)
		SELECT $1::text, $2::bigint, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text, head.lines, head.hash FROM head`
	sqlAudit     = `SELECT number, ` + auditColumns + ` FROM audit WHERE merchant_id = $1 AND number > $2 ORDER BY number LIMIT $3`
	sqlAuditHead = `SELECT lines, hash FROM audit_head WHERE merchant_id = $1`
)

// Audit gives up to limit lines of a merchant's audit after the line with the
// number after, the oldest first.
func (d *DB) Audit(ctx context.Context, merchant partner.MerchantID, after int64, limit int) (list []partner.AuditEntry, err error) {
	err = d.read(ctx, "read audit", func(ctx context.Context, t *tx) error {
		list = nil
		return t.eachAudit(ctx, merchant, after, limit, func(e *partner.AuditEntry) { list = append(list, *e) })
	})
	return list, err
}

// AuditHead gives the end of a merchant's chain, zero lines when there is none.
func (d *DB) AuditHead(ctx context.Context, merchant partner.MerchantID) (head partner.AuditHead, err error) {
	err = d.read(ctx, "read head of audit", func(ctx context.Context, t *tx) error {
		head, err = t.auditHead(ctx, merchant)
		return err
	})
	return head, err
}

// VerifyAudit goes along a merchant's audit from its beginning and says where
// its chain does not hold. Heads that were noted elsewhere must be part of it.
func (d *DB) VerifyAudit(ctx context.Context, merchant partner.MerchantID, noted ...partner.AuditHead) (report partner.AuditReport, err error) {
	err = d.read(ctx, "verify audit", func(ctx context.Context, t *tx) error {
		v := partner.AuditVerifier{Merchant: merchant, Noted: noted}
		holds, after := true, int64(0)
		for more := true; more && holds; {
			more = false
			err := t.eachAudit(ctx, merchant, after, auditPage, func(e *partner.AuditEntry) {
				holds = holds && v.Add(e)
				more, after = true, e.Number
			})
			if err != nil {
				return err
			}
		}
		head, err := t.auditHead(ctx, merchant)
		report = v.Finish(head)
		return err
	})
	return report, err
}

// NoteAct writes a line of an act that changes nothing here, such as asking for a
// run: one that the records are told of when it has been done. Of two states only
// what differs is written.
func (d *DB) NoteAct(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, action, object string, before, after partner.Facts) error {
	return d.write(ctx, "note "+action+" in the audit", func(ctx context.Context, t *tx) error {
		if _, err := t.merchant(ctx, sqlMerchant, merchant); err != nil {
			return err
		}
		return t.audit(actor, merchant, action, object, before, after)
	})
}

// auditPage is how many lines a verification reads at a time.
const auditPage = 1000

func (t *tx) eachAudit(ctx context.Context, merchant partner.MerchantID, after int64, limit int, fn func(e *partner.AuditEntry)) error {
	return t.each(ctx, sqlAudit, []any{merchant, after, limit}, func(rows pgx.Rows) error {
		var e partner.AuditEntry
		var at int64
		var place *int64
		var hash []byte
		err := rows.Scan(&e.Number, &e.Merchant, &at, &e.Actor.Name, &e.Actor.Role, &e.Actor.Address, &e.Actor.Request,
			&e.Action, &e.Object, &e.Before, &e.After, &place, &hash)
		if err != nil {
			return err
		}
		e.Time = fromMicros(at)
		if place != nil {
			e.Place = *place
		}
		copy(e.Hash[:], hash)
		fn(&e)
		return nil
	})
}

func (t *tx) auditHead(ctx context.Context, merchant partner.MerchantID) (partner.AuditHead, error) {
	head := partner.AuditHead{Merchant: merchant}
	var hash []byte
	_, err := t.one(ctx, sqlAuditHead, []any{merchant}, &head.Lines, &hash)
	if err == nil && head.Lines > 0 && len(hash) != len(head.Hash) {
		err = fmt.Errorf("the head of the audit of %s has %d bytes", merchant, len(hash))
	}
	copy(head.Hash[:], hash)
	return head, err
}

// facts are what the audit tells of an object. Hashes of secrets are not among them.
type facts = partner.Facts

// audit notes a line for the transaction of the change it tells of. Of two
// states only what differs is written.
func (t *tx) audit(actor partner.Actor, merchant partner.MerchantID, action, object string, before, after facts) error {
	before, after = partner.Audited(before, after)
	old, err := before.Text()
	if err != nil {
		return err
	}
	now, err := after.Text()
	if err != nil {
		return err
	}
	t.audits = append(t.audits, auditRow{actor, merchant, action, object, old, now})
	return nil
}

// auditRow is a line without its number, time and hash.
type auditRow struct {
	actor                         partner.Actor
	merchant                      partner.MerchantID
	action, object, before, after string
}

// text is what the line's hash is made from.
func (a *auditRow) text(now int64) []byte {
	return partner.AppendAuditText(nil, &partner.AuditEntry{Merchant: a.merchant, Time: fromMicros(now), Actor: a.actor,
		Action: a.action, Object: a.object, Before: a.before, After: a.after})
}
