package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"feedmill/feed"
	blocks "feedmill/feed/block"
	"feedmill/feed/iof"
	"feedmill/feed/pricing"
	"feedmill/feed/record"
)

// benchParts is what the parts of a first publication cost by themselves, in
// seconds of processor time over all profiles.
type benchParts struct {
	Decode   float64 `json:"decode"`
	Price    float64 `json:"price"`
	Render   float64 `json:"render"`
	Compress float64 `json:"compress"`
	MD5      float64 `json:"md5"`
	SHA256   float64 `json:"sha256"`
	// Stitched is the size of gzip files made of blocks by that of gzip files
	// compressed as wholes.
	Stitched float64 `json:"stitched_size"`
}

type benchPart struct {
	name string
	cpu  float64
}

func (p *benchParts) list() []benchPart {
	return []benchPart{{"read and decode the catalog once", p.Decode}, {"price", p.Price}, {"render", p.Render}, {"compress blocks", p.Compress},
		{"MD5 of all files", p.MD5}, {"SHA-256 of all files", p.SHA256}}
}

func (p *benchParts) sum() (s float64) {
	for _, part := range p.list() {
		s += part.cpu
	}
	return s
}

// partProducts is how many products the parts are measured with; the rest is
// taken to cost the same.
const partProducts = 5000

func (b *bench) dictionaries(ctx context.Context, snap snapshot) (*feed.Dictionaries, error) {
	doc, err := snap.Dictionaries(ctx)
	if err != nil {
		return nil, err
	}
	d := &feed.Dictionaries{}
	return d, record.DecodeDictionaries(doc.Doc, d)
}

// parts measures the parts with the first products of the catalog.
func (b *bench) parts(ctx context.Context) (parts benchParts, err error) {
	snap, err := b.h.db.Snapshot(ctx, b.merchant)
	if err != nil {
		return parts, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	dicts, err := b.dictionaries(ctx, snap)
	if err != nil {
		return parts, err
	}
	var docs [][]byte
	scale := float64(b.res.Products) / float64(min(b.res.Products, partProducts))
	clock := func(to *float64, scale float64, fn func() error) {
		if err == nil {
			before := cpuTime()
			err = fn()
			*to += (cpuTime() - before).Seconds() * scale
		}
	}
	clock(&parts.Decode, scale, func() error {
		var dec record.Decoder
		var p feed.Product
		for stored, err := range snap.Products(ctx) {
			if err == nil {
				err = dec.Decode(stored.Doc, &p)
			}
			if err != nil {
				return err
			}
			if docs = append(docs, append([]byte(nil), stored.Doc...)); len(docs) == partProducts {
				break
			}
		}
		return nil
	})
	products := make([]feed.Product, len(docs))
	for i := range docs {
		var dec record.Decoder
		if err := dec.Decode(docs[i], &products[i]); err != nil {
			return parts, err
		}
	}
	index := feed.NewIndex(dicts)
	whole, stitched := int64(0), int64(0)
	for i := range b.profiles {
		profile := &b.profiles[i]
		rules, err := pricing.Compile(profile, index, nil)
		if err != nil {
			return parts, err
		}
		items := make([]feed.Item, len(products))
		clock(&parts.Price, scale, func() error {
			for k := range products {
				if v := rules.Apply(&items[k], &products[k]); !v.Included {
					return fmt.Errorf("product %d is not shown: %s", products[k].ID, v.Reason)
				}
			}
			return nil
		})
		w := iof.NewWriter(profile, index, iof.Options{GeneratedBy: "feedmill", DefaultLanguage: snap.Merchant.Language})
		for kind, size := range map[feed.Kind]int{feed.KindFull: 64 << 10, feed.KindLight: 32 << 10} {
			var nodes []byte
			var ends []int
			render := func(dst []byte, it *feed.Item) []byte {
				if kind == feed.KindFull {
					return w.AppendFull(dst, it)
				}
				return w.AppendLight(dst, it)
			}
			clock(&parts.Render, scale, func() error {
				var node []byte // not all of them: fresh memory costs more than rendering
				for k := range items {
					node = render(node[:0], &items[k])
				}
				return nil
			})
			for k := range items {
				nodes = render(nodes, &items[k])
				ends = append(ends, len(nodes))
			}
			clock(&parts.MD5, scale, func() error { md5.Sum(nodes); return nil })
			clock(&parts.SHA256, scale, func() error { sha256.Sum256(nodes); return nil })
			clock(&parts.Compress, scale, func() error {
				n, err := benchBlocks(ctx, items, nodes, ends, size)
				stitched += n
				return err
			})
			n, zerr := benchGzip(nodes)
			whole, err = whole+n, errors.Join(err, zerr)
		}
	}
	if whole > 0 {
		parts.Stitched = float64(stitched) / float64(whole)
	}
	return parts, err
}

// benchBlocks compresses nodes in blocks and gives the size.
func benchBlocks(ctx context.Context, items []feed.Item, nodes []byte, ends []int, size int) (int64, error) {
	w, err := blocks.NewWriter(ctx, io.Discard, blocks.Options{Cut: blocks.CutFor(size, int64(len(ends)), int64(len(nodes)))})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	from := 0
	for k, to := range ends {
		if err := w.Node(items[k].Product.ID, nodes[from:to]); err != nil {
			return 0, err
		}
		from = to
	}
	r, err := w.Finish()
	return r.Gzip, err
}

// benchGzip compresses bytes as a whole and gives the size.
func benchGzip(b []byte) (int64, error) {
	var n countingWriter
	w, err := gzip.NewWriterLevel(&n, blocks.DefaultLevel)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	return int64(n), err
}

type countingWriter int64

func (c *countingWriter) Write(b []byte) (int, error) {
	*c += countingWriter(len(b))
	return len(b), nil
}
