package records

import (
	"context"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlRetained = `SELECT g.number, g.retired, g.number = f.current_gen FROM generation AS g
		JOIN feed AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key
		WHERE g.merchant_id = $1 ORDER BY g.kind, g.feed_key, g.number`
	sqlBlobsAfter = `SELECT blob_key, size, md5, sha256, state FROM blob WHERE merchant_id = $1 AND blob_key > $2 ORDER BY blob_key LIMIT $3`
)

// retainedStep is how many rows one transaction reads of a listing that may be
// long.
const retainedStep = 500

// retainedRow is a generation in the list of those that are kept.
type retainedRow struct {
	number  int64
	retired *int64
	current bool
}

// EachRetained calls fn for every generation of a merchant that is kept, of one
// feed together and ascending by number: with the time at which another took
// its place, zero for none, and whether the feed's pointer names it. What is
// pruned while the listing runs is left out.
func (d *DB) EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error {
	var list []retainedRow
	err := d.read(ctx, "list generations", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlRetained, []any{merchant}, func(row Row) error {
			var r retainedRow
			err := row.Scan(&r.number, &r.retired, &r.current)
			list = append(list, r)
			return err
		})
	})
	for len(list) > 0 && err == nil {
		step := list[:min(retainedStep, len(list))]
		list = list[len(step):]
		refs := make([]Ref, len(step))
		for i, r := range step {
			refs[i] = Ref{string(merchant), r.number}
		}
		byNumber := map[int64]publish.Generation{}
		err = d.read(ctx, "read generations", func(ctx context.Context, t *Tx) error {
			gens, err := t.generations(ctx, refs...)
			for i := range gens {
				byNumber[gens[i].Number] = gens[i]
			}
			return err
		})
		for i := 0; i < len(step) && err == nil; i++ {
			if g, ok := byNumber[step[i].number]; ok {
				err = fn(g, FromOptional(step[i].retired), step[i].current)
			}
		}
	}
	return err
}

// EachBlob calls fn for every blob of a merchant that is stored, in order of
// its key, with its state: "live", "condemned" or "deleting".
func (d *DB) EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error {
	type stored struct {
		publish.Blob
		state string
	}
	after := ""
	for {
		var list []stored
		err := d.read(ctx, "list blobs", func(ctx context.Context, t *Tx) error {
			list = nil
			return t.each(ctx, sqlBlobsAfter, []any{merchant, after, retainedStep}, func(row Row) error {
				var r stored
				var md5, sha []byte
				err := row.Scan(&r.Key, &r.Size, &md5, &sha, &r.state)
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
