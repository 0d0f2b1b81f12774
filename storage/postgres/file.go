package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
)

const (
	fileColumns = `f.file_kind, f.label, f.generation, f.changed, f.products, f.base, f.target,
			f.plain_key, p.size, p.md5, p.sha256, f.gzip_key, z.size, z.md5, z.sha256`
	fileTables = ` FROM gen_file AS f
		JOIN blob AS p ON p.merchant_id = f.merchant_id AND p.blob_key = f.plain_key
		LEFT JOIN blob AS z ON z.merchant_id = f.merchant_id AND z.blob_key = f.gzip_key`

	sqlListedFiles = `SELECT f.merchant_id, w.number, ` + fileColumns + fileTables + `
		JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.kind = f.kind AND g.feed_key = f.feed_key
		JOIN unnest($1::text[], $2::bigint[]) AS w (merchant_id, number) ON w.merchant_id = g.merchant_id AND w.number = g.number
		WHERE f.first_gen <= w.number AND (f.last_gen IS NULL OR f.last_gen >= w.number)`

	// A file is served to an offer while a generation that lists it is current
	// and the offer attached, and for a time after that. The four times are
	// compared with the end of the overlap of the two stretches, which are a
	// little longer for servers that learn of their ends later.
	sqlFileByAddress = `SELECT ` + fileColumns + fileTables + `
		JOIN generation AS g1 ON g1.merchant_id = f.merchant_id AND g1.number = f.first_gen
		LEFT JOIN generation AS g2 ON g2.merchant_id = f.merchant_id AND g2.number = f.last_gen
		JOIN offer_feed AS a ON a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
		WHERE f.merchant_id = $1 AND a.offer_id = $2 AND f.generation = $3 AND f.file_kind = $4 AND f.label = $5
			AND (a.until IS NULL OR g1.published < a.until + $9::bigint)
			AND (g2.retired IS NULL OR a.since < g2.retired + $9::bigint)
			AND least(coalesce(a.until, 9223372036854775807), coalesce(g2.retired, 9223372036854775807))
				> $6::bigint - CASE f.kind WHEN 'light' THEN $7::bigint ELSE $8::bigint END
		LIMIT 1`
)

// genRef names a generation.
type genRef struct {
	merchant string
	number   int64
}

// columns gives the parts of references as the arrays that statements take.
func columns(refs []genRef) (merchants []string, numbers []int64) {
	for _, r := range refs {
		merchants, numbers = append(merchants, r.merchant), append(numbers, r.number)
	}
	return merchants, numbers
}

// files gives what generations list: by kind, in gateway order, and of one kind
// the newest first.
func (t *tx) files(ctx context.Context, refs ...genRef) (map[genRef][]publish.File, error) {
	lists := map[genRef][]publish.File{}
	merchants, numbers := columns(refs)
	err := t.each(ctx, sqlListedFiles, []any{merchants, numbers}, func(rows pgx.Rows) error {
		var ref genRef
		f, err := scanFile(rows, &ref.merchant, &ref.number)
		lists[ref] = append(lists[ref], f)
		return err
	})
	for _, list := range lists {
		slices.SortFunc(list, func(a, b publish.File) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Label, a.Label), cmp.Compare(b.Generation, a.Generation))
		})
	}
	return lists, err
}

// scanFile reads the columns of a file, and those before it into first.
func scanFile(rows pgx.Rows, first ...any) (f publish.File, err error) {
	var kind, plainKey, gzipKey string
	var changed int64
	var plain, gzip nullBlob
	err = rows.Scan(append(first, &kind, &f.Label, &f.Generation, &changed, &f.Products, &f.Base, &f.Target,
		&plainKey, &plain.size, &plain.md5, &plain.sha256, &gzipKey, &gzip.size, &gzip.md5, &gzip.sha256)...)
	if err == nil {
		f.Kind, err = parseKind(kind)
	}
	f.Changed, f.Plain, f.Gzip = fromMicros(changed), plain.blob(plainKey), gzip.blob(gzipKey)
	return f, err
}

// nullBlob is a blob that an outer join may not have found.
type nullBlob struct {
	size        *int64
	md5, sha256 []byte
}

func (n *nullBlob) blob(key string) publish.Blob {
	if key == "" {
		return publish.Blob{}
	}
	b := publish.Blob{Key: key}
	if n.size != nil {
		b.Size = *n.size
	}
	copy(b.MD5[:], n.md5)
	copy(b.SHA256[:], n.sha256)
	return b
}

// parseKind reads a stored name of a kind.
func parseKind(name string) (feed.Kind, error) {
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("record of a file: %.40q is no kind", name)
}
