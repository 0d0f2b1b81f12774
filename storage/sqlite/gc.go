package sqlite

import (
	"context"
	"database/sql"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// A blob may go when every generation that lists it, as a file or as part of
	// its state, was replaced so long ago that its addresses are answered no more,
	// and when no held one needs it.
	sqlCondemn = `UPDATE blob SET state = 'condemned', changed = ?, rounds = 0 WHERE merchant_id = ? AND state = 'live' AND blob_key IN (
		SELECT b.blob_key FROM blob AS b WHERE b.merchant_id = ? AND b.state = 'live'
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f LEFT JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.number = f.last_gen
			WHERE f.merchant_id = b.merchant_id AND f.plain_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE f.kind WHEN 'light' THEN ? ELSE ? END))
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f LEFT JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.number = f.last_gen
			WHERE f.merchant_id = b.merchant_id AND f.gzip_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE f.kind WHEN 'light' THEN ? ELSE ? END))
		AND NOT EXISTS (SELECT 1 FROM generation AS g
			WHERE g.merchant_id = b.merchant_id AND g.state_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE g.kind WHEN 'light' THEN ? ELSE ? END))
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l LEFT JOIN generation AS g ON g.merchant_id = l.merchant_id AND g.number = l.last_gen
			WHERE l.merchant_id = b.merchant_id AND l.blob_key = b.blob_key
			AND (g.retired IS NULL OR g.retired >= CASE l.kind WHEN 'light' THEN ? ELSE ? END))
		AND NOT EXISTS (SELECT 1 FROM held_blob AS h WHERE h.merchant_id = b.merchant_id AND h.blob_key = b.blob_key)
		ORDER BY b.changed LIMIT ?)`
	sqlObserve = `UPDATE blob SET rounds = rounds + 1 WHERE merchant_id = ? AND state = 'condemned'`
	// What one sweep has condemned a later one has to find condemned: a clock that
	// jumps ages nothing by itself.
	sqlStartDeleting = `UPDATE blob SET state = 'deleting', changed = ? WHERE merchant_id = ? AND state = 'condemned' AND blob_key IN (
		SELECT b.blob_key FROM blob AS b WHERE b.merchant_id = ? AND b.state = 'condemned' AND b.changed < ? AND b.rounds > 0 ORDER BY b.changed LIMIT ?)`
	sqlDeleting = `SELECT blob_key, size, md5, sha256 FROM blob WHERE merchant_id = ? AND state = 'deleting' ORDER BY changed, blob_key LIMIT ?`
	sqlGone     = `DELETE FROM blob WHERE merchant_id = ? AND blob_key = ? AND state = 'deleting'`

	// History goes after the bytes it names: first the listings of files that
	// are gone, then the generations that list nothing any more.
	sqlForgetFiles = `DELETE FROM gen_file WHERE merchant_id = ? AND last_gen IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.merchant_id = gen_file.merchant_id AND b.blob_key = gen_file.plain_key)`
	sqlForgetLayers = `DELETE FROM state_layer WHERE merchant_id = ? AND last_gen IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.merchant_id = state_layer.merchant_id AND b.blob_key = state_layer.blob_key)`
	sqlForgetGenerations = `DELETE FROM generation WHERE merchant_id = ? AND retired < ?
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f WHERE f.merchant_id = generation.merchant_id AND f.first_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM gen_file AS f WHERE f.merchant_id = generation.merchant_id AND f.last_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l WHERE l.merchant_id = generation.merchant_id AND l.first_gen = generation.number)
		AND NOT EXISTS (SELECT 1 FROM state_layer AS l WHERE l.merchant_id = generation.merchant_id AND l.last_gen = generation.number)`
	sqlForgetAttachments = `DELETE FROM offer_feed WHERE merchant_id = ? AND until < ?`
)

// CondemnBlobs marks up to limit blobs of a merchant whose addresses are
// answered no more, and gives their number. A publication that lists a
// condemned blob makes it live again.
func (d *DB) CondemnBlobs(ctx context.Context, merchant partner.MerchantID, limit int) (n int64, err error) {
	err = d.write(ctx, "condemn blobs", func(ctx context.Context, t *tx) error {
		full, light := t.now-linger.Microseconds(), t.now-lingerLight.Microseconds()
		n, err = t.execCount(ctx, sqlCondemn, t.now, merchant, merchant, light, full, light, full, light, full, light, full, limit)
		return err
	})
	return n, err
}

// ObserveCondemned begins a sweep of a merchant: what is condemned now has been
// seen so by one more.
func (d *DB) ObserveCondemned(ctx context.Context, merchant partner.MerchantID) error {
	return d.write(ctx, "look at condemned blobs", func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlObserve, merchant)
	})
}

// DeletingBlobs turns up to limit blobs that were condemned so long ago, and
// observed so by a sweep since, into ones that are being deleted, which nothing
// can make live again, and gives up to limit of all that are. The caller deletes their bytes and then reports
// each with [DB.ForgetBlob]; until then it is given them again.
func (d *DB) DeletingBlobs(ctx context.Context, merchant partner.MerchantID, grace time.Duration, limit int) (list []publish.Blob, err error) {
	err = d.write(ctx, "start deleting blobs", func(ctx context.Context, t *tx) error {
		if err := t.exec(ctx, sqlStartDeleting, t.now, merchant, merchant, t.now-grace.Microseconds(), limit); err != nil {
			return err
		}
		return t.each(ctx, sqlDeleting, []any{merchant, limit}, func(rows *sql.Rows) error {
			var b publish.Blob
			var md5, sha []byte
			err := rows.Scan(&b.Key, &b.Size, &md5, &sha)
			copy(b.MD5[:], md5)
			copy(b.SHA256[:], sha)
			list = append(list, b)
			return err
		})
	})
	return list, err
}

// ForgetBlob removes the record of a blob whose bytes are gone. One that is not
// being deleted stays.
func (d *DB) ForgetBlob(ctx context.Context, merchant partner.MerchantID, key string) error {
	return d.write(ctx, "forget blob", func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlGone, merchant, key)
	})
}

// PruneHistory removes the records of files, generations and attachments whose
// bytes [DB.ForgetBlob] has reported gone, and gives the number of generations
// removed. Their numbers stay taken.
func (d *DB) PruneHistory(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.write(ctx, "prune history", func(ctx context.Context, t *tx) error {
		before := t.now - linger.Microseconds()
		for _, query := range []string{sqlForgetFiles, sqlForgetLayers} {
			if err := t.exec(ctx, query, merchant); err != nil {
				return err
			}
		}
		if err := t.exec(ctx, sqlForgetAttachments, merchant, before); err != nil {
			return err
		}
		n, err = t.execCount(ctx, sqlForgetGenerations, merchant, before)
		return err
	})
	return n, err
}
