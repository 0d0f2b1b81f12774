package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlTouchImport = `INSERT INTO import_run (merchant_id, import_id, state, started, touched) VALUES (?, ?, 'writing', ?, ?)
		ON CONFLICT (merchant_id, import_id) DO UPDATE SET state = excluded.state, touched = excluded.touched`
	sqlImportState  = `SELECT state FROM import_run WHERE merchant_id = ? AND import_id = ?`
	sqlCloseImport  = `UPDATE import_run SET state = ?, touched = ? WHERE merchant_id = ? AND import_id = ?`
	sqlForgetImport = `DELETE FROM import_run WHERE merchant_id = ? AND import_id = ?`
	sqlLeftovers    = `SELECT merchant_id, import_id FROM import_run WHERE state NOT IN ('writing', 'staging') OR touched < ?` // every merchant
	sqlKnownImport  = `SELECT EXISTS (SELECT 1 FROM import_run WHERE import_id = ?)`                                           // every merchant
)

// StageProducts adds products to an import of the merchant, which begins with
// the first call and takes any number of them, one after the other, and gives
// how many it took. Of two products with one id the later stays. The catalog
// does not change before [DB.Merge]. An error that seq yields ends the call;
// what was staged before it stays until [DB.DiscardImport]. An import whose
// process dies in this call takes nothing more and cannot be merged.
func (d *DB) StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (n int64, err error) {
	if !id.Valid() {
		return 0, feed.Errorf(feed.KindInvalid, "%.40q is not the id of an import", string(id))
	}
	// Also an import of nothing exists: as a replacement it empties the catalog.
	err = d.write(ctx, "stage products", func(ctx context.Context, t *tx) error {
		state, err := t.importState(ctx, merchant, id)
		switch {
		case err != nil:
			return err
		case state == "writing":
			return beingWritten(id)
		case state != "" && state != "staging":
			return feed.Errorf(feed.KindConflict, "import %s is %s already", id, state)
		}
		return t.exec(ctx, sqlTouchImport, merchant, id, t.now, t.now)
	})
	if err != nil {
		return 0, err
	}
	n, err = d.stageFile(ctx, merchant, id, seq)
	crash.Point("sqlite.stage.written")
	// Whatever ended it, what the file holds is whole and can be added to. Only
	// where that cannot be said, or nobody lives to say it, the import is lost.
	if whole := syncFile(d.stagingPath(id)); whole != nil {
		return n, errors.Join(err, fmt.Errorf("stage products: %w", whole))
	}
	return n, errors.Join(err, d.write(context.WithoutCancel(ctx), "stage products", func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlCloseImport, "staging", t.now, merchant, id)
	}))
}

func beingWritten(id partner.ImportID) error {
	return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("import %s is being staged, or was when its process died", id),
		Hint: "import again: a new import knows nothing of this one"}
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
		return partner.Missing("import", string(id))
	case state == "writing":
		return beingWritten(id)
	case state != "staging":
		return feed.Errorf(feed.KindConflict, "import %s is %s already", id, state)
	}
	return nil
}

// StageDictionaries adds to an import the dictionaries that belong to its
// products; [DB.Merge] sets them in its own transaction, and fails with
// KindConflict unless version is then the present one, as in
// [records.DB.SetDictionaries].
func (d *DB) StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error {
	return d.write(ctx, "stage dictionaries", func(ctx context.Context, t *tx) error {
		if err := t.openImport(ctx, merchant, id); err != nil {
			return err
		}
		return t.StageDictionaries(ctx, merchant, id, doc, version)
	})
}

// DiscardImport drops an import. One that is merged already stays merged, and
// one that does not exist is no error.
func (d *DB) DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	err := d.write(ctx, "discard import "+string(id), func(ctx context.Context, t *tx) error {
		state, err := t.importState(ctx, merchant, id)
		if err != nil || state != "staging" && state != "writing" {
			return err
		}
		return t.exec(ctx, sqlCloseImport, "discarded", t.now, merchant, id)
	})
	if err != nil {
		return err
	}
	return d.unstage(ctx, merchant, id)
}

// unstage removes the file of an import that is merged or discarded, and then
// the import.
func (d *DB) unstage(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error {
	if err := removeStaging(d.stagingPath(id)); err != nil {
		return fmt.Errorf("clear import %s: %w", id, err)
	}
	crash.Point("sqlite.stage.removed")
	return d.write(ctx, "clear import "+string(id), func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlForgetImport, merchant, id)
	})
}

// SweepImports removes what merged and discarded imports have left behind, and
// drops imports that nothing was added to since before, and files of imports that
// the records do not know, as after a copy of them was put back. It gives the
// number of imports removed.
func (d *DB) SweepImports(ctx context.Context, before time.Time) (n int, err error) {
	type run struct {
		merchant partner.MerchantID
		id       partner.ImportID
	}
	var runs []run
	err = d.read(ctx, "list leftover imports", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlLeftovers, []any{records.Micros(before)}, func(rows *sql.Rows) error {
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
	if err != nil {
		return n, err
	}
	unknown, err := d.sweepStaging(ctx, before)
	return n + unknown, err
}

// sweepStaging removes files of unknown imports. An import is known before it has
// a file, and until it has none.
func (d *DB) sweepStaging(ctx context.Context, before time.Time) (n int, err error) {
	list, err := os.ReadDir(filepath.Dir(d.path))
	if err != nil {
		return 0, fmt.Errorf("look for files of imports: %w", err)
	}
	for _, e := range list {
		name, ours := strings.CutPrefix(e.Name(), filepath.Base(d.stagingPath("")))
		id := partner.ImportID(name)
		if !ours || !id.Valid() {
			continue
		}
		if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue
		}
		known := false
		if err := d.read(ctx, "look for import "+name, func(ctx context.Context, t *tx) error {
			_, err := t.one(ctx, sqlKnownImport, []any{id}, &known)
			return err
		}); err != nil {
			return n, err
		}
		if known {
			continue
		}
		if err := removeStaging(d.stagingPath(id)); err != nil {
			return n, fmt.Errorf("clear import %s: %w", id, err)
		}
		n++
	}
	return n, nil
}
