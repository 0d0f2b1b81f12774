package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"feedmill/feed"
)

// stranger makes the error of a file that is none of ours: what it is, and what
// to give in its place.
func (s *source) stranger(what, hint string) error {
	return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": " + what, Hint: hint}
}

const (
	hintTable  = "open it and save the sheet with the products as CSV in UTF-8"
	hintUnpack = "unpack it first, or compress with gzip"
	hintNoText = "export the catalog as JSON Lines, CSV or IOF XML"
	isAnswer   = "is the answer of a server, not a file of products"
	hintAnswer = "the address may be wrong, or the right to it may have ended: fetch the file again"
	hintPage   = "somebody who is not signed in, or not let in, is given such a page: fetch the file itself"
)

// magics are the first bytes of files that are no text.
func magics() []struct{ magic, what, hint string } {
	return []struct{ magic, what, hint string }{
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a document of an old office program, such as a workbook (xls)", hintTable},
		{"\x28\xb5\x2f\xfd", "is compressed with zstd", hintUnpack},
		{"\xfd7zXZ\x00", "is compressed with xz", hintUnpack},
		{"BZh", "is compressed with bzip2", hintUnpack},
		{"7z\xbc\xaf\x27\x1c", "is a 7z archive", hintUnpack},
		{"Rar!\x1a\x07", "is a rar archive", hintUnpack},
		{"%PDF-", "is a PDF document", hintNoText},
		{"\xff\xd8\xff", "is a picture", hintNoText},
		{"\x89PNG\r\n", "is a picture", hintNoText},
		{"GIF8", "is a picture", hintNoText},
		{"PAR1", "is a Parquet file", hintNoText},
		{"SQLite format 3\x00", "is a database file", hintNoText},
	}
}

// binary says what a file is that is no text, nil where that is not known.
func (s *source) binary(head []byte) error {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		switch {
		case bytes.Contains(head, []byte("xl/")):
			return s.stranger("is a workbook of a spreadsheet program (xlsx)", hintTable)
		case bytes.Contains(head, []byte("opendocument.spreadsheet")):
			return s.stranger("is a workbook of a spreadsheet program (ods)", hintTable)
		}
		return s.stranger("is a zip archive", hintUnpack)
	}
	for _, m := range magics() {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return s.stranger(m.what, m.hint)
		}
	}
	return nil
}

// The beginnings of XML that is no offer.
var (
	prolog   = regexp.MustCompile(`(?s)^(?:\s+|<\?.*?\?>|<!--.*?-->)+`)
	pageRoot = regexp.MustCompile(`(?i)^<(?:!doctype\s+html|html|head|body)\b`)
	title    = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	anyRoot  = regexp.MustCompile(`(?s)^(?:<!DOCTYPE[^>]*>\s*)?<([^\s/>]+)`)
	said     = regexp.MustCompile(`(?s)<(?:\w+:)?(?:[Cc]ode|[Mm]essage|faultstring)>([^<]*)<`)
)

// markup says what a file of angle brackets is where it is no offer, nil where it
// may be one.
func (s *source) markup(text []byte) error {
	text = prolog.ReplaceAll(text, nil)
	if pageRoot.Match(text) {
		what := "is a web page"
		if m := title.FindSubmatch(text); m != nil {
			if t := strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " "); t != "" && utf8.ValidString(t) {
				what = "is a web page with the title " + quote(t)
			}
		}
		return s.stranger(what, hintPage)
	}
	m := anyRoot.FindSubmatch(text)
	if m == nil {
		return nil
	}
	switch root := string(m[1]); {
	case (root == "rss" || root == "feed") && bytes.Contains(text, []byte("base.google.com/ns")):
		return s.stranger("is a product feed for Google", hintNoText)
	case slices.Contains([]string{"error", "Error", "errors"}, root), strings.HasSuffix(root, ":Envelope"):
		what := isAnswer
		if m := said.FindSubmatch(text); m != nil && utf8.Valid(m[1]) {
			what += ": " + clip(strings.TrimSpace(string(m[1])))
		}
		return s.stranger(what, hintAnswer)
	}
	return nil
}

// firstSight is what the first JSON object of a file shows of itself.
type firstSight struct {
	members []string
	// texts are the members that are texts; list is the first that is a list of
	// objects, "" for none.
	texts map[string]string
	list  string
	// lines says that the object goes on behind the end of the first line.
	lines bool
}

// lookAtObject looks at the beginning of a file, which may end within the object;
// false for what is no JSON.
func lookAtObject(text []byte) (firstSight, bool) {
	o := firstSight{texts: map[string]string{}}
	d := json.NewDecoder(bytes.NewReader(text))
	err := o.read(d)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return o, false
	}
	end := bytes.IndexByte(text, '\n')
	o.lines = end >= 0 && d.InputOffset() > int64(end)
	return o, true
}

func (o *firstSight) read(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // nothing else can be a name
		o.members = append(o.members, name)
		if t, err = d.Token(); err != nil {
			return err
		}
		switch t := t.(type) {
		case string:
			o.texts[name] = t
		case json.Delim:
			for depth := 1; depth > 0; {
				next, err := d.Token()
				if err != nil {
					return err
				}
				if delim, ok := next.(json.Delim); ok {
					if t == '[' && delim == '{' && depth == 1 && o.list == "" {
						o.list = name
					}
					if delim == '{' || delim == '[' {
						depth++
					} else {
						depth--
					}
				}
			}
		}
	}
	_, err := d.Token()
	return err
}

// shopifyBulk is the member by which lines of Shopify's bulk export name what
// they belong to; inside a text its quotes would be escaped.
var shopifyBulk = []byte(`"__parentId":`)

// objects says what a file of JSON is where it is not one product a line, nil
// where it may be that.
func (s *source) objects(text []byte) error {
	o, ok := lookAtObject(text)
	if !ok {
		return nil
	}
	const hint = "give the product export of the shop's admin in its place: Products, Export, as CSV (a file with the columns Handle and Title)"
	if strings.HasPrefix(o.texts["id"], "gid://shopify/") || bytes.Contains(text, shopifyBulk) {
		return s.stranger("is a bulk export of Shopify's GraphQL", hint)
	}
	ours := slices.ContainsFunc(o.members, func(m string) bool { return m == "id" || m == "key" || m == "record" })
	switch {
	case ours && o.lines:
		return s.stranger("has a JSON object over several lines", "write one object a line: jq -c .")
	case ours || len(o.members) == 0:
		return nil
	case o.members[0] == "data" && bytes.Contains(bytes.ReplaceAll(text, []byte(`\/`), []byte("/")), []byte(`"gid://shopify/`)):
		return s.stranger("is an answer of Shopify's GraphQL", hint)
	case o.list != "":
		return s.stranger("is one JSON object with a list "+quote(o.list), "write one product a line, with the members of docs/import.md: jq -c '."+o.list+"[]'")
	case slices.ContainsFunc(o.members, isErrorMember):
		what := isAnswer
		for _, m := range []string{"message", "error", "detail", "error_description"} {
			if o.texts[m] != "" {
				what += ": " + clip(o.texts[m])
				break
			}
		}
		return s.stranger(what, hintAnswer)
	case o.lines:
		return s.stranger("has a JSON object over several lines", "write one product a line, with the members of docs/import.md")
	}
	return nil
}

func isErrorMember(name string) bool {
	return slices.Contains([]string{"error", "errors", "error_description", "fault", "detail"}, name)
}

// wooMeasures are the columns of a weight and three lengths that WooCommerce's export
// has side by side: their units stand behind them in every language.
var wooMeasures = regexp.MustCompile(`\((?:kg|g|lbs|oz)\)(?:"?[,;\t]"?[^,;\t()]+\((?:m|cm|mm|in|yd)\)){3}`)

// tableOf says whose table a header is that we do not read, nil where it may be ours.
func (s *source) tableOf(header string) error {
	has := func(names ...string) bool {
		for _, n := range names {
			if !strings.Contains(header, n) {
				return false
			}
		}
		return true
	}
	switch {
	case has("regular price", "in stock?"), has("regular price", "tax status"), !has(ignoredPrefix) && wooMeasures.MatchString(header):
		return s.stranger("is the product export of WooCommerce", "write a table with columns of ours: key (from SKU), name (Name), category (Categories, one of them, with / for >), price (Regular price), stock (Stock), weight[kg] (Weight (kg)), image (Images, with blanks between them), vat and currency")
	case has("store_view_code", "attribute_set_code"):
		return s.stranger("is the product export of Magento", "write a table with columns of ours: key (from sku), name (name), category (categories, one of them), price (price), stock (qty), vat and currency")
	case has("image_link", "availability"), has("image link", "availability"):
		return s.stranger("is a product feed for Google", hintNoText)
	}
	return nil
}
