package admin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var actName = regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)

// audited gives what the program writes into the audit, as far as it stands in its
// source: names of acts, and names of facts, each with where it is written.
func audited(t *testing.T) (acts, facts map[string]string) {
	t.Helper()
	acts, facts = map[string]string{}, map[string]string{}
	for _, root := range []string{"../../storage/records", "../../storage/sqlite", "../../storage/postgres", "../partner", "../manage", "../auth", "../../cmd/feedmill"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if name := lastName(n.Fun); name != "Audit" && name != "NoteAct" {
						break
					}
					for _, a := range n.Args {
						if s, ok := literal(a); ok && actName.MatchString(s) {
							acts[s] = path
						}
					}
				case *ast.CompositeLit:
					if name := lastName(n.Type); name != "Facts" && name != "facts" {
						break
					}
					for _, e := range n.Elts {
						if pair, ok := e.(*ast.KeyValueExpr); ok {
							if s, ok := literal(pair.Key); ok {
								facts[s] = path
							}
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return acts, facts
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// TestTheAuditHasWords holds the pages to having words for everything that the
// program writes into the audit: what has none is shown by its bare name.
func TestTheAuditHasWords(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	acts, facts := audited(t)
	if len(acts) < 25 || len(facts) < 40 {
		t.Fatalf("only %d acts and %d facts were found in the source", len(acts), len(facts))
	}
	for name, path := range acts {
		if !words.has("act." + name) {
			t.Errorf("%s: the act %q has no words", path, name)
		}
	}
	for name, path := range facts {
		if !words.has("fact." + name) {
			t.Errorf("%s: the fact %q has no words", path, name)
		}
	}
}
