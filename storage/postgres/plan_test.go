package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"feedmill/storage/dbtest"
)

// allStatements gives the statements that a merchant's rows are asked for with,
// those of package records among them, but for what spans merchants.
func allStatements(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, text := range dbtest.RecordStatements(t).Texts {
		if _, ok := dbtest.EveryMerchant()[name]; !ok {
			all[name] = text
		}
	}
	for name, text := range dbtest.SourceStatements(t, ".").Texts {
		if _, ok := everyMerchant[name]; !ok {
			all[name] = text
		}
	}
	return all
}

// TestNoStatementScans asks the server how it would carry out each statement
// if it had to avoid reading a table from end to end: a merchant's rows are
// found by an index, never by reading everybody's.
func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, TestServer.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;"+sqlMergeTable); err != nil {
		t.Fatal(err)
	}
	statements := allStatements(t)
	tables := tenantTables(t)
	scan := regexp.MustCompile(`Seq Scan on (\w+)`)
	asked := 0
	statements["one that scans"] = `SELECT 1 FROM partner WHERE email = $1`
	found := false
	for name, text := range statements {
		if !regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH)`).MatchString(text) {
			continue
		}
		d, err := conn.Prepare(ctx, "ask", text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		call := "EXPLAIN EXECUTE ask"
		if n := len(d.ParamOIDs); n > 0 {
			call += "(" + strings.Join(slices.Repeat([]string{"NULL"}, n), ", ") + ")"
		}
		rows, err := conn.Query(ctx, call, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		asked++
		for _, line := range plan {
			if m := scan.FindStringSubmatch(line); m == nil || !tables[m[1]] {
				continue
			}
			if name == "one that scans" {
				found = true
			} else {
				t.Errorf("%s: %s", name, strings.TrimSpace(line))
			}
		}
		if err := conn.Deallocate(ctx, "ask"); err != nil {
			t.Fatal(err)
		}
	}
	if !found {
		t.Error("the check finds nothing wrong with a statement that scans")
	}
	if asked < 180 {
		t.Fatalf("only %d statements were asked about: the search is broken", asked)
	}
}

// TestGrantsNameEveryTable compares the rights of roles with the schema, so
// that a new table is not forgotten.
func TestGrantsNameEveryTable(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), TestServer.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename COLLATE \"C\"")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if got := grantedTables(); !slices.Equal(got, tables) {
		t.Errorf("rights are granted on %v, the tables are %v", got, tables)
	}
}

// TestDocumentsArePacked asks for the column's settings: lz4 where the server
// has it, and documents in their rows.
func TestDocumentsArePacked(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), TestServer.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var lz4 bool
	err = conn.QueryRow(t.Context(), "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'").Scan(&lz4)
	if err != nil {
		t.Fatal(err)
	}
	want := map[bool]string{true: "l", false: ""}[lz4]
	for _, table := range []string{"product", "import_product"} {
		var packing, storage string
		err := conn.QueryRow(t.Context(), "SELECT trim(attcompression::text), attstorage::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = 'doc'", table).Scan(&packing, &storage)
		if err != nil || packing != want || storage != "m" {
			t.Errorf("%s: compression %q, storage %q, %v, want %q, %q", table, packing, storage, err, want, "m")
		}
	}
	fmt.Fprintln(t.Output(), "lz4:", lz4)
}
