package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlTakeNumbers = `UPDATE merchant SET next_generation = next_generation + ? WHERE merchant_id = ? RETURNING next_generation`
	sqlNextNumber  = `SELECT next_generation FROM merchant WHERE merchant_id = ?`

	sqlPointer     = `SELECT epoch, current_gen, logical_time FROM feed WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
	sqlMovePointer = `INSERT INTO feed (merchant_id, kind, feed_key, epoch, current_gen, logical_time) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (merchant_id, kind, feed_key) DO UPDATE
		SET epoch = excluded.epoch, current_gen = excluded.current_gen, logical_time = excluded.logical_time`
	sqlOpenFeed = `INSERT INTO feed (merchant_id, kind, feed_key, epoch, current_gen, logical_time) VALUES (?, ?, ?, 0, 0, 0)
		ON CONFLICT (merchant_id, kind, feed_key) DO NOTHING`

	sqlInsertGeneration = `INSERT INTO generation (merchant_id, number, kind, feed_key, base, epoch, time, expires, published, products, languages, currency, state_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlRetire     = `UPDATE generation SET retired = ? WHERE merchant_id = ? AND number = ? AND retired IS NULL`
	sqlGeneration = `SELECT g.kind, g.feed_key, g.base, g.epoch, g.time, g.expires, g.products, g.languages, g.currency,
			g.state_key, s.size, s.md5, s.sha256
		FROM generation AS g LEFT JOIN blob AS s ON s.merchant_id = g.merchant_id AND s.blob_key = g.state_key
		WHERE g.merchant_id = ? AND g.number = ?`

	fileColumns = `f.file_kind, f.label, f.generation, f.changed, f.products, f.base, f.target,
			f.plain_key, p.size, p.md5, p.sha256, f.gzip_key, z.size, z.md5, z.sha256`
	fileTables = ` FROM gen_file AS f
		JOIN blob AS p ON p.merchant_id = f.merchant_id AND p.blob_key = f.plain_key
		LEFT JOIN blob AS z ON z.merchant_id = f.merchant_id AND z.blob_key = f.gzip_key`

	sqlListedFiles = `SELECT ` + fileColumns + fileTables + `
		WHERE f.merchant_id = ? AND f.kind = ? AND f.feed_key = ? AND f.first_gen <= ? AND (f.last_gen IS NULL OR f.last_gen >= ?)`
	sqlAddressTaken = `SELECT plain_key, gzip_key FROM gen_file WHERE merchant_id = ? AND generation = ? AND file_kind = ? AND label = ? LIMIT 1`
	sqlInsertFile   = `INSERT INTO gen_file (merchant_id, generation, file_kind, label, first_gen, kind, feed_key, changed, products, base, target, plain_key, gzip_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUnlistFile = `UPDATE gen_file SET last_gen = ? WHERE merchant_id = ? AND generation = ? AND file_kind = ? AND label = ? AND last_gen IS NULL`

	sqlFindBlob   = `SELECT size, md5, sha256, state FROM blob WHERE merchant_id = ? AND blob_key = ?`
	sqlInsertBlob = `INSERT INTO blob (merchant_id, blob_key, size, md5, sha256, state, created, changed) VALUES (?, ?, ?, ?, ?, 'live', ?, ?)`
	sqlReviveBlob = `UPDATE blob SET state = 'live', changed = ? WHERE merchant_id = ? AND blob_key = ? AND state = 'condemned'`

	// The feed has something to show now: offers that were moved to it leave
	// the feed that they were served from meanwhile.
	sqlSettle = `UPDATE offer_feed SET until = ? WHERE merchant_id = ? AND kind = ? AND feed_key <> ? AND until IS NULL
		AND EXISTS (SELECT 1 FROM offer_feed AS newer WHERE newer.merchant_id = offer_feed.merchant_id AND newer.offer_id = offer_feed.offer_id
			AND newer.kind = offer_feed.kind AND newer.feed_key = ? AND newer.until IS NULL AND newer.number > offer_feed.number)`

	// A file is served to an offer while a generation that lists it is current
	// and the offer attached, and for a time after that. The four times are
	// compared with the end of the overlap of the two stretches.
	sqlFileByAddress = `SELECT ` + fileColumns + fileTables + `
		JOIN generation AS g1 ON g1.merchant_id = f.merchant_id AND g1.number = f.first_gen
		LEFT JOIN generation AS g2 ON g2.merchant_id = f.merchant_id AND g2.number = f.last_gen
		JOIN offer_feed AS a ON a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
		WHERE f.merchant_id = ? AND a.offer_id = ? AND f.generation = ? AND f.file_kind = ? AND f.label = ?
			AND (a.until IS NULL OR g1.published < a.until)
			AND (g2.retired IS NULL OR a.since < g2.retired)
			AND min(coalesce(a.until, 9223372036854775807), coalesce(g2.retired, 9223372036854775807))
				> ? - CASE f.kind WHEN 'light' THEN ? ELSE ? END
		LIMIT 1`

	sqlPointers = `SELECT merchant_id, kind, feed_key, current_gen FROM feed
		WHERE current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = feed.merchant_id AND a.kind = feed.kind
			AND a.feed_key = feed.feed_key AND (a.until IS NULL OR a.until > ?))` // every merchant
)

var _ publish.Ledger = (*DB)(nil)

// Current implements [publish.Ledger]. Files are listed by kind, in gateway
// order, and of one kind the newest first.
func (d *DB) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	err = d.read(ctx, "read current generation", func(ctx context.Context, t *tx) error {
		g, ok, err = t.current(ctx, f)
		return err
	})
	return g, ok, err
}

// Begin implements [publish.Ledger].
func (d *DB) Begin(ctx context.Context, merchant string, n int) (first int64, err error) {
	if n <= 0 {
		return 0, feed.Errorf(feed.KindInvalid, "%d generation numbers are asked for", n)
	}
	err = d.write(ctx, "take generation numbers", func(ctx context.Context, t *tx) error {
		var next int64
		found, err := t.one(ctx, sqlTakeNumbers, []any{n, merchant}, &next)
		if err == nil && !found {
			err = missing("merchant", merchant)
		}
		first = next - int64(n)
		return err
	})
	return first, err
}

// Commit implements [publish.Ledger]: in one transaction it checks every
// pointer, records blobs, generations and files, and moves all pointers.
// It fails with KindInvalid when a number was never taken, a time does not
// increase or a file has no bytes, and with KindConflict when a number or an
// address would come to denote something else than before.
func (d *DB) Commit(ctx context.Context, gens []publish.Generation) error {
	if len(gens) == 0 {
		return nil
	}
	return d.write(ctx, "publish", func(ctx context.Context, t *tx) error {
		seen := map[publish.FeedRef]bool{}
		for i := range gens {
			g := &gens[i]
			if seen[g.Feed] {
				return feed.Errorf(feed.KindInvalid, "two generations of the feed %s %s", g.Feed.Kind, g.Feed.Key)
			}
			seen[g.Feed] = true
			if err := t.publish(ctx, g); err != nil {
				return fmt.Errorf("generation %d of %s feed %s: %w", g.Number, g.Feed.Kind, g.Feed.Key, err)
			}
		}
		t.pointers = true
		return nil
	})
}

func (t *tx) publish(ctx context.Context, g *publish.Generation) error {
	f := g.Feed
	kind := f.Kind.String()
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
		return missing("merchant", f.Merchant)
	case f.Kind != feed.KindFull && f.Kind != feed.KindLight || f.Key == "":
		return feed.Errorf(feed.KindInvalid, "a feed is full or light and has a key")
	case g.Number <= g.Base || g.Number >= next:
		return feed.Errorf(feed.KindInvalid, "number %d was not taken, or does not increase", g.Number)
	case g.Epoch < epoch:
		return feed.Errorf(feed.KindInvalid, "epoch %d is before the feed's epoch %d", g.Epoch, epoch)
	case micros(g.Time) <= logical:
		return feed.Errorf(feed.KindInvalid, "time %s is not after the feed's time %s", g.Time.UTC(), fromMicros(logical))
	}
	// The feed's row must stand before what refers to it.
	if err := t.exec(ctx, sqlOpenFeed, f.Merchant, kind, f.Key); err != nil {
		return err
	}
	if err := t.keepBlob(ctx, f.Merchant, &g.State, true); err != nil {
		return err
	}
	languages := make([]string, len(g.Languages))
	for i, l := range g.Languages {
		languages[i] = l.String()
	}
	err = t.exec(ctx, sqlInsertGeneration, f.Merchant, g.Number, kind, f.Key, g.Base, g.Epoch, micros(g.Time), micros(g.Expires), t.now,
		g.Products, strings.Join(languages, ","), g.Currency.String(), g.State.Key)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, sqlRetire, t.now, f.Merchant, g.Base); err != nil {
		return err
	}
	if err := t.listFiles(ctx, g); err != nil {
		return err
	}
	if err := t.exec(ctx, sqlMovePointer, f.Merchant, kind, f.Key, g.Epoch, g.Number, micros(g.Time)); err != nil {
		return err
	}
	n, err := t.execCount(ctx, sqlSettle, t.now, f.Merchant, kind, f.Key, f.Key)
	t.accounts = t.accounts || n > 0
	return err
}

// listFiles begins and ends the stretches of files that the generation lists
// and its base did not, or the other way round.
func (t *tx) listFiles(ctx context.Context, g *publish.Generation) error {
	f := g.Feed
	old, err := t.files(ctx, f, g.Base)
	if err != nil {
		return err
	}
	type address struct {
		kind       feed.Kind
		label      string
		generation int64
	}
	listed := map[address]bool{}
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
			micros(file.Changed), file.Products, file.Base, file.Target, file.Plain.Key, file.Gzip.Key)
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

func (t *tx) current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	var epoch, number, logical int64
	found, err := t.one(ctx, sqlPointer, []any{f.Merchant, f.Kind.String(), f.Key}, &epoch, &number, &logical)
	if err != nil || !found || number == 0 {
		return publish.Generation{}, false, err
	}
	g, err = t.generation(ctx, f.Merchant, number)
	return g, err == nil, err
}

func (t *tx) generation(ctx context.Context, merchant string, number int64) (publish.Generation, error) {
	g := publish.Generation{Feed: publish.FeedRef{Merchant: merchant}, Number: number}
	var kind, languages, currency, stateKey string
	var at, expires int64
	var state nullBlob
	found, err := t.one(ctx, sqlGeneration, []any{merchant, number}, &kind, &g.Feed.Key, &g.Base, &g.Epoch, &at, &expires, &g.Products,
		&languages, &currency, &stateKey, &state.size, &state.md5, &state.sha256)
	if err == nil && !found {
		err = missing("generation", fmt.Sprint(number))
	}
	if err != nil {
		return g, err
	}
	g.Time, g.Expires, g.State = fromMicros(at), fromMicros(expires), state.blob(stateKey)
	if g.Feed.Kind, err = parseKind(kind); err != nil {
		return g, err
	}
	if languages != "" {
		for code := range strings.SplitSeq(languages, ",") {
			l, err := feed.ParseLanguage(code)
			if err != nil {
				return g, err
			}
			g.Languages = append(g.Languages, l)
		}
	}
	if _, g.Currency, err = parseLocale("", currency); err != nil {
		return g, err
	}
	g.Files, err = t.files(ctx, g.Feed, number)
	return g, err
}

// CurrentGenerations gives the current generations of all feeds that an offer
// is read from, but for those whose number is known already. It spans all
// merchants and is meant for file servers alone.
func (d *DB) CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) (list []publish.Generation, err error) {
	err = d.read(ctx, "read current generations", func(ctx context.Context, t *tx) error {
		type pointer struct {
			merchant string
			number   int64
		}
		var moved []pointer
		err := t.each(ctx, sqlPointers, []any{t.now - linger.Microseconds()}, func(rows *sql.Rows) error {
			var f publish.FeedRef
			var kind string
			var number int64
			err := rows.Scan(&f.Merchant, &kind, &f.Key, &number)
			if err == nil {
				f.Kind, err = parseKind(kind)
			}
			if err == nil && known[f] != number {
				moved = append(moved, pointer{f.Merchant, number})
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range moved {
			g, err := t.generation(ctx, p.merchant, p.number)
			if err != nil {
				return err
			}
			list = append(list, g)
		}
		return nil
	})
	return list, err
}

// FileByAddress gives the file with this address if it is served to the offer:
// if a generation that lists it was current for the offer at some moment of the
// last 72 hours (2 hours for a light feed), whatever its profile is by now.
func (d *DB) FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (f publish.File, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.opt.StatementTimeout)
	defer cancel()
	rows, err := d.addressStmt.QueryContext(ctx, merchant, offer, generation, k.String(), label,
		micros(d.opt.Now()), lingerLight.Microseconds(), linger.Microseconds())
	if err == nil {
		defer rows.Close()
		if rows.Next() {
			f, err = scanFile(rows)
			ok = err == nil
		}
		if err == nil {
			err = rows.Err()
		}
	}
	return f, ok, fault("find file", ended(ctx, err))
}
