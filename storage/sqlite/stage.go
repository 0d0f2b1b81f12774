package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlTouchImport = `INSERT INTO import_run (merchant_id, import_id, state, started, touched) VALUES (?, ?, 'staging', ?, ?)
		ON CONFLICT (merchant_id, import_id) DO UPDATE SET touched = excluded.touched`
	sqlImportState  = `SELECT state FROM import_run WHERE merchant_id = ? AND import_id = ?`
	sqlCloseImport  = `UPDATE import_run SET state = ?, touched = ? WHERE merchant_id = ? AND import_id = ?`
	sqlForgetImport = `DELETE FROM import_run WHERE merchant_id = ? AND import_id = ?`
	sqlStage        = `INSERT INTO import_product (merchant_id, import_id, product_id, digest, codes, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (merchant_id, import_id, product_id) DO UPDATE
		SET digest = excluded.digest, codes = excluded.codes, doc = excluded.doc`
	sqlUnstage = `DELETE FROM import_product WHERE merchant_id = ? AND import_id = ? AND product_id IN
		(SELECT s.product_id FROM import_product AS s WHERE s.merchant_id = ? AND s.import_id = ? ORDER BY s.product_id LIMIT ?)`
	sqlLeftovers = `SELECT merchant_id, import_id FROM import_run WHERE state <> 'staging' OR touched < ?` // every merchant
)

// A batch is collected while the catalog is read and written in one go, so that
// other writers wait for a batch and not for whoever produces it.
const (
	batchRows  = 5000
	batchBytes = 16 << 20
	sweepRows  = 5000
)

// StageProducts adds products to an import of the merchant, which begins with
// the first call and takes any number of them, and gives how many it took. Of
// two products with one id the later stays. The catalog does not change before
// [DB.Merge]. An error that seq yields ends the call; what was staged before it
// stays until [DB.DiscardImport].
func (d *DB) StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (n int64, err error) {
	if !id.Valid() {
		return 0, feed.Errorf(feed.KindInvalid, "%.40q is not the id of an import", string(id))
	}
	batch := &stageBatch{d: d, merchant: merchant, id: id}
	// Also an import of nothing exists: as a replacement it empties the catalog.
	if err := batch.flush(ctx); err != nil {
		return 0, err
	}
	for p, err := range seq {
		if err != nil {
			return n, err
		}
		if err := ctx.Err(); err != nil {
			return n, fault("stage products", err)
		}
		if err := batch.add(&p); err != nil {
			return n, fmt.Errorf("stage product %d: %w", p.ID, err)
		}
		n++
		if len(batch.rows) == batchRows || len(batch.buf) >= batchBytes {
			if err := batch.flush(ctx); err != nil {
				return n, err
			}
		}
	}
	return n, batch.flush(ctx)
}

type stageBatch struct {
	d        *DB
	merchant partner.MerchantID
	id       partner.ImportID
	buf      []byte // documents of the rows
	rows     []stagedRow
}

type stagedRow struct {
	id       feed.ProductID
	digest   [32]byte
	codes    string
	from, to int // of the document in buf
}

func (b *stageBatch) add(p *partner.StagedProduct) error {
	if p.ID <= 0 || p.ID > feed.MaxProductID {
		return feed.Errorf(feed.KindInvalid, "%d is not the id of a product", p.ID)
	}
	codes, err := json.Marshal(p.Codes)
	if err != nil {
		return err
	}
	from := len(b.buf)
	b.buf = append(b.buf, p.Doc...)
	b.rows = append(b.rows, stagedRow{p.ID, p.Digest, string(codes), from, len(b.buf)})
	return nil
}

func (b *stageBatch) flush(ctx context.Context) error {
	err := b.d.write(ctx, "stage products", func(ctx context.Context, t *tx) error {
		state, err := t.importState(ctx, b.merchant, b.id)
		if err != nil {
			return err
		}
		if state != "" && state != "staging" {
			return feed.Errorf(feed.KindConflict, "import %s is %s already", b.id, state)
		}
		if err := t.exec(ctx, sqlTouchImport, b.merchant, b.id, t.now, t.now); err != nil || len(b.rows) == 0 {
			return err
		}
		s, err := t.tx.PrepareContext(ctx, sqlStage)
		if err != nil {
			return err
		}
		defer s.Close()
		for i := range b.rows {
			r := &b.rows[i]
			if _, err := s.ExecContext(ctx, b.merchant, b.id, r.id, r.digest[:], r.codes, b.buf[r.from:r.to]); err != nil {
				return fmt.Errorf("product %d: %w", r.id, err)
			}
		}
		return nil
	})
	b.rows, b.buf = b.rows[:0], b.buf[:0]
	return err
}

// importState gives "" for an import that does not exist.
func (t *tx) importState(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) (state string, err error) {
	_, err = t.one(ctx, sqlImportState, []any{merchant, id}, &state)
	return state, err
}

// openImport fails unless the import takes products or a merge.
func (t *tx) openImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	state, err := t.importState(ctx, merchant, id)
	switch {
	case err != nil:
		return err
	case state == "":
		return missing("import", string(id))
	case state != "staging":
		return feed.Errorf(feed.KindConflict, "import %s is %s already", id, state)
	}
	return nil
}

// DiscardImport drops an import. One that is merged already stays merged, and
// one that does not exist is no error.
func (d *DB) DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	err := d.write(ctx, "discard import "+string(id), func(ctx context.Context, t *tx) error {
		state, err := t.importState(ctx, merchant, id)
		if err != nil || state != "staging" {
			return err
		}
		return t.exec(ctx, sqlCloseImport, "discarded", t.now, merchant, id)
	})
	if err != nil {
		return err
	}
	return d.unstage(ctx, merchant, id)
}

// unstage removes the rows of an import that is merged or discarded, a few
// thousand at a time, and then the import.
func (d *DB) unstage(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	for {
		done := false
		err := d.write(ctx, "clear import "+string(id), func(ctx context.Context, t *tx) error {
			n, err := t.execCount(ctx, sqlUnstage, merchant, id, merchant, id, sweepRows)
			if err != nil || n == sweepRows {
				return err
			}
			done = true
			return t.exec(ctx, sqlForgetImport, merchant, id)
		})
		if err != nil || done {
			return err
		}
	}
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
		return t.each(ctx, sqlLeftovers, []any{micros(before)}, func(rows *sql.Rows) error {
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
