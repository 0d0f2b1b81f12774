package sqlite

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strings"
	"testing"
)

// everyMerchant lists the statements that span merchants on purpose. Whoever
// adds one has to say so here.
var everyMerchant = map[string]string{
	"sqlEveryMerchant": "the file server's and the operator's list",
	"sqlEveryShop":     "the file server's",
	"sqlEveryPartner":  "the file server's",
	"sqlEveryOffer":    "the file server's, and new keys after an upgrade",
	"sqlKnownLinks":    "the file server's",
	"sqlAttachments":   "the file server's",
	"sqlPointers":      "the file server's",
	"sqlLeftovers":     "the sweep of imports",
	"sqlFindKey":       "the API's, which has only a key to go by",
	"sqlFindPerson":    "the panel's, which has only a login to go by",
	"sqlCountOwners":   "the panel's set-up",
	"sqlFindSession":   "the panel's, which has only a cookie to go by",
	"sqlFindCode":      "the panel's, which has only a code to go by",
	"sqlUseCode":       "the panel's, which has only a code to go by",
	"sqlPruneSessions": "the panel's upkeep",
	"sqlPruneCodes":    "the panel's upkeep",
	"sqlAnyQueued":     "the sequencer's",
	"sqlSequence":      "the sequencer's",
	"sqlUnsettled":     "the schedule of publications",
	"sqlChangeLag":     "the operator's metrics",
	"sqlSequenceTo":    "the sequencer's",
	"sqlCountEvents":   "the sequencer's",
	"sqlDequeue":       "the sequencer's",
}

// TestEveryStatementNamesTheMerchant reads the source: every SQL text is a
// constant, and in each, every table that has a merchant_id is held to one.
func TestEveryStatementNamesTheMerchant(t *testing.T) {
	t.Parallel()
	statements, loose := sourceStatements(t)
	for _, where := range loose {
		t.Errorf("%s: a statement is put together while the program runs", where)
	}
	if len(statements) < 60 {
		t.Fatalf("only %d statements were found: the search is broken", len(statements))
	}
	tables := tenantTables(t)
	for name, text := range statements {
		if _, ok := everyMerchant[name]; ok {
			continue
		}
		for _, complaint := range looseTables(text, tables) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
	for name := range everyMerchant {
		if statements[name] == "" {
			t.Errorf("%s is excused and does not exist", name)
		}
	}
	// The check itself must be able to find something.
	for _, bad := range []string{
		`SELECT name FROM partner WHERE partner_id = ?`,
		`DELETE FROM link`,
		`UPDATE offer SET name = 'merchant_id = ?' WHERE offer_id = ?`,
		`INSERT INTO shop (shop_id) VALUES (?)`,
		`SELECT 1 FROM partner AS p JOIN offer AS o ON o.partner_id = p.partner_id WHERE p.merchant_id = ?`,
		`SELECT 1 FROM shop WHERE merchant_id = ? AND EXISTS (SELECT 1 FROM offer AS o WHERE o.shop_id = shop.shop_id)`,
		`UPDATE partner SET merchant_id = ?`,
	} {
		if len(looseTables(bad, tables)) == 0 {
			t.Errorf("the check finds nothing wrong with %q", bad)
		}
	}
}

// sourceStatements gives the SQL constants of the package by name, and the
// places where something else than a constant is given to the database.
func sourceStatements(t *testing.T) (statements map[string]string, loose []string) {
	t.Helper()
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			f, err := parser.ParseFile(fset, e.Name(), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	// Constants need no imports; what cannot be resolved without them is not asked about.
	conf := types.Config{Importer: importer.Default(), Error: func(error) {}}
	_, _ = conf.Check("sqlite", fset, files, info)
	statements = map[string]string{}
	for id, obj := range info.Defs {
		if c, ok := obj.(*types.Const); ok && strings.HasPrefix(id.Name, "sql") && c.Val().Kind() == constant.String {
			statements[id.Name] = constant.StringVal(c.Val())
		}
	}
	// The argument that is the statement, by the name of the method.
	argument := map[string]int{"exec": 1, "execCount": 1, "one": 1, "each": 1, "QueryContext": 1, "QueryRowContext": 1, "ExecContext": 1, "PrepareContext": 1,
		"shops": 1, "partners": 1, "offers": 1, "links": 1, "keys": 1, "key": 1, "persons": 1, "sessions": 1}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			i, ok := argument[sel.Sel.Name]
			if !ok || len(call.Args) <= i {
				return true
			}
			arg := call.Args[i]
			if v := info.Types[arg].Value; v != nil {
				if lit, ok := arg.(*ast.BasicLit); ok {
					statements[fset.Position(lit.Pos()).String()] = constant.StringVal(v)
				}
				return true
			}
			if id, ok := arg.(*ast.Ident); ok && (id.Name == "query" || id.Name == "pragma" || statements[id.Name] != "") {
				return true // handed on by one of the methods above
			}
			if s, ok := arg.(*ast.SelectorExpr); ok && s.Sel.Name == "query" {
				return true
			}
			if strings.HasSuffix(sel.Sel.Name, "Context") && len(call.Args) > 1 && isStmt(call) {
				return true
			}
			loose = append(loose, fset.Position(arg.Pos()).String())
			return true
		})
	}
	return statements, loose
}

// isStmt recognises calls on prepared statements, which take no text.
func isStmt(call *ast.CallExpr) bool {
	sel := call.Fun.(*ast.SelectorExpr)
	switch x := sel.X.(type) {
	case *ast.Ident:
		return x.Name == "s" && sel.Sel.Name == "ExecContext"
	case *ast.SelectorExpr:
		return strings.HasSuffix(x.Sel.Name, "Stmt")
	}
	return false
}

// tenantTables reads from the migrations which tables have a merchant_id.
func tenantTables(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	create := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\) STRICT`)
	tables := map[string]bool{}
	for _, e := range entries {
		b, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[2], "merchant_id") {
				tables[m[1]] = true
			} else if m[1] != "auth_version" && m[1] != "failure_count" {
				t.Errorf("table %s has no merchant_id", m[1])
			}
		}
	}
	if len(tables) < 15 {
		t.Fatalf("only %d tables were found: the search is broken", len(tables))
	}
	return tables
}

var (
	tableUse  = regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+(?:temp\.)?(\w+)(?:\s+AS\s+(\w+))?`)
	quoted    = regexp.MustCompile(`'[^']*'`)
	setClause = regexp.MustCompile(`(?is)\bSET\b.*?(\bWHERE\b|$)`)
)

// looseTables says which uses of tenants' tables are not held to a merchant: an
// insertion names the column; every other use compares the merchant_id of its
// alias, or an unqualified one when it is the only table of its query.
func looseTables(text string, tables map[string]bool) (complaints []string) {
	text = quoted.ReplaceAllString(text, "''")
	uses := tableUse.FindAllStringSubmatch(text, -1)
	conditions := setClause.ReplaceAllString(text, "$1")
	for _, u := range uses {
		verb, table, alias := strings.ToUpper(u[1]), u[2], u[3]
		if !tables[table] {
			continue
		}
		switch {
		case verb == "INTO":
			if !regexp.MustCompile(`(?i)INTO\s+` + table + `\s*\(\s*merchant_id\b`).MatchString(text) {
				complaints = append(complaints, "inserts into "+table+" without merchant_id")
			}
			continue
		case alias == "":
			alias = table
		}
		qualified := regexp.MustCompile(`\b` + alias + `\.merchant_id\s*=|=\s*` + alias + `\.merchant_id\b`)
		plain := regexp.MustCompile(`(^|[^.\w])merchant_id\s*=\s*\?`)
		if qualified.MatchString(conditions) {
			continue
		}
		// An unqualified one counts for a table without an alias.
		if u[3] == "" && len(plain.FindAllString(conditions, -1)) >= unaliased(uses, tables, table) {
			continue
		}
		complaints = append(complaints, "uses "+table+" as "+alias+" without its merchant_id")
	}
	return complaints
}

// unaliased counts how often a table is used by its own name: each use needs a
// condition of its own.
func unaliased(uses [][]string, tables map[string]bool, table string) int {
	n := 0
	for _, u := range uses {
		if u[2] == table && u[3] == "" && strings.ToUpper(u[1]) != "INTO" && tables[table] {
			n++
		}
	}
	return n
}
