package records_test

import (
	"os"
	"testing"

	"feedmill/storage/dbtest"
)

// TestEveryStatementNamesTheMerchant reads the source: every SQL text is a
// constant, and in each, every table that has a merchant_id in one of the
// databases is held to one.
func TestEveryStatementNamesTheMerchant(t *testing.T) {
	t.Parallel()
	for dir, others := range map[string][]string{"../postgres/migrations": {"failure_count"}, "../sqlite/migrations": {"auth_version", "failure_count"}} {
		tables := dbtest.TenantTables(t, os.DirFS(dir), others...)
		dbtest.CheckStatements(t, dbtest.SourceStatements(t, "."), tables, dbtest.EveryMerchant(), 120)
	}
}
