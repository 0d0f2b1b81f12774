package rules

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"feedmill/schema"
)

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFolderFaults(t *testing.T) {
	t.Parallel()
	const at = "https://feeds.example.com/o/wierzbowa/12/"
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string, files map[string][]byte)
		want  []string
	}{
		{"nothing", func(*testing.T, string, map[string][]byte) {}, nil},
		{"compressed only", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, "full.xml.gz", packed(t, files[full]))
			if err := os.Remove(filepath.Join(dir, full)); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"compressed under its plain name", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, light, packed(t, files[light]))
		}, []string{CodeHTTPGzip}},
		{"below the path of the address", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, "12/stocks.xml", files["stocks.xml"])
			write(t, dir, "stocks.xml", []byte("something else"))
		}, nil},
		{"no copy", func(t *testing.T, dir string, files map[string][]byte) {
			if err := os.Remove(filepath.Join(dir, "series.xml")); err != nil {
				t.Fatal(err)
			}
		}, []string{codeFileElsewhere}},
		{"missing", func(t *testing.T, dir string, files map[string][]byte) {
			apply(t, files, one(gateway, at+"series.xml", "../family/series.xml"))
			write(t, dir, gateway, files[gateway])
			write(t, filepath.Dir(dir), "family/series.xml", files["series.xml"])
			if err := os.Remove(filepath.Join(dir, "series.xml")); err != nil {
				t.Fatal(err)
			}
		}, []string{codeFileMissing, codeURLRelative}},
		{"missing where the folder stands for its address", func(t *testing.T, dir string, files map[string][]byte) {
			for name, data := range files {
				if name != gateway && name != full {
					write(t, dir, "12/"+name, data)
				}
			}
			if err := os.Remove(filepath.Join(dir, full)); err != nil {
				t.Fatal(err)
			}
		}, []string{codeFileMissing}},
		{"another kind", func(t *testing.T, dir string, files map[string][]byte) {
			apply(t, files, one(gateway, digestOf("stocks.xml"), digestOf("series.xml")))
			write(t, dir, gateway, files[gateway])
			write(t, dir, "stocks.xml", files["series.xml"])
		}, []string{codeFileKind, schema.RuleRoot}},
		{"another kind without a hash", func(t *testing.T, dir string, files map[string][]byte) {
			apply(t, files, one(gateway, ` hash="`+digestOf(light)+`"`, ""))
			write(t, dir, gateway, files[gateway])
			write(t, dir, light, files["series.xml"])
		}, []string{codeFileKind, codeHashLight, schema.RuleRoot}},
		{"light for full", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, full, files[light])
		}, []string{codeFileKind, codeGTINStandard, codeHash, codeProductCard, codeProductCategory, codeProductName, codeProductUnit, codeSizeGroup}},
		{"change file for full", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, full, files[tomb])
		}, []string{codeFileKind, codeHash, codeLightUnknown, codeProductCard, codeProductCategory, codeProductName, codeProductPrice, codeProductSize, codeProductUnit, codeProductVAT, codeRemoved}},
		{"empty full", func(t *testing.T, dir string, _ map[string][]byte) {
			write(t, dir, full, []byte(strings.Replace(emptyOffer, ` language="pol"`, "", 1)))
		}, []string{codeFullEmpty, codeHash, codeLightUnknown, schema.RuleAttrMissing}},
		{"full under the name of light", func(t *testing.T, dir string, files map[string][]byte) {
			apply(t, files, one(gateway, at+full, at+"light-full.xml"))
			write(t, dir, gateway, files[gateway])
			write(t, dir, "light-full.xml", files[full])
		}, nil},
		{"web page for full", func(t *testing.T, dir string, _ map[string][]byte) {
			write(t, dir, full, []byte("<html><head><title>502 Bad Gateway</title></head><body><hr/></body></html>"))
		}, []string{codeHash, codeWebPage}},
		{"error document for full", func(t *testing.T, dir string, _ map[string][]byte) {
			write(t, dir, full, []byte(`<error code="503">later</error>`))
		}, []string{codeCheckPartial, codeHash, schema.RuleRoot}},
		{"one address for two kinds", func(t *testing.T, dir string, files map[string][]byte) {
			apply(t, files, both(one(gateway, at+"series.xml", at+"stocks.xml"), one(gateway, digestOf("series.xml"), digestOf("stocks.xml"))))
			write(t, dir, gateway, files[gateway])
		}, []string{codeFileKind, codeURLWord}},
		{"cannot be opened", func(t *testing.T, dir string, files map[string][]byte) {
			if err := os.Remove(filepath.Join(dir, "series.xml")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/etc/hostname", filepath.Join(dir, "series.xml")); err != nil {
				t.Fatal(err)
			}
		}, []string{codeFileElsewhere}},
		{"damaged file", func(t *testing.T, dir string, files map[string][]byte) {
			write(t, dir, "light.xml", bytes.Replace(files[light], []byte(`quantity="21"`), []byte(`quantity="20"`), 1))
		}, []string{codeHash}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := copySample(t)
			tt.spoil(t, dir, sample(t))
			fam, err := Dir(dir)
			if err != nil {
				t.Fatal(err)
			}
			rep := check(t, fam, Options{})
			if got := codes(rep); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v:%s", got, tt.want, listing(rep))
			}
			for _, f := range rep.Findings {
				if (f.Code == codeFileMissing || f.Code == codeFileElsewhere) && (f.Line == 0 || !strings.HasPrefix(f.Path, "/provider_description/")) {
					t.Errorf("got %s, want the place of the pointer", f)
				}
			}
		})
	}
}

func TestFolderWithoutGateway(t *testing.T) {
	t.Parallel()
	dir := copySample(t)
	files := sample(t)
	if err := os.Remove(filepath.Join(dir, gateway)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "full.xml.gz", packed(t, files[full])) // the twin is no second full
	write(t, dir, "notes.txt", []byte("none of ours"))
	fam, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if rep := check(t, fam, Options{}); len(rep.Counts) != 0 || len(rep.Files) != len(files)-1 {
		t.Errorf("got %d files and%s, want %d files and nothing", len(rep.Files), listing(rep), len(files)-1)
	}
	if _, err := Dir(t.TempDir()); err == nil {
		t.Error("an empty folder is taken for an offer")
	}
	if _, err := Dir(filepath.Join(dir, full)); err == nil {
		t.Error("a file is taken for a folder")
	}
	if _, err := Files(dir); err == nil {
		t.Error("a folder is taken for a file")
	}
	if _, err := Files(filepath.Join(dir, "nothing.xml")); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	data := sample(t)[light]
	sum := sha256.Sum256(data)
	entry := func(url string, size int, md5, sha string) string {
		return fmt.Sprintf(`{"url": %q, "size": %d, "md5": %q, "sha256": %q}`, url, size, md5, sha)
	}
	good := func(url string) string {
		return entry(url, len(data), digestOf(light), hex.EncodeToString(sum[:]))
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"right":          {`{"files": [` + good("light.xml") + `]}`, nil},
		"right, by path": {`{"files": [` + good("https://feeds.example.com/o/wierzbowa/12/light.xml") + `]}`, nil},
		"size":           {`{"files": [` + entry("https://feeds.example.com/o/wierzbowa/12/light.xml", 1, "", "") + `]}`, []string{codeManifest}},
		"md5":            {`{"files": [` + entry("https://feeds.example.com/o/wierzbowa/12/light.xml", len(data), strings.Repeat("0", 32), "") + `]}`, []string{codeManifest}},
		"sha256":         {`{"files": [` + entry("https://feeds.example.com/o/wierzbowa/12/light.xml", len(data), "", strings.Repeat("0", 64)) + `]}`, []string{codeManifest}},
		"not there":      {`{"files": [` + good("13/light.xml") + `]}`, []string{codeManifest}},
		"no files":       {`{}`, []string{codeManifestForm}},
		"no JSON":        {`<xml/>`, []string{codeManifestForm}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copySample(t)
			write(t, dir, "manifest.json", []byte(tt.text))
			fam, err := Dir(dir)
			if err != nil {
				t.Fatal(err)
			}
			rep := check(t, fam, Options{})
			if got := codes(rep); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v:%s", got, tt.want, listing(rep))
			}
			for _, f := range rep.Findings {
				if f.File != filepath.Join(dir, "manifest.json") {
					t.Errorf("got a finding in %s, want one in manifest.json", f.File)
				}
			}
		})
	}
}

func TestManySizes(t *testing.T) {
	t.Parallel()
	for sizes, want := range map[int][]string{500: nil, 501: {codeSizesMany}} {
		var b strings.Builder
		b.WriteString(`<?xml version="1.0"?><offer file_format="IOF" version="3.0" extensions="yes" generated="2026-03-02 01:00:00"><products currency="PLN"><product id="1" vat="23.0"><price gross="1.23" net="1.00"/><sizes>`)
		for i := range sizes {
			fmt.Fprintf(&b, `<size id="%d" code="1-%d"><price gross="1.23" net="1.00"/><stock id="1" quantity="1"/></size>`, i, i)
		}
		end := `</sizes></product></products></offer>`
		rep := check(t, Stream(light, strings.NewReader(b.String()+end)), Options{})
		if got := codes(rep); !slices.Equal(got, want) {
			t.Errorf("%d sizes: got %v, want %v", sizes, got, want)
		}
		twice := `<size id="7" code="1-x"><price gross="1.23" net="1.00"/><stock id="1" quantity="1"/></size>`
		rep = check(t, Stream(light, strings.NewReader(b.String()+twice+end)), Options{})
		if got := codes(rep); !slices.Contains(got, codeSizeDuplicate) {
			t.Errorf("%d sizes and one twice: got %v, want %s", sizes, got, codeSizeDuplicate)
		}
	}
}

// A file with very many faults of schema is read on for the rules.
func TestRulesGoOnBehindManyFaults(t *testing.T) {
	t.Parallel()
	files := sample(t)
	apply(t, files, one(full, "  <products ", strings.Repeat("<nothing/>", schemaMost+10)+"  <products "))
	apply(t, files, one(full, `<unit id="5"`, `<unit id="99"`))
	apply(t, files, one(light, `quantity="21"`, `quantity="-1"`))
	rep := check(t, memory(files), Options{PerRule: 5})
	want := []string{codeQuantityUnlimited, codeRefUnit, schema.RuleNotAllowed, "XSD-ELEMENT-MISSING"}
	for _, code := range want[:3] {
		if !slices.Contains(codes(rep), code) {
			t.Errorf("got %v, want %s:%s", codes(rep), code, listing(rep))
		}
	}
	for _, code := range codes(rep) {
		if strings.HasPrefix(code, "IOF-") && !slices.Contains(want, code) {
			t.Errorf("got %s, want only the faults planted:%s", code, listing(rep))
		}
	}
	// A stream cannot be read twice: what the schema says is still told.
	rep = check(t, Stream(full, bytes.NewReader(files[full])), Options{})
	if !slices.Contains(codes(rep), schema.RuleNotAllowed) || !rep.Files[0].Cut {
		t.Errorf("got %v, cut %v, want the faults of the schema", codes(rep), rep.Files[0].Cut)
	}
}

func TestFilesOfOneKindAreJudgedAlone(t *testing.T) {
	t.Parallel()
	files := sample(t)
	fam := memory(map[string][]byte{"a/light.xml": files[light], "b/light.xml": files[light], "full.xml": files[full], "units.xml": files["units.xml"]})
	rep := check(t, fam, Options{})
	if len(rep.Counts) != 0 || len(rep.Files) != 4 {
		t.Errorf("got %d files and%s, want 4 and nothing", len(rep.Files), listing(rep))
	}
	apply(t, files, one(full, `first_product_id="101"`, `first_product_id="999"`))
	fam = memory(map[string][]byte{"a/full.xml": files[full], "b/full.xml": files[full]})
	if rep = check(t, fam, Options{}); rep.Total(LevelError) != 2 {
		t.Errorf("got %d errors, want one in each file:%s", rep.Total(LevelError), listing(rep))
	}
}

func TestFindingsAreCappedCountedAndOrdered(t *testing.T) {
	t.Parallel()
	files := sample(t)
	apply(t, files, every(light, ` code_producer=`, ` colour="red" code_producer=`))
	apply(t, files, every(light, `quantity="`, `quantity="-`))
	apply(t, files, every(full, `weight="420"`, `weight="4.2"`))
	files[full] = bytes.ReplaceAll(files[full], []byte("\n  <products"), []byte("\n\n  <products"))
	whole := check(t, memory(files), Options{MaxErrors: -1, PerRule: -1})
	if whole.Hidden() != 0 || int64(len(whole.Findings)) != whole.Total(LevelError)+whole.Total(LevelWarning)+whole.Total(LevelHint) {
		t.Errorf("got %d findings and %d hidden, want all", len(whole.Findings), whole.Hidden())
	}
	for i, f := range whole.Findings[1:] {
		if p := whole.Findings[i]; p.File == f.File && (p.Line > f.Line || p.Line == f.Line && p.Column > f.Column) {
			t.Errorf("%s:%d:%d stands before %s:%d:%d", p.File, p.Line, p.Column, f.File, f.Line, f.Column)
		}
	}
	capped := check(t, memory(files), Options{MaxErrors: 9, PerRule: 3})
	if len(capped.Findings) != 9 || capped.Total(LevelError) != whole.Total(LevelError) || capped.Hidden() == 0 {
		t.Errorf("got %d findings of %d errors, want 9 of %d", len(capped.Findings), capped.Total(LevelError), whole.Total(LevelError))
	}
	errs := 0
	for _, f := range capped.Findings {
		if f.Level == LevelError {
			errs++
		}
	}
	if errs < 6 {
		t.Errorf("got %d errors among 9 findings, want errors first", errs)
	}
	for range 3 {
		if again := check(t, memory(files), Options{MaxErrors: 9, PerRule: 3}); !reflect.DeepEqual(again, capped) {
			t.Errorf("got another report the second time:%s\nfirst:%s", listing(again), listing(capped))
		}
	}
}

func TestSchemaOnly(t *testing.T) {
	t.Parallel()
	files := sample(t)
	apply(t, files, both(one(light, light103, ""), one(full, `<unit id="5"`, `<unit id="99"`), one(full, name101, `<name>x</name>`)))
	files[light] = append([]byte(bom), files[light]...)
	if rep := check(t, memory(files), Options{SchemaOnly: true}); len(rep.Counts) != 0 {
		t.Errorf("got%s, want nothing", listing(rep))
	}
}

func TestErrorsOfReading(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	fam := Family{Files: []File{{Name: "full.xml", Open: func(context.Context) (io.ReadCloser, error) { return nil, broken }}}}
	if _, err := Check(context.Background(), fam, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	fam.Files[0].Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(sample(t)[full]), iotestErr{broken})), nil
	}
	if _, err := Check(context.Background(), fam, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, memory(sample(t)), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	whole := packed(t, sample(t)[full])
	fam.Files[0].Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotestErr{broken})), nil
	}
	if _, err := Check(context.Background(), fam, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// The rules know the kind of a file whose root is not among its first bytes.
func TestLateRoot(t *testing.T) {
	t.Parallel()
	files := sample(t)
	apply(t, files, one(light, `quantity="21"`, `quantity="-1"`))
	for _, data := range [][]byte{
		bytes.Replace(files[light], []byte("<offer "), []byte("<!--"+strings.Repeat(" x", 500_000)+"--><offer "), 1),
		bytes.Replace(files[light], []byte("generated_by=\""), []byte("generated_by=\""+strings.Repeat("x", 500_000)), 1),
	} {
		rep := check(t, Stream("offer.xml", bytes.NewReader(data)), Options{})
		if got := codes(rep); !slices.Equal(got, []string{codeQuantityUnlimited}) || rep.Files[0].Kind != schema.Light {
			t.Errorf("got %v in a file of kind %q, want %s in light", got, rep.Files[0].Kind, codeQuantityUnlimited)
		}
	}
}

func TestSizeOfAWebPage(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><p>later"
	rep := check(t, Stream("light.xml", strings.NewReader(page)), Options{SchemaOnly: true})
	if got := rep.Files[0].Bytes; got != int64(len(page)) || !slices.Equal(codes(rep), []string{codeWebPage}) {
		t.Errorf("got %d bytes and %v, want %d and %s", got, codes(rep), len(page), codeWebPage)
	}
}

// A damaged compressed file is a finding, whatever is wrong with it, and the
// files beside it are judged.
func TestDamagedCompression(t *testing.T) {
	t.Parallel()
	stocks := sample(t)["stocks.xml"]
	whole := packed(t, stocks)
	sum := bytes.Clone(whole)
	sum[len(sum)-8] ^= 1
	const unclosed, empty = "XML-UNCLOSED", "XML-EMPTY"
	for _, tt := range []struct {
		name string
		data []byte
		want []string
		says string
	}{
		{"whole", whole, nil, ""},
		{"two members", append(packed(t, stocks[:99]), packed(t, stocks[99:])...), []string{codeGZIPMembers}, "stocks.xml.gz:0:0  /  IOF-GZIP-MEMBERS  a second gzip member"},
		{"empty member behind", append(bytes.Clone(whole), packed(t, nil)...), []string{codeGZIPMembers}, ""},
		{"many members", bytes.Repeat(packed(t, []byte("\n")), 1000), []string{codeGZIPMembers, codeHash, empty}, ""},
		{"something behind the second member", append(slices.Concat(whole, packed(t, nil)), "done\n"...), []string{codeGZIP, codeGZIPMembers}, "other bytes follow"},
		{"cut off", whole[:len(whole)/2], []string{codeGZIP, codeHash, unclosed}, "ends too early"},
		{"cut off in the checksum", whole[:len(whole)-3], []string{codeGZIP}, "ends too early"},
		{"cut off in the second member", append(bytes.Clone(whole), whole[:7]...), []string{codeGZIP}, "ends too early"},
		{"wrong checksum", sum, []string{codeGZIP}, "checksum"},
		{"zeros behind", append(bytes.Clone(whole), make([]byte, 100)...), []string{codeGZIP}, "other bytes follow"},
		{"a line behind", append(bytes.Clone(whole), "done\n"...), []string{codeGZIP}, "other bytes follow"},
		{"no more than the mark", whole[:2], []string{codeGZIP, codeHash, empty}, "ends too early"},
		{"no gzip behind the mark", []byte(gzipMagic + "not gzip at all"), []string{codeGZIP, codeHash, empty}, "is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := copySample(t)
			if err := os.Remove(filepath.Join(dir, "stocks.xml")); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "stocks.xml.gz", tt.data)
			fam, err := Dir(dir)
			if err != nil {
				t.Fatal(err)
			}
			rep := check(t, fam, Options{})
			if got := codes(rep); !slices.Equal(got, tt.want) || !strings.Contains(listing(rep), tt.says) {
				t.Errorf("got %v, want %v that says %q:%s", got, tt.want, tt.says, listing(rep))
			}
			if len(rep.Files) != len(sample(t)) {
				t.Errorf("got %d files, want %d", len(rep.Files), len(sample(t)))
			}
		})
	}
}

type iotestErr struct{ error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.error }

// Hostile documents end with a finding, quickly and without much memory.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	open := `<?xml version="1.0"?><offer file_format="IOF" version="3.0" extensions="yes">`
	for name, doc := range map[string]string{
		"entities":        `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>`,
		"deep":            strings.Repeat("<a>", 100_000),
		"deep categories": `<categories>` + strings.Repeat(`<category id="1">`, 63),
		"attributes":      "<a " + strings.Repeat(`b="1" `, 100_000) + "/>",
		"long name":       open + "<" + strings.Repeat("a", 2<<20) + "/>",
		"long text":       open + "<products>" + strings.Repeat("x", 2<<20),
		"many names":      open + strings.Repeat("<a/><b/><c/>", 100_000) + "</offer>",
		"many prefixes":   open + strings.Repeat(`<p:a xmlns:p="urn:x"/>`, 50_000) + "</offer>",
		"many pointers":   `<provider_description><full url="a" hash="b"><changes>` + strings.Repeat(`<change url="full_change" hash="x" changed="2026-03-02 01:00:00"/>`, 50_000) + "</changes></full></provider_description>",
		"many components": open + `<products><product id="1"><bundled type="specified">` + strings.Repeat(`<product id="x" quantity="1" type="client_chooses_size"/>`, 50_000),
		"many stocks":     open + `<products><product id="1"><sizes><size>` + strings.Repeat(`<stock id="1" quantity="9e9"/>`, 50_000) + "</size></sizes></product></products></offer>",
		"huge numbers":    open + `<products currency="PLN"><product id="1" vat="9999999999999999999"><price gross="99999999999999999999999" net="-1e308"/></product></products></offer>`,
		"zeros":           strings.Repeat("\x00", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := check(t, Stream(name, strings.NewReader(doc)), Options{})
			if rep.Valid() {
				t.Errorf("got a valid file")
			}
			if len(rep.Findings) > defaultMost {
				t.Errorf("got %d findings, want at most %d", len(rep.Findings), defaultMost)
			}
		})
	}
}
