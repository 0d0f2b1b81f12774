package sqlite

import (
	"io/fs"
	"testing"

	"feedmill/storage/dbtest"
)

// everyMerchant lists the statements that span merchants on purpose, beside
// those of package records. Whoever adds one has to say so here.
var everyMerchant = map[string]string{
	"sqlLeftovers":   "the sweep of imports",
	"sqlKnownImport": "the sweep of imports",
	"sqlAnyQueued":   "the sequencer's",
	"sqlSequence":    "the sequencer's",
	"sqlSequenceTo":  "the sequencer's",
	"sqlCountEvents": "the sequencer's",
	"sqlDequeue":     "the sequencer's",
}

// TestEveryStatementNamesTheMerchant reads the source: every SQL text is a
// constant, and in each, every table that has a merchant_id is held to one.
func TestEveryStatementNamesTheMerchant(t *testing.T) {
	t.Parallel()
	s := dbtest.SourceStatements(t, ".")
	dbtest.CheckStatements(t, s, tenantTables(t), everyMerchant, 60)
}

// tenantTables gives the tables that have a merchant_id.
func tenantTables(t *testing.T) map[string]bool {
	t.Helper()
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.TenantTables(t, sub, "auth_version", "failure_count")
}
