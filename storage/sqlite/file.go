package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// files gives what a generation lists: by kind, in gateway order, and of one
// kind the newest first.
func (t *tx) files(ctx context.Context, f publish.FeedRef, number int64) (list []publish.File, err error) {
	err = t.each(ctx, sqlListedFiles, []any{f.Merchant, f.Kind.String(), f.Key, number, number}, func(rows *sql.Rows) error {
		file, err := scanFile(rows)
		list = append(list, file)
		return err
	})
	slices.SortFunc(list, func(a, b publish.File) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Label, a.Label), cmp.Compare(b.Generation, a.Generation))
	})
	return list, err
}

func scanFile(rows *sql.Rows) (f publish.File, err error) {
	var kind, plainKey, gzipKey string
	var changed int64
	var plain, gzip nullBlob
	err = rows.Scan(&kind, &f.Label, &f.Generation, &changed, &f.Products, &f.Base, &f.Target,
		&plainKey, &plain.size, &plain.md5, &plain.sha256, &gzipKey, &gzip.size, &gzip.md5, &gzip.sha256)
	if err == nil {
		f.Kind, err = parseKind(kind)
	}
	f.Changed, f.Plain, f.Gzip = fromMicros(changed), plain.blob(plainKey), gzip.blob(gzipKey)
	return f, err
}

// nullBlob is a blob that an outer join may not have found.
type nullBlob struct {
	size        sql.NullInt64
	md5, sha256 []byte
}

func (n *nullBlob) blob(key string) publish.Blob {
	if key == "" {
		return publish.Blob{}
	}
	b := publish.Blob{Key: key, Size: n.size.Int64}
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
