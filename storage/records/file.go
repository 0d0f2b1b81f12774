package records

import (
	"cmp"
	"context"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	fileColumns = `f.file_kind, f.label, f.generation, f.changed, f.told, f.products, f.base, f.target,
			f.plain_key, p.size, p.md5, p.sha256, f.gzip_key, z.size, z.md5, z.sha256`
	fileBlobs = `
		JOIN blob AS p ON p.merchant_id = f.merchant_id AND p.blob_key = f.plain_key
		LEFT JOIN blob AS z ON z.merchant_id = f.merchant_id AND z.blob_key = f.gzip_key`

	sqlListedFiles = `SELECT f.merchant_id, w.number, ` + fileColumns + ` FROM unnest($1::text[], $2::bigint[]) AS w (merchant_id, number)
		CROSS JOIN generation AS g
		JOIN gen_file AS f ON f.merchant_id = g.merchant_id AND f.kind = g.kind AND f.feed_key = g.feed_key` + fileBlobs + `
		WHERE g.merchant_id = w.merchant_id AND g.number = w.number AND f.first_gen <= w.number AND (f.last_gen IS NULL OR f.last_gen >= w.number)`

	// A file is served to an offer while a generation that lists it is current
	// and the offer attached, and for a time after that. The four times are
	// compared with the end of the overlap of the two stretches, which are a
	// little longer for servers that learn of their ends later. A beginning that
	// lies ahead was noted before the clock was set back, and tells nothing.
	sqlFileByAddress = `SELECT ` + fileColumns + ` FROM gen_file AS f` + fileBlobs + `
		JOIN generation AS g1 ON g1.merchant_id = f.merchant_id AND g1.number = f.first_gen
		LEFT JOIN generation AS g2 ON g2.merchant_id = f.merchant_id AND g2.number = f.last_gen
		JOIN offer_feed AS a ON a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
		WHERE f.merchant_id = $1 AND a.offer_id = $2 AND f.generation = $3 AND f.file_kind = $4 AND f.label = $5
			AND (a.until IS NULL OR g1.published < a.until + CAST($9 AS bigint) OR g1.published > $6)
			AND (g2.retired IS NULL OR a.since < g2.retired + CAST($9 AS bigint) OR a.since > $6)
			AND (a.until IS NULL OR a.until > $6 - CASE f.kind WHEN 'light' THEN CAST($7 AS bigint) ELSE CAST($8 AS bigint) END)
			AND (g2.retired IS NULL OR g2.retired > $6 - CASE f.kind WHEN 'light' THEN CAST($7 AS bigint) ELSE CAST($8 AS bigint) END)
		LIMIT 1`
)

// Ref names a generation of a merchant.
type Ref struct {
	Merchant string
	Number   int64
}

// columns gives the parts of references as the arrays that statements take.
func columns(refs []Ref) (merchants []string, numbers []int64) {
	for _, r := range refs {
		merchants, numbers = append(merchants, r.Merchant), append(numbers, r.Number)
	}
	return merchants, numbers
}

// Files gives what generations list: by kind, in gateway order, and of one kind
// the newest first.
func (t *Tx) Files(ctx context.Context, refs ...Ref) (map[Ref][]publish.File, error) {
	lists := map[Ref][]publish.File{}
	merchants, numbers := columns(refs)
	err := t.each(ctx, sqlListedFiles, []any{t.list(merchants), t.list(numbers)}, func(row Row) error {
		var ref Ref
		f, err := scanFile(row, &ref.Merchant, &ref.Number)
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
func scanFile(row Row, first ...any) (f publish.File, err error) {
	var kind, plainKey, gzipKey string
	var changed, told int64
	var plain, gzip nullBlob
	err = row.Scan(append(first, &kind, &f.Label, &f.Generation, &changed, &told, &f.Products, &f.Base, &f.Target,
		&plainKey, &plain.size, &plain.md5, &plain.sha256, &gzipKey, &gzip.size, &gzip.md5, &gzip.sha256)...)
	if err == nil {
		f.Kind, err = ParseKind(kind)
	}
	f.Changed, f.Told, f.Plain, f.Gzip = FromMicros(changed), FromZero(told), plain.blob(plainKey), gzip.blob(gzipKey)
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

// FileByAddress asks for the file with this address if it is served to the
// offer at a moment, given in microseconds; [ScanFile] reads the row.
func FileByAddress(merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string, now int64) Statement {
	return Statement{sqlFileByAddress, []any{merchant, offer, generation, k.String(), label,
		now, LingerLight.Microseconds(), Linger.Microseconds(), Behind.Microseconds()}}
}

// ScanFile reads what [FileByAddress] asks for.
func ScanFile(row Row) (publish.File, error) { return scanFile(row) }
