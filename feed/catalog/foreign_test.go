package catalog_test

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// archive is a zip archive with these files.
func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("<x/>")); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files that people give for a catalog are told by what they are, whatever their name.
func TestStrangers(t *testing.T) {
	t.Parallel()
	phrases := catalog.NewPhrases()
	long := `"body":"` + strings.Repeat("long ", 1<<15) + `"`
	for _, c := range []struct{ name, content, want, hint string }{
		{"xlsx", archive(t, "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "is a workbook of a spreadsheet program (xlsx)", "open it and save the sheet"},
		{"xlsx packed", packed(t, archive(t, "xl/workbook.xml")), "is a workbook of a spreadsheet program (xlsx)", "open it and save the sheet"},
		{"ods", "PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "is a workbook of a spreadsheet program (ods)", "open it and save the sheet"},
		{"zip", archive(t, "products.csv"), "is a zip archive", "unpack it first"},
		{"xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "is a document of an old office program", "open it and save the sheet"},
		{"xz", "\xfd7zXZ\x00....", "is compressed with xz", "unpack it first"},
		{"pdf", "%PDF-1.7\n%\xe2\xe3", "is a PDF document", "export the catalog as"},
		{"picture", "\xff\xd8\xff\xe0\x00\x10JFIF", "is a picture", "export the catalog as"},

		{"sign in", "\n<!DOCTYPE html>\n<html><head><title>\n Sign in &amp; go </title>", `is a web page with the title "Sign in & go"`, "somebody who is not signed in"},
		{"page", "<!-- x -->\n<HTML><body>moved", "is a web page", "somebody who is not signed in"},
		{"xhtml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>`, "is a web page", "somebody who is not signed in"},
		{"refusal", `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Expired</Message></Error>`, "is the answer of a server, not a file of products: AccessDenied", "the address may be wrong"},
		{"soap", `<soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultstring>no session</faultstring>`, "is the answer of a server, not a file of products: no session", "the address may be wrong"},
		{"google", `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">`, "is a product feed for Google", "export the catalog as"},
		{"other", `<offers xmlns:xsi="x"><o id="1"/></offers>`, "read offer: the root element is <offers>", "of XML only IOF is read"},
		{"gateway", "<provider_description/>", "is a gateway, which holds no products", "'feedmill mirror'"},

		{"bulk", `{"id":"gid:\/\/shopify\/Product\/1","title":"Mug"}` + "\n", "is a bulk export of Shopify's GraphQL", "Products, Export, as CSV"},
		{"bulk without ids", `{"title":"Mug"}` + "\n" + `{"sku":"M-R","__parentId":"x"}` + "\n", "is a bulk export of Shopify's GraphQL", "Products, Export, as CSV"},
		{"bulk of long lines", `{"id":"gid://shopify/Product/1",` + long + "}\n", "is a bulk export of Shopify's GraphQL", "Products, Export, as CSV"},
		{"answer of GraphQL", `{"data":{"products":{"edges":[{"node":{"id":"gid:\/\/shopify\/Product\/1"}}]}}}`, "is an answer of Shopify's GraphQL", "Products, Export, as CSV"},
		{"list", `{"count":2,"products":[{"id":1},{"id":2}]}`, `is one JSON object with a list "products"`, "jq -c '.products[]'"},
		{"long list", `{"products":[{"id":1,` + long + `}]}`, `is one JSON object with a list "products"`, "jq -c '.products[]'"},
		{"lines", "{\n  \"id\": 1,\n  \"name\": \"Mug\"\n}\n{\n  \"id\": 2\n}\n", "has a JSON object over several lines", "write one object a line: jq -c ."},
		{"refusal in JSON", `{"error":"unauthorized","message":"token expired"}`, "is the answer of a server, not a file of products: token expired", "the address may be wrong"},
		{"array", `[{"id":1}]`, "is a JSON array", "jq -c '.[]'"},

		{"WooCommerce", "\ufeffID,Type,SKU,Name,Published,\"Tax status\",\"In stock?\",Stock,\"Regular price\",Categories,Images\n", "is the product export of WooCommerce", "key (from SKU)"},
		{"WooCommerce in Polish", "ID,Typ,SKU,Nazwa,Opublikowano,\"Status podatku\",\"W magazynie?\",Magazyn,\"Waga (kg)\",\"Długość (cm)\",\"Szerokość (cm)\",\"Wysokość (cm)\",Cena,Kategorie,Obrazki\n", "is the product export of WooCommerce", "key (from SKU)"},
		{"WooCommerce in German", "ID;Typ;Artikelnummer;Name;Vorrätig?;Lager;Gewicht (g);Länge (mm);Breite (mm);Höhe (mm);Regulärer Preis;Kategorien;Bilder\n", "is the product export of WooCommerce", "key (from SKU)"},
		{"Magento", "sku,store_view_code,attribute_set_code,product_type,name\n", "is the product export of Magento", "key (from sku)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "catalog.csv", c.content)
			for _, format := range []catalog.Format{catalog.FormatAuto, catalog.FormatCSV} {
				opt := polish()
				opt.Format, opt.Called = format, map[string]string{path: "the file"}
				out := read(t, opt, path)
				if out.err == nil || feed.KindOf(out.err) != feed.KindInvalid {
					t.Fatalf("got %v, kind %v, want an invalid input", out.err, feed.KindOf(out.err))
				}
				if format == catalog.FormatCSV && (c.name == "other" || c.name == "gateway") {
					continue // what was asked for is another format
				}
				for _, text := range []string{out.err.Error(), feed.HintOf(out.err)} {
					if _, ok := phrases.Of(text); !ok {
						t.Errorf("%q is known in English alone", text)
					}
				}
				if got := out.err.Error(); !strings.HasPrefix(got, "the file: "+c.want) || !strings.Contains(feed.HintOf(out.err), c.hint) {
					t.Errorf("got %s (%s), want %s (%s)", got, feed.HintOf(out.err), c.want, c.hint)
				}
			}
		})
	}
}

// What only looks like one of them is a catalog.
func TestNoStrangers(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"key of Shopify":      strings.Replace(line(""), `"id":7`, `"key":"gid://shopify/Product/7"`, 1),
		"quoted member":       line(`"short_desc":"\"__parentId\": no"`),
		"unknown list":        `{"record":"category","id":"1","name":{"pol":"A"}}` + "\n" + line(""),
		"two on lines":        line("") + strings.Replace(line(""), "7", "8", 1),
		"no end of last line": strings.TrimSpace(line("")),
	} {
		out := read(t, polish(), file(t, "catalog.jsonl", content))
		if out.err != nil || len(out.lines) == 0 {
			t.Errorf("%s: got %v, %v", name, out.err, out.problems)
		}
	}
	// Broken lines are told as such.
	out := read(t, polish(), file(t, "broken.jsonl", `{"id":1,"name":"x"`+"\n"+line("")))
	if len(out.problems) == 0 || !strings.HasPrefix(filepath.Base(out.problems[0]), "broken.jsonl:1: ") {
		t.Errorf("got %v, %v", out.problems, out.err)
	}
}

// Columns that others call otherwise are told with our names for them, not with what is
// spelled alike; a table with measures of its own is ours.
func TestColumnsOfOthers(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.csv", "Symbol;Nazwa;Kategoria;Stawka VAT;Cena netto;Stan;EAN;Waga;Uwagi\n")
	const want = `none of the columns is known: "Symbol" (code?), "Nazwa" (name?), "Kategoria" (category?), "Stawka VAT" (vat?), "Cena netto" (price_net?), "Stan" (stock?), "EAN" (gtin?), "Waga" (weight?), "Uwagi"`
	if out.err == nil || !strings.HasSuffix(out.err.Error(), want) {
		t.Errorf("got %v, want %s", out.err, want)
	}
	out = readText(t, polish(), "c.csv", "id;name;category;price;x_Waga (kg);x_Długość (cm);x_Szerokość (cm);x_Wysokość (cm)\n7;x;a;1;;;;\n")
	if out.err != nil || len(out.lines) != 1 {
		t.Errorf("measures of its own: got %v, %q", out.err, out.problems)
	}
}
