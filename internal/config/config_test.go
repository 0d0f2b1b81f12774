package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/internal/config"
)

// everything sets every key of a profile file.
const everything = `
languages = ["pl", "eng"]
currency = "EUR"
base = "wholesale"
lead = "gross"
price_list = "B2B"
only_listed = true
site = 3
csv = true

[rates]
PLN = 0.2345
USD = "0.91"

[discount]
overall = 10
[discount.category]
"Rzeczy/Małe" = 12.5
[discount.producer]
"501" = "7"
[discount.product]
"101" = 100

[assortment]
only_in_stock = true
[[assortment.include]]
category = "21"
[[assortment.exclude]]
tag = "outlet"

[stock]
warehouses = [1, 2]
per_warehouse = true
buffer = 2
cap = 50
unlimited = -1

[dialect]
default_namespace = true
escaped_text = true
single_language = true
one_size_zero = true
swap_codes = true
no_bundles = true
full_without_stock = true
all_extensions = true
`

func TestProfileSetsEveryField(t *testing.T) {
	t.Parallel()
	p, err := config.ParseProfile([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		if v.IsZero() {
			t.Errorf("%s is not set by any key", name)
		}
		if v.Kind() == reflect.Struct && v.NumField() > 0 && v.Type().Field(0).IsExported() {
			for i := range v.NumField() {
				walk(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	walk("Profile", reflect.ValueOf(p))
	if got := p.Discounts.Categories[0].Percent.String(); got != "12.5" {
		t.Errorf("discount %s, want 12.5", got)
	}
	if got := p.Rates[0].Rate.String(); got != "0.2345" {
		t.Errorf("rate %s, want 0.2345", got)
	}
	if !p.Stock.Unlimited.Unlimited() || p.Stock.Cap.String() != "50" {
		t.Errorf("stock %+v", p.Stock)
	}
}

func TestEmptyProfileIsTheDefault(t *testing.T) {
	t.Parallel()
	p, err := config.ParseProfile(nil)
	if err != nil || !reflect.DeepEqual(p, feed.Profile{}) {
		t.Fatalf("the empty file gives %+v, %v", p, err)
	}
}

func TestBadProfiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"langages = []", `line 1, column 1: unknown key langages`},
		{"[dialect]\nescape = true", `line 2, column 1: unknown key dialect.escape`},
		{"languages = [", "line 1"},
		{`languages = ["xx"]`, `languages[0]: "xx" is not a language code`},
		{`currency = "zł"`, `currency: "zł" is not a currency code`},
		{`base = "list"`, `base: "list" is neither retail nor wholesale`},
		{`lead = "both"`, `lead: "both" is neither net nor gross`},
		{"[rates]\nEUR = 4", "exchange rates but no currency"},
		{"currency = \"PLN\"\n[rates]\nEUR = 0", "rates.EUR: \"0\" is no exchange rate"},
		{"currency = \"PLN\"\n[rates]\nPLN = 1", "rate from PLN to itself"},
		{"[discount]\noverall = 101", "discount.overall"},
		{"[discount]\noverall = -1", "discount.overall"},
		{"[discount.product]\nx = true", "discount.product.\"x\""},
		{"[[assortment.include]]\n", "assortment.include[0]: give exactly one of"},
		{"[[assortment.include]]\ntag = \"a\"\nproduct = \"b\"", "assortment.include[0]: give exactly one of"},
		{"[stock]\nwarehouses = [-1]", "stock.warehouses[0]: -1 is not a warehouse"},
		{"[stock]\ncap = -1", "finite"},
		{"[stock]\nbuffer = \"x\"", "stock.buffer"},
		{`languages = ["pol", "pl"]`, "listed twice"},
		{"csv = \"yes\"", "line 1"},
	} {
		if _, err := config.ParseProfile([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want it to tell %q", c.text, err, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "feedmill.toml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f, err := config.ReadFile(write("data = \"/srv\"\n[server]\nlisten = \"127.0.0.1:1\"\n[feeds]\nfull_every = \"1h\"\nmax_loss = 5\n"))
	if err != nil || f["server.listen"] != "127.0.0.1:1" || f["feeds.max_loss"] != int64(5) || f["data"] != "/srv" {
		t.Fatalf("read %v, %v", f, err)
	}
	for text, want := range map[string]string{
		"[server]\nlissen = \"x\"": "line 2, column 1: unknown key server.lissen",
		"data = 1":                 "line 1",
	} {
		path := write(text)
		if _, err := config.ReadFile(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want the file and %q", text, err, want)
		}
	}
}

// The file form and the typed struct hold the same keys.
func TestEverySettingCanStandInAFile(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	table := ""
	for _, s := range (&config.Config{}).Settings() {
		if s.Help == "" || s.Key == "" {
			t.Errorf("setting %+v has no key or no help", s)
		}
		key := s.Key
		if tab, k, ok := strings.Cut(s.Key, "."); ok {
			if tab != table {
				b.WriteString("[" + tab + "]\n")
				table = tab
			}
			key = k
		}
		s.Value = s.Default
		b.WriteString(key + " = " + s.TOML() + "\n")
	}
	path := filepath.Join(t.TempDir(), "all.toml")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := config.ReadFile(path); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
}

func TestReadSupplier(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.toml")
	if err := os.WriteFile(path, []byte("name = \"Żółw \\u0007 sp. z o.o.\"\ncity = \"Łódź\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := config.ReadSupplier(path)
	if err != nil || s.Name != "Żółw  sp. z o.o." || s.City != "Łódź" {
		t.Fatalf("%+v, %v", s, err)
	}
}

func ExampleParseProfile() {
	p, err := config.ParseProfile([]byte("currency = \"PLN\"\n[discount]\noverall = 10\n"))
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(p.Discounts.Overall.String() + " %\n")
	// Output: 10.0 %
}
