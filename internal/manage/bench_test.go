package manage_test

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// BenchmarkPreview asks what it would do to switch 500 offers of 5 profiles off,
// and to give 100 partners another discount, with PREVIEW_PRODUCTS products
// (default 10000) in the catalog.
func BenchmarkPreview(b *testing.B) {
	products := 10_000
	if text := os.Getenv("PREVIEW_PRODUCTS"); text != "" {
		n, err := strconv.Atoi(text)
		check(b, err)
		products = n
	}
	w := setup(b)
	id := partner.NewImportID()
	_, err := w.db.StageProducts(w.ctx, w.merchant.ID, id, staged(b, products))
	check(b, err)
	_, err = w.db.Merge(w.ctx, w.owner.Actor, w.merchant.ID, id, partner.MergeReplace, nil)
	check(b, err)
	var discount partner.Changeset
	var off partner.Changeset
	for i := range 500 {
		profile := pln()
		profile.Discounts.Overall = percent(b, strconv.Itoa(i%5))
		p, o := w.partner(fmt.Sprintf("Partner %d", i), partner.Partner{}, profile)
		p.FeedEnabled = false
		off.Partners = append(off.Partners, p)
		if i < 100 {
			o.Profile.Discounts.Overall = percent(b, "7")
			discount.Offers = append(discount.Offers, o)
		}
	}
	for name, set := range map[string]partner.Changeset{"off": off, "discount": discount} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before, cpu := memory(b, "VmRSS"), processor(b)
				check(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // the peak counts from here
				p, err := w.Preview(w.ctx, w.owner, set)
				check(b, err)
				b.ReportMetric((processor(b) - cpu).Seconds(), "cpu-s")
				b.ReportMetric(float64(memory(b, "VmHWM")-before)/(1<<20), "more-MiB")
				if p.Products != int64(products) || len(p.Offers) == 0 {
					b.Fatalf("%d products, %d offers", p.Products, len(p.Offers))
				}
			}
		})
	}
}

// staged makes products one after the other, encoded as they are stored.
func staged(b *testing.B, n int) iter.Seq2[partner.StagedProduct, error] {
	text := strings.Repeat("Rower górski z ramą aluminiową, hamulce tarczowe, dwadzieścia siedem przełożeń. ", 20)
	return func(yield func(partner.StagedProduct, error) bool) {
		for i := range n {
			p := product(b, feed.ProductID(i+1), int64(1000+i%100_000), int64(i%4))
			p.LongDescs = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: text}}
			doc := record.Append(nil, p)
			if !yield(partner.StagedProduct{ID: p.ID, Doc: doc, Digest: sha256.Sum256(doc)}, nil) {
				return
			}
		}
	}
}

func memory(b *testing.B, name string) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	check(b, err)
	_, rest, ok := strings.Cut(string(text), name+":")
	if !ok {
		b.Fatalf("there is no %s", name)
	}
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	check(b, err)
	return n << 10
}

// processor gives the processor time of this process, user and system.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
