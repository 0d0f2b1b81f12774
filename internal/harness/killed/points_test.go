package killed_test

import (
	"bytes"
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

// crashPoints finds every crash point in the source of the program: the file
// that it stands in, by its name.
func crashPoints(t *testing.T) map[string]string {
	t.Helper()
	points := map[string]string{}
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return pointsOf(t, path, nil, filepath.ToSlash(rel), points)
	})
	if err != nil {
		t.Fatal(err)
	}
	return points
}

var pointName = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9]+){1,2}$`)

// pointsOf adds the points of a file; src, when set, is its text.
func pointsOf(t testing.TB, path string, src []byte, file string, points map[string]string) error {
	t.Helper()
	set := token.NewFileSet()
	var text any
	if src != nil {
		text = bytes.NewReader(src)
	}
	f, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Point" {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); !ok || pkg.Name != "crash" {
			return true
		}
		var name string
		if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			name, _ = strconv.Unquote(lit.Value) // the parser has read it
		}
		switch {
		case !pointName.MatchString(name):
			t.Errorf("%s: the name of a crash point is a literal text such as \"room.step\"", set.Position(call.Pos()))
		case points[name] != "":
			t.Errorf("%s: crash point %q stands in %s too", set.Position(call.Pos()), name, points[name])
		}
		points[name] = file
		return true
	})
	return nil
}

// record notes what is reported and reports nothing.
type record struct {
	testing.TB
	errors int
}

func (r *record) Helper()               {}
func (r *record) Errorf(string, ...any) { r.errors++ }

func TestCrashPointsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	if points := crashPoints(t); len(points) < 30 {
		t.Errorf("%d crash points are found: the search is broken", len(points))
	}
	for src, want := range map[string]int{
		`crash.Point("a.b"); crash.Point("a.c")`: 0,
		`crash.Point("a.b"); crash.Point("a.b")`: 1,
		`crash.Point(name)`:                      1,
		`crash.Point("Any thing")`:               1,
	} {
		r := &record{TB: t}
		if err := pointsOf(r, "planted.go", []byte("package p\nfunc f() { "+src+" }\n"), "planted.go", map[string]string{}); err != nil {
			t.Fatal(err)
		}
		if r.errors != want {
			t.Errorf("%s: got %d complaints, want %d", src, r.errors, want)
		}
	}
}
