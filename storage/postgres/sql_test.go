package postgres

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"feedmill/storage/dbtest"
)

// everyMerchant lists the statements that span merchants on purpose, beside
// those of package records. Whoever adds one has to say so here.
var everyMerchant = map[string]string{
	"sqlVersion":   "the file server's",
	"sqlLeftovers": "the sweep of imports",
	"sqlAnyQueued": "the sequencer's",
	"sqlSequence":  "the sequencer's",
}

// TestEveryStatementNamesTheMerchant reads the source: every SQL text is a
// constant, and in each, every table that has a merchant_id is held to one.
func TestEveryStatementNamesTheMerchant(t *testing.T) {
	t.Parallel()
	s := dbtest.SourceStatements(t, ".")
	// Rights name a role and the state of another connection a name: neither can
	// be an argument of a statement.
	s.Loose = slices.DeleteFunc(s.Loose, func(where string) bool {
		return strings.HasPrefix(where, "roles.go:") || strings.Contains(where, "SET TRANSACTION SNAPSHOT")
	})
	dbtest.CheckStatements(t, s, tenantTables(t), everyMerchant, 60)
}

// tenantTables gives the tables that have a merchant_id.
func tenantTables(t *testing.T) map[string]bool {
	t.Helper()
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.TenantTables(t, sub, "failure_count")
}
