package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlLockFeed = `SELECT f.epoch, f.current_gen, f.logical_time, m.next_generation FROM feed AS f JOIN merchant AS m ON m.merchant_id = f.merchant_id
		WHERE f.merchant_id = $1 AND f.kind = $2 AND f.feed_key = $3 FOR NO KEY UPDATE OF f`
	sqlMovePointer = `UPDATE feed SET epoch = $4, current_gen = $5, logical_time = $6, event_cursor = $7,
		compared = CASE WHEN $8::bigint = 0 THEN compared ELSE $8 END WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
	// Where nothing is published a cursor never goes back.
	sqlMoveCursors = `UPDATE feed AS f SET event_cursor = greatest(f.event_cursor, n.event), compared = greatest(f.compared, n.compared)
		FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS n (kind, feed_key, event, compared)
		WHERE f.merchant_id = $1 AND f.kind = n.kind AND f.feed_key = n.feed_key`

	sqlInsertGeneration = `INSERT INTO generation (merchant_id, number, kind, feed_key, base, epoch, time, expires, published, products, languages, currency, state_key,
			run_id, event_cursor, price_sum, price_count, told)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	sqlRetire = `UPDATE generation SET retired = $3 WHERE merchant_id = $1 AND number = $2 AND retired IS NULL`

	sqlAddressesTaken = `SELECT f.generation, f.file_kind, f.label, f.plain_key, f.gzip_key FROM gen_file AS f
		JOIN unnest($2::bigint[], $3::text[], $4::text[]) AS a (generation, file_kind, label)
			ON a.generation = f.generation AND a.file_kind = f.file_kind AND a.label = f.label
		WHERE f.merchant_id = $1`
	sqlInsertFiles = `INSERT INTO gen_file (merchant_id, first_gen, kind, feed_key, generation, file_kind, label, changed, told, products, base, target, plain_key, gzip_key)
		SELECT $1, $2, $3, $4, n.* FROM unnest($5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[]) AS n`
	sqlUnlistFiles = `UPDATE gen_file AS f SET last_gen = $2 FROM unnest($3::bigint[], $4::text[], $5::text[]) AS a (generation, file_kind, label)
		WHERE f.merchant_id = $1 AND f.generation = a.generation AND f.file_kind = a.file_kind AND f.label = a.label AND f.last_gen IS NULL`

	sqlListedLayers = `SELECT place, blob_key FROM state_layer WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND last_gen IS NULL`
	sqlInsertLayers = `INSERT INTO state_layer (merchant_id, kind, feed_key, first_gen, place, blob_key)
		SELECT $1, $2, $3, $4, n.place, n.blob_key FROM unnest($5::int[], $6::text[]) AS n (place, blob_key)`
	sqlUnlistLayers = `UPDATE state_layer SET last_gen = $4 WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND place = ANY($5) AND last_gen IS NULL`

	sqlInsertBlobs = `INSERT INTO blob (merchant_id, blob_key, size, md5, sha256, state, created, changed)
		SELECT $1, n.blob_key, n.size, n.md5, n.sha256, 'live', $6, $6
		FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bytea[]) AS n (blob_key, size, md5, sha256)
		ON CONFLICT (merchant_id, blob_key) DO NOTHING`
	sqlLockBlobs = `SELECT blob_key, size, md5, sha256, state FROM blob WHERE merchant_id = $1 AND blob_key = ANY($2)
		ORDER BY blob_key FOR NO KEY UPDATE`
	sqlSettleAttempts = `DELETE FROM upload_attempt WHERE merchant_id = $1 AND store_key = ANY($2)`
	sqlReviveBlobs    = `UPDATE blob SET state = 'live', changed = $3 WHERE merchant_id = $1 AND blob_key = ANY($2) AND state = 'condemned'`

	sqlPublished = `SELECT EXISTS (SELECT 1 FROM generation WHERE merchant_id = $1 AND number = $2 AND kind = $3 AND feed_key = $4)`
)

// Commit implements [publish.Ledger]: in one transaction it checks the lease and
// every pointer, records blobs, generations and files, and moves all pointers
// and cursors. It fails with KindInvalid when a number is not the run's, a time
// does not increase or a file has no bytes, and with KindConflict when a number
// or an address would come to denote something else than before. When the
// connection is lost before the server has answered, the ledger itself is asked
// whether the generations are in it.
func (d *DB) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	order, err := inOrder(run, gens, cursors)
	if err != nil {
		return fault("publish", err)
	}
	// A number denotes one generation for good: it is there, or nothing is. Where
	// cursors alone move they may as well do so twice.
	h := how{again: len(order) == 0}
	if !h.again {
		h.done = committed(run.Merchant, order)
	}
	return d.writeAs(ctx, "publish", h, func(ctx context.Context, t *tx) error {
		if err := t.Fence(ctx, run); err != nil {
			return err
		}
		for _, g := range order {
			if g.Number < run.First || g.Number >= run.First+int64(run.N) {
				return about(g, feed.Errorf(feed.KindInvalid, "number %d is not one that the run has taken", g.Number))
			}
		}
		err := t.publishAll(ctx, run, order, cursors)
		crash.Point("postgres.publish.uncommitted")
		return err
	})
}

// inOrder gives generations in the one order in which feeds are locked by all,
// and refuses what is not the run's merchant's or stands twice.
func inOrder(run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) ([]*publish.Generation, error) {
	seen := map[publish.FeedRef]bool{}
	order := make([]*publish.Generation, len(gens))
	for i := range gens {
		g := &gens[i]
		if seen[g.Feed] {
			return nil, feed.Errorf(feed.KindInvalid, "two generations of the feed %s %s", g.Feed.Kind, g.Feed.Key)
		}
		if g.Feed.Merchant != run.Merchant {
			return nil, feed.Errorf(feed.KindInvalid, "a run of merchant %.40q publishes for %.40q", run.Merchant, g.Feed.Merchant)
		}
		seen[g.Feed], order[i] = true, g
	}
	for f := range cursors {
		if f.Merchant != run.Merchant {
			return nil, feed.Errorf(feed.KindInvalid, "a run of merchant %.40q moves a cursor of %.40q", run.Merchant, f.Merchant)
		}
	}
	slices.SortFunc(order, func(a, b *publish.Generation) int {
		return cmp.Or(cmp.Compare(a.Feed.Kind.String(), b.Feed.Kind.String()), cmp.Compare(a.Feed.Key, b.Feed.Key))
	})
	return order, nil
}

// committed finds out whether generations were committed.
func committed(merchant string, order []*publish.Generation) func(ctx context.Context, t *tx) (bool, error) {
	return func(ctx context.Context, t *tx) (bool, error) {
		if _, err := t.LockLease(ctx, merchant); err != nil {
			return false, err
		}
		for _, g := range order {
			if _, err := t.lockFeed(ctx, g); err != nil {
				return false, err
			}
		}
		done := true
		for _, g := range order {
			var there bool
			if _, err := t.one(ctx, sqlPublished, []any{g.Feed.Merchant, g.Number, g.Feed.Kind.String(), g.Feed.Key}, &there); err != nil {
				return false, err
			}
			done = done && there
		}
		return done, nil
	}
}

// publishAll publishes generations, moves cursors, and ends the run.
func (t *tx) publishAll(ctx context.Context, run publish.Run, order []*publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	at := make([]pointer, len(order))
	for i, g := range order {
		var err error
		if at[i], err = t.lockFeed(ctx, g); err != nil {
			return about(g, err)
		}
	}
	rest := maps.Clone(cursors)
	var current []publish.FeedRef
	for i, g := range order {
		c, given := cursors[g.Feed]
		if !given {
			c.Event = g.Cursor
		}
		if c.Compared.IsZero() {
			c.Compared = g.Compared
		}
		delete(rest, g.Feed)
		if err := t.publish(ctx, run.ID, g, at[i], c); err != nil {
			return about(g, err)
		}
		if g.Fresh() {
			current = append(current, g.Feed)
		}
	}
	seen, err := t.moving(ctx, run.Merchant, rest)
	if err != nil {
		return err
	}
	if err := t.moveCursors(ctx, run.Merchant, rest); err != nil {
		return err
	}
	if err := t.arrive(ctx, run.Merchant, append(current, seen...)); err != nil {
		return err
	}
	// What passes the guard now needs nobody's decision any more.
	for _, f := range refs(order, rest) {
		if err := t.DropHeld(ctx, f); err != nil {
			return err
		}
	}
	outcome := "published"
	if len(order) == 0 {
		outcome = "unchanged"
	}
	return t.EndRun(ctx, run, outcome)
}

// refs gives the feeds of generations and of cursors, in the order in which feeds
// are locked.
func refs(gens []*publish.Generation, cursors map[publish.FeedRef]publish.Cursor) []publish.FeedRef {
	list := slices.Collect(maps.Keys(cursors))
	for _, g := range gens {
		list = append(list, g.Feed)
	}
	slices.SortFunc(list, func(a, b publish.FeedRef) int {
		return cmp.Or(cmp.Compare(a.Kind.String(), b.Kind.String()), cmp.Compare(a.Key, b.Key))
	})
	return list
}

// moveCursors moves cursors of feeds in which nothing is published, forwards.
func (t *tx) moveCursors(ctx context.Context, merchant string, cursors map[publish.FeedRef]publish.Cursor) error {
	if len(cursors) == 0 {
		return nil
	}
	var kinds, keys []string
	var events, compared []int64
	for _, f := range refs(nil, cursors) {
		kinds, keys = append(kinds, f.Kind.String()), append(keys, f.Key)
		events, compared = append(events, cursors[f].Event), append(compared, records.ZeroMicros(cursors[f].Compared))
	}
	return t.exec(ctx, sqlMoveCursors, merchant, kinds, keys, events, compared)
}

func about(g *publish.Generation, err error) error {
	return fmt.Errorf("generation %d of %s feed %s: %w", g.Number, g.Feed.Kind, g.Feed.Key, err)
}

// pointer is what a feed's row says, and the merchant's next number.
type pointer struct{ epoch, current, logical, next int64 }

// lockFeed locks a feed until the end of the transaction, so that nothing else
// is published in it.
func (t *tx) lockFeed(ctx context.Context, g *publish.Generation) (p pointer, err error) {
	if err := records.CheckFeed(g.Feed); err != nil {
		return p, err
	}
	b := &pgx.Batch{}
	open := records.OpenFeed(g.Feed.Merchant, g.Feed.Kind, g.Feed.Key)
	b.Queue(open.Query, open.Args...)
	b.Queue(sqlLockFeed, open.Args...)
	res := t.c.SendBatch(ctx, b)
	defer res.Close()
	if _, err := res.Exec(); err != nil {
		return p, err
	}
	rows, err := res.Query()
	if err != nil {
		return p, err
	}
	found := false
	err = records.Each(rows, func(row records.Row) error {
		found = true
		return row.Scan(&p.epoch, &p.current, &p.logical, &p.next)
	})
	if err == nil && !found {
		err = partner.Missing("merchant", g.Feed.Merchant)
	}
	return p, err
}

func (t *tx) publish(ctx context.Context, run string, g *publish.Generation, p pointer, c publish.Cursor) error {
	switch {
	case p.current != g.Base:
		return fmt.Errorf("the current generation is %d, not %d: %w", p.current, g.Base, publish.ErrLost)
	case g.Number <= g.Base || g.Number >= p.next:
		return feed.Errorf(feed.KindInvalid, "number %d was not taken, or does not increase", g.Number)
	case g.Epoch < p.epoch:
		return feed.Errorf(feed.KindInvalid, "epoch %d is before the feed's epoch %d", g.Epoch, p.epoch)
	case records.Micros(g.Time) <= p.logical:
		return feed.Errorf(feed.KindInvalid, "time %s is not after the feed's time %s", g.Time.UTC(), records.FromMicros(p.logical))
	}
	added, gone, err := t.listing(ctx, g)
	if err != nil {
		return err
	}
	fresh, older := []*publish.Blob{&g.State}, []*publish.Blob(nil)
	for i := range g.Layers {
		fresh = append(fresh, &g.Layers[i])
	}
	for _, f := range added {
		if f.Generation == g.Number {
			fresh = append(fresh, &f.Plain, &f.Gzip)
		} else {
			older = append(older, &f.Plain, &f.Gzip)
		}
	}
	if err := t.keepBlobs(ctx, g.Feed.Merchant, fresh, older); err != nil {
		return err
	}
	if err := t.record(ctx, run, g, added, gone, c); err != nil {
		return err
	}
	return t.listLayers(ctx, g)
}

// listLayers records which layers the generation has that its base had not, at
// their places, and the other way round.
func (t *tx) listLayers(ctx context.Context, g *publish.Generation) error {
	kind := g.Feed.Kind.String()
	listed := map[int32]string{}
	err := t.each(ctx, sqlListedLayers, []any{g.Feed.Merchant, kind, g.Feed.Key}, func(rows pgx.Rows) error {
		var place int32
		var key string
		err := rows.Scan(&place, &key)
		listed[place] = key
		return err
	})
	if err != nil {
		return err
	}
	var places, gone []int32
	var keys []string
	for i := range g.Layers {
		place := int32(i)
		if listed[place] == g.Layers[i].Key {
			delete(listed, place)
			continue
		}
		places, keys = append(places, place), append(keys, g.Layers[i].Key)
	}
	for place := range listed {
		gone = append(gone, place)
	}
	if len(gone) > 0 {
		if err := t.exec(ctx, sqlUnlistLayers, g.Feed.Merchant, kind, g.Feed.Key, g.Base, gone); err != nil {
			return err
		}
	}
	if len(places) == 0 {
		return nil
	}
	return t.exec(ctx, sqlInsertLayers, g.Feed.Merchant, kind, g.Feed.Key, g.Number, places, keys)
}

// address denotes one file of a merchant for good.
type address struct {
	generation int64
	kind       string
	label      string
}

func addressOfFile(f *publish.File) address { return address{f.Generation, f.Kind.String(), f.Label} }

// addressColumns gives addresses as the arrays that statements take.
func addressColumns(list []address) (generations []int64, kinds, labels []string) {
	for _, a := range list {
		generations, kinds, labels = append(generations, a.generation), append(kinds, a.kind), append(labels, a.label)
	}
	return generations, kinds, labels
}

// listing compares what a generation lists with what its base did: the files
// that are listed anew, and the addresses that are not any more. What both list
// needs no further look: it was recorded with the base, which cannot be swept
// away while its feed is locked. So a chain of hundreds of change files costs
// one statement.
func (t *tx) listing(ctx context.Context, g *publish.Generation) (added []*publish.File, gone []address, err error) {
	base := records.Ref{Merchant: g.Feed.Merchant, Number: g.Base}
	lists, err := t.Files(ctx, base)
	if err != nil {
		return nil, nil, err
	}
	listed := map[address]*publish.File{}
	for i := range lists[base] {
		f := &lists[base][i]
		listed[addressOfFile(f)] = f
	}
	var fresh []address
	want := map[address]*publish.File{}
	for i := range g.Files {
		f := &g.Files[i]
		a := addressOfFile(f)
		if f.Plain.IsZero() || f.Generation > g.Number || f.Kind == feed.KindGateway || a.kind == "" {
			return nil, nil, feed.Errorf(feed.KindInvalid, "file %s of generation %d has no bytes, or no right to be listed", f.Kind.FileName(f.Label), f.Generation)
		}
		if old := listed[a]; old != nil && old.Plain == f.Plain && old.Gzip == f.Gzip {
			delete(listed, a)
			continue
		}
		added, fresh, want[a] = append(added, f), append(fresh, a), f
	}
	generations, kinds, labels := addressColumns(fresh)
	err = t.each(ctx, sqlAddressesTaken, []any{g.Feed.Merchant, generations, kinds, labels}, func(rows pgx.Rows) error {
		var a address
		var plain, gzip string
		if err := rows.Scan(&a.generation, &a.kind, &a.label, &plain, &gzip); err != nil {
			return err
		}
		if f := want[a]; plain != f.Plain.Key || gzip != f.Gzip.Key {
			return feed.Errorf(feed.KindConflict, "the address of %s of generation %d denotes other bytes already", f.Kind.FileName(f.Label), f.Generation)
		}
		return nil
	})
	for a := range listed {
		gone = append(gone, a)
	}
	return added, gone, err
}

// keepBlobs records fresh blobs, or finds them recorded with the same facts,
// and finds older ones: those that are not recorded have been deleted. All are
// locked, so that nobody condemns them before they are listed.
func (t *tx) keepBlobs(ctx context.Context, merchant string, fresh, older []*publish.Blob) error {
	fresh = slices.DeleteFunc(fresh, (*publish.Blob).IsZero)
	blobs := slices.DeleteFunc(slices.Concat(fresh, older), (*publish.Blob).IsZero)
	if len(blobs) == 0 {
		return nil
	}
	// In one order for all, so that two publications do not wait for each other.
	slices.SortStableFunc(fresh, func(a, b *publish.Blob) int { return cmp.Compare(a.Key, b.Key) })
	var keys []string
	var sizes []int64
	var md5s, shas [][]byte
	for _, b := range fresh {
		keys, sizes, md5s, shas = append(keys, b.Key), append(sizes, b.Size), append(md5s, b.MD5[:]), append(shas, b.SHA256[:])
	}
	var all []string
	for _, b := range blobs {
		all = append(all, b.Key)
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlInsertBlobs, merchant, keys, sizes, md5s, shas, t.now)
	batch.Queue(sqlSettleAttempts, merchant, keys)
	batch.Queue(sqlLockBlobs, merchant, all)
	res := t.c.SendBatch(ctx, batch)
	defer res.Close()
	for range 2 {
		if _, err := res.Exec(); err != nil {
			return err
		}
	}
	rows, err := res.Query()
	if err != nil {
		return err
	}
	recorded := map[string]publish.Blob{}
	var condemned []string
	err = records.Each(rows, func(row records.Row) error {
		var have publish.Blob
		var state string
		var md5, sha []byte
		if err := row.Scan(&have.Key, &have.Size, &md5, &sha, &state); err != nil {
			return err
		}
		copy(have.MD5[:], md5)
		copy(have.SHA256[:], sha)
		switch state {
		case "deleting":
			// It may be gone at any moment.
			return feed.Errorf(feed.KindConflict, "blob %s is being deleted", have.Key)
		case "condemned":
			condemned = append(condemned, have.Key)
		}
		recorded[have.Key] = have
		return nil
	})
	if err != nil {
		return err
	}
	if err := res.Close(); err != nil {
		return err
	}
	for _, b := range blobs {
		have, found := recorded[b.Key]
		if !found {
			return feed.Errorf(feed.KindConflict, "blob %s of an older generation is gone", b.Key)
		}
		if have != *b {
			return feed.Errorf(feed.KindConflict, "blob %s is recorded with other bytes", b.Key)
		}
	}
	if len(condemned) == 0 {
		return nil
	}
	return t.exec(ctx, sqlReviveBlobs, merchant, condemned, t.now)
}

// record writes the generation, in one go.
func (t *tx) record(ctx context.Context, run string, g *publish.Generation, added []*publish.File, gone []address, c publish.Cursor) error {
	f, kind := g.Feed, g.Feed.Kind.String()
	languages := make([]string, len(g.Languages))
	for i, l := range g.Languages {
		languages[i] = l.String()
	}
	b := &pgx.Batch{}
	b.Queue(sqlInsertGeneration, f.Merchant, g.Number, kind, f.Key, g.Base, g.Epoch, records.Micros(g.Time), records.Micros(g.Expires), t.now,
		g.Products, strings.Join(languages, ","), g.Currency.String(), g.State.Key, run, g.Cursor, g.PriceSum, g.PriceCount, records.ZeroMicros(g.Told))
	b.Queue(sqlRetire, f.Merchant, g.Base, t.now)
	if len(added) > 0 {
		var addresses []address
		var changed, told, products, bases, targets []int64
		var plain, gzip []string
		for _, file := range added {
			addresses = append(addresses, addressOfFile(file))
			changed, told = append(changed, records.Micros(file.Changed)), append(told, records.ZeroMicros(file.Told))
			products = append(products, file.Products)
			bases, targets = append(bases, file.Base), append(targets, file.Target)
			plain, gzip = append(plain, file.Plain.Key), append(gzip, file.Gzip.Key)
		}
		generations, kinds, labels := addressColumns(addresses)
		b.Queue(sqlInsertFiles, f.Merchant, g.Number, kind, f.Key, generations, kinds, labels, changed, told, products, bases, targets, plain, gzip)
	}
	if len(gone) > 0 {
		generations, kinds, labels := addressColumns(gone)
		b.Queue(sqlUnlistFiles, f.Merchant, g.Base, generations, kinds, labels)
	}
	b.Queue(sqlMovePointer, f.Merchant, kind, f.Key, g.Epoch, g.Number, records.Micros(g.Time), c.Event, records.ZeroMicros(c.Compared))
	res := t.c.SendBatch(ctx, b)
	defer res.Close()
	for range b.Len() {
		if _, err := res.Exec(); err != nil {
			return err
		}
	}
	t.Count(partner.MerchantID(f.Merchant), partner.Version{Pointers: 1})
	return res.Close()
}
