package catalog_test

import (
	"bytes"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/schema/schematest"

	"pgregory.net/rapid"
)

func TestAddressesAreEscaped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want string }{
		{"https://a.example/1.jpg?a=1&b=%C5%BC#x[1]", ""},
		{"https://a.example/żó \\^{}|`\"<>.jpg", ""}, // refused for its blank
		{"https://a.example/żó\\^{}|`\"<>.jpg", ""},
		{"http://user:pass@[2001:db8::1]:8080/", ""},
		{"https://a.example/photo[1].jpg", "https://a.example/photo%5B1%5D.jpg"},
		{"https://a.example/?w[]=1", "https://a.example/?w%5B%5D=1"},
		{"https://a.example/100%.jpg", "https://a.example/100%25.jpg"},
		{"https://a.example/100%2", "https://a.example/100%252"},
		{"https://a.example/a#b#c", "https://a.example/a#b%23c"},
		{"HTTPS://A.example/B.JPG", "https://A.example/B.JPG"},
		{"Http://a.example/photo[1].jpg", "http://a.example/photo%5B1%5D.jpg"},
	} {
		doc := `{"id":7,"name":"x","category":"a","price":1,"url":` + quoted(c.given) + `}` + "\n"
		out := read(t, polish(), file(t, "c.jsonl", doc))
		switch {
		case strings.Contains(c.given, " "):
			if out.err == nil {
				t.Errorf("%s was taken", c.given)
			}
		case c.want == "":
			if out.err != nil || len(out.problems) > 0 || !strings.Contains(out.lines[0], `"url":`+quoted(c.given)) {
				t.Errorf("%s became %q, problems %q, error %v", c.given, out.lines, out.problems, out.err)
			}
		case c.want == feed.LowerScheme(c.given):
			if out.err != nil || len(out.problems) > 0 || !strings.Contains(out.lines[0], `"url":`+quoted(c.want)) {
				t.Errorf("%s became %q, want %s without a word; problems %q, error %v", c.given, out.lines, c.want, out.problems, out.err)
			}
		default:
			warning := `c.jsonl:1: warning: product 7: url: "` + c.given + `" has signs that stand for something else in addresses (it is written as ` + c.want + `)`
			if out.err != nil || len(out.problems) != 1 || out.problems[0] != warning || !strings.Contains(out.lines[0], `"url":`+quoted(c.want)) {
				t.Errorf("%s became %q, want %s; problems %q, error %v", c.given, out.lines, c.want, out.problems, out.err)
			}
		}
	}
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

// Whatever address is taken can be written: the schemas, which share nothing
// with the import, accept it, and reading it again changes nothing.
func TestTakenAddressesAreValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SampledFrom([]string{"http://", "https://", "HTTPS://", "hTTp://a.example/", "https://a.example/", "https://a.example/?"}).Draw(t, "start") +
			rapid.StringOf(rapid.SampledFrom([]rune("ab09%%%[]#?/:@.-&=\\^{}|`<>'ż"))).Draw(t, "rest")
		url, ok := catalog.WebURL(given)
		if !ok {
			return
		}
		if again, ok := catalog.WebURL(url); !ok || again != url {
			t.Errorf("%s became %s and then %s, %v", given, url, again, ok)
		}
		var doc bytes.Buffer
		doc.WriteString(`<?xml version="1.0" encoding="UTF-8"?><offer file_format="IOF" version="3.0" extensions="yes"><products language="pol"><product id="1"><card url="`)
		doc.WriteString(strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(url))
		doc.WriteString(`"/></product></products></offer>`)
		schematest.Valid(t, "full.xml", doc.Bytes())
	})
}
