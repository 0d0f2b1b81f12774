package postgres

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlBeginImport = `INSERT INTO import_run (merchant_id, import_id, state, started, touched) VALUES ($1, $2, 'staging', $3, $3)
		ON CONFLICT (merchant_id, import_id) DO NOTHING`
	sqlMarkImport  = `INSERT INTO import_mark (merchant_id, import_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	sqlTouchImport = `UPDATE import_run SET touched = $3, staged = staged + $4 WHERE merchant_id = $1 AND import_id = $2
		RETURNING state, staged`
	sqlImportState = `SELECT r.state, EXISTS (SELECT 1 FROM import_mark AS m WHERE m.merchant_id = r.merchant_id AND m.import_id = r.import_id)
		FROM import_run AS r WHERE r.merchant_id = $1 AND r.import_id = $2 FOR NO KEY UPDATE OF r`
	sqlCloseImport  = `UPDATE import_run SET state = $3, touched = $4 WHERE merchant_id = $1 AND import_id = $2`
	sqlUnstage      = `DELETE FROM import_product WHERE merchant_id = $1 AND import_id = $2`
	sqlUnmarkImport = `DELETE FROM import_mark WHERE merchant_id = $1 AND import_id = $2`
	sqlForgetImport = `DELETE FROM import_run WHERE merchant_id = $1 AND import_id = $2 AND state <> 'staging'`
	sqlLeftovers    = `SELECT merchant_id, import_id FROM import_run WHERE state <> 'staging' OR touched < $1` // every merchant
)

// A batch is collected while the catalog is read and sent in one go, so that no
// transaction and no connection waits for whoever produces it.
const (
	batchRows  = 5000
	batchBytes = 8 << 20
)

// StageProducts adds products to an import of the merchant, which begins with
// the first call and takes any number of them, and gives how many it took. Of
// two products with one id the later stays. The catalog does not change before
// [DB.Merge]. An error that seq yields ends the call; what was staged before it
// stays until [DB.DiscardImport]. An import does not outlive a crash of the
// database's server: it is refused then, and has to begin anew.
func (d *DB) StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (n int64, err error) {
	if !id.Valid() {
		return 0, feed.Errorf(feed.KindInvalid, "%.40q is not the id of an import", string(id))
	}
	batch := &copyRows{}
	batch.reset()
	// Also an import of nothing exists: as a replacement it empties the catalog.
	if err := d.stage(ctx, merchant, id, batch); err != nil {
		return 0, err
	}
	for p, err := range seq {
		if err != nil {
			return n, err
		}
		if err := ctx.Err(); err != nil {
			return n, fault("stage products", ended(ctx, err))
		}
		if p.ID <= 0 || p.ID > feed.MaxProductID {
			return n, feed.Errorf(feed.KindInvalid, "stage product %d: that is not the id of a product", p.ID)
		}
		batch.add(merchant, id, &p)
		n++
		if len(batch.places) == batchRows || len(batch.buf) >= batchBytes {
			if err := d.stage(ctx, merchant, id, batch); err != nil {
				return n, err
			}
		}
	}
	return n, d.stage(ctx, merchant, id, batch)
}

// stage sends a batch. To send it twice does no harm: of two rows of a product
// the later counts.
func (d *DB) stage(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, batch *copyRows) error {
	err := d.writeAs(ctx, "stage products", how{again: true}, func(ctx context.Context, t *tx) error {
		begun, err := t.execCount(ctx, sqlBeginImport, merchant, id, t.now)
		if err != nil {
			return err
		}
		if begun > 0 {
			if err := t.exec(ctx, sqlMarkImport, merchant, id); err != nil {
				return err
			}
		} else if err := t.openImport(ctx, merchant, id); err != nil {
			return err
		}
		rows := int64(len(batch.places))
		var state string
		var staged int64
		if _, err := t.one(ctx, sqlTouchImport, []any{merchant, id, t.now, rows}, &state, &staged); err != nil || rows == 0 {
			return err
		}
		_, err = t.c.PgConn().CopyFrom(ctx, bytes.NewReader(batch.end(staged-rows)), sqlCopy)
		crash.Point("postgres.stage.uncommitted")
		batch.reopen()
		return err
	})
	batch.reset()
	return err
}

// openImport locks an import, and fails unless it takes products or a merge.
func (t *tx) openImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	var state string
	var whole bool
	found, err := t.one(ctx, sqlImportState, []any{merchant, id}, &state, &whole)
	switch {
	case err != nil:
		return err
	case !found:
		return partner.Missing("import", string(id))
	case state != "staging":
		return feed.Errorf(feed.KindConflict, "import %s is %s already", id, state)
	case !whole:
		return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the database has lost the products of import %s when its server crashed", id),
			Hint: "import the catalog again"}
	}
	return nil
}

// StageDictionaries adds to an import the dictionaries that belong to its
// products; [DB.Merge] sets them in its own transaction, and fails with
// KindConflict unless version is then the present one, as in
// [records.DB.SetDictionaries].
func (d *DB) StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error {
	return d.writeAs(ctx, "stage dictionaries", how{again: true}, func(ctx context.Context, t *tx) error {
		if err := t.openImport(ctx, merchant, id); err != nil {
			return err
		}
		return t.StageDictionaries(ctx, merchant, id, doc, version)
	})
}

// DiscardImport drops an import. One that is merged already stays merged, and
// one that does not exist is no error.
func (d *DB) DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	err := d.writeAs(ctx, "discard import "+string(id), how{again: true}, func(ctx context.Context, t *tx) error {
		var state string
		var whole bool
		if _, err := t.one(ctx, sqlImportState, []any{merchant, id}, &state, &whole); err != nil || state != "staging" {
			return err
		}
		return t.exec(ctx, sqlCloseImport, merchant, id, "discarded", t.now)
	})
	if err != nil {
		return err
	}
	return d.unstage(ctx, merchant, id)
}

// unstage removes an import that is merged or discarded, with its rows.
func (d *DB) unstage(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	return d.writeAs(ctx, "clear import "+string(id), how{long: true, again: true}, func(ctx context.Context, t *tx) error {
		n, err := t.execCount(ctx, sqlForgetImport, merchant, id)
		if err != nil || n == 0 {
			return err
		}
		if err := t.exec(ctx, sqlUnmarkImport, merchant, id); err != nil {
			return err
		}
		return t.exec(ctx, sqlUnstage, merchant, id)
	})
}

// SweepImports removes what merged and discarded imports have left behind, and
// drops imports that nothing was added to since before. It gives the number of
// imports removed.
func (d *DB) SweepImports(ctx context.Context, before time.Time) (n int, err error) {
	type run struct {
		merchant partner.MerchantID
		id       partner.ImportID
	}
	var runs []run
	err = d.read(ctx, "list leftover imports", func(ctx context.Context, t *tx) error {
		runs = nil
		return t.each(ctx, sqlLeftovers, []any{records.Micros(before)}, func(rows pgx.Rows) error {
			var r run
			err := rows.Scan(&r.merchant, &r.id)
			runs = append(runs, r)
			return err
		})
	})
	for _, r := range runs {
		if err == nil {
			err = d.DiscardImport(ctx, r.merchant, r.id)
		}
		if err == nil {
			n++
		}
	}
	return n, err
}
