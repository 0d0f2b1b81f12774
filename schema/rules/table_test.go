package rules

import (
	"flag"
	"hash/maphash"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

var update = flag.Bool("update", false, "rewrite docs/rules.md and the hashes of the sample family")

func TestRulesAreComplete(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^(IOF|XSD|XML)(-[A-Z0-9]+)+$`)
	sentence := regexp.MustCompile(`^\S.*[.]$`)
	seen := map[string]bool{}
	for _, r := range All() {
		if seen[r.Code] || !form.MatchString(r.Code) {
			t.Errorf("code %q is malformed or stands there twice", r.Code)
		}
		seen[r.Code] = true
		if r.Level != LevelError && r.Level != LevelWarning && r.Level != LevelHint {
			t.Errorf("%s: got level %q", r.Code, r.Level)
		}
		if r.Title == "" || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s: title %q is no title", r.Code, r.Title)
		}
		for name, text := range map[string]string{"means": r.Means, "hurts": r.Hurts, "mend": r.Mend} {
			if !sentence.MatchString(text) {
				t.Errorf("%s: %s is no sentence: %q", r.Code, name, text)
			}
		}
		if r.Basis == "" {
			t.Errorf("%s rests on nothing", r.Code)
		}
	}
	for _, code := range []string{schema.RuleRoot, schema.RuleNotAllowed, schema.RuleRepeated, schema.RuleOrder, schema.RuleMissing,
		schema.RuleText, schema.RuleValue, schema.RuleAttrMissing, schema.RuleAttrForbidden, schema.RuleNil, schema.RuleType,
		string(xmltok.CodeSyntax), string(xmltok.CodeLimitSubtree)} {
		if !seen[code] {
			t.Errorf("%s of package schema has no rule", code)
		}
	}
}

// Every code that package xmltok declares needs words.
func TestEveryCodeOfXMLHasARule(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../xmltok/error.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`"(XML-[A-Z0-9-]+)"`).FindAllSubmatch(source, -1)
	if len(found) < 20 {
		t.Fatalf("got %d codes in xmltok/error.go, want more", len(found))
	}
	for _, m := range found {
		if _, ok := Lookup(string(m[1])); !ok {
			t.Errorf("%s has no rule", m[1])
		}
	}
}

// Every need of importers that a feed can break is the basis of a rule.
func TestEveryNeedOfImportersHasARule(t *testing.T) {
	t.Parallel()
	covered := map[string]string{}
	number := regexp.MustCompile(`\d+`)
	for _, r := range All() {
		for part := range strings.SplitSeq(r.Basis, ";") {
			if list, ok := strings.CutPrefix(strings.TrimSpace(part), "CONSUMERS "); ok {
				for _, n := range number.FindAllString(list, -1) {
					covered[n] = r.Code
				}
			}
		}
	}
	for n := 1; n <= 25; n++ {
		if covered[strconv.Itoa(n)] == "" {
			t.Errorf("need %d of importers is the basis of no rule", n)
		}
	}
}

func TestDocumentation(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "docs", "rules.md")
	want := AppendMarkdown(nil)
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("docs/rules.md is not what the table says; run go test ./schema/rules -update")
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	r, ok := Lookup("iof-light-missing")
	if !ok {
		t.Fatal("a code in small letters is not found")
	}
	got := r.Explain()
	for _, want := range []string{"IOF-LIGHT-MISSING (error)", r.Means, r.Hurts, r.Mend, r.Basis} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in\n%s", want, got)
		}
	}
	if _, ok := Lookup("IOF-NOTHING"); ok {
		t.Error("a rule that does not exist was found")
	}
}

func TestTableAgreesWithMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mem := budget{1 << 20}
		tab := newTable[uint32](&mem, rapid.Uint64().Draw(t, "salt"), 4)
		want := map[key]uint32{}
		for _, k := range rapid.SliceOf(rapid.Uint64Range(0, 1<<20)).Draw(t, "keys") {
			v, fresh := tab.put(key(k))
			if _, ok := want[key(k)]; ok == fresh || v == nil {
				t.Fatalf("put of %d: got fresh %v", k, fresh)
			}
			*v += 3
			want[key(k)] += 3
		}
		n := 0
		tab.each(func(k key, v *uint32) {
			n++
			if want[k] != *v {
				t.Fatalf("got %d for %d, want %d", *v, k, want[k])
			}
		})
		if n != len(want) || tab.length != len(want) {
			t.Fatalf("got %d and %d entries, want %d", n, tab.length, len(want))
		}
		for k, v := range want {
			if got := tab.get(k); got == nil || *got != v || !tab.has(k) {
				t.Fatalf("entry %d is lost", k)
			}
		}
		tab.release()
		if mem.left != 1<<20 {
			t.Fatalf("got %d bytes back, want all", mem.left)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	testKeys := keys{seed: maphash.MakeSeed()}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.String().Draw(t, "a")
		b := rapid.String().Draw(t, "b")
		ka, kb := testKeys.of([]byte(a)), testKeys.of([]byte(b))
		if (ka == kb) != (a == b) {
			t.Fatalf("%q and %q: got keys %x and %x", a, b, ka, kb)
		}
		if text, ok := ka.text(); ok && text != a {
			t.Fatalf("got %q back of %q", text, a)
		}
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in     string
		v      int64
		ok     bool
		plain  bool
		places int
	}{
		{"0", 0, true, true, 0}, {"7", 7 * scale, true, true, 0}, {"-1", -1 * scale, true, true, 0}, {"12.30", 123000, true, true, 2},
		{"7.000", 7 * scale, true, true, 3}, {"+7", 7 * scale, true, false, 0}, {" 7", 7 * scale, true, false, 0}, {"007", 7 * scale, true, false, 0},
		{".5", 5000, true, false, 1}, {"5.", 5 * scale, true, false, 0}, {"1.23456", 12345, true, true, 5}, {"", 0, false, false, 0},
		{".", 0, false, false, 0}, {"-", 0, false, false, 0}, {"1,5", 0, false, true, 0}, {"abc", 0, false, false, 0},
		{"1e3", 0, false, false, 0}, {"9999999999999999", 0, false, false, 0}, {"0.1", 1000, true, true, 1},
	} {
		got := parseNumber([]byte(tt.in))
		if got.ok != tt.ok || tt.ok && (got.v != tt.v || got.plain != tt.plain || got.places != tt.places) {
			t.Errorf("%q: got %+v, want %+v", tt.in, got, tt)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]timeFault{
		"2026-03-02 10:00:00": timeFine, "2024-02-29 00:00:00": timeFine, "2025-02-29 00:00:00": timeInvalid, "2026-13-02 10:00:00": timeInvalid,
		"2026-03-02 24:00:00": timeInvalid, "2026-03-02T10:00:00": timeForm, "2026-03-02 10:00:00+01:00": timeForm, "2026.03.02 10:00:00": timeForm,
		" 2026-03-02 10:00:00": timeForm, "2026-03-02": timeForm, "": timeNone, "soon": timeNone, "2026-03-0210:00:00Z": timeForm,
	} {
		if m, got := parseTime([]byte(in)); got != want {
			t.Errorf("%q: got %v (%v), want %v", in, got, m, want)
		}
	}
	if got := Label("https://x.example/o/1/full_change2026-03-02T10-00-00.xml"); got != "2026-03-02T10-00-00" {
		t.Errorf("got label %q", got)
	}
	for _, no := range []string{"full.xml", "full_change.xml", "full_change2026-03-02 10-00-00.xml", "full_change2026-03-02T10:00:00"} {
		if got := Label(no); got != "" {
			t.Errorf("%q: got label %q, want none", no, got)
		}
	}
}

func TestProducerCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ std, code, want string }{
		{"GTIN13", "5901234123457", ""}, {"gtin13", "5901234123458", codeGTINCheck}, {"GTIN13", "590123412345", codeGTINLength},
		{"GTIN13", "59012341234A7", codeGTINChars}, {"GTIN8", "96385074", ""}, {"GTIN8", "96385075", codeGTINCheck},
		{"GTIN12", "036000291452", ""}, {"GTIN12", "036000291453", codeGTINCheck}, {"GTIN14", "10012345000017", ""},
		{"GTIN14", "10012345000018", codeGTINCheck}, {"ISBN13", "9780306406157", ""}, {"ISBN13", "5901234123457", codeGTINCheck},
		{"ISBN10", "0306406152", ""}, {"ISBN10", "080442957X", ""}, {"ISBN10", "0306406153", codeGTINCheck}, {"ISBN10", "X306406152", codeGTINChars},
		{"UPCE", "04252614", ""}, {"UPCE", "01234565", ""}, {"UPCE", "04252615", codeGTINCheck}, {"UPCE", "24252614", codeGTINCheck},
		{"UPCE", "01200003", ""}, {"UPCE", "06543217", ""}, {"MPN", "anything", ""}, {"OTHER", "5901234123458", ""},
		{"AUTO", "5901234123458", codeGTINDoubtful}, {"AUTO", "12345", ""}, {"", "5901234123458", codeGTINDoubtful}, {"", "5901234123457", ""}, {"GTIN13", "", ""},
	} {
		if got := gtinFault(parseStandard([]byte(tt.std)), []byte(tt.code)); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.std, tt.code, got, tt.want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		`<a href="https://a.example/">`: "", `<a href='/x y'>`: "/x y", `<img src=pic.jpg>`: "pic.jpg", `<img alt="a=b" src="//cdn/x.jpg">`: "//cdn/x.jpg",
		`<a href="#top">`: "", `<a href="mailto:a@b.example">`: "", `<a href="tel:+48">`: "", `<img src="data:image/png;base64,AA">`: "",
		`<img data-src="/x.jpg">`: "", `<p>src = lazy</p>`: "", `a=b=c`: "", `href=x`: "", `<a href="">`: "", `<a HREF = "x.html">`: "x.html",
		`<a href="https://a.example/"><img src="b.jpg">`: "b.jpg",
	} {
		if got := relativeLink([]byte(html)); string(got) != want {
			t.Errorf("%s: got %q, want %q", html, got, want)
		}
	}
}
