package sqlite

import (
	"context"
	"database/sql"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlRetained = `SELECT g.number, g.retired, g.number = f.current_gen FROM generation AS g
		JOIN feed AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key
		WHERE g.merchant_id = ? ORDER BY g.kind, g.feed_key, g.number`
	sqlBlobsAfter = `SELECT blob_key, size, md5, sha256, state FROM blob WHERE merchant_id = ? AND blob_key > ? ORDER BY blob_key LIMIT ?`
)

// retainedStep is how many rows one transaction reads of a listing that may be
// long.
const retainedStep = 500

// retainedRow is a generation in the list of those that are kept.
type retainedRow struct {
	number  int64
	retired sql.NullInt64
	current bool
}

// EachRetained calls fn for every generation of a merchant that is kept, of one
// feed together and ascending by number: with the time at which another took
// its place, zero for none, and whether the feed's pointer names it. What is
// pruned while the listing runs is left out.
func (d *DB) EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error {
	var list []retainedRow
	err := d.read(ctx, "list generations", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlRetained, []any{merchant}, func(rows *sql.Rows) error {
			var r retainedRow
			err := rows.Scan(&r.number, &r.retired, &r.current)
			list = append(list, r)
			return err
		})
	})
	for len(list) > 0 && err == nil {
		step := list[:min(retainedStep, len(list))]
		list = list[len(step):]
		var gens []publish.Generation
		var rows []retainedRow
		err = d.read(ctx, "read generations", func(ctx context.Context, t *tx) error {
			for _, r := range step {
				g, err := t.generation(ctx, string(merchant), r.number)
				if feed.KindOf(err) == feed.KindNotFound {
					continue
				}
				if err != nil {
					return err
				}
				gens, rows = append(gens, g), append(rows, r)
			}
			return nil
		})
		for i := 0; i < len(gens) && err == nil; i++ {
			err = fn(gens[i], fromOptional(rows[i].retired), rows[i].current)
		}
	}
	return err
}

// EachBlob calls fn for every blob of a merchant that is stored, in order of
// its key, with its state: "live", "condemned" or "deleting".
func (d *DB) EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error {
	type row struct {
		publish.Blob
		state string
	}
	after := ""
	for {
		var list []row
		err := d.read(ctx, "list blobs", func(ctx context.Context, t *tx) error {
			return t.each(ctx, sqlBlobsAfter, []any{merchant, after, retainedStep}, func(rows *sql.Rows) error {
				var r row
				var md5, sha []byte
				err := rows.Scan(&r.Key, &r.Size, &md5, &sha, &r.state)
				copy(r.MD5[:], md5)
				copy(r.SHA256[:], sha)
				list = append(list, r)
				return err
			})
		})
		for i := 0; i < len(list) && err == nil; i++ {
			after = list[i].Key
			err = fn(list[i].Blob, list[i].state)
		}
		if err != nil || len(list) < retainedStep {
			return err
		}
	}
}
