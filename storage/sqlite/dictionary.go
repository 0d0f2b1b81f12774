package sqlite

import (
	"context"
	"slices"

	"feedmill/internal/partner"
)

const (
	sqlDictionary    = `SELECT doc, version FROM dictionary WHERE merchant_id = ?`
	sqlSetDictionary = `INSERT INTO dictionary (merchant_id, version, updated, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (merchant_id) DO UPDATE SET version = excluded.version, updated = excluded.updated, doc = excluded.doc`
	sqlStageDictionaries  = `UPDATE import_run SET dictionaries = ?, dictionaries_base = ?, touched = ? WHERE merchant_id = ? AND import_id = ?`
	sqlStagedDictionaries = `SELECT dictionaries, dictionaries_base FROM import_run WHERE merchant_id = ? AND import_id = ? AND dictionaries IS NOT NULL`
)

// Dictionaries gives the document of a merchant's dictionaries, version 0 and
// no document when there is none yet.
func (d *DB) Dictionaries(ctx context.Context, merchant partner.MerchantID) (doc partner.Document, err error) {
	err = d.read(ctx, "read dictionaries", func(ctx context.Context, t *tx) error {
		doc, err = t.dictionaries(ctx, merchant)
		return err
	})
	return doc, err
}

// SetDictionaries replaces the document and gives its new version. It fails
// with KindConflict unless version is the present one, 0 for none. A document
// that is there already, byte for byte, changes nothing.
func (d *DB) SetDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (now int64, err error) {
	err = d.write(ctx, "set dictionaries", func(ctx context.Context, t *tx) error {
		now, err = t.setDictionaries(ctx, actor, merchant, doc, version)
		return err
	})
	return now, err
}

// StageDictionaries adds to an import the dictionaries that belong to its
// products; [DB.Merge] sets them in its own transaction, and fails with
// KindConflict unless version is then the present one, as in [DB.SetDictionaries].
func (d *DB) StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error {
	if doc == nil {
		doc = []byte{} // an empty document is one
	}
	return d.write(ctx, "stage dictionaries", func(ctx context.Context, t *tx) error {
		if err := t.openImport(ctx, merchant, id); err != nil {
			return err
		}
		return t.exec(ctx, sqlStageDictionaries, doc, version, t.now, merchant, id)
	})
}

// mergeDictionaries sets the dictionaries that came with an import, if any.
func (t *tx) mergeDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID) error {
	var doc []byte
	var version int64
	found, err := t.one(ctx, sqlStagedDictionaries, []any{merchant, id}, &doc, &version)
	if err != nil || !found {
		return err
	}
	_, err = t.setDictionaries(ctx, actor, merchant, doc, version)
	return err
}

func (t *tx) setDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (now int64, err error) {
	old, err := t.dictionaries(ctx, merchant)
	if err != nil {
		return 0, err
	}
	if old.Version != version {
		return 0, stale("set of dictionaries of", string(merchant), version, old.Version)
	}
	now = old.Version
	if now > 0 && slices.Equal(old.Doc, doc) {
		return now, nil
	}
	now++
	if doc == nil {
		doc = []byte{} // an empty document is one
	}
	if err := t.exec(ctx, sqlSetDictionary, merchant, now, t.now, doc); err != nil {
		return 0, err
	}
	if err := t.queue(ctx, merchant, 0, "dictionaries", "import"); err != nil {
		return 0, err
	}
	return now, t.audit(ctx, actor, merchant, "catalog.dictionaries", string(merchant), facts{"version": old.Version}, facts{"version": now})
}

func (t *tx) dictionaries(ctx context.Context, merchant partner.MerchantID) (doc partner.Document, err error) {
	_, err = t.one(ctx, sqlDictionary, []any{merchant}, &doc.Doc, &doc.Version)
	return doc, err
}
