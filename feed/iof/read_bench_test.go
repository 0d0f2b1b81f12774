package iof_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// repeated is a reader of an offer of n products that exists nowhere whole.
type repeated struct {
	node  []byte // with the id 00000000 to be replaced
	n, at int
	buf   []byte
	state int
}

func newRepeated(node string, n int) *repeated {
	return &repeated{node: []byte(node), n: n, buf: []byte(offerStart)}
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.buf) == 0 {
		switch {
		case r.at < r.n:
			r.at++
			r.buf = append(r.buf[:0], r.node...)
			copy(r.buf[bytes.Index(r.buf, []byte("10000000")):], fmt.Sprint(10000000+r.at*7919%10000000))
		case r.state == 0:
			r.state = 1
			r.buf = append(r.buf[:0], "</products></offer>"...)
		default:
			return 0, io.EOF
		}
	}
	n := copy(b, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// typicalNode is a full product of about five kilobytes.
func typicalNode() string {
	var b strings.Builder
	b.WriteString(`<product id="10000000" currency="PLN" code_on_card="GR28" producer_code_standard="GTIN13" type="regular" vat="23.0" site="1"><producer id="501" name="Granit"/><category id="21" xml:lang="pol" name="Turystyka/Plecaki"/><unit id="0" xml:lang="pol" name="szt."/><card url="https://shop.example.com/p.html"/><description>`)
	for _, l := range []string{"pol", "eng", "ger"} {
		fmt.Fprintf(&b, `<name xml:lang="%s"><![CDATA[Plecak Granit 28]]></name><long_desc xml:lang="%[1]s"><![CDATA[%s]]></long_desc>`, l, strings.Repeat("<p>Pojemność 28&nbsp;l, pokrowiec.</p>", 10))
	}
	b.WriteString(`</description><price gross="246.00" net="200.00"/><srp gross="299.00" net="243.09"/><sizes iaiext:group_id="1" iaiext:group_name="Ubrania">`)
	for i := range 6 {
		fmt.Fprintf(&b, `<size id="%d" name="XL" panel_name="xl" code="10000000-%[1]d" code_producer="5900000000015" iaiext:code_external="GR28" weight="870"><price gross="246.00" net="200.00"/><stock id="1" quantity="12" available_stock_quantity="12" stock_quantity="14"/></size>`, i)
	}
	b.WriteString(`</sizes><images><large>`)
	for i := range 5 {
		fmt.Fprintf(&b, `<image iaiext:priority="%d" url="https://shop.example.com/i%[1]d.jpg" hash="2a40f8a080f51fac2b5e168f7c1d45e5" changed="2026-02-20 10:15:00" width="1600" height="1200"/>`, i+1)
	}
	b.WriteString(`</large></images><parameters>`)
	for i := range 12 {
		fmt.Fprintf(&b, `<parameter type="parameter" id="%d" xml:lang="pol" name="Kolor" priority="1" distinction="y"><value id="71" xml:lang="pol" name="niebieski" priority="0"/></parameter>`, 100+i)
	}
	b.WriteString("</parameters></product>\n")
	return b.String()
}

// TestReadMemory reads a file much larger than what may be held of it.
func TestReadMemory(t *testing.T) {
	node := typicalNode()
	const products = 4000 // more than 20 MB
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, uint64(0)
	for _, err := range iof.NewReader(newRepeated(node, products), iof.ReadOptions{}).Products(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	if n != products {
		t.Errorf("%d products, want %d", n, products)
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("reading %d MB held %d MB", len(node)*products>>20, grown>>20)
	}
}

// TestReadAllocations holds the garbage of a product to a number that is small
// beside its hundred strings.
func TestReadAllocations(t *testing.T) {
	node := typicalNode()
	next := func() func() {
		r := iof.NewReader(newRepeated(node, 100_000), iof.ReadOptions{})
		return func() {
			for _, err := range r.Products(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}()
	for range 50 {
		next()
	}
	if n := testing.AllocsPerRun(200, next); n > 6 {
		t.Errorf("%v allocations a product, want at most 6", n)
	}
}

func BenchmarkRead(b *testing.B) {
	node := typicalNode()
	b.SetBytes(int64(len(node)))
	b.ReportAllocs()
	n := 0
	for _, err := range iof.NewReader(newRepeated(node, b.N), iof.ReadOptions{}).Products(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatalf("%d products, want %d", n, b.N)
	}
}

func BenchmarkLight(b *testing.B) {
	const products = 20_000
	node := `<product id="10000000" vat="23"><price gross="246.00" net="200.00"/><sizes><size id="uniw" name="one size" code="10000000-uniw"><price gross="246.00" net="200.00"/><stock id="1" quantity="12"/></size></sizes></product>`
	l, err := iof.OpenLight(context.Background(), newRepeated(node, products), b.TempDir(), iof.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var ids []feed.ProductID
	l.IDs(func(id feed.ProductID) bool { ids = append(ids, id); return true })
	p := &feed.Product{Currency: pln, Sizes: []feed.Size{{ID: "uniw", Code: "10000000-uniw"}}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p.ID = ids[i*31%len(ids)]
		if found, err := l.Apply(p); !found || err != nil {
			b.Fatal(found, err)
		}
	}
}
