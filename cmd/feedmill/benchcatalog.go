package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// benchWords are what the texts of a benchmark's catalog are made of.
var benchWords = strings.Fields(`kubek ceramiczny lekki plecak miejski damski męski dziecięcy buty sportowe zimowe letnie bawełna wełna jedwab poliester
nylon skóra stal drewno szkło czerwony niebieski zielony czarny biały szary żółty pomarańczowy duży mały szeroki wąski wysoki niski wygodny trwały
odporny wodoodporny oddychający miękki gładki matowy pojemność wysokość szerokość długość waga gwarancja producent zestaw kieszeń zamek pasek
uchwyt pokrywka podszewka regulacja rozmiar kolor wzór materiał wykonanie jakość codzienny turystyczny kuchenny ogrodowy biurowy łazienkowy
oświetlenie przechowywanie ekologiczny nowoczesny klasyczny elegancki praktyczny uniwersalny bezpieczny certyfikowany`)

// writeBenchCatalog writes a catalog in the native format: the same for the same
// numbers. A product has nearly five kilobytes: two languages, one to four
// sizes, three to five pictures, eight to fifteen parameters; a small one has a
// name and one each of the others. Where round is not 0 only every step-th product is
// written, with other prices and stock.
func writeBenchCatalog(to io.Writer, products, round, step int, small bool) error {
	w := bufio.NewWriterSize(to, 1<<18)
	fmt.Fprintln(w, `{"record":"catalog","language":"pol","currency":"PLN"}`)
	var b []byte
	for i := range products {
		if round != 0 && benchHash(i)%uint64(step) != 0 {
			continue
		}
		b = appendBenchProduct(b[:0], i, round, small)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return w.Flush()
}

// benchHash spreads numbers, so that what changes stands anywhere.
func benchHash(i int) uint64 {
	x := uint64(i)*0x9E3779B97F4A7C15 + 0x1234567
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	return x ^ x>>32
}

type benchText struct {
	b []byte
	r *rand.Rand
}

func (t *benchText) str(s ...string) {
	for _, s := range s {
		t.b = append(t.b, s...)
	}
}

func (t *benchText) num(n int) { t.b = strconv.AppendInt(t.b, int64(n), 10) }

// words writes n words.
func (t *benchText) words(n int) {
	for k := range n {
		if k > 0 {
			t.str(" ")
		}
		t.str(benchWords[t.r.IntN(len(benchWords))])
	}
}

// hex writes the hex digits of a digest of nothing.
func (t *benchText) hex() { t.b = fmt.Appendf(t.b, "%016x%016x", t.r.Uint64(), t.r.Uint64()) }

// price writes net and gross of VAT 23 %.
func (t *benchText) price(name string, net int) {
	gross := (net*123 + 50) / 100
	t.b = fmt.Appendf(t.b, `,"%s":{"net":%d.%02d,"gross":%d.%02d}`, name, net/100, net%100, gross/100, gross%100)
}

func appendBenchProduct(dst []byte, i, round int, small bool) []byte {
	t := &benchText{b: dst, r: rand.New(rand.NewPCG(uint64(i), 7))}
	r := t.r
	id := 100000 + i
	t.str(`{"id":`)
	t.num(id)
	t.str(`,"display_code":"K-`)
	t.num(id)
	t.str(`","vat":23`)
	producer, category := r.IntN(300), r.IntN(400)
	t.b = fmt.Appendf(t.b, `,"producer":{"id":"%d","name":"Producent %d"},"category":{"id":"%d","name":"Dział %d/Kategoria %d"},"unit":{"id":"1","name":"szt."}`,
		producer+1, producer+1, category+1, category%20+1, category+1)
	t.b = fmt.Appendf(t.b, `,"url":"https://shop.example/pl/products/produkt-%d.html"`, id)
	texts := []string{"name", "short_desc", "long_desc"}
	// few gives how many of something there are, 1 in a small product.
	few := func(least, below int) int {
		if small {
			return 1
		}
		return least + r.IntN(below)
	}
	if small {
		texts = texts[:1]
	}
	for n, part := range texts {
		t.str(`,"`, part, `":{`)
		for k, lang := range []string{"pol", "eng"} {
			if k > 0 {
				t.str(",")
			}
			t.str(`"`, lang, `":"`)
			switch n {
			case 0:
				t.words(4 + r.IntN(4))
			case 1:
				t.words(12 + r.IntN(10))
			default:
				for range 2 + r.IntN(3) {
					t.str(`<p class=\"opis\">`)
					t.words(20 + r.IntN(25))
					t.str(` &amp; `)
					t.words(5)
					t.str(`.</p>\n`)
				}
			}
			t.str(`"`)
		}
		t.str("}")
	}
	net := 500 + r.IntN(50000)
	sizes := few(1, 4)
	stock := make([]int, sizes)
	for k := range stock {
		stock[k] = r.IntN(60)
	}
	shown := net + round*7
	t.price("price", shown)
	t.price("srp", net*5/4)
	t.str(`,"sizes":[`)
	for k := range sizes {
		if k > 0 {
			t.str(",")
		}
		name := [...]string{"S", "M", "L", "XL"}[k]
		t.b = fmt.Appendf(t.b, `{"id":"%s","name":"%s","code":"%d-%s","producer_code":"59%011d","weight":%d,"stock":[{"warehouse":1,"quantity":%d}]`,
			name, name, id, name, r.Int64N(1e11), 100+r.IntN(2000), stock[k]+round)
		t.price("price", shown)
		t.str("}")
	}
	t.str(`],"images":[`)
	for k := range few(3, 3) {
		if k > 0 {
			t.str(",")
		}
		t.str(`{"url":"https://shop.example/img/`)
		t.hex()
		t.b = fmt.Appendf(t.b, `/pol_%d_%d.webp","hash":"`, id, k+1)
		t.hex()
		t.b = fmt.Appendf(t.b, `","width":%d,"height":%d}`, 800+r.IntN(6)*100, 800+r.IntN(6)*100)
	}
	t.str(`],"parameters":[`)
	first := r.IntN(20)
	for k := range few(8, 8) {
		if k > 0 {
			t.str(",")
		}
		q, v := first+k, r.IntN(60)
		t.b = fmt.Appendf(t.b, `{"id":"%d","name":"Cecha %d","values":[{"id":"%d","name":"%s %d"}]}`, q+300, q+1, q*100+v+5000, benchWords[v], v)
	}
	t.str("]}\n")
	return t.b
}
