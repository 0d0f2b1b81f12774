package xmltok

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"testing"
)

// feedLike writes an invented offer of n products: attribute-heavy, indented,
// texts in CDATA with some letters beyond ASCII.
func feedLike(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes">
 <products currency="PLN" language="pol">
`)
	for i := range n {
		fmt.Fprintf(&b, `  <product id="%d" currency="PLN" code_on_card="TR-%d" producer_code_standard="GTIN13" type="regular" vat="23.0" site="1">
   <producer id="%d" name="Brzozowy Gaj"/>
   <category id="%d" xml:lang="pol" name="Dom/Łazienka &amp; kuchnia"/>
   <unit id="0" xml:lang="pol" name="szt."/>
   <card url="https://shop.example.com/pl/products/recznik-lniany-%d.html"/>
   <description>
    <name xml:lang="pol"><![CDATA[Ręcznik lniany %d]]></name>
    <name xml:lang="eng"><![CDATA[Linen towel %d]]></name>
    <long_desc xml:lang="pol"><![CDATA[<p>Gęsto tkany len, pierze się w 60 stopniach. Zażółć gęślą jaźń.</p><ul><li>miękki</li><li>szybko schnie</li></ul>]]></long_desc>
   </description>
   <price gross="%d.60" net="%d.22"/>
   <sizes iaiext:group_name="Jeden rozmiar" iaiext:group_id="-1">
    <size id="uniw" name="uniw" panel_name="uniw" code="%d-uniw" code_producer="59000000%05d" iaiext:code_external="TR%d" weight="420">
     <price gross="%d.60" net="%d.22"/>
     <stock id="1" quantity="%d" available_stock_quantity="%d" stock_quantity="%d.000"/>
    </size>
   </sizes>
   <images>
    <large>
     <image iaiext:priority="1" url="https://shop.example.com/data/gfx/%d_1.jpg" hash="5cc2f0c172881899a70e1a3a0086c78f" changed="2026-01-20 20:50:23" width="4000" height="2667"/>
    </large>
   </images>
  </product>
`, i, i, i%50, i%200, i, i, i, i%900, i%700, i, i%100000, i, i%900, i%700, i%40, i%40, i%40, i)
	}
	b.WriteString(" </products>\n</offer>\n")
	return b.Bytes()
}

func drain(r *Reader) error {
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func BenchmarkReader(b *testing.B) {
	doc := feedLike(20000)
	r := NewReader(nil, Limits{})
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(bytes.NewReader(doc))
		if err := drain(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingXML is the yardstick.
func BenchmarkEncodingXML(b *testing.B) {
	doc := feedLike(2000)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		d := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
