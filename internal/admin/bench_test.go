package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// BenchmarkPages asks for pages of a merchant with 100,000 products and 500
// partners, over the embedded database, and tells the median of each. Nothing
// depends on how long it takes.
func BenchmarkPages(b *testing.B) {
	s := newSite(b)
	owner := s.setUp("Hurtownia")
	m := s.merchant("").ID
	who := manage.Identity{Merchant: m, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "owner"}}
	shops, err := s.manage.Shops(b.Context(), who)
	if err != nil {
		b.Fatal(err)
	}
	pln := feed.MustCurrency("PLN")
	for from := 0; from < 100_000; from += 10_000 {
		var list []*feed.Product
		for i := from + 1; i <= from+10_000; i++ {
			p := &feed.Product{ID: feed.ProductID(i), Currency: pln, SizeGroup: feed.Ref{ID: feed.OneSizeGroup}}
			p.Names = p.Names.Set(feed.MustLanguage("pol"), fmt.Sprintf("Rzecz numer %d", i))
			p.Prices.List = samplePrice(int64(1000 + i))
			p.Sizes = []feed.Size{{ID: "uniw", Code: fmt.Sprintf("C-%d", i)}}
			list = append(list, p)
		}
		if _, err := s.manage.UpsertProducts(b.Context(), who, list, nil); err != nil {
			b.Fatal(err)
		}
	}
	var last string
	var offer partner.Offer
	for i := range 500 {
		p, err := s.manage.CreatePartner(b.Context(), who, partner.Partner{Name: fmt.Sprintf("Partner %03d", i), FeedEnabled: true})
		if err != nil {
			b.Fatal(err)
		}
		if offer, err = s.manage.CreateOffer(b.Context(), who, partner.Offer{Partner: p.ID, Shop: shops[0].ID, Name: "Main", FeedEnabled: true, Profile: feed.Profile{Currency: pln}}); err != nil {
			b.Fatal(err)
		}
		last = string(p.ID)
	}
	for _, path := range []string{"/", "/products", "/products?q=C-99", "/products/77777", "/products?q=numer+99999", "/partners", "/partners/" + last, "/generations", "/generations/" + string(offer.ID), "/pictures", "/settings", "/rates", "/users", "/runs", "/held", "/audit"} {
		name := strings.NewReplacer("/", "_", "?", "_", last, "ID", string(offer.ID), "ID").Replace(path)
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if a := owner.get(path); a.status != http.StatusOK {
					b.Fatalf("%s: got %d", path, a.status)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
		})
	}
}
