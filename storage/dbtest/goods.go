package dbtest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Catalog yields n products with documents of about 2 KB of printable text that
// pack about as well as those of real products, and that many codes each; they
// differ by the revision.
func Catalog(n int, revision uint64, codes int) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		words := strings.Fields("frame wheel saddle chain brake lever carbon steel alloy light strong red blue black gloves helmet size width warranty <p> </p> <li> </li>")
		r := rand.New(rand.NewPCG(revision, 1))
		var doc []byte
		names := make([]string, codes)
		for i := range n {
			doc = fmt.Appendf(doc[:0], "product %d of revision %d ", i, revision)
			for len(doc) < 2000 {
				if r.IntN(4) == 0 {
					doc = strconv.AppendUint(doc, r.Uint64()>>r.IntN(64), 36)
				} else {
					doc = append(doc, words[r.IntN(len(words))]...)
				}
				doc = append(doc, ' ')
			}
			for k := range names {
				names[k] = fmt.Sprintf("590%010d-%d", i, k)
			}
			p := partner.StagedProduct{ID: feed.ProductID(i + 1), Codes: names, Doc: doc, Digest: sha256.Sum256(doc)}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Revised yields n products of about 2 KB that differ by the revision.
func Revised(n int, revision uint64) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		doc := make([]byte, 2000)
		binary.BigEndian.PutUint64(doc, revision)
		for i := range n {
			binary.BigEndian.PutUint64(doc[8:], uint64(i))
			p := partner.StagedProduct{ID: feed.ProductID(i + 1), Codes: []string{fmt.Sprint("code-", i)}, Doc: doc, Digest: sha256.Sum256(doc[:16])}
			if !yield(p, nil) {
				return
			}
		}
	}
}
