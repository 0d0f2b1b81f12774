package records

import (
	"bytes"
	"context"

	"feedmill/internal/partner"
)

const (
	sqlDictionary       = `SELECT doc, version FROM dictionary WHERE merchant_id = $1`
	sqlLockDictionary   = sqlDictionary + ` FOR NO KEY UPDATE`
	sqlInsertDictionary = `INSERT INTO dictionary (merchant_id, version, updated, doc) VALUES ($1, 1, $2, $3)
		ON CONFLICT (merchant_id) DO NOTHING`
	sqlUpdateDictionary   = `UPDATE dictionary SET version = $2, updated = $3, doc = $4 WHERE merchant_id = $1`
	sqlStageDictionaries  = `UPDATE import_run SET dictionaries = $3, dictionaries_base = $4, touched = $5 WHERE merchant_id = $1 AND import_id = $2`
	sqlStagedDictionaries = `SELECT dictionaries, dictionaries_base FROM import_run WHERE merchant_id = $1 AND import_id = $2 AND dictionaries IS NOT NULL`
)

// Dictionaries gives the document of a merchant's dictionaries, version 0 and
// no document when there is none yet.
func (d *DB) Dictionaries(ctx context.Context, merchant partner.MerchantID) (doc partner.Document, err error) {
	err = d.read(ctx, "read dictionaries", func(ctx context.Context, t *Tx) error {
		doc, err = t.dictionaries(ctx, sqlDictionary, merchant)
		return err
	})
	return doc, err
}

// SetDictionaries replaces the document and gives its new version. It fails
// with KindConflict unless version is the present one, 0 for none. A document
// that is there already, byte for byte, changes nothing.
func (d *DB) SetDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (now int64, err error) {
	err = d.write(ctx, "set dictionaries", func(ctx context.Context, t *Tx) error {
		now, err = t.setDictionaries(ctx, actor, merchant, doc, version)
		return err
	})
	return now, err
}

// StageDictionaries adds to an import, which the transaction has locked, the
// dictionaries that belong to its products.
func (t *Tx) StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error {
	return t.exec(ctx, sqlStageDictionaries, merchant, id, notNull(doc), version, t.Now)
}

// notNull keeps an empty document from being none.
func notNull(doc []byte) []byte {
	if doc == nil {
		return []byte{}
	}
	return doc
}

// MergeDictionaries sets the dictionaries that came with an import, if any.
func (t *Tx) MergeDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID) error {
	var doc []byte
	var version int64
	found, err := t.one(ctx, sqlStagedDictionaries, []any{merchant, id}, &doc, &version)
	if err != nil || !found {
		return err
	}
	_, err = t.setDictionaries(ctx, actor, merchant, doc, version)
	return err
}

func (t *Tx) setDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (now int64, err error) {
	old, err := t.dictionaries(ctx, sqlLockDictionary, merchant)
	if err != nil {
		return 0, err
	}
	if old.Version != version {
		return 0, partner.Stale("set of dictionaries of", string(merchant), version, old.Version)
	}
	now = old.Version
	if now > 0 && bytes.Equal(old.Doc, doc) {
		return now, nil
	}
	now++
	if now == 1 {
		n, err := t.Exec(ctx, sqlInsertDictionary, merchant, t.Now, notNull(doc))
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, partner.Stale("set of dictionaries of", string(merchant), version, 1)
		}
	} else if err := t.exec(ctx, sqlUpdateDictionary, merchant, now, t.Now, notNull(doc)); err != nil {
		return 0, err
	}
	t.Queue(merchant, "dictionaries", "import")
	return now, t.Audit(actor, merchant, "catalog.dictionaries", string(merchant), facts{"version": old.Version}, facts{"version": now})
}

func (t *Tx) dictionaries(ctx context.Context, query string, merchant partner.MerchantID) (doc partner.Document, err error) {
	_, err = t.one(ctx, query, []any{merchant}, &doc.Doc, &doc.Version)
	return doc, err
}
