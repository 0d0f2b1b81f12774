package feed_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"feedmill/feed"

	"pgregory.net/rapid"
)

func TestAmountTextRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := feed.MustCurrency(rapid.SampledFrom([]string{"PLN", "JPY", "KWD", "EUR"}).Draw(t, "currency"))
		a, err := feed.AmountOf(rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, "minor"))
		if err != nil {
			t.Fatal(err)
		}
		back, err := feed.ParseAmount(a.Text(c), c)
		if err != nil || back != a {
			t.Fatalf("ParseAmount(%q) = %v, %v, want %v", a.Text(c), back, err, a)
		}
	})
}

// Blanks around a decimal keep it off the short way: what it comes to is the same.
func TestDecimalsEitherWay(t *testing.T) {
	t.Parallel()
	said := func(v any, rounded bool, err error) string {
		if err != nil {
			return err.Error()[strings.LastIndex(err.Error(), `"`)+1:] // behind the text itself
		}
		return fmt.Sprint(v, rounded)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := feed.MustCurrency(rapid.SampledFrom([]string{"PLN", "JPY", "KWD"}).Draw(t, "currency"))
		s := rapid.OneOf(rapid.StringMatching(`[0-9]{0,20}`), rapid.StringMatching(`[0-9]{0,14}\.[0-9]{0,5}`), rapid.StringMatching(`[0-9.e+:/-]{0,6}`)).Draw(t, "text")
		for _, parse := range []func(string) string{
			func(s string) string { v, err := feed.ParseAmount(s, c); return said(v, false, err) },
			func(s string) string { v, rounded, err := feed.RoundAmount(s, c); return said(v, rounded, err) },
			func(s string) string { v, err := feed.ParseWeight(s); return said(v, false, err) },
			func(s string) string { v, err := feed.ParsePercent(s); return said(v, false, err) },
		} {
			if got, want := parse(s), parse(" "+s+" "); got != want {
				t.Fatalf("%q is %s, with blanks around %s", s, got, want)
			}
		}
	})
}

func TestAppendInt(t *testing.T) {
	t.Parallel()
	hold := func(v int64) {
		if got, want := string(feed.AppendInt([]byte("n="), v)), "n="+strconv.FormatInt(v, 10); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	for v := int64(-11); v < 10_111; v++ {
		hold(v)
	}
	hold(math.MaxInt64)
	hold(math.MinInt64)
}

func TestAppendPercent(t *testing.T) {
	t.Parallel()
	for v := int64(0); v < 1_100_000; v += 25 {
		p, err := feed.PercentOf(v)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimRight(fmt.Sprintf("%d.%04d", v/10_000, v%10_000), "0")
		if strings.HasSuffix(want, ".") {
			want += "0"
		}
		if got := string(p.Append([]byte("vat="))); got != "vat="+want {
			t.Fatalf("%d millionths: got %s, want vat=%s", v, got, want)
		}
	}
}

func TestParseAmountRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", " ", ".", "-1", "+1", "1,5", "1.234", "1e3", "NaN", "Inf", "0x10", "1 000", "1.2.3", "99999999999999999999", "१"} {
		if a, err := feed.ParseAmount(s, feed.MustCurrency("PLN")); err == nil {
			t.Errorf("ParseAmount(%q) = %v, want an error", s, a)
		}
	}
}

func TestRoundAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, cur, want string
		rounded       bool
	}{
		{"1.234", "PLN", "1.23", true}, {"1.235", "PLN", "1.24", true}, {"1.2350001", "PLN", "1.24", true},
		{"1.2300", "PLN", "1.23", false}, {"0.5", "JPY", "1", true}, {"0.4999", "JPY", "0", true}, {".5", "PLN", "0.50", false},
	} {
		a, rounded, err := feed.RoundAmount(c.in, feed.MustCurrency(c.cur))
		if err != nil || rounded != c.rounded || a.Text(feed.MustCurrency(c.cur)) != c.want {
			t.Errorf("RoundAmount(%q, %s) = %s, %v, %v, want %s, %v", c.in, c.cur, a.Text(feed.MustCurrency(c.cur)), rounded, err, c.want, c.rounded)
		}
	}
}

func TestMulDivRoundsHalfUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, 1<<40).Draw(t, "a")
		b := rapid.Int64Range(0, 1<<20).Draw(t, "b")
		c := rapid.Int64Range(1, 1<<20).Draw(t, "c")
		got, ok := feed.MulDiv(a, b, c)
		want := a * b / c
		if r := a * b % c; 2*r >= c {
			want++
		}
		if !ok || got != want {
			t.Fatalf("MulDiv(%d, %d, %d) = %d, %v, want %d", a, b, c, got, ok, want)
		}
	})
	if _, ok := feed.MulDiv(1<<62, 1<<62, 1); ok {
		t.Error("MulDiv(2^62, 2^62, 1) fits, want an overflow")
	}
}

func TestPriceSidesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vat, err := feed.ParsePercent(rapid.SampledFrom([]string{"0", "5", "8", "19", "20", "21", "23", "25.5"}).Draw(t, "vat"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := feed.AmountOf(rapid.Int64Range(0, 1_000_000_000).Draw(t, "minor"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := feed.PriceFromGross(a, vat)
		if err != nil {
			t.Fatal(err)
		}
		// The gross of the rounded net is within one half of (1 + VAT) minor units.
		q, err := feed.PriceFromNet(p.Net, vat)
		if err != nil {
			t.Fatal(err)
		}
		if d := q.Gross.Minor() - a.Minor(); d < -1 || d > 1 {
			t.Fatalf("gross %d -> net %d -> gross %d", a.Minor(), p.Net.Minor(), q.Gross.Minor())
		}
	})
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     string
		places int
		want   string
	}{
		{"7", 0, "7"}, {"7.000", 0, "7"}, {"7.9", 0, "7"}, {"7.25", 3, "7.250"}, {"0", 0, "0"}, {"-1", 0, "-1"}, {"-1.00", 3, "-1"},
	} {
		q, err := feed.ParseQuantity(c.in)
		if err != nil || !q.Known() || string(q.Append(nil, c.places)) != c.want {
			t.Errorf("ParseQuantity(%q) writes %q, %v, want %q", c.in, q.Append(nil, c.places), err, c.want)
		}
	}
	for _, s := range []string{"", "-5", "-1.5", "1.2.3", "7,5", "1,250", "1,2,3", "x", "-", "1e9999", "-1."} {
		if q, err := feed.ParseQuantity(s); err == nil {
			t.Errorf("ParseQuantity(%q) = %v, want an error", s, q)
		}
	}
	if (feed.Quantity{}).Known() {
		t.Error("the zero Quantity is known")
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"pl": "pol", "PL": "pol", "pol": "pol", "deu": "ger", "ger": "ger", "de-AT": "ger",
		"ces": "cze", "slk": "slo", "sl": "slv", "el": "gre", "ell": "gre", "fr_FR": "fre", "ron": "rum", "nld": "dut", "csb": "csb"} {
		l, err := feed.ParseLanguage(in)
		if err != nil || l.String() != want {
			t.Errorf("ParseLanguage(%q) = %q, %v, want %q", in, l, err, want)
		}
	}
	// Files are written on it that each has three letters.
	for n := range 26 * 26 * 26 {
		in := string([]byte{byte('a' + n/676), byte('a' + n/26%26), byte('a' + n%26)})
		if l, err := feed.ParseLanguage(in); err == nil && len(l.String()) != 3 {
			t.Errorf("ParseLanguage(%q) = %q, want three letters", in, l)
		}
	}
	for _, in := range []string{"", "p", "xx", "polish", "12", "-pl", "zzz", "p\x00l"} {
		if l, err := feed.ParseLanguage(in); err == nil {
			t.Errorf("ParseLanguage(%q) = %q, want an error", in, l)
		}
	}
}

func TestCurrency(t *testing.T) {
	t.Parallel()
	for code, exp := range map[string]int{"PLN": 2, "JPY": 0, "KWD": 3, "AED": 2, "ZWG": 2} {
		c, err := feed.ParseCurrency(code)
		if err != nil || c.String() != code || c.Exponent() != exp {
			t.Errorf("ParseCurrency(%q) = %q (%d decimals), %v, want %d", code, c, c.Exponent(), err, exp)
		}
	}
	for _, s := range []string{"", "pln", "XXX", "EURO", "E"} {
		if c, err := feed.ParseCurrency(s); err == nil {
			t.Errorf("ParseCurrency(%q) = %q, want an error", s, c)
		}
	}
}

func TestGTIN(t *testing.T) {
	t.Parallel()
	for in, std := range map[string]feed.CodeStandard{
		"5900000000015": feed.StandardGTIN13, "978-3-16-148410-0": feed.StandardGTIN13, "96385074": feed.StandardGTIN8,
		"012345678905": feed.StandardGTIN12, "00012345678905": feed.StandardGTIN14} {
		g, err := feed.ParseGTIN(in)
		if err != nil || g.Standard() != std {
			t.Errorf("ParseGTIN(%q) = %v (%v), %v, want %v", in, g, g.Standard(), err, std)
		}
	}
	for _, in := range []string{"", "5900000000016", "59000000000151", "590000000001X", "123"} {
		if g, err := feed.ParseGTIN(in); err == nil {
			t.Errorf("ParseGTIN(%q) = %v, want an error", in, g)
		}
	}
	if err := feed.CheckCode(feed.StandardISBN10, "0-306-40615-2"); err != nil {
		t.Error(err)
	}
	if err := feed.CheckCode(feed.StandardGTIN13, "96385074"); err == nil {
		t.Error("an eight-digit code passes as GTIN13")
	}
}

func TestCleanAlwaysGivesXMLText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		out, dropped := feed.Clean(in)
		if !utf8.ValidString(out) || !feed.IsClean(out) {
			t.Fatalf("Clean(%q) = %q is not clean", in, out)
		}
		for _, r := range out {
			if !feed.IsXMLChar(r) || r == '\r' {
				t.Fatalf("Clean(%q) = %q holds %U", in, out, r)
			}
		}
		if feed.IsClean(in) && (out != in || dropped != 0) {
			t.Fatalf("Clean(%q) = %q, %d dropped, want it unchanged", in, out, dropped)
		}
	})
	if out, n := feed.Clean("a\r\nb\rc\x00d\uFFFEe\xff"); out != "a\nb\ncde" || n != 3 {
		t.Errorf("Clean = %q, %d dropped", out, n)
	}
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		label := ""
		if k == feed.KindFullChange {
			label = "2026-11-21T19-30-00"
		}
		got, l, ok := feed.ParseFileName(k.FileName(label))
		if !ok || got != k || l != label {
			t.Errorf("ParseFileName(%q) = %v, %q, %v", k.FileName(label), got, l, ok)
		}
	}
	for _, s := range []string{"", "full", "full_change.xml", "full_change2026-13-01T00-00-00.xml", "full_change2026-01-01T00-00-00", "../full.xml", "Full.xml"} {
		if k, _, ok := feed.ParseFileName(s); ok {
			t.Errorf("ParseFileName(%q) = %v, want none", s, k)
		}
	}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	if n := len(feed.ParameterContexts()); n != 40 {
		t.Errorf("%d parameter contexts, want 40", n)
	}
	if n := len(feed.ValueContexts()); n != 27 {
		t.Errorf("%d value contexts, want 27", n)
	}
	for _, c := range feed.ParameterContexts() {
		if !feed.IsParameterContext(c) {
			t.Errorf("%s is not recognised", c)
		}
	}
	for _, c := range []string{"", "CONTEXT_", "CONTEXT_STD", "CONTEXT_COLOR ", strings.ToLower("CONTEXT_COLOR")} {
		if feed.IsParameterContext(c) || feed.IsValueContext(c) {
			t.Errorf("%q is recognised", c)
		}
	}
}

func TestProfileKeys(t *testing.T) {
	t.Parallel()
	p := feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}}
	full, light := p.FullKey(), p.LightKey()
	q := p
	q.Discounts.Overall, _ = feed.ParseDiscount("10")
	if q.FullKey() != full {
		t.Error("a discount changes the full feed")
	}
	if q.LightKey() == light {
		t.Error("a discount does not change the light feed")
	}
	q = p
	q.Assortment.Exclude = []feed.Rule{{Field: feed.RuleTag, Value: "a"}, {Field: feed.RuleTag, Value: "b"}}
	r := p
	r.Assortment.Exclude = []feed.Rule{{Field: feed.RuleTag, Value: "b"}, {Field: feed.RuleTag, Value: "a"}}
	if q.FullKey() != r.FullKey() || q.FullKey() == full {
		t.Error("the order of rules matters, or rules do not")
	}
}

func TestAppendDigits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		std      feed.CodeStandard
		in, want string
		ok       bool
	}{
		{feed.StandardGTIN13, "590-0000000-01 5", "5900000000015", true}, {feed.StandardISBN13, "978-3-16-148410-0", "9783161484100", true},
		{feed.StandardGTIN8, "00000017", "00000017", true}, {feed.StandardGTIN13, "59000000000A5", "", false}, {feed.StandardGTIN13, "590", "", false},
		{feed.StandardMPN, "123-456", "", false}, {feed.StandardNone, "5900000000015", "", false},
	} {
		got, ok := c.std.AppendDigits([]byte("x"), c.in)
		if string(got) != "x"+c.want || ok != c.ok {
			t.Errorf("%v.AppendDigits(%q) = %q, %v, want %q, %v", c.std, c.in, got, ok, "x"+c.want, c.ok)
		}
	}
}

func TestJoinDictionaries(t *testing.T) {
	t.Parallel()
	name := func(s string) feed.Texts { return feed.Texts{{Lang: feed.MustLanguage("pol"), Value: s}} }
	base := &feed.Dictionaries{Categories: []feed.Category{{ID: "1", Names: name("A")}, {ID: "2", Parent: "1", Names: name("B")}},
		Warehouses: []feed.Warehouse{{ID: 1, Names: name("M")}}}
	over := &feed.Dictionaries{Categories: []feed.Category{{ID: "9", Names: name("Z")}, {ID: "1", Parent: "9", Names: name("A2")}, {ID: "3", Parent: "gone", Names: name("C")}},
		Warehouses: []feed.Warehouse{{ID: 2, Names: name("N")}}}
	got := feed.JoinDictionaries(base, over)
	var order []string
	for _, c := range got.Categories {
		order = append(order, c.ID+"<"+c.Parent)
	}
	if want := "9< 1<9 2<1 3<"; strings.Join(order, " ") != want {
		t.Errorf("categories %v, want %s", order, want)
	}
	if len(got.Warehouses) != 2 || got.Categories[1].Names[0].Value != "A2" {
		t.Errorf("joined %+v", got)
	}
	if base.Categories[0].Parent != "" || len(base.Warehouses) != 1 {
		t.Error("the base has changed")
	}
	x := feed.NewIndex(got)
	if p, ok := x.CategoryPath("2"); !ok || p.Pick(nil) != "Z/A2/B" {
		t.Errorf("path %v", p)
	}
	loop := feed.JoinDictionaries(&feed.Dictionaries{}, &feed.Dictionaries{Categories: []feed.Category{{ID: "1", Parent: "2"}, {ID: "2", Parent: "1"}}})
	if n := len(loop.Categories); n != 2 {
		t.Errorf("a loop of two gives %d categories", n)
	}
}
