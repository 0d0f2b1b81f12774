package records

import (
	"context"
	"time"

	"feedmill/internal/partner"
)

// Tx is a transaction. One that writes collects what it has to tell until its
// end, so that the row that all of a merchant's changes meet at is locked last:
// whoever runs the transaction writes that before he commits.
type Tx struct {
	Conn
	// Now is the time that is recorded, in microseconds.
	Now int64

	// Made are merchants that the transaction has made.
	Made []partner.MerchantID
	// Told holds whose access version to count up, and how far; a line of the
	// audit, whose number is given out under that lock, enters its merchant with 0.
	Told map[partner.MerchantID]partner.Version
	// Audits are lines of the audit to add, in their order.
	Audits []AuditLine
	// Queued are changes to queue.
	Queued []QueueRow
	// Changed holds the largest number in the queue of each merchant's changes that
	// are in it already.
	Changed map[partner.MerchantID]int64
}

// QueueRow is a change with a scope.
type QueueRow struct {
	Merchant     partner.MerchantID
	Scope, Cause string
}

// Tell notes that file servers must see a change of the merchant's accounts.
func (t *Tx) Tell(merchant partner.MerchantID) { t.Count(merchant, partner.Version{Accounts: 1}) }

// Count notes how far to count up the merchant's version.
func (t *Tx) Count(merchant partner.MerchantID, by partner.Version) {
	if t.Told == nil {
		t.Told = map[partner.MerchantID]partner.Version{}
	}
	v := t.Told[merchant]
	t.Told[merchant] = partner.Version{Accounts: v.Accounts + by.Accounts, Pointers: v.Pointers + by.Pointers}
}

// Seen says whether file servers must see what the transaction does.
func (t *Tx) Seen() bool {
	for _, v := range t.Told {
		if v != (partner.Version{}) {
			return true
		}
	}
	return false
}

// Queue notes a change that can alter a feed; the scope says where.
func (t *Tx) Queue(merchant partner.MerchantID, scope, cause string) {
	t.Queued = append(t.Queued, QueueRow{merchant, scope, cause})
}

// QueuedUpTo notes that changes of a merchant have been queued; seq is the
// largest number of them.
func (t *Tx) QueuedUpTo(merchant partner.MerchantID, seq int64) {
	if t.Changed == nil {
		t.Changed = map[partner.MerchantID]int64{}
	}
	t.Changed[merchant] = max(t.Changed[merchant], seq)
}

// LastQueued gives the largest number in the queue of what the transaction has
// changed, 0 for nothing.
func (t *Tx) LastQueued() (seq int64) {
	for _, s := range t.Changed {
		seq = max(seq, s)
	}
	return seq
}

// AuditLine is a line of the audit without its number, time and hash.
type AuditLine struct {
	Actor                         partner.Actor
	Merchant                      partner.MerchantID
	Action, Object, Before, After string
}

// Text is what the line's hash is made from; now is when it is written, in
// microseconds.
func (a *AuditLine) Text(now int64) []byte {
	return partner.AppendAuditText(nil, &partner.AuditEntry{Merchant: a.Merchant, Time: FromMicros(now), Actor: a.Actor,
		Action: a.Action, Object: a.Object, Before: a.Before, After: a.After})
}

// facts are what the audit tells of an object. Hashes of secrets are not among them.
type facts = partner.Facts

// Audit notes a line for the transaction of the change it tells of. Of two
// states only what differs is written.
func (t *Tx) Audit(actor partner.Actor, merchant partner.MerchantID, action, object string, before, after partner.Facts) error {
	before, after = partner.Audited(before, after)
	old, err := before.Text()
	if err != nil {
		return err
	}
	now, err := after.Text()
	if err != nil {
		return err
	}
	t.Count(merchant, partner.Version{})
	t.Audits = append(t.Audits, AuditLine{actor, merchant, action, object, old, now})
	return nil
}

// list makes one argument of the values of a slice.
func (t *Tx) list(values any) any {
	if l, ok := t.Conn.(Lister); ok {
		return l.List(values)
	}
	return values
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.Exec(ctx, query, args...)
	return err
}

// one reads one row; found is false when there is none.
func (t *Tx) one(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if rows.Next() {
		found = true
		if err := rows.Scan(dest...); err != nil {
			return false, err
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return false, err
	}
	return found, nil
}

// each calls scan for every row.
func (t *Tx) each(ctx context.Context, query string, args []any, scan func(row Row) error) error {
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return Each(rows, scan)
}

// Each calls scan for every row, and closes rows.
func Each(rows Rows, scan func(row Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Micros is how times are stored; the zero time has no number and must not come here.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros gives the time that a number stands for, in UTC.
func FromMicros(v int64) time.Time { return time.UnixMicro(v).UTC() }

// ZeroMicros stores the zero time as 0.
func ZeroMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return Micros(t)
}

// FromZero is the reverse of [ZeroMicros].
func FromZero(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return FromMicros(v)
}

// OptionalMicros stores the zero time as NULL.
func OptionalMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Micros(t)
}

// FromOptional is the reverse of [OptionalMicros].
func FromOptional(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return FromMicros(*v)
}
