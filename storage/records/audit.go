package records

import (
	"context"
	"fmt"

	"feedmill/internal/partner"
)

const (
	auditColumns = `number, merchant_id, time, actor, role, address, request, action, object, before, after, place, hash`
	sqlAudit     = `SELECT ` + auditColumns + ` FROM audit WHERE merchant_id = $1 AND number > $2 ORDER BY number LIMIT $3`
	sqlAuditHead = `SELECT lines, hash FROM audit_head WHERE merchant_id = $1`
)

// Audit gives up to limit lines of a merchant's audit after the line with the
// number after, the oldest first.
func (d *DB) Audit(ctx context.Context, merchant partner.MerchantID, after int64, limit int) (list []partner.AuditEntry, err error) {
	err = d.read(ctx, "read audit", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.eachAudit(ctx, merchant, after, limit, func(e *partner.AuditEntry) { list = append(list, *e) })
	})
	return list, err
}

// AuditHead gives the end of a merchant's chain, zero lines when there is none.
func (d *DB) AuditHead(ctx context.Context, merchant partner.MerchantID) (head partner.AuditHead, err error) {
	err = d.read(ctx, "read head of audit", func(ctx context.Context, t *Tx) error {
		head, err = t.AuditHead(ctx, merchant)
		return err
	})
	return head, err
}

// VerifyAudit goes along a merchant's audit from its beginning and says where
// its chain does not hold. Heads that were noted elsewhere must be part of it.
func (d *DB) VerifyAudit(ctx context.Context, merchant partner.MerchantID, noted ...partner.AuditHead) (report partner.AuditReport, err error) {
	err = d.read(ctx, "verify audit", func(ctx context.Context, t *Tx) error {
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
		head, err := t.AuditHead(ctx, merchant)
		report = v.Finish(head)
		return err
	})
	return report, err
}

// NoteAct writes a line of an act that changes nothing here, such as asking for a
// run: one that the records are told of when it has been done. Of two states only
// what differs is written.
func (d *DB) NoteAct(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, action, object string, before, after partner.Facts) error {
	return d.write(ctx, "note "+action+" in the audit", func(ctx context.Context, t *Tx) error {
		if _, err := t.merchant(ctx, sqlMerchant, merchant); err != nil {
			return err
		}
		return t.Audit(actor, merchant, action, object, before, after)
	})
}

// auditPage is how many lines a verification reads at a time.
const auditPage = 1000

func (t *Tx) eachAudit(ctx context.Context, merchant partner.MerchantID, after int64, limit int, fn func(e *partner.AuditEntry)) error {
	return t.each(ctx, sqlAudit, []any{merchant, after, limit}, func(row Row) error {
		e, err := scanAudit(row)
		if err == nil {
			fn(&e)
		}
		return err
	})
}

// AuditHead gives the end of a merchant's chain, zero lines when there is none.
func (t *Tx) AuditHead(ctx context.Context, merchant partner.MerchantID) (partner.AuditHead, error) {
	head := partner.AuditHead{Merchant: merchant}
	var hash []byte
	_, err := t.one(ctx, sqlAuditHead, []any{merchant}, &head.Lines, &hash)
	if err == nil && head.Lines > 0 && len(hash) != len(head.Hash) {
		err = fmt.Errorf("the head of the audit of %s has %d bytes", merchant, len(hash))
	}
	copy(head.Hash[:], hash)
	return head, err
}
