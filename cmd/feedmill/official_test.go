package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
)

// generate runs the command in this process and gives what it printed.
func generate(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs strings.Builder
	w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: func() time.Time { return time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC) }}
	status = w.run(append([]string{"generate"}, args...))
	return out.String(), errs.String(), status
}

// asItIs shows a catalog with as little changed as the format's consumers bear.
const asItIs = `
base = "wholesale" # strikethrough wholesale prices are for wholesalers alone
[stock]
per_warehouse = true
unlimited = -1
[dialect]
all_extensions = true
`

func readXML(t *testing.T, path string) *etree.Document {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromFile(path); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}

// lists are the elements that stand in a list whose order means something.
var lists = []string{"image", "parameter", "value", "file", "product", "section"}

// facts lists everything that a product node says, a line each.
func facts(e *etree.Element, path string, out *[]string) {
	if isNoPrice(e) {
		return
	}
	for _, a := range e.Attr {
		if a.Space == "xmlns" || a.Key == "xmlns" || a.FullKey() == "xml:lang" {
			continue
		}
		if v := plain(e, a.Key, a.Value); v != "" {
			*out = append(*out, path+"@"+a.Key+"="+v)
		}
	}
	if text := strings.TrimSpace(e.Text()); text != "" {
		*out = append(*out, path+"="+text)
	}
	at := map[string]int{}
	for _, c := range e.ChildElements() {
		key := c.Tag
		switch {
		case slices.Contains(lists, c.Tag):
			key += "[" + strconv.Itoa(at[c.Tag]) + "]"
			at[c.Tag]++
		case c.Tag == "size" || c.Tag == "stock":
			key += "[" + c.SelectAttrValue("id", "") + "]"
		case c.SelectAttr("xml:lang") != nil:
			if len(c.ChildElements()) == 0 && c.Text() != "" {
				key += "[" + c.SelectAttrValue("xml:lang", "") + "]"
			}
		}
		facts(c, path+"/"+key, out)
	}
}

// isNoPrice says that a price node says there is none.
func isNoPrice(e *etree.Element) bool {
	switch e.Tag {
	case "srp", "strikethrough_retail_price", "strikethrough_wholesale_price":
		return plain(e, "gross", e.SelectAttrValue("gross", "0")) == "0" && plain(e, "net", e.SelectAttrValue("net", "0")) == "0"
	}
	return false
}

// plain gives a value in one spelling: numbers without trailing zeros, codes
// without hyphens (docs/format.md), yes and no as y and n.
func plain(e *etree.Element, attr, v string) string {
	v = strings.TrimSpace(v)
	switch attr {
	case "vat", "gross", "net", "quantity", "available_stock_quantity", "stock_quantity", "weight", "weight_net":
		if strings.Contains(v, ".") {
			v = strings.TrimSuffix(strings.TrimRight(v, "0"), ".")
		}
	case "code_producer", "first_product_code_producer":
		v = strings.ReplaceAll(v, "-", "")
	}
	return v
}

func productFacts(t *testing.T, path string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, p := range readXML(t, path).FindElements("/offer/products/product") {
		var list []string
		facts(p, "", &list)
		out[p.SelectAttrValue("id", "")] = list
	}
	return out
}

// generateOfficial makes an offer of published samples, and gives the folders of
// these and of that.
func generateOfficial(t *testing.T, kinds ...string) (official, out string) {
	t.Helper()
	shared := sharedDir()
	if shared == "" {
		t.Skip("the published samples are not beside the checkout")
	}
	official = filepath.Join(shared, "iof", "official")
	dir := t.TempDir()
	profile := filepath.Join(dir, "profile.toml")
	if err := os.WriteFile(profile, []byte(asItIs), 0o644); err != nil {
		t.Fatal(err)
	}
	out = filepath.Join(dir, "out")
	args := []string{"--profile", profile, "--out", out}
	for _, k := range kinds {
		args = append(args, "--catalog", filepath.Join(official, k+".xml"))
	}
	if stdout, stderr, status := generate(t, args...); status != 0 {
		t.Fatalf("status %d\n%s%s", status, stdout, stderr)
	}
	return official, out
}

// The published full sample comes through: everything that it says of a
// product, the written file says too.
func TestOfficialFullComesThrough(t *testing.T) {
	t.Parallel()
	official, out := generateOfficial(t, "full")
	want, got := productFacts(t, filepath.Join(official, "full.xml")), productFacts(t, filepath.Join(out, "full.xml"))
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d products come through of %d", len(got), len(want))
	}
	total := 0
	for id, list := range want {
		for _, fact := range list {
			total++
			if !slices.Contains(got[id], fact) {
				t.Errorf("product %s: %s is lost; near it: %v", id, fact, near(got[id], fact))
			}
		}
	}
	t.Logf("%d facts of %d products compared", total, len(want))
	check(t, sharedDir(), out)
}

// near lists facts about the same thing.
func near(list []string, fact string) (out []string) {
	path, _, _ := strings.Cut(fact, "=")
	for _, f := range list {
		if strings.HasPrefix(f, path) {
			out = append(out, f)
		}
	}
	return out
}

// With the light file and the dictionaries beside it, prices and stocks are
// light's and the dictionaries are all there.
func TestOfficialFamilyComesThrough(t *testing.T) {
	t.Parallel()
	official, out := generateOfficial(t, "full", "light", "categories", "producers", "units", "parameters", "stocks", "series", "warranties")
	want, got := lightFacts(t, filepath.Join(official, "light.xml")), lightFacts(t, filepath.Join(out, "light.xml"))
	for key, v := range want {
		if got[key] != v {
			t.Errorf("light: %s is %q, want %q", key, got[key], v)
		}
	}
	for _, k := range []string{"categories", "producers", "units", "parameters", "stocks", "series", "warranties"} {
		want, got := entryNames(t, filepath.Join(official, k+".xml")), entryNames(t, filepath.Join(out, k+".xml"))
		for key, v := range want {
			if got[key] != v {
				t.Errorf("%s: entry %s is %q, want %q", k, key, got[key], v)
			}
		}
	}
	check(t, sharedDir(), out)
}

// lightFacts gives price and stock of each size of a light file.
func lightFacts(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range readXML(t, path).FindElements("/offer/products/product") {
		id := p.SelectAttrValue("id", "")
		for _, z := range p.FindElements("sizes/size") {
			key := id + "/" + z.SelectAttrValue("code", "")
			// The one size of a product is 0 in light and uniw in full, in its
			// code too; full's code stays.
			key = strings.TrimSuffix(strings.TrimSuffix(key, "-0"), "-uniw")
			for _, tag := range []string{"price", "srp", "strikethrough_retail_price"} {
				n := z.SelectElement(tag)
				if n == nil {
					n = p.SelectElement(tag)
				}
				if n == nil || isNoPrice(n) {
					continue
				}
				out[key+"/"+tag] = plain(n, "gross", n.SelectAttrValue("gross", "")) + " " + plain(n, "net", n.SelectAttrValue("net", ""))
			}
			for _, s := range z.SelectElements("stock") {
				out[key+"/stock/"+s.SelectAttrValue("id", "")] = plain(s, "quantity", s.SelectAttrValue("quantity", ""))
			}
		}
	}
	return out
}

// entryNames gives the names of a dictionary's entries by id and language.
func entryNames(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(e *etree.Element, list string)
	walk = func(e *etree.Element, list string) {
		id := e.SelectAttrValue("id", "")
		for _, c := range e.ChildElements() {
			switch {
			case c.Tag == "name" && id != "":
				out[list+id+"/"+c.SelectAttrValue("xml:lang", "")] = strings.TrimSpace(c.Text())
			case c.SelectAttr("id") == nil:
				walk(c, c.Tag+" ")
			default:
				walk(c, list)
			}
		}
	}
	walk(readXML(t, path).Root(), "")
	return out
}

// check passes every file of an offer through the published schemas.
func check(t *testing.T, shared, out string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "*.xml"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files in %s, %v", len(files), out, err)
	}
	if text, err := runCheck(filepath.Join(shared, "iof", "official", "check"), files); err != nil {
		t.Errorf("the published schemas: %v\n%s", err, text)
	}
}

// Each Shopify export becomes a valid offer with every product and variant.
func TestShopifySamples(t *testing.T) {
	t.Parallel()
	shared := sharedDir()
	if shared == "" {
		t.Skip("the sample exports are not beside the checkout")
	}
	for _, name := range []string{"apparel", "home-and-garden", "jewelery"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			file := filepath.Join(shared, "catalogs", "shopify", name+".csv")
			stdout, stderr, status := generate(t, "--catalog", file, "--language", "eng", "--currency", "USD", "--vat", "0", "--out", out)
			if status != 0 {
				t.Fatalf("status %d\n%s%s", status, stdout, stderr)
			}
			products := handles(t, file)
			if products == 0 {
				t.Fatalf("%s holds no products to compare with", file)
			}
			if got := len(productFacts(t, filepath.Join(out, "full.xml"))); got != products {
				t.Errorf("%d products, want %d", got, products)
			}
			check(t, shared, out)
		})
	}
}

// handles counts the products of a Shopify export.
func handles(t *testing.T, path string) int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, line := range strings.Split(string(data), "\n") {
		if handle, rest, ok := strings.Cut(line, ","); ok && i > 0 && isHandle(handle) && rest != "" {
			seen[handle] = true
		}
	}
	return len(seen)
}

func isHandle(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
