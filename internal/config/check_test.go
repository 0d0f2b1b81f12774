package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"feedmill/internal/config"
)

// wrongValues are one of each kind of value that TOML has, with what it is told to be.
func wrongValues() map[string]struct{ toml, told string } {
	return map[string]struct{ toml, told string }{
		"text":   {`"no such thing"`, `the text "no such thing"`},
		"whole":  {"17", "the whole number 17"},
		"number": {"1.5", "the number 1.5"},
		"bool":   {"true", "got true"},
		"list":   {"[[[]]]", "a list"},
		"table":  {"{zz = 1}", "a table of keys"},
		"date":   {"2020-01-02", "the date or time 2020-01-02"},
	}
}

// goType is what no message for people may hold.
var goType = regexp.MustCompile(`struct|config\.|interface|map\[|int32|int64|\[\]|decode|bool\b|reflect`)

// mistake holds a complaint against what it must tell.
func mistake(t *testing.T, key, place string, err error, told string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: %s is taken", key, told)
	case goType.MatchString(err.Error()):
		t.Errorf("%s: %v speaks of types of the program", key, err)
	case !strings.Contains(err.Error(), place+": "+key+": got ") && !strings.Contains(err.Error(), place+": "+key+"[0]: got "), !strings.Contains(err.Error(), ", want "):
		t.Errorf("%s: got %q, want it to tell %q, the key and what is wanted", key, err, place)
	case !strings.Contains(err.Error(), told) && !strings.Contains(err.Error(), "got a list"):
		t.Errorf("%s: got %q, want it to tell %q", key, err, told)
	}
}

// Every key of the server's settings with every kind of value that it does not take.
func TestEverySettingRefusesOtherKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := 0
	var walk func(table string, typ reflect.Type)
	walk = func(table string, typ reflect.Type) {
		for f := range typ.Fields() {
			key := f.Tag.Get("toml")
			takes := "" // lengths of time and words of a choice: none of these
			switch {
			case f.Type == reflect.TypeFor[time.Duration](), f.Tag.Get("enum") != "":
			case f.Type.Kind() == reflect.Struct:
				walk(key, f.Type)
			case f.Type.Kind() == reflect.String:
				takes = "text"
			case f.Type.Kind() == reflect.Bool:
				takes = "bool"
			default:
				takes = "whole"
			}
			for kind, v := range wrongValues() {
				if takes == kind || f.Type.Kind() == reflect.Struct && kind == "table" {
					continue
				}
				keys++
				text, full, place := fmt.Sprintf("# a comment\n  %s =  %s\n", key, v.toml), key, fmt.Sprintf("line 2, column %d", 2+len(key)+5)
				if table != "" {
					text, full, place = fmt.Sprintf("[%s]\n%s = %s\n", table, key, v.toml), table+"."+key, fmt.Sprintf("line 2, column %d", len(key)+4)
				}
				path := filepath.Join(dir, "settings.toml")
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				_, err := config.ReadFile(path)
				mistake(t, full, path+": "+place, err, v.told)
			}
		}
	}
	walk("", reflect.TypeFor[config.Config]())
	if keys < 300 {
		t.Errorf("only %d mistakes were tried", keys)
	}
}

// Every key of a profile with every kind of value that it does not take.
func TestEveryKeyOfAProfileRefusesOtherKinds(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	var walk func(path []string, typ reflect.Type)
	try := func(path []string, takes string) {
		key := strings.Join(path, ".")
		tried[key] = true
		for kind, v := range wrongValues() {
			if strings.Contains(takes, kind) {
				continue
			}
			last := len(path) - 1
			text, shown, line := fmt.Sprintf("%s = %s\n", path[last], v.toml), key, 1
			switch {
			case last > 0 && path[1] == "include" || last > 0 && path[1] == "exclude":
				if last == 2 {
					text, shown, line = fmt.Sprintf("[[%s]]\n%s", strings.Join(path[:last], "."), text), path[0]+"."+path[1]+"[0]."+path[2], 2
				} else {
					text, line = fmt.Sprintf("[%s]\n%s", path[0], text), 2
				}
			case last > 0:
				text, line = fmt.Sprintf("[%s]\n%s", strings.Join(path[:last], "."), text), 2
				if path[0] == "discount" && last == 2 {
					shown = strings.Join(path[:2], ".") + `."` + path[2] + `"`
				}
			}
			_, err := config.ParseProfile([]byte(text))
			mistake(t, shown, fmt.Sprintf("line %d, column %d", line, len(path[last])+4), err, v.told)
		}
	}
	walk = func(path []string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Struct:
			if len(path) > 0 {
				try(path, "table")
			}
			for f := range typ.Fields() {
				walk(append(append([]string(nil), path...), f.Tag.Get("toml")), f.Type)
			}
		case reflect.Pointer:
			walk(path, typ.Elem())
		case reflect.Map:
			try(path, "table")
			walk(append(append([]string(nil), path...), "ANY"), typ.Elem())
		case reflect.Slice:
			try(path, "-")
			if typ.Elem().Kind() == reflect.Struct {
				for f := range typ.Elem().Fields() {
					walk(append(append([]string(nil), path...), f.Tag.Get("toml")), f.Type)
				}
			}
		case reflect.Interface:
			try(path, "text whole number")
		case reflect.String:
			try(path, "text")
		case reflect.Bool:
			try(path, "bool")
		default:
			try(path, "whole")
		}
	}
	walk(nil, config.ProfileForm())
	for _, key := range []string{"csv", "languages", "stock", "stock.warehouses", "discount.product.ANY", "assortment.include.tag", "dialect.all_extensions", "rates.ANY"} {
		if !tried[key] {
			t.Errorf("%s was not tried: %v", key, tried)
		}
	}
}

// What is wrong in several places is told at once, each with its place.
func TestAllMistakesAreTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.toml")
	text := strings.Join([]string{
		`csv = 1`, `langages = ["pol"]`, `languages = [`, `  "pol",`, `  5 ]`, `[stock]`, `warehouses = [1, "b", 99999999999]`, `[[assortment.exclude]]`, `tag = "a"`,
		`[[assortment.exclude]]`, `tagg = "a"`, `[discount.product]`, `"a.b" = [1]`, `[dialect]`, `escaped_text = "yes"`,
	}, "\n")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := config.ReadProfile(path)
	if err == nil {
		t.Fatal("a profile full of mistakes is read")
	}
	want := []string{
		`line 1, column 7: csv: got the whole number 1, want true or false`,
		`line 2, column 1: unknown key langages, did you mean languages?`,
		`line 5, column 3: languages[1]: got the whole number 5, want text in quotes`,
		`line 7, column 18: stock.warehouses[1]: got the text "b", want a whole number`,
		`line 7, column 23: stock.warehouses[2]: got the whole number 99999999999, want a whole number up to 2147483647`,
		`line 11, column 1: unknown key assortment.exclude[1].tagg, did you mean tag?`,
		`line 13, column 9: discount.product."a.b": got a list, want a number`,
		`line 15, column 16: dialect.escaped_text: got the text "yes", want true or false`,
	}
	for i := range want {
		want[i] = "profile " + path + ": " + want[i]
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	// A value of the right kind that means nothing has a place too.
	for text, want := range map[string]string{
		"\n\nlanguages = [\"pol\",\n\"xx\"]":                                "line 4, column 1: languages[1]:",
		"currency = \"PLN\"\n[rates]\nEUR = 1\nUSD = 0":                     "line 4, column 7: rates.USD:",
		"[discount]\nproduct = {\"a\" = 5, \"b\" = 500}":                    `line 2, column 27: discount.product."b":`,
		"[[assortment.include]]\ntag = \"a\"\n[[assortment.include]]\n# no": "line 3, column 14: assortment.include[1]:",
		"stock.cap = \"x\"": "line 1, column 13: stock.cap:",
	} {
		if _, err := config.ParseProfile([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// Editors of Windows write a byte order mark, which is no mistake, and some write
// UTF-16, which is one.
func TestFilesOfOtherEditors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.toml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeffserver.listen = \"127.0.0.1:1\"\r\n")
	if f, err := config.ReadFile(path); err != nil || f["server.listen"] != "127.0.0.1:1" {
		t.Errorf("got %v, %v", f, err)
	}
	write("\ufeffcurrency = \"EUR\"\r\n")
	if p, err := config.ReadProfile(path); err != nil || p.Currency.String() != "EUR" {
		t.Errorf("got a profile in %v, %v", p.Currency, err)
	}
	write("\ufeffcurency = \"EUR\"")
	if _, err := config.ReadProfile(path); err == nil || !strings.Contains(err.Error(), "line 1, column 1: unknown key curency") {
		t.Errorf("got %v", err)
	}
	write("\xff\xfec\x00")
	if _, err := config.ReadProfile(path); err == nil || !strings.Contains(err.Error(), path+": it is written in UTF-16: save it as UTF-8") {
		t.Errorf("got %v", err)
	}
}

// A supplier's file is held to the same.
func TestSupplierRefusesOtherKinds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.toml")
	if err := os.WriteFile(path, []byte("name = 5\ncty = \"Łódź\"\nphone = [1]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := config.ReadSupplier(path)
	want := fmt.Sprintf("supplier %[1]s: line 1, column 8: name: got the whole number 5, want text in quotes\nsupplier %[1]s: line 2, column 1: unknown key cty, did you mean city?\nsupplier %[1]s: line 3, column 9: phone: got a list, want text in quotes", path)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// FuzzParseProfile reads anything without falling over, and never speaks of types.
func FuzzParseProfile(f *testing.F) {
	for _, s := range []string{everything, "csv = 1", "[[a]]\n[a.b]\nc=1", "a = [{b=1},{b=[2,{c=3}]}]\n[a]", "\"\" = 1", "a.\"b.c\" = '''\nx'''", "[[assortment.include]]\n[assortment.include.x]\ny=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := config.ParseProfile([]byte(text)); err != nil && strings.Contains(err.Error(), "struct ") && !strings.Contains(text, "struct ") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
