package patch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
)

func entries(dir string) (int, error) {
	list, err := os.ReadDir(dir)
	return len(list), err
}

// foreign is laid out as other shops' programs do.
const foreign = "\ufeff" + `<?xml version='1.0'?>
<!-- made by hand -->
<offer xmlns:x = 'urn:a&amp;"b' file_format="IOF" version="3.0">
  <note>before</note>
  <products xmlns:iaiext="urn:ext" language="pol">
    <!-- nothing -->
    <product id="20"><a x:y="1"/></product>
    <product id="3" iaiext:z="2"></product >
    <product id="x&amp;y"/>
  </products>
  <tail/>
</offer>
<!-- end -->
`

func TestForeignDocument(t *testing.T) {
	t.Parallel()
	out, f := sink(t)
	change := declaration + `<offer><products><product id="3" removed="yes"/><product id="4" a="b"/></products></offer>`
	c, err := ApplyTo(t.Context(), out, memory("foreign.xml", []byte(foreign)), []Document{memory("change.xml", []byte(change))}, Options{Spool: t.TempDir()})
	must(t, err)
	want := declaration + `<offer xmlns:iaiext="urn:ext" xmlns:x="urn:a&amp;&quot;b"><products>
<product id="4" a="b"/>
<product id="20"><a x:y="1"/></product>
<product id="x&amp;y"/>
</products></offer>
`
	equal(t, "apply", content(t, f), []byte(want))
	if want := (Counts{Products: 3, Added: 1, Removed: 1}); c != want {
		t.Errorf("counts %+v, want %+v", c, want)
	}
	// Its own head and foot stay as they are.
	_, err = ApplyTo(t.Context(), out, memory("foreign.xml", []byte(foreign)), nil, Options{Spool: t.TempDir()})
	must(t, err)
	for _, part := range []string{"<note>before</note>", "</products>\n  <tail/>\n</offer>\n", `<product id="3" iaiext:z="2"></product >` + "\n" + `<product id="20">`} {
		if !strings.Contains(string(content(t, f)), part) {
			t.Errorf("%q is not in\n%s", part, content(t, f))
		}
	}
}

func TestEmptyDocuments(t *testing.T) {
	t.Parallel()
	change := declaration + `<offer><products><product id="4"/></products></offer>`
	for _, empty := range []string{`<offer><products/></offer>`, `<offer><products ></products></offer>`, `<offer><products a="/"  /></offer>`, "<offer>\n<products>\n</products></offer>\n"} {
		got := apply(t, []byte(empty), []byte(change))
		equal(t, empty, got, []byte(declaration+"<offer><products>\n<product id=\"4\"/>\n</products></offer>\n"))
		back := apply(t, got, []byte(declaration+`<offer><products><product id="4" removed="yes"/></products></offer>`))
		equal(t, empty, back, []byte(declaration+"<offer><products>\n</products></offer>\n"))
		// An empty document stays one, and can be a newest one.
		again := apply(t, []byte(change), []byte(empty))
		nodes, err := all(NewReader(bytes.NewReader(again)))
		if err != nil || !slices.Equal(nodes, []string{`<product id="4"/>`}) {
			t.Errorf("%s: got %q, %v", empty, nodes, err)
		}
	}
}

func TestPrefixedRoot(t *testing.T) {
	t.Parallel()
	head := `<i:offer xmlns:i="` + nsIOF + `"><i:products>`
	a, b := head+`<i:product id="1"/></i:products></i:offer>`, head+`<i:product id="2"/></i:products></i:offer>`
	equal(t, "diff", diff(t, []byte(a), []byte(b)), []byte(declaration+head+"\n<i:product id=\"1\" removed=\"yes\"/>\n<i:product id=\"2\"/>\n</i:products></i:offer>\n"))
}

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	good := model{"1": "<a/>"}.doc("1")
	for name, c := range map[string]struct{ doc, want string }{
		"a page":           {"<html><body>Service unavailable</body></html>", "the document is a <html>"},
		"a text":           {"502 Bad Gateway", "not well-formed"},
		"nothing":          {"", "not well-formed"},
		"cut":              {string(good[:len(good)-12]), "not well-formed"},
		"cut in a product": {string(good[:len(good)-40]), "not well-formed"},
		"no products":      {"<offer><x/></offer>", "no <products>"},
		"another product":  {"<offer><products><thing/></products></offer>", "<thing> stands among the products"},
		"text":             {"<offer><products>error</products></offer>", "text between products"},
		"no id":            {"<offer><products><product/></products></offer>", "a product has no id"},
		"two lists":        {"<offer><products/><products/></offer>", "a second <products>"},
		"a doctype":        {"<!DOCTYPE offer><offer><products/></offer>", "XML-DOCTYPE"},
		"another offer":    {`<offer xmlns="urn:else"><products/></offer>`, "the document is a <offer>"},
		"bad gzip":         {"\x1f\x8b\x08\x00zzzzzz", "cannot be decompressed"},
		"cut gzip":         {string(zip(t, good)[:40]), "cannot be decompressed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Read(t.Context(), []Document{memory("given.xml", []byte(c.doc))}, Options{}, func(s []Stream) error {
				_, err := all(s[0])
				return err
			})
			has(t, err, c.want)
			has(t, err, "given.xml: ")
			if feed.KindOf(err) != feed.KindInvalid {
				t.Errorf("got kind %d, want invalid", feed.KindOf(err))
			}
		})
	}
}

func zip(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	must(t, errors.Join(err, z.Close()))
	return out.Bytes()
}

func TestCompressedDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full, change := model{"1": "<a/>", "2": "<b/>"}, model{"2": "", "3": "<c/>"}
	paths := []string{filepath.Join(dir, "full.xml.gz"), filepath.Join(dir, "change.bin")}
	must(t, os.WriteFile(paths[0], zip(t, full.doc("1")), 0o600))
	must(t, os.WriteFile(paths[1], zip(t, change.doc("2")), 0o600))
	out, f := sink(t)
	_, err := ApplyTo(t.Context(), out, File(paths[0]), []Document{File(paths[1])}, Options{})
	must(t, err)
	equal(t, "apply", content(t, f), full.then(change).doc("2"))
}

func TestDocumentsThatDoNotBelongTogether(t *testing.T) {
	t.Parallel()
	base := `<offer xmlns:a="urn:a"><products language="pol" currency="PLN"><product id="1"/></products></offer>`
	for want, other := range map[string]string{
		"the language":        strings.Replace(base, "pol", "eng", 1),
		"the currency":        strings.Replace(base, "PLN", "EUR", 1),
		"namespace of prefix": strings.Replace(base, "urn:a", "urn:b", 1),
		"default namespace":   strings.Replace(base, "<offer", `<offer xmlns="`+nsIOF+`"`, 1),
	} {
		_, err := Apply(io.Discard, NewReader(strings.NewReader(base)), NewReader(strings.NewReader(other)))
		has(t, err, want)
		if feed.KindOf(err) != feed.KindConflict {
			t.Errorf("%s: got kind %d, want conflict", want, feed.KindOf(err))
		}
	}
}

func TestFaultsOfTheMachine(t *testing.T) {
	t.Parallel()
	doc := memory("a", model{"1": "<a/>", "2": "<a/>"}.doc("1"))
	out, f := sink(t)
	if _, err := ApplyTo(t.Context(), out, doc, []Document{failing(bytes.Repeat([]byte(" "), 4000))}, Options{}); !errors.Is(err, errBroken) || feed.KindOf(err) == feed.KindInvalid {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	_, err := ApplyTo(t.Context(), out, File(filepath.Join(t.TempDir(), "none.xml")), nil, Options{})
	if feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("got %v, want not found", err)
	}
	many := model{}
	for i := range 3000 {
		many[string(rune('a'+i%26))+strings.Repeat("x", i/26)] = "<a/>"
	}
	if _, err := ApplyTo(cancelled(), out, memory("many", many.doc("1")), nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	must(t, f.Close())
	if _, err := ApplyTo(t.Context(), out, doc, nil, Options{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want %v", err, os.ErrClosed)
	}
	if _, err := Compose(io.Discard); err == nil {
		t.Error("nothing was composed without an error")
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	wrap := func(nodes ...string) string {
		return `<offer generated="2026-01-02 03:04:05" xmlns:iaiext="urn:ext"><products language="pol">` + strings.Join(nodes, "\n") + `</products></offer>`
	}
	p := func(id, attrs, body string) string {
		return `<product id="` + id + `"` + attrs + `>` + body + `</product>`
	}
	before := wrap(
		p("1", ` vat="23"`, `<price gross="1.00"/>`),
		p("2", ``, `<sizes><size id="a" code="x"><stock id="1" quantity="3"/></size></sizes>`),
		p("3", ``, `<description><name>A &amp; B</name></description>`),
		p("4", ``, `<sizes><size id="a"><price gross="1"/><stock id="1" quantity="3"/></size></sizes>`),
		p("5", ``, ``), p("6", ``, `<bundled type="x"><product id="9"><price gross="1"/></product></bundled>`),
		p("7", ` a="1" b="2"`, `<a/>`), p("8", ``, `<images/>`), p("9", ``, `<iaiext:state code="1"/>`))
	now := wrap(
		p("1", ` vat="8"`, `<price gross="2.00"/>`),
		p("2", ``, `<sizes><size id="a" code="x"><stock id="1" quantity="4"/></size></sizes>`),
		p("3", ``, "\n <description>\n<name><![CDATA[A & B]]></name></description>"),
		p("4", ``, `<sizes><size id="b"><price gross="2"/><stock id="1" quantity="3"/></size></sizes>`),
		p("6", ``, `<bundled type="x"><product id="9"><price gross="2"/></product></bundled>`),
		p("7", ` b="2" a="1"`, `<a></a>`), p("8", ``, `<images/>`), p("9", ``, `<iaiext:state code="2"/>`), p("10", ``, ``))
	got, err := Summarize(NewReader(strings.NewReader(before)), NewReader(strings.NewReader(now)))
	must(t, err)
	if got.Same != 1 || got.Before.Products != 9 || got.Now.Products != 9 || got.Now.Generated != "2026-01-02 03:04:05" || !got.Differs() {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct {
		what string
		g    Group
		want []string
	}{{"added", got.Added, []string{"10"}}, {"removed", got.Removed, []string{"5"}}, {"changed", got.Changed, []string{"1", "2", "3", "4", "6"}}} {
		if !slices.Equal(c.g.Examples, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.g.Examples, c.want)
		}
	}
	want := map[Part][]string{PartPrice: {"1", "4"}, PartAttributes: {"1"}, PartStock: {"2"}, PartForm: {"3", "7"}, PartSizes: {"4"}, PartBundle: {"6"}, PartOther: {"9"}}
	if len(got.Parts) != len(want) || got.Parts[0].Products != 2 {
		t.Errorf("got parts %+v", got.Parts)
	}
	for _, g := range got.Parts {
		if !slices.Equal(g.Examples, want[g.Part]) {
			t.Errorf("%s: got %v, want %v", g.Part, g.Examples, want[g.Part])
		}
	}
}

func TestPartNames(t *testing.T) {
	t.Parallel()
	for p := range partCount {
		text, err := p.MarshalText()
		must(t, err)
		var back Part
		if err := back.UnmarshalText(text); err != nil || back != p {
			t.Errorf("%s reads back as %s, %v", p, back, err)
		}
	}
	var p Part
	if p.UnmarshalText([]byte("nothing")) == nil || Part(99).String() != "" || ChangeKind(9).String() != "" {
		t.Error("what is no part has a name")
	}
}
