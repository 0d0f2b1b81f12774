package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Products of an import wait in a file of their own beside the database, which
// the merge attaches. It needs no log: what it holds is of use only while the
// import_run row says that it was written to its end and synced, so its pages
// are written once, never read back, and given up with the file instead of row
// by row.

const (
	// What is compared and searched stands apart from the documents, so that a merge reads
	// those once, and of an import that changes little hardly any.
	sqlStagingTable = `CREATE TABLE IF NOT EXISTS staged (product_id INTEGER PRIMARY KEY, digest BLOB NOT NULL, codes TEXT NOT NULL) STRICT`
	sqlStagingDocs  = `CREATE TABLE IF NOT EXISTS staged_doc (product_id INTEGER PRIMARY KEY, doc BLOB NOT NULL) STRICT`
	sqlStage        = `INSERT INTO staged (product_id, digest, codes) VALUES (?, ?, ?)
		ON CONFLICT (product_id) DO UPDATE SET digest = excluded.digest, codes = excluded.codes`
	sqlStageDoc = `INSERT INTO staged_doc (product_id, doc) VALUES (?, ?)
		ON CONFLICT (product_id) DO UPDATE SET doc = excluded.doc`
	sqlAttachStaging = `ATTACH DATABASE ? AS staging`
	sqlDetachStaging = `DETACH DATABASE staging`

	// What a cache of pages takes is resident memory: one and a half times as much, since the
	// driver's allocator rounds a page and what is known of it up. There may be many
	// connections, and what they miss is in the system's cache of files. A merge that brings
	// many codes writes all over an index that is larger than any cache.
	sqlMergeCache = `PRAGMA main.cache_size = -65536`
	sqlUsualCache = `PRAGMA main.cache_size = -16384`
	sqlShrink     = `PRAGMA shrink_memory`
)

// A batch is collected while the catalog is read and written in one go, so that
// other writers wait for a moment and not for whoever produces it.
const (
	batchRows  = 5000
	batchBytes = 16 << 20
)

// stagingPath names the file of an import, whose id is letters, digits and "-".
func (d *DB) stagingPath(id partner.ImportID) string { return d.path + "-import-" + string(id) }

// stageFile writes products into the file of an import.
func (d *DB) stageFile(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (n int64, err error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", d.opt.BusyTimeout.Milliseconds()),
		"page_size(8192)", "journal_mode(MEMORY)", "synchronous(OFF)", "locking_mode(EXCLUSIVE)",
	}}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(d.stagingPath(id)), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return 0, fmt.Errorf("stage products: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, query := range []string{sqlStagingTable, sqlStagingDocs} {
		if _, err := db.ExecContext(ctx, query); err != nil {
			return 0, fault("stage products", ended(ctx, err))
		}
	}
	batch := &stageBatch{d: d, db: db, merchant: merchant, id: id}
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
	db       *sql.DB
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
	codes := []byte("null")
	if len(p.Codes) > 0 {
		var err error
		if codes, err = json.Marshal(p.Codes); err != nil {
			return err
		}
	}
	from := len(b.buf)
	b.buf = append(b.buf, p.Doc...)
	b.rows = append(b.rows, stagedRow{p.ID, p.Digest, string(codes), from, len(b.buf)})
	return nil
}

func (b *stageBatch) flush(ctx context.Context) error {
	if len(b.rows) == 0 {
		return nil
	}
	// A sweep must see that the import is alive.
	err := b.d.write(ctx, "stage products", func(ctx context.Context, t *tx) error {
		switch state, err := t.importState(ctx, b.merchant, b.id); {
		case err != nil:
			return err
		case state != "writing":
			return feed.Errorf(feed.KindConflict, "import %s was given up meanwhile", b.id)
		}
		return t.exec(ctx, sqlTouchImport, b.merchant, b.id, t.now, t.now)
	})
	if err == nil {
		err = fault("stage products", ended(ctx, b.insert(ctx)))
	}
	b.rows, b.buf = b.rows[:0], b.buf[:0]
	return err
}

func (b *stageBatch) insert(ctx context.Context) error {
	t, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := b.insertFacts(ctx, t); err != nil {
		return err
	}
	s, err := t.PrepareContext(ctx, sqlStageDoc)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range b.rows {
		r := &b.rows[i]
		if _, err := s.ExecContext(ctx, int64(r.id), b.buf[r.from:r.to]); err != nil {
			return fmt.Errorf("product %d: %w", r.id, err)
		}
	}
	return t.Commit()
}

func (b *stageBatch) insertFacts(ctx context.Context, t *sql.Tx) error {
	s, err := t.PrepareContext(ctx, sqlStage)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range b.rows {
		r := &b.rows[i]
		if _, err := s.ExecContext(ctx, int64(r.id), r.digest[:], r.codes); err != nil {
			return fmt.Errorf("product %d: %w", r.id, err)
		}
	}
	return nil
}

// syncFile has the system write what it holds of a file; one that does not
// exist has nothing.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeStaging removes the file of an import, there or not.
func removeStaging(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeStaged is writeLong with the file of an import attached as "staging".
func (d *DB) writeStaged(ctx context.Context, what string, merchant partner.MerchantID, id partner.ImportID, fn func(ctx context.Context, t *tx) error) error {
	// Whatever is wrong with the import is said before its file is waited for.
	if err := d.read(ctx, what, func(ctx context.Context, t *tx) error { return t.openImport(ctx, merchant, id) }); err != nil {
		return err
	}
	path := d.stagingPath(id)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("%s: what was staged is gone: there is no file %q", what, path),
			Hint: "import again; the file is not part of a backup"}
	}
	c, err := d.w.Conn(ctx)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	defer c.Close()
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	giveUp := func() { _ = c.Raw(func(any) error { return driver.ErrBadConn }) } // the next one begins clean
	if _, err := c.ExecContext(ctx, sqlAttachStaging, u.String()); err != nil {
		giveUp() // a statement that was called off may have attached the file
		return fault(what, ended(ctx, err))
	}
	defer func() {
		// So is a connection that cannot let go of the file, or of its memory.
		for _, query := range []string{sqlDetachStaging, sqlUsualCache, sqlShrink} {
			if _, err := c.ExecContext(context.WithoutCancel(ctx), query); err != nil {
				giveUp()
				return
			}
		}
	}()
	return d.writeOn(ctx, c, what, fn)
}
