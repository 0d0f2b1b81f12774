package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed/verify"
)

// The undamaged history, made once for all tests.
var (
	baseDir  string
	baseOnce sync.Once
	baseKept *kept
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "feedmill-verify-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	baseDir = filepath.Join(dir, "offer")
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// prepare makes the undamaged history.
func prepare(t testing.TB) {
	t.Helper()
	baseOnce.Do(func() { baseKept = history(t, baseDir) })
	if baseKept == nil {
		t.Fatal("the undamaged history could not be made")
	}
}

// setup gives a copy of the undamaged folder.
func setup(t testing.TB) *tree {
	t.Helper()
	prepare(t)
	return newTree(t, baseDir)
}

// found gives the rules that a report names.
func found(r verify.Report) []string {
	rules := map[string]bool{}
	for _, c := range r.Counts {
		rules[c.Rule] = true
	}
	return slices.Sorted(maps.Keys(rules))
}

func check(t testing.TB, d *tree, at time.Time) verify.Report {
	t.Helper()
	r, err := verify.Folder(context.Background(), d.dir, verify.Options{Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUndamagedFolderIsClean(t *testing.T) {
	t.Parallel()
	d := setup(t)
	r := check(t, d, now)
	if !r.Clean() || len(r.Findings) > 0 || len(r.Skipped) > 0 {
		t.Errorf("got %v, skipped %v, want nothing", r.Findings, r.Skipped)
	}
	// What makes the planted damage possible at all.
	if n := d.changesAfterFull(); n != 3 {
		t.Errorf("got %d change files after the full one, want 3", n)
	}
	if r.Compared != 2 || r.Products != 9 || r.Files < 30 || r.Bytes < 50_000 {
		t.Errorf("got %+v, want three full files compared and nine products", r)
	}
}

const (
	full   = "full"
	light  = "light"
	change = "full_change"
)

// Each damage is found by exactly the rule that is meant.
func TestPlantedDamage(t *testing.T) {
	t.Parallel()
	prepare(t)
	for _, c := range []struct {
		name  string
		want  string // further rules, if two things are wrong, after a blank
		plant func(t *testing.T, d *tree)
		where string // what some finding says, or a line about what was not judged
	}{
		// Gateway.
		{"gateway missing", "VER-GATEWAY-MISSING", func(_ *testing.T, d *tree) { d.remove("gateway.xml") }, ""},
		{"gateway cut", "VER-GATEWAY-INVALID", func(_ *testing.T, d *tree) { b := d.read("gateway.xml"); d.write("gateway.xml", b[:len(b)/2]) }, "XML-UNCLOSED"},
		{"gateway that is not valid beside a file of another time", "VER-GATEWAY-INVALID", func(t *testing.T, d *tree) {
			d.write("gateway.xml", nil)
			d.edit(d.find("units", 0), func(s string) string { return strings.Replace(s, `generated="20`, `generated="21`, 1) })
		}, "skipped: what gateway, manifest and files say of each other and of their times"},
		{"hash in the gateway, and no manifest", "VER-MANIFEST-MISSING VER-STATED-MD5", func(t *testing.T, d *tree) {
			name := d.find("units", 0)
			d.remove("manifest.json")
			d.gatewayLine(name, func(line string) string {
				return regexp.MustCompile(`hash="[^"]*"`).ReplaceAllString(line, `hash="`+strings.Repeat("0", 32)+`"`)
			})
		}, "units.xml"},
		{"cut file, and no manifest", "VER-MANIFEST-MISSING VER-FILE-LENGTH", func(t *testing.T, d *tree) {
			name := d.find("units", 0)
			d.remove("manifest.json")
			b := d.read(name)
			d.write(name, b[:len(b)/2])
		}, "units.xml"},
		{"gateway empty", "VER-GATEWAY-INVALID", func(_ *testing.T, d *tree) { d.write("gateway.xml", nil) }, ""},
		{"gateway with a foreign element", "VER-GATEWAY-INVALID", func(_ *testing.T, d *tree) {
			d.replace("gateway.xml", "</provider_description>", "<x/></provider_description>")
		}, "XSD-"},
		{"gateway names an older full", "VER-GATEWAY-FILE", func(t *testing.T, d *tree) {
			d.gatewayLine(d.find(full, 0), func(l string) string { return strings.Replace(l, d.find(full, 0), "1/full.xml", 1) })
		}, "an older file than the manifest's"},
		{"gateway names a foreign address", "VER-GATEWAY-FILE", func(t *testing.T, d *tree) {
			d.gatewayLine(d.find("units", 0), func(l string) string {
				return strings.Replace(l, d.find("units", 0), "https://elsewhere.example/1/units.xml", 1)
			})
		}, "units.xml"},
		{"gateway lacks a dictionary", "VER-GATEWAY-INCOMPLETE", func(t *testing.T, d *tree) { d.gatewayLine(d.find("series", 0), func(string) string { return "" }) }, "series.xml"},
		{"gateway lacks a change file", "VER-GATEWAY-INCOMPLETE", func(t *testing.T, d *tree) { d.gatewayLine(d.find(change, 1), func(string) string { return "" }) }, "full_change"},
		{"wrong hash in the gateway", "VER-GATEWAY-HASH", func(t *testing.T, d *tree) {
			d.gatewayLine(d.find(light, 0), func(l string) string { i := strings.Index(l, `hash="`) + 6; return l[:i] + flipHex(l[i:]) })
		}, "light.xml"},
		{"wrong changed in the gateway", "VER-GATEWAY-TIME", func(t *testing.T, d *tree) {
			d.gatewayLine(d.find("producers", 0), func(l string) string { return strings.Replace(l, `:00:00"`, `:00:01"`, 1) })
		}, "changed of"},
		{"wrong expires in the gateway", "VER-GATEWAY-TIME", func(_ *testing.T, d *tree) {
			d.replace("gateway.xml", `expires="2026-11-28 16:00:00"`, `expires="2026-11-29 16:00:00"`)
		}, "expires of the offer"},
		{"wrong created in the gateway", "VER-GATEWAY-TIME", func(_ *testing.T, d *tree) {
			d.replace("gateway.xml", `created="2026-11-21 16:00:00"`, `created="2026-11-21 15:59:59"`)
		}, "created"},
		{"change files oldest first", "VER-LABEL-ORDER", func(t *testing.T, d *tree) {
			a, b := d.find(change, 0), d.find(change, 1)
			var la, lb string
			d.gatewayLine(a, func(l string) string { la = l; return l })
			d.gatewayLine(b, func(l string) string { lb = l; return l })
			d.gatewayLine(a, func(string) string { return "(the other)" })
			d.gatewayLine(b, func(string) string { return la })
			d.replace("gateway.xml", "(the other)", lb)
		}, "the newest has to come first"},

		// Manifest.
		{"manifest missing", "VER-MANIFEST-MISSING", func(_ *testing.T, d *tree) { d.remove("manifest.json") }, ""},
		{"manifest no JSON", "VER-MANIFEST-FORM", func(_ *testing.T, d *tree) { b := d.read("manifest.json"); d.write("manifest.json", b[:len(b)-9]) }, ""},
		{"manifest of another format", "VER-MANIFEST-FORM", func(_ *testing.T, d *tree) { d.top("format", "feedmill-manifest/9") }, "format is"},
		{"manifest without files", "VER-MANIFEST-FORM", func(_ *testing.T, d *tree) { d.top("files", []any{}) }, "no files"},
		{"manifest without expires", "VER-MANIFEST-FORM", func(_ *testing.T, d *tree) { d.top("expires", nil) }, "expires"},
		{"manifest says another kind", "VER-MANIFEST-FILE", func(t *testing.T, d *tree) { d.entry(d.find("units", 0), map[string]any{"kind": "series"}) }, ""},
		{"manifest says an unknown kind", "VER-MANIFEST-FORM", func(t *testing.T, d *tree) { d.entry(d.find("units", 0), map[string]any{"kind": "unit"}) }, `kind is "unit"`},
		{"manifest lists a file twice", "VER-MANIFEST-FILE", func(_ *testing.T, d *tree) {
			d.jsonDoc("manifest.json", func(doc map[string]any) { l := doc["files"].([]any); doc["files"] = append(l, l[0]) })
		}, "listed twice"},
		{"manifest says another size", "VER-STATED-SIZE", func(t *testing.T, d *tree) { d.entry(d.find(full, 0), map[string]any{"size": 77}) }, "is said to have 77"},
		{"manifest says another MD5", "VER-STATED-MD5", func(t *testing.T, d *tree) {
			d.entry(d.find("sizes", 0), map[string]any{"md5": strings.Repeat("0", 32)})
		}, "sizes.xml"},
		{"manifest says another SHA-256", "VER-STATED-SHA256", func(t *testing.T, d *tree) {
			d.entry(d.find(light, 0), map[string]any{"sha256": strings.Repeat("0", 64)})
		}, "light.xml"},
		{"manifest says a malformed MD5", "VER-MANIFEST-FORM", func(t *testing.T, d *tree) { d.entry(d.find("sizes", 0), map[string]any{"md5": "x"}) }, "md5"},
		{"manifest says another generation", "VER-MANIFEST-FILE", func(t *testing.T, d *tree) { d.entry(d.find("stocks", 0), map[string]any{"generation": 2}) }, "stocks.xml"},
		{"manifest says another label", "VER-MANIFEST-FILE", func(t *testing.T, d *tree) {
			d.entry(d.find(change, 0), map[string]any{"label": "2026-11-21T10-00-00"})
		}, "its address ends"},
		{"manifest says another changed", "VER-GATEWAY-TIME VER-TIME-ORDER", func(t *testing.T, d *tree) {
			d.entry(d.find("categories", 0), map[string]any{"changed": "2026-11-21T10:00:01Z"})
		}, "categories.xml"},
		{"manifest says another count of a file", "VER-COUNT", func(t *testing.T, d *tree) { d.entry(d.find(change, 0), map[string]any{"products": 3}) }, "is said to hold 3 products and holds 1"},
		{"manifest says another count of the offer", "VER-COUNT", func(_ *testing.T, d *tree) { d.top("products", 8) }, "make 9"},
		{"manifest says another sequence", "VER-MANIFEST-SEQUENCE", func(_ *testing.T, d *tree) { d.top("sequence", 99) }, "sequence is 99"},
		{"manifest says another epoch", "VER-MANIFEST-SEQUENCE", func(_ *testing.T, d *tree) { d.top("epoch", 2) }, "epoch is 2"},
		{"manifest says another currency", "VER-MANIFEST-LOCALE", func(_ *testing.T, d *tree) { d.top("currency", "EUR") }, "EUR"},
		{"manifest says another language", "VER-MANIFEST-LOCALE", func(_ *testing.T, d *tree) { d.top("languages", []string{"eng"}) }, "eng"},
		{"manifest promises no retention", "VER-MANIFEST-RETENTION", func(_ *testing.T, d *tree) { d.top("full_retention_seconds", 3600) }, ""},
		{"manifest promises no retention of light", "VER-MANIFEST-RETENTION", func(_ *testing.T, d *tree) { d.top("light_retention_seconds", 60) }, ""},
		{"manifest says another generated", "VER-GATEWAY-TIME", func(_ *testing.T, d *tree) { d.top("generated", "2026-11-21T15:00:01Z") }, "generated"},
		{"stale expires in the manifest", "VER-GATEWAY-TIME VER-EXPIRES-SOON", func(_ *testing.T, d *tree) { d.top("expires", "2026-11-21T15:01:10Z") }, ""},
		{"file of the manifest says another base", "VER-CHAIN-BASE", func(t *testing.T, d *tree) { d.entry(d.find(full, 0), map[string]any{"base": 1, "target": 3}) }, "no change file"},

		// Bytes.
		{"bit flip in full", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.find(full, 0)) }, ""},
		{"bit flip in a change file", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.find(change, 2)) }, ""},
		{"bit flip in a dictionary", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.find("parameters", 0)) }, ""},
		{"bit flip in a CSV file", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.find("light.csv", 0)) }, ""},
		{"bit flip in a compressed twin", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.find(light, 0) + ".gz") }, "light.xml.gz"},
		{"truncated light", "VER-FILE-LENGTH", func(t *testing.T, d *tree) {
			a := d.find(light, 0)
			d.write(a, d.read(a)[:900])
		}, "900 bytes instead of"},
		{"truncated compressed twin", "VER-FILE-LENGTH", func(t *testing.T, d *tree) {
			a := d.find(full, 0) + ".gz"
			d.write(a, d.read(a)[:100])
		}, "100 bytes instead of"},
		{"trailing bytes", "VER-FILE-LENGTH", func(t *testing.T, d *tree) {
			a := d.find(full, 0)
			d.write(a, append(d.read(a), "\n"...))
		}, ""},
		{"empty file", "VER-FILE-LENGTH", func(t *testing.T, d *tree) { d.write(d.find("warranties", 0), nil) }, "0 bytes"},
		{"swapped dictionaries", "VER-FILE-LENGTH", func(t *testing.T, d *tree) {
			a, b := d.find("units", 0), d.find("stocks", 0)
			x, y := d.read(a), d.read(b)
			d.write(a, y)
			d.write(b, x)
		}, ""},
		{"missing light", "VER-FILE-MISSING", func(t *testing.T, d *tree) { d.remove(d.find(light, 0)) }, "light.xml"},
		{"missing change file", "VER-FILE-MISSING", func(t *testing.T, d *tree) { d.remove(d.find(change, 1)) }, "full_change"},
		{"missing compressed twin", "VER-FILE-MISSING", func(t *testing.T, d *tree) { d.remove(d.find(change, 0) + ".gz") }, ".gz"},
		{"folder in place of a file", "VER-FILE-MISSING", func(t *testing.T, d *tree) {
			a := d.find("units", 0)
			d.remove(a)
			if err := os.Mkdir(d.path(a), 0o755); err != nil {
				t.Fatal(err)
			}
		}, "not a plain file"},
		{"missing plain name", "VER-PLAIN-NAME", func(_ *testing.T, d *tree) { d.remove("full.xml") }, "full.xml"},
		{"plain name of an older file", "VER-PLAIN-NAME", func(t *testing.T, d *tree) { d.write("full.xml", d.read("1/full.xml")) }, "not the same file as"},
		{"plain name damaged", "VER-PLAIN-NAME", func(_ *testing.T, d *tree) { d.flip("light.xml.gz") }, "light.xml.gz"},
		{"extra file", "VER-ORPHAN", func(_ *testing.T, d *tree) { d.write("notes.txt", []byte("mine")) }, "notes.txt"},
		{"extra generation", "VER-ORPHAN", func(_ *testing.T, d *tree) { d.write("99/full.xml", []byte("<offer/>")) }, "99/full.xml"},
		{"retired file missing", "VER-FILE-MISSING", func(_ *testing.T, d *tree) { d.remove("1/full.xml") }, "has to be served until"},
		{"no gzip member", "VER-GZIP-BROKEN", func(t *testing.T, d *tree) { d.signGzip(d.find(light, 0), []byte("not compressed")) }, ""},
		{"cut gzip member", "VER-GZIP-BROKEN", func(t *testing.T, d *tree) {
			b := d.read(d.find(light, 0) + ".gz")
			d.signGzip(d.find(light, 0), b[:len(b)-12])
		}, "after"},
		{"wrong gzip checksum", "VER-GZIP-BROKEN", func(t *testing.T, d *tree) {
			b := bytes.Clone(d.read(d.find(light, 0) + ".gz"))
			b[len(b)-8] ^= 1
			d.signGzip(d.find(light, 0), b)
		}, "checksum"},
		{"gzip of something else", "VER-GZIP-TWIN", func(t *testing.T, d *tree) {
			d.signGzip(d.find(light, 0), pack(t, bytes.Replace(d.read(d.find(light, 0)), []byte("PLN"), []byte("EUR"), 1)))
		}, ""},
		{"gzip of more", "VER-GZIP-TWIN", func(t *testing.T, d *tree) {
			d.signGzip(d.find(light, 0), pack(t, append(d.read(d.find(light, 0)), "x"...)))
		}, "more than"},
		{"two gzip members", "VER-GZIP-MEMBERS", func(t *testing.T, d *tree) {
			b := d.read(d.find(full, 0))
			d.signGzip(d.find(full, 0), append(pack(t, b[:2000]), pack(t, b[2000:])...))
		}, "a second member"},
		{"empty second gzip member", "VER-GZIP-MEMBERS", func(t *testing.T, d *tree) {
			d.signGzip(d.find(full, 0), append(pack(t, d.read(d.find(full, 0))), pack(t, nil)...))
		}, ""},
		{"bytes after the gzip member", "VER-GZIP-TRAILING", func(t *testing.T, d *tree) {
			d.signGzip(d.find(full, 0), append(pack(t, d.read(d.find(full, 0))), 0))
		}, ""},
		{"stated SHA-256 of a compressed twin", "VER-STATED-SHA256", func(_ *testing.T, d *tree) {
			d.entry(d.find(full, 0), map[string]any{"gzip_sha256": strings.Repeat("0", 64)})
		}, "full.xml.gz"},
		{"notes unreadable", "VER-FOLDER-STATE", func(_ *testing.T, d *tree) { d.write(".feedmill/offer.json", []byte("{")) }, ""},
		{"notes name another file", "VER-FOLDER-STATE", func(t *testing.T, d *tree) {
			d.note(d.find("units", 0), []byte("something else"))
		}, "units.xml"},
		{"notes give numbers out twice", "VER-FOLDER-STATE", func(_ *testing.T, d *tree) {
			d.jsonDoc(".feedmill/offer.json", func(doc map[string]any) { doc["last"] = 1 })
		}, "would write over it"},
		{"notes of an older generation", "VER-FOLDER-STATE", func(_ *testing.T, d *tree) {
			d.jsonDoc(".feedmill/offer.json", func(doc map[string]any) {
				g := doc["full"].(map[string]any)
				g["Number"] = g["Base"]
			})
		}, "names a file of generation"},
		{"state missing", "VER-FILE-MISSING", func(t *testing.T, d *tree) { d.remove(d.state()) }, "state"},
		{"state damaged", "VER-FILE-DIGEST", func(t *testing.T, d *tree) { d.flip(d.state()) }, "state"},

		// Content, with everything signed as a run would.
		{"not well-formed", "VER-XML", func(t *testing.T, d *tree) {
			d.edit(d.find("units", 0), func(s string) string { return strings.Replace(s, "</units>", "", 1) })
		}, "XML-UNCLOSED"},
		{"compressed under its plain name", "VER-XML", func(t *testing.T, d *tree) {
			d.edit(d.find("units", 0), func(s string) string { return string(pack(t, []byte(s))) })
		}, "its own bytes are compressed"},
		{"full compressed under its plain name", "VER-XML", func(t *testing.T, d *tree) {
			d.edit(d.find(full, 0), func(s string) string { return string(pack(t, []byte(s))) })
		}, "its own bytes are compressed"},
		{"foreign element in full", "VER-SCHEMA", func(t *testing.T, d *tree) { d.edit(d.find(full, 0), in(t, 3, "</product>", "<foreign/></product>")) }, "XSD-"},
		{"foreign attribute in a change file", "VER-SCHEMA", func(t *testing.T, d *tree) { d.edit(d.find(change, 0), in(t, 2, ` type=`, ` base="7" type=`)) }, "XSD-"},
		{"light stored as full", "VER-PRODUCT-PARTIAL", func(t *testing.T, d *tree) {
			d.edit(d.find(full, 0), func(string) string { return string(d.read(d.find(light, 0))) })
		}, ""},
		{"control character", "VER-XML", func(t *testing.T, d *tree) { d.edit(d.find(light, 0), in(t, 3, "3-uniw", "3\x01uniw")) }, "XML-CHAR"},
		{"net, gross and VAT disagree", "VER-FORMAT", func(t *testing.T, d *tree) { d.edit(d.find(light, 0), in(t, 3, `net="20.00"`, `net="19.00"`)) }, "IOF-PRICE-VAT"},
		{"open category", "VER-REFERENCE", func(t *testing.T, d *tree) {
			d.edit(d.find("categories", 0), func(s string) string { return strings.Replace(s, `id="1"`, `id="4"`, 1) })
		}, "IOF-REF-CATEGORY"},
		{"open producer", "VER-REFERENCE", func(t *testing.T, d *tree) {
			d.edit(d.find("producers", 0), func(s string) string { return strings.Replace(s, `id="50"`, `id="52"`, 1) })
		}, "IOF-REF-PRODUCER"},
		{"open unit", "VER-REFERENCE", func(t *testing.T, d *tree) { d.edit(d.find(change, 0), in(t, 2, `<unit id="0"`, `<unit id="3"`)) }, "IOF-REF-UNIT"},
		{"open warehouse", "VER-REFERENCE", func(t *testing.T, d *tree) { d.edit(d.find(light, 0), in(t, 3, `<stock id="1"`, `<stock id="8"`)) }, "IOF-REF-STOCK"},
		{"open parameter", "VER-REFERENCE", func(t *testing.T, d *tree) {
			d.edit(d.find("parameters", 0), func(s string) string { return strings.Replace(s, `id="7"`, `id="6"`, 1) })
		}, "IOF-REF-PARAMETER"},
		{"open size", "VER-REFERENCE", func(t *testing.T, d *tree) {
			d.edit(d.find("sizes", 0), func(s string) string { return strings.Replace(s, `<size id="uniw"`, `<size id="0"`, 1) })
		}, "IOF-REF-SIZE"},
		{"open leading variant", "VER-REFERENCE", func(t *testing.T, d *tree) {
			d.edit(d.find(change, 0), in(t, 2, `first_product_id="1"`, `first_product_id="77"`))
		}, "IOF-REF-GROUP"},
		{"product id zero", "VER-PRODUCT-ID", func(t *testing.T, d *tree) {
			d.edit(d.find("light.csv", 0), func(s string) string { return strings.Replace(s, "\n3,", "\n0,", 1) })
		}, `"0"`},
		{"doubled product in light", "VER-PRODUCT-TWICE", func(t *testing.T, d *tree) {
			d.edit(d.find(light, 0), func(s string) string { n := nodeOf(t, s, 3); return strings.Replace(s, n, n+n, 1) })
			d.entry(d.find(light, 0), map[string]any{"products": 12})
		}, "second time"},
		{"doubled product in a change file", "VER-PRODUCT-TWICE VER-PRODUCT-ORDER", func(t *testing.T, d *tree) {
			d.edit(d.find(change, 1), func(s string) string {
				n := nodeOf(t, s, 1)
				return strings.Replace(s, "</products>", n+"</products>", 1)
			})
		}, "second time"},
		{"products not in order", "VER-PRODUCT-ORDER", func(t *testing.T, d *tree) {
			d.edit(d.find(light, 0), func(s string) string {
				n := nodeOf(t, s, 3)
				return strings.Replace(strings.Replace(s, n, "", 1), "</products>", n+"</products>", 1)
			})
		}, "it follows product"},
		{"CSV without ids", "VER-CSV", func(t *testing.T, d *tree) {
			d.edit(d.find("full.csv", 0), func(s string) string { return strings.Replace(s, "@id", "@no", 1) })
		}, "@no"},
		{"CSV with an open quote", "VER-CSV", func(t *testing.T, d *tree) {
			d.edit(d.find("light.csv", 0), func(s string) string { return s + "12,\"" })
		}, ""},
		{"CSV lacks a product", "VER-CSV-PRODUCTS", func(t *testing.T, d *tree) {
			d.edit(d.find("light.csv", 0), func(s string) string {
				from := strings.Index(s, "\n3,") + 1
				return s[:from] + s[from+strings.Index(s[from:], "\n")+1:]
			})
			d.countCSV(-1)
		}, "lacks a product"},
		{"CSV has another product", "VER-CSV-PRODUCTS", func(t *testing.T, d *tree) {
			d.edit(d.find("light.csv", 0), func(s string) string { return strings.Replace(s, "\n10,", "\n11,", 1) })
		}, ""},

		// Chain.
		{"gap", "VER-CHAIN-GAP", func(t *testing.T, d *tree) { d.forget(d.find(change, 1)) }, "leads from"},
		{"gap after the full", "VER-CHAIN-GAP", func(t *testing.T, d *tree) { d.forget(d.find(change, 2)); d.forget(d.find(change, 1)) }, "leads from"},
		{"base beyond target", "VER-CHAIN-BASE", func(t *testing.T, d *tree) { d.entry(d.find(change, 0), map[string]any{"base": 98}) }, "98"},
		{"target is another generation", "VER-CHAIN-BASE", func(t *testing.T, d *tree) { d.entry(d.find(change, 1), map[string]any{"target": 5}) }, ""},
		{"no base", "VER-CHAIN-BASE", func(t *testing.T, d *tree) { d.entry(d.find(change, 0), map[string]any{"base": nil}) }, ""},
		{"chain forks", "VER-CHAIN-OVERLAP", func(t *testing.T, d *tree) { d.entry(d.find(change, 0), map[string]any{"base": 1}) }, "already"},
		{"wrong node in an old change file", "VER-CHAIN-CONTENT", func(t *testing.T, d *tree) { d.edit(d.changeWith(6), in(t, 6, "Produkt 6", "Produkt 66")) }, "product 6"},
		{"wrong node in full", "VER-CHAIN-CONTENT", func(t *testing.T, d *tree) { d.edit(d.find(full, 0), in(t, 3, "Produkt 3", "Produkt 33")) }, "product 3"},
		{"missing tombstone", "VER-CHAIN-GONE", func(t *testing.T, d *tree) {
			a := d.changeWith(9)
			d.edit(a, without(t, 4))
			d.entry(a, map[string]any{"products": 1})
		}, "product 4"},
		{"product missing from a change file", "VER-CHAIN-LOST", func(t *testing.T, d *tree) {
			a := d.changeWith(9)
			d.edit(a, without(t, 9))
			d.entry(a, map[string]any{"products": 1})
		}, "product 9"},
		{"product of full removed by the change before", "VER-CHAIN-LOST", func(t *testing.T, d *tree) {
			d.edit(d.changeWith(6), func(s string) string {
				return strings.Replace(s, nodeOf(t, s, 6), `<product id="6" removed="yes"/>`+"\n", 1)
			})
		}, "product 6"},
		{"empty change file", "VER-CHANGE-EMPTY", func(t *testing.T, d *tree) {
			d.edit(d.find(change, 0), without(t, 2))
			d.entry(d.find(change, 0), map[string]any{"products": 0})
		}, ""},
		{"partial product in full", "VER-PRODUCT-PARTIAL", func(t *testing.T, d *tree) {
			d.edit(d.find(full, 0), func(s string) string {
				n := nodeOf(t, s, 3)
				from, to := strings.Index(n, "<description"), strings.Index(n, "</description>")+len("</description>")
				return strings.Replace(s, n, n[:from]+n[to:], 1)
			})
		}, "lacks description"},
		{"partial product in a change file", "VER-PRODUCT-PARTIAL", func(t *testing.T, d *tree) {
			d.edit(d.find(change, 0), func(s string) string {
				n := nodeOf(t, s, 2)
				from, to := strings.Index(n, "<sizes"), strings.Index(n, "</sizes>")+len("</sizes>")
				return strings.Replace(s, n, n[:from]+n[to:], 1)
			})
		}, "lacks sizes"},
		{"change that changes nothing", "VER-CHANGE-IDLE", func(t *testing.T, d *tree) {
			n := nodeOf(t, string(d.read(d.find(full, 0))), 3)
			a := d.find(change, 0)
			d.edit(a, func(s string) string { return strings.Replace(s, "</products>", n+"</products>", 1) })
			d.entry(a, map[string]any{"products": 2})
		}, "product 3"},
		{"tombstone of a stranger", "VER-CHANGE-IDLE", func(t *testing.T, d *tree) {
			a := d.find(change, 0)
			d.edit(a, func(s string) string {
				return strings.Replace(s, "</products>", `<product id="500" removed="yes"/>`+"\n</products>", 1)
			})
			d.entry(a, map[string]any{"products": 2})
		}, "product 500"},
		{"own time of a file is another", "VER-TIME-ORDER", func(t *testing.T, d *tree) {
			d.edit(d.find(full, 0), func(s string) string {
				return strings.Replace(s, `generated="2026-11-21 `, `generated="2026-11-20 `, 1)
			})
		}, "says that it was generated"},

		// Sets.
		{"product missing from light", "VER-LIGHT-MISSING", func(t *testing.T, d *tree) {
			d.edit(d.find(light, 0), without(t, 3))
			d.entry(d.find(light, 0), map[string]any{"products": d.productsOf("light") - 1})
			d.edit(d.find("light.csv", 0), func(s string) string {
				from := strings.Index(s, "\n3,") + 1
				return s[:from] + s[from+strings.Index(s[from:], "\n")+1:]
			})
			d.countCSV(-1)
		}, "product 3"},
		{"unknown product in light", "VER-LIGHT-UNKNOWN", func(t *testing.T, d *tree) {
			d.edit(d.find(light, 0), func(s string) string {
				n := strings.NewReplacer(`id="3"`, `id="300"`, "3-uniw", "300-uniw").Replace(nodeOf(t, s, 3))
				return strings.Replace(s, "</products>", n+"</products>", 1)
			})
			d.entry(d.find(light, 0), map[string]any{"products": d.productsOf("light") + 1})
			d.edit(d.find("light.csv", 0), func(s string) string {
				from := strings.Index(s, "\n3,") + 1
				return s + "300" + s[from+1:from+strings.Index(s[from:], "\n")+1]
			})
			d.countCSV(+1)
		}, "product 300"},
		{"removed product still sold", "VER-LIGHT-UNKNOWN", func(t *testing.T, d *tree) { d.edit(d.find(light, 0), in(t, 8, `quantity="0"`, `quantity="5"`)) }, "product 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			c.plant(t, d)
			r := check(t, d, now)
			want := strings.Fields(c.want)
			slices.Sort(want)
			if got := found(r); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v\n%s", got, want, told(r))
			}
			if c.where != "" && !strings.Contains(told(r), c.where) {
				t.Errorf("no finding says %q:\n%s", c.where, told(r))
			}
			if clean := r.Clean(); clean != !slices.ContainsFunc(r.Counts, func(c verify.Count) bool { return c.Severity == verify.SeverityError }) {
				t.Errorf("got clean %v for\n%s", clean, told(r))
			}
		})
	}
}

func told(r verify.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, s := range r.Skipped {
		fmt.Fprintln(&b, "skipped:", s)
	}
	return b.String()
}

// Times are judged by the clock alone.
func TestClock(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, c := range []struct {
		name string
		at   time.Time
		want []string
	}{
		{"no clock", time.Time{}, nil},
		{"as it was made", now, nil},
		{"half of it gone", now.Add(84 * time.Hour), nil},
		{"a day left", now.Add(6 * 24 * time.Hour), []string{"VER-EXPIRES-SOON"}},
		{"expired", now.Add(7 * 24 * time.Hour), []string{"VER-EXPIRED"}},
		{"a clock that is behind", now.Add(-time.Hour), []string{"VER-FUTURE"}},
	} {
		if got := found(check(t, d, c.at)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func flipHex(s string) string {
	if s[0] == '0' {
		return "1" + s[1:]
	}
	return "0" + s[1:]
}

// flip changes one bit in the middle of a file, and nothing that is said of it.
func (d *tree) flip(name string) {
	d.t.Helper()
	data := bytes.Clone(d.read(name))
	data[len(data)/2] ^= 1
	d.write(name, data)
}

// state gives the name of a stored state in the folder.
func (d *tree) state() string {
	d.t.Helper()
	list, err := filepath.Glob(d.path(".feedmill/*/state*"))
	if err != nil || len(list) == 0 {
		d.t.Fatalf("no state: %v", err)
	}
	rel, err := filepath.Rel(d.dir, list[0])
	if err != nil {
		d.t.Fatal(err)
	}
	return filepath.ToSlash(rel)
}

// changeWith gives the newest change file that is not newer than the full one
// and holds a product complete.
func (d *tree) changeWith(id int) string {
	d.t.Helper()
	full := number(d.find(full, 0))
	for i := 0; ; i++ {
		a := d.find(change, i)
		if number(a) <= full && strings.Contains(string(d.read(a)), fmt.Sprintf(`<product id="%d" currency`, id)) {
			return a
		}
	}
}

// productsOf gives the stated number of products of the file of a kind.
func (d *tree) productsOf(kind string) (n int) {
	d.t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(d.read("manifest.json"), &doc); err != nil {
		d.t.Fatal(err)
	}
	for _, f := range manifestFiles(doc) {
		if f["kind"] == kind {
			n = int(f["products"].(float64))
		}
	}
	return n
}

// countCSV changes the stated number of products of light.csv.
func (d *tree) countCSV(by int) {
	d.t.Helper()
	d.entry(d.find("light.csv", 0), map[string]any{"products": d.productsOf("light.csv") + by})
}
