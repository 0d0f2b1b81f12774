package records

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlInsertDownload = `INSERT INTO download (merchant_id, link_id, offer_id, kind, label, generation, bytes, outcome, refusal, address, client, started, took)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	sqlCountDay = `INSERT INTO download_day (merchant_id, offer_id, day, kind, requests, complete, unchanged, broken, refused, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (merchant_id, offer_id, day, kind) DO UPDATE SET requests = download_day.requests + excluded.requests,
			complete = download_day.complete + excluded.complete, unchanged = download_day.unchanged + excluded.unchanged,
			broken = download_day.broken + excluded.broken, refused = download_day.refused + excluded.refused, bytes = download_day.bytes + excluded.bytes`
	// Links and offers may have gone since.
	sqlUseOffer = `INSERT INTO offer_use (merchant_id, offer_id, kind, at, generation)
		SELECT o.merchant_id, o.offer_id, $3, $4, $5 FROM offer AS o WHERE o.merchant_id = $1 AND o.offer_id = $2
		ON CONFLICT (merchant_id, offer_id, kind) DO UPDATE SET at = excluded.at, generation = excluded.generation WHERE excluded.at >= offer_use.at`
	// The row also makes all who count the same link take turns.
	sqlUseLink = `INSERT INTO link_use (merchant_id, link_id, last_used)
		SELECT l.merchant_id, l.link_id, $3 FROM link AS l WHERE l.merchant_id = $1 AND l.link_id = $2
		ON CONFLICT (merchant_id, link_id) DO UPDATE SET last_used =
			CASE WHEN link_use.last_used > excluded.last_used THEN link_use.last_used ELSE excluded.last_used END`
	sqlLinkDay    = `SELECT addresses, clients, alarm FROM link_day WHERE merchant_id = $1 AND link_id = $2 AND day = $3`
	sqlLinkClient = `INSERT INTO link_client (merchant_id, link_id, day, sort, value) SELECT $1, $2, $3, $4, n.value FROM unnest($5::text[]) AS n (value) WHERE true
		ON CONFLICT (merchant_id, link_id, day, sort, value) DO NOTHING`
	sqlCountLink = `INSERT INTO link_day (merchant_id, link_id, day, requests, addresses, clients, alarm) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (merchant_id, link_id, day) DO UPDATE SET requests = link_day.requests + excluded.requests, addresses = excluded.addresses,
			clients = excluded.clients, alarm = excluded.alarm`
	sqlAlarmLink = `UPDATE link_use SET alarm = $1 WHERE merchant_id = $2 AND link_id = $3`
)

// RecordDownloads adds downloads to the ledger, and counts them by offer and by
// link, in one transaction. A link that was used from too many addresses raises
// an alarm, and is stopped where its merchant wants that. Links and offers that
// are gone by now are no error.
func (d *DB) RecordDownloads(ctx context.Context, list []partner.Download) error {
	batch := partner.NewLedgerBatch(list)
	if len(batch.Downloads) == 0 {
		return nil
	}
	for try := 1; ; try++ {
		err := d.write(ctx, "record downloads", func(ctx context.Context, t *Tx) error { return t.recordDownloads(ctx, batch) })
		// A link or an offer that goes just now takes its counts with it.
		if feed.KindOf(err) != feed.KindConflict || try == 3 {
			return err
		}
	}
}

func (t *Tx) recordDownloads(ctx context.Context, batch *partner.LedgerBatch) error {
	var list []Statement
	for i := range batch.Downloads {
		w := &batch.Downloads[i]
		list = append(list, Statement{sqlInsertDownload, []any{w.Merchant, w.Link, w.Offer, w.Kind.String(), w.Label, w.Generation, w.Bytes, w.Outcome.String(), w.Refusal.String(),
			addressText(w), w.Client, Micros(w.Started), w.Took.Microseconds()}})
	}
	for i := range batch.Offers {
		o, c := &batch.Offers[i], &batch.Offers[i].Count
		list = append(list, Statement{sqlCountDay, []any{o.Merchant, c.Offer, partner.DayOf(c.Day), c.Kind.String(), c.Requests, c.Complete, c.Unchanged, c.Broken, c.Refused, c.Bytes}})
	}
	for i := range batch.Uses {
		u := &batch.Uses[i]
		list = append(list, Statement{sqlUseOffer, []any{u.Merchant, u.Offer, u.Kind.String(), Micros(u.Use.At), u.Use.Generation}})
	}
	if err := t.ExecAll(ctx, list); err != nil {
		return err
	}
	for i := range batch.Links {
		if err := t.countLink(ctx, &batch.Links[i]); err != nil {
			return err
		}
	}
	return nil
}

func addressText(d *partner.Download) string {
	if !d.Address.IsValid() {
		return ""
	}
	return d.Address.String()
}

// countLink adds what a batch tells of a link on one day, and raises the alarm.
func (t *Tx) countLink(ctx context.Context, b *partner.LinkBatch) error {
	if err := t.exec(ctx, sqlUseLink, b.Merchant, b.Link, Micros(b.Last)); err != nil {
		return err
	}
	var day partner.LinkDay
	var alarm *int64
	if _, err := t.one(ctx, sqlLinkDay, []any{b.Merchant, b.Link, b.Day}, &day.Addresses, &day.Clients, &alarm); err != nil {
		return err
	}
	for _, c := range []struct {
		sort   string
		values []string
		count  *int
	}{{"a", b.Addresses, &day.Addresses}, {"c", b.Clients, &day.Clients}} {
		room := min(len(c.values), max(partner.MaxLinkClients-*c.count, 0))
		if room == 0 {
			continue
		}
		n, err := t.Exec(ctx, sqlLinkClient, b.Merchant, b.Link, b.Day, c.sort, t.list(c.values[:room]))
		if err != nil {
			return err
		}
		*c.count += int(n)
	}
	if alarm == nil {
		m, err := t.merchant(ctx, sqlMerchant, b.Merchant)
		if feed.KindOf(err) == feed.KindNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if most, ok := m.Alarm.Threshold(); ok && day.Addresses > most {
			alarm = &t.Now
			if err := t.alarm(ctx, b, day.Addresses, m.Alarm.Suspend); err != nil {
				return err
			}
		}
	}
	return t.exec(ctx, sqlCountLink, b.Merchant, b.Link, b.Day, b.Requests, day.Addresses, day.Clients, alarm)
}

// alarm notes that a link was used from too many addresses.
func (t *Tx) alarm(ctx context.Context, b *partner.LinkBatch, addresses int, suspend bool) error {
	list, err := t.links(ctx, sqlLink, b.Merchant, b.Link)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := t.exec(ctx, sqlAlarmLink, t.Now, b.Merchant, b.Link); err != nil {
		return err
	}
	by := partner.AlarmActor()
	day := partner.DayTime(b.Day).Format(time.DateOnly)
	if err := t.Audit(by, b.Merchant, "link.alarm", string(b.Link), nil, facts{"addresses": addresses, "day": day}); err != nil {
		return err
	}
	if !suspend || !list[0].SuspendedAt.IsZero() || !list[0].RevokedAt.IsZero() {
		return nil
	}
	return t.suspendLink(ctx, by, &list[0])
}

// pruneRows is how many downloads are removed in one transaction, as the
// statement says.
const pruneRows = 5000

const (
	sqlPruneDownloads = `DELETE FROM download WHERE merchant_id = $1 AND number IN
		(SELECT d.number FROM download AS d WHERE d.merchant_id = $1 AND d.started < $2 ORDER BY d.started LIMIT 5000)`
	sqlPruneLinkDays    = `DELETE FROM link_day WHERE merchant_id = $1 AND day < $2`
	sqlPruneLinkClients = `DELETE FROM link_client WHERE merchant_id = $1 AND day < $2`
	sqlPruneDays        = `DELETE FROM download_day WHERE merchant_id = $1 AND day < $2`
)

// PruneLedger removes what a merchant's ledger of downloads has kept for long
// enough, and answers to requests that nobody repeats any more. It gives the
// number of downloads removed.
func (d *DB) PruneLedger(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	for more := true; more; {
		removed := int64(0)
		err := d.writeAs(ctx, "prune downloads", How{Again: true}, func(ctx context.Context, t *Tx) error {
			now := FromMicros(t.Now)
			k, err := t.Exec(ctx, sqlPruneDownloads, merchant, Micros(now.Add(-partner.LedgerAge)))
			if err != nil {
				return err
			}
			removed, more = k, k == pruneRows
			if more {
				return nil
			}
			link, offer := partner.DayOf(now.Add(-partner.LedgerAge)), partner.DayOf(now.Add(-partner.LedgerDayAge))
			if err := t.exec(ctx, sqlPruneLinkDays, merchant, link); err != nil {
				return err
			}
			if err := t.exec(ctx, sqlPruneLinkClients, merchant, link); err != nil {
				return err
			}
			if err := t.exec(ctx, sqlPruneDays, merchant, offer); err != nil {
				return err
			}
			return t.exec(ctx, sqlPruneIdempotent, merchant, Micros(now.Add(-partner.IdempotencyAge)))
		})
		if err != nil {
			return n, err
		}
		n += removed
	}
	return n, nil
}
