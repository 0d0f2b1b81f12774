package iof_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// eachText calls visit with every string of v.
func eachText(v reflect.Value, visit func(string)) {
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachText(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), visit)
		}
	}
}

// FuzzRead reads anything as an offer, as a light file and as dictionaries:
// nothing panics, and what is yielded keeps the promises of a product.
func FuzzRead(f *testing.F) {
	old, err := os.ReadFile(filepath.Join("testdata", "read", "old.xml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old)
	f.Add([]byte(offerStart + `<product id="1" vat="23"><price net="1"/><sizes><size id="0" code="a"><stock id="1" quantity="-1"/></size></sizes></product></products></offer>`))
	f.Add([]byte(`<categories language="pol"><category id="1" name="A"><name xml:lang="eng">B</name><category id="2"/></category></categories>`))
	f.Add([]byte(`<parameters><values><value id="1" name="v"><icons><card url="u"/></icons></value></values></parameters>`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, doc []byte) {
		opt := iof.ReadOptions{ProductBytes: 1 << 20, ProductElements: 1000, Report: func(line int, product, field, message string, level iof.Level) {
			if line < 0 || field == "" || message == "" {
				t.Errorf("report %d %q %q %q", line, product, field, message)
			}
		}}
		r := iof.NewReader(bytes.NewReader(doc), opt)
		for p, err := range r.Products(context.Background()) {
			if err != nil {
				if feed.KindOf(err) != feed.KindInvalid {
					t.Errorf("%v is no error of the file", err)
				}
				break
			}
			if p.ID < 1 || p.ID > feed.MaxProductID {
				t.Errorf("product id %d", p.ID)
			}
			for i := range p.Sizes {
				if p.Sizes[i].Code == "" {
					t.Error("a size without a code")
				}
			}
			eachText(reflect.ValueOf(p), func(s string) {
				if !feed.IsClean(s) {
					t.Errorf("%q is not clean", s)
				}
			})
			for _, e := range p.Extensions {
				if !strings.HasPrefix(e.XML, "<iaiext:"+e.Name) {
					t.Errorf("extension %q of name %q", e.XML, e.Name)
				}
				// What is kept verbatim is well-formed where it will stand.
				for _, err := range iof.NewReader(offer(`<product id="1">`+e.XML+`</product>`), iof.ReadOptions{}).Products(context.Background()) {
					if err != nil {
						t.Errorf("extension %q: %v", e.XML, err)
					}
				}
			}
		}
		if l, err := iof.OpenLight(context.Background(), bytes.NewReader(doc), dir, opt); err == nil {
			l.IDs(func(id feed.ProductID) bool {
				p := feed.Product{ID: id, Currency: l.Header().Currency}
				if _, err := l.Apply(&p); err != nil && feed.KindOf(err) == feed.KindInternal {
					t.Errorf("look up %d: %v", id, err)
				}
				return true
			})
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		for _, kind := range feed.DictionaryKinds() {
			var d feed.Dictionaries
			if iof.ReadDictionary(bytes.NewReader(doc), kind, &d) == nil {
				feed.NewIndex(&d)
				eachText(reflect.ValueOf(&d), func(s string) {
					if !feed.IsClean(s) {
						t.Errorf("%q is not clean", s)
					}
				})
			}
		}
	})
}
