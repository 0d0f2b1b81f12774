package schema

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/schema/internal/linttest"
)

// sharedFolder holds the published schemas and samples, beside the module. It
// skips the test when they are not there.
func sharedFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "shared", "iof"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "official", "full.xsd")); err != nil {
		t.Skip("the published schemas do not lie beside the module")
	}
	return dir
}

// sample is a document to judge.
type sample struct {
	file string
	kind Kind
	doc  []byte
}

// samplesIn reads the offer files of a folder.
func samplesIn(t *testing.T, dir string) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []sample
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if kind := DetectKind(file, doc); kind != "" {
			out = append(out, sample{file, kind, doc})
		}
	}
	if len(out) == 0 {
		t.Fatalf("no samples in %s", dir)
	}
	return out
}

// judge validates a document of a known kind.
func judge(t testing.TB, kind Kind, doc []byte) Report {
	t.Helper()
	report, err := Validate(t.Context(), bytes.NewReader(doc), "", Options{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// ourSchema is the path of our schema document of a kind, for xmllint.
func ourSchema(t testing.TB, kind Kind) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("xsd", string(kind)+".xsd"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// byKind gathers mutants of samples, pruned, by kind: every mutant, or one of
// each few.
func byKind(t testing.TB, samples []sample, oneOf int) map[Kind][]mutant {
	out := map[Kind][]mutant{}
	for i, s := range samples {
		root := parseTree(t, s.doc)
		root.prune(2)
		out[s.kind] = append(out[s.kind], mutant{kind: s.kind, op: "none", doc: s.doc}, mutant{kind: s.kind, op: "prune", doc: root.bytes()})
		for j, m := range mutants(s.kind, root, i) {
			if j%oneOf == 0 {
				out[s.kind] = append(out[s.kind], m)
			}
		}
	}
	return out
}

func docsOf(ms []mutant) [][]byte {
	docs := make([][]byte, len(ms))
	for i := range ms {
		docs[i] = ms[i].doc
	}
	return docs
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s: <%s> %s: %s", m.kind, m.element, m.attr, m.op)
}

// checkOwn compares our validator with xmllint under the same schema: they
// must agree without exception.
func checkOwn(t *testing.T, kind Kind, ms []mutant) {
	t.Helper()
	invalid, wrong := 0, 0
	for i, v := range linttest.Check(t, ourSchema(t, kind), "", docsOf(ms)) {
		report := judge(t, kind, ms[i].doc)
		if !report.Valid() {
			invalid++
		}
		if report.Valid() == v.Valid {
			continue
		}
		if wrong++; wrong <= 10 {
			t.Errorf("%v: we find %v, xmllint finds %q", &ms[i], report.Findings, v.Messages)
		}
	}
	t.Logf("%s: %d documents, %d invalid", kind, len(ms), invalid)
	if invalid < len(ms)/10 || invalid == len(ms) {
		t.Errorf("%s: %d of %d mutants are invalid: that proves little", kind, invalid, len(ms))
	}
}

// TestValidatorAgainstXmllint needs no published schema.
func TestValidatorAgainstXmllint(t *testing.T) {
	t.Parallel()
	linttest.Need(t)
	all := byKind(t, samplesIn(t, filepath.Join("testdata", "samples")), 1)
	for _, kind := range Kinds() {
		if len(all[kind]) == 0 {
			t.Errorf("no sample of %s", kind)
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			checkOwn(t, kind, all[kind])
		})
	}
}

// fits reports whether a difference covers a disagreement.
func (d *Difference) fits(m *mutant, stricter bool) bool {
	if d.Stricter != stricter {
		return false
	}
	kind := d.Kinds == nil
	for _, k := range d.Kinds {
		kind = kind || k == m.kind
	}
	return kind && (matches(d.Element, m.element) || matches(d.Element, m.within)) && matches(d.Attr, m.attr)
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix) && name != ""
	}
	return pattern == name
}

// witnesses are documents that show each listed difference, whichever mutants
// are drawn.
var witnesses = []mutant{
	{kind: Full, element: "/", op: "inner root", doc: []byte(`<producer id="1" name="x"/>`)},
	{kind: Full, element: "unit", attr: "name", op: "blank", doc: []byte(product(`<unit id="1" name="m 2"/>`))},
	{kind: Full, element: "price", attr: "iaiext:any", op: "add", doc: []byte(product(`<price iaiext:any="1"/>`))},
	{kind: Full, element: "iaiext:responsible_entity", op: "add", doc: []byte(product(`<iaiext:responsible_entity/>`))},
	{kind: Full, element: "normal_retail_price", op: "blank", doc: []byte(product(`<price><normal_retail_price net="1"> </normal_retail_price></price>`))},
	{kind: Full, element: "normal_wholesale_price", op: "blank",
		doc: []byte(product(`<price><normal_retail_price net="1"/><normal_wholesale_price net="1"> </normal_wholesale_price></price>`))},
	{kind: Full, element: "iaiext:visibility", op: "child", doc: []byte(product(`<iaiext:visibility><iaiext:x/></iaiext:visibility>`))},
	{kind: Full, element: "iaiext:deliverer", attr: "id", op: "delete", doc: []byte(product(`<iaiext:deliverer/>`))},
	{kind: Full, element: "size", attr: "iaiext:weight_net", op: "text", doc: []byte(product(`<sizes><size iaiext:weight_net="x"/></sizes>`))},
	{kind: Full, element: "stock", attr: "quantity", op: "-100", doc: []byte(product(`<sizes><size><stock id="1" quantity="-100"/></size></sizes>`))},
	{kind: Full, element: "stock", attr: "quantity", op: "-1e0", doc: []byte(product(`<sizes><size><stock id="1" quantity="-1e0"/></size></sizes>`))},
}

// TestAgainstPublishedSchemas: our schemas and the published ones agree on
// every mutant but for the listed differences, and every difference listed is
// real.
func TestAgainstPublishedSchemas(t *testing.T) {
	t.Parallel()
	shared := sharedFolder(t)
	linttest.Need(t)
	catalog := filepath.Join(shared, "official", "catalog.xml")
	all := byKind(t, samplesIn(t, filepath.Join("testdata", "samples")), 2)
	for _, dir := range []string{"official", "examples"} {
		for kind, ms := range byKind(t, samplesIn(t, filepath.Join(shared, dir)), 7) {
			all[kind] = append(all[kind], ms...)
		}
	}
	all[Full] = append(all[Full], witnesses...)
	differences := Differences()
	used := make([]bool, len(differences))
	total := 0
	for _, kind := range Kinds() {
		ms := all[kind]
		published := linttest.Check(t, filepath.Join(shared, "official", string(kind)+".xsd"), catalog, docsOf(ms))
		wrong := 0
		for i := range ms {
			total++
			report := judge(t, kind, ms[i].doc)
			if report.Valid() == published[i].Valid {
				continue
			}
			listed := false
			for j := range differences {
				if differences[j].fits(&ms[i], published[i].Valid) {
					listed, used[j] = true, true
				}
			}
			if !listed {
				if wrong++; wrong <= 10 {
					t.Errorf("%v: we find %v, the published schema %q", &ms[i], report.Findings, published[i].Messages)
				}
			}
		}
	}
	for i, u := range used {
		if !u {
			t.Errorf("difference %q never shows", differences[i].What)
		}
	}
	t.Logf("%d documents", total)
	if total < 3000 {
		t.Errorf("only %d documents compared", total)
	}
}

// TestSamplesAreJudgedAlike: every published sample and example is valid or
// invalid for us as it is for the published schemas.
func TestSamplesAreJudgedAlike(t *testing.T) {
	t.Parallel()
	shared := sharedFolder(t)
	linttest.Need(t)
	catalog := filepath.Join(shared, "official", "catalog.xml")
	known := map[string]string{ // samples that their own schema refuses, and where we say so
		"full_change2022-02-16T10-33-11.xml": "/offer",
		"preset.xml":                         "/preset",
	}
	for _, dir := range []string{"official", "examples"} {
		for _, s := range samplesIn(t, filepath.Join(shared, dir)) {
			name := filepath.Base(s.file)
			published := linttest.Check(t, filepath.Join(shared, "official", string(s.kind)+".xsd"), catalog, [][]byte{s.doc})[0]
			report, err := Validate(t.Context(), bytes.NewReader(s.doc), name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if report.Kind != s.kind || report.Valid() != published.Valid {
				t.Errorf("%s/%s: kind %s, findings %v; published schema: %q", dir, name, report.Kind, report.Findings, published.Messages)
			}
			if len(report.Findings) != len(published.Messages) {
				t.Errorf("%s/%s: %d findings, published schema has %d", dir, name, len(report.Findings), len(published.Messages))
			}
			where, bad := known[name]
			if dir == "official" && bad != !report.Valid() {
				t.Errorf("%s/%s: valid is %v", dir, name, report.Valid())
			}
			for _, f := range report.Findings {
				if f.Path != where || f.Hint == "" {
					t.Errorf("%s/%s: got %v, want a finding at %s with a hint", dir, name, f, where)
				}
			}
		}
	}
}
