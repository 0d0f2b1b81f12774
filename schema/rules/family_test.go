package rules

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/schema/xmltok"
)

// noon is the time at which the sample family is judged.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const sampleDir = "testdata/family"

// sample gives the files of the sample family by name.
func sample(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(sampleDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = data
	}
	return files
}

// edit replaces the first occurrence of a text in a file, or all of them.
type edit struct {
	file, old, new string
	all            bool
}

// apply edits files, which must hold what is replaced, and lets the gateway
// tell the new hashes.
func apply(t testing.TB, files map[string][]byte, edits []edit) {
	t.Helper()
	for _, e := range edits {
		data, ok := files[e.file]
		if !ok {
			t.Fatalf("there is no file %s to edit", e.file)
		}
		if !bytes.Contains(data, []byte(e.old)) {
			t.Fatalf("%s does not hold %q", e.file, e.old)
		}
		n := 1
		if e.all {
			n = -1
		}
		edited := bytes.Replace(data, []byte(e.old), []byte(e.new), n)
		files["gateway.xml"] = bytes.ReplaceAll(files["gateway.xml"], digest(data), digest(edited))
		if e.file == "gateway.xml" {
			edited = bytes.Replace(files["gateway.xml"], []byte(e.old), []byte(e.new), n)
		}
		files[e.file] = edited
	}
}

func digest(data []byte) []byte {
	sum := md5.Sum(data)
	return []byte(hex.EncodeToString(sum[:]))
}

// digestOf gives the MD5 of a file of the sample.
func digestOf(name string) string {
	data, err := os.ReadFile(filepath.Join(sampleDir, name))
	if err != nil {
		panic(err)
	}
	return string(digest(data))
}

// memory makes a family of files in memory, in an order that is not that of checking.
func memory(files map[string][]byte) Family {
	var fam Family
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(files))) {
		data := files[name]
		fam.Files = append(fam.Files, File{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		}})
	}
	return fam
}

// check judges a family at noon.
func check(t testing.TB, fam Family, opt Options) Report {
	t.Helper()
	if opt.Now.IsZero() {
		opt.Now = noon
	}
	rep, err := Check(context.Background(), fam, opt)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// codes gives the codes of what was found.
func codes(rep Report) []string {
	var list []string
	for _, c := range rep.Counts {
		list = append(list, c.Code)
	}
	slices.Sort(list)
	return list
}

// listing shows findings in a failure.
func listing(rep Report) string {
	var b strings.Builder
	for _, f := range rep.Findings {
		f.Hint = ""
		b.WriteString("\n\t" + f.String())
	}
	return b.String()
}

func TestSampleFamilyHasNoFindings(t *testing.T) {
	t.Parallel()
	for name, fam := range map[string]func() (Family, error){
		"in memory": func() (Family, error) { return memory(sample(t)), nil },
		"folder":    func() (Family, error) { return Dir(sampleDir) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := fam()
			if err != nil {
				t.Fatal(err)
			}
			rep := check(t, f, Options{})
			if !rep.Valid() || len(rep.Findings) != 0 {
				t.Errorf("got findings, want none:%s", listing(rep))
			}
			if len(rep.Files) != len(sample(t)) {
				t.Errorf("got %d files, want %d", len(rep.Files), len(sample(t)))
			}
		})
	}
}

// planted is a fault and the rule that must find it, and nothing else but
// what also says.
type planted struct {
	code  string
	edits []edit
	add   map[string]string // files put in place of those of the sample
	also  []string          // rules that the same fault breaks of necessity
	only  []string          // files kept, all when empty
	opt   Options
	where string // part of the line that must be told: file, place or path
	once  bool   // it is counted once, however many products break it
}

const (
	full     = "full.xml"
	light    = "light.xml"
	gateway  = "gateway.xml"
	change   = "full_change2026-03-02T08-30-00.xml"
	tomb     = "full_change2026-03-02T09-00-00.xml"
	head101  = `<product id="101" currency="PLN" code_on_card="WS-101" producer_code_standard="GTIN13" type="regular" vat="23.0" site="1">`
	head104  = `<product id="104" currency="PLN" code_on_card="WS-104" producer_code_standard="GTIN13" type="regular" vat="23.0" site="1">`
	ean101   = `code_producer="5900000010106"`
	stock101 = `<stock id="1" quantity="21" available_stock_quantity="21" stock_quantity="21"/>`
	price101 = `<price gross="61.50" net="50.00"/>`
	name101  = `<name xml:lang="pol"><![CDATA[Deska dębowa]]></name>`
)

func one(file, old, new string) []edit { return []edit{{file: file, old: old, new: new}} }

func every(file, old, new string) []edit { return []edit{{file: file, old: old, new: new, all: true}} }

func both(lists ...[]edit) []edit { return slices.Concat(lists...) }

func TestPlantedFaults(t *testing.T) {
	t.Parallel()
	tables := slices.Concat(plantedXML(), plantedSchema(), plantedShape(), plantedReferences(), plantedProducts(), plantedCodes(),
		plantedPrices(), plantedStock(), plantedTexts(), plantedLight(), plantedChanges(), plantedTimes(), plantedGateway())
	seen := map[string]bool{}
	for i, p := range tables {
		seen[p.code] = true
		t.Run(p.code, func(t *testing.T) {
			t.Parallel()
			files := sample(t)
			for name, text := range p.add {
				files[name] = []byte(text)
			}
			apply(t, files, p.edits)
			if len(p.only) > 0 {
				maps.DeleteFunc(files, func(name string, _ []byte) bool { return !slices.Contains(p.only, name) })
			}
			rep := check(t, memory(files), p.opt)
			got := codes(rep)
			if !slices.Contains(got, p.code) {
				t.Errorf("fault %d: got %v, want %s", i, got, p.code)
			}
			for _, code := range got {
				if code != p.code && !slices.Contains(p.also, code) {
					t.Errorf("fault %d: got %s beside %s:%s", i, code, p.code, listing(rep))
				}
			}
			for _, code := range p.also {
				if !slices.Contains(got, code) {
					t.Errorf("fault %d: got %v, want %s too, or it need not be admitted", i, got, code)
				}
			}
			if p.where != "" && !strings.Contains(listing(rep), p.where) {
				t.Errorf("fault %d: got no finding with %q:%s", i, p.where, listing(rep))
			}
			if at := slices.IndexFunc(rep.Counts, func(c Count) bool { return c.Code == p.code }); p.once && at >= 0 && rep.Counts[at].Found != 1 {
				t.Errorf("fault %d: got it %d times, want once:%s", i, rep.Counts[at].Found, listing(rep))
			}
			rule, _ := Lookup(p.code)
			if valid := rule.Level != LevelError && len(p.also) == 0; valid && !rep.Valid() {
				t.Errorf("fault %d: a %s made the family invalid:%s", i, rule.Level, listing(rep))
			}
		})
	}
	for _, r := range All() {
		if !seen[r.Code] && elsewhere[r.Code] == "" {
			t.Errorf("no fault is planted for %s", r.Code)
		}
	}
	for code := range elsewhere {
		if seen[code] {
			t.Errorf("%s is planted here, so it is not tested elsewhere only", code)
		}
	}
}

// elsewhere says where codes are tested that need more than edited files.
var elsewhere = map[string]string{
	string(xmltok.CodeLimitSubtree): "only a caller that captures elements meets it; this checker captures none",
	codeFileElsewhere:               "TestFolderFaults",
	codeManifest:                    "TestManifest",
	codeManifestForm:                "TestManifest",
	codeSizesMany:                   "TestManySizes",
	codeGZIP:                        "TestDamagedCompression",
	codeGZIPMembers:                 "TestDamagedCompression",
	codeFileLarge:                   "TestLargeFile",
	codeCheckPartial:                "TestMemoryIsBounded",
	CodeHTTPStatus:                  "package conformance",
	CodeHTTPRedirect:                "package conformance",
	CodeHTTPType:                    "package conformance",
	CodeHTTPGzip:                    "package conformance",
	CodeHTTPValidator:               "package conformance",
	CodeHTTPSlow:                    "package conformance",
	CodeHTTPCut:                     "package conformance",
	CodeHTTPRefused:                 "package conformance",
	CodeHTTPLimit:                   "package conformance",
}

// copySample writes the sample family into a folder of its own.
func copySample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}
