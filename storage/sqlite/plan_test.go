package sqlite

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"feedmill/storage/dbtest"
)

// allStatements gives the statements that a merchant's rows are asked for with,
// those of package records among them, but for what spans merchants.
func allStatements(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, text := range dbtest.RecordStatements(t).Texts {
		if _, ok := dbtest.EveryMerchant()[name]; !ok {
			all[name] = wording(text)
		}
	}
	for name, text := range dbtest.SourceStatements(t, ".").Texts {
		if _, ok := everyMerchant[name]; !ok {
			all[name] = text
		}
	}
	return all
}

// TestNoStatementScans asks the database how it would answer each statement: a
// merchant's rows are found by an index, never by reading everybody's.
func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := Migrate(t.Context(), path, Options{}); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, prepare := range []string{sqlMergeTable, sqlMergeCodeTable, "ATTACH DATABASE ':memory:' AS staging",
		strings.Replace(sqlStagingTable, "EXISTS ", "EXISTS staging.", 1), strings.Replace(sqlStagingDocs, "EXISTS ", "EXISTS staging.", 1)} {
		if _, err := db.w.ExecContext(t.Context(), prepare); err != nil {
			t.Fatal(err)
		}
	}
	statements := allStatements(t)
	tables := tenantTables(t)
	scan := regexp.MustCompile(`^SCAN (\w+)`)
	alias := regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)\s+AS\s+(\w+)`)
	asked, of, unlisted := 0, 0, 0
	for name, text := range statements {
		if strings.HasPrefix(text, "CREATE") || strings.HasPrefix(text, "PRAGMA") || strings.HasPrefix(text, "SELECT count(*) FROM sqlite_schema") {
			continue
		}
		args := make([]any, strings.Count(text, "?")+20) // more than any has
		for i := range args {
			args[i] = 1
		}
		rows, err := db.w.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		asked++
		tableOf := map[string]string{}
		var plan []string
		for _, a := range alias.FindAllStringSubmatch(text, -1) {
			tableOf[a[2]] = a[1]
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
			m := scan.FindStringSubmatch(detail)
			if m == nil {
				continue
			}
			table := m[1]
			if r, ok := tableOf[table]; ok {
				table = r
			}
			if tables[table] {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rows.Close()
		// So are the files that a merchant has published in three days, and each blob
		// is looked for among them.
		if strings.Contains(name, "sqlLockUnlisted") || strings.Contains(name, "sqlCondemn") {
			unlisted++
			for _, want := range []string{"gen_file_plain (merchant_id=? AND plain_key=?)", "gen_file_gzip (merchant_id=? AND gzip_key=?)",
				"generation_state (merchant_id=? AND state_key=?)", "state_layer_blob (merchant_id=? AND blob_key=?)"} {
				if got := strings.Join(plan, "; "); !strings.Contains(got, want) {
					t.Errorf("%s does not go by %s: %s", name, want, got)
				}
			}
		}
		// A merchant's audit is long, and what was done to one thing is a few lines of it.
		if name == "sqlAuditOf" || strings.HasSuffix(name, ".sqlAuditOf") {
			of++
			if got := strings.Join(plan, "; "); !strings.Contains(got, "audit_object (merchant_id=? AND object=? AND number<?)") {
				t.Errorf("%s reads more than what it gives: %s", name, got)
			}
		}
	}
	if unlisted != 2 {
		t.Errorf("%d statements look for blobs that nobody lists, want 2", unlisted)
	}
	if of != 1 {
		t.Errorf("%d statements give the audit of one thing, want 1", of)
	}
	if asked < 180 {
		t.Errorf("only %d statements were asked about", asked)
	}
	// The check must be able to find something.
	rows, err := db.w.QueryContext(t.Context(), "EXPLAIN QUERY PLAN SELECT 1 FROM partner WHERE name = 'x'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		found = found || scan.MatchString(detail)
	}
	if !found {
		t.Error("a statement that scans is not recognised")
	}
}
