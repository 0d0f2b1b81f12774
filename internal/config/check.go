package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"feedmill/feed"
)

// settingsText is the text of a settings file that has been read: where its keys
// stand, so that every complaint about one can say it.
type settingsText struct {
	// data is the text without a byte order mark, which editors of Windows write.
	data []byte
	// raw are its values as TOML has them.
	raw map[string]any
	// keys and values are places by path, as [below] writes paths.
	keys, values map[string]place
}

// place is where something stands, both counted from 1; the column in bytes.
type place struct{ line, column int }

func (p place) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

// below gives the path of a key in a table. The keys of discounts are names that
// people give things, and stand in quotes.
func below(path, key string) string {
	switch path {
	case "":
		return key
	case "discount.category", "discount.producer", "discount.product":
		return path + "." + strconv.Quote(key)
	}
	return path + "." + key
}

// at gives the path of an element of a list.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// readText reads the text of a settings file and says where it is no TOML.
func readText(data []byte) (*settingsText, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("it is written in UTF-16: save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	t := &settingsText{data: data, keys: map[string]place{}, values: map[string]place{}}
	var decode *toml.DecodeError
	if err := toml.Unmarshal(data, &t.raw); errors.As(err, &decode) {
		row, col := decode.Position()
		return nil, fmt.Errorf("%s: %s", place{row, col}, strings.TrimPrefix(decode.Error(), "toml: "))
	} else if err != nil {
		return nil, err
	}
	t.locate(data)
	return t, nil
}

// locate finds where everything stands.
func (t *settingsText) locate(data []byte) {
	var p unstable.Parser
	p.Reset(data)
	where := func(offset int) place {
		before := string(data[:offset])
		return place{strings.Count(before, "\n") + 1, offset - strings.LastIndexByte(before, '\n')}
	}
	note := func(m map[string]place, path string, offset int) {
		if _, ok := m[path]; !ok {
			m[path] = where(offset)
		}
	}
	// walk notes the keys from a table on, and gives the path that they lead to.
	walk := func(table string, keys unstable.Iterator) (path string, end int) {
		path = table
		for keys.Next() {
			k := keys.Node()
			path = below(path, string(k.Data))
			note(t.keys, path, int(k.Raw.Offset))
			end = int(k.Raw.Offset + k.Raw.Length)
		}
		return path, end
	}
	var value func(path string, n *unstable.Node, offset int)
	value = func(path string, n *unstable.Node, offset int) {
		if n.Raw.Length > 0 {
			offset = int(n.Raw.Offset)
		}
		note(t.values, path, offset)
		switch n.Kind {
		case unstable.Array:
			for i, it := 0, n.Children(); it.Next(); i++ {
				value(at(path, i), it.Node(), offset)
			}
		case unstable.InlineTable:
			for it := n.Children(); it.Next(); {
				kv := it.Node()
				inner, end := walk(path, kv.Key())
				value(inner, kv.Value(), afterEquals(data, end))
			}
		}
	}
	table, lists := "", map[string]int{}
	for p.NextExpression() {
		n := p.Expression()
		switch n.Kind {
		case unstable.Table, unstable.ArrayTable:
			keys, last := n.Key(), 0
			table = ""
			for keys.Next() {
				k := keys.Node()
				table = below(table, string(k.Data))
				last = int(k.Raw.Offset)
				note(t.keys, table, last)
				if count, ok := lists[table]; ok && (n.Kind == unstable.Table || !keys.IsLast()) {
					table = at(table, count-1)
				}
			}
			if n.Kind == unstable.ArrayTable {
				lists[table]++
				table = at(table, lists[table]-1)
				note(t.keys, table, last)
			}
			note(t.values, table, last)
		case unstable.KeyValue:
			path, end := walk(table, n.Key())
			value(path, n.Value(), afterEquals(data, end))
		}
	}
}

// afterEquals gives where the value of a key begins that ends at an offset.
func afterEquals(data []byte, end int) int {
	rest := string(data[end:])
	i := strings.IndexByte(rest, '=')
	return end + i + 1 + len(rest[i+1:]) - len(strings.TrimLeft(rest[i+1:], " \t"))
}

// wrong gives an error about the value of a path.
func (t *settingsText) wrong(path string, err error) error {
	for p := path; p != ""; p = upwards(p) {
		if at, ok := t.values[p]; ok {
			return fmt.Errorf("%s: %s: %w", at, path, err)
		}
		if at, ok := t.keys[p]; ok {
			return fmt.Errorf("%s: %s: %w", at, path, err)
		}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// upwards gives the path of what a thing stands in.
func upwards(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// span is a length of time, which a file writes as text.
var span = reflect.TypeFor[time.Duration]()

// check holds the text against a struct with the keys that it may have, and
// tells everything that is wrong at once.
func (t *settingsText) check(want reflect.Type) error {
	var errs []error
	t.table("", t.raw, want, &errs)
	return errors.Join(errs...)
}

// table checks the keys of a table.
func (t *settingsText) table(path string, have map[string]any, want reflect.Type, errs *[]error) {
	fields := map[string]reflect.StructField{}
	for f := range want.Fields() {
		fields[f.Tag.Get("toml")] = f
	}
	for _, key := range t.inOrder(path, have) {
		p := below(path, key)
		f, ok := fields[key]
		if !ok {
			err := fmt.Errorf("%s: unknown key %s", t.keys[p], p)
			if near := feed.Nearest(key, maps.Keys(fields)); near != "" {
				err = fmt.Errorf("%w, did you mean %s?", err, near)
			}
			*errs = append(*errs, err)
			continue
		}
		t.value(p, have[key], f.Type, f.Tag.Get("enum"), errs)
	}
}

// inOrder gives keys of a table as they follow each other in the file.
func (t *settingsText) inOrder(path string, have map[string]any) []string {
	return slices.SortedFunc(maps.Keys(have), func(a, b string) int {
		x, y := t.keys[below(path, a)], t.keys[below(path, b)]
		if x.line != y.line {
			return x.line - y.line
		}
		if x.column != y.column {
			return x.column - y.column
		}
		return strings.Compare(a, b)
	})
}

// value checks one value; enum lists the words that it may be, "" for all.
func (t *settingsText) value(path string, have any, want reflect.Type, enum string, errs *[]error) {
	bad := func(what string) {
		*errs = append(*errs, t.wrong(path, fmt.Errorf("got %s, want %s", told(have), what)))
	}
	if want == span {
		s, ok := have.(string)
		if _, err := time.ParseDuration(s); !ok || err != nil {
			bad(`a length of time in quotes, such as "90s", "30m" or "24h"`)
		}
		return
	}
	switch want.Kind() {
	case reflect.Pointer:
		t.value(path, have, want.Elem(), enum, errs)
	case reflect.Interface: // a number, with or without quotes
		switch have.(type) {
		case string, int64, float64:
		default:
			bad("a number")
		}
	case reflect.String:
		s, ok := have.(string)
		switch words := strings.Split(enum, ","); {
		case !ok && enum == "":
			bad("text in quotes")
		case enum != "" && (!ok || !slices.Contains(words, s)):
			bad(`one of "` + strings.Join(words, `", "`) + `"`)
		}
	case reflect.Bool:
		if _, ok := have.(bool); !ok {
			bad("true or false")
		}
	case reflect.Int32, reflect.Int, reflect.Int64:
		n, ok := have.(int64)
		switch {
		case !ok:
			bad("a whole number")
		case want.Kind() == reflect.Int32 && (n < math.MinInt32 || n > math.MaxInt32):
			bad("a whole number up to 2147483647")
		}
	case reflect.Slice:
		list, ok := have.([]any)
		if !ok {
			switch {
			case want.Elem().Kind() == reflect.Struct:
				bad("tables of their own, each under [[" + path + "]]")
			case want.Elem().Kind() == reflect.String:
				bad(`a list of texts, such as ["pol", "eng"]`)
			default:
				bad("a list of whole numbers, such as [1, 2]")
			}
			return
		}
		for i := range list {
			t.value(at(path, i), list[i], want.Elem(), "", errs)
		}
	case reflect.Map, reflect.Struct:
		table, ok := have.(map[string]any)
		switch {
		case !ok:
			bad("a table of keys, under [" + path + "]")
		case want.Kind() == reflect.Struct:
			t.table(path, table, want, errs)
		default:
			for _, key := range t.inOrder(path, table) {
				t.value(below(path, key), table[key], want.Elem(), "", errs)
			}
		}
	}
}

// told names a value by what it is.
func told(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %.60q", v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return "the whole number " + strconv.FormatInt(v, 10)
	case float64:
		return "the number " + strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		return "a list"
	case map[string]any:
		return "a table of keys"
	}
	return fmt.Sprintf("the date or time %.60v", v)
}

// decodeStrict decodes TOML into the struct that v points to. It refuses keys that the
// struct does not have and values of another kind than it wants, and tells all of
// them, each with line and column.
func decodeStrict(data []byte, v any) (*settingsText, error) {
	t, err := readText(data)
	if err == nil {
		err = t.check(reflect.TypeOf(v).Elem())
	}
	if err != nil {
		return nil, err
	}
	return t, toml.Unmarshal(t.data, v)
}

// inFile says of each mistake in which file it is.
func inFile(file string, err error) error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", file, err)
	}
	var errs []error
	for _, e := range several.Unwrap() {
		errs = append(errs, inFile(file, e))
	}
	return errors.Join(errs...)
}
