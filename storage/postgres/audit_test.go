package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
	"feedmill/storage/postgres"
)

// TestTamperedAuditShows rewrites and removes lines of the audit as the owner of
// the database can, and has the chain verified after each.
func TestTamperedAuditShows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := server.Database(t)
	db := open(t, url, postgres.Options{})
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `ALTER TABLE audit DISABLE TRIGGER audit_is_not_rewritten`); err != nil {
		t.Fatal(err)
	}
	for name, attack := range map[string]string{
		"an actor changed": `UPDATE audit SET actor = 'nobody' WHERE merchant_id = '%s' AND place = 3`,
		"a line removed":   `DELETE FROM audit WHERE merchant_id = '%s' AND place = 3`,
		"the last removed": `DELETE FROM audit WHERE merchant_id = '%s' AND place = 4`,
		"places swapped":   `UPDATE audit SET place = 5 - place WHERE merchant_id = '%s' AND place IN (2, 3)`,
		"a hash changed":   `UPDATE audit SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE merchant_id = '%s' AND place = 2`,
	} {
		m := merchant(t, db)
		for i := range 3 {
			_, err := db.CreatePartner(ctx, partner.Actor{Name: "anna"}, partner.Partner{ID: partner.NewID(), Merchant: m, Name: fmt.Sprint("P", i)})
			if err != nil {
				t.Fatal(err)
			}
		}
		if r, err := db.VerifyAudit(ctx, m); err != nil || r.Broken != nil || r.Lines != 4 {
			t.Fatalf("%s: untouched: %+v, %v", name, r, err)
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf(attack, m)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r, err := db.VerifyAudit(ctx, m); err != nil || r.Broken == nil {
			t.Errorf("%s: nothing was noticed: %+v, %v", name, r, err)
		}
	}
}
