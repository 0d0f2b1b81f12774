package schema

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
)

// offerReader is an invented offer of products, made while it is read, so
// that tests can be as long as they like without holding it.
type offerReader struct {
	products int
	next     int
	rest     []byte
	buf      bytes.Buffer
}

const offerHead = `<?xml version="1.0" encoding="UTF-8"?>
<offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes" generated="2026-03-02 01:10:00">
 <products currency="PLN" language="pol">
`

func (o *offerReader) Read(p []byte) (int, error) {
	for len(o.rest) == 0 {
		o.buf.Reset()
		switch i := o.next; {
		case i == 0:
			o.buf.WriteString(offerHead)
		case i <= o.products:
			writeProduct(&o.buf, i)
		case i == o.products+1:
			o.buf.WriteString(" </products>\n</offer>\n")
		default:
			return 0, io.EOF
		}
		o.next++
		o.rest = o.buf.Bytes()
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

func writeProduct(b *bytes.Buffer, i int) {
	fmt.Fprintf(b, `  <product id="%d" currency="PLN" code_on_card="TR-%d" producer_code_standard="GTIN13" type="regular" vat="23.0" site="1">
   <producer id="%d" name="Brzozowy Gaj"/>
   <category id="%d" xml:lang="pol" name="Dom/Łazienka &amp; kuchnia"/>
   <unit id="0" xml:lang="pol" name="szt."/>
   <card url="https://shop.example.com/pl/products/recznik-lniany-%d.html"/>
   <description>
    <name xml:lang="pol"><![CDATA[Ręcznik lniany %d]]></name>
    <name xml:lang="eng"><![CDATA[Linen towel %d]]></name>
    <long_desc xml:lang="pol"><![CDATA[<p>Gęsto tkany len, pierze się w 60 stopniach.</p><ul><li>miękki</li><li>szybko schnie</li></ul>]]></long_desc>
   </description>
   <price gross="%d.60" net="%d.22"/>
   <srp gross="%d.00" net="%d.00"/>
   <sizes iaiext:group_name="Jeden rozmiar" iaiext:group_id="-1">
`, i, i, i%50, i%200, i, i, i, i%900, i%700, i%990, i%800)
	for s := range 3 {
		fmt.Fprintf(b, `    <size id="%d" name="S%d" panel_name="s%d" code="%d-%d" code_producer="59000000%05d" iaiext:code_external="TR%d" weight="420">
     <price gross="%d.60" net="%d.22"/>
     <stock id="1" quantity="%d" available_stock_quantity="%d" stock_quantity="%d.000"/>
    </size>
`, s, s, s, i, s, i%100000, i, i%900, i%700, i%40, i%40, i%40)
	}
	fmt.Fprintf(b, `   </sizes>
   <images>
    <large>
     <image iaiext:priority="1" url="https://shop.example.com/data/gfx/%d_1.jpg" hash="5cc2f0c172881899a70e1a3a0086c78f" changed="2026-01-20 20:50:23" width="4000" height="2667"/>
    </large>
   </images>
   <parameters>
    <parameter type="parameter" id="128" priority="9" distinction="n" group_distinction="y" hide="n" context_id="CONTEXT_COLOR" name="Kolor">
     <value id="355" priority="0" name="niebieski"/>
    </parameter>
   </parameters>
  </product>
`, i)
}

func BenchmarkValidate(b *testing.B) {
	doc, err := io.ReadAll(&offerReader{products: 10000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		rep, err := Validate(context.Background(), bytes.NewReader(doc), "full.xml", Options{})
		if err != nil || !rep.Valid() {
			b.Fatal(err, rep.Findings)
		}
	}
}
