package dbtest

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// EveryMerchant lists the statements of package records that span merchants on
// purpose, with whose they are. Whoever adds one has to say so here.
func EveryMerchant() map[string]string {
	return map[string]string{
		"sqlEveryMerchant": "the file server's and the operator's list",
		"sqlEveryShop":     "the file server's",
		"sqlEveryPartner":  "the file server's",
		"sqlEveryOffer":    "the file server's, and new keys after an upgrade",
		"sqlKnownLinks":    "the file server's",
		"sqlAttachments":   "the file server's",
		"sqlPointers":      "the file server's",
		"sqlFindKey":       "the API's, which has only a key to go by",
		"sqlFindPerson":    "the panel's, which has only a login to go by",
		"sqlCountOwners":   "the panel's set-up",
		"sqlFindSession":   "the panel's, which has only a cookie to go by",
		"sqlFindCode":      "the panel's, which has only a code to go by",
		"sqlUseCode":       "the panel's, which has only a code to go by",
		"sqlPruneSessions": "the panel's upkeep",
		"sqlPruneCodes":    "the panel's upkeep",
		"sqlUnsettled":     "the schedule of publications",
		"sqlChangeLag":     "the operator's metrics",
	}
}

// Statements is what the source of a package says to a database.
type Statements struct {
	// Texts holds the SQL constants by name, and texts that have none by place.
	Texts map[string]string
	// Loose tells the places where something else than a constant is given to
	// the database, and what that is.
	Loose []string
}

// RecordStatements reads the statements of package records.
func RecordStatements(t testing.TB) Statements {
	t.Helper()
	return SourceStatements(t, "../records")
}

// SourceStatements reads the package in a folder, without its tests.
func SourceStatements(t testing.TB, dir string) Statements {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	// Constants need no imports; what cannot be resolved without them is not asked about.
	conf := types.Config{Importer: importer.Default(), Error: func(error) {}}
	_, _ = conf.Check(filepath.Base(dir), fset, files, info)
	s := Statements{Texts: map[string]string{}}
	for id, obj := range info.Defs {
		if c, ok := obj.(*types.Const); ok && strings.HasPrefix(id.Name, "sql") && c.Val().Kind() == constant.String {
			s.Texts[id.Name] = constant.StringVal(c.Val())
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			arg := statementOf(n)
			if arg == nil {
				return true
			}
			where := fset.Position(arg.Pos())
			if lit, ok := arg.(*ast.BasicLit); ok {
				s.Texts[where.String()] = constant.StringVal(info.Types[lit].Value)
			} else if !s.handedOn(arg) {
				s.Loose = append(s.Loose, where.String()+": "+types.ExprString(arg))
			}
			return true
		})
	}
	return s
}

// statementOf gives the argument of a call that is the statement, or nil.
func statementOf(n ast.Node) ast.Expr {
	if lit, ok := n.(*ast.CompositeLit); ok && lit.Type != nil && strings.TrimPrefix(types.ExprString(lit.Type), "records.") == "Statement" && len(lit.Elts) > 0 {
		return lit.Elts[0]
	}
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	place := map[string]int{
		"exec": 1, "execCount": 1, "one": 1, "each": 1, "Query": 1, "QueryRow": 1, "Exec": 1, "CopyFrom": 2, "Queue": 0,
		"QueryContext": 1, "QueryRowContext": 1, "ExecContext": 1, "PrepareContext": 1,
		"merchant": 1, "shops": 1, "partner": 1, "partners": 1, "offer": 1, "offers": 1, "eachOffer": 1, "link": 1, "links": 1, "keys": 1, "key": 1,
		"priceList": 1, "priceLists": 1, "listed": 1, "dictionaries": 1, "persons": 1, "sessions": 1,
	}
	i, ok := place[sel.Sel.Name]
	on := types.ExprString(sel.X)
	switch {
	case !ok || len(call.Args) <= i:
		return nil
	case sel.Sel.Name == "Queue" && on == "t": // a change, and not a statement of a batch
		return nil
	case strings.HasSuffix(sel.Sel.Name, "Context") && (on == "s" || on == "prepared" || strings.HasSuffix(on, "Stmt")):
		return nil // prepared, and takes no text
	}
	return call.Args[i]
}

// handedOn says whether an expression is a constant, or a statement that the
// function was given and that stands as an argument elsewhere.
func (s *Statements) handedOn(arg ast.Expr) bool {
	switch x := arg.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"query", "pragma", "begin"}, x.Name) || s.Texts[x.Name] != ""
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "query")
	case *ast.CallExpr:
		return types.ExprString(x) == "c.wordings.of(query)"
	}
	return false
}

// TenantTables reads from migrations which tables have a merchant_id; only those
// that are named as others may have none.
func TenantTables(t testing.TB, migrations fs.FS, others ...string) map[string]bool {
	t.Helper()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	create := regexp.MustCompile(`(?s)CREATE (?:UNLOGGED )?TABLE (\w+) \((.*?)\n\)`)
	tables := map[string]bool{}
	for _, name := range names {
		b, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[2], "merchant_id") {
				tables[m[1]] = true
			} else if !slices.Contains(others, m[1]) {
				t.Errorf("table %s has no merchant_id", m[1])
			}
		}
	}
	if len(tables) < 15 {
		t.Fatalf("only %d tables were found: the search is broken", len(tables))
	}
	return tables
}

// CheckStatements wants every SQL text to be a constant, and in each every table
// that has a merchant_id to be held to one, but for the statements that are
// excused. It wants at least so many statements to be found.
func CheckStatements(t *testing.T, s Statements, tables map[string]bool, excused map[string]string, least int) {
	t.Helper()
	for _, where := range s.Loose {
		t.Errorf("%s is a statement that is put together while the program runs", where)
	}
	if len(s.Texts) < least {
		t.Fatalf("only %d statements were found: the search is broken", len(s.Texts))
	}
	for name, text := range s.Texts {
		if _, ok := excused[name]; ok {
			continue
		}
		for _, complaint := range LooseTables(text, tables) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
	for name := range excused {
		if s.Texts[name] == "" {
			t.Errorf("%s is excused and does not exist", name)
		}
	}
	// The check itself must be able to find something.
	for _, bad := range []string{
		`SELECT name FROM partner WHERE partner_id = $1`,
		`DELETE FROM link`,
		`UPDATE offer SET name = 'merchant_id = $1' WHERE offer_id = $1`,
		`INSERT INTO shop (shop_id) VALUES ($1)`,
		`SELECT 1 FROM partner AS p JOIN offer AS o ON o.partner_id = p.partner_id WHERE p.merchant_id = $1`,
		`SELECT 1 FROM shop WHERE merchant_id = $1 AND EXISTS (SELECT 1 FROM offer AS o WHERE o.shop_id = shop.shop_id)`,
		`UPDATE partner SET merchant_id = $1`,
	} {
		for _, marks := range []string{bad, regexp.MustCompile(`\$\d`).ReplaceAllString(bad, "?")} {
			if len(LooseTables(marks, tables)) == 0 {
				t.Errorf("the check finds nothing wrong with %q", marks)
			}
		}
	}
}

var (
	tableUse  = regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+|temp\.)?(\w+)(?:\s+AS\s+(\w+))?`)
	quoted    = regexp.MustCompile(`'[^']*'`)
	setClause = regexp.MustCompile(`(?is)\bSET\b.*?(\bWHERE\b|$)`)
)

// LooseTables says which uses of tenants' tables are not held to a merchant: an
// insertion names the column; every other use compares the merchant_id of its
// alias, or an unqualified one when it is the only table of its query.
func LooseTables(text string, tables map[string]bool) (complaints []string) {
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
		plain := regexp.MustCompile(`(^|[^.\w])merchant_id\s*=\s*(\?|\$\d)`)
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
