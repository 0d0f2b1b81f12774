package admin

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"feedmill/feed/publish"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestWhatStoresAndRunsWithhold asks for pages while published files cannot be
// read, and after a run that failed.
func TestWhatStoresAndRunsWithhold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	s.goods(m.ID)
	offer := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on")), `/panel/offers/(o-[a-z2-7]{16})`)
	c := &crowd{merchant: m, who: manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "owner"}}}
	s.publish(t, c)
	// Hours have passed.
	if a := b.post("/sign-in", "login", "anna@example.com", "password", goodPassword); a.to() != "/" {
		t.Fatalf("got %d to %s", a.status, a.to())
	}
	why := "/products/1/why/" + offer
	b.see(b.get(why), http.StatusOK, "The product as a whole", "light.xml")
	const failed = "The last publication failed."
	if a := b.get("/"); strings.Contains(a.body, failed) {
		t.Errorf("a run that succeeded: %s", plain(a.body))
	}

	ctx := t.Context()
	var keys []string
	for info, err := range s.files.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	for _, key := range keys {
		if err := s.files.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	// How prices come about is not in the files, and is told still.
	a := b.see(b.get(why), http.StatusOK, "The product as a whole", "The published files cannot be read at the moment")
	if strings.Contains(a.body, "light.xml") {
		t.Errorf("a file that nobody can read is shown: %s", plain(a.body))
	}

	run, err := s.db.Begin(ctx, string(m.ID), "run-that-fails", 1)
	if err != nil {
		t.Fatal(err)
	}
	db := s.db.(interface {
		FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error
	})
	// While it runs nothing has failed.
	if a := b.get("/"); strings.Contains(a.body, failed) {
		t.Errorf("a run that goes on: %s", plain(a.body))
	}
	if err := db.FinishRun(ctx, m.ID, run.ID, publish.RunEnd{Error: "the store does not answer"}); err != nil {
		t.Fatal(err)
	}
	b.see(b.get("/"), http.StatusOK, failed)
}
