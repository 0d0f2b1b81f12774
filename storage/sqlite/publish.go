package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlPointer     = `SELECT epoch, current_gen, logical_time FROM feed WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
	sqlNextNumber  = `SELECT next_generation FROM merchant WHERE merchant_id = ?`
	sqlMovePointer = `INSERT INTO feed (merchant_id, kind, feed_key, epoch, current_gen, logical_time, event_cursor, compared) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (merchant_id, kind, feed_key) DO UPDATE
		SET epoch = excluded.epoch, current_gen = excluded.current_gen, logical_time = excluded.logical_time, event_cursor = excluded.event_cursor,
			compared = CASE WHEN excluded.compared = 0 THEN feed.compared ELSE excluded.compared END`
	// Where nothing is published a cursor never goes back.
	sqlMoveCursor = `UPDATE feed SET event_cursor = max(event_cursor, ?), compared = max(compared, ?) WHERE merchant_id = ? AND kind = ? AND feed_key = ?`

	sqlInsertGeneration = `INSERT INTO generation (merchant_id, number, kind, feed_key, base, epoch, time, expires, published, products, languages, currency, state_key,
			run_id, event_cursor, price_sum, price_count, told)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlRetire = `UPDATE generation SET retired = ? WHERE merchant_id = ? AND number = ? AND retired IS NULL`

	sqlAddressTaken = `SELECT plain_key, gzip_key FROM gen_file WHERE merchant_id = ? AND generation = ? AND file_kind = ? AND label = ? LIMIT 1`
	sqlInsertFile   = `INSERT INTO gen_file (merchant_id, generation, file_kind, label, first_gen, kind, feed_key, changed, told, products, base, target, plain_key, gzip_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUnlistFile = `UPDATE gen_file SET last_gen = ? WHERE merchant_id = ? AND generation = ? AND file_kind = ? AND label = ? AND last_gen IS NULL`

	sqlListedLayers = `SELECT place, blob_key FROM state_layer WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND last_gen IS NULL`
	sqlInsertLayer  = `INSERT INTO state_layer (merchant_id, kind, feed_key, place, first_gen, blob_key) VALUES (?, ?, ?, ?, ?, ?)`
	sqlUnlistLayer  = `UPDATE state_layer SET last_gen = ? WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND place = ? AND last_gen IS NULL`

	sqlFindBlob      = `SELECT size, md5, sha256, state FROM blob WHERE merchant_id = ? AND blob_key = ?`
	sqlForgetAttempt = `DELETE FROM upload_attempt WHERE merchant_id = ? AND store_key = ?`
	sqlInsertBlob    = `INSERT INTO blob (merchant_id, blob_key, size, md5, sha256, state, created, changed) VALUES (?, ?, ?, ?, ?, 'live', ?, ?)`
	sqlReviveBlob    = `UPDATE blob SET state = 'live', changed = ? WHERE merchant_id = ? AND blob_key = ? AND state = 'condemned'`
)

// Commit implements [publish.Ledger]: in one transaction it checks the lease and
// every pointer, records blobs, generations and files, and moves all pointers
// and cursors. It fails with KindInvalid when a number is not the run's, a time
// does not increase or a file has no bytes, and with KindConflict when a number
// or an address would come to denote something else than before.
func (d *DB) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	return d.write(ctx, "publish", func(ctx context.Context, t *tx) error {
		if err := checkCommit(run, gens, cursors); err != nil {
			return err
		}
		if err := t.Fence(ctx, run); err != nil {
			return err
		}
		for i := range gens {
			if g := &gens[i]; g.Number < run.First || g.Number >= run.First+int64(run.N) {
				return about(g, feed.Errorf(feed.KindInvalid, "number %d is not one that the run has taken", g.Number))
			}
		}
		err := t.publishAll(ctx, run, gens, cursors)
		crash.Point("sqlite.publish.uncommitted")
		return err
	})
}

// checkCommit refuses what is not the run's merchant's or stands twice.
func checkCommit(run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	seen := map[publish.FeedRef]bool{}
	for i := range gens {
		g := &gens[i]
		if seen[g.Feed] {
			return feed.Errorf(feed.KindInvalid, "two generations of the feed %s %s", g.Feed.Kind, g.Feed.Key)
		}
		if g.Feed.Merchant != run.Merchant {
			return feed.Errorf(feed.KindInvalid, "a run of merchant %.40q publishes for %.40q", run.Merchant, g.Feed.Merchant)
		}
		seen[g.Feed] = true
	}
	for f := range cursors {
		if f.Merchant != run.Merchant {
			return feed.Errorf(feed.KindInvalid, "a run of merchant %.40q moves a cursor of %.40q", run.Merchant, f.Merchant)
		}
	}
	return nil
}

func about(g *publish.Generation, err error) error {
	return fmt.Errorf("generation %d of %s feed %s: %w", g.Number, g.Feed.Kind, g.Feed.Key, err)
}

// publishAll publishes generations, moves cursors, and ends the run.
func (t *tx) publishAll(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	published := map[publish.FeedRef]bool{}
	for i := range gens {
		g := &gens[i]
		c, given := cursors[g.Feed]
		if !given {
			c.Event = g.Cursor
		}
		if c.Compared.IsZero() {
			c.Compared = g.Compared
		}
		published[g.Feed] = true
		if err := t.publish(ctx, run.ID, g, c); err != nil {
			return about(g, err)
		}
		// What passes the guard now needs nobody's decision any more.
		if err := t.DropHeld(ctx, g.Feed); err != nil {
			return err
		}
	}
	if err := t.arrive(ctx, run, gens, cursors); err != nil {
		return err
	}
	for f, c := range cursors {
		if err := t.DropHeld(ctx, f); err != nil {
			return err
		}
		if published[f] {
			continue
		}
		if err := t.exec(ctx, sqlMoveCursor, c.Event, records.ZeroMicros(c.Compared), f.Merchant, f.Kind.String(), f.Key); err != nil {
			return err
		}
	}
	if len(gens) > 0 {
		t.Count(partner.MerchantID(run.Merchant), partner.Version{Pointers: 1})
	}
	outcome := "published"
	if len(gens) == 0 {
		outcome = "unchanged"
	}
	return t.EndRun(ctx, run, outcome)
}

func (t *tx) publish(ctx context.Context, run string, g *publish.Generation, c publish.Cursor) error {
	f := g.Feed
	kind := f.Kind.String()
	if err := records.CheckFeed(f); err != nil {
		return err
	}
	epoch, current, logical := int64(0), int64(0), int64(0)
	if _, err := t.one(ctx, sqlPointer, []any{f.Merchant, kind, f.Key}, &epoch, &current, &logical); err != nil {
		return err
	}
	if current != g.Base {
		return fmt.Errorf("the current generation is %d, not %d: %w", current, g.Base, publish.ErrLost)
	}
	var next int64
	found, err := t.one(ctx, sqlNextNumber, []any{f.Merchant}, &next)
	switch {
	case err != nil:
		return err
	case !found:
		return partner.Missing("merchant", f.Merchant)
	case g.Number <= g.Base || g.Number >= next:
		return feed.Errorf(feed.KindInvalid, "number %d was not taken, or does not increase", g.Number)
	case g.Epoch < epoch:
		return feed.Errorf(feed.KindInvalid, "epoch %d is before the feed's epoch %d", g.Epoch, epoch)
	case records.Micros(g.Time) <= logical:
		return feed.Errorf(feed.KindInvalid, "time %s is not after the feed's time %s", g.Time.UTC(), records.FromMicros(logical))
	}
	// The feed's row must stand before what refers to it.
	if err := t.ExecAll(ctx, []records.Statement{records.OpenFeed(f.Merchant, f.Kind, f.Key)}); err != nil {
		return err
	}
	if err := t.keepBlob(ctx, f.Merchant, &g.State, true); err != nil {
		return err
	}
	for i := range g.Layers {
		if err := t.keepBlob(ctx, f.Merchant, &g.Layers[i], true); err != nil {
			return err
		}
	}
	languages := make([]string, len(g.Languages))
	for i, l := range g.Languages {
		languages[i] = l.String()
	}
	err = t.exec(ctx, sqlInsertGeneration, f.Merchant, g.Number, kind, f.Key, g.Base, g.Epoch, records.Micros(g.Time), records.Micros(g.Expires), t.now,
		g.Products, strings.Join(languages, ","), g.Currency.String(), g.State.Key, run, g.Cursor, g.PriceSum, g.PriceCount, records.ZeroMicros(g.Told))
	if err != nil {
		return err
	}
	if err := t.exec(ctx, sqlRetire, t.now, f.Merchant, g.Base); err != nil {
		return err
	}
	if err := t.listFiles(ctx, g); err != nil {
		return err
	}
	if err := t.listLayers(ctx, g); err != nil {
		return err
	}
	return t.exec(ctx, sqlMovePointer, f.Merchant, kind, f.Key, g.Epoch, g.Number, records.Micros(g.Time), c.Event, records.ZeroMicros(c.Compared))
}

// listFiles begins and ends the stretches of files that the generation lists
// and its base did not, or the other way round.
func (t *tx) listFiles(ctx context.Context, g *publish.Generation) error {
	f := g.Feed
	base := records.Ref{Merchant: f.Merchant, Number: g.Base}
	lists, err := t.Files(ctx, base)
	if err != nil {
		return err
	}
	type address struct {
		kind       feed.Kind
		label      string
		generation int64
	}
	listed := map[address]bool{}
	old := lists[base]
	for i := range old {
		listed[address{old[i].Kind, old[i].Label, old[i].Generation}] = true
	}
	for i := range g.Files {
		file := &g.Files[i]
		a := address{file.Kind, file.Label, file.Generation}
		name := file.Kind.FileName(file.Label)
		if file.Plain.IsZero() || file.Generation > g.Number || file.Kind == feed.KindGateway || file.Kind.String() == "" {
			return feed.Errorf(feed.KindInvalid, "file %s of generation %d has no bytes, or no right to be listed", name, file.Generation)
		}
		var plain, gzip string
		taken, err := t.one(ctx, sqlAddressTaken, []any{f.Merchant, file.Generation, file.Kind.String(), file.Label}, &plain, &gzip)
		if err != nil {
			return err
		}
		if taken && (plain != file.Plain.Key || gzip != file.Gzip.Key) {
			return feed.Errorf(feed.KindConflict, "the address of %s of generation %d denotes other bytes already", name, file.Generation)
		}
		for _, b := range []*publish.Blob{&file.Plain, &file.Gzip} {
			if err := t.keepBlob(ctx, f.Merchant, b, file.Generation == g.Number); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if listed[a] {
			delete(listed, a)
			continue
		}
		err = t.exec(ctx, sqlInsertFile, f.Merchant, file.Generation, file.Kind.String(), file.Label, g.Number, f.Kind.String(), f.Key,
			records.Micros(file.Changed), records.ZeroMicros(file.Told), file.Products, file.Base, file.Target, file.Plain.Key, file.Gzip.Key)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for a := range listed {
		if err := t.exec(ctx, sqlUnlistFile, g.Base, f.Merchant, a.generation, a.kind.String(), a.label); err != nil {
			return err
		}
	}
	return nil
}

// listLayers is listFiles for the layers of the state, which have places.
func (t *tx) listLayers(ctx context.Context, g *publish.Generation) error {
	f, kind := g.Feed, g.Feed.Kind.String()
	listed := map[int]string{}
	err := t.each(ctx, sqlListedLayers, []any{f.Merchant, kind, f.Key}, func(rows *sql.Rows) error {
		var place int
		var key string
		err := rows.Scan(&place, &key)
		listed[place] = key
		return err
	})
	if err != nil {
		return err
	}
	for place, key := range listed {
		if place < len(g.Layers) && g.Layers[place].Key == key {
			continue
		}
		if err := t.exec(ctx, sqlUnlistLayer, g.Base, f.Merchant, kind, f.Key, place); err != nil {
			return err
		}
	}
	for place := range g.Layers {
		if listed[place] == g.Layers[place].Key {
			continue
		}
		if err := t.exec(ctx, sqlInsertLayer, f.Merchant, kind, f.Key, place, g.Number, g.Layers[place].Key); err != nil {
			return err
		}
	}
	return nil
}

// keepBlob finds a blob recorded with the same facts, or records it if it may
// be new. One of an older generation that is not recorded has been deleted.
func (t *tx) keepBlob(ctx context.Context, merchant string, b *publish.Blob, fresh bool) error {
	if b.IsZero() {
		return nil
	}
	var have publish.Blob
	var state string
	var md5, sha []byte
	found, err := t.one(ctx, sqlFindBlob, []any{merchant, b.Key}, &have.Size, &md5, &sha, &state)
	if err != nil {
		return err
	}
	switch {
	case !found && !fresh:
		return feed.Errorf(feed.KindConflict, "blob %s of an older generation is gone", b.Key)
	case !found:
		if err := t.exec(ctx, sqlForgetAttempt, merchant, b.Key); err != nil {
			return err
		}
		return t.exec(ctx, sqlInsertBlob, merchant, b.Key, b.Size, b.MD5[:], b.SHA256[:], t.now, t.now)
	}
	have.Key = b.Key
	copy(have.MD5[:], md5)
	copy(have.SHA256[:], sha)
	switch {
	case have != *b:
		return feed.Errorf(feed.KindConflict, "blob %s is recorded with other bytes", b.Key)
	case state == "deleting":
		// It may be gone at any moment.
		return feed.Errorf(feed.KindConflict, "blob %s is being deleted", b.Key)
	case state == "condemned":
		return t.exec(ctx, sqlReviveBlob, t.now, merchant, b.Key)
	}
	return nil
}
