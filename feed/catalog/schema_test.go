package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/schema"

	"pgregory.net/rapid"
)

func loadSchema(t testing.TB) map[string]any {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal([]byte(schema.Catalog()), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The decoder and the schema know the same members of the same objects.
func TestSchemaHasTheDecodersMembers(t *testing.T) {
	t.Parallel()
	defs := loadSchema(t)["$defs"].(map[string]any)
	objects := map[string][]string{
		"product": productMembers.names[1:], "size": sizeMembers.names, "warehouseStock": stockMembers.names, "priceSides": priceMembers.names,
		"refObject": refMembers.names, "referenceObject": refMembers.names, "warrantyObject": warrantyMembers.names, "versionObject": versionMembers.names,
		"meta": metaMembers.names, "promotion": promotionMembers.names, "zones": zoneMembers.names, "imageObject": imageMembers.names,
		"attachmentObject": attachmentMembers.names, "group": groupMembers.names, "parameter": parameterMembers.names, "value": valueMembers.names,
		"bundled": bundledMembers.names, "component": componentMembers.names, "componentSize": componentSizeMembers.names,
		"responsible": responsibleMembers.names, "contact": contactMembers.names, "sizeEntry": sizeEntryMembers.names,
		"removed":       {"id", "key", "removed"},
		"catalogRecord": catalogRecordMembers.names, "categoryRecord": categoryRecordMembers.names, "producerRecord": producerRecordMembers.names,
		"unitRecord": unitRecordMembers.names, "seriesRecord": categoryRecordMembers.names, "warrantyRecord": warrantyRecordMembers.names,
		"warehouseRecord": warehouseRecordMembers.names, "sizeGroupRecord": sizeGroupRecordMembers.names, "sectionRecord": parameterRecordMembers.names,
		"parameterRecord": parameterRecordMembers.names, "valueRecord": parameterRecordMembers.names,
	}
	for name, members := range objects {
		def, ok := defs[name].(map[string]any)
		if !ok {
			t.Errorf("the schema has no definition %s", name)
			continue
		}
		got := slices.Sorted(maps.Keys(def["properties"].(map[string]any)))
		want := slices.Sorted(slices.Values(members))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the decoder %v", name, got, want)
		}
		if def["additionalProperties"] != false {
			t.Errorf("%s: the schema admits further members", name)
		}
	}
	var records []string
	for name, def := range defs {
		properties, ok := def.(map[string]any)["properties"].(map[string]any)
		if !ok {
			continue
		}
		if _, known := objects[name]; !known {
			t.Errorf("the schema has an object %s that the decoder does not", name)
		}
		if r, ok := properties["record"].(map[string]any); ok {
			records = append(records, r["const"].(string))
		}
	}
	slices.Sort(records)
	if want := slices.Sorted(slices.Values(recordNames[:])); !slices.Equal(records, want) {
		t.Errorf("the schema has the records %v, the decoder %v", records, want)
	}
}

// Closed lists of words are the vocabulary's.
func TestSchemaHasTheVocabularysWords(t *testing.T) {
	t.Parallel()
	defs := loadSchema(t)["$defs"].(map[string]any)
	enum := func(object, member string) (words []string) {
		for _, v := range defs[object].(map[string]any)["properties"].(map[string]any)[member].(map[string]any)["enum"].([]any) {
			words = append(words, v.(string))
		}
		return words
	}
	for _, w := range []struct {
		object, member string
		parse          func(string) bool
		want           []string
	}{
		{"parameter", "context", feed.IsParameterContext, feed.ParameterContexts()},
		{"value", "context", feed.IsValueContext, feed.ValueContexts()},
		{"product", "type", func(s string) bool { _, err := feed.ParseProductType(s); return err == nil }, []string{"regular", "packaging", "virtual", "bundle", "collection", "service"}},
		{"product", "code_standard", func(s string) bool { _, err := feed.ParseCodeStandard(s); return err == nil }, []string{"AUTO", "GTIN14", "GTIN13", "GTIN12", "GTIN8", "ISBN13", "ISBN10", "UPCE", "MPN", "OTHER"}},
		{"warrantyObject", "kind", func(s string) bool { _, err := feed.ParseWarrantyKind(s); return err == nil }, []string{"seller", "producer", "none"}},
		{"component", "choice", func(s string) bool { _, err := feed.ParseComponentChoice(s); return err == nil }, nil},
	} {
		words := enum(w.object, w.member)
		if w.want != nil && !slices.Equal(words, w.want) {
			t.Errorf("%s.%s: got %v, want %v", w.object, w.member, words, w.want)
		}
		for _, word := range words {
			if !w.parse(word) {
				t.Errorf("%s.%s: %q is in the schema and not in the vocabulary", w.object, w.member, word)
			}
		}
	}
}

func TestWrittenLinesAreValid(t *testing.T) {
	t.Parallel()
	v := validator{root: loadSchema(t), patterns: map[string]*regexp.Regexp{}}
	check := func(rt *rapid.T, lines []byte) {
		for l := range strings.Lines(string(lines)) {
			if err := v.line(l); err != nil {
				rt.Fatalf("%v\n%s", err, l)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, AppendJSON(nil, feedtest.Product().Draw(rt, "product")))
	})
	rapid.Check(t, func(rt *rapid.T) {
		d := feedtest.Dictionaries().Draw(rt, "dictionaries")
		check(rt, AppendDictionaries(AppendRemoved(AppendDefaults(nil, Defaults{HasVAT: true, NetPrices: true}), 7), d))
	})
}

// Lines that the importer refuses for their shape are refused by the schema,
// and short forms that it takes are taken.
func TestSchemaAgreesOnShapes(t *testing.T) {
	t.Parallel()
	v := validator{root: loadSchema(t), patterns: map[string]*regexp.Regexp{}}
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{`{"id":7,"name":"x","category":"a/b","price":12.3,"stock":5,"code":"A","gtin":5901234123457,"weight":"310"}`, true},
		{`{"key":"A","name":{"pl":"x","":"y"},"producer":"P","warranty":"W","version":"V","images":["https://a.example/1"],"icon":"https://a.example/2"}`, true},
		{`{"id":7,"name":"x","parameters":[{"name":"Kolor","values":["red",{"name":"blue"}]}],"group":{"id":"1","parameter":"Kolor"}}`, true},
		{`{"id":7,"removed":true}`, true}, {`{"id":7,"removed":false,"name":"x"}`, true},
		{`{"id":7,"key":"A","removed":true}`, false}, {`{"id":7,"removed":true,"name":"x"}`, false},
		{`{"name":"x"}`, false}, {`{"id":0,"name":"x"}`, false}, {`{"id":1.5,"name":"x"}`, false}, {`{"id":"7","name":"x"}`, false},
		{`{"id":7}`, false}, {`{"id":7,"name":"x","nmae":"y"}`, false}, {`{"id":7,"name":"x","vat":"23%"}`, false}, {`{"id":7,"name":"x","srp":{}}`, false},
		{`{"id":7,"name":"x","srp":{"netto":1}}`, false}, {`{"id":7,"name":"x","type":"thing"}`, false}, {`{"id":7,"name":"x","images":["a.jpg"]}`, false},
		{`{"id":7,"name":"x","code":"a b"}`, false}, {`{"id":7,"name":"x","stock":"many"}`, false}, {`{"id":7,"name":"x","stock":-2}`, false}, {`{"id":7,"name":"x","site":"1"}`, false},
		{`{"record":"unit","id":"0","name":"szt.","precision":4}`, false}, {`{"record":"unit","id":"0"}`, false}, {`{"record":"brand","id":"0"}`, false},
		{`{"record":"size_group","id":"1","name":"x","sizes":[{"id":"s","name":"S","code":"x"}]}`, false},
	} {
		if err := v.line(c.line); (err == nil) != c.ok {
			t.Errorf("%s: the schema says %v, want valid %v", c.line, err, c.ok)
		}
		var in Options
		in.DefaultCategory, in.DefaultCurrency, in.HasDefaultVAT = "x", feed.MustCurrency("PLN"), true
		in.Stdin = strings.NewReader(c.line)
		s, err := Open([]string{"-"}, in)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		for range s.Products(t.Context()) {
		}
		if err := s.Err(); (err == nil) != c.ok {
			t.Errorf("%s: the importer says %v %v, want valid %v", c.line, err, s.Problems(), c.ok)
		}
	}
}

// validator is as much of JSON Schema as our schema needs.
type validator struct {
	root     map[string]any
	patterns map[string]*regexp.Regexp
}

func (v *validator) line(line string) error {
	var value any
	if err := json.Unmarshal([]byte(line), &value); err != nil {
		return err
	}
	return v.check(v.root, value, "")
}

func (v *validator) check(s map[string]any, value any, path string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
	}
	for key, want := range s {
		switch key {
		case "$schema", "$id", "$defs", "title", "description", "properties":
		case "$ref":
			name, _ := strings.CutPrefix(want.(string), "#/$defs/")
			def, ok := v.root["$defs"].(map[string]any)[name].(map[string]any)
			if !ok {
				return fail("no definition %s", name)
			}
			if err := v.check(def, value, path); err != nil {
				return err
			}
		case "anyOf", "oneOf":
			n := 0
			var last error
			for _, alternative := range want.([]any) {
				if err := v.check(alternative.(map[string]any), value, path); err == nil {
					n++
				} else {
					last = err
				}
			}
			if n == 0 || key == "oneOf" && n > 1 {
				return fail("%d of %s match, such as not: %v", n, key, last)
			}
		case "type":
			if !isType(want.(string), value) {
				return fail("%v is not of type %s", value, want)
			}
		case "const":
			if value != want {
				return fail("%v is not %v", value, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), value) {
				return fail("%v is none of %v", value, want)
			}
		case "required":
			object, ok := value.(map[string]any)
			for _, name := range want.([]any) {
				if _, has := object[name.(string)]; ok && !has {
					return fail("%s is missing", name)
				}
			}
		case "pattern":
			if text, ok := value.(string); ok && !v.pattern(want.(string)).MatchString(text) {
				return fail("%q does not match %s", text, want)
			}
		case "minimum", "maximum", "minLength", "maxLength", "minProperties", "maxProperties", "minItems", "maxItems":
			if err := limit(key, want.(float64), value); err != nil {
				return fail("%v", err)
			}
		case "items":
			list, _ := value.([]any)
			for i, e := range list {
				if err := v.check(want.(map[string]any), e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
					return err
				}
			}
		case "propertyNames":
			object, _ := value.(map[string]any)
			for name := range object {
				if err := v.check(want.(map[string]any), name, path+"."+name); err != nil {
					return err
				}
			}
		case "additionalProperties":
			// Checked below, together with properties.
		default:
			return fail("the schema uses %s, which this test does not know", key)
		}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	properties, _ := s["properties"].(map[string]any)
	for name, member := range object {
		def, known := properties[name].(map[string]any)
		if !known {
			if s["additionalProperties"] == false {
				return fail("%s is not known", name)
			}
			if def, known = s["additionalProperties"].(map[string]any); !known {
				continue
			}
		}
		if err := v.check(def, member, path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func (v *validator) pattern(p string) *regexp.Regexp {
	if v.patterns[p] == nil {
		v.patterns[p] = regexp.MustCompile(p)
	}
	return v.patterns[p]
}

func isType(want string, value any) bool {
	switch x := value.(type) {
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	case float64:
		return want == "number" || want == "integer" && x == math.Trunc(x)
	}
	return false
}

func limit(key string, bound float64, value any) error {
	var n float64
	switch x := value.(type) {
	case float64:
		n = x
	case string:
		n = float64(len([]rune(x)))
	case []any:
		n = float64(len(x))
	case map[string]any:
		n = float64(len(x))
	}
	_, number := value.(float64)
	if number != (key == "minimum" || key == "maximum") {
		return nil
	}
	if strings.HasPrefix(key, "min") && n < bound || strings.HasPrefix(key, "max") && n > bound {
		return fmt.Errorf("%v breaks %s %v", n, key, bound)
	}
	return nil
}
