package rules

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"feedmill/schema"
)

// generated is an invented offer of many products, made while it is read.
type generated struct {
	light    bool
	products int
	size     int // bytes of description
	next     int
	rest     []byte
	buf      bytes.Buffer
	each     func() // called for every thousandth product
}

func (g *generated) Read(p []byte) (int, error) {
	for len(g.rest) == 0 {
		g.buf.Reset()
		switch i := g.next; {
		case i == 0:
			g.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="` + extensionSpace + `" file_format="IOF" version="3.0" extensions="yes" generated="2026-03-02 01:00:00" expires="2026-03-03 01:00:00">
 <products currency="PLN" language="pol">
`)
		case i <= g.products:
			if g.each != nil && i%1000 == 0 {
				g.each()
			}
			g.product(i)
		case i == g.products+1:
			g.buf.WriteString(" </products>\n</offer>\n")
		default:
			return 0, io.EOF
		}
		g.next++
		g.rest = g.buf.Bytes()
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func (g *generated) product(i int) {
	b := &g.buf
	if g.light {
		fmt.Fprintf(b, "<product id=\"%d\" vat=\"23.0\"><price gross=\"12.30\" net=\"10.00\"/><sizes>", i)
	} else {
		fmt.Fprintf(b, `<product id="%d" currency="PLN" producer_code_standard="OTHER" type="regular" vat="23.0">
<producer id="1" name="Wierzbowa"/><category id="1" xml:lang="pol" name="Kuchnia"/><unit id="0" xml:lang="pol" name="szt."/><card url="https://shop.example.com/p/%d.html"/>
<description><name xml:lang="pol"><![CDATA[Deska %d]]></name><long_desc xml:lang="pol"><![CDATA[%s]]></long_desc></description>
<price gross="12.30" net="10.00"/><sizes iaiext:group_id="-1">`, i, i, i, strings.Repeat(`<p class="a">Gładka, <b>olejowana</b>.</p> `, g.size/40+1))
	}
	for s := range 3 {
		extra := ""
		if !g.light {
			extra = ` available_stock_quantity="7" stock_quantity="7"`
		}
		fmt.Fprintf(b, `<size id="%d" name="%d" panel_name="%d" code="%d-%d" code_producer="K%d" weight="420"><price gross="12.30" net="10.00"/><stock id="1" quantity="7"%s/></size>
`, s, s, s, i, s, i, extra)
	}
	b.WriteString("</sizes></product>\n")
}

// many makes a family of a full and a light of so many products.
func many(products int, each func()) Family {
	open := func(light bool) func(context.Context) (io.ReadCloser, error) {
		return func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(&generated{light: light, products: products, size: 200, each: each}), nil
		}
	}
	return Family{Files: []File{{Name: full, Kind: schema.Full, Open: open(false)}, {Name: light, Kind: schema.Light, Open: open(true)}}}
}

func TestMemoryIsBounded(t *testing.T) {
	// Not parallel: it looks at the memory of the process.
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	rep := check(t, many(15_000, func() {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc)
	}), Options{})
	if !rep.Valid() || len(rep.Findings) != 0 {
		t.Errorf("got findings, want none:%s", listing(rep))
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB, want less than 64", grown>>20)
	}

	// With a small budget the check says so, and invents nothing.
	rep = check(t, many(15_000, nil), Options{Memory: 1 << 20})
	if got := codes(rep); len(got) != 1 || got[0] != codeCheckPartial {
		t.Errorf("got %v, want %s alone:%s", got, codeCheckPartial, listing(rep))
	}
}

// The limits are judged by the numbers that the reading gave, so that the
// test need not read so much.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes, elements, products int64
		want                      string
	}{
		{largeBytes, largeElements, largeProducts, ""}, {largeBytes + 1, 1, 1, "200 MB"},
		{1, largeElements + 1, 1, "2000001 elements"}, {1, 1, largeProducts + 1, "200001 products"},
	} {
		c := &checker{opt: Options{PerRule: 5}, mem: budget{1 << 20}, rules: index()}
		c.x = c.newOffer()
		p := c.newPass(&member{File: &File{Name: light}, kind: schema.Light})
		p.products = tt.products
		p.finish(schema.Report{Bytes: tt.bytes, Elements: tt.elements}, false)
		got := ""
		for _, f := range p.sheet.kept {
			if f.Code == codeFileLarge {
				got = f.Message
			}
		}
		if got == "" != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%d bytes, %d elements, %d products: got %q, want %q", tt.bytes, tt.elements, tt.products, got, tt.want)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	doc, err := io.ReadAll(&generated{products: 5000, size: 1200})
	if err != nil {
		b.Fatal(err)
	}
	fam := Family{Files: []File{{Name: full, Kind: schema.Full, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(doc)), nil
	}}}}
	for name, only := range map[string]bool{"rules": false, "schema": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				rep, err := Check(context.Background(), fam, Options{SchemaOnly: only})
				if err != nil || !rep.Valid() {
					b.Fatal(err, rep.Findings)
				}
			}
		})
	}
}
