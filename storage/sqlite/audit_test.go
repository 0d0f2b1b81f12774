package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// TestTamperedAuditShows rewrites, removes and adds lines of the audit as somebody
// can who owns the file, and has the chain verified after each.
func TestTamperedAuditShows(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string][]string{
		"an actor changed":      {`UPDATE audit SET actor = 'nobody' WHERE number = 3`},
		"a value changed":       {`UPDATE audit SET after = replace(after, 'P2', 'P9') WHERE number = 4`},
		"a line removed":        {`DELETE FROM audit WHERE number = 3`},
		"the first removed":     {`DELETE FROM audit WHERE number = 1`},
		"the last removed":      {`DELETE FROM audit WHERE number = 6`},
		"two swapped":           {`UPDATE audit SET number = 100 WHERE number = 3`, `UPDATE audit SET number = 3 WHERE number = 4`, `UPDATE audit SET number = 4 WHERE number = 100`},
		"a copy put in":         {`INSERT INTO audit SELECT 99, merchant_id, time, actor, role, address, request, action, object, before, after, place, hash FROM audit WHERE number = 3`},
		"a hash taken away":     {`UPDATE audit SET hash = NULL, place = NULL WHERE number = 5`},
		"the head turned back":  {`DELETE FROM audit WHERE number = 6`, `UPDATE audit_head SET lines = lines - 1`},
		"all hashes taken away": {`UPDATE audit SET hash = NULL, place = NULL`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db := setup(t, sqlite.Options{})
			m, err := db.CreateMerchant(ctx, partner.Actor{Name: "anna"}, partner.Merchant{ID: partner.NewMerchantID(), Name: "M"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				_, err := db.CreatePartner(ctx, partner.Actor{Name: "anna"}, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: fmt.Sprint("P", i)})
				if err != nil {
					t.Fatal(err)
				}
			}
			if r, err := db.VerifyAudit(ctx, m.ID); err != nil || r.Broken != nil || r.Lines != 6 {
				t.Fatalf("untouched: %+v, %v", r, err)
			}
			for _, s := range append([]string{`DROP TRIGGER audit_is_not_rewritten`, `DROP TRIGGER audit_is_not_cut`}, attack...) {
				if _, err := db.Writer().ExecContext(ctx, s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			if r, err := db.VerifyAudit(ctx, m.ID); err != nil || r.Broken == nil {
				t.Errorf("nothing was noticed: %+v, %v", r, err)
			}
		})
	}
}

// TestCutTailShows cuts the end of the audit off and makes the head fit what is
// left. The chain holds then; a head that was noted before shows what is missing.
func TestCutTailShows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := setup(t, sqlite.Options{})
	m, err := db.CreateMerchant(ctx, partner.Actor{Name: "anna"}, partner.Merchant{ID: partner.NewMerchantID(), Name: "M"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := db.NoteAct(ctx, partner.Actor{Name: "anna"}, m.ID, "publish.ask", fmt.Sprint("job ", i), nil, partner.Facts{"full": true}); err != nil {
			t.Fatal(err)
		}
	}
	noted, err := db.AuditHead(ctx, m.ID)
	if err != nil || noted.Lines != 6 {
		t.Fatalf("head %v, %v", noted, err)
	}
	for _, s := range []string{`DROP TRIGGER audit_is_not_cut`, `DELETE FROM audit WHERE number > 4`,
		`UPDATE audit_head SET lines = 4, hash = (SELECT hash FROM audit WHERE number = 4)`} {
		if _, err := db.Writer().ExecContext(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if r, err := db.VerifyAudit(ctx, m.ID); err != nil || r.Broken != nil || r.Lines != 4 {
		t.Errorf("without a noted head: %+v, broken %+v, %v", r, r.Broken, err)
	}
	if r, err := db.VerifyAudit(ctx, m.ID, noted); err != nil || r.Broken == nil || !strings.Contains(r.Broken.Why, "noted") {
		t.Errorf("with the head that was noted: %+v, broken %+v, %v", r, r.Broken, err)
	}
	// What is written afterwards reaches the same length and another hash.
	for i := range 3 {
		if err := db.NoteAct(ctx, partner.Actor{Name: "mallory"}, m.ID, "publish.ask", fmt.Sprint("job ", i), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := db.VerifyAudit(ctx, m.ID, noted); err != nil || r.Broken == nil {
		t.Errorf("after other lines in their place: %+v, %v", r, err)
	}
}
