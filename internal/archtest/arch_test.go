// Package archtest holds the project to its layers: imports go downwards only.
package archtest

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// layers lists the rooms from the ground up. A package may import packages of
// the layers below its own, and what lies below its own folder. An entry covers
// the packages below it unless a longer entry does. The picture with reasons is
// in docs/architecture.md; both change together.
var layers = [][]string{
	{"internal/processor"},
	{"feed", "schema/xmltok", "internal/crash", "internal/filesum", "internal/testclock", "internal/syncbuf", "internal/pagetest", "internal/memdir", "internal/throttle"},
	{"feed/iof", "feed/tabular", "feed/pricing", "feed/diff", "feed/patch", "feed/block", "feed/record", "feed/feedtest",
		"schema", "storage", "internal/durable", "internal/config", "internal/outbound", "internal/pgtest", "internal/httpd/clientaddr"},
	{"feed/catalog", "feed/consumer", "internal/partner", "storage/fsstore", "storage/s3store", "storage/memstore", "storage/storagetest", "internal/testserver", "internal/filecache"},
	{"feed/publish", "feed/verify", "internal/auth", "internal/notify"},
	{"storage/records", "storage/dbtest", "internal/manage", "internal/leak", "internal/proof"},
	{"storage/sqlite", "storage/postgres", "internal/job", "internal/download", "internal/conformance", "internal/api", "internal/admin"},
	{"internal/httpd", "internal/metrics"},
	{"cmd", "internal/archtest", "internal/harness", "deploy"},
	{"cmd/feedhammer", "cmd/leakscan"},
}

// never lists imports that are wrong in whatever layer they stand.
var never = []struct{ from, to, why string }{
	{"schema", "feed", "a checker must not trust what it checks"},
	{"feed/verify", "feed/publish", "a checker must not trust what it checks"},
	{"feed/verify", "feed/iof", "a checker must not trust what it checks"},
	{"feed/verify", "feed/tabular", "a checker must not trust what it checks"},
	{"feed/verify", "feed/diff", "a checker must not trust what it checks"},
	{"feed/verify", "feed/patch", "a checker must not trust what it checks"},
	{"feed/verify", "feed/block", "a checker must not trust what it checks"},
}

func under(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// layerOf gives the layer and the room of a package, -1 when it has none.
func layerOf(pkg string) (layer int, room string) {
	layer = -1
	for i, rooms := range layers {
		for _, r := range rooms {
			if under(pkg, r) && len(r) > len(room) {
				layer, room = i, r
			}
		}
	}
	return layer, room
}

func TestImportsGoDownwards(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "feedmill/...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	packages := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		from, ok := strings.CutPrefix(fields[0], "feedmill/")
		if !ok {
			continue
		}
		packages++
		layer, room := layerOf(from)
		if layer < 0 {
			t.Errorf("%s has no layer: give it one in docs/architecture.md and here", from)
			continue
		}
		for _, imp := range fields[1:] {
			to, ok := strings.CutPrefix(imp, "feedmill/")
			if !ok {
				if from == "feed" && strings.Contains(strings.Split(imp, "/")[0], ".") {
					t.Errorf("feed imports %s: the vocabulary knows the standard library alone", imp)
				}
				continue
			}
			if below, r := layerOf(to); below >= layer && r != room && !under(to, from) {
				t.Errorf("%s (layer %d) imports %s (layer %d): imports go downwards", from, layer, to, below)
			}
			for _, n := range never {
				if under(from, n.from) && under(to, n.to) && !under(to, "schema") {
					t.Errorf("%s imports %s: %s", from, to, n.why)
				}
			}
		}
	}
	if packages < 3 {
		t.Fatalf("go list named %d packages, want the whole project", packages)
	}
}
