package records

import (
	"context"
	"slices"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// A blob may go when every generation that lists it, as a file or as part of
	// its state, was replaced so long ago that its addresses are answered no more:
	// before $2 for light, before $3 for full; and when no held one needs it. SQLite
	// has to be told the indexes: by itself it reads all of a merchant's files for
	// each blob.
	unlisted = `NOT EXISTS (SELECT 1 FROM gen_file AS f /* by gen_file_plain */ LEFT JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.number = f.last_gen
			WHERE f.merchant_id = b.merchant_id AND f.plain_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE f.kind WHEN 'light' THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END))
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f /* by gen_file_gzip */ LEFT JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.number = f.last_gen
			WHERE f.merchant_id = b.merchant_id AND f.gzip_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE f.kind WHEN 'light' THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END))
		AND NOT EXISTS (SELECT 1 FROM generation AS g /* by generation_state */
			WHERE g.merchant_id = b.merchant_id AND g.state_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE g.kind WHEN 'light' THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END))
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l /* by state_layer_blob */ LEFT JOIN generation AS g ON g.merchant_id = l.merchant_id AND g.number = l.last_gen
			WHERE l.merchant_id = b.merchant_id AND l.blob_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE l.kind WHEN 'light' THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END))
		AND NOT EXISTS (SELECT 1 FROM held_blob AS h WHERE h.merchant_id = b.merchant_id AND h.blob_key = b.blob_key)`
	// Publications lock the blobs that they list. Those are passed over here,
	// and the rest is asked about again once it is locked: what was published in
	// between is seen then.
	sqlLockUnlisted = `SELECT b.blob_key FROM blob AS b WHERE b.merchant_id = $1 AND b.state = 'live'
		AND ` + unlisted + ` ORDER BY b.changed LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED`
	sqlCondemn = `UPDATE blob AS b SET state = 'condemned', changed = $5, rounds = 0 WHERE b.merchant_id = $1 AND b.blob_key = ANY ($4) AND b.state = 'live'
		AND ` + unlisted
	sqlObserve = `UPDATE blob SET rounds = rounds + 1 WHERE merchant_id = $1 AND state = 'condemned'`
	// What one sweep has condemned a later one has to find condemned: a clock that
	// jumps ages nothing by itself.
	sqlStartDeleting = `UPDATE blob SET state = 'deleting', changed = $3, rounds = 0 WHERE merchant_id = $1 AND state = 'condemned' AND changed < $2 AND rounds > 0
		AND blob_key IN (SELECT b.blob_key FROM blob AS b WHERE b.merchant_id = $1 AND b.state = 'condemned' AND b.changed < $2 AND b.rounds > 0
			ORDER BY b.changed LIMIT $4)`
	// From here on rounds counts how often the store has not let go of a blob, and
	// changed is when it was last asked.
	sqlDeletingNew = `SELECT blob_key, size, md5, sha256 FROM blob WHERE merchant_id = $1 AND state = 'deleting' AND rounds = 0 ORDER BY changed, blob_key LIMIT $2`
	sqlDeletingOld = `SELECT blob_key, size, md5, sha256 FROM blob WHERE merchant_id = $1 AND state = 'deleting' AND rounds > 0 ORDER BY changed, blob_key LIMIT $2`
	sqlPutOff      = `UPDATE blob SET rounds = rounds + 1, changed = $3 WHERE merchant_id = $1 AND blob_key = $2 AND state = 'deleting'`
	sqlGone        = `DELETE FROM blob WHERE merchant_id = $1 AND blob_key = $2 AND state = 'deleting'`

	// History goes after the bytes it names: first the listings of files that
	// are gone, then the generations that list nothing any more.
	sqlForgetFiles = `DELETE FROM gen_file WHERE merchant_id = $1 AND last_gen IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.merchant_id = gen_file.merchant_id AND b.blob_key = gen_file.plain_key)`
	sqlForgetLayers = `DELETE FROM state_layer WHERE merchant_id = $1 AND last_gen IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.merchant_id = state_layer.merchant_id AND b.blob_key = state_layer.blob_key)`
	sqlForgetGenerations = `DELETE FROM generation WHERE merchant_id = $1 AND retired < $2
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f WHERE f.merchant_id = generation.merchant_id AND f.first_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f WHERE f.merchant_id = generation.merchant_id AND f.last_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l WHERE l.merchant_id = generation.merchant_id AND l.first_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l WHERE l.merchant_id = generation.merchant_id AND l.last_gen = generation.number)`
	sqlForgetAttachments = `DELETE FROM offer_feed WHERE merchant_id = $1 AND until < $2`
)

// CondemnBlobs marks up to limit blobs of a merchant whose addresses are
// answered no more, and gives their number. A publication that lists a
// condemned blob makes it live again.
func (d *DB) CondemnBlobs(ctx context.Context, merchant partner.MerchantID, limit int) (n int64, err error) {
	err = d.writeAs(ctx, "condemn blobs", How{Again: true}, func(ctx context.Context, t *Tx) error {
		n = 0
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		light, full := now-LingerLight.Microseconds(), now-Linger.Microseconds()
		var keys []string
		err = t.each(ctx, sqlLockUnlisted, []any{merchant, light, full, limit}, func(row Row) error {
			var key string
			err := row.Scan(&key)
			keys = append(keys, key)
			return err
		})
		if err == nil && len(keys) > 0 {
			n, err = t.Exec(ctx, sqlCondemn, merchant, light, full, t.list(keys), now)
		}
		return err
	})
	return n, err
}

// ObserveCondemned begins a sweep of a merchant: what is condemned now has been
// seen so by one more.
func (d *DB) ObserveCondemned(ctx context.Context, merchant partner.MerchantID) error {
	return d.writeAs(ctx, "look at condemned blobs", How{}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlObserve, merchant)
	})
}

// DeletingBlobs turns up to limit blobs that were condemned so long ago, and
// observed so by a sweep since, into ones that are being deleted, which nothing
// can make live again, and gives up to limit of all that are. The caller deletes their bytes and then reports
// each with [DB.ForgetBlob], or with [DB.PutOffBlob] where it could not; until it is forgotten it is given again.
//
// The list begins with what was never put off, longest on the list first, and ends
// with what was, longest ago last. Neither takes more than half of it from the other.
func (d *DB) DeletingBlobs(ctx context.Context, merchant partner.MerchantID, grace time.Duration, limit int) (list []publish.Blob, err error) {
	err = d.writeAs(ctx, "start deleting blobs", How{Again: true}, func(ctx context.Context, t *Tx) error {
		list = nil
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlStartDeleting, merchant, now-grace.Microseconds(), now, limit); err != nil {
			return err
		}
		read := func(query string) (some []publish.Blob, err error) {
			err = t.each(ctx, query, []any{merchant, limit}, func(row Row) error {
				var b publish.Blob
				var md5, sha []byte
				err := row.Scan(&b.Key, &b.Size, &md5, &sha)
				copy(b.MD5[:], md5)
				copy(b.SHA256[:], sha)
				some = append(some, b)
				return err
			})
			return some, err
		}
		if list, err = read(sqlDeletingNew); err != nil {
			return err
		}
		old, err := read(sqlDeletingOld)
		old = old[:min(len(old), max(limit-len(list), limit/2))]
		slices.Reverse(old)
		list = append(list[:min(len(list), limit-len(old))], old...)
		return err
	})
	return list, err
}

// PutOffBlob notes that the store did not let go of a blob that is being deleted:
// others are given first, which it may hold up no longer than that takes.
func (d *DB) PutOffBlob(ctx context.Context, merchant partner.MerchantID, key string) error {
	return d.writeAs(ctx, "put off a blob", How{Again: true}, func(ctx context.Context, t *Tx) error {
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		return t.exec(ctx, sqlPutOff, merchant, key, now)
	})
}

// ForgetBlob removes the record of a blob whose bytes are gone. One that is not
// being deleted stays.
func (d *DB) ForgetBlob(ctx context.Context, merchant partner.MerchantID, key string) error {
	return d.writeAs(ctx, "forget blob", How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlGone, merchant, key)
	})
}

// PruneHistory removes the records of files, generations and attachments whose
// bytes [DB.ForgetBlob] has reported gone, and gives the number of generations
// removed. Their numbers stay taken.
func (d *DB) PruneHistory(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.writeAs(ctx, "prune history", How{Again: true}, func(ctx context.Context, t *Tx) error {
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		before := now - Linger.Microseconds()
		for _, query := range []string{sqlForgetFiles, sqlForgetLayers} {
			if err := t.exec(ctx, query, merchant); err != nil {
				return err
			}
		}
		if err := t.exec(ctx, sqlForgetAttachments, merchant, before); err != nil {
			return err
		}
		n, err = t.Exec(ctx, sqlForgetGenerations, merchant, before)
		return err
	})
	return n, err
}
