package rules

import (
	"bytes"
	"context"
	"testing"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// FuzzCheck judges arbitrary bytes as a file of any kind, alone and in the
// place of its kind in the sample family: no panic, no unbounded report, and
// the same verdict twice.
func FuzzCheck(f *testing.F) {
	files := sample(f)
	for name, data := range files {
		f.Add(data, name)
	}
	f.Add([]byte(bom+"<offer/>"), "light.xml")
	f.Add([]byte("\x1f\x8b"), "full.xml")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		if len(data) > 1<<16 || len(name) > 200 {
			t.Skip("long inputs add time and nothing else")
		}
		opt := Options{Now: noon, Memory: 1 << 20, Limits: xmltok.Limits{Bytes: 1 << 20}}
		kind := schema.DetectKind(name, data)
		for range 2 {
			alone := Stream(name, bytes.NewReader(data))
			rep, err := Check(context.Background(), alone, opt)
			if err != nil {
				return // damaged gzip
			}
			judge(t, rep)
		}
		if kind == "" {
			return
		}
		family := map[string][]byte{}
		for n, d := range files {
			if schema.DetectKind(n, d) != kind {
				family[n] = d
			}
		}
		family[name] = data
		fam := memory(family)
		first, err := Check(context.Background(), fam, opt)
		if err != nil {
			return
		}
		judge(t, first)
		second, err := Check(context.Background(), fam, opt)
		if err != nil {
			t.Fatalf("the second check failed: %v", err)
		}
		if a, b := listing(first), listing(second); a != b {
			t.Fatalf("two checks differ:%s\nand%s", a, b)
		}
	})
}

func judge(t *testing.T, rep Report) {
	for _, f := range rep.Findings {
		if _, ok := Lookup(f.Code); !ok || f.Message == "" || f.Path == "" {
			t.Fatalf("got a finding without rule, message or path: %+v", f)
		}
	}
	if rep.Valid() != (rep.Total(LevelError) == 0) || len(rep.Findings) > defaultMost {
		t.Fatalf("got %d findings, valid %v", len(rep.Findings), rep.Valid())
	}
}
