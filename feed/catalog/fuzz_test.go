package catalog_test

import (
	"bytes"
	"os"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// Whatever a file holds, opening and reading it ends, with products that keep
// the rules or with an error that says whose fault it is.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"sample.jsonl", "own.csv", "shopify-old.csv", "shopify-new.csv", "offer-full.xml", "offer-light.xml", "offer-categories.xml"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(packed(f, line(""))))
	f.Add([]byte("\xff\xfei\x00d\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		opt := polish()
		opt.Stdin = bytes.NewReader(data)
		opt.TempDir = t.TempDir()
		opt.Limits = catalog.Limits{Bytes: 1 << 22, Line: 1 << 18, Field: 1 << 16}
		s, err := catalog.Open([]string{"-"}, opt)
		if err != nil {
			return
		}
		defer s.Close()
		for p, err := range s.Products(t.Context()) {
			if err != nil {
				break
			}
			if p.ID < 1 || p.ID > feed.MaxProductID || len(p.Sizes) == 0 || p.Currency.IsZero() || p.Category.ID == "" {
				t.Fatalf("product %+v", p)
			}
			for _, text := range p.Names {
				if !feed.IsClean(text.Value) {
					t.Fatalf("name %q", text.Value)
				}
			}
		}
		for _, p := range s.Problems() {
			if p.File == "" || p.Message == "" {
				t.Fatalf("problem %+v", p)
			}
		}
		d := s.Dictionaries()
		feed.NewIndex(d)
	})
}
